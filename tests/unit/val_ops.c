/*
 * Operators, comparisons, limits: what a host asks of values directly.
 */
#include <weir/expr/method.h>
#include <weir/expr/value.h>

#include "check.h"

static wr_eval_t ev;

static wr_val_t
str(const char *z)
{
    return wr_vstr(wr_str_z(z));
}

static bool
failed_with(const char *kind, const char *message)
{
    bool is = ev.failed && strcmp(ev.err.kind, kind) == 0
              && (message == NULL || wr_str_eqz(ev.err.message, message));

    if (!is) {
        fprintf(stderr, "got %s: %.*s\n", ev.failed ? ev.err.kind : "nothing",
                WR_ARG(ev.err.message));
    }
    ev.failed = false;
    return is;
}

static void
numbers(void)
{
    wr_val_t big = wr_int(INT64_MAX);
    wr_val_t least = wr_int(INT64_MIN);
    wr_val_t one = wr_int(1);
    wr_val_t minus = wr_int(-1);
    wr_val_t zero = wr_int(0);
    wr_val_t odd = wr_int(9007199254740993);
    wr_val_t near = wr_float(9007199254740992.0);
    wr_val_t out;
    bool     equal;
    int      cmp;

    CHECK(!wr_op_add(&ev, &big, &one, &out));
    CHECK(failed_with("OverflowError", NULL));
    CHECK(!wr_op_floordiv(&ev, &least, &minus, &out));
    CHECK(failed_with("OverflowError", NULL));
    CHECK(!wr_op_neg(&ev, &least, &out));
    CHECK(failed_with("OverflowError", NULL));
    CHECK(wr_op_mod(&ev, &least, &minus, &out) && out.u.i == 0);
    CHECK(!wr_op_div(&ev, &one, &zero, &out));
    CHECK(failed_with("ZeroDivisionError", "division by zero"));
    CHECK(wr_op_div(&ev, &odd, &odd, &out) && out.u.f == 1.0);
    CHECK(wr_op_div(&ev, &big, &odd, &out) && out.u.f == 1023.9999999999999);
    CHECK(wr_equal(&ev, &odd, &near, &equal) && !equal);
    CHECK(wr_compare(&ev, "<", &near, &odd, &cmp) && cmp < 0);
    out = wr_int(63);
    near = wr_int(-2);
    CHECK(wr_op_pow(&ev, &near, &out, &out) && out.u.i == INT64_MIN);
}

static void
texts(void)
{
    wr_val_t a = str("abc");
    wr_val_t many = wr_int(1000000);
    wr_val_t two = wr_int(2);
    wr_val_t out;
    bool     is;

    CHECK(wr_op_mul(&ev, &a, &two, &out));
    CHECK_STR(wr_val_text(&out), "abcabc");
    ev.limits.string = 1000;
    CHECK(!wr_op_mul(&ev, &a, &many, &out));
    CHECK(failed_with("LimitError", NULL));
    ev.limits.string = 0;
    CHECK(!wr_op_add(&ev, &a, &two, &out));
    CHECK(failed_with("TypeError",
                      "can only concatenate str (not \"int\") to str"));
    CHECK(!wr_contains(&ev, &a, &two, &is));
    CHECK(failed_with("TypeError", "'in <string>' requires string as left"
                                   " operand, not int"));
}

/* A list that holds itself prints, and does not compare for ever. */
static void
cycles(void)
{
    wr_list_t *l = wr_list_new(ev.pool, 1);
    wr_list_t *m = wr_list_new(ev.pool, 1);
    wr_val_t   v = wr_vlist(l);
    wr_val_t   w = wr_vlist(m);
    wr_buf_t   b = wr_buf(ev.pool);
    bool       equal;

    wr_list_push(ev.pool, l, v);
    wr_list_push(ev.pool, m, w);
    CHECK(wr_put_repr(&ev, &b, &v));
    CHECK_STR(wr_buf_text(&b), "[[...]]");
    CHECK(!wr_equal(&ev, &v, &w, &equal));
    CHECK(failed_with("RecursionError",
                      "maximum recursion depth exceeded in comparison"));
    CHECK_INT(ev.nested, 0);
}

