/*
 * Blocks: calling them, `self`, `super()`.
 *
 * The templates that extend each other form a chain, the child first; a block
 * is the first one of its name along it, super() the next.
 */
#include <weir/expr/compile.h>

typedef struct {
    wr_obj_t          obj;
    wr_ctx_t         *ctx;
    wr_str_t          name;
    uint32_t          hash;
    uint32_t          at; /* index in the chain */
    const wr_block_t *block;
} ref_t;

static const wr_block_t *
block_of(const wr_template_t *t, wr_str_t name, uint32_t hash)
{
    uint32_t i;

    for (i = 0; i < t->nblocks; i++) {
        if (t->blocks[i]->hash == hash && wr_str_eq(t->blocks[i]->name, name)) {
            return t->blocks[i];
        }
    }
    return NULL;
}

/* The first block of the name from `*at` on, which is set. */
static const wr_block_t *
find(const wr_ctx_t *c, wr_str_t name, uint32_t hash, uint32_t *at)
{
    const wr_block_t *b;

    for (; *at < c->chain->n; ++*at) {
        b = block_of(c->chain->v[*at], name, hash);
        if (b != NULL) {
            return b;
        }
    }
    return NULL;
}

wr_x_t
wr_exec_block(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_block_t *own = s->u.block.block, *b;
    wr_ctx_t         *ctx = m->f->ctx;
    uint32_t          at = 0, next;

    if (s->u.block.scoped) {
        ctx = wr_ctx_derive(m, ctx, &s->u.block.locals);
    }
    b = find(ctx, own->name, own->hash, &at);
    if (s->u.block.required) {
        next = at + 1;
        if (find(ctx, own->name, own->hash, &next) == NULL) {
            wr_raise(m->ev, "TemplateRuntimeError",
                     "Required block '%.*s' not found", WR_ARG(own->name));
            return WR_X_FAIL;
        }
    }
    return wr_run_block(m, b != NULL ? b : own, ctx, 1) ? WR_X_OK : WR_X_FAIL;
}

/* ---- self.name, super ---- */

static wr_val_t
ref_new(wr_eval_t *ev, wr_ctx_t *ctx, const wr_block_t *b, uint32_t at)
{
    ref_t *r = WR_NEW(ev->pool, ref_t);

    r->obj.type = &wr_blockref_type;
    r->ctx = ctx;
    r->name = b->name;
    r->hash = b->hash;
    r->at = at;
    r->block = b;
    return wr_vobj(&r->obj);
}

static wr_val_t
no_parent(wr_eval_t *ev, wr_str_t name)
{
    return wr_undef_hint(ev, wr_pool_printf(ev->pool,
                                            "there is no parent block "
                                            "called '%.*s'.",
                                            WR_ARG(name)));
}

bool
wr_super_new(wr_mach_t *m, const wr_block_t *b, wr_ctx_t *ctx, wr_val_t *out)
{
    const wr_block_t *next = NULL;
    uint32_t          at = 0;

    while (find(ctx, b->name, b->hash, &at) != NULL) {
        if (block_of(ctx->chain->v[at], b->name, b->hash) == b) {
            at++;
            next = find(ctx, b->name, b->hash, &at);
            break;
        }
        at++;
    }
    *out = next != NULL ? ref_new(m->ev, ctx, next, at)
                        : no_parent(m->ev, b->name);
    return true;
}

bool
wr_blockref_run(wr_mach_t *m, wr_obj_t *o, const wr_args_t *args)
{
    ref_t *r = (ref_t *) o;

    if (args->n + args->nkw != 0) {
        if (args->nkw != 0) {
            return wr_raise(m->ev, "TypeError",
                            "BlockReference.__call__() got "
                            "an unexpected keyword argument '%.*s'",
                            WR_ARG(args->kw[0].name));
        }
        return wr_raise(m->ev, "TypeError",
                        "BlockReference.__call__() takes 1 "
                        "positional argument but %u were given",
                        args->n + 1);
    }
    return wr_run_block(m, r->block, r->ctx, 3);
}

bool
wr_blockref_safe(const wr_obj_t *o)
{
    return ((const ref_t *) o)->ctx->ectx->autoescape;
}

static bool
ref_call(wr_eval_t *ev, wr_obj_t *o, const wr_args_t *args, wr_val_t *out)
{
    wr_mach_t *m = ev->machine;
    size_t     from = m->out->n;

    return wr_blockref_run(m, o, args)
           && wr_take_output(m, from, wr_blockref_safe(o), out);
}

static bool
ref_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    ref_t            *r = (ref_t *) o;
    uint32_t          at = r->at + 1;
    const wr_block_t *b;

    if (wr_str_eqz(name, "name")) {
        *out = wr_vstr(r->name);
        return true;
    }
    if (!wr_str_eqz(name, "super")) {
        return false;
    }
    b = find(r->ctx, r->name, r->hash, &at);
    *out = b != NULL ? ref_new(ev, r->ctx, b, at) : no_parent(ev, r->name);
    return true;
}

static bool
ref_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    (void) ev;
    wr_buf_printf(to, "<jinja2.runtime.BlockReference object at %p>",
                  (void *) o);
    return true;
}

const wr_obj_type_t wr_blockref_type = {
    .name = "BlockReference",
    .module = "jinja2.runtime",
    .attr = ref_attr,
    .call = ref_call,
    .str = ref_repr,
    .repr = ref_repr,
};

/* ---- self ---- */

wr_val_t
wr_self_new(wr_mach_t *m, wr_ctx_t *ctx)
{
    ref_t *r = WR_NEW(m->ev->pool, ref_t);

    r->obj.type = &wr_self_type;
    r->ctx = ctx;
    return wr_vobj(&r->obj);
}

static bool
self_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    ref_t            *r = (ref_t *) o;
    uint32_t          at = 0, i;
    const wr_block_t *b = NULL;
    wr_str_t          name;

    if (key->type != WR_V_STR) {
        return false;
    }
    name = wr_val_text(key);
    for (at = 0; b == NULL && at < r->ctx->chain->n; at++) {
        const wr_template_t *t = r->ctx->chain->v[at];

        for (i = 0; i < t->nblocks; i++) {
            if (wr_str_eq(t->blocks[i]->name, name)) {
                b = t->blocks[i];
                break;
            }
        }
    }
    if (b == NULL) {
        return false;
    }
    *out = ref_new(ev, r->ctx, b, at - 1);
    return true;
}

static bool
self_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_str_t name = ((ref_t *) o)->ctx->tpl->name;
    wr_val_t v = name.p != NULL ? wr_vstr(name) : wr_none();

    wr_buf_lit(to, "<TemplateReference ");
    if (!wr_put_repr(ev, to, &v)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

const wr_obj_type_t wr_self_type = {
    .name = "TemplateReference",
    .module = "jinja2.runtime",
    .item = self_item,
    .str = self_repr,
    .repr = self_repr,
};
