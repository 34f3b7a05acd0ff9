/*
 * "Did you mean": the name that is the fewest edits away.
 */
#include <weir/conf/conf.h>

enum { LONGEST = 64 };

/* Edits (insert, delete, replace, swap of neighbours) from a to b, without regard
 * to ASCII case; more than `limit` gives limit + 1. */
static unsigned
distance(wr_str_t a, wr_str_t b, unsigned limit)
{
    unsigned  rows[3][LONGEST + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    for (unsigned j = 0; j <= b.n; j++) {
        last[j] = j;
    }
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned  least = now[0] = i;
        unsigned *spare = before;

        for (unsigned j = 1; j <= b.n; j++) {
            char     x = wr_lower(a.p[i - 1]);
            char     y = wr_lower(b.p[j - 1]);
            unsigned v = last[j - 1] + (x != y);

            if (last[j] + 1 < v) {
                v = last[j] + 1;
            }
            if (now[j - 1] + 1 < v) {
                v = now[j - 1] + 1;
            }
            if (i > 1 && j > 1 && x == wr_lower(b.p[j - 2])
                && wr_lower(a.p[i - 2]) == y && before[j - 2] + 1 < v)
            {
                v = before[j - 2] + 1;
            }
            now[j] = v;
            if (v < least) {
                least = v;
            }
        }
        if (least > limit) {
            return limit + 1;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[b.n];
}

const char *
wr_nearest(wr_str_t word, const char *const *names, size_t n)
{
    unsigned    limit = word.n <= 3 ? 1 : word.n <= 7 ? 2 : 3;
    const char *found = NULL;

    if (word.n == 0 || word.n > LONGEST) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        wr_str_t name = wr_str_z(names[i]);
        size_t   apart = name.n > word.n ? name.n - word.n : word.n - name.n;
        unsigned d;

        if (name.n > LONGEST || apart > limit) {
            continue;
        }
        d = distance(word, name, limit);
        if (d <= limit) {
            found = names[i];
            if (d == 0) {
                break;
            }
            limit = d - 1;
        }
    }
    return found;
}
