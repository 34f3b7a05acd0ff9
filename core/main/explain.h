/*
 * --explain, between its files: what stands in the conf, statement by statement.
 */
#ifndef WEIR_MAIN_EXPLAIN_H
#define WEIR_MAIN_EXPLAIN_H

#include <weir/http/server.h>

/* A statement of the conf as it was read. */
typedef struct wr_note {
    const wr_scope_t     *scope;        /* that it stands in */
    const wr_schema_t    *schema;
    const wr_directive_t *d;
    wr_str_t              text;         /* without the ; or { */
    wr_tok_t              at;           /* its name */
    bool                  block;
    wr_array_t            remarks;      /* wr_str_t: what a module made of it */
} wr_note_t;

/* From here on, statements that are read are noted. Once per process. */
void wr_notes_begin(void);
/* Of the last reading: wr_note_t, valid as long as its cycle. */
const wr_array_t *wr_notes(void);

/* Whether it is one of http_rewrite_module: run before or after the location is
 * found, able to change the URI. */
bool wr_note_rewrites(const wr_note_t *n);
/* Whether it is a step of a route. */
bool wr_note_is_step(const wr_note_t *n);

/* " file:line" and a newline. */
void wr_print_place(const wr_tok_t *at);
/* The statement with its inner ones, remarks and places, `depth` times indented. */
void wr_print_note(const wr_note_t *n, unsigned depth);

/* The steps that run in `scope`, outermost first; false: there are none. */
bool wr_print_steps(const wr_scope_t *scope);
/* What applies in `scope`: its own, then what it inherits, nearest first. */
void wr_print_effective(const wr_scope_t *scope);

#endif
