/*
 * Arithmetic, and what + * % mean for texts and lists.
 *
 * Ints are 64 bits; a result that does not fit is an OverflowError, never a
 * rounded number.
 */
#include <weir/expr/format.h>
#include <weir/expr/markup.h>
#include <weir/expr/val_priv.h>

#include <errno.h>
#include <math.h>

bool
wr_bad_operands(wr_eval_t *ev, const char *op, const wr_val_t *a,
                const wr_val_t *b)
{
    if (a->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, a);
    }
    if (b->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, b);
    }
    return wr_raise(ev, "TypeError",
                    "unsupported operand type(s) for %s: '%s' and '%s'", op,
                    wr_type_name(a), wr_type_name(b));
}

WR_COLD static bool
too_big(wr_eval_t *ev, const char *op)
{
    return wr_raise(ev, "OverflowError",
                    "the integer result of %s does not fit in 64 bits", op);
}

static inline bool
both_int(const wr_val_t *a, const wr_val_t *b)
{
    return wr_is_int(a) && wr_is_int(b);
}

static inline bool
both_numbers(const wr_val_t *a, const wr_val_t *b)
{
    return wr_is_number(a) && wr_is_number(b);
}

/* ---- + ---- */

static bool
join_text(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    uint64_t n = (uint64_t) a->len + b->len;
    char    *p = wr_text_room(ev, n);

    if (p == NULL) {
        return false;
    }
    if (a->len != 0) {
        memcpy(p, a->u.s, a->len);
    }
    if (b->len != 0) {
        memcpy(p + a->len, b->u.s, b->len);
    }
    *out = (wr_val_t) {.type = a->type, .len = (uint32_t) n, .u.s = p};
    out->flags = a->flags & b->flags & WR_VF_ASCII;
    return true;
}

static bool
join_markup(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    wr_val_t x, y;

    if (!wr_escape_val(ev, a, &x) || !wr_escape_val(ev, b, &y)
        || !join_text(ev, &x, &y, out))
    {
        return false;
    }
    out->flags |= WR_VF_SAFE;
    return true;
}

static bool
join_lists(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    const wr_list_t *x = a->u.list;
    const wr_list_t *y = b->u.list;
    wr_list_t       *l = wr_list_try(ev, (uint64_t) x->n + y->n);

    if (l == NULL) {
        return false;
    }
    if (x->n != 0) {
        memcpy(l->items, x->items, sizeof(wr_val_t) * x->n);
    }
    if (y->n != 0) {
        memcpy(l->items + x->n, y->items, sizeof(wr_val_t) * y->n);
    }
    l->n = x->n + y->n;
    *out = a->type == WR_V_LIST ? wr_vlist(l) : wr_vtuple(l);
    return true;
}

/* Markup takes everything that has __html__, chainable undefined too. */
static bool
joins_markup(const wr_eval_t *ev, const wr_val_t *v)
{
    return v->type == WR_V_STR
           || (v->type == WR_V_UNDEFINED
               && wr_undef_kind(ev, v) == WR_UNDEF_CHAINABLE);
}

static bool
bad_add(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b)
{
    if (b->type != WR_V_UNDEFINED && !wr_is_safe(a)) {
        if (a->type == WR_V_STR || wr_is_seq(a)) {
            const char *own = a->type == WR_V_TUPLE ? "tuple" : wr_type_name(a);

            return wr_raise(ev, "TypeError",
                            "can only concatenate %s (not \"%s\") to %s", own,
                            wr_type_name(b), own);
        }
        if (a->type == WR_V_BYTES) {
            return wr_raise(ev, "TypeError", "can't concat %s to bytes",
                            wr_type_name(b));
        }
    }
    return wr_bad_operands(ev, "+", a, b);
}

