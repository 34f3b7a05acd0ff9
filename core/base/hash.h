/*
 * Hash functions: a keyed one for tables, and those whose results are relied on.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <weir/base/str.h>

/* For tables: keyed with a seed that wr_hash_seed sets once per process, so that
 * clients cannot choose colliding keys. The _i form ignores ASCII case. */
uint64_t wr_hash(const void *p, size_t n);
uint64_t wr_hash_i(const void *p, size_t n);
void     wr_hash_seed(uint64_t seed);

/* IEEE 802.3, as zlib's crc32: for `hash` balancing. */
uint32_t wr_crc32(const void *p, size_t n);
/* In pieces: start with 0xffffffff, end by inverting. */
uint32_t wr_crc32_update(uint32_t crc, const void *p, size_t n);

/* MurmurHash2, seed 0 (public domain algorithm of A. Appleby): split_clients. */
uint32_t wr_murmur2(const void *p, size_t n);

#endif
