/*
 * $ssl_…: what is known of the TLS connection and of the client's certificate.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define GETTER(name)                                                          \
    static wr_rc_t name(wr_req_t *r, const wr_var_t *v, wr_str_t *value)

static const wr_tls_t *
tls_of(const wr_req_t *r)
{
    const wr_conn_t *c = r->main->conn;

    return c != NULL ? c->tls : NULL;
}

static wr_rc_t
found(wr_req_t *r, wr_str_t *value, const char *text)
{
    *value = wr_pool_str(wr_pool(r), wr_str_z(text != NULL ? text : ""));
    return WR_OK;
}

static wr_rc_t
hex(wr_req_t *r, wr_str_t *value, const unsigned char *p, size_t n)
{
    char *to = wr_alloc_bytes(wr_pool(r), n * 2);

    for (size_t i = 0; i < n; i++) {
        to[i * 2] = "0123456789abcdef"[p[i] >> 4];
        to[i * 2 + 1] = "0123456789abcdef"[p[i] & 15];
    }
    *value = wr_str(to, n * 2);
    return WR_OK;
}

/* ---- the connection ---- */

enum { PROTOCOL, CIPHER, CIPHERS, CURVE, CURVES, SESSION_ID, REUSED, EARLY, NAME, ALPN, ECH,
       SCHEME };

/* OpenSSL wants an SSL to know ciphers by their numbers; light connections have none. */
static SSL *
any_ssl(void)
{
    static SSL *ssl;
    SSL_CTX    *ctx;

    if (ssl == NULL) {
        ctx = SSL_CTX_new(TLS_server_method());
        ssl = ctx != NULL ? SSL_new(ctx) : NULL;
        SSL_CTX_free(ctx);
    }
    return ssl;
}

static void
put_ciphers(const wr_tls_t *t, wr_buf_t *b)
{
    wr_str_t raw = wr_tls_offered_ciphers(t);

    for (size_t i = 0; i + 1 < raw.n; i += 2) {
        const unsigned char *p = (const unsigned char *) raw.p + i;
        const SSL_CIPHER    *c = any_ssl() != NULL ? SSL_CIPHER_find(any_ssl(), p) : NULL;

        if (b->n != 0) {
            wr_buf_char(b, ':');
        }
        if (c != NULL) {
            wr_buf_z(b, SSL_CIPHER_get_name(c));
        } else {
            wr_buf_printf(b, "0x%02x%02x", p[0], p[1]);
        }
    }
}

static void
put_curves(const wr_tls_t *t, wr_buf_t *b)
{
    int      curves[64];
    unsigned n = wr_tls_offered_groups(t, curves, WR_COUNT(curves));

    for (unsigned i = 0; i < n; i++) {
        if (b->n != 0) {
            wr_buf_char(b, ':');
        }
        if ((curves[i] & TLSEXT_nid_unknown) != 0) {
            wr_buf_printf(b, "0x%04x", (unsigned) curves[i] & 0xffff);
        } else {
            wr_buf_z(b, OBJ_nid2sn(curves[i]));
        }
    }
}

static const char *
curve_name(const wr_tls_t *t)
{
    static char text[16];
    int         nid = wr_tls_group(t);

    if (nid == NID_undef) {
        return "";
    }
    if ((nid & TLSEXT_nid_unknown) != 0) {
        snprintf(text, sizeof(text), "0x%04x", (unsigned) nid & 0xffff);
        return text;
    }
    return OBJ_nid2sn(nid);
}

GETTER(get_ssl)
{
    const wr_tls_t *t = tls_of(r);
    wr_buf_t        b = wr_buf(wr_pool(r));
    wr_str_t        id;

    if (t == NULL) {
        return WR_NOTFOUND;
    }
    switch (v->data) {
    case PROTOCOL:
        return found(r, value, wr_tls_version(t));
    case CIPHER:
        return found(r, value, SSL_CIPHER_get_name(wr_tls_cipher(t)));
    case CIPHERS:
        put_ciphers(t, &b);
        break;
    case CURVE:
        return found(r, value, curve_name(t));
    case CURVES:
        put_curves(t, &b);
        break;
    case SESSION_ID:
        id = wr_tls_session_id(t);
        return hex(r, value, (const unsigned char *) id.p, id.n);
    case REUSED:
        return found(r, value, wr_tls_reused(t) ? "r" : ".");
    case EARLY:
        return found(r, value, wr_tls_is_early(t) ? "1" : "");
    case ECH:
        return found(r, value, "");
    case NAME:
        return found(r, value, wr_tls_name(t));
    case SCHEME:
        return found(r, value, wr_tls_scheme(t));
    default:
        *value = wr_pool_str(wr_pool(r), wr_tls_alpn(t->conn));
        return WR_OK;
    }
    *value = wr_buf_text(&b);
    return WR_OK;
}

