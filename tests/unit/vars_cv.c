/*
 * Variables: numbering, definitions, evaluation, texts with them.
 */
#include <conf_help.h>
#include <weir/vars/regex.h>

/* What evaluation needs of a request is its first member. */
typedef struct fake {
    wr_subject_t subject;
    unsigned     asked;
} fake_t;

static fake_t *
fake(wr_req_t *r)
{
    return (fake_t *) (void *) r;
}

static wr_rc_t
get_text(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    fake(r)->asked++;
    *value = wr_str_z((const char *) v->data);
    return WR_OK;
}

static wr_rc_t
get_count(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    fake(r)->asked++;
    *value = wr_pool_printf(fake(r)->subject.pool, "%u", fake(r)->asked);
    return WR_OK;
}

static wr_rc_t
get_nothing(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    (void) value;
    fake(r)->asked++;
    return WR_NOTFOUND;
}

static wr_rc_t
get_failure(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) r;
    (void) v;
    (void) value;
    return WR_ERROR;
}

static wr_rc_t
get_rest(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    fake(r)->asked++;
    *value = wr_str_skip(v->name, v->data);
    return WR_OK;
}

static unsigned cycle_index;

static wr_rc_t
get_cycle(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_str_t *other = wr_var_get(r, cycle_index);

    (void) v;
    *value = other != NULL ? *other : WR_STR("none");
    return WR_OK;
}

static wr_str_t put_value;

static void
put(wr_req_t *r, const wr_var_t *v, wr_str_t value)
{
    (void) r;
    (void) v;
    put_value = value;
}

static const wr_var_row_t rows[] = {
    {"text", get_text, NULL, (uintptr_t) "T", 0, "A text."},
    {"count", get_count, NULL, 0, WR_VAR_NOCACHE, "Counts."},
    {"cached", get_count, NULL, 0, 0, "Counts."},
    {"nothing", get_nothing, NULL, 0, 0, "Not found."},
    {"failure", get_failure, NULL, 0, 0, "Fails."},
    {"cycle", get_cycle, NULL, 0, 0, "Asks itself."},
    {"settable", get_text, put, (uintptr_t) "S", WR_VAR_CHANGE, "May be set."},
    {"p_", get_rest, NULL, 2, WR_VAR_PREFIX, "By name."},
    {"p_long_", get_rest, NULL, 7, WR_VAR_PREFIX, "By name."},
    {NULL, NULL, NULL, 0, 0, NULL}
};

static wr_conf_t *
begin(void)
{
    wr_conf_t *cf = conf_begin("/");

    (void) wr_vars_new(cf);
    CHECK(wr_var_define_rows(cf, rows) == WR_OK);
    return cf;
}

static wr_req_t *
request(wr_conf_t *cf)
{
    fake_t *f = WR_NEW(cf->pool, fake_t);

    f->subject.pool = cf->pool;
    f->subject.vars = wr_vars_of(cf);
    f->subject.slots = WR_NEW_N(cf->pool, wr_slot_t, wr_vars_count(f->subject.vars));
    f->subject.log = cf->log;
    return (wr_req_t *) (void *) f;
}

static wr_cv_t
compiled(wr_conf_t *cf, const char *text)
{
    wr_cv_t cv;

    CHECK(wr_cv_compile_str(cf, wr_str_z(text), &cv) == WR_OK);
    return cv;
}

static void
texts(void)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"$text", "T"},
        {"${text}", "T"},
        {"a$text", "aT"},
        {"$text-b", "T-b"},
        {"a${text}b$text", "aTbT"},
        {"$TEXT$Text", "TT"},
        {"$nothing", ""},
        {"<$nothing>", "<>"},
        {"$p_x $p_long_y $p_lon", "x y lon"},
        {"$1", ""},
        {"[$1$2]", "[]"},
        {"$text$text$text$text$text$text$text$text$text$text$text$text$text$text$text$text"
         "$text$text", "TTTTTTTTTTTTTTTTTT"},
    };
    wr_conf_t *cf = begin();
    wr_cv_t    cvs[WR_COUNT(cases)];
    wr_cv_t    failing = compiled(cf, "a$failure");
    wr_cv_t    failing_alone = compiled(cf, "$failure");
    wr_req_t  *r;

    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        cvs[i] = compiled(cf, cases[i][0]);
    }
    CHECK(wr_vars_finish(cf) == WR_OK);
    CHECK(wr_cv_is_const(&cvs[0]) && wr_cv_is_const(&cvs[1]));
    CHECK(!wr_cv_is_const(&cvs[2]));
    r = request(cf);
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        wr_str_t out;

        CHECK(wr_cv_eval(r, &cvs[i], &out) == WR_OK);
        CHECK_STR(out, cases[i][1]);
    }
    CHECK_INT(fake(r)->asked, 5);
    CHECK(wr_cv_eval(r, &failing, &put_value) == WR_ERROR);
    CHECK(wr_cv_eval(r, &failing_alone, &put_value) == WR_ERROR);
    conf_end(cf);
}

