/*
 * Between the files of the application layer.
 */
#ifndef WEIR_APP_APP_PRIV_H
#define WEIR_APP_APP_PRIV_H

#include <weir/app/app.h>
#include <weir/http/server.h>

enum {                      /* slots of the request's own names */
    SLOT_PARAMS, SLOT_QUERY, SLOT_FORM, SLOT_JSON, SLOT_FILES, SLOT_COOKIES,
    SLOT_HEADERS, SLOT_REQUEST, SLOT_VARS, SLOTS_OWN
};

/* A name of the whole conf. */
typedef struct name {
    wr_str_t     text;
    int          slot;
    bool         defined;   /* a step makes it, or it is the request's own */
    wr_app_get_t get;       /* of the request's own */
    wr_tok_t     used_at;   /* where it was used first */
} name_t;

/* Of a cycle. */
typedef struct app_main {
    wr_env_t  *env;
    wr_map_t   names;       /* text → name_t * */
    wr_array_t by_slot;     /* name_t * */
    wr_val_t  *blank;       /* by slot: not given; once the conf has been read */
    wr_array_t waits;       /* wr_app_wait_t */
    wr_array_t refs;        /* wr_app_ref_t */
    wr_array_t calls;       /* wr_app_call_t */
    void     (*more_refs)(wr_conf_t *cf);   /* NULL: nobody has more, or has added them */
    wr_array_t makers;      /* wr_app_maker_t */
    bool       printing;    /* what is being compiled is an inline template */
    wr_conf_t *cf;          /* while reading */
    const wr_tok_t *at;     /* what is being compiled */
    wr_array_t pending;     /* ahead.c */
    unsigned   n_ahead;
} app_main_t;

/* Of a scope. */
typedef struct app_conf {
    wr_array_t steps;       /* wr_stage_t: of this very scope */
    bool       body;        /* something here needs the request's body */
    bool       form;        /* … and it may be form or files */
    bool       view;
    bool       session;     /* something here uses the session */
    bool       json;        /* errors are JSON */
    bool       enters;      /* the next step may go on in a block */
    bool       status;      /* `status N;` is among the steps */
    int64_t    max_fields;  /* of a form */
    int64_t    max_depth;   /* of JSON */
    size_t     upload_buffer;
    int64_t    slow_threads, slow_queue;
} app_conf_t;

typedef struct app_file app_file_t;

/* A value that was made before the step that wants it. */
typedef struct app_made {
    wr_val_t value;
    bool     is;
} app_made_t;
/* A line that a message is about; line 0: none. */
typedef struct app_place {
    wr_str_t file;
    uint32_t line, column;
} app_place_t;

/* Of a request: r->app. */
typedef struct app {
    app_main_t      *main;
    wr_val_t        *slots;
    wr_bindings_t    bindings;
    wr_req_t        *r;
    unsigned         status;        /* of `status N;`; 0: none */
    bool             json_errors;
    bool             undone;        /* a transaction of it was rolled back */
    wr_str_t         type;          /* said by `header Content-Type` */
    wr_str_t         message;       /* of the error, for the client */
    wr_str_t         detail;        /* the same for the developer; with weir_dev only */
    app_place_t      place, inner;  /* of it: in the conf, and in a template */
    const wr_app_param_t *params;
    unsigned         nparams;
    unsigned         depth;         /* how many returns */
    uint64_t         times[WR_TIMES], until[WR_TIMES];
    app_made_t      *ahead;         /* by wr_app_expr_t.ahead; NULL: none yet */
    const char      *etag;          /* that the view was given; NULL: none */
    wr_str_t         body;          /* decoded; no pointer: nobody asked yet */
    wr_err_t         body_error;    /* kind: why it could not be */
    bool             form_parsed;
    wr_err_t         form_error;    /* kind: why it could not be; NULL: it was not tried */
    wr_val_t         form, files;
    /* From here on nothing is zeroed. */
    wr_eval_t        ev;
    const wr_stage_t *returns[32];  /* where blocks go back to */
} app_t;

/* names.c: for the compiler: the slot of a name, or -1. Of an expression, and of a
 * template file: there an unknown name is undefined, not an error. */
int  app_slot_of(void *data, wr_str_t text);
int  app_slot_of_template(void *data, wr_str_t text);
void app_note_ref(void *data, const wr_expr_ref_t *ref);
void app_note_call(void *data, const wr_expr_call_t *call);
void app_warn_of_unknown(wr_conf_t *cf, const app_main_t *m);

