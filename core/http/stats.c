/*
 * The counters' memory: mapped before there are workers. What a worker that dies
 * had under way stays counted, as nobody knows how much that was.
 */
#include <weir/http/stats.h>

#include <sys/mman.h>

static wr_http_stats_t own;     /* if memory cannot be shared: this process's */

wr_http_stats_t *wr_http_stats = &own;

__attribute__((constructor)) static void
init(void)
{
    void *p = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p != MAP_FAILED) {
        wr_http_stats = p;
    }
}
