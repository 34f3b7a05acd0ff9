/*
 * userid: a cookie that tells visitors apart: four numbers in base64.
 */
#include <arpa/inet.h>
#include <unistd.h>
#include <weir/base/base64.h>
#include <weir/http/request.h>

enum { OFF = 0, LOG, V1, ON };
enum { FLAG_OFF = 1, FLAG_SECURE = 2, FLAG_HTTPONLY = 4, FLAG_STRICT = 8,
       FLAG_LAX = 16, FLAG_NONE = 32 };

typedef struct expires {
    int64_t seconds;            /* 0: of the session; -1: max */
} expires_t;

typedef struct conf {
    int       mode;
    wr_str_t  name, domain, path, p3p;
    expires_t expires;
    char      mark;
    int64_t   service;
    unsigned  flags;
} conf_t;

typedef struct ctx {
    uint32_t got[4], set[4];
    bool     has_got, has_set, reset;
    bool     asked;
} ctx_t;

static ctx_t *
ctx_of(wr_req_t *r)
{
    ctx_t *c = wr_ctx(r->main, WR_SELF);

    if (c == NULL) {
        c = WR_NEW(wr_pool(r), ctx_t);
        wr_ctx(r->main, WR_SELF) = c;
    }
    return c;
}

/* What the client sent. */
static void
look(wr_req_t *r, const conf_t *conf, ctx_t *c)
{
    wr_str_t cookie, bytes;

    if (c->asked) {
        return;
    }
    c->asked = true;
    if (!wr_cookie(r, conf->name, &cookie)) {
        return;
    }
    if (cookie.n < 22) {
        wr_log(&r->log, WR_LOG_ERR, 0, "client sent too short userid cookie \"%.*s\"",
               WR_ARG(cookie));
        return;
    }
    if (!wr_base64_decode(wr_pool(r), wr_str_sub(cookie, 0, 22), false, &bytes)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "client sent invalid userid cookie \"%.*s\"",
               WR_ARG(cookie));
        return;
    }
    memcpy(c->got, bytes.p, sizeof(c->got));
    c->has_got = true;
    if (conf->mark != '\0' && cookie.n >= 23 && cookie.p[22] != conf->mark) {
        c->reset = true;        /* it is given again, with the mark */
    }
}

/* service or address, time, process and start, and a sequence. */
static void
make(wr_req_t *r, const conf_t *conf, ctx_t *c)
{
    static uint32_t sequence = 0x03030302, started;
    const wr_addr_t *local = wr_req_local(r);

    if (started == 0) {
        started = (uint32_t) wr_clock.sec;
    }
    if (conf->mode == V1) {
        c->set[0] = (uint32_t) conf->service;
    } else if (conf->service != 0) {
        c->set[0] = htonl((uint32_t) conf->service);
    } else {
        c->set[0] = local != NULL && local->u.sa.sa_family == AF_INET
                        ? local->u.in4.sin_addr.s_addr : 0;
    }
    c->set[1] = (uint32_t) wr_clock.sec;
    c->set[2] = ((uint32_t) getpid() << 16) | (started & 0xffff);
    c->set[3] = sequence;
    if (conf->mode == ON) {
        c->set[1] = htonl(c->set[1]);
        c->set[2] = htonl(c->set[2]);
        c->set[3] = htonl(c->set[3]);
    }
    sequence += 0x100;
    c->has_set = true;
}

/* "Mon, 23-Nov-26 20:46:47 GMT": years of two digits as long as they are clear. */
static void
put_date(wr_buf_t *b, int64_t when)
{
    char   date[32];
    size_t n = wr_date_put_cookie(date, when);
    size_t year = 12;

    wr_buf_lit(b, "; expires=");
    if (n > year + 4 && memcmp(date + year, "2037", 4) <= 0) {
        wr_buf_add(b, date, year);
        wr_buf_add(b, date + year + 2, n - year - 2);
    } else {
        wr_buf_add(b, date, n);
    }
}

