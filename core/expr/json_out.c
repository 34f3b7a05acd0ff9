/*
 * Writing JSON. One pass, no intermediate tree; strings are copied in stretches
 * between characters that need an escape.
 *
 * Where it stands is on a stack of its own (`open`), so that it can stop between two
 * items, or within a long string, and go on when there is room again.
 */
#include <weir/expr/json_out.h>

#include <weir/base/utf8.h>
#include <weir/expr/bind.h>
#include <weir/expr/budget.h>
#include <weir/expr/mapping.h>
#include <weir/expr/put.h>
#include <weir/expr/record.h>
#include <weir/expr/sixteen_priv.h>
#include <weir/expr/sort.h>

#include <math.h>

enum {
    DEEPEST = 500,
    INLINE = 12,            /* levels without an allocation */
    STRETCH = 16 * 1024,    /* of a string at a time, where the writer may stop */
};

typedef struct json json_t;

/* A container that is open. */
typedef struct level level_t;
struct level {
    /* Writes items until one is a container itself (that is then the innermost), or
     * all are written and the level has been left: WR_OK. WR_AGAIN: enough. */
    wr_rc_t   (*go_on)(json_t *j, level_t *l);
    const void *container;
    uint64_t    n;              /* items written */
    uint32_t    at;             /* where the next one is */
    union {
        const wr_list_t *list;
        struct {
            const wr_dict_t      *dict;
            const wr_sort_item_t *sorted;
        };
        wr_iter_t        it;
        wr_str_t         rest;  /* of a string */
    };
};

struct json {
    wr_eval_t            *ev;
    wr_buf_t             *to;
    const wr_json_opts_t *opts;
    wr_str_t              item_sep, key_sep;
    bool                  plain;        /* they are ", " and ": ", in one line */
    size_t                enough;       /* bytes in `to`: stop there */
    unsigned              depth, cap;
    level_t              *open;
    level_t               first[INLINE];
};

struct wr_json_rest {
    wr_json_opts_t opts;
    json_t         j;
};

static bool put(json_t *j, const wr_val_t *v);

/* ---- strings ---- */

static void
put_u(wr_buf_t *to, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15],
                    hex[unit >> 4 & 15], hex[unit & 15]};

    wr_buf_add(to, text, sizeof(text));
}

static void
put_escape(wr_buf_t *to, uint32_t cp)
{
    static const char plain[] = "\"\\\n\r\t\f\b";
    static const char letter[] = "\"\\nrtfb";
    const char *at = cp != 0 && cp < 0x80 ? strchr(plain, (int) cp) : NULL;

    if (at != NULL) {
        wr_buf_char(to, '\\');
        wr_buf_char(to, letter[at - plain]);
    } else if (cp >= 0x10000) {
        put_u(to, 0xd800 + ((cp - 0x10000) >> 10));
        put_u(to, 0xdc00 + ((cp - 0x10000) & 0x3ff));
    } else {
        put_u(to, cp);
    }
}

/* What a character needs an escape for: always, where all is to be ASCII, in HTML. */
enum { ALWAYS = 1, ASCII = 2, HTML = 4 };

static const uint8_t escapes[256] = {
    [0 ... 0x1f] = ALWAYS, ['"'] = ALWAYS, ['\\'] = ALWAYS, ['<'] = HTML, ['>'] = HTML,
    ['&'] = HTML, ['\''] = HTML, [0x7f ... 0xff] = ASCII,
};

#ifdef __SSE2__

/* A bit for each byte that may need an escape. */
static inline unsigned
suspects(__m128i v, bool html)
{
    /* Signed: bytes from 0x80 on are below a space as well. */
    __m128i bad = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(' ')),
                               _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));

    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    if (html) {
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('<')));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('>')));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\'')));
    }
    return (unsigned) _mm_movemask_epi8(bad);
}

/* Copies what needs no escape for sure; how much that is. There is room for 16 bytes
 * more. */
static inline size_t
copy_plain(char *to, const char *p, size_t n, bool html)
{
    size_t   i = 0;
    unsigned mask;
    __m128i  v;

    for (; n - i >= 16; i += 16) {
        v = _mm_loadu_si128((const __m128i *) (const void *) (p + i));
        _mm_storeu_si128((__m128i *) (void *) (to + i), v);
        mask = suspects(v, html);
        if (mask != 0) {
            return i + (size_t) __builtin_ctz(mask);
        }
    }
    if (i != n) {
        v = wr_load_some(p + i, n - i);
        _mm_storeu_si128((__m128i *) (void *) (to + i), v);
        mask = suspects(v, html) | 1u << (n - i);
        return i + (size_t) __builtin_ctz(mask);
    }
    return n;
}

