/*
 * Running a script.
 */
#include <errno.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>
#include "script.h"

/* WR_DECLINED inside this file: the script has ended, the request goes on. */

static bool
logs(wr_req_t *r)
{
    return ((const rewrite_conf_t *) wr_conf(r))->log;
}

/* ---- conditions ---- */

static wr_rc_t
test_regex(wr_req_t *r, const wr_regex_t *regex, wr_str_t subject)
{
    wr_rc_t rc = wr_regex_exec(r, regex, subject);

    if (logs(r) && rc >= 0) {
        wr_str_t pattern = wr_regex_pattern(regex);

        wr_log(&r->log, WR_LOG_NOTICE, 0, "\"%.*s\" %s \"%.*s\"", WR_ARG(pattern),
               rc == WR_OK ? "matches" : "does not match", WR_ARG(subject));
    }
    if (rc == WR_DECLINED) {
        r->subject.ncaptures = 0;
    }
    return rc;
}

static wr_rc_t
test_file(wr_req_t *r, const condition_t *c, bool *result)
{
    wr_opened_t opened;
    wr_str_t    path;

    *result = false;
    if (wr_cv_eval(r, &c->value, &path) != WR_OK) {
        return WR_ERROR;
    }
    if (memchr(path.p, '\0', path.n) != NULL) {
        return WR_OK;
    }
    path = wr_str(wr_pool_strz(wr_pool(r), path), path.n);
    if (wr_file_test(r, path, &opened) != WR_OK) {
        if (opened.err != ENOENT && opened.err != ENOTDIR
            && opened.err != ENAMETOOLONG)
        {
            wr_log(&r->log, WR_LOG_CRIT, opened.err, "%s \"%.*s\" failed",
                   opened.failed, WR_ARG(path));
        }
        return WR_OK;
    }
    switch (c->kind) {
    case TEST_FILE:
        *result = opened.is_file;
        break;
    case TEST_DIR:
        *result = opened.is_dir;
        break;
    case TEST_EXEC:
        *result = opened.is_exec;
        break;
    default:
        *result = true;
    }
    return WR_OK;
}

static wr_rc_t
test(wr_req_t *r, const condition_t *c, bool *result)
{
    const wr_str_t *found;
    wr_str_t        value = WR_STR(""), other;
    wr_rc_t         rc;

    if (c->kind >= TEST_FILE) {
        rc = test_file(r, c, result);
        *result ^= c->negated;
        return rc;
    }
    found = wr_var_get(r, c->var);
    if (found != NULL) {
        value = *found;
    }
    switch (c->kind) {
    case TEST_EQUAL:
        if (wr_cv_eval(r, &c->value, &other) != WR_OK) {
            return WR_ERROR;
        }
        *result = wr_str_eq(value, other);
        break;
    case TEST_REGEX:
        rc = test_regex(r, c->regex, value);
        if (rc < 0) {
            return rc;
        }
        *result = rc == WR_OK;
        break;
    default:
        *result = value.n != 0 && !wr_str_eqz(value, "0");
    }
    *result ^= c->negated;
    return WR_OK;
}

/* ---- rewrite ---- */

static wr_str_t
capture(const wr_req_t *r, unsigned n)
{
    const wr_subject_t *s = &r->subject;

    if (n >= s->ncaptures || s->captures[2 * n] < 0) {
        return WR_STR("");
    }
    return wr_str_sub(s->captured, (size_t) s->captures[2 * n],
                      (size_t) s->captures[2 * n + 1]);
}

/* As wr_cv_eval; in what will stand in a URI as it is, captures are escaped again
 * if the URI they were taken from had been unescaped. */
static wr_rc_t
put_text(wr_req_t *r, const wr_cv_t *cv, bool escape, wr_buf_t *to)
{
    if (wr_cv_is_const(cv)) {
        wr_buf_str(to, cv->text);
        return WR_OK;
    }
    escape = escape && (r->quoted_uri || r->plus_in_uri);
    for (uint32_t i = 0; i < cv->nparts; i++) {
        const wr_cv_part_t *part = &cv->parts[i];

        if (part->var >= 0) {
            const wr_str_t *value = wr_var_get(r, (unsigned) part->var);

            if (value != NULL) {
                wr_buf_str(to, *value);
            }
        } else if (part->capture >= 0) {
            wr_str_t value = capture(r, (unsigned) part->capture);

            wr_buf_str(to, escape ? wr_uri_escape(wr_pool(r), value, WR_ESC_ARGS)
                                  : value);
        } else {
            wr_buf_str(to, part->text);
        }
    }
    return WR_OK;
}

/* Printable characters that were escaped without need are written as they are,
 * up to the first question mark. */
static wr_str_t
unescape_redirect(wr_req_t *r, wr_str_t s)
{
    char  *out = wr_alloc_bytes(wr_pool(r), s.n + 1);
    size_t n = 0, i = 0;

    while (i < s.n) {
        int high, low, c;

        if (s.p[i] == '?') {
            break;
        }
        if (s.p[i] != '%') {
            out[n++] = s.p[i++];
            continue;
        }
        if (i + 1 >= s.n) {
            out[n++] = s.p[i++];
            continue;
        }
        high = wr_hex_digit(s.p[i + 1]);
        if (high < 0) {
            i++;                        /* not an escape: the % goes */
            out[n++] = s.p[i++];
            continue;
        }
        low = i + 2 < s.n ? wr_hex_digit(s.p[i + 2]) : -1;
        if (low < 0) {
            i += i + 2 < s.n ? 3 : 2;   /* broken: all of it goes */
            continue;
        }
        c = high << 4 | low;
        if (c == '?') {
            out[n++] = '?';
            i += 3;
            break;
        }
        if (c > '%' && c < 0x7f) {
            out[n++] = (char) c;
        } else {
            memcpy(out + n, s.p + i, 3);
            n += 3;
        }
        i += 3;
    }
    memcpy(out + n, s.p + i, s.n - i);
    return wr_str(out, n + s.n - i);
}

