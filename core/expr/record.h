/*
 * Records: mappings of which many have the same keys, as the rows of a table.
 *
 * The keys stand in a shape that they share, the values in the record itself, so that
 * a key once found in one is at the same place in the next: whoever asks for
 * `row.title` again and again keeps the place (wr_seen_t) and compares one number.
 */
#ifndef WEIR_EXPR_RECORD_H
#define WEIR_EXPR_RECORD_H

#include <stdatomic.h>

#include <weir/expr/value.h>

typedef struct wr_shape {
    const wr_str_t *keys;
    const wr_str_t *json;   /* each as JSON, `, "key": `, to be put as text of templates
                               (put.h); NULL: not known */
    uint32_t        n;
    uint32_t        id;     /* of this shape alone, in the process; 0: none */
} wr_shape_t;

typedef struct wr_record {
    wr_obj_t          obj;  /* wr_record_type */
    const wr_shape_t *shape;
    wr_val_t          cells[];
} wr_record_t;

extern const wr_obj_type_t wr_record_type;

/* A shape that lives as long as the pool and is used for long: it gets an id. `keys`
 * are borrowed. */
wr_shape_t *wr_shape_new(wr_pool_t *pool, const wr_str_t *keys, uint32_t n);

/* The cells are not set. */
static inline wr_record_t *
wr_record_new(wr_pool_t *pool, const wr_shape_t *shape)
{
    wr_record_t *r = (wr_record_t *) wr_alloc(pool, sizeof(wr_record_t)
                                                        + shape->n * sizeof(wr_val_t));

    r->obj.type = &wr_record_type;
    r->shape = shape;
    return r;
}

/* Where a key was last found: the id of the shape and the place. It is a hint that
 * several threads may read and write. */
typedef _Atomic uint64_t wr_seen_t;

/* The value of `key`, which must always be the same for the same `seen`; NULL: there
 * is none. */
const wr_val_t *wr_record_find(const wr_record_t *r, wr_str_t key, wr_seen_t *seen);

static inline const wr_record_t *
wr_record_of(const wr_val_t *v)     /* NULL: it is none */
{
    return v->type == WR_V_OBJ && v->u.obj->type == &wr_record_type
               ? (const wr_record_t *) (const void *) v->u.obj
               : NULL;
}

static inline const wr_val_t *
wr_record_get(const wr_record_t *r, wr_str_t key, wr_seen_t *seen)
{
    uint64_t at = atomic_load_explicit(seen, memory_order_relaxed);

    return wr_likely(at != 0 && at >> 32 == r->shape->id)
               ? &r->cells[(uint32_t) at]
               : wr_record_find(r, key, seen);
}

#endif
