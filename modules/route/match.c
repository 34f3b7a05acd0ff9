/*
 * route: patterns and the tree that finds them.
 *
 * A tree by path segments: at each node fixed texts (a map) come before
 * parameters, these before `path`. So ten thousand routes are found in the time
 * of ten: the depth counts, not the number.
 */
#include "route.h"

#include <stdlib.h>

typedef struct edge {
    seg_t   seg;
    node_t *node;
} edge_t;

struct node {
    wr_map_t   texts;           /* segment → node_t * */
    wr_array_t params;          /* edge_t, in order of the conf by kind */
    wr_array_t ends;            /* route_t *: routes that end here */
    wr_array_t ends_slash;      /* the same with a slash at the end */
};

enum { MAX_SEGS = 64 };

/* ---- patterns ---- */

static const struct {
    const char *name;
    seg_kind_t  kind;
} kinds[] = {{"int", SEG_INT}, {"float", SEG_FLOAT}, {"uuid", SEG_UUID},
             {"slug", SEG_SLUG}, {"path", SEG_PATH}, {"str", SEG_ANY}};

/* A regex that is a mere word is more likely a type that does not exist. */
static void
warn_of_word(wr_conf_t *cf, const wr_tok_t *at, wr_str_t word)
{
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < 'a' || word.p[i] > 'z') {
            return;
        }
    }
    wr_conf_warn(cf, at, "\"%.*s\" is no type of parameters (int, float, uuid, slug, path, "
                         "str): it is taken for a regular expression that matches this "
                         "word alone", WR_ARG(word));
}

static wr_rc_t
parse_param(wr_conf_t *cf, const wr_tok_t *at, wr_str_t inside, seg_t *seg)
{
    ssize_t  colon = wr_str_chr(inside, ':');
    wr_str_t type;
    wr_tok_t re = *at;

    seg->name = colon >= 0 ? wr_str(inside.p, (size_t) colon) : inside;
    seg->kind = SEG_ANY;
    if (seg->name.n == 0) {
        return wr_conf_fail(cf, at, "a parameter of the pattern has no name");
    }
    for (size_t i = 0; i < seg->name.n; i++) {
        if (!wr_is_word(seg->name.p[i]) || (i == 0 && wr_is_digit(seg->name.p[0]))) {
            return wr_conf_fail(cf, at, "\"%.*s\" cannot be the name of a parameter",
                                WR_ARG(seg->name));
        }
    }
    if (colon < 0) {
        return WR_OK;
    }
    type = wr_str_skip(inside, (size_t) colon + 1);
    for (unsigned i = 0; i < WR_COUNT(kinds); i++) {
        if (wr_str_eqz(type, kinds[i].name)) {
            seg->kind = kinds[i].kind;
            return WR_OK;
        }
    }
    if (type.n == 0) {
        return wr_conf_fail(cf, at, "the parameter \"%.*s\" has an empty type",
                            WR_ARG(seg->name));
    }
    warn_of_word(cf, at, type);
    seg->kind = SEG_REGEX;
    seg->pattern = type;
    re.text = wr_pool_printf(cf->pool, "^(?:%.*s)$", WR_ARG(type));
    seg->regex = wr_regex_compile(cf, &re, false, false);
    return seg->regex != NULL ? WR_OK : WR_ERROR;
}

/* The end of the segment that starts at i: a slash outside of braces. */
static size_t
segment_end(wr_str_t p, size_t i)
{
    int depth = 0;

    for (; i < p.n && (p.p[i] != '/' || depth != 0); i++) {
        depth += p.p[i] == '{';
        depth -= p.p[i] == '}';
    }
    return i;
}

/* Whether the brace at its beginning is closed at its very end. */
static bool
is_param(wr_str_t s)
{
    int depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        depth += s.p[i] == '{';
        depth -= s.p[i] == '}';
        if (depth == 0) {
            return i != 0 && i == s.n - 1;
        }
    }
    return false;
}

