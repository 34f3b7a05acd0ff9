/*
 * The $upstream_* variables: values of several peers are joined by ", ", those
 * of several locations by " : ".
 */
#include <weir/http/upstream_state.h>

wr_ustates_t *
wr_ustates(wr_req_t *r)
{
    wr_ustates_t *u = r->upstream;

    if (u == NULL) {
        u = WR_NEW(wr_pool(r), wr_ustates_t);
        u->list = wr_array(wr_pool(r), sizeof(wr_ustate_t));
        r->upstream = u;
    }
    return u;
}

wr_ustate_t *
wr_ustate_new(wr_req_t *r, wr_str_t peer)
{
    wr_ustate_t *s = WR_PUSH(&wr_ustates(r)->list, wr_ustate_t);

    s->peer = peer;
    s->started = wr_clock.mono;
    s->connect_time = s->header_time = s->response_time = -1;
    return s;
}

wr_ustate_t *
wr_ustate_last(wr_req_t *r)
{
    wr_ustates_t *u = r->upstream;

    return u != NULL && u->list.n != 0 ? WR_AT(&u->list, wr_ustate_t, u->list.n - 1) : NULL;
}

typedef enum { ADDR, STATUS, CONNECT, HEADER, RESPONSE, LENGTH, RECEIVED, SENT } field_t;

static void
put_time(wr_buf_t *b, wr_msec_t ms)
{
    if (ms < 0) {
        wr_buf_char(b, '-');
    } else {
        wr_buf_printf(b, "%" PRId64 ".%03d", ms / 1000, (int) (ms % 1000));
    }
}

static void
put(wr_buf_t *b, const wr_ustate_t *s, field_t field)
{
    switch (field) {
    case ADDR:
        wr_buf_str(b, s->peer);
        break;
    case STATUS:
        if (s->status != 0) {
            wr_buf_printf(b, "%03u", s->status);
        } else {
            wr_buf_char(b, '-');
        }
        break;
    case CONNECT:
        put_time(b, s->connect_time);
        break;
    case HEADER:
        put_time(b, s->header_time);
        break;
    case RESPONSE:
        put_time(b, s->response_time >= 0 ? s->response_time
                                          : wr_clock.mono - s->started);
        break;
    case LENGTH:
        wr_buf_int(b, s->response_length);
        break;
    case RECEIVED:
        wr_buf_uint(b, s->bytes_received);
        break;
    case SENT:
        wr_buf_uint(b, s->bytes_sent);
        break;
    }
}

static wr_rc_t
get(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;
    wr_buf_t      b;
    bool          first = true;

    if (u == NULL || u->list.n == 0) {
        return WR_NOTFOUND;
    }
    b = wr_buf(wr_pool(r));
    for (WR_EACH(wr_ustate_t, s, &u->list)) {
        if (s->separator) {
            wr_buf_lit(&b, " : ");
            first = true;
            continue;
        }
        if (!first) {
            wr_buf_lit(&b, ", ");
        }
        first = false;
        put(&b, s, (field_t) v->data);
    }
    *value = wr_buf_text(&b);
    return WR_OK;
}

/* "http_content_type" and the like, with - for _, among the answer's fields. */
static bool
same_name(wr_str_t name, wr_str_t var)
{
    if (name.n != var.n) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i] == '-' ? '_' : wr_lower(name.p[i]);

        if (c != wr_lower(var.p[i])) {
            return false;
        }
    }
    return true;
}

static wr_rc_t
get_header(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;
    wr_str_t      name = wr_str_skip(v->name, sizeof("upstream_http_") - 1);
    wr_buf_t      b;
    bool          found = false;

    if (u == NULL || u->headers == NULL) {
        return WR_NOTFOUND;
    }
    b = wr_buf(wr_pool(r));
    for (WR_EACH_HEADER(h, u->headers)) {
        if (same_name(h->name, name)) {
            if (found) {
                wr_buf_lit(&b, ", ");
            }
            found = true;
            wr_buf_str(&b, h->value);
        }
    }
    *value = wr_buf_text(&b);
    return found ? WR_OK : WR_NOTFOUND;
}

static wr_rc_t
get_trailer(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;
    wr_str_t      name = wr_str_skip(v->name, sizeof("upstream_trailer_") - 1);
    wr_str_t      rest, line;

    if (u == NULL || u->trailer == NULL) {
        return WR_NOTFOUND;
    }
    rest = wr_buf_text(u->trailer);
    while (wr_str_split(&rest, '\n', &line)) {
        ssize_t colon = wr_str_chr(line, ':');

        if (line.n != 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (colon > 0 && same_name(wr_str(line.p, (size_t) colon), name)) {
            *value = wr_pool_str(wr_pool(r),
                                 wr_str_trim(wr_str_skip(line, (size_t) colon + 1)));
            return WR_OK;
        }
    }
    return WR_NOTFOUND;
}

static wr_rc_t
get_cookie(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;
    wr_str_t      name = wr_str_skip(v->name, sizeof("upstream_cookie_") - 1);

    if (u == NULL || u->headers == NULL) {
        return WR_NOTFOUND;
    }
    for (wr_header_t *h = wr_headers_first(u->headers, WR_H_SET_COOKIE); h != NULL;
         h = wr_headers_next(u->headers, h))
    {
        if (h->value.n > name.n && wr_str_starts(h->value, name)
            && h->value.p[name.n] == '=')
        {
            ssize_t end = wr_str_chr(h->value, ';');

            *value = wr_str_sub(h->value, name.n + 1, end >= 0 ? (size_t) end : h->value.n);
            return WR_OK;
        }
    }
    return WR_NOTFOUND;
}

static wr_rc_t
get_cache_status(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;

    (void) v;
    if (u == NULL || u->cache_status.n == 0) {
        return WR_NOTFOUND;
    }
    *value = u->cache_status;
    return WR_OK;
}

#define ROW(n, field, text)                                                   \
    {n, get, NULL, field, WR_VAR_NOCACHE, text}

const wr_var_row_t wr_upstream_variables[] = {
    ROW("upstream_addr", ADDR, "The addresses of the servers that were asked."),
    ROW("upstream_status", STATUS, "The status codes that they answered."),
    ROW("upstream_connect_time", CONNECT, "Seconds until the connection stood."),
    ROW("upstream_header_time", HEADER, "Seconds until the head of the answer was there."),
    ROW("upstream_response_time", RESPONSE, "Seconds until the answer was complete."),
    ROW("upstream_response_length", LENGTH, "Bytes of the answers' bodies."),
    ROW("upstream_bytes_received", RECEIVED, "Bytes received from them."),
    ROW("upstream_bytes_sent", SENT, "Bytes sent to them."),
    {"upstream_http_", get_header, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "A field of the upstream's answer."},
    {"upstream_trailer_", get_trailer, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "A field of the trailer section of the upstream's answer: there once the body "
     "has come, so for the log."},
    {"upstream_cookie_", get_cookie, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "A cookie that the upstream set."},
    {"upstream_cache_status", get_cache_status, NULL, 0, WR_VAR_NOCACHE,
     "Whether the answer came from a cache."},
    {NULL, NULL, NULL, 0, 0, NULL},
};

wr_module_t wr_upstream_state_module = {
    .magic = WR_MAGIC,
    .abi_major = WR_ABI_MAJOR,
    .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t),
    .facts = WR_ABI_FACTS,
    .name = "http_upstream_state_module",
    .version = "0.1.0",
    .doc = "What happened on the way to upstream servers, as variables.",
    .schema = {.name = "http_upstream_state_module"},
    .variables = wr_upstream_variables,
};
