/*
 * HPACK for answers: RFC 7541's encoder side.
 *
 * A field that this worker has sent before is put into the connection's table and
 * is a byte or two from then on; one that is new, or that must stay secret, is sent
 * as it is. Strings are not Huffman coded: some bytes more, far less work.
 */
#ifndef H2_ENCODE_H
#define H2_ENCODE_H

#include <weir/http/headers.h>

enum {
    H2_SEEN = 64,               /* fields that are remembered, by hash */
    H2_ENTRIES = 128            /* of H2_TABLE bytes there cannot be more */
};

typedef struct h2_encoder {
    uint32_t max;               /* of the table, in RFC 7541's bytes */
    uint32_t size;
    uint64_t inserted;          /* entries so far … */
    uint64_t evicted;           /* … and those that have left again */
    bool     resized;           /* the next block must say so … */
    uint32_t least;             /* … and the least that max was meanwhile */
    uint16_t sizes[H2_ENTRIES]; /* ring, by number of insertion */
    struct {
        uint64_t field;         /* serial number of the worker's field; 0: none */
        uint64_t at;            /* number of its insertion, from 1 */
    } seen[H2_SEEN];
} h2_encoder_t;

void h2_encoder_init(h2_encoder_t *e);
/* The client's SETTINGS_HEADER_TABLE_SIZE. */
void h2_encoder_resize(h2_encoder_t *e, uint32_t max);

/* At most how many bytes a field takes, besides those of its name and value; the
 * same for what a block begins with. */
enum { H2_FIELD_ROOM = 16, H2_BLOCK_ROOM = 16 };

/* Each writes behind `to` and returns the end. A block begins with h2_put_begin. */
uint8_t *h2_put_begin(h2_encoder_t *e, uint8_t *to);
uint8_t *h2_put_status(uint8_t *to, unsigned status);
/* One whose name has an id; no cookie. */
uint8_t *h2_put_known(h2_encoder_t *e, uint8_t *to, wr_hid_t id, wr_str_t value);
/* `name` in any case; id: wr_header_id of it. */
uint8_t *h2_put_field(h2_encoder_t *e, uint8_t *to, wr_hid_t id, wr_str_t name,
                      wr_str_t value);

#endif
