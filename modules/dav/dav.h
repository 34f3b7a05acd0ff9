/*
 * Copying, moving and removing trees of files.
 */
#ifndef WEIR_DAV_DAV_H
#define WEIR_DAV_DAV_H

#include <weir/http/request.h>

/* All of these return 0, or an errno with *path being what it is about. They block:
 * trees are worked through on a thread of the pool. */
int dav_remove(const char *path, bool contents, char **failed);
int dav_copy_file(const char *from, const char *to, int mode);
int dav_copy_tree(const char *from, const char *to, char **failed);
/* Renames, or copies and removes where that is not possible. */
int dav_move_file(const char *from, const char *to, int mode);

#endif
