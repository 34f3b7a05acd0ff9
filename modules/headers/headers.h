/*
 * `expires` in all its forms.
 */
#ifndef WEIR_HEADERS_HEADERS_H
#define WEIR_HEADERS_HEADERS_H

#include <weir/http/request.h>

typedef enum expires_kind {
    EXPIRES_OFF = 0, EXPIRES_EPOCH, EXPIRES_MAX, EXPIRES_ACCESS, EXPIRES_MODIFIED,
    EXPIRES_DAILY,
} expires_kind_t;

typedef struct expires {
    expires_kind_t kind;
    int64_t        seconds;     /* of ACCESS, MODIFIED; since midnight for DAILY */
} expires_t;

/* "30d", "-1", "@15h30m", "epoch", "max", "off"; `modified` if that word stood
 * before it. False: *error says why, as the end of a sentence. */
bool expires_parse(wr_str_t text, bool modified, expires_t *e, const char **error);

/* Sets Expires and Cache-Control. */
void expires_set(wr_req_t *r, const expires_t *e);

#endif
