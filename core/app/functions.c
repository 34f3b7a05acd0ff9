/*
 * Functions of expressions beside Jinja2's own, and variables for nginx-style
 * strings: $param_NAME, $app_NAME, $app_time_NAME.
 */
#define _GNU_SOURCE
#include <weir/app/app_priv.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/base/base64.h>
#include <weir/expr/json_in.h>
#include <weir/os/random.h>
#include <weir/process/process.h>

static wr_val_t
hex(wr_pool_t *pool, const unsigned char *raw, size_t n)
{
    char *text = wr_alloc_bytes(pool, n * 2 + 1);

    for (size_t i = 0; i < n; i++) {
        text[i * 2] = "0123456789abcdef"[raw[i] >> 4];
        text[i * 2 + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    return wr_vstr(wr_str(text, n * 2));
}

/* The text of an argument, or a TypeError. */
static bool
text_arg(wr_eval_t *ev, const char *fn, const wr_val_t *v, wr_str_t *s)
{
    if (v->type != WR_V_STR && v->type != WR_V_BYTES) {
        if (v->type == WR_V_UNDEFINED) {
            return wr_undef_raise(ev, v);
        }
        return wr_raise(ev, "TypeError", "%s() needs a str, not %s", fn, wr_type_name(v));
    }
    *s = wr_val_text(v);
    return true;
}

/* ---- time ---- */

static bool
now(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    struct timespec t;

    if (!wr_args_bind(ev, "now", "", args, NULL, 0)) {
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &t);
    *out = wr_float((double) t.tv_sec + (double) t.tv_nsec / 1e9);
    return true;
}

static bool
seconds(wr_eval_t *ev, const char *fn, const wr_val_t *v, time_t *t)
{
    if (!wr_given(v) || v->type == WR_V_NONE) {
        *t = time(NULL);
    } else if (v->type == WR_V_INT || v->type == WR_V_BOOL) {
        *t = (time_t) v->u.i;
    } else if (v->type == WR_V_FLOAT && v->u.f > -1e15 && v->u.f < 1e15) {
        *t = (time_t) v->u.f;
    } else if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    } else {
        return wr_raise(ev, "TypeError", "%s() needs a number, not %s", fn, wr_type_name(v));
    }
    if (*t > 253402300799 || *t < -62135596800) {
        return wr_raise(ev, "OverflowError", "timestamp out of range for platform time_t");
    }
    return true;
}

static bool
ctime_fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t  v[1];
    time_t    t;
    struct tm tm;
    char      text[64];

    if (!wr_args_bind(ev, "ctime", "t=none", args, v, 1)
        || !seconds(ev, "ctime", &v[0], &t))
    {
        return false;
    }
    localtime_r(&t, &tm);
    *out = wr_vstr(wr_pool_str(ev->pool,
                               wr_str(text, strftime(text, sizeof(text),
                                                     "%a %b %e %H:%M:%S %Y", &tm))));
    return true;
}

static bool
strftime_fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t  v[2];
    wr_str_t  format;
    time_t    t;
    struct tm tm;
    char     *text;
    size_t    room;

    if (!wr_args_bind(ev, "strftime", "format, t=none", args, v, 2)
        || !text_arg(ev, "strftime", &v[0], &format) || !seconds(ev, "strftime", &v[1], &t))
    {
        return false;
    }
    if (format.n > 1000) {
        return wr_raise(ev, "ValueError", "the format is too long");
    }
    localtime_r(&t, &tm);
    room = format.n * 64 + 64;
    text = wr_alloc_bytes(ev->pool, room);
    *out = wr_vstr(wr_str(text, strftime(text, room, wr_pool_strz(ev->pool, format), &tm)));
    return true;
}

/* ---- random ---- */

static bool
uuid4(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    unsigned char raw[16];
    wr_str_t      h;

    if (!wr_args_bind(ev, "uuid4", "", args, NULL, 0)) {
        return false;
    }
    wr_random_bytes(raw, sizeof(raw));
    raw[6] = (unsigned char) ((raw[6] & 0x0f) | 0x40);
    raw[8] = (unsigned char) ((raw[8] & 0x3f) | 0x80);
    h = wr_val_text(&(wr_val_t[1]) {hex(ev->pool, raw, sizeof(raw))}[0]);
    *out = wr_vstr(wr_pool_printf(ev->pool, "%.8s-%.4s-%.4s-%.4s-%.12s", h.p, h.p + 8,
                                  h.p + 12, h.p + 16, h.p + 20));
    return true;
}

