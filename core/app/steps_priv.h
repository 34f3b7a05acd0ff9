/*
 * The stages of steps.
 */
#ifndef WEIR_APP_STEPS_PRIV_H
#define WEIR_APP_STEPS_PRIV_H

#include <weir/http/hook.h>

extern const wr_http_tables_t app_tables;

#endif
