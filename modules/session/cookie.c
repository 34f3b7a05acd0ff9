/*
 * session: the cookie. Its value is a random key and nothing else; what the client
 * sends is looked at as a key only if it could be one of ours or aiohttp-session's.
 */
#include "session.h"

#include <openssl/evp.h>
#include <weir/os/random.h>

enum { ID = 24, ID_MIN = 16, ID_MAX = 128 };    /* random bytes; letters of a cookie */

static const char host_prefix[] = "__Host-";

wr_str_t
session_new_id(wr_pool_t *pool)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[ID];
    char         *text = wr_alloc_bytes(pool, ID / 3 * 4), *at = text;

    wr_random_bytes(raw, sizeof(raw));
    for (unsigned i = 0; i < ID; i += 3) {
        uint32_t v = (uint32_t) raw[i] << 16 | (uint32_t) raw[i + 1] << 8 | raw[i + 2];

        *at++ = letters[v >> 18];
        *at++ = letters[v >> 12 & 63];
        *at++ = letters[v >> 6 & 63];
        *at++ = letters[v & 63];
    }
    return wr_str(text, (size_t) (at - text));
}

/* COOKIENAME_ID, or COOKIENAME_ and the ID's SHA-256. */
wr_str_t
session_key(const session_t *s, wr_str_t id)
{
    wr_str_t      name = s->settings->cookie;
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned      n = 0;
    size_t        tail = s->settings->hashed ? 64 : id.n;
    char         *key = wr_alloc_bytes(wr_pool(s->r), name.n + 1 + tail);

    memcpy(key, name.p, name.n);
    key[name.n] = '_';
    if (!s->settings->hashed) {
        memcpy(key + name.n + 1, id.p, id.n);
        return wr_str(key, name.n + 1 + tail);
    }
    WR_ASSERT(EVP_Digest(id.p, id.n, raw, &n, EVP_sha256(), NULL) == 1 && n == 32);
    for (unsigned i = 0; i < n; i++) {
        key[name.n + 1 + i * 2] = "0123456789abcdef"[raw[i] >> 4];
        key[name.n + 2 + i * 2] = "0123456789abcdef"[raw[i] & 15];
    }
    return wr_str(key, name.n + 1 + tail);
}

static bool
on_tls(const wr_req_t *r)
{
    return wr_req_scheme(r->main).n == 5;
}

static bool
is_name(const session_t *s, wr_str_t name)
{
    if (s->settings->host_prefix && on_tls(s->r)) {
        if (!wr_str_starts(name, wr_str_z(host_prefix))) {
            return false;
        }
        name = wr_str_skip(name, sizeof(host_prefix) - 1);
    }
    return wr_str_eq(name, s->settings->cookie);
}

static bool
is_id(wr_str_t id)
{
    static const bool letters[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
        ['_'] = true,
    };
    bool all = id.n >= ID_MIN && id.n <= ID_MAX;

    for (size_t i = 0; i < id.n; i++) {
        all &= letters[(unsigned char) id.p[i]];
    }
    return all;
}

/* What the client sent; false: nothing that could be a key. */
bool
session_sent_id(session_t *s, wr_str_t *id)
{
    const wr_headers_t *in = &s->r->main->in;

    for (wr_header_t *h = wr_headers_first(in, WR_H_COOKIE); h != NULL;
         h = wr_headers_next(in, h))
    {
        wr_str_t rest = h->value, part;

        while (wr_str_split(&rest, ';', &part)) {
            ssize_t eq = wr_str_chr(part, '=');

            if (eq < 0 || !is_name(s, wr_str_trim(wr_str(part.p, (size_t) eq)))) {
                continue;
            }
            s->sent = true;
            *id = wr_str_trim(wr_str_skip(part, (size_t) eq + 1));
            if (id->n > 1 && id->p[0] == '"' && id->p[id->n - 1] == '"') {
                *id = wr_str_sub(*id, 1, id->n - 1);
            }
            return is_id(*id);
        }
    }
    return false;
}

/* Seconds that the browser is to keep it; 0: till it is closed. */
static int64_t
age(const session_t *s)
{
    const settings_t *c = s->settings;
    int64_t           left = c->max_age != 0 ? s->created + c->max_age - wr_clock.sec : 0;

    return c->keep == 0 ? left : left == 0 || c->keep < left ? c->keep : left;
}

void
session_send_cookie(session_t *s, wr_req_t *r, wr_str_t id)
{
    const settings_t *c = s->settings;
    bool              host = c->host_prefix && on_tls(r);
    wr_buf_t          b = wr_buf(wr_pool(r));

    if (host) {
        wr_buf_z(&b, host_prefix);
    }
    wr_buf_str(&b, c->cookie);
    wr_buf_char(&b, '=');
    wr_buf_str(&b, id);
    if (id.n == 0) {
        wr_buf_lit(&b, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
    } else if (age(s) > 0) {
        wr_buf_lit(&b, "; Max-Age=");
        wr_buf_int(&b, age(s));
    }
    if (c->domain.n != 0) {
        wr_buf_lit(&b, "; Domain=");
        wr_buf_str(&b, c->domain);
    }
    wr_buf_lit(&b, "; Path=");
    wr_buf_str(&b, c->path);
    if (c->httponly) {
        wr_buf_lit(&b, "; HttpOnly");
    }
    if (host || c->secure == 1 || (c->secure == 2 && on_tls(r))) {
        wr_buf_lit(&b, "; Secure");
    }
    if (c->samesite.n != 0) {
        wr_buf_lit(&b, "; SameSite=");
        wr_buf_str(&b, c->samesite);
    }
    s->cookie = wr_buf_text(&b);
    wr_app_no_etag(r->main);
    (void) wr_headers_add(&r->main->out, WR_H_SET_COOKIE, WR_STR("Set-Cookie"),
                          s->cookie);
}
