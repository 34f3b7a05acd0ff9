/*
 * One question to an OCSP responder: resolve its name, GET over HTTP/1.1, and see
 * whether the answer is signed by who may sign and holds now.
 *
 * A query owns a pool with all it needs. It is driven by the completions of its
 * ops, and ends exactly once.
 */
#include "ocsp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <weir/base/base64.h>
#include <weir/http/exchange.h>
#include <weir/http/request.h>
#include <weir/net/tls.h>
#include <weir_config.h>

enum { TIMEOUT_MS = 60000, HEAD_ROOM = 8192, MAX_ANSWER = 64 * 1024, SKEW_S = 300,
       DEFAULT_PORT = 80 };

struct ocsp_query {
    ocsp_question_t q;
    wr_pool_t      *pool;
    wr_op_t        *op;
    wr_log_t        log;
    wr_log_t       *outer;
    wr_resolve_t    resolve;
    wr_exchange_t   x;
    bool            open;
    wr_upstream_t  *group;
    unsigned        tried;      /* of its peers */
    wr_timer_t      deadline;
    wr_post_t       post;       /* an end that must not come within the call */
    wr_rc_t         rc;
    OCSP_CERTID    *id;
    wr_str_t        target;
    wr_buf_t        answer;
    int             status;
    int64_t         until;
};

/* ---- URLs ---- */

static bool
split_authority(wr_pool_t *pool, ocsp_responder_t *to)
{
    ssize_t colon = wr_str_rchr(to->authority, ':');
    int64_t port = DEFAULT_PORT;

    to->name = to->authority;
    if (to->name.n != 0 && to->name.p[0] == '[') {
        ssize_t end = wr_str_chr(to->name, ']');

        if (end < 2) {
            return false;
        }
        colon = (size_t) end + 1 < to->name.n ? end + 1 : -1;
        if (colon >= 0 && to->name.p[colon] != ':') {
            return false;
        }
        to->name = wr_str(to->name.p + 1, (size_t) end - 1);
    } else if (colon >= 0) {
        to->name.n = (size_t) colon;
    }
    if (colon >= 0
        && (!wr_parse_int(wr_str_skip(to->authority, (size_t) colon + 1), &port) || port < 1
            || port > 65535))
    {
        return false;
    }
    to->name = wr_str(wr_pool_strz(pool, to->name), to->name.n);
    to->port = (int) port;
    return to->name.n != 0;
}

static bool
resolve_now(wr_pool_t *pool, ocsp_responder_t *to, const char **why)
{
    if (!wr_resolve_now(pool, to->name, &to->addrs, &to->n_addrs, why)) {
        return false;
    }
    for (unsigned i = 0; i < to->n_addrs; i++) {
        wr_addr_set_port(&to->addrs[i], to->port);
    }
    return true;
}

bool
ocsp_parse_url(wr_pool_t *pool, wr_str_t url, bool resolve, ocsp_responder_t *to,
               const char **why)
{
    ssize_t slash;

    *to = (ocsp_responder_t) {.url = wr_pool_str(pool, url)};
    *why = "invalid URL prefix";
    if (url.n < 8 || !wr_str_ieqz(wr_str(url.p, 7), "http://")) {
        return false;
    }
    to->authority = wr_str_skip(to->url, 7);
    slash = wr_str_chr(to->authority, '/');
    if (slash >= 0) {
        to->path = wr_str_skip(to->authority, (size_t) slash);
        to->authority.n = (size_t) slash;
    }
    while (to->path.n != 0 && to->path.p[to->path.n - 1] == '/') {
        to->path.n--;
    }
    *why = "invalid host or port";
    for (size_t i = 0; i < to->url.n; i++) {
        if ((unsigned char) to->url.p[i] <= ' ' || to->url.p[i] == 0x7f) {
            return false;
        }
    }
    if (!split_authority(pool, to)) {
        return false;
    }
    return !resolve || resolve_now(pool, to, why);
}

