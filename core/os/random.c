/*
 * Random bytes: the kernel's, and a fast generator seeded by them.
 *
 * The fast one is xoshiro256**, per thread. A child must not repeat its parent's
 * numbers: the process id that a seed was made for is kept beside it, and
 * pthread_atfork marks it stale without a system call per use.
 */
#define _GNU_SOURCE
#include <weir/os/random.h>

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

static unsigned        forks = 1;
static __thread struct {
    uint64_t s[4];
    unsigned seeded;            /* the value of `forks` when it was */
} fast;

void
wr_random_bytes(void *to, size_t n)
{
    char *p = to;

    while (n != 0) {
        ssize_t got = getrandom(p, n, 0);

        WR_ASSERT(got > 0 || errno == EINTR);
        if (got > 0) {
            p += got;
            n -= (size_t) got;
        }
    }
}

/* In the child there is one thread only. */
static void
forked(void)
{
    forks++;
}

static void
watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked);
}

static uint64_t
rotate(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static uint64_t
next(void)
{
    uint64_t *s = fast.s;
    uint64_t  result = rotate(s[1] * 5, 7) * 9;
    uint64_t  t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void
wr_random_fast(void *to, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char                 *p = to;

    if (wr_unlikely(fast.seeded != forks)) {
        pthread_once(&once, watch_forks);
        wr_random_bytes(fast.s, sizeof(fast.s));
        fast.seeded = forks;
    }
    while (n != 0) {
        uint64_t v = next();
        size_t   some = wr_min_size(n, sizeof(v));

        memcpy(p, &v, some);
        p += some;
        n -= some;
    }
}
