/*
 * Where tags begin, and what whitespace control leaves of the text before them.
 *
 * The one idea: the scan tries, at each place where a tag could start, the delimiters
 * from the longest to the shortest, so any set of delimiters works without a table of
 * states.
 */
#include <weir/expr/lexer_priv.h>

void
wr_lex_add_rule(wr_lexing_t *st, uint8_t what, wr_str_t s)
{
    unsigned i;
    wr_lex_rule_t   r = {what, s};

    if (s.p == NULL) {
        return;
    }
    /* Longest first; of equals the later kind. */
    for (i = st->nrules; i > 0 && st->rules[i - 1].s.n <= s.n; i--) {
        st->rules[i] = st->rules[i - 1];
    }
    st->rules[i] = r;
    st->nrules++;
    if (s.n != 0) {
        st->first[(uint8_t) s.p[0]] = true;
    } else {
        memset(st->first, 1, sizeof(st->first));
    }
}

/* {%- raw -%}: returns where it ends, or 0. */
size_t
wr_lex_match_raw(const wr_lexing_t *st, size_t pos, const char *word, bool end, char *sign)
{
    const wr_lex_conf_t *c = st->conf;
    wr_str_t             w = wr_str_z(word);

    if (c->vars_only || !wr_lex_at(st, pos, c->block_start)) {
        return 0;
    }
    pos += c->block_start.n;
    *sign = 0;
    if (pos < st->src.n && (st->src.p[pos] == '-' || st->src.p[pos] == '+')) {
        *sign = st->src.p[pos++];
    }
    pos = wr_lex_skip(st, pos);
    if (!wr_lex_at(st, pos, w)) {
        return 0;
    }
    pos = wr_lex_skip(st, pos + w.n);
    if (pos < st->src.n && st->src.p[pos] == '-'
        && wr_lex_at(st, pos + 1, c->block_end)) {
        return wr_lex_skip(st, pos + 1 + c->block_end.n);
    }
    if (end && pos < st->src.n && st->src.p[pos] == '+'
        && wr_lex_at(st, pos + 1, c->block_end))
    {
        return pos + 1 + c->block_end.n;
    }
    if (!wr_lex_at(st, pos, c->block_end)) {
        return 0;
    }
    pos += c->block_end.n;
    if (end && c->trim_blocks && pos < st->src.n && st->src.p[pos] == '\n') {
        pos++;
    }
    return pos;
}

/* Where a delimiter of the kind ends if it stands at `pos`, or 0. */
static size_t
match_rule(const wr_lexing_t *st, const wr_lex_rule_t *r, size_t pos)
{
    const char *p = st->src.p;
    size_t      q = pos, n;
    bool        bol = pos == 0 || p[pos - 1] == '\n';

    switch (r->what) {
    case WR_LEX_LINE:
        if (!bol) {
            return 0;
        }
        while (q < st->src.n && (p[q] == ' ' || p[q] == '\t' || p[q] == '\v')) {
            q++;
        }
        break;
    case WR_LEX_LINECOMMENT:
        if (!bol && wr_lex_space_before(st->src, pos)) {
            return 0;
        }
        while (q < st->src.n && p[q] != '\n' && p[q] != '\r'
               && (n = wr_lex_space(st->src, q)) != 0)
        {
            q += n;
        }
        break;
    default: break;
    }
    return wr_lex_at(st, q, r->s) ? q + r->s.n : 0;
}

static bool
match_at(const wr_lexing_t *st, size_t pos, wr_lex_found_t *f)
{
    size_t   end;
    unsigned i;

    end = wr_lex_match_raw(st, pos, "raw", false, &f->sign);
    if (end != 0) {
        f->what = WR_LEX_RAW;
        f->at = pos;
        f->end = end;
        return true;
    }
    for (i = 0; i < st->nrules; i++) {
        end = match_rule(st, &st->rules[i], pos);
        if (end != 0) {
            f->what = st->rules[i].what;
            f->at = pos;
            f->sign = 0;
            if (end < st->src.n
                && (st->src.p[end] == '-' || st->src.p[end] == '+')) {
                f->sign = st->src.p[end++];
            }
            f->end = end;
            return true;
        }
    }
    return false;
}

bool
wr_lex_find(const wr_lexing_t *st, wr_lex_found_t *f)
{
    bool lines =
        st->conf->line_statement.p != NULL || st->conf->line_comment.p != NULL;
    size_t pos;

    for (pos = st->pos; pos <= st->src.n; pos++) {
        if (!lines) {
            while (pos < st->src.n && !st->first[(uint8_t) st->src.p[pos]]) {
                pos++;
            }
            if (pos == st->src.n) {
                return false;
            }
        }
        if (match_at(st, pos, f)) {
            return true;
        }
    }
    return false;
}

size_t
wr_lex_strip(const wr_lexing_t *st, const wr_lex_found_t *f)
{
    size_t from = st->pos, to = f->at, bol, p, n;

    if (f->sign == '-') {
        while (to > from && (n = wr_lex_space_len_before(st->src, to)) != 0
               && to - n >= from)
        {
            to -= n;
        }
    } else if (f->sign != '+' && st->conf->lstrip_blocks && f->what != WR_LEX_VAR) {
        bol = to;
        while (bol > from && st->src.p[bol - 1] != '\n') {
            bol--;
        }
        if (bol > from || st->line_starting) {
            for (p = bol; p < to; p += n) {
                n = wr_lex_space(st->src, p);
                if (n == 0) {
                    return to;
                }
            }
            to = bol;
        }
    }
    return to;
}
