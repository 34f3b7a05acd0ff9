/*
 * Merge sort over small runs made by binary insertion. The first run is taken as
 * it comes (already sorted, or falling), which makes sorted input linear and
 * meets the same pair first that Python's sort would meet.
 */
#include <weir/expr/sort.h>

enum { RUN = 32 };

typedef struct sorter {
    wr_eval_t      *ev;
    wr_less_t       less;
    wr_sort_item_t *spare;
} sorter_t;

bool
wr_less(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *less)
{
    int cmp;

    if (a->type == WR_V_INT && b->type == WR_V_INT) {
        *less = a->u.i < b->u.i;
        return true;
    }
    if (a->type == WR_V_STR && b->type == WR_V_STR) {
        *less = wr_str_cmp(wr_val_text(a), wr_val_text(b)) < 0;
        return true;
    }
    if (!wr_compare(ev, "<", a, b, &cmp)) {
        return false;
    }
    *less = cmp < 0;
    return true;
}

bool
wr_less_in_list(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b,
                bool *less)
{
    bool equal;

    if ((a->type == WR_V_INT && b->type == WR_V_INT)
        || (a->type == WR_V_STR && b->type == WR_V_STR)) {
        return wr_less(ev, a, b, less);
    }
    if (!wr_equal(ev, a, b, &equal)) {
        return false;
    }
    if (equal) {
        *less = false;
        return true;
    }
    return wr_less(ev, a, b, less);
}

static void
turn_round(wr_sort_item_t *a, uint32_t n)
{
    for (uint32_t i = 0; i < n / 2; i++) {
        wr_sort_item_t t = a[i];

        a[i] = a[n - 1 - i];
        a[n - 1 - i] = t;
    }
}

/* How many at the start are in order; strictly falling ones are turned. */
static bool
first_run(sorter_t *s, wr_sort_item_t *a, uint32_t n, uint32_t *run)
{
    bool     falling, less;
    uint32_t i;

    if (n < 2) {
        *run = n;
        return true;
    }
    if (!s->less(s->ev, &a[1].key, &a[0].key, &falling)) {
        return false;
    }
    for (i = 2; i < n; i++) {
        if (!s->less(s->ev, &a[i].key, &a[i - 1].key, &less)) {
            return false;
        }
        if (less != falling) {
            break;
        }
    }
    if (falling) {
        turn_round(a, i);
    }
    *run = i;
    return true;
}

/* a[0..sorted) is in order; makes a[0..n) so. */
static bool
insert_rest(sorter_t *s, wr_sort_item_t *a, uint32_t sorted, uint32_t n)
{
    for (; sorted < n; sorted++) {
        wr_sort_item_t pivot = a[sorted];
        uint32_t       low = 0;
        uint32_t       high = sorted;

        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            bool     less;

            if (!s->less(s->ev, &pivot.key, &a[mid].key, &less)) {
                return false;
            }
            if (less) {
                high = mid;
            } else {
                low = mid + 1;
            }
        }
        memmove(a + low + 1, a + low, (sorted - low) * sizeof(*a));
        a[low] = pivot;
    }
    return true;
}

/* a[0..mid) and a[mid..n) become one. */
static bool
merge(sorter_t *s, wr_sort_item_t *a, uint32_t mid, uint32_t n)
{
    uint32_t i = 0, j = mid, k = 0;
    bool     less;

    if (!s->less(s->ev, &a[mid].key, &a[mid - 1].key, &less)) {
        return false;
    }
    if (!less) {
        return true;
    }
    memcpy(s->spare, a, mid * sizeof(*a));
    while (i < mid && j < n) {
        if (!s->less(s->ev, &a[j].key, &s->spare[i].key, &less)) {
            return false;
        }
        a[k++] = less ? a[j++] : s->spare[i++];
    }
    memcpy(a + k, s->spare + i, (mid - i) * sizeof(*a));
    return true;
}

static bool
sort_range(sorter_t *s, wr_sort_item_t *a, uint32_t n)
{
    uint32_t run, mid = n / 2;

    if (n <= RUN) {
        return first_run(s, a, n, &run) && insert_rest(s, a, run, n);
    }
    return sort_range(s, a, mid) && sort_range(s, a + mid, n - mid)
        && merge(s, a, mid, n);
}

bool
wr_sort(wr_eval_t *ev, wr_sort_item_t *items, uint32_t n, bool reverse,
        wr_less_t less)
{
    sorter_t s = {.ev = ev, .less = less};
    uint32_t run;

    if (reverse) {
        turn_round(items, n);
    }
    if (!first_run(&s, items, n, &run)) {
        return false;
    }
    if (n < 64) {
        if (!insert_rest(&s, items, run, n)) {
            return false;
        }
    } else if (run < n) {
        s.spare = wr_alloc(ev->pool, n * sizeof(*items));
        if (!sort_range(&s, items, n)) {
            return false;
        }
    }
    if (reverse) {
        turn_round(items, n);
    }
    return true;
}

wr_sort_item_t *
wr_sort_entries(wr_eval_t *ev, const wr_dict_t *d, wr_less_t less)
{
    wr_sort_item_t  *items = wr_alloc(ev->pool,
                                      (d->live + 1) * sizeof(wr_sort_item_t));
    wr_dict_entry_t *e;
    uint32_t         n = 0;

    for (uint32_t i = 0; (e = wr_dict_next(d, &i)) != NULL; n++) {
        items[n].key = e->key;
        items[n].at = (uint32_t) (e - d->entries);
    }
    return wr_sort(ev, items, n, false, less) ? items : NULL;
}
