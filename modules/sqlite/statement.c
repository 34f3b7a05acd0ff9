/*
 * Statements of the conf: SQL with {{ expression }} in it.
 *
 * Every expression becomes a parameter ?N; only `|one_of("a", "b")` chooses between
 * texts that stand in the conf. So there is a text for every combination of choices,
 * and each is prepared when the conf is read. A map from each byte of a text to its
 * byte in the conf tells where SQLite's errors point to.
 */
#include "sqlite.h"

enum { MOST_SQLS = 256 };

static const char NO_PARAMETERS[] = "parameters are written {{ expression }}, not ? or :name";

static size_t
skip_blank(wr_str_t s, size_t i)
{
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t' || s.p[i] == '\r')) {
        i++;
    }
    return i;
}

/* [a name] as well. */
static size_t
skip_quoted(wr_str_t s, size_t i, bool backslash)
{
    char quote = s.p[i] == '[' ? ']' : s.p[i];

    i++;

    for (; i < s.n && s.p[i] != quote; i++) {
        if (backslash && s.p[i] == '\\') {
            i++;
        }
    }
    return i + 1;
}

/* Behind the }} of the hole whose inside begins at `i`. */
static size_t
skip_hole(wr_str_t s, size_t i)
{
    unsigned depth = 0;

    while (i + 1 < s.n) {
        char c = s.p[i];

        if (c == '"' || c == '\'') {
            i = skip_quoted(s, i, true);
            continue;
        }
        if (c == '}' && depth == 0 && s.p[i + 1] == '}') {
            return i + 2;
        }
        depth += c == '{';
        depth -= c == '}' && depth != 0;
        i++;
    }
    return s.n;
}

static size_t
skip_comment(wr_str_t s, size_t i)
{
    const char *end = s.p[i] == '-' ? "\n" : "*/";
    ssize_t     n = wr_str_find(wr_str_skip(s, i + 2), wr_str_z(end));

    return n < 0 ? s.n : i + 2 + (size_t) n + strlen(end);
}

/* ---- one_of ---- */

/* Where the last `|` of the expression stands outside quotes and brackets. */
static ssize_t
last_bar(wr_str_t s)
{
    ssize_t  at = -1;
    unsigned depth = 0;

    for (size_t i = 0; i < s.n; ) {
        char c = s.p[i];

        if (c == '"' || c == '\'') {
            i = skip_quoted(s, i, true);
            continue;
        }
        depth += c == '(' || c == '[' || c == '{';
        depth -= (c == ')' || c == ']' || c == '}') && depth != 0;
        if (c == '|' && depth == 0) {
            at = (ssize_t) i;
        }
        i++;
    }
    return at;
}

/* Reads `("a", "b")`. */
static wr_rc_t
parse_choices(wr_conf_t *cf, const wr_tok_t *tok, sq_part_t *part)
{
    wr_str_t   s = wr_str_trim(tok->text);
    wr_array_t list = wr_array(cf->pool, sizeof(wr_str_t));
    size_t     i = 1;

    if (s.n < 2 || s.p[0] != '(' || s.p[s.n - 1] != ')') {
        return wr_conf_fail(cf, tok, "one_of needs a list of texts in brackets");
    }
    s.n--;
    while (i < s.n) {
        size_t end;

        i = skip_blank(s, i);
        if (i >= s.n || (s.p[i] != '"' && s.p[i] != '\'')) {
            return wr_conf_fail(cf, tok, "one_of takes only texts in quotes");
        }
        end = skip_quoted(s, i, false);
        *WR_PUSH(&list, wr_str_t) = wr_pool_str(cf->pool, wr_str_sub(s, i + 1, end - 1));
        i = skip_blank(s, end);
        if (i < s.n && s.p[i] != ',') {
            return wr_conf_fail(cf, tok, "one_of takes only texts in quotes");
        }
        i = skip_blank(s, i + 1);
    }
    if (list.n == 0) {
        return wr_conf_fail(cf, tok, "one_of needs at least one text");
    }
    part->choices = list.items;
    part->nchoices = list.n;
    return WR_OK;
}

