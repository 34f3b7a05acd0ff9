/*
 * json: the view that answers with a value as JSON.
 *
 * Most texts are short: they are made, then answered whole. A long one leaves in
 * pieces, each made when the client has taken what came before it, so its length costs
 * no memory. What stands around the view (the session, a transaction) ends before the
 * first byte leaves; an error behind that can only end the connection.
 */
#include <weir/app/app.h>
#include <weir/expr/json_out.h>

#include <stdlib.h>

enum {
    USUAL = 256,            /* bytes of an answer */
    PIECE = 64 * 1024,
    AT_ONCE = 8,            /* pieces, then others have their turn */
};

/* A long text under way. */
typedef struct stream {
    wr_json_rest_t *rest;
    wr_val_t        value;
    wr_eval_t       ev;
    wr_buf_t        piece;      /* the first one */
    wr_post_t       turn;
    wr_op_t         pause;      /* until others have had their turn */
} stream_t;

/* The first undefined value inside, or NULL: it is what the error should name. */
static const wr_val_t *
find_undefined(const wr_val_t *v, unsigned depth)
{
    const wr_val_t  *found = NULL;
    wr_dict_entry_t *e;

    if (v->type == WR_V_UNDEFINED) {
        return v;
    }
    if (depth == 64) {
        return NULL;
    }
    if (v->type == WR_V_LIST || v->type == WR_V_TUPLE) {
        for (uint32_t i = 0; i < v->u.list->n && found == NULL; i++) {
            found = find_undefined(&v->u.list->items[i], depth + 1);
        }
    } else if (v->type == WR_V_DICT) {
        for (uint32_t i = 0; found == NULL && (e = wr_dict_next(v->u.dict, &i)) != NULL;) {
            found = find_undefined(&e->value, depth + 1);
        }
    }
    return found;
}

static wr_rc_t
failed(wr_req_t *r, const wr_val_t *v, wr_eval_t *ev)
{
    const wr_app_expr_t *e = wr_stage_conf(r);
    const wr_val_t      *undefined = find_undefined(v, 0);

    if (undefined != NULL) {
        wr_app_eval_init(r, ev, wr_pool(r));
        (void) wr_undef_raise(ev, undefined);
    }
    return wr_app_fail_eval(r, &e->at, &ev->err, e->client);
}

static void
free_piece(wr_seg_t *seg)
{
    free(seg->data);
}

static stream_t *
stream_of(wr_req_t *r)
{
    return wr_ctx(r, WR_SELF);
}

/* The next piece, in memory of its own. NULL: failed. */
static wr_seg_t *
next_piece(wr_req_t *r, stream_t *s)
{
    wr_buf_t  b = wr_buf(NULL);
    wr_rc_t   rc;
    wr_seg_t *seg;

    (void) wr_buf_reserve(&b, PIECE + 1024);
    s->ev.steps = 0;        /* of a piece: the loop is not held up by one */
    rc = wr_json_go_on(s->rest, &s->ev, &b);
    if (rc == WR_ERROR) {
        wr_buf_free(&b);
        (void) failed(r, &s->value, &s->ev);
        return NULL;
    }
    seg = wr_seg_mem(r, b.p, b.n, rc == WR_OK ? WR_SEG_LAST : 0);
    seg->data = b.p;
    seg->release = free_piece;
    return seg;
}

static void
turn_came(wr_post_t *post)
{
    wr_op_complete(&WR_CONTAINER(post, stream_t, turn)->pause, WR_OK);
}

/* A client may take as fast as pieces are made. */
static wr_op_t *
pause_of(stream_t *s)
{
    wr_op_begin(&s->pause, "turn", NULL);
    s->turn.fn = turn_came;
    wr_post(&s->turn);
    return &s->pause;
}

