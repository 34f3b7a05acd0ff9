/*
 * session: metrics. Hits and misses are the results of loads, saves those of create,
 * update and rename; conflicts and errors are results as well.
 */
#include "stats.h"

#include <weir/os/metrics.h>

static const wr_metric_t ops = {
    .name = "weir_session_ops_total",
    .help = "Calls of a session store, by what was asked and how it ended.",
    .kind = WR_METRIC_COUNTER, .labels = {"store", "op", "result"}};
static const wr_metric_t seconds = {
    .name = "weir_session_op_duration_seconds",
    .help = "Time that calls of a session store took.",
    .kind = WR_METRIC_TIME, .labels = {"store"}};
static const wr_metric_t up = {
    .name = "weir_session_store_up",
    .help = "Workers whose last call of the session store succeeded.",
    .kind = WR_METRIC_GAUGE, .labels = {"store"}};

static const char *const op_names[OPS] = {"load", "create", "update", "rename", "drop"};

static const char *
result_name(stat_op_t op, wr_session_result_t result)
{
    switch (result) {
    case WR_SESSION_DONE:
        return op == OP_LOAD ? "hit" : "saved";
    case WR_SESSION_GONE:
        return op == OP_LOAD ? "miss" : "gone";
    case WR_SESSION_CONFLICT:
        return "conflict";
    default:
        return "error";
    }
}

/* Whether an op can end so: a series that never counts is none. */
static bool
is_possible(stat_op_t op, wr_session_result_t result)
{
    switch (op) {
    case OP_LOAD:
        return result != WR_SESSION_CONFLICT;
    case OP_CREATE:
    case OP_DROP:
        return result == WR_SESSION_DONE || result == WR_SESSION_AWAY;
    default:
        return true;
    }
}

void
stats_init(stats_t *s, wr_str_t store)
{
    for (unsigned op = 0; op < OPS; op++) {
        for (unsigned i = 0; i < RESULTS; i++) {
            if (is_possible(op, i)) {
                s->ops[op][i] = wr_metric_series(&ops, (wr_str_t[]) {
                    store, wr_str_z(op_names[op]), wr_str_z(result_name(op, i))});
            }
        }
    }
    s->seconds = wr_metric_series(&seconds, (wr_str_t[]) {store});
    s->up = wr_metric_series(&up, (wr_str_t[]) {store});
}

void
stats_count(const stats_t *s, stat_op_t op, wr_session_result_t result, uint64_t us)
{
    wr_metric_add(s->ops[op][result], 1);
    wr_metric_time(s->seconds, us);
    wr_metric_set(s->up, result != WR_SESSION_AWAY);
}
