/*
 * Random bytes.
 */
#ifndef WEIR_OS_RANDOM_H
#define WEIR_OS_RANDOM_H

#include <weir/base/base.h>

/* From the kernel: for secrets. Ends the process if there are none. */
void wr_random_bytes(void *to, size_t n);

/* From a generator that was seeded by the kernel once per process (anew after
 * fork): for ids that need not be secret. No system call. */
void wr_random_fast(void *to, size_t n);

#endif
