/*
 * The client connections of this worker, whatever their protocol: counted, idle
 * ones found for reuse, all ended in an orderly way when the worker retires.
 */
#ifndef WEIR_HTTP_CLIENTS_H
#define WEIR_HTTP_CLIENTS_H

#include <weir/base/queue.h>
#include <weir/http/server.h>

typedef struct wr_client wr_client_t;

typedef struct wr_client_type {
    /* The worker retires. Idle connections stay until their next request or a
     * short time-out, unless `now`. */
    void (*quit)(wr_client_t *c, bool now);
    /* Ends it at once. */
    void (*close)(wr_client_t *c);
} wr_client_type_t;

struct wr_client {
    wr_queue_t              link;
    const wr_client_type_t *type;
    bool                    idle;
};

void wr_client_add(wr_client_t *c, const wr_client_type_t *type);
void wr_client_remove(wr_client_t *c);
/* `to` stands for the same connection from now on; it is not idle. */
void wr_client_replace(wr_client_t *from, wr_client_t *to, const wr_client_type_t *type);
/* Moves it between the lists: idle ones may be closed when connections run out,
 * the longest idle first. */
void wr_client_idle(wr_client_t *c, bool idle);

/* The log of such connections while no request has them (wr_conn_log): `context` gets
 * the wr_conn_t. Fills `log` and returns it; it lasts until the next cycle. */
wr_log_t *wr_client_log(wr_log_t *log, void (*context)(void *conn, wr_buf_t *line));
/* ", client: A, server: B": the address it has connected to. */
void wr_client_put(wr_buf_t *line, const struct sockaddr *peer, socklen_t len,
                   const wr_endpoint_t *e);

/* For `$connections_*` and stub_status of this worker. */
unsigned wr_clients_idle_count(void);
unsigned wr_clients_count(void);

#endif
