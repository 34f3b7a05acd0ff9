/*
 * JSON: whatever the quick way takes, Jansson takes as well and reads the same; no
 * bytes do harm.
 */
#include <weir/expr/json_out.h>
#include <weir/expr/json_quick.h>
#include <weir/expr/template.h>

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare(wr_eval_t *ev, const wr_val_t *v, wr_str_t text)
{
    wr_buf_t       b = wr_buf(ev->pool);
    wr_json_opts_t opts = WR_JSON_DEFAULTS;
    json_error_t   err;
    json_t        *theirs = json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_ANY
                                                           | JSON_REJECT_DUPLICATES, &err);
    json_t        *ours;

    if (theirs == NULL || !wr_json_put(ev, &b, v, &opts)) {
        abort();
    }
    ours = json_loadb(b.p, b.n, JSON_ALLOW_NUL | JSON_DECODE_ANY, &err);
    if (ours == NULL || !json_equal(ours, theirs)) {
        abort();
    }
    json_decref(ours);
    json_decref(theirs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t       *pool = wr_pool_new();
    wr_env_options_t options = wr_env_defaults();
    wr_json_limits_t limits = {.any = true};
    wr_eval_t        ev;
    wr_val_t         v;
    wr_json_err_t    err;
    char            *copy = malloc(size + 1);   /* exactly as long, for the sanitizer */
    wr_str_t         text = wr_str(copy, size);

    memcpy(copy, data, size);
    copy = realloc(copy, size != 0 ? size : 1);
    text.p = copy;
    wr_eval_init(&ev, wr_env_new(pool, &options), pool);
    if (wr_json_quick(pool, text, &limits, &v)) {
        compare(&ev, &v, text);
    }
    (void) wr_json_parse(pool, text, &limits, &v, &err);
    free(copy);
    wr_pool_free(pool);
    return 0;
}
