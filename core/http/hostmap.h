/*
 * Host names and wildcards: "example.com", "*.example.com", ".example.com" (both),
 * "www.example.*". The exact name comes first, then the longest wildcard in front,
 * then the longest behind. Case is ignored.
 */
#ifndef WEIR_HTTP_HOSTMAP_H
#define WEIR_HTTP_HOSTMAP_H

#include <weir/base/map.h>

typedef struct wr_hostmap {
    wr_map_t exact;
    wr_map_t head;          /* "*.example.com" under "example.com" */
    wr_map_t tail;          /* "www.example.*" under "www.example" */
} wr_hostmap_t;

wr_hostmap_t wr_hostmap(wr_pool_t *pool);

/* WR_BUSY: it is there already; WR_SYNTAX: not a name or wildcard. Without
 * `wildcards` every name is an exact one. */
wr_rc_t wr_hostmap_add(wr_hostmap_t *m, wr_str_t name, bool wildcards, void *value)
    WR_MUST_CHECK;
void *wr_hostmap_find(const wr_hostmap_t *m, wr_str_t name);

#endif
