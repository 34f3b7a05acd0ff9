/*
 * Slow expressions anywhere in a step: evaluated on a thread by a stage of their own
 * just before it, which the compiler puts there. The step then finds the value made.
 *
 * What has been compiled and not yet been given a stage is `pending` of the cycle; a
 * step takes all of it, so the expressions of a gather or of a fetch's block are done
 * before the whole.
 */
#include <weir/app/app_priv.h>

typedef struct ahead {
    const wr_app_expr_t *expr;      /* one of the two */
    const wr_app_text_t *text;
    unsigned             slot;      /* of app_t.ahead */
} ahead_t;

typedef struct list {
    ahead_t *items;
    unsigned n;
} list_t;

typedef struct state {
    unsigned      at;
    wr_app_job_t *job;
} state_t;

/* ---- a request ---- */

static wr_rc_t begin(wr_req_t *r, void *state);

static void
keep_value(wr_req_t *r, unsigned slot, wr_val_t v)
{
    app_t *a = app_of(r);

    if (a->ahead == NULL) {
        a->ahead = WR_NEW_N(wr_pool(r), app_made_t, a->main->n_ahead + 1u);
    }
    a->ahead[slot] = (app_made_t) {v, true};
}

bool
app_was_ahead(wr_req_t *r, unsigned slot, wr_val_t *out)
{
    const app_t *a = app_of(r);

    if (slot == 0 || a->ahead == NULL || !a->ahead[slot].is) {
        return false;
    }
    *out = a->ahead[slot].value;
    return true;
}

static wr_rc_t
came(wr_req_t *r, void *state)
{
    const list_t *l = wr_stage_conf(r);
    state_t      *s = state;
    wr_val_t      v;

    if (!wr_app_eval_result(r, s->job, &v)) {
        return wr_app_failed(r);
    }
    keep_value(r, l->items[s->at++].slot, v);
    return begin(r, state);
}

static wr_rc_t
begin(wr_req_t *r, void *state)
{
    const list_t  *l = wr_stage_conf(r);
    state_t       *s = state;
    const ahead_t *x = &l->items[s->at];

    if (s->at == l->n) {
        return WR_OK;
    }
    s->job = x->expr != NULL ? wr_app_eval_start(r, x->expr) : app_render_start(r, x->text);
    return s->job != NULL ? wr_await(r, wr_app_eval_op(s->job), came) : wr_app_failed(r);
}

static const wr_middleware_t ahead_step = {"slow", sizeof(state_t), begin, NULL};

/* ---- conf time ---- */

static unsigned
add(wr_conf_t *cf, const wr_app_expr_t *expr, const wr_app_text_t *text)
{
    app_main_t *m = app_main_of(cf);

    if (m->pending.pool == NULL) {
        m->pending = wr_array(cf->pool, sizeof(ahead_t));
    }
    *WR_PUSH(&m->pending, ahead_t) = (ahead_t) {expr, text, ++m->n_ahead};
    return m->n_ahead;
}

unsigned
app_ahead_expr(wr_conf_t *cf, const wr_app_expr_t *e)
{
    return add(cf, e, NULL);
}

unsigned
app_ahead_text(wr_conf_t *cf, const wr_app_text_t *t)
{
    return add(cf, NULL, t);
}

void
wr_app_not_ahead(wr_conf_t *cf, const wr_app_expr_t *e)
{
    app_main_t *m = app_main_of(cf);

    if (m->pending.n != 0 && WR_AT(&m->pending, ahead_t, m->pending.n - 1)->expr == e) {
        m->pending.n--;
        ((wr_app_expr_t *) (uintptr_t) e)->ahead = 0;
    }
}

void
wr_app_ahead(wr_conf_t *cf)
{
    app_main_t *m = app_main_of(cf);
    list_t     *l;

    if (m->pending.n == 0) {
        return;
    }
    l = WR_NEW(cf->pool, list_t);
    l->n = m->pending.n;
    l->items = WR_NEW_N(cf->pool, ahead_t, l->n);
    memcpy(l->items, m->pending.items, l->n * sizeof(ahead_t));
    m->pending.n = 0;
    app_push_stage(cf, &ahead_step, l);
}