static void
caching(void)
{
    wr_conf_t      *cf = begin();
    int             count = wr_var_use(cf, WR_STR("count"));
    int             cached = wr_var_use(cf, WR_STR("cached"));
    int             settable = wr_var_use(cf, WR_STR("settable"));
    int             own = wr_var_use(cf, WR_STR("own"));
    wr_req_t       *r;
    const wr_str_t *v;

    CHECK_INT(wr_var_use(cf, WR_STR("count")), count);
    CHECK(wr_var_define(cf, WR_STR("own"), WR_VAR_CHANGE) != NULL);
    CHECK(wr_vars_finish(cf) == WR_OK);
    CHECK_INT(wr_vars_count(wr_vars_of(cf)), 4);
    CHECK_STR(wr_vars_at(wr_vars_of(cf), (unsigned) own)->name, "own");
    r = request(cf);
    CHECK_STR(*wr_var_get(r, (unsigned) count), "1");
    CHECK_STR(*wr_var_get(r, (unsigned) count), "2");
    CHECK_STR(*wr_var_get(r, (unsigned) cached), "3");
    CHECK_STR(*wr_var_get(r, (unsigned) count), "4");
    CHECK_STR(*wr_var_get(r, (unsigned) cached), "3");
    wr_var_set(r, (unsigned) count, WR_STR("set"));
    CHECK_STR(*wr_var_get(r, (unsigned) count), "set");

    CHECK(wr_var_get(r, (unsigned) own) == NULL);
    wr_var_set(r, (unsigned) own, WR_STR("mine"));
    CHECK_STR(*wr_var_get(r, (unsigned) own), "mine");
    wr_var_set(r, (unsigned) settable, WR_STR("put"));
    CHECK_STR(put_value, "put");
    CHECK_STR(*wr_var_get(r, (unsigned) settable), "S");

    CHECK_STR(*wr_var_lookup(r, WR_STR("own")), "mine");
    CHECK_STR(*wr_var_lookup(r, WR_STR("text")), "T");
    CHECK_STR(*wr_var_lookup(r, WR_STR("p_long_z")), "z");
    CHECK(wr_var_lookup(r, WR_STR("nothing")) == NULL);
    v = wr_var_lookup(r, WR_STR("unknown"));
    CHECK(v == NULL);
    wr_vars_reset(r);
    CHECK(wr_var_get(r, (unsigned) own) == NULL);
    conf_end(cf);
}

static void
cycles(void)
{
    wr_conf_t *cf = begin();
    wr_req_t  *r;

    cycle_index = (unsigned) wr_var_use(cf, WR_STR("cycle"));
    CHECK(wr_vars_finish(cf) == WR_OK);
    r = request(cf);
    ((wr_log_t *) (uintptr_t) fake(r)->subject.log)->level = WR_LOG_ERR;
    fake(r)->subject.log->targets->level = WR_LOG_ERR;
    CHECK_STR(*wr_var_get(r, cycle_index), "none");
    CHECK(conf_has_said("cycle while evaluating variable \"cycle\""));
    conf_end(cf);
}

static void
definitions(void)
{
    wr_conf_t *cf = begin();
    wr_var_t  *v, *weak;
    wr_cv_t    cv;
    wr_tok_t   tok = {.text = WR_STR("a$txet"), .line = 7, .column = 3,
                      .file = WR_STR("f")};
    int        index;

    CHECK(wr_var_define(cf, WR_STR("text"), 0) == NULL);
    CHECK(conf_has_said("the duplicate \"text\" variable"));
    v = wr_var_define(cf, WR_STR("settable"), WR_VAR_CHANGE);
    CHECK(v != NULL && v->get == get_text);
    CHECK(wr_var_define(cf, WR_STR(""), 0) == NULL);
    CHECK(wr_var_use(cf, WR_STR("")) == -1);

    /* What `set` defines gives way to a prefix, a map does not. */
    weak = wr_var_define(cf, WR_STR("p_set"), WR_VAR_CHANGE | WR_VAR_WEAK);
    index = wr_var_use(cf, WR_STR("p_set"));
    v = wr_var_define(cf, WR_STR("p_map"), WR_VAR_CHANGE);
    CHECK(wr_var_use(cf, WR_STR("p_map")) == index + 1);
    CHECK(wr_vars_finish(cf) == WR_OK);
    CHECK(weak->get == get_rest && v->get == NULL);

    CHECK(wr_cv_compile(cf, &tok, &cv) == WR_OK);
    CHECK(wr_vars_finish(cf) == WR_ERROR);
    CHECK(conf_has_said("unknown \"txet\" variable in f:7:4 (did you mean \"$text\"?)"));
    conf_end(cf);
}

