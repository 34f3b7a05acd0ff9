/*
 * Random bytes differ between calls, threads and processes.
 */
#define _GNU_SOURCE
#include <check.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/os/random.h>

static void *
in_thread(void *to)
{
    wr_random_fast(to, 32);
    return NULL;
}

int
main(void)
{
    unsigned char a[32], b[32], c[32], d[32], zero[32] = {0};
    pthread_t     t;
    int           fd[2];

    wr_random_bytes(a, sizeof(a));
    wr_random_bytes(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0 && memcmp(a, zero, sizeof(a)) != 0);
    wr_random_fast(a, sizeof(a));
    wr_random_fast(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0 && memcmp(a, zero, sizeof(a)) != 0);
    CHECK(pthread_create(&t, NULL, in_thread, c) == 0);
    pthread_join(t, NULL);
    CHECK(memcmp(b, c, sizeof(c)) != 0);

    /* A child does not go on with its parent's numbers. */
    CHECK(pipe(fd) == 0);
    pid_t pid = fork();

    if (pid == 0) {
        wr_random_fast(c, sizeof(c));
        _exit(write(fd[1], c, sizeof(c)) != sizeof(c));
    }
    wr_random_fast(d, sizeof(d));
    CHECK(read(fd[0], c, sizeof(c)) == sizeof(c));
    CHECK(memcmp(c, d, sizeof(c)) != 0);
    waitpid(pid, NULL, 0);

    memset(a, 0, sizeof(a));
    wr_random_fast(a, 5);               /* not a byte more */
    CHECK(memcmp(a + 5, zero, 27) == 0);
    return check_status();
}
