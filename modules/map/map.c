/*
 * map: a variable whose value is looked up by the value of others. Case of keys is
 * ignored; regexes come last, in their order.
 */
#include <weir/http/hostmap.h>
#include <weir/http/request.h>
#include <weir/vars/regex.h>

typedef struct regex_row {
    wr_regex_t *regex;
    wr_cv_t    *value;
} regex_row_t;

typedef struct map {
    wr_cv_t      source;
    wr_hostmap_t keys;          /* → wr_cv_t */
    wr_array_t   regexes;       /* regex_row_t */
    wr_cv_t     *fallback;
    bool         hostnames;
    bool         is_volatile;
} map_t;

typedef struct conf {
    int64_t max_size, bucket_size;
} conf_t;

/* ---- looking up ---- */

static const wr_cv_t *
find(wr_req_t *r, const map_t *m, wr_str_t key)
{
    const wr_cv_t *v = wr_hostmap_find(&m->keys, key);

    if (v != NULL || key.n == 0) {
        return v;
    }
    for (WR_EACH(regex_row_t, row, &m->regexes)) {
        if (wr_regex_exec(r, row->regex, key) == WR_OK) {
            return row->value;
        }
    }
    return NULL;
}

static wr_rc_t
get(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const map_t   *m = (const map_t *) v->data;
    const wr_cv_t *found;
    wr_str_t       key;

    if (wr_cv_eval(r, &m->source, &key) != WR_OK) {
        return WR_ERROR;
    }
    if (m->hostnames && key.n != 0 && key.p[key.n - 1] == '.') {
        key.n--;
    }
    found = find(r, m, key);
    if (found == NULL) {
        found = m->fallback;
    }
    if (found != NULL) {
        return wr_cv_eval(r, found, value);
    }
    *value = WR_STR("");
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
add_key(wr_conf_t *cf, map_t *m, wr_str_t key, wr_cv_t *value)
{
    wr_rc_t rc = wr_hostmap_add(&m->keys, key, m->hostnames, value);

    if (rc == WR_OK) {
        return WR_OK;
    }
    return wr_conf_fail(cf, &cf->args[0],
                        rc == WR_BUSY ? "conflicting parameter \"%.*s\""
                                      : "invalid hostname or wildcard \"%.*s\"",
                        WR_ARG(cf->args[0].text));
}

static wr_rc_t
add_regex(wr_conf_t *cf, map_t *m, wr_str_t key, wr_cv_t *value)
{
    wr_tok_t     pattern = cf->args[0];
    bool         icase = key.n > 1 && key.p[1] == '*';
    regex_row_t *row;

    pattern.text = wr_str_skip(key, icase ? 2 : 1);
    pattern.column += icase ? 2 : 1;
    if (pattern.text.n == 0) {
        return wr_conf_fail(cf, &cf->args[0], "empty regex in \"%.*s\"", WR_ARG(key));
    }
    row = WR_PUSH(&m->regexes, regex_row_t);
    row->value = value;
    row->regex = wr_regex_compile(cf, &pattern, icase, true);
    return row->regex != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
add_row(wr_conf_t *cf, map_t *m, wr_cv_t *value)
{
    wr_str_t key = cf->args[0].text;

    if (wr_str_eqz(key, "default")) {
        if (m->fallback != NULL) {
            return wr_conf_fail(cf, NULL, "duplicate default map parameter");
        }
        m->fallback = value;
        return WR_OK;
    }
    if (key.n != 0 && key.p[0] == '~') {
        return add_regex(cf, m, key, value);
    }
    if (key.n != 0 && key.p[0] == '\\') {
        key = wr_str_skip(key, 1);
    }
    return add_key(cf, m, key, value);
}

static wr_rc_t
line(wr_conf_t *cf, void *data)
{
    map_t   *m = data;
    wr_cv_t *value;

    if (cf->nargs == 1 && wr_str_eqz(cf->args[0].text, "hostnames")) {
        m->hostnames = true;
        return WR_OK;
    }
    if (cf->nargs == 1 && wr_str_eqz(cf->args[0].text, "volatile")) {
        m->is_volatile = true;
        return WR_OK;
    }
    if (cf->nargs != 2) {
        return wr_conf_fail(cf, NULL, "invalid number of the map parameters");
    }
    value = WR_NEW(cf->pool, wr_cv_t);
    if (wr_cv_compile(cf, &cf->args[1], value) != WR_OK) {
        return WR_ERROR;
    }
    return add_row(cf, m, value);
}

static wr_rc_t
set_map(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    map_t    *m = WR_NEW(cf->pool, map_t);
    wr_var_t *v;

    (void) d;
    (void) conf;
    m->keys = wr_hostmap(cf->pool);
    m->regexes = wr_array(cf->pool, sizeof(regex_row_t));
    v = wr_var_define_at(cf, &cf->args[2], WR_VAR_CHANGE);
    if (v == NULL || wr_cv_compile(cf, &cf->args[1], &m->source) != WR_OK) {
        return WR_ERROR;
    }
    v->get = get;
    v->data = (uintptr_t) m;
    if (wr_conf_lines(cf, line, m) != WR_OK) {
        return WR_ERROR;
    }
    if (m->is_volatile) {
        v->flags |= WR_VAR_NOCACHE;
    }
    return WR_OK;
}

WR_MODULE(map,
    .doc = "Variables that are looked up by other variables",
    .schema.directives = (const wr_directive_t[]) {
        WR_BLOCK("map", WR_HTTP, 2, 2, set_map,
                 "The variable gets the value that stands beside the text's value in "
                 "the block; ~ begins a regex, `default` is for all others.",
                 .args = "text $variable",
                 .example = "map $http_upgrade $connection_upgrade {\n"
                            "    default  upgrade;\n"
                            "    ''       close;\n"
                            "}"),
        WR_INT("map_hash_max_size", WR_HTTP, conf_t, max_size, "2048",
               "Accepted; tables have the size they need.",
               .example = "map_hash_max_size 2048;"),
        WR_INT("map_hash_bucket_size", WR_HTTP, conf_t, bucket_size, "64",
               "Accepted; tables have the size they need.",
               .example = "map_hash_bucket_size 64;"),
        WR_END
    },
    .schema.size = sizeof(conf_t));