wr_str_t
ocsp_url_of(wr_pool_t *pool, X509 *cert)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
    wr_str_t                  url = WR_STR_NONE;

    if (urls != NULL) {
        if (sk_OPENSSL_STRING_num(urls) > 0) {
            url = wr_pool_str(pool, wr_str_z(sk_OPENSSL_STRING_value(urls, 0)));
        }
        X509_email_free(urls);
    }
    return url;
}

/* ---- the end ---- */

static void
context(void *data, wr_buf_t *line)
{
    ocsp_query_t *o = data;

    wr_buf_printf(line, " while requesting certificate status, responder: %.*s",
                  WR_ARG(o->q.responder->name));
    if (o->tried != 0) {
        wr_buf_printf(line, ", peer: %.*s", WR_ARG(o->group->set->peers[o->tried - 1].name));
    }
    if (o->q.about.n != 0) {
        wr_buf_printf(line, ", certificate: \"%.*s\"", WR_ARG(o->q.about));
    }
    if (o->outer->context != NULL) {
        o->outer->context(o->outer->data, line);
    }
}

static void
close_exchange(ocsp_query_t *o)
{
    if (o->open) {
        o->open = false;
        o->x.op.done = NULL;
        wr_exchange_close(&o->x);
    }
}

static void
stop(ocsp_query_t *o)
{
    wr_timer_cancel(&o->deadline);
    wr_unpost(&o->post);
    if (o->resolve.op.state == WR_OP_PENDING) {
        o->resolve.op.done = NULL;
        wr_op_cancel(&o->resolve.op);
    }
    close_exchange(o);
}

static void
tell(wr_post_t *p)
{
    ocsp_query_t *o = WR_CONTAINER(p, ocsp_query_t, post);

    wr_op_complete(o->op, o->rc);
}

static void
end(ocsp_query_t *o, wr_rc_t rc)
{
    stop(o);
    o->rc = rc;
    wr_post(&o->post);
}

void
ocsp_free(ocsp_query_t *o)
{
    stop(o);
    OCSP_CERTID_free(o->id);
    wr_buf_free(&o->answer);
    wr_pool_free(o->pool);
}

int
ocsp_status(const ocsp_query_t *o)
{
    return o->status;
}

int64_t
ocsp_until(const ocsp_query_t *o)
{
    return o->until;
}

wr_str_t
ocsp_der(const ocsp_query_t *o)
{
    return wr_buf_text(&o->answer);
}

/* ---- the answer ---- */

static void
tls_says(ocsp_query_t *o, const char *call)
{
    wr_log(&o->log, WR_LOG_ERR, 0, "%s failed (SSL: %s)", call, wr_tls_error());
}

/* Seconds since 1970; INT64_MAX where the answer does not say. */
static int64_t
unix_time(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm;

    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t) timegm(&tm) : INT64_MAX;
}

static wr_rc_t
look_up(ocsp_query_t *o, OCSP_BASICRESP *basic)
{
    ASN1_GENERALIZEDTIME *this_update, *next_update;

    if (OCSP_resp_find_status(basic, o->id, &o->status, NULL, NULL, &this_update,
                              &next_update)
        != 1)
    {
        wr_log(&o->log, WR_LOG_ERR, 0, "certificate status not found in the OCSP response");
        return WR_ERROR;
    }
    if (OCSP_check_validity(this_update, next_update, SKEW_S, -1) != 1) {
        tls_says(o, "OCSP_check_validity()");
        return WR_ERROR;
    }
    o->until = unix_time(next_update);
    return WR_OK;
}

static wr_rc_t
judge(ocsp_query_t *o)
{
    const unsigned char *p = (const unsigned char *) o->answer.p;
    OCSP_RESPONSE       *response = d2i_OCSP_RESPONSE(NULL, &p, (long) o->answer.n);
    OCSP_BASICRESP      *basic;
    wr_rc_t              rc = WR_ERROR;
    int                  status;

    if (response == NULL) {
        tls_says(o, "d2i_OCSP_RESPONSE()");
        return WR_ERROR;
    }
    status = OCSP_response_status(response);
    basic = status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(response)
                                                      : NULL;
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        wr_log(&o->log, WR_LOG_ERR, 0, "OCSP response not successful (%d: %s)", status,
               OCSP_response_status_str(status));
    } else if (basic == NULL) {
        tls_says(o, "OCSP_response_get1_basic()");
    } else if (OCSP_basic_verify(basic, o->q.chain, o->q.store, o->q.flags) != 1) {
        tls_says(o, "OCSP_basic_verify()");
    } else {
        rc = look_up(o, basic);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return rc;
}

