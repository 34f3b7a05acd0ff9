/*
 * The Unicode tables. Stays in this folder.
 */
#ifndef WEIR_EXPR_UNICODE_PRIV_H
#define WEIR_EXPR_UNICODE_PRIV_H

#include <weir/base/base.h>

enum {
    WR_UNI_ALPHA     = 0x0001,
    WR_UNI_DECIMAL   = 0x0002,
    WR_UNI_DIGIT     = 0x0004,
    WR_UNI_NUMERIC   = 0x0008,
    WR_UNI_SPACE     = 0x0010,
    WR_UNI_UPPER     = 0x0020,
    WR_UNI_LOWER     = 0x0040,
    WR_UNI_TITLE     = 0x0080,
    WR_UNI_PRINTABLE = 0x0100,
    WR_UNI_ID_START  = 0x0200,
    WR_UNI_ID_PART   = 0x0400,
    WR_UNI_CASED     = 0x0800,
    WR_UNI_IGNORABLE = 0x1000,      /* a final sigma looks through it */
    WR_UNI_LINE_END  = 0x2000,
    WR_UNI_SPECIAL   = 0x200000,    /* a mapping from here on: wr_uni_special */
    WR_UNI_BLOCK     = 128
};

typedef struct wr_uni_rec {
    uint16_t flags;
    uint8_t  decimal;               /* 255: no digit */
    int32_t  upper, lower, title, fold;     /* distances, or WR_UNI_SPECIAL */
} wr_uni_rec_t;

extern const wr_uni_rec_t wr_uni_records[];
extern const uint32_t     wr_uni_special[][3];
extern const unsigned     wr_uni_blocks;    /* the last one stands for the rest */
extern const uint16_t     wr_uni_first[];
extern const uint16_t     wr_uni_second[][WR_UNI_BLOCK];

typedef struct wr_uni_run {
    uint32_t cp;        /* code points that follow one another … */
    uint32_t at;        /* … have their names' hashes from here on */
} wr_uni_run_t;

typedef struct wr_uni_alias {
    const char *name;
    uint32_t    cp;
} wr_uni_alias_t;

extern const wr_uni_run_t   wr_uni_runs[];
extern const unsigned       wr_uni_nruns;
extern const wr_uni_alias_t wr_uni_aliases[];
extern const unsigned       wr_uni_naliases;
extern const uint32_t       wr_uni_names[];
extern const unsigned       wr_uni_nnames;

#endif
