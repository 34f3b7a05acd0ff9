/*
 * Base64: three bytes are four letters. One table of letters for each alphabet;
 * decoding looks a letter up by where its range begins.
 */
#include <weir/base/base64.h>

static const char plain_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

wr_str_t
wr_base64_encode(wr_pool_t *pool, wr_str_t s, bool url)
{
    const unsigned char *p = (const unsigned char *) s.p;
    const char          *letters = url ? url_letters : plain_letters;
    char                *out = wr_alloc_bytes(pool, (s.n + 2) / 3 * 4 + 1);
    char                *to = out;
    size_t               i;

    for (i = 0; i + 2 < s.n; i += 3) {
        uint32_t v = (uint32_t) p[i] << 16 | (uint32_t) p[i + 1] << 8 | p[i + 2];

        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        *to++ = letters[v >> 6 & 63];
        *to++ = letters[v & 63];
    }
    if (i < s.n) {
        bool     two = i + 1 < s.n;
        uint32_t v = (uint32_t) p[i] << 16 | (two ? (uint32_t) p[i + 1] << 8 : 0);

        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        if (two) {
            *to++ = letters[v >> 6 & 63];
        } else if (!url) {
            *to++ = '=';
        }
        if (!url) {
            *to++ = '=';
        }
    }
    return wr_str(out, (size_t) (to - out));
}

static int
letter_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (wr_is_digit(c)) {
        return c - '0' + 52;
    }
    if (c == (url ? '-' : '+')) {
        return 62;
    }
    return c == (url ? '_' : '/') ? 63 : -1;
}

bool
wr_base64_decode(wr_pool_t *pool, wr_str_t s, bool url, wr_str_t *out)
{
    char    *to = wr_alloc_bytes(pool, s.n / 4 * 3 + 4);
    size_t   n = 0, letters = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
        int v = letter_value(s.p[i], url);

        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t) v;
        if (++letters % 4 != 1) {
            to[n++] = (char) (bits >> (6 - 2 * ((letters - 1) % 4)) & 0xff);
        }
    }
    if (letters % 4 == 1) {
        return false;
    }
    *out = wr_str(to, n);
    return true;
}
