/*
 * session: the data of a session, as a mapping for expressions and as JSON.
 *
 * What was loaded and what this request changes are kept apart, so that the
 * changes can be applied again to what another request has saved meanwhile.
 */
#include "session.h"

#include <weir/expr/json_in.h>
#include <weir/expr/json_quick.h>
#include <weir/expr/json_out.h>
#include <weir/expr/mapping.h>
#include <weir/expr/template.h>

/* ---- text ---- */

/* {"created": N, "session": {…}} as it is written here and by aiohttp-session: only
 * what is within is looked at. False: it is another text. The text lives as long as
 * the request. */
static bool
parse_usual(session_t *s, wr_str_t text, wr_dict_t **dict, int64_t *created)
{
    static const wr_str_t         begin = WR_STR_INIT("{\"created\": ");
    static const wr_str_t         middle = WR_STR_INIT(", \"session\": ");
    static const wr_json_limits_t limits = {.keeps = true, .depth = 511};
    size_t                        i = begin.n;
    wr_val_t                      v;

    if (text.n < 2 || text.p[text.n - 1] != '}' || !wr_str_starts(text, begin)) {
        return false;
    }
    while (i < text.n && wr_is_digit(text.p[i])) {
        i++;
    }
    if (!wr_str_starts(wr_str_skip(text, i), middle)
        || !wr_parse_int(wr_str_sub(text, begin.n, i), created)
        || !wr_json_quick(wr_pool(s->r),
                          wr_str_sub(text, i + middle.n, text.n - 1), &limits, &v)
        || v.type != WR_V_DICT)
    {
        return false;
    }
    *dict = v.u.dict;
    s->head = i + middle.n;
    return true;
}

static bool
parse(session_t *s, wr_str_t text, wr_dict_t **dict, int64_t *created)
{
    wr_json_limits_t limits = {0};
    wr_json_err_t    err = {0};
    wr_val_t         v, *inner, *since;

    s->head = 0;
    if (parse_usual(s, text, dict, created)) {
        return true;
    }
    if (!wr_json_parse(wr_pool(s->r), text, &limits, &v, &err)) {
        wr_log(&s->r->log, WR_LOG_WARN, 0, "the store holds what is no session: %.*s",
               WR_ARG(err.message));
        return false;
    }
    inner = v.type == WR_V_DICT ? wr_dict_gets(v.u.dict, WR_STR("session")) : NULL;
    if (inner == NULL || inner->type != WR_V_DICT) {
        return false;       /* {}: what aiohttp-session leaves of an ended one */
    }
    since = wr_dict_gets(v.u.dict, WR_STR("created"));
    *created = since == NULL ? wr_clock.sec
             : since->type == WR_V_INT ? since->u.i
             : since->type == WR_V_FLOAT && since->u.f > 0 && since->u.f < 1e12
                 ? (int64_t) since->u.f
                 : wr_clock.sec;
    *dict = inner->u.dict;
    return true;
}

/* What a template could change is copied. */
static wr_val_t
own(wr_pool_t *pool, const wr_val_t *v)
{
    return v->type <= WR_V_STR ? *v : wr_val_copy(pool, v);
}

static wr_dict_t *
copy(wr_pool_t *pool, const wr_dict_t *d)
{
    wr_dict_t       *to = wr_dict_new(pool, d->live + 4);
    wr_dict_entry_t *e;

    for (uint32_t i = 0; (e = wr_dict_next(d, &i)) != NULL;) {
        wr_dict_sets(pool, to, wr_val_text(&e->key), own(pool, &e->value));
    }
    return to;
}

bool
session_parse(session_t *s, wr_str_t text)
{
    if (!parse(s, text, &s->base, &s->created)) {
        return false;
    }
    s->text = text;
    s->now = s->base;       /* till it is changed */
    return true;
}

static const wr_json_opts_t json = {.ascii = true};

