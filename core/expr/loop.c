/*
 * Loops, and the object `loop`.
 *
 * A loop that nobody asks about runs over its list and keeps nothing. Else
 * there is a wr_loop_t, which reads one item ahead when it is asked for `last`,
 * and all of them when it is asked for the length of something that has none. A
 * loop that does not leave its body is used again for the next one.
 */
#include <weir/expr/bind.h>
#include <weir/expr/compile.h>

typedef struct wr_loop {
    wr_obj_t        obj;
    const wr_for_t *def;
    wr_frame_t     *frame; /* where the loop runs */
    wr_val_t        over;
    wr_iter_t       it;
    int64_t         index0;
    int64_t         length; /* -1: not known yet */
    wr_val_t        after, current, before;
    bool            has_after, has_current, has_before;
    bool            filtered;
    bool            has_changed;
    wr_val_t        changed; /* what changed() last saw */
    uint32_t        depth0;
    struct wr_loop *next_free;
} wr_loop_t;

/* ---- the items ---- */

static wr_val_t
target_value(wr_mach_t *m, const wr_target_t *t)
{
    wr_list_t *l;
    uint32_t   i;

    if (t->kind == WR_TG_NAME) {
        return *wr_slot(m, &t->place);
    }
    l = wr_list_new(m->ev->pool, t->n);
    for (i = 0; i < t->n; i++) {
        wr_list_push(m->ev->pool, l, target_value(m, t->v[i]));
    }
    return wr_vtuple(l);
}

/* The next item that passes the loop's `if`. The test runs where the loop runs,
 * wherever it is asked from. */
static wr_rc_t
next_filtered(wr_mach_t *m, wr_frame_t *frame, const wr_for_t *def,
              wr_iter_t *it, wr_val_t *out)
{
    wr_frame_t *was = m->f;
    bool        was_auto = m->ev->autoescape, is = false;
    wr_val_t    v;
    wr_rc_t     rc;

    m->f = frame;
    m->ev->autoescape = frame->ctx->ectx->autoescape;
    while ((rc = it->next(m->ev, it, &v)) == WR_OK) {
        if (!wr_mach_step(m) || !wr_assign(m, def->test_target, &v)) {
            rc = WR_ERROR;
            break;
        }
        if (!wr_run_node(m, def->test, &v) || !wr_truth(m->ev, &v, &is)) {
            if (m->ev->err.line == 0) {
                m->ev->err.line = def->test_line;
                m->ev->err.name = frame->proto->tpl->name;
            }
            rc = WR_ERROR;
            break;
        }
        if (is) {
            *out = target_value(m, def->test_target);
            break;
        }
    }
    m->f = was;
    m->ev->autoescape = was_auto;
    return rc;
}

static wr_rc_t
pull(wr_mach_t *m, wr_loop_t *l, wr_val_t *out)
{
    return l->filtered ? next_filtered(m, l->frame, l->def, &l->it, out)
                       : l->it.next(m->ev, &l->it, out);
}

static wr_rc_t
advance(wr_mach_t *m, wr_loop_t *l, wr_val_t *out)
{
    wr_rc_t rc = WR_OK;

    if (l->has_after) {
        *out = l->after;
        l->has_after = false;
    } else {
        rc = pull(m, l, out);
        if (rc != WR_OK) {
            return rc;
        }
    }
    l->index0++;
    l->before = l->current;
    l->has_before = l->has_current;
    l->current = *out;
    l->has_current = true;
    return WR_OK;
}

/* ---- the object ---- */

static bool
peek(wr_mach_t *m, wr_loop_t *l, bool *there)
{
    wr_rc_t rc;

    if (!l->has_after) {
        rc = pull(m, l, &l->after);
        if (rc == WR_ERROR) {
            return false;
        }
        l->has_after = rc == WR_OK;
    }
    *there = l->has_after;
    return true;
}

static bool
has_length(const wr_val_t *v)
{
    if (v->type == WR_V_OBJ) {
        return v->u.obj->type->length != NULL && !v->u.obj->type->generator;
    }
    return v->type != WR_V_FUNC && v->type != WR_V_NONE;
}

static bool
length(wr_mach_t *m, wr_loop_t *l, int64_t *n)
{
    wr_list_t *rest;
    wr_val_t   v;
    wr_rc_t    rc;

    if (l->length < 0) {
        if (!l->filtered && has_length(&l->over)) {
            if (!wr_length(m->ev, &l->over, &l->length)) {
                return false;
            }
        } else {
            rest = wr_list_new(m->ev->pool, 8);
            while ((rc = pull(m, l, &v)) == WR_OK) {
                if (!wr_mach_step(m)) {
                    return false;
                }
                wr_list_push(m->ev->pool, rest, v);
            }
            if (rc == WR_ERROR) {
                return false;
            }
            v = wr_vlist(rest);
            l->filtered = false;
            if (!wr_iter(m->ev, &v, &l->it)) {
                return false;
            }
            l->length = rest->n + l->index0 + 1 + l->has_after;
        }
    }
    *n = l->length;
    return true;
}