/* ---- parsing ---- */

static wr_rc_t
parse_hole(wr_conf_t *cf, const wr_tok_t *tok, sq_stmt_t *s, sq_part_t *part)
{
    ssize_t  bar = last_bar(tok->text);
    wr_tok_t value = *tok;

    if (bar >= 0) {
        wr_str_t filter = wr_str_skip(tok->text, (size_t) bar + 1);
        size_t   blank = skip_blank(filter, 0);

        filter = wr_str_skip(filter, blank);
        if (wr_str_starts(filter, WR_STR("one_of"))
            && (filter.n == 6 || !wr_is_word(filter.p[6])))
        {
            wr_tok_t list = wr_tok_part(tok, (size_t) bar + 1 + blank + 6, SIZE_MAX);

            if (parse_choices(cf, &list, part) != WR_OK) {
                return WR_ERROR;
            }
            value.text.n = (size_t) bar;
        }
    }
    part->expr = wr_app_expr(cf, &value);
    if (part->expr == NULL) {
        return WR_ERROR;
    }
    wr_app_not_ahead(cf, part->expr);
    if (part->choices == NULL) {
        part->param = s->nparams++;
    }
    return WR_OK;
}

static void
add_part(sq_stmt_t *s, wr_str_t text, size_t from, size_t to, sq_part_t *part)
{
    part->text = wr_str_sub(text, from, to);
    part->at = from;
    *WR_PUSH(&s->parts, sq_part_t) = *part;
}

static bool
ends_in_word(wr_str_t s, wr_str_t word)
{
    s = wr_str_trim(s);
    return s.n >= word.n && wr_str_ieq(wr_str_skip(s, s.n - word.n), word)
           && (s.n == word.n || !wr_is_word(s.p[s.n - word.n - 1]));
}

/* `ORDER BY {{ query.sort }}` is what people write first, and it does nothing. */
static void
warn_of_order(wr_conf_t *cf, const wr_tok_t *tok, wr_str_t before, wr_str_t behind, size_t at)
{
    static const char *const words[] = {"asc", "desc", "limit"};
    bool                     is_all;
    size_t                   n = 0;
    wr_tok_t                 hole = wr_tok_part(tok, at, SIZE_MAX);

    if (!ends_in_word(before, WR_STR("by"))) {
        return;
    }
    behind = wr_str_trim(behind);
    is_all = behind.n == 0 || behind.p[0] == ',' || behind.p[0] == ')';
    while (n < behind.n && wr_is_word(behind.p[n])) {
        n++;
    }
    for (unsigned i = 0; i < WR_COUNT(words); i++) {
        is_all |= wr_str_ieqz(wr_str_sub(behind, 0, n), words[i]);
    }
    if (is_all) {
        wr_conf_warn(cf, &hole, "a bound value is the same for all rows: it orders and groups "
                                "nothing (a column is chosen with |one_of(\"a\", \"b\"))");
    }
}

