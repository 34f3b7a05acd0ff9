/*
 * Dicts: order, Python's key equality, growth, removal.
 */
#include <weir/expr/value.h>

#include "check.h"

static wr_eval_t ev;

static void
small_and_large(uint32_t n)
{
    wr_dict_t       *d = wr_dict_new(ev.pool, 0);
    wr_dict_entry_t *e;
    uint32_t         i = 0;
    uint32_t         at = 0;

    for (i = 0; i < n; i++) {
        wr_dict_sets(ev.pool, d, wr_pool_printf(ev.pool, "key%u", i),
                     wr_int(i));
    }
    CHECK_INT(d->live, n);
    for (i = 0; i < n; i++) {
        wr_str_t  key = wr_pool_printf(ev.pool, "key%u", i);
        wr_val_t *v = wr_dict_gets(d, key);

        CHECK(v != NULL && v->u.i == i);
    }
    CHECK(wr_dict_gets(d, WR_STR("key")) == NULL);
    for (i = 0; (e = wr_dict_next(d, &at)) != NULL; i++) {
        CHECK_INT(e->value.u.i, i);
    }
    CHECK_INT(i, n);
    for (i = 0; i < n; i += 2) {
        wr_val_t key = wr_vstr(wr_pool_printf(ev.pool, "key%u", i));
        wr_val_t old;

        CHECK(wr_dict_del(&ev, d, &key, &old) && old.u.i == i);
        CHECK(!wr_dict_del(&ev, d, &key, &old));
    }
    CHECK_INT(d->live, n / 2);
    for (i = 0; i < n; i++) {
        wr_dict_sets(ev.pool, d, wr_pool_printf(ev.pool, "new%u", i),
                     wr_int(i));
    }
    CHECK_INT(d->live, n / 2 + n);
    CHECK((wr_dict_gets(d, WR_STR("key1")) != NULL) == (n > 1));
    CHECK(wr_dict_gets(d, WR_STR("key0")) == NULL);
}

/* 1, 1.0 and true are one key; its first spelling stays. */
static void
numbers(bool slots)
{
    wr_dict_t *d = wr_dict_new(ev.pool, 0);
    wr_val_t   one = wr_int(1);
    wr_val_t   one_f = wr_float(1);
    wr_val_t   yes = wr_bool(true);
    wr_val_t   zero = wr_float(-0.0);
    wr_val_t   none = wr_none();
    wr_val_t   v = wr_int(7);

    for (int i = 0; slots && i < 20; i++) {
        wr_val_t key = wr_int(1000 + i);

        CHECK(wr_dict_set(&ev, d, &key, &v));
    }
    CHECK(wr_dict_set(&ev, d, &one, &v));
    v = wr_int(8);
    CHECK(wr_dict_set(&ev, d, &yes, &v));
    CHECK(wr_dict_set(&ev, d, &zero, &v));
    CHECK(wr_dict_set(&ev, d, &none, &v));
    CHECK_INT(d->live, (slots ? 20 : 0) + 3);
    CHECK_INT(wr_dict_get(&ev, d, &one_f)->u.i, 8);
    CHECK_INT(d->entries[d->n - 3].key.type, WR_V_INT);
    one = wr_int(0);
    CHECK(wr_dict_get(&ev, d, &one) != NULL);
}

static void
unhashable(void)
{
    wr_dict_t *d = wr_dict_new(ev.pool, 0);
    wr_list_t *l = wr_list_new(ev.pool, 1);
    wr_val_t   key = wr_vlist(l);
    wr_val_t   v = wr_none();

    wr_list_push(ev.pool, l, wr_int(1));
    CHECK(!wr_dict_set(&ev, d, &key, &v));
    CHECK(ev.failed && strcmp(ev.err.kind, "TypeError") == 0);
    CHECK_STR(ev.err.message, "unhashable type: 'list'");
    ev.failed = false;
    key = wr_vtuple(l);
    CHECK(wr_dict_set(&ev, d, &key, &v));
    CHECK(wr_dict_get(&ev, d, &key) != NULL);
}

/* An undefined may be a key: it is not taken for a removed entry. */
static void
undefined_key(void)
{
    wr_dict_t *d = wr_dict_new(ev.pool, 0);
    wr_val_t   key = wr_undef_name(&ev, WR_STR("nope"));
    wr_val_t   dict = wr_vdict(d);
    wr_val_t   v = wr_int(1);
    wr_buf_t   b = wr_buf(ev.pool);

    CHECK(wr_dict_set(&ev, d, &key, &v));
    CHECK(wr_put_repr(&ev, &b, &dict));
    CHECK_STR(wr_buf_text(&b), "{Undefined: 1}");
}

int
main(void)
{
    ev.pool = wr_pool_new();
    for (uint32_t n = 0; n < 40; n++) {
        small_and_large(n);
    }
    small_and_large(5000);
    numbers(false);
    numbers(true);
    unhashable();
    undefined_key();
    wr_pool_free(ev.pool);
    return check_status();
}
