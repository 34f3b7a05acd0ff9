/*
 * browser: $modern_browser, $ancient_browser, $msie by User-Agent.
 */
#include <weir/http/request.h>

typedef struct kind {
    const char *name;
    size_t      skip;           /* bytes of User-Agent before which it cannot stand */
    const char *mark;           /* the version follows it */
} kind_t;

/* In the order in which they are looked for. */
enum { OPERAS = 2 };
static const kind_t kinds[] = {
    {"opera", 0, "Opera "},
    {"opera", 0, "Opera/"},
    {"msie", sizeof("Mozilla/4.0 (compatible; ") - 1, "MSIE "},
    {"gecko", sizeof("Mozilla/5.0 (") - 1, "rv:"},
    {"safari", sizeof("Mozilla/5.0 (") - 1, "Safari/"},
    {"konqueror", sizeof("Mozilla/5.0 (compatible; ") - 1, "Konqueror/"},
};

typedef struct modern {
    unsigned kind;
    uint64_t version;
} modern_t;

typedef struct modern_conf {
    wr_array_t list;            /* modern_t */
    bool       unlisted;        /* what is not listed is modern */
} modern_conf_t;

typedef struct ancient_conf {
    wr_array_t texts;           /* wr_str_t */
    bool       netscape4;
} ancient_conf_t;

typedef struct conf {
    modern_conf_t  modern;
    ancient_conf_t ancient;
    wr_str_t       modern_value, ancient_value;
} conf_t;

enum { ANCIENT = 0, MODERN, UNKNOWN };

#define MAJOR 1000000000000u     /* of a version: its first number */

/* "1.7.3" → 1 007 003 000. False: more than four numbers, or no number. */
static bool
parse_version(wr_str_t s, bool whole, uint64_t *version)
{
    uint64_t scale = MAJOR, part = 0;

    *version = 0;
    for (size_t i = 0; i <= s.n; i++) {
        char c = i < s.n ? s.p[i] : '\0';

        if (wr_is_digit(c) && part < 1000000) {
            part = part * 10 + (uint64_t) (c - '0');
            continue;
        }
        if (scale != 0) {
            *version += part * scale;
            scale /= 10000;
        }
        part = 0;
        if (c != '.') {
            return i == s.n || !whole;
        }
    }
    return true;
}

/* What the entry says of the browser: UNKNOWN if it is another one, or tells no
 * version. */
static int
judge(wr_str_t agent, const modern_t *m)
{
    const kind_t *kind = &kinds[m->kind];
    wr_str_t      rest = wr_str_skip(agent, kind->skip);
    ssize_t       at = wr_str_find(rest, wr_str_z(kind->mark));
    uint64_t      version;

    if (agent.n < kind->skip || at < 0) {
        return UNKNOWN;
    }
    rest = wr_str_skip(rest, (size_t) at + strlen(kind->mark));
    if (rest.n == 0) {
        return UNKNOWN;
    }
    (void) parse_version(rest, false, &version);
    return version >= m->version ? MODERN : ANCIENT;
}

/* By modern_browser. Opera names others as well, so it comes first; and where it is
 * not listed, it is taken for ancient, as nginx does. */
static int
listed(wr_str_t agent, const modern_conf_t *modern)
{
    bool opera = false;
    int  age = UNKNOWN;

    for (unsigned kind = 0; kind < WR_COUNT(kinds) && age == UNKNOWN; kind++) {
        for (WR_EACH(modern_t, m, &modern->list)) {
            if (m->kind == kind && age == UNKNOWN) {
                age = judge(agent, m);
            }
            opera |= m->kind < OPERAS;
        }
        if (kind < OPERAS && !opera) {
            age = judge(agent, &(modern_t) {kind, 4001 * MAJOR});
        }
    }
    return age;
}

static int
age_of(wr_req_t *r, const conf_t *conf)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_USER_AGENT);
    wr_str_t           agent;

    if (h == NULL) {
        return conf->modern.unlisted ? MODERN : ANCIENT;
    }
    agent = h->value;
    if (conf->modern.list.n != 0) {
        int age = listed(agent, &conf->modern);

        if (age != UNKNOWN) {
            return age;
        }
        if (!conf->modern.unlisted) {
            return ANCIENT;
        }
    }
    if (conf->ancient.netscape4 && agent.n > sizeof("Mozilla/4.72 ") - 1
        && wr_str_starts(agent, WR_STR("Mozilla/")) && agent.p[8] > '0'
        && agent.p[8] < '5')
    {
        return ANCIENT;
    }
    for (WR_EACH(wr_str_t, text, &conf->ancient.texts)) {
        if (wr_str_find(agent, *text) >= 0) {
            return ANCIENT;
        }
    }
    return conf->modern.unlisted ? MODERN : ANCIENT;
}

