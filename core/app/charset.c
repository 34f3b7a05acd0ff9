/*
 * Texts from outside in whatever charset they are said to be in.
 */
#include <weir/app/app_priv.h>

#include <errno.h>
#include <iconv.h>

wr_str_t
wr_app_charset(wr_str_t type)
{
    ssize_t  at = wr_str_chr(type, ';');
    wr_str_t rest, part;

    if (at < 0) {
        return WR_STR("");
    }
    rest = wr_str_skip(type, (size_t) at + 1);
    while (wr_str_split(&rest, ';', &part)) {
        part = wr_str_trim(part);
        if (wr_str_istarts(part, WR_STR("charset="))) {
            part = wr_str_trim(wr_str_skip(part, sizeof("charset=") - 1));
            if (part.n > 1 && part.p[0] == '"' && part.p[part.n - 1] == '"') {
                part = wr_str_sub(part, 1, part.n - 1);
            }
            return part;
        }
    }
    return WR_STR("");
}

bool
app_is_utf8(wr_str_t charset)
{
    return charset.n == 0 || wr_str_ieqz(charset, "utf-8") || wr_str_ieqz(charset, "utf8")
           || wr_str_ieqz(charset, "us-ascii") || wr_str_ieqz(charset, "ascii");
}

/* No more than a name: iconv_open takes options behind slashes. */
static bool
is_charset_name(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != ':') {
            return false;
        }
    }
    return s.n < 64;
}

bool
wr_app_decode(wr_pool_t *pool, wr_str_t bytes, wr_str_t charset, wr_val_t *out)
{
    wr_buf_t b = wr_buf(pool);
    char    *in = (char *) (uintptr_t) bytes.p;
    size_t   left = bytes.n;
    iconv_t  cd;

    if (app_is_utf8(charset)) {
        *out = app_str(pool, bytes);
        return true;
    }
    if (!is_charset_name(charset)) {
        return false;
    }
    cd = iconv_open("UTF-8", wr_pool_strz(pool, charset));
    if (cd == (iconv_t) -1) {
        return false;
    }
    while (left != 0 && b.n < INT32_MAX / 2) {
        char  *to = wr_buf_reserve(&b, left + 16);
        size_t room = b.cap - b.n, had = room;
        size_t rc = iconv(cd, &in, &left, &to, &room);

        b.n += had - room;
        if (rc == (size_t) -1 && errno != E2BIG) {
            /* A byte that means nothing there. */
            wr_buf_lit(&b, "\xef\xbf\xbd");
            in++;
            left--;
        }
    }
    iconv_close(cd);
    *out = app_str(pool, wr_buf_text(&b));
    return true;
}
