/*
 * weir-render --batch: JSON requests, one a line, to JSON answers.
 *
 * Each request has an environment and a pool of its own, so nothing of one
 * shows in another. Whatever is wrong with a request is an answer too.
 */
#include <weir/expr/json_in.h>
#include <weir/expr/json_out.h>
#include <weir/main/render.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    wr_pool_t       *pool;
    const wr_dict_t *templates;
    const wr_dict_t *context;
    const wr_val_t  *id;
    wr_str_t         main;
    int64_t          repeat;
    wr_env_options_t options;
    wr_env_t        *env;
    wr_buf_t         answer;
} request_t;

static const wr_json_opts_t json = {.ascii = true};

/* ---- answers ---- */

static void
put_key(request_t *r, const char *key)
{
    wr_buf_z(&r->answer, r->answer.n > 1 ? ", \"" : "\"");
    wr_buf_z(&r->answer, key);
    wr_buf_lit(&r->answer, "\": ");
}

static void
put_text(request_t *r, const char *key, wr_str_t s)
{
    put_key(r, key);
    wr_json_put_str(&r->answer, s, &json);
}

static void
put_id(request_t *r)
{
    wr_eval_t ev = {.pool = r->pool};

    size_t    was;

    if (r->id != NULL) {
        put_key(r, "id");
        was = r->answer.n;
        if (!wr_json_put(&ev, &r->answer, r->id, &json)) {
            r->answer.n = was;
            wr_buf_lit(&r->answer, "null");
        }
    }
}

static void
put_error(request_t *r, const wr_err_t *err)
{
    r->answer.n = 0;
    wr_buf_char(&r->answer, '{');
    put_id(r);
    put_text(r, "error", wr_str_z(err->kind));
    put_text(r, "message", err->message);
    if (err->line != 0) {
        put_key(r, "line");
        wr_buf_uint(&r->answer, err->line);
    }
    if (err->column != 0) {
        put_key(r, "column");
        wr_buf_uint(&r->answer, err->column);
    }
    if (err->name.n != 0) {
        put_text(r, "template", err->name);
    }
}

static bool
refuse(request_t *r, wr_str_t message)
{
    wr_err_t err = {.kind = "RequestError", .message = message};

    put_error(r, &err);
    return false;
}

/* ---- requests ---- */

static wr_rc_t
load(void *data, wr_pool_t *pool, wr_str_t name, wr_source_t *out,
     wr_err_t *err)
{
    const request_t *r = data;
    const wr_val_t  *v;

    (void) pool;
    (void) err;
    v = r->templates != NULL ? wr_dict_gets(r->templates, name) : NULL;
    if (v == NULL || v->type != WR_V_STR) {
        return WR_NOTFOUND;
    }
    out->text = wr_val_text(v);
    return WR_OK;
}

/* Stands among the options, or beside them. */
static bool
take_repeat(request_t *r, const wr_val_t *v)
{
    if (v == NULL || v->type == WR_V_NONE) {
        return true;
    }
    if (v->type != WR_V_INT || v->u.i < 0) {
        return refuse(r, WR_STR("'repeat' is not a number of renders"));
    }
    r->repeat = v->u.i;
    return true;
}

static bool
take_options(request_t *r, const wr_val_t *v)
{
    wr_dict_entry_t *e;
    uint32_t         i = 0;
    wr_str_t         why = WR_STR_NONE;

    if (v == NULL || v->type == WR_V_NONE) {
        return true;
    }
    if (v->type != WR_V_DICT) {
        return refuse(r, WR_STR("'options' is not an object"));
    }
    while ((e = wr_dict_next(v->u.dict, &i)) != NULL) {
        if (wr_str_eqz(wr_val_text(&e->key), "repeat")) {
            if (!take_repeat(r, &e->value)) {
                return false;
            }
            continue;
        }
        if (!wr_render_option(r->pool, &r->options, wr_val_text(&e->key),
                              &e->value, &why))
        {
            return refuse(r, why);
        }
    }
    why = wr_render_check(&r->options);
    return why.n == 0 || refuse(r, why);
}

static bool
take_dict(request_t *r, const wr_dict_t *req, const char *key,
          const wr_dict_t **out)
{
    const wr_val_t *v = wr_dict_gets(req, wr_str_z(key));

    if (v != NULL && v->type != WR_V_NONE) {
        if (v->type != WR_V_DICT) {
            return refuse(
                r, wr_pool_printf(r->pool, "'%s' is not an object", key));
        }
        *out = v->u.dict;
    }
    return true;
}