static void
patterns(void)
{
    wr_conf_t  *cf = begin();
    wr_tok_t    tok = {.text = WR_STR("^/(?<year>[0-9]{4})(-(?<month>\\d+))?/(.*)$"),
                       .line = 1, .column = 1, .file = WR_STR("f")};
    wr_tok_t    bad = {.text = WR_STR("a(b"), .line = 2, .column = 5, .quoted = true,
                       .file = WR_STR("f")};
    wr_regex_t *re = wr_regex_compile(cf, &tok, false, true);
    wr_cv_t     cv = compiled(cf, "$1|$2|$3|$4|$5|${4}|$year|$month");
    wr_cv_t     one = compiled(cf, "$1");
    wr_regex_t *slow, *any;
    wr_str_t    out, error;
    wr_req_t   *r;
    int         pairs[10];

    CHECK(re != NULL);
    CHECK(wr_regex_compile(cf, &bad, false, true) == NULL);
    CHECK(conf_has_said("pcre2_compile() failed: missing closing parenthesis in \"a(b\" in "
                        "f:2:9"));
    CHECK(wr_vars_finish(cf) == WR_OK);
    CHECK_INT(wr_regex_groups(re), 4);
    CHECK_STR(wr_regex_pattern(re), "^/(?<year>[0-9]{4})(-(?<month>\\d+))?/(.*)$");

    r = request(cf);
    CHECK(wr_regex_exec(r, re, WR_STR("/x")) == WR_DECLINED);
    CHECK(wr_regex_exec(r, re, WR_STR("/2026-11/rest")) == WR_OK);
    CHECK(wr_cv_eval(r, &cv, &out) == WR_OK);
    CHECK_STR(out, "2026|-11|11|rest||rest|2026|11");
    CHECK(wr_cv_eval(r, &one, &out) == WR_OK);
    CHECK_STR(out, "2026");
    CHECK(wr_regex_exec(r, re, WR_STR("/2027/")) == WR_OK);
    CHECK(wr_cv_eval(r, &cv, &out) == WR_OK);
    CHECK_STR(out, "2027||||||2027|");
    /* No match leaves the last one's captures. */
    CHECK(wr_regex_exec(r, re, WR_STR("")) == WR_DECLINED);
    CHECK(wr_cv_eval(r, &one, &out) == WR_OK);
    CHECK_STR(out, "2027");
    /* A match without groups takes them. */
    any = wr_regex_new(cf->pool, WR_STR("ABC"), true, &error);
    CHECK(any != NULL && wr_regex_exec(r, any, WR_STR("xabcx")) == WR_OK);
    CHECK(wr_cv_eval(r, &one, &out) == WR_OK);
    CHECK_STR(out, "");

    CHECK(wr_regex_test(any, WR_STR("abc")) && !wr_regex_test(any, WR_STR("ab")));
    CHECK(!wr_regex_test(any, WR_STR_NONE));
    CHECK_INT(wr_regex_match(re, WR_STR("/2026/a"), pairs, 5), 5);
    CHECK(pairs[0] == 0 && pairs[1] == 7 && pairs[2] == 1 && pairs[3] == 5);
    CHECK(pairs[4] == -1 && pairs[8] == 6 && pairs[9] == 7);
    CHECK_INT(wr_regex_match(re, WR_STR("/2026/a"), pairs, 1), 1);
    CHECK_INT(wr_regex_match(re, WR_STR("/"), pairs, 5), 0);
    CHECK(wr_regex_new(cf->pool, WR_STR("[a"), false, &error) == NULL);
    CHECK(wr_str_find(error, WR_STR("missing terminating ]")) >= 0);

    /* Exponential in its input: ends at the limit, is logged, and is no match. */
    slow = wr_regex_new(cf->pool, WR_STR("^(a+)+$"), false, &error);
    ((wr_log_t *) (uintptr_t) fake(r)->subject.log)->level = WR_LOG_ERR;
    fake(r)->subject.log->targets->level = WR_LOG_ERR;
    conf_said_n = 0;
    CHECK(wr_regex_exec(r, slow, WR_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"))
          == WR_DECLINED);
    CHECK(conf_has_said("regex: match limit exceeded"));
    conf_end(cf);
}

/* More stack than the machine code may have: the interpreter goes on. */
static void
deep(void)
{
    wr_pool_t  *pool = wr_pool_new();
    wr_str_t    error;
    wr_regex_t *re = wr_regex_new(pool, WR_STR("^(?:(a)|(b))*$"), false, &error);
    wr_buf_t    b = wr_buf(pool);

    wr_buf_fill(&b, 'a', 20000);
    CHECK(wr_regex_test(re, wr_buf_text(&b)));
    wr_pool_free(pool);
}

int
main(void)
{
    texts();
    caching();
    cycles();
    definitions();
    patterns();
    deep();
    return check_status();
}
