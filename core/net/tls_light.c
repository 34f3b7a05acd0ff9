/*
 * TLS: connections whose handshake is complete and whose SSL is gone.
 *
 * Of TLS 1.3, secrets and keys of both directions are noted when they are derived, which is
 * done by us (tls_provider.c); of TLS 1.2, the keys are made once more of the master secret.
 * With them records are opened and sealed here (tls_record.c), and of 15 KB for an idle
 * connection some 3.5 are left. Only what is usual becomes light: an AEAD cipher, a client
 * without a certificate, without early data, over a socket that the kernel does not
 * encrypt. After a handshake a client may still send alerts and KeyUpdate (or ask for
 * another handshake, which TLS 1.2 lets us decline); all else ends the connection with an
 * alert.
 */
#include <weir/net/tls_priv.h>
#include <weir/net/tls_record.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

/* Records without data, one after the other: a peer that only makes work is ended. */
enum { MAX_IDLE_RECORDS = 32 };

/* What was derived of a direction's secret, before it is used. */
typedef struct noted {
    size_t        secret_n;             /* 0: nothing */
    bool          has_key, has_iv;
    unsigned char key[32];
} noted_t;

struct wr_tls_light {
    wr_record_keys_t  in, out;              /* first no more than secret and iv */
    noted_t           noted_in, noted_out;
    bool              owes_update;          /* the peer asked for a KeyUpdate */
    bool              closed;               /* the peer has said so */
    bool              said_closed;          /* we have */
    bool              reused;
    uint8_t           idle_records;
    uint8_t           part_n;               /* of a message whose rest is in a later record */
    char              part[5];
    uint8_t           id_n;
    unsigned char     id[SSL_MAX_SSL_SESSION_ID_LENGTH];
    const SSL_CIPHER *cipher;
    int               group;
    const char       *scheme;
    /* In one block: */
    char             *kept;
    wr_str_t          name, alpn, ciphers, groups;
};

/* ---- when ---- */

enum { USES_UNIT = 16, USES_LONG = 4 * USES_UNIT, OPEN_MANY = 128 };

/* Of clients' connections: how many there are, and how often one was written to before
 * its end, a moving average in sixteenths. */
static unsigned n_open, uses = 8 * USES_UNIT;

void
tls_light_opened(void)
{
    n_open++;
}

void
tls_light_ended(const wr_tls_t *t)
{
    n_open--;
    uses += t->uses * USES_UNIT / 8 - uses / 8;
}

/* Of TLS 1.2 becoming light costs 73,000 instructions (callgrind), which a request gives back
 * bit by bit: worth it where connections are used for long, or are many. Of TLS 1.3 the
 * first request pays for it. */
static bool
old_pays_off(void)
{
    return uses >= USES_LONG || n_open > OPEN_MANY;
}

/* ---- the secrets ---- */

static void
note_secret(wr_record_keys_t *k, noted_t *noted, const unsigned char *p, size_t n)
{
    *noted = (noted_t) {.secret_n = n};
    memcpy(k->secret, p, n);
}

/* False: it is of another secret. */
static bool
note_key(wr_record_keys_t *k, noted_t *noted, wr_str_t secret, bool is_iv,
         const unsigned char *p, size_t n)
{
    if (noted->secret_n == 0 || secret.n != noted->secret_n
        || CRYPTO_memcmp(k->secret, secret.p, secret.n) != 0)
    {
        return false;
    }
    if (is_iv && n == sizeof(k->iv)) {
        noted->has_iv = true;
        memcpy(k->iv, p, n);
    } else if (!is_iv && n <= sizeof(noted->key)) {
        noted->has_key = true;
        memcpy(noted->key, p, n);
    }
    return true;
}

void
tls_note_derived(wr_tls_t *t, wr_str_t secret, wr_str_t label, const unsigned char *p, size_t n)
{
    wr_tls_light_t *l = t->light;
    bool            is_iv = wr_str_eqz(label, "iv"), is_in = wr_str_eqz(label, "c ap traffic");

    if (l != NULL && (is_iv || wr_str_eqz(label, "key"))) {
        if (!note_key(&l->in, &l->noted_in, secret, is_iv, p, n)) {
            (void) note_key(&l->out, &l->noted_out, secret, is_iv, p, n);
        }
        return;
    }
    if ((!is_in && !wr_str_eqz(label, "s ap traffic")) || n > WR_RECORD_SECRET) {
        return;
    }
    if (l == NULL) {
        t->light = l = calloc(1, sizeof(*l));
        WR_ASSERT(l != NULL);
    }
    note_secret(is_in ? &l->in : &l->out, is_in ? &l->noted_in : &l->noted_out, p, n);
}