#else

static inline size_t
copy_plain(char *to, const char *p, size_t n, bool html)
{
    size_t i = 0;

    (void) html;
    for (; i < n && escapes[(unsigned char) p[i]] == 0; i++) {
        to[i] = p[i];
    }
    return i;
}

#endif

/* What stands between the quotes. */
static void
put_chars(wr_buf_t *to, wr_str_t s, const wr_json_opts_t *opts)
{
    unsigned    where = ALWAYS | (opts->ascii ? ASCII : 0u) | (opts->html ? HTML : 0u);
    const char *p = s.p, *end = s.p + s.n, *from;

    for (;;) {
        size_t n = (size_t) (end - p);

        n = copy_plain(wr_buf_reserve(to, n + 16), p, n, opts->html);
        to->n += n;
        p += n;
        if (p == end) {
            return;
        }
        for (from = p; p < end && escapes[(unsigned char) *p] != 0
                       && (escapes[(unsigned char) *p] & where) == 0; p++) {
        }
        wr_buf_add(to, from, (size_t) (p - from));
        if (p < end && (escapes[(unsigned char) *p] & where) != 0) {
            put_escape(to, wr_utf8_next(&p, end));
        }
    }
}

void
wr_json_put_str(wr_buf_t *to, wr_str_t s, const wr_json_opts_t *opts)
{
    size_t n;

    if (wr_unlikely(s.n + 18 > to->cap - to->n)) {
        wr_buf_reserve(to, s.n + 18);
    }
    to->p[to->n++] = '"';
    n = copy_plain(to->p + to->n, s.p, s.n, opts->html);
    to->n += n;
    if (wr_unlikely(n < s.n)) {
        put_chars(to, wr_str_skip(s, n), opts);
        wr_buf_char(to, '"');
    } else {
        to->p[to->n++] = '"';
    }
}

/* Separators and indents come from the template, so they need it as well. */
static void
put_raw(json_t *j, wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (j->opts->html && s.p[i] != '\0'
            && strchr("<>&'", s.p[i]) != NULL) {
            put_u(j->to, (unsigned char) s.p[i]);
        } else {
            wr_buf_char(j->to, s.p[i]);
        }
    }
}

/* ---- scalars ---- */

static void
put_float(wr_buf_t *to, double d, const wr_json_opts_t *opts)
{
    if (wr_likely(isfinite(d))) {
        to->n += wr_put_float(wr_buf_reserve(to, 32), d);
    } else if (opts->finite) {
        wr_buf_lit(to, "null");
    } else if (isnan(d)) {
        wr_buf_lit(to, "NaN");
    } else {
        wr_buf_z(to, d < 0 ? "-Infinity" : "Infinity");
    }
}

bool
wr_json_put_scalar(wr_buf_t *to, const wr_val_t *v, const wr_json_opts_t *opts)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_NONE:
        wr_buf_lit(to, "null");
        return true;
    case WR_V_BOOL:
        wr_buf_z(to, v->u.i != 0 ? "true" : "false");
        return true;
    case WR_V_INT:
        wr_buf_int(to, v->u.i);
        return true;
    case WR_V_FLOAT:
        put_float(to, v->u.f, opts);
        return true;
    case WR_V_STR:
        wr_json_put_str(to, wr_val_text(v), opts);
        return true;
    default:
        return false;
    }
}

static bool
refuse(json_t *j, const wr_val_t *v)
{
    if (v->type == WR_V_UNDEFINED && j->ev->undef_kind == WR_UNDEF_NAMED) {
        return wr_undef_raise(j->ev, v);
    }
    return wr_raise(j->ev, "TypeError",
                    "Object of type %s is not JSON serializable",
                    wr_type_name(v));
}