/* Of a change; false: JSON cannot hold it. */
static bool
write_change(session_t *s, change_t *c, wr_err_t *err)
{
    wr_buf_t  b = wr_buf(wr_pool(s->r));
    wr_eval_t ev;

    if (c->value.type == WR_V_UNDEFINED) {
        return true;
    }
    if (!wr_json_put_scalar(&b, &c->value, &json)) {
        wr_app_eval_init(s->r, &ev, wr_pool(s->r));
        if (!wr_json_put(&ev, &b, &c->value, &json)) {
            *err = ev.err;
            return false;
        }
    }
    c->json = wr_buf_text(&b);
    return true;
}

/* What this request has set is JSON already, if no template has changed it since. */
static wr_str_t
written(const session_t *s, wr_str_t key)
{
    for (uint32_t i = s->changes.n; i-- != 0;) {
        const change_t *c = WR_AT(&s->changes, change_t, i);

        if (wr_str_eq(c->key, key)) {
            return c->value.type <= WR_V_STR ? c->json : WR_STR_NONE;
        }
    }
    return WR_STR_NONE;
}

static bool
write_entries(session_t *s, wr_buf_t *b, wr_err_t *err)
{
    wr_dict_entry_t *e;
    bool             first = true;
    wr_eval_t        ev;

    for (uint32_t i = 0; (e = wr_dict_next(s->now, &i)) != NULL; first = false) {
        wr_str_t text = written(s, wr_val_text(&e->key));

        if (!first) {
            wr_buf_lit(b, ", ");
        }
        wr_json_put_str(b, wr_val_text(&e->key), &json);
        wr_buf_lit(b, ": ");
        if (text.n != 0) {
            wr_buf_str(b, text);
        } else if (!wr_json_put_scalar(b, &e->value, &json)) {
            wr_app_eval_init(s->r, &ev, wr_pool(s->r));
            if (!wr_json_put(&ev, b, &e->value, &json)) {
                *err = ev.err;
                return false;
            }
        }
    }
    return true;
}

bool
session_write(session_t *s, wr_str_t *text)
{
    wr_buf_t b = wr_buf(wr_pool(s->r));
    wr_err_t err;

    wr_buf_reserve(&b, s->text.n + 128);
    if (s->head != 0 && s->text.n > s->head) {
        wr_buf_add(&b, s->text.p, s->head);
    } else {
        wr_buf_lit(&b, "{\"created\": ");
        wr_buf_int(&b, s->created);
        wr_buf_lit(&b, ", \"session\": ");
    }
    wr_buf_char(&b, '{');
    if (!write_entries(s, &b, &err)) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "the session cannot be saved: %.*s",
               WR_ARG(err.message));
        return false;
    }
    wr_buf_lit(&b, "}}");
    if (b.n > s->settings->max_size) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "the session has %zu bytes, more than max_size",
               b.n);
        return false;
    }
    *text = wr_buf_text(&b);
    return true;
}

/* ---- changes ---- */

static bool
same(session_t *s, const wr_val_t *a, const wr_val_t *b)
{
    wr_eval_t ev;
    bool      equal;

    if (a == NULL || b == NULL || b->type == WR_V_UNDEFINED) {
        return a == NULL && (b == NULL || b->type == WR_V_UNDEFINED);
    }
    if (a->type != b->type) {
        return false;
    }
    if (a->type == WR_V_STR) {
        return wr_str_eq(wr_val_text(a), wr_val_text(b));
    }
    if (a->type == WR_V_BOOL || a->type == WR_V_INT) {
        return a->u.i == b->u.i;
    }
    if (a->type == WR_V_FLOAT) {
        return a->u.f == b->u.f;
    }
    wr_app_eval_init(s->r, &ev, wr_pool(s->r));
    return wr_equal(&ev, a, b, &equal) && equal;
}

static void
apply(session_t *s, const change_t *c)
{
    wr_val_t key = wr_vstr(c->key);

    if (s->now == s->base) {
        s->now = copy(wr_pool(s->r), s->base);
    }
    if (c->value.type == WR_V_UNDEFINED) {
        wr_eval_t ev;
        wr_val_t  old;

        wr_app_eval_init(s->r, &ev, wr_pool(s->r));
        (void) wr_dict_del(&ev, s->now, &key, &old);
    } else {
        wr_dict_sets(wr_pool(s->r), s->now, c->key, c->value);
    }
}

