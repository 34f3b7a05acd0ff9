/*
 * Between the files of the sqlite module.
 *
 * A statement of the conf (sq_stmt_t) has one or more SQL texts (sq_sql_t): one for
 * each choice of identifiers. Requests run them as calls (sq_call_t), each inside a
 * transaction (sq_tx_t): that of the request, or one made for the call alone. In a
 * worker, every database has one writing connection with its thread (writer.c) and
 * some reading ones (reader.c). The loop owns the queues; a thread owns a connection
 * only while a job runs.
 */
#ifndef WEIR_SQLITE_H
#define WEIR_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <weir/app/app.h>
#include <weir/app/sql.h>
#include <weir/event/threads.h>
#include <weir/expr/record.h>
#include <weir/os/metrics.h>
#include <weir/http/request.h>
#include <weir/process/cycle.h>

typedef struct sq_run    sq_run_t;
typedef struct sq_writer sq_writer_t;
typedef struct sq_lock   sq_lock_t;
typedef struct sq_tx     sq_tx_t;
typedef struct sq_call   sq_call_t;
typedef struct sq_rows   sq_rows_t;
typedef struct sq_quick  sq_quick_t;

/* ---- the conf ---- */

typedef struct sq_pragma {
    const char *sql;
    wr_tok_t    at;
} sq_pragma_t;

/* `sqlite NAME PATH { … }`: also the struct of its block. */
typedef struct sq_db {
    wr_str_t   name;
    wr_str_t   path;            /* NUL behind */
    wr_tok_t   at;              /* the path's place */
    wr_str_t   schema;          /* a file; empty: none */
    wr_str_t   migrations;      /* a folder; empty: none */
    int        journal;
    int        synchronous;
    wr_msec_t  busy_timeout;
    wr_msec_t  statement_timeout;   /* 0: none */
    int64_t    readers;
    size_t     cache_size;
    size_t     mmap_size;
    size_t     result_limit;
    wr_array_t pragmas;         /* sq_pragma_t */
    wr_array_t sqls;            /* struct sq_sql *: by id */
    wr_array_t guests;          /* const wr_sql_guest_t * */
    wr_array_t schemas;         /* const char *: of other modules */
    bool       alone;           /* the schema rolls back by itself: no batches */
    bool       asks_id;         /* … calls last_insert_rowid() */
    wr_zone_t *zone;            /* holds the sq_lock_t; its user is this */
    wr_scope_t *scope;
    sq_run_t  *run;             /* of this worker */
} sq_db_t;

/* `transaction` of a scope. */
typedef struct sq_around {
    bool     on;
    wr_str_t db;                /* empty: as sqlite_use */
    wr_tok_t at;
} sq_around_t;

/* Of a scope. */
typedef struct sq_conf {
    wr_str_t    use;            /* sqlite_use; empty: the only database */
    bool        detail;
    sq_around_t around;
    sq_db_t     db;             /* what the block of `sqlite` fills */
} sq_conf_t;

/* What another module wants of a database: service.c. */
typedef struct sq_wish {
    wr_tok_t              at;
    wr_str_t              db;
    const char           *schema;   /* NULL: it is a guest */
    const wr_sql_guest_t *guest;
} sq_wish_t;

/* Of a cycle: the service "sqlite.1". */
typedef struct sq_main {
    wr_pool_t *pool;
    wr_array_t dbs;             /* sq_db_t * */
    wr_array_t stmts;           /* sq_stmt_t * */
    wr_array_t txs;             /* sq_txconf_t * */
    wr_array_t wishes;          /* sq_wish_t */
    wr_array_t wraps;           /* sq_around_t: each `transaction` of the conf */
    wr_map_t   warned;          /* of waits: places */
} sq_main_t;

/* One SQL text and where its bytes came from. */
typedef struct sq_sql {
    const char *text;
    int         n;
    unsigned    id;             /* within its database */
    bool        readonly;
    bool        asks_id;        /* it may call last_insert_rowid() */
    bool        inserts;
    wr_shape_t *shape;          /* the columns, as the conf's check has found them */
    uint32_t   *from;           /* for each byte, its offset in the conf's text */
    uint32_t    seconds;        /* the metric's cell */
    uint32_t    rows;           /* and that of its database's rows */
} sq_sql_t;

