/*
 * ssl_conf_command, proxy_ssl_conf_command: kept as words while the conf is read, and given
 * to OpenSSL once the context has all other settings, which they may change. Clients' and
 * servers' commands are taken for either, as in nginx.
 */
#include <weir/net/tls_command.h>

#include <openssl/err.h>
#include <stdio.h>
#include <weir/net/tls.h>

static SSL_CONF_CTX *
begin(void)
{
    SSL_CONF_CTX *cc = SSL_CONF_CTX_new();

    WR_ASSERT(cc != NULL);
    SSL_CONF_CTX_set_flags(cc, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER
                                   | SSL_CONF_FLAG_CLIENT | SSL_CONF_FLAG_CERTIFICATE
                                   | SSL_CONF_FLAG_SHOW_ERRORS);
    return cc;
}

static bool
is_path(const char *name)
{
    SSL_CONF_CTX *cc = begin();
    int           type = SSL_CONF_cmd_value_type(cc, name);

    SSL_CONF_CTX_free(cc);
    return type == SSL_CONF_TYPE_FILE || type == SSL_CONF_TYPE_DIR;
}

wr_rc_t
wr_tls_command_set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_array_t *list = (wr_array_t *) (void *) ((char *) conf + d->offset);
    wr_str_t    name = cf->args[1].text, value = cf->args[2].text;

    if (list->pool == NULL) {
        *list = wr_array(cf->pool, sizeof(wr_str_t));
    }
    name.p = wr_pool_strz(cf->pool, name);
    if (value.n != 0 && is_path(name.p)) {
        value = wr_conf_file_path(cf, value);
    }
    value.p = wr_pool_strz(cf->pool, value);
    *WR_PUSH(list, wr_str_t) = name;
    *WR_PUSH(list, wr_str_t) = value;
    return WR_OK;
}

static bool
run_one(SSL_CONF_CTX *cc, const char *name, const char *value, wr_tls_fault_t *e)
{
    if (SSL_CONF_cmd(cc, name, value) > 0) {
        return true;
    }
    snprintf(e->text, sizeof(e->text), "SSL_CONF_cmd(\"%s\", \"%s\") failed (SSL: %s)", name,
             value, wr_tls_error());
    return false;
}

bool
wr_tls_commands_run(SSL_CTX *ctx, const wr_array_t *commands, wr_tls_fault_t *e)
{
    const wr_str_t *words = commands->items;
    SSL_CONF_CTX   *cc;
    bool            ok = true;

    if (commands->n == 0) {
        return true;
    }
    cc = begin();
    ERR_clear_error();
    SSL_CONF_CTX_set_ssl_ctx(cc, ctx);
    for (unsigned i = 0; ok && i + 1 < commands->n; i += 2) {
        ok = run_one(cc, words[i].p, words[i + 1].p, e);
        if (strcasecmp(words[i].p, "RecordPadding") == 0) {
            wr_tls_context_stays(ctx);
        }
    }
    if (ok && SSL_CONF_CTX_finish(cc) != 1) {
        snprintf(e->text, sizeof(e->text), "SSL_CONF_finish() failed (SSL: %s)", wr_tls_error());
        ok = false;
    }
    SSL_CONF_CTX_free(cc);
    return ok;
}