wr_rc_t
route_parse(wr_conf_t *cf, const wr_tok_t *at, route_t *route)
{
    wr_str_t p = route->pattern;
    size_t   i = 1;

    if (p.n == 0 || p.p[0] != '/') {
        return wr_conf_fail(cf, at, "a pattern begins with \"/\"");
    }
    route->segs = wr_array(cf->pool, sizeof(seg_t));
    while (i < p.n) {
        size_t   end = segment_end(p, i);
        wr_str_t s = wr_str_sub(p, i, end);
        seg_t   *seg;

        if (route->segs.n != 0
            && WR_AT(&route->segs, seg_t, route->segs.n - 1)->kind == SEG_PATH)
        {
            return wr_conf_fail(cf, at, "nothing can stand behind a parameter of type "
                                        "\"path\"");
        }
        if (route->segs.n == MAX_SEGS) {
            return wr_conf_fail(cf, at, "the pattern has more than %d parts", MAX_SEGS);
        }
        seg = WR_PUSH(&route->segs, seg_t);
        if (is_param(s)) {
            if (parse_param(cf, at, wr_str_sub(s, 1, s.n - 1), seg) != WR_OK) {
                return WR_ERROR;
            }
            for (WR_EACH(seg_t, other, &route->segs)) {
                if (other != seg && other->kind != SEG_TEXT && wr_str_eq(other->name, seg->name)) {
                    return wr_conf_fail(cf, at, "the parameter \"%.*s\" stands twice in the "
                                        "pattern", WR_ARG(seg->name));
                }
            }
        } else if (wr_str_chr(s, '{') >= 0 || wr_str_chr(s, '}') >= 0) {
            return wr_conf_fail(cf, at, "a part of a pattern is either text or one "
                                        "{parameter}, as in {name:REGEX}: \"%.*s\"",
                                WR_ARG(s));
        } else if (wr_str_chr(s, '?') >= 0 || wr_str_chr(s, '#') >= 0) {
            return wr_conf_fail(cf, at, "a pattern is of the path alone, which ends before "
                                        "\"?\" and \"#\": \"%.*s\"", WR_ARG(s));
        } else {
            seg->text = s;
        }
        i = end + 1;
        if (end < p.n && i == p.n) {
            route->slash = true;
        }
    }
    if (p.n == 1) {
        route->slash = true;
    }
    return WR_OK;
}

/* ---- the tree ---- */

static node_t *
new_node(wr_conf_t *cf)
{
    node_t *n = WR_NEW(cf->pool, node_t);

    n->texts = wr_map(cf->pool, false);
    n->params = wr_array(cf->pool, sizeof(edge_t));
    n->ends = wr_array(cf->pool, sizeof(route_t *));
    n->ends_slash = wr_array(cf->pool, sizeof(route_t *));
    return n;
}

static bool
same_seg(const seg_t *a, const seg_t *b)
{
    return a->kind == b->kind && (a->kind != SEG_REGEX || wr_str_eq(a->pattern, b->pattern));
}

static node_t *
descend(wr_conf_t *cf, node_t *n, const seg_t *seg)
{
    node_t *next;

    if (seg->kind == SEG_TEXT) {
        next = wr_map_get(&n->texts, seg->text);
        if (next == NULL) {
            next = new_node(cf);
            (void) wr_map_set(&n->texts, seg->text, next);
        }
        return next;
    }
    for (WR_EACH(edge_t, e, &n->params)) {
        if (same_seg(&e->seg, seg)) {
            return e->node;
        }
    }
    next = new_node(cf);
    *WR_PUSH(&n->params, edge_t) = (edge_t) {*seg, next};
    return next;
}

/* `path` parameters come last; the others keep their order. */
static void
paths_last(node_t *n)
{
    edge_t *e = n->params.items;

    for (uint32_t i = 0; i + 1 < n->params.n; i++) {
        for (uint32_t k = 0; k + 1 < n->params.n - i; k++) {
            if (e[k].seg.kind == SEG_PATH && e[k + 1].seg.kind != SEG_PATH) {
                edge_t t = e[k];

                e[k] = e[k + 1];
                e[k + 1] = t;
            }
        }
    }
    for (uint32_t i = 0; i < n->params.n; i++) {
        paths_last(e[i].node);
    }
    for (uint32_t i = 0; i < n->texts.n; i++) {
        paths_last(n->texts.entries[i].value);
    }
}