/* ---- the client's certificate ---- */

enum { CERT, RAW_CERT, ESCAPED_CERT, S_DN, I_DN, S_DN_OLD, I_DN_OLD, SERIAL, FINGERPRINT,
       VERIFY, START, END, REMAIN, SIGALG };

static wr_rc_t
from_bio(wr_req_t *r, wr_str_t *value, BIO *b)
{
    char *p;
    long  n = BIO_get_mem_data(b, &p);

    *value = wr_pool_str(wr_pool(r), wr_str(p, n > 0 ? (size_t) n : 0));
    BIO_free(b);
    return WR_OK;
}

/* Lines behind the first begin with a tab: for a header. */
static wr_str_t
indented(wr_req_t *r, wr_str_t pem)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    if (pem.n != 0 && pem.p[pem.n - 1] == '\n') {
        pem.n--;
    }
    for (size_t i = 0; i < pem.n; i++) {
        wr_buf_char(&b, pem.p[i]);
        if (pem.p[i] == '\n') {
            wr_buf_char(&b, '\t');
        }
    }
    return wr_buf_text(&b);
}

static wr_rc_t
get_pem(wr_req_t *r, X509 *x, uintptr_t what, wr_str_t *value)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (b == NULL || PEM_write_bio_X509(b, x) != 1) {
        BIO_free(b);
        ERR_clear_error();
        return WR_ERROR;
    }
    (void) from_bio(r, value, b);
    if (what == CERT) {
        *value = indented(r, *value);
    } else if (what == ESCAPED_CERT) {
        *value = wr_uri_escape(wr_pool(r), *value, WR_ESC_COMPONENT);
    }
    return WR_OK;
}

static wr_rc_t
get_dn(wr_req_t *r, const X509_NAME *name, wr_str_t *value)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (b == NULL || X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) < 0) {
        BIO_free(b);
        ERR_clear_error();
        return WR_ERROR;
    }
    return from_bio(r, value, b);
}

static wr_rc_t
get_old_dn(wr_req_t *r, const X509_NAME *name, wr_str_t *value)
{
    char    *line = X509_NAME_oneline(name, NULL, 0);
    wr_rc_t  rc = found(r, value, line);

    OPENSSL_free(line);
    return rc;
}

static wr_rc_t
get_verify(wr_req_t *r, SSL *ssl, const X509 *x, wr_str_t *value)
{
    long result;

    if (x == NULL) {
        return found(r, value, "NONE");
    }
    result = SSL_get_verify_result(ssl);
    if (result == X509_V_OK && ssl_ocsp_verdict(ssl) != NULL) {
        *value = wr_pool_printf(wr_pool(r), "FAILED:%s", ssl_ocsp_verdict(ssl));
        return WR_OK;
    }
    if (result == X509_V_OK) {
        return found(r, value, "SUCCESS");
    }
    *value = wr_pool_printf(wr_pool(r), "FAILED:%s", X509_verify_cert_error_string(result));
    return WR_OK;
}

static wr_rc_t
get_remain(wr_req_t *r, const X509 *x, wr_str_t *value)
{
    int days, seconds;

    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) != 1) {
        ERR_clear_error();
        return WR_ERROR;
    }
    *value = wr_pool_printf(wr_pool(r), "%d", days < 0 || seconds < 0 ? 0 : days);
    return WR_OK;
}

