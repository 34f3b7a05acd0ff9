/*
 * proxy: TLS with the other server.
 */
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/process/cycle.h>

const wr_enum_t proxy_ssl_protocol_words[] = {
    {"SSLv2", 2}, {"SSLv3", 4}, {"TLSv1", 8}, {"TLSv1.1", 16}, {"TLSv1.2", 32},
    {"TLSv1.3", 64}, {NULL, 0}};

wr_rc_t
proxy_set_key_log(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    proxy_conf_t *conf = c;

    (void) d;
    conf->ssl_key_log = wr_cycle_open_log(cf, &cf->args[1]);
    return conf->ssl_key_log != NULL ? WR_OK : WR_ERROR;
}

static void
on_secret(const SSL *ssl, const char *line)
{
    const wr_file_log_t *f = wr_tls_client_log_data(ssl);
    char                 text[512];
    int                  n = snprintf(text, sizeof(text), "%s\n", line);

    if (f != NULL && f->fd >= 0 && n < (int) sizeof(text)
        && write(f->fd, text, (size_t) n) != n)
    {
        wr_log(wr_cycle->log, WR_LOG_ERR, errno, "write() to \"%.*s\" failed", WR_ARG(f->path));
    }
}

static wr_str_t
source_of(wr_conf_t *cf, wr_str_t text)
{
    return text.n != 0 && wr_tls_is_file(text) ? wr_conf_file_path(cf, text) : text;
}

wr_rc_t
proxy_make_client(wr_conf_t *cf, const wr_tok_t *at, proxy_conf_t *c)
{
    bool             is_const = wr_cv_is_const(&c->ssl_certificate)
                                && wr_cv_is_const(&c->ssl_key);
    wr_tls_options_t o = {
        .tls1 = (c->ssl_protocols & 8) != 0, .tls1_1 = (c->ssl_protocols & 16) != 0,
        .tls1_2 = (c->ssl_protocols & 32) != 0, .tls1_3 = (c->ssl_protocols & 64) != 0,
        .ciphers = c->ssl_ciphers, .verify = c->ssl_verify, .reuse = c->ssl_reuse,
        .depth = (int) c->ssl_depth, .trusted = c->ssl_trusted, .crl = c->ssl_crl,
        .passwords = c->ssl_passwords, .commands = c->ssl_commands,
        .key_log = c->ssl_key_log != NULL ? on_secret : NULL, .key_log_data = c->ssl_key_log};

    if (c->ssl_certificate.text.n != 0 && is_const) {
        o.certificate = source_of(cf, c->ssl_certificate.text);
        o.key = source_of(cf, c->ssl_key.text);
    }
    if (c->ssl_certificate.text.n != 0 && c->ssl_key.text.n == 0) {
        return wr_conf_fail(cf, at, "no \"proxy_ssl_certificate_key\" is defined for "
                                    "certificate \"%.*s\"", WR_ARG(c->ssl_certificate.text));
    }
    if (c->ssl_verify && c->ssl_trusted.n == 0) {
        return wr_conf_fail(cf, at, "no proxy_ssl_trusted_certificate for proxy_ssl_verify");
    }
    c->client = wr_tls_client_new(cf, at, &o);
    return c->client != NULL ? WR_OK : WR_ERROR;
}

/* The name without a port. */
static wr_str_t
without_port(wr_str_t name)
{
    ssize_t colon = wr_str_rchr(name, ':');

    if (name.n != 0 && name.p[0] == '[') {
        ssize_t end = wr_str_chr(name, ']');

        return end > 0 ? wr_str(name.p, (size_t) end + 1) : name;
    }
    return colon >= 0 ? wr_str(name.p, (size_t) colon) : name;
}

/* As nginx: a certificate that comes out empty is none. */
static wr_rc_t
choose_certificate(wr_req_t *r, proxy_t *p)
{
    const proxy_conf_t *c = p->conf;
    wr_str_t            texts[2];
    const wr_cv_t      *cvs[2] = {&c->ssl_certificate, &c->ssl_key};
    const char         *paths[2];

    p->x.tls_certificate = NULL;
    if (c->ssl_certificate.text.n == 0 || (wr_cv_is_const(cvs[0]) && wr_cv_is_const(cvs[1]))) {
        return WR_OK;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (wr_cv_eval(r, cvs[i], &texts[i]) != WR_OK) {
            return WR_ERROR;
        }
        paths[i] = wr_pool_strz(wr_pool(r), (texts[i].n != 0 && texts[i].p[0] == '/')
                                                || !wr_tls_is_file(texts[i])
                                ? texts[i]
                                : wr_pool_join(wr_pool(r), wr_cycle->conf_prefix, texts[i]));
    }
    if (texts[0].n != 0) {
        p->x.tls_certificate = paths[0];
        p->x.tls_key = paths[1];
        p->x.tls_passwords = &c->ssl_passwords;
        p->x.tls_cache = c->ssl_cache;
    }
    return WR_OK;
}

wr_rc_t
proxy_use_tls(wr_req_t *r, proxy_t *p)
{
    wr_str_t name = p->target->name;

    WR_ASSERT(p->conf->client != NULL);
    if (p->conf->ssl_name.text.n != 0 && wr_cv_eval(r, &p->conf->ssl_name, &name) != WR_OK) {
        return WR_ERROR;
    }
    p->x.tls = p->conf->client;
    p->x.tls_name = without_port(name);
    p->x.tls_sni = p->conf->ssl_server_name;
    return choose_certificate(r, p);
}
