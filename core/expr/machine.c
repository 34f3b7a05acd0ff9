/*
 * The machine's ground: frames, slots, limits, running code.
 *
 * The machine is a walk over the threaded tree on the C stack; its depth is
 * limited both as Python would limit it and by the stack that is really there.
 */
#define _GNU_SOURCE     /* pthread_getattr_np */
#include <weir/expr/compile.h>
#include <weir/expr/expr_priv.h>

/* ---- limits ---- */

/* The lowest address that this thread's stack may reach, with room to spare. */
static const char *
stack_end(void)
{
    static __thread const char *end;
    pthread_attr_t              attr;
    void                       *base = NULL;
    size_t                      size = 0;

    if (end == NULL && pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &base, &size);
        pthread_attr_destroy(&attr);
        end = (const char *) base + wr_min_size(size / 4, 192 * 1024);
    }
    return end;
}

bool
wr_mach_enter(wr_mach_t *m, uint32_t weight)
{
    char here;

    m->ev->depth += weight;
    if (wr_unlikely(m->ev->depth > m->ev->limits.depth || &here < m->stack_end))
    {
        m->ev->depth -= weight;
        return wr_raise(m->ev, "RecursionError",
                        "maximum recursion depth exceeded while calling a "
                        "Python object");
    }
    return wr_mach_step(m);
}

static void
refuel(wr_mach_t *m)
{
    uint64_t left = m->ev->limits.steps - m->ev->steps;

    m->filled = left < 32 ? (uint32_t) left + 1 : 32;
    m->fuel = m->filled;
}

bool
wr_mach_slow(wr_mach_t *m)
{
    wr_eval_t         *ev = m->ev;
    const wr_limits_t *l = &ev->limits;

    ev->steps += m->filled;
    if (ev->steps > l->steps) {
        ev->steps = l->steps;
        refuel(m);
        return wr_raise(ev, "LimitError", "the template takes more than %" PRIu64
                        " steps", l->steps);
    }
    refuel(m);
    if (m->out->n > l->output) {
        return wr_raise(ev, "LimitError", "the output is longer than %" PRIu64
                        " bytes", l->output);
    }
    if (l->memory != 0 && wr_pool_used(ev->pool) - ev->memory_from > l->memory) {
        return wr_raise(ev, "LimitError", "the template takes more than %" PRIu64
                        " bytes of memory", l->memory);
    }
    return true;
}

void
wr_mach_start(wr_mach_t *m, wr_eval_t *ev, wr_env_t *env, const wr_bindings_t *vars,
              wr_buf_t *out)
{
    memset(m, 0, sizeof(*m));
    m->ev = ev;
    m->env = env;
    m->vars = vars;
    m->out = out;
    m->stack_end = stack_end();
    ev->machine = m;
    refuel(m);
}

void
wr_mach_end(wr_mach_t *m)
{
    uint32_t i;

    for (i = 0; i < m->nused; i++) {
        wr_template_free(m->used[i].tpl);
    }
    m->nused = 0;
    m->ev->machine = NULL;
}

/* ---- frames ---- */

wr_frame_t *
wr_frame_push(wr_mach_t *m, const wr_proto_t *p, wr_frame_t *up, wr_ctx_t *ctx)
{
    uint32_t class = (p->nslots + 7) / 8;
    wr_frame_t *f;

    if (class < WR_FRAME_CLASSES && m->free[class] != NULL) {
        f = m->free[class];
        m->free[class] = f->up;
    } else {
        f = wr_zalloc(m->ev->pool,
                      sizeof(*f) + (size_t) class * 8 * sizeof(wr_val_t));
        f->size = class;
    }
    f->up = up;
    f->ctx = ctx;
    f->proto = p;
    f->parent = NULL;
    m->f = f;
    m->ev->autoescape = ctx->ectx->autoescape;
    wr_scope_enter(m, p->scope.once, p->scope.nonce);
    wr_scope_enter(m, p->scope.init, p->scope.ninit);
    return f;
}

void
wr_frame_pop(wr_mach_t *m, wr_frame_t *f, wr_frame_t *back)
{
    m->f = back;
    if (back != NULL) {
        m->ev->autoescape = back->ctx->ectx->autoescape;
    }
    if (!f->proto->captured && f->size < WR_FRAME_CLASSES) {
        f->up = m->free[f->size];
        m->free[f->size] = f;
    }
}

bool
wr_slot_slow(wr_mach_t *m, const wr_place_t *place, wr_frame_t *f,
             wr_val_t *out)
{
    wr_val_t *slot = &f->slots[place->slot];

    if (slot->aux == WR_SLOT_LAZY) {
        if (wr_ctx_find(m, f->ctx, place->name, out)) {
            *slot = *out;
            return true;
        }
        if (m->ev->failed) {
            return false;
        }
        *slot = wr_missing();
    }
    *out = (wr_val_t){.type = WR_V_UNDEFINED,
                      .u.undef = (wr_undef_t *) &place->name->undef};
    return true;
}

