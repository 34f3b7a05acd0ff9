/*
 * The getters behind the table of variables.c, which stand in files by subject.
 */
#ifndef WEIR_HTTP_VARIABLES_PRIV_H
#define WEIR_HTTP_VARIABLES_PRIV_H

#include <weir/http/core_conf.h>
#include <weir/http/request.h>

#define GETTER(name)                                                          \
    wr_rc_t wr_get_##name(wr_req_t *r, const wr_var_t *v, wr_str_t *value)

/* variables_conn.c: the connection, the process and the clock */
enum { WR_PROXIED_ADDR, WR_PROXIED_PORT, WR_PROXIED_SERVER_ADDR, WR_PROXIED_SERVER_PORT };
enum { WR_TCP_RTT, WR_TCP_RTTVAR, WR_TCP_CWND, WR_TCP_SPACE };
GETTER(binary_remote_addr);
GETTER(remote_addr);
GETTER(remote_port);
GETTER(server_addr);
GETTER(server_port);
GETTER(connection);
GETTER(connection_requests);
GETTER(connection_time);
GETTER(https);
GETTER(tcpinfo);
GETTER(proxied);
GETTER(proxied_tlv);
GETTER(hostname);
GETTER(pid);
GETTER(text);
GETTER(msec);
GETTER(clock_text);

/* variables_out.c: the answer */
enum { WR_OUT_STATUS, WR_OUT_BODY_SENT, WR_OUT_SENT };
GETTER(status);
GETTER(out_count);
GETTER(limit_rate);
void wr_put_limit_rate(wr_req_t *r, const wr_var_t *v, wr_str_t value);
GETTER(request_time);
GETTER(request_completion);
GETTER(sent_http);
GETTER(sent_trailer);
GETTER(sent_type);
GETTER(sent_length);
GETTER(sent_modified);
GETTER(sent_connection);
GETTER(sent_keep_alive);
GETTER(sent_transfer_encoding);

/* All headers of `list` whose name is `name` (in any case, - written as _),
 * joined. WR_NOTFOUND if there is none. */
wr_rc_t wr_headers_as_variable(wr_pool_t *pool, const wr_headers_t *list,
                               wr_str_t name, const char *separator,
                               wr_str_t *value);

#endif