static wr_rc_t
send_pieces(wr_req_t *r, void *state)
{
    stream_t *s = stream_of(r);
    wr_rc_t   rc = WR_OK;

    (void) state;
    if (r->aborted || (r->drain.state == WR_OP_DONE && r->drain.rc < 0)) {
        return WR_CLOSED;
    }
    for (unsigned i = 0; rc == WR_OK; i++) {
        wr_seg_t *seg;
        bool      last;

        if (i == AT_ONCE) {
            return wr_await(r, pause_of(s), send_pieces);
        }
        seg = next_piece(r, s);
        if (seg == NULL) {
            return WR_ERROR;
        }
        last = seg->flags == WR_SEG_LAST;
        rc = wr_send_body(r, seg);
        if (rc >= 0 && last) {
            return WR_DONE;
        }
    }
    return rc == WR_AGAIN ? wr_await(r, wr_drain_op(r), send_pieces) : rc;
}

/* All that stands around the view has agreed. */
static wr_rc_t
send_first(wr_req_t *r, void *state)
{
    stream_t *s = stream_of(r);
    wr_rc_t   rc = wr_send_head(r);

    if (rc < 0 || rc == WR_DONE) {
        return rc;
    }
    if (r->head_only) {
        return WR_DONE;
    }
    rc = wr_send_body(r, wr_seg_mem(r, s->piece.p, s->piece.n, 0));
    if (rc == WR_AGAIN) {
        return wr_await(r, wr_drain_op(r), send_pieces);
    }
    return rc == WR_OK ? send_pieces(r, state) : rc;
}

static wr_rc_t
answer(wr_req_t *r, void *state)
{
    const wr_app_expr_t *e = wr_stage_conf(r);
    wr_json_opts_t       opts = WR_JSON_DEFAULTS;
    wr_buf_t             b = wr_buf(wr_pool(r));
    wr_json_rest_t      *rest;
    wr_eval_t            ev;
    wr_val_t             v;
    wr_rc_t              rc;

    (void) state;
    if (!wr_app_eval(r, e, &v)) {
        return wr_app_failed(r);
    }
    wr_app_eval_init(r, &ev, wr_pool(r));
    opts.any_iterable = true;
    opts.finite = true;
    (void) wr_buf_reserve(&b, USUAL);
    rc = wr_json_begin(&ev, &b, &v, &opts, PIECE, &rest);
    if (wr_unlikely(rc == WR_AGAIN)) {
        stream_t *s = WR_NEW(wr_pool(r), stream_t);

        *s = (stream_t) {.rest = rest, .value = v, .ev = ev, .piece = b};
        wr_ctx(r, WR_SELF) = s;
        wr_app_answer_head(r, 200, WR_STR("application/json"), WR_STR("utf-8"));
        return wr_settle(r, send_first);
    }
    if (rc != WR_OK) {
        return failed(r, &v, &ev);
    }
    return wr_app_answer(r, 200, WR_STR("application/json"), WR_STR("utf-8"),
                         wr_buf_text(&b));
}

static const wr_middleware_t view = {"json", 0, answer, NULL};

static wr_rc_t
set_json(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_app_expr_t *e = wr_app_expr(cf, &cf->raw);

    (void) d;
    (void) conf;
    if (e == NULL) {
        return WR_ERROR;
    }
    wr_app_json_view(cf);
    return wr_app_step_lendable(cf, &view, e, true, e->lendable);
}

static const wr_directive_t directives[] = {
    WR_ACTION("json", WR_LOCATION | WR_WHEN, 1, 1, set_json,
              "Answers with a value as JSON: any expression, numbers stay numbers. Errors of "
              "the route are then JSON as well. What is longer than 64 KB leaves in pieces, "
              "once all that stands around the view has been saved and committed.",
              .flags = WR_DF_RAW | WR_DF_REPEAT,
              .args = "EXPRESSION", .example = "json {\"method\": request.method, \"page\": "
                         "query.page|default(1)|int};"),
    WR_END
};

WR_MODULE(json, .doc = "The json view.",
          .schema = {.name = "http_json_module", .directives = directives});
