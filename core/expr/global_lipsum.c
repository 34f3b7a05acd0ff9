/*
 * lipsum: filler text. Words in a random order, with commas and full stops, so
 * that a page can be looked at before there is anything to say on it.
 */
#include "filter_priv.h"

#include <stdlib.h>

static const char *const words[] = {
    "abditus", "aer", "aestas", "ager", "albus", "alga", "alnus", "alveus",
    "amnis", "anas", "aqua", "arbor", "ardea", "arena", "arundo", "avis",
    "brevis", "caelum", "calidus", "campus", "cannae", "canto", "carex",
    "clarus", "collis", "cursus", "cygnus", "defluo", "diu", "dulcis", "fons",
    "fluctus", "flumen", "fluo", "folium", "forte", "frigidus", "fundus",
    "gelu", "glacies", "gurges", "gutta", "hiems", "hortus", "humus", "ibi",
    "imber", "inde", "insula", "iris", "iter", "iuncus", "lacus", "lapis",
    "latus", "lente", "lenis", "liquor", "litus", "longe", "lucus", "lumen",
    "luna", "lutra", "mane", "mare", "margo", "mergo", "mola", "mons",
    "mox", "murmur", "muscus", "nebula", "nix", "nubes", "nunc", "nympha",
    "obscurus", "palus", "passim", "perca", "piscis", "pluvia", "pons",
    "portus", "pratum", "procul", "profundus", "puteus", "rana", "rarus",
    "ripa", "rivus", "ros", "salix", "salmo", "saxum", "semita", "semper",
    "silva", "sol", "sonus", "stagnum", "sub", "summus", "tandem", "tellus",
    "tempus", "terra", "torrens", "tranquillus", "truncus", "tunc", "ubi",
    "ulmus", "umbra", "unda", "usque", "vadum", "vallis", "ventus", "ver",
    "vesper", "via", "viridis", "vitis", "vortex",
};

/* Cheap numbers, seeded well: a word of filler is no secret. */
static __thread uint64_t dice;

static uint32_t
below(uint32_t n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t) (((dice >> 32) * n) >> 32);
}

/* A random integer from `low` up to, not including, `high`. */
static int64_t
between(int64_t low, int64_t high)
{
    return low + below((uint32_t) (high - low));
}

/* A paragraph of `n` words: commas every few words, full stops now and then,
 * and one at the end. */
static bool
put_paragraph(wr_eval_t *ev, wr_buf_t *b, int64_t n)
{
    int64_t comma, stop;
    size_t  last = WR_COUNT(words);
    bool    begin = true;

    comma = between(3, 9);
    stop = between(8, 20);
    for (int64_t i = 0; i < n; i++) {
        size_t at = below(WR_COUNT(words));

        if (!wr_spend(ev, 16) || !wr_may_grow(ev, b, 32)) {
            return false;
        }
        if (at == last) {
            at = (at + 1) % WR_COUNT(words);
        }
        last = at;
        if (i != 0) {
            wr_buf_char(b, ' ');
        }
        wr_buf_char(b, begin ? (char) (words[at][0] ^ 0x20) : words[at][0]);
        wr_buf_z(b, words[at] + 1);
        begin = false;
        if (i + 1 == n) {
            break;
        }
        if (i >= stop) {
            wr_buf_char(b, '.');
            begin = true;
            stop = i + between(8, 20);
            comma = i + between(3, 9);
        } else if (i >= comma) {
            wr_buf_char(b, ',');
            comma = i + between(3, 9);
        }
    }
    wr_buf_char(b, '.');
    return true;
}

/* An integer as Python's randrange takes it. */
static bool
take_bound(wr_eval_t *ev, const wr_val_t *v, int arg, int64_t *out)
{
    if (!wr_given(v)) {
        return true;
    }
    if (wr_is_num(v)) {
        *out = v->u.i;
        return true;
    }
    return wr_raise(ev, "ValueError", "non-integer arg %d for randrange()", arg);
}

static bool
check_bounds(wr_eval_t *ev, int64_t min, int64_t max)
{
    if (max <= min) {
        return wr_raise(ev, "ValueError", "empty range for randrange() (%" PRId64
                        ", %" PRId64 ", %" PRId64 ")", min, max, max - min);
    }
    if (max > 1000000) {
        return wr_raise(ev, "LimitError", "lipsum: max is over 1000000");
    }
    return true;
}

WR_FN(wr_global_lipsum)
{
    static const wr_sig_t sig = {
        "generate_lorem_ipsum", NULL, 0, 4, {"n", "html", "min", "max"}};
    wr_val_t a[4];
    int64_t  n = 5, min = 20, max = 100;
    bool     html;
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, a)
        || (wr_given(&a[0]) && !wr_as_index(ev, &a[0], &n))
        || !wr_arg_truth(ev, &a[1], true, &html)) {
        return false;
    }
    if (n > 10000) {
        return wr_raise(ev, "LimitError", "lipsum: n is over 10000");
    }
    arc4random_buf(&dice, sizeof(dice));
    dice |= 1;
    for (int64_t i = 0; i < n; i++) {
        if (!take_bound(ev, &a[2], 1, &min) || !take_bound(ev, &a[3], 2, &max)
            || !check_bounds(ev, min, max)) {
            return false;
        }
        if (i != 0) {
            wr_buf_z(&b, html ? "\n" : "\n\n");
        }
        wr_buf_z(&b, html ? "<p>" : "");
        if (!put_paragraph(ev, &b, between(min < 0 ? 0 : min, max))) {
            return false;
        }
        wr_buf_z(&b, html ? "</p>" : "");
    }
    return wr_text_val(ev, &b, html, out);
}
