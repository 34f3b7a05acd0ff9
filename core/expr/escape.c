/*
 * Escaping for HTML: runs without special characters are found sixteen bytes at
 * a time and copied whole.
 */
#include <weir/expr/markup.h>
#include <weir/expr/put.h>
#include <weir/expr/sixteen_priv.h>
#include <weir/expr/val_priv.h>

/* Copied whole: one move instead of a call. */
typedef struct entity {
    char    text[7];
    uint8_t n;
} entity_t;

static const entity_t entities[256] = {
    ['&'] = {"&amp;", 5}, ['<'] = {"&lt;", 4}, ['>'] = {"&gt;", 4},
    ['\''] = {"&#39;", 5}, ['"'] = {"&#34;", 5},
};

static inline char *
entity_to(char *to, char c)
{
    const entity_t *e = &entities[(uint8_t) c];

    memcpy(to, e, sizeof(*e));
    return to + e->n;
}

static inline bool
is_special(char c)
{
    return entities[(uint8_t) c].n != 0;
}

#ifdef __SSE2__

/* A bit for each byte that has to be escaped. In '&' and '\'', and in '<' and '>', one
 * bit differs. */
static inline unsigned
specials(__m128i v)
{
    __m128i a = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(1)), _mm_set1_epi8('\''));
    __m128i b = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
    __m128i c = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));

    return (unsigned) _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), c));
}

static inline __m128i
load(const char *p)
{
    return _mm_loadu_si128((const __m128i *) (const void *) p);
}

static inline void
store(char *to, __m128i v)
{
    _mm_storeu_si128((__m128i *) (void *) to, v);
}

/* Fewer than sixteen bytes. */
static char *
escape_some(char *to, const char *p, size_t n)
{
    unsigned mask;
    size_t   clean;
    __m128i  v;

    while (n != 0) {
        v = wr_load_some(p, n);
        store(to, v);
        mask = specials(v);
        if (mask == 0) {
            return to + n;
        }
        clean = (size_t) __builtin_ctz(mask);
        to = entity_to(to + clean, p[clean]);
        p += clean + 1;
        n -= clean + 1;
    }
    return to;
}

/* Sixteen bytes are stored before it is known that they are clean; where they are not,
 * those that come next are stored anew behind the entity. */
char *
wr_escape_to(char *to, const char *p, size_t n)
{
    const char *start = p, *end = p + n;
    unsigned    mask;
    size_t      clean;
    __m128i     v;

    while (end - p >= 16) {
        v = load(p);
        store(to, v);
        mask = specials(v);
        if (mask == 0) {
            p += 16;
            to += 16;
        }
        while (mask != 0) {
            clean = (size_t) __builtin_ctz(mask);
            to = entity_to(to + clean, p[clean]);
            p += clean + 1;
            if (end - p < 16) {
                break;
            }
            mask = mask >> clean >> 1;
            store(to, load(p));
        }
    }
    /* If the last sixteen are clean they are also the last that were put out. */
    if (p < end && end - start >= 16) {
        v = load(end - 16);
        if (specials(v) == 0) {
            to += end - p;
            store(to - 16, v);
            return to;
        }
    }
    return escape_some(to, p, (size_t) (end - p));
}

#else

char *
wr_escape_to(char *to, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_special(p[i])) {
            to = entity_to(to, p[i]);
        } else {
            *to++ = p[i];
        }
    }
    return to;
}

#endif

/* The first special byte in [p, end), or `end`. */
static inline const char *
find_special(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        unsigned mask = specials(load(p));

        if (mask != 0) {
            return p + __builtin_ctz(mask);
        }
    }
#endif
    while (p < end && !is_special(*p)) {
        p++;
    }
    return p;
}

size_t
wr_escape_find(wr_str_t s)
{
    return s.n != 0 ? (size_t) (find_special(s.p, s.p + s.n) - s.p) : 0;
}

void
wr_escape(wr_buf_t *to, wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;

    while (p < end) {
        const char *at = find_special(p, end);

        wr_buf_add(to, p, (size_t) (at - p));
        if (at == end) {
            return;
        }
        (void) entity_to(wr_buf_reserve(to, 8), *at);
        to->n += entities[(uint8_t) *at].n;
        p = at + 1;
    }
}

size_t
wr_escape_len(wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    size_t      n = s.n;

    while (p < end && (p = find_special(p, end)) < end) {
        n += entities[(uint8_t) *p].n - 1u;
        p++;
    }
    return n;
}

bool
wr_escape_val(wr_eval_t *ev, const wr_val_t *v, wr_val_t *out)
{
    wr_buf_t b;

    if (wr_is_safe(v)) {
        *out = *v;
        return true;
    }
    if (v->type == WR_V_STR
        && wr_escape_find(wr_val_text(v)) == v->len)
    {
        *out = wr_with_safe(v, true);
        return true;
    }
    b = wr_ev_buf(ev);
    if (!wr_put_escaped(ev, &b, v) || !wr_buf_val(ev, &b, out)) {
        return false;
    }
    out->flags |= WR_VF_SAFE;
    if (v->type == WR_V_STR) {
        out->flags |= v->flags & WR_VF_ASCII;
    }
    return true;
}
