/*
 * Printing values: straight into the output, nothing is allocated for what is
 * common.
 */
#include <weir/expr/compile.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* 1 for the five characters that are escaped. */
static const uint8_t special[256] = {
    ['&'] = 1, ['<'] = 1, ['>'] = 1, ['\''] = 1, ['"'] = 1};

/* How many bytes in front need no escape. */
static inline size_t
clean(const char *p, size_t n)
{
    size_t i = 0;

#if defined(__SSE2__)
    const __m128i amp = _mm_set1_epi8('&'), lt = _mm_set1_epi8('<'),
                  gt = _mm_set1_epi8('>'), apos = _mm_set1_epi8('\''),
                  quot = _mm_set1_epi8('"');
    __m128i  v, hit;
    unsigned mask;

    for (; i + 16 <= n; i += 16) {
        v = _mm_loadu_si128((const __m128i *) (const void *) (p + i));
        hit = _mm_or_si128(
            _mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(v, amp), _mm_cmpeq_epi8(v, lt)),
                _mm_or_si128(_mm_cmpeq_epi8(v, gt), _mm_cmpeq_epi8(v, apos))),
            _mm_cmpeq_epi8(v, quot));
        mask = (unsigned) _mm_movemask_epi8(hit);
        if (mask != 0) {
            return i + (size_t) __builtin_ctz(mask);
        }
    }
#endif
    while (i < n && !special[(uint8_t) p[i]]) {
        i++;
    }
    return i;
}

static void
put_escape(wr_buf_t *to, char c)
{
    switch (c) {
    case '&': wr_buf_lit(to, "&amp;"); break;
    case '<': wr_buf_lit(to, "&lt;"); break;
    case '>': wr_buf_lit(to, "&gt;"); break;
    case '\'': wr_buf_lit(to, "&#39;"); break;
    default: wr_buf_lit(to, "&#34;"); break;
    }
}

static inline void
escape(wr_buf_t *to, const char *p, size_t n)
{
    size_t k;

    for (;;) {
        k = clean(p, n);
        wr_buf_add(to, p, k);
        if (k == n) {
            return;
        }
        put_escape(to, p[k]);
        p += k + 1;
        n -= k + 1;
    }
}

/* An object whose str() is Markup already: an imported template. */
static bool
is_module(const wr_val_t *v)
{
    return v->type == WR_V_OBJ && v->u.obj->type == &wr_module_type;
}

bool
wr_print_plain(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR: wr_buf_add(m->out, v->u.s, v->len); return true;
    case WR_V_INT: wr_buf_int(m->out, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    return wr_put_str(m->ev, m->out, v);
}

bool
wr_print_escaped(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR:
        if ((v->flags & WR_VF_SAFE) != 0) {
            wr_buf_add(m->out, v->u.s, v->len);
        } else {
            escape(m->out, v->u.s, v->len);
        }
        return true;
    case WR_V_INT: wr_buf_int(m->out, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    if (is_module(v)) {
        return wr_put_str(m->ev, m->out, v);
    }
    return wr_put_escaped(m->ev, m->out, v);
}

wr_x_t
wr_exec_text(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    return WR_X_OK;
}

wr_x_t
wr_exec_print(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    return wr_run_node(m, s->u.print.x, &v) && wr_print_plain(m, &v)
               ? WR_X_OK
               : WR_X_FAIL;
}

wr_x_t
wr_exec_print_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    return wr_run_node(m, s->u.print.x, &v) && wr_print_escaped(m, &v)
               ? WR_X_OK
               : WR_X_FAIL;
}

wr_x_t
wr_exec_print_local(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_val_t *v = &m->f->slots[s->u.print.var.slot];
    wr_val_t        copy;

    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    if (wr_unlikely(wr_slot_special(v))) {
        if (!wr_slot_slow(m, &s->u.print.var, m->f, &copy)) {
            return WR_X_FAIL;
        }
        v = &copy;
    }
    return wr_print_plain(m, v) ? WR_X_OK : WR_X_FAIL;
}

wr_x_t
wr_exec_print_local_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_val_t *v = &m->f->slots[s->u.print.var.slot];
    wr_val_t        copy;

    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    if (wr_unlikely(wr_slot_special(v))) {
        if (!wr_slot_slow(m, &s->u.print.var, m->f, &copy)) {
            return WR_X_FAIL;
        }
        v = &copy;
    }
    return wr_print_escaped(m, v) ? WR_X_OK : WR_X_FAIL;
}

wr_x_t
wr_exec_print_volatile(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    wr_buf_add(m->out, s->u.print.text.p, s->u.print.text.n);
    return wr_run_node(m, s->u.print.x, &v)
                   && (m->ev->autoescape ? wr_print_escaped(m, &v)
                                         : wr_print_plain(m, &v))
               ? WR_X_OK
               : WR_X_FAIL;
}
