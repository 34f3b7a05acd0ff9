/*
 * Filters that make numbers: abs, int, float, round, sum, filesizeformat.
 */
#include "filter_priv.h"

#include <weir/expr/number.h>
#include <weir/expr/path.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

WR_FN(wr_filter_abs)
{
    const wr_val_t *v = args->pos;

    if (!wr_bind_one(ev, "abs", args)) {
        return false;
    }
    if (wr_is_num(v)) {
        wr_val_t i = wr_int(v->u.i);

        if (i.u.i < 0) {
            return wr_op_neg(ev, &i, out);
        }
        *out = i;
        return true;
    }
    if (v->type == WR_V_FLOAT) {
        *out = wr_float(fabs(v->u.f));
        return true;
    }
    return wr_raise(ev, "TypeError", "bad operand type for abs(): '%s'",
                    wr_type_name(v));
}

/* int(d), cut towards zero. False if there is no such integer: `*kind` and
 * `*why` say why. */
static bool
int_of_float(double d, int64_t *out, const char **kind, const char **why)
{
    if (isnan(d)) {
        *kind = "ValueError";
        *why = "cannot convert float NaN to integer";
        return false;
    }
    if (isinf(d)) {
        *kind = "OverflowError";
        *why = "cannot convert float infinity to integer";
        return false;
    }
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) {
        *kind = "OverflowError";
        *why = "float too large for a 64-bit integer";
        return false;
    }
    *out = (int64_t) d;
    return true;
}

/* int(text, base), then int(float(text)): '42.9' is 42. */
static bool
int_of_text(wr_eval_t *ev, wr_str_t s, const wr_val_t *base, int64_t *out)
{
    const char *kind, *why;
    double      d;
    wr_rc_t     rc = WR_SYNTAX;

    if (!wr_given(base)) {
        rc = wr_parse_pyint(ev->pool, s, 10, out);
    } else if (wr_is_num(base) && base->u.i >= 0 && base->u.i <= 36) {
        rc = wr_parse_pyint(ev->pool, s, (int) base->u.i, out);
    }
    if (rc != WR_SYNTAX) {
        return rc == WR_OK;
    }
    return wr_parse_float(ev->pool, s, &d) && int_of_float(d, out, &kind, &why);
}

WR_FN(wr_filter_int)
{
    static const wr_sig_t sig = {
        "do_int", NULL, 1, 3, {"value", "default", "base"}};
    wr_val_t    a[3];
    int64_t     i;
    const char *kind, *why;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    switch ((wr_vtype_t) a[0].type) {
    case WR_V_INT:
    case WR_V_BOOL:
        *out = wr_int(a[0].u.i);
        return true;
    case WR_V_UNDEFINED:
        return wr_undef_raise(ev, &a[0]);
    case WR_V_FLOAT:
        if (int_of_float(a[0].u.f, &i, &kind, &why)) {
            *out = wr_int(i);
            return true;
        }
        if (isinf(a[0].u.f)) {
            return wr_raise(ev, kind, "%s", why);
        }
        break;
    case WR_V_STR:
    case WR_V_BYTES:
        if (int_of_text(ev, wr_val_text(&a[0]), &a[2], &i)) {
            *out = wr_int(i);
            return true;
        }
        break;
    default:
        break;
    }
    *out = wr_given(&a[1]) ? a[1] : wr_int(0);
    return true;
}

/* float(v) without raising; an undefined value is the caller's business. */
static bool
float_of(wr_eval_t *ev, const wr_val_t *v, double *out)
{
    if (v->type == WR_V_FLOAT) {
        *out = v->u.f;
        return true;
    }
    if (wr_is_num(v)) {
        *out = (double) v->u.i;
        return true;
    }
    return (v->type == WR_V_STR || v->type == WR_V_BYTES)
        && wr_parse_float(ev->pool, wr_val_text(v), out);
}

WR_FN(wr_filter_float)
{
    static const wr_sig_t sig = {"do_float", NULL, 1, 2, {"value", "default"}};
    wr_val_t a[2];
    double   d;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (a[0].type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, &a[0]);
    }
    if (float_of(ev, &a[0], &d)) {
        *out = wr_float(d);
    } else {
        *out = wr_given(&a[1]) ? a[1] : wr_float(0.0);
    }
    return true;
}

/* ---- round ---- */

/* The decimal digits of an integer rounded at the last `cut` of them, ties to
 * even; `sticky` if a fraction was left of them. `text` has a digit of room in
 * front (text[-1] is '0'); returns where the result starts. */
