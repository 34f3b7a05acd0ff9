/*
 * Printing values: straight into the output, nothing is allocated for what is
 * common.
 */
#include <weir/expr/eval_priv.h>
#include <weir/expr/guard.h>
#include <weir/expr/sixteen_priv.h>

typedef struct {
    char    text[8];
    uint8_t n;
} entity_t;

static const entity_t entities[256] = {
    ['&'] = {"&amp;", 5}, ['<'] = {"&lt;", 4}, ['>'] = {"&gt;", 4},
    ['\''] = {"&#39;", 5}, ['"'] = {"&#34;", 5},
};

/* Room for `room` bytes of output, if `least` of them may be written. */
static WR_COLD void
grow(wr_mach_t *m, size_t least, size_t room)
{
    if (m->out->n + least > m->ev->limits.output) {
        wr_guard_output(m->ev);
    }
    wr_buf_reserve(m->out, room);
}

static inline void
put(wr_mach_t *m, const char *p, size_t n)
{
    if (wr_unlikely(n > m->out->cap - m->out->n)) {
        grow(m, n, n);
    }
    wr_put_bytes(m->out, p, n);
}

/* Most numbers of pages have one or two digits. */
static inline void
put_int(wr_mach_t *m, int64_t v)
{
    wr_buf_t *to = m->out;

    if (wr_likely((uint64_t) v < 100 && to->cap - to->n >= 2)) {
        if (v >= 10) {
            to->p[to->n++] = (char) ('0' + v / 10);
            v %= 10;
        }
        to->p[to->n++] = (char) ('0' + v);
    } else {
        wr_buf_int(to, v);
    }
}

#if defined(__SSE2__)

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

/* At most 16 bytes that stand at `d` already and have something to escape in them:
 * what is behind is moved. */
static inline char *
escape_chunk(char *d, const char *p, size_t n, unsigned mask)
{
    const entity_t *e;
    size_t          k, from = 0;

    do {
        k = (size_t) __builtin_ctz(mask);
        e = &entities[(uint8_t) p[k]];
        d += k - from;
        memcpy(d, e->text, 8);
        d += e->n;
        from = k + 1;
        wr_copy16(d, p + from, n - from);
        mask &= mask - 1;
    } while (mask != 0);
    return d + (n - from);
}

/* At most MOST bytes. Chunks are stored before it is known that they are clean. */
enum { MOST = 4096, LONGEST = 5, SLACK = 32 };

static void
escape_some(wr_mach_t *m, const char *p, size_t n)
{
    char    *d;
    unsigned mask;
    __m128i  v;

    if (wr_unlikely(m->out->cap - m->out->n < n * LONGEST + SLACK)) {
        grow(m, n, n * LONGEST + SLACK);
    }
    d = m->out->p + m->out->n;
    for (; n >= 16; p += 16, n -= 16) {
        v = _mm_loadu_si128((const __m128i *) (const void *) p);
        _mm_storeu_si128((__m128i *) (void *) d, v);
        mask = specials(v);
        d = mask == 0 ? d + 16 : escape_chunk(d, p, 16, mask);
    }
    if (n != 0) {
        v = wr_load_some(p, n);
        _mm_storeu_si128((__m128i *) (void *) d, v);
        mask = specials(v);
        d = mask == 0 ? d + n : escape_chunk(d, p, n, mask);
    }
    m->out->n = (size_t) (d - m->out->p);
}

static void
escape(wr_mach_t *m, const char *p, size_t n)
{
    for (; wr_unlikely(n > MOST); p += MOST, n -= MOST) {
        escape_some(m, p, MOST);
    }
    escape_some(m, p, n);
}

#else

static void
escape(wr_mach_t *m, const char *p, size_t n)
{
    wr_buf_t       *to = m->out;
    const entity_t *e;
    size_t          i, from = 0;

    for (i = 0; i < n; i++) {
        e = &entities[(uint8_t) p[i]];
        if (e->n != 0) {
            put(m, p + from, i - from);
            wr_buf_add(to, e->text, e->n);
            from = i + 1;
        }
    }
    put(m, p + from, n - from);
}

