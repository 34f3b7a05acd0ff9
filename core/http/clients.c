/*
 * Two lists, idle and busy, and what the process layer asks of them.
 */
#include <weir/http/clients.h>

#include <weir/os/metrics.h>
#include <weir/process/cycle.h>

static wr_queue_t idle_list = {&idle_list, &idle_list};
static wr_queue_t busy_list = {&busy_list, &busy_list};
static unsigned   idle_count, count;

void
wr_client_add(wr_client_t *c, const wr_client_type_t *type)
{
    c->type = type;
    c->idle = false;
    wr_queue_push(&busy_list, &c->link);
    count++;
    wr_worker.connections++;
    wr_metric_add(WR_CELL_ACCEPTED, 1);
    wr_metric_add(WR_CELL_ACTIVE, 1);
}

void
wr_client_remove(wr_client_t *c)
{
    wr_queue_remove(&c->link);
    idle_count -= c->idle;
    wr_metric_add(WR_CELL_IDLE, -(int64_t) c->idle);
    wr_metric_add(WR_CELL_ACTIVE, -1);
    c->idle = false;
    count--;
    wr_worker.connections--;
}

void
wr_client_replace(wr_client_t *from, wr_client_t *to, const wr_client_type_t *type)
{
    wr_client_idle(from, false);
    wr_queue_remove(&from->link);
    to->type = type;
    to->idle = false;
    wr_queue_push(&busy_list, &to->link);
}

void
wr_client_idle(wr_client_t *c, bool idle)
{
    if (c->idle == idle) {
        return;
    }
    c->idle = idle;
    idle_count += idle ? 1 : -1u;
    wr_metric_add(WR_CELL_IDLE, idle ? 1 : -1);
    wr_queue_remove(&c->link);
    wr_queue_push(idle ? &idle_list : &busy_list, &c->link);
}

unsigned
wr_clients_idle_count(void)
{
    return idle_count;
}

unsigned
wr_clients_count(void)
{
    return count;
}

/* Calls fn for each client; the lists may change under it, so they are moved
 * aside first. */
static void
each(wr_queue_t *list, void (*fn)(wr_client_t *c))
{
    wr_queue_t aside, *link;

    if (wr_queue_empty(list)) {
        return;
    }
    aside = *list;
    aside.next->prev = &aside;
    aside.prev->next = &aside;
    wr_queue_init(list);
    while ((link = wr_queue_first(&aside)) != NULL) {
        wr_queue_remove(link);
        wr_queue_push(list, link);
        fn(WR_QUEUE_ITEM(link, wr_client_t, link));
    }
}

static void
quit_one(wr_client_t *c)
{
    c->type->quit(c, wr_worker.stopping);
}

static void
close_one(wr_client_t *c)
{
    c->type->close(c);
}

static void
quit(void)
{
    each(&idle_list, quit_one);
    each(&busy_list, quit_one);
}

static bool
nothing_left(void)
{
    return count == 0;
}

static bool
reuse(unsigned n)
{
    bool any = false;

    for (; n != 0 && !wr_queue_empty(&idle_list); n--) {
        close_one(WR_QUEUE_ITEM(wr_queue_first(&idle_list), wr_client_t, link));
        any = true;
    }
    return any;
}

static void
abort_all(void)
{
    each(&idle_list, close_one);
    each(&busy_list, close_one);
}

__attribute__((constructor)) static void
init(void)
{
    wr_worker_hooks.quit = quit;
    wr_worker_hooks.idle = nothing_left;
    wr_worker_hooks.reuse = reuse;
    wr_worker_hooks.abort = abort_all;
}

/* ---- their lines in the log ---- */

wr_log_t *
wr_client_log(wr_log_t *log, void (*context)(void *conn, wr_buf_t *line))
{
    *log = *wr_cycle->log;
    log->context = context;
    log->data = NULL;
    return log;
}

void
wr_client_put(wr_buf_t *line, const struct sockaddr *peer, socklen_t len,
              const wr_endpoint_t *e)
{
    char   text[WR_ADDR_TEXT];
    size_t n = wr_addr_put(text, sizeof(text), peer, len, false);

    wr_buf_printf(line, ", client: %.*s, server: %.*s", (int) n, text, WR_ARG(e->text));
}
