/*
 * The request as values: params, query, headers, cookies, request, vars.
 */
#include <weir/app/app_priv.h>

#include <weir/base/utf8.h>
#include <weir/expr/json_in.h>
#include <weir/expr/mapping.h>

/* ---- text from outside ---- */

wr_val_t
app_str(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b;

    if (s.n > INT32_MAX) {
        s.n = INT32_MAX;
    }
    if (wr_utf8_valid(s)) {
        return wr_vstr(s);
    }
    b = wr_buf(pool);
    for (size_t i = 0; i < s.n; i++) {
        size_t n = 1;

        while (n < 4 && i + n < s.n && ((unsigned char) s.p[i + n] & 0xc0) == 0x80) {
            n++;
        }
        if (wr_utf8_valid(wr_str(s.p + i, n))) {
            wr_buf_add(&b, s.p + i, n);
            i += n - 1;
        } else if ((unsigned char) s.p[i] < 0x80) {
            wr_buf_char(&b, s.p[i]);
        } else {
            wr_buf_lit(&b, "\xef\xbf\xbd");
        }
    }
    return wr_vstr(wr_buf_text(&b));
}

/* ---- mappings of pairs ---- */

static inline multi_t *
multi_of(wr_obj_t *o)
{
    return (multi_t *) (void *) o;
}

static bool
same_name(const multi_t *m, wr_str_t have, wr_str_t want)
{
    if (have.n != want.n) {
        return false;
    }
    if (!m->icase && !m->dashes) {
        return memcmp(have.p, want.p, have.n) == 0;
    }
    for (size_t i = 0; i < have.n; i++) {
        char a = have.p[i], b = want.p[i];

        if (m->icase) {
            a = wr_lower(a);
            b = wr_lower(b);
        }
        if (m->dashes) {
            a = a == '-' ? '_' : a;
            b = b == '-' ? '_' : b;
        }
        if (a != b) {
            return false;
        }
    }
    return true;
}

/* What still stands in the query string as it came. */
static bool find_raw(const multi_t *m, wr_str_t name, wr_val_t *out);
static void read_raw(multi_t *m);

static bool
find(wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const multi_t *m = multi_of(o);

    if (m->raw.n != 0) {
        return find_raw(m, name, out);
    }
    for (WR_EACH(wr_app_param_t, p, &m->pairs)) {
        if (same_name(m, p->name, name)) {
            *out = p->value;
            return true;
        }
    }
    return false;
}

/* Each name once, with its first value: where the pairs stand. */
static void
order(multi_t *m, wr_pool_t *pool)
{
    wr_map_t seen = wr_map(pool, m->icase);

    read_raw(m);
    m->order = WR_NEW_N(pool, uint32_t, m->pairs.n + 1);
    m->names = 0;
    for (uint32_t i = 0; i < m->pairs.n; i++) {
        wr_app_param_t *p = WR_AT(&m->pairs, wr_app_param_t, i);

        if (m->pairs.n == 1 || wr_map_set(&seen, p->name, p) == NULL) {
            m->order[m->names++] = i;
        }
    }
}

static uint32_t
count(wr_eval_t *ev, wr_obj_t *o)
{
    multi_t *m = multi_of(o);

    if (m->order == NULL) {
        order(m, ev->pool);
    }
    return m->names;
}

static bool
next(wr_eval_t *ev, wr_obj_t *o, int64_t *at, wr_str_t *key, wr_val_t *value)
{
    const multi_t        *m = multi_of(o);
    const wr_app_param_t *p;

    if (*at >= count(ev, o)) {
        return false;
    }
    p = WR_AT(&m->pairs, wr_app_param_t, m->order[(*at)++]);
    *key = p->name;
    *value = p->value;
    return true;
}

static const wr_mapping_t multi_map = {.find = find, .next = next, .count = count};

