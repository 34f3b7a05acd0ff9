/*
 * What a database module offers to others: the service WR_SQL_SERVICE.
 *
 *     const wr_sql_t *sql = wr_service_find(cf, WR_SQL_SERVICE);
 *
 * gives its table while the conf is read, wherever the directives of the databases
 * stand; NULL: the module is not loaded. A database is named as in the conf, empty
 * means the only one; whether it exists is checked when all has been read, and the
 * error then points to `at`. Statements are prepared by `-t`, like those of the conf.
 *
 * At run time everything belongs to the loop's thread.
 */
#ifndef WEIR_APP_SQL_H
#define WEIR_APP_SQL_H

#include <weir/app/app.h>

#define WR_SQL_SERVICE "sql.1"

typedef struct wr_sql_stmt wr_sql_stmt_t;

/* One statement under way. It lives in the pool that was given. */
typedef struct wr_sql_call {
    wr_op_t  *op;           /* to be waited for; completes with WR_OK (then look at
                               `status`) or WR_CANCELLED. May be done already */
    unsigned  status;       /* 0: fine; else 409, 503, 507 or 500 … */
    wr_str_t  message;      /* … and SQLite's message */
    wr_val_t  result;       /* rows, as a `sql` step gives them */
} wr_sql_call_t;

/* A result laid open, to be read as often and in whatever pieces: all of it is in
 * memory and never changes. Lives as long as the value. */
typedef struct wr_sql_rows {
    const wr_str_t *names;
    unsigned        columns;
    uint32_t        n;
    bool            single;     /* the value was one row (`posts.first`), not rows */
    const void     *items;      /* for cells() */
} wr_sql_rows_t;

/* Who wants to write in the transaction of a request, before it is committed. */
typedef struct wr_sql_guest {
    /* Called when the request has been answered well and its writing transaction on
     * the database, which has begun, is about to be committed: starts statements by
     * start(), which run inside it, and returns what is to be waited for; NULL:
     * nothing. Not called when the transaction is to be rolled back, has not begun,
     * or only reads. */
    wr_op_t *(*start)(wr_req_t *r);
    /* What start() returned has completed. Not WR_OK: the transaction is rolled
     * back; wr_app_fail has been called. Whether the COMMIT then succeeds is seen by
     * outer frames: in r->task.outcome. */
    wr_rc_t  (*end)(wr_req_t *r);
} wr_sql_guest_t;

typedef struct wr_sql {
    /* ---- while the conf is read ---- */

    /* A statement with ? for its values. The text is borrowed for good. */
    wr_sql_stmt_t *(*statement)(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database,
                                const char *sql);
    /* Run behind schema and migrations, each time: CREATE TABLE IF NOT EXISTS … */
    void           (*schema)(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database,
                             const char *sql);
    void           (*guest)(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database,
                            const wr_sql_guest_t *guest);

    /* ---- at run time ---- */

    /* Starts a statement with as many values as it has ?: none, booleans, numbers,
     * str, bytes; they must live as long as the pool. Runs in the transaction of `r`
     * on the same database where there is one, else (or with r NULL) on its own:
     * then its op completes when it has been committed. */
    wr_sql_call_t *(*start)(wr_req_t *r, wr_pool_t *pool, const wr_sql_stmt_t *s,
                            const wr_val_t *values);
    /* Whether the value is rows, or a row, of a database. */
    bool           (*rows)(const wr_val_t *v, wr_sql_rows_t *rows);
    /* The `columns` values of row `i`. */
    const wr_val_t *(*cells)(const wr_sql_rows_t *rows, uint32_t i);
    /* Whether start() would now run in a writing transaction of `r` that has begun. */
    bool           (*writing)(wr_req_t *r, const wr_sql_stmt_t *s);
} wr_sql_t;

#endif