/* Text, and the hole behind it: a bound value, or a choice between texts. */
typedef struct sq_part {
    wr_str_t             text;
    size_t               at;        /* of the text, in the statement's */
    size_t               hole;      /* of the {{ */
    const wr_app_expr_t *expr;      /* NULL: the last part */
    wr_str_t            *choices;   /* NULL: a bound value */
    unsigned             nchoices;
    unsigned             param;     /* of a bound value: from 0 */
} sq_part_t;

typedef struct sq_stmt {
    wr_tok_t    at;             /* its text stands in the pool */
    wr_scope_t *scope;
    sq_db_t    *db;
    int         slot;           /* of the result's name; -1: none */
    wr_str_t    name;           /* … which is this */
    wr_array_t  columns;        /* wr_str_t: of all its texts */
    wr_array_t  parts;          /* sq_part_t */
    unsigned    nparams;
    unsigned    nsqls;
    sq_sql_t   *sqls;
    bool        writes;
    bool        alone;          /* may end the whole transaction: never in a batch */
    wr_msec_t   slow_until;     /* not in a batch before: it has taken too long */
    bool        lendable;       /* all of its expressions are */
    uint32_t    waits;          /* of wr_app_waits stand before it in the conf */
    const char *guest;          /* the text of another module's; its scope is NULL */
    wr_str_t    guest_db;
} sq_stmt_t;

/* The transaction of a location. */
typedef struct sq_txconf {
    wr_scope_t *scope;
    sq_around_t around;
    sq_db_t    *db;
    bool        writes;
    bool        alone;          /* one of its statements is */
    wr_msec_t   slow_until;     /* … or has been too slow */
    bool        returns;        /* seen: its requests come back to the loop in between */
    wr_msec_t   rests;          /* not on the loop before */
} sq_txconf_t;

/* Of this worker: sq_db_t *. */
extern wr_array_t sq_dbs;
sq_main_t *sq_main_of(wr_conf_t *cf);
extern const wr_sql_t sq_service;
/* The blocks inside a location belong to it. */
const wr_scope_t *sq_scope_of(const wr_scope_t *scope);

/* statement.c */
wr_rc_t sq_stmt_parse(wr_conf_t *cf, const wr_tok_t *text, sq_stmt_t *s);
/* Makes the texts and prepares each in `mem`. */
struct sq_conn;
wr_rc_t sq_stmt_check(wr_conf_t *cf, sq_stmt_t *s, struct sq_conn *mem);

/* ---- connections: conn.c ---- */

typedef enum sq_mode {
    SQ_STATEMENT,       /* what the authorizer allows: a statement of the conf */
    SQ_SCRIPT,          /* schema and migrations */
    SQ_OWN,             /* the module's own */
} sq_mode_t;

typedef enum { SQ_BEGIN, SQ_IMMEDIATE, SQ_COMMIT, SQ_ROLLBACK, SQ_SAVEPOINT, SQ_RELEASE,
               SQ_ROLLBACK_TO, SQ_CONTROLS } sq_control_t;

typedef struct sq_conn {
    sqlite3         *db;
    const sq_db_t   *conf;
    sqlite3_stmt   **stmts;     /* by sq_sql_t.id */
    unsigned         nstmts;
    sqlite3_stmt    *controls[SQ_CONTROLS];
    sq_mode_t        mode;
    const char      *why;       /* the authorizer has refused something; a hint */
    uint64_t         deadline;  /* ns; 0: none */
    bool             late;      /* the deadline has passed */
    const bool      *gone;      /* set by the loop: nobody waits any more; may be NULL */
    int              wal_pages;
    const volatile uint32_t *index; /* of the log; NULL: unknown */
    uint32_t         noted[2];
    bool             spare;     /* none of the readers': closed when it is given back */
    struct sq_conn  *next;
} sq_conn_t;

