/*
 * The error log. A line is what nginx's readers expect:
 *   2026/11/22 18:00:00 [error] PID#TID: *CONN message (2: No such file or
 *   directory), client: …, server: …, request: "…", host: "…", request_id: "…"
 * One line is one write(2) to an O_APPEND file: lines never mix.
 */
#ifndef WEIR_OS_LOG_H
#define WEIR_OS_LOG_H

#include <weir/base/buf.h>

typedef enum wr_level {
    WR_LOG_STDERR = 0,
    WR_LOG_EMERG,
    WR_LOG_ALERT,       /* a bug of ours */
    WR_LOG_CRIT,
    WR_LOG_ERR,
    WR_LOG_WARN,
    WR_LOG_NOTICE,
    WR_LOG_INFO,
    WR_LOG_DEBUG
} wr_level_t;

/* Where lines go. Several stand in a chain, each with its own level. */
typedef struct wr_log_target {
    struct wr_log_target *next;
    wr_level_t            level;
    int                   fd;       /* -1: syslog or memory */
    wr_str_t              path;     /* for reopening; empty: stderr */
    void                (*write)(struct wr_log_target *t, wr_level_t level,
                                 wr_str_t line);    /* NULL: to fd */
    void                 *data;
    const char           *areas;    /* of debug lines: "|http|frame|"; NULL: all */
} wr_log_target_t;

typedef struct wr_log {
    wr_level_t       level;     /* the most talkative target's: checked first */
    wr_log_target_t *targets;
    uint64_t         conn;      /* connection number; 0: none */
    /* Appends ", client: …" and so on. NULL: nothing to add. */
    void           (*context)(void *data, wr_buf_t *line);
    void            *data;
    const char      *action;    /* "while reading client request line" */
    bool             to_stderr; /* copy emerg lines there (start-up) */
    bool             all_targets;   /* whatever their level (debug_connection) */
} wr_log_t;

/* `err` is an errno to be spelled out, or 0. */
#define wr_log(log, lev, err, ...)                                            \
    do {                                                                      \
        if ((log)->level >= (lev)) {                                          \
            wr_log_write(log, lev, err, __VA_ARGS__);                         \
        }                                                                     \
    } while (0)

/* Debug lines name their area first: wr_debug(log, "http", "…"). A target may take
 * those of some areas only (`error_log FILE debug_http debug_frame;`). The areas:
 * wr_log_has_area. */
#define wr_debug(log, area, ...)                                              \
    do {                                                                      \
        if (wr_unlikely((log)->level >= WR_LOG_DEBUG)) {                      \
            wr_log_write(log, WR_LOG_DEBUG, 0, area ": " __VA_ARGS__);        \
        }                                                                     \
    } while (0)

void wr_log_write(const wr_log_t *log, wr_level_t level, int err,
                  const char *format, ...) WR_PRINTF(4, 5);

/* "error" → WR_LOG_ERR; false if there is no such level. */
bool wr_log_level(wr_str_t name, wr_level_t *level);
const char *wr_log_level_name(wr_level_t level);
/* Whether debug lines have an area of this name. */
bool wr_log_has_area(wr_str_t name);

/* A finished line (with its end) to one target, whatever its level. */
void wr_log_target_write(wr_log_target_t *t, wr_level_t level, wr_str_t line);

/* In the child after fork(2): lines carry the new ids. */
void wr_log_forked(void);

/* For wr_panic_hook: the message at level alert, without needing memory. */
void wr_log_panic(const char *message);

/* The most talkative level of a chain of targets. */
wr_level_t wr_log_chain_level(const wr_log_target_t *targets);

/* The process's log before any conf is read, and for what has no better one. */
extern wr_log_t wr_log_main;

#endif
