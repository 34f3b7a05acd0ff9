/*
 * What HTTP counts: connections and requests now (os/metrics.h: WR_CELL_…), and of
 * each request that ends, by server, route, method and code.
 */
#ifndef WEIR_HTTP_STATS_H
#define WEIR_HTTP_STATS_H

#include <weir/http/request.h>
#include <weir/os/metrics.h>

/* A main request has ended: counts it for the location that answered it, or, if that
 * was an error_page, for the one that failed. */
void wr_stats_request(wr_req_t *r);

/* Adds connections, the conf, workers and the process to what was read. */
void wr_stats_put(wr_metrics_t *to);

#endif