static wr_rc_t
parse_text(wr_conf_t *cf, const wr_tok_t *tok, sq_stmt_t *s)
{
    wr_str_t t = s->at.text;
    size_t   i = 0, start = 0;

    while (i < t.n) {
        char c = t.p[i];
        char next = i + 1 < t.n ? t.p[i + 1] : '\0';

        if (c == '\'' || c == '"' || c == '`' || c == '[') {
            size_t   end = skip_quoted(t, i, false);
            wr_str_t inside = wr_str_sub(t, i, end);
            ssize_t  hole = wr_str_find(inside, WR_STR("{{"));

            if (hole >= 0) {
                return wr_conf_fail_at(cf, tok, i + (size_t) hole,
                                       "{{ }} inside quotes would be text: leave the "
                                       "quotes out, a value needs none");
            }
            i = end;
        } else if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
            i = skip_comment(t, i);
        } else if (c == '{' && next == '{') {
            size_t    end = skip_hole(t, i + 2);
            sq_part_t part = {.hole = i};
            wr_tok_t  inside = wr_tok_part(tok, i + 2, SIZE_MAX);

            inside.text = wr_str_sub(t, i + 2, end - 2);
            if (parse_hole(cf, &inside, s, &part) != WR_OK) {
                return WR_ERROR;
            }
            if (part.choices == NULL) {
                warn_of_order(cf, tok, wr_str_sub(t, start, i), wr_str_skip(t, end), i);
            }
            add_part(s, t, start, i, &part);
            start = i = end;
        } else if (c == '?') {
            return wr_conf_fail_at(cf, tok, i, "%s", NO_PARAMETERS);
        } else {
            i++;
        }
    }
    add_part(s, t, start, t.n, &(sq_part_t) {.hole = t.n});
    return WR_OK;
}

wr_rc_t
sq_stmt_parse(wr_conf_t *cf, const wr_tok_t *text, sq_stmt_t *s)
{
    s->at = *text;
    s->at.text = wr_pool_str(cf->pool, text->text);
    s->at.file = wr_pool_str(cf->pool, text->file);
    s->parts = wr_array(cf->pool, sizeof(sq_part_t));
    if (parse_text(cf, text, s) != WR_OK) {
        return WR_ERROR;
    }
    s->nsqls = 1;
    s->lendable = true;
    for (WR_EACH(sq_part_t, p, &s->parts)) {
        s->lendable &= p->expr == NULL || p->expr->lendable;
        if (p->choices != NULL) {
            s->nsqls *= p->nchoices;
            if (s->nsqls > MOST_SQLS) {
                return wr_conf_fail(cf, text, "too many combinations of one_of");
            }
        }
    }
    s->alone = wr_str_ifind(s->at.text, WR_STR("rollback")) >= 0;
    return WR_OK;
}

/* ---- texts ---- */

typedef struct out {
    wr_buf_t   text;
    wr_array_t from;
} out_t;

static void
put(out_t *o, wr_str_t s, size_t from, bool moves)
{
    for (size_t i = 0; i < s.n; i++) {
        *WR_PUSH(&o->from, uint32_t) = (uint32_t) (moves ? from + i : from);
    }
    wr_buf_str(&o->text, s);
}

/* A single word is a name, whatever it means to SQL; the directions are not. */
static bool
is_name(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i])) {
            return false;
        }
    }
    return s.n != 0 && !wr_str_ieqz(s, "asc") && !wr_str_ieqz(s, "desc");
}

static void
put_hole(wr_conf_t *cf, out_t *o, const sq_part_t *p, unsigned choice)
{
    wr_str_t s;

    if (p->choices == NULL) {
        s = wr_pool_printf(cf->temp, "?%u", p->param + 1);
    } else {
        s = p->choices[choice];
        if (is_name(s)) {
            s = wr_pool_printf(cf->temp, "\"%.*s\"", WR_ARG(s));
        }
    }
    put(o, s, p->hole, false);
}

static void
make_sql(wr_conf_t *cf, sq_stmt_t *s, unsigned variant)
{
    sq_sql_t *sql = &s->sqls[variant];
    out_t     o = {wr_buf(cf->pool), wr_array(cf->pool, sizeof(uint32_t))};

    if (s->guest != NULL) {
        put(&o, wr_str_z(s->guest), 0, false);
    }
    for (WR_EACH(sq_part_t, p, &s->parts)) {
        put(&o, p->text, p->at, true);
        if (p->expr != NULL) {
            unsigned n = p->choices != NULL ? p->nchoices : 1;

            put_hole(cf, &o, p, variant % n);
            variant /= n;
        }
    }
    *WR_PUSH(&o.from, uint32_t) = (uint32_t) s->at.text.n;
    sql->text = wr_buf_cstr(&o.text);
    sql->n = (int) o.text.n;
    sql->from = o.from.items;
    sql->id = s->db->sqls.n;
    *WR_PUSH(&s->db->sqls, sq_sql_t *) = sql;
}