static void
body_came(wr_op_t *op)
{
    ocsp_query_t *o = op->waiter;
    char          part[4096];

    for (;;) {
        size_t  n;
        wr_rc_t rc = op->rc != WR_OK ? op->rc : wr_exchange_read(&o->x, part, sizeof(part), &n);

        if (rc == WR_AGAIN) {
            break;
        }
        if (rc == WR_DONE) {
            close_exchange(o);
            end(o, judge(o));
            return;
        }
        if (rc != WR_OK || o->answer.n + n > MAX_ANSWER) {
            wr_log(&o->log, WR_LOG_ERR, 0, rc != WR_OK
                       ? "OCSP responder prematurely closed connection"
                       : "OCSP responder sent too large answer");
            end(o, WR_ERROR);
            return;
        }
        wr_buf_add(&o->answer, part, n);
    }
    wr_exchange_wait(&o->x);
    op->waiter = o;
    op->done = body_came;
    if (op->state == WR_OP_DONE) {
        body_came(op);
    }
}

static void
answered(wr_op_t *op)
{
    ocsp_query_t *o = op->waiter;
    wr_header_t  *type;

    if (op->rc != WR_OK) {
        wr_log(&o->log, WR_LOG_ERR, 0, "OCSP responder %s",
               op->rc == WR_SYNTAX || op->rc == WR_LIMIT ? "sent invalid response"
                                                         : "prematurely closed connection");
        end(o, WR_ERROR);
        return;
    }
    type = wr_headers_first(&o->x.in, WR_H_CONTENT_TYPE);
    if (o->x.status != 200) {
        wr_log(&o->log, WR_LOG_ERR, 0, "OCSP responder sent invalid response status: %u",
               o->x.status);
        end(o, WR_ERROR);
        return;
    }
    if (type == NULL || !wr_str_ieqz(type->value, "application/ocsp-response")) {
        wr_log(&o->log, WR_LOG_ERR, 0, "OCSP responder sent invalid \"Content-Type\" header: "
               "\"%.*s\"", WR_ARG(type != NULL ? type->value : WR_STR_NONE));
        end(o, WR_ERROR);
        return;
    }
    op->rc = WR_OK;
    body_came(op);
}

/* ---- the request ---- */

/* RFC 6960 A.1: the request in base64, escaped, at the end of the path. */
static bool
make_target(ocsp_query_t *o)
{
    OCSP_REQUEST  *request = OCSP_REQUEST_new();
    OCSP_CERTID   *copy;
    unsigned char *der = NULL;
    int            n = 0;
    wr_str_t       text;

    o->id = OCSP_cert_to_id(NULL, o->q.cert, o->q.issuer);
    copy = o->id != NULL ? OCSP_CERTID_dup(o->id) : NULL;
    if (request != NULL && copy != NULL) {
        if (OCSP_request_add0_id(request, copy) != NULL) {
            n = i2d_OCSP_REQUEST(request, &der);
        } else {
            OCSP_CERTID_free(copy);
        }
    }
    OCSP_REQUEST_free(request);
    if (n <= 0) {
        tls_says(o, "i2d_OCSP_REQUEST()");
        return false;
    }
    text = wr_base64_encode(o->pool, wr_str((char *) der, (size_t) n), false);
    OPENSSL_free(der);
    o->target = wr_pool_printf(o->pool, "%.*s/%.*s", WR_ARG(o->q.responder->path),
                               WR_ARG(wr_uri_escape(o->pool, text, WR_ESC_COMPONENT)));
    return true;
}

static void try_next(ocsp_query_t *o);

