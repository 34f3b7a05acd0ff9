/*
 * The tests behind `is`: one small function each.
 */
#include "filter_priv.h"

/* ---- of one value ---- */

#define TEST1(fn, pyname, expr)                                               \
    static bool fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)       \
    {                                                                         \
        static const wr_sig_t sig = {pyname, NULL, 1, 1, {"value"}};          \
        wr_val_t v;                                                           \
                                                                              \
        if (!wr_sig_bind(ev, &sig, args, &v)) {                               \
            return false;                                                     \
        }                                                                     \
        *out = wr_bool(expr);                                                 \
        return true;                                                          \
    }

static bool
is_mapping(const wr_val_t *v)
{
    return v->type == WR_V_DICT
        || (v->type == WR_V_OBJ && v->u.obj->type->mapping);
}

TEST1(is_boolean, "test_boolean", v.type == WR_V_BOOL)
TEST1(is_defined, "test_defined", v.type != WR_V_UNDEFINED)
TEST1(is_undefined, "test_undefined", v.type == WR_V_UNDEFINED)
TEST1(is_none, "test_none", v.type == WR_V_NONE)
TEST1(is_false, "test_false", v.type == WR_V_BOOL && v.u.i == 0)
TEST1(is_true, "test_true", v.type == WR_V_BOOL && v.u.i != 0)
TEST1(is_integer, "test_integer", v.type == WR_V_INT)
TEST1(is_float, "test_float", v.type == WR_V_FLOAT)
TEST1(is_number, "test_number", v.type == WR_V_FLOAT || wr_is_num(&v))
TEST1(is_string, "test_string", v.type == WR_V_STR)
TEST1(is_map, "test_mapping", is_mapping(&v))
TEST1(is_escaped, "test_escaped", wr_has_html(&v))

static bool
is_callable(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    if (!wr_bind_one(ev, "callable", args)) {
        return false;
    }
    *out = wr_bool(args->pos[0].type == WR_V_UNDEFINED
                   || wr_is_callable(&args->pos[0]));
    return true;
}

/* What has a length and items: strict undefined fails to have a length. */
static bool
is_sequence(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_sequence", NULL, 1, 1, {"value"}};
    wr_val_t v;
    bool     is;

    if (!wr_sig_bind(ev, &sig, args, &v)) {
        return false;
    }
    if (v.type == WR_V_UNDEFINED) {
        is = v.u.undef == NULL || v.u.undef->kind != WR_UNDEF_STRICT;
    } else if (v.type == WR_V_OBJ) {
        is = v.u.obj->type->length != NULL
             && (v.u.obj->type->sequence || v.u.obj->type->mapping);
    } else {
        is = wr_is_collection(&v);
    }
    *out = wr_bool(is);
    return true;
}

static bool
is_iterable(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_iterable", NULL, 1, 1, {"value"}};
    wr_val_t v;

    if (!wr_sig_bind(ev, &sig, args, &v)) {
        return false;
    }
    if (v.type == WR_V_UNDEFINED && v.u.undef != NULL
        && v.u.undef->kind == WR_UNDEF_STRICT) {
        return wr_undef_raise(ev, &v);      /* iter() fails with its error */
    }
    *out = wr_bool(v.type == WR_V_UNDEFINED || wr_is_iterable(&v));
    return true;
}

/* str(value).islower() or isupper(). */
static bool
case_is(wr_eval_t *ev, const wr_sig_t *sig, const char *method,
        const wr_args_t *args, wr_val_t *out)
{
    wr_val_t v, text;

    return wr_sig_bind(ev, sig, args, &v) && wr_str_val(ev, &v, &text)
        && wr_call_method(ev, &text, method, NULL, 0, out);
}

static bool
is_lower(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_lower", NULL, 1, 1, {"value"}};

    return case_is(ev, &sig, "islower", args, out);
}

static bool
is_upper(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_upper", NULL, 1, 1, {"value"}};

    return case_is(ev, &sig, "isupper", args, out);
}

/* ---- arithmetic ---- */

/* value % by == rest */
static bool
modulo_is(wr_eval_t *ev, const wr_val_t *value, const wr_val_t *by, int64_t rest,
          wr_val_t *out)
{
    wr_val_t got, want = wr_int(rest);
    bool     is;

    if (!wr_op_mod(ev, value, by, &got) || !wr_equal(ev, &got, &want, &is)) {
        return false;
    }
    *out = wr_bool(is);
    return true;
}

static bool
is_odd(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_odd", NULL, 1, 1, {"value"}};
    wr_val_t v, two = wr_int(2);

    return wr_sig_bind(ev, &sig, args, &v) && modulo_is(ev, &v, &two, 1, out);
}

