/*
 * The texts of a reading: kept until it is done, so that any message can show
 * its line, and -T the files.
 */
#include <weir/conf/conf_priv.h>

wr_source_t *
wr_source_add(wr_conf_t *cf, wr_str_t name, wr_str_t text)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_source_t    *source = WR_NEW(cf->temp, wr_source_t);

    source->name = name;
    source->text = text;
    *WR_PUSH(&priv->sources, wr_source_t *) = source;
    return source;
}

void
wr_conf_show(wr_conf_t *cf, wr_str_t file, wr_str_t text)
{
    (void) wr_source_add(cf, file, text);
}

wr_lexer_t
wr_lexer(wr_conf_t *cf, const wr_source_t *source)
{
    wr_str_t text = source->text;
    wr_lexer_t lx = {
        .source = source,
        .p = text.p,
        .end = text.p + text.n,
        .line_start = text.p,
        .line = 1,
        .work = wr_alloc_bytes(cf->pool, text.n + 1),
    };

    /* A mark of the byte order, as some editors write it. */
    if (wr_str_starts(text, WR_STR("\xef\xbb\xbf"))) {
        lx.p += 3;
        lx.line_start += 3;
    }
    return lx;
}

const wr_array_t *
wr_conf_files(const wr_conf_t *cf)
{
    return &wr_conf_priv(cf)->files;
}
