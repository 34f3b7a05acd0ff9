/*
 * HTTP/2: coded literals that were decoded lately.
 */
#ifndef H2_RECENT_LITERALS_H
#define H2_RECENT_LITERALS_H

#include <nghttp2/nghttp2.h>
#include <weir/base/base.h>

/* What the literal at p is, of which n bytes are there; returns how many are its own, 0:
 * not known. Valid until the next one is kept. */
size_t h2_recent_find(const uint8_t *p, size_t n, nghttp2_nv *nv);
/* The n bytes at p, a whole field, were decoded so. Others are not kept. */
void h2_recent_keep(const uint8_t *p, size_t n, const nghttp2_nv *nv);

#endif
