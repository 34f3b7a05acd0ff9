/*
 * Reading JSON: what the quick way does not take, Jansson checks and parses; then its
 * tree is turned into values and freed.
 */
#include <weir/expr/json_in.h>

#include <weir/expr/json_quick.h>

#include <jansson.h>
#include <stdlib.h>

/* The trees of short texts are built in the pool and never freed: that is half of
 * what they cost. Those of long ones are, piece by piece. */
enum { IN_POOL = 16 * 1024 };

static __thread wr_pool_t *arena;

static void *
tree_alloc(size_t size)
{
    return arena != NULL ? wr_alloc(arena, size) : malloc(size);
}

static void
tree_free(void *p)
{
    if (arena == NULL) {
        free(p);
    }
}

__attribute__((constructor)) static void
init(void)
{
    json_set_alloc_funcs(tree_alloc, tree_free);
}

typedef struct reader {
    wr_pool_t *pool;
    uint32_t   depth;
    uint32_t   deepest;
} reader_t;

static bool convert(reader_t *r, const json_t *j, wr_val_t *out);

static bool
convert_object(reader_t *r, json_t *j, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(r->pool, (uint32_t) json_object_size(j));

    for (void *at = json_object_iter(j); at != NULL;
         at = json_object_iter_next(j, at)) {
        wr_str_t key = wr_str(json_object_iter_key(at),
                              json_object_iter_key_len(at));
        wr_val_t value;

        if (!convert(r, json_object_iter_value(at), &value)) {
            return false;
        }
        wr_dict_sets(r->pool, d, wr_pool_str(r->pool, key), value);
    }
    *out = wr_vdict(d);
    return true;
}

static bool
convert_array(reader_t *r, const json_t *j, wr_val_t *out)
{
    size_t     n = json_array_size(j);
    wr_list_t *l = wr_list_new(r->pool, (uint32_t) n);

    for (size_t i = 0; i < n; i++) {
        wr_val_t item;

        if (!convert(r, json_array_get(j, i), &item)) {
            return false;
        }
        wr_list_push(r->pool, l, item);
        /* of a million rows only one is there twice */
        if (arena == NULL) {
            json_array_set_new((json_t *) (uintptr_t) j, i, json_null());
        }
    }
    *out = wr_vlist(l);
    return true;
}

static bool
convert_deeper(reader_t *r, const json_t *j, wr_val_t *out)
{
    bool ok;

    if (r->depth == r->deepest) {
        return false;
    }
    r->depth++;
    ok = json_is_object(j) ? convert_object(r, (json_t *) j, out)
                           : convert_array(r, j, out);
    r->depth--;
    return ok;
}

/* False only if it is too deep. */
static bool
convert(reader_t *r, const json_t *j, wr_val_t *out)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return convert_deeper(r, j, out);
    case JSON_STRING:
        *out = wr_vstr(wr_pool_str(
            r->pool, wr_str(json_string_value(j), json_string_length(j))));
        return true;
    case JSON_INTEGER:
        *out = wr_int(json_integer_value(j));
        return true;
    case JSON_REAL:
        *out = wr_float(json_real_value(j));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = wr_bool(json_is_true(j));
        return true;
    default:
        *out = wr_none();
        return true;
    }
}

/* Where a text that is JSON is nested deeper than that. */
static void
find_depth(wr_str_t s, uint32_t deepest, wr_json_err_t *err)
{
    uint32_t depth = 0;
    bool     quoted = false;

    err->line = 1;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        err->column++;
        if (c == '\n') {
            err->line++;
            err->column = 0;
        } else if (quoted) {
            i += c == '\\';
            err->column += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest) {
                err->position = i;
                return;
            }
        } else {
            depth -= c == ']' || c == '}';
        }
    }
}

static bool
parse(wr_pool_t *pool, wr_str_t text, const wr_json_limits_t *limits, wr_val_t *out,
      wr_json_err_t *err)
{
    json_error_t why;
    size_t       flags = JSON_ALLOW_NUL | (limits->any ? JSON_DECODE_ANY : 0)
                       | (limits->no_duplicates ? JSON_REJECT_DUPLICATES : 0);
    reader_t     r = {
        .pool = pool, .deepest = limits->depth != 0 ? limits->depth : 512};
    json_t      *j;
    bool         ok;

    arena = text.n <= IN_POOL ? pool : NULL;
    j = json_loadb(text.n != 0 ? text.p : "", text.n, flags, &why);
    if (j == NULL) {
        arena = NULL;
        *err = (wr_json_err_t) {
            .message = wr_pool_str(pool, wr_str_z(why.text)),
            .line = why.line > 0 ? (uint32_t) why.line : 0,
            .column = why.column > 0 ? (uint32_t) why.column : 0,
            .position = why.position > 0 ? (uint64_t) why.position : 0};
        return false;
    }
    ok = convert(&r, j, out);
    if (arena == NULL) {
        json_decref(j);
    }
    arena = NULL;
    if (!ok) {
        *err = (wr_json_err_t) {
            .message = wr_pool_printf(pool, "nested deeper than %u", r.deepest)};
        find_depth(text, r.deepest, err);
    }
    return ok;
}

bool
wr_json_parse(wr_pool_t *pool, wr_str_t text, const wr_json_limits_t *limits,
              wr_val_t *out, wr_json_err_t *err)
{
    return wr_json_quick(pool, text, limits, out) || parse(pool, text, limits, out, err);
}
