/*
 * For fronts: how they fill a request's body.
 */
#ifndef WEIR_HTTP_BODY_FEED_H
#define WEIR_HTTP_BODY_FEED_H

#include <weir/http/request.h>

/* Decoded bytes. WR_LIMIT: more than client_max_body_size; WR_ERROR: the file
 * could not be written. */
wr_rc_t wr_body_feed(wr_req_t *r, const char *p, size_t n);
/* The last byte has been fed. */
void    wr_body_end(wr_req_t *r);
/* No more for now: streams are told of what there is. */
void    wr_body_some(wr_req_t *r);
/* It broke; the answer should be `status`. */
void    wr_body_break(wr_req_t *r, wr_rc_t rc, unsigned status);
/* A stream's reader has enough to do: do not read more from the socket. */
bool    wr_body_full(const wr_req_t *r);

#endif
