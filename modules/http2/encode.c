/*
 * HPACK for answers. The fields that recur are remembered once for the worker, by
 * a hash of a few of their bytes; a connection only knows under which number it
 * has which of them. Numbers of insertion grow for ever, so an entry's index is a
 * subtraction, and whether it is still in the table a comparison.
 */
#define _GNU_SOURCE
#include "encode.h"

#include "frames.h"

#include <weir/base/buf.h>

enum { NAME = 40, VALUE = 104, OVERHEAD = 32, STATIC = 61 };
enum { INDEXED = 0x80, INSERTED = 0x40, RESIZED = 0x20, NEVER = 0x10, PLAIN = 0 };

typedef struct field {
    uint64_t serial;            /* of these bytes in this slot; 0: empty */
    uint16_t id;
    uint8_t  name_n, value_n;
    char     name[NAME];        /* lower case; of those without an id */
    char     value[VALUE];
} field_t;

static field_t  fields[H2_SEEN];
static uint64_t last_serial;

/* Where the static table has the name. */
static const uint8_t indexes[WR_H_COUNT] = {
    [WR_H_ACCEPT_RANGES] = 18, [WR_H_AGE] = 21, [WR_H_ALLOW] = 22,
    [WR_H_CACHE_CONTROL] = 24, [WR_H_CONTENT_ENCODING] = 26, [WR_H_CONTENT_LENGTH] = 28,
    [WR_H_CONTENT_RANGE] = 30, [WR_H_CONTENT_TYPE] = 31, [WR_H_DATE] = 33, [WR_H_ETAG] = 34,
    [WR_H_EXPIRES] = 36, [WR_H_LAST_MODIFIED] = 44, [WR_H_LINK] = 45, [WR_H_LOCATION] = 46,
    [WR_H_PROXY_AUTHENTICATE] = 48, [WR_H_REFRESH] = 52, [WR_H_SERVER] = 54,
    [WR_H_SET_COOKIE] = 55, [WR_H_TRANSFER_ENCODING] = 57, [WR_H_VARY] = 59, [WR_H_VIA] = 60,
    [WR_H_WWW_AUTHENTICATE] = 61,
};

/* ---- the table ---- */

void
h2_encoder_init(h2_encoder_t *e)
{
    memset(e, 0, sizeof(*e));
    e->max = H2_TABLE;
}

static void
evict(h2_encoder_t *e, uint32_t room)
{
    while (e->size + room > e->max && e->evicted != e->inserted) {
        e->size -= e->sizes[++e->evicted % H2_ENTRIES];
    }
}

void
h2_encoder_resize(h2_encoder_t *e, uint32_t max)
{
    max = max < H2_TABLE ? max : H2_TABLE;
    if (max == e->max && !e->resized) {
        return;
    }
    e->least = e->resized && e->least < max ? e->least : max;
    e->resized = true;
    e->max = max;
    evict(e, 0);
}

/* ---- integers and strings: RFC 7541 §5 ---- */

static uint8_t *
put_int(uint8_t *to, unsigned flags, unsigned bits, size_t v)
{
    size_t most = (1u << bits) - 1;

    if (wr_likely(v < most)) {
        *to++ = (uint8_t) (flags | v);
        return to;
    }
    *to++ = (uint8_t) (flags | most);
    for (v -= most; v >= 128; v >>= 7) {
        *to++ = (uint8_t) (v | 128);
    }
    *to++ = (uint8_t) v;
    return to;
}

static uint8_t *
put_text(uint8_t *to, wr_str_t s)
{
    to = put_int(to, 0, 7, s.n);
    return s.n != 0 ? mempcpy(to, s.p, s.n) : to;
}

static uint8_t *
put_lower(uint8_t *to, wr_str_t s)
{
    to = put_int(to, 0, 7, s.n);
    for (size_t i = 0; i < s.n; i++) {
        *to++ = (uint8_t) wr_lower(s.p[i]);
    }
    return to;
}

uint8_t *
h2_put_begin(h2_encoder_t *e, uint8_t *to)
{
    if (wr_unlikely(e->resized)) {
        if (e->least < e->max) {
            to = put_int(to, RESIZED, 5, e->least);
        }
        to = put_int(to, RESIZED, 5, e->max);
        e->resized = false;
    }
    return to;
}

uint8_t *
h2_put_status(uint8_t *to, unsigned status)
{
    static const uint16_t known[] = {200, 204, 206, 304, 400, 404, 500};
    char                  digits[3];

    for (unsigned i = 0; i < WR_COUNT(known); i++) {
        if (known[i] == status) {
            *to++ = (uint8_t) (INDEXED | (8 + i));
            return to;
        }
    }
    digits[0] = (char) ('0' + status / 100 % 10);
    digits[1] = (char) ('0' + status / 10 % 10);
    digits[2] = (char) ('0' + status % 10);
    *to++ = PLAIN | 8;
    return put_text(to, wr_str(digits, 3));
}

