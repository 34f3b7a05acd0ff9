/*
 * URIs: the common case is recognised in one scan and costs no copy.
 */
#include <weir/http/uri.h>

#include <weir/base/buf.h>
#include <weir/http/request.h>

/* Bytes that need a second look: of a path, of a host. */
enum { IN_PATH = 1, IN_HOST = 2, CONTROL = 4 };

#define CONTROLS(from) [from ... from + 7] = IN_PATH | IN_HOST | CONTROL
static const uint8_t look_at[256] = {
    CONTROLS(0), CONTROLS(8), CONTROLS(16), CONTROLS(24),
    [' '] = IN_PATH | IN_HOST | CONTROL, [0x7f] = IN_PATH | IN_HOST | CONTROL,
    ['%'] = IN_PATH, ['/'] = IN_PATH | IN_HOST, ['?'] = IN_PATH | IN_HOST,
    ['#'] = IN_PATH | IN_HOST, ['.'] = IN_PATH | IN_HOST, ['+'] = IN_PATH,
    ['\\'] = IN_HOST, ['@'] = IN_HOST, [','] = IN_HOST, ['A' ... 'Z'] = IN_HOST,
};
#undef CONTROLS

/* One decoded byte of the path; *i moves behind it. -1: a bad escape. */
static int
decode(wr_str_t raw, size_t *i)
{
    int hi, lo;

    if (raw.p[*i] != '%') {
        return (unsigned char) raw.p[(*i)++];
    }
    if (*i + 2 >= raw.n) {
        return -1;
    }
    hi = wr_hex_digit(raw.p[*i + 1]);
    lo = wr_hex_digit(raw.p[*i + 2]);
    if (hi < 0 || lo < 0 || hi * 16 + lo == 0) {
        return -1;
    }
    *i += 3;
    return hi * 16 + lo;
}

/* Ends the segment that starts at `start`: "." and ".." disappear. *n: length of
 * the path so far. False: it leaves the root. */
static bool
end_segment(char *path, size_t *n, size_t start)
{
    size_t len = *n - start;

    if (len == 1 && path[start] == '.') {
        *n = start;
    } else if (len == 2 && path[start] == '.' && path[start + 1] == '.') {
        if (start <= 1) {
            return false;
        }
        *n = start - 1;         /* the slash before ".." */
        while (*n > 0 && path[*n - 1] != '/') {
            (*n)--;
        }
    }
    return true;
}

/* Segments are ended by decoded slashes as well, so that "%2e%2e%2f" is what it
 * says. */
static wr_rc_t
rebuild(wr_pool_t *pool, wr_str_t raw, bool merge, wr_uri_t *out)
{
    char  *path = wr_alloc_bytes(pool, raw.n + 1);
    size_t n = 0, start = 0, i = 0;

    while (i < raw.n && raw.p[i] != '?' && raw.p[i] != '#') {
        bool quoted = raw.p[i] == '%';
        int  c = decode(raw, &i);

        if (c < 0 || (!quoted && (c <= ' ' || c == 0x7f))) {
            return WR_SYNTAX;
        }
        out->quoted |= quoted;
        out->plus |= !quoted && c == '+';
        size_t before = n;

        if (c != '/') {
            path[n++] = (char) c;
            continue;
        }
        if (!end_segment(path, &n, start)) {
            return WR_SYNTAX;
        }
        if (n == 0 || path[n - 1] != '/' || (!merge && n == before)) {
            path[n++] = '/';
        }
        start = n;
    }
    if (!end_segment(path, &n, start)) {
        return WR_SYNTAX;
    }
    path[n] = '\0';
    out->path = wr_str(path, n);
    out->complex = true;
    if (i < raw.n && raw.p[i] == '?') {
        wr_str_t rest = wr_str_skip(raw, i + 1);
        ssize_t  hash = wr_str_chr(rest, '#');

        out->args = hash >= 0 ? wr_str(rest.p, (size_t) hash) : rest;
    }
    return n != 0 ? WR_OK : WR_SYNTAX;
}

wr_rc_t
wr_uri_normalise(wr_pool_t *pool, wr_str_t raw, bool merge, wr_uri_t *out)
{
    char before = 0;

    memset(out, 0, sizeof(*out));
    out->args = WR_STR("");
    if (raw.n == 0 || raw.p[0] != '/') {
        return WR_SYNTAX;
    }
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];

        if ((look_at[(unsigned char) c] & IN_PATH) == 0) {
            before = c;
            continue;
        }
        if (c == '?') {
            wr_str_t rest = wr_str_skip(raw, i + 1);

            if (wr_str_chr(rest, '#') >= 0) {
                return rebuild(pool, raw, merge, out);
            }
            out->path = wr_str(raw.p, i);
            out->args = rest;
            return WR_OK;
        }
        if (c == '%' || c == '#' || ((c == '/' || c == '.') && before == '/')) {
            return rebuild(pool, raw, merge, out);
        }
        if (c == '+') {
            out->plus = true;
        } else if ((look_at[(unsigned char) c] & CONTROL) != 0) {
            return WR_SYNTAX;
        }
        before = c;
    }
    out->path = raw;
    return WR_OK;
}

/* The host that was seen last is mostly the next one as well; of those that need no
 * copy. */
static __thread struct {
    char   text[64];
    size_t n;           /* 0: none */
    size_t end;         /* of the host in it */
    int    port;
} recent;

