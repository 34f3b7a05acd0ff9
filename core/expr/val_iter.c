/*
 * Iteration: Python's iter() for every type, and generators.
 *
 * An iterator is a small struct in the caller's hands; only generators and host
 * objects keep more. Lists may change under an iterator as in Python; a dict
 * that changes its size is an error.
 */
#include <weir/expr/val_priv.h>

static wr_rc_t
next_list(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    const wr_list_t *l = it->over.u.list;

    (void) ev;
    if (it->at >= (int64_t) l->n) {
        it->left = 0;
        return WR_DONE;
    }
    *out = l->items[it->at++];
    it->left = (int64_t) l->n - it->at;
    return WR_OK;
}

static wr_rc_t
next_point(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    const char *at = it->over.u.s + it->at;
    size_t      n;

    (void) ev;
    if (it->at >= (int64_t) it->over.len) {
        return WR_DONE;
    }
    n = wr_min_size(wr_utf8_len(*at), it->over.len - (size_t) it->at);
    *out = wr_vstr(wr_str(at, n));
    if (n == 1) {
        out->flags = WR_VF_ASCII;
    }
    it->at += (int64_t) n;
    it->left--;
    return WR_OK;
}

static wr_rc_t
next_byte(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    (void) ev;
    if (it->at >= (int64_t) it->over.len) {
        return WR_DONE;
    }
    *out = wr_int((unsigned char) it->over.u.s[it->at++]);
    it->left--;
    return WR_OK;
}

wr_rc_t
wr_dict_iterate(wr_eval_t *ev, const wr_dict_t *d, wr_iter_t *it,
                const wr_dict_entry_t **e)
{
    uint32_t at = (uint32_t) it->at;

    if (wr_unlikely((uintptr_t) it->data != d->live)) {
        wr_raise(ev, "RuntimeError",
                 "dictionary changed size during iteration");
        return WR_ERROR;
    }
    *e = wr_dict_next(d, &at);
    it->at = at;
    if (*e == NULL) {
        it->left = 0;
        return WR_DONE;
    }
    it->left--;
    return WR_OK;
}

static wr_rc_t
next_key(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    const wr_dict_entry_t *e;
    wr_rc_t                rc = wr_dict_iterate(ev, it->over.u.dict, it, &e);

    if (rc == WR_OK) {
        *out = e->key;
    }
    return rc;
}

static wr_rc_t
next_of_range(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    (void) ev;
    if (it->left == 0) {
        return WR_DONE;
    }
    *out = wr_int(it->at);
    /* Behind the last item this may wrap, and is not used. */
    it->at = (int64_t) ((uint64_t) it->at
                        + (uint64_t) it->over.u.range->step);
    it->left--;
    return WR_OK;
}

static wr_rc_t
next_none(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    (void) ev;
    (void) it;
    (void) out;
    return WR_DONE;
}

/* A host object that is a sequence but has no iterator of its own. */
static wr_rc_t
next_item(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    wr_obj_t *o = it->over.u.obj;
    wr_val_t  key = wr_int(it->at);

    if (!o->type->item(ev, o, &key, out)) {
        return ev->failed ? WR_ERROR : WR_DONE;
    }
    it->at++;
    if (it->left > 0) {
        it->left--;
    }
    return WR_OK;
}

static bool
iter_obj(wr_eval_t *ev, const wr_val_t *v, wr_iter_t *it)
{
    wr_obj_t *o = v->u.obj;

    if (o->type->iter != NULL) {
        return o->type->iter(ev, o, it);
    }
    if (o->type->sequence && o->type->item != NULL) {
        it->next = next_item;
        return o->type->length == NULL || o->type->length(ev, o, &it->left);
    }
    return wr_raise(ev, "TypeError", "'%s' object is not iterable",
                    wr_type_name(v));
}

bool
wr_iter(wr_eval_t *ev, const wr_val_t *v, wr_iter_t *it)
{
    *it = (wr_iter_t) {.over = *v, .left = -1};
    switch ((wr_vtype_t) v->type) {
    case WR_V_LIST:
    case WR_V_TUPLE:
        it->next = next_list;
        it->left = v->u.list->n;
        return true;
    case WR_V_DICT:
        it->next = next_key;
        it->left = v->u.dict->live;
        it->data = (void *) (uintptr_t) v->u.dict->live;
        return true;
    case WR_V_STR:
        it->next = next_point;
        it->left = wr_str_points(v);
        return true;
    case WR_V_RANGE:
        it->next = next_of_range;
        it->at = v->u.range->start;
        it->left = wr_range_len(v->u.range);
        return true;
    case WR_V_BYTES:
        it->next = next_byte;
        it->left = v->len;
        return true;
    case WR_V_UNDEFINED:
        if (wr_undef_is_void(ev, v)) {
            return wr_undef_raise(ev, v);
        }
        it->next = next_none;
        it->left = 0;
        return true;
    case WR_V_OBJ:
        return iter_obj(ev, v, it);
    default:
        return wr_raise(ev, "TypeError", "'%s' object is not iterable",
                        wr_type_name(v));
    }
}

const wr_list_t *
wr_iter_list(const wr_iter_t *it)
{
    return it->next == next_list && it->at == 0 ? it->over.u.list : NULL;
}

/* ---- generators ---- */

typedef struct gen {
    wr_obj_t      obj;
    wr_obj_type_t type;     /* of its own: the name differs */
    const char   *of;       /* Python's function, or NULL */
    wr_iter_t     it;
    bool          running;
    bool          done;
} gen_t;

static wr_rc_t
gen_next(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    gen_t  *g = it->data;
    wr_rc_t rc;

    if (g->done) {
        return WR_DONE;
    }
    if (g->running) {
        wr_raise(ev, "ValueError", "generator already executing");
        return WR_ERROR;
    }
    if (wr_unlikely(ev->nested >= WR_NEST_MAX)) {
        wr_raise(ev, "RecursionError", "maximum recursion depth exceeded");
        return WR_ERROR;
    }
    ev->nested++;       /* it may read a generator that reads another … */
    g->running = true;
    rc = g->it.next(ev, &g->it, out);
    g->running = false;
    wr_nest_leave(ev);
    g->done = rc != WR_OK;
    it->left = g->done ? 0 : g->it.left;
    return rc;
}

static bool
gen_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    gen_t *g = (gen_t *) o;

    (void) ev;
    it->next = gen_next;
    it->data = g;
    it->left = g->done ? 0 : g->it.left;
    return true;
}

static bool
gen_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const gen_t *g = (const gen_t *) o;

    (void) ev;
    wr_buf_printf(to, "<%s object %s%sat 0x%" PRIxPTR ">", o->type->name,
                  g->of != NULL ? g->of : "", g->of != NULL ? " " : "",
                  (uintptr_t) o);
    return true;
}

static const wr_obj_type_t gen_type = {
    .iter = gen_iter,
    .repr = gen_repr,
    .generator = true,
};

wr_val_t
wr_generator(wr_eval_t *ev, const char *name, const char *of,
             const wr_iter_t *it)
{
    gen_t *g = WR_NEW(ev->pool, gen_t);

    g->type = gen_type;
    g->type.name = name;
    g->of = of;
    g->obj.type = &g->type;
    g->it = *it;
    return wr_vobj(&g->obj);
}