/* ---- becoming light ---- */

static bool
has_secrets(const wr_tls_t *t)
{
    const wr_tls_light_t *l = t->light;

    switch (SSL_version(t->ssl)) {
    case TLS1_3_VERSION:
        return l != NULL && l->noted_in.has_key && l->noted_in.has_iv && l->noted_out.has_key
               && l->noted_out.has_iv;
    case TLS1_2_VERSION:
        return old_pays_off();
    default:
        return false;
    }
}

static bool
may_be_light(const wr_tls_t *t)
{
    const SSL *ssl = t->ssl;

    return !t->heavy && !t->early && has_secrets(t)
           && wr_suite_of(SSL_get_current_cipher(ssl)) != NULL
           && SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE
           && SSL_get0_peer_certificate(ssl) == NULL && SSL_has_pending(ssl) == 0
           && SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl))
                  == TLSEXT_max_fragment_length_DISABLED;
}

static bool
make_keys(wr_tls_t *t)
{
    wr_tls_light_t   *l = t->light;
    const wr_suite_t *s = wr_suite_of(SSL_get_current_cipher(t->ssl));
    bool              ok;

    if (wr_suite_is_old(s)) {
        return wr_record_begin_old(&l->in, &l->out, s, t->ssl);
    }
    ok = wr_record_begin(&l->in, s, l->noted_in.key, 0, false)
         && wr_record_begin(&l->out, s, l->noted_out.key, t->tickets, true);
    OPENSSL_cleanse(&l->noted_in, sizeof(l->noted_in));
    OPENSSL_cleanse(&l->noted_out, sizeof(l->noted_out));
    return ok;
}

static wr_str_t
keep(char **at, const void *p, size_t n)
{
    wr_str_t kept = wr_str(*at, n);

    if (n != 0) {
        memcpy(*at, p, n);
    }
    *at += n;
    return kept;
}

/* What variables may ask for later. */
static void
keep_facts(wr_tls_t *t)
{
    wr_tls_light_t *l = t->light;
    const char     *name = wr_tls_name(t);
    wr_str_t        alpn = wr_tls_alpn(t->conn), ciphers = wr_tls_offered_ciphers(t);
    wr_str_t        id = wr_tls_session_id(t);
    int             groups[64];
    size_t          n_groups = wr_tls_offered_groups(t, groups, WR_COUNT(groups));
    size_t          name_n = name != NULL ? strlen(name) + 1 : 0;
    char           *at;

    n_groups *= sizeof(groups[0]);
    l->kept = at = malloc(n_groups + name_n + alpn.n + ciphers.n + 1);
    WR_ASSERT(at != NULL);
    l->groups = keep(&at, groups, n_groups);
    l->name = keep(&at, name, name_n);
    l->alpn = keep(&at, alpn.p, alpn.n);
    l->ciphers = keep(&at, ciphers.p, ciphers.n);
    l->id_n = (uint8_t) wr_min_size(id.n, sizeof(l->id));
    memcpy(l->id, id.p, l->id_n);
    l->cipher = SSL_get_current_cipher(t->ssl);
    l->reused = SSL_session_reused(t->ssl);
    l->group = (int) SSL_get_negotiated_group(t->ssl);
    l->scheme = tls_scheme(t->ssl);
}