/* What a statement came to. */
typedef struct sq_err {
    int      code;              /* SQLite's extended code; 0: fine */
    wr_str_t message;           /* in the call's pool, or constant */
} sq_err_t;

typedef enum sq_kind {
    SQ_MEMORY,          /* not the file */
    SQ_MAKER,           /* makes the file */
    SQ_WRITER,
    SQ_READER,
    SQ_QUICK,           /* reads on the loop: sq_vfs() is not NULL */
} sq_kind_t;

/* NULL after having logged why. */
sq_conn_t *sq_conn_open(const sq_db_t *db, sq_kind_t kind, wr_log_t *log);
void       sq_conn_close(sq_conn_t *c);
/* Its statements are stopped by the deadline, and when nobody waits any more. */
void       sq_conn_watch(sq_conn_t *c);
int        sq_conn_control(sq_conn_t *c, sq_control_t what);
/* A script of several statements. */
int        sq_conn_script(sq_conn_t *c, const char *sql, char **message);
int        sq_conn_own(sq_conn_t *c, const char *sql);

/* ---- log.c ---- */
/* When the connection has been opened. */
void       sq_log_find(sq_conn_t *c);
/* Before a snapshot is opened; then, whether it still is the newest state. */
void       sq_log_note(sq_conn_t *c);
bool       sq_log_is_as_noted(const sq_conn_t *c);

/* ---- execute.c ---- */
void       sq_err_take(sq_err_t *err, sqlite3 *db, wr_pool_t *pool);
/* Runs the call's statement, prepared if need be: its rows or its err. */
void       sq_conn_run(sq_conn_t *c, sq_call_t *call);
/* The same in pieces. The values are borrowed until they are bound anew. */
int        sq_bind(sqlite3_stmt *s, const sq_call_t *call);
/* The names of its columns, no two the same: the second "a" is "a:1", as SQLite itself
 * names it in a subquery. */
wr_str_t *sq_column_names(wr_pool_t *pool, sqlite3_stmt *s, unsigned *n);
/* Are the columns those of the conf's check? */
bool       sq_names_are(sqlite3_stmt *s, const sq_sql_t *sql);
/* All rows: SQLITE_DONE, an error, or SQLITE_ROW if they take more than `limit` bytes.
 * `same_names`: sq_names_are is known to be true. */
int        sq_read(sq_call_t *call, sqlite3_stmt *s, bool same_names, size_t limit);

/* ---- schema.c ---- */
wr_rc_t    sq_schema_memory(wr_conf_t *cf, sq_db_t *db, sq_conn_t **mem);
wr_rc_t    sq_schema_apply(wr_conf_t *cf, sq_db_t *db);

/* ---- rows.c ---- */
struct sq_rows {
    wr_obj_t          obj;
    const wr_shape_t *shape;    /* borrowed */
    wr_list_t        *list;     /* of records, which whoever reads adds to it */
    int64_t           changes;
    bool              has_id;
    int64_t           id;
};

sq_rows_t *sq_rows_new(wr_pool_t *pool, const wr_shape_t *shape);
void       sq_rows_end(sq_rows_t *rows, int64_t changes, bool has_id, int64_t id);
wr_val_t   sq_rows_val(sq_rows_t *rows);
bool       sq_rows_open(const wr_val_t *v, wr_sql_rows_t *out);
const wr_val_t *sq_rows_cells(const wr_sql_rows_t *rows, uint32_t i);

/* ---- lock.c ---- */
wr_rc_t sq_lock_init(wr_zone_t *z, void *old);
/* Waits for its turn until `deadline` (ns, monotonic). False: time is up. */
bool    sq_lock_take(sq_lock_t *l, uint64_t deadline, wr_str_t who);
void    sq_lock_leave(sq_lock_t *l);
/* Others wait for it. */
bool    sq_lock_wanted(sq_lock_t *l);
wr_str_t sq_lock_holder(sq_lock_t *l, wr_pool_t *pool);

/* ---- running ---- */

typedef enum { SQ_IDLE, SQ_QUEUED, SQ_ACTIVE, SQ_ENDED } sq_state_t;

