/*
 * Escaping for HTML: runs without special characters are found sixteen bytes at
 * a time and copied whole.
 */
#include <weir/expr/markup.h>
#include <weir/expr/val_priv.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How long the entity of a special byte is. */
static inline size_t
entity_len(char c)
{
    return c == '<' || c == '>' ? 4 : 5;
}

/* Copies eight bytes whatever the length: one move instead of a call. */
static inline void
put_entity(wr_buf_t *to, char c)
{
    const char *text = c == '&'    ? "&amp;\0\0"
                       : c == '<'  ? "&lt;\0\0\0"
                       : c == '>'  ? "&gt;\0\0\0"
                       : c == '\'' ? "&#39;\0\0"
                                   : "&#34;\0\0";

    memcpy(wr_buf_reserve(to, 8), text, 8);
    to->n += entity_len(c);
}

static inline bool
is_special(char c)
{
    return c == '&' || c == '<' || c == '>' || c == '\'' || c == '"';
}

/* The first special byte in [p, end), or `end`. */
static inline const char *
find_special(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i amp = _mm_set1_epi8('&');
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i less = _mm_set1_epi8('<');
    const __m128i two = _mm_set1_epi8(2);
    const __m128i one = _mm_set1_epi8(1);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *) (const void *) p);
        /* & and ' differ in one bit, < and > in another. */
        __m128i a = _mm_cmpeq_epi8(_mm_andnot_si128(one, v), amp);
        __m128i b = _mm_cmpeq_epi8(_mm_andnot_si128(two, v), less);
        __m128i c = _mm_cmpeq_epi8(v, quote);
        int     mask = _mm_movemask_epi8(
                _mm_or_si128(_mm_or_si128(a, b), c));

        if (mask != 0) {
            return p + __builtin_ctz((unsigned) mask);
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
        put_entity(to, *at);
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
        n += entity_len(*p) - 1;
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
