/*
 * ssl: the settings of TLS for clients, and what a request is refused for.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <weir/http/status.h>
#include <weir/http/uri.h>

__attribute__((constructor)) static void
init(void)
{
    wr_http_has_tls = true;
}

const ssl_conf_t *
ssl_conf_of(const wr_server_t *server)
{
    return server->conf[WR_SELF->schema.index];
}

/* ---- requests ---- */

static const wr_log_t *
blame(wr_req_t *r)
{
    r->log.action = "while reading client request headers";
    return &r->log;
}

/* As nginx: a client that has shown a certificate to one server must not speak to
 * another on the same connection. */
static bool
misdirected(wr_req_t *r, const wr_tls_t *t)
{
    const char *asked = wr_tls_name(t);
    wr_str_t    name;
    int         port;

    return asked != NULL && t->named
           && (wr_host_normalise(wr_pool(r), wr_str_z(asked), &name, &port) != WR_OK
               || !wr_str_eq(name, r->host));
}

/* Without a name that is known, the default server has judged him: by its own lists, which
 * mean nothing to another server that has others. (To nginx they do.) */
static bool
judged_by_others(const ssl_conf_t *conf, const wr_tls_t *t)
{
    const ssl_conf_t *judge = ssl_conf_of(t->server);

    return judge != conf
           && (!wr_str_eq(judge->client_ca, conf->client_ca)
               || !wr_str_eq(judge->trusted, conf->trusted)
               || !wr_str_eq(judge->crl, conf->crl) || judge->depth > conf->depth);
}

/* By the server of the handshake: the other one has nothing to say to him. */
static wr_rc_t
misdirect(wr_req_t *r, const wr_tls_t *t)
{
    wr_req_use_server(r, t->server);
    wr_log(blame(r), WR_LOG_INFO, 0, "client attempted to request the server name "
                                     "different from the one that was negotiated");
    if (r->version < WR_HTTP_20) {
        r->keepalive = 0;
    }
    return wr_fail(r, 421);
}

static bool
is_about_ca(long result)
{
    return result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
           || result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
           || result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
           || result == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
           || result == X509_V_ERR_CERT_UNTRUSTED;
}

/* Without an SSL nobody has asked for a certificate in the handshake. */
static wr_rc_t
refuse(wr_req_t *r, SSL *ssl, unsigned status)
{
    if (ssl != NULL) {
        ssl_session_forget(ssl);
    }
    return wr_fail(r, status);
}

static wr_rc_t
known(wr_req_t *r, void *state)
{
    const wr_tls_t *t = r->conn != NULL ? r->conn->tls : NULL;
    const char     *why = t != NULL ? ssl_ocsp_verdict(t->ssl) : NULL;

    (void) state;
    if (why == NULL) {
        return WR_DECLINED;
    }
    wr_log(blame(r), WR_LOG_INFO, 0, "client SSL certificate verify error: %s", why);
    return refuse(r, t->ssl, WR_STATUS_CERT_ERROR);
}

static wr_rc_t
check_client(wr_req_t *r, void *state)
{
    const ssl_conf_t *conf = wr_conf(r);
    const wr_tls_t   *t = r->conn != NULL ? r->conn->tls : NULL;
    wr_op_t          *op;
    X509             *cert;
    long              result;

    if (t == NULL || r != r->main || conf->verify == VERIFY_OFF) {
        return WR_DECLINED;
    }
    if (misdirected(r, t)) {
        return misdirect(r, t);
    }
    cert = t->ssl != NULL ? SSL_get0_peer_certificate(t->ssl) : NULL;
    if (cert != NULL && judged_by_others(conf, t)) {
        return misdirect(r, t);
    }
    result = t->ssl != NULL ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    if (result != X509_V_OK && !(conf->verify == VERIFY_NO_CA && is_about_ca(result))) {
        wr_log(blame(r), WR_LOG_INFO, 0, "client SSL certificate verify error: (%ld:%s)",
               result, X509_verify_cert_error_string(result));
        return refuse(r, t->ssl, WR_STATUS_CERT_ERROR);
    }
    if (conf->verify == VERIFY_ON && cert == NULL) {
        wr_log(blame(r), WR_LOG_INFO, 0, "client sent no required SSL certificate");
        return refuse(r, t->ssl, WR_STATUS_NO_CERT);
    }
    if (conf->ocsp == OCSP_OFF || result != X509_V_OK || cert == NULL) {
        return WR_DECLINED;
    }
    op = ssl_ocsp_check(r, t->ssl, conf, state);
    return op != NULL ? wr_await(r, op, known) : known(r, state);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const ssl_conf_t *) own)->verify != VERIFY_OFF;
}

