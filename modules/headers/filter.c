/*
 * add_header, add_trailer, expires: fields of the answer that the conf adds.
 */
#include <weir/http/core_conf.h>
#include "headers.h"

enum { INHERIT_ON = 0, INHERIT_OFF, INHERIT_MERGE };

typedef struct field {
    wr_str_t name;
    wr_hid_t id;
    wr_cv_t  value;
    bool     always;            /* whatever the status is */
} field_t;

typedef struct when {
    expires_t fixed;
    wr_cv_t   cv;               /* not constant: it holds instead */
    bool      modified;         /* `expires modified …` */
} when_t;

typedef struct conf {
    wr_array_t headers;         /* field_t */
    wr_array_t trailers;        /* field_t */
    when_t     expires;
    int        header_inherit;
    int        trailer_inherit;
} conf_t;

/* ---- conf ---- */

static wr_rc_t
add_field(wr_conf_t *cf, wr_array_t *list)
{
    field_t *f;

    if (list->size == 0) {
        *list = wr_array(cf->pool, sizeof(field_t));
    }
    f = WR_PUSH(list, field_t);
    f->name = cf->args[1].text;
    f->id = wr_header_id(f->name);
    if (f->id == WR_H_LOCATION) {
        f->id = WR_H_OTHER;     /* stays as it is, never made absolute */
    }
    if (cf->nargs == 4) {
        if (!wr_str_eqz(cf->args[3].text, "always")) {
            return wr_conf_fail(cf, &cf->args[3], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[3].text));
        }
        f->always = true;
    }
    return wr_cv_compile(cf, &cf->args[2], &f->value);
}

static wr_rc_t
set_header(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) d;
    return add_field(cf, &((conf_t *) c)->headers);
}

static wr_rc_t
set_trailer(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) d;
    return add_field(cf, &((conf_t *) c)->trailers);
}

static wr_rc_t
set_expires(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    when_t         *when = &((conf_t *) c)->expires;
    const wr_tok_t *value = &cf->args[1];
    const char     *error;

    (void) d;
    if (cf->nargs == 3) {
        if (!wr_str_eqz(cf->args[1].text, "modified")) {
            return wr_conf_fail(cf, &cf->args[1], "\"expires\" directive invalid value");
        }
        when->modified = true;
        value = &cf->args[2];
    }
    if (wr_cv_compile(cf, value, &when->cv) != WR_OK) {
        return WR_ERROR;
    }
    if (!wr_cv_is_const(&when->cv)) {
        return WR_OK;
    }
    if (!expires_parse(value->text, when->modified, &when->fixed, &error)) {
        return wr_conf_fail(cf, value, "\"expires\" directive %s", error);
    }
    return WR_OK;
}

/* What an inner level adds to the outer's, or takes from it. */
static void
inherit(wr_conf_t *cf, wr_scope_t *scope, wr_array_t *own, const wr_array_t *outer,
        int how, size_t offset)
{
    bool       set = wr_scope_is_set(scope, &WR_SELF->schema, offset);
    wr_array_t all;

    if (how == INHERIT_OFF && !set) {
        *own = (wr_array_t) {0};
    }
    if (how != INHERIT_MERGE || !set || outer->n == 0) {
        return;
    }
    all = wr_array(cf->pool, sizeof(field_t));
    for (WR_EACH(field_t, f, outer)) {
        *WR_PUSH(&all, field_t) = *f;
    }
    for (WR_EACH(field_t, f, own)) {
        *WR_PUSH(&all, field_t) = *f;
    }
    *own = all;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *o)
{
    conf_t       *conf = c;
    const conf_t *outer = o;

    if (outer == NULL) {
        return WR_OK;
    }
    inherit(cf, scope, &conf->headers, &outer->headers, conf->header_inherit,
            offsetof(conf_t, headers));
    inherit(cf, scope, &conf->trailers, &outer->trailers, conf->trailer_inherit,
            offsetof(conf_t, trailers));
    return WR_OK;
}

/* ---- answers ---- */

static bool
is_safe(unsigned status)
{
    switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
        return true;
    default:
        return false;
    }
}

/* Last-Modified and ETag are the answer's own: replaced, or taken away. */
static void
put_field(wr_req_t *r, const field_t *f, wr_str_t value)
{
    if (f->id == WR_H_LAST_MODIFIED) {
        r->last_modified = value.n != 0 ? wr_date_parse(value) : -1;
    }
    if (f->id == WR_H_LAST_MODIFIED || f->id == WR_H_ETAG) {
        if (value.n != 0) {
            wr_headers_set(&r->out, f->id, f->name, value);
        } else {
            wr_headers_remove(&r->out, f->id, f->name);
        }
    } else if (value.n != 0) {
        wr_headers_add(&r->out, f->id, f->name, value);
    }
}

static wr_rc_t
put_headers(wr_req_t *r, const wr_array_t *list, bool safe)
{
    for (WR_EACH(field_t, f, list)) {
        wr_str_t value;

        if (!safe && !f->always) {
            continue;
        }
        if (wr_cv_eval(r, &f->value, &value) != WR_OK) {
            return WR_ERROR;
        }
        put_field(r, f, value);
    }
    return WR_OK;
}