#endif

/* An object whose str() is Markup already: an imported template. */
static bool
is_module(const wr_val_t *v)
{
    return v->type == WR_V_OBJ && v->u.obj->type == &wr_module_type;
}

static bool
within(wr_mach_t *m)
{
    if (wr_unlikely(m->out->n > m->ev->limits.output)) {
        wr_guard_output(m->ev);
        return false;
    }
    return true;
}

bool
wr_print_plain(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR: put(m, v->u.s, v->len); return true;
    case WR_V_INT: put_int(m, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    return wr_put_str(m->ev, m->out, v) && within(m);
}

bool
wr_print_escaped(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR:
        if ((v->flags & WR_VF_SAFE) != 0) {
            put(m, v->u.s, v->len);
        } else {
            escape(m, v->u.s, v->len);
        }
        return true;
    case WR_V_INT: put_int(m, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    if (is_module(v)) {
        return wr_put_str(m->ev, m->out, v) && within(m);
    }
    return wr_put_escaped(m->ev, m->out, v) && within(m);
}

/* ---- statements ---- */

static inline void
before(wr_mach_t *m, const wr_stmt_t *s)
{
    if (s->u.print.text.n != 0) {
        wr_put_text(m->out, s->u.print.text.p, s->u.print.text.n);
    }
}

static inline wr_x_t
after(wr_mach_t *m, const wr_stmt_t *s, bool ok)
{
    if (wr_unlikely(!ok)) {
        return WR_X_FAIL;
    }
    if (s->u.print.tail.n != 0) {
        wr_put_text(m->out, s->u.print.tail.p, s->u.print.tail.n);
    }
    return WR_X_OK;
}

wr_x_t
wr_exec_text(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_put_text(m->out, s->u.print.text.p, s->u.print.text.n);
    return WR_X_OK;
}

/* Each way to print has two forms: with autoescape, `escaped`, and without. What pages
 * print is text or a number, nearly always. */
static WR_INLINE wr_x_t
print(wr_mach_t *m, const wr_stmt_t *s, const wr_val_t *v, bool escaped)
{
    if (!escaped) {
        return after(m, s, wr_print_plain(m, v));
    }
    if (wr_likely(v->type == WR_V_STR && (v->flags & WR_VF_SAFE) == 0)) {
        escape(m, v->u.s, v->len);
        return after(m, s, true);
    }
    if (v->type == WR_V_INT) {
        put_int(m, v->u.i);
        return after(m, s, true);
    }
    return after(m, s, wr_print_escaped(m, v));
}

static WR_INLINE wr_x_t
print_any(wr_mach_t *m, const wr_stmt_t *s, bool escaped)
{
    wr_val_t v;

    before(m, s);
    return wr_run_node(m, s->u.print.x, &v) ? print(m, s, &v, escaped) : WR_X_FAIL;
}

wr_x_t
wr_exec_print(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_any(m, s, false);
}

wr_x_t
wr_exec_print_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_any(m, s, true);
}

wr_x_t
wr_exec_print_volatile(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    before(m, s);
    return wr_run_node(m, s->u.print.x, &v) ? print(m, s, &v, m->ev->autoescape)
                                            : WR_X_FAIL;
}

/* A local name. */
static WR_INLINE wr_x_t
print_local(wr_mach_t *m, const wr_stmt_t *s, bool escaped)
{
    const wr_val_t *v = &m->f->slots[s->u.print.var.slot];
    wr_val_t        copy;

    before(m, s);
    if (wr_unlikely(wr_slot_special(v))) {
        if (!wr_slot_slow(m, &s->u.print.var, m->f, &copy)) {
            return WR_X_FAIL;
        }
        v = &copy;
    }
    return print(m, s, v, escaped);
}

wr_x_t
wr_exec_print_local(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_local(m, s, false);
}

wr_x_t
wr_exec_print_local_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_local(m, s, true);
}

