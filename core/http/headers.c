/*
 * Header lists and the numbers of well-known names.
 *
 * A name's number is found by a small hash over its length and two of its
 * letters; the table is filled once, before main.
 */
#include <weir/http/headers.h>

#include <weir/base/buf.h>

static const wr_str_t known[WR_H_COUNT] = {
    [WR_H_ACCEPT] = WR_STR_INIT("Accept"),
    [WR_H_ACCEPT_ENCODING] = WR_STR_INIT("Accept-Encoding"),
    [WR_H_ACCEPT_LANGUAGE] = WR_STR_INIT("Accept-Language"),
    [WR_H_ACCEPT_RANGES] = WR_STR_INIT("Accept-Ranges"),
    [WR_H_AGE] = WR_STR_INIT("Age"),
    [WR_H_ALLOW] = WR_STR_INIT("Allow"),
    [WR_H_AUTHORIZATION] = WR_STR_INIT("Authorization"),
    [WR_H_CACHE_CONTROL] = WR_STR_INIT("Cache-Control"),
    [WR_H_CONNECTION] = WR_STR_INIT("Connection"),
    [WR_H_CONTENT_ENCODING] = WR_STR_INIT("Content-Encoding"),
    [WR_H_CONTENT_LENGTH] = WR_STR_INIT("Content-Length"),
    [WR_H_CONTENT_RANGE] = WR_STR_INIT("Content-Range"),
    [WR_H_CONTENT_TYPE] = WR_STR_INIT("Content-Type"),
    [WR_H_COOKIE] = WR_STR_INIT("Cookie"),
    [WR_H_DATE] = WR_STR_INIT("Date"),
    [WR_H_DEPTH] = WR_STR_INIT("Depth"),
    [WR_H_DESTINATION] = WR_STR_INIT("Destination"),
    [WR_H_ETAG] = WR_STR_INIT("ETag"),
    [WR_H_EXPECT] = WR_STR_INIT("Expect"),
    [WR_H_EXPIRES] = WR_STR_INIT("Expires"),
    [WR_H_HOST] = WR_STR_INIT("Host"),
    [WR_H_IF_MATCH] = WR_STR_INIT("If-Match"),
    [WR_H_IF_MODIFIED_SINCE] = WR_STR_INIT("If-Modified-Since"),
    [WR_H_IF_NONE_MATCH] = WR_STR_INIT("If-None-Match"),
    [WR_H_IF_RANGE] = WR_STR_INIT("If-Range"),
    [WR_H_IF_UNMODIFIED_SINCE] = WR_STR_INIT("If-Unmodified-Since"),
    [WR_H_KEEP_ALIVE] = WR_STR_INIT("Keep-Alive"),
    [WR_H_LAST_MODIFIED] = WR_STR_INIT("Last-Modified"),
    [WR_H_LINK] = WR_STR_INIT("Link"),
    [WR_H_LOCATION] = WR_STR_INIT("Location"),
    [WR_H_ORIGIN] = WR_STR_INIT("Origin"),
    [WR_H_OVERWRITE] = WR_STR_INIT("Overwrite"),
    [WR_H_PRAGMA] = WR_STR_INIT("Pragma"),
    [WR_H_PROXY_AUTHENTICATE] = WR_STR_INIT("Proxy-Authenticate"),
    [WR_H_PROXY_CONNECTION] = WR_STR_INIT("Proxy-Connection"),
    [WR_H_RANGE] = WR_STR_INIT("Range"),
    [WR_H_REFERER] = WR_STR_INIT("Referer"),
    [WR_H_REFRESH] = WR_STR_INIT("Refresh"),
    [WR_H_SEC_FETCH_SITE] = WR_STR_INIT("Sec-Fetch-Site"),
    [WR_H_SERVER] = WR_STR_INIT("Server"),
    [WR_H_SET_COOKIE] = WR_STR_INIT("Set-Cookie"),
    [WR_H_STATUS] = WR_STR_INIT("Status"),
    [WR_H_TE] = WR_STR_INIT("TE"),
    [WR_H_TRACEPARENT] = WR_STR_INIT("traceparent"),
    [WR_H_TRAILER] = WR_STR_INIT("Trailer"),
    [WR_H_TRANSFER_ENCODING] = WR_STR_INIT("Transfer-Encoding"),
    [WR_H_UPGRADE] = WR_STR_INIT("Upgrade"),
    [WR_H_USER_AGENT] = WR_STR_INIT("User-Agent"),
    [WR_H_VARY] = WR_STR_INIT("Vary"),
    [WR_H_VIA] = WR_STR_INIT("Via"),
    [WR_H_WWW_AUTHENTICATE] = WR_STR_INIT("WWW-Authenticate"),
    [WR_H_X_ACCEL_BUFFERING] = WR_STR_INIT("X-Accel-Buffering"),
    [WR_H_X_ACCEL_CHARSET] = WR_STR_INIT("X-Accel-Charset"),
    [WR_H_X_ACCEL_EXPIRES] = WR_STR_INIT("X-Accel-Expires"),
    [WR_H_X_ACCEL_LIMIT_RATE] = WR_STR_INIT("X-Accel-Limit-Rate"),
    [WR_H_X_ACCEL_REDIRECT] = WR_STR_INIT("X-Accel-Redirect"),
    [WR_H_X_FORWARDED_FOR] = WR_STR_INIT("X-Forwarded-For"),
    [WR_H_X_REAL_IP] = WR_STR_INIT("X-Real-IP"),
};

enum { SLOTS = 256, MANY = 255 };

static uint8_t slots[SLOTS];

static inline unsigned
slot_of(wr_str_t name)
{
    return ((unsigned) name.n * 37 + (unsigned char) wr_lower(name.p[0]) * 11
            + (unsigned char) wr_lower(name.p[name.n - 1]) * 5
            + (unsigned char) wr_lower(name.p[name.n / 2]))
           % SLOTS;
}

