/*
 * Status codes: their reason phrases and the pages that go with them.
 */
#ifndef WEIR_HTTP_STATUS_H
#define WEIR_HTTP_STATUS_H

#include <weir/base/str.h>

/* "200 OK"; empty for a code without a phrase of its own. */
wr_str_t wr_status_line(unsigned status);

/* What stands in the title of an error page: "404 Not Found"; empty: no page. */
wr_str_t wr_status_title(unsigned status);

/* Codes that stand for others on the wire: 494 is sent as 400, 497 as 400 … */
unsigned wr_status_wire(unsigned status);

enum {
    WR_STATUS_CLOSE = 444,              /* no answer at all */
    WR_STATUS_HEADER_TOO_LARGE = 494,
    WR_STATUS_CERT_ERROR = 495,
    WR_STATUS_NO_CERT = 496,
    WR_STATUS_TO_HTTPS = 497,           /* plain HTTP sent to a TLS port */
    WR_STATUS_CLIENT_CLOSED = 499,
};

#endif
