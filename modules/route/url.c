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

static void
put_text(wr_pool_t *pool, wr_buf_t *b, wr_str_t s, bool slashes)
{
    wr_str_t part, rest = s;
    bool     first = true;

    if (!slashes) {
        wr_buf_str(b, wr_uri_escape(pool, s, WR_ESC_COMPONENT));
        return;
    }
    while (wr_str_split(&rest, '/', &part)) {
        if (!first) {
            wr_buf_char(b, '/');
        }
        first = false;
        wr_buf_str(b, wr_uri_escape(pool, part, WR_ESC_COMPONENT));
    }
}

static bool
put(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *v, bool slashes)
{
    wr_buf_t text = wr_buf(ev->pool);

    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (!wr_put_str(ev, &text, v)) {
        return false;
    }
    put_text(ev->pool, b, wr_buf_text(&text), slashes);
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

    if (args->n == 0 || args->pos[0].type != WR_V_STR) {
        return wr_raise(ev, "TypeError", "url_for() needs the name of a route");
    }
    if (args->n != 1) {
        return wr_raise(ev, "TypeError", "url_for() takes parameters by their names");
    }
    if (route_names == NULL) {
        return wr_raise(ev, "RuntimeError", "url_for() needs http_route_module");
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

/* ---- what can be said of calls before they are made ---- */

/* The nearest names, or all if there are few. */
static wr_str_t
names_near(wr_conf_t *cf, const wr_map_t *known, wr_str_t name)
{
    enum { FEW = 8 };
    wr_array_t  names = wr_array(cf->temp, sizeof(const char *));
    wr_buf_t    b = wr_buf(cf->temp);
    const char *near;

    for (uint32_t i = 0; i < known->n; i++) {
        if (known->entries[i].value != NULL) {
            *WR_PUSH(&names, const char *) = wr_pool_strz(cf->temp, known->entries[i].key);
        }
    }
    near = wr_nearest(name, names.items, names.n);
    if (near != NULL) {
        return wr_pool_printf(cf->temp, "did you mean \"%s\"?", near);
    }
    if (names.n == 0) {
        return WR_STR("no route has a name=");
    }
    if (names.n > FEW) {
        return WR_STR_NONE;
    }
    for (WR_EACH(const char *, one, &names)) {
        wr_buf_z(&b, b.n != 0 ? ", " : "there is ");
        wr_buf_printf(&b, "\"%s\"", *one);
    }
    return wr_buf_text(&b);
}

static bool
is_given(const wr_expr_call_t *call, wr_str_t name)
{
    for (unsigned i = 0; i < call->nkeys; i++) {
        if (wr_str_eq(call->keys[i], name)) {
            return true;
        }
    }
    return call->open;
}

/* Why it can only fail; empty: it need not. */
static wr_str_t
fault_of(wr_conf_t *cf, const wr_map_t *names, const wr_expr_call_t *call, wr_str_t *hint)
{
    const route_t *route = wr_map_get(names, call->text);

    if (route == NULL) {
        *hint = names_near(cf, names, call->text);
        return wr_pool_printf(cf->temp, "there is no route named \"%.*s\"",
                              WR_ARG(call->text));
    }
    *hint = wr_pool_printf(cf->temp, "its pattern is \"%.*s\"", WR_ARG(route->pattern));
    if (call->n != 1) {
        return WR_STR("url_for() takes parameters by their names");
    }
    for (WR_EACH(seg_t, seg, &route->segs)) {
        if (seg->kind != SEG_TEXT && !is_given(call, seg->name)) {
            return wr_pool_printf(cf->temp, "url_for(\"%.*s\") needs %.*s=",
                                  WR_ARG(route->name), WR_ARG(seg->name));
        }
    }
    return WR_STR_NONE;
}

static wr_rc_t
complain(wr_conf_t *cf, const wr_app_call_t *c, wr_str_t fault, wr_str_t hint,
         wr_map_t *warned)
{
    wr_str_t key;

    if (c->source.p != NULL) {
        wr_conf_show(cf, c->at.file, c->source);
    }
    if (!c->call.maybe) {
        return wr_conf_fail_hint(cf, &c->at, hint, "%.*s", WR_ARG(fault));
    }
    key = wr_pool_printf(cf->temp, "%.*s:%u:%u", WR_ARG(c->at.file), c->at.line,
                         c->at.column);
    if (wr_map_set(warned, key, warned) == NULL) {
        wr_conf_warn(cf, &c->at, "%.*s%s%.*s%s", WR_ARG(fault), hint.n != 0 ? " (" : "",
                     WR_ARG(hint), hint.n != 0 ? ")" : "");
    }
    return WR_OK;
}

wr_rc_t
route_check_urls(wr_conf_t *cf, const wr_map_t *names)
{
    wr_map_t warned = wr_map(cf->temp, false);

    for (WR_EACH(const wr_app_maker_t, maker, wr_app_makers(cf))) {
        if (wr_str_eqz(maker->name, "url_for")) {
            return WR_OK;       /* the conf has another */
        }
    }
    for (WR_EACH(wr_app_call_t, c, wr_app_calls(cf))) {
        wr_str_t fault, hint;

        if (!wr_str_eqz(c->call.name, "url_for")) {
            continue;
        }
        fault = fault_of(cf, names, &c->call, &hint);
        if (fault.n != 0 && complain(cf, c, fault, hint, &warned) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- */

/* $url_for_NAME: its parameters are those of this request with the same names. */
static wr_rc_t
get_url_for(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_buf_t       b = wr_buf(wr_pool(r));
    const route_t *route = wr_map_get(route_names,
                                      wr_str_skip(v->name, sizeof("url_for_") - 1));

    if (route == NULL) {
        return WR_NOTFOUND;
    }
    for (WR_EACH(seg_t, seg, &route->segs)) {
        const wr_str_t *param;

        wr_buf_char(&b, '/');
        if (seg->kind == SEG_TEXT) {
            wr_buf_str(&b, seg->text);
            continue;
        }
        param = wr_var_lookup(r, wr_pool_join(wr_pool(r), WR_STR("param_"), seg->name));
        if (param == NULL) {
            return WR_NOTFOUND;
        }
        put_text(wr_pool(r), &b, *param, seg->kind == SEG_PATH);
    }
    if (route->slash) {
        wr_buf_char(&b, '/');
    }
    *value = wr_buf_text(&b);
    return WR_OK;
}

const wr_var_row_t route_variables[] = {
    {"url_for_", get_url_for, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "The URL of the route of this name, its parameters taken from this request's."},
    {NULL, NULL, NULL, 0, 0, NULL},
};
