/*
 * Records by key in a shared memory zone: what limits count by.
 *
 * A hash table with a list in order of use. Everything is called with the zone's
 * lock held; pointers hold in all workers, which have the zone at one address.
 */
#ifndef WEIR_HTTP_KEYED_H
#define WEIR_HTTP_KEYED_H

#include <weir/process/cycle.h>

typedef struct wr_keyed_node wr_keyed_node_t;

struct wr_keyed_node {
    wr_keyed_node_t *next;          /* in its slot */
    wr_keyed_node_t *newer, *older;
    uint64_t         hash;
    uint32_t         size;          /* of the record */
    uint32_t         n;             /* of the key */
    char             bytes[];       /* the record, then the key */
};

typedef struct wr_keyed {
    uint64_t         slots;
    wr_keyed_node_t *newest, *oldest;
    uint64_t         n;
    wr_keyed_node_t *table[];
} wr_keyed_t;

/* In the zone's init: makes the table, or takes the old one. z->data is it. */
wr_rc_t wr_keyed_init(wr_zone_t *z, void *old) WR_MUST_CHECK;

/* The record of this key, now the newest; NULL if there is none. */
void *wr_keyed_find(wr_keyed_t *t, wr_str_t key);
/* A new, zeroed record; NULL if the zone is full. */
void *wr_keyed_add(wr_zone_t *z, wr_str_t key, size_t size);
void  wr_keyed_remove(wr_zone_t *z, void *record);
/* The record that was not used for the longest time; NULL if there is none. */
void *wr_keyed_oldest(wr_keyed_t *t);

/* Declares the zone that `value`, "NAME:SIZE" out of the argument `arg`, names.
 * NULL after a conf error. */
wr_zone_t *wr_zone_parse(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value,
                         const void *tag);

/* The conf error if no directive declared the zone (gave it a user): a zone may be
 * named before that, so it is known when all has been read. */
wr_rc_t wr_zone_declared(wr_conf_t *cf, const wr_zone_t *z) WR_MUST_CHECK;

/* The levels at which a limit may log: info … error. */
extern const wr_enum_t wr_limit_levels[];

#endif