static void
connected(wr_op_t *op)
{
    ocsp_query_t *o = op->waiter;
    wr_buf_t      b = wr_buf(o->pool);
    wr_seg_t     *seg;

    if (op->rc != WR_OK) {
        /* A peer that refuses has been logged only if connect() said so at once. */
        if (op->rc != WR_ERROR || o->x.error != 0) {
            wr_log(&o->log, WR_LOG_ERR, o->x.error, "connect() failed");
        }
        close_exchange(o);
        try_next(o);
        return;
    }
    wr_buf_printf(&b, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir/" WR_VERSION
                      "\r\nAccept: application/ocsp-response\r\nConnection: close\r\n\r\n",
                  WR_ARG(o->target), WR_ARG(o->q.responder->authority));
    seg = WR_NEW(o->pool, wr_seg_t);
    seg->p = b.p;
    seg->n = b.n;
    o->x.out = seg;
    o->x.out_complete = true;
    o->x.cap = HEAD_ROOM;
    o->x.buf = wr_alloc_bytes(o->pool, HEAD_ROOM);
    wr_exchange_start(&o->x);
    op->waiter = o;
    op->done = answered;
    if (op->state == WR_OP_DONE) {
        answered(op);
    }
}

static void
try_next(ocsp_query_t *o)
{
    if (o->tried == o->group->set->n) {
        end(o, WR_ERROR);
        return;
    }
    wr_exchange_init(&o->x, o->pool, &o->log);
    o->x.connect_timeout = o->x.send_timeout = o->x.read_timeout = TIMEOUT_MS;
    o->open = true;
    wr_exchange_connect(&o->x, &o->group->set->peers[o->tried++], NULL, 0);
    o->x.op.waiter = o;
    o->x.op.done = connected;
    if (o->x.op.state == WR_OP_DONE) {
        connected(&o->x.op);
    }
}

static void
use_addrs(ocsp_query_t *o, const wr_addr_t *addrs, unsigned n)
{
    o->group = wr_upstream_of_addrs(o->pool, addrs, n, o->q.responder->name);
    try_next(o);
}

static void
resolved(wr_op_t *op)
{
    ocsp_query_t *o = op->waiter;

    if (op->rc != WR_OK) {
        wr_log(&o->log, WR_LOG_ERR, 0, "%.*s could not be resolved (%d: %s)",
               WR_ARG(o->q.responder->name), o->resolve.code,
               wr_resolve_error(o->resolve.code));
        end(o, WR_ERROR);
        return;
    }
    for (unsigned i = 0; i < o->resolve.n; i++) {
        wr_addr_set_port(&o->resolve.addrs[i], o->q.responder->port);
    }
    use_addrs(o, o->resolve.addrs, o->resolve.n);
}

static void
time_is_up(wr_timer_t *t)
{
    ocsp_query_t *o = WR_CONTAINER(t, ocsp_query_t, deadline);

    wr_log(&o->log, WR_LOG_ERR, ETIMEDOUT, "OCSP responder timed out");
    end(o, WR_TIMEOUT);
}

ocsp_query_t *
ocsp_ask(const ocsp_question_t *q, wr_log_t *log, wr_op_t *op)
{
    wr_pool_t    *pool = wr_pool_new();
    ocsp_query_t *o = wr_zalloc(pool, sizeof(*o));

    o->pool = pool;
    o->q = *q;
    o->op = op;
    o->outer = log;
    o->log = *log;
    o->log.context = context;
    o->log.data = o;
    o->until = INT64_MAX;
    o->post.fn = tell;
    o->deadline.fn = time_is_up;
    wr_op_begin(op, "ocsp", NULL);
    if (!make_target(o)) {
        end(o, WR_ERROR);
        return o;
    }
    wr_timer_set(&o->deadline, TIMEOUT_MS);
    if (q->responder->n_addrs != 0) {
        use_addrs(o, q->responder->addrs, q->responder->n_addrs);
        return o;
    }
    wr_resolve_start(q->resolver != NULL ? q->resolver : wr_resolver_default(), &o->resolve, pool,
                     q->responder->name,
                     q->resolver != NULL ? q->resolver_timeout : TIMEOUT_MS);
    o->resolve.op.waiter = o;
    o->resolve.op.done = resolved;
    if (o->resolve.op.state == WR_OP_DONE) {
        resolved(&o->resolve.op);
    }
    return o;
}