static char *
round_digits(char *text, int64_t cut, bool sticky)
{
    int64_t n = (int64_t) strlen(text);
    char   *at = text + n - cut;
    bool    up;

    if (cut > n) {
        return strcpy(text, "0");
    }
    up = *at > '5' || (*at == '5' && (sticky || strspn(at + 1, "0")
                                                != strlen(at + 1)));
    if (*at == '5' && !up) {
        up = (at[-1] & 1) != 0;
    }
    memset(at, '0', (size_t) cut);
    while (up) {
        at--;
        up = *at == '9';
        *at = up ? '0' : (char) (*at + 1);
    }
    return at < text ? at : text;
}

/* round(d, digits) as Python: correctly rounded on the double's exact value. */
static double
round_float(double d, int64_t digits)
{
    char   text[700] = "0";     /* 309 digits, 323 behind the point */
    double whole;

    if (!isfinite(d) || digits > 323) {
        return d;
    }
    if (digits < -308) {
        return 0.0 * d;
    }
    if (digits >= 0) {
        snprintf(text, sizeof(text), "%.*f", (int) digits, d);
        return strtod(text, NULL);
    }
    snprintf(text + 1, sizeof(text) - 1, "%.0f", trunc(fabs(d)));
    whole = strtod(round_digits(text + 1, -digits, d != trunc(d)), NULL);
    return copysign(whole, d);
}

static bool
round_int(wr_eval_t *ev, int64_t i, int64_t digits, wr_val_t *out)
{
    char    text[32] = "00";    /* room for a carry and a sign */
    char   *start;
    int64_t v;

    if (digits >= 0) {
        *out = wr_int(i);
        return true;
    }
    if (digits < -19) {
        *out = wr_int(0);
        return true;
    }
    snprintf(text + 2, sizeof(text) - 2, "%" PRIu64,
             i < 0 ? 0 - (uint64_t) i : (uint64_t) i);
    start = round_digits(text + 2, -digits, false);
    if (i < 0) {
        *--start = '-';
    }
    if (wr_parse_pyint(ev->pool, wr_str_z(start), 10, &v) != WR_OK) {
        return wr_raise(ev, "OverflowError",
                        "integer result of round is too large");
    }
    *out = wr_int(v);
    return true;
}

/* round(v) without digits: an integer, ties to even. */
static bool
round_whole(wr_eval_t *ev, double d, wr_val_t *out)
{
    const char *kind, *why;
    int64_t     i;

    if (!int_of_float(rint(d), &i, &kind, &why)) {
        return wr_raise(ev, kind, "%s", why);
    }
    *out = wr_int(i);
    return true;
}

static bool
round_common(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *precision,
             wr_val_t *out)
{
    int64_t digits = 0;
    double  r;

    if (v->type == WR_V_UNDEFINED
        || (v->type != WR_V_FLOAT && !wr_is_num(v))) {
        return wr_raise(ev, "TypeError",
                        "type %s doesn't define __round__ method",
                        wr_type_name(v));
    }
    if (wr_given(precision) && precision->type == WR_V_NONE) {
        if (v->type == WR_V_FLOAT) {
            return round_whole(ev, v->u.f, out);
        }
    } else if (wr_given(precision) && !wr_as_index(ev, precision, &digits)) {
        return false;
    }
    if (v->type != WR_V_FLOAT) {
        return round_int(ev, v->u.i, digits, out);
    }
    r = round_float(v->u.f, digits);
    if (isinf(r) && isfinite(v->u.f)) {
        return wr_raise(ev, "OverflowError",
                        "rounded value too large to represent");
    }
    *out = wr_float(r);
    return true;
}

/* ceil or floor of v * 10 ** precision, divided by it again. */
static bool
round_towards(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *precision,
              bool up, wr_val_t *out)
{
    wr_val_t    ten = wr_int(10);
    wr_val_t    zero = wr_int(0);
    wr_val_t    scale, scaled;
    const char *kind, *why;
    int64_t     i;

    if (!wr_op_pow(ev, &ten, wr_given(precision) ? precision : &zero, &scale)
        || !wr_op_mul(ev, v, &scale, &scaled)) {
        return false;
    }
    if (scaled.type == WR_V_FLOAT) {
        double d = up ? ceil(scaled.u.f) : floor(scaled.u.f);

        if (isfinite(d) && fabs(d) >= 9223372036854775808.0) {
            scaled = wr_float(d);   /* Python's integer has the same value */
        } else if (!int_of_float(d, &i, &kind, &why)) {
            return wr_raise(ev, kind, "%s", why);
        } else {
            scaled = wr_int(i);
        }
    } else if (!wr_is_num(&scaled)) {
        return wr_raise(ev, "TypeError", "must be real number, not %s",
                        wr_type_name(&scaled));
    }
    return wr_op_div(ev, &scaled, &scale, out);
}