static wr_rc_t
get_of(wr_req_t *r, X509 *x, uintptr_t what, wr_str_t *value)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      n;
    BIO          *b;

    switch (what) {
    case S_DN:
        return get_dn(r, X509_get_subject_name(x), value);
    case I_DN:
        return get_dn(r, X509_get_issuer_name(x), value);
    case S_DN_OLD:
        return get_old_dn(r, X509_get_subject_name(x), value);
    case I_DN_OLD:
        return get_old_dn(r, X509_get_issuer_name(x), value);
    case FINGERPRINT:
        return X509_digest(x, EVP_sha1(), digest, &n) == 1 ? hex(r, value, digest, n)
                                                          : WR_ERROR;
    case REMAIN:
        return get_remain(r, x, value);
    case SERIAL:
    case START:
    case END:
        b = BIO_new(BIO_s_mem());
        if (b == NULL) {
            return WR_ERROR;
        }
        if (what == SERIAL) {
            i2a_ASN1_INTEGER(b, X509_get0_serialNumber(x));
        } else {
            ASN1_TIME_print(b, what == START ? X509_get0_notBefore(x)
                                             : X509_get0_notAfter(x));
        }
        return from_bio(r, value, b);
    default:
        return get_pem(r, x, what, value);
    }
}

GETTER(get_client)
{
    const wr_tls_t *t = tls_of(r);
    X509           *x;
    wr_rc_t         rc;

    if (t == NULL) {
        return WR_NOTFOUND;
    }
    /* Who has shown a certificate is not light. */
    x = t->ssl != NULL ? SSL_get0_peer_certificate(t->ssl) : NULL;
    if (v->data == VERIFY) {
        return get_verify(r, t->ssl, x, value);
    }
    if (x == NULL) {
        return found(r, value, "");
    }
    if (v->data == SIGALG) {
        return found(r, value, wr_tls_peer_scheme(t));
    }
    rc = get_of(r, x, v->data, value);
    ERR_clear_error();
    return rc;
}

#define ROW(n, get, what, text) {n, get, NULL, what, 0, text}

const wr_var_row_t ssl_variables[] = {
    ROW("ssl_protocol", get_ssl, PROTOCOL, "TLSv1.2, TLSv1.3"),
    ROW("ssl_cipher", get_ssl, CIPHER, "The cipher in use"),
    ROW("ssl_ciphers", get_ssl, CIPHERS, "What the client offered"),
    ROW("ssl_curve", get_ssl, CURVE, "The curve of the key exchange"),
    ROW("ssl_curves", get_ssl, CURVES, "The curves that the client offered"),
    ROW("ssl_session_id", get_ssl, SESSION_ID, "The session, in hexadecimal digits"),
    ROW("ssl_session_reused", get_ssl, REUSED, "r where a session was resumed, else a dot"),
    ROW("ssl_early_data", get_ssl, EARLY,
        "1 until the handshake is complete: such a request may be a replay"),
    ROW("ssl_server_name", get_ssl, NAME, "The name asked for by SNI"),
    ROW("ssl_sigalg", get_ssl, SCHEME,
        "How the server has signed: ecdsa_secp256r1_sha256; empty where a session was resumed"),
    ROW("ssl_alpn_protocol", get_ssl, ALPN, "The protocol chosen by ALPN"),
    ROW("ssl_ech_status", get_ssl, ECH, "Of Encrypted Client Hello: empty, it is not spoken"),
    ROW("ssl_ech_outer_server_name", get_ssl, ECH, "Of Encrypted Client Hello: empty"),
    ROW("ssl_client_cert", get_client, CERT, "The client's certificate for a header"),
    ROW("ssl_client_raw_cert", get_client, RAW_CERT, "The client's certificate, PEM"),
    ROW("ssl_client_escaped_cert", get_client, ESCAPED_CERT, "The same, URL-encoded"),
    ROW("ssl_client_s_dn", get_client, S_DN, "Its subject, RFC 2253"),
    ROW("ssl_client_i_dn", get_client, I_DN, "Its issuer, RFC 2253"),
    ROW("ssl_client_s_dn_legacy", get_client, S_DN_OLD, "Its subject with slashes"),
    ROW("ssl_client_i_dn_legacy", get_client, I_DN_OLD, "Its issuer with slashes"),
    ROW("ssl_client_serial", get_client, SERIAL, "Its serial number"),
    ROW("ssl_client_fingerprint", get_client, FINGERPRINT, "Its SHA-1 fingerprint"),
    ROW("ssl_client_verify", get_client, VERIFY, "SUCCESS, FAILED:reason or NONE"),
    ROW("ssl_client_v_start", get_client, START, "Since when it is valid"),
    ROW("ssl_client_v_end", get_client, END, "Until when it is valid"),
    ROW("ssl_client_v_remain", get_client, REMAIN, "Days until it expires"),
    ROW("ssl_client_sigalg", get_client, SIGALG, "How the client has signed: rsa_pss_rsae_sha256"),
    {.name = NULL}
};
