/*
 * Whole files into memory, and names by pattern: for the start-up, not for the
 * loop (both block).
 */
#ifndef WEIR_OS_READFILE_H
#define WEIR_OS_READFILE_H

#include <weir/base/array.h>

/* Reads a regular file (or a pipe) of at most `max` bytes into the pool; a NUL
 * that is not counted stands behind it. 0, or an errno and in *call what failed:
 * "open()", "read()". A larger file: EFBIG. */
int wr_file_read(wr_pool_t *pool, const char *path, size_t max, wr_str_t *text,
                 const char **call);

/* Pushes the names (wr_str_t, in the array's pool) that match the pattern, in the
 * order of glob(3). No match is no error. 0 or an errno. */
int wr_file_glob(wr_array_t *names, const char *pattern);

#endif