static bool
token(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t      v[1];
    unsigned char raw[1024];
    int64_t       n = 32;

    if (!wr_args_bind(ev, "token", "bytes=32", args, v, 1)) {
        return false;
    }
    if (wr_given(&v[0])) {
        if (v[0].type != WR_V_INT || v[0].u.i < 1 || v[0].u.i > (int64_t) sizeof(raw)) {
            return wr_raise(ev, "ValueError", "token() makes 1 to 1024 bytes");
        }
        n = v[0].u.i;
    }
    wr_random_bytes(raw, (size_t) n);
    *out = wr_vstr(wr_base64_encode(ev->pool, wr_str((char *) raw, (size_t) n), true));
    return true;
}

/* ---- digests ---- */

static bool
sha256(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t      v[1];
    wr_str_t      s;
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned      n;

    if (!wr_args_bind(ev, "sha256", "s", args, v, 1) || !text_arg(ev, "sha256", &v[0], &s)) {
        return false;
    }
    if (EVP_Digest(s.p, s.n, raw, &n, EVP_sha256(), NULL) != 1) {
        return wr_raise(ev, "RuntimeError", "sha256 failed");
    }
    *out = hex(ev->pool, raw, n);
    return true;
}

static bool
hmac_sha256(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t      v[2];
    wr_str_t      key, s;
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned      n;

    if (!wr_args_bind(ev, "hmac_sha256", "key, s", args, v, 2)
        || !text_arg(ev, "hmac_sha256", &v[0], &key)
        || !text_arg(ev, "hmac_sha256", &v[1], &s))
    {
        return false;
    }
    if (HMAC(EVP_sha256(), key.p, (int) key.n, (const unsigned char *) s.p, s.n, raw, &n)
        == NULL)
    {
        return wr_raise(ev, "RuntimeError", "hmac_sha256 failed");
    }
    *out = hex(ev->pool, raw, n);
    return true;
}

/* ---- others ---- */

static bool
parse_json(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t         v[1];
    wr_str_t         s;
    wr_json_limits_t limits = {.depth = 64, .any = true};
    wr_json_err_t    err = {0};

    if (!wr_args_bind(ev, "parse_json", "s", args, v, 1)
        || !text_arg(ev, "parse_json", &v[0], &s))
    {
        return false;
    }
    if (!wr_json_parse(ev->pool, s, &limits, out, &err)) {
        return wr_raise(ev, "ValueError", "not JSON: %.*s (line %u, column %u)",
                        WR_ARG(err.message), err.line, err.column);
    }
    return true;
}

static bool
env_fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t    v[2];
    wr_str_t    s;
    const char *value;

    if (!wr_args_bind(ev, "env", "name, default=none", args, v, 2)
        || !text_arg(ev, "env", &v[0], &s))
    {
        return false;
    }
    /* What `env` says first; the conf may ask for what the workers do not inherit. */
    value = getenv(wr_pool_strz(ev->pool, s));
    if (value == NULL) {
        value = wr_process_started_with(wr_pool_strz(ev->pool, s));
    }
    if (value != NULL) {
        *out = app_str(ev->pool, wr_pool_str(ev->pool, wr_str_z(value)));
    } else {
        *out = wr_given(&v[1]) ? v[1] : wr_undef_name(ev, s);
    }
    return true;
}

static bool
url_for(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    if (wr_app_url_for == NULL) {
        return wr_raise(ev, "RuntimeError", "url_for() needs http_route_module");
    }
    return wr_app_url_for(ev, args, out);
}