static bool
getall(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    multi_t   *m = multi_of(args->self.u.obj);
    wr_list_t *list = wr_list_new(ev->pool, 4);
    wr_val_t   v[2];

    if (!wr_args_bind(ev, "getall", "key, default=none", args, v, 2)) {
        return false;
    }
    read_raw(m);
    if (v[0].type == WR_V_STR) {
        for (WR_EACH(wr_app_param_t, p, &m->pairs)) {
            if (same_name(m, p->name, wr_val_text(&v[0]))) {
                wr_list_push(ev->pool, list, p->value);
            }
        }
    }
    *out = list->n == 0 && wr_given(&v[1]) ? v[1] : wr_vlist(list);
    return true;
}

static bool
multi_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    if (!wr_str_eqz(name, "getall")) {
        return wr_mapping_attr(ev, o, name, out);
    }
    *out = wr_vfunc(ev->pool, "getall", getall, NULL);
    out->u.func->self = wr_vobj(o);
    return true;
}

static bool
multi_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_val_t items = wr_mapping_items(ev, o);

    wr_buf_lit(to, "<mapping ");
    if (!wr_put_repr(ev, to, &items)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

/* The name stands in messages: 'query object' has no attribute 'page'. */
#define MULTI_TYPE(n)                                                         \
    {.name = n, .attr = multi_attr, .repr = multi_repr, .source = WR_FROM_CLIENT, \
     WR_MAPPING_HOOKS(&multi_map)}

static const wr_obj_type_t multi_types[] = {
    [MULTI_OTHER] = MULTI_TYPE("mapping"), [MULTI_PARAMS] = MULTI_TYPE("params"),
    [MULTI_QUERY] = MULTI_TYPE("query"), [MULTI_FORM] = MULTI_TYPE("form"),
    [MULTI_FILES] = MULTI_TYPE("files"), [MULTI_COOKIES] = MULTI_TYPE("cookies"),
    [MULTI_HEADERS] = MULTI_TYPE("headers"),
};

multi_t *
multi_new(wr_pool_t *pool, multi_kind_t kind, bool icase)
{
    multi_t *m = wr_alloc(pool, sizeof(*m));

    *m = (multi_t) {.obj = {&multi_types[kind]}, .icase = icase,
                    .pairs = wr_array(pool, sizeof(wr_app_param_t))};
    return m;
}

void
multi_add(multi_t *m, wr_str_t name, wr_val_t value)
{
    *WR_PUSH(&m->pairs, wr_app_param_t) = (wr_app_param_t) {name, value};
    m->order = NULL;
}

wr_val_t
wr_app_str(wr_pool_t *pool, wr_str_t bytes)
{
    return app_str(pool, bytes);
}

wr_obj_t *
wr_app_mapping(wr_pool_t *pool, bool icase)
{
    return &multi_new(pool, MULTI_OTHER, icase)->obj;
}

void
wr_app_mapping_add(wr_obj_t *mapping, wr_str_t name, wr_val_t value)
{
    multi_add((multi_t *) (void *) mapping, name, value);
}

/* ---- the names ---- */

/* $param_NAME has the bytes as they came; here they are text. */
static bool
is_text(const wr_app_param_t *params, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (params[i].value.type == WR_V_STR
            && !wr_utf8_valid(wr_val_text(&params[i].value)))
        {
            return false;
        }
    }
    return true;
}

bool
app_get_params(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    const app_t *a = app_of(r);
    multi_t     *m = multi_new(ev->pool, MULTI_PARAMS, false);

    *out = wr_vobj(&m->obj);
    if (!is_text(a->params, a->nparams)) {
        for (unsigned i = 0; i < a->nparams; i++) {
            const wr_val_t *v = &a->params[i].value;

            multi_add(m, a->params[i].name,
                      v->type == WR_V_STR ? app_str(ev->pool, wr_val_text(v)) : *v);
        }
        return true;
    }
    /* Nobody adds to them: they stay where they are. */
    m->pairs.items = (void *) (uintptr_t) a->params;
    m->pairs.n = m->pairs.cap = a->nparams;
    return true;
}

static wr_str_t
decode(wr_pool_t *pool, wr_str_t s, wr_str_t charset)
{
    wr_str_t bytes = wr_uri_unescape(pool, s, true);
    wr_val_t v;

    if (charset.n == 0 || !wr_app_decode(pool, bytes, charset, &v)) {
        v = app_str(pool, bytes);
    }
    return wr_val_text(&v);
}