/* ---- conf ---- */

static wr_rc_t
set_list(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_array_t *list = (wr_array_t *) (void *) ((char *) conf + d->offset);

    if (list->pool == NULL) {
        *list = wr_array(cf->pool, sizeof(wr_cv_t));
    }
    return wr_cv_compile(cf, &cf->args[1], WR_PUSH(list, wr_cv_t));
}

static wr_rc_t
set_reload(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    ssl_conf_t *conf = c;
    wr_str_t    w = cf->args[1].text;

    (void) d;
    conf->reload = 0;
    if (!wr_str_eqz(w, "off") && (!wr_parse_msec(w, &conf->reload) || conf->reload <= 0)) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"", WR_ARG(w));
    }
    return WR_OK;
}

static wr_rc_t
set_key_log(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    ssl_conf_t *conf = c;

    (void) d;
    conf->key_log = wr_cycle_open_log(cf, &cf->args[1]);
    return conf->key_log != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
set_compression(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_str_t w = cf->args[1].text;

    (void) c;
    if (wr_str_eqz(w, "on")) {
        wr_conf_warn(cf, NULL, "\"%s\" needs OpenSSL 3.2, ignored", d->name);
        return WR_OK;
    }
    return wr_str_eqz(w, "off") ? WR_OK
                                : wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\" in "
                                               "\"%s\" directive, it must be \"on\" or "
                                               "\"off\"", WR_ARG(w), d->name);
}

static wr_rc_t
set_ech(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) c;
    wr_conf_warn(cf, NULL, "\"%s\" is not supported on this platform, ignored: it needs an "
                 "OpenSSL with Encrypted Client Hello", d->name);
    return WR_OK;
}

/* ---- the end of reading ---- */

static wr_rc_t
no_certificate(wr_conf_t *cf, const wr_server_t *s)
{
    return wr_conf_fail(cf, &s->scope->at, "no \"ssl_certificate\" is defined for the "
                                           "\"listen ... ssl\" directive");
}

/* A server without certificates has those of the default one. */
static wr_rc_t
check_endpoint(wr_conf_t *cf, const wr_endpoint_t *e)
{
    const ssl_conf_t *conf = ssl_conf_of(e->default_server);

    if (!e->ssl || conf->certificates.n != 0) {
        return WR_OK;
    }
    if (!conf->reject) {
        return no_certificate(cf, e->default_server);
    }
    for (WR_EACH(wr_server_t *, at, &e->servers)) {
        const ssl_conf_t *other = ssl_conf_of(*at);

        if (other->certificates.n == 0 && !other->reject) {
            return no_certificate(cf, *at);
        }
    }
    return WR_OK;
}

static void
look_for_early(const wr_endpoint_t *e)
{
    for (WR_EACH(wr_server_t *, at, &e->servers)) {
        if (e->ssl && ssl_conf_of(*at)->early_data) {
            ssl_allow_early(e->default_server->ssl);
        }
    }
}

static wr_rc_t
finish(wr_conf_t *cf)
{
    wr_http_t *http = wr_http_of(wr_cycle_of(cf));

    if (http == NULL) {
        return WR_OK;
    }
    for (WR_EACH(wr_server_t *, at, &http->servers)) {
        wr_server_t *s = *at;
        ssl_conf_t  *conf = s->conf[WR_SELF->schema.index];

        if (ssl_make_context(cf, conf, s) != WR_OK) {
            return WR_ERROR;
        }
        s->ssl = conf->ctx;
    }
    for (WR_EACH(wr_endpoint_t *, at, &http->endpoints)) {
        if (check_endpoint(cf, *at) != WR_OK) {
            return WR_ERROR;
        }
        look_for_early(*at);
    }
    return ssl_renew_finish(cf);
}

