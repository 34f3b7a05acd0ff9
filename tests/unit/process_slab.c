/*
 * The allocator of shared memory: random use against a model, the death of a
 * process that held the lock.
 */
#define _GNU_SOURCE
#include <check.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/process/slab.h>

enum { SIZE = 256 * 1024, MANY = 4000 };

static unsigned char *memory;

static wr_slab_t *
fresh(size_t size)
{
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return wr_slab_format(memory, size);
}

static void
random_use(void)
{
    static struct {
        unsigned char *p;
        size_t         n;
        unsigned char  fill;
    } held[MANY];
    wr_slab_t *s = fresh(SIZE);
    unsigned   seed = 3, full = 0;

    for (int round = 0; round < 60000; round++) {
        int i = rand_r(&seed) % MANY;

        if (held[i].p != NULL) {
            for (size_t k = 0; k < held[i].n; k++) {
                if (held[i].p[k] != held[i].fill) {
                    CHECK(false);
                    return;
                }
            }
            wr_slab_free(s, held[i].p);
            held[i].p = NULL;
            continue;
        }
        held[i].n = (size_t) (rand_r(&seed) % 8 == 0 ? rand_r(&seed) % 20000
                                                     : rand_r(&seed) % 300);
        held[i].p = wr_slab_alloc(s, held[i].n);
        full += held[i].p == NULL;
        if (held[i].p != NULL) {
            held[i].fill = (unsigned char) round;
            CHECK((uintptr_t) held[i].p % 16 == 0);
            CHECK(held[i].p >= memory && held[i].p + held[i].n <= memory + SIZE);
            memset(held[i].p, held[i].fill, held[i].n);
        }
        if (round % 500 == 0) {
            CHECK(wr_slab_check(s));
        }
    }
    CHECK(full > 0);
    size_t used = wr_slab_used(s);

    wr_slab_repair(s);                  /* changes nothing that is whole */
    CHECK(wr_slab_check(s));
    CHECK_INT(wr_slab_used(s), used);
    for (int i = 0; i < MANY; i++) {
        wr_slab_free(s, held[i].p);
    }
    CHECK_INT(wr_slab_used(s), 0);
    CHECK(wr_slab_check(s));
    /* All is one piece again. */
    CHECK(wr_slab_alloc(s, SIZE - 4 * 4096) != NULL);
    munmap(memory, SIZE);
}

static void
edges(void)
{
    static const size_t sizes[] = {0, 1, 16, 17, 2047, 2048, 2049, 4096, 4097};
    wr_slab_t *s = fresh(SIZE);
    void      *p[WR_COUNT(sizes)];

    for (size_t i = 0; i < WR_COUNT(sizes); i++) {
        p[i] = wr_slab_alloc(s, sizes[i]);
        CHECK(p[i] != NULL);
        memset(p[i], 1, sizes[i]);
    }
    CHECK(wr_slab_alloc(s, SIZE) == NULL);
    CHECK(wr_slab_alloc(s, SIZE_MAX) == NULL);
    CHECK(wr_slab_alloc(s, SIZE_MAX - 4095) == NULL);
    for (size_t i = 0; i < WR_COUNT(sizes); i++) {
        wr_slab_free(s, p[i]);
    }
    CHECK_INT(wr_slab_used(s), 0);
    munmap(memory, SIZE);

    s = fresh(2 * 4096);                /* the smallest: one page */
    CHECK(wr_slab_alloc(s, 4096) != NULL);
    CHECK(wr_slab_alloc(s, 1) == NULL);
    munmap(memory, 2 * 4096);

    /* How much of a zone is usable: 64-byte records in 32 KB. */
    s = fresh(32 * 1024);
    int n = 0;

    while (wr_slab_alloc(s, 64) != NULL) {
        n++;
    }
    CHECK_INT(n, 7 * 64);
    munmap(memory, 32 * 1024);
}

/* Children are killed at random while they work; the others go on. */
static void
deaths(void)
{
    wr_slab_t *s = fresh(SIZE);
    int        repaired = 0;

    for (int round = 0; round < 30; round++) {
        pid_t pid = fork();

        if (pid == 0) {
            void    *held[200] = {0};
            unsigned seed = (unsigned) round;

            for (;;) {
                int i = rand_r(&seed) % 200;

                wr_slab_lock(s);
                if (held[i] != NULL) {
                    wr_slab_free(s, held[i]);
                    held[i] = NULL;
                } else {
                    held[i] = wr_slab_alloc(s, (size_t) rand_r(&seed) % 6000);
                }
                wr_slab_unlock(s);
            }
        }
        usleep(3000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        repaired += wr_slab_lock(s);
        CHECK(wr_slab_check(s));
        wr_slab_unlock(s);
    }
    CHECK(repaired > 0);
    munmap(memory, SIZE);
}

int
main(void)
{
    random_use();
    edges();
    deaths();
    return check_status();
}
