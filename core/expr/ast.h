/*
 * The syntax tree between the parser and the compiler. It lives in a pool that
 * is dropped once the template is compiled.
 */
#ifndef WEIR_EXPR_AST_H
#define WEIR_EXPR_AST_H

#include <weir/expr/lexer.h>

typedef enum wr_ast_kind {
    /* expressions */
    WR_A_CONST,
    WR_A_NAME,
    WR_A_NSREF,
    WR_A_TUPLE,
    WR_A_LIST,
    WR_A_DICT,
    WR_A_COND,
    WR_A_FILTER,
    WR_A_TEST,
    WR_A_CALL,
    WR_A_GETITEM,
    WR_A_GETATTR,
    WR_A_SLICE,
    WR_A_CONCAT,
    WR_A_COMPARE,
    WR_A_ADD,
    WR_A_SUB,
    WR_A_MUL,
    WR_A_DIV,
    WR_A_FLOORDIV,
    WR_A_MOD,
    WR_A_POW,
    WR_A_AND,
    WR_A_OR,
    WR_A_NOT,
    WR_A_NEG,
    WR_A_POS,
    WR_A_TEXT,
    WR_A_SAFE_IF,
    WR_A_DEBUG,
    WR_A_LAST_EXPR = WR_A_DEBUG,
    /* statements */
    WR_A_OUTPUT,
    WR_A_SET,
    WR_A_SETBLOCK,
    WR_A_FOR,
    WR_A_IF,
    WR_A_MACRO,
    WR_A_CALLBLOCK,
    WR_A_FILTERBLOCK,
    WR_A_WITH,
    WR_A_BLOCK,
    WR_A_EXTENDS,
    WR_A_INCLUDE,
    WR_A_IMPORT,
    WR_A_FROM,
    WR_A_DO,
    WR_A_BREAK,
    WR_A_CONTINUE,
    WR_A_AUTOESCAPE,
} wr_ast_kind_t;

enum {
    WR_CTX_LOAD,
    WR_CTX_STORE,
    WR_CTX_PARAM
};

enum { /* wr_ast.fold: is it constant? */
    WR_FOLD_NEW, /* not asked */
    WR_FOLD_YES,
    WR_FOLD_NO,
    WR_FOLD_RAISES
};

typedef enum wr_cmp_op {
    WR_CMP_EQ,
    WR_CMP_NE,
    WR_CMP_GT,
    WR_CMP_GE,
    WR_CMP_LT,
    WR_CMP_LE,
    WR_CMP_IN,
    WR_CMP_NOTIN
} wr_cmp_op_t;

typedef struct wr_ast wr_ast_t;

typedef struct wr_ast_list {
    wr_ast_t **v;
    uint32_t   n, cap;
} wr_ast_list_t;

/* What the fields hold, by kind:
 *   NAME name ctx · NSREF name, attr in `text` · CONST value · TEXT text
 *   TUPLE LIST list · DICT list: key, value, key, value … · CONCAT list
 *   COND a=test b=then c=else or NULL · unary a · binary a b
 *   COMPARE a, list with op in each one's `cmp`, see wr_ast.ops
 *   FILTER TEST CALL a=object (NULL in filter blocks), name, list=positional,
 *     kwargs (each a KEYWORD: name in `names`), b=*dyn c=**dyn
 *   GETATTR a name · GETITEM a b · SLICE a b c, any may be NULL
 *   OUTPUT list · SET a=target b=value · SETBLOCK a=target b=filter body
 *   FOR a=target b=iter c=test body orelse flag=recursive
 *   IF a=test body, list=elif (IFs), orelse
 *   MACRO name list=parameters list2=defaults body · CALLBLOCK the same, a=call
 *   FILTERBLOCK a=filter body · WITH list=targets list2=values body
 *   BLOCK name body flag=scoped flag2=required · EXTENDS a
 *   INCLUDE a flag=with context flag2=ignore missing
 *   IMPORT a name flag · FROM a names/aliases flag
 *   DO a · AUTOESCAPE a body */
struct wr_ast {
    uint8_t       kind;
    uint8_t       ctx;
    bool          flag, flag2;
    uint8_t       fold;      /* WR_FOLD_* */
    bool          folded;    /* all below was looked at, see wr_comp_fold */
    bool          fold_auto; /* the setting it was asked for */
    uint16_t      depth;     /* of the tree below */
    uint32_t      line;
    uint32_t      pos;
    uint32_t      name_pos;  /* GETATTR */
    wr_str_t      name;
    wr_str_t      text;
    wr_val_t      value; /* CONST; a folded one's result */
    wr_ast_t     *a, *b, *c;
    wr_ast_list_t list, list2, body, orelse;
    wr_str_t     *names; /* keywords of list2 in calls; imported names */
    wr_str_t     *aliases;
    uint8_t      *ops; /* COMPARE */
};

/* The class of a node in Jinja2, in lower case: for messages. */
const char *wr_ast_name(const wr_ast_t *n);

void wr_ast_push(wr_pool_t *pool, wr_ast_list_t *l, wr_ast_t *n);

/* Of a byte of a source, in its line: from 1. */
uint32_t wr_ast_column(wr_str_t src, uint32_t pos);

/* Calls `fn` for each child, in the order of the fields; stops on false. */
bool wr_ast_children(wr_ast_t *n, bool (*fn)(wr_ast_t *child, void *data),
                     void     *data);

#endif
