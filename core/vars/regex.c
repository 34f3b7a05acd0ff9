/*
 * Regular expressions by PCRE2. Patterns are compiled to machine code where that
 * is possible; each thread has one match data, one machine stack and one set of
 * limits, which it uses for all patterns. A pattern that needs more stack than
 * there is runs again on the interpreter; one that passes the match limit counts
 * as no match, and is logged.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <weir/vars/regex.h>
#include <weir/vars/vars_priv.h>

#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    MATCH_LIMIT = 100000,
    HEAP_LIMIT_KB = 16 << 10,
    STACK_MIN = 32 << 10,
    STACK_MAX = 1 << 20,
    PAIRS = 32
};

typedef struct named {
    unsigned group;
    unsigned var;
} named_t;

struct wr_regex {
    pcre2_code *code;
    wr_str_t    pattern;
    unsigned    groups;         /* without the whole match */
    unsigned    nnamed;
    named_t    *named;          /* those that became variables */
};

/* ---- what a thread has ---- */

typedef struct scratch {
    pcre2_match_context *context;
    pcre2_jit_stack     *stack;
    pcre2_match_data    *data;
    unsigned             pairs;
} scratch_t;

static __thread scratch_t *scratch;
static pthread_key_t       key;
static pthread_once_t      once = PTHREAD_ONCE_INIT;

static void
free_scratch(void *p)
{
    scratch_t *s = p;

    pcre2_match_data_free(s->data);
    pcre2_jit_stack_free(s->stack);
    pcre2_match_context_free(s->context);
    free(s);
    scratch = NULL;
}

static void
make_key(void)
{
    int rc = pthread_key_create(&key, free_scratch);

    WR_ASSERT(rc == 0);
}

static scratch_t *
new_scratch(void)
{
    scratch_t *s = calloc(1, sizeof(*s));

    WR_ASSERT(s != NULL);
    (void) pthread_once(&once, make_key);
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    WR_ASSERT(s->context != NULL);
    pcre2_set_match_limit(s->context, MATCH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
    if (s->stack != NULL) {
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    }
    (void) pthread_setspecific(key, s);
    scratch = s;
    return s;
}

static scratch_t *
scratch_for(unsigned pairs)
{
    scratch_t *s = scratch != NULL ? scratch : new_scratch();

    if (wr_unlikely(s->pairs < pairs)) {
        pcre2_match_data_free(s->data);
        s->pairs = pairs < PAIRS ? PAIRS : pairs;
        s->data = pcre2_match_data_create(s->pairs, NULL);
        WR_ASSERT(s->data != NULL);
    }
    return s;
}

/* ---- compiling ---- */

static void
free_code(void *code)
{
    pcre2_code_free(code);
}

typedef struct problem {
    int    code;
    size_t offset;
    char   text[128];
} problem_t;

static wr_regex_t *
compile(wr_pool_t *pool, wr_str_t pattern, bool icase, problem_t *problem)
{
    wr_regex_t *re;
    pcre2_code *code;
    uint32_t    groups;

    code = pcre2_compile((PCRE2_SPTR) pattern.p, pattern.n,
                         icase ? PCRE2_CASELESS : 0, &problem->code,
                         &problem->offset, NULL);
    if (code == NULL) {
        if (pcre2_get_error_message(problem->code, (PCRE2_UCHAR *) problem->text,
                                    sizeof(problem->text))
            < 0)
        {
            problem->text[0] = '\0';
        }
        return NULL;
    }
    /* Where there is no JIT, the interpreter does it. */
    (void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    (void) pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);

    re = WR_NEW(pool, wr_regex_t);
    re->code = code;
    re->pattern = wr_pool_str(pool, pattern);
    re->groups = groups;
    wr_pool_on_free(pool, free_code, code);
    return re;
}

static wr_str_t
problem_text(wr_pool_t *pool, const problem_t *problem, wr_str_t pattern)
{
    wr_str_t rest = wr_str_skip(pattern, problem->offset);

    return rest.n == 0
           ? wr_pool_printf(pool, "pcre2_compile() failed: %s in \"%.*s\"",
                            problem->text, WR_ARG(pattern))
           : wr_pool_printf(pool, "pcre2_compile() failed: %s in \"%.*s\" at \"%.*s\"",
                            problem->text, WR_ARG(pattern), WR_ARG(rest));
}

wr_regex_t *
wr_regex_new(wr_pool_t *pool, wr_str_t pattern, bool icase, wr_str_t *error)
{
    problem_t   problem;
    wr_regex_t *re = compile(pool, pattern, icase, &problem);

    if (re == NULL) {
        *error = problem_text(pool, &problem, pattern);
    }
    return re;
}

unsigned
wr_regex_name(const wr_regex_t *re, unsigned i, wr_str_t *name)
{
    uint32_t   n, size;
    PCRE2_SPTR row;

    (void) pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &n);
    (void) pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void) pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &row);
    if (i >= n) {
        return 0;
    }
    row += (size_t) i * size;
    *name = wr_str_z((const char *) row + 2);
    return (unsigned) row[0] << 8 | row[1];
}

