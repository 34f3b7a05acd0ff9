/*
 * What the files of this folder share: the state behind cf->priv, and the reader
 * of words.
 */
#ifndef WEIR_CONF_CONF_PRIV_H
#define WEIR_CONF_CONF_PRIV_H

#include <weir/conf/conf.h>

enum {
    WR_CONF_DEPTH     = 128,            /* blocks in blocks */
    WR_CONF_INCLUDES  = 64,             /* files in files */
    WR_CONF_MAX_FILE  = 256 << 20       /* bytes of one file */
};

/* A text that is being, or has been, read. */
typedef struct wr_source {
    wr_str_t name;      /* the path */
    wr_str_t text;      /* as it is on disk */
    bool     is_file;
    bool     is_param;  /* -g: no blocks, and errors say "in command line" */
} wr_source_t;

/* Where the reader of words stands. Words are not copied: `work` is a second
 * copy of the text, in the cycle's pool, in which escapes are resolved in place
 * and a NUL is put behind each word. */
typedef struct wr_lexer {
    const wr_source_t *source;
    const char        *p;
    const char        *end;
    const char        *line_start;
    uint32_t           line;
    uint32_t           indent;  /* columns before line_start, of a piece of a line */
    char              *work;
    const char        *start;   /* of the statement that was read last */
} wr_lexer_t;

typedef enum wr_stop {
    WR_STOP_ERROR = -1,
    WR_STOP_END,        /* ; */
    WR_STOP_OPEN,       /* { */
    WR_STOP_CLOSE,      /* } */
    WR_STOP_EOF
} wr_stop_t;

/* A row and whose it is; rows of one name are chained in order of schemas. */
typedef struct wr_row {
    const wr_directive_t *d;
    wr_schema_t          *schema;
    struct wr_row        *next;
} wr_row_t;

typedef struct wr_conf_priv {
    wr_array_t   schemas;       /* wr_schema_t *: of this reading */
    wr_map_t     rows;          /* name -> wr_row_t */
    wr_array_t   sources;       /* wr_source_t *: all */
    wr_array_t   files;         /* wr_conf_file_t: for -T */
    wr_map_t     read;          /* their paths */
    wr_lexer_t  *lexer;         /* of the file being read */
    wr_array_t   words;         /* wr_tok_t: of the statement being read */
    const wr_row_t *row;        /* of the statement, if its name asked for one */
    unsigned     depth;
    unsigned     includes;
    unsigned     room;          /* of conf[]: the highest index + 1 */
    bool         block_open;    /* a { was read and nobody has taken the block */
    void        *attached;      /* conf.c: wr_conf_attach */
} wr_conf_priv_t;

static inline wr_conf_priv_t *
wr_conf_priv(const wr_conf_t *cf)
{
    return cf->priv;
}

/* ---- source.c ---- */

wr_source_t *wr_source_add(wr_conf_t *cf, wr_str_t name, wr_str_t text);
wr_lexer_t   wr_lexer(wr_conf_t *cf, const wr_source_t *source);

/* ---- lex.c ---- */

/* Reads one statement up to its end into cf->args (and cf->raw). */
wr_stop_t wr_lex_statement(wr_conf_t *cf);
/* The next word, if there is one before ; { } and the end: WR_OK, WR_DECLINED, or
 * WR_ERROR. lx->p is left at what follows the word. `pattern` as WR_DF_PATTERN. */
wr_rc_t wr_lex_word(wr_conf_t *cf, wr_lexer_t *lx, bool pattern, wr_tok_t *tok);
void    wr_lex_skip_space(wr_lexer_t *lx);
/* Moves to `to`, counting lines. */
void    wr_lex_advance(wr_lexer_t *lx, const char *to);
/* The place where the lexer stands, as a token for messages. */
wr_tok_t wr_lex_here(const wr_lexer_t *lx);
/* Resolves \" \' \\ \t \r \n from [from, to) into `out`: the length. */
size_t  wr_conf_unescape(char *out, const char *from, const char *to);

/* ---- raw.c ---- */

/* Reads the argument of a RAW row from lx->p up to what ends it. */
wr_stop_t wr_lex_raw(wr_conf_t *cf, wr_lexer_t *lx, unsigned flags, wr_tok_t *raw);
/* ---- rows.c ---- */

/* The row that the name means here, `after` being what follows it; NULL if none
 * does. *known: some row has the name. */
const wr_row_t *wr_row_find(const wr_conf_t *cf, wr_str_t name, const char *after,
                            const char *end, bool *known);
/* Runs the statement in cf->args, which ended with `stop`. */
wr_rc_t wr_row_run(wr_conf_t *cf, wr_stop_t stop);

/* ---- read.c ---- */

typedef enum wr_read_kind {
    WR_READ_FILE,
    WR_READ_BLOCK,
    WR_READ_PARAM
} wr_read_kind_t;

wr_rc_t wr_conf_statements(wr_conf_t *cf, wr_read_kind_t kind);
/* `include`. */
wr_rc_t wr_conf_include(wr_conf_t *cf, const wr_tok_t *what);
extern wr_schema_t wr_conf_schema;

/* ---- scope.c ---- */

/* Room for the structs of schemas up to `index`. */
void wr_scope_reserve(wr_conf_t *cf, wr_scope_t *scope, unsigned index);

/* ---- store.c ---- */

/* Stores the arguments of the current directive into its field, by its type. */
wr_rc_t wr_conf_store(wr_conf_t *cf, const wr_directive_t *d, void *conf);

#endif
