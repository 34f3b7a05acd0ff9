/*
 * What filters that change a body have in common.
 */
#ifndef WEIR_HTTP_FILTER_H
#define WEIR_HTTP_FILTER_H

#include <weir/http/request.h>

/* Whether the answer's type is one of `types` (wr_str_t; "*" is any). text/html
 * always is. An upstream's type is looked at without its parameters. */
bool wr_type_listed(const wr_req_t *r, const wr_array_t *types);

/* Calls `fn` with the bytes of a segment, in pieces if it is a file. Ends with the
 * first result of fn that is not WR_OK, or WR_ERROR if the file cannot be read. */
typedef wr_rc_t (*wr_bytes_fn_t)(void *state, const char *p, size_t n);
wr_rc_t wr_seg_bytes(wr_req_t *r, const wr_seg_t *seg, wr_bytes_fn_t fn, void *state)
    WR_MUST_CHECK;

/* The sender gets it back. */
static inline void
wr_seg_release(wr_seg_t *seg)
{
    if (seg->release != NULL) {
        seg->release(seg);
    }
}

/* Bytes that a filter makes: gathered in pieces of memory that are freed when they
 * have been sent (or when the request ends). */
typedef struct wr_made {
    wr_req_t  *r;
    wr_seg_t  *first;
    wr_seg_t **tail;
    wr_seg_t  *open;            /* the last piece, if there is room in it */
    size_t     room;            /* in it */
    size_t     piece;           /* bytes of a new piece */
} wr_made_t;

void  wr_made_init(wr_made_t *m, wr_req_t *r, size_t piece);
/* Where the next *n bytes may be written; then wr_made_add says how many were. */
char *wr_made_room(wr_made_t *m, size_t *n);
void  wr_made_add(wr_made_t *m, size_t n);
void  wr_made_put(wr_made_t *m, const char *p, size_t n);
/* Marks the end (or a flush) behind what is there. */
void  wr_made_flag(wr_made_t *m, unsigned flags);
/* Hands over what is there. */
wr_seg_t *wr_made_take(wr_made_t *m);

/* Whether the client takes gzip, as Accept-Encoding says. */
bool wr_accepts_gzip(wr_str_t accept_encoding);

/* The gzip module's service "gzip.1": its directives decide for the modules that
 * have to do with gzip as well. */
typedef struct wr_gzip_service {
    bool (*ok)(wr_req_t *r);        /* this client may get gzip */
    void (*vary)(wr_req_t *r);      /* the answer depends on Accept-Encoding */
} wr_gzip_service_t;

#endif
