/*
 * Server side includes: what the module's files share.
 */
#ifndef WEIR_SSI_SSI_H
#define WEIR_SSI_SSI_H

#include <weir/http/filter.h>

enum { SSI_MAX_PARAMS = 16 };

typedef struct ssi_conf {
    bool       on;
    bool       silent;
    bool       keep_modified;
    bool       ignore_recycled;
    size_t     min_chunk;
    size_t     value_length;
    wr_array_t types;           /* wr_str_t */
} ssi_conf_t;

typedef struct ssi_named {
    wr_str_t name;
    wr_str_t text;
} ssi_named_t;

/* What the main request and its subrequests have in common: wr_ctx of the main. */
typedef struct ssi_shared {
    wr_array_t variables;       /* ssi_named_t: `set` */
    wr_array_t blocks;          /* ssi_named_t */
    wr_array_t captures;        /* wr_str_t: of the last regex */
    wr_str_t   timefmt;
    wr_str_t   errmsg;
} ssi_shared_t;

/* A piece of the output, in order: bytes that are there, or a subrequest's. */
typedef struct ssi_item {
    struct ssi_item *next;
    wr_seg_t        *segs;
    wr_req_t        *sub;       /* NULL: the segments are complete */
    wr_str_t         stub;      /* in place of an answer that failed */
    wr_str_t         set;       /* the variable that takes it */
    struct ssi      *ssi;
} ssi_item_t;

enum { COND_NONE = 0, COND_IF, COND_ELSE };

typedef struct ssi_param {
    wr_buf_t key;
    wr_buf_t value;
    wr_str_t text;                  /* the value, once it is complete */
} ssi_param_t;

/* The command that is being read. */
enum { SSI_IDLE = 0, SSI_DONE, SSI_FAILED };        /* beyond: in the midst of it */

typedef struct ssi_parser {
    uint8_t      state;
    char         quote;             /* of the value */
    wr_pool_t   *pool;
    wr_buf_t     name;
    wr_array_t   params;            /* ssi_param_t */
    ssi_param_t *param;             /* the last of them */
} ssi_parser_t;

/* One body that is being looked through. */
typedef struct ssi {
    wr_req_t         *r;
    const ssi_conf_t *conf;
    wr_link_t        *self;
    ssi_shared_t     *shared;
    ssi_parser_t      parser;
    wr_buf_t          carry;        /* bytes not yet looked at, or that may begin a command */
    wr_seg_t         *kept;         /* input that waits */
    wr_made_t         out;
    ssi_item_t       *first, **last;
    ssi_item_t       *waiting;      /* the parser waits for this one */
    wr_buf_t          block;        /* the text between block and endblock */
    wr_str_t          block_name;
    bool              in_block;
    bool              output;       /* false: in a branch that is not taken */
    bool              chosen;       /* a branch of this `if` has been taken */
    uint8_t           cond;
    ssi_item_t       *into;         /* of a stub: where its output goes */
    bool              end;          /* the last input has come */
    bool              ended;        /* and all has been sent */
} ssi_t;

/* parse.c: begins a command, behind its "<!--#". */
void ssi_begin(ssi_parser_t *p, wr_pool_t *pool);
/* Reads on, to the command's end at the furthest; returns how many bytes it took. */
size_t ssi_parse(ssi_t *s, wr_str_t text);
/* The place behind the first "<!--#" in `text`. -1: there is none; then the last *keep
 * bytes could be the start of one. */
ssize_t ssi_find(wr_str_t text, size_t *keep);

/* eval.c */
const wr_str_t *ssi_variable(ssi_t *s, wr_str_t name);
void            ssi_set_variable(ssi_t *s, wr_str_t name, wr_str_t value);
/* Replaces $name and ${name}. */
bool ssi_text(ssi_t *s, wr_str_t text, wr_str_t *out);
bool ssi_condition(ssi_t *s, wr_str_t expr, bool *result);

/* commands.c */
void ssi_command(ssi_t *s);         /* the one that the parser has read */
void ssi_error(ssi_t *s);

/* filter.c */
void ssi_put(ssi_t *s, wr_str_t text);
ssi_item_t *ssi_push(ssi_t *s);     /* closes what was put, opens a new item */
void ssi_sub_done(wr_op_t *op);

#endif
