/*
 * str: padding.
 */
#include <weir/expr/format_priv.h>
#include <weir/expr/method_priv.h>

static bool
take_fill(wr_eval_t *ev, const wr_args_t *args, uint32_t *fill)
{
    const wr_val_t *v = &args->pos[1];
    const char     *p;

    *fill = ' ';
    if (args->n < 2) {
        return true;
    }
    if (!wr_is_str(v)) {
        return wr_raise(ev, "TypeError", "The fill character must be a unicode"
                        " character, not %s", wr_type_name(v));
    }
    p = v->u.s;
    if (v->len == 0 || wr_utf8_len(*p) != v->len) {
        return wr_raise(ev, "TypeError", "The fill character must be exactly"
                        " one character long");
    }
    *fill = wr_utf8_next(&p, p + v->len);
    return true;
}

static bool
put_padded(wr_eval_t *ev, const wr_val_t *v, uint32_t fill, int64_t left,
           int64_t right, wr_val_t *out)
{
    wr_buf_t b = wr_ev_buf(ev);

    if (left <= 0 && right <= 0) {
        *out = wr_plain_part(v, 0, v->len);
        return true;
    }
    if (!wr_put_fill(ev, &b, fill, left)) {
        return false;
    }
    wr_buf_str(&b, wr_val_text(v));
    if (!wr_put_fill(ev, &b, fill, right) || !wr_plain_buf(ev, &b, v, out)) {
        return false;
    }
    if (fill >= 0x80) {
        out->flags = 0;
    }
    return true;
}

/* `how` is what goes left: '<' nothing, '>' all, '^' half of it. */
static bool
pad(wr_eval_t *ev, const char *name, const wr_args_t *args, char how,
    wr_val_t *out)
{
    int64_t  width, gap, left;
    uint32_t fill;

    if (!wr_take_some(ev, name, args, 1, 2)
        || !wr_take_int(ev, &args->pos[0], &width)
        || !take_fill(ev, args, &fill))
    {
        return false;
    }
    gap = width < 0 ? 0 : width - wr_str_points(&args->self);
    if (gap < 0) {
        gap = 0;
    }
    left = how == '<'   ? 0
           : how == '>' ? gap
                        : gap / 2 + (gap & width & 1);
    return put_padded(ev, &args->self, fill, left, gap - left, out);
}

WR_METHOD(wr_str_center)
{
    return pad(ev, "center", args, '^', out);
}

WR_METHOD(wr_str_ljust)
{
    return pad(ev, "ljust", args, '<', out);
}

WR_METHOD(wr_str_rjust)
{
    return pad(ev, "rjust", args, '>', out);
}

/* The sign stays in front of the zeros. */
WR_METHOD(wr_str_zfill)
{
    wr_buf_t b = wr_ev_buf(ev);
    wr_str_t text = wr_val_text(&args->self);
    int64_t  width, gap;

    if (!wr_take_one(ev, "zfill", args)
        || !wr_take_int(ev, &args->pos[0], &width))
    {
        return false;
    }
    gap = width < 0 ? 0 : width - wr_str_points(&args->self);
    if (gap <= 0) {
        *out = wr_plain_part(&args->self, 0, text.n);
        return true;
    }
    if (text.n != 0 && (text.p[0] == '+' || text.p[0] == '-')) {
        wr_buf_char(&b, text.p[0]);
        text = wr_str_skip(text, 1);
    }
    if (!wr_put_fill(ev, &b, '0', gap)) {
        return false;
    }
    wr_buf_str(&b, text);
    return wr_plain_buf(ev, &b, &args->self, out);
}

WR_METHOD(wr_str_expandtabs)
{
    static const char *const params[] = {"tabsize"};
    wr_val_t                 size;
    wr_buf_t                 b = wr_ev_buf(ev);
    const char              *p = args->self.u.s;
    const char              *end = p + args->self.len;
    int64_t                  tab = 8;
    int64_t                  column = 0;

    if (!wr_take_named(ev, "expandtabs", params, 1, args, &size)
        || (wr_given(&size) && !wr_take_c_int(ev, &size, &tab)))
    {
        return false;
    }
    while (p < end) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        if (cp == '\t') {
            if (tab > 0) {
                int64_t n = tab - column % tab;

                if (!wr_put_fill(ev, &b, ' ', n)) {
                    return false;
                }
                column += n;
            }
            continue;
        }
        column = cp == '\n' || cp == '\r' ? 0 : column + 1;
        wr_buf_add(&b, at, (size_t) (p - at));
    }
    return wr_plain_buf(ev, &b, &args->self, out);
}