__attribute__((constructor)) static void
fill(void)
{
    for (unsigned id = 1; id < WR_H_COUNT; id++) {
        unsigned i = slot_of(known[id]);

        while (slots[i] != 0) {
            i = (i + 1) % SLOTS;
        }
        slots[i] = (uint8_t) id;
    }
}

wr_hid_t
wr_header_id(wr_str_t name)
{
    if (name.n == 0) {
        return WR_H_OTHER;
    }
    for (unsigned i = slot_of(name); slots[i] != 0; i = (i + 1) % SLOTS) {
        if (wr_str_ieq(known[slots[i]], name)) {
            return (wr_hid_t) slots[i];
        }
    }
    return WR_H_OTHER;
}

wr_str_t
wr_header_name(wr_hid_t id)
{
    WR_ASSERT(id > WR_H_OTHER && id < WR_H_COUNT);
    return known[id];
}

void
wr_headers_init(wr_headers_t *h, wr_pool_t *pool)
{
    memset(h, 0, sizeof(*h));
    h->pool = pool;
}

wr_header_t *
wr_headers_add(wr_headers_t *h, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    wr_header_t *item;

    if (h->n == h->cap) {
        uint32_t cap = h->cap != 0 ? h->cap * 2 : 16;

        item = wr_alloc(h->pool, cap * sizeof(*item));
        if (h->n != 0) {
            memcpy(item, h->items, h->n * sizeof(*item));
        }
        h->items = item;
        h->cap = cap;
    }
    item = &h->items[h->n++];
    *item = (wr_header_t) {name, value, (uint16_t) id, false};
    if (id != WR_H_OTHER && h->first[id] == 0) {
        h->first[id] = (uint8_t) (h->n < MANY ? h->n : MANY);
    }
    return item;
}

static bool
same_name(const wr_header_t *item, wr_hid_t id, wr_str_t name)
{
    if (item->dead || item->id != id) {
        return false;
    }
    return id != WR_H_OTHER || wr_str_ieq(item->name, name);
}

static wr_header_t *
search(const wr_headers_t *h, uint32_t from, wr_hid_t id, wr_str_t name)
{
    for (uint32_t i = from; i < h->n; i++) {
        if (same_name(&h->items[i], id, name)) {
            return &h->items[i];
        }
    }
    return NULL;
}

wr_header_t *
wr_headers_first_known(const wr_headers_t *h, wr_hid_t id)
{
    uint8_t at = h->first[id];

    if (at != MANY && !h->items[at - 1].dead) {
        return &h->items[at - 1];
    }
    return search(h, at - 1u, id, WR_STR_NONE);
}

wr_header_t *
wr_headers_find(const wr_headers_t *h, wr_str_t name)
{
    wr_hid_t id = wr_header_id(name);

    return id != WR_H_OTHER ? wr_headers_first(h, id) : search(h, 0, id, name);
}

wr_header_t *
wr_headers_next(const wr_headers_t *h, const wr_header_t *after)
{
    return search(h, (uint32_t) (after - h->items) + 1, (wr_hid_t) after->id,
                  after->name);
}

void
wr_headers_remove(wr_headers_t *h, wr_hid_t id, wr_str_t name)
{
    if (id == WR_H_OTHER) {
        id = wr_header_id(name);
    }
    for (wr_header_t *item = search(h, 0, id, name); item != NULL;
         item = search(h, (uint32_t) (item - h->items) + 1, id, name))
    {
        item->dead = true;
    }
    if (id != WR_H_OTHER) {
        h->first[id] = 0;
    }
}

wr_header_t *
wr_headers_set(wr_headers_t *h, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    wr_header_t *item;

    if (id == WR_H_OTHER) {
        id = wr_header_id(name);
    }
    item = id != WR_H_OTHER ? wr_headers_first(h, id) : search(h, 0, id, name);
    if (item == NULL) {
        return wr_headers_add(h, id, name, value);
    }
    item->value = value;
    for (wr_header_t *more = wr_headers_next(h, item); more != NULL;
         more = wr_headers_next(h, more))
    {
        more->dead = true;
    }
    return item;
}

bool
wr_headers_join(const wr_headers_t *h, wr_pool_t *pool, wr_hid_t id, wr_str_t name,
                const char *separator, wr_str_t *out)
{
    wr_header_t *item, *next;
    wr_buf_t     text;

    if (id == WR_H_OTHER) {
        id = wr_header_id(name);
    }
    item = search(h, 0, id, name);
    if (item == NULL) {
        return false;
    }
    next = wr_headers_next(h, item);
    if (next == NULL) {
        *out = item->value;
        return true;
    }
    text = wr_buf(pool);
    wr_buf_str(&text, item->value);
    for (; next != NULL; next = wr_headers_next(h, next)) {
        wr_buf_z(&text, separator);
        wr_buf_str(&text, next->value);
    }
    *out = wr_buf_text(&text);
    return true;
}

bool
wr_is_token(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i])
            && (s.p[i] == '\0' || strchr("!#$%&'*+-.^`|~", s.p[i]) == NULL))
        {
            return false;
        }
    }
    return s.n != 0;
}

bool
wr_is_field_value(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0') {
            return false;
        }
    }
    return true;
}

bool
wr_field_has(wr_str_t value, wr_str_t token)
{
    wr_str_t rest = value, part;

    while (wr_str_split(&rest, ',', &part)) {
        ssize_t end = wr_str_chr(part, ';');

        if (end >= 0) {
            part.n = (size_t) end;
        }
        if (wr_str_ieq(wr_str_trim(part), token)) {
            return true;
        }
    }
    return false;
}
