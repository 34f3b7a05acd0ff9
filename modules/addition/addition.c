/*
 * add_before_body, add_after_body: the answers of other URIs around this one's.
 *
 * While a subrequest runs, what comes of the body is kept.
 */
#include <weir/http/filter.h>

typedef struct conf {
    wr_str_t   before, after;
    wr_array_t types;           /* wr_str_t */
} conf_t;

typedef struct state {
    wr_req_t     *r;
    wr_link_t    *self;
    const conf_t *conf;
    wr_seg_t     *kept;
    wr_req_t     *sub;          /* that runs now */
    bool          began, last, ended;
} state_t;

static wr_rc_t go_on(state_t *s);

static void
sub_done(wr_op_t *op)
{
    state_t  *s = op->waiter;
    wr_req_t *r = s->r;
    wr_seg_t *reply = s->sub->reply;

    s->sub = NULL;
    if (reply != NULL && wr_filter_pass(r, s->self, reply) < 0) {
        s->ended = true;
    }
    (void) go_on(s);
    wr_req_let_go(r);
}

static wr_rc_t
start(state_t *s, wr_str_t uri)
{
    wr_str_t args = WR_STR_NONE;

    if (!wr_uri_split(s->r, &uri, &args)) {
        return WR_ERROR;
    }
    s->sub = wr_subrequest(s->r, uri, args, WR_SUB_MEMORY);
    if (s->sub == NULL) {
        return WR_ERROR;
    }
    wr_req_hold(s->r);
    s->sub->sub_op.done = sub_done;
    s->sub->sub_op.waiter = s;
    return WR_OK;
}

/* Passes on what may leave now. */
static wr_rc_t
go_on(state_t *s)
{
    wr_seg_t *kept = s->kept;
    wr_rc_t   rc = WR_OK;

    if (s->sub != NULL || s->ended) {
        return WR_OK;
    }
    s->kept = NULL;
    if (kept != NULL) {
        rc = wr_filter_pass(s->r, s->self, kept);
        if (rc < 0) {
            return rc;
        }
    }
    if (!s->last) {
        return rc;
    }
    if (s->conf->after.n != 0 && s->began) {
        s->began = false;           /* so that it is asked for once */
        if (start(s, s->conf->after) == WR_OK) {
            return WR_OK;
        }
    }
    s->ended = true;
    return wr_filter_pass(s->r, s->self, wr_seg_last(s->r));
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;

    s->self = self;
    for (wr_seg_t *seg = in; seg != NULL; seg = seg->next) {
        s->last |= (seg->flags & WR_SEG_LAST) != 0;
        seg->flags &= (uint8_t) ~WR_SEG_LAST;
    }
    *wr_segs_tail(&s->kept) = in;
    if (!s->began && !s->ended && s->sub == NULL && in != NULL) {
        s->began = true;
        if (s->conf->before.n != 0 && start(s, s->conf->before) != WR_OK) {
            return WR_ERROR;
        }
    }
    (void) r;
    return go_on(s);
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);
    state_t      *s;

    if (r->status != 200 || r != r->main
        || (conf->before.n == 0 && conf->after.n == 0)
        || !wr_type_listed(r, &conf->types))
    {
        return WR_OK;
    }
    s = WR_NEW(wr_pool(r), state_t);
    s->r = r;
    s->conf = conf;
    wr_clear_content_length(r);
    wr_clear_accept_ranges(r);
    wr_weak_etag(r);
    wr_filter_attach(r, body, s);
    return WR_OK;
}

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->before.n != 0 || conf->after.n != 0;
}

WR_MODULE(addition,
    .doc = "The answers of other URIs around this one's",
    .schema.directives = (const wr_directive_t[]) {
        WR_TEXT("add_before_body", WR_ANY, conf_t, before, NULL,
                "The answer of this URI comes before the body.", .args = "uri",
                .example = "add_before_body /header.html;"),
        WR_TEXT("add_after_body", WR_ANY, conf_t, after, NULL,
                "The answer of this URI comes after the body.", .args = "uri",
                .example = "add_after_body /footer.html;"),
        WR_TEXT_LIST("addition_types", WR_ANY, conf_t, types, "text/html",
                     "MIME types that are added to, beside text/html.",
                     .args = "type …",
                     .example = "addition_types text/plain;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"addition", WR_FILTER_ADDITION, head, wanted},
            {.name = NULL}
        },
    });
