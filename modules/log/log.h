/*
 * Access logs: formats and where their lines go.
 */
#ifndef WEIR_LOG_LOG_H
#define WEIR_LOG_LOG_H

#include <weir/http/request.h>
#include <weir/process/cycle.h>

/* ---- format.c ---- */

typedef enum log_escape { ESCAPE_DEFAULT = 0, ESCAPE_JSON, ESCAPE_NONE } log_escape_t;

typedef struct log_format {
    wr_str_t     name;
    log_escape_t escape;
    wr_array_t   ops;           /* log_op_t */
} log_format_t;

/* Compiles the texts args[first]…, joined. */
wr_rc_t log_format_compile(wr_conf_t *cf, log_format_t *f, unsigned first)
    WR_MUST_CHECK;
/* The same of one text: for the built-in format. */
wr_rc_t log_format_compile_text(wr_conf_t *cf, log_format_t *f, wr_str_t text)
    WR_MUST_CHECK;

/* Appends the line for `r`, without its end. */
void log_format_put(wr_req_t *r, const log_format_t *f, wr_buf_t *line);

/* Appends `s` with what must not stand in a log escaped. */
void log_escape_put(wr_buf_t *to, wr_str_t s, log_escape_t escape);

/* ---- sink.c ---- */

/* Lines on their way to one file: all access_logs with its path share it. Without
 * buffer= it is written at the end of each turn of the loop. */
typedef struct log_sink {
    wr_file_log_t *file;
    wr_buf_t       lines;       /* not yet written */
    size_t         limit;       /* buffer=; 0: none was given */
    wr_msec_t      flush_after; /* 0: no timer */
    int            gzip;        /* level; 0: plain */
    wr_post_t      post;
    wr_timer_t     timer;
    int64_t        complained;  /* when an error was logged last */
} log_sink_t;

log_sink_t *log_sink_of(wr_conf_t *cf, wr_file_log_t *file);
/* Where the next line is to be put; then log_sink_added. */
wr_buf_t *log_sink_begin(log_sink_t *s);
void log_sink_added(log_sink_t *s);
void log_sink_flush(log_sink_t *s);

/* ---- named.c: paths with variables ---- */

typedef struct log_file_cache {
    int64_t max;                /* 0: off */
    int64_t inactive;
    int64_t valid;
    int64_t min_uses;
} log_file_cache_t;

void log_named_write(wr_req_t *r, const log_file_cache_t *cache, wr_str_t path,
                     wr_str_t line);
/* Closes what has not been used; all of it, if that is asked. */
bool log_named_close(bool all);

#endif