wr_rc_t
routes_build(wr_conf_t *cf, routes_t *all)
{
    all->root = new_node(cf);
    for (WR_EACH(route_t *, at, &all->list)) {
        route_t    *route = *at;
        node_t     *n = all->root;
        wr_array_t *ends;

        for (WR_EACH(seg_t, seg, &route->segs)) {
            n = descend(cf, n, seg);
        }
        ends = route->slash ? &n->ends_slash : &n->ends;
        for (WR_EACH(route_t *, other, ends)) {
            /* A later * takes what the others leave. */
            if (((*other)->methods & route->methods) != 0
                && ((*other)->methods == ALL_METHODS || route->methods != ALL_METHODS))
            {
                wr_str_t hint = wr_pool_printf(cf->temp, "the other is at %.*s:%u",
                                               WR_ARG((*other)->at.file),
                                               (*other)->at.line);

                return wr_conf_fail_hint(cf, &route->at, hint, "this route can never be told "
                                         "apart from \"%.*s\"", WR_ARG((*other)->pattern));
            }
        }
        *WR_PUSH(ends, route_t *) = route;
    }
    paths_last(all->root);
    return WR_OK;
}

/* ---- matching ---- */

static bool
parse_float(wr_str_t s, double *f)
{
    char   text[64];
    char  *end;
    size_t digits = 0;

    if (s.n == 0 || s.n >= sizeof(text)) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        digits += wr_is_digit(s.p[i]);
        if (!wr_is_digit(s.p[i]) && s.p[i] != '.' && !(s.p[i] == '-' && i == 0)) {
            return false;
        }
    }
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *f = strtod(text, &end);
    return digits != 0 && *end == '\0';
}

static bool
parse_integer(wr_str_t s, int64_t *n)
{
    bool     minus = s.n > 1 && s.p[0] == '-';
    wr_str_t digits = minus ? wr_str_skip(s, 1) : s;

    if (!wr_parse_int(digits, n)) {
        return false;
    }
    if (minus) {
        *n = -*n;
    }
    return true;
}

static bool
is_uuid(wr_str_t s)
{
    if (s.n != 36) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s.p[i] != '-' : wr_hex_digit(s.p[i]) < 0) {
            return false;
        }
    }
    return true;
}

static bool
is_slug(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i]) && s.p[i] != '-') {
            return false;
        }
    }
    return s.n != 0;
}

/* Whether a segment fits a parameter, and its value. */
static bool
fits(const seg_t *seg, wr_str_t s, wr_val_t *v)
{
    int64_t n;
    double  f;

    if (s.n == 0 && seg->kind != SEG_PATH) {
        return false;
    }
    *v = wr_vstr(s);
    switch (seg->kind) {
    case SEG_INT:
        if (!parse_integer(s, &n)) {
            return false;
        }
        *v = wr_int(n);
        return true;
    case SEG_FLOAT:
        if (!parse_float(s, &f)) {
            return false;
        }
        *v = wr_float(f);
        return true;
    case SEG_UUID:
        return is_uuid(s);
    case SEG_SLUG:
        return is_slug(s);
    case SEG_REGEX:
        return wr_regex_test(seg->regex, s);
    default:
        return true;
    }
}

typedef struct search {
    wr_req_t       *r;
    uint32_t        method;
    wr_app_param_t  params[MAX_SEGS];
    unsigned        nparams;
    uint32_t        allowed;    /* methods of routes whose path fits */
    const route_t  *found;
    unsigned        steps;      /* bounds backtracking */
} search_t;

/* Names are those of the route that was found: another with the same shape may call
 * them otherwise. */
static void
found(search_t *s, const route_t *route)
{
    wr_app_param_t *params = wr_alloc(wr_pool(s->r), (s->nparams + 1u) * sizeof(*params));
    unsigned        i = 0;

    s->found = route;
    for (WR_EACH(seg_t, seg, &route->segs)) {
        if (seg->kind != SEG_TEXT && i < s->nparams) {
            params[i] = (wr_app_param_t) {seg->name, s->params[i].value};
            i++;
        }
    }
    wr_app_set_params(s->r, params, i);
}

/* GET answers HEAD, unless a route says HEAD. */
static void
look_at_ends(search_t *s, const wr_array_t *ends)
{
    const route_t *get = NULL;

    for (WR_EACH(route_t *, at, ends)) {
        s->allowed |= (*at)->methods;
        if (((*at)->methods & s->method) != 0
            && (s->method != WR_HEAD || get == NULL || (*at)->methods != ALL_METHODS))
        {
            found(s, *at);
            return;
        }
        if (s->method == WR_HEAD && get == NULL && ((*at)->methods & WR_GET) != 0) {
            get = *at;
        }
    }
    if (get != NULL) {
        found(s, get);
    }
}

