/*
 * The tables behind wr_location_find.
 */
#ifndef WEIR_HTTP_FIND_PRIV_H
#define WEIR_HTTP_FIND_PRIV_H

#include <weir/http/server.h>

/* A table of the locations of one level. NULL after a conf error (duplicates). */
wr_locations_t *wr_locations_build(wr_conf_t *cf, const wr_array_t *list);

#endif
