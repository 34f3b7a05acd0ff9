/*
 * sub_filter: texts in answers replaced by others on the way.
 *
 * Bytes are gathered in a carry; what can no longer begin a match leaves it. So a
 * match may lie across segments, and at most one pattern's length is held back.
 */
#include <weir/http/filter.h>

typedef struct pair {
    wr_cv_t match;
    wr_cv_t text;
} pair_t;

typedef struct conf {
    wr_array_t pairs;           /* pair_t */
    bool       once;
    bool       keep_modified;
    wr_array_t types;           /* wr_str_t */
} conf_t;

typedef struct pattern {
    wr_str_t       match;       /* lower case */
    const wr_cv_t *text;
    bool           used;        /* `once`: it has been replaced */
} pattern_t;

typedef struct state {
    pattern_t *patterns;
    unsigned   n;
    size_t     longest;
    bool       once;
    bool       starts[256];     /* bytes that begin a pattern */
    wr_buf_t   carry;
    wr_made_t  out;
    wr_req_t  *r;
} state_t;

/* ---- matching ---- */

enum { NO, MAYBE, YES };

/* Whether `s` begins with the pattern, or ends before that is sure. */
static int
begins(wr_str_t s, wr_str_t match)
{
    size_t n = wr_min_size(s.n, match.n);

    for (size_t i = 0; i < n; i++) {
        if (wr_lower(s.p[i]) != match.p[i]) {
            return NO;
        }
    }
    return n == match.n ? YES : MAYBE;
}

/* The first pattern that matches here; *maybe: one could, with more bytes. */
static pattern_t *
match_here(state_t *s, wr_str_t rest, bool *maybe)
{
    *maybe = false;
    for (unsigned i = 0; i < s->n; i++) {
        pattern_t *p = &s->patterns[i];

        if (p->used) {
            continue;
        }
        switch (begins(rest, p->match)) {
        case YES:
            return p;
        case MAYBE:
            *maybe = true;
        }
        if (*maybe) {
            return NULL;
        }
    }
    return NULL;
}

static wr_rc_t
put_replacement(state_t *s, pattern_t *p)
{
    wr_str_t text;

    if (wr_cv_eval(s->r, p->text, &text) != WR_OK) {
        return WR_ERROR;
    }
    wr_made_put(&s->out, text.p, text.n);
    p->used = s->once;
    return WR_OK;
}

/* Moves bytes from the carry to the output; at the end all of them. */
static wr_rc_t
scan(state_t *s, bool end)
{
    wr_str_t text = wr_buf_text(&s->carry);
    size_t   from = 0, i = 0;

    while (i < text.n) {
        pattern_t *p;
        bool       maybe;

        if (!s->starts[(uint8_t) text.p[i]]) {
            i++;
            continue;
        }
        p = match_here(s, wr_str_skip(text, i), &maybe);
        if (p == NULL && maybe && !end) {
            break;
        }
        if (p == NULL) {
            i++;
            continue;
        }
        wr_made_put(&s->out, text.p + from, i - from);
        i += p->match.n;
        from = i;
        if (put_replacement(s, p) != WR_OK) {
            return WR_ERROR;
        }
    }
    wr_made_put(&s->out, text.p + from, i - from);
    memmove(s->carry.p, s->carry.p + i, s->carry.n - i);
    s->carry.n -= i;
    return WR_OK;
}

static wr_rc_t
add_bytes(void *state, const char *p, size_t n)
{
    state_t *s = state;

    wr_buf_add(&s->carry, p, n);
    return scan(s, false);
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;

    for (wr_seg_t *next; in != NULL; in = next) {
        bool last = (in->flags & WR_SEG_LAST) != 0;

        next = in->next;
        if (wr_seg_bytes(r, in, add_bytes, s) != WR_OK
            || (last && s->carry.n != 0 && scan(s, true) != WR_OK))
        {
            return WR_ERROR;
        }
        if (in->flags != 0) {
            wr_made_flag(&s->out, in->flags);
        }
        wr_seg_release(in);
    }
    return wr_filter_pass(r, self, wr_made_take(&s->out));
}