bool
app_parse_pairs(wr_pool_t *pool, wr_str_t text, wr_str_t charset, multi_t *to, int64_t max)
{
    wr_str_t rest = text, part;

    if (text.n == 0) {
        return true;
    }
    while (wr_str_split(&rest, '&', &part)) {
        ssize_t  eq = wr_str_chr(part, '=');
        wr_str_t name = eq >= 0 ? wr_str(part.p, (size_t) eq) : part;
        wr_str_t value = eq >= 0 ? wr_str_skip(part, (size_t) eq + 1) : WR_STR("");

        if (part.n == 0) {
            continue;
        }
        if (to->pairs.n >= (uint64_t) max) {
            return false;
        }
        multi_add(to, decode(pool, name, charset), wr_vstr(decode(pool, value, charset)));
    }
    return true;
}

/* ---- the query: mostly one or two of its fields are wanted ---- */

/* Stands for itself: nothing encoded, ASCII. */
static bool
is_plain(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '+' || (unsigned char) s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static wr_str_t
decoded(const multi_t *m, wr_str_t s)
{
    return is_plain(s) ? s : decode(m->pairs.pool, s, WR_STR(""));
}

static bool
find_raw(const multi_t *m, wr_str_t want, wr_val_t *out)
{
    const char *p = m->raw.p, *end = p + m->raw.n;

    while (p < end) {
        const char *from = p, *eq = NULL;
        wr_str_t    name;

        for (; p < end && *p != '&'; p++) {
            if (*p == '=' && eq == NULL) {
                eq = p;
            }
        }
        name = wr_str(from, (size_t) ((eq != NULL ? eq : p) - from));
        if (p != from && wr_str_eq(decoded(m, name), want)) {
            *out = wr_vstr(eq != NULL ? decoded(m, wr_str(eq + 1, (size_t) (p - eq - 1)))
                                      : WR_STR(""));
            return true;
        }
        p++;
    }
    return false;
}

static void
read_raw(multi_t *m)
{
    wr_str_t raw = m->raw;

    m->raw = WR_STR_NONE;
    (void) app_parse_pairs(m->pairs.pool, raw, WR_STR(""), m, INT64_MAX);
}

/* A short query is searched where it stands, as often as it is asked; a long one is
 * read once. */
enum { SHORT_QUERY = 128 };

bool
app_get_query(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    const app_conf_t *conf = wr_conf_of(r, &wr_app_module);
    multi_t          *m = multi_new(ev->pool, MULTI_QUERY, false);

    if (r->args.n <= SHORT_QUERY && (int64_t) r->args.n <= conf->max_fields) {
        m->raw = r->args;
    } else if (!app_parse_pairs(ev->pool, r->args, WR_STR(""), m, conf->max_fields)) {
        return wr_raise(ev, "BadRequest", "the query has more than %" PRId64 " fields",
                        conf->max_fields);
    }
    *out = wr_vobj(&m->obj);
    return true;
}

bool
app_get_headers(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    multi_t *m = multi_new(ev->pool, MULTI_HEADERS, true);

    m->dashes = true;
    for (WR_EACH_HEADER(h, &r->main->in)) {
        multi_add(m, wr_val_text(&(wr_val_t[1]) {app_str(ev->pool, h->name)}[0]),
                  app_str(ev->pool, h->value));
    }
    *out = wr_vobj(&m->obj);
    return true;
}

/* What stands in a cookie's quotes: \" and \ooo, as http.cookies writes them. */
static wr_str_t
unescaped(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b;

    if (wr_str_chr(s, '\\') < 0) {
        return s;
    }
    b = wr_buf(pool);
    for (size_t i = 0; i < s.n; i++) {
        const char *p = s.p + i;

        if (*p != '\\' || i + 1 == s.n) {
            wr_buf_char(&b, *p);
        } else if (i + 3 < s.n && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7'
                   && p[3] >= '0' && p[3] <= '7')
        {
            wr_buf_char(&b, (char) ((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')));
            i += 3;
        } else {
            wr_buf_char(&b, p[1]);
            i++;
        }
    }
    return wr_buf_text(&b);
}

bool
app_get_cookies(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    multi_t *m = multi_new(ev->pool, MULTI_COOKIES, false);

    for (wr_header_t *h = wr_headers_first(&r->main->in, WR_H_COOKIE); h != NULL;
         h = wr_headers_next(&r->main->in, h))
    {
        wr_str_t rest = h->value, part;

        while (m->pairs.n < 300 && wr_str_split(&rest, ';', &part)) {
            ssize_t  eq = wr_str_chr(part, '=');
            wr_str_t value;

            if (eq <= 0) {
                continue;
            }
            value = wr_str_trim(wr_str_skip(part, (size_t) eq + 1));
            if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"') {
                value = unescaped(ev->pool, wr_str_sub(value, 1, value.n - 1));
            }
            multi_add(m,
                      wr_val_text(&(wr_val_t[1]) {
                          app_str(ev->pool, wr_str_trim(wr_str(part.p, (size_t) eq)))}[0]),
                      app_str(ev->pool, value));
        }
    }
    *out = wr_vobj(&m->obj);
    return true;
}

/* ---- vars ---- */

typedef struct req_obj {
    wr_obj_t  obj;
    wr_req_t *r;
} req_obj_t;

static bool
vars_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    const wr_str_t *v;

    if (key->type != WR_V_STR) {
        return false;
    }
    v = wr_var_lookup(((req_obj_t *) (void *) o)->r, wr_val_text(key));
    if (v == NULL) {
        return false;
    }
    *out = app_str(ev->pool, *v);
    return true;
}

static bool
by_item(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    wr_val_t key = wr_vstr(name);

    return o->type->item(ev, o, &key, out);
}

static const wr_obj_type_t vars_type = {.name = "vars", .attr = by_item, .item = vars_item};

bool
app_get_vars(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    req_obj_t *o = WR_NEW(ev->pool, req_obj_t);

    o->obj.type = &vars_type;
    o->r = r;
    *out = wr_vobj(&o->obj);
    return true;
}

/* ---- request ---- */

static bool
body_text(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    wr_str_t text = WR_STR("");

    if (r->main->body != NULL && r->main->body->complete && !app_body_text(r, ev, &text)) {
        return false;
    }
    *out = app_str(ev->pool, text);
    return true;
}

static wr_str_t
host_of(const wr_req_t *r)
{
    wr_str_t host = wr_req_header(r->main, WR_H_HOST);

    return host.n != 0 ? host : r->host;
}

static bool
request_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    wr_req_t *r = ((req_obj_t *) (void *) o)->r;
    wr_str_t  k, s;

    if (key->type != WR_V_STR) {
        return false;
    }
    k = wr_val_text(key);
    if (wr_str_eqz(k, "method")) {
        s = r->method_name;
    } else if (wr_str_eqz(k, "path")) {
        s = r->uri;
    } else if (wr_str_eqz(k, "uri")) {
        s = r->main->raw_uri;
    } else if (wr_str_eqz(k, "host")) {
        s = host_of(r);
    } else if (wr_str_eqz(k, "scheme")) {
        s = wr_req_scheme(r);
    } else if (wr_str_eqz(k, "remote_addr")) {
        s = wr_req_peer_text(r);
    } else if (wr_str_eqz(k, "id")) {
        s = wr_req_id(r);
    } else if (wr_str_eqz(k, "url")) {
        s = wr_pool_printf(ev->pool, "%.*s://%.*s%.*s", WR_ARG(wr_req_scheme(r)),
                           WR_ARG(host_of(r)), WR_ARG(r->main->raw_uri));
    } else if (wr_str_eqz(k, "time")) {
        *out = wr_float((double) r->start_sec + r->start_msec / 1000.0);
        return true;
    } else if (wr_str_eqz(k, "body")) {
        return body_text(r, ev, out);
    } else {
        return false;
    }
    *out = app_str(ev->pool, s);
    return true;
}

static const wr_obj_type_t request_type = {
    .name = "request", .attr = by_item, .item = request_item};

bool
app_get_request(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    req_obj_t *o = WR_NEW(ev->pool, req_obj_t);

    o->obj.type = &request_type;
    o->r = r;
    *out = wr_vobj(&o->obj);
    return true;
}
