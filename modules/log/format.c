/*
 * log_format: texts and variables, compiled to a list of operations. What nearly
 * every line has (time, status, sizes, the request line …) is put without going
 * through a variable.
 */
#include <weir/http/request.h>
#include "log.h"

typedef void (*put_t)(wr_req_t *r, wr_buf_t *line);

typedef struct log_op {
    put_t    put;               /* what needs no escaping */
    wr_str_t text;              /* else a text … */
    int      var;               /* … or a variable; -1: none */
    int      field;             /* offset of a text in wr_req_t; -1: none */
    wr_hid_t header;            /* a request header */
} log_op_t;

/* ---- fast operations ---- */

static void
put_time(wr_req_t *r, wr_buf_t *line)
{
    (void) r;
    wr_buf_str(line, wr_clock_access_log());
}

static void
put_iso(wr_req_t *r, wr_buf_t *line)
{
    (void) r;
    wr_buf_str(line, wr_clock_iso());
}

static void
put_thousandths(wr_buf_t *line, uint64_t whole, unsigned part)
{
    char digits[4] = {'.', (char) ('0' + part / 100), (char) ('0' + part / 10 % 10),
                      (char) ('0' + part % 10)};

    wr_buf_uint(line, whole);
    wr_buf_add(line, digits, sizeof(digits));
}

static void
put_msec(wr_req_t *r, wr_buf_t *line)
{
    (void) r;
    put_thousandths(line, (uint64_t) wr_clock.sec, wr_clock.msec);
}

static void
put_request_time(wr_req_t *r, wr_buf_t *line)
{
    wr_msec_t ms = wr_clock.mono - r->main->start;

    ms = ms < 0 ? 0 : ms;
    put_thousandths(line, (uint64_t) ms / 1000, (unsigned) (ms % 1000));
}

static void
put_status(wr_req_t *r, wr_buf_t *line)
{
    unsigned status = r->status != 0 ? r->status : r->fail_status;
    char     digits[3];

    if (r->closed) {
        status = 444;
    } else if (status == 0 && r->version == WR_HTTP_09) {
        status = 9;
    }
    digits[0] = (char) ('0' + status / 100 % 10);
    digits[1] = (char) ('0' + status / 10 % 10);
    digits[2] = (char) ('0' + status % 10);
    wr_buf_add(line, digits, sizeof(digits));
}

static void
put_body_bytes(wr_req_t *r, wr_buf_t *line)
{
    wr_buf_int(line, wr_body_bytes_sent(r));
}

static void
put_bytes(wr_req_t *r, wr_buf_t *line)
{
    wr_buf_int(line, r->main->bytes_sent);
}

static void
put_length(wr_req_t *r, wr_buf_t *line)
{
    wr_buf_int(line, r->main->request_length);
}

static void
put_addr(wr_req_t *r, wr_buf_t *line)
{
    wr_buf_str(line, wr_req_peer_text(r->main));
}

static void
put_pipe(wr_req_t *r, wr_buf_t *line)
{
    wr_buf_char(line, r->main->pipelined ? 'p' : '.');
}

static const struct {
    const char *name;
    put_t       put;
    int         field;
    wr_hid_t    header;
} known[] = {
    {"time_local", put_time, -1, WR_H_OTHER},
    {"time_iso8601", put_iso, -1, WR_H_OTHER},
    {"msec", put_msec, -1, WR_H_OTHER},
    {"request_time", put_request_time, -1, WR_H_OTHER},
    {"status", put_status, -1, WR_H_OTHER},
    {"body_bytes_sent", put_body_bytes, -1, WR_H_OTHER},
    {"bytes_sent", put_bytes, -1, WR_H_OTHER},
    {"request_length", put_length, -1, WR_H_OTHER},
    {"remote_addr", put_addr, -1, WR_H_OTHER},
    {"pipe", put_pipe, -1, WR_H_OTHER},
    {"request", NULL, offsetof(wr_req_t, request_line), WR_H_OTHER},
    {"http_referer", NULL, -1, WR_H_REFERER},
    {"http_user_agent", NULL, -1, WR_H_USER_AGENT},
};

/* ---- escaping ---- */

static bool
is_plain(unsigned char c, log_escape_t escape)
{
    if (c == '"' || c == '\\' || c < 0x20) {
        return false;
    }
    return escape == ESCAPE_JSON || c < 0x7f;
}

static void
put_escaped(wr_buf_t *to, unsigned char c, log_escape_t escape)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char letters[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
                                     ['\f'] = 'f', ['\r'] = 'r'};

    if (escape == ESCAPE_DEFAULT) {
        wr_buf_lit(to, "\\x");
    } else if (c == '"' || c == '\\') {
        wr_buf_char(to, '\\');
        wr_buf_char(to, (char) c);
        return;
    } else if (letters[c] != '\0') {
        wr_buf_char(to, '\\');
        wr_buf_char(to, letters[c]);
        return;
    } else {
        wr_buf_lit(to, "\\u00");
    }
    wr_buf_char(to, hex[c >> 4]);
    wr_buf_char(to, hex[c & 15]);
}