void
tls_lighten(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    if (!may_be_light(t)) {
        tls_light_free(t);
        return;
    }
    if (t->light == NULL) {
        t->light = calloc(1, sizeof(*t->light));
        WR_ASSERT(t->light != NULL);
    }
    if (!make_keys(t)) {
        ERR_clear_error();
        tls_light_free(t);
        return;
    }
    keep_facts(t);
    /* Else the session would leave the cache. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    t->ssl = NULL;
}

void
tls_light_free(wr_tls_t *t)
{
    wr_tls_light_t *l = t->light;

    if (l == NULL) {
        return;
    }
    wr_record_end(&l->in);
    wr_record_end(&l->out);
    free(l->kept);
    OPENSSL_cleanse(&l->noted_in, sizeof(l->noted_in));
    OPENSSL_cleanse(&l->noted_out, sizeof(l->noted_out));
    free(l);
    t->light = NULL;
}

/* ---- out ---- */

static bool
seal(wr_tls_t *t, int type, const char *p, size_t n)
{
    size_t size = wr_record_seal(&t->light->out, type, p, n, tls_cork.bytes + tls_cork.n);

    tls_cork.n += size;
    return size != 0;
}

/* Keys change when they are worn, or when the peer wants it: before the next data. */
static bool
maybe_update(wr_tls_t *t)
{
    static const char message[] = {24, 0, 0, 1, 0};
    wr_tls_light_t   *l = t->light;

    if (!l->owes_update && !wr_record_is_worn(&l->out)) {
        return true;
    }
    l->owes_update = false;
    return seal(t, WR_RECORD_HANDSHAKE, message, sizeof(message))
           && wr_record_next_keys(&l->out);
}

_Static_assert(TLS_CORK >= TLS_JOIN + (TLS_JOIN / SMALLEST_RECORD + 2) * WR_RECORD_MORE_OLD,
               "seal looks at no bounds");

size_t
tls_light_encrypt(wr_tls_t *t, const char *p, size_t n, int *kind)
{
    size_t done = 0;

    *kind = 0;
    while (done < n) {
        size_t size = tls_record_size(t, n - done);

        if (!maybe_update(t) || !seal(t, WR_RECORD_DATA, p + done, size)) {
            *kind = SSL_ERROR_SSL;
            break;
        }
        done += size;
        t->run += size;
    }
    return done;
}

static void
send_alert(wr_tls_t *t, char level, int alert)
{
    const char message[2] = {level, (char) alert};

    if (t->light->said_closed) {
        return;
    }
    t->light->said_closed = alert != SSL_AD_NO_RENEGOTIATION;
    tls_cork.of = t;
    tls_cork.n = 0;
    (void) seal(t, WR_RECORD_ALERT, message, sizeof(message));
    (void) tls_uncork(t);
    ERR_clear_error();
}

void
tls_light_close(wr_tls_t *t)
{
    send_alert(t, SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY);
}

/* ---- in ---- */

/* As OpenSSL calls it. */
static int
reason_of(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_RECORD_MAC:
        return SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC;
    case SSL_AD_RECORD_OVERFLOW:
        return SSL_R_DATA_LENGTH_TOO_LONG;
    case SSL_AD_DECODE_ERROR:
        return SSL_R_BAD_LENGTH;
    default:
        return SSL_R_UNEXPECTED_MESSAGE;
    }
}

static int
fail(wr_tls_t *t, int alert)
{
    send_alert(t, SSL3_AL_FATAL, alert);
    ERR_raise(ERR_LIB_SSL, reason_of(alert));
    tls_failed(t->conn, "SSL_read()", SSL_ERROR_SSL);
    return -1;
}

/* 0: go on; -1: errno. */
static int
take_alert(wr_tls_t *t, wr_str_t text)
{
    int alert = text.n == 2 ? (unsigned char) text.p[1] : -1;

    if (alert < 0) {
        return fail(t, SSL_AD_DECODE_ERROR);
    }
    if (alert == SSL_AD_CLOSE_NOTIFY) {
        t->light->closed = true;
        return 0;
    }
    if (alert == SSL_AD_USER_CANCELLED
        || (text.p[0] == SSL3_AL_WARNING && wr_suite_is_old(t->light->in.suite)))
    {
        return 0;
    }
    t->light->said_closed = true;       /* RFC 8446 §6.2: nothing more is sent */
    ERR_raise_data(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + alert, "SSL alert number %d", alert);
    tls_failed(t->conn, "SSL_read()", SSL_ERROR_SSL);
    return -1;
}

/* We begin no other handshake: TLS 1.2 lets us say so. */
static int
decline(wr_tls_t *t)
{
    if (t->held == NULL) {      /* else they would pile up for a client that does not read */
        send_alert(t, SSL3_AL_WARNING, SSL_AD_NO_RENEGOTIATION);
    }
    return 0;
}

/* No message but KeyUpdate. It may be spread over records, but it changes the keys, so it
 * ends the last of them (RFC 8446 §5.1). */