/* data: MODERN or ANCIENT */
static wr_rc_t
get_age(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r);

    if (age_of(r, conf) != (int) v->data) {
        *value = WR_STR("");
    } else {
        *value = v->data == MODERN ? conf->modern_value : conf->ancient_value;
    }
    return WR_OK;
}

static wr_rc_t
get_msie(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t agent = wr_req_header(r, WR_H_USER_AGENT);
    ssize_t  at = wr_str_find(agent, WR_STR("MSIE "));

    (void) v;
    *value = at >= 0 && (size_t) at + 7 < agent.n
                     && wr_str_find(agent, WR_STR("Opera")) < 0
                 ? WR_STR("1") : WR_STR("");
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
add_modern(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    modern_conf_t *modern = &((conf_t *) c)->modern;
    bool           known = false;
    uint64_t       version;

    (void) d;
    if (modern->list.size == 0) {
        modern->list = wr_array(cf->pool, sizeof(modern_t));
    }
    if (cf->nargs == 2) {
        if (!wr_str_eqz(cf->args[1].text, "unlisted")) {
            return wr_conf_fail(cf, &cf->args[1], "invalid number of arguments in "
                                                  "\"modern_browser\" directive");
        }
        modern->unlisted = true;
        return WR_OK;
    }
    if (!parse_version(cf->args[2].text, true, &version)) {
        return wr_conf_fail(cf, &cf->args[2], "invalid browser version \"%.*s\"",
                            WR_ARG(cf->args[2].text));
    }
    for (unsigned i = 0; i < WR_COUNT(kinds); i++) {
        if (wr_str_eqz(cf->args[1].text, kinds[i].name)) {
            *WR_PUSH(&modern->list, modern_t) = (modern_t) {i, version};
            known = true;
        }
    }
    return known ? WR_OK
                 : wr_conf_fail(cf, &cf->args[1], "unknown browser name \"%.*s\"",
                                WR_ARG(cf->args[1].text));
}

static wr_rc_t
add_ancient(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    ancient_conf_t *ancient = &((conf_t *) c)->ancient;

    (void) d;
    if (ancient->texts.size == 0) {
        ancient->texts = wr_array(cf->pool, sizeof(wr_str_t));
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (wr_str_eqz(cf->args[i].text, "netscape4")) {
            ancient->netscape4 = true;
        } else {
            *WR_PUSH(&ancient->texts, wr_str_t) = cf->args[i].text;
        }
    }
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"modern_browser", get_age, NULL, MODERN, WR_VAR_NOCACHE,
     "modern_browser_value, if the browser is a modern one"},
    {"ancient_browser", get_age, NULL, ANCIENT, WR_VAR_NOCACHE,
     "ancient_browser_value, if the browser is an ancient one"},
    {"msie", get_msie, NULL, 0, WR_VAR_NOCACHE, "\"1\" for any MSIE"},
    {.name = NULL}
};

WR_MODULE(browser,
    .doc = "Modern and ancient browsers",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("modern_browser", WR_ANY, 1, 2, add_modern, conf_t, modern,
                  "Browsers that are modern from this version on: msie, gecko, opera, safari, "
                  "konqueror; unlisted: all others are modern.",
                  .flags = WR_DF_REPEAT, .args = "browser version | unlisted",
                  .example = "modern_browser gecko 1.0.0;"),
        WR_CUSTOM("ancient_browser", WR_ANY, 1, 255, add_ancient, conf_t, ancient,
                  "Texts in User-Agent that tell of an ancient browser.",
                  .flags = WR_DF_REPEAT, .args = "text …",
                  .example = "ancient_browser Links Lynx;"),
        WR_TEXT("modern_browser_value", WR_ANY, conf_t, modern_value, "1",
                "The value of $modern_browser.",
                .example = "modern_browser_value modern.;"),
        WR_TEXT("ancient_browser_value", WR_ANY, conf_t, ancient_value, "1",
                "The value of $ancient_browser.",
                .example = "ancient_browser_value ancient.;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .variables = variables);
