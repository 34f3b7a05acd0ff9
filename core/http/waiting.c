/*
 * The list of running requests, subrequests included: a link in each of them. A
 * line for each goes to all error logs of its location, whatever their level: it
 * was asked for.
 */
#include <weir/http/waiting.h>

#include <weir/http/clients.h>
#include <weir/process/cycle.h>

static wr_queue_t requests = {&requests, &requests};

void
wr_waiting_add(wr_req_t *r)
{
    wr_queue_push(&requests, &r->running);
}

void
wr_waiting_remove(wr_req_t *r)
{
    wr_queue_remove(&r->running);
}

static void
show(const wr_req_t *r)
{
    wr_log_t       log = r->log;
    double         age = (double) (wr_clock.mono - r->start) / 1000;
    wr_task_wait_t w;

    log.level = WR_LOG_NOTICE;
    log.all_targets = true;
    log.action = NULL;
    if (r->task.lent != NULL) {
        log.context = NULL;     /* it is the thread's now */
        wr_log(&log, WR_LOG_NOTICE, 0, "%.3f s old, goes on in a thread", age);
        return;
    }
    if (!wr_task_waiting(&r->task, &w)) {
        wr_log(&log, WR_LOG_NOTICE, 0, "%.3f s old, %s", age,
               r->head_sent ? "its answer is on the way" : "begins or ends");
        return;
    }
    wr_log(&log, WR_LOG_NOTICE, 0, "%.3f s old, waits %.3f s for %s%s in stage \"%s\", "
           "goes on at %s()", age, (double) w.ms / 1000, w.op,
           w.ops > 1 ? " and more" : "", w.stage, w.step);
}

static void
list(void)
{
    wr_log_t log = *wr_cycle->log;
    unsigned n = 0;

    for (wr_queue_t *link = requests.next; link != &requests; link = link->next, n++) {
        show(WR_QUEUE_ITEM(link, wr_req_t, running));
    }
    log.level = WR_LOG_NOTICE;
    log.all_targets = true;
    wr_log(&log, WR_LOG_NOTICE, 0, "%u requests, %u connections, %u of them idle", n,
           wr_clients_count(), wr_clients_idle_count());
}

__attribute__((constructor)) static void
init(void)
{
    wr_worker_hooks.list = list;
}