/* ---- checking ---- */

/* Where the word stands; -1: nowhere. */
static ssize_t
find_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = text; n != 0 && (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || !wr_is_word(at[-1])) && !wr_is_word(at[n])) {
            return at - text;
        }
    }
    return -1;
}

/* SQLite tells no place for some errors: then that of the name it speaks of. */
static size_t
guess(const sq_sql_t *sql, const char *message)
{
    static const char *const marks[] = {"no such table: ", "no such column: ",
                                        "has no column named ", "no such function: ",
                                        "no such index: ", "no such window: "};

    for (unsigned i = 0; i < WR_COUNT(marks); i++) {
        const char *at = strstr(message, marks[i]);
        ssize_t     found = at != NULL ? find_word(sql->text, at + strlen(marks[i])) : -1;

        if (found >= 0) {
            return (size_t) found;
        }
    }
    return 0;
}

static wr_tok_t
place_of(const sq_stmt_t *s, const sq_sql_t *sql, size_t at)
{
    return wr_tok_part(&s->at, sql->from[wr_min_size(at, (size_t) sql->n)], SIZE_MAX);
}

static wr_rc_t
refuse(wr_conf_t *cf, const sq_stmt_t *s, const sq_sql_t *sql, const sq_conn_t *mem)
{
    const char *message = sqlite3_errmsg(mem->db);
    int         offset = sqlite3_error_offset(mem->db);
    size_t      at = offset >= 0 ? (size_t) offset : guess(sql, message);
    wr_tok_t    tok = place_of(s, sql, at);
    wr_str_t    before = wr_str(sql->text, wr_min_size(at, (size_t) sql->n));

    if (mem->why != NULL) {
        return wr_conf_fail_hint(cf, &tok, wr_str_z(mem->why), "%s", message);
    }
    if (strncmp(message, "near \"?", 7) != 0) {
        return wr_conf_fail(cf, &tok, "%s", message);
    }
    return wr_conf_fail_hint(cf, &tok, ends_in_word(before, WR_STR("in"))
                                 ? WR_STR("of a list: IN (SELECT value FROM "
                                          "json_each({{ list|tojson }}))")
                                 : WR_STR("names are chosen with |one_of(\"a\", \"b\")"),
                             "no bound value can stand here");
}

static bool
is_blank(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
        p++;
    }
    return *p == '\0';
}

/* VACUUM is asked for no permission when it is prepared, and can do nothing here but
 * write a copy somewhere. */
static bool
is_vacuum(wr_str_t s)
{
    size_t i = 0;

    for (;;) {
        while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t'
                           || s.p[i] == '\r' || s.p[i] == ';'))
        {
            i++;
        }
        if (i + 1 < s.n && ((s.p[i] == '-' && s.p[i + 1] == '-')
                            || (s.p[i] == '/' && s.p[i + 1] == '*')))
        {
            i = skip_comment(s, i);
            continue;
        }
        return wr_str_istarts(wr_str_skip(s, wr_min_size(i, s.n)), WR_STR("vacuum"));
    }
}

/* Only ours, which are ?1, ?2, … */
static wr_rc_t
check_parameters(wr_conf_t *cf, const sq_stmt_t *s, const sq_sql_t *sql, sqlite3_stmt *stmt)
{
    int n = sqlite3_bind_parameter_count(stmt);

    for (int i = n; i > 0; i--) {
        const char *name = sqlite3_bind_parameter_name(stmt, i);

        if (name != NULL && name[0] != '?') {
            ssize_t  at = find_word(sql->text, name);
            wr_tok_t tok = place_of(s, sql, at >= 0 ? (size_t) at : 0);

            return wr_conf_fail(cf, &tok, "%s", NO_PARAMETERS);
        }
    }
    return n == (int) s->nparams ? WR_OK : wr_conf_fail(cf, &s->at, "%s", NO_PARAMETERS);
}

