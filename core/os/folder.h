/*
 * Folders on the way to a file.
 */
#ifndef WEIR_OS_FOLDER_H
#define WEIR_OS_FOLDER_H

#include <weir/base/base.h>

/* Makes the folders that `path` lies in, with this mode. 0 or an errno. Blocks, as
 * mkdir(2) does. */
int wr_make_parents(const char *path, int mode);

/* The mode of folders whose files have mode `access`: who may read may search. */
static inline int
wr_folder_mode(int access)
{
    return access | (access & 0444) >> 2;
}

#endif
