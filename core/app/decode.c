/*
 * The request's body as it was before its Content-Encoding, for expressions. The body
 * itself stays as it came: a proxy passes it on with the field.
 *
 * What comes out is kept as bodies are, in memory or in a temporary file, and limited as
 * they are: so a few bytes cannot become many. An error is raised wherever it is asked
 * for.
 */
#include <weir/app/app_priv.h>

#include <weir/http/inflate.h>

enum { MOST = 2 };      /* codings one upon another */

typedef struct decoding {
    wr_req_t  *r;
    wr_body_t *to;
} decoding_t;

/* The codings, in the order they were applied; identity is none. False: too many. */
static bool
codings_of(wr_req_t *r, wr_str_t codings[MOST], unsigned *n)
{
    wr_str_t rest, part;

    *n = 0;
    if (!wr_headers_join(&r->main->in, wr_pool(r), WR_H_CONTENT_ENCODING, WR_STR_NONE, ",",
                         &rest))
    {
        return true;
    }
    while (wr_str_split(&rest, ',', &part)) {
        part = wr_str_trim(part);
        if (part.n == 0 || wr_str_ieqz(part, "identity")) {
            continue;
        }
        if (*n == MOST) {
            return false;
        }
        codings[(*n)++] = part;
    }
    return true;
}

bool
app_body_is_encoded(wr_req_t *r)
{
    wr_str_t codings[MOST];
    unsigned n;

    return wr_has_body(r->main) && (!codings_of(r, codings, &n) || n != 0);
}

static wr_rc_t
put(void *data, const char *p, size_t n)
{
    decoding_t *d = data;

    return wr_body_put(d->r, d->to, p, n);
}

static bool
refuse(wr_req_t *r, wr_eval_t *ev)
{
    return wr_raise(ev, "UnsupportedEncoding", "the body's encoding \"%.*s\" is not taken: "
                    "gzip and deflate are",
                    WR_ARG(wr_req_header(r->main, WR_H_CONTENT_ENCODING)));
}

static bool
broken(wr_eval_t *ev, wr_str_t coding, const char *why)
{
    return wr_raise(ev, "BadRequest", "the body's %.*s is broken: %s", WR_ARG(coding), why);
}

/* One coding off. */
static bool
decode(wr_req_t *r, wr_eval_t *ev, wr_str_t coding, wr_str_t *text)
{
    decoding_t   d = {r, wr_body_new(r)};
    wr_inflate_t x;
    wr_rc_t      rc;

    if (!wr_inflate_begin(&x, coding)) {
        return refuse(r, ev);
    }
    rc = wr_inflate_feed(&x, text->p, text->n, put, &d);
    wr_inflate_end(&x);
    if (rc == WR_LIMIT) {
        return wr_raise(ev, "ContentTooLarge", "the body is too large when it is decoded");
    }
    if (rc == WR_SYNTAX) {
        return broken(ev, coding, x.why != NULL ? x.why : "it is no such data");
    }
    if (rc == WR_OK && !x.whole) {
        return broken(ev, coding, "it does not end");
    }
    if (rc == WR_OK && x.extra) {
        return broken(ev, coding, "something stands behind its end");
    }
    if (rc == WR_OK) {
        wr_body_close(r, d.to);
        rc = wr_body_text_of(r, d.to, INT32_MAX, text);
    }
    return rc == WR_OK || wr_raise(ev, "RuntimeError", "the request's body cannot be decoded");
}

static bool
decode_all(wr_req_t *r, wr_eval_t *ev, wr_str_t *text)
{
    wr_str_t codings[MOST];
    unsigned n;

    if (!codings_of(r, codings, &n)) {
        return refuse(r, ev);
    }
    while (n-- != 0) {
        if (!decode(r, ev, codings[n], text)) {
            return false;
        }
    }
    return true;
}

bool
app_body_text(wr_req_t *r, wr_eval_t *ev, wr_str_t *text)
{
    app_t *a = app_of(r);

    *text = WR_STR("");
    if (r->main->body == NULL) {
        return true;
    }
    if (a->body_error.kind != NULL) {
        ev->err = a->body_error;
        ev->failed = true;
        return false;
    }
    if (a->body.p == NULL) {
        if (!r->main->body->complete || wr_body_text(r->main, INT32_MAX, text) != WR_OK) {
            return wr_raise(ev, "RuntimeError", "the request's body cannot be read");
        }
        if (wr_has_body(r->main) && !decode_all(r, ev, text)) {
            a->body_error = ev->err;
            return false;
        }
        a->body = text->n != 0 ? *text : WR_STR("");
    }
    *text = a->body;
    return true;
}