static bool
put_key(json_t *j, const wr_val_t *key)
{
    switch ((wr_vtype_t) key->type) {
    case WR_V_STR:
        wr_json_put_str(j->to, wr_val_text(key), j->opts);
        return true;
    case WR_V_NONE:
    case WR_V_BOOL:
    case WR_V_INT:
    case WR_V_FLOAT:
        wr_buf_char(j->to, '"');
        if (!put(j, key)) {
            return false;
        }
        wr_buf_char(j->to, '"');
        return true;
    default:
        return wr_raise(j->ev, "TypeError",
                        "keys must be str, int, float, bool or None, not %s",
                        wr_type_name(key));
    }
}

/* ---- containers ---- */

static level_t *
push(json_t *j)
{
    if (wr_unlikely(j->depth == j->cap)) {
        level_t *more = wr_alloc(j->ev->pool, 2 * j->cap * sizeof(level_t));

        memcpy(more, j->open, j->cap * sizeof(level_t));
        j->open = more;
        j->cap *= 2;
    }
    return &j->open[j->depth++];
}

/* NULL after a raise. */
static level_t *
enter(json_t *j, const void *container, char bracket,
      wr_rc_t (*go_on)(json_t *j, level_t *l))
{
    level_t *l;

    for (unsigned i = 0; i < j->depth; i++) {
        if (j->open[i].container == container) {
            (void) wr_raise(j->ev, "ValueError", "Circular reference detected");
            return NULL;
        }
    }
    if (j->depth == DEEPEST) {
        (void) wr_raise(j->ev, "RecursionError", "maximum recursion depth "
                        "exceeded while encoding a JSON object");
        return NULL;
    }
    l = push(j);
    l->go_on = go_on;
    l->container = container;
    l->n = 0;
    l->at = 0;
    wr_buf_char(j->to, bracket);
    return l;
}

static void
new_line(json_t *j)
{
    if (j->opts->pretty) {
        wr_buf_char(j->to, '\n');
        for (unsigned i = 0; i < j->depth; i++) {
            put_raw(j, j->opts->indent);
        }
    }
}

/* Before the n-th item; and behind the last. */
static void
before_item(json_t *j, uint64_t n)
{
    if (wr_likely(j->plain)) {
        if (n != 0) {
            wr_buf_lit(j->to, ", ");
        }
        return;
    }
    if (n != 0) {
        put_raw(j, j->item_sep);
    }
    new_line(j);
}

static wr_rc_t
leave(json_t *j, const level_t *l, char bracket)
{
    j->depth--;
    if (l->n != 0) {
        new_line(j);
    }
    wr_buf_char(j->to, bracket);
    return WR_OK;
}

static bool
put_pair(json_t *j, level_t *l, const wr_val_t *key, const wr_val_t *value)
{
    before_item(j, l->n++);
    if (!put_key(j, key)) {
        return false;
    }
    if (wr_likely(j->plain)) {
        wr_buf_lit(j->to, ": ");
    } else {
        put_raw(j, j->key_sep);
    }
    return put(j, value);
}

/* What `go_on` of a level is, where `item` writes one item: WR_OK, WR_DONE if there is
 * none left, WR_ERROR. Each kind of container gets a loop with its own `item` in it. */
static WR_INLINE wr_rc_t
go_on_by(json_t *j, level_t *l, wr_rc_t (*item)(json_t *j, level_t *l), char bracket)
{
    unsigned depth = j->depth;
    wr_rc_t  rc;

    while ((rc = item(j, l)) == WR_OK) {
        if (j->depth != depth) {
            return WR_OK;
        }
        if (j->to->n >= j->enough) {
            return WR_AGAIN;
        }
    }
    return rc == WR_DONE ? leave(j, l, bracket) : WR_ERROR;
}

static inline wr_rc_t
dict_pair(json_t *j, level_t *l)
{
    const wr_dict_entry_t *e = wr_dict_next(l->dict, &l->at);

    return e == NULL ? WR_DONE
           : put_pair(j, l, &e->key, &e->value) ? WR_OK : WR_ERROR;
}

static wr_rc_t
go_on_dict(json_t *j, level_t *l)
{
    return go_on_by(j, l, dict_pair, '}');
}

static inline wr_rc_t
sorted_pair(json_t *j, level_t *l)
{
    const wr_dict_entry_t *e;

    if (l->at == l->dict->live) {
        return WR_DONE;
    }
    e = &l->dict->entries[l->sorted[l->at++].at];
    return put_pair(j, l, &e->key, &e->value) ? WR_OK : WR_ERROR;
}

