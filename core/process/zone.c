/*
 * Shared memory zones: declared while the conf is read, mapped when it is
 * settled, kept over a reload when nothing about them has changed.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>
#include <weir/process/slab.h>

#include <errno.h>
#include <sys/mman.h>

enum { SMALLEST = 2 * 4096 };

static wr_zone_t *
find(const wr_cycle_t *cycle, wr_str_t name)
{
    for (WR_EACH(wr_zone_t *, z, &cycle->zones)) {
        if (wr_str_eq((*z)->name, name)) {
            return *z;
        }
    }
    return NULL;
}

/* Where the directive that is being read names the zone; line 0: nowhere. */
static wr_tok_t
place_of(const wr_conf_t *cf, wr_str_t name)
{
    for (unsigned i = 1; cf->args != NULL && i < cf->nargs; i++) {
        if (wr_str_find(cf->args[i].text, name) >= 0) {
            return cf->args[i];
        }
    }
    return cf->args != NULL && cf->nargs != 0 ? cf->args[0] : (wr_tok_t) {.line = 0};
}

wr_zone_t *
wr_zone_add(wr_conf_t *cf, wr_str_t name, size_t size, const void *tag)
{
    wr_cycle_t *cycle = wr_cycle_of(cf);
    wr_zone_t  *z = find(cycle, name);

    if (z == NULL) {
        z = WR_NEW(cf->pool, wr_zone_t);
        z->name = wr_pool_str(cf->pool, name);
        z->size = size;
        z->tag = tag;
        z->at = place_of(cf, name);
        *WR_PUSH(&cycle->zones, wr_zone_t *) = z;
        return z;
    }
    if (z->tag != tag) {
        (void) wr_conf_fail(cf, NULL, "the shared memory zone \"%.*s\" is already "
                            "declared for a different use", WR_ARG(name));
        return NULL;
    }
    if (z->size == 0) {
        z->size = size;
    }
    if (size != 0 && size != z->size) {
        (void) wr_conf_fail(cf, NULL, "the size %zu of shared memory zone \"%.*s\" "
                            "conflicts with already declared size %zu", size,
                            WR_ARG(name), z->size);
        return NULL;
    }
    return z;
}

wr_rc_t
wr_zone_lost(wr_conf_t *cf, const wr_zone_t *z)
{
    return wr_conf_fail_hint(cf, &z->at, WR_STR("no directive gives it a size"),
                             "zero size shared memory zone \"%.*s\"", WR_ARG(z->name));
}

static wr_rc_t
map(wr_zone_t *z, wr_log_t *log)
{
    size_t size = wr_max_size(z->size, SMALLEST);

    z->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
    if (z->memory == MAP_FAILED) {
        z->memory = NULL;
        wr_log(log, WR_LOG_EMERG, errno, "mmap(%zu) for zone \"%.*s\" failed", size,
               WR_ARG(z->name));
        return WR_ERROR;
    }
    wr_slab_format(z->memory, size);
    return WR_OK;
}

static wr_rc_t
open_zone(wr_zone_t *z, const wr_zone_t *old, wr_cycle_t *cycle)
{
    if (z->size == 0) {
        return wr_zone_lost(cycle->cf, z);
    }
    if (old != NULL && old->size == z->size && old->tag == z->tag) {
        z->memory = old->memory;
        z->data = old->data;
        z->kept = true;
    } else if (map(z, cycle->log) != WR_OK) {
        return WR_ERROR;
    }
    return z->init != NULL ? z->init(z, z->kept ? old->data : NULL) : WR_OK;
}

wr_rc_t
wr_zones_open(wr_cycle_t *cycle, wr_cycle_t *old)
{
    for (WR_EACH(wr_zone_t *, z, &cycle->zones)) {
        wr_zone_t *former = old != NULL ? find(old, (*z)->name) : NULL;

        if (open_zone(*z, former, cycle) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

void
wr_zones_close(wr_cycle_t *cycle, const wr_cycle_t *next)
{
    for (WR_EACH(wr_zone_t *, z, &cycle->zones)) {
        const wr_zone_t *other = next != NULL ? find(next, (*z)->name) : NULL;

        if ((*z)->memory != NULL && (other == NULL || other->memory != (*z)->memory)) {
            munmap((*z)->memory, wr_max_size((*z)->size, SMALLEST));
        }
        (*z)->memory = NULL;
    }
}

/* ---- use ---- */

void
wr_zone_lock(wr_zone_t *z)
{
    if (wr_unlikely(wr_slab_lock(z->memory))) {
        wr_log(&wr_log_main, WR_LOG_CRIT, 0, "a process died in zone \"%.*s\": its "
               "memory was checked and put in order", WR_ARG(z->name));
    }
}

void
wr_zone_unlock(wr_zone_t *z)
{
    wr_slab_unlock(z->memory);
}

void *
wr_zone_alloc(wr_zone_t *z, size_t size)
{
    return wr_slab_alloc(z->memory, size);
}

void
wr_zone_free(wr_zone_t *z, void *p)
{
    wr_slab_free(z->memory, p);
}

size_t
wr_zone_used(const wr_zone_t *z)
{
    return wr_slab_used(z->memory);
}
