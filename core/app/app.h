/*
 * Applications in the conf: expressions over a request, steps, views.
 *
 * The directives of the application modules are *steps*. A step is a stage of the
 * location's pipeline, at rank STEPS, so it may wait like any other; the steps of
 * `server` and `routes` come before those of the route. A *view* is a step that
 * answers. Values that steps make have names; a name has a slot, the same in the
 * whole conf.
 *
 * Names of the request (params, query, form, json, files, cookies, headers,
 * request, session, vars) are made when they are first asked for. `json`, `form`,
 * `files` and request.body need the body: an expression that uses one makes its
 * location read the body before the first step.
 */
#ifndef WEIR_APP_APP_H
#define WEIR_APP_APP_H

#include <weir/event/threads.h>
#include <weir/expr/expr.h>
#include <weir/expr/template.h>
#include <weir/http/core_conf.h>

/* Where a value stems from: wr_obj_type.source, wr_undef.source, wr_err.source. */
enum {
    WR_FROM_CLIENT = 1,     /* answered 400 */
};

/* ---- conf time: expressions ---- */

/* An expression of the conf and where it stands, for messages. */
typedef struct wr_app_expr {
    const wr_expr_t *expr;
    wr_tok_t         at;
    bool             client;    /* uses names of the client's input only */
    bool             slow;      /* calls a slow function: off the loop */
    bool             lendable;  /* uses nothing of the worker's: any thread may evaluate
                                   it while the request is lent to it */
    unsigned         ahead;     /* it is evaluated before its step: ahead.c */
} wr_app_expr_t;

typedef struct wr_app_text {
    const wr_inline_t *text;
    wr_tok_t           at;
    bool               client;
    bool               slow;
    bool               lendable;
    bool               escaped; /* compiled by wr_app_html */
    unsigned           ahead;
} wr_app_text_t;

/* Compile; NULL after a conf error at the right column. `tok->text` must be the
 * text as it stands in the file (cf->raw or a part of it). A template that is
 * quoted as a whole loses its quotes. */
const wr_app_expr_t *wr_app_expr(wr_conf_t *cf, const wr_tok_t *tok);
const wr_app_text_t *wr_app_text(wr_conf_t *cf, const wr_tok_t *tok);
/* The same of a URL: a blank outside of expressions is an error. */
const wr_app_text_t *wr_app_url(wr_conf_t *cf, const wr_tok_t *tok);
/* The same for HTML: values are escaped. */
const wr_app_text_t *wr_app_html(wr_conf_t *cf, const wr_tok_t *tok);

/* What calls a slow function (a password's hash) is evaluated on a thread by a stage
 * before the step that is added next, and wr_app_eval finds the value made. A step
 * with a block of steps says so before it reads the block; one that evaluates on
 * threads itself takes its expression back. */
void wr_app_ahead(wr_conf_t *cf);
void wr_app_not_ahead(wr_conf_t *cf, const wr_app_expr_t *e);

/* What the conf's expressions ask of names, and the steps that make names: for modules
 * that know what is behind one. Complete when finish() is called. */
typedef struct wr_app_ref {
    const wr_scope_t *scope;
    wr_tok_t          at;       /* of the expression */
    wr_str_t          name;
    wr_str_t         *parts;    /* see expr.h */
    unsigned          n;
    bool              guarded;
    bool              printed;  /* an inline template: undefined prints as nothing */
    /* In a template file the places of the parts, line 0 where one has none, and its
     * text; others may come to the same place with other names. NULL: in the conf. */
    wr_tok_t         *places;
    wr_str_t          source;
} wr_app_ref_t;
typedef struct wr_app_maker {
    const wr_scope_t *scope;
    wr_str_t          name;
} wr_app_maker_t;
const wr_array_t *wr_app_refs(wr_conf_t *cf);
/* A call of a function with a constant text: who knows the function may know that it is
 * going to fail. `url_for` is one. */
