/*
 * Folders are made from the root down; one that is there, or that may only be passed
 * through, is no failure.
 */
#include <weir/os/folder.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
wr_make_parents(const char *path, int mode)
{
    char *copy = strdup(path);
    int   err = copy != NULL ? 0 : ENOMEM;

    for (char *p = copy != NULL ? copy + 1 : NULL;
         err == 0 && (p = strchr(p, '/')) != NULL; p++)
    {
        *p = '\0';
        if (mkdir(copy, (mode_t) mode) != 0 && errno != EEXIST && errno != EACCES) {
            err = errno;
        }
        *p = '/';
    }
    free(copy);
    return err;
}
