/*
 * Small checks of names.
 */
#include <weir/http/blocks_priv.h>

wr_str_t
wr_name_lower(wr_pool_t *pool, wr_str_t s)
{
    char *low = NULL;

    for (size_t i = 0; i < s.n; i++) {
        if (low == NULL && wr_lower(s.p[i]) != s.p[i]) {
            low = wr_pool_strz(pool, s);
        }
        if (low != NULL) {
            low[i] = wr_lower(s.p[i]);
        }
    }
    return low != NULL ? wr_str(low, s.n) : s;
}

bool
wr_name_is_valid(wr_str_t name)
{
    bool head = wr_str_starts(name, WR_STR("*."));
    bool tail = wr_str_ends(name, WR_STR(".*"));

    if (name.n == 0) {
        return true;
    }
    if (name.p[0] == '.') {
        name = wr_str_skip(name, 1);
    } else if (head) {
        name = wr_str_skip(name, 2);
    } else if (tail) {
        name = wr_str(name.p, name.n - 2);
    }
    if (name.n == 0 || (head && tail)) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '*' || name.p[i] == '\0'
            || (name.p[i] == '.' && i + 1 < name.n && name.p[i + 1] == '.'))
        {
            return false;
        }
    }
    return name.p[0] != '.';
}
