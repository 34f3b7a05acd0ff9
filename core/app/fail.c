/*
 * Errors of an application: the status, a message for the client, a line for the log, and
 * the body: JSON where that is wanted, else a page.
 */
#include <weir/app/app_priv.h>

#include <stdarg.h>
#include <stdio.h>
#include <weir/expr/json_out.h>
#include <weir/http/error_page.h>
#include <weir/http/status.h>

wr_rc_t
wr_app_failed(wr_req_t *r)
{
    (void) r;
    return WR_DONE;
}

void
wr_app_error_at(wr_req_t *r, wr_str_t file, uint32_t line)
{
    app_of(r)->inner = (app_place_t) {wr_pool_str(wr_pool(r), file), line, 0};
}

static wr_rc_t
fail(wr_req_t *r, const wr_tok_t *at, unsigned status, unsigned level, wr_str_t message,
     wr_str_t detail)
{
    app_t *a = app_of(r);

    (void) wr_req_id(r);
    a->message = message;
    a->detail = detail;
    a->place = (app_place_t) {at->file, at->line, at->column};
    wr_log(&r->log, level, 0, "%.*s in %.*s:%u:%u", WR_ARG(detail), WR_ARG(at->file),
           at->line, at->column);
    return wr_fail(r, status);
}

wr_rc_t
wr_app_fail(wr_req_t *r, const wr_tok_t *at, unsigned status, wr_str_t message,
            const char *format, ...)
{
    wr_str_t detail = message;
    char     text[2048];
    va_list  args;

    if (format != NULL) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        detail = wr_pool_str(wr_pool(r), wr_str_z(text));
    }
    return fail(r, at, status, WR_LOG_ERR, message, detail);
}

wr_rc_t
wr_app_refuse(wr_req_t *r, const wr_tok_t *at, unsigned status, wr_str_t message)
{
    return fail(r, at, status, status >= 500 ? WR_LOG_ERR : WR_LOG_INFO, message,
                WR_STR("require refused"));
}

/* The statuses of errors that functions and values of ours raise; 0: another. */
static unsigned
status_of(const wr_err_t *err, bool client)
{
    static const struct {
        const char *kind;
        unsigned    status;
    } kinds[] = {{"BadRequest", 400}, {"ContentTooLarge", 413},
                 {"UnsupportedMediaType", 415}, {"UnsupportedEncoding", 415},
                 {"BadGateway", 502}};

    for (unsigned i = 0; i < WR_COUNT(kinds); i++) {
        if (strcmp(err->kind, kinds[i].kind) == 0) {
            return kinds[i].status;
        }
    }
    return err->source == WR_FROM_CLIENT
                   || (client && strcmp(err->kind, "UndefinedError") == 0)
               ? 400
               : 500;
}

wr_rc_t
wr_app_fail_eval(wr_req_t *r, const wr_tok_t *at, const wr_err_t *err, bool client)
{
    unsigned status = status_of(err, client);
    wr_str_t message = wr_pool_str(wr_pool(r), err->message);

    if (strcmp(err->kind, "UnsupportedEncoding") == 0) {
        (void) wr_headers_set(&r->out, WR_H_ACCEPT_ENCODING, WR_STR("Accept-Encoding"),
                              WR_STR("gzip, deflate"));
    }

    /* What the client did wrong is said to it; of the rest only the log knows. */
    return wr_app_fail(r, at, status,
                       status < 500    ? message
                       : status == 502 ? WR_STR("a server that was asked did not answer well")
                                       : WR_STR("Internal Server Error"),
                       "%s: %.*s", err->kind, WR_ARG(message));
}

void
wr_app_json_errors(wr_req_t *r, bool json)
{
    app_of(r)->json_errors = json;
}

