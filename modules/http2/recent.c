/*
 * HTTP/2: the coded :path and :authority of late, and what nghttp2 made of them. Such a
 * literal stands for itself and changes no table, so the same bytes mean the same in any
 * connection; decoding Huffman's code once more is what a request would cost most.
 */
#include "recent.h"

#include <weir/base/str.h>

enum { KEPT = 64, CODED = 62, NAME = 10, VALUE = 112 };
enum { AUTHORITY = 1, PATH = 4, INDEX_PATH = 5, LONG = 0x7f };

typedef struct literal {
    uint8_t n, name_n, value_n;         /* n 0: none */
    uint8_t coded[CODED];
    char    name[NAME];
    char    value[VALUE];
} literal_t;

static literal_t literals[KEPT];

/* How long the literal is: without indexing, its name one of those above, its length in
 * one byte. 0: it is none of these, or not all there. */
static size_t
length_of(const uint8_t *p, size_t n)
{
    size_t size;

    if (n < 2 || (p[0] != PATH && p[0] != INDEX_PATH && p[0] != AUTHORITY)
        || (p[1] & LONG) == LONG)
    {
        return 0;
    }
    size = 2u + (p[1] & LONG);
    return size <= n && size > 2 && size <= CODED ? size : 0;
}

static literal_t *
place_of(const uint8_t *p, size_t n)
{
    return &literals[(n * 7 + p[2] + p[n / 2] * 5u + p[n - 1] * 3u) % KEPT];
}

size_t
h2_recent_find(const uint8_t *p, size_t n, nghttp2_nv *nv)
{
    size_t     size = length_of(p, n);
    literal_t *l;

    if (size == 0) {
        return 0;
    }
    l = place_of(p, size);
    if (l->n != size || memcmp(l->coded, p, size) != 0) {
        return 0;
    }
    *nv = (nghttp2_nv) {(uint8_t *) l->name, (uint8_t *) l->value, l->name_n, l->value_n, 0};
    return size;
}

void
h2_recent_keep(const uint8_t *p, size_t n, const nghttp2_nv *nv)
{
    literal_t *l;

    if (length_of(p, n) != n || n == 0 || nv->namelen > NAME || nv->valuelen > VALUE
        || nv->valuelen == 0)
    {
        return;
    }
    l = place_of(p, n);
    l->n = (uint8_t) n;
    l->name_n = (uint8_t) nv->namelen;
    l->value_n = (uint8_t) nv->valuelen;
    memcpy(l->coded, p, n);
    memcpy(l->name, nv->name, nv->namelen);
    memcpy(l->value, nv->value, nv->valuelen);
}
