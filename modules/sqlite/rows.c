/*
 * What a statement gives: rows as a sequence of mappings. Nothing in it changes once
 * it has been made, so it may be read by any thread.
 */
#include "sqlite.h"

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
find(const row_t *row, wr_str_t name, wr_val_t *out)
{
    for (unsigned i = 0; i < row->of->columns; i++) {
        if (wr_str_eq(row->of->names[i], name)) {
            *out = row->cells[i];
            return true;
        }
    }
    return false;
}

typedef enum { KEYS, VALUES, ITEMS } listing_t;

static wr_val_t
listing(wr_pool_t *pool, const row_t *row, listing_t what)
{
    wr_list_t *list = wr_list_new(pool, row->of->columns + 1);

    for (unsigned i = 0; i < row->of->columns; i++) {
        wr_val_t v = what == VALUES ? row->cells[i] : wr_vstr(row->of->names[i]);

        if (what == ITEMS) {
            wr_list_t *pair = wr_list_new(pool, 2);

            wr_list_push(pool, pair, v);
            wr_list_push(pool, pair, row->cells[i]);
            v = wr_vtuple(pair);
        }
        wr_list_push(pool, list, v);
    }
    return wr_vlist(list);
}

static bool
keys_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    *out = listing(ev->pool, row_of(args->self.u.obj), KEYS);
    return true;
}

static bool
values_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    *out = listing(ev->pool, row_of(args->self.u.obj), VALUES);
    return true;
}

static bool
items_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    *out = listing(ev->pool, row_of(args->self.u.obj), ITEMS);
    return true;
}

static bool
get_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t v[2];

    if (!wr_args_bind(ev, "get", "key, default=none", args, v, 2)) {
        return false;
    }
    if (v[0].type != WR_V_STR
        || !find(row_of(args->self.u.obj), wr_val_text(&v[0]), out))
    {
        *out = wr_given(&v[1]) ? v[1] : wr_none();
    }
    return true;
}

/* Columns hide the methods: a table may well have one named "values". */
static bool
row_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    static const struct {
        const char *name;
        wr_fn_t     fn;
    } methods[] = {{"get", get_method}, {"keys", keys_method}, {"values", values_method},
                   {"items", items_method}};

    if (find(row_of(o), name, out)) {
        return true;
    }
    for (unsigned i = 0; i < WR_COUNT(methods); i++) {
        if (wr_str_eqz(name, methods[i].name)) {
            *out = wr_vfunc(ev->pool, methods[i].name, methods[i].fn, NULL);
            out->u.func->self = wr_vobj(o);
            return true;
        }
    }
    return false;
}

static bool
row_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    const row_t *row = row_of(o);
    int64_t      i = key->u.i;

    (void) ev;
    if (key->type == WR_V_STR) {
        return find(row, wr_val_text(key), out);
    }
    if (key->type != WR_V_INT || i < 0 || i >= row->of->columns) {
        return false;
    }
    *out = row->cells[i];
    return true;
}

static bool
row_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    (void) ev;
    *n = row_of(o)->of->columns;
    return true;
}

static bool
row_contains(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    wr_val_t unused;

    (void) ev;
    *is = v->type == WR_V_STR && find(row_of(o), wr_val_text(v), &unused);
    return true;
}

static wr_rc_t
next_key(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    const row_t *row = row_of(it->over.u.obj);

    (void) ev;
    if (it->at >= row->of->columns) {
        return WR_DONE;
    }
    *out = wr_vstr(row->of->names[it->at++]);
    return WR_OK;
}

static bool
row_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    (void) ev;
    *it = (wr_iter_t) {.next = next_key, .over = wr_vobj(o),
                       .left = row_of(o)->of->columns};
    return true;
}

/* As a dict would be printed. */
static bool
row_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const row_t *row = row_of(o);

    wr_buf_char(to, '{');
    for (unsigned i = 0; i < row->of->columns; i++) {
        wr_val_t key = wr_vstr(row->of->names[i]);

        if (i != 0) {
            wr_buf_lit(to, ", ");
        }
        if (!wr_put_repr(ev, to, &key)) {
            return false;
        }
        wr_buf_lit(to, ": ");
        if (!wr_put_repr(ev, to, &row->cells[i])) {
            return false;
        }
    }
    wr_buf_char(to, '}');
    return true;
}

static const wr_obj_type_t row_type = {
    .name = "Row", .attr = row_attr, .item = row_item, .length = row_length,
    .iter = row_iter, .contains = row_contains, .str = row_repr, .repr = row_repr,
    .mapping = true,
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
    .repr = rows_repr, .sequence = true,
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
