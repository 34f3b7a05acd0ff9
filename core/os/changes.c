/*
 * Which folders have changed.
 */
#include <weir/os/changes.h>

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int
wr_changes_open(void)
{
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

enum {
    COMING_AND_GOING = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE
                       | IN_ONLYDIR,
    CLOSELY = COMING_AND_GOING | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
};

void
wr_changes_add(int fd, const char *folder)
{
    (void) inotify_add_watch(fd, folder, COMING_AND_GOING);
}

bool
wr_changes_add_closely(int fd, const char *folder)
{
    return inotify_add_watch(fd, folder, CLOSELY) >= 0;
}

static bool
counts(const char *name)
{
    size_t n = strlen(name);

    return n != 0 && name[0] != '.' && name[0] != '#' && name[n - 1] != '~';
}

bool
wr_changes_take(int fd)
{
    _Alignas(struct inotify_event) char buf[4096];
    bool    any = false;
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        for (char *p = buf; p < buf + n; ) {
            const struct inotify_event *e = (const void *) p;

            any |= e->len != 0 && counts(e->name);
            p += sizeof(*e) + e->len;
        }
    }
    return any;
}