bool
wr_op_add(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    int64_t i;

    if (both_int(a, b)) {
        if (wr_unlikely(__builtin_add_overflow(a->u.i, b->u.i, &i))) {
            return too_big(ev, "+");
        }
        *out = wr_int(i);
        return true;
    }
    if (both_numbers(a, b)) {
        *out = wr_float(wr_as_double(a) + wr_as_double(b));
        return true;
    }
    if (wr_is_safe(a) ? joins_markup(ev, b) : wr_is_safe(b) && wr_is_str(a)) {
        return join_markup(ev, a, b, out);
    }
    if (a->type == b->type) {
        if (a->type == WR_V_STR || a->type == WR_V_BYTES) {
            return join_text(ev, a, b, out);
        }
        if (wr_is_seq(a)) {
            return join_lists(ev, a, b, out);
        }
    }
    return bad_add(ev, a, b);
}

/* ---- - ---- */

bool
wr_op_sub(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    int64_t i;

    if (both_int(a, b)) {
        if (wr_unlikely(__builtin_sub_overflow(a->u.i, b->u.i, &i))) {
            return too_big(ev, "-");
        }
        *out = wr_int(i);
        return true;
    }
    if (both_numbers(a, b)) {
        *out = wr_float(wr_as_double(a) - wr_as_double(b));
        return true;
    }
    return wr_bad_operands(ev, "-", a, b);
}

/* ---- * ---- */

static bool
repeat_text(wr_eval_t *ev, const wr_val_t *v, int64_t times, wr_val_t *out)
{
    uint64_t n;
    char    *p;

    *out = *v;
    out->aux = 0;
    if (times <= 0 || v->len == 0) {
        out->len = 0;
        return true;
    }
    if (__builtin_mul_overflow((uint64_t) v->len, (uint64_t) times, &n)) {
        n = UINT64_MAX;
    }
    p = wr_text_room_limited(ev, n);
    if (p == NULL) {
        return false;
    }
    if (v->len == 1) {
        memset(p, v->u.s[0], n);
    } else {
        for (uint64_t at = 0; at < n; at += v->len) {
            memcpy(p + at, v->u.s, v->len);
        }
    }
    out->u.s = p;
    out->len = (uint32_t) n;
    return true;
}

static bool
repeat_list(wr_eval_t *ev, const wr_val_t *v, int64_t times, wr_val_t *out)
{
    const wr_list_t *from = v->u.list;
    wr_list_t       *l;
    uint64_t         n;

    if (times < 0) {
        times = 0;
    }
    if (__builtin_mul_overflow((uint64_t) from->n, (uint64_t) times, &n)) {
        n = UINT64_MAX;
    }
    if (ev->limits.range != 0 && n > ev->limits.range && n > from->n) {
        return wr_raise(ev, "LimitError", "a list of %" PRIu64
                        " items is over the limit of %u", n, ev->limits.range);
    }
    l = wr_list_try(ev, n);
    if (l == NULL) {
        return false;
    }
    for (uint64_t at = 0; at < n; at += from->n) {
        memcpy(l->items + at, from->items, sizeof(wr_val_t) * from->n);
    }
    l->n = (uint32_t) n;
    *out = v->type == WR_V_LIST ? wr_vlist(l) : wr_vtuple(l);
    return true;
}

static bool
repeat(wr_eval_t *ev, const wr_val_t *v, int64_t times, wr_val_t *out)
{
    return wr_is_seq(v) ? repeat_list(ev, v, times, out)
                        : repeat_text(ev, v, times, out);
}

static bool
can_repeat(const wr_val_t *v)
{
    return v->type == WR_V_STR || v->type == WR_V_BYTES || wr_is_seq(v);
}

static bool
bad_mul(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b)
{
    const wr_val_t *by = NULL;

    if (a->type != WR_V_UNDEFINED && b->type != WR_V_UNDEFINED) {
        if (can_repeat(a) && !wr_is_safe(a)) {
            by = b;
        } else if (can_repeat(b) && !wr_is_safe(b)) {
            by = a;
        }
    }
    if (by != NULL) {
        return wr_raise(ev, "TypeError",
                        "can't multiply sequence by non-int of type '%s'",
                        wr_type_name(by));
    }
    return wr_bad_operands(ev, "*", a, b);
}