/* How much a media range of Accept weighs, in thousandths: "text/html;q=0.5". */
static int
quality_of(wr_str_t range)
{
    ssize_t q = wr_str_ifind(range, WR_STR(";q=")), space = wr_str_ifind(range, WR_STR("; q="));
    int     weight = 0, unit = 1000;

    if (q < 0 && space < 0) {
        return 1000;
    }
    range = wr_str_skip(range, q >= 0 ? (size_t) q + 3 : (size_t) space + 4);
    for (size_t i = 0; i < range.n && unit > 0; i++) {
        if (range.p[i] == '.') {
            continue;
        }
        if (!wr_is_digit(range.p[i])) {
            break;
        }
        weight += (range.p[i] - '0') * unit;
        unit /= 10;
    }
    return weight;
}

/* Accept names JSON, and HTML less or later. */
static bool
prefers_json(const wr_req_t *r)
{
    wr_str_t rest = wr_req_header(r->main, WR_H_ACCEPT), range;
    int      json = 0, html = 0;
    bool     json_first = false;

    while (wr_str_split(&rest, ',', &range)) {
        ssize_t  end = wr_str_chr(range, ';');
        wr_str_t type = wr_str_trim(end >= 0 ? wr_str(range.p, (size_t) end) : range);
        int      q = quality_of(range);

        if (wr_str_istarts(type, WR_STR("application/")) && q > json
            && (wr_str_ieqz(type, "application/json") || wr_str_ieqz(type, "application/*")
                || wr_str_ends(type, WR_STR("+json"))))
        {
            json = q;
            json_first = html == 0;
        } else if ((wr_str_ieqz(type, "text/html") || wr_str_ieqz(type, "text/*")
                    || wr_str_ieqz(type, "application/xhtml+xml"))
                   && q > html)
        {
            html = q;
        }
    }
    return json > html || (json != 0 && json == html && json_first);
}

static bool
wants_json(const wr_req_t *r)
{
    const app_t *a = r->app;

    return (a != NULL && a->json_errors)
           || ((a != NULL || (r->server != NULL && r->server->route_match != NULL))
               && prefers_json(r));
}

/* A developer is to see what failed rather than the page for visitors. */
bool
app_error_is_plain(const wr_req_t *r)
{
    const app_t *a = r->app;

    return r->fail_status >= 400
           && (wants_json(r) || (a != NULL && a->detail.n != 0 && r->fail_status >= 500
                                 && app_dev_shows(r)));
}

/* The body of an error of an application: JSON where that is wanted, else the page
 * with the message on it. */
bool
app_error_body(wr_req_t *r, unsigned status, wr_str_t *body)
{
    app_t         *a = r->app;
    wr_str_t       line = wr_status_title(status);
    wr_str_t       title = line.n != 0 ? wr_str_skip(line, 4) : WR_STR("error");
    wr_str_t       message = a != NULL ? a->message : WR_STR_NONE;
    wr_json_opts_t opts = WR_JSON_DEFAULTS;
    wr_buf_t       b;

    if (status < 400) {
        return false;
    }
    if (!wants_json(r)) {
        if (a != NULL && a->detail.n != 0 && app_dev_shows(r)) {
            r->content_type = WR_STR("text/html");
            r->charset = WR_STR("utf-8");
            *body = app_dev_page(r, status);
            return true;
        }
        if (message.n == 0 || wr_str_eq(message, title)) {
            return false;
        }
        r->content_type = WR_STR("text/html");
        r->charset = WR_STR("utf-8");
        *body = wr_error_body_with(r, status, message);
        return true;
    }
    b = wr_buf(wr_pool(r));
    wr_buf_lit(&b, "{\"error\": ");
    wr_json_put_str(&b, message.n != 0 ? message : title, &opts);
    if (a != NULL && a->detail.n != 0 && app_dev_shows(r)) {
        wr_buf_lit(&b, ", \"detail\": ");
        wr_json_put_str(&b, a->detail, &opts);
        wr_buf_lit(&b, ", \"at\": ");
        wr_json_put_str(&b, wr_pool_printf(wr_pool(r), "%.*s:%u:%u", WR_ARG(a->place.file),
                                           a->place.line, a->place.column), &opts);
    }
    wr_buf_char(&b, '}');
    r->content_type = WR_STR("application/json");
    r->charset = WR_STR("utf-8");
    *body = wr_buf_text(&b);
    return true;
}