static void
send_cookie(wr_req_t *r, const conf_t *conf, const ctx_t *c)
{
    const uint32_t *id = c->reset && c->has_got && !c->has_set ? c->got : c->set;
    wr_buf_t        b = wr_buf(wr_pool(r));
    wr_str_t        text;

    text = wr_base64_encode(wr_pool(r), wr_str((const char *) id, 16), false);
    wr_buf_str(&b, conf->name);
    wr_buf_char(&b, '=');
    wr_buf_str(&b, wr_str_sub(text, 0, conf->mark != '\0' ? 22 : 24));
    if (conf->mark != '\0') {
        wr_buf_char(&b, conf->mark);
        wr_buf_char(&b, '=');
    }
    if (conf->expires.seconds < 0) {
        wr_buf_lit(&b, "; expires=Thu, 31-Dec-37 23:55:55 GMT");
    } else if (conf->expires.seconds != 0) {
        put_date(&b, wr_clock.sec + conf->expires.seconds);
    }
    if (conf->domain.n != 0) {
        wr_buf_lit(&b, "; domain=");
        wr_buf_str(&b, conf->domain);
    }
    wr_buf_lit(&b, "; path=");
    wr_buf_str(&b, conf->path);
    wr_buf_z(&b, conf->flags & FLAG_SECURE ? "; secure" : "");
    wr_buf_z(&b, conf->flags & FLAG_HTTPONLY ? "; httponly" : "");
    wr_buf_z(&b, conf->flags & FLAG_STRICT ? "; samesite=strict" : "");
    wr_buf_z(&b, conf->flags & FLAG_LAX ? "; samesite=lax" : "");
    wr_buf_z(&b, conf->flags & FLAG_NONE ? "; samesite=none" : "");
    wr_headers_add(&r->out, WR_H_SET_COOKIE, WR_STR("Set-Cookie"), wr_buf_text(&b));
    if (conf->p3p.n != 0) {
        wr_headers_add(&r->out, WR_H_OTHER, WR_STR("P3P"), conf->p3p);
    }
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);
    ctx_t        *c;

    if (r != r->main || conf->mode < V1) {
        return WR_OK;
    }
    c = ctx_of(r);
    look(r, conf, c);
    if (c->has_got && !c->reset) {
        return WR_OK;
    }
    if (!c->has_got && !c->has_set) {
        make(r, conf, c);
    }
    send_cookie(r, conf, c);
    return WR_OK;
}

/* ---- variables ---- */

static wr_rc_t
show(wr_req_t *r, const conf_t *conf, const uint32_t *id, wr_str_t *value)
{
    *value = wr_pool_printf(wr_pool(r), "%.*s=%08X%08X%08X%08X", WR_ARG(conf->name),
                            id[0], id[1], id[2], id[3]);
    return WR_OK;
}

static wr_rc_t
get_got(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r->main);
    ctx_t        *c;

    (void) v;
    if (conf->mode == OFF) {
        return WR_NOTFOUND;
    }
    c = ctx_of(r);
    look(r->main, conf, c);
    return c->has_got ? show(r, conf, c->got, value) : WR_NOTFOUND;
}

static wr_rc_t
get_set(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r->main);
    ctx_t        *c;

    (void) v;
    if (conf->mode < V1) {
        return WR_NOTFOUND;
    }
    c = ctx_of(r);
    look(r->main, conf, c);
    if (!c->has_got && !c->has_set) {
        make(r->main, conf, c);
    }
    return c->has_set ? show(r, conf, c->set, value) : WR_NOTFOUND;
}

/* `set $uid_reset 1`: the client gets a new one. */
static void
put_reset(wr_req_t *r, const wr_var_t *v, wr_str_t value)
{
    ctx_t *c = ctx_of(r);

    (void) v;
    if (value.n != 0 && !wr_str_eqz(value, "0")) {
        look(r->main, wr_conf(r->main), c);
        c->has_got = false;
        if (wr_str_eqz(value, "log")) {
            wr_log(&r->log, WR_LOG_NOTICE, 0, "userid cookie was reset");
        }
    }
}

static wr_rc_t
get_reset(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) r;
    (void) v;
    *value = WR_STR("");
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
set_domain(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_str_t v = cf->args[1].text;

    (void) d;
    ((conf_t *) c)->domain = wr_str_eqz(v, "none") ? WR_STR_NONE : v;
    return WR_OK;
}

static wr_rc_t
set_p3p(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_str_t v = cf->args[1].text;

    (void) d;
    ((conf_t *) c)->p3p = wr_str_eqz(v, "none") ? WR_STR_NONE : v;
    return WR_OK;
}

