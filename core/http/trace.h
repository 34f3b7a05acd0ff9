/*
 * W3C Trace Context: what a request passes on to the servers that it asks.
 */
#ifndef WEIR_HTTP_TRACE_H
#define WEIR_HTTP_TRACE_H

#include <weir/http/request.h>

/* The client's traceparent with this request as the parent: the same trace and
 * flags, and a span of our own, which is the second half of $request_id. False:
 * the client sent none, or none that is valid. */
bool wr_trace_parent(wr_req_t *r, wr_str_t *out);

/* The same, or one that begins with this request: $traceparent. */
wr_str_t wr_trace_own(wr_req_t *r);

#endif