/* `name.attr` of a local name, where it only has to be looked up; NULL: no. */
static inline const wr_val_t *
look_up(const wr_mach_t *m, const wr_node_t *n)
{
    const wr_val_t *x = &m->f->slots[n->u.attr.x->u.var.slot];
    wr_str_t        name = wr_val_text(&n->u.attr.name);

    if (x->type == WR_V_DICT) {
        return n->u.attr.dict ? wr_dict_gets(x->u.dict, name) : NULL;
    }
    return wr_record_of(x) != NULL && n->u.attr.open
               ? wr_record_get(wr_record_of(x), name, n->u.attr.seen)
               : NULL;
}

static WR_INLINE wr_x_t
print_attr(wr_mach_t *m, const wr_stmt_t *s, bool escaped)
{
    const wr_val_t *v = look_up(m, s->u.print.x);

    if (wr_unlikely(v == NULL)) {
        return escaped ? wr_exec_print_auto(m, s) : wr_exec_print(m, s);
    }
    before(m, s);
    return print(m, s, v, escaped);
}

wr_x_t
wr_exec_print_attr(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_attr(m, s, false);
}

wr_x_t
wr_exec_print_attr_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_attr(m, s, true);
}

/* ---- calls whose result is printed ---- */

/* Calls what puts out text straight into the output; `*done` is false if it was
 * something else, whose value is in `out` then; with `escape` also if the text
 * is to be escaped. */
static bool
run_or_call(wr_mach_t *m, const wr_val_t *fn, const wr_args_t *args, bool escape,
            bool *done, wr_val_t *out)
{
    const wr_obj_type_t *t = fn->type == WR_V_OBJ ? fn->u.obj->type : NULL;

    *done = true;
    if (t == &wr_macro_type) {
        return wr_macro_run(m, fn->u.obj, args);
    }
    if (t == &wr_blockref_type && (!escape || wr_blockref_safe(fn->u.obj))) {
        return wr_blockref_run(m, fn->u.obj, args);
    }
    if (t == &wr_loop_type && (!escape || wr_loop_safe(fn->u.obj))) {
        return wr_loop_call(m, fn->u.obj, args);
    }
    *done = false;
    return wr_call(m->ev, fn, args, out);
}

static WR_INLINE wr_x_t
print_run(wr_mach_t *m, const wr_stmt_t *s, bool escaped)
{
    const wr_node_t *n = s->u.print.x;
    wr_val_t         fn, v;
    wr_argbuf_t      c;
    bool             done = false;

    before(m, s);
    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !wr_run_args(m, n->u.call.args, NULL, NULL, &c))
    {
        return WR_X_FAIL;
    }
    /* What a macro gives is Markup if escaping is on where it is called. */
    if (!(wr_likely(m->ev->autoescape == escaped)
              ? run_or_call(m, &fn, &c.args, escaped, &done, &v)
              : wr_call(m->ev, &fn, &c.args, &v)))
    {
        return WR_X_FAIL;
    }
    return done ? after(m, s, true) : print(m, s, &v, escaped);
}

wr_x_t
wr_exec_print_run(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_run(m, s, false);
}

wr_x_t
wr_exec_print_run_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_run(m, s, true);
}

wr_x_t
wr_exec_callblock(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_node_t *n = s->u.callblock.call;
    wr_kwarg_t       caller = {WR_STR("caller"), {0}};
    wr_val_t         fn, v;
    wr_argbuf_t      c;
    bool             done;

    caller.value = wr_macro_new(m, s->u.callblock.proto);
    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !wr_run_args(m, n->u.call.args, NULL, &caller, &c)
        || !run_or_call(m, &fn, &c.args, false, &done, &v))
    {
        return WR_X_FAIL;
    }
    if (done) {
        return WR_X_OK;
    }
    if (v.type != WR_V_STR) {
        wr_raise(m->ev, "TypeError",
                 "sequence item 0: expected str instance, %s found",
                 wr_type_name(&v));
        return WR_X_FAIL;
    }
    return wr_print_plain(m, &v) ? WR_X_OK : WR_X_FAIL;
}
