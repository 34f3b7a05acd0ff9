/*
 * HTTP/2: bytes to frames. Frames are handled where they lie in what was read; the
 * beginning of one that is not all there is kept for the next time. DATA alone is
 * taken as it comes.
 */
#include "h2.h"

#include <stdlib.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static size_t
take_preface(h2_t *h2, const uint8_t *p, size_t n)
{
    size_t part = wr_min_size(n, sizeof(preface) - 1 - h2->preface);

    if (memcmp(p, preface + h2->preface, part) != 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "no preface");
        return part;
    }
    h2->preface += (uint8_t) part;
    return part;
}

static void
dispatch(h2_t *h2, const h2_frame_t *f)
{
    switch (f->type) {
    case H2_HEADERS:
        h2_headers(h2, f);
        break;
    case H2_CONTINUATION:
        h2_continuation(h2, f);
        break;
    case H2_WINDOW_UPDATE:
        h2_window_update(h2, f);
        break;
    case H2_RST_STREAM:
        h2_rst_stream(h2, f);
        break;
    case H2_SETTINGS:
        h2_settings(h2, f);
        break;
    case H2_PING:
        h2_ping(h2, f);
        break;
    case H2_GOAWAY:
        h2_goaway(h2, f);
        break;
    case H2_PRIORITY:
        h2_priority(h2, f);
        break;
    case H2_PUSH_PROMISE:
        h2_fail(h2, H2_PROTOCOL_ERROR, "PUSH_PROMISE");
        break;
    default:
        (void) h2_calm_idle(h2);        /* §4.1: frames of unknown types are ignored */
    }
}

/* Whether a frame may stand here. */
static bool
is_in_order(h2_t *h2, const h2_frame_t *f)
{
    if (f->n > H2_PAYLOAD) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "too large a frame");
    } else if (!h2->settled && (f->type != H2_SETTINGS || (f->flags & H2_ACK) != 0)) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "no SETTINGS behind the preface");
    } else if (h2->head_id != 0 && (f->type != H2_CONTINUATION || f->id != h2->head_id)) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "a frame between HEADERS and CONTINUATION");
    } else {
        return true;
    }
    return false;
}

/* How many bytes were used; 0: more are needed. */
static size_t
take_frame(h2_t *h2, const uint8_t *p, size_t n)
{
    h2_frame_t f;

    if (wr_unlikely(h2->preface < sizeof(preface) - 1)) {
        return take_preface(h2, p, n);
    }
    if (h2->data_n + h2->pad_n != 0) {
        return h2_data_part(h2, p, n);
    }
    if (n < H2_HEAD) {
        return 0;
    }
    f = h2_frame_head(p);
    if (!is_in_order(h2, &f)) {
        return n;
    }
    if (f.type == H2_DATA) {
        return h2_data(h2, &f, n - H2_HEAD);
    }
    if (n - H2_HEAD < f.n) {
        return 0;
    }
    dispatch(h2, &f);
    return H2_HEAD + f.n;
}

void
h2_take_in(h2_t *h2, const uint8_t *p, size_t n)
{
    while (n != 0 && !h2->dead && !h2->lingering) {
        size_t used = take_frame(h2, p, n);

        if (used == 0) {
            h2->stash = malloc(n);
            WR_ASSERT(h2->stash != NULL);
            memcpy(h2->stash, p, n);
            h2->stash_n = n;
            break;
        }
        p += used;
        n -= used;
        if (!wr_queue_empty(&h2->ready)) {
            h2_emit_early(h2);
        }
        if (h2->busy == 1) {
            h2_free_over(h2);
        }
    }
    h2_flush_later(h2);
}