static bool
has(const sq_sql_t *sql, const char *word)
{
    return wr_str_ifind(wr_str(sql->text, (size_t) sql->n), wr_str_z(word)) >= 0;
}

static void
take_columns(wr_conf_t *cf, sq_stmt_t *s, sq_sql_t *sql, sqlite3_stmt *stmt)
{
    unsigned  n;
    wr_str_t *names = sq_column_names(cf->pool, stmt, &n);

    for (unsigned i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(stmt, (int) i);

        *WR_PUSH(&s->columns, wr_str_t) = names[i];
        if (!wr_str_eqz(names[i], name) && s->name.n != 0) {
            wr_conf_warn(cf, &s->at, "another column is named \"%s\": this one, number %u, is "
                                     "\"%.*s\" (AS gives it a name of its own)",
                         name, i + 1, WR_ARG(names[i]));
        }
    }
    sql->shape = wr_shape_new(cf->pool, names, n);
}

static wr_rc_t
check_sql(wr_conf_t *cf, sq_stmt_t *s, sq_sql_t *sql, sq_conn_t *mem)
{
    sqlite3_stmt *stmt = NULL;
    const char   *tail = NULL;
    wr_rc_t       rc = WR_OK;

    mem->why = NULL;
    if (sqlite3_prepare_v2(mem->db, sql->text, sql->n + 1, &stmt, &tail) != SQLITE_OK) {
        return refuse(cf, s, sql, mem);
    }
    if (stmt == NULL) {
        return wr_conf_fail(cf, &s->at, "there is no SQL statement");
    }
    if (is_vacuum(wr_str(sql->text, (size_t) sql->n))) {
        rc = wr_conf_fail_hint(cf, &s->at, WR_STR("it cannot run beside other connections"),
                               "not authorized");
    } else if (!is_blank(tail)) {
        rc = wr_conf_fail(cf, &s->at, "only one SQL statement may stand here");
    } else if (s->guest != NULL) {
        s->nparams = (unsigned) sqlite3_bind_parameter_count(stmt);
    } else {
        rc = check_parameters(cf, s, sql, stmt);
    }
    take_columns(cf, s, sql, stmt);
    sql->readonly = sqlite3_stmt_readonly(stmt) != 0;
    sql->asks_id = s->db->asks_id || has(sql, "last_insert_rowid");
    sql->inserts = has(sql, "insert") || has(sql, "replace");
    s->writes |= !sql->readonly;
    sqlite3_finalize(stmt);
    return rc;
}

/* For --explain: the text that SQLite gets, and what is bound to its parameters. */
static void
remark(wr_conf_t *cf, const sq_stmt_t *s)
{
    for (unsigned i = 0; i < s->nsqls; i++) {
        wr_conf_hooks.remark(cf, &s->at, wr_pool_printf(cf->pool, "SQL: %.*s", s->sqls[i].n,
                                                        s->sqls[i].text));
    }
    for (WR_EACH(sq_part_t, p, &s->parts)) {
        if (p->expr != NULL && p->choices == NULL) {
            wr_conf_hooks.remark(cf, &s->at,
                                 wr_pool_printf(cf->pool, "?%u = %.*s", p->param + 1,
                                                WR_ARG(wr_str_trim(p->expr->at.text))));
        }
    }
}

wr_rc_t
sq_stmt_check(wr_conf_t *cf, sq_stmt_t *s, sq_conn_t *mem)
{
    s->sqls = WR_NEW_N(cf->pool, sq_sql_t, s->nsqls);
    s->columns = wr_array(cf->pool, sizeof(wr_str_t));
    for (unsigned i = 0; i < s->nsqls; i++) {
        make_sql(cf, s, i);
        if (check_sql(cf, s, &s->sqls[i], mem) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (wr_conf_hooks.remark != NULL && s->guest == NULL) {
        remark(cf, s);
    }
    return WR_OK;
}