static wr_rc_t
go_on_sorted(json_t *j, level_t *l)
{
    return go_on_by(j, l, sorted_pair, '}');
}

static bool
put_dict(json_t *j, const wr_dict_t *d)
{
    bool     sorted = j->opts->sort && d->live > 1;
    level_t *l = enter(j, d, '{', sorted ? go_on_sorted : go_on_dict);

    if (l == NULL) {
        return false;
    }
    l->dict = d;
    l->sorted = sorted ? wr_sort_entries(j->ev, d, wr_less) : NULL;
    return !sorted || l->sorted != NULL;
}

static inline wr_rc_t
list_item(json_t *j, level_t *l)
{
    if (l->at >= l->list->n) {
        return WR_DONE;
    }
    before_item(j, l->n++);
    return put(j, &l->list->items[l->at++]) ? WR_OK : WR_ERROR;
}

static wr_rc_t
go_on_list(json_t *j, level_t *l)
{
    return go_on_by(j, l, list_item, ']');
}

static bool
put_list(json_t *j, const wr_list_t *list)
{
    level_t *l = enter(j, list, '[', go_on_list);

    if (l == NULL) {
        return false;
    }
    l->list = list;
    return true;
}

static inline wr_rc_t
iter_item(json_t *j, level_t *l)
{
    wr_val_t item;
    wr_rc_t  rc = l->it.next(j->ev, &l->it, &item);

    if (rc != WR_OK) {
        return rc;
    }
    before_item(j, l->n++);
    return put(j, &item) ? WR_OK : WR_ERROR;
}

static wr_rc_t
go_on_iter(json_t *j, level_t *l)
{
    return go_on_by(j, l, iter_item, ']');
}

/* A mapping of the host's: its keys, and what each gives. */
static wr_rc_t
next_pair(json_t *j, level_t *l, wr_val_t *key, wr_val_t *value)
{
    wr_obj_t           *o = (wr_obj_t *) (uintptr_t) l->container;
    const wr_mapping_t *map = o->type->map;
    wr_val_t            mapping;
    wr_str_t            name;
    wr_rc_t             rc;

    if (map != NULL) {
        if (!map->next(j->ev, o, &l->it.at, &name, value)) {
            return j->ev->failed ? WR_ERROR : WR_DONE;
        }
        *key = wr_vstr(name);
        return WR_OK;
    }
    rc = l->it.next(j->ev, &l->it, key);
    mapping = wr_vobj(o);
    return rc != WR_OK || wr_get_item(j->ev, &mapping, key, value) ? rc : WR_ERROR;
}

static inline wr_rc_t
mapping_pair(json_t *j, level_t *l)
{
    wr_val_t key, value;
    wr_rc_t  rc = next_pair(j, l, &key, &value);

    return rc != WR_OK || put_pair(j, l, &key, &value) ? rc : WR_ERROR;
}

static wr_rc_t
go_on_mapping(json_t *j, level_t *l)
{
    return go_on_by(j, l, mapping_pair, '}');
}

/* The keys of a record are known as JSON already, with the comma in front. */
static inline wr_rc_t
record_pair(json_t *j, level_t *l)
{
    const wr_record_t *r = l->container;
    wr_str_t           key;

    if (l->at == r->shape->n) {
        return WR_DONE;
    }
    key = r->shape->json[l->at];
    wr_put_text(j->to, key.p, key.n);
    l->n++;
    return put(j, &r->cells[l->at++]) ? WR_OK : WR_ERROR;
}

static wr_rc_t
go_on_record(json_t *j, level_t *l)
{
    return go_on_by(j, l, record_pair, '}');
}

static bool
put_iterable(json_t *j, const wr_val_t *v, bool mapping)
{
    wr_iter_t it;
    level_t  *l;

    if (!wr_iter(j->ev, v, &it)) {
        return false;
    }
    l = enter(j, v->u.obj, mapping ? '{' : '[', mapping ? go_on_mapping : go_on_iter);
    if (l == NULL) {
        return false;
    }
    l->it = it;
    return true;
}

static bool
put_object(json_t *j, const wr_val_t *v)
{
    const wr_obj_type_t *type = v->u.obj->type;
    const wr_record_t   *record = wr_record_of(v);

    if (record != NULL && record->shape->json != NULL && j->plain && j->opts->ascii
        && !j->opts->html)
    {
        return enter(j, record, '{', go_on_record) != NULL;
    }
    if (type->mapping) {
        return put_iterable(j, v, true);
    }
    if (type->sequence || (j->opts->any_iterable && wr_is_iterable(v))) {
        return put_iterable(j, v, false);
    }
    return refuse(j, v);
}

