/*
 * Values of variables and of texts with variables, in one request.
 */
#define _GNU_SOURCE
#include <weir/vars/vars_priv.h>

enum {
    NOT_ASKED, HAS_VALUE, NOT_FOUND,    /* wr_slot_t.state */
    PARTS = 16,                         /* of a text, without allocation */
    DEPTH = 100                         /* map of a map of … */
};

static __thread unsigned depth;

/* wr_subject_t is the first member of wr_req_t. */
static inline wr_subject_t *
subject(wr_req_t *r)
{
    return (wr_subject_t *) (void *) r;
}

static WR_COLD wr_rc_t
too_deep(wr_req_t *r, const wr_var_t *v)
{
    const wr_log_t *log = subject(r)->log != NULL ? subject(r)->log : &wr_log_main;

    wr_log(log, WR_LOG_ERR, 0, "cycle while evaluating variable \"%.*s\"",
           WR_ARG(v->name));
    return WR_ERROR;
}

static wr_rc_t
ask(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_rc_t rc;

    if (wr_unlikely(depth == DEPTH)) {
        return too_deep(r, v);
    }
    *value = WR_STR("");
    depth++;
    rc = v->get(r, v, value);
    depth--;
    return rc;
}

/* Leaves the value in the slot: WR_OK, WR_NOTFOUND, WR_ERROR. */
static wr_rc_t
evaluate(wr_req_t *r, unsigned index, wr_slot_t **at)
{
    wr_subject_t   *s = subject(r);
    wr_slot_t      *slot = &s->slots[index];
    const wr_var_t *v;
    wr_rc_t         rc;

    *at = slot;
    if (wr_likely(slot->state != NOT_ASKED)) {
        return slot->state == HAS_VALUE ? WR_OK : WR_NOTFOUND;
    }
    v = wr_vars_at(s->vars, index);
    if (v->get == NULL) {
        slot->value = WR_STR("");
        return WR_NOTFOUND;
    }
    rc = ask(r, v, &slot->value);
    if (rc == WR_OK || rc == WR_NOTFOUND) {
        if ((v->flags & WR_VAR_NOCACHE) == 0) {
            slot->state = rc == WR_OK ? HAS_VALUE : NOT_FOUND;
        }
        return rc;
    }
    return WR_ERROR;
}

const wr_str_t *
wr_var_get(wr_req_t *r, unsigned index)
{
    wr_slot_t *slot;

    return evaluate(r, index, &slot) == WR_OK ? &slot->value : NULL;
}

static wr_str_t
capture(const wr_subject_t *s, unsigned n)
{
    int from, to;

    if (n >= s->ncaptures) {
        return WR_STR("");
    }
    from = s->captures[2 * n];
    to = s->captures[2 * n + 1];
    return from < 0 ? WR_STR("") : wr_str_sub(s->captured, (size_t) from, (size_t) to);
}

const wr_str_t *
wr_var_lookup(wr_req_t *r, wr_str_t name)
{
    wr_subject_t         *s = subject(r);
    const wr_var_entry_t *e = wr_map_get(&s->vars->names, name);
    const wr_var_t       *prefix;
    wr_var_t              v;
    wr_str_t             *value;

    if (name.n == 1 && name.p[0] >= '1' && name.p[0] <= '9') {
        value = WR_NEW(s->pool, wr_str_t);
        *value = capture(s, (unsigned) (name.p[0] - '0'));
        return value;
    }
    if (e != NULL && e->var.index != WR_VAR_NO_INDEX) {
        return wr_var_get(r, e->var.index);
    }
    if (e != NULL && (e->var.flags & WR_VAR_WEAK) == 0) {
        v = e->var;
    } else {
        prefix = wr_vars_prefix(s->vars, name);
        if (prefix == NULL) {
            return NULL;
        }
        v = *prefix;
        v.name = wr_pool_str(s->pool, name);
    }
    if (v.get == NULL) {
        return NULL;
    }
    value = WR_NEW(s->pool, wr_str_t);
    return ask(r, &v, value) == WR_OK ? value : NULL;
}

void
wr_var_set(wr_req_t *r, unsigned index, wr_str_t value)
{
    wr_subject_t   *s = subject(r);
    const wr_var_t *v = wr_vars_at(s->vars, index);

    if (v->set != NULL) {
        v->set(r, v, value);
        return;
    }
    s->slots[index] = (wr_slot_t) {value, HAS_VALUE};
}

void
wr_vars_reset(wr_req_t *r)
{
    wr_subject_t *s = subject(r);

    for (unsigned i = 0; i < wr_vars_count(s->vars); i++) {
        s->slots[i] = (wr_slot_t) {WR_STR_NONE, NOT_ASKED};
    }
}

/* ---- texts ---- */

static wr_rc_t
part_value(wr_req_t *r, const wr_cv_part_t *part, wr_str_t *value)
{
    wr_slot_t *slot;
    wr_rc_t    rc;

    if (part->var < 0) {
        *value = part->capture < 0 ? part->text
                                   : capture(subject(r), (unsigned) part->capture);
        return WR_OK;
    }
    rc = evaluate(r, (unsigned) part->var, &slot);
    *value = rc == WR_OK ? slot->value : WR_STR("");
    return rc == WR_ERROR ? WR_ERROR : WR_OK;
}

wr_rc_t
wr_cv_eval(wr_req_t *r, const wr_cv_t *cv, wr_str_t *out)
{
    wr_subject_t *s = subject(r);
    wr_str_t      few[PARTS];
    wr_str_t     *values = few;
    size_t        n = 0;
    char         *to;

    if (cv->parts == NULL) {
        *out = cv->text;
        return WR_OK;
    }
    if (cv->nparts == 1) {
        return part_value(r, &cv->parts[0], out);
    }
    if (wr_unlikely(cv->nparts > PARTS)) {
        values = wr_alloc(s->pool, cv->nparts * sizeof(*values));
    }
    for (uint32_t i = 0; i < cv->nparts; i++) {
        if (part_value(r, &cv->parts[i], &values[i]) != WR_OK) {
            return WR_ERROR;
        }
        n += values[i].n;
    }
    to = wr_alloc_bytes(s->pool, n + 1);
    *out = wr_str(to, n);
    for (uint32_t i = 0; i < cv->nparts; i++) {
        if (values[i].n != 0) {
            to = mempcpy(to, values[i].p, values[i].n);
        }
    }
    *to = '\0';
    return WR_OK;
}
