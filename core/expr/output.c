/*
 * Text and `{{ … }}`: runs of them are one statement, done in one go.
 *
 * What pages print is mostly a name or an attribute of one that only has to be looked
 * up, and a str or a number. Such a piece is written where the output ends, which is
 * kept at hand from one to the next; whatever else there is takes the long way, piece
 * by piece.
 */
#include <weir/expr/compile.h>
#include <weir/expr/markup.h>
#include <weir/expr/put.h>

enum { NUMBER = 20 };   /* bytes of one */

/* The value of a piece where it only has to be looked up; NULL: no. */
static inline const wr_val_t *
look_up(const wr_val_t *slots, const wr_piece_t *p)
{
    const wr_val_t    *v = &slots[p->slot];
    const wr_record_t *r;

    if (p->from != WR_FROM_ATTR) {
        return p->from == WR_FROM_LOCAL ? v : NULL;
    }
    r = wr_record_of(v);
    if (r != NULL) {
        return wr_record_get(r, wr_val_text(&p->x->u.attr.name), p->x->u.attr.seen);
    }
    return v->type == WR_V_DICT && p->x->u.attr.dict
               ? wr_dict_gets(v->u.dict, wr_val_text(&p->x->u.attr.name))
               : NULL;
}

/* Most numbers of pages have one or two digits. */
static inline char *
put_int(char *to, int64_t v)
{
    unsigned few = (unsigned) v;

    if (wr_unlikely((uint64_t) v >= 100)) {
        if (v < 0) {
            *to++ = '-';
        }
        return to + wr_put_uint(to, v < 0 ? -(uint64_t) v : (uint64_t) v);
    }
    if (few >= 10) {
        *to++ = (char) ('0' + few / 10);
        few %= 10;
    }
    *to++ = (char) ('0' + few);
    return to;
}

/* Writes a piece to `to`; NULL: its value is not one of the common ones, or there is no
 * room for it. */
static WR_INLINE char *
put_piece(const wr_piece_t *p, const wr_val_t *v, bool escaped, char *to, const char *end)
{
    size_t room = (size_t) (end - to), least = p->text.n + WR_ESCAPE_SLACK;

    if (v->type == WR_V_STR && escaped && (v->flags & WR_VF_SAFE) == 0) {
        return room < least + (size_t) v->len * WR_ESCAPE_LONGEST
                   ? NULL
                   : wr_escape_to(wr_text_to(to, p->text), v->u.s, v->len);
    }
    if (v->type == WR_V_STR) {
        return room < least + v->len
                   ? NULL
                   : wr_bytes_to(wr_text_to(to, p->text), v->u.s, v->len);
    }
    return v->type != WR_V_INT || room < least + NUMBER
               ? NULL
               : put_int(wr_text_to(to, p->text), v->u.i);
}

/* Any piece; `v` is its value if that is known. */
static __attribute__((noinline)) bool
print(wr_mach_t *m, const wr_piece_t *p, const wr_val_t *v)
{
    wr_buf_t *out = m->out;
    bool      escaped = p->safe == WR_SAFE_YES;
    wr_val_t  value;
    char     *to;

    if (p->from == WR_FROM_CALL) {
        wr_put_text(out, p->text.p, p->text.n);
        return wr_print_call(m, p->x, escaped);
    }
    if (v == NULL || wr_slot_special(v)) {
        if (!wr_run_node(m, p->x, &value)) {
            return false;
        }
        v = &value;
        escaped = p->safe == WR_SAFE_ASK ? m->ev->autoescape : escaped;
    }
    to = put_piece(p, v, escaped, out->p + out->n, out->p + out->cap);
    if (to != NULL) {
        out->n = (size_t) (to - out->p);
        return true;
    }
    wr_put_text(out, p->text.p, p->text.n);
    return escaped ? wr_print_escaped(m, v) : wr_print_plain(m, v);
}

wr_x_t
wr_exec_text(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_put_text(m->out, s->u.output.tail.p, s->u.output.tail.n);
    return WR_X_OK;
}

wr_x_t
wr_exec_output(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_piece_t *p = s->u.output.v, *last = p + s->u.output.n;
    const wr_val_t   *slots = m->f->slots, *v;
    wr_buf_t         *out = m->out;
    char             *at = out->p + out->n, *end = out->p + out->cap, *to;

    for (; p < last; p++) {
        v = look_up(slots, p);
        to = v != NULL ? put_piece(p, v, p->safe == WR_SAFE_YES, at, end) : NULL;
        if (wr_likely(to != NULL)) {
            at = to;
            continue;
        }
        out->n = (size_t) (at - out->p);
        if (wr_unlikely(!print(m, p, v))) {
            wr_blame(m, p->line, p->column);
            return WR_X_FAIL;
        }
        at = out->p + out->n;
        end = out->p + out->cap;
    }
    out->n = (size_t) (at - out->p);
    if (s->u.output.tail.n != 0) {
        wr_put_text(out, s->u.output.tail.p, s->u.output.tail.n);
    }
    return WR_X_OK;
}