typedef struct wr_app_call {
    wr_expr_call_t call;    /* the place in it is not used */
    wr_tok_t       at;      /* of the text, the first argument */
    wr_str_t       source;  /* of the template file it is in; no pointer: in the conf */
} wr_app_call_t;
const wr_array_t *wr_app_calls(wr_conf_t *cf);      /* wr_app_call_t */
wr_app_call_t    *wr_app_call_add(wr_conf_t *cf, const wr_expr_call_t *call);
/* Who knows of further ones, references or calls, adds them when they are first asked
 * for, in finish(). */
void wr_app_refs_from(wr_conf_t *cf, void (*add)(wr_conf_t *cf));
wr_app_ref_t *wr_app_ref_add(wr_conf_t *cf);
const wr_array_t *wr_app_makers(wr_conf_t *cf);

/* The slot of a name that a step makes: the name becomes known. -1 after a conf
 * error (a name of the request, or no identifier). */
int wr_app_name(wr_conf_t *cf, const wr_tok_t *name);

/* Takes the word (a NAME) and "=" off the front of raw text: "posts = SELECT".
 * False: the text does not start so; then nothing has been taken. */
bool wr_app_take_name(const wr_tok_t *raw, wr_tok_t *name, wr_tok_t *rest);

/* The environment of expressions, while the conf is read: for -t of templates. */
wr_env_t *wr_app_env(wr_conf_t *cf);

/* An environment for template files: the same functions and names, autoescape by
 * the file's ending. */
wr_env_t *wr_app_env_new(wr_conf_t *cf, const wr_loader_t *loader,
                         const wr_limits_t *limits);

/* Further names of the request: `get` makes the value (in ev->pool) once per
 * request. For `session`. WR_ERROR after a conf error. */
