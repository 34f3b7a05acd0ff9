/*
 * Opening files for answers, with a cache in each worker.
 *
 * Small files are kept whole in memory, larger ones as descriptors. What is in
 * the cache is watched by inotify, so a change is seen by the next request; and
 * it is compared with stat(2) every second, for file systems and symbolic links
 * that inotify cannot speak of. Loop's thread only.
 */
#ifndef WEIR_HTTP_FILE_CACHE_H
#define WEIR_HTTP_FILE_CACHE_H

#include <weir/http/request.h>

typedef struct wr_opened {
    wr_file_t  *file;       /* open; NULL if it is in memory or a folder */
    const char *data;       /* all of it; NULL if it is not in memory */
    int64_t     size;
    int64_t     mtime;      /* Unix time */
    uint64_t    inode;
    uint64_t    device;
    bool        is_file, is_dir, is_exec;
    int         err;        /* errno, when it failed */
    const char *failed;     /* the call that did: "open()" */
} wr_opened_t;

/* Opens `path` (a NUL stands behind it) for reading, as the location's
 * open_file_cache and disable_symlinks say. What is opened stays until the
 * request ends. WR_ERROR: out->err and out->failed tell; nothing is logged. */
wr_rc_t wr_file_open(wr_req_t *r, wr_str_t path, wr_opened_t *out) WR_MUST_CHECK;

/* Set by a module: whether a file is not for clients, whatever its name: it is not even
 * opened, as if it were not there (ENOENT). Who changes files asks about folders and
 * (inode 0) names not yet taken as well. Any thread may ask about a file that is there,
 * without a request. NULL: none is. */
extern bool (*wr_file_private)(wr_req_t *r, wr_str_t path, uint64_t device, uint64_t inode);
/* For who writes or removes files on behalf of clients: asks that of `path` (a NUL
 * stands behind it, no slash at its end), whether it is there or not. Calls stat(2). */
bool wr_file_is_private(wr_req_t *r, wr_str_t path);

/* Only what it is: neither file nor data is set. */
wr_rc_t wr_file_test(wr_req_t *r, wr_str_t path, wr_opened_t *out) WR_MUST_CHECK;

/* The usual answer to a failure: logs it as nginx does and fails with 404, 403 or
 * 500. */
wr_rc_t wr_file_failed(wr_req_t *r, wr_str_t path, const wr_opened_t *opened);

/* Answers with the whole of `opened`: r->status must be 0 or that of an error
 * page; type, length and validators are set by the caller (wr_file_head sets
 * them). Reads in pieces when a filter wants to see the bytes. Use as a step's
 * result: `return wr_file_send(r, &opened);` */
wr_rc_t wr_file_send(wr_req_t *r, const wr_opened_t *opened);

/* Content-Type, Last-Modified, ETag, ranges for this file. */
void wr_file_head(wr_req_t *r, const wr_opened_t *opened);

/* Once a second: closes what has not been used for a while. False: it is empty. */
bool wr_file_cache_tick(void);
/* Forgets everything: at a worker's end. */
void wr_file_cache_clear(void);

#endif
