/*
 * What a statement gives: rows as a sequence of mappings. Nothing in it changes once
 * it has been made, so it may be read by any thread.
 */
#include "sqlite.h"

#include <weir/expr/mapping.h>

struct sq_rows {
    wr_obj_t   obj;
    wr_pool_t *pool;
    const wr_str_t *names;
    unsigned   columns;
    wr_list_t *list;            /* of row_t */
    int64_t    changes;
    bool       has_id;
    int64_t    id;
};

typedef struct row {
    wr_obj_t         obj;
    const sq_rows_t *of;
    wr_val_t         cells[];
} row_t;

static const row_t *
row_of(const wr_obj_t *o)
{
    return (const row_t *) (const void *) o;
}

static const sq_rows_t *
rows_of(const wr_obj_t *o)
{
    return (const sq_rows_t *) (const void *) o;
}

/* ---- a row ---- */

static bool
find(wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const row_t *row = row_of(o);

    for (unsigned i = 0; i < row->of->columns; i++) {
        if (wr_str_eq(row->of->names[i], name)) {
            *out = row->cells[i];
            return true;
        }
    }
    return false;
}

static bool
next(wr_eval_t *ev, wr_obj_t *o, int64_t *at, wr_str_t *key, wr_val_t *value)
{
    const row_t *row = row_of(o);

    (void) ev;
    if (*at >= row->of->columns) {
        return false;
    }
    *key = row->of->names[*at];
    *value = row->cells[(*at)++];
    return true;
}

static uint32_t
count(wr_eval_t *ev, wr_obj_t *o)
{
    (void) ev;
    return row_of(o)->of->columns;
}

/* A table may well have a column named "values". */
static const wr_mapping_t row_map = {
    .find = find, .next = next, .count = count, .keys_first = true,
};

static bool
row_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    const row_t *row = row_of(o);
    int64_t      i = key->u.i;

    if (key->type != WR_V_INT) {
        return wr_mapping_item(ev, o, key, out);
    }
    if (i < 0 || i >= row->of->columns) {
        return false;
    }
    *out = row->cells[i];
    return true;
}

static const wr_obj_type_t row_type = {
    .name = "Row", .attr = wr_mapping_attr, .item = row_item,
    .str = wr_mapping_repr, .repr = wr_mapping_repr, .map = &row_map, .mapping = true,
    .length = wr_mapping_length, .iter = wr_mapping_iter, .contains = wr_mapping_contains,
};

/* ---- rows ---- */

static bool
rows_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const sq_rows_t *rows = rows_of(o);

    (void) ev;
    if (wr_str_eqz(name, "first")) {
        *out = rows->list->n != 0 ? rows->list->items[0] : wr_none();
    } else if (wr_str_eqz(name, "changes")) {
        *out = wr_int(rows->changes);
    } else if (wr_str_eqz(name, "last_insert_id")) {
        *out = rows->has_id ? wr_int(rows->id) : wr_none();
    } else {
        return false;
    }
    return true;
}

static bool
rows_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    const wr_list_t *list = rows_of(o)->list;
    int64_t          i = key->u.i;

    (void) ev;
    if (key->type != WR_V_INT) {
        return false;
    }
    if (i < 0) {
        i += list->n;
    }
    if (i < 0 || i >= list->n) {
        return false;
    }
    *out = list->items[i];
    return true;
}

static bool
rows_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    (void) ev;
    *n = rows_of(o)->list->n;
    return true;
}

static bool
rows_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    wr_val_t list = wr_vlist(rows_of(o)->list);

    return wr_iter(ev, &list, it);
}

static bool
rows_contains(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    wr_val_t list = wr_vlist(rows_of(o)->list);

    return wr_contains(ev, &list, v, is);
}

static bool
rows_slice(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *start, const wr_val_t *stop,
           const wr_val_t *step, wr_val_t *out)
{
    wr_val_t list = wr_vlist(rows_of(o)->list);

    return wr_get_slice(ev, &list, start, stop, step, out);
}

static bool
rows_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_val_t list = wr_vlist(rows_of(o)->list);

    return wr_put_repr(ev, to, &list);
}

static const wr_obj_type_t rows_type = {
    .name = "Rows", .attr = rows_attr, .item = rows_item, .length = rows_length,
    .iter = rows_iter, .contains = rows_contains, .slice = rows_slice, .str = rows_repr,
    .repr = rows_repr, .sequence = true, .at_hand = true,
};

/* ---- making them ---- */

sq_rows_t *
sq_rows_new(wr_pool_t *pool, const wr_str_t *names, unsigned columns)
{
    sq_rows_t *rows = WR_NEW(pool, sq_rows_t);

    rows->obj.type = &rows_type;
    rows->pool = pool;
    rows->columns = columns;
    rows->names = names;
    rows->list = wr_list_new(pool, columns != 0 ? 8 : 1);
    return rows;
}

wr_val_t *
sq_rows_add(sq_rows_t *rows)
{
    row_t *row = wr_zalloc(rows->pool, sizeof(*row) + rows->columns * sizeof(wr_val_t));

    row->obj.type = &row_type;
    row->of = rows;
    wr_list_push(rows->pool, rows->list, wr_vobj(&row->obj));
    return row->cells;
}

void
sq_rows_end(sq_rows_t *rows, int64_t changes, bool has_id, int64_t id)
{
    rows->changes = changes;
    rows->has_id = has_id;
    rows->id = id;
}

wr_val_t
sq_rows_val(sq_rows_t *rows)
{
    return wr_vobj(&rows->obj);
}

/* ---- for other modules ---- */

bool
sq_rows_open(const wr_val_t *v, wr_sql_rows_t *out)
{
    const sq_rows_t *rows;

    if (v->type != WR_V_OBJ) {
        return false;
    }
    if (v->u.obj->type == &row_type) {
        const row_t *row = row_of(v->u.obj);

        *out = (wr_sql_rows_t) {row->of->names, row->of->columns, 1, true, row};
        return true;
    }
    if (v->u.obj->type != &rows_type) {
        return false;
    }
    rows = rows_of(v->u.obj);
    *out = (wr_sql_rows_t) {rows->names, rows->columns, rows->list->n, false, rows};
    return true;
}

const wr_val_t *
sq_rows_cells(const wr_sql_rows_t *rows, uint32_t i)
{
    const sq_rows_t *of = rows->items;

    return rows->single ? ((const row_t *) rows->items)->cells
                        : row_of(of->list->items[i].u.obj)->cells;
}