bool
wr_op_mul(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    int64_t i;

    if (both_int(a, b)) {
        if (wr_unlikely(__builtin_mul_overflow(a->u.i, b->u.i, &i))) {
            return too_big(ev, "*");
        }
        *out = wr_int(i);
        return true;
    }
    if (both_numbers(a, b)) {
        *out = wr_float(wr_as_double(a) * wr_as_double(b));
        return true;
    }
    if (can_repeat(a) && wr_is_int(b)) {
        return repeat(ev, a, b->u.i, out);
    }
    if (can_repeat(b) && wr_is_int(a)) {
        return repeat(ev, b, a->u.i, out);
    }
    return bad_mul(ev, a, b);
}

/* ---- / ---- */

static uint64_t
magnitude(int64_t i)
{
    return i < 0 ? 0 - (uint64_t) i : (uint64_t) i;
}

static int
bit_length(uint64_t u)
{
    return u == 0 ? 0 : 64 - __builtin_clzll(u);
}

/* a / b correctly rounded although neither fits a double: the quotient is taken
 * with more bits than needed, and its lowest says whether a rest was left. */
static double
divide_ints(int64_t a, int64_t b)
{
    uint64_t          x = magnitude(a);
    uint64_t          y = magnitude(b);
    unsigned __int128 top;
    uint64_t          quotient;
    int               shift;
    double            r;

    if (x <= 1ull << 53 && y <= 1ull << 53) {
        return (double) a / (double) b;
    }
    shift = bit_length(y) + 62 - bit_length(x);
    if (shift < 0) {
        shift = 0;
    }
    top = (unsigned __int128) x << shift;
    quotient = (uint64_t) (top / y);
    quotient |= top % y != 0;
    r = ldexp((double) quotient, -shift);
    return (a < 0) != (b < 0) ? -r : r;
}

bool
wr_op_div(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    if (both_int(a, b)) {
        if (b->u.i == 0) {
            return wr_raise(ev, "ZeroDivisionError", "division by zero");
        }
        *out = wr_float(divide_ints(a->u.i, b->u.i));
        return true;
    }
    if (both_numbers(a, b)) {
        double d = wr_as_double(b);

        if (d == 0) {
            return wr_raise(ev, "ZeroDivisionError", "float division by zero");
        }
        *out = wr_float(wr_as_double(a) / d);
        return true;
    }
    return wr_bad_operands(ev, "/", a, b);
}

/* ---- // and % ---- */

/* Both at once, from fmod: the rest has the sign of the divisor. */
static void
divmod_float(double a, double b, double *quotient, double *rest)
{
    double mod = fmod(a, b);
    double div = (a - mod) / b;

    if (mod != 0) {
        if ((b < 0) != (mod < 0)) {
            mod += b;
            div -= 1;
        }
    } else {
        mod = copysign(0, b);
    }
    if (div != 0) {
        double floored = floor(div);

        *quotient = div - floored > 0.5 ? floored + 1 : floored;
    } else {
        *quotient = copysign(0, a / b);
    }
    *rest = mod;
}

bool
wr_op_floordiv(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b,
               wr_val_t *out)
{
    double quotient, rest;

    if (both_int(a, b)) {
        int64_t q;

        if (b->u.i == 0) {
            return wr_raise(ev, "ZeroDivisionError",
                            "integer division or modulo by zero");
        }
        if (a->u.i == INT64_MIN && b->u.i == -1) {
            return too_big(ev, "//");
        }
        q = a->u.i / b->u.i;
        if (a->u.i % b->u.i != 0 && (a->u.i < 0) != (b->u.i < 0)) {
            q--;
        }
        *out = wr_int(q);
        return true;
    }
    if (both_numbers(a, b)) {
        if (wr_as_double(b) == 0) {
            return wr_raise(ev, "ZeroDivisionError",
                            "float floor division by zero");
        }
        divmod_float(wr_as_double(a), wr_as_double(b), &quotient, &rest);
        *out = wr_float(quotient);
        return true;
    }
    return wr_bad_operands(ev, "//", a, b);
}