uint8_t
wr_loop_attr_id(wr_str_t name)
{
    static const char *const names[] = {
        "index",  "index0", "revindex", "revindex0", "first",
        "last",   "length", "previtem", "nextitem",  "depth",
        "depth0", "cycle",  "changed"};
    uint8_t i;

    for (i = 0; i < WR_COUNT(names); i++) {
        if (wr_str_eqz(name, names[i])) {
            return (uint8_t) (i + 1);
        }
    }
    return WR_LOOP_NONE;
}

static bool
call_cycle(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return wr_loop_method(ev->machine, args->self.u.obj, WR_LOOP_CYCLE, args,
                          out);
}

static bool
call_changed(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return wr_loop_method(ev->machine, args->self.u.obj, WR_LOOP_CHANGED, args,
                          out);
}

bool
wr_loop_attr(wr_mach_t *m, wr_obj_t *o, uint8_t id, wr_val_t *out)
{
    wr_loop_t *l = (wr_loop_t *) o;
    int64_t    n = 0;
    bool       there = false;

    switch (id) {
    case WR_LOOP_INDEX: *out = wr_int(l->index0 + 1); return true;
    case WR_LOOP_INDEX0: *out = wr_int(l->index0); return true;
    case WR_LOOP_REVINDEX:
    case WR_LOOP_REVINDEX0:
    case WR_LOOP_LENGTH:
        if (!length(m, l, &n)) {
            return false;
        }
        *out = wr_int(id == WR_LOOP_LENGTH     ? n
                      : id == WR_LOOP_REVINDEX ? n - l->index0
                                               : n - l->index0 - 1);
        return true;
    case WR_LOOP_FIRST: *out = wr_bool(l->index0 == 0); return true;
    case WR_LOOP_LAST:
        if (!peek(m, l, &there)) {
            return false;
        }
        *out = wr_bool(!there);
        return true;
    case WR_LOOP_PREVITEM:
        *out = l->index0 == 0 || !l->has_before
                   ? wr_undef_hint(m->ev, WR_STR("there is no previous item"))
                   : l->before;
        return true;
    case WR_LOOP_NEXTITEM:
        if (!peek(m, l, &there)) {
            return false;
        }
        *out = there ? l->after
                     : wr_undef_hint(m->ev, WR_STR("there is no next item"));
        return true;
    case WR_LOOP_DEPTH: *out = wr_int((int64_t) l->depth0 + 1); return true;
    case WR_LOOP_DEPTH0: *out = wr_int(l->depth0); return true;
    default:
        *out = wr_vfunc(m->ev->pool, id == WR_LOOP_CYCLE ? "cycle" : "changed",
                        id == WR_LOOP_CYCLE ? call_cycle : call_changed, NULL);
        out->u.func->self = wr_vobj(o);
        return true;
    }
}

bool
wr_loop_method(wr_mach_t *m, wr_obj_t *o, uint8_t id, const wr_args_t *args,
               wr_val_t *out)
{
    wr_loop_t *l = (wr_loop_t *) o;
    wr_val_t   now;
    wr_list_t *list;
    bool       same = false;
    uint32_t   i;

    if (id != WR_LOOP_CYCLE && id != WR_LOOP_CHANGED) {
        if (!wr_loop_attr(m, o, id, &now)) {
            return false;
        }
        return wr_call(m->ev, &now, args, out);
    }
    if (args->nkw != 0) {
        return wr_raise(m->ev, "TypeError",
                        "LoopContext.%s() got an unexpected "
                        "keyword argument '%.*s'",
                        id == WR_LOOP_CYCLE ? "cycle" : "changed",
                        WR_ARG(args->kw[0].name));
    }
    if (id == WR_LOOP_CYCLE) {
        if (args->n == 0) {
            return wr_raise(m->ev, "TypeError", "no items for cycling given");
        }
        *out = args->pos[l->index0 % args->n];
        return true;
    }
    list = wr_list_new(m->ev->pool, args->n);
    for (i = 0; i < args->n; i++) {
        wr_list_push(m->ev->pool, list, args->pos[i]);
    }
    now = wr_vtuple(list);
    if (l->has_changed && !wr_equal(m->ev, &l->changed, &now, &same)) {
        return false;
    }
    if (!same) {
        l->changed = now;
        l->has_changed = true;
    }
    *out = wr_bool(!same);
    return true;
}

static bool
loop_find(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    uint8_t id = wr_loop_attr_id(name);

    return id != WR_LOOP_NONE && wr_loop_attr(ev->machine, o, id, out);
}

