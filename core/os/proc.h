/*
 * What the kernel says of processes (proc(5)). All read small files of /proc, which does
 * not wait.
 */
#ifndef WEIR_OS_PROC_H
#define WEIR_OS_PROC_H

#include <sys/types.h>
#include <weir/base/str.h>

/* Of /proc/PID/stat. Times are in clock ticks (sysconf(_SC_CLK_TCK)). */
typedef struct wr_proc_stat {
    char     state;                 /* 'Z': it has ended and nobody has asked how */
    uint64_t user, system;          /* processor time */
    uint64_t children_user, children_system;    /* of children that were waited for */
    uint64_t threads;
    uint64_t born;                  /* after the system's start: no two of one pid share it */
    uint64_t virtual_memory;        /* bytes */
    uint64_t resident;              /* pages */
} wr_proc_stat_t;

/* False: there is no such process, or it may not be looked at. */
bool wr_proc_stat(pid_t pid, wr_proc_stat_t *to);

/* The file that this process runs, "" if that is not known. In `to`, of `room` bytes. */
wr_str_t wr_proc_program(char *to, size_t room);

#endif