static bool
take_request(request_t *r, const wr_dict_t *req)
{
    const wr_dict_t *globals = NULL;
    const wr_val_t  *v;
    wr_dict_entry_t *e;
    uint32_t         i = 0;

    r->id = wr_dict_gets(req, WR_STR("id"));
    r->options = wr_env_defaults();
    r->main = WR_STR("main");
    if (!take_dict(r, req, "templates", &r->templates)
        || !take_dict(r, req, "context", &r->context)
        || !take_dict(r, req, "globals", &globals)
        || !take_options(r, wr_dict_gets(req, WR_STR("options")))
        || !take_repeat(r, wr_dict_gets(req, WR_STR("repeat"))))
    {
        return false;
    }
    v = wr_dict_gets(req, WR_STR("main"));
    if (v != NULL && v->type != WR_V_NONE) {
        if (v->type != WR_V_STR) {
            return refuse(r, WR_STR("'main' is not a string"));
        }
        r->main = wr_val_text(v);
    }
    r->options.loader = (wr_loader_t){.load = load, .data = r};
    r->env = wr_env_new(r->pool, &r->options);
    while (globals != NULL && (e = wr_dict_next(globals, &i)) != NULL) {
        wr_env_set_global(r->env, wr_val_text(&e->key), e->value);
    }
    return true;
}

/* ---- rendering ---- */

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* A template may change its context, so each render has a copy, which is not
 * timed. */
static bool
repeat(request_t *r, const wr_template_t *t, wr_err_t *err)
{
    wr_pool_t *pool = wr_pool_new();
    wr_val_t   source = {.type = WR_V_DICT}, copy = {0};
    wr_bindings_t  vars = {0};
    wr_eval_t  ev;
    wr_buf_t   out;
    uint64_t   total = 0, from;
    int64_t    i;
    bool       ok = true;

    source.u.dict = (wr_dict_t *) r->context;
    for (i = 0; ok && i < r->repeat; i++) {
        wr_pool_clear(pool);
        if (r->context != NULL) {
            copy = wr_val_copy(pool, &source);
            vars.dict = copy.u.dict;
        }
        from = now_ns();
        out = wr_buf(pool);
        wr_eval_init(&ev, r->env, pool);
        ok = wr_template_render(t, &ev, &vars, &out);
        total += now_ns() - from;
    }
    if (ok) {
        put_key(r, "ns_per_render");
        wr_buf_uint(&r->answer, total / (uint64_t) r->repeat);
    } else {
        *err = ev.err;
        err->message = wr_pool_str(r->pool, err->message);
        err->name = wr_pool_str(r->pool, err->name);
    }
    wr_pool_free(pool);
    return ok;
}

static void
render(request_t *r)
{
    wr_err_t       err = {0};
    wr_template_t *t = wr_env_get(r->env, r->main, r->pool, &err);
    wr_bindings_t      vars = {.dict = r->context};
    wr_eval_t      ev;
    wr_buf_t       out = wr_buf(NULL);
    wr_val_t       source = {.type = WR_V_DICT}, copy;

    if (t == NULL) {
        put_error(r, &err);
        return;
    }
    if (r->context != NULL && r->repeat != 0) {
        source.u.dict = (wr_dict_t *) r->context;
        copy = wr_val_copy(r->pool, &source);
        vars.dict = copy.u.dict;
    }
    wr_eval_init(&ev, r->env, r->pool);
    if (!wr_template_render(t, &ev, &vars, &out)) {
        put_error(r, &ev.err);
    } else {
        put_text(r, "output", wr_buf_text(&out));
        if (r->repeat != 0 && !repeat(r, t, &err)) {
            put_error(r, &err);
        }
    }
    wr_buf_free(&out);
    wr_template_free(t);
}

static void
not_json(request_t *r, const wr_json_err_t *bad)
{
    wr_err_t err = {.kind = "OverflowError", .message = bad->message};

    if (wr_str_starts(bad->message, WR_STR("too big integer"))) {
        put_error(r, &err);
    } else {
        refuse(r, wr_pool_printf(r->pool, "the request is not JSON: %.*s",
                                 WR_ARG(bad->message)));
    }
}

static void
answer(wr_str_t line)
{
    request_t        r = {.pool = wr_pool_new()};
    wr_json_limits_t limits = {.any = true, .depth = 1500};
    wr_json_err_t    bad = {0};
    wr_val_t         req;

    r.answer = wr_buf(NULL);
    wr_buf_char(&r.answer, '{');
    if (!wr_json_parse(r.pool, line, &limits, &req, &bad)) {
        not_json(&r, &bad);
    } else if (req.type != WR_V_DICT) {
        refuse(&r, WR_STR("the request is not an object"));
    } else if (take_request(&r, req.u.dict)) {
        put_id(&r);
        render(&r);
    }
    wr_buf_lit(&r.answer, "}\n");
    fwrite(r.answer.p, 1, r.answer.n, stdout);
    fflush(stdout);
    wr_buf_free(&r.answer);
    wr_pool_free(r.pool);
}

int
wr_render_batch(void)
{
    char    *line = NULL;
    size_t   cap = 0;
    ssize_t  n;
    wr_str_t s;

    while ((n = getline(&line, &cap, stdin)) >= 0) {
        s = wr_str_trim(wr_str(line, (size_t) n));
        if (s.n != 0) {
            answer(s);
        }
        if (ferror(stdout)) {
            break;
        }
    }
    free(line);
    return ferror(stdout) || ferror(stdin) ? 1 : 0;
}
