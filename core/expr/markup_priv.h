/*
 * The table of named character references. Stays in this folder.
 */
#ifndef WEIR_EXPR_MARKUP_PRIV_H
#define WEIR_EXPR_MARKUP_PRIV_H

typedef struct wr_entity {
    const char *name;       /* without `&`; most end with `;` */
    const char *text;
} wr_entity_t;

extern const wr_entity_t wr_entities[];
extern const unsigned    wr_nentities;

#endif
