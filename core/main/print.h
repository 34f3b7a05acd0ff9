/*
 * What -T and --explain print in the same way, on standard output.
 */
#ifndef WEIR_MAIN_PRINT_H
#define WEIR_MAIN_PRINT_H

#include <weir/http/server.h>

/* A name of the conf, on one line: control characters are shown as ?. */
void wr_print_name(wr_str_t s);

/* A pipeline, " a > b[ c ]", and a newline. */
void wr_print_stages(const wr_stage_t *stages);

/* Filters of answers, the same way. */
void wr_print_filters(const wr_filter_t *const *filters);

#endif
