/*
 * The variables of HTTP itself: nginx's core variables and a few of weir's.
 */
#ifndef WEIR_HTTP_VARIABLES_H
#define WEIR_HTTP_VARIABLES_H

#include <weir/vars/cv.h>

/* Ended by a row without a name. */
extern const wr_var_row_t wr_http_core_variables[];

#endif
