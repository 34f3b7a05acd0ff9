/*
 * What the user reads when the conf is wrong:
 *   MESSAGE in FILE:LINE:COLUMN (hint)
 *       the line
 *          ^
 * One log record, so that nothing comes between its lines.
 */
#include <weir/conf/conf_priv.h>
#include <weir/base/utf8.h>

#include <stdarg.h>
#include <stdio.h>

enum { WINDOW = 120, MARGIN = 40 };

wr_conf_hooks_t wr_conf_hooks;

static const wr_source_t *
source_of(const wr_conf_t *cf, const wr_tok_t *at)
{
    const wr_conf_priv_t *priv = wr_conf_priv(cf);

    for (WR_EACH(wr_source_t *, s, &priv->sources)) {
        if (wr_str_eq((*s)->name, at->file)) {
            return *s;
        }
    }
    return NULL;
}

static bool
line_of(const wr_source_t *source, uint32_t number, wr_str_t *line)
{
    wr_str_t rest = source->text;

    while (wr_str_split(&rest, '\n', line)) {
        if (--number == 0) {
            if (line->n != 0 && line->p[line->n - 1] == '\r') {
                line->n--;
            }
            return true;
        }
    }
    return false;
}

static bool
is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

/* The part of a long line around the byte `at`, cut between characters. */
static wr_str_t
window(wr_str_t line, size_t *at)
{
    size_t from = 0, to = line.n;

    if (line.n > WINDOW) {
        from = *at > MARGIN ? *at - MARGIN : 0;
        while (from < *at && is_continuation(line.p[from])) {
            from++;
        }
        to = wr_min_size(from + WINDOW, line.n);
        while (to > *at && to < line.n && is_continuation(line.p[to])) {
            to--;
        }
    }
    *at -= from;
    return wr_str_sub(line, from, to);
}

static void
put_line(wr_buf_t *b, wr_str_t line, size_t at)
{
    if (at > line.n) {
        at = line.n;
    }
    line = window(line, &at);
    wr_buf_lit(b, "\n    ");
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char) line.p[i];

        wr_buf_char(b, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char) c);
    }
    wr_buf_lit(b, "\n    ");
    for (size_t i = 0; i < at; i++) {
        if (line.p[i] == '\t') {
            wr_buf_char(b, '\t');
        } else if (!is_continuation(line.p[i])) {
            wr_buf_char(b, ' ');
        }
    }
    wr_buf_char(b, '^');
}

static void
report(wr_conf_t *cf, wr_level_t level, const wr_tok_t *at, size_t offset, int err,
       wr_str_t hint, const char *format, va_list args)
{
    wr_buf_t           b = wr_buf(NULL);
    const wr_source_t *source;
    va_list            again;
    wr_str_t           line;
    int                n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    WR_ASSERT(n >= 0);
    wr_buf_reserve(&b, (size_t) n + 1);
    vsnprintf(b.p, (size_t) n + 1, format, args);
    b.n = (size_t) n;

    if (err != 0) {
        wr_buf_printf(&b, " (%d: %s)", err, strerror(err));
    }
    if (at == NULL && cf->args != NULL && cf->nargs != 0) {
        at = &cf->args[0];
    }
    if (wr_conf_hooks.survey != NULL) {
        if (hint.n != 0) {
            wr_buf_printf(&b, " (%.*s)", WR_ARG(hint));
        }
        wr_conf_hooks.survey(cf, at, wr_buf_text(&b));
        wr_buf_free(&b);
        return;
    }
    source = at != NULL && at->line != 0 ? source_of(cf, at) : NULL;
    if (source != NULL) {
        size_t column = at->column + offset;

        wr_buf_printf(&b, " in %.*s:%u:%zu", WR_ARG(source->name), at->line, column);
        if (hint.n != 0) {
            wr_buf_printf(&b, " (%.*s)", WR_ARG(hint));
        }
        if (line_of(source, at->line, &line)) {
            put_line(&b, line, column - 1);
        }
    } else {
        if (at != NULL && at->file.n != 0) {
            wr_buf_printf(&b, " in %.*s:%u:%zu", WR_ARG(at->file), at->line,
                          at->column + offset);
        }
        if (hint.n != 0) {
            wr_buf_printf(&b, " (%.*s)", WR_ARG(hint));
        }
    }
    wr_log(cf->log, level, 0, "%.*s", (int) b.n, b.p);
    wr_buf_free(&b);
}

wr_rc_t
wr_conf_fail(wr_conf_t *cf, const wr_tok_t *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(cf, WR_LOG_EMERG, at, 0, 0, WR_STR_NONE, format, args);
    va_end(args);
    return WR_ERROR;
}

wr_rc_t
wr_conf_fail_at(wr_conf_t *cf, const wr_tok_t *at, size_t offset,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(cf, WR_LOG_EMERG, at, offset, 0, WR_STR_NONE, format, args);
    va_end(args);
    return WR_ERROR;
}

wr_rc_t
wr_conf_fail_errno(wr_conf_t *cf, const wr_tok_t *at, int err, const char *format,
                   ...)
{
    va_list args;

    va_start(args, format);
    report(cf, WR_LOG_EMERG, at, 0, err, WR_STR_NONE, format, args);
    va_end(args);
    return WR_ERROR;
}

wr_rc_t
wr_conf_fail_hint(wr_conf_t *cf, const wr_tok_t *at, wr_str_t hint,
                  const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(cf, WR_LOG_EMERG, at, 0, 0, hint, format, args);
    va_end(args);
    return WR_ERROR;
}

void
wr_conf_warn(wr_conf_t *cf, const wr_tok_t *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(cf, WR_LOG_WARN, at, 0, 0, WR_STR_NONE, format, args);
    va_end(args);
}
