/*
 * Tables in words: contexts and arguments, for messages and -H.
 */
#include <weir/conf/conf_priv.h>

static const wr_enum_t names[] = {
    {"main", WR_MAIN},
    {"events", WR_EVENTS},
    {"http", WR_HTTP},
    {"server", WR_SERVER},
    {"location", WR_LOCATION},
    {"if in server", WR_IF_SERVER},
    {"if in location", WR_IF_LOCATION},
    {"limit_except", WR_LIMIT_EXCEPT},
    {"upstream", WR_UPSTREAM},
    {"routes", WR_ROUTES},
    {"route", WR_ROUTE},
    {"when", WR_WHEN},
    {"gather", WR_GATHER},
    {"fetch", WR_FETCH},
    {"sqlite", WR_SQLITE},
    {NULL, 0}
};

static const uint32_t all = (WR_SQLITE << 1) - 1;

wr_str_t
wr_conf_contexts(wr_pool_t *pool, uint32_t contexts)
{
    wr_buf_t b = wr_buf(pool);

    if ((contexts & all) == all) {
        return WR_STR("any context");
    }
    for (const wr_enum_t *e = names; e->name != NULL; e++) {
        if ((contexts & (uint32_t) e->value) == 0) {
            continue;
        }
        if (b.n != 0) {
            wr_buf_lit(&b, ", ");
        }
        wr_buf_z(&b, e->name);
    }
    return wr_buf_text(&b);
}

static wr_str_t
words_of(wr_pool_t *pool, const wr_directive_t *d)
{
    wr_buf_t b = wr_buf(pool);

    for (const wr_enum_t *e = d->extra; e->name != NULL; e++) {
        if (b.n != 0) {
            wr_buf_lit(&b, " | ");
        }
        wr_buf_z(&b, e->name);
    }
    if (d->type == WR_D_MASK) {
        wr_buf_lit(&b, " …");
    }
    return wr_buf_text(&b);
}

/* All that is known is how many. */
static wr_str_t
any_words(wr_pool_t *pool, const wr_directive_t *d)
{
    wr_buf_t b = wr_buf(pool);
    unsigned max = d->max == 255 ? d->min : d->max;

    for (unsigned i = 0; i < max; i++) {
        if (i != 0) {
            wr_buf_char(&b, ' ');
        }
        wr_buf_z(&b, i < d->min ? "VALUE" : "[VALUE]");
    }
    if (d->max == 255) {
        wr_buf_z(&b, b.n != 0 ? " …" : "…");
    }
    return wr_buf_text(&b);
}

wr_str_t
wr_conf_usage(wr_pool_t *pool, const wr_directive_t *d)
{
    if (d->args != NULL) {
        return wr_str_z(d->args);
    }
    switch ((wr_dtype_t) d->type) {
    case WR_D_CUSTOM:
        return any_words(pool, d);
    case WR_D_FLAG:
        return WR_STR("on | off");
    case WR_D_INT:
        return WR_STR("NUMBER");
    case WR_D_SIZE:
    case WR_D_OFF:
        return WR_STR("SIZE");
    case WR_D_MSEC:
    case WR_D_SEC:
        return WR_STR("TIME");
    case WR_D_TEXT:
        return WR_STR("TEXT");
    case WR_D_PATH:
    case WR_D_CONF_PATH:
        return WR_STR("PATH");
    case WR_D_ENUM:
    case WR_D_MASK:
        return words_of(pool, d);
    case WR_D_CV:
        return WR_STR("VALUE");
    case WR_D_CV_LIST:
    case WR_D_TEXT_LIST:
        return WR_STR("VALUE …");
    case WR_D_PAIR_LIST:
        return WR_STR("NAME VALUE");
    case WR_D_BUFS:
        return WR_STR("NUMBER SIZE");
    }
    return WR_STR("");
}
