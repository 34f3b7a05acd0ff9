/*
 * urlize: what looks like a URL or an address in text becomes a link.
 *
 * The text is escaped first, then taken word by word. A word loses brackets in
 * front and punctuation behind; a bracket that is open inside takes its closing
 * one back. The rest is a link if it has the shape of one (links below).
 */
#include "filter_priv.h"

#include <weir/base/utf8.h>
#include <weir/expr/unicode.h>

typedef struct urlize {
    wr_str_t    attrs;          /* ` rel="…" target="…"` */
    wr_val_t    limit;          /* of the text shown, or none */
    wr_list_t  *schemes;
} urlize_t;

/* ---- the shapes of links ---- */

static bool
is_label_char(uint32_t cp)
{
    return cp == '%' || cp == '-' || wr_uni_word(cp);
}

/* Takes the code point at the start off `s`. */
static uint32_t
take(wr_str_t *s)
{
    const char *p = s->p;
    uint32_t    cp = wr_utf8_next(&p, s->p + s->n);

    s->n -= (size_t) (p - s->p);
    s->p = p;
    return cp;
}

static bool
take_prefix(wr_str_t *s, const char *lower)
{
    size_t n = strlen(lower);

    if (s->n < n || !wr_str_ieqz(wr_str_sub(*s, 0, n), lower)) {
        return false;
    }
    *s = wr_str_skip(*s, n);
    return true;
}

/* At most `most` decimal digits; how many. */
static unsigned
take_digits(wr_str_t *s, unsigned most)
{
    unsigned n = 0;

    while (n < most && s->n != 0) {
        wr_str_t rest = *s;

        if (wr_uni_decimal(take(&rest)) < 0) {
            break;
        }
        *s = rest;
        n++;
    }
    return n;
}

/* [:port][/ ? # and anything] to the end. */
static bool
is_tail(wr_str_t s)
{
    wr_str_t rest = s;

    if (rest.n != 0 && rest.p[0] == ':') {
        rest = wr_str_skip(rest, 1);
        if (take_digits(&rest, 5) == 0) {
            return false;
        }
    }
    return rest.n == 0 || strchr("/?#", rest.p[0]) != NULL;
}

/* The host at the start of `s`, if what follows it fits. */
static bool
take_host(wr_str_t s, wr_str_t *host)
{
    wr_str_t rest = s;

    while (rest.n != 0) {
        wr_str_t before = rest;
        uint32_t cp = take(&rest);

        if (cp != '.' && !is_label_char(cp)) {
            rest = before;
            break;
        }
    }
    *host = wr_str_sub(s, 0, s.n - rest.n);
    return is_tail(rest);
}

/* The last label: letters, or the form for other scripts. */
static bool
is_top_domain(wr_str_t s)
{
    size_t n;

    if (take_prefix(&s, "xn--")) {
        if (wr_str_chr(s, '-') >= 0) {
            return false;
        }
        n = wr_utf8_count(s);
        return n >= 2 && n <= 59;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_alpha(s.p[i])) {
            return false;
        }
    }
    return s.n >= 2 && s.n <= 63;
}

/* True if no label but the last is shorter than `least` or longer than `most`
 * code points; `*last` is the last, `*count` how many there are. */
static bool
split_host(wr_str_t host, size_t least, size_t most, wr_str_t *last,
           unsigned *count)
{
    wr_str_t label = {NULL, 0};
    bool     fits = true;

    *count = 0;
    while (wr_str_split(&host, '.', &label)) {
        size_t n = wr_utf8_count(label);

        if (host.p != NULL) {
            fits &= n >= least && n <= most;
        }
        ++*count;
    }
    *last = label;
    return fits && *count != 0;
}

static bool
is_common_domain(wr_str_t s)
{
    static const char *const names[] = {
        "com", "net", "int", "edu", "gov", "org", "info", "mil"};

    for (size_t i = 0; i < WR_COUNT(names); i++) {
        if (wr_str_ieqz(s, names[i])) {
            return true;
        }
    }
    return false;
}

/* 1.2.3.4 */
static bool
is_ipv4(wr_str_t s)
{
    for (int i = 0; i < 4; i++) {
        if (i != 0) {
            if (s.n == 0 || s.p[0] != '.') {
                return false;
            }
            s = wr_str_skip(s, 1);
        }
        if (take_digits(&s, 3) == 0) {
            return false;
        }
    }
    return is_tail(s);
}

static void
take_hex(wr_str_t *s)
{
    for (int i = 0; i < 4 && s->n != 0 && wr_hex_digit(s->p[0]) >= 0; i++) {
        *s = wr_str_skip(*s, 1);
    }
}

