/*
 * The methods of int and float.
 */
#include <weir/expr/method_priv.h>

#include <math.h>

static uint64_t
magnitude(int64_t i)
{
    return i < 0 ? 0 - (uint64_t) i : (uint64_t) i;
}

static WR_METHOD(int_bit_length)
{
    uint64_t u = magnitude(args->self.u.i);

    if (!wr_take_none(ev, "bit_length", args)) {
        return false;
    }
    *out = wr_int(u == 0 ? 0 : 64 - __builtin_clzll(u));
    return true;
}

static WR_METHOD(int_bit_count)
{
    if (!wr_take_none(ev, "bit_count", args)) {
        return false;
    }
    *out = wr_int(__builtin_popcountll(magnitude(args->self.u.i)));
    return true;
}

static WR_METHOD(int_conjugate)
{
    if (!wr_take_none(ev, "conjugate", args)) {
        return false;
    }
    *out = wr_int(args->self.u.i);
    return true;
}

static WR_METHOD(int_as_integer_ratio)
{
    wr_val_t n = wr_int(args->self.u.i);
    wr_val_t one = wr_int(1);

    if (!wr_take_none(ev, "as_integer_ratio", args)) {
        return false;
    }
    *out = wr_pair(ev->pool, &n, &one);
    return true;
}

static const wr_method_t int_rows[] = {
    {"as_integer_ratio", int_as_integer_ratio},
    {"bit_count", int_bit_count},
    {"bit_length", int_bit_length},
    {"conjugate", int_conjugate},
};

const wr_methods_t wr_int_methods = {int_rows, WR_COUNT(int_rows)};

/* ---- float ---- */

static WR_METHOD(float_conjugate)
{
    if (!wr_take_none(ev, "conjugate", args)) {
        return false;
    }
    *out = wr_float(args->self.u.f);
    return true;
}

static WR_METHOD(float_is_integer)
{
    double f = args->self.u.f;

    if (!wr_take_none(ev, "is_integer", args)) {
        return false;
    }
    *out = wr_bool(isfinite(f) && floor(f) == f);
    return true;
}

/* Exact: the fraction's bits are shifted out, as far as 64 bits allow. */
static WR_METHOD(float_as_integer_ratio)
{
    double   f = args->self.u.f;
    int      exponent;
    wr_val_t top, bottom;

    if (!wr_take_none(ev, "as_integer_ratio", args)) {
        return false;
    }
    if (isnan(f)) {
        return wr_raise(ev, "ValueError",
                        "cannot convert NaN to integer ratio");
    }
    if (isinf(f)) {
        return wr_raise(ev, "OverflowError",
                        "cannot convert Infinity to integer ratio");
    }
    f = frexp(f, &exponent);
    for (int i = 0; i < 300 && f != floor(f); i++) {
        f *= 2;
        exponent--;
    }
    if (exponent > 62 || exponent < -62
        || fabs(ldexp(f, exponent > 0 ? exponent : 0)) >= 9.2e18)
    {
        return wr_raise(ev, "OverflowError",
                        "the integer ratio does not fit in 64 bits");
    }
    top = wr_int((int64_t) ldexp(f, exponent > 0 ? exponent : 0));
    bottom = wr_int(exponent < 0 ? (int64_t) 1 << -exponent : 1);
    *out = wr_pair(ev->pool, &top, &bottom);
    return true;
}

static WR_METHOD(float_hex)
{
    double   f = args->self.u.f;
    wr_buf_t b = wr_ev_buf(ev);
    int      exponent;

    if (!wr_take_none(ev, "hex", args)) {
        return false;
    }
    if (!isfinite(f)) {
        b.n = wr_put_float(wr_buf_reserve(&b, 32), f);
    } else if (f == 0) {
        wr_buf_z(&b, signbit(f) ? "-0x0.0p+0" : "0x0.0p+0");
    } else {
        double fraction = frexp(fabs(f), &exponent) * 2;
        int    shift = exponent - 1 < -1022 ? -1022 - (exponent - 1) : 0;

        fraction = ldexp(fraction, -shift);
        wr_buf_printf(&b, "%s0x%d.%013" PRIx64 "p%+d", f < 0 ? "-" : "",
                      (int) fraction,
                      (uint64_t) ldexp(fraction - (int) fraction, 52),
                      exponent - 1 + shift);
    }
    return wr_buf_val(ev, &b, out);
}

static const wr_method_t float_rows[] = {
    {"as_integer_ratio", float_as_integer_ratio},
    {"conjugate", float_conjugate},
    {"hex", float_hex},
    {"is_integer", float_is_integer},
};

const wr_methods_t wr_float_methods = {float_rows, WR_COUNT(float_rows)};
