/*
 * The nested ranges are cut into a sorted list of steps: from here on this value
 * holds, so that a look-up is one binary search however many ranges there are.
 */
#include <stdlib.h>
#include "table.h"

typedef struct step {
    geo_key_t       from;
    const wr_str_t *value;      /* NULL: outside of all */
} step_t;

static geo_key_t
number(const unsigned char *p, size_t n)
{
    geo_key_t key = 0;

    for (size_t i = 0; i < n; i++) {
        key = key << 8 | p[i];
    }
    return key;
}

bool
geo_key(const struct sockaddr *sa, geo_key_t *key)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *) sa;

        *key = (geo_key_t) 0xffff << 32
               | number((const unsigned char *) &in->sin_addr, 4);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *) sa;

        *key = number((const unsigned char *) &in6->sin6_addr, 16);
        return true;
    }
    return false;
}

void
geo_cidr_range(const wr_cidr_t *c, geo_key_t *from, geo_key_t *to)
{
    bool      v4 = c->family == AF_INET;
    unsigned  host = (v4 ? 32 : 128) - c->bits;
    geo_key_t mask = host == 128 ? ~(geo_key_t) 0 : ((geo_key_t) 1 << host) - 1;

    *from = number(c->addr, v4 ? 4 : 16);
    if (v4) {
        *from |= (geo_key_t) 0xffff << 32;
    }
    *from &= ~mask;
    *to = *from | mask;
}

static geo_range_t *
same(geo_table_t *t, geo_key_t from, geo_key_t to)
{
    for (uint32_t i = t->ranges.n; i > 0 && i + 16 > t->ranges.n; i--) {
        geo_range_t *r = WR_AT(&t->ranges, geo_range_t, i - 1);

        if (r->from == from && r->to == to) {
            return r;
        }
    }
    return NULL;
}

bool
geo_add(geo_table_t *t, const geo_range_t *range, wr_str_t *old)
{
    geo_range_t *r = same(t, range->from, range->to);

    if (r != NULL) {
        *old = r->value;
        *r = *range;
        return true;
    }
    r = WR_PUSH(&t->ranges, geo_range_t);
    *r = *range;
    r->order = t->ranges.n;
    return false;
}

bool
geo_delete(geo_table_t *t, geo_key_t from, geo_key_t to)
{
    bool found = false;

    for (uint32_t i = 0; i < t->ranges.n;) {
        geo_range_t *r = WR_AT(&t->ranges, geo_range_t, i);

        if (r->from != from || r->to != to) {
            i++;
            continue;
        }
        memmove(r, r + 1, (t->ranges.n - i - 1) * sizeof(*r));
        t->ranges.n--;
        found = true;
    }
    return found;
}

/* Outer ranges first; of equal ones the one that was written last comes last, so
 * that it counts. */
static int
by_start(const void *a, const void *b)
{
    const geo_range_t *x = a, *y = b;

    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    if (x->to != y->to) {
        return x->to > y->to ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

static void
push_step(wr_array_t *steps, geo_key_t from, const wr_str_t *value)
{
    step_t *last = steps->n != 0 ? WR_AT(steps, step_t, steps->n - 1) : NULL;

    if (last != NULL && last->from == from) {
        last->value = value;
        return;
    }
    *WR_PUSH(steps, step_t) = (step_t) {from, value};
}

const geo_range_t *
geo_build(geo_table_t *t, wr_pool_t *pool)
{
    wr_array_t   open = wr_array(pool, sizeof(geo_range_t *));
    geo_range_t *all = t->ranges.items;

    t->steps = wr_array(pool, sizeof(step_t));
    push_step(&t->steps, 0, NULL);
    if (t->ranges.n != 0) {
        qsort(all, t->ranges.n, sizeof(*all), by_start);
    }
    for (uint32_t i = 0; i <= t->ranges.n; i++) {
        geo_range_t *r = i < t->ranges.n ? &all[i] : NULL;

        /* Those that end before this one: what is around them holds again. */
        while (open.n != 0) {
            geo_range_t *top = *WR_AT(&open, geo_range_t *, open.n - 1);

            if (r != NULL && top->to >= r->from) {
                if (top->to < r->to) {
                    return r;
                }
                break;
            }
            open.n--;
            if (top->to != ~(geo_key_t) 0) {
                push_step(&t->steps, top->to + 1,
                          open.n != 0
                              ? &(*WR_AT(&open, geo_range_t *, open.n - 1))->value
                              : NULL);
            }
        }
        if (r != NULL) {
            push_step(&t->steps, r->from, &r->value);
            *WR_PUSH(&open, geo_range_t *) = r;
        }
    }
    return NULL;
}

const wr_str_t *
geo_find(const geo_table_t *t, geo_key_t key)
{
    const step_t *steps = t->steps.items;
    uint32_t      low = 0, high = t->steps.n;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (steps[middle].from <= key) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high != 0 ? steps[low].value : NULL;
}