/* [::1] and the like: two groups with a colon, then up to six. */
static bool
is_ipv6(wr_str_t s)
{
    ssize_t  close = wr_str_chr(s, ']');
    wr_str_t in;

    if (s.n == 0 || s.p[0] != '[' || close < 0) {
        return false;
    }
    in = wr_str_sub(s, 1, (size_t) close);
    for (int i = 0; i < 2; i++) {
        take_hex(&in);
        if (in.n == 0 || in.p[0] != ':') {
            return false;
        }
        in = wr_str_skip(in, 1);
    }
    for (int i = 0; i < 6 && in.n != 0; i++) {
        take_hex(&in);
        if (in.n != 0 && in.p[0] == ':') {
            in = wr_str_skip(in, 1);
        }
    }
    return in.n == 0 && is_tail(wr_str_skip(s, (size_t) close + 1));
}

static bool
is_web_link(wr_str_t s)
{
    wr_str_t rest = s;
    wr_str_t host, last;
    unsigned count;
    bool     web = take_prefix(&rest, "http://")
                || take_prefix(&rest, "https://");

    if ((web || take_prefix(&rest, "www.")) && take_host(rest, &host)
        && split_host(host, 1, SIZE_MAX, &last, &count)
        && is_top_domain(last)) {
        return true;
    }
    if (take_host(s, &host) && split_host(host, 2, 63, &last, &count)
        && count >= 2 && is_common_domain(last)) {
        return true;
    }
    return web && (is_ipv4(rest) || is_ipv6(rest));
}

/* something@host.name */
static bool
is_address(wr_str_t s)
{
    ssize_t  at = wr_str_rchr(s, '@');
    ssize_t  dot;
    wr_str_t host, rest;
    bool     first = true;

    if (at < 1) {
        return false;
    }
    host = wr_str_skip(s, (size_t) at + 1);
    dot = wr_str_rchr(host, '.');
    if (dot < 1 || (size_t) dot + 1 == host.n) {
        return false;
    }
    for (rest = host; rest.n != 0; first = false) {
        bool     behind = rest.p > host.p + dot;
        uint32_t cp = take(&rest);

        if (!wr_uni_word(cp) && (first || behind || (cp != '.' && cp != '-'))) {
            return false;
        }
    }
    return true;
}

/* ---- a word ---- */

static size_t
count_of(wr_str_t s, const char *what)
{
    size_t   n = 0;
    wr_str_t needle = wr_str_z(what);
    ssize_t  at;

    while ((at = wr_str_find(s, needle)) >= 0) {
        s = wr_str_skip(s, (size_t) at + needle.n);
        n++;
    }
    return n;
}

/* Bytes of brackets at the start. */
static size_t
head_of(wr_str_t s)
{
    size_t n = 0;

    for (;;) {
        if (n < s.n && (s.p[n] == '(' || s.p[n] == '<')) {
            n++;
        } else if (wr_str_starts(wr_str_skip(s, n), WR_STR("&lt;"))) {
            n += 4;
        } else {
            return n;
        }
    }
}

/* Bytes of brackets and punctuation at the end. */
static size_t
tail_of(wr_str_t s)
{
    size_t n = s.n;

    for (;;) {
        if (n > 0 && strchr(")>.,", s.p[n - 1]) != NULL && s.p[n - 1] != '\0') {
            n--;
        } else if (wr_str_ends(wr_str_sub(s, 0, n), WR_STR("&gt;"))) {
            n -= 4;
        } else {
            return s.n - n;
        }
    }
}

/* Moves closing brackets from the tail back into the middle. */
static void
balance(wr_str_t *middle, wr_str_t *tail, const char *open, const char *close)
{
    size_t opened = count_of(*middle, open);
    size_t moves = count_of(*tail, close);

    if (opened <= count_of(*middle, close)) {
        return;
    }
    for (moves = wr_min_size(opened, moves); moves > 0; moves--) {
        ssize_t at = wr_str_find(*tail, wr_str_z(close));
        size_t  n = (size_t) at + strlen(close);

        middle->n += n;
        *tail = wr_str_skip(*tail, n);
    }
}

/* The text of a link, cut to the limit. */
static bool
put_shown(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, wr_str_t url)
{
    wr_val_t whole = wr_vstr(url);
    wr_val_t count = wr_int((int64_t) wr_utf8_count(url));
    wr_val_t none = wr_none();
    wr_val_t head;
    int      cmp;

    if (u->limit.type != WR_V_NONE) {
        if (!wr_compare(ev, ">", &count, &u->limit, &cmp)) {
            return false;
        }
        if (cmp == 1 || (cmp > 0 && cmp != 2)) {
            if (u->limit.type == WR_V_FLOAT) {
                return wr_raise(ev, "TypeError",
                                "slice indices must be integers or None or have "
                                "an __index__ method");
            }
            if (!wr_get_slice(ev, &whole, &none, &u->limit, &none, &head)) {
                return false;
            }
            if (head.type == WR_V_STR) {
                wr_buf_str(b, wr_val_text(&head));
            }
            wr_buf_lit(b, "...");
            return true;
        }
    }
    wr_buf_str(b, url);
    return true;
}

