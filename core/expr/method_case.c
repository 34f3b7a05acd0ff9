/*
 * str: case, and what the characters are.
 */
#include <weir/expr/method_priv.h>
#include <weir/expr/unicode.h>

#define CASE_METHOD(name)                                                     \
    WR_METHOD(wr_str_##name)                                                  \
    {                                                                         \
        return wr_take_none(ev, #name, args)                           \
               && change(ev, &args->self, put_##name, out);                   \
    }

static bool
change(wr_eval_t *ev, const wr_val_t *v, void (*put)(wr_buf_t *b, wr_str_t s),
       wr_val_t *out)
{
    wr_buf_t b = wr_ev_buf(ev);
    char    *room = wr_text_room(ev, (uint64_t) v->len + 8);

    if (room == NULL) {
        return false;
    }
    b.p = room;
    b.cap = (size_t) v->len + 8;
    put(&b, wr_val_text(v));
    return wr_plain_buf(ev, &b, v, out);
}

#define put_capitalize wr_uni_put_capitalized
#define put_casefold wr_uni_put_folded
#define put_lower wr_uni_put_lower
#define put_swapcase wr_uni_put_swapped
#define put_title wr_uni_put_title
#define put_upper wr_uni_put_upper

CASE_METHOD(capitalize)
CASE_METHOD(casefold)
CASE_METHOD(lower)
CASE_METHOD(swapcase)
CASE_METHOD(title)
CASE_METHOD(upper)

/* ---- is… ---- */

static bool
all_are(const wr_val_t *v, bool (*is)(uint32_t cp))
{
    const char *p = v->u.s;
    const char *end = p + v->len;

    while (p < end) {
        if (!is(wr_utf8_next(&p, end))) {
            return false;
        }
    }
    return true;
}

#define IS_METHOD(name, test, empty)                                          \
    WR_METHOD(wr_str_##name)                                                  \
    {                                                                         \
        if (!wr_take_none(ev, #name, args)) {                          \
            return false;                                                     \
        }                                                                     \
        *out = wr_bool(args->self.len != 0 ? all_are(&args->self, test)       \
                                           : (empty));                        \
        return true;                                                          \
    }

IS_METHOD(isalnum, wr_uni_isalnum, false)
IS_METHOD(isalpha, wr_uni_isalpha, false)
IS_METHOD(isdecimal, wr_uni_isdecimal, false)
IS_METHOD(isdigit, wr_uni_isdigit, false)
IS_METHOD(isnumeric, wr_uni_isnumeric, false)
IS_METHOD(isprintable, wr_uni_printable, true)
IS_METHOD(isspace, wr_uni_space, false)

WR_METHOD(wr_str_isascii)
{
    if (!wr_take_none(ev, "isascii", args)) {
        return false;
    }
    *out = wr_bool(wr_is_ascii(&args->self));
    return true;
}

WR_METHOD(wr_str_isidentifier)
{
    const char *p = args->self.u.s;
    const char *end = p + args->self.len;
    bool        is;

    if (!wr_take_none(ev, "isidentifier", args)) {
        return false;
    }
    is = p < end && wr_uni_id_start(wr_utf8_next(&p, end));
    while (is && p < end) {
        is = wr_uni_id_part(wr_utf8_next(&p, end));
    }
    *out = wr_bool(is);
    return true;
}

/* Some letter has case, and none the other one. */
static bool
all_of_case(const wr_val_t *v, bool upper)
{
    const char *p = v->u.s;
    const char *end = p + v->len;
    bool        seen = false;

    while (p < end) {
        uint32_t cp = wr_utf8_next(&p, end);

        if (wr_uni_istitle(cp)
            || (upper ? wr_uni_islower(cp) : wr_uni_isupper(cp)))
        {
            return false;
        }
        seen = seen || (upper ? wr_uni_isupper(cp) : wr_uni_islower(cp));
    }
    return seen;
}

WR_METHOD(wr_str_islower)
{
    if (!wr_take_none(ev, "islower", args)) {
        return false;
    }
    *out = wr_bool(all_of_case(&args->self, false));
    return true;
}

WR_METHOD(wr_str_isupper)
{
    if (!wr_take_none(ev, "isupper", args)) {
        return false;
    }
    *out = wr_bool(all_of_case(&args->self, true));
    return true;
}

static bool
is_title(const wr_val_t *v)
{
    const char *p = v->u.s;
    const char *end = p + v->len;
    bool        seen = false;
    bool        inside = false;

    while (p < end) {
        uint32_t cp = wr_utf8_next(&p, end);

        if (wr_uni_isupper(cp) || wr_uni_istitle(cp)) {
            if (inside) {
                return false;
            }
            inside = seen = true;
        } else if (wr_uni_islower(cp)) {
            if (!inside) {
                return false;
            }
            seen = true;
        } else {
            inside = false;
        }
    }
    return seen;
}

WR_METHOD(wr_str_istitle)
{
    if (!wr_take_none(ev, "istitle", args)) {
        return false;
    }
    *out = wr_bool(is_title(&args->self));
    return true;
}