static wr_rc_t
begin(wr_conf_t *cf)
{
    ssl_expiry_prepare(cf);
    ssl_sessions_prepare();
    return ssl_renew_prepare(cf) == WR_OK ? ssl_tickets_prepare(cf) : WR_ERROR;
}

static wr_rc_t
master_start(wr_conf_t *cf)
{
    return ssl_renew_master(cf);
}

/* ---- workers ---- */

/* Each once: servers that set nothing of their own share one. */
static void
each_conf(const wr_worker_t *w, void (*fn)(ssl_conf_t *conf))
{
    const wr_http_t *http = wr_http_of(w->cycle);

    if (http == NULL) {
        return;
    }
    for (WR_EACH(wr_server_t *, at, &http->servers)) {
        ssl_conf_t *conf = (*at)->conf[WR_SELF->schema.index];

        if (conf->maker == *at) {
            fn(conf);
        }
    }
}

static wr_rc_t
worker_start(wr_worker_t *w)
{
    each_conf(w, ssl_staples_start);
    ssl_renew_worker(w);
    return WR_OK;
}

static void
worker_stop(wr_worker_t *w)
{
    ssl_renew_stop(w);
    each_conf(w, ssl_staples_stop);
}

/* ---- tables ---- */

static const wr_enum_t protocol_words[] = {
    {"SSLv2", 2}, {"SSLv3", 4}, {"TLSv1", 8}, {"TLSv1.1", 16}, {"TLSv1.2", 32},
    {"TLSv1.3", 64}, {NULL, 0}};
static const wr_enum_t verify_words[] = {
    {"off", VERIFY_OFF}, {"on", VERIFY_ON}, {"optional", VERIFY_OPTIONAL},
    {"optional_no_ca", VERIFY_NO_CA}, {NULL, 0}};

static const wr_enum_t ocsp_words[] = {
    {"off", OCSP_OFF}, {"on", OCSP_CHAIN}, {"leaf", OCSP_LEAF}, {NULL, 0}};

#define HERE (WR_HTTP | WR_SERVER)
#define FIELD(field) WR_CUSTOM("", 0, 0, 0, wr_conf_ignore, ssl_conf_t, field, "")

