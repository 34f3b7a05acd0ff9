/*
 * What steps have said about the answer, and the answer of a view.
 */
#include <weir/app/app_priv.h>

unsigned
wr_app_status(wr_req_t *r, unsigned default_status)
{
    app_t *a = r->app;

    return a != NULL && a->status != 0 ? a->status : default_status;
}

void
wr_app_set_status(wr_req_t *r, unsigned status)
{
    app_of(r)->status = status;
}

void
wr_app_set_type(wr_req_t *r, wr_str_t type)
{
    app_of(r)->type = type;
}

wr_rc_t
wr_app_answer(wr_req_t *r, unsigned default_status, wr_str_t type, wr_str_t charset,
              wr_str_t body)
{
    app_t   *a = app_of(r);
    unsigned status = wr_app_status(r, default_status);

    app_set_etag(r, status, body);
    if (a->type.n != 0) {
        r->charset = WR_STR_NONE;
        return wr_reply(r, status, a->type, body);
    }
    r->charset = charset;
    return wr_reply(r, status, type, body);
}

void
wr_app_answer_head(wr_req_t *r, unsigned default_status, wr_str_t type, wr_str_t charset)
{
    app_t *a = app_of(r);

    if (r->method != WR_GET && r->method != WR_HEAD) {
        r->disable_not_modified = 1;
    }
    r->status = (uint16_t) wr_app_status(r, default_status);
    r->content_type = a->type.n != 0 ? a->type : type;
    r->charset = a->type.n != 0 ? WR_STR_NONE : charset;
    r->out_length = -1;
}

void
wr_app_undo(wr_req_t *r)
{
    app_of(r)->undone = true;
}

bool
wr_app_undone(const wr_req_t *r)
{
    const app_t *a = r->app;

    return a != NULL && a->undone;
}

void
wr_app_add_time(wr_req_t *r, wr_app_time_t which, uint64_t ns)
{
    app_of(r)->times[which] += ns;
}

void
wr_app_spent(wr_req_t *r, wr_app_time_t which, uint64_t from, uint64_t until)
{
    app_t *a = app_of(r);

    if (from < a->until[which]) {
        from = a->until[which];
    }
    if (until > from) {
        a->times[which] += until - from;
        a->until[which] = until;
    }
}

void
wr_app_set_params(wr_req_t *r, const wr_app_param_t *params, unsigned n)
{
    app_t *a = app_of(r);

    a->params = params;
    a->nparams = n;
    a->slots[SLOT_PARAMS].type = WR_V_UNDEFINED;
    a->slots[SLOT_PARAMS].aux = 1;
    /* An internal redirect to a route may have changed the query as well. */
    a->slots[SLOT_QUERY].type = WR_V_UNDEFINED;
    a->slots[SLOT_QUERY].aux = 1;
}

const wr_app_param_t *
wr_app_params(wr_req_t *r, unsigned *n)
{
    const app_t *a = app_of(r);

    *n = a->nparams;
    return a->params;
}
