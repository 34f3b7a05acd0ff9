/*
 * For unit tests: CHECK goes on after a failure, main ends with check_status().
 */
#ifndef WEIR_TESTS_CHECK_H
#define WEIR_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed;
static int check_count;

#define CHECK(cond)                                                           \
    do {                                                                      \
        check_count++;                                                        \
        if (!(cond)) {                                                        \
            check_failed++;                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
        }                                                                     \
    } while (0)

/* Two numbers; shows both. */
#define CHECK_INT(got, want)                                                  \
    do {                                                                      \
        long long got_ = (long long) (got);                                   \
        long long want_ = (long long) (want);                                 \
        check_count++;                                                        \
        if (got_ != want_) {                                                  \
            check_failed++;                                                   \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__,        \
                    __LINE__, #got, got_, want_);                             \
        }                                                                     \
    } while (0)

/* A wr_str_t and a C string; shows both. */
#define CHECK_STR(got, want)                                                  \
    do {                                                                      \
        wr_str_t got_ = (got);                                                \
        check_count++;                                                        \
        if (!wr_str_eqz(got_, (want))) {                                      \
            check_failed++;                                                   \
            fprintf(stderr, "%s:%d: %s is \"%.*s\", not \"%s\"\n", __FILE__,  \
                    __LINE__, #got, WR_ARG(got_), (want));                    \
        }                                                                     \
    } while (0)

static inline int
check_status(void)
{
    if (check_count == 0) {
        fprintf(stderr, "nothing was checked\n");
        return 1;
    }
    if (check_failed != 0) {
        fprintf(stderr, "%d of %d checks failed\n", check_failed, check_count);
        return 1;
    }
    return 0;
}

#endif