/* Cut between characters. */
static wr_rc_t
go_on_str(json_t *j, level_t *l)
{
    while (l->rest.n != 0) {
        size_t n = wr_min_size(l->rest.n, STRETCH);

        while (n < l->rest.n && ((unsigned char) l->rest.p[n] & 0xc0) == 0x80) {
            n++;
        }
        put_chars(j->to, wr_str(l->rest.p, n), j->opts);
        l->rest = wr_str_skip(l->rest, n);
        if (j->to->n >= j->enough && l->rest.n != 0) {
            return WR_AGAIN;
        }
    }
    j->depth--;
    wr_buf_char(j->to, '"');
    return WR_OK;
}

/* A long string, where the writer may stop in it. */
static bool
put_in_stretches(json_t *j, wr_str_t s)
{
    level_t *l = push(j);

    l->go_on = go_on_str;
    l->container = NULL;
    l->rest = s;
    wr_buf_char(j->to, '"');
    return true;
}

/* A scalar is written, a container opened. */
static bool
put(json_t *j, const wr_val_t *v)
{
    uint64_t room = v->type == WR_V_STR && (v->len <= STRETCH || j->enough == SIZE_MAX)
                        ? v->len : 32;

    if (!wr_spend(j->ev, 1)
        || (j->to->pool != NULL && !wr_may_grow(j->ev, j->to, room))) {
        return false;
    }
    if (wr_unlikely(v->type == WR_V_STR && v->len > STRETCH && j->enough != SIZE_MAX)) {
        return put_in_stretches(j, wr_val_text(v));
    }
    if (wr_json_put_scalar(j->to, v, j->opts)) {
        return true;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_LIST:
    case WR_V_TUPLE:
        return put_list(j, v->u.list);
    case WR_V_DICT:
        return put_dict(j, v->u.dict);
    case WR_V_RANGE:
        return j->opts->any_iterable ? put_iterable(j, v, false) : refuse(j, v);
    case WR_V_OBJ:
        return put_object(j, v);
    default:
        return refuse(j, v);
    }
}

static wr_rc_t
go_on(json_t *j)
{
    wr_rc_t rc = WR_OK;

    while (rc == WR_OK && j->depth != 0) {
        level_t *l = &j->open[j->depth - 1];

        rc = l->go_on(j, l);
    }
    return rc;
}

static wr_rc_t
begin(json_t *j, wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
      const wr_json_opts_t *opts, size_t enough)
{
    j->ev = ev;
    j->to = to;
    j->opts = opts;
    j->enough = enough;
    j->depth = 0;
    j->open = j->first;
    j->cap = INLINE;
    j->item_sep = opts->item_sep.p != NULL ? opts->item_sep
        : opts->pretty ? WR_STR(",") : WR_STR(", ");
    j->key_sep = opts->key_sep.p != NULL ? opts->key_sep : WR_STR(": ");
    /* No character of these needs an escape in HTML. */
    j->plain = opts->item_sep.p == NULL && opts->key_sep.p == NULL && !opts->pretty;
    return put(j, v) ? go_on(j) : WR_ERROR;
}

bool
wr_json_put(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
            const wr_json_opts_t *opts)
{
    json_t j;

    return begin(&j, ev, to, v, opts, SIZE_MAX) == WR_OK;
}

wr_rc_t
wr_json_begin(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, const wr_json_opts_t *opts,
              size_t enough, wr_json_rest_t **rest)
{
    json_t  j;
    wr_rc_t rc = begin(&j, ev, to, v, opts, enough);

    if (rc == WR_AGAIN) {
        wr_json_rest_t *x = wr_alloc(ev->pool, sizeof(*x));

        x->opts = *opts;
        x->j = j;
        x->j.opts = &x->opts;
        if (j.open == j.first) {
            x->j.open = x->j.first;
        }
        *rest = x;
    }
    return rc;
}

wr_rc_t
wr_json_go_on(wr_json_rest_t *rest, wr_eval_t *ev, wr_buf_t *to)
{
    rest->j.ev = ev;
    rest->j.to = to;
    return go_on(&rest->j);
}
