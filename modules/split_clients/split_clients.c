/*
 * split_clients: a variable that divides clients into shares, by a hash.
 */
#include <weir/base/hash.h>
#include <weir/http/request.h>

typedef struct share {
    uint32_t below;             /* hashes below it; 0: all the rest */
    wr_str_t value;
} share_t;

typedef struct split {
    wr_cv_t    source;
    wr_array_t shares;          /* share_t */
    uint64_t   sum;             /* in hundredths of a percent */
    uint64_t   last;
} split_t;

static wr_rc_t
get(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const split_t *s = (const split_t *) v->data;
    wr_str_t       key;
    uint32_t       hash;

    if (wr_cv_eval(r, &s->source, &key) != WR_OK) {
        return WR_ERROR;
    }
    hash = wr_murmur2(key.p, key.n);
    for (WR_EACH(share_t, share, &s->shares)) {
        if (hash < share->below || share->below == 0) {
            *value = share->value;
            return WR_OK;
        }
    }
    *value = WR_STR("");
    return WR_OK;
}

/* "0.5%" → 50. */
static bool
parse_percent(wr_str_t s, uint64_t *n)
{
    int decimals = -1;

    if (s.n < 2 || s.p[s.n - 1] != '%') {
        return false;
    }
    *n = 0;
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '.' && decimals < 0) {
            decimals = 0;
        } else if (wr_is_digit(s.p[i]) && decimals < 2 && *n < 1000000) {
            *n = *n * 10 + (uint64_t) (s.p[i] - '0');
            decimals += decimals >= 0;
        } else {
            return false;
        }
    }
    *n *= decimals == 2 ? 1 : decimals == 1 ? 10 : 100;
    return *n != 0;
}

static wr_rc_t
line(wr_conf_t *cf, void *data)
{
    split_t *s = data;
    share_t *share;
    uint64_t percent;

    if (cf->nargs != 2) {
        return wr_conf_fail(cf, NULL, "invalid number of the split_clients parameters");
    }
    share = WR_PUSH(&s->shares, share_t);
    share->value = cf->args[1].text;
    if (wr_str_eqz(cf->args[0].text, "*")) {
        return WR_OK;
    }
    if (!parse_percent(cf->args[0].text, &percent)) {
        return wr_conf_fail(cf, &cf->args[0], "invalid percent value \"%.*s\"",
                            WR_ARG(cf->args[0].text));
    }
    s->sum += percent;
    if (s->sum > 10000) {
        return wr_conf_fail(cf, &cf->args[0], "percent total is greater than 100%%");
    }
    s->last += percent * UINT64_C(0xffffffff) / 10000;
    share->below = (uint32_t) s->last;
    return WR_OK;
}

static wr_rc_t
set_split(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    split_t  *s = WR_NEW(cf->pool, split_t);
    wr_var_t *v;

    (void) d;
    (void) conf;
    v = wr_var_define_at(cf, &cf->args[2], WR_VAR_CHANGE);
    if (v == NULL || wr_cv_compile(cf, &cf->args[1], &s->source) != WR_OK) {
        return WR_ERROR;
    }
    v->get = get;
    v->data = (uintptr_t) s;
    s->shares = wr_array(cf->pool, sizeof(share_t));
    return wr_conf_lines(cf, line, s);
}

WR_MODULE(split_clients,
    .doc = "Variables that divide clients into shares",
    .schema.directives = (const wr_directive_t[]) {
        WR_BLOCK("split_clients", WR_HTTP, 2, 2, set_split,
                 "The variable gets one of the values, each as often as its percentage "
                 "says, and the same for the same text.",
                 .args = "text $variable",
                 .example = "split_clients \"${remote_addr}\" $variant {\n"
                            "    10%  new;\n"
                            "    *    old;\n"
                            "}"),
        WR_END
    });