/* Named groups become variables. */
static wr_rc_t
define_names(wr_conf_t *cf, wr_regex_t *re)
{
    wr_str_t name;
    unsigned n = 0, group;

    while (wr_regex_name(re, n, &name) != 0) {
        n++;
    }
    if (n == 0) {
        return WR_OK;
    }
    re->named = WR_NEW_N(cf->pool, named_t, n);
    for (unsigned i = 0; (group = wr_regex_name(re, i, &name)) != 0; i++) {
        int var;

        if (wr_var_define(cf, name, WR_VAR_CHANGE) == NULL) {
            return WR_ERROR;
        }
        var = wr_var_use(cf, name);
        if (var < 0) {
            return WR_ERROR;
        }
        re->named[re->nnamed].group = group;
        re->named[re->nnamed++].var = (unsigned) var;
    }
    return WR_OK;
}

wr_regex_t *
wr_regex_compile(wr_conf_t *cf, const wr_tok_t *pattern, bool icase, bool define)
{
    problem_t   problem;
    wr_regex_t *re = compile(cf->pool, pattern->text, icase, &problem);
    wr_str_t    text;

    if (re == NULL) {
        text = problem_text(cf->pool, &problem, pattern->text);
        wr_conf_fail_at(cf, pattern, problem.offset + pattern->quoted, "%.*s",
                        WR_ARG(text));
        return NULL;
    }
    return define && define_names(cf, re) != WR_OK ? NULL : re;
}

/* ---- matching ---- */

/* As pcre2_match: the number of pairs, or a negative code. */
static int
match(const wr_regex_t *re, wr_str_t subject, scratch_t **used)
{
    scratch_t *s = scratch_for(re->groups + 1);
    PCRE2_SPTR text = (PCRE2_SPTR) (subject.p != NULL ? subject.p : "");
    int        rc;

    *used = s;
    rc = pcre2_match(re->code, text, subject.n, 0, 0, s->data, s->context);
    if (wr_unlikely(rc == PCRE2_ERROR_JIT_STACKLIMIT)) {
        rc = pcre2_match(re->code, text, subject.n, 0, PCRE2_NO_JIT, s->data,
                         s->context);
    }
    return rc;
}

static WR_COLD void
log_failure(const wr_log_t *log, const wr_regex_t *re, wr_str_t subject, int rc)
{
    char text[128];

    if (pcre2_get_error_message(rc, (PCRE2_UCHAR *) text, sizeof(text)) < 0) {
        text[0] = '\0';
    }
    wr_log(log, WR_LOG_ERR, 0, "regex: %s (%d) on \"%.*s\" using \"%.*s\"", text, rc,
           (int) wr_min_size(subject.n, 512), subject.p != NULL ? subject.p : "",
           WR_ARG(re->pattern));
}

static void
keep_captures(wr_subject_t *s, wr_str_t subject, const PCRE2_SIZE *pairs, unsigned n)
{
    if (s->capture_room < n) {
        s->captures = wr_alloc(s->pool, n * 2 * sizeof(int));
        s->capture_room = n;
    }
    for (unsigned i = 0; i < n * 2; i++) {
        s->captures[i] = pairs[i] == PCRE2_UNSET ? -1 : (int) pairs[i];
    }
    s->ncaptures = n;
    s->captured = subject;
}

wr_rc_t
wr_regex_exec(wr_req_t *r, const wr_regex_t *re, wr_str_t subject)
{
    wr_subject_t     *s = (wr_subject_t *) (void *) r;
    scratch_t        *used;
    const PCRE2_SIZE *pairs;
    int               rc = subject.n <= INT32_MAX ? match(re, subject, &used)
                                                  : PCRE2_ERROR_MATCHLIMIT;

    if (rc == PCRE2_ERROR_NOMATCH) {
        return WR_DECLINED;
    }
    if (wr_unlikely(rc < 0)) {
        log_failure(s->log != NULL ? s->log : &wr_log_main, re, subject, rc);
        return rc == PCRE2_ERROR_NOMEMORY ? WR_ERROR : WR_DECLINED;
    }
    pairs = pcre2_get_ovector_pointer(used->data);
    keep_captures(s, subject, pairs, (unsigned) rc);
    for (unsigned i = 0; i < re->nnamed; i++) {
        unsigned   g = re->named[i].group;
        wr_slot_t *slot = &s->slots[re->named[i].var];

        slot->state = 1;
        slot->value = g < (unsigned) rc && pairs[2 * g] != PCRE2_UNSET
                      ? wr_str_sub(subject, pairs[2 * g], pairs[2 * g + 1])
                      : WR_STR("");
    }
    return WR_OK;
}

bool
wr_regex_test(const wr_regex_t *re, wr_str_t subject)
{
    scratch_t *used;
    int        rc = match(re, subject, &used);

    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        log_failure(&wr_log_main, re, subject, rc);
    }
    return rc >= 0;
}

int
wr_regex_match(const wr_regex_t *re, wr_str_t subject, int *ovector, int n)
{
    scratch_t        *used;
    const PCRE2_SIZE *pairs;
    int               rc = match(re, subject, &used);

    if (rc < 0) {
        if (rc != PCRE2_ERROR_NOMATCH) {
            log_failure(&wr_log_main, re, subject, rc);
        }
        return 0;
    }
    if (rc > n) {
        rc = n;
    }
    pairs = pcre2_get_ovector_pointer(used->data);
    for (int i = 0; i < rc * 2; i++) {
        ovector[i] = pairs[i] == PCRE2_UNSET ? -1 : (int) pairs[i];
    }
    return rc;
}

unsigned
wr_regex_groups(const wr_regex_t *re)
{
    return re->groups;
}

wr_str_t
wr_regex_pattern(const wr_regex_t *re)
{
    return re->pattern;
}
