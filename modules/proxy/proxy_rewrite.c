/*
 * proxy: Location, Refresh and Set-Cookie of the answer, as the client is to see
 * them. A value that no rule names stays as it came, byte by byte.
 */
#include "proxy.h"

/* ---- rules ---- */

/* `text` begins with `skip` bytes that rules do not see. A pattern stands for all
 * of the rest, a text for its beginning. */
static bool
apply(wr_req_t *r, const proxy_rewrite_t *rule, wr_str_t text, size_t skip, wr_str_t *out)
{
    wr_str_t kept = wr_str(text.p, skip), rest = wr_str_skip(text, skip), from, to;

    if (rule->regex != NULL) {
        if (wr_regex_exec(r, rule->regex, rest) != WR_OK) {
            return false;
        }
        rest = WR_STR("");
    } else {
        if (wr_cv_eval(r, &rule->from, &from) != WR_OK || !wr_str_starts(rest, from)) {
            return false;
        }
        rest = wr_str_skip(rest, from.n);
    }
    if (wr_cv_eval(r, &rule->to, &to) != WR_OK) {
        return false;
    }
    *out = wr_pool_join3(wr_pool(r), kept, to, rest);
    return true;
}

/* ---- Location and Refresh ---- */

static bool
rewrite_url(wr_req_t *r, const proxy_conf_t *conf, wr_str_t text, size_t skip, wr_str_t *out)
{
    for (WR_EACH(proxy_rewrite_t, rule, &conf->redirects)) {
        if (apply(r, rule, text, skip, out)) {
            return true;
        }
    }
    return conf->redirect_default && conf->target != NULL
           && conf->target->redirect.from.text.n != 0
           && apply(r, &conf->target->redirect, text, skip, out);
}

wr_str_t
proxy_rewrite_location(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value)
{
    wr_str_t out;

    return rewrite_url(r, conf, value, 0, &out) ? out : value;
}

wr_str_t
proxy_rewrite_refresh(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value)
{
    ssize_t  at = wr_str_ifind(value, WR_STR("url="));
    wr_str_t out;

    return at >= 0 && rewrite_url(r, conf, value, (size_t) at + 4, &out) ? out : value;
}

/* ---- cookies ---- */

typedef struct attribute {
    wr_str_t key;               /* p NULL: left out */
    wr_str_t value;             /* p NULL: there is no '=' */
} attribute_t;

static wr_array_t
split_cookie(wr_req_t *r, wr_str_t text)
{
    wr_array_t attributes = wr_array(wr_pool(r), sizeof(attribute_t));
    ssize_t    end;

    do {
        attribute_t *a = WR_PUSH(&attributes, attribute_t);
        wr_str_t     part;
        ssize_t      eq;

        end = wr_str_chr(text, ';');
        part = end >= 0 ? wr_str(text.p, (size_t) end) : text;
        eq = wr_str_chr(part, '=');
        a->key = wr_str_trim(eq >= 0 ? wr_str(part.p, (size_t) eq) : part);
        a->value = eq >= 0 ? wr_str_trim(wr_str_skip(part, (size_t) eq + 1)) : WR_STR_NONE;
        text = wr_str_skip(text, (size_t) (end + 1));
    } while (end >= 0);
    return attributes;
}

static wr_str_t
join_cookie(wr_req_t *r, const wr_array_t *attributes)
{
    wr_buf_t b = wr_buf(wr_pool(r));
    bool     first = true;

    for (WR_EACH(attribute_t, a, attributes)) {
        if (a->key.p == NULL) {
            continue;
        }
        if (!first) {
            wr_buf_lit(&b, "; ");
        }
        first = false;
        wr_buf_str(&b, a->key);
        if (a->value.p != NULL) {
            wr_buf_char(&b, '=');
            wr_buf_str(&b, a->value);
        }
    }
    return wr_str_trim(wr_buf_text(&b));
}

/* Domains are compared whole, in any case, and keep a leading dot. */
static bool
apply_domain(wr_req_t *r, const proxy_rewrite_t *rule, wr_str_t text, wr_str_t *out)
{
    size_t   dot = text.n != 0 && text.p[0] == '.';
    wr_str_t from, to;

    if (rule->regex != NULL) {
        return apply(r, rule, text, 0, out);
    }
    if (wr_cv_eval(r, &rule->from, &from) != WR_OK
        || !wr_str_ieq(wr_str_skip(text, dot), from) || wr_cv_eval(r, &rule->to, &to) != WR_OK)
    {
        return false;
    }
    *out = wr_pool_join(wr_pool(r), wr_str(text.p, dot), to);
    return true;
}