bool
wr_op_mod(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    double quotient, rest;

    if (both_int(a, b)) {
        int64_t r;

        if (b->u.i == 0) {
            return wr_raise(ev, "ZeroDivisionError", "integer modulo by zero");
        }
        r = b->u.i == -1 ? 0 : a->u.i % b->u.i;
        if (r != 0 && (r < 0) != (b->u.i < 0)) {
            r += b->u.i;
        }
        *out = wr_int(r);
        return true;
    }
    if (both_numbers(a, b)) {
        if (wr_as_double(b) == 0) {
            return wr_raise(ev, "ZeroDivisionError", "float modulo");
        }
        divmod_float(wr_as_double(a), wr_as_double(b), &quotient, &rest);
        *out = wr_float(rest);
        return true;
    }
    if (a->type == WR_V_STR) {
        return wr_format_percent(ev, a, b, out);
    }
    return wr_bad_operands(ev, "%", a, b);
}

/* ---- ** ---- */

static bool
pow_int(wr_eval_t *ev, int64_t base, int64_t exponent, wr_val_t *out)
{
    int64_t result = 1;

    while (exponent > 0) {
        if ((exponent & 1) != 0
            && __builtin_mul_overflow(result, base, &result))
        {
            return too_big(ev, "**");
        }
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
            return too_big(ev, "**");
        }
    }
    *out = wr_int(result);
    return true;
}

static bool
pow_float(wr_eval_t *ev, double a, double b, wr_val_t *out)
{
    double r;

    if (a == 0 && b < 0 && isfinite(b)) {
        return wr_raise(ev, "ZeroDivisionError",
                        "0.0 cannot be raised to a negative power");
    }
    if (a < 0 && isfinite(a) && isfinite(b) && floor(b) != b) {
        return wr_raise(ev, "ValueError",
                        "a negative number to a fractional power is complex");
    }
    r = pow(a, b);
    if (isinf(r) && isfinite(a) && isfinite(b)) {
        return wr_raise(ev, "OverflowError",
                        "(34, 'Numerical result out of range')");
    }
    *out = wr_float(r);
    return true;
}

bool
wr_op_pow(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out)
{
    if (both_int(a, b) && b->u.i >= 0) {
        /* Squaring must not overflow where the result does not. */
        if (a->u.i == 0 || a->u.i == 1) {
            *out = wr_int(b->u.i == 0 ? 1 : a->u.i);
            return true;
        }
        if (a->u.i == -1) {
            *out = wr_int((b->u.i & 1) != 0 ? -1 : 1);
            return true;
        }
        return pow_int(ev, a->u.i, b->u.i, out);
    }
    if (both_numbers(a, b)) {
        return pow_float(ev, wr_as_double(a), wr_as_double(b), out);
    }
    return wr_bad_operands(ev, "** or pow()", a, b);
}

/* ---- unary ---- */

static bool
bad_operand(wr_eval_t *ev, char op, const wr_val_t *a)
{
    if (a->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, a);
    }
    return wr_raise(ev, "TypeError", "bad operand type for unary %c: '%s'", op,
                    wr_type_name(a));
}

bool
wr_op_neg(wr_eval_t *ev, const wr_val_t *a, wr_val_t *out)
{
    if (wr_is_int(a)) {
        if (a->u.i == INT64_MIN) {
            return too_big(ev, "-");
        }
        *out = wr_int(-a->u.i);
        return true;
    }
    if (a->type == WR_V_FLOAT) {
        *out = wr_float(-a->u.f);
        return true;
    }
    return bad_operand(ev, '-', a);
}

bool
wr_op_pos(wr_eval_t *ev, const wr_val_t *a, wr_val_t *out)
{
    if (wr_is_int(a)) {
        *out = wr_int(a->u.i);
        return true;
    }
    if (a->type == WR_V_FLOAT) {
        *out = *a;
        return true;
    }
    return bad_operand(ev, '+', a);
}