void
log_escape_put(wr_buf_t *to, wr_str_t s, log_escape_t escape)
{
    size_t from = 0;

    if (escape == ESCAPE_NONE) {
        wr_buf_str(to, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (wr_likely(is_plain(c, escape))) {
            continue;
        }
        wr_buf_add(to, s.p + from, i - from);
        put_escaped(to, c, escape);
        from = i + 1;
    }
    wr_buf_add(to, s.p + from, s.n - from);
}

/* ---- lines ---- */

/* NULL: there is none. */
static const wr_str_t *
value_of(wr_req_t *r, const log_op_t *op)
{
    if (op->field >= 0) {
        const wr_str_t *s = (const void *) ((const char *) r->main + op->field);

        return s->p != NULL ? s : NULL;
    }
    if (op->header != WR_H_OTHER) {
        const wr_header_t *h = wr_headers_first(&r->main->in, op->header);

        return h != NULL ? &h->value : NULL;
    }
    return wr_var_get(r, (unsigned) op->var);
}

void
log_format_put(wr_req_t *r, const log_format_t *f, wr_buf_t *line)
{
    for (WR_EACH(const log_op_t, op, &f->ops)) {
        const wr_str_t *value;

        if (op->put != NULL) {
            op->put(r, line);
            continue;
        }
        if (op->text.p != NULL) {
            wr_buf_str(line, op->text);
            continue;
        }
        value = value_of(r, op);
        if (value != NULL) {
            log_escape_put(line, *value, f->escape);
        } else if (f->escape == ESCAPE_DEFAULT) {
            wr_buf_char(line, '-');
        }
    }
}

/* ---- compiling ---- */

static log_op_t *
add(log_format_t *f)
{
    log_op_t *op = WR_PUSH(&f->ops, log_op_t);

    op->var = op->field = -1;
    return op;
}

static void
add_text(wr_conf_t *cf, log_format_t *f, wr_str_t text)
{
    log_op_t *last = f->ops.n != 0 ? WR_AT(&f->ops, log_op_t, f->ops.n - 1) : NULL;

    if (text.n == 0) {
        return;
    }
    if (last != NULL && last->text.p != NULL) {
        last->text = wr_pool_join(cf->pool, last->text, text);
        return;
    }
    add(f)->text = text;
}

static wr_rc_t
add_variable(wr_conf_t *cf, log_format_t *f, wr_str_t name)
{
    log_op_t *op = add(f);

    for (unsigned i = 0; i < WR_COUNT(known); i++) {
        if (wr_str_eqz(name, known[i].name)) {
            op->put = known[i].put;
            op->field = known[i].field;
            op->header = known[i].header;
            return WR_OK;
        }
    }
    op->var = wr_var_use(cf, name);
    return op->var >= 0 ? WR_OK : WR_ERROR;
}

/* At "$name" or "${name}": takes it off `s`. */
static bool
take_name(wr_str_t *s, wr_str_t *name)
{
    bool   braced;
    size_t n = 0;

    *s = wr_str_skip(*s, 1);
    braced = s->n != 0 && s->p[0] == '{';
    if (braced) {
        *s = wr_str_skip(*s, 1);
    }
    while (n < s->n && wr_is_word(s->p[n])) {
        n++;
    }
    *name = wr_str_sub(*s, 0, n);
    *s = wr_str_skip(*s, n);
    if (braced) {
        if (s->n == 0 || s->p[0] != '}') {
            return false;
        }
        *s = wr_str_skip(*s, 1);
    }
    return n != 0;
}

wr_rc_t
log_format_compile_text(wr_conf_t *cf, log_format_t *f, wr_str_t text)
{
    if (f->ops.size == 0) {
        f->ops = wr_array(cf->pool, sizeof(log_op_t));
    }
    while (text.n != 0) {
        ssize_t  dollar = wr_str_chr(text, '$');
        size_t   n = dollar < 0 ? text.n : (size_t) dollar;
        wr_str_t name;

        add_text(cf, f, wr_str_sub(text, 0, n));
        text = wr_str_skip(text, n);
        if (text.n == 0) {
            break;
        }
        if (!take_name(&text, &name)) {
            return wr_conf_fail(cf, NULL, "invalid parameter \"%.*s\"", WR_ARG(text));
        }
        if (add_variable(cf, f, name) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

wr_rc_t
log_format_compile(wr_conf_t *cf, log_format_t *f, unsigned first)
{
    for (unsigned i = first; i < cf->nargs; i++) {
        if (log_format_compile_text(cf, f, cf->args[i].text) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}
