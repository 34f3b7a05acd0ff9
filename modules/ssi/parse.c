/*
 * Taking commands apart, byte by byte, so that they may come in pieces of any size:
 * <!--#name param="value" param='value' -->
 *
 * A mistake is logged where it is seen; the parser then skips to the next "-->".
 */
#include "ssi.h"

enum { MAX_NAME = 32 };

enum {
    BEFORE_NAME = SSI_FAILED + 1,
    NAME,
    BEFORE_PARAM,
    PARAM,
    BEFORE_EQUALS,
    BEFORE_VALUE,
    VALUE,
    VALUE_ESCAPED,
    AFTER_VALUE,
    END_1,                      /* a "-" has been read */
    END_2,                      /* a "--" has been read */
    WRONG,                      /* skipping to the end, and its two "-" */
    WRONG_END_1,
    WRONG_END_2
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
ssi_begin(ssi_parser_t *p, wr_pool_t *pool)
{
    p->state = BEFORE_NAME;
    p->pool = pool;
    p->name = wr_buf(pool);
    p->params = wr_array(pool, sizeof(ssi_param_t));
    p->param = NULL;
}

/* The next state after a byte that may not stand here. */
static uint8_t
unexpected(ssi_t *s, char c, const char *where)
{
    ssi_parser_t *p = &s->parser;
    wr_str_t      name = wr_buf_text(&p->name);
    wr_str_t      key = p->param != NULL ? wr_buf_text(&p->param->key) : WR_STR("");

    if (where == NULL) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "unexpected \"%c\" symbol in \"%.*s\" SSI "
                                          "command", c, WR_ARG(name));
    } else {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "unexpected \"%c\" symbol %s \"%.*s\" parameter "
                                          "in \"%.*s\" SSI command",
               c, where, WR_ARG(key), WR_ARG(name));
    }
    return c == '-' ? WRONG_END_1 : WRONG;
}

static uint8_t
unexpected_after_value(ssi_t *s, char c)
{
    ssi_parser_t *p = &s->parser;

    wr_log(&s->r->log, WR_LOG_ERR, 0,
           "unexpected \"%c\" symbol after \"%.*s\" value of \"%.*s\" parameter in "
           "\"%.*s\" SSI command", c, WR_ARG(wr_buf_text(&p->param->value)),
           WR_ARG(wr_buf_text(&p->param->key)), WR_ARG(wr_buf_text(&p->name)));
    return WRONG;
}

static uint8_t
name_byte(ssi_t *s, char c)
{
    wr_buf_t *name = &s->parser.name;

    if (name->n != 0 && is_blank(c)) {
        return BEFORE_PARAM;
    }
    if (name->n != 0 && c == '-') {
        return END_1;
    }
    if (name->n == MAX_NAME) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "the \"%.*s%c...\" SSI command is too long",
               WR_ARG(wr_buf_text(name)), c);
        return WRONG;
    }
    wr_buf_char(name, c);
    return NAME;
}

static uint8_t
key_byte(ssi_t *s, char c)
{
    ssi_parser_t *p = &s->parser;
    wr_buf_t     *key = &p->param->key;

    if (is_blank(c)) {
        return BEFORE_EQUALS;
    }
    if (c == '=') {
        return BEFORE_VALUE;
    }
    if (c == '-') {
        return unexpected(s, c, "after");
    }
    if (key->n == MAX_NAME) {
        wr_log(&s->r->log, WR_LOG_ERR, 0,
               "too long \"%.*s%c...\" parameter in \"%.*s\" SSI command",
               WR_ARG(wr_buf_text(key)), c, WR_ARG(wr_buf_text(&p->name)));
        return WRONG;
    }
    wr_buf_char(key, c);
    return PARAM;
}

static uint8_t
first_key_byte(ssi_t *s, char c)
{
    ssi_parser_t *p = &s->parser;

    if (is_blank(c)) {
        return BEFORE_PARAM;
    }
    if (c == '-') {
        return END_1;
    }
    p->param = WR_PUSH(&p->params, ssi_param_t);
    p->param->key = wr_buf(p->pool);
    p->param->value = wr_buf(p->pool);
    if (p->params.n > SSI_MAX_PARAMS) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "too many SSI command parameters: \"%.*s\"",
               WR_ARG(wr_buf_text(&p->name)));
        return WRONG;
    }
    wr_buf_char(&p->param->key, c);
    return PARAM;
}

static uint8_t
value_byte(ssi_t *s, char c, uint8_t then)
{
    ssi_parser_t *p = &s->parser;
    wr_buf_t     *value = &p->param->value;

    if (value->n == s->conf->value_length) {
        wr_log(&s->r->log, WR_LOG_ERR, 0,
               "too long \"%.*s%c...\" value of \"%.*s\" parameter in \"%.*s\" SSI "
               "command", WR_ARG(wr_buf_text(value)), c,
               WR_ARG(wr_buf_text(&p->param->key)), WR_ARG(wr_buf_text(&p->name)));
        return WRONG;
    }
    wr_buf_char(value, c);
    return then;
}

static uint8_t
next(ssi_t *s, char c)
{
    ssi_parser_t *p = &s->parser;

    switch (p->state) {
    case BEFORE_NAME:
        return is_blank(c) ? BEFORE_NAME : name_byte(s, c);
    case NAME:
        return name_byte(s, c);
    case BEFORE_PARAM:
        return first_key_byte(s, c);
    case PARAM:
        return key_byte(s, c);
    case BEFORE_EQUALS:
        return is_blank(c) ? BEFORE_EQUALS
               : c == '=' ? BEFORE_VALUE : unexpected(s, c, "after");
    case BEFORE_VALUE:
        p->quote = c;
        return is_blank(c) ? BEFORE_VALUE
               : c == '"' || c == '\'' ? VALUE
                                       : unexpected(s, c, "before value of");
    case VALUE:
        return c == p->quote ? AFTER_VALUE
                             : value_byte(s, c, c == '\\' ? VALUE_ESCAPED : VALUE);
    case VALUE_ESCAPED:
        return value_byte(s, c, VALUE);
    case AFTER_VALUE:
        return is_blank(c) ? BEFORE_PARAM : c == '-' ? END_1
                                                     : unexpected_after_value(s, c);
    case END_1:
        return c == '-' ? END_2 : unexpected(s, c, NULL);
    case END_2:
        return c == '>' ? SSI_DONE : unexpected(s, c, NULL);
    case WRONG:
        return c == '-' ? WRONG_END_1 : WRONG;
    case WRONG_END_1:
        return c == '-' ? WRONG_END_2 : WRONG;
    default:
        return c == '>' ? SSI_FAILED : WRONG;
    }
}

size_t
ssi_parse(ssi_t *s, wr_str_t text)
{
    ssi_parser_t *p = &s->parser;
    size_t        n = 0;

    while (n < text.n && p->state > SSI_FAILED) {
        p->state = next(s, text.p[n++]);
    }
    return n;
}

ssize_t
ssi_find(wr_str_t text, size_t *keep)
{
    static const wr_str_t opening = WR_STR_INIT("<!--#");
    ssize_t               at = wr_str_find(text, opening);

    *keep = 0;
    if (at >= 0) {
        return at + (ssize_t) opening.n;
    }
    for (size_t n = opening.n - 1; n > 0; n--) {
        if (wr_str_ends(text, wr_str_sub(opening, 0, n))) {
            *keep = n;
            break;
        }
    }
    return -1;
}