/* ---- fields ---- */

/* `name` is looked at where there is no id. */
static uint8_t *
put_literal(uint8_t *to, unsigned kind, unsigned bits, wr_hid_t id, wr_str_t name,
            wr_str_t value)
{
    unsigned index = indexes[id];

    to = put_int(to, kind, bits, index);
    if (index == 0) {
        to = put_lower(to, id != WR_H_OTHER ? wr_header_name(id) : name);
    }
    return put_text(to, value);
}

static inline unsigned
slot_of(unsigned seed, wr_str_t value)
{
    unsigned h = seed * 7 + (unsigned) value.n;

    if (value.n != 0) {
        h += (unsigned char) value.p[0] * 3u + (unsigned char) value.p[value.n - 1];
    }
    return h % H2_SEEN;
}

static inline unsigned
seed_of_name(wr_str_t name)
{
    return (unsigned) name.n * 5 + (unsigned char) wr_lower(name.p[name.n - 1]) * 3u
           + (unsigned char) wr_lower(name.p[name.n / 2]);
}

static inline uint64_t
load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* Values are short: words beat a call. */
static inline bool
same_bytes(const char *a, const char *b, size_t n)
{
    size_t i = 0;

    if (n < 8) {
        for (; i < n && a[i] == b[i]; i++) {
        }
        return i == n;
    }
    for (; i + 8 <= n; i += 8) {
        if (load8(a + i) != load8(b + i)) {
            return false;
        }
    }
    return load8(a + n - 8) == load8(b + n - 8);
}

static inline bool
is_value(const field_t *f, wr_hid_t id, wr_str_t value)
{
    return f->serial != 0 && f->id == id && f->value_n == value.n
           && same_bytes(f->value, value.p, value.n);
}

static void
remember(field_t *f, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    f->serial = ++last_serial;
    f->id = (uint16_t) id;
    f->name_n = (uint8_t) name.n;
    f->value_n = (uint8_t) value.n;
    for (size_t i = 0; i < name.n && id == WR_H_OTHER; i++) {
        f->name[i] = wr_lower(name.p[i]);
    }
    if (value.n != 0) {
        memcpy(f->value, value.p, value.n);
    }
}

static uint8_t *
insert(h2_encoder_t *e, uint8_t *to, unsigned slot, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    size_t   name_n = id != WR_H_OTHER ? wr_header_name(id).n : name.n;
    uint32_t size = (uint32_t) (OVERHEAD + name_n + value.n);

    if (size > e->max) {
        return put_literal(to, PLAIN, 4, id, name, value);
    }
    to = put_literal(to, INSERTED, 6, id, name, value);
    evict(e, size);
    e->size += size;
    e->sizes[++e->inserted % H2_ENTRIES] = (uint16_t) size;
    e->seen[slot].field = fields[slot].serial;
    e->seen[slot].at = e->inserted;
    return to;
}

/* The field is in this slot, as the worker knows it. */
static inline uint8_t *
put_seen(h2_encoder_t *e, uint8_t *to, unsigned slot, wr_hid_t id, wr_str_t name,
         wr_str_t value)
{
    if (wr_likely(e->seen[slot].field == fields[slot].serial
                  && e->seen[slot].at > e->evicted))
    {
        return put_int(to, INDEXED, 7, STATIC + 1 + e->inserted - e->seen[slot].at);
    }
    return insert(e, to, slot, id, name, value);
}

static __attribute__((noinline)) uint8_t *
put_new(uint8_t *to, unsigned slot, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    if (name.n <= NAME && value.n <= VALUE) {
        remember(&fields[slot], id, name, value);
    }
    return put_literal(to, PLAIN, 4, id, name, value);
}

uint8_t *
h2_put_known(h2_encoder_t *e, uint8_t *to, wr_hid_t id, wr_str_t value)
{
    unsigned slot = slot_of(id, value);

    if (wr_likely(is_value(&fields[slot], id, value))) {
        return put_seen(e, to, slot, id, WR_STR_NONE, value);
    }
    return put_new(to, slot, id, WR_STR_NONE, value);
}

uint8_t *
h2_put_field(h2_encoder_t *e, uint8_t *to, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    unsigned slot;

    if (id == WR_H_SET_COOKIE || id == WR_H_AUTHORIZATION) {
        return put_literal(to, NEVER, 4, id, name, value);
    }
    if (id != WR_H_OTHER) {
        return h2_put_known(e, to, id, value);
    }
    slot = slot_of(seed_of_name(name), value);
    if (is_value(&fields[slot], id, value)
        && wr_str_ieq(wr_str(fields[slot].name, fields[slot].name_n), name))
    {
        return put_seen(e, to, slot, id, name, value);
    }
    return put_new(to, slot, id, name, value);
}
