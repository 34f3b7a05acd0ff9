/*
 * weir-render: its two modes and what they share.
 */
#ifndef WEIR_MAIN_RENDER_H
#define WEIR_MAIN_RENDER_H

#include <weir/expr/template.h>

/* Sets one option from a value; false with a message in `why` (in `pool`) if
 * there is no such option or the value does not fit. */
bool wr_render_option(wr_pool_t *pool, wr_env_options_t *o, wr_str_t name,
                      const wr_val_t *value, wr_str_t *why);

/* Delimiters that could not work together: a message, or an empty view. */
wr_str_t wr_render_check(const wr_env_options_t *o);

/* Requests from standard input, one a line; returns the exit status. */
int wr_render_batch(void);

/* A template for people. `options` are "name=value" texts. */
typedef struct wr_render_job {
    const char        *dir; /* NULL: where the file is */
    const char        *file;
    const char        *context; /* a JSON file, or NULL */
    const char *const *options;
    unsigned           noptions;
} wr_render_job_t;

int wr_render_file(const wr_render_job_t *job);

#endif
