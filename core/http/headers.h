/*
 * Header lists: an array in order of arrival. Names that the server itself needs
 * have a number, so that they are found without comparing text.
 */
#ifndef WEIR_HTTP_HEADERS_H
#define WEIR_HTTP_HEADERS_H

#include <weir/base/pool.h>

typedef enum wr_hid {
    WR_H_OTHER = 0,
    WR_H_ACCEPT, WR_H_ACCEPT_ENCODING, WR_H_ACCEPT_LANGUAGE, WR_H_ACCEPT_RANGES,
    WR_H_AGE, WR_H_ALLOW, WR_H_AUTHORIZATION, WR_H_CACHE_CONTROL, WR_H_CONNECTION,
    WR_H_CONTENT_ENCODING, WR_H_CONTENT_LENGTH, WR_H_CONTENT_RANGE,
    WR_H_CONTENT_TYPE, WR_H_COOKIE, WR_H_DATE, WR_H_DEPTH, WR_H_DESTINATION,
    WR_H_ETAG, WR_H_EXPECT, WR_H_EXPIRES, WR_H_HOST, WR_H_IF_MATCH,
    WR_H_IF_MODIFIED_SINCE, WR_H_IF_NONE_MATCH, WR_H_IF_RANGE,
    WR_H_IF_UNMODIFIED_SINCE, WR_H_KEEP_ALIVE, WR_H_LAST_MODIFIED, WR_H_LINK,
    WR_H_LOCATION, WR_H_ORIGIN, WR_H_OVERWRITE, WR_H_PRAGMA,
    WR_H_PROXY_AUTHENTICATE, WR_H_PROXY_CONNECTION, WR_H_RANGE, WR_H_REFERER,
    WR_H_REFRESH, WR_H_SEC_FETCH_SITE, WR_H_SERVER, WR_H_SET_COOKIE, WR_H_STATUS,
    WR_H_TE, WR_H_TRACEPARENT, WR_H_TRAILER, WR_H_TRANSFER_ENCODING, WR_H_UPGRADE,
    WR_H_USER_AGENT, WR_H_VARY, WR_H_VIA, WR_H_WWW_AUTHENTICATE,
    WR_H_X_ACCEL_BUFFERING, WR_H_X_ACCEL_CHARSET, WR_H_X_ACCEL_EXPIRES,
    WR_H_X_ACCEL_LIMIT_RATE, WR_H_X_ACCEL_REDIRECT, WR_H_X_FORWARDED_FOR,
    WR_H_X_REAL_IP,
    WR_H_COUNT
} wr_hid_t;

typedef struct wr_header {
    wr_str_t name;          /* as it was written */
    wr_str_t value;
    uint16_t id;            /* wr_hid_t */
    bool     dead;          /* removed: skip it */
} wr_header_t;

typedef struct wr_headers {
    wr_header_t *items;
    uint32_t     n;
    uint32_t     cap;
    wr_pool_t   *pool;
    uint8_t      first[WR_H_COUNT];     /* index + 1 of the first with this id;
                                           0: none; 255: look it up */
} wr_headers_t;

/* The number of a name, any case. */
wr_hid_t wr_header_id(wr_str_t name);
wr_str_t wr_header_name(wr_hid_t id);   /* "Content-Type" */

void wr_headers_init(wr_headers_t *h, wr_pool_t *pool);
/* Borrows both; they must live as long as the list. */
wr_header_t *wr_headers_add(wr_headers_t *h, wr_hid_t id, wr_str_t name, wr_str_t value);
/* Adds, or replaces the first and removes the others. By id or (WR_H_OTHER) name. */
wr_header_t *wr_headers_set(wr_headers_t *h, wr_hid_t id, wr_str_t name, wr_str_t value);
void wr_headers_remove(wr_headers_t *h, wr_hid_t id, wr_str_t name);

/* The first with this id, or NULL. */
wr_header_t *wr_headers_first_known(const wr_headers_t *h, wr_hid_t id);
static inline wr_header_t *
wr_headers_first(const wr_headers_t *h, wr_hid_t id)
{
    return h->first[id] != 0 ? wr_headers_first_known(h, id) : NULL;
}
wr_header_t *wr_headers_find(const wr_headers_t *h, wr_str_t name);
/* The next of the same name behind `after`, or NULL. */
wr_header_t *wr_headers_next(const wr_headers_t *h, const wr_header_t *after);
/* All values of a name joined by `separator`; false if there is none. */
bool wr_headers_join(const wr_headers_t *h, wr_pool_t *pool, wr_hid_t id, wr_str_t name,
                     const char *separator, wr_str_t *out);

/* for (WR_EACH_HEADER(h, &r->in)) … dead ones are skipped. */
#define WR_EACH_HEADER(h, list)                                               \
    wr_header_t *h = wr_headers_live(list, (list)->items);                    \
    h != NULL;                                                                \
    h = wr_headers_live(list, h + 1)

static inline wr_header_t *
wr_headers_live(const wr_headers_t *list, wr_header_t *h)
{
    for (; list->n != 0 && h < list->items + list->n; h++) {
        if (!h->dead) {
            return h;
        }
    }
    return NULL;
}

/* Server or Date without a value at all: stands for "none is to be sent". */
static inline bool
wr_header_is_silent(const wr_header_t *h)
{
    return h->value.p == NULL && (h->id == WR_H_SERVER || h->id == WR_H_DATE);
}

/* RFC 9110 §5.6.2 tokens and field values. */
bool wr_is_token(wr_str_t s);
bool wr_is_field_value(wr_str_t s);     /* no CR, LF, NUL */

/* Whether a list field ("gzip, chunked;q=0.5") names `token`; ASCII case ignored. */
bool wr_field_has(wr_str_t value, wr_str_t token);

#endif
