/*
 * Server side includes: bodies are looked through for commands on their way out.
 *
 * The output is a list of items in order. An included answer is an item that is
 * not there yet; what follows it waits in the list, while further commands are
 * carried out, unless one of them has to wait (wait="yes", set="…").
 */
#include <time.h>
#include "ssi.h"

enum { PIECE = 8 * 1024, OPENING = 5 };       /* "<!--#" */

static wr_rc_t go_on(ssi_t *s);
static wr_rc_t arrived(ssi_item_t *item);
static ssi_t  *ssi_new(wr_req_t *r, const ssi_conf_t *conf);

/* ---- output ---- */

void
ssi_put(ssi_t *s, wr_str_t text)
{
    wr_made_put(&s->out, text.p, text.n);
}

static ssi_item_t *
append(ssi_t *s)
{
    ssi_item_t *item = WR_NEW(wr_pool(s->r), ssi_item_t);

    item->ssi = s;
    *s->last = item;
    s->last = &item->next;
    return item;
}

/* What was put so far becomes an item. */
static void
close_item(ssi_t *s)
{
    wr_seg_t *segs = wr_made_take(&s->out);

    if (segs != NULL) {
        append(s)->segs = segs;
    }
}

ssi_item_t *
ssi_push(ssi_t *s)
{
    close_item(s);
    return append(s);
}

/* Text of the document itself. */
static void
put_plain(ssi_t *s, wr_str_t text)
{
    if (s->output) {
        ssi_put(s, text);
    } else if (s->in_block) {
        wr_buf_str(&s->block, text);
    }
}

/* Sends the items up to the first that is not there. */
static wr_rc_t
send_ready(ssi_t *s)
{
    wr_seg_t  *out = NULL;
    wr_seg_t **tail = &out;
    bool       all;

    close_item(s);
    while (s->first != NULL && s->first->sub == NULL) {
        *tail = s->first->segs;
        tail = wr_segs_tail(tail);
        s->first = s->first->next;
    }
    if (s->first == NULL) {
        s->last = &s->first;
    }
    all = s->first == NULL && s->end && s->waiting == NULL && s->kept == NULL;
    if (s->into != NULL) {
        *wr_segs_tail(&s->into->segs) = out;
        return all ? arrived(s->into) : WR_OK;
    }
    if (all && !s->ended) {
        s->ended = true;
        *tail = wr_seg_last(s->r);
    }
    return wr_filter_pass(s->r, s->self, out);
}

/* ---- included answers ---- */

static wr_rc_t
gather(void *state, const char *p, size_t n)
{
    wr_buf_add(state, p, n);
    return WR_OK;
}

static void
store(ssi_t *s, const ssi_item_t *item, const wr_seg_t *segs)
{
    wr_buf_t b = wr_buf(wr_pool(s->r));

    for (; segs != NULL; segs = segs->next) {
        if (wr_seg_bytes(s->r, segs, gather, &b) != WR_OK) {
            return;
        }
    }
    ssi_set_variable(s, item->set, wr_buf_text(&b));
}

/* An item is complete: what stood behind it can go on. */
static wr_rc_t
arrived(ssi_item_t *item)
{
    ssi_t  *s = item->ssi;
    wr_rc_t rc;

    item->sub = NULL;
    if (s->waiting == item) {
        s->waiting = NULL;
    }
    rc = go_on(s);
    if (s->into == NULL) {
        wr_req_let_go(s->r);
    }
    return rc;
}

/* The stub stands in for an answer that failed and is looked through as that would
 * have been, with the variables of that request; for an empty one it stands as it is. */
static wr_rc_t
use_stub(ssi_item_t *item)
{
    ssi_t            *s = item->ssi, *inner;
    const ssi_conf_t *conf = wr_conf(item->sub);
    wr_seg_t         *text = wr_seg_mem(s->r, item->stub.p, item->stub.n, WR_SEG_LAST);

    if (item->sub->fail_status == 0 || !conf->on || !wr_type_listed(s->r, &conf->types)) {
        text->flags = 0;
        item->segs = text;
        return arrived(item);
    }
    item->segs = NULL;
    inner = ssi_new(item->sub, conf);
    inner->into = item;
    inner->kept = text;
    return go_on(inner);
}

