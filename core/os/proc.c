/*
 * What the kernel says of processes.
 */
#include <weir/os/proc.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
wr_proc_stat(pid_t pid, wr_proc_stat_t *to)
{
    char        path[32], text[1024];
    const char *name_end;
    FILE       *f;
    size_t      n;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
    f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    name_end = strrchr(text, ')');      /* there may be more of them in the name */
    return name_end != NULL
           && sscanf(name_end + 1,
                     " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                     " %" SCNu64 " %" SCNu64 " %*d %*d %" SCNu64 " %*d %" SCNu64
                     " %" SCNu64 " %" SCNu64,
                     &to->state, &to->user, &to->system, &to->children_user,
                     &to->children_system, &to->threads, &to->born, &to->virtual_memory,
                     &to->resident) == 9;
}

wr_str_t
wr_proc_program(char *to, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", to, room - 1);

    n = n > 0 && (size_t) n < room - 1 ? n : 0;
    to[n] = '\0';
    return wr_str(to, (size_t) n);
}
