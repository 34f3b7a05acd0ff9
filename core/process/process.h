/*
 * The life of the processes: from the command line to the last worker's end.
 *
 * main() goes: wr_process_init, then its argv into wr_options, wr_options_settle,
 * wr_cycle_new(NULL), and then wr_signal_send, or the report of a test, or
 * wr_server_run.
 */
#ifndef WEIR_PROCESS_PROCESS_H
#define WEIR_PROCESS_PROCESS_H

#include <weir/process/cycle.h>

/* What the command line says. Texts are borrowed and must live for ever. */
typedef struct wr_options {
    wr_str_t    prefix;         /* -p; empty: WR_PREFIX. Ends with a slash once
                                   settled */
    wr_str_t    conf_path;      /* -c; empty: WR_CONF_PATH. Settled: with the
                                   prefix in front, if it was relative */
    wr_str_t    conf_prefix;    /* set by settle: folder of the conf, with slash */
    wr_str_t    error_log;      /* -e; empty: WR_ERROR_LOG_PATH; "stderr".
                                   Settled as conf_path */
    wr_str_t    directives;     /* -g */
    const char *signal;         /* -s: the conf is read to find the pid file; no
                                   file is opened, nothing is bound */
    bool        reading;        /* -M: as with -s, the conf is only read */
    bool        testing;        /* -t, -T: opens and binds, keeps nothing */
    bool        quiet;          /* -q: only errors on stderr */
    bool        dev;            /* -d: as `weir_dev on;` */
    wr_module_t *const *core_modules;   /* ended by NULL; wr_core_module first */
} wr_options_t;
extern wr_options_t wr_options;

/* A variable of the environment that the server was started with, whether or not
 * `env` hands it to the workers; NULL if there is none. */
const char *wr_process_started_with(const char *name);

/* First thing in main: keeps argv for the process titles and for an upgrade, sets
 * the clock, the hash seed, and the log to stderr. */
void wr_process_init(int argc, char **argv);

/* Fills in and completes the paths of wr_options and opens the error log of the
 * start-up. From here on, lines of level warn and above are copied
 * to stderr as "weir: [emerg] …" until the server runs. */
void wr_options_settle(void);

/* Reads and settles the conf of wr_options, opens logs, zones and sockets, and
 * calls master_start of the modules. NULL after having logged why; then nothing of
 * `old` (NULL at the start) has changed. Otherwise `old` is to be freed by the
 * caller once nothing uses it, and wr_cycle is the new one. */
wr_cycle_t *wr_cycle_new(wr_cycle_t *old) WR_MUST_CHECK;
void        wr_cycle_free(wr_cycle_t *cycle);

/* Serves until the end: daemon, pid file, master and workers or the single
 * process, as the cycle's conf says. Returns the exit status. */
int wr_server_run(wr_cycle_t *cycle);

/* wr_server_run chooses one of these. */
int wr_master_run(wr_cycle_t *cycle);
int wr_single_run(wr_cycle_t *cycle);

/* -s: sends "stop", "quit", "reload" or "reopen" to the master whose pid file the
 * conf names. `reload` waits until it has taken or refused the conf and prints
 * why. Returns the exit status. */
int wr_signal_send(wr_cycle_t *cycle, const char *signal);

/* The core's directives: main context and events { }. */
extern wr_module_t wr_core_module;
/* The settled settings of wr_core_module for a reading: what cycle->core is. */
wr_core_conf_t *wr_core_conf(wr_conf_t *cf);

/* `error_log` at any level of the conf: parses cf->args, adds the target to the
 * chain and opens it with the cycle's logs. */
wr_rc_t wr_conf_error_log(wr_conf_t *cf, wr_log_target_t **chain) WR_MUST_CHECK;

/* A folder that must exist and belong to the workers' user before they start
 * (client_body_temp_path …). Made with its parents' last part only, mode 0700. */
void wr_cycle_folder(wr_conf_t *cf, wr_str_t path);

#endif