static wr_rc_t
redirect(wr_req_t *r, const rewrite_t *rw)
{
    wr_buf_t b = wr_buf(wr_pool(r));
    wr_str_t location;

    if (put_text(r, &rw->path, true, &b) != WR_OK) {
        return wr_fail(r, 500);
    }
    location = unescape_redirect(r, wr_buf_text(&b));
    if (rw->add_args && r->args.n != 0) {
        location = wr_pool_join3(wr_pool(r), location,
                                 rw->has_args ? WR_STR("&") : WR_STR("?"), r->args);
    }
    if (logs(r)) {
        wr_log(&r->log, WR_LOG_NOTICE, 0, "rewritten redirect: \"%.*s\"",
               WR_ARG(location));
    }
    return wr_reply_redirect(r, rw->redirect, location);
}

static wr_rc_t
rewrite(wr_req_t *r, const rewrite_t *rw)
{
    wr_buf_t path = wr_buf(wr_pool(r)), args = wr_buf(wr_pool(r));
    wr_rc_t  rc = test_regex(r, rw->regex, r->uri);

    if (rc != WR_OK) {
        return rc == WR_DECLINED ? WR_OK : wr_fail(r, 500);
    }
    if (rw->redirect != 0) {
        return redirect(r, rw);
    }
    r->internal = 1;
    r->valid_uri = 0;
    r->uri_changed = !rw->stay;
    r->left_location |= rw->stay;
    if (put_text(r, &rw->path, false, &path) != WR_OK
        || (rw->has_args && put_text(r, &rw->args, true, &args) != WR_OK))
    {
        return wr_fail(r, 500);
    }
    if (rw->has_args) {
        if (rw->add_args && r->args.n != 0) {
            wr_buf_char(&args, '&');
            wr_buf_str(&args, r->args);
        }
        r->args = wr_buf_text(&args);
    } else if (!rw->add_args) {
        r->args.n = 0;
    }
    if (logs(r)) {
        wr_log(&r->log, WR_LOG_NOTICE, 0,
               "rewritten data: \"%.*s\", args: \"%.*s\"", (int) path.n, path.p,
               WR_ARG(r->args));
    }
    if (path.n == 0) {
        wr_log(&r->log, WR_LOG_ERR, 0, "the rewritten URI has a zero length");
        return wr_fail(r, 500);
    }
    r->uri = wr_buf_text(&path);
    wr_set_exten(r);
    return rw->last ? WR_DECLINED : WR_OK;
}

/* ---- return ---- */

static bool
is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307
           || status == 308;
}

static wr_rc_t
answer(wr_req_t *r, unsigned status, const wr_cv_t *text)
{
    wr_str_t body;

    if (status >= 400 && !text->given) {
        return wr_fail(r, status);
    }
    r->status = (uint16_t) status;      /* the text may speak of it */
    if (wr_cv_eval(r, text, &body) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (is_redirect(status)) {
        return wr_reply_redirect(r, status, body);
    }
    wr_body_discard(r);
    return wr_reply(r, status, WR_STR_NONE, body);
}

/* ---- the script ---- */

static wr_rc_t run(wr_req_t *r, const wr_array_t *ops);

static wr_rc_t
branch(wr_req_t *r, const op_t *op)
{
    bool yes;

    if (test(r, &op->u.branch.cond, &yes) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (!yes) {
        return WR_OK;
    }
    if (!op->u.branch.in_server) {
        wr_req_enter(r, op->u.branch.location);
    }
    return op->u.branch.ops != NULL ? run(r, op->u.branch.ops) : WR_OK;
}

static wr_rc_t
run_op(wr_req_t *r, const op_t *op)
{
    wr_str_t value;

    switch (op->kind) {
    case OP_SET:
        if (wr_cv_eval(r, &op->u.set.value, &value) != WR_OK) {
            return wr_fail(r, 500);
        }
        wr_var_set(r, op->u.set.var, value);
        return WR_OK;
    case OP_RETURN:
        return answer(r, op->u.ret.status, &op->u.ret.text);
    case OP_REWRITE:
        return rewrite(r, &op->u.rewrite);
    case OP_IF:
        return branch(r, op);
    case OP_BREAK:
        r->uri_changed = 0;
        return WR_DECLINED;
    }
    return WR_OK;
}

static wr_rc_t
run(wr_req_t *r, const wr_array_t *ops)
{
    for (WR_EACH(const op_t, op, ops)) {
        wr_rc_t rc = run_op(r, op);

        if (rc != WR_OK) {
            return rc;
        }
    }
    return WR_OK;
}

wr_rc_t
script_run(wr_req_t *r, const wr_array_t *ops)
{
    wr_rc_t rc = run(r, ops);

    return rc == WR_DECLINED ? WR_OK : rc;
}
