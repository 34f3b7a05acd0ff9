/*
 * Conversions between charsets of one byte, or between one of those and UTF-8.
 */
#ifndef WEIR_CHARSET_TABLE_H
#define WEIR_CHARSET_TABLE_H

#include <weir/base/array.h>
#include <weir/http/filter.h>

typedef enum charset_kind { CHARSET_BYTES, CHARSET_TO_UTF8, CHARSET_FROM_UTF8 } charset_kind_t;

typedef struct charset_pair {
    uint32_t code;              /* of Unicode */
    uint8_t  byte;
} charset_pair_t;

typedef struct charset_table {
    charset_kind_t kind;
    uint8_t        bytes[256];
    uint8_t        utf8[256][5];    /* its length first */
    wr_array_t     pairs;           /* charset_pair_t, sorted by code */
} charset_table_t;

/* Identity below 128, '?' above. */
void charset_table_init(charset_table_t *t, charset_kind_t kind, wr_pool_t *pool);
/* The UTF-8 bytes of `hex` ("D0B0"), and their code. False: they are none. */
bool charset_utf8(wr_str_t hex, uint8_t *bytes, size_t *n, uint32_t *code);
void charset_table_finish(charset_table_t *t);

/* A conversion under way: bytes of a character that is not complete yet. */
typedef struct charset_state {
    uint8_t part[4];
    size_t  n;
} charset_state_t;

void charset_convert(const charset_table_t *t, charset_state_t *s, const char *p,
                     size_t n, wr_made_t *out);

#endif
