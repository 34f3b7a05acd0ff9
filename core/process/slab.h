/*
 * An allocator inside a block of shared memory. Positions are indexes, so the
 * block may be mapped anywhere. The caller holds the lock for everything but
 * wr_slab_lock itself.
 */
#ifndef WEIR_PROCESS_SLAB_H
#define WEIR_PROCESS_SLAB_H

#include <weir/base/base.h>

typedef struct wr_slab wr_slab_t;

/* Formats `size` bytes (at least two pages of 4096) at `memory`. */
wr_slab_t *wr_slab_format(void *memory, size_t size);

/* Survives the death of a process that held it: then the allocator's own lists
 * are rebuilt. True if that happened. */
bool   wr_slab_lock(wr_slab_t *s);
void   wr_slab_unlock(wr_slab_t *s);

void  *wr_slab_alloc(wr_slab_t *s, size_t size);    /* NULL: full */
void   wr_slab_free(wr_slab_t *s, void *p);
size_t wr_slab_used(const wr_slab_t *s);

/* Rebuilds the lists from what each page says of itself. */
void   wr_slab_repair(wr_slab_t *s);
/* For tests: whether lists and pages agree. */
bool   wr_slab_check(const wr_slab_t *s);

#endif
