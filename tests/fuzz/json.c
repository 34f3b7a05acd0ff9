/*
 * JSON bodies: what is read is written again, and that text is read as the same.
 */
#include <weir/expr/json_in.h>
#include <weir/expr/json_out.h>
#include <weir/expr/template.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wr_str_t
write_it(wr_pool_t *pool, wr_env_t *env, const wr_val_t *v)
{
    wr_json_opts_t opts = WR_JSON_DEFAULTS;
    wr_eval_t      ev;
    wr_buf_t       b = wr_buf(pool);

    wr_eval_init(&ev, env, pool);
    if (!wr_json_put(&ev, &b, v, &opts)) {
        abort();
    }
    return wr_buf_text(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t       *pool = wr_pool_new();
    wr_env_options_t options = wr_env_defaults();
    wr_env_t        *env = wr_env_new(pool, &options);
    wr_json_limits_t limits = {.depth = 32, .any = true};
    wr_json_err_t    err = {0};
    wr_val_t         v, again;

    limits.no_duplicates = size % 2 == 0;
    if (wr_json_parse(pool, wr_str((const char *) data, size), &limits, &v, &err)) {
        wr_str_t text = write_it(pool, env, &v);

        if (!wr_json_parse(pool, text, &limits, &again, &err)
            || !wr_str_eq(text, write_it(pool, env, &again)))
        {
            abort();
        }
    } else if (err.message.n == 0) {
        abort();
    }
    wr_pool_free(pool);
    return 0;
}