static bool
rewrite_attribute(wr_req_t *r, const proxy_conf_t *conf, attribute_t *a)
{
    bool              domain = wr_str_ieqz(a->key, "domain");
    const wr_array_t *rules = domain ? &conf->cookie_domains : &conf->cookie_paths;

    if (a->value.p == NULL || (!domain && !wr_str_ieqz(a->key, "path"))) {
        return false;
    }
    for (WR_EACH(proxy_rewrite_t, rule, rules)) {
        if (domain ? apply_domain(r, rule, a->value, &a->value)
                   : apply(r, rule, a->value, 0, &a->value))
        {
            return true;
        }
    }
    return false;
}

/* What proxy_cookie_flags says. */
enum { SECURE = 1, HTTPONLY = 2, STRICT = 4, LAX = 8, NONE = 16, NO_SECURE = 32,
       NO_HTTPONLY = 64, NO_SAMESITE = 128, SAMESITE = STRICT | LAX | NONE };

static unsigned
flag_of(wr_req_t *r, wr_str_t word)
{
    static const struct {
        const char *name;
        unsigned    bit;
    } words[] = {{"secure", SECURE}, {"httponly", HTTPONLY}, {"samesite=strict", STRICT},
                 {"samesite=lax", LAX}, {"samesite=none", NONE}, {"nosecure", NO_SECURE},
                 {"nohttponly", NO_HTTPONLY}, {"nosamesite", NO_SAMESITE}};

    for (unsigned i = 0; i < WR_COUNT(words); i++) {
        if (wr_str_ieqz(word, words[i].name)) {
            return words[i].bit;
        }
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "invalid proxy_cookie_flags flag \"%.*s\"", WR_ARG(word));
    return 0;
}

static unsigned
flags_for(wr_req_t *r, const proxy_conf_t *conf, wr_str_t name)
{
    for (WR_EACH(proxy_flags_t, rule, &conf->cookie_flags)) {
        wr_str_t text;
        unsigned flags = 0;

        if (rule->regex != NULL ? wr_regex_exec(r, rule->regex, name) != WR_OK
                                : wr_cv_eval(r, &rule->cookie, &text) != WR_OK
                                      || !wr_str_ieq(text, name))
        {
            continue;
        }
        for (WR_EACH(wr_cv_t, flag, &rule->flags)) {
            if (wr_cv_eval(r, flag, &text) == WR_OK) {
                flags |= flag_of(r, text);
            }
        }
        return flags;
    }
    return 0;
}

static wr_str_t
samesite_of(unsigned flags)
{
    return (flags & STRICT) != 0 ? WR_STR("Strict") : (flags & LAX) != 0 ? WR_STR("Lax")
                                                                         : WR_STR("None");
}

/* Flags that stand there stay in their place. */
static void
rewrite_flags(wr_array_t *attributes, unsigned flags)
{
    for (size_t i = 1; i < attributes->n; i++) {
        attribute_t *a = WR_AT(attributes, attribute_t, i);
        unsigned     drops = 0;

        if (wr_str_ieqz(a->key, "secure")) {
            drops = flags & NO_SECURE;
            flags &= ~(unsigned) SECURE;
        } else if (wr_str_ieqz(a->key, "httponly")) {
            drops = flags & NO_HTTPONLY;
            flags &= ~(unsigned) HTTPONLY;
        } else if (wr_str_ieqz(a->key, "samesite")) {
            drops = flags & NO_SAMESITE;
            if ((flags & SAMESITE) != 0) {
                *a = (attribute_t) {WR_STR("SameSite"), samesite_of(flags)};
            }
            flags &= ~(unsigned) SAMESITE;
        }
        if (drops != 0) {
            a->key = WR_STR_NONE;
        }
    }
    if ((flags & SECURE) != 0) {
        *WR_PUSH(attributes, attribute_t) = (attribute_t) {WR_STR("Secure"), WR_STR_NONE};
    }
    if ((flags & HTTPONLY) != 0) {
        *WR_PUSH(attributes, attribute_t) = (attribute_t) {WR_STR("HttpOnly"), WR_STR_NONE};
    }
    if ((flags & SAMESITE) != 0) {
        *WR_PUSH(attributes, attribute_t) = (attribute_t) {WR_STR("SameSite"),
                                                           samesite_of(flags)};
    }
}

wr_str_t
proxy_rewrite_cookie(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value)
{
    wr_array_t attributes;
    unsigned   flags;
    bool       changed = false;

    if (conf->cookie_domains.n == 0 && conf->cookie_paths.n == 0
        && conf->cookie_flags.n == 0)
    {
        return value;
    }
    attributes = split_cookie(r, value);
    if (WR_AT(&attributes, attribute_t, 0)->value.p == NULL) {
        return value;           /* no cookie */
    }
    for (size_t i = 1; i < attributes.n; i++) {
        changed |= rewrite_attribute(r, conf, WR_AT(&attributes, attribute_t, i));
    }
    flags = flags_for(r, conf, WR_AT(&attributes, attribute_t, 0)->key);
    if (flags != 0) {
        rewrite_flags(&attributes, flags);
    }
    return changed || flags != 0 ? join_cookie(r, &attributes) : value;
}
