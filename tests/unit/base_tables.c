/*
 * What holds many things: arrays, maps, queues.
 */
#include <check.h>
#include <weir/base/array.h>
#include <weir/base/map.h>
#include <weir/base/queue.h>

typedef struct wide {
    char bytes[100];
} wide_t;

static void
arrays(void)
{
    wr_pool_t *pool = wr_pool_new();
    wr_array_t numbers = wr_array(pool, sizeof(int));
    wr_array_t wides = wr_array(pool, sizeof(wide_t));
    int        n = 0;

    for (WR_EACH(int, i, &numbers)) {
        n += *i;
    }
    CHECK_INT(n, 0);
    for (int i = 0; i < 1000; i++) {
        int *p = WR_PUSH(&numbers, int);

        CHECK_INT(*p, 0);               /* a new item is zeroed */
        *p = i;
        WR_PUSH(&wides, wide_t)->bytes[99] = (char) i;
    }
    for (WR_EACH(int, i, &numbers)) {
        CHECK_INT(*i, n++);
    }
    CHECK_INT(n, 1000);
    CHECK_INT(*WR_AT(&numbers, int, 999), 999);
    CHECK_INT(WR_AT(&wides, wide_t, 77)->bytes[99], 77);
    wr_pool_free(pool);
}

static void
maps(void)
{
    wr_pool_t *pool = wr_pool_new();
    wr_map_t   m = wr_map(pool, false);
    int        values[2000];
    int        old = 0;

    CHECK(wr_map_get(&m, WR_STR("a")) == NULL);
    for (int i = 0; i < 2000; i++) {
        wr_str_t key = wr_pool_printf(pool, "key %d", i);

        CHECK(wr_map_get(&m, key) == NULL);
        CHECK(wr_map_set(&m, key, &values[i]) == NULL);
    }
    for (int i = 0; i < 2000; i++) {
        wr_str_t key = wr_pool_printf(pool, "key %d", i);

        CHECK(wr_map_get(&m, key) == &values[i]);
        CHECK_STR(m.entries[i].key, key.p);     /* in order of insertion */
    }
    CHECK(wr_map_set(&m, WR_STR("key 7"), &old) == &values[7]);
    CHECK(wr_map_get(&m, WR_STR("key 7")) == &old);
    CHECK(wr_map_get(&m, WR_STR("KEY 7")) == NULL);
    CHECK(wr_map_set(&m, WR_STR(""), &old) == NULL);
    CHECK(wr_map_get(&m, WR_STR_NONE) == &old);
    CHECK_INT(m.n, 2001);
    wr_pool_free(pool);
}

static void
maps_without_case(void)
{
    static const char *const names[] = {
        "a", "Host", "Content-Type", "A-Name-Of-More-Than-64-Letters-"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    wr_pool_t *pool = wr_pool_new();
    wr_map_t   m = wr_map(pool, true);
    char       text[128];

    for (size_t i = 0; i < WR_COUNT(names); i++) {
        (void) wr_map_set(&m, wr_str_z(names[i]), (void *) (uintptr_t) names[i]);
    }
    for (size_t i = 0; i < WR_COUNT(names); i++) {
        size_t n = strlen(names[i]);

        for (size_t k = 0; k < n; k++) {
            char c = names[i][k];

            text[k] = k % 2 != 0 ? c : (c >= 'a' && c <= 'z') ? (char) (c - 32) : c;
        }
        CHECK(wr_map_get(&m, wr_str(text, n)) == names[i]);
    }
    CHECK(wr_map_get(&m, WR_STR("@")) == NULL);     /* 'a' - 32 - 1: no letter */
    wr_pool_free(pool);
}

typedef struct item {
    wr_queue_t link;
    int        n;
} item_t;

static int
content(wr_queue_t *head)
{
    int n = 0;

    for (wr_queue_t *q = head->next; q != head; q = q->next) {
        CHECK(q->next->prev == q && q->prev->next == q);
        n = n * 10 + WR_QUEUE_ITEM(q, item_t, link)->n;
    }
    return n;
}

static void
queues(void)
{
    wr_queue_t head;
    item_t     items[4] = {{.n = 1}, {.n = 2}, {.n = 3}, {.n = 4}};

    wr_queue_init(&head);
    CHECK(wr_queue_empty(&head));
    CHECK(wr_queue_first(&head) == NULL && wr_queue_last(&head) == NULL);
    wr_queue_push(&head, &items[1].link);
    wr_queue_push(&head, &items[2].link);
    wr_queue_unshift(&head, &items[0].link);
    wr_queue_push(&items[2].link, &items[3].link);  /* before the third */
    CHECK_INT(content(&head), 1243);
    CHECK(wr_queue_first(&head) == &items[0].link);
    CHECK(wr_queue_last(&head) == &items[2].link);
    wr_queue_remove(&items[1].link);
    wr_queue_remove(&items[1].link);                /* twice is harmless */
    CHECK_INT(content(&head), 143);
    for (int i = 0; i < 4; i++) {
        wr_queue_remove(&items[i].link);
    }
    CHECK(wr_queue_empty(&head));
}

int
main(void)
{
    arrays();
    maps();
    maps_without_case();
    queues();
    return check_status();
}
