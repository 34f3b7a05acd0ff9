/*
 * Pools: alignment, growth, cleanups, limits, and that memory is used again.
 */
#include <check.h>
#include <stdint.h>
#include <weir/base/pool.h>

static void
pieces(wr_pool_t *pool)
{
    enum { N = 3000 };
    static char *at[N];
    static size_t size[N];

    for (size_t i = 0; i < N; i++) {
        size[i] = i % 7 == 0 ? 2000 + i : i % 97 + 1;
        at[i] = wr_alloc(pool, size[i]);
        CHECK_INT((uintptr_t) at[i] % 16, 0);
        memset(at[i], (int) (i & 0x7f), size[i]);
    }
    for (size_t i = 0; i < N; i++) {        /* none overlaps another */
        size_t same = 0;

        while (same < size[i] && at[i][same] == (char) (i & 0x7f)) {
            same++;
        }
        CHECK_INT(same, size[i]);
    }
    CHECK(wr_pool_used(pool) >= N);
}

static void
both_kinds(void)
{
    wr_pool_t *small = wr_pool_new(), *mapped = wr_pool_new_mapped();

    pieces(small);
    pieces(mapped);
    wr_pool_clear(mapped);
    CHECK_INT(wr_pool_used(mapped), 0);
    pieces(mapped);
    wr_pool_free(small);
    wr_pool_free(mapped);
    wr_pool_free(NULL);
}

static void
zeroed(void)
{
    wr_pool_t *pool = wr_pool_new();

    memset(wr_alloc(pool, 1000), 'x', 1000);
    wr_pool_clear(pool);
    for (int i = 0; i < 20; i++) {
        char *p = wr_zalloc(pool, 50);
        int   sum = 0;

        for (int k = 0; k < 50; k++) {
            sum |= p[k];
        }
        CHECK_INT(sum, 0);
    }
    wr_pool_free(pool);
}

static char order[8];

static void
note(void *data)
{
    strcat(order, data);
}

static void
cleanups(void)
{
    wr_pool_t *pool = wr_pool_new();
    char       a[] = "a", b[] = "b", c[] = "c";

    wr_pool_on_free(pool, note, a);
    wr_pool_on_free(pool, note, b);
    wr_pool_on_free(pool, note, c);
    CHECK(wr_pool_forget(pool, note, b));
    CHECK(!wr_pool_forget(pool, note, b));
    wr_pool_clear(pool);
    CHECK(strcmp(order, "ca") == 0);        /* the newest first, once each */
    wr_pool_on_free(pool, note, b);
    wr_pool_free(pool);
    CHECK(strcmp(order, "cab") == 0);
}

static void
limits(void)
{
    wr_pool_t *pool = wr_pool_new();
    char      *p;

    wr_pool_limit(pool, 1000);
    p = wr_try_alloc(pool, 600);
    CHECK(p != NULL);
    CHECK(wr_try_alloc(pool, 600) == NULL);
    CHECK(wr_try_alloc(pool, SIZE_MAX) == NULL);
    CHECK(wr_try_alloc(pool, SIZE_MAX - 8) == NULL);
    CHECK(wr_pool_room(pool, 400));
    CHECK(!wr_pool_room(pool, 401));
    CHECK(!wr_pool_room(pool, SIZE_MAX));
    CHECK(wr_try_alloc(pool, 400) != NULL);
    wr_pool_limit(pool, 0);
    CHECK(wr_try_alloc(pool, 100000) != NULL);
    CHECK(wr_try_alloc(pool, SIZE_MAX - 8) == NULL);
    wr_pool_free(pool);
}

static int over_calls;

static void
over(void *data)
{
    (void) data;
    over_calls++;
}

static void
guards(void)
{
    wr_pool_t      *pool = wr_pool_new();
    wr_pool_guard_t was = wr_pool_guard(pool, (wr_pool_guard_t) {100000, over, NULL});

    CHECK(was.over == NULL && was.limit == 0);
    (void) wr_alloc(pool, 90000);
    CHECK_INT(over_calls, 0);
    (void) wr_alloc(pool, WR_POOL_GUARDED);
    CHECK_INT(over_calls, 1);
    (void) wr_alloc(pool, 100);             /* small pieces never fail */
    CHECK_INT(over_calls, 1);
    was = wr_pool_guard(pool, was);
    CHECK(was.over == over && was.limit == 100000);
    wr_pool_free(pool);
}

static void
extended(void)
{
    wr_pool_t *pool = wr_pool_new();
    char      *p = wr_alloc(pool, 100);

    memset(p, 'a', 100);
    CHECK(wr_pool_extend(pool, p, 100, 200));
    memset(p + 100, 'b', 100);
    CHECK(!wr_pool_extend(pool, p, 200, 100000));
    CHECK(!wr_pool_extend(pool, p, 200, 100));
    (void) wr_alloc(pool, 10);
    CHECK(!wr_pool_extend(pool, p, 200, 300));      /* it is not the last any more */
    CHECK(p[99] == 'a' && p[199] == 'b');
    wr_pool_free(pool);
}

static void
texts(void)
{
    wr_pool_t *pool = wr_pool_new();
    char       long_text[5000];

    CHECK_STR(wr_pool_str(pool, WR_STR("abc")), "abc");
    CHECK_STR(wr_pool_str(pool, WR_STR_NONE), "");
    CHECK(strcmp(wr_pool_strz(pool, WR_STR("abc")), "abc") == 0);
    CHECK_STR(wr_pool_join(pool, WR_STR("a/"), WR_STR("b")), "a/b");
    CHECK_STR(wr_pool_join3(pool, WR_STR("a"), WR_STR(""), WR_STR("c")), "ac");
    CHECK_STR(wr_pool_printf(pool, "%d %s", 42, "x"), "42 x");
    memset(long_text, 'y', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    CHECK_STR(wr_pool_printf(pool, "%s", long_text), long_text);
    wr_pool_free(pool);
    wr_pool_trim_cache();
}

int
main(void)
{
    both_kinds();
    zeroed();
    cleanups();
    limits();
    guards();
    extended();
    texts();
    return check_status();
}
