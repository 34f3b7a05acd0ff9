/*
 * Templates: any bytes either compile and render within the limits, or end with
 * an error that has a kind and a message.
 *
 * The input: a byte of options, then up to three texts parted by NUL: the
 * template, one to include (its name is "inc"), a JSON object as context.
 */
#include <weir/base/utf8.h>
#include <weir/expr/json_in.h>
#include <weir/expr/template.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    wr_str_t main, inc, context;
} input_t;

static wr_rc_t
load(void *data, wr_pool_t *pool, wr_str_t name, wr_source_t *out,
     wr_err_t *err)
{
    const input_t *in = data;

    (void) pool;
    (void) err;
    if (wr_str_eqz(name, "main")) {
        out->text = in->main;
    } else if (wr_str_eqz(name, "inc")) {
        out->text = in->inc;
    } else {
        return WR_NOTFOUND;
    }
    return WR_OK;
}

static void
check(const wr_err_t *err)
{
    if (err->kind == NULL || !wr_utf8_valid(err->message)) {
        abort();
    }
}

static void
options(wr_env_options_t *o, uint8_t bits)
{
    o->autoescape = (bits & 1) != 0 ? WR_AUTO_ON : WR_AUTO_OFF;
    o->extensions = 15;
    o->lex.trim_blocks = (bits & 2) != 0;
    o->lex.lstrip_blocks = (bits & 4) != 0;
    o->undefined = (bits >> 3) & 3;
    o->newstyle_gettext = (bits & 32) != 0;
    o->sandbox = (bits & 64) != 0;
    if ((bits & 128) != 0) {
        o->lex.line_statement = WR_STR("#");
        o->lex.line_comment = WR_STR("##");
    }
    o->limits = (wr_limits_t) {.steps = 20000, .output = 1 << 20,
                               .memory = 32 << 20, .string = 1 << 18,
                               .range = 10000};
}

static void
render(wr_env_t *env, wr_pool_t *pool, const wr_dict_t *context)
{
    wr_err_t       err = {0};
    wr_template_t *t = wr_env_get(env, WR_STR("main"), pool, &err);
    wr_bindings_t      vars = {.dict = context};
    wr_buf_t       out = wr_buf(NULL);
    wr_eval_t      ev;

    if (t == NULL) {
        check(&err);
        return;
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_template_render(t, &ev, &vars, &out)) {
        check(&ev.err);
    } else if (!wr_utf8_valid(wr_buf_text(&out))) {
        abort();
    }
    wr_buf_free(&out);
    wr_template_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t       *pool = wr_pool_new();
    wr_env_options_t o = wr_env_defaults();
    wr_str_t         rest = wr_str((const char *) data + 1, size - 1);
    input_t          in = {{"", 0}, {"", 0}, {"", 0}};
    wr_json_limits_t limits = {0};
    wr_json_err_t    bad;
    wr_val_t         context = {0};

    if (size > 1 && wr_utf8_valid(rest)) {
        wr_str_split(&rest, '\0', &in.main);
        wr_str_split(&rest, '\0', &in.inc);
        in.context = rest;
        options(&o, data[0]);
        o.loader = (wr_loader_t) {.load = load, .data = &in};
        if (in.context.n == 0
            || !wr_json_parse(pool, in.context, &limits, &context, &bad)
            || context.type != WR_V_DICT) {
            context = wr_vdict(wr_dict_new(pool, 0));
        }
        render(wr_env_new(pool, &o), pool, context.u.dict);
    }
    wr_pool_free(pool);
    return 0;
}