void
ssi_sub_done(wr_op_t *op)
{
    ssi_item_t *item = op->waiter;
    wr_req_t   *sub = item->sub;

    item->segs = sub->reply;
    if (item->stub.p != NULL && (sub->fail_status != 0 || wr_segs_size(sub->reply) == 0))
    {
        (void) use_stub(item);
        return;
    }
    if (item->set.p != NULL) {
        store(item->ssi, item, sub->fail_status == 0 ? item->segs : NULL);
        item->segs = NULL;
    }
    (void) arrived(item);
}

/* ---- input ---- */

/* Text up to the next command's beginning; how many bytes that was. What could be
 * the start of one is left for later. */
static size_t
take_plain(ssi_t *s, wr_str_t text)
{
    size_t  keep;
    ssize_t at = ssi_find(text, &keep);

    if (at < 0) {
        put_plain(s, wr_str_sub(text, 0, text.n - keep));
        return text.n - keep;
    }
    put_plain(s, wr_str_sub(text, 0, (size_t) at - OPENING));
    ssi_begin(&s->parser, wr_pool(s->r));
    return (size_t) at;
}

static size_t
take_command(ssi_t *s, wr_str_t text)
{
    size_t n = ssi_parse(s, text);

    if (s->parser.state == SSI_DONE) {
        s->parser.state = SSI_IDLE;
        ssi_command(s);
    } else if (s->parser.state == SSI_FAILED) {
        s->parser.state = SSI_IDLE;
        ssi_error(s);
    }
    return n;
}

/* Carries out what is complete in the carry. False: the parser has to wait. */
static bool
scan(ssi_t *s)
{
    wr_str_t text = wr_buf_text(&s->carry);
    size_t   done = 0, n = 1;

    while (s->waiting == NULL && n != 0 && done < text.n) {
        wr_str_t rest = wr_str_skip(text, done);

        n = s->parser.state == SSI_IDLE ? take_plain(s, rest) : take_command(s, rest);
        done += n;
    }
    if (done != 0) {
        memmove(s->carry.p, s->carry.p + done, s->carry.n - done);
        s->carry.n -= done;
    }
    return s->waiting == NULL;
}

static wr_rc_t
add_bytes(void *state, const char *p, size_t n)
{
    ssi_t *s = state;

    wr_buf_add(&s->carry, p, n);
    (void) scan(s);
    return WR_OK;
}

/* Takes input as long as nothing has to be waited for. */
static wr_rc_t
go_on(ssi_t *s)
{
    (void) scan(s);
    while (s->waiting == NULL && s->kept != NULL) {
        wr_seg_t *seg = s->kept;

        s->kept = seg->next;
        if (wr_seg_bytes(s->r, seg, add_bytes, s) != WR_OK) {
            return WR_ERROR;
        }
        if ((seg->flags & WR_SEG_LAST) != 0) {
            s->end = true;
        }
        wr_seg_release(seg);
    }
    return send_ready(s);
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    ssi_t *s = state;

    (void) r;
    s->self = self;
    if (in == NULL) {
        return wr_filter_pass(r, self, NULL);
    }
    *wr_segs_tail(&s->kept) = in;
    return go_on(s);
}

/* ---- the head ---- */

static ssi_shared_t *
shared_of(wr_req_t *r)
{
    ssi_shared_t *shared = wr_ctx(r->main, WR_SELF);

    if (shared == NULL) {
        shared = WR_NEW(wr_pool(r), ssi_shared_t);
        shared->variables = wr_array(wr_pool(r), sizeof(ssi_named_t));
        shared->blocks = wr_array(wr_pool(r), sizeof(ssi_named_t));
        shared->captures = wr_array(wr_pool(r), sizeof(wr_str_t));
        shared->timefmt = WR_STR("%A, %d-%b-%Y %H:%M:%S %Z");
        shared->errmsg =
            WR_STR("[an error occurred while processing the directive]");
        wr_ctx(r->main, WR_SELF) = shared;
    }
    return shared;
}

