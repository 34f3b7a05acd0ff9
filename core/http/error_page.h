/*
 * Answers that are not the handler's own: errors and redirects, with the page
 * that error_page names or the built-in one.
 */
#ifndef WEIR_HTTP_ERROR_PAGE_H
#define WEIR_HTTP_ERROR_PAGE_H

#include <weir/http/request.h>

/* Answers r->fail_status; the pipeline has been left. May run another pipeline
 * (error_page). Ends in front->finish. */
void wr_answer_error(wr_req_t *r);

/* The built-in page of a status in the request's pool; empty: no page. */
wr_str_t wr_error_body(wr_req_t *r, unsigned status);
/* The same with a sentence for the reader below the title: any text, escaped here. */
wr_str_t wr_error_body_with(wr_req_t *r, unsigned status, wr_str_t message);

/* If a module says what the page is (a JSON error), this is asked first: true if
 * it has set content_type and *body. Set once by the application layer. */
extern bool (*wr_error_body_hook)(wr_req_t *r, unsigned status, wr_str_t *body);
/* True if r->fail_status is answered in the application's own way, whatever
 * error_page says: a program that wants JSON has no use for a page. */
extern bool (*wr_error_plain_hook)(const wr_req_t *r);

#endif