/* Of a handful of texts each is looked at: that beats hashing. */
static node_t *
next_by_text(const node_t *n, wr_str_t segment)
{
    if (n->texts.n > 8) {
        return wr_map_get(&n->texts, segment);
    }
    for (uint32_t i = 0; i < n->texts.n; i++) {
        if (wr_str_eq(n->texts.entries[i].key, segment)) {
            return n->texts.entries[i].value;
        }
    }
    return NULL;
}

static void
walk(search_t *s, const node_t *n, wr_str_t rest, bool slash)
{
    wr_str_t  segment, tail;
    ssize_t   end;
    node_t   *next;

    if (++s->steps > 10000) {
        return;
    }
    if (rest.n == 0) {
        look_at_ends(s, slash ? &n->ends_slash : &n->ends);
        if (s->found != NULL || !slash) {
            return;
        }
    }
    end = wr_str_chr(rest, '/');
    segment = end >= 0 ? wr_str(rest.p, (size_t) end) : rest;
    tail = end >= 0 ? wr_str_skip(rest, (size_t) end + 1) : WR_STR("");
    if (rest.n != 0) {
        next = next_by_text(n, segment);
        if (next != NULL) {
            walk(s, next, tail, end >= 0 && tail.n == 0);
            if (s->found != NULL) {
                return;
            }
        }
    }
    for (WR_EACH(edge_t, e, &n->params)) {
        wr_val_t v;
        bool     path = e->seg.kind == SEG_PATH;

        if ((rest.n == 0 && !path) || !fits(&e->seg, path ? rest : segment, &v)) {
            continue;
        }
        s->params[s->nparams++] = (wr_app_param_t) {e->seg.name, v};
        if (path) {
            look_at_ends(s, &e->node->ends);
        } else {
            walk(s, e->node, tail, end >= 0 && tail.n == 0);
        }
        s->nparams--;
        if (s->found != NULL) {
            return;
        }
    }
}

static const struct {
    const char *name;
    uint32_t    bit;
} method_names[] = {
    {"GET", WR_GET}, {"HEAD", WR_HEAD}, {"POST", WR_POST}, {"PUT", WR_PUT},
    {"PATCH", WR_PATCH}, {"DELETE", WR_DELETE}, {"OPTIONS", WR_OPTIONS}};

wr_location_t *
routes_match(wr_req_t *r, void *data)
{
    routes_t *all = data;
    search_t  s;
    wr_str_t  rest;

    if (r->uri.n == 0 || r->uri.p[0] != '/') {
        return NULL;
    }
    s.r = r;
    s.method = r->method;
    s.nparams = s.steps = 0;
    s.allowed = 0;
    s.found = NULL;
    rest = wr_str_skip(r->uri, 1);
    walk(&s, all->root, rest, rest.n == 0);
    if (s.found != NULL) {
        return s.found->location;
    }
    if (s.allowed == 0) {
        return NULL;
    }
    wr_ctx(r, WR_SELF) = (void *) (uintptr_t) s.allowed;
    return all->refuse;
}

wr_rc_t
routes_refuse(wr_req_t *r, void *state)
{
    uint32_t allowed = (uint32_t) (uintptr_t) wr_ctx(r, WR_SELF);
    wr_buf_t b = wr_buf(wr_pool(r));

    (void) state;
    if ((allowed & WR_GET) != 0) {
        allowed |= WR_HEAD;
    }
    allowed |= WR_OPTIONS;
    for (unsigned i = 0; i < WR_COUNT(method_names); i++) {
        if ((allowed & method_names[i].bit) != 0) {
            if (b.n != 0) {
                wr_buf_lit(&b, ", ");
            }
            wr_buf_z(&b, method_names[i].name);
        }
    }
    (void) wr_headers_add(&r->out, WR_H_ALLOW, WR_STR("Allow"), wr_buf_text(&b));
    if (r->method == WR_OPTIONS) {
        return wr_reply(r, 204, WR_STR("text/plain"), WR_STR(""));
    }
    return wr_fail(r, 405);
}
