/*
 * The types of the tables: arguments into fields, with nginx's messages.
 */
#include <weir/conf/conf_priv.h>

static wr_rc_t
invalid(wr_conf_t *cf, const wr_directive_t *d, const char *what)
{
    return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid %s", d->name, what);
}

static wr_rc_t
store_flag(wr_conf_t *cf, const wr_directive_t *d, bool *to)
{
    wr_str_t word = cf->args[1].text;

    if (wr_str_ieqz(word, "on")) {
        *to = true;
    } else if (wr_str_ieqz(word, "off")) {
        *to = false;
    } else {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\" in \"%s\" "
                            "directive, it must be \"on\" or \"off\"",
                            WR_ARG(word), d->name);
    }
    return WR_OK;
}

static wr_rc_t
store_int(wr_conf_t *cf, const wr_directive_t *d, int64_t *to)
{
    const wr_bounds_t *b = d->extra;

    if (!wr_parse_int(cf->args[1].text, to)) {
        return invalid(cf, d, "number");
    }
    if (b == NULL || (*to >= b->min && *to <= b->max)) {
        return WR_OK;
    }
    if (b->max == INT64_MAX) {
        return wr_conf_fail(cf, &cf->args[1], "value must be equal to or greater than %"
                            PRId64, b->min);
    }
    if (b->min == 0 && *to > b->max) {
        return wr_conf_fail(cf, &cf->args[1], "value must be equal to or less than %"
                            PRId64, b->max);
    }
    return wr_conf_fail(cf, &cf->args[1], "value must be between %" PRId64
                        " and %" PRId64, b->min, b->max);
}

static wr_rc_t
bad_word(wr_conf_t *cf, const wr_tok_t *word, const wr_enum_t *words)
{
    wr_buf_t b = wr_buf(cf->temp);

    for (const wr_enum_t *e = words; e->name != NULL; e++) {
        wr_buf_z(&b, e == words ? "one of: " : ", ");
        wr_buf_z(&b, e->name);
    }
    return wr_conf_fail_hint(cf, word, wr_buf_text(&b), "invalid value \"%.*s\"",
                             WR_ARG(word->text));
}

static const wr_enum_t *
find_word(const wr_enum_t *words, wr_str_t word)
{
    for (const wr_enum_t *e = words; e->name != NULL; e++) {
        if (wr_str_ieqz(word, e->name)) {
            return e;
        }
    }
    return NULL;
}

static wr_rc_t
store_enum(wr_conf_t *cf, const wr_directive_t *d, int *to)
{
    const wr_enum_t *e = find_word(d->extra, cf->args[1].text);

    if (e == NULL) {
        return bad_word(cf, &cf->args[1], d->extra);
    }
    *to = e->value;
    return WR_OK;
}

static wr_rc_t
store_mask(wr_conf_t *cf, const wr_directive_t *d, unsigned *to)
{
    for (unsigned i = 1; i < cf->nargs; i++) {
        const wr_enum_t *e = find_word(d->extra, cf->args[i].text);
        unsigned         bits;

        if (e == NULL) {
            return bad_word(cf, &cf->args[i], d->extra);
        }
        bits = (unsigned) e->value;
        if (bits != 0 && (*to & bits) == bits) {
            wr_conf_warn(cf, &cf->args[i], "duplicate value \"%.*s\"",
                         WR_ARG(cf->args[i].text));
        }
        *to |= bits;
    }
    return WR_OK;
}

static wr_rc_t
store_bufs(wr_conf_t *cf, const wr_directive_t *d, wr_bufs_t *to)
{
    int64_t size;

    if (!wr_parse_int(cf->args[1].text, &to->n) || to->n == 0) {
        return invalid(cf, d, "value");
    }
    if (!wr_parse_size(cf->args[2].text, &size) || size == 0) {
        return wr_conf_fail(cf, &cf->args[2], "\"%s\" directive invalid value", d->name);
    }
    to->size = (size_t) size;
    return WR_OK;
}

/* ---- lists ---- */

static void *
push(wr_conf_t *cf, wr_array_t *list, size_t size)
{
    WR_ASSERT(size != 0);
    if (list->pool == NULL) {
        *list = wr_array(cf->pool, size);
    }
    return wr_array_push(list);
}

static wr_rc_t
store_list(wr_conf_t *cf, const wr_directive_t *d, wr_array_t *list)
{
    const wr_conf_hooks_t *h = &wr_conf_hooks;

    if (d->type == WR_D_PAIR_LIST) {
        return h->pair(cf, &cf->args[1], &cf->args[2], push(cf, list, h->pair_size));
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (d->type == WR_D_TEXT_LIST) {
            *(wr_str_t *) push(cf, list, sizeof(wr_str_t)) = cf->args[i].text;
        } else if (h->cv(cf, &cf->args[i], push(cf, list, h->cv_size)) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
store_number(wr_conf_t *cf, const wr_directive_t *d, void *to)
{
    wr_str_t word = cf->args[1].text;
    int64_t  v = 0;
    bool     ok = false;

    switch (d->type) {
    case WR_D_SIZE:
        ok = wr_parse_size(word, &v);
        break;
    case WR_D_OFF:
        ok = wr_parse_offset(word, &v);
        break;
    case WR_D_MSEC:
        ok = wr_parse_msec(word, &v);
        break;
    case WR_D_SEC:
        ok = wr_parse_sec(word, &v);
        break;
    }
    if (!ok) {
        return invalid(cf, d, "value");
    }
    _Static_assert(sizeof(size_t) == sizeof(int64_t), "one store for both");
    memcpy(to, &v, sizeof(v));
    return WR_OK;
}

static wr_rc_t
store_cv(wr_conf_t *cf, const wr_directive_t *d, void *to)
{
    wr_str_t word = cf->args[1].text;
    int64_t  size;

    /* What has no variables is known to be wrong now. */
    if ((d->flags & WR_DF_SIZE) != 0 && wr_str_chr(word, '$') < 0
        && !wr_parse_size(word, &size))
    {
        return invalid(cf, d, "value");
    }
    return wr_conf_hooks.cv(cf, &cf->args[1], to);
}

wr_rc_t
wr_conf_store(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    void *to = (char *) conf + d->offset;

    switch ((wr_dtype_t) d->type) {
    case WR_D_CUSTOM:
        break;
    case WR_D_FLAG:
        return store_flag(cf, d, to);
    case WR_D_INT:
        return store_int(cf, d, to);
    case WR_D_SIZE:
    case WR_D_OFF:
    case WR_D_MSEC:
    case WR_D_SEC:
        return store_number(cf, d, to);
    case WR_D_TEXT:
        *(wr_str_t *) to = (d->flags & WR_DF_RAW) != 0 ? cf->raw.text
                                                       : cf->args[1].text;
        break;
    case WR_D_PATH:
        *(wr_str_t *) to = wr_conf_path(cf, cf->args[1].text);
        break;
    case WR_D_CONF_PATH:        /* "": none, where an outer block names one */
        *(wr_str_t *) to = cf->args[1].text.n != 0
                               ? wr_conf_file_path(cf, cf->args[1].text) : WR_STR_NONE;
        break;
    case WR_D_ENUM:
        return store_enum(cf, d, to);
    case WR_D_MASK:
        return store_mask(cf, d, to);
    case WR_D_CV:
        return store_cv(cf, d, to);
    case WR_D_CV_LIST:
    case WR_D_TEXT_LIST:
    case WR_D_PAIR_LIST:
        return store_list(cf, d, to);
    case WR_D_BUFS:
        return store_bufs(cf, d, to);
    }
    return WR_OK;
}