static const wr_directive_t directives[] = {
    WR_CUSTOM("ssl_certificate", HERE, 1, 1, set_list, ssl_conf_t, certificates,
              "The server's certificate in PEM, with its chain behind it; one for each kind of "
              "key. May hold variables, such as $ssl_server_name: read at the handshake then.",
              .flags = WR_DF_REPEAT, .args = "file | data:text",
              .example = "ssl_certificate     server.pem;\n"
                         "ssl_certificate_key server.key;"),
    WR_CUSTOM("ssl_certificate_key", HERE, 1, 1, set_list, ssl_conf_t, keys,
              "The key of the certificate: a file, PEM itself, or what a provider's store (such "
              "as pkcs11) or an engine of OpenSSL knows by its name.", .flags = WR_DF_REPEAT,
              .args = "file | data:text | store:URI | engine:name:id",
              .example = "ssl_certificate     server.pem;\n"
                         "ssl_certificate_key server.key;"),
    WR_CUSTOM("ssl_password_file", HERE, 1, 1, wr_tls_passwords_set, ssl_conf_t, passwords,
              "Passwords of keys, one a line.", .args = "file",
              .example = "ssl_password_file passwords;"),
    WR_MASK("ssl_protocols", HERE, ssl_conf_t, protocols, protocol_words, "TLSv1.2 TLSv1.3",
            "The versions that are spoken.",
            .example = "ssl_protocols TLSv1.3;"),
    WR_TEXT("ssl_ciphers", HERE, ssl_conf_t, ciphers, "HIGH:!aNULL:!MD5",
            "The ciphers up to TLS 1.2, as OpenSSL writes them.",
            .example = "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"),
    WR_FLAG("ssl_prefer_server_ciphers", HERE, ssl_conf_t, prefer_server, "off",
            "The server's order of ciphers counts.",
            .example = "ssl_prefer_server_ciphers on;"),
    WR_TEXT("ssl_ecdh_curve", HERE, ssl_conf_t, curves, "auto",
            "The curves of the key exchange.",
            .example = "ssl_ecdh_curve X25519:prime256v1;"),
    WR_CONF_FILE("ssl_dhparam", HERE, ssl_conf_t, dhparam, NULL,
                 "Parameters of DHE ciphers.",
                 .example = "ssl_dhparam dhparam.pem;"),
    WR_CUSTOM("ssl_conf_command", HERE, 2, 2, wr_tls_command_set, ssl_conf_t, commands,
              "A setting of OpenSSL by its own name.", .flags = WR_DF_REPEAT,
              .args = "name value",
              .example = "ssl_conf_command Options PrioritizeChaCha;"),
    WR_ENUM("ssl_verify_client", HERE, ssl_conf_t, verify, verify_words, "off",
            "Whether clients must show a certificate. `on`: those without a good one get 400; "
            "`optional`: it is asked for; `optional_no_ca`: and not checked. "
            "$ssl_client_verify has the result.",
            .example = "ssl_verify_client on;\n"
                       "ssl_client_certificate ca.pem;"),
    WR_INT("ssl_verify_depth", HERE, ssl_conf_t, depth, "1",
           "The length of the chain of a client's certificate.",
           .example = "ssl_verify_depth 2;"),
    WR_CONF_FILE("ssl_client_certificate", HERE, ssl_conf_t, client_ca, NULL,
                 "Authorities of clients' certificates, named to the clients. Whom the default "
                 "server has judged by others, for want of SNI, is answered 421 here.",
                 .example = "ssl_client_certificate ca.pem;"),
    WR_CONF_FILE("ssl_trusted_certificate", HERE, ssl_conf_t, trusted, NULL,
                 "Authorities of clients' certificates, not named to the clients.",
                 .example = "ssl_trusted_certificate ca.pem;"),
    WR_CONF_FILE("ssl_crl", HERE, ssl_conf_t, crl, NULL, "Certificates that were revoked.",
                 .example = "ssl_crl ca.crl;"),
    WR_CUSTOM("ssl_session_cache", HERE, 1, 2, ssl_set_cache, ssl_conf_t, cache,
              "Where sessions are kept for resumption: `shared:NAME:SIZE` in memory of all "
              "workers; `builtin` in each worker; `none`: clients are told of resumption but "
              "nothing is kept; `off`: they are not. Of the servers of an address the default "
              "one decides.",
              .args = "off | none | [builtin[:size]] [shared:name:size]",
              .example = "ssl_session_cache shared:SSL:10m;"),
    FIELD(builtin),
    FIELD(zone),
    WR_SEC("ssl_session_timeout", HERE, ssl_conf_t, timeout, "5m",
           "How long a session can be resumed; of an address, as its default server says.",
           .example = "ssl_session_timeout 1d;"),
    WR_FLAG("ssl_session_tickets", HERE, ssl_conf_t, tickets, "on",
            "Clients keep their sessions themselves, encrypted.",
            .example = "ssl_session_tickets off;"),
    WR_CUSTOM("ssl_session_ticket_key", HERE, 1, 1, ssl_set_ticket_key, ssl_conf_t,
              ticket_files,
              "A file of 48 or 80 random bytes, the key of tickets; the first encrypts, "
              "further ones only decrypt. Needed where several machines share clients. Of an "
              "address, those of its default server.",
              .flags = WR_DF_REPEAT, .args = "file",
              .example = "ssl_session_ticket_key ticket.key;"),
    WR_SIZE("ssl_buffer_size", HERE, ssl_conf_t, buffer_size, "16k",
            "The size of records.",
            .example = "ssl_buffer_size 4k;"),
    WR_FLAG("ssl_light", HERE, ssl_conf_t, light, "on",
            "After the handshake only the keys of a connection are kept, and records are sealed "
            "and opened with them, where nothing about it is special: some 3 KB instead of "
            "15. Keys of TLS 1.3 are derived by weir, too. off: OpenSSL does all of it.",
            .example = "ssl_light off;"),
    WR_FLAG("ssl_stapling", HERE, ssl_conf_t, stapling, "off",
            "What the authority says of the certificate (OCSP) goes with it.",
            .example = "ssl_stapling on;"),
    WR_CONF_FILE("ssl_stapling_file", HERE, ssl_conf_t, stapling_file, NULL,
                 "An OCSP answer in DER.",
                 .example = "ssl_stapling_file ocsp.der;"),
    WR_TEXT("ssl_stapling_responder", HERE, ssl_conf_t, stapling_responder, NULL,
            "Who is asked, instead of who the certificate names.", .args = "url",
            .example = "ssl_stapling_responder http://ocsp.example.com/;"),
    WR_FLAG("ssl_stapling_verify", HERE, ssl_conf_t, stapling_verify, "off",
            "The authority's answer is verified with ssl_trusted_certificate.",
            .example = "ssl_stapling_verify on;"),
    WR_ENUM("ssl_ocsp", HERE, ssl_conf_t, ocsp, ocsp_words, "off",
            "The authorities are asked whether the client's certificate still holds.",
            .example = "ssl_verify_client on;\n"
                       "ssl_client_certificate ca.pem;\n"
                       "resolver 127.0.0.1;\n"
                       "ssl_ocsp leaf;"),
    WR_TEXT("ssl_ocsp_responder", HERE, ssl_conf_t, ocsp_url, NULL,
            "Who is asked, instead of who the certificate names.", .args = "url",
            .example = "ssl_ocsp_responder http://ocsp.example.com/;"),
    WR_CUSTOM("ssl_ocsp_cache", HERE, 1, 1, ssl_set_ocsp_cache, ssl_conf_t, ocsp_zone,
              "Where the answers are kept while they hold.",
              .args = "off | shared:name:size",
              .example = "ssl_ocsp_cache shared:ocsp:1m;"),
    WR_CUSTOM("ssl_certificate_cache", HERE, 1, 3, wr_tls_cache_set, ssl_conf_t, cert_cache,
              "Certificates whose names hold variables are kept, not read each time.",
              .args = "off | max=N [inactive=time] [valid=time]",
              .example = "ssl_certificate_cache max=1000 inactive=20s valid=1m;"),
    WR_CUSTOM("ssl_certificate_reload", HERE, 1, 1, set_reload, ssl_conf_t, reload,
              "How often is looked whether certificates were renewed; without a reload the "
              "new ones are served.", .args = "off | time",
              .example = "ssl_certificate_reload 1h;"),
    WR_CUSTOM("ssl_key_log", HERE, 1, 1, set_key_log, ssl_conf_t, key_log,
              "Secrets of connections go to this file, for those who analyse traffic.",
              .args = "file",
              .example = "ssl_key_log logs/keys.log;"),
    WR_ACTION("ssl_certificate_compression", HERE, 1, 1, set_compression,
              "Needs OpenSSL 3.2 (RFC 8879); \"on\" is accepted and nothing is compressed.",
              .args = "on | off",
              .example = "ssl_certificate_compression off;"),
    WR_ACTION("ssl_ech_file", HERE, 1, 1, set_ech,
              "Keys of Encrypted Client Hello; needs an OpenSSL that has it, else it is accepted "
              "and nothing is encrypted by it.",
              .flags = WR_DF_REPEAT, .args = "file",
              .example = "ssl_ech_file ech.pem;"),
    WR_FLAG("ssl_early_data", HERE, ssl_conf_t, early_data, "off",
            "Requests may come with a resumed handshake (0-RTT) and run before it is complete. An "
            "eavesdropper can send them again: $ssl_early_data tells them apart, and what must "
            "not be done twice is to be answered 425. The server that SNI names decides.",
            .example = "ssl_early_data on;\n"
                       "proxy_set_header Early-Data $ssl_early_data;"),
    WR_FLAG("ssl_reject_handshake", HERE, ssl_conf_t, reject, "off",
            "Handshakes for this server's names are refused.",
            .example = "ssl_reject_handshake on;"),
    WR_END
};

WR_MODULE(ssl,
    .doc = "TLS for clients",
    .schema.directives = directives,
    .schema.size = sizeof(ssl_conf_t),
    .variables = ssl_variables,
    .begin = begin,
    .finish = finish,
    .master_start = master_start,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .metrics = ssl_expiry_put,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "ssl-client", .state_size = sizeof(ssl_ocsp_wait_t),
                    .before = check_client},
             .rank = WR_RANK_POST_READ, .order = -100, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
