/*
 * All requests of a worker, for people who ask what it is doing: SIGURG writes them
 * to the error log, with what each of them waits for and how long.
 */
#ifndef WEIR_HTTP_WAITING_H
#define WEIR_HTTP_WAITING_H

#include <weir/http/request.h>

void wr_waiting_add(wr_req_t *r);
void wr_waiting_remove(wr_req_t *r);

#endif
