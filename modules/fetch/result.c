/*
 * fetch: what came of it, as a value: .ok .status .headers .text .json .elapsed
 * .error .url. Text and JSON are made when they are first asked for.
 */
#include "fetch.h"

#include <weir/expr/json_in.h>

typedef struct result {
    wr_obj_t  obj;
    bool      ok, have_text, have_json;
    unsigned  status;
    wr_obj_t *headers;
    wr_str_t  raw, type, url;
    wr_val_t  text, json;
    double    elapsed;
    wr_str_t  error;
} result_t;

/* What failed has no JSON, which |default may make good. */
static wr_val_t
no_json(wr_eval_t *ev, const result_t *x)
{
    wr_val_t v = wr_undef_hint(ev, wr_pool_printf(ev->pool, "the fetch of %.*s failed: %.*s",
                                                  WR_ARG(x->url), WR_ARG(x->error)));

    v.u.undef->exc = "BadGateway";
    return v;
}

static bool
get_json(wr_eval_t *ev, result_t *x, wr_val_t *out)
{
    wr_json_limits_t limits = {.any = true};
    wr_json_err_t    err = {0};

    if (!x->have_json) {
        if (!wr_json_parse(ev->pool, x->raw, &limits, &x->json, &err)) {
            if (!x->ok) {
                *out = no_json(ev, x);
                return true;
            }
            return wr_raise(ev, "BadGateway", "the answer of %.*s is not JSON: %.*s (line "
                            "%u, column %u)",
                            WR_ARG(x->url), WR_ARG(err.message), err.line, err.column);
        }
        x->have_json = true;
    }
    *out = x->json;
    return true;
}

static bool
get_text(wr_eval_t *ev, result_t *x, wr_val_t *out)
{
    if (!x->have_text) {
        if (!wr_app_decode(ev->pool, x->raw, wr_app_charset(x->type), &x->text)) {
            return wr_raise(ev, "BadGateway", "the answer of %.*s has an unknown charset: "
                            "\"%.*s\"", WR_ARG(x->url), WR_ARG(x->type));
        }
        x->have_text = true;
    }
    *out = x->text;
    return true;
}

static bool
result_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    result_t *x = (result_t *) (void *) o;

    if (wr_str_eqz(name, "text")) {
        return get_text(ev, x, out);
    }
    if (wr_str_eqz(name, "json")) {
        return get_json(ev, x, out);
    }
    if (wr_str_eqz(name, "ok")) {
        *out = wr_bool(x->ok);
    } else if (wr_str_eqz(name, "status")) {
        *out = x->status != 0 ? wr_int(x->status) : wr_none();
    } else if (wr_str_eqz(name, "headers")) {
        *out = wr_vobj(x->headers);
    } else if (wr_str_eqz(name, "elapsed")) {
        *out = wr_float(x->elapsed);
    } else if (wr_str_eqz(name, "error")) {
        *out = x->error.n != 0 ? wr_vstr(x->error) : wr_none();
    } else if (wr_str_eqz(name, "url")) {
        *out = wr_vstr(x->url);
    } else {
        return false;
    }
    return true;
}

static bool
result_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    return key->type == WR_V_STR && result_attr(ev, o, wr_val_text(key), out);
}

static const wr_obj_type_t result_type = {
    .name = "fetch result", .attr = result_attr, .item = result_item};

wr_val_t
fetch_result(fetch_t *f)
{
    wr_pool_t   *pool = wr_pool(f->r);
    result_t    *x = WR_NEW(pool, result_t);
    wr_header_t *type = f->x.pool != NULL ? wr_headers_first(&f->x.in, WR_H_CONTENT_TYPE)
                                          : NULL;

    x->obj.type = &result_type;
    x->ok = f->ok;
    x->status = f->x.status;
    x->raw = wr_buf_text(&f->text);
    x->type = type != NULL ? type->value : WR_STR("");
    x->url = url_text(pool, &f->url);
    x->elapsed = (double) (f->ended_ns - f->began_ns) / 1e9;
    x->error = f->error;
    x->headers = wr_app_mapping(pool, true);
    if (f->x.pool != NULL) {
        for (WR_EACH_HEADER(h, &f->x.in)) {
            wr_app_mapping_add(x->headers, h->name, wr_app_str(pool, h->value));
        }
    }
    return wr_vobj(&x->obj);
}
