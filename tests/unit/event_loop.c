/*
 * Watches, posted work, timers and ops.
 */
#define _GNU_SOURCE
#include <check.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/event/op.h>

typedef struct end {
    wr_watch_t  w;
    int         reads, writes;
    struct end *kills;
} end_t;

static void
on_read(wr_watch_t *w)
{
    end_t *e = WR_CONTAINER(w, end_t, w);

    e->reads++;
    if (e->kills != NULL) {
        wr_watch_forget(&e->kills->w);
        close(e->kills->w.fd);
        e->kills->w.fd = -1;
        e->kills = NULL;
    }
}

static void
on_write(wr_watch_t *w)
{
    WR_CONTAINER(w, end_t, w)->writes++;
}

static void
pair(end_t *a, end_t *b)
{
    int fd[2];

    memset(a, 0, sizeof(*a));
    memset(b, 0, sizeof(*b));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
    a->w = (wr_watch_t) {.fd = fd[0], .on_read = on_read, .on_write = on_write};
    b->w = (wr_watch_t) {.fd = fd[1], .on_read = on_read, .on_write = on_write};
    CHECK(wr_watch_add(&a->w) == WR_OK && wr_watch_add(&b->w) == WR_OK);
}

static void
drop(end_t *e)
{
    if (e->w.fd >= 0) {
        wr_watch_forget(&e->w);
        close(e->w.fd);
    }
}

static void
watches(void)
{
    end_t a, b;

    pair(&a, &b);
    wr_loop_turn(0);
    CHECK_INT(a.writes, 1);
    CHECK(a.w.writable && !a.w.readable && !a.w.hup);
    CHECK(write(b.w.fd, "x", 1) == 1);
    wr_loop_turn(0);
    CHECK_INT(a.reads, 1);
    CHECK_INT(a.writes, 1);
    CHECK(a.w.readable);
    wr_loop_turn(0);
    CHECK_INT(a.reads, 1);          /* an edge, not a level */
    shutdown(b.w.fd, SHUT_WR);
    wr_loop_turn(0);
    CHECK(a.w.hup);
    CHECK_INT(a.reads, 2);
    drop(&a);
    drop(&b);
}

/* Two events in one batch; the handler of the first closes the second. */
static void
closing_others(void)
{
    end_t a, b, c, d;

    pair(&a, &b);
    pair(&c, &d);
    wr_loop_turn(0);
    a.kills = &c;
    c.kills = &a;
    CHECK(write(b.w.fd, "x", 1) == 1 && write(d.w.fd, "x", 1) == 1);
    wr_loop_turn(0);
    CHECK_INT(a.reads + c.reads, 1);
    drop(&a);
    drop(&b);
    drop(&c);
    drop(&d);
}

static int order[8], n_order;

typedef struct job {
    wr_post_t  p;
    int        id;
    wr_post_t *again;
} job_t;

static void
posted(wr_post_t *p)
{
    job_t *j = WR_CONTAINER(p, job_t, p);

    order[n_order++] = j->id;
    if (j->again != NULL) {
        wr_post(j->again);
    }
}

static void
posts(void)
{
    job_t a = {.p.fn = posted, .id = 1}, b = {.p.fn = posted, .id = 2};
    job_t c = {.p.fn = posted, .id = 3};

    n_order = 0;
    b.again = &a.p;
    wr_post(&a.p);
    wr_post(&b.p);
    wr_post(&a.p);
    wr_post(&c.p);
    wr_unpost(&c.p);
    wr_loop_turn(-1);
    CHECK_INT(n_order, 2);
    CHECK(order[0] == 1 && order[1] == 2);
    wr_loop_turn(-1);               /* does not sleep: a was posted again */
    CHECK_INT(n_order, 3);
    CHECK_INT(order[2], 1);
}

enum { MANY = 2000 };
static wr_timer_t timers[MANY];
static wr_msec_t  last_when;
static int        fired;

static void
fire(wr_timer_t *t)
{
    CHECK(t->when >= last_when);
    CHECK(t->when <= wr_clock.mono);
    CHECK(!wr_timer_is_set(t));
    last_when = t->when;
    fired++;
}

/* Random sets, moves and cancels; then time is made to pass. */
static void
many_timers(void)
{
    unsigned seed = 1, set = 0;

    for (int i = 0; i < MANY; i++) {
        timers[i].fn = fire;
    }
    for (int i = 0; i < MANY * 5; i++) {
        wr_timer_t *t = &timers[(unsigned) rand_r(&seed) % MANY];

        if (rand_r(&seed) % 4 == 0) {
            wr_timer_cancel(t);
            CHECK(!wr_timer_is_set(t));
        } else {
            wr_timer_set(t, rand_r(&seed) % 300);
        }
    }
    for (int i = 0; i < MANY; i++) {
        set += wr_timer_is_set(&timers[i]);
    }
    CHECK_INT(wr_loop_timers(), set);
    fired = 0;
    last_when = 0;
    /* All deadlines lie behind within 300 ms. */
    while (wr_loop_timers() != 0) {
        wr_loop_turn(-1);
        last_when = 0;
    }
    CHECK_INT(fired, set);
}

static void
lazy_timer(void)
{
    wr_timer_t t = {.fn = fire};
    wr_msec_t  began;
    uint64_t   turns;

    wr_clock_update();
    began = wr_clock.mono;
    fired = 0;
    last_when = 0;
    wr_timer_set(&t, 10);
    wr_timer_set(&t, 60);           /* later: stays where it is */
    CHECK_INT(t.key, began + 10);
    turns = wr_loop_turns();
    while (fired == 0) {
        wr_loop_turn(-1);
    }
    CHECK(wr_clock.mono >= began + 60);
    CHECK(wr_loop_turns() - turns <= 3);
    wr_timer_set(&t, 50);
    wr_timer_set(&t, 5);            /* earlier: moves */
    CHECK_INT(t.key, t.when);
    wr_timer_cancel(&t);
    wr_timer_cancel(&t);
    CHECK_INT(wr_loop_timers(), 0);
}

static int ops_done;

static void
op_done(wr_op_t *op)
{
    (void) op;
    ops_done++;
}

static void
ops(void)
{
    wr_sleep_t s, z;

    memset(&s, 0, sizeof(s));
    memset(&z, 0, sizeof(z));
    wr_sleep_start(&s, 5);
    wr_sleep_start(&z, 100000);
    s.op.done = z.op.done = op_done;
    CHECK_INT(s.op.state, WR_OP_PENDING);
    while (s.op.state == WR_OP_PENDING) {
        wr_loop_turn(-1);
    }
    CHECK_INT(s.op.rc, WR_OK);
    CHECK_INT(ops_done, 1);
    wr_op_cancel(&z.op);
    wr_op_cancel(&z.op);
    CHECK_INT(ops_done, 2);
    CHECK_INT(z.op.rc, WR_CANCELLED);
    wr_sleep_start(&s, 0);          /* can be used again */
    CHECK(s.op.done == NULL);
    wr_loop_turn(-1);
    CHECK_INT(s.op.state, WR_OP_DONE);
}

int
main(void)
{
    CHECK(wr_loop_open(&wr_log_main, 0) == WR_OK);
    watches();
    closing_others();
    posts();
    many_timers();
    lazy_timer();
    ops();
    wr_loop_close();
    return check_status();
}
