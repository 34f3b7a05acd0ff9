/*
 * What running expressions (eval*.c) and printing (print.c) share: local names, the
 * arguments of calls.
 */
#ifndef WEIR_EXPR_EVAL_PRIV_H
#define WEIR_EXPR_EVAL_PRIV_H

#include <weir/expr/compile.h>
#include <weir/expr/put.h>

enum {
    WR_EVAL_FEW = 8     /* arguments, parts of a text: no allocation for them */
};

/* A name of the innermost frame. */
static inline bool
wr_read_local(wr_mach_t *m, const wr_place_t *p, wr_val_t *out)
{
    *out = m->f->slots[p->slot];
    return wr_likely(!wr_slot_special(out)) || wr_slot_slow(m, p, m->f, out);
}

/* One comparison, by its WR_CMP_…; false: it failed. */
bool wr_compare_by(wr_eval_t *ev, uint8_t op, const wr_val_t *a, const wr_val_t *b, bool *is);

/* Arguments, and room for a few. */
typedef struct wr_argbuf {
    wr_args_t  args;
    wr_val_t   pos[WR_EVAL_FEW];
    wr_kwarg_t kw[WR_EVAL_FEW];
} wr_argbuf_t;

/* The rare kinds of arguments: *a, **k, or many. */
bool wr_run_args_slow(wr_mach_t *m, const wr_argx_t *a, const wr_val_t *first,
                      const wr_kwarg_t *extra, wr_argbuf_t *c);

/* Evaluates arguments; `first` and `extra` come along if they are not NULL. */
static inline bool
wr_run_args(wr_mach_t *m, const wr_argx_t *a, const wr_val_t *first,
            const wr_kwarg_t *extra, wr_argbuf_t *c)
{
    uint32_t i, k = 0, nkw = 0;

    if (wr_unlikely(a->dyn != NULL || a->dynkw != NULL || a->n + 1 > WR_EVAL_FEW
                    || a->nkw + 1 > WR_EVAL_FEW))
    {
        return wr_run_args_slow(m, a, first, extra, c);
    }
    if (first != NULL) {
        c->pos[k++] = *first;
    }
    for (i = 0; i < a->n; i++) {
        if (!wr_run_node(m, a->pos[i], &c->pos[k++])) {
            return false;
        }
    }
    for (i = 0; i < a->nkw; i++) {
        c->kw[nkw].name = a->kw[i];
        if (!wr_run_node(m, a->kwv[i], &c->kw[nkw++].value)) {
            return false;
        }
    }
    if (extra != NULL) {
        c->kw[nkw++] = *extra;
    }
    c->args.pos = c->pos;
    c->args.n = k;
    c->args.kw = c->kw;
    c->args.nkw = nkw;
    c->args.self = (wr_val_t){0};
    return true;
}

#endif
