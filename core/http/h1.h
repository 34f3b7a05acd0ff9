/*
 * HTTP/1.x: the front that reads requests from and writes answers to a byte
 * stream. RFC 9110, RFC 9112.
 */
#ifndef WEIR_HTTP_H1_H
#define WEIR_HTTP_H1_H

#include <weir/http/server.h>

/* A connection was accepted on a listening socket whose data is a wr_port_t. */
void wr_h1_accept(wr_listen_t *l, int fd, const struct sockaddr *sa, socklen_t len);

#endif
