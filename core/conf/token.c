/*
 * Cutting tokens: the parts know where they stand, so errors point at them.
 */
#include <weir/conf/conf.h>

bool
wr_tok_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t
wr_tok_next_word(wr_str_t s, size_t from)
{
    int  depth = 0;
    char quote = 0;

    for (size_t i = from; i < s.n; i++) {
        char c = s.p[i];

        if (quote != 0) {
            i += c == '\\';
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '(' || c == '[' || c == '{') {
            depth++;
        } else if (c == ')' || c == ']' || c == '}') {
            depth--;
        } else if (depth == 0 && i != 0 && wr_tok_is_blank(s.p[i - 1]) && wr_is_word(c)) {
            return i;
        }
    }
    return s.n;
}

bool
wr_tok_stands(wr_str_t s, size_t at, wr_str_t word)
{
    return wr_str_starts(wr_str_skip(s, at), word) && at + word.n < s.n
           && wr_tok_is_blank(s.p[at + word.n]);
}

wr_tok_t
wr_tok_part(const wr_tok_t *tok, size_t from, size_t to)
{
    wr_tok_t t = *tok;

    for (size_t i = 0; i < from && i < tok->text.n; i++) {
        if (tok->text.p[i] == '\n') {
            t.line++;
            t.column = 1;
        } else {
            t.column++;
        }
    }
    t.text = wr_str_sub(tok->text, from, to);
    return t;
}

wr_tok_t
wr_tok_word(const wr_tok_t *tok, wr_tok_t *rest)
{
    wr_str_t s = tok->text;
    size_t   end = 0, next;
    wr_tok_t word;

    while (end < s.n && !wr_tok_is_blank(s.p[end])) {
        end++;
    }
    next = end;
    while (next < s.n && wr_tok_is_blank(s.p[next])) {
        next++;
    }
    word = end > 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[end - 1] == s.p[0]
           ? wr_tok_part(tok, 1, end - 1)
           : wr_tok_part(tok, 0, end);
    *rest = wr_tok_part(tok, next, s.n);
    return word;
}
