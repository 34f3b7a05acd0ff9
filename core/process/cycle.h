/*
 * wr_cycle_t: one reading of the conf and all that was made from it. A reload
 * makes a new one; workers of the old one end gracefully.
 */
#ifndef WEIR_PROCESS_CYCLE_H
#define WEIR_PROCESS_CYCLE_H

#include <weir/module/module.h>
#include <weir/net/listen.h>

typedef struct wr_cycle wr_cycle_t;
typedef struct wr_zone  wr_zone_t;

/* The main context's settings. */
typedef struct wr_core_conf {
    bool       daemon;
    bool       master_process;
    int64_t    worker_processes;        /* auto is resolved */
    wr_str_t   pid;
    wr_str_t   lock_file;
    wr_str_t   user, group;
    int        uid, gid;                /* -1: unchanged */
    wr_msec_t  worker_shutdown_timeout; /* 0: none */
    int64_t    worker_priority;
    int64_t    rlimit_nofile;           /* -1: unchanged */
    int64_t    rlimit_core;
    wr_str_t   working_directory;
    wr_array_t env;                     /* wr_str_t "NAME" or "NAME=VALUE" */
    wr_array_t cpu_affinity;            /* wr_str_t masks */
    bool       cpu_affinity_auto;
    wr_msec_t  timer_resolution;
    bool       debug_points;
    /* events { } */
    int64_t    worker_connections;
    bool       multi_accept;
    bool       accept_mutex;
    wr_msec_t  accept_mutex_delay;
    wr_array_t debug_connection;        /* wr_cidr_t */
    wr_log_target_t *error_log;         /* error_log of main: chain */
    int64_t    pool_threads;            /* thread_pool default: 0: not given */
    int64_t    pool_max_queue;
    int        event_method;            /* what is accepted, and ignored */
    bool       pcre_jit;
    wr_str_t   ssl_engine;
    int64_t    worker_aio_requests;
    bool       user_given;
    bool       dev;                     /* weir_dev, or -d */
} wr_core_conf_t;

struct wr_cycle {
    wr_pool_t      *pool;
    wr_log_t       *log;        /* of this cycle: main's error_log */
    wr_conf_t      *cf;         /* valid while and after reading */
    wr_core_conf_t *core;
    wr_str_t        prefix;
    wr_str_t        conf_prefix;
    wr_str_t        conf_path;
    wr_str_t        error_log_path;     /* -e or the built-in default */
    wr_str_t        directives;         /* -g */
    wr_array_t      listening;          /* wr_listen_t * */
    wr_array_t      zones;              /* wr_zone_t * */
    wr_array_t      logs;               /* wr_file_log_t *: opened, to reopen */
    wr_array_t      folders;            /* wr_str_t: wr_cycle_folder's */
    wr_array_t      watched;            /* wr_str_t: wr_cycle_watch's */
    wr_array_t      newest;             /* wr_cycle_newest_t: wr_cycle_newest's */
    wr_array_t      error_targets;      /* wr_log_target_t *: all of error_log */
    uint64_t        generation;
    bool            testing;            /* -t: opens, but keeps nothing */
    void           *http;               /* the http layer's main object */
    bool            transparent;        /* connections from addresses of others: workers
                                           keep CAP_NET_RAW */
};

/* The cycle of this process: after a reload, the newest. */
extern wr_cycle_t *wr_cycle;

static inline wr_cycle_t *
wr_cycle_of(const wr_conf_t *cf)
{
    return cf->cycle;
}

/* ---- conf time ---- */

/* Asks for a listening socket; the same address asked again gives the same
 * object. */
wr_listen_t *wr_cycle_listen(wr_conf_t *cf, const wr_addr_t *addr);

/* This file was read for the conf: with weir_dev, a change in its folder reloads. */
void wr_cycle_watch(wr_conf_t *cf, wr_str_t path);

