/*
 * The table of the global functions, and the two that make plain values: range
 * and dict.
 */
#include "filter_priv.h"
#include <weir/expr/val_priv.h>

enum { SANDBOX_RANGE = 100000 };

const wr_fn_row_t wr_globals[] = {
    {"range", wr_global_range, "stop | start, stop, step=1",
     "The integers from start up to stop.", WR_FN_PURE,
     "range(3)|list -> [0, 1, 2]\n"
     "range(1, 10, 3)|list -> [1, 4, 7]"},
    {"dict", wr_global_dict, "mapping | pairs, **items", "A new dict.", 0,
     "dict(a=1, b=2) -> {'a': 1, 'b': 2}"},
    {"lipsum", wr_global_lipsum, "n=5, html=true, min=20, max=100",
     "Paragraphs of filler text.", 0,
     "lipsum(n=1, html=false)|length > 20 -> True"},
    {"cycler", wr_global_cycler, "*items",
     "Gives its items in turn, again and again.", 0,
     "cycler(\"odd\", \"even\").next() -> odd"},
    {"joiner", wr_global_joiner, "sep=', '",
     "Gives nothing at first, then the separator.", 0,
     "joiner(\", \")()|length -> 0"},
    {"namespace", wr_global_namespace, "mapping | pairs, **items",
     "An object whose attributes templates may set.", 0,
     "namespace(found=false).found -> False"},
    {.name = NULL},
};

/* How many items, without overflow; saturates. */
static uint64_t
range_length(const wr_range_t *r)
{
    uint64_t span, step;

    if (r->step > 0) {
        if (r->start >= r->stop) {
            return 0;
        }
        span = (uint64_t) r->stop - (uint64_t) r->start;
        step = (uint64_t) r->step;
    } else {
        if (r->start <= r->stop) {
            return 0;
        }
        span = (uint64_t) r->start - (uint64_t) r->stop;
        step = 0 - (uint64_t) r->step;
    }
    return (span - 1) / step + 1;
}

WR_FN(wr_global_range)
{
    int64_t     v[3] = {0, 0, 1};
    wr_range_t *r;

    if (args->nkw != 0) {
        return ev->sandbox == 0
            ? wr_raise(ev, "TypeError", "range() takes no keyword arguments")
            : wr_raise(ev, "TypeError",
                       "safe_range() got an unexpected keyword argument '%.*s'",
                       WR_ARG(args->kw[0].name));
    }
    if (args->n < 1 || args->n > 3) {
        return wr_raise(ev, "TypeError",
                        args->n < 1
                            ? "range expected at least 1 argument, got %u"
                            : "range expected at most 3 arguments, got %u",
                        args->n);
    }
    for (uint32_t i = 0; i < args->n; i++) {
        if (!wr_as_index(ev, &args->pos[i], &v[args->n == 1 ? 1 : i])) {
            return false;
        }
    }
    if (v[2] == 0) {
        return wr_raise(ev, "ValueError", "range() arg 3 must not be zero");
    }
    r = wr_alloc(ev->pool, sizeof(*r));
    *r = (wr_range_t) {v[0], v[1], v[2]};
    if (ev->sandbox != 0 && range_length(r) > SANDBOX_RANGE) {
        return wr_raise(ev, "OverflowError", "Range too big. The sandbox blocks "
                        "ranges larger than MAX_RANGE (%d).", SANDBOX_RANGE);
    }
    *out = (wr_val_t) {.type = WR_V_RANGE, .u.range = r};
    return true;
}

/* ---- dict ---- */

WR_FN(wr_global_dict)
{
    wr_dict_t *d = wr_dict_new(ev->pool, args->nkw);
    wr_val_t   key;

    if (args->n > 1) {
        return wr_raise(ev, "TypeError",
                        "dict expected at most 1 argument, got %u", args->n);
    }
    if (args->n == 1 && !wr_dict_update(ev, d, &args->pos[0])) {
        return false;
    }
    for (uint32_t i = 0; i < args->nkw; i++) {
        key = wr_vstr(args->kw[i].name);
        if (!wr_dict_set(ev, d, &key, &args->kw[i].value)) {
            return false;
        }
    }
    *out = wr_vdict(d);
    return true;
}
