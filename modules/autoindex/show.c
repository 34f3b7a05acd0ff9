/*
 * The forms of a list of files.
 */
#include <time.h>
#include <weir/base/utf8.h>
#include "autoindex.h"

enum { NAME_WIDTH = 50 };

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- html ---- */

/* How many characters (bytes, if it is not UTF-8) and where the first `max` end. */
static size_t
characters(const wr_req_t *r, wr_str_t s, size_t max, size_t *end)
{
    size_t n = 0;
    bool   utf8 = wr_str_ieqz(r->charset, "utf-8") && wr_utf8_valid(s);

    *end = s.n;
    for (size_t i = 0; i < s.n; i++) {
        if (utf8 && ((unsigned char) s.p[i] & 0xc0) == 0x80) {
            continue;
        }
        if (n == max) {
            *end = i;
        }
        n++;
    }
    return n;
}

static void
put_size(const conf_t *conf, const entry_t *e, wr_buf_t *b)
{
    int64_t size = e->size;
    char    unit = '\0';

    if (conf->exact_size) {
        if (e->is_dir) {
            wr_buf_printf(b, "%19s", "-");
        } else {
            wr_buf_printf(b, "%19" PRId64, size);
        }
        return;
    }
    if (e->is_dir) {
        wr_buf_printf(b, "%7s", "-");
        return;
    }
    if (size > 1024 * 1024 * 1024 - 1) {
        unit = 'G';
        size = size / (1024 * 1024 * 1024)
               + (size % (1024 * 1024 * 1024) > 1024 * 1024 * 1024 / 2 - 1);
    } else if (size > 1024 * 1024 - 1) {
        unit = 'M';
        size = size / (1024 * 1024) + (size % (1024 * 1024) > 1024 * 1024 / 2 - 1);
    } else if (size > 9999) {
        unit = 'K';
        size = size / 1024 + (size % 1024 > 511);
    }
    if (unit != '\0') {
        wr_buf_printf(b, "%6" PRId64 "%c", size, unit);
    } else {
        wr_buf_printf(b, " %6" PRId64, size);
    }
}

static void
put_row(wr_req_t *r, const conf_t *conf, const entry_t *e, wr_buf_t *b)
{
    size_t    end, n = characters(r, e->name, NAME_WIDTH + 1, &end);
    bool      cut = n > NAME_WIDTH;
    time_t    t = (time_t) e->mtime;
    struct tm tm;

    wr_buf_lit(b, "<a href=\"");
    wr_buf_str(b, wr_uri_escape(wr_pool(r), e->name, WR_ESC_COMPONENT));
    wr_buf_z(b, e->is_dir ? "/\">" : "\">");
    if (cut) {
        (void) characters(r, e->name, NAME_WIDTH - 3, &end);
        wr_buf_str(b, wr_html_escape(wr_pool(r), wr_str_sub(e->name, 0, end)));
        wr_buf_lit(b, "..&gt;</a>");
    } else {
        wr_buf_str(b, wr_html_escape(wr_pool(r), e->name));
        if (e->is_dir && NAME_WIDTH > n) {
            wr_buf_char(b, '/');
        }
        wr_buf_lit(b, "</a>");
        n += e->is_dir && NAME_WIDTH > n;
    }
    wr_buf_fill(b, ' ', (cut ? 1 : NAME_WIDTH - n + 1));
    if (conf->local_time) {
        localtime_r(&t, &tm);
    } else {
        gmtime_r(&t, &tm);
    }
    wr_buf_printf(b, "%02d-%s-%d %02d:%02d ", tm.tm_mday, months[tm.tm_mon],
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
    put_size(conf, e, b);
    wr_buf_lit(b, "\r\n");
}

void
show_html(wr_req_t *r, const conf_t *conf, const wr_array_t *entries, wr_buf_t *b)
{
    wr_str_t uri = wr_html_escape(wr_pool(r), r->uri);

    wr_buf_lit(b, "<html>\r\n<head><title>Index of ");
    wr_buf_str(b, uri);
    wr_buf_lit(b, "</title></head>\r\n<body>\r\n<h1>Index of ");
    wr_buf_str(b, uri);
    wr_buf_lit(b, "</h1><hr><pre><a href=\"../\">../</a>\r\n");
    for (WR_EACH(entry_t, e, entries)) {
        put_row(r, conf, e, b);
    }
    wr_buf_lit(b, "</pre><hr></body>\r\n</html>\r\n");
}

/* ---- json, xml ---- */

static const char *
type_of(const entry_t *e)
{
    return e->is_dir ? "directory" : e->is_file ? "file" : "other";
}

static void
put_json_text(wr_buf_t *b, wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        switch (c) {
        case '"':
        case '\\':
            wr_buf_char(b, '\\');
            wr_buf_char(b, (char) c);
            break;
        case '\n':
            wr_buf_lit(b, "\\n");
            break;
        case '\r':
            wr_buf_lit(b, "\\r");
            break;
        case '\t':
            wr_buf_lit(b, "\\t");
            break;
        case '\b':
            wr_buf_lit(b, "\\b");
            break;
        case '\f':
            wr_buf_lit(b, "\\f");
            break;
        default:
            if (c < 0x20) {
                wr_buf_printf(b, "\\u%04X", c);
            } else {
                wr_buf_char(b, (char) c);
            }
        }
    }
}

void
show_json(const wr_array_t *entries, wr_str_t callback, wr_buf_t *b)
{
    bool first = true;

    if (callback.n != 0) {
        wr_buf_lit(b, "/* callback */\r\n");
        wr_buf_str(b, callback);
        wr_buf_char(b, '(');
    }
    wr_buf_char(b, '[');
    for (WR_EACH(entry_t, e, entries)) {
        char date[32];

        wr_buf_z(b, first ? "\r\n" : ",\r\n");
        first = false;
        wr_buf_lit(b, "{ \"name\":\"");
        put_json_text(b, e->name);
        wr_buf_printf(b, "\", \"type\":\"%s\", \"mtime\":\"%.*s\"", type_of(e),
                      (int) wr_date_put(date, e->mtime), date);
        if (e->is_file) {
            wr_buf_printf(b, ", \"size\":%" PRId64, e->size);
        }
        wr_buf_lit(b, " }");
    }
    wr_buf_lit(b, "\r\n]");
    if (callback.n != 0) {
        wr_buf_lit(b, ");");
    }
}

void
show_xml(wr_req_t *r, const wr_array_t *entries, wr_buf_t *b)
{
    wr_buf_lit(b, "<?xml version=\"1.0\"?>\r\n<list>\r\n");
    for (WR_EACH(entry_t, e, entries)) {
        time_t    t = (time_t) e->mtime;
        struct tm tm;

        gmtime_r(&t, &tm);
        wr_buf_printf(b, "<%s mtime=\"%d-%02d-%02dT%02d:%02d:%02dZ\"", type_of(e),
                      tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                      tm.tm_min, tm.tm_sec);
        if (e->is_file) {
            wr_buf_printf(b, " size=\"%" PRId64 "\"", e->size);
        }
        wr_buf_char(b, '>');
        wr_buf_str(b, wr_html_escape(wr_pool(r), e->name));
        wr_buf_printf(b, "</%s>\r\n", type_of(e));
    }
    wr_buf_lit(b, "</list>\r\n");
}
