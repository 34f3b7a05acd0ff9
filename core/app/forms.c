/*
 * Bodies as values: json, form, files. RFC 8259, the URL standard's
 * application/x-www-form-urlencoded, RFC 7578.
 */
#include <weir/app/app_priv.h>

#include <weir/expr/json_in.h>
#include <weir/process/cycle.h>

static wr_str_t
content_type(const wr_req_t *r)
{
    return wr_req_header(r->main, WR_H_CONTENT_TYPE);
}

/* The body as UTF-8, from the charset of its Content-Type. What calls itself UTF-8
 * stays as it is: whoever reads it judges. */
static bool
decoded_body(wr_req_t *r, wr_eval_t *ev, wr_str_t *text)
{
    wr_str_t charset = wr_app_charset(content_type(r));
    wr_val_t v;

    if (!app_body_text(r, ev, text) || app_is_utf8(charset)) {
        return !ev->failed;
    }
    if (!wr_app_decode(ev->pool, *text, charset, &v)) {
        return wr_raise(ev, "UnsupportedMediaType", "unknown charset \"%.*s\"",
                        WR_ARG(charset));
    }
    *text = wr_val_text(&v);
    return true;
}

bool
app_get_json(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    const app_conf_t *conf = wr_conf_of(r, &wr_app_module);
    wr_json_limits_t  limits = {.depth = (uint32_t) conf->max_depth,
                                 .no_duplicates = true, .any = true};
    wr_json_err_t     err = {0};
    wr_str_t          text;

    if (!decoded_body(r, ev, &text)) {
        return false;
    }
    if (text.n == 0) {
        return wr_raise(ev, "BadRequest", "the request has no body: JSON is expected");
    }
    if (!wr_json_parse(ev->pool, text, &limits, out, &err)) {
        return wr_raise(ev, "BadRequest", "the body is not JSON: %.*s (line %u, column %u)",
                        WR_ARG(err.message), err.line, err.column);
    }
    return true;
}

static bool
parse_form(wr_req_t *r, wr_eval_t *ev)
{
    app_t            *a = app_of(r);
    const app_conf_t *conf = wr_conf_of(r, &wr_app_module);
    multi_t          *fields = multi_new(ev->pool, MULTI_FORM, false);
    multi_t          *files = multi_new(ev->pool, MULTI_FILES, false);
    wr_str_t          type = content_type(r), text;

    if (wr_str_istarts(type, WR_STR("multipart/form-data"))) {
        if (!app_parse_multipart(r, ev, type, fields, files, conf->max_fields)) {
            return false;
        }
    } else if (wr_str_istarts(type, WR_STR("application/x-www-form-urlencoded"))) {
        if (!app_body_text(r, ev, &text)) {
            return false;
        }
        if (!app_parse_pairs(ev->pool, text, wr_app_charset(type), fields,
                             conf->max_fields))
        {
            return wr_raise(ev, "BadRequest", "the form has more than %" PRId64 " fields",
                            conf->max_fields);
        }
    } else if (wr_has_body(r)) {
        return wr_raise(ev, "UnsupportedMediaType", "a form is expected, not %.*s",
                        WR_ARG(type.n != 0 ? type : WR_STR("a body without a Content-Type")));
    }
    a->form = wr_vobj(&fields->obj);
    a->files = wr_vobj(&files->obj);
    a->form_parsed = true;
    return true;
}

bool
app_read_form(wr_req_t *r, wr_eval_t *ev)
{
    app_t *a = app_of(r);

    if (a->form_parsed) {
        return true;
    }
    if (a->form_error.kind != NULL) {
        ev->err = a->form_error;
        ev->failed = true;
        return false;
    }
    if (!parse_form(r, ev)) {
        a->form_error = ev->err;
        return false;
    }
    return true;
}

bool
app_get_form(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    if (!app_read_form(r, ev)) {
        return false;
    }
    *out = app_of(r)->form;
    return true;
}

bool
app_get_files(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    if (!app_read_form(r, ev)) {
        return false;
    }
    *out = app_of(r)->files;
    return true;
}

/* ---- multipart ---- */

/* A parameter of a field: name="x" of Content-Disposition; quotes and \" are
 * resolved. */
static bool
parameter(wr_pool_t *pool, wr_str_t field, const char *name, wr_str_t *value)
{
    size_t i = 0, n = strlen(name);

    while (i < field.n && field.p[i] != ';') {
        i++;
    }
    while (i < field.n) {
        size_t start, end;
        bool   match;

        for (i++; i < field.n && (field.p[i] == ' ' || field.p[i] == '\t'); i++) {
        }
        start = i;
        while (i < field.n && field.p[i] != '=' && field.p[i] != ';') {
            i++;
        }
        match = i - start == n && wr_str_ieqz(wr_str(field.p + start, n), name);
        if (i == field.n || field.p[i] == ';') {
            continue;
        }
        i++;
        if (i < field.n && field.p[i] == '"') {
            wr_buf_t b = wr_buf(pool);

            for (i++; i < field.n && field.p[i] != '"'; i++) {
                if (field.p[i] == '\\' && i + 1 < field.n
                    && (field.p[i + 1] == '"' || field.p[i + 1] == '\\'))
                {
                    i++;
                }
                wr_buf_char(&b, field.p[i]);
            }
            if (match) {
                *value = wr_buf_text(&b);
                return true;
            }
            while (i < field.n && field.p[i] != ';') {
                i++;
            }
        } else {
            start = i;
            while (i < field.n && field.p[i] != ';') {
                i++;
            }
            end = i;
            if (match) {
                *value = wr_str_trim(wr_str(field.p + start, end - start));
                return true;
            }
        }
    }
    return false;
}