typedef bool (*wr_app_get_t)(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
int wr_app_host_name(wr_conf_t *cf, const char *name, wr_app_get_t get);

/* ---- conf time: steps ---- */

/* Adds a step to the block that is being read. The middleware's before() is the
 * step: WR_OK or WR_DECLINED go on, WR_DONE answers. `view`: it always answers. */
wr_rc_t wr_app_step(wr_conf_t *cf, const wr_middleware_t *step, const void *conf,
                    bool view);

/* The same for a step that never waits. `lendable`: it uses nothing but the request
 * and the conf, so that it may run on the thread that the request is lent to (a
 * database's, see frame.h). */
wr_rc_t wr_app_step_lendable(wr_conf_t *cf, const wr_middleware_t *step, const void *conf,
                             bool view, bool lendable);
/* Whether a task, or what may hold one, stands behind the running step; `next`:
 * behind what has run, from the next step on. */
bool wr_app_more_tasks(wr_req_t *r, bool next);

/* A *task* can also stand in a gather: it is started, and when its op is done,
 * ended. As a step of its own it is the same: start, wait, end. */
typedef struct wr_app_task {
    const char *name;
    size_t      state_size;
    /* Begins the op that it returns; NULL: nothing to wait for. May fail at once by
     * setting *rc (negative or WR_DONE after wr_app_fail). */
    wr_op_t  *(*start)(wr_req_t *r, const void *conf, void *state, wr_rc_t *rc);
    /* The op is done: stores results; WR_OK, or WR_DONE after wr_app_fail. */
    wr_rc_t   (*end)(wr_req_t *r, const void *conf, void *state);
    /* Whether it may run on the thread that the request is lent to: then start()
     * does all of it there. NULL: never. */
    bool      (*lendable)(wr_req_t *r, const void *conf);
    bool        network;        /* it waits for another host */
} wr_app_task_t;
wr_rc_t wr_app_task(wr_conf_t *cf, const wr_app_task_t *task, const void *conf);

/* The tasks of the conf that wait for the network, in the order of the conf. */
typedef struct wr_app_wait {
    const wr_scope_t *scope;
    wr_tok_t          at;
} wr_app_wait_t;
const wr_array_t *wr_app_waits(wr_conf_t *cf);

/* `gather { … }`: the set function of its row. */
wr_rc_t wr_app_set_gather(wr_conf_t *cf, const wr_directive_t *d, void *conf);
/* `timeout TIME;` in it: what has not ended by then is cancelled. */
wr_rc_t wr_app_set_gather_timeout(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* Reads the block of the current directive as a list of steps of its own (`when`). */
typedef struct wr_app_block {
    const wr_stage_t *stages;
} wr_app_block_t;
wr_app_block_t *wr_app_block(wr_conf_t *cf);

/* From a step: `return wr_app_enter(r, block);` runs the block's steps, then what
 * stands behind the step. */
wr_rc_t wr_app_enter(wr_req_t *r, const wr_app_block_t *block);

/* The last step of the block that is being read, or NULL. */
const wr_stage_t *wr_app_last_step(wr_conf_t *cf);

/* This location, route or server reads the request's body before its first step:
 * said by the compiler, or by a directive itself. */
void wr_app_want_body(wr_conf_t *cf);

/* The location uses `session`: it is to be loaded before the first step. Said by the
 * compiler; asked by the session module's hook. */
void wr_app_want_session(wr_conf_t *cf);
bool wr_app_wants_session(const wr_scope_t *scope);
/* The view is json: errors of this scope are JSON. */
void wr_app_json_view(wr_conf_t *cf);
/* A step of this scope may say the status: it is the answer, with an empty body or as an
 * error page, where no view and no handler gives another. */
void wr_app_says_status(wr_conf_t *cf);

/* ---- request time ---- */

/* Evaluates in the request's pool. False: the request has failed: the caller
 * returns wr_app_failed(r). */
bool wr_app_eval(wr_req_t *r, const wr_app_expr_t *e, wr_val_t *out);
bool wr_app_eval_truth(wr_req_t *r, const wr_app_expr_t *e, bool *truth);
/* Appends the text; `escaped`: values are escaped for HTML. */
bool wr_app_render(wr_req_t *r, const wr_app_text_t *t, bool escaped, wr_buf_t *out);
wr_rc_t wr_app_failed(wr_req_t *r);
/* Where a step is to write a file: `to` rendered, below the prefix (or from the root if
 * it is `absolute`: the conf itself begins it with a slash); a NUL stands behind it.
 * False: failed with 400 (it has "..", or no name) or 403 (a database's file). */
bool wr_app_place(wr_req_t *r, const wr_app_text_t *to, bool absolute, wr_str_t *path);

/* Bytes from outside as a str: what is not UTF-8 becomes U+FFFD. */
wr_val_t wr_app_str(wr_pool_t *pool, wr_str_t bytes);
/* The charset of a Content-Type, or empty. */
wr_str_t wr_app_charset(wr_str_t content_type);
/* Bytes of a charset ("" is UTF-8) as a str; what is invalid becomes U+FFFD. False:
 * an unknown charset. */
bool wr_app_decode(wr_pool_t *pool, wr_str_t bytes, wr_str_t charset, wr_val_t *out);
/* A mapping that may have a name several times (`.getall(name)`), like query and
 * headers. Names are borrowed. */
wr_obj_t *wr_app_mapping(wr_pool_t *pool, bool icase);
void      wr_app_mapping_add(wr_obj_t *mapping, wr_str_t name, wr_val_t value);

/* The values of a request, for evaluating on another thread: bindings whose
 * host names have been made. Only while the request waits for that thread. */
const wr_bindings_t *wr_app_bindings(wr_req_t *r);
/* An evaluation set up with the conf's environment. */
void wr_app_eval_init(wr_req_t *r, wr_eval_t *ev, wr_pool_t *pool);
/* Makes the host names that an expression or text uses (cookies, json …) now, so
 * that a thread need not. False: failed, as wr_app_eval. */
bool wr_app_prepare(wr_req_t *r, const wr_expr_t *e);

/* The value of a step's name. */
void wr_app_set(wr_req_t *r, int slot, wr_val_t v);
bool wr_app_get(wr_req_t *r, int slot, wr_val_t *out);

/* An error of a step or view: `status`, and a message for the client (shown in a
 * JSON error; a page shows only the status) and, if it differs, one for the log
 * with the conf line. Use: `return wr_app_fail(r, at, 409, client, "…");` */
wr_rc_t wr_app_fail(wr_req_t *r, const wr_tok_t *at, unsigned status, wr_str_t message,
                    const char *log_format, ...) WR_PRINTF(5, 6);
/* Nothing went wrong: the conf says so (`require`). */
wr_rc_t wr_app_refuse(wr_req_t *r, const wr_tok_t *at, unsigned status, wr_str_t message);
/* Before one of these: the line of a template that it is about. */
void wr_app_error_at(wr_req_t *r, wr_str_t file, uint32_t line);
/* The same for an evaluation's error: 400 or 500 by its source. */
wr_rc_t wr_app_fail_eval(wr_req_t *r, const wr_tok_t *at, const wr_err_t *err, bool client);

/* Something has been added to the answer that nobody should keep: it loses the ETag that
 * its view got (not one that the conf says). */
void wr_app_no_etag(wr_req_t *r);

/* `status N;` and `header Content-Type …;` of this request. */
void wr_app_set_status(wr_req_t *r, unsigned status);
void wr_app_set_type(wr_req_t *r, wr_str_t type);

/* What the answer so far has been told by `status`, `header`, `cookie`; views call
 * it: WR_DONE. */
wr_rc_t wr_app_answer(wr_req_t *r, unsigned default_status, wr_str_t type,
                      wr_str_t charset, wr_str_t body);
/* The same for a body whose length is not known yet, which the view sends itself:
 * settle (wr_settle), then wr_send_head and pieces. It gets no ETag. */
void wr_app_answer_head(wr_req_t *r, unsigned default_status, wr_str_t type,
                        wr_str_t charset);
/* `status N;` of this request, or the default. */
unsigned wr_app_status(wr_req_t *r, unsigned default_status);

/* A transaction of this request, which has written, was rolled back: what stands around
 * it (the session) keeps nothing either. */
void wr_app_undo(wr_req_t *r);
bool wr_app_undone(const wr_req_t *r);

/* Time spent in steps, for $app_time_*: adds nanoseconds. */
typedef enum {
    WR_TIME_SQL, WR_TIME_TEMPLATE, WR_TIME_FETCH, WR_TIME_SESSION, WR_TIMES
} wr_app_time_t;
void wr_app_add_time(wr_req_t *r, wr_app_time_t which, uint64_t ns);
/* The same for a span of wr_clock_ns: what overlaps with an earlier one counts
 * once. */
void wr_app_spent(wr_req_t *r, wr_app_time_t which, uint64_t from, uint64_t until);

/* What the route captured: set by the route module, read by `params`. */
typedef struct wr_app_param {
    wr_str_t name;
    wr_val_t value;
} wr_app_param_t;
void wr_app_set_params(wr_req_t *r, const wr_app_param_t *params, unsigned n);
const wr_app_param_t *wr_app_params(wr_req_t *r, unsigned *n);
/* Whether errors of this request are answered as JSON whatever the client
 * prefers: said by the route whose view is json. */
void wr_app_json_errors(wr_req_t *r, bool json);

/* A slow expression: evaluated on a thread. As wr_app_eval, but to be waited for:
 * `return wr_app_eval_later(r, e, &job, next)`, then wr_app_eval_result. */
typedef struct wr_app_job wr_app_job_t;
wr_app_job_t *wr_app_eval_start(wr_req_t *r, const wr_app_expr_t *e);
/* The same threads for a job of one's own. NULL: failed (503). */
wr_op_t      *wr_app_off_loop(wr_req_t *r, const wr_tok_t *at, wr_job_t *job);
wr_op_t      *wr_app_eval_op(wr_app_job_t *job);
bool          wr_app_eval_result(wr_req_t *r, wr_app_job_t *job, wr_val_t *out);

/* `set session.KEY = …` and `unset`: the session module sets these. `expr` made the
 * value (NULL: unset): it may be evaluated again if the session was changed by
 * another request meanwhile. False: failed. */
bool wr_app_has_session(wr_conf_t *cf);     /* the module is loaded */
extern bool (*wr_app_session_set)(wr_req_t *r, wr_str_t key, const wr_val_t *v,
                                  const wr_app_expr_t *expr);

/* `url_for(name, …)`: the route module sets it. */
extern bool (*wr_app_url_for)(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);

extern wr_module_t wr_app_module;

#endif
