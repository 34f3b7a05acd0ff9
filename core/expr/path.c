/*
 * Attribute paths: split once, followed for every item.
 */
#include <weir/expr/path.h>

/* A part of digits is an index, if it fits. */
static wr_val_t
part_of(wr_str_t text)
{
    int64_t v = 0;

    if (text.n == 0) {
        return wr_vstr(text);
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!wr_is_digit(text.p[i]) || __builtin_mul_overflow(v, 10, &v)
            || __builtin_add_overflow(v, text.p[i] - '0', &v)) {
            return wr_vstr(text);
        }
    }
    return wr_int(v);
}

bool
wr_path_make(wr_eval_t *ev, const wr_val_t *attribute, wr_path_t *path)
{
    wr_str_t rest, part;
    uint32_t n = 1;

    *path = (wr_path_t) {NULL, 0};
    if (attribute == NULL || attribute->type == WR_V_NONE) {
        return true;
    }
    if (attribute->type != WR_V_STR) {
        path->parts = wr_alloc(ev->pool, sizeof(wr_val_t));
        path->parts[0] = *attribute;
        path->n = 1;
        return true;
    }
    rest = wr_val_text(attribute);
    for (size_t i = 0; i < rest.n; i++) {
        n += rest.p[i] == '.';
    }
    path->parts = wr_alloc(ev->pool, n * sizeof(wr_val_t));
    if (rest.n == 0) {
        path->parts[path->n++] = wr_vstr(WR_STR(""));
        return true;
    }
    while (wr_str_split(&rest, '.', &part)) {
        path->parts[path->n++] = part_of(part);
    }
    return true;
}

bool
wr_path_get(wr_eval_t *ev, const wr_path_t *path, const wr_val_t *dflt,
            wr_val_t *v)
{
    for (uint32_t i = 0; i < path->n; i++) {
        wr_val_t next;

        if (!wr_get_item(ev, v, &path->parts[i], &next)) {
            return false;
        }
        if (next.type == WR_V_UNDEFINED && dflt != NULL
            && dflt->type != WR_V_NONE) {
            next = *dflt;
        }
        *v = next;
    }
    return true;
}