static ssi_t *
ssi_new(wr_req_t *r, const ssi_conf_t *conf)
{
    ssi_t *s = WR_NEW(wr_pool(r), ssi_t);

    s->r = r;
    s->conf = conf;
    s->shared = shared_of(r);
    s->carry = wr_buf(wr_pool(r));
    s->last = &s->first;
    s->output = true;
    wr_made_init(&s->out, r, PIECE);
    return s;
}

static wr_rc_t
head(wr_req_t *r)
{
    const ssi_conf_t *conf = wr_conf(r);
    ssi_t            *s;

    if (!conf->on || r->out_length == 0 || !wr_type_listed(r, &conf->types)) {
        return WR_OK;
    }
    s = ssi_new(r, conf);
    r->filter_need_in_memory = 1;
    if (r == r->main) {
        wr_clear_content_length(r);
        wr_clear_accept_ranges(r);
        if (conf->keep_modified) {
            wr_weak_etag(r);
        } else {
            wr_clear_last_modified(r);
            wr_clear_etag(r);
        }
    }
    wr_filter_attach(r, body, s);
    return WR_OK;
}

/* ---- variables ---- */

/* data: whether it is UTC */
static wr_rc_t
get_date(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const ssi_shared_t *shared = wr_ctx(r->main, WR_SELF);
    const char         *format = "%A, %d-%b-%Y %H:%M:%S %Z";
    time_t              now = (time_t) wr_clock.sec;
    struct tm           tm;
    char                text[256];

    if (shared != NULL) {
        format = wr_pool_strz(wr_pool(r), shared->timefmt);
    }
    if (strcmp(format, "%s") == 0) {
        *value = wr_pool_printf(wr_pool(r), "%" PRId64, wr_clock.sec);
        return WR_OK;
    }
    if (v->data) {
        gmtime_r(&now, &tm);
    } else {
        localtime_r(&now, &tm);
    }
    *value = wr_pool_str(wr_pool(r),
                         wr_str(text, strftime(text, sizeof(text), format, &tm)));
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"date_local", get_date, NULL, false, WR_VAR_NOCACHE,
     "Local time, as `config timefmt` wants it"},
    {"date_gmt", get_date, NULL, true, WR_VAR_NOCACHE,
     "UTC, as `config timefmt` wants it"},
    {.name = NULL}
};

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const ssi_conf_t *conf = own;

    return conf->on;
}

WR_MODULE(ssi,
    .doc = "Server side includes",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("ssi", WR_ANY_IF, ssi_conf_t, on, "off",
                "Carry out the commands <!--#… --> in answers.",
                .example = "ssi on;"),
        WR_FLAG("ssi_silent_errors", WR_ANY, ssi_conf_t, silent, "off",
                "No message in place of a command that failed.",
                .example = "ssi_silent_errors on;"),
        WR_FLAG("ssi_last_modified", WR_ANY, ssi_conf_t, keep_modified, "off",
                "Keep Last-Modified.",
                .example = "ssi_last_modified on;"),
        WR_FLAG("ssi_ignore_recycled_buffers", WR_ANY, ssi_conf_t, ignore_recycled,
                "off", "Accepted; buffers are taken as they come.",
                .example = "ssi_ignore_recycled_buffers on;"),
        WR_SIZE("ssi_min_file_chunk", WR_ANY, ssi_conf_t, min_chunk, "1k",
                "Accepted; files are read into memory.",
                .example = "ssi_min_file_chunk 1k;"),
        WR_SIZE("ssi_value_length", WR_ANY, ssi_conf_t, value_length, "256",
                "The longest value of a parameter in a command.",
                .example = "ssi_value_length 256;"),
        WR_TEXT_LIST("ssi_types", WR_ANY, ssi_conf_t, types, "text/html",
                     "MIME types that are looked through, beside text/html.",
                     .args = "type …",
                     .example = "ssi_types application/xhtml+xml;"),
        WR_END
    },
    .schema.size = sizeof(ssi_conf_t),
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"ssi", WR_FILTER_SSI, head, wanted},
            {.name = NULL}
        },
    });