static void
undefined(void)
{
    wr_val_t d = wr_vdict(wr_dict_new(ev.pool, 0));
    wr_val_t u, out;
    bool     truth;

    CHECK(wr_get_attr(&ev, &d, WR_STR("x"), &u));
    CHECK_INT(u.type, WR_V_UNDEFINED);
    CHECK(wr_truth(&ev, &u, &truth) && !truth);
    CHECK(!wr_get_attr(&ev, &u, WR_STR("y"), &out));
    CHECK(failed_with("UndefinedError", "'dict object' has no attribute 'x'"));
    ev.undef_kind = WR_UNDEF_CHAINABLE;
    CHECK(wr_get_attr(&ev, &d, WR_STR("x"), &u));
    CHECK(wr_get_attr(&ev, &u, WR_STR("y"), &out));
    ev.undef_kind = WR_UNDEF_STRICT;
    u = wr_undef_name(&ev, WR_STR("nope"));
    CHECK(!wr_truth(&ev, &u, &truth));
    CHECK(failed_with("UndefinedError", "'nope' is undefined"));
    ev.undef_kind = WR_UNDEF_DEFAULT;
}

static void
sandbox(void)
{
    wr_val_t  l = wr_vlist(wr_list_new(ev.pool, 0));
    wr_val_t  one = wr_int(1);
    wr_val_t  out;
    wr_args_t args = {.pos = &one, .n = 1};

    ev.sandbox = 1;
    CHECK(wr_invoke(&ev, &l, WR_STR("append"), &args, &out));
    CHECK_INT(l.u.list->n, 1);
    ev.sandbox = 2;
    CHECK(!wr_invoke(&ev, &l, WR_STR("append"), &args, &out));
    CHECK(failed_with("SecurityError",
                      "access to attribute 'append' of 'list' object is"
                      " unsafe."));
    CHECK(!wr_invoke(&ev, &l, WR_STR("__class__"), &args, &out));
    CHECK(failed_with("SecurityError", NULL));
    ev.sandbox = 0;
}

static void
names(void)
{
    CHECK((wr_attr_types(WR_STR("items")) & 1u << WR_V_DICT) != 0);
    CHECK((wr_attr_types(WR_STR("title")) & 1u << WR_V_DICT) == 0);
    CHECK((wr_attr_types(WR_STR("title")) & 1u << WR_V_STR) != 0);
}

static void
binding(void)
{
    wr_val_t   pos[2] = {wr_int(1), wr_int(2)};
    wr_kwarg_t kw = {WR_STR_INIT("width"), wr_int(3)};
    wr_args_t  args = {.pos = pos, .n = 1, .kw = &kw, .nkw = 1};
    wr_val_t   out[2];

    CHECK(wr_args_bind(&ev, "f", "s, width=4", &args, out, 2));
    CHECK_INT(out[1].u.i, 3);
    args.n = 2;
    CHECK(!wr_args_bind(&ev, "f", "s, width=4", &args, out, 2));
    CHECK(failed_with("TypeError",
                      "f() got multiple values for argument 'width'"));
    args.nkw = 0;
    args.n = 0;
    CHECK(!wr_args_bind(&ev, "f", "s, width=4", &args, out, 2));
    CHECK(failed_with("TypeError",
                      "f() missing 1 required positional argument: 's'"));
    args.n = 2;
    CHECK(!wr_args_bind(&ev, "f", "@, s", &args, out, 1));
    CHECK(failed_with("TypeError",
                      "f() takes 2 positional arguments but 3 were given"));
}

int
main(void)
{
    ev.pool = wr_pool_new();
    numbers();
    texts();
    cycles();
    undefined();
    sandbox();
    names();
    binding();
    wr_pool_free(ev.pool);
    return check_status();
}