static bool
is_even(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_even", NULL, 1, 1, {"value"}};
    wr_val_t v, two = wr_int(2);

    return wr_sig_bind(ev, &sig, args, &v) && modulo_is(ev, &v, &two, 0, out);
}

static bool
is_divisible(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {
        "test_divisibleby", NULL, 2, 2, {"value", "num"}};
    wr_val_t a[2];

    return wr_sig_bind(ev, &sig, args, a) && modulo_is(ev, &a[0], &a[1], 0, out);
}

/* ---- of two values ---- */

/* Python's functions of the module operator. */
static bool
bind_two(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    if (args->nkw != 0) {
        return wr_raise(ev, "TypeError",
                        "_operator.%s() takes no keyword arguments", name);
    }
    if (args->n != 2) {
        return wr_raise(ev, "TypeError", "%s expected 2 arguments, got %u",
                        name, args->n);
    }
    return true;
}

static bool
equal(wr_eval_t *ev, const char *name, bool want, const wr_args_t *args,
      wr_val_t *out)
{
    bool is;

    if (!bind_two(ev, name, args)
        || !wr_equal(ev, &args->pos[0], &args->pos[1], &is)) {
        return false;
    }
    *out = wr_bool(is == want);
    return true;
}

/* nan (2) is neither less nor greater. */
static bool
compare(wr_eval_t *ev, const char *name, const char *op, const wr_args_t *args,
        wr_val_t *out)
{
    int  cmp;
    bool is;

    if (!bind_two(ev, name, args)
        || !wr_compare(ev, op, &args->pos[0], &args->pos[1], &cmp)) {
        return false;
    }
    is = op[0] == '<' ? cmp < 0 : cmp == 1 || (cmp > 0 && cmp != 2);
    *out = wr_bool(is || (op[1] == '=' && cmp == 0));
    return true;
}

static bool
is_eq(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return equal(ev, "eq", true, args, out);
}

static bool
is_ne(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return equal(ev, "ne", false, args, out);
}

static bool
is_lt(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return compare(ev, "lt", "<", args, out);
}

static bool
is_le(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return compare(ev, "le", "<=", args, out);
}

static bool
is_gt(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return compare(ev, "gt", ">", args, out);
}

static bool
is_ge(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return compare(ev, "ge", ">=", args, out);
}

static bool
is_in(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_in", NULL, 2, 2, {"value", "seq"}};
    wr_val_t a[2];
    bool     is;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_contains(ev, &a[1], &a[0], &is)) {
        return false;
    }
    *out = wr_bool(is);
    return true;
}

/* Python's `is`, as far as it can be relied on: the same object; numbers and
 * texts that are equal and of one type. */
static bool
same(const wr_val_t *a, const wr_val_t *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch ((wr_vtype_t) a->type) {
    case WR_V_NONE:
        return true;
    case WR_V_BOOL:
    case WR_V_INT:
        return a->u.i == b->u.i;
    case WR_V_FLOAT:
        return memcmp(&a->u.f, &b->u.f, sizeof(a->u.f)) == 0;
    case WR_V_STR:
    case WR_V_BYTES:
        return ((a->flags ^ b->flags) & WR_VF_SAFE) == 0
            && wr_str_eq(wr_val_text(a), wr_val_text(b));
    case WR_V_UNDEFINED:
        return false;
    default:
        return a->u.obj == b->u.obj;
    }
}

static bool
is_same(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {
        "test_sameas", NULL, 2, 2, {"value", "other"}};
    wr_val_t a[2];

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    *out = wr_bool(same(&a[0], &a[1]));
    return true;
}

/* ---- names of filters and tests ---- */

static bool
is_known(wr_eval_t *ev, const wr_sig_t *sig,
         const wr_fn_row_t *(*lookup)(wr_eval_t *, wr_str_t),
         const wr_args_t *args, wr_val_t *out)
{
    wr_val_t v;
    uint64_t hash;

    if (!wr_sig_bind(ev, sig, args, &v) || !wr_hash_val(ev, &v, &hash)) {
        return false;
    }
    *out = wr_bool(v.type == WR_V_STR && lookup(ev, wr_val_text(&v)) != NULL);
    return true;
}

static bool
is_filter(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_filter", "env", 1, 1, {"value"}};

    return is_known(ev, &sig, wr_env_filter, args, out);
}

static bool
is_test(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    static const wr_sig_t sig = {"test_test", "env", 1, 1, {"value"}};

    return is_known(ev, &sig, wr_env_test, args, out);
}