typedef struct part {
    wr_str_t name, filename, type, body;
    bool     is_file;
} part_t;

/* The head of one part, up to its empty line. False: broken. */
static bool
part_head(wr_pool_t *pool, wr_str_t *rest, part_t *p)
{
    for (;;) {
        ssize_t  end = wr_str_find(*rest, WR_STR("\r\n"));
        wr_str_t line, value;
        ssize_t  colon;

        if (end < 0 || end > 8192) {
            return false;
        }
        line = wr_str(rest->p, (size_t) end);
        *rest = wr_str_skip(*rest, (size_t) end + 2);
        if (line.n == 0) {
            return p->name.p != NULL;
        }
        colon = wr_str_chr(line, ':');
        if (colon <= 0) {
            return false;
        }
        value = wr_str_trim(wr_str_skip(line, (size_t) colon + 1));
        line.n = (size_t) colon;
        if (wr_str_ieqz(line, "Content-Disposition")) {
            if (!wr_str_istarts(value, WR_STR("form-data"))
                || !parameter(pool, value, "name", &p->name))
            {
                return false;
            }
            p->is_file = parameter(pool, value, "filename", &p->filename);
        } else if (wr_str_ieqz(line, "Content-Type")) {
            p->type = value;
        }
    }
}

static bool
add_part(wr_req_t *r, wr_eval_t *ev, const part_t *p, multi_t *fields, multi_t *files)
{
    wr_pool_t   *pool = ev->pool;
    wr_val_t     name = app_str(pool, p->name), value;
    app_upload_t upload;

    if (!p->is_file) {
        if (!wr_app_decode(pool, p->body, wr_app_charset(p->type), &value)) {
            return wr_raise(ev, "UnsupportedMediaType", "unknown charset of the field \"%.*s\"",
                            WR_ARG(wr_val_text(&name)));
        }
        multi_add(fields, wr_val_text(&name), value);
        return true;
    }
    upload = (app_upload_t) {name, p->filename, p->type, p->body};
    if (!app_upload(r, ev, &upload, &value)) {
        return false;
    }
    multi_add(files, wr_val_text(&name), value);
    return true;
}

bool
app_parse_multipart(wr_req_t *r, wr_eval_t *ev, wr_str_t type, multi_t *fields,
                    multi_t *files, int64_t max)
{
    wr_str_t boundary, text, rest, mark;

    if (!parameter(ev->pool, type, "boundary", &boundary) || boundary.n == 0
        || boundary.n > 70)
    {
        return wr_raise(ev, "BadRequest", "the multipart form has no boundary");
    }
    if (!app_body_text(r, ev, &text)) {
        return false;
    }
    mark = wr_pool_join(ev->pool, WR_STR("--"), boundary);
    if (wr_str_starts(text, mark)) {
        rest = wr_str_skip(text, mark.n);
    } else {
        /* What stands before the first boundary means nothing. */
        ssize_t at = wr_str_find(text, wr_pool_join(ev->pool, WR_STR("\r\n"), mark));

        if (at < 0) {
            return wr_raise(ev, "BadRequest", "the multipart form has not its boundary");
        }
        rest = wr_str_skip(text, (size_t) at + 2 + mark.n);
    }
    mark = wr_pool_join(ev->pool, WR_STR("\r\n"), mark);
    for (;;) {
        part_t  p = {0};
        ssize_t end;

        if (wr_str_starts(rest, WR_STR("--"))) {
            return true;
        }
        if (!wr_str_starts(rest, WR_STR("\r\n"))) {
            return wr_raise(ev, "BadRequest", "the multipart form broke at byte %zu",
                            text.n - rest.n);
        }
        rest = wr_str_skip(rest, 2);
        if (!part_head(ev->pool, &rest, &p)) {
            return wr_raise(ev, "BadRequest", "a part's head broke at byte %zu of the "
                                              "multipart form",
                            text.n - rest.n);
        }
        end = wr_str_find(rest, mark);
        if (end < 0) {
            return wr_raise(ev, "BadRequest", "the multipart form does not end");
        }
        p.body = wr_str(rest.p, (size_t) end);
        rest = wr_str_skip(rest, (size_t) end + mark.n);
        if ((int64_t) (fields->pairs.n + files->pairs.n) >= max) {
            return wr_raise(ev, "BadRequest", "the form has more than %" PRId64 " fields",
                            max);
        }
        if (!add_part(r, ev, &p, fields, files)) {
            return false;
        }
    }
}