/* fail.c: see error_page.h */
bool app_error_is_plain(const wr_req_t *r);
bool app_error_body(wr_req_t *r, unsigned status, wr_str_t *body);

/* dev.c: whether this client is shown what went wrong, and the page. */
bool     app_dev_shows(const wr_req_t *r);
wr_str_t app_dev_page(wr_req_t *r, unsigned status);

app_t      *app_of(wr_req_t *r);
app_main_t *app_main_of(wr_conf_t *cf);
app_conf_t *app_conf_own(wr_conf_t *cf, wr_scope_t *scope);

/* steps.c: as wr_app_want_body; `form`: it may be read as a form */
void app_want_body(wr_conf_t *cf, bool form);
/* steps.c: a stage of the block that is being read */
void app_push_stage(wr_conf_t *cf, const wr_middleware_t *mw, const void *conf);

/* etag.c: of an answer about to leave */
void app_set_etag(wr_req_t *r, unsigned status, wr_str_t body);

/* ahead.c: the number under which it will be found made; never 0. */
unsigned app_ahead_expr(wr_conf_t *cf, const wr_app_expr_t *e);
unsigned app_ahead_text(wr_conf_t *cf, const wr_app_text_t *t);
bool     app_was_ahead(wr_req_t *r, unsigned number, wr_val_t *out);
/* later.c: as wr_app_eval_start, for a text */
wr_app_job_t *app_render_start(wr_req_t *r, const wr_app_text_t *t);

/* A mapping of pairs in order, several for one name: query, form, headers … */
typedef struct multi {
    wr_obj_t    obj;
    wr_array_t  pairs;      /* wr_app_param_t */
    wr_str_t    raw;        /* of a query: the pairs, as they came and not read yet */
    bool        icase;
    bool        dashes;     /* a name with _ finds one with - */
    uint32_t   *order;      /* of the pairs with a new name; NULL: nobody asked yet */
    uint32_t    names;      /* how many */
} multi_t;
typedef enum multi_kind {
    MULTI_OTHER, MULTI_PARAMS, MULTI_QUERY, MULTI_FORM, MULTI_FILES, MULTI_COOKIES,
    MULTI_HEADERS
} multi_kind_t;
multi_t *multi_new(wr_pool_t *pool, multi_kind_t kind, bool icase);
void     multi_add(multi_t *m, wr_str_t name, wr_val_t value);

/* Bytes from outside as a str: invalid UTF-8 becomes U+FFFD. */
wr_val_t app_str(wr_pool_t *pool, wr_str_t bytes);

bool app_get_request(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_json(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_form(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_files(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_params(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_query(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_cookies(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_headers(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);
bool app_get_vars(wr_req_t *r, wr_eval_t *ev, wr_val_t *out);

/* "a=1&b=2" in a charset ("": UTF-8) into pairs. False: more than max. */
bool app_parse_pairs(wr_pool_t *pool, wr_str_t text, wr_str_t charset, multi_t *to,
                     int64_t max);
/* decode.c: the whole body, without its Content-Encoding. False after a raise. */
bool app_body_text(wr_req_t *r, wr_eval_t *ev, wr_str_t *text);
bool app_body_is_encoded(wr_req_t *r);
/* forms.c: into app_t.form and files, once. False after a raise. */
bool app_read_form(wr_req_t *r, wr_eval_t *ev);
/* form_job.c: from a step: a long form with files is read on a thread, if its scope
 * uses forms; so is an encoded body. WR_OK: go on; WR_AGAIN: waits, then goes on. */
wr_rc_t app_read_body_ahead(wr_req_t *r, bool form);
/* uploads.c: a part of a form that is a file, as a value. False after a raise. */
typedef struct app_upload {
    wr_val_t name;
    wr_str_t filename, type, body;
} app_upload_t;
bool app_upload(wr_req_t *r, wr_eval_t *ev, const app_upload_t *from, wr_val_t *out);
/* charset.c */
bool app_is_utf8(wr_str_t charset);
/* multipart.c: False after a raise. */
bool app_parse_multipart(wr_req_t *r, wr_eval_t *ev, wr_str_t type, multi_t *fields,
                         multi_t *files, int64_t max);

extern const wr_fn_row_t app_functions[];
/* ---- passwords.c ---- */

bool app_hash_password(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);
bool app_verify_password(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);

/* The request's evaluation begins anew: steps, depth, no error. */
void app_renew(app_t *a);
void app_stop_threads(wr_worker_t *w);                  /* later.c */
extern const wr_var_row_t app_variables[];

#endif