static wr_rc_t
set_expires(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    expires_t *e = &((conf_t *) c)->expires;
    wr_str_t   v = cf->args[1].text;

    (void) d;
    if (wr_str_eqz(v, "max")) {
        e->seconds = -1;
    } else if (wr_str_eqz(v, "off")) {
        e->seconds = 0;
    } else if (!wr_parse_sec(v, &e->seconds)) {
        return wr_conf_fail(cf, &cf->args[1], "\"userid_expires\" directive invalid "
                                              "value");
    }
    return WR_OK;
}

static wr_rc_t
set_mark(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_str_t v = cf->args[1].text;

    (void) d;
    if (wr_str_eqz(v, "off")) {
        ((conf_t *) c)->mark = '\0';
        return WR_OK;
    }
    if (v.n != 1 || (!wr_is_digit(v.p[0]) && !wr_is_alpha(v.p[0]) && v.p[0] != '=')) {
        return wr_conf_fail(cf, &cf->args[1], "\"userid_mark\" directive value must be "
                                              "\"off\" or a single letter, digit, or "
                                              "\"=\"");
    }
    ((conf_t *) c)->mark = v.p[0];
    return WR_OK;
}

static const wr_enum_t modes[] = {
    {"off", OFF}, {"log", LOG}, {"v1", V1}, {"on", ON}, {NULL, 0}
};
static const wr_enum_t flags[] = {
    {"off", FLAG_OFF}, {"secure", FLAG_SECURE}, {"httponly", FLAG_HTTPONLY},
    {"samesite=strict", FLAG_STRICT}, {"samesite=lax", FLAG_LAX},
    {"samesite=none", FLAG_NONE}, {NULL, 0}
};

static const wr_var_row_t variables[] = {
    {"uid_got", get_got, NULL, 0, 0, "The cookie's name and value as it was sent"},
    {"uid_set", get_set, NULL, 0, 0, "The cookie's name and value as it is given"},
    {"uid_reset", get_reset, put_reset, 0, WR_VAR_NOCACHE | WR_VAR_CHANGE,
     "If set to other than \"0\", the client gets a new cookie"},
    {.name = NULL}
};

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->mode >= V1;
}

WR_MODULE(userid,
    .doc = "A cookie that tells visitors apart",
    .schema.directives = (const wr_directive_t[]) {
        WR_ENUM("userid", WR_ANY, conf_t, mode, modes, "off",
                "Give each visitor a cookie, or only log what came.",
                .example = "userid on;"),
        WR_TEXT("userid_name", WR_ANY, conf_t, name, "uid", "The cookie's name.",
                .example = "userid_name visitor;"),
        WR_CUSTOM("userid_domain", WR_ANY, 1, 1, set_domain, conf_t, domain,
                  "The cookie's domain.", .args = "name | none",
                  .example = "userid_domain example.com;"),
        WR_TEXT("userid_path", WR_ANY, conf_t, path, "/", "The cookie's path.",
                .example = "userid_path /;"),
        WR_CUSTOM("userid_expires", WR_ANY, 1, 1, set_expires, conf_t, expires,
                  "How long browsers keep it.", .args = "time | max | off",
                  .example = "userid_expires 365d;"),
        WR_CUSTOM("userid_p3p", WR_ANY, 1, 1, set_p3p, conf_t, p3p,
                  "The P3P header that goes with it.", .args = "text | none",
                  .example = "userid_p3p 'policyref=\"/w3c/p3p.xml\", CP=\"CUR ADM OUR NOR STA "
                             "NID\"';"),
        WR_CUSTOM("userid_mark", WR_ANY, 1, 1, set_mark, conf_t, mark,
                  "A letter in place of padding: cookies with another are given "
                  "again.", .args = "letter | digit | = | off",
                  .example = "userid_mark z;"),
        WR_INT("userid_service", WR_ANY, conf_t, service, NULL,
               "The number of the server that gave it.",
               .example = "userid_service 1;"),
        WR_MASK("userid_flags", WR_ANY, conf_t, flags, flags, "off",
                "Attributes of the cookie: secure, httponly, samesite=strict, samesite=lax or "
                "samesite=none.", .args = "off | flag …",
                .example = "userid_flags secure httponly samesite=lax;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"userid", WR_FILTER_USERID, head, wanted},
            {.name = NULL}
        },
    });