static void
put_expires(wr_req_t *r, const when_t *when)
{
    expires_t   e = when->fixed;
    const char *error;

    if (!wr_cv_is_const(&when->cv)) {
        wr_str_t text;

        if (wr_cv_eval(r, &when->cv, &text) != WR_OK
            || !expires_parse(text, when->modified, &e, &error))
        {
            return;
        }
    }
    expires_set(r, &e);
}

/* Trailers have the values that hold when the last byte passes. */
static wr_rc_t
add_trailers(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    const wr_array_t *list = state;

    for (wr_seg_t *seg = in; seg != NULL; seg = seg->next) {
        if ((seg->flags & WR_SEG_LAST) == 0) {
            continue;
        }
        for (WR_EACH(field_t, f, list)) {
            wr_str_t value;

            if (!is_safe(r->status) && !f->always) {
                continue;
            }
            if (wr_cv_eval(r, &f->value, &value) != WR_OK) {
                return WR_ERROR;
            }
            if (value.n != 0) {
                wr_headers_add(r->trailers, f->id, f->name, value);
            }
        }
    }
    return wr_filter_pass(r, self, in);
}

static bool
has_trailers(const wr_array_t *list, bool safe)
{
    for (WR_EACH(field_t, f, list)) {
        if (safe || f->always) {
            return true;
        }
    }
    return false;
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);
    bool          safe = is_safe(r->status);

    if (r != r->main) {
        return WR_OK;
    }
    if (safe && conf->expires.cv.given) {
        put_expires(r, &conf->expires);
    }
    if (conf->headers.n != 0 && put_headers(r, &conf->headers, safe) != WR_OK) {
        return WR_ERROR;
    }
    return WR_OK;
}

/* After the other filters, which may want to know the length. */
static wr_rc_t
trailers_head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);

    if (r != r->main || conf->trailers.n == 0
        || !has_trailers(&conf->trailers, is_safe(r->status)))
    {
        return WR_OK;
    }
    if (r->trailers == NULL) {
        r->trailers = WR_NEW(wr_pool(r), wr_headers_t);
        wr_headers_init(r->trailers, wr_pool(r));
    }
    if (r->version == WR_HTTP_11 && r->method != WR_HEAD && r->status != 204
        && r->status != 304 && wr_http_core(r)->chunked_transfer_encoding)
    {
        wr_clear_content_length(r);     /* they stand behind the last chunk */
    }
    wr_filter_attach(r, add_trailers, (void *) &conf->trailers);
    return WR_OK;
}

static const wr_enum_t inherits[] = {
    {"on", INHERIT_ON}, {"off", INHERIT_OFF}, {"merge", INHERIT_MERGE}, {NULL, 0}
};

#define EVERYWHERE (WR_ANY | WR_IF_LOCATION)

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->expires.cv.given || conf->headers.n != 0;
}

/* Whether it acts at all in a location. */
static bool
trailers_wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->trailers.n != 0;
}

WR_MODULE(headers,
    .doc = "Fields that the conf adds to answers",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("add_header", EVERYWHERE, 2, 3, set_header, conf_t, headers,
                  "Add a field to the head of answers with status 200, 201, 204, 206, 301, "
                  "302, 303, 304, 307, 308, or of all (always). A level with fields of its own "
                  "does not inherit the outer ones, unless add_header_inherit merge.",
                  .flags = WR_DF_REPEAT, .args = "name value [always]",
                  .example = "add_header X-Frame-Options DENY always;"),
        WR_CUSTOM("add_trailer", EVERYWHERE, 2, 3, set_trailer, conf_t, trailers,
                  "Add a field behind the body of a chunked answer; its value is taken when "
                  "the body has been made.",
                  .flags = WR_DF_REPEAT, .args = "name value [always]",
                  .example = "add_trailer X-Time $request_time;"),
        WR_CUSTOM("expires", EVERYWHERE, 1, 2, set_expires, conf_t, expires,
                  "Set Expires and Cache-Control: max-age: from now, or from the file's time "
                  "(modified). A negative time says no-cache, max ten years, epoch 1970; @18h "
                  "is a time of day.",
                  .args = "[modified] time | epoch | max | off",
                  .example = "expires 30d;"),
        WR_ENUM("add_header_inherit", WR_ANY, conf_t, header_inherit, inherits, "on",
                "How the add_header of outer levels count: where this level has "
                "none (on), never, or besides its own (merge).",
                .example = "add_header_inherit merge;"),
        WR_ENUM("add_trailer_inherit", WR_ANY, conf_t, trailer_inherit, inherits,
                "on", "The same for add_trailer.",
                .example = "add_trailer_inherit merge;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"headers", WR_FILTER_HEADERS, head, wanted},
            {"trailers", WR_FILTER_RANGE + 10, trailers_head, trailers_wanted},
            {.name = NULL}
        },
    });