WR_FN(wr_filter_round)
{
    static const wr_sig_t sig = {
        "do_round", NULL, 1, 3, {"value", "precision", "method"}};
    wr_val_t a[3];
    wr_str_t method = WR_STR("common");
    uint64_t hash;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (wr_given(&a[2])) {
        if (!wr_hash_val(ev, &a[2], &hash)) {
            return false;
        }
        method = a[2].type == WR_V_STR ? wr_val_text(&a[2]) : WR_STR("");
    }
    if (wr_str_eqz(method, "common")) {
        return round_common(ev, &a[0], &a[1], out);
    }
    if (wr_str_eqz(method, "ceil") || wr_str_eqz(method, "floor")) {
        return round_towards(ev, &a[0], &a[1], method.p[0] == 'c', out);
    }
    return wr_raise(ev, "FilterArgumentError",
                    "method must be common, ceil or floor");
}

/* ---- filesizeformat ---- */

/* float(v), raising as Python's float(). */
static bool
need_float(wr_eval_t *ev, const wr_val_t *v, double *out)
{
    wr_buf_t b = wr_buf(ev->pool);

    if (float_of(ev, v, out)) {
        return true;
    }
    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (v->type == WR_V_STR || v->type == WR_V_BYTES) {
        wr_val_t plain = *v;

        plain.flags &= (uint8_t) ~WR_VF_SAFE;
        return wr_put_repr(ev, &b, &plain)
            && wr_raise(ev, "ValueError",
                        "could not convert string to float: %.*s",
                        WR_ARG(wr_buf_text(&b)));
    }
    return wr_raise(ev, "TypeError", "float() argument must be a string or a "
                    "real number, not '%s'", wr_type_name(v));
}

/* base ** power, exact as Python's integers are. */
static unsigned __int128
unit_of(int base, int power)
{
    unsigned __int128 unit = 1;

    for (int i = 0; i < power; i++) {
        unit *= (unsigned) base;
    }
    return unit;
}

static bool
below_unit(double d, int base, int power)
{
    return d < 1e38 && (unsigned __int128) d < unit_of(base, power);
}

WR_FN(wr_filter_filesizeformat)
{
    static const wr_sig_t sig = {
        "do_filesizeformat", NULL, 1, 2, {"value", "binary"}};
    static const char prefixes[] = "kMGTPEZY";
    wr_val_t    a[2];
    bool        binary;
    double      bytes, unit;
    int         base, i = 0;
    int64_t     whole;
    const char *kind, *why;

    if (!wr_sig_bind(ev, &sig, args, a) || !need_float(ev, &a[0], &bytes)
        || !wr_arg_truth(ev, &a[1], false, &binary)) {
        return false;
    }
    base = binary ? 1024 : 1000;
    if (bytes == 1) {
        *out = wr_vstr(WR_STR("1 Byte"));
        return true;
    }
    if (bytes < base) {
        if (!int_of_float(bytes, &whole, &kind, &why)) {
            return wr_raise(ev, kind, "%s", why);
        }
        *out = wr_vstr(wr_pool_printf(ev->pool, "%" PRId64 " Bytes", whole));
        return true;
    }
    while (i < 7 && !below_unit(bytes, base, i + 2)) {
        i++;
    }
    unit = (double) unit_of(base, i + 2);
    *out = wr_vstr(wr_pool_printf(
        ev->pool, "%.1f %s%s", base * bytes / unit,
        (char[]) {binary && i == 0 ? 'K' : prefixes[i], '\0'},
        binary ? "iB" : "B"));
    return true;
}

/* ---- sum ---- */

WR_FN(wr_filter_sum)
{
    static const wr_sig_t sig = {
        "sync_do_sum", "environment", 1, 3, {"iterable", "attribute", "start"}};
    wr_val_t  a[3], item, total;
    wr_path_t path;
    wr_iter_t it;
    wr_rc_t   rc;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_path_make(ev, wr_is_none(&a[1]) ? NULL : &a[1], &path)
        || !wr_iter(ev, &a[0], &it)) {
        return false;
    }
    total = wr_given(&a[2]) ? a[2] : wr_int(0);
    if (total.type == WR_V_STR) {
        return wr_raise(ev, "TypeError",
                        "sum() can't sum strings [use ''.join(seq) instead]");
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        wr_val_t next;

        if (!wr_spend(ev, 1) || !wr_path_get(ev, &path, NULL, &item)
            || !wr_op_add(ev, &total, &item, &next)) {
            return false;
        }
        total = next;
    }
    if (rc != WR_DONE) {
        return false;
    }
    *out = total;
    return true;
}
