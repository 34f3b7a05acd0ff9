/*
 * process_*: what the kernel says of the master and its workers, together. The CPU
 * time of workers that have ended is the master's children's, so that the sum never
 * falls. What may not be read (another user's descriptors) is left out.
 */
#include <status.h>

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/os/proc.h>

typedef struct usage {
    double cpu, resident, virtual_memory, threads;
    double most_open;           /* descriptors of one process */
} usage_t;

/* New kernels tell the number as the folder's size. */
static double
open_files(pid_t pid)
{
    char        path[64];
    struct stat st;
    double      n = -2;         /* . and .. */
    DIR        *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
    if (stat(path, &st) == 0 && st.st_size > 0) {
        return (double) st.st_size;
    }
    d = opendir(path);
    if (d == NULL) {
        return 0;
    }
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n - (pid == getpid());       /* the folder itself */
}

static void
add(usage_t *u, pid_t pid, bool is_master)
{
    double         per_second = (double) sysconf(_SC_CLK_TCK), open;
    wr_proc_stat_t s;

    if (!wr_proc_stat(pid, &s)) {
        return;
    }
    u->cpu += (double) (s.user + s.system) / per_second;
    if (is_master) {
        u->cpu += (double) (s.children_user + s.children_system) / per_second;
    }
    u->threads += (double) s.threads;
    u->virtual_memory += (double) s.virtual_memory;
    u->resident += (double) s.resident * (double) sysconf(_SC_PAGESIZE);
    open = open_files(pid);
    if (open > u->most_open) {
        u->most_open = open;
    }
}

void
status_process(wr_metrics_t *to)
{
    static const wr_metric_t rows[] = {
        {.name = "process_cpu_seconds_total",
         .help = "Processor time of the master and all workers.",
         .kind = WR_METRIC_COUNTER},
        {.name = "process_resident_memory_bytes",
         .help = "Resident memory of the master and its workers, shared pages counted "
                 "for each.", .kind = WR_METRIC_GAUGE},
        {.name = "process_virtual_memory_bytes",
         .help = "Virtual memory of the master and its workers.",
         .kind = WR_METRIC_GAUGE},
        {.name = "process_threads", .help = "Threads of the master and its workers.",
         .kind = WR_METRIC_GAUGE},
        {.name = "process_open_fds",
         .help = "Open descriptors of the process that has the most.",
         .kind = WR_METRIC_GAUGE},
        {.name = "process_max_fds",
         .help = "Descriptors that each process may have open.",
         .kind = WR_METRIC_GAUGE},
        {.name = "process_start_time_seconds", .help = "When the master started.",
         .kind = WR_METRIC_GAUGE},
    };
    usage_t       u = {0};
    unsigned      n = wr_metrics_lanes();
    struct rlimit limit = {0};

    for (unsigned i = 0; i < n; i++) {
        wr_lane_info_t lane = wr_metrics_lane(i);

        if (lane.state != WR_LANE_FREE) {
            add(&u, lane.pid, i == 0);
        }
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    wr_metrics_put(to, &rows[0], NULL, u.cpu);
    wr_metrics_put(to, &rows[1], NULL, u.resident);
    wr_metrics_put(to, &rows[2], NULL, u.virtual_memory);
    wr_metrics_put(to, &rows[3], NULL, u.threads);
    wr_metrics_put(to, &rows[4], NULL, u.most_open);
    wr_metrics_put(to, &rows[5], NULL, (double) limit.rlim_cur);
    wr_metrics_put(to, &rows[6], NULL, (double) wr_metrics_lane(0).since);
}
