/*
 * The shared memory of metrics.c and metrics_read.c: one directory of families and
 * series, then a lane of cells for each process. One anonymous file holds it; a page
 * of it exists once it was written to.
 */
#ifndef WEIR_OS_METRICS_PRIV_H
#define WEIR_OS_METRICS_PRIV_H

#include <pthread.h>
#include <weir/base/buf.h>
#include <weir/os/metrics.h>

enum {
    WR_CELLS = 128 * 1024,              /* of a lane */
    WR_METRIC_FAMILIES = 256,
    WR_METRIC_CHAINS = 4096,
    WR_METRIC_ARENA = 4 * 1024 * 1024,  /* bytes of texts and records */
};

/* Places in the arena are offsets; 0 is none. */
typedef struct wr_series {
    uint32_t next;                      /* of the family */
    uint32_t chain;                     /* with the same hash */
    uint32_t hash;
    uint32_t family;
    uint32_t cell;
    uint32_t n;                         /* bytes of labels */
    char     labels[];
} wr_series_t;

typedef struct wr_board_family {
    uint32_t         name, help;        /* texts with NUL */
    wr_metric_kind_t kind;
    double           unit;
    uint32_t         first, last;       /* wr_series_t */
    uint32_t         n;
    uint32_t         overflow;          /* the overflow's wr_series_t */
} wr_board_family_t;

typedef struct wr_board {
    pthread_mutex_t   lock;             /* of all but the lanes' counting; robust */
    uint32_t          lanes;            /* those below have been used */
    uint32_t          cells;            /* taken */
    uint32_t          n_families;
    uint32_t          used;             /* of the arena */
    bool              full_said;
    wr_lane_info_t    lane[WR_LANES];
    wr_board_family_t families[WR_METRIC_FAMILIES];
    uint32_t          chains[WR_METRIC_CHAINS];
    char              arena[WR_METRIC_ARENA];
} wr_board_t;

extern wr_board_t *wr_board;            /* NULL: not opened */

/* The lanes of all processes, one behind the other; *n is how many there are. */
const uint64_t *wr_lanes_view(unsigned *n);

/* name="value",… into the buffer. */
void wr_labels_put(wr_buf_t *to, const wr_metric_t *m, const wr_str_t *values);

#endif