const wr_fn_row_t wr_tests[] = {
    {"odd", is_odd, "value", "An odd number.", WR_FN_PURE,
     "3 is odd -> True"},
    {"even", is_even, "value", "An even number.", WR_FN_PURE,
     "4 is even -> True"},
    {"divisibleby", is_divisible, "value, num", "Divisible by a number.",
     WR_FN_PURE,
     "9 is divisibleby 3 -> True"},
    {"defined", is_defined, "value", "Not undefined.", WR_FN_PURE,
     "missing is defined -> False"},
    {"undefined", is_undefined, "value", "Undefined.", WR_FN_PURE,
     "missing is undefined -> True"},
    {"filter", is_filter, "value", "The name of a filter.", 0,
     "\"upper\" is filter -> True"},
    {"test", is_test, "value", "The name of a test.", 0,
     "\"odd\" is test -> True"},
    {"none", is_none, "value", "None.", WR_FN_PURE,
     "none is none -> True"},
    {"boolean", is_boolean, "value", "True or false.", WR_FN_PURE,
     "1 is boolean -> False"},
    {"false", is_false, "value", "False itself.", WR_FN_PURE,
     "false is false -> True"},
    {"true", is_true, "value", "True itself.", WR_FN_PURE,
     "1 is true -> False"},
    {"integer", is_integer, "value", "An integer, not a boolean.", WR_FN_PURE,
     "true is integer -> False"},
    {"float", is_float, "value", "A float.", WR_FN_PURE,
     "1.0 is float -> True"},
    {"lower", is_lower, "value", "Text in lower case.", WR_FN_PURE,
     "\"abc\" is lower -> True"},
    {"upper", is_upper, "value", "Text in upper case.", WR_FN_PURE,
     "\"ABC\" is upper -> True"},
    {"string", is_string, "value", "Text.", WR_FN_PURE,
     "1 is string -> False"},
    {"mapping", is_map, "value", "A mapping.", WR_FN_PURE,
     "{\"a\": 1} is mapping -> True"},
    {"number", is_number, "value", "A number or a boolean.", WR_FN_PURE,
     "1.5 is number -> True"},
    {"sequence", is_sequence, "value", "Something with items and a length.",
     WR_FN_PURE,
     "[1] is sequence -> True"},
    {"iterable", is_iterable, "value", "Something to loop over.", WR_FN_PURE,
     "5 is iterable -> False"},
    {"callable", is_callable, "obj", "Something to call.", WR_FN_PURE,
     "range is callable -> True"},
    {"sameas", is_same, "value, other", "The very same object.", 0,
     "none is sameas none -> True"},
    {"escaped", is_escaped, "value", "Markup.", WR_FN_PURE,
     "\"<b>\"|safe is escaped -> True"},
    {"in", is_in, "value, seq", "Contained in a sequence.", WR_FN_PURE,
     "2 is in [1, 2] -> True"},
    {"==", is_eq, "a, b", "Equal.", WR_FN_PURE,
     "[1, 2]|select(\"==\", 2)|list -> [2]"},
    {"eq", is_eq, "a, b", "Equal.", WR_FN_PURE,
     "1 is eq 1.0 -> True"},
    {"equalto", is_eq, "a, b", "Equal.", WR_FN_PURE,
     "[1, 2]|select(\"equalto\", 2)|list -> [2]"},
    {"!=", is_ne, "a, b", "Not equal.", WR_FN_PURE,
     "[1, 2]|select(\"!=\", 2)|list -> [1]"},
    {"ne", is_ne, "a, b", "Not equal.", WR_FN_PURE,
     "1 is ne 2 -> True"},
    {">", is_gt, "a, b", "Greater.", WR_FN_PURE,
     "[1, 2, 3]|select(\">\", 1)|list -> [2, 3]"},
    {"gt", is_gt, "a, b", "Greater.", WR_FN_PURE,
     "2 is gt 1 -> True"},
    {"greaterthan", is_gt, "a, b", "Greater.", WR_FN_PURE,
     "2 is greaterthan 1 -> True"},
    {"ge", is_ge, "a, b", "Greater or equal.", WR_FN_PURE,
     "2 is ge 2 -> True"},
    {">=", is_ge, "a, b", "Greater or equal.", WR_FN_PURE,
     "[1, 2, 3]|select(\">=\", 2)|list -> [2, 3]"},
    {"<", is_lt, "a, b", "Less.", WR_FN_PURE,
     "[1, 2, 3]|select(\"<\", 2)|list -> [1]"},
    {"lt", is_lt, "a, b", "Less.", WR_FN_PURE,
     "1 is lt 2 -> True"},
    {"lessthan", is_lt, "a, b", "Less.", WR_FN_PURE,
     "1 is lessthan 2 -> True"},
    {"<=", is_le, "a, b", "Less or equal.", WR_FN_PURE,
     "[1, 2, 3]|select(\"<=\", 2)|list -> [1, 2]"},
    {"le", is_le, "a, b", "Less or equal.", WR_FN_PURE,
     "2 is le 2 -> True"},
    {.name = NULL},
};