const wr_fn_row_t app_functions[] = {
    {"now", now, "", "Seconds since 1970, a float.", 0,
     "now() > 1000000000 -> True"},
    {"ctime", ctime_fn, "t=none", "A time as Python's time.ctime() writes it.", 0,
     "ctime(0)"},
    {"strftime", strftime_fn, "format, t=none", "A time in a format of strftime(3).", 0,
     "strftime(\"%Y-%m-%d\", 86400) -> 1970-01-02"},
    {"uuid4", uuid4, "", "A random UUID.", 0,
     "uuid4()|length -> 36"},
    {"token", token, "bytes=32", "Random bytes in base64url: for secrets.", 0,
     "token(16)|length -> 22"},
    {"sha256", sha256, "s", "The SHA-256 of a text, hexadecimal.", 0,
     "sha256(\"abc\") -> ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"hmac_sha256", hmac_sha256, "key, s", "The HMAC-SHA-256 of a text, hexadecimal.", 0,
     "hmac_sha256(\"key\", \"abc\") -> "
     "9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab"},
    {"parse_json", parse_json, "s", "The value that JSON text stands for.", 0,
     "parse_json('{\"a\": [1, 2]}').a[1] -> 2"},
    {"env", env_fn, "name, default=none", "A variable of the environment.", 0,
     "env(\"WEIR_NO_SUCH_NAME\", \"unset\") -> unset"},
    {"url_for", url_for, "name, …", "The URL of a named route. With a constant name, that no "
     "route has it or that a parameter is missing is an error of the conf.", 0,
     "url_for(\"post\", id=7) -> /posts/7"},
    {"hash_password", app_hash_password, "p", "A salted scrypt hash of a password.", WR_FN_SLOW,
     "hash_password(\"secret\") is string -> True"},
    {"verify_password", app_verify_password, "p, hash",
     "Whether a password has this hash; in constant time.", WR_FN_SLOW,
     "verify_password(\"secret\", hash_password(\"secret\")) -> True"},
    {.name = NULL},
};

/* ---- variables ---- */

static wr_rc_t
as_text(wr_req_t *r, const wr_val_t *v, wr_str_t *value)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    if (v->type == WR_V_STR) {
        *value = wr_val_text(v);
        return WR_OK;
    }
    if (v->type == WR_V_UNDEFINED || v->type == WR_V_NONE
        || !wr_put_str(&app_of(r)->ev, &b, v))
    {
        return WR_NOTFOUND;
    }
    *value = wr_buf_text(&b);
    return WR_OK;
}

static wr_rc_t
get_param(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    app_t   *a = r->app;
    wr_str_t name = wr_str_skip(v->name, sizeof("param_") - 1);

    for (unsigned i = 0; a != NULL && i < a->nparams; i++) {
        if (wr_str_eq(a->params[i].name, name)) {
            return as_text(r, &a->params[i].value, value);
        }
    }
    return WR_NOTFOUND;
}

static wr_rc_t
get_app(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    app_t   *a = r->app;
    name_t  *n;

    if (a == NULL) {
        return WR_NOTFOUND;
    }
    n = wr_map_get(&a->main->names, wr_str_skip(v->name, sizeof("app_") - 1));
    if (n == NULL || n->get != NULL || !wr_given(&a->slots[n->slot])) {
        return WR_NOTFOUND;
    }
    return as_text(r, &a->slots[n->slot], value);
}

static wr_rc_t
get_time(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    app_t   *a = r->app;
    uint64_t us = a != NULL ? a->times[v->data] / 1000 : 0;

    if (us == 0) {
        return WR_NOTFOUND;
    }
    *value = wr_pool_printf(wr_pool(r), "%" PRIu64 ".%06u", us / 1000000,
                            (unsigned) (us % 1000000));
    return WR_OK;
}

static wr_rc_t
get_error_message(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    if (r->app == NULL || ((app_t *) r->app)->message.n == 0) {
        return WR_NOTFOUND;
    }
    *value = ((app_t *) r->app)->message;
    return WR_OK;
}

const wr_var_row_t app_variables[] = {
    {"error_message", get_error_message, NULL, 0, WR_VAR_NOCACHE,
     "What the application tells the client about the error: for error_page's template."},
    {"param_", get_param, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "What the route's pattern captured under this name."},
    {"app_time_sql", get_time, NULL, WR_TIME_SQL, WR_VAR_NOCACHE, "Seconds spent in SQL."},
    {"app_time_template", get_time, NULL, WR_TIME_TEMPLATE, WR_VAR_NOCACHE,
     "Seconds spent in templates."},
    {"app_time_fetch", get_time, NULL, WR_TIME_FETCH, WR_VAR_NOCACHE,
     "Seconds spent waiting for fetches."},
    {"app_time_session", get_time, NULL, WR_TIME_SESSION, WR_VAR_NOCACHE,
     "Seconds spent waiting for the session store."},
    {"app_", get_app, NULL, 0, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "The value that a step has given this name."},
    {NULL, NULL, NULL, 0, 0, NULL},
};