static int
take_message(wr_tls_t *t, wr_str_t text)
{
    static const char head[] = {24, 0, 0, 1};
    wr_tls_light_t   *l = t->light;

    if (text.n == 0 || text.n > sizeof(l->part) - l->part_n) {
        return fail(t, SSL_AD_UNEXPECTED_MESSAGE);
    }
    memcpy(l->part + l->part_n, text.p, text.n);
    l->part_n += (uint8_t) text.n;
    if (memcmp(l->part, head, wr_min_size(l->part_n, sizeof(head))) != 0) {
        return fail(t, SSL_AD_UNEXPECTED_MESSAGE);
    }
    if (l->part_n < sizeof(l->part)) {
        return 0;
    }
    l->part_n = 0;
    if ((unsigned char) l->part[4] > 1) {
        return fail(t, SSL_AD_ILLEGAL_PARAMETER);
    }
    l->owes_update |= l->part[4] == 1;
    return wr_record_next_keys(&l->in) ? 0 : fail(t, SSL_AD_INTERNAL_ERROR);
}

/* Of a record that holds no data for the application. */
static int
take_other(wr_tls_t *t, int type, wr_str_t text)
{
    wr_tls_light_t *l = t->light;

    if (++l->idle_records > MAX_IDLE_RECORDS
        || (l->part_n != 0 && type != WR_RECORD_HANDSHAKE))
    {
        return fail(t, SSL_AD_UNEXPECTED_MESSAGE);
    }
    switch (type) {
    case WR_RECORD_DATA:
        return 0;
    case WR_RECORD_ALERT:
        return take_alert(t, text);
    case WR_RECORD_HANDSHAKE:
        return wr_suite_is_old(l->in.suite) ? decline(t) : take_message(t, text);
    default:
        return fail(t, SSL_AD_UNEXPECTED_MESSAGE);
    }
}

/* The next record of tls_ahead. 1: it was taken; 0: it is not all there; -1: errno. */
static int
open_next(wr_tls_t *t)
{
    wr_tls_light_t *l = t->light;
    char           *p = tls_ahead.bytes + tls_ahead.at;
    int             alert = SSL_AD_INTERNAL_ERROR, type;
    ssize_t         size = wr_record_whole(&l->in, p, tls_ahead.n - tls_ahead.at, &alert);
    wr_str_t        plain;

    if (size <= 0) {
        return size == 0 ? 0 : fail(t, alert);
    }
    type = wr_record_open(&l->in, p, (size_t) size, &plain, &alert);
    if (type < 0) {
        return fail(t, alert);
    }
    tls_ahead.at += (size_t) size;
    if (type != WR_RECORD_DATA || plain.n == 0 || l->part_n != 0) {
        return take_other(t, type, plain) == 0 ? 1 : -1;
    }
    l->idle_records = 0;
    tls_ahead.plain = plain;
    return 1;
}

/* How much; 0: the end; -1: errno. What came before an end or an error is given first. */
static ssize_t
take(wr_tls_t *t, char *to, size_t n)
{
    wr_str_t *plain = &tls_ahead.plain;
    size_t    done = 0;

    if (t->conn->error && plain->n == 0) {
        errno = EPROTO;         /* of the call before, which had data to give */
        return -1;
    }
    for (;;) {
        size_t  part = wr_min_size(plain->n, n - done);
        ssize_t rc;

        if (part != 0) {
            memcpy(to + done, plain->p, part);
            *plain = wr_str_skip(*plain, part);
            done += part;
        }
        if (done == n || t->light->closed) {
            return (ssize_t) done;
        }
        rc = open_next(t);
        if (rc == 0) {
            rc = tls_ahead_more(t);
        }
        if (rc <= 0) {
            return done != 0 ? (ssize_t) done : rc;
        }
    }
}

ssize_t
tls_light_recv(wr_conn_t *c, void *to, size_t n)
{
    wr_tls_t *t = c->tls;
    ssize_t   got;
    int       alert, err;

    tls_ahead_begin(t, n);
    got = take(t, to, n);
    err = errno;
    c->watch.readable = t->kernel_ready || tls_ahead.plain.n != 0 || t->light->closed || c->error
                        || wr_record_whole(&t->light->in, tls_ahead.bytes + tls_ahead.at,
                                           tls_ahead.n - tls_ahead.at, &alert) != 0;
    tls_ahead_end(t);
    errno = err;
    return got;
}

/* ---- what was agreed upon ---- */

void
tls_light_facts(const wr_tls_t *t, tls_facts_t *f)
{
    const wr_tls_light_t *l = t->light;

    *f = (tls_facts_t) {
        .is_old = wr_suite_is_old(l->in.suite), .cipher = l->cipher,
        .name = l->name.n != 0 ? l->name.p : NULL, .alpn = l->alpn, .ciphers = l->ciphers,
        .groups = l->groups, .reused = l->reused, .group = l->group,
        .scheme = l->scheme,
        .id = wr_str((const char *) l->id, l->id_n)};
}
