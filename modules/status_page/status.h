/*
 * What the files of status_page share: the metrics as they were read, and their
 * forms.
 */
#ifndef WEIR_STATUS_PAGE_H
#define WEIR_STATUS_PAGE_H

#include <weir/http/request.h>
#include <weir/os/metrics.h>

/* Prometheus' text (version 0.0.4), or OpenMetrics' (1.0.0). */
void status_text(wr_buf_t *to, const wr_metrics_t *m, bool open_metrics);
void status_json(wr_buf_t *to, const wr_metrics_t *m);

/* Adds process_*: of the master and its workers together. */
void status_process(wr_metrics_t *to);

wr_str_t status_html(void);

/* A number as JSON and Prometheus have it. */
void status_number(wr_buf_t *to, double v);

#endif