static bool
loop_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    return length(ev->machine, (wr_loop_t *) o, n);
}

static bool
loop_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_loop_t *l = (wr_loop_t *) o;
    int64_t    n;

    if (!length(ev->machine, l, &n)) {
        return false;
    }
    wr_buf_printf(to, "<LoopContext %" PRId64 "/%" PRId64 ">", l->index0 + 1,
                  n);
    return true;
}

static wr_rc_t
loop_next(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    wr_loop_t *l = (wr_loop_t *) it->over.u.obj;
    wr_list_t *pair;
    wr_val_t   v;
    wr_rc_t    rc = advance(ev->machine, l, &v);

    if (rc == WR_OK) {
        pair = wr_list_new(ev->pool, 2);
        wr_list_push(ev->pool, pair, v);
        wr_list_push(ev->pool, pair, it->over);
        *out = wr_vtuple(pair);
    }
    return rc;
}

static bool
loop_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    (void) ev;
    *it = (wr_iter_t){.next = loop_next, .over = wr_vobj(o), .left = -1};
    return true;
}

bool
wr_loop_safe(const wr_obj_t *o)
{
    const wr_loop_t  *l = (const wr_loop_t *) o;
    const wr_proto_t *p = l->def->proto;

    return p != NULL
           && (p->safe == WR_SAFE_ASK ? l->frame->ctx->ectx->autoescape
                                      : p->safe == WR_SAFE_YES);
}

static bool
loop_called(wr_eval_t *ev, wr_obj_t *o, const wr_args_t *args, wr_val_t *out)
{
    wr_mach_t *m = ev->machine;
    size_t     from = m->out->n;

    return wr_loop_call(m, o, args)
           && wr_take_output(m, from, wr_loop_safe(o), out);
}

const wr_obj_type_t wr_loop_type = {
    .name = "LoopContext",
    .module = "jinja2.runtime",
    .attr = loop_find,
    .length = loop_length,
    .iter = loop_iter,
    .call = loop_called,
    .str = loop_repr,
    .repr = loop_repr,
};

/* ---- running ---- */

static wr_loop_t *
loop_new(wr_mach_t *m, const wr_for_t *s)
{
    wr_loop_t *l = m->free_loops;

    if (!s->escapes && l != NULL) {
        m->free_loops = l->next_free;
        memset(l, 0, sizeof(*l));
    } else {
        l = WR_NEW(m->ev->pool, wr_loop_t);
    }
    l->obj.type = &wr_loop_type;
    l->def = s;
    l->frame = m->f;
    l->index0 = -1;
    l->length = -1;
    l->filtered = s->test != NULL;
    return l;
}

/* One time around. */
static inline wr_x_t
turn(wr_mach_t *m, const wr_for_t *s, const wr_val_t *v)
{
    wr_x_t x;

    if (wr_unlikely(!wr_mach_step(m))) {
        return WR_X_FAIL;
    }
    if (wr_likely(s->target->kind == WR_TG_NAME)) {
        m->f->slots[s->target->place.slot] = *v;
    } else if (!wr_assign(m, s->target, v)) {
        return WR_X_FAIL;
    }
    if (s->scope.ninit != 0) {
        wr_scope_enter(m, s->scope.init, s->scope.ninit);
    }
    if (s->body.n == 1) {
        x = s->body.v->exec(m, s->body.v);
        if (wr_unlikely(x == WR_X_FAIL)) {
            wr_blame(m, s->body.v->line, s->body.v->column);
        }
        return x;
    }
    return wr_run(m, &s->body);
}

/* A list that nobody asks `loop` about. It may grow meanwhile. */
static wr_x_t
run_list(wr_mach_t *m, const wr_for_t *s, const wr_list_t *l, bool *finished)
{
    uint32_t i;
    wr_x_t   x;
    wr_val_t v;

    for (i = 0; i < l->n; i++) {
        v = l->items[i];
        x = turn(m, s, &v);
        if (x == WR_X_OK) {
            *finished = true;
        } else if (x != WR_X_CONTINUE) {
            return x;
        }
    }
    return WR_X_OK;
}

static wr_x_t
run_iter(wr_mach_t *m, const wr_for_t *s, const wr_val_t *over, bool *finished)
{
    const wr_list_t *list;
    wr_iter_t        it;
    wr_val_t         v;
    wr_rc_t          rc;
    wr_x_t           x;

    if (!wr_iter(m->ev, over, &it)) {
        return WR_X_FAIL;
    }
    list = s->test == NULL ? wr_iter_list(&it) : NULL;
    if (list != NULL) {
        return run_list(m, s, list, finished);
    }
    for (;;) {
        rc = s->test != NULL ? next_filtered(m, m->f, s, &it, &v)
                             : it.next(m->ev, &it, &v);
        if (rc != WR_OK) {
            return rc == WR_ERROR ? WR_X_FAIL : WR_X_OK;
        }
        x = turn(m, s, &v);
        if (x == WR_X_OK) {
            *finished = true;
        } else if (x != WR_X_CONTINUE) {
            return x;
        }
    }
}