void
wr_scope_enter(wr_mach_t *m, const wr_init_t *v, uint32_t n)
{
    wr_val_t *slots = m->f->slots;
    uint32_t  i;

    for (i = 0; i < n; i++) {
        switch (v[i].kind) {
        case WR_INIT_LAZY: slots[v[i].slot] = wr_lazy(); break;
        case WR_INIT_MISSING: slots[v[i].slot] = wr_missing(); break;
        default: slots[v[i].slot] = *wr_slot(m, &v[i].from); break;
        }
    }
}

void
wr_scope_leave(wr_mach_t *m, const wr_scope_t *s)
{
    uint32_t i;

    if (m->f->proto->captured) {
        for (i = 0; i < s->nleave; i++) {
            m->f->slots[s->leave[i]] = wr_missing();
        }
    }
}

/* ---- running ---- */

/* The innermost statement that fails says where. */
WR_COLD void
wr_blame(wr_mach_t *m, uint32_t line, uint32_t column)
{
    if (m->ev->err.line == 0) {
        m->ev->err.line = line;
        m->ev->err.column = column;
        m->ev->err.name = m->f->proto->tpl->name;
    }
}

WR_HOT wr_x_t
wr_run(wr_mach_t *m, const wr_code_t *code)
{
    const wr_stmt_t *s = code->v, *end = s + code->n;
    wr_x_t           x;

    for (; s < end; s++) {
        x = s->exec(m, s);
        if (wr_unlikely(x != WR_X_OK)) {
            if (x == WR_X_FAIL) {
                wr_blame(m, s->line, s->column);
            }
            return x;
        }
    }
    return WR_X_OK;
}

/* What the parent sets is not for the macros of the child, where names were
 * looked up (in Jinja2: when it began). A name that fails is none of theirs. */
static void
look_up(wr_mach_t *m, wr_frame_t *f, const wr_init_t *v, uint32_t n)
{
    wr_val_t value;
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (v[i].kind == WR_INIT_LAZY && wr_slot_special(&f->slots[v[i].slot])
            && !wr_slot_slow(m, &v[i].from, f, &value))
        {
            m->ev->failed = false;
            m->ev->err = (wr_err_t){0};
        }
    }
}

bool
wr_run_root(wr_mach_t *m, const wr_template_t *t, wr_ctx_t *ctx)
{
    wr_frame_t *back = m->f, *f;
    uint32_t    depth = m->ev->depth;
    bool        ok = true;

    while (t != NULL) {
        if (!wr_mach_enter(m, 1)) {
            if (back == NULL && m->ev->err.line == 0) {
                m->ev->err.line = 1;
                m->ev->err.name = t->name;
            }
            ok = false;
            break;
        }
        f = wr_frame_push(m, t->root, NULL, ctx);
        if (t->root->self_slot >= 0) {
            f->slots[t->root->self_slot] = wr_self_new(m, ctx);
        }
        ok = wr_run(m, &t->root->code) != WR_X_FAIL;
        if (ok && f->parent != NULL && t->root->captured) {
            look_up(m, f, t->root->scope.once, t->root->scope.nonce);
            look_up(m, f, t->root->scope.init, t->root->scope.ninit);
        }
        t = ok ? f->parent : NULL;
        wr_frame_pop(m, f, back);
    }
    m->ev->depth = depth;
    return ok;
}

bool
wr_run_block(wr_mach_t *m, const wr_block_t *b, wr_ctx_t *ctx, uint32_t weight)
{
    const wr_proto_t *p = b->proto;
    wr_frame_t       *back = m->f, *f;
    bool              ok;

    if (!wr_mach_enter(m, weight)) {
        return false;
    }
    f = wr_frame_push(m, p, NULL, ctx);
    ok = true;
    if (p->self_slot >= 0) {
        f->slots[p->self_slot] = wr_self_new(m, ctx);
    }
    if (p->super_slot >= 0) {
        ok = wr_super_new(m, b, ctx, &f->slots[p->super_slot]);
    }
    ok = ok && wr_run(m, &p->code) != WR_X_FAIL;
    wr_frame_pop(m, f, back);
    m->ev->depth -= weight;
    return ok;
}

bool
wr_take_output(wr_mach_t *m, size_t from, bool safe, wr_val_t *out)
{
    size_t n = m->out->n - from;
    char  *p;

    if (n > UINT32_MAX) {
        return wr_raise(m->ev, "LimitError", "a captured text is too long");
    }
    p = wr_try_alloc(m->ev->pool, n + (n == 0));
    if (p == NULL) {
        return wr_raise(m->ev, "LimitError", "not enough memory");
    }
    if (n != 0) {
        memcpy(p, m->out->p + from, n);
    }
    m->out->n = from;
    *out = safe ? wr_vsafe(wr_str(p, n)) : wr_vstr(wr_str(p, n));
    return true;
}
