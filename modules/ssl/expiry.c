/*
 * Until when certificates are valid, by the names of their files: noted when the conf is
 * read, again when a worker serves a renewed one, and told to those who ask for metrics.
 * Certificates whose names hold variables are not known before a handshake, so they are
 * left out.
 */
#include "ssl.h"

#include <openssl/x509.h>
#include <time.h>

/* Name of the file → expiry_t, in the pools of their cycles: of the conf that is being
 * read, and of the newest one. */
typedef struct expiry {
    int64_t not_after;          /* Unix time */
} expiry_t;

static wr_map_t *reading, *current;

static int64_t
not_after(const X509 *cert)
{
    struct tm t;

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &t) == 1 ? timegm(&t) : 0;
}

void
ssl_expiry_prepare(wr_conf_t *cf)
{
    reading = WR_NEW(cf->pool, wr_map_t);
    *reading = wr_map(cf->pool, false);
    wr_cycle_newest(cf, &current, reading);
}

void
ssl_expiry_note(wr_conf_t *cf, wr_str_t name, const X509 *cert)
{
    if (wr_str_starts(name, WR_STR("data:"))) {
        name = WR_STR("data:");
    }
    if (wr_map_get(reading, name) == NULL) {
        expiry_t *e = WR_NEW(cf->pool, expiry_t);

        e->not_after = not_after(cert);
        (void) wr_map_set(reading, wr_pool_str(cf->pool, name), e);
    }
}

void
ssl_expiry_renewed(wr_str_t name, const X509 *cert)
{
    expiry_t *e = current != NULL ? wr_map_get(current, name) : NULL;

    if (e != NULL) {
        e->not_after = not_after(cert);
    }
}

void
ssl_expiry_put(wr_metrics_t *to)
{
    static const wr_metric_t end = {
        .name = "weir_tls_cert_not_after_seconds",
        .help = "When the certificate that is served ends, in Unix time.",
        .kind = WR_METRIC_GAUGE, .labels = {"name"}};

    for (uint32_t i = 0; current != NULL && i < current->n && i < wr_metrics_limit; i++) {
        const expiry_t *e = current->entries[i].value;

        wr_metrics_put(to, &end, &current->entries[i].key, (double) e->not_after);
    }
}
