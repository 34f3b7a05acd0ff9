/*
 * What a statement gives: rows as a sequence of records. Nothing in it changes once
 * it has been made, so it may be read by any thread.
 */
#include "sqlite.h"

static const sq_rows_t *
rows_of(const wr_obj_t *o)
{
    return (const sq_rows_t *) (const void *) o;
}

/* ---- as a sequence ---- */

static bool
rows_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const sq_rows_t *rows = rows_of(o);

    (void) ev;
    if (name.n == 5 && memcmp(name.p, "first", 5) == 0) {
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
rows_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    wr_val_t list = wr_vlist(rows_of(o)->list), other = *v;

    if (v->type == WR_V_OBJ && v->u.obj->type == o->type) {
        other = wr_vlist(rows_of(v->u.obj)->list);
    }
    *is = false;
    return other.type != WR_V_LIST || wr_equal(ev, &list, &other, is);
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
    .iter = rows_iter, .contains = rows_contains, .equal = rows_equal, .slice = rows_slice,
    .str = rows_repr, .repr = rows_repr, .sequence = true, .at_hand = true,
};

/* ---- making them ---- */

sq_rows_t *
sq_rows_new(wr_pool_t *pool, const wr_shape_t *shape)
{
    sq_rows_t *rows = WR_NEW(pool, sq_rows_t);

    rows->obj.type = &rows_type;
    rows->shape = shape;
    rows->list = wr_list_new(pool, shape->n != 0 ? 8 : 1);
    return rows;
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
    const wr_record_t *row = wr_record_of(v);
    const sq_rows_t   *rows;

    if (row != NULL) {
        *out = (wr_sql_rows_t) {row->shape->keys, row->shape->n, 1, true, row};
        return true;
    }
    if (v->type != WR_V_OBJ || v->u.obj->type != &rows_type) {
        return false;
    }
    rows = rows_of(v->u.obj);
    *out = (wr_sql_rows_t) {rows->shape->keys, rows->shape->n, rows->list->n, false, rows};
    return true;
}

const wr_val_t *
sq_rows_cells(const wr_sql_rows_t *rows, uint32_t i)
{
    const sq_rows_t *of = rows->items;

    return rows->single ? ((const wr_record_t *) rows->items)->cells
                        : wr_record_of(&of->list->items[i])->cells;
}
