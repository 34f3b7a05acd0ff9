/*
 * HTTP/2: frames on the wire. RFC 9113 §4, §6, §7.
 */
#ifndef H2_FRAMES_H
#define H2_FRAMES_H

#include <weir/base/base.h>

enum {                          /* types */
    H2_DATA = 0, H2_HEADERS, H2_PRIORITY, H2_RST_STREAM, H2_SETTINGS, H2_PUSH_PROMISE,
    H2_PING, H2_GOAWAY, H2_WINDOW_UPDATE, H2_CONTINUATION
};

enum {                          /* flags */
    H2_END_STREAM = 0x1, H2_ACK = 0x1, H2_END_HEADERS = 0x4, H2_PADDED = 0x8,
    H2_WITH_PRIORITY = 0x20
};

enum {                          /* settings */
    H2_HEADER_TABLE_SIZE = 1, H2_ENABLE_PUSH, H2_MAX_CONCURRENT_STREAMS,
    H2_INITIAL_WINDOW_SIZE, H2_MAX_FRAME_SIZE, H2_MAX_HEADER_LIST_SIZE
};

typedef enum h2_error {
    H2_NO_ERROR = 0, H2_PROTOCOL_ERROR, H2_INTERNAL_ERROR, H2_FLOW_CONTROL_ERROR,
    H2_SETTINGS_TIMEOUT, H2_STREAM_CLOSED, H2_FRAME_SIZE_ERROR, H2_REFUSED_STREAM,
    H2_CANCEL, H2_COMPRESSION_ERROR, H2_CONNECT_ERROR, H2_ENHANCE_YOUR_CALM
} h2_error_t;

enum {
    H2_HEAD = 9,                /* bytes in front of each frame's payload */
    H2_PAYLOAD = 16384,         /* the largest that both sides must take */
    H2_WINDOW = 65535,          /* before any SETTINGS */
    H2_TABLE = 4096             /* of HPACK, before any SETTINGS */
};
#define H2_WINDOW_MAX INT32_MAX

typedef struct h2_frame {
    uint32_t       n;           /* of the payload */
    uint8_t        type;
    uint8_t        flags;
    uint32_t       id;          /* of the stream; 0: the connection's */
    const uint8_t *p;           /* the payload, where all of it is there */
} h2_frame_t;

static inline uint32_t
h2_get32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static inline void
h2_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 24);
    p[1] = (uint8_t) (v >> 16);
    p[2] = (uint8_t) (v >> 8);
    p[3] = (uint8_t) v;
}

/* From H2_HEAD bytes. The reserved bit is ignored. */
static inline h2_frame_t
h2_frame_head(const uint8_t *p)
{
    return (h2_frame_t) {.n = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2],
                         .type = p[3],
                         .flags = p[4],
                         .id = h2_get32(p + 5) & 0x7fffffff,
                         .p = p + H2_HEAD};
}

/* H2_HEAD bytes to `to`. */
static inline void
h2_frame_put(uint8_t *to, size_t n, unsigned type, unsigned flags, uint32_t id)
{
    to[0] = (uint8_t) (n >> 16);
    to[1] = (uint8_t) (n >> 8);
    to[2] = (uint8_t) n;
    to[3] = (uint8_t) type;
    to[4] = (uint8_t) flags;
    h2_put32(to + 5, id);
}

#endif
