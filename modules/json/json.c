/*
 * json: the view that answers with a value as JSON.
 */
#include <weir/app/app.h>
#include <weir/expr/json_out.h>

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
answer(wr_req_t *r, void *state)
{
    const wr_app_expr_t *e = wr_stage_conf(r);
    wr_json_opts_t       opts = WR_JSON_DEFAULTS;
    wr_buf_t             b = wr_buf(wr_pool(r));
    wr_eval_t            ev;
    wr_val_t             v;

    (void) state;
    if (!wr_app_eval(r, e, &v)) {
        return wr_app_failed(r);
    }
    wr_app_eval_init(r, &ev, wr_pool(r));
    opts.any_iterable = true;
    opts.finite = true;
    if (!wr_json_put(&ev, &b, &v, &opts)) {
        const wr_val_t *undefined = find_undefined(&v, 0);

        if (undefined != NULL) {
            wr_app_eval_init(r, &ev, wr_pool(r));
            (void) wr_undef_raise(&ev, undefined);
        }
        return wr_app_fail_eval(r, &e->at, &ev.err, e->client);
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
              "the route are then JSON as well.", .flags = WR_DF_RAW | WR_DF_REPEAT,
              .args = "EXPRESSION", .example = "json {\"method\": request.method, \"page\": "
                         "query.page|default(1)|int};"),
    WR_END
};

WR_MODULE(json, .doc = "The json view.",
          .schema = {.name = "http_json_module", .directives = directives});