static bool
put_link(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, const char *scheme,
         wr_str_t url)
{
    wr_buf_lit(b, "<a href=\"");
    wr_buf_z(b, scheme);
    wr_buf_str(b, url);
    wr_buf_char(b, '"');
    wr_buf_str(b, u->attrs);
    wr_buf_char(b, '>');
    if (!put_shown(ev, b, u, url)) {
        return false;
    }
    wr_buf_lit(b, "</a>");
    return true;
}

/* Links of the schemes that were asked for, one around the other if several
 * of them fit. */
static void
put_extra(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, wr_str_t middle)
{
    for (uint32_t i = 0; i < u->schemes->n; i++) {
        wr_str_t scheme = wr_val_text(&u->schemes->items[i]);
        wr_buf_t link = wr_buf(ev->pool);

        if (wr_str_eq(middle, scheme) || !wr_str_starts(middle, scheme)) {
            continue;
        }
        wr_buf_lit(&link, "<a href=\"");
        wr_buf_str(&link, middle);
        wr_buf_char(&link, '"');
        wr_buf_str(&link, u->attrs);
        wr_buf_char(&link, '>');
        wr_buf_str(&link, middle);
        wr_buf_lit(&link, "</a>");
        middle = wr_buf_text(&link);
    }
    wr_buf_str(b, middle);
}

static bool
put_middle(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, wr_str_t s)
{
    wr_str_t rest = s;

    if (is_web_link(s)) {
        bool whole = wr_str_starts(s, WR_STR("https://"))
                  || wr_str_starts(s, WR_STR("http://"));

        return put_link(ev, b, u, whole ? "" : "https://", s);
    }
    if (wr_str_starts(s, WR_STR("mailto:"))) {
        rest = wr_str_skip(s, 7);
        if (is_address(rest)) {
            wr_buf_lit(b, "<a href=\"");
            wr_buf_str(b, s);
            wr_buf_lit(b, "\">");
            wr_buf_str(b, rest);
            wr_buf_lit(b, "</a>");
            return true;
        }
    } else if (s.n != 0 && s.p[0] != '@' && !wr_str_starts(s, WR_STR("www."))
               && wr_str_chr(s, ':') < 0 && is_address(s)) {
        wr_buf_lit(b, "<a href=\"mailto:");
        wr_buf_str(b, s);
        wr_buf_lit(b, "\">");
        wr_buf_str(b, s);
        wr_buf_lit(b, "</a>");
        return true;
    }
    put_extra(ev, b, u, s);
    return true;
}

static bool
put_word(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, wr_str_t word)
{
    size_t   head = head_of(word);
    wr_str_t middle = wr_str_skip(word, head);
    size_t   n = tail_of(middle);
    wr_str_t tail = wr_str_skip(middle, middle.n - n);

    if (!wr_spend(ev, 1)
        || !wr_may_grow(ev, b, 2 * (uint64_t) word.n + u->attrs.n)) {
        return false;
    }
    middle.n -= n;
    balance(&middle, &tail, "(", ")");
    balance(&middle, &tail, "<", ">");
    balance(&middle, &tail, "&lt;", "&gt;");
    wr_buf_str(b, wr_str_sub(word, 0, head));
    if (!put_middle(ev, b, u, middle)) {
        return false;
    }
    wr_buf_str(b, tail);
    return true;
}

static bool
put_words(wr_eval_t *ev, wr_buf_t *b, const urlize_t *u, wr_str_t text)
{
    wr_str_t rest = text;
    wr_str_t word = wr_str_sub(text, 0, 0);

    for (;;) {
        wr_str_t before = rest;
        bool     end = rest.n == 0;

        if (!end && !wr_uni_space(take(&rest))) {
            word.n += before.n - rest.n;
            continue;
        }
        if (word.n != 0 && !put_word(ev, b, u, word)) {
            return false;
        }
        if (end) {
            return true;
        }
        wr_buf_add(b, before.p, before.n - rest.n);
        word = wr_str_sub(rest, 0, 0);
    }
}

/* ---- arguments ---- */

