/*
 * Ranges of addresses with values; where they lie in each other the inner counts.
 */
#ifndef WEIR_GEO_TABLE_H
#define WEIR_GEO_TABLE_H

#include <weir/base/array.h>
#include <weir/net/addr.h>

/* An address as a number: IPv4 as ::ffff:a.b.c.d. */
typedef unsigned __int128 geo_key_t;

typedef struct geo_range {
    geo_key_t from, to;         /* both included */
    wr_str_t  value;
    wr_str_t  text;             /* as it was written */
    uint32_t  order;            /* set by geo_add */
} geo_range_t;

typedef struct geo_table {
    wr_array_t ranges;          /* geo_range_t, as added */
    wr_array_t steps;           /* after geo_build */
} geo_table_t;

bool geo_key(const struct sockaddr *sa, geo_key_t *key);
void geo_cidr_range(const wr_cidr_t *c, geo_key_t *from, geo_key_t *to);

/* Replaces the same range if it is one of the last few: then true, and *old is its
 * former value. Of others that are the same, geo_build takes the last. */
bool geo_add(geo_table_t *t, const geo_range_t *range, wr_str_t *old);
/* Takes one away; false: there was none. */
bool geo_delete(geo_table_t *t, geo_key_t from, geo_key_t to);
/* Makes it ready for look-ups. NULL, or one of two ranges that overlap. */
const geo_range_t *geo_build(geo_table_t *t, wr_pool_t *pool);
/* NULL: nothing is known of it. */
const wr_str_t *geo_find(const geo_table_t *t, geo_key_t key);

#endif
