/*
 * ssl: what authorities say about a certificate (OCSP, RFC 6960).
 */
#ifndef OCSP_H
#define OCSP_H

#include <openssl/ocsp.h>
#include <weir/event/op.h>
#include <weir/net/addr.h>
#include <weir/net/resolver.h>

/* "http://HOST[:PORT][/PATH]" in pieces, in the pool that it was parsed into. */
typedef struct ocsp_responder {
    wr_str_t   url;
    wr_str_t   authority;       /* for Host */
    wr_str_t   name;
    wr_str_t   path;            /* without an ending slash; may be empty */
    int        port;
    wr_addr_t *addrs;           /* of a name that is known already; NULL: to be resolved */
    unsigned   n_addrs;
} ocsp_responder_t;

/* *why says what is wrong. With `resolve` the name is looked up now (it blocks: for
 * the conf), and it is an error if there is no such host. */
bool ocsp_parse_url(wr_pool_t *pool, wr_str_t url, bool resolve, ocsp_responder_t *to,
                    const char **why);

/* The URL that a certificate names, as it stands there; empty: none. */
wr_str_t ocsp_url_of(wr_pool_t *pool, X509 *cert);

/* What a query is about. All is borrowed until it has ended. */
typedef struct ocsp_question {
    const ocsp_responder_t *responder;
    X509                   *cert, *issuer;
    STACK_OF(X509)         *chain;      /* may have signed, and with OCSP_TRUSTOTHER may sign;
                                         * NULL: none */
    X509_STORE             *store;
    unsigned long           flags;      /* of OCSP_basic_verify */
    wr_str_t                about;      /* the certificate's name for the log */
    wr_resolver_t          *resolver;   /* of names; NULL: what the system says */
    wr_msec_t               resolver_timeout;
} ocsp_question_t;

typedef struct ocsp_query ocsp_query_t;

/* Asks; `op` completes once, from the loop, with WR_OK (then the calls below hold)
 * or an error that has been logged. ocsp_free afterwards, or at any time before:
 * then nothing completes. */
ocsp_query_t *ocsp_ask(const ocsp_question_t *q, wr_log_t *log, wr_op_t *op);
int           ocsp_status(const ocsp_query_t *q);   /* V_OCSP_CERTSTATUS_… */
int64_t       ocsp_until(const ocsp_query_t *q);    /* Unix time; INT64_MAX: not said */
wr_str_t      ocsp_der(const ocsp_query_t *q);      /* the answer as it came */
void          ocsp_free(ocsp_query_t *q);

#endif
