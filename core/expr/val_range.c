/*
 * range: start, stop and step; the items are made when asked for.
 */
#include <weir/expr/val_priv.h>

int64_t
wr_range_len(const wr_range_t *r)
{
    uint64_t way;
    uint64_t step;
    uint64_t n;

    if (r->step > 0 ? r->start >= r->stop : r->start <= r->stop) {
        return 0;
    }
    if (r->step > 0) {
        way = (uint64_t) r->stop - (uint64_t) r->start - 1;
        step = (uint64_t) r->step;
    } else {
        way = (uint64_t) r->start - (uint64_t) r->stop - 1;
        step = 0 - (uint64_t) r->step;
    }
    n = way / step + 1;
    return n > INT64_MAX || n == 0 ? INT64_MAX : (int64_t) n;
}

wr_val_t
wr_vrange(wr_pool_t *pool, int64_t start, int64_t stop, int64_t step)
{
    wr_range_t *r = wr_alloc(pool, sizeof(*r));

    *r = (wr_range_t) {start, stop, step};
    return (wr_val_t) {.type = WR_V_RANGE, .u.range = r};
}

int64_t
wr_range_find(const wr_range_t *r, const wr_val_t *v)
{
    uint64_t away;
    uint64_t step;
    int64_t  i;

    if (v->type == WR_V_FLOAT) {
        if (!(v->u.f >= -9223372036854775808.0
              && v->u.f < 9223372036854775808.0)
            || (double) (int64_t) v->u.f != v->u.f)
        {
            return -1;
        }
        i = (int64_t) v->u.f;
    } else if (wr_is_int(v)) {
        i = v->u.i;
    } else {
        return -1;
    }
    if (r->step > 0) {
        if (i < r->start || i >= r->stop) {
            return -1;
        }
        away = (uint64_t) i - (uint64_t) r->start;
        step = (uint64_t) r->step;
    } else {
        if (i > r->start || i <= r->stop) {
            return -1;
        }
        away = (uint64_t) r->start - (uint64_t) i;
        step = 0 - (uint64_t) r->step;
    }
    return away % step == 0 ? (int64_t) (away / step) : -1;
}
