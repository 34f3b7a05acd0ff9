/*
 * The client behind proxies that are trusted.
 */
#ifndef WEIR_HTTP_FORWARDED_H
#define WEIR_HTTP_FORWARDED_H

#include <weir/http/request.h>

/* `addr` is who spoke to us. If it is one of `trusted` (wr_cidr_t), the last
 * address in `list` ("a, b, c", ports allowed) takes its place; `recursive`: as
 * long as that is trusted as well, the one before it. True if *addr has changed. */
bool wr_forwarded_addr(wr_addr_t *addr, wr_str_t list, const wr_array_t *trusted,
                       bool recursive);

bool wr_cidrs_have(const wr_array_t *cidrs, const struct sockaddr *sa);

#endif
