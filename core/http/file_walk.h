/*
 * Opening a path as disable_symlinks wants it.
 */
#ifndef WEIR_HTTP_FILE_WALK_H
#define WEIR_HTTP_FILE_WALK_H

#include <weir/http/request.h>

/* Opens `path` (absolute, a NUL stands behind it) with these flags of open(2),
 * refusing symbolic links where the location's disable_symlinks says so. -1 and
 * errno: ELOOP for a link that is refused. */
int wr_file_walk(wr_req_t *r, wr_str_t path, int flags);

#endif
