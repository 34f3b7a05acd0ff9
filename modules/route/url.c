/*
 * route: url_for(name, parameter=…, …): the URL of a named route.
 */
#include "route.h"

static const wr_kwarg_t *
find(const wr_args_t *args, wr_str_t name)
{
    for (uint32_t i = 0; i < args->nkw; i++) {
        if (wr_str_eq(args->kw[i].name, name)) {
            return &args->kw[i];
        }
    }
    return NULL;
}

static bool
put(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *v, bool slashes)
{
    wr_buf_t text = wr_buf(ev->pool);
    wr_str_t s, part, rest;
    bool     first = true;

    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (!wr_put_str(ev, &text, v)) {
        return false;
    }
    s = wr_buf_text(&text);
    if (!slashes) {
        wr_buf_str(b, wr_uri_escape(ev->pool, s, WR_ESC_COMPONENT));
        return true;
    }
    rest = s;
    while (wr_str_split(&rest, '/', &part)) {
        if (!first) {
            wr_buf_char(b, '/');
        }
        first = false;
        wr_buf_str(b, wr_uri_escape(ev->pool, part, WR_ESC_COMPONENT));
    }
    return true;
}

static bool
is_segment(const route_t *route, wr_str_t name)
{
    for (WR_EACH(seg_t, seg, &route->segs)) {
        if (seg->kind != SEG_TEXT && wr_str_eq(seg->name, name)) {
            return true;
        }
    }
    return false;
}

bool
route_url_for(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_buf_t b = wr_buf(ev->pool);
    route_t *route;
    char     mark = '?';

    if (args->n != 1 || args->pos[0].type != WR_V_STR) {
        return wr_raise(ev, "TypeError", "url_for() needs the name of a route");
    }
    route = wr_map_get(route_names, wr_val_text(&args->pos[0]));
    if (route == NULL) {
        return wr_raise(ev, "KeyError", "there is no route named '%.*s'",
                        WR_ARG(wr_val_text(&args->pos[0])));
    }
    for (WR_EACH(seg_t, seg, &route->segs)) {
        const wr_kwarg_t *kw;

        wr_buf_char(&b, '/');
        if (seg->kind == SEG_TEXT) {
            wr_buf_str(&b, seg->text);
            continue;
        }
        kw = find(args, seg->name);
        if (kw == NULL) {
            return wr_raise(ev, "TypeError", "url_for('%.*s') needs %.*s=",
                            WR_ARG(route->name), WR_ARG(seg->name));
        }
        if (!put(ev, &b, &kw->value, seg->kind == SEG_PATH)) {
            return false;
        }
    }
    if (route->slash) {
        wr_buf_char(&b, '/');
    }
    for (uint32_t i = 0; i < args->nkw; i++) {
        if (is_segment(route, args->kw[i].name)) {
            continue;
        }
        wr_buf_char(&b, mark);
        mark = '&';
        wr_buf_str(&b, wr_uri_escape(ev->pool, args->kw[i].name, WR_ESC_COMPONENT));
        wr_buf_char(&b, '=');
        if (!put(ev, &b, &args->kw[i].value, false)) {
            return false;
        }
    }
    *out = wr_vstr(wr_buf_text(&b));
    return true;
}
