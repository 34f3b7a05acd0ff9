/*
 * HTTP/1.x: the front that reads requests from and writes answers to a byte
 * stream. RFC 9110, RFC 9112.
 */
#ifndef WEIR_HTTP_H1_H
#define WEIR_HTTP_H1_H

#include <weir/base/buf.h>
#include <weir/http/clients.h>
#include <weir/http/server.h>

/* HTTP/2, where it is built in: sets itself here. */
typedef struct wr_http2 {
    /* Whether the endpoint speaks it; server: the one that SNI chose, or NULL. */
    bool (*enabled)(const wr_endpoint_t *e, const wr_server_t *server);
    /* Takes the connection over, with what was read from it (copied) and its place
     * among the clients. */
    void (*take)(wr_conn_t *from, wr_client_t *client, const wr_endpoint_t *e,
                 const wr_addr_t *peer, wr_str_t early);
} wr_http2_t;
extern const wr_http2_t *wr_http2;

/* The value of Location: a path of this site is made absolute. */
void wr_put_location(wr_req_t *r, wr_buf_t *b, wr_str_t target);

/* A connection was accepted on a listening socket whose data is a wr_port_t. */
void wr_h1_accept(wr_listen_t *l, int fd, const struct sockaddr *sa, socklen_t len);

#endif