bool
session_change(session_t *s, wr_str_t key, const wr_val_t *v, const wr_app_expr_t *expr)
{
    change_t  new = {.key = key, .value = own(wr_pool(s->r), v), .expr = expr};
    change_t *c = NULL;
    wr_err_t  err;

    for (uint32_t i = s->written; i < s->changes.n; i++) {
        if (wr_str_eq(WR_AT(&s->changes, change_t, i)->key, key)) {
            c = WR_AT(&s->changes, change_t, i);
        }
    }
    if (c == NULL && !s->saving && same(s, wr_dict_gets(s->base, key), v)) {
        return true;
    }
    if (!write_change(s, &new, &err)) {
        (void) wr_app_fail(s->r, expr != NULL ? &expr->at : &s->settings->at, 500,
                           WR_STR("Internal Server Error"),
                           "the session's \"%.*s\" cannot be kept: %.*s", WR_ARG(key),
                           WR_ARG(err.message));
        return false;
    }
    if (c == NULL) {
        c = WR_PUSH(&s->changes, change_t);
    }
    *c = new;
    apply(s, c);
    return true;
}

static bool
uses_session(const wr_app_expr_t *e)
{
    if (e == NULL || e->slow) {
        return false;
    }
    for (uint32_t i = 0; i < wr_expr_nnames(e->expr); i++) {
        if (wr_str_eqz(wr_expr_name_at(e->expr, i), "session")) {
            return true;
        }
    }
    return false;
}

/* A key that both changed: an expression over the session (`session.n + 1`) is
 * evaluated again, so that no increment is lost; any other value stands. */
bool
session_merge(session_t *s, wr_str_t text)
{
    wr_dict_t *before = s->base;
    wr_err_t   err;

    if (text.n == 0) {
        s->base = wr_dict_new(wr_pool(s->r), 0);
        s->created = wr_clock.sec;
        s->head = 0;
    } else if (!parse(s, text, &s->base, &s->created)) {
        return false;
    }
    s->text = text;
    s->now = s->base;
    for (WR_EACH(change_t, c, &s->changes)) {
        const wr_val_t *theirs = wr_dict_gets(s->base, c->key);

        if (uses_session(c->expr) && !same(s, wr_dict_gets(before, c->key), theirs)) {
            wr_val_t v;

            if (!wr_app_eval(s->r, c->expr, &v)) {
                return false;
            }
            c->value = own(wr_pool(s->r), &v);
            if (!write_change(s, c, &err)) {
                return false;
            }
        }
        apply(s, c);
    }
    return true;
}

/* ---- the mapping ---- */

static wr_dict_t *
now_of(wr_obj_t *o)
{
    return ((session_t *) (void *) o)->now;
}

static bool
find(wr_obj_t *o, wr_str_t key, wr_val_t *out)
{
    const wr_val_t *v = wr_dict_gets(now_of(o), key);

    if (v == NULL) {
        return false;
    }
    *out = *v;
    return true;
}

static bool
next(wr_eval_t *ev, wr_obj_t *o, int64_t *at, wr_str_t *key, wr_val_t *value)
{
    uint32_t               i = (uint32_t) *at;
    const wr_dict_entry_t *e = wr_dict_next(now_of(o), &i);

    (void) ev;
    if (e == NULL) {
        return false;
    }
    *at = i;
    *key = wr_val_text(&e->key);
    *value = e->value;
    return true;
}

static uint32_t
count(wr_eval_t *ev, wr_obj_t *o)
{
    (void) ev;
    return now_of(o)->live;
}

static const wr_mapping_t map = {.find = find, .next = next, .count = count};

static bool
repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_buf_lit(to, "<session ");
    if (!wr_mapping_repr(ev, o, to)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

const wr_obj_type_t session_type = {
    .name = "session", .attr = wr_mapping_attr, .repr = repr, WR_MAPPING_HOOKS(&map),
};
