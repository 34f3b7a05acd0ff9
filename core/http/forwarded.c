/*
 * X-Forwarded-For and its like, read from the right: what our own proxies wrote.
 */
#include <weir/http/forwarded.h>

bool
wr_cidrs_have(const wr_array_t *cidrs, const struct sockaddr *sa)
{
    for (WR_EACH(wr_cidr_t, c, cidrs)) {
        if (wr_cidr_has(c, sa)) {
            return true;
        }
    }
    return false;
}

/* Takes the last item off the list. */
static wr_str_t
take_last(wr_str_t *list)
{
    ssize_t  comma;
    wr_str_t item;

    while (list->n != 0 && (list->p[list->n - 1] == ' ' || list->p[list->n - 1] == ','
                            || list->p[list->n - 1] == '\t'))
    {
        list->n--;
    }
    comma = (ssize_t) list->n - 1;
    while (comma >= 0 && list->p[comma] != ',' && list->p[comma] != ' '
           && list->p[comma] != '\t')
    {
        comma--;
    }
    item = wr_str_skip(*list, (size_t) (comma + 1));
    list->n = comma < 0 ? 0 : (size_t) comma;
    return item;
}

bool
wr_forwarded_addr(wr_addr_t *addr, wr_str_t list, const wr_array_t *trusted,
                  bool recursive)
{
    bool changed = false;

    while (wr_cidrs_have(trusted, &addr->u.sa)) {
        wr_addr_t next;
        wr_str_t  item = take_last(&list);

        if (item.n == 0 || !wr_addr_parse(&next, item, 0)) {
            break;
        }
        *addr = next;
        changed = true;
        if (!recursive) {
            break;
        }
    }
    return changed;
}
