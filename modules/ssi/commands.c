/*
 * What the commands do.
 */
#include "ssi.h"

void
ssi_error(ssi_t *s)
{
    if (!s->conf->silent) {
        ssi_put(s, s->shared->errmsg);
    }
}

/* NULL: it was not given. */
static const wr_str_t *
param(const ssi_parser_t *c, const char *name)
{
    for (WR_EACH(ssi_param_t, p, &c->params)) {
        if (wr_str_eqz(wr_buf_text(&p->key), name)) {
            p->text = wr_buf_text(&p->value);
            return &p->text;
        }
    }
    return NULL;
}

/* ---- echo, set, config ---- */

static bool
echo(ssi_t *s, const ssi_parser_t *c)
{
    const wr_str_t *value = ssi_variable(s, *param(c, "var"));
    const wr_str_t *fallback = param(c, "default"), *encoding = param(c, "encoding");
    wr_str_t        text;

    text = value != NULL ? *value : fallback != NULL ? *fallback : WR_STR("(none)");
    if (encoding != NULL && wr_str_eqz(*encoding, "url")) {
        text = wr_uri_escape(wr_pool(s->r), text, WR_ESC_HTML);
    } else if (encoding == NULL || !wr_str_eqz(*encoding, "none")) {
        if (encoding != NULL && !wr_str_eqz(*encoding, "entity")) {
            wr_log(&s->r->log, WR_LOG_ERR, 0,
                   "unknown encoding \"%.*s\" in the \"echo\" command",
                   WR_ARG(*encoding));
        }
        text = wr_html_escape(wr_pool(s->r), text);
    }
    ssi_put(s, text);
    return true;
}

static bool
set(ssi_t *s, const ssi_parser_t *c)
{
    wr_str_t value;

    if (!ssi_text(s, *param(c, "value"), &value)) {
        return false;
    }
    ssi_set_variable(s, wr_pool_str(wr_pool(s->r), *param(c, "var")),
                     wr_pool_str(wr_pool(s->r), value));
    return true;
}

static bool
config(ssi_t *s, const ssi_parser_t *c)
{
    const wr_str_t *timefmt = param(c, "timefmt"), *errmsg = param(c, "errmsg");

    if (timefmt != NULL) {
        s->shared->timefmt = wr_pool_str(wr_pool(s->r), *timefmt);
    }
    if (errmsg != NULL) {
        s->shared->errmsg = wr_pool_str(wr_pool(s->r), *errmsg);
    }
    return true;
}

/* ---- if ---- */

static bool
if_command(ssi_t *s, const ssi_parser_t *c)
{
    bool result;

    if (c->name.n == 2 && s->cond != COND_NONE) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "the \"if\" command inside the \"if\" "
                                          "command");
        return false;
    }
    if (s->chosen) {
        s->output = false;
        return true;
    }
    if (!ssi_condition(s, *param(c, "expr"), &result)) {
        return false;
    }
    s->output = s->chosen = result;
    s->cond = COND_IF;
    return true;
}

static bool
else_command(ssi_t *s, const ssi_parser_t *c)
{
    (void) c;
    s->output = !s->chosen;
    s->chosen = true;
    s->cond = COND_ELSE;
    return true;
}

static bool
endif_command(ssi_t *s, const ssi_parser_t *c)
{
    (void) c;
    s->output = true;
    s->chosen = false;
    s->cond = COND_NONE;
    return true;
}

/* ---- block ---- */

static bool
block(ssi_t *s, const ssi_parser_t *c)
{
    s->block_name = wr_pool_str(wr_pool(s->r), *param(c, "name"));
    s->block = wr_buf(wr_pool(s->r));
    s->in_block = true;
    s->output = false;
    return true;
}

static bool
endblock(ssi_t *s, const ssi_parser_t *c)
{
    (void) c;
    if (s->in_block) {
        *WR_PUSH(&s->shared->blocks, ssi_named_t) =
            (ssi_named_t) {s->block_name, wr_buf_text(&s->block)};
    }
    s->in_block = false;
    s->output = true;
    return true;
}

/* ---- include ---- */

/* The URI: relative ones begin where this request's folder does. */
static bool
include_uri(ssi_t *s, const ssi_parser_t *c, wr_str_t *uri, wr_str_t *args)
{
    const wr_str_t *given = param(c, "virtual"), *file = param(c, "file");
    wr_req_t       *r = s->r;
    ssize_t         slash, mark;

    if (given != NULL && file != NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "inclusion may be either virtual=\"%.*s\" or file=\"%.*s\"",
               WR_ARG(*given), WR_ARG(*file));
        return false;
    }
    if (given == NULL && file == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "no parameter in \"include\" SSI command");
        return false;
    }
    if (!ssi_text(s, given != NULL ? *given : *file, uri)) {
        return false;
    }
    if (uri->n == 0 || uri->p[0] != '/') {
        slash = wr_str_rchr(r->uri, '/');
        *uri = wr_pool_join(wr_pool(r), wr_str_sub(r->uri, 0, (size_t) (slash + 1)),
                            *uri);
    }
    mark = wr_str_chr(*uri, '?');
    if (mark >= 0) {
        *args = wr_str_skip(*uri, (size_t) mark + 1);
        uri->n = (size_t) mark;
    }
    *uri = wr_uri_unescape(wr_pool(r), *uri, false);
    return wr_uri_split(r, uri, mark >= 0 ? &(wr_str_t) {0} : args);
}

static bool
stub_text(ssi_t *s, const wr_str_t *name, wr_str_t *text)
{
    for (WR_EACH(ssi_named_t, b, &s->shared->blocks)) {
        if (wr_str_eq(b->name, *name)) {
            *text = b->text;
            return true;
        }
    }
    wr_log(&s->r->log, WR_LOG_ERR, 0, "\"stub\"=\"%.*s\" for \"include\" not found",
           WR_ARG(*name));
    return false;
}