static void
remember(wr_str_t raw, size_t end, int port)
{
    if (raw.n <= sizeof(recent.text)) {
        memcpy(recent.text, raw.p, raw.n);
        recent.n = raw.n;
        recent.end = end;
        recent.port = port;
    }
}

wr_rc_t
wr_host_normalise(wr_pool_t *pool, wr_str_t raw, wr_str_t *host, int *port)
{
    size_t end = raw.n, digits;
    bool   upper = false;
    char   before = 0;

    if (raw.n != 0 && raw.n == recent.n && memcmp(raw.p, recent.text, raw.n) == 0) {
        *host = wr_str(raw.p, recent.end);
        *port = recent.port;
        return WR_OK;
    }
    *port = -1;
    if (raw.n != 0 && raw.p[0] == '[') {
        ssize_t close = wr_str_chr(raw, ']');

        if (close < 0) {
            return WR_SYNTAX;
        }
        end = (size_t) close + 1;
    } else {
        ssize_t colon = wr_str_chr(raw, ':');

        if (colon >= 0) {
            end = (size_t) colon;
        }
    }
    for (size_t i = 0; i < end; i++) {
        char c = raw.p[i];

        if (wr_unlikely((look_at[(unsigned char) c] & IN_HOST) != 0)) {
            if (c >= 'A' && c <= 'Z') {
                upper = true;
            } else if (c != '.' || before == '.') {
                return WR_SYNTAX;
            }
        }
        before = c;
    }
    if (end < raw.n) {
        if (raw.p[end] != ':') {
            return WR_SYNTAX;
        }
        digits = end + 1;
        *port = 0;
        for (size_t i = digits; i < raw.n; i++) {
            if (!wr_is_digit(raw.p[i]) || *port > 65535) {
                return WR_SYNTAX;
            }
            *port = *port * 10 + (raw.p[i] - '0');
        }
        if (*port > 65535) {
            return WR_SYNTAX;
        }
        if (digits == raw.n) {
            *port = -1;
        }
    }
    if (end != 0 && raw.p[end - 1] == '.') {
        end--;
    }
    if (end == 0) {
        return WR_SYNTAX;
    }
    *host = wr_str(raw.p, end);
    if (upper) {
        char *low = wr_alloc_bytes(pool, end);

        for (size_t i = 0; i < end; i++) {
            low[i] = wr_lower(raw.p[i]);
        }
        host->p = low;
    } else {
        remember(raw, end, *port);
    }
    return WR_OK;
}

/* ---- escaping ---- */

wr_str_t
wr_uri_unescape(wr_pool_t *pool, wr_str_t s, bool plus_is_space)
{
    char  *to;
    size_t n = 0;

    if (wr_str_chr(s, '%') < 0 && (!plus_is_space || wr_str_chr(s, '+') < 0)) {
        return s;
    }
    to = wr_alloc_bytes(pool, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        int hi = -1, lo = -1;

        if (s.p[i] == '%' && i + 2 < s.n) {
            hi = wr_hex_digit(s.p[i + 1]);
            lo = wr_hex_digit(s.p[i + 2]);
        }
        if (hi >= 0 && lo >= 0) {
            to[n++] = (char) (hi * 16 + lo);
            i += 2;
        } else {
            to[n++] = plus_is_space && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    to[n] = '\0';
    return wr_str(to, n);
}

/* Which bytes each kind of escaping leaves as they are. */
static bool
stays(unsigned char c, wr_esc_t kind)
{
    if (c <= ' ' || c >= 0x7f) {
        return false;
    }
    switch (kind) {
    case WR_ESC_URI:
        return strchr("\"#%<>?\\^`{|}", c) == NULL;
    case WR_ESC_ARGS:
        return strchr("\"#%&+<>?\\^`{|};", c) == NULL;
    case WR_ESC_COMPONENT:
        return wr_is_word((char) c) || c == '-' || c == '.' || c == '~';
    case WR_ESC_HTML:
    case WR_ESC_REFRESH:
        return strchr("\"%'<>\\^`{|}", c) == NULL;
    case WR_ESC_URL:
        return strchr("\"<>\\^`{|}", c) == NULL;
    }
    return false;
}

wr_str_t
wr_uri_escape(wr_pool_t *pool, wr_str_t s, wr_esc_t kind)
{
    size_t more = 0;
    char  *to;
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        more += stays((unsigned char) s.p[i], kind) ? 0 : 2;
    }
    if (more == 0) {
        return s;
    }
    to = wr_alloc_bytes(pool, s.n + more + 1);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (stays(c, kind)) {
            to[n++] = (char) c;
        } else {
            to[n++] = '%';
            to[n++] = "0123456789ABCDEF"[c >> 4];
            to[n++] = "0123456789ABCDEF"[c & 15];
        }
    }
    to[n] = '\0';
    return wr_str(to, n);
}

wr_str_t
wr_html_escape(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);
    bool     any = false;

    for (size_t i = 0; i < s.n && !any; i++) {
        any = s.p[i] == '<' || s.p[i] == '>' || s.p[i] == '&' || s.p[i] == '"';
    }
    if (!any) {
        return s;
    }
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<': wr_buf_lit(&b, "&lt;"); break;
        case '>': wr_buf_lit(&b, "&gt;"); break;
        case '&': wr_buf_lit(&b, "&amp;"); break;
        case '"': wr_buf_lit(&b, "&quot;"); break;
        default: wr_buf_char(&b, s.p[i]);
        }
    }
    return wr_buf_text(&b);
}
