/*
 * ssl_conf_command, proxy_ssl_conf_command: settings of OpenSSL by its own names.
 */
#ifndef WEIR_NET_TLS_COMMAND_H
#define WEIR_NET_TLS_COMMAND_H

#include <weir/net/tls_pair.h>

/* A directive "NAME VALUE": both go to the end of the wr_array_t of wr_str_t that is its
 * field, a NUL behind each. A value that is a file is one of the conf's folder. */
wr_rc_t wr_tls_command_set(wr_conf_t *cf, const wr_directive_t *d, void *conf);
/* Gives them to a context, in their order. False: e says which failed, and why. */
bool    wr_tls_commands_run(SSL_CTX *ctx, const wr_array_t *commands, wr_tls_fault_t *e);

#endif