static bool
include(ssi_t *s, const ssi_parser_t *c)
{
    const wr_str_t *wait = param(c, "wait"), *set_name = param(c, "set");
    const wr_str_t *stub_name = param(c, "stub");
    wr_str_t        uri, args = WR_STR_NONE, stub = WR_STR_NONE;
    ssi_item_t     *item;
    wr_req_t       *sub;

    if (set_name != NULL && stub_name != NULL) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "\"set\" and \"stub\" cannot be used together "
                                          "in \"include\" SSI command");
        return false;
    }
    if (wait != NULL && !wr_str_ieqz(*wait, "yes") && !wr_str_ieqz(*wait, "no")) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "invalid value \"%.*s\" in the \"wait\" "
                                          "parameter", WR_ARG(*wait));
        return false;
    }
    if (!include_uri(s, c, &uri, &args)
        || (stub_name != NULL && !stub_text(s, stub_name, &stub)))
    {
        return false;
    }
    sub = wr_subrequest(s->r, uri, args, WR_SUB_MEMORY);
    if (sub == NULL) {
        return false;
    }
    item = ssi_push(s);
    item->sub = sub;
    item->stub = stub;
    if (set_name != NULL) {
        item->set = wr_pool_str(wr_pool(s->r), *set_name);
        ssi_set_variable(s, item->set, WR_STR(""));
    }
    if (set_name != NULL || (wait != NULL && wr_str_ieqz(*wait, "yes"))) {
        s->waiting = item;
    }
    if (s->into == NULL) {      /* else that item holds it */
        wr_req_hold(s->r);
    }
    sub->sub_op.done = ssi_sub_done;
    sub->sub_op.waiter = item;
    return true;
}

/* ---- which is which ---- */

typedef struct row {
    const char *name;
    bool      (*run)(ssi_t *s, const ssi_parser_t *c);
    const char *params[6];      /* those it must have first … */
    unsigned    needed;         /* … so many */
    uint8_t     cond;           /* where it may stand; COND_NONE: anywhere */
    bool        is_block;
} row_t;

static const row_t rows[] = {
    {"include", include, {"virtual", "file", "wait", "set", "stub"}, 0, 0, false},
    {"echo", echo, {"var", "default", "encoding"}, 1, 0, false},
    {"config", config, {"errmsg", "timefmt"}, 0, 0, false},
    {"set", set, {"var", "value"}, 2, 0, false},
    {"if", if_command, {"expr"}, 1, 0, false},
    {"elif", if_command, {"expr"}, 1, COND_IF, false},
    {"else", else_command, {NULL}, 0, COND_IF, false},
    {"endif", endif_command, {NULL}, 0, COND_ELSE, false},
    {"block", block, {"name"}, 1, 0, false},
    {"endblock", endblock, {NULL}, 0, 0, true},
};

static bool
check_params(ssi_t *s, const row_t *row, const ssi_parser_t *c)
{
    for (WR_EACH(ssi_param_t, p, &c->params)) {
        unsigned k = 0;

        while (k < WR_COUNT(row->params) && row->params[k] != NULL
               && !wr_str_eqz(wr_buf_text(&p->key), row->params[k]))
        {
            k++;
        }
        if (k == WR_COUNT(row->params) || row->params[k] == NULL) {
            wr_log(&s->r->log, WR_LOG_ERR, 0,
                   "invalid parameter name: \"%.*s\" in \"%s\" SSI command",
                   WR_ARG(wr_buf_text(&p->key)), row->name);
            return false;
        }
    }
    for (unsigned i = 0; i < row->needed; i++) {
        if (param(c, row->params[i]) == NULL) {
            wr_log(&s->r->log, WR_LOG_ERR, 0,
                   "mandatory \"%s\" parameter is absent in \"%s\" SSI command",
                   row->params[i], row->name);
            return false;
        }
    }
    return true;
}

static const row_t *
find_row(wr_str_t name)
{
    for (unsigned i = 0; i < WR_COUNT(rows); i++) {
        if (wr_str_eqz(name, rows[i].name)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Within a block commands are kept as text, for the time when the block is used. */
static void
keep_in_block(ssi_t *s)
{
    const ssi_parser_t *c = &s->parser;

    wr_buf_lit(&s->block, "<!--#");
    wr_buf_str(&s->block, wr_buf_text(&c->name));
    for (WR_EACH(ssi_param_t, p, &c->params)) {
        wr_buf_printf(&s->block, " %.*s=\"%.*s\"", WR_ARG(wr_buf_text(&p->key)),
                      WR_ARG(wr_buf_text(&p->value)));
    }
    wr_buf_lit(&s->block, " -->");
}

static bool
run(ssi_t *s, const row_t *row)
{
    const ssi_parser_t *c = &s->parser;

    if (row->cond != COND_NONE && (s->cond == COND_NONE || s->cond > row->cond)) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "invalid context of SSI command: \"%s\"",
               row->name);
        return false;
    }
    return check_params(s, row, c) && row->run(s, c);
}

void
ssi_command(ssi_t *s)
{
    const row_t *row = find_row(wr_buf_text(&s->parser.name));

    if (!s->output && s->in_block && (row == NULL || !row->is_block)) {
        keep_in_block(s);
        return;
    }
    if (!s->output && (row == NULL || (!row->is_block && row->cond == COND_NONE))) {
        return;
    }
    if (row == NULL) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "invalid SSI command: \"%.*s\"",
               WR_ARG(wr_buf_text(&s->parser.name)));
    }
    if (row == NULL || !run(s, row)) {
        ssi_error(s);
    }
}
