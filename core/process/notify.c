/*
 * Messages to systemd, by its datagram protocol (sd_notify(3)), without its
 * library. Nothing is sent where NOTIFY_SOCKET is not set.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un to;
static socklen_t          to_len;

static bool
find_socket(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t      n = path != NULL ? strlen(path) : 0;

    if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    to.sun_family = AF_UNIX;
    memcpy(to.sun_path, path, n + 1);
    to_len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n);
    if (path[0] == '@') {
        to.sun_path[0] = '\0';
    } else {
        to_len++;
    }
    return true;
}

void
wr_notify(const char *format, ...)
{
    va_list list;
    char    text[512];
    int     n, fd;

    if (to_len == 0 && !find_socket()) {
        return;
    }
    va_start(list, format);
    n = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    (void) !sendto(fd, text, wr_min_size((size_t) n, sizeof(text) - 1), MSG_NOSIGNAL,
                   (struct sockaddr *) &to, to_len);
    close(fd);
}

void
wr_notify_reloading(void)
{
    wr_notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
              wr_clock_ns() / 1000);
}

wr_msec_t
wr_notify_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    long long   us = usec != NULL ? atoll(usec) : 0;

    if (us <= 0 || (pid != NULL && atol(pid) != (long) getpid())) {
        return 0;
    }
    return us / 2000 > 0 ? us / 2000 : 1;
}

/* Workers do not speak for the service. */
void
wr_notify_forget(void)
{
    to_len = 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}
