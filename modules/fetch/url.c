/*
 * fetch: URLs, as far as RFC 3986 concerns a client of HTTP.
 *
 * What a URL may not hold (blanks, controls, bytes beyond ASCII) is
 * percent-encoded, so no value in a URL can add lines to a request.
 */
#include "fetch.h"

static wr_str_t
lower(wr_pool_t *pool, wr_str_t s)
{
    char *p = wr_alloc_bytes(pool, s.n + 1);

    for (size_t i = 0; i < s.n; i++) {
        p[i] = wr_lower(s.p[i]);
    }
    return wr_str(p, s.n);
}

static bool
is_host_char(char c)
{
    return wr_is_word(c) || c == '-' || c == '.';
}

/* "name", "1.2.3.4", "[::1]", each with or without ":port". */
static bool
take_authority(wr_pool_t *pool, wr_str_t text, url_t *u)
{
    size_t  end = 0;
    int64_t port;

    if (text.n != 0 && text.p[0] == '[') {
        ssize_t close = wr_str_chr(text, ']');

        for (ssize_t i = 1; i < close; i++) {
            if (wr_hex_digit(text.p[i]) < 0 && text.p[i] != ':' && text.p[i] != '.') {
                return false;
            }
        }
        if (close < 3) {
            return false;
        }
        end = (size_t) close + 1;
    } else {
        while (end < text.n && is_host_char(text.p[end])) {
            end++;
        }
    }
    if (end == 0 || end > 255) {
        return false;
    }
    u->host = lower(pool, wr_str(text.p, end));
    u->authority = u->host;
    if (end == text.n || (text.p[end] == ':' && end + 1 == text.n)) {
        return true;
    }
    if (text.p[end] != ':' || !wr_parse_int(wr_str_skip(text, end + 1), &port) || port < 1
        || port > 65535)
    {
        return false;
    }
    if (port != u->port) {
        u->authority = wr_pool_printf(pool, "%.*s:%" PRId64, WR_ARG(u->host), port);
    }
    u->port = (int) port;
    return true;
}

/* Without the fragment; what may not stand there is encoded. A copy: the head of the
 * answer that named it goes before it is asked for. */
static wr_str_t
clean_target(wr_pool_t *pool, wr_str_t s)
{
    ssize_t hash = wr_str_chr(s, '#');

    if (hash >= 0) {
        s.n = (size_t) hash;
    }
    s = s.n != 0 && s.p[0] == '/' ? wr_pool_str(pool, s) : wr_pool_join(pool, WR_STR("/"), s);
    return wr_uri_escape(pool, s, WR_ESC_URL);
}

bool
url_parse(wr_pool_t *pool, wr_str_t text, url_t *u)
{
    wr_str_t rest;
    size_t   end = 0;

    memset(u, 0, sizeof(*u));
    text = wr_str_trim(text);
    if (wr_str_istarts(text, WR_STR("http://"))) {
        rest = wr_str_skip(text, 7);
        u->port = 80;
    } else if (wr_str_istarts(text, WR_STR("https://"))) {
        rest = wr_str_skip(text, 8);
        u->port = 443;
        u->tls = true;
    } else {
        return false;
    }
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#') {
        end++;
    }
    u->target = clean_target(pool, wr_str_skip(rest, end));
    return take_authority(pool, wr_str(rest.p, end), u);
}

wr_str_t
url_text(wr_pool_t *pool, const url_t *u)
{
    if (u->authority.n == 0) {
        return u->target;       /* what was no URL */
    }
    return wr_pool_join3(pool, u->tls ? WR_STR("https://") : WR_STR("http://"), u->authority,
                         u->target);
}

bool
url_same_origin(const url_t *a, const url_t *b)
{
    return a->tls == b->tls && a->port == b->port && wr_str_eq(a->host, b->host);
}

/* ---- references ---- */

/* Takes "." and ".." out of a path that begins with a slash. */
static wr_str_t
remove_dots(wr_pool_t *pool, wr_str_t path)
{
    wr_buf_t b = wr_buf(pool);
    wr_str_t rest = wr_str_skip(path, 1), part;

    wr_buf_char(&b, '/');
    while (wr_str_split(&rest, '/', &part)) {
        bool last = rest.p == NULL;

        if (wr_str_eqz(part, "..")) {
            /* "/a/b/" loses "b/" */
            if (b.n > 1) {
                b.n--;
            }
            while (b.n > 1 && b.p[b.n - 1] != '/') {
                b.n--;
            }
            continue;
        }
        if (wr_str_eqz(part, ".")) {
            continue;
        }
        wr_buf_str(&b, part);
        if (!last) {
            wr_buf_char(&b, '/');
        }
    }
    return wr_buf_text(&b);
}

static wr_str_t
path_of(wr_str_t target)
{
    ssize_t query = wr_str_chr(target, '?');

    return query >= 0 ? wr_str(target.p, (size_t) query) : target;
}

/* Whether it begins with a scheme: letters, digits, + - . up to a colon. */
static bool
has_scheme(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ':') {
            return i != 0;
        }
        if (!wr_is_alpha(s.p[i])
            && (i == 0 || (!wr_is_digit(s.p[i]) && s.p[i] != '+' && s.p[i] != '-'
                           && s.p[i] != '.')))
        {
            return false;
        }
    }
    return false;
}

bool
url_join(wr_pool_t *pool, const url_t *base, wr_str_t text, url_t *u)
{
    wr_str_t path = path_of(base->target), target, own;
    ssize_t  hash;

    text = wr_str_trim(text);
    if (has_scheme(text)) {
        return url_parse(pool, text, u);
    }
    if (wr_str_starts(text, WR_STR("//"))) {
        return url_parse(pool, wr_pool_join(pool, base->tls ? WR_STR("https:")
                                                            : WR_STR("http:"),
                                            text),
                         u);
    }
    hash = wr_str_chr(text, '#');
    if (hash >= 0) {
        text.n = (size_t) hash;
    }
    *u = *base;
    if (text.n == 0) {
        return true;
    }
    own = path_of(text);
    if (text.p[0] == '?') {
        target = wr_pool_join(pool, path, text);
    } else if (text.p[0] == '/') {
        target = wr_pool_join(pool, remove_dots(pool, own), wr_str_skip(text, own.n));
    } else {
        wr_str_t folder = wr_str(path.p, (size_t) wr_str_rchr(path, '/') + 1);

        target = wr_pool_join(pool, remove_dots(pool, wr_pool_join(pool, folder, own)),
                              wr_str_skip(text, own.n));
    }
    u->target = clean_target(pool, target);
    return true;
}
