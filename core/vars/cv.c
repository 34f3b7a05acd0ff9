/*
 * "a$b${c}$1" into parts, when the conf is read.
 */
#include <weir/vars/vars_priv.h>

typedef struct compiler {
    wr_conf_t      *cf;
    const wr_tok_t *tok;
    wr_array_t      parts;      /* wr_cv_part_t */
} compiler_t;

/* The column of the byte `at`: as well as it can be told, for escapes have been
 * resolved. */
static size_t
offset_of(const compiler_t *c, const char *at)
{
    return (size_t) (at - c->tok->text.p) + c->tok->quoted;
}

static wr_cv_part_t *
add(compiler_t *c)
{
    wr_cv_part_t *part = WR_PUSH(&c->parts, wr_cv_part_t);

    part->text = WR_STR("");
    part->var = part->capture = -1;
    return part;
}

/* At a `$`: adds the part, and returns what is behind it; NULL after an error. */
static const char *
reference(compiler_t *c, const char *p, const char *end)
{
    const char *start = p++;
    bool        bracket = p < end && *p == '{';
    const char *from;
    int         var;

    from = p += bracket;
    while (p < end && wr_is_word(*p)) {
        p++;
    }
    if (!bracket && from < end && *from >= '1' && *from <= '9') {
        add(c)->capture = *from - '0';
        return from + 1;
    }
    if (bracket) {
        if (p == end || *p != '}') {
            (void) wr_conf_fail_at(c->cf, c->tok, offset_of(c, start),
                                   "the closing bracket in \"%.*s\" variable is "
                                   "missing", (int) (p - from), from);
            return NULL;
        }
        if (p - from == 1 && *from >= '1' && *from <= '9') {
            add(c)->capture = *from - '0';
            return p + 1;
        }
    }
    var = wr_var_use_at(c->cf, wr_str(from, (size_t) (p - from)), c->tok,
                        offset_of(c, start));
    if (var < 0) {
        return NULL;
    }
    add(c)->var = var;
    return p + bracket;
}

wr_rc_t
wr_cv_compile(wr_conf_t *cf, const wr_tok_t *tok, wr_cv_t *cv)
{
    const char *p = tok->text.p;
    const char *end = p + tok->text.n;
    compiler_t  c = {cf, tok, wr_array(cf->temp, sizeof(wr_cv_part_t))};

    *cv = (wr_cv_t) {.text = tok->text, .given = true};
    if (wr_str_chr(tok->text, '$') < 0) {
        return WR_OK;
    }
    while (p < end) {
        const char *dollar = memchr(p, '$', (size_t) (end - p));
        const char *stop = dollar != NULL ? dollar : end;

        if (stop != p) {
            add(&c)->text = wr_str(p, (size_t) (stop - p));
        }
        p = dollar == NULL ? end : reference(&c, dollar, end);
        if (p == NULL) {
            return WR_ERROR;
        }
    }
    cv->nparts = c.parts.n;
    cv->parts = memcpy(wr_alloc(cf->pool, c.parts.n * sizeof(wr_cv_part_t)),
                       c.parts.items, c.parts.n * sizeof(wr_cv_part_t));
    return WR_OK;
}

wr_rc_t
wr_cv_compile_str(wr_conf_t *cf, wr_str_t text, wr_cv_t *cv)
{
    wr_tok_t tok = {.text = text};

    if (cf->nargs != 0) {
        tok = cf->args[0];
        tok.text = text;
        tok.quoted = false;
    }
    return wr_cv_compile(cf, &tok, cv);
}

/* ---- for the tables ---- */

static wr_rc_t
compile(wr_conf_t *cf, const wr_tok_t *text, void *cv)
{
    return wr_cv_compile(cf, text, cv);
}

static wr_rc_t
compile_pair(wr_conf_t *cf, const wr_tok_t *name, const wr_tok_t *text, void *data)
{
    wr_pair_t *pair = data;

    pair->name = name->text;
    return wr_cv_compile(cf, text, &pair->value);
}

__attribute__((constructor)) static void
give_types(void)
{
    wr_conf_hooks.cv_size = sizeof(wr_cv_t);
    wr_conf_hooks.pair_size = sizeof(wr_pair_t);
    wr_conf_hooks.cv = compile;
    wr_conf_hooks.pair = compile_pair;
}