enum { SQ_TX = 0x78747173 };

struct sq_tx {
    uint32_t    magic;          /* it is what requests are lent to */
    sq_run_t   *run;
    sq_txconf_t *conf;          /* NULL: of a call alone */
    bool        writes;
    bool        single;         /* ends with its one call */
    bool        alone;
    bool        begun;          /* by the thread: its savepoint is open */
    bool        settled;        /* by the thread: released or undone */
    bool        good;           /* … and released */
    bool        permit;         /* of a reader: it has one */
    bool        lost;           /* SQLite has rolled it back … */
    bool        slow;           /* … as a statement took longer than it may */
    uint8_t     quick;          /* so many statements have been read on the loop, whose
                                   connection holds its snapshot; 0: it does not */
    sq_state_t  state;
    sq_call_t  *first, *last;   /* calls that wait, in order */
    sq_call_t  *running;
    sq_conn_t  *conn;           /* of a reader */
    sq_tx_t    *next;
    sq_tx_t    *next_fresh;     /* of this job, to be committed */
    wr_timer_t  timer;          /* how long it may wait in the queue */
    uint64_t    deadline;       /* ns */
    wr_op_t     end;            /* its COMMIT */
    sq_err_t    err;            /* of the COMMIT */
    int64_t     last_id;        /* of the last row it has inserted; 0: none */
    uint32_t    guest;          /* whose turn it is before the COMMIT */
    const wr_tok_t *at;
};

struct sq_call {
    wr_op_t          op;        /* completes with WR_OK: look at err */
    wr_job_t         job;       /* of a reader */
    const sq_stmt_t *stmt;
    const sq_sql_t  *sql;
    wr_val_t        *params;
    wr_pool_t       *pool;      /* of the result */
    sq_rows_t       *rows;
    sq_err_t         err;
    sq_tx_t         *tx;
    sq_tx_t          own;       /* where there is no transaction around it */
    sq_call_t       *next;
    wr_req_t        *r;         /* whose step it is; NULL: of a guest without one */
    bool             direct;    /* r waits for this op alone: it can be lent */
    bool             last;      /* no statement of r comes behind it */
    bool             lent;      /* r is the thread's until the job is done */
    bool             waits;     /* a reader: there was no connection */
    bool             dropped;   /* the client has gone before it began */
    bool             ran;       /* a writer has come to it */
    /* Set by the loop while a thread has the call: a read is to stop. In a word of its
     * own, for compilers read neighbours together. */
    bool             unwanted __attribute__((aligned(8)));
};

/* Cells of metrics: stats.c. */
typedef struct sq_stats {
    uint32_t wait, queue, wal, busy, commits, rollbacks;
} sq_stats_t;
void sq_stats_init(const sq_db_t *db, sq_stats_t *s);

struct sq_run {
    sq_db_t      *db;
    uint64_t      device, inode;    /* of the file */
    sq_stats_t    stats;
    bool          closing;      /* the worker ends: nothing new is begun */
    sq_writer_t  *writer;
    sq_quick_t   *quick;
    /* readers: the loop's … */
    wr_threads_t *threads;
    wr_post_t     pump;
    sq_tx_t      *first, *last;             /* new ones */
    sq_tx_t      *waiting, *waiting_last;   /* for a permit */
    /* … and under the lock */
    pthread_mutex_t lock;
    sq_conn_t    *free;
    sq_conn_t   **readers;
    unsigned      nreaders, most;
    unsigned      permits;
    bool          freed;        /* a permit has come back */
};

/* run.c: `tx` NULL: on its own. Begins call->op. */
void sq_call_start(sq_tx_t *tx, sq_call_t *call);
/* COMMIT or ROLLBACK. True: tx->end is to be waited for. */
bool sq_tx_end(sq_tx_t *tx, bool commit);
void sq_tx_enqueue(sq_tx_t **first, sq_tx_t **last, sq_tx_t *tx);
void sq_tx_leave(sq_tx_t **first, sq_tx_t **last, sq_tx_t *tx);
sq_call_t *sq_tx_take(sq_tx_t *tx);
void sq_call_fail(sq_call_t *call, int code, const char *message);
wr_rc_t sq_worker_start(wr_worker_t *w);
void    sq_worker_stop(wr_worker_t *w);
sq_db_t *sq_db_of_zone(const wr_zone_t *z);      /* NULL: it is not a database's */