static wr_x_t
run_extended(wr_mach_t *m, const wr_for_t *s, const wr_val_t *over,
             uint32_t depth0, bool *finished)
{
    wr_loop_t *l = loop_new(m, s);
    wr_val_t   v, *slot = wr_slot(m, &s->loop);
    wr_rc_t    rc;
    wr_x_t     x = WR_X_OK;

    l->over = *over;
    l->depth0 = depth0;
    *slot = wr_missing();
    if (!wr_iter(m->ev, over, &l->it)) {
        return WR_X_FAIL;
    }
    while ((rc = advance(m, l, &v)) == WR_OK) {
        *slot = wr_vobj(&l->obj);
        x = turn(m, s, &v);
        if (x == WR_X_OK) {
            *finished = true;
        } else if (x != WR_X_CONTINUE) {
            break;
        }
        x = WR_X_OK;
    }
    if (rc == WR_ERROR) {
        x = WR_X_FAIL;
    }
    if (!s->escapes) {
        l->next_free = m->free_loops;
        m->free_loops = l;
    }
    return x;
}

static wr_x_t
run_over(wr_mach_t *m, const wr_for_t *s, const wr_val_t *over, uint32_t depth0)
{
    bool   finished = false;
    wr_x_t x;

    wr_scope_enter(m, s->scope.once, s->scope.nonce);
    if (s->test != NULL) {
        wr_scope_enter(m, s->test_scope.once, s->test_scope.nonce);
        wr_scope_enter(m, s->test_scope.init, s->test_scope.ninit);
    }
    if (s->extended) {
        x = run_extended(m, s, over, depth0, &finished);
    } else {
        x = run_iter(m, s, over, &finished);
    }
    if (x == WR_X_FAIL) {
        return x;
    }
    if (s->proto == NULL || s->has_else) {
        wr_scope_leave(m, &s->scope); /* else the frame ends here anyhow */
    }
    if (s->has_else && !finished) {
        wr_scope_enter(m, s->else_scope.once, s->else_scope.nonce);
        wr_scope_enter(m, s->else_scope.init, s->else_scope.ninit);
        x = wr_run(m, &s->orelse);
        if (x == WR_X_OK) {
            wr_scope_leave(m, &s->else_scope);
        }
        return x;
    }
    return WR_X_OK;
}

wr_x_t
wr_exec_for(wr_mach_t *m, const wr_stmt_t *st)
{
    const wr_for_t *s = st->u.loop;
    wr_val_t        over;

    if (!wr_run_node(m, s->iter, &over)) {
        return WR_X_FAIL;
    }
    return run_over(m, s, &over, 0);
}

/* ---- recursive loops ---- */

static bool
recurse(wr_mach_t *m, const wr_for_t *s, wr_frame_t *up, const wr_val_t *over,
        uint32_t depth0)
{
    wr_frame_t *back = m->f, *f;
    bool        ok;

    if (!wr_mach_enter(m, 3)) {
        return false;
    }
    f = wr_frame_push(m, s->proto, up, up->ctx);
    ok = run_over(m, s, over, depth0) != WR_X_FAIL;
    if (!ok && m->ev->err.line == 0) {
        m->ev->err.line = s->line;
        m->ev->err.name = s->proto->tpl->name;
    }
    wr_frame_pop(m, f, back);
    m->ev->depth -= 3;
    return ok;
}

wr_x_t
wr_exec_recursive(wr_mach_t *m, const wr_stmt_t *st)
{
    wr_val_t over;

    return wr_run_node(m, st->u.loop->iter, &over)
                   && recurse(m, st->u.loop, m->f, &over, 0)
               ? WR_X_OK
               : WR_X_FAIL;
}

bool
wr_loop_call(wr_mach_t *m, wr_obj_t *o, const wr_args_t *args)
{
    static const wr_sig_t sig = {
        "LoopContext.__call__", "self", 1, 1, {"iterable"}};
    wr_loop_t *l = (wr_loop_t *) o;
    wr_val_t   iterable;

    if (!wr_sig_bind(m->ev, &sig, args, &iterable)) {
        return false;
    }
    if (l->def->proto == NULL) {
        return wr_raise(m->ev, "TypeError",
                        "The loop must have the 'recursive' "
                        "marker to be called recursively.");
    }
    return recurse(m, l->def, l->frame->up, &iterable, l->depth0 + 1);
}
