/*
 * Evaluating for a request.
 *
 * The request's values are in slots by the numbers of their names; its own names are
 * made when first asked for.
 */
#include <weir/app/app_priv.h>

static bool
get_slot(wr_eval_t *ev, void *data, int slot, wr_str_t name, wr_val_t *out)
{
    app_t  *a = data;
    name_t *n = *WR_AT(&a->main->by_slot, name_t *, (size_t) slot);

    (void) name;
    if (n->get == NULL) {
        return false;
    }
    if (!n->get(a->r, ev, out)) {
        return false;
    }
    a->slots[slot] = *out;
    return true;
}

app_t *
app_of(wr_req_t *r)
{
    app_t *a = r->app;

    if (a == NULL) {
        /* Of the conf that it came in with, which need not be the newest. */
        app_main_t *m = r->server->http->app;
        uint32_t    n = m->by_slot.n;

        a = wr_alloc(wr_pool(r), sizeof(*a));
        memset(a, 0, offsetof(app_t, ev));
        a->main = m;
        a->r = r;
        a->slots = wr_alloc(wr_pool(r), n * sizeof(wr_val_t));
        memcpy(a->slots, m->blank, n * sizeof(wr_val_t));
        wr_eval_init(&a->ev, m->env, wr_pool(r));
        a->ev.host = r;
        a->bindings = (wr_bindings_t) {NULL, a->slots, n, get_slot, a};
        r->app = a;
    }
    return a;
}

const wr_bindings_t *
wr_app_bindings(wr_req_t *r)
{
    return &app_of(r)->bindings;
}

void
wr_app_eval_init(wr_req_t *r, wr_eval_t *ev, wr_pool_t *pool)
{
    wr_eval_init(ev, app_of(r)->main->env, pool);
    ev->host = r;
}

bool
wr_app_prepare(wr_req_t *r, const wr_expr_t *e)
{
    app_t *a = app_of(r);

    for (uint32_t i = 0; i < wr_expr_nnames(e); i++) {
        int      slot = wr_expr_slot_at(e, i);
        wr_val_t unused;

        if (slot >= 0 && !wr_given(&a->slots[slot])
            && !get_slot(&a->ev, a, slot, wr_expr_name_at(e, i), &unused) && a->ev.failed)
        {
            return false;
        }
    }
    return true;
}

void
wr_app_set(wr_req_t *r, int slot, wr_val_t v)
{
    app_t *a = app_of(r);

    if (v.type == WR_V_UNDEFINED) {
        v.aux = 0;
    }
    a->slots[slot] = v;
}

bool
wr_app_get(wr_req_t *r, int slot, wr_val_t *out)
{
    *out = app_of(r)->slots[slot];
    return wr_given(out);
}

void
app_renew(app_t *a)
{
    if (wr_unlikely(a->ev.failed)) {
        a->ev.failed = false;
        memset(&a->ev.err, 0, sizeof(a->ev.err));
    }
    a->ev.steps = 0;
    a->ev.depth = 0;
}

bool
wr_app_eval(wr_req_t *r, const wr_app_expr_t *e, wr_val_t *out)
{
    app_t *a = app_of(r);

    if (wr_unlikely(e->ahead != 0) && app_was_ahead(r, e->ahead, out)) {
        return true;
    }
    app_renew(a);
    if (!wr_expr_eval(e->expr, &a->ev, &a->bindings, out)) {
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    if (out->type == WR_V_UNDEFINED) {
        /* Nothing may go on with an undefined value: it is named. */
        (void) wr_undef_raise(&a->ev, out);
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    return true;
}

bool
wr_app_eval_truth(wr_req_t *r, const wr_app_expr_t *e, bool *truth)
{
    app_t   *a = app_of(r);
    wr_val_t v;

    app_renew(a);
    if ((!app_was_ahead(r, e->ahead, &v) && !wr_expr_eval(e->expr, &a->ev, &a->bindings, &v))
        || !wr_truth(&a->ev, &v, truth))
    {
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    return true;
}

bool
wr_app_render(wr_req_t *r, const wr_app_text_t *t, bool escaped, wr_buf_t *out)
{
    app_t   *a = app_of(r);
    wr_val_t made;

    if (wr_unlikely(t->ahead != 0) && app_was_ahead(r, t->ahead, &made)) {
        wr_buf_str(out, wr_val_text(&made));
        return true;
    }
    app_renew(a);
    if (!wr_inline_render(t->text, &a->ev, &a->bindings, escaped, out)) {
        (void) wr_app_fail_eval(r, &t->at, &a->ev.err, t->client);
        return false;
    }
    return true;
}
