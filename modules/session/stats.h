/*
 * What a store is asked, and how it goes: series of <weir/os/metrics.h>.
 */
#ifndef WEIR_SESSION_STATS_H
#define WEIR_SESSION_STATS_H

#include <weir/app/session.h>

typedef enum { OP_LOAD, OP_CREATE, OP_UPDATE, OP_RENAME, OP_DROP, OPS } stat_op_t;

enum { RESULTS = WR_SESSION_AWAY + 1 };

/* Numbers of cells. */
typedef struct stats {
    uint32_t ops[OPS][RESULTS];
    uint32_t seconds;
    uint32_t up;
} stats_t;

void stats_init(stats_t *s, wr_str_t store);
void stats_count(const stats_t *s, stat_op_t op, wr_session_result_t result, uint64_t us);

#endif