/* Its deadline, in a queue. */
void sq_tx_wait(sq_tx_t *tx);
/* Lends the request of the call to the thread that will run it, if that can be. */
void sq_call_lend(sq_call_t *call);
/* Takes it back, and if the thread `ran` the call goes on with it. False: the call's
 * op is still to be completed. */
bool sq_call_take_back(sq_call_t *call, bool ran);

/* reader.c, writer.c: what is to be done next. run_lent: a further statement of a
 * request that is lent, on the thread that has it. */
bool sq_readers_open(sq_run_t *run, wr_log_t *log);
void sq_readers_close(sq_run_t *run);
void sq_reader_run_lent(sq_tx_t *tx, sq_call_t *call);
void sq_writer_run_lent(sq_tx_t *tx, sq_call_t *call);
void sq_reader_call(sq_run_t *run, sq_tx_t *tx);
void sq_reader_end(sq_tx_t *tx, bool commit);
sq_writer_t *sq_writer_open(sq_run_t *run, wr_log_t *log);
void sq_writer_close(sq_writer_t *w);
void sq_writer_add(sq_writer_t *w, sq_tx_t *tx);
void sq_writer_drop(sq_writer_t *w, sq_tx_t *tx);   /* out of the queue */
/* Its time is up, but it is to join a job: back into the queue, at its head. False: it is
 * with the thread already, or its client has left. */
bool sq_writer_withdraw(sq_writer_t *w, sq_tx_t *tx);
void sq_writer_pump(sq_writer_t *w);
bool sq_writer_end(sq_writer_t *w, sq_tx_t *tx, bool commit);

/* quick.c: reads on the loop. NULL: none can be. */
sq_quick_t *sq_quick_open(sq_run_t *run);
void        sq_quick_close(sq_quick_t *q);
/* Runs the call at once, in call->pool, if it is short and needs no waiting: then
 * call->op is done. False: nothing has happened, it is to be started as any other. */
bool        sq_quick_run(sq_tx_t *tx, sq_call_t *call);
/* The transaction has statements there and goes on elsewhere, in its snapshot: it takes
 * the connection with it. `for_good`: its like need not try again. */
void        sq_quick_give(sq_tx_t *tx, bool for_good);
/* … or it has ended there. */
void        sq_quick_end(sq_tx_t *tx);

/* vfs.c: the name of the VFS for connections of the loop; NULL: SQLite's own is not the
 * one that is known. Not while other threads use SQLite. */
const char *sq_vfs(void);
/* This thread is in a hurry: what would wait fails. */
void        sq_vfs_hurry(bool hurry);
/* Whether SQLite's reads have gone through it at all; whether the file system could not
 * say what is in memory, on this thread (told once). */
bool        sq_vfs_is_asked(void);
bool        sq_vfs_was_unable(void);

/* columns.c: expressions of the conf ask for columns that are there. */
wr_rc_t sq_columns_check(wr_conf_t *cf, const sq_main_t *m);

/* files.c: for this worker's databases. */
void sq_files_guard(void);

/* step.c */
extern const wr_app_task_t   sq_task;
/* The transaction of the request on this database, or NULL. */
sq_tx_t  *sq_transaction_of(wr_req_t *r, const sq_db_t *db);
/* What the request has come to is to be committed. */
bool      sq_is_good(const wr_req_t *r);
/* The HTTP status of SQLite's error. */
unsigned  sq_status_of(int code);
/* A pool of its own for a thread, freed with `pool`. */
wr_pool_t *sq_pool_new(wr_pool_t *pool);
wr_rc_t sq_before(wr_req_t *r, void *state);
wr_rc_t sq_after(wr_req_t *r, void *state);

#endif