/* The words of `rel`, of `nofollow` and of the policy: each once, in order. */
static bool
put_rel(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *rel, bool nofollow)
{
    wr_list_t *words = wr_list_new(ev->pool, 4);
    wr_val_t   given[3] = {
        wr_none(), nofollow ? wr_vstr(WR_STR("nofollow")) : wr_none(),
        wr_vstr(WR_STR("noopener"))};
    wr_val_t   parts;
    bool       truth;

    wr_policy(ev, "urlize.rel", &given[2]);
    if (wr_given(rel)) {
        given[0] = *rel;
    }
    for (int i = 0; i < 3; i++) {
        if (!wr_truth(ev, &given[i], &truth)) {
            return false;
        }
        if (!truth) {
            continue;
        }
        if (!wr_call_method(ev, &given[i], "split", NULL, 0, &parts)) {
            return false;
        }
        for (uint32_t k = 0; k < parts.u.list->n; k++) {
            wr_str_t word = wr_val_text(&parts.u.list->items[k]);
            uint32_t at = 0;
            int      cmp = 1;

            while (at < words->n
                   && (cmp = wr_str_cmp(wr_val_text(&words->items[at]), word))
                      < 0) {
                at++;
            }
            if (at < words->n && cmp == 0) {
                continue;
            }
            wr_list_push(ev->pool, words, wr_none());
            memmove(words->items + at + 1, words->items + at,
                    (words->n - 1 - at) * sizeof(wr_val_t));
            words->items[at] = wr_vstr(word);
        }
    }
    for (uint32_t i = 0; i < words->n; i++) {
        wr_buf_z(b, i == 0 ? " rel=\"" : " ");
        wr_escape(b, wr_val_text(&words->items[i]));
    }
    if (words->n != 0) {
        wr_buf_char(b, '"');
    }
    return true;
}

static bool
put_target(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *target)
{
    wr_val_t v = wr_none();
    bool     truth;

    if (!wr_is_none(target)) {
        v = *target;
    } else {
        wr_policy(ev, "urlize.target", &v);
    }
    if (!wr_truth(ev, &v, &truth)) {
        return false;
    }
    if (truth) {
        wr_buf_lit(b, " target=\"");
        if (!wr_put_escaped(ev, b, &v)) {
            return false;
        }
        wr_buf_char(b, '"');
    }
    return true;
}

/* A scheme is two or more of [\w.+-], a colon, up to two slashes. */
static bool
is_scheme(wr_str_t s)
{
    size_t n = 0;

    while (s.n != 0 && s.p[0] != ':') {
        uint32_t cp = take(&s);

        if (cp != '.' && cp != '+' && cp != '-' && !wr_uni_word(cp)) {
            return false;
        }
        n++;
    }
    return n >= 2
        && (wr_str_eqz(s, ":") || wr_str_eqz(s, ":/") || wr_str_eqz(s, "://"));
}

static bool
take_schemes(wr_eval_t *ev, const wr_val_t *given, wr_list_t **out)
{
    wr_val_t v = wr_none();
    wr_buf_t b = wr_buf(ev->pool);
    bool     truth;

    if (!wr_is_none(given)) {
        v = *given;
    } else {
        wr_policy(ev, "urlize.extra_schemes", &v);
        if (!wr_truth(ev, &v, &truth)) {
            return false;
        }
        if (!truth) {
            *out = wr_list_new(ev->pool, 0);
            return true;
        }
    }
    if (!wr_collect(ev, &v, out)) {
        return false;
    }
    for (uint32_t i = 0; i < (*out)->n; i++) {
        const wr_val_t *scheme = &(*out)->items[i];

        if (scheme->type != WR_V_STR) {
            return wr_raise(ev, "TypeError",
                            "expected string or bytes-like object, got '%s'",
                            wr_type_name(scheme));
        }
        if (!is_scheme(wr_val_text(scheme))) {
            return wr_put_repr(ev, &b, scheme)
                && wr_raise(ev, "FilterArgumentError",
                            "%.*s is not a valid URI scheme prefix.",
                            WR_ARG(wr_buf_text(&b)));
        }
    }
    return true;
}

WR_FN(wr_filter_urlize)
{
    static const wr_sig_t sig = {
        "do_urlize", "eval_ctx", 1, 6,
        {"value", "trim_url_limit", "nofollow", "target", "rel",
         "extra_schemes"}};
    wr_val_t a[6];
    urlize_t u;
    wr_buf_t attrs = wr_buf(ev->pool);
    wr_buf_t text = wr_buf(ev->pool);
    wr_buf_t b = wr_buf(ev->pool);
    bool     nofollow;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_arg_truth(ev, &a[2], false, &nofollow)
        || !put_rel(ev, &attrs, &a[4], nofollow)
        || !put_target(ev, &attrs, &a[3])
        || !take_schemes(ev, &a[5], &u.schemes)
        || !wr_put_escaped(ev, &text, &a[0])) {
        return false;
    }
    u.attrs = wr_buf_text(&attrs);
    u.limit = wr_is_none(&a[1]) ? wr_none() : a[1];
    if (!put_words(ev, &b, &u, wr_buf_text(&text))) {
        return false;
    }
    return wr_text_val(ev, &b, ev->autoescape, out);
}
