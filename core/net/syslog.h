/*
 * Lines to a syslog server (RFC 3164 form, over UDP or a unix socket). A send
 * never blocks; a line that does not go at once is lost.
 */
#ifndef WEIR_NET_SYSLOG_H
#define WEIR_NET_SYSLOG_H

#include <weir/os/log.h>

typedef struct wr_syslog wr_syslog_t;

enum { WR_SYSLOG_INFO = 6 };

/* `params` is what follows "syslog:": server=ADDR,facility=,severity=,tag=,
 * nohostname. NULL: *error says why (in the pool). The socket lives as long as
 * the pool. A server's name is resolved here, so this is for conf time. */
wr_syslog_t *wr_syslog_open(wr_pool_t *pool, wr_str_t params, wr_str_t *error);

/* `severity` -1: the one of the parameters (info by default). Any thread. */
void wr_syslog_send(const wr_syslog_t *s, int severity, wr_str_t line);

/* For wr_log_target_t.write: data is the wr_syslog_t. */
void wr_syslog_target(wr_log_target_t *t, wr_level_t level, wr_str_t line);

#endif
