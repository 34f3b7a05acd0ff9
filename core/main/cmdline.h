/*
 * What the command line asks for, and the answers that need no server.
 */
#ifndef WEIR_MAIN_CMDLINE_H
#define WEIR_MAIN_CMDLINE_H

#include <weir/process/process.h>

typedef struct wr_command {
    bool        help;           /* -h -? */
    bool        version;        /* -v; also with -h and -V */
    bool        build;          /* -V */
    bool        dump;           /* -T */
    bool        modules;        /* -M */
    const char *explain;        /* -H */
    bool        tables;         /* --print-tables */
    const char *from_nginx;     /* --from-nginx */
    const char *request;        /* --explain */
} wr_command_t;

/* Reads argv: what the process layer has to know goes to wr_options. False after
 * having said on stderr what is wrong. */
bool wr_cmdline(int argc, char **argv, wr_command_t *cmd) WR_MUST_CHECK;

/* -T: the conf and the pipelines made of it, on standard output. */
void wr_dump(const wr_cycle_t *cycle);

/* -v -V -h: on stderr, as nginx. */
void wr_about(const wr_command_t *cmd);

/* -H: 0, or 1 if nothing has this name. wr_options are settled. */
int wr_explain(const char *name);

/* --explain: what the conf makes of "GET /path" or "GET http://host:port/path". 0, or 1
 * if it cannot be read or is no request. wr_options are settled. */
int wr_explain_request(const char *request);

/* --print-tables: what all modules offer, as JSON. 0, or 1 if a module that stands
 * where modules are cannot be loaded. */
int wr_print_tables(void);

/* -M: 0, or 1 if the conf cannot be read (then what is built in is listed). */
int wr_list_modules(void);

/* --from-nginx: what of an nginx.conf carries over. 0: all of it; 1: not all, or it
 * cannot be read. Settles wr_options itself. */
int wr_from_nginx(const char *file);

#endif