/* `where`, a global pointer to what is the newest cycle's, becomes `value` when the whole
 * conf has been taken, and NULL when one is that does not say so: a conf that is refused
 * changes nothing for the workers that the master goes on to start. */
typedef struct wr_cycle_newest {
    void *where, *value;
} wr_cycle_newest_t;
void wr_cycle_newest(wr_conf_t *cf, void *where, void *value);
/* The cycle becomes the newest, `old` (or NULL) was it: wr_cycle_new does so, except where
 * a conf is only read. */
void wr_cycle_take(wr_cycle_t *cycle, const wr_cycle_t *old);

/* A log file (or syslog:, stderr) opened once per cycle, however often it is asked
 * for, and reopened by USR1: `fd` stays the same number. It is -1 until the whole
 * conf has been read, and with syslog. NULL after a conf error. */
typedef struct wr_file_log {
    int      fd;
    struct wr_syslog *syslog;   /* net/syslog.h; NULL: a file */
    wr_str_t path;
    wr_buf_t buf;               /* lines not yet written (buffer=) */
    void   (*flush)(struct wr_file_log *f);     /* before reopening and at the end */
    void    *data;
} wr_file_log_t;
wr_file_log_t *wr_cycle_open_log(wr_conf_t *cf, const wr_tok_t *path);

/* ---- shared memory ---- */

/* A named zone shared by master and workers; kept over a reload if name, size and
 * tag are the same (then init gets the old data). The tag is any address of the
 * module. */
struct wr_zone {
    wr_str_t   name;
    size_t     size;
    const void *tag;
    void      *memory;          /* the mapping: starts with a wr_slab_t */
    void      *data;            /* the module's root object, inside the memory */
    /* Once per cycle, in the master before fork. `old`: data of the former cycle,
     * or NULL for a new zone (already formatted as a slab). */
    wr_rc_t  (*init)(wr_zone_t *z, void *old);
    void      *user;            /* the module's conf object */
    bool       kept;
    wr_tok_t   at;              /* who named it first, while the conf is read; line 0: nobody */
};
/* size 0: must have been declared elsewhere. NULL after a conf error. */
wr_zone_t *wr_zone_add(wr_conf_t *cf, wr_str_t name, size_t size, const void *tag);
/* The error for a zone that nobody has given a size: WR_ERROR. */
wr_rc_t wr_zone_lost(wr_conf_t *cf, const wr_zone_t *z);

/* Memory inside a zone: taken under the zone's lock. */
void  wr_zone_lock(wr_zone_t *z);       /* survives the death of its holder */
void  wr_zone_unlock(wr_zone_t *z);
void *wr_zone_alloc(wr_zone_t *z, size_t size);     /* NULL: full; lock held */
void  wr_zone_free(wr_zone_t *z, void *p);          /* lock held */
size_t wr_zone_used(const wr_zone_t *z);

/* ---- workers ---- */

struct wr_worker {
    wr_cycle_t *cycle;
    unsigned    index;          /* 0… among the workers of its cycle */
    pid_t       pid;
    bool        quitting;       /* finish what is there, accept nothing new */
    bool        terminating;
    bool        stopping;       /* quitting because the whole server ends: nobody
                                   else will serve the connections */
    uint64_t    connections;    /* open client connections: whoever takes them
                                   in wr_listen_t.accepted counts them */
    uint64_t    max_connections;
};
extern wr_worker_t wr_worker;   /* of this process */

/* The http layer registers these once; the process layer calls them. */
typedef struct wr_worker_hooks {
    void (*quit)(void);         /* graceful end begins: idle connections … */
    bool (*idle)(void);         /* nothing is left: the worker may end */
    bool (*reuse)(unsigned n);  /* close up to n idle keep-alive connections */
    void (*abort)(void);        /* worker_shutdown_timeout: close all */
    void (*list)(void);         /* SIGURG: log what is under way */
} wr_worker_hooks_t;
extern wr_worker_hooks_t wr_worker_hooks;

#endif