/* ---- the head ---- */

static wr_rc_t
prepare(wr_req_t *r, const conf_t *conf, state_t *s)
{
    s->patterns = WR_NEW_N(wr_pool(r), pattern_t, conf->pairs.n);
    for (WR_EACH(pair_t, pair, &conf->pairs)) {
        wr_str_t match;
        char    *lower;

        if (wr_cv_eval(r, &pair->match, &match) != WR_OK) {
            return WR_ERROR;
        }
        if (match.n == 0) {
            continue;
        }
        lower = wr_alloc_bytes(wr_pool(r), match.n);
        for (size_t i = 0; i < match.n; i++) {
            lower[i] = wr_lower(match.p[i]);
        }
        s->starts[(uint8_t) lower[0]] = true;
        if (wr_is_alpha(lower[0])) {
            s->starts[(uint8_t) (lower[0] & ~0x20)] = true;
        }
        s->longest = wr_max_size(s->longest, match.n);
        s->patterns[s->n++] = (pattern_t) {wr_str(lower, match.n), &pair->text, false};
    }
    return WR_OK;
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);
    state_t      *s;

    if (conf->pairs.n == 0 || r->out_length == 0 || !wr_type_listed(r, &conf->types)) {
        return WR_OK;
    }
    s = WR_NEW(wr_pool(r), state_t);
    if (prepare(r, conf, s) != WR_OK) {
        return WR_ERROR;
    }
    if (s->n == 0) {
        return WR_OK;
    }
    s->r = r;
    s->once = conf->once;
    s->carry = wr_buf(wr_pool(r));
    wr_made_init(&s->out, r, 16 * 1024);
    r->filter_need_in_memory = 1;
    if (r == r->main) {
        wr_clear_content_length(r);
        if (!conf->keep_modified) {
            wr_clear_last_modified(r);
            wr_clear_etag(r);
        } else {
            wr_weak_etag(r);
        }
    }
    wr_filter_attach(r, body, s);
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
add_pair(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t *conf = c;
    pair_t *pair;

    (void) d;
    if (cf->args[1].text.n == 0) {
        return wr_conf_fail(cf, &cf->args[1], "empty search pattern");
    }
    if (conf->pairs.size == 0) {
        conf->pairs = wr_array(cf->pool, sizeof(pair_t));
    }
    pair = WR_PUSH(&conf->pairs, pair_t);
    return wr_cv_compile(cf, &cf->args[1], &pair->match) == WR_OK
           ? wr_cv_compile(cf, &cf->args[2], &pair->text) : WR_ERROR;
}

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->pairs.n != 0;
}

WR_MODULE(sub,
    .doc = "Texts in answers replaced by others",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("sub_filter", WR_ANY, 2, 2, add_pair, conf_t, pairs,
                  "Replace a text, whatever its case, by another.",
                  .flags = WR_DF_REPEAT, .args = "text replacement",
                  .example = "sub_filter '</body>' '<p>$hostname</p></body>';"),
        WR_FLAG("sub_filter_once", WR_ANY, conf_t, once, "on",
                "Each text is replaced once only.",
                .example = "sub_filter_once off;"),
        WR_FLAG("sub_filter_last_modified", WR_ANY, conf_t, keep_modified, "off",
                "Keep Last-Modified.",
                .example = "sub_filter_last_modified on;"),
        WR_TEXT_LIST("sub_filter_types", WR_ANY, conf_t, types, "text/html",
                     "MIME types in which texts are replaced, beside text/html.",
                     .args = "type …",
                     .example = "sub_filter_types text/css;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"sub", WR_FILTER_SUB, head, wanted},
            {.name = NULL}
        },
    });
