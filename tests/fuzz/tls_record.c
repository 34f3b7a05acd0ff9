/*
 * Records of TLS 1.3 and 1.2. The first byte chooses: bytes of a peer without keys, as a stream;
 * or a record that a peer with keys has sealed, opened as it is and once more with a bit
 * turned. What comes out lies within the record; a turned bit is noticed.
 */
#include <weir/net/tls_record.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char secret[WR_RECORD_SECRET] =
    "a secret of the fuzzer, forty-eight bytes long.";

static const wr_suite_t *
any_suite(unsigned which)
{
    static const unsigned char ids[][2] = {{0x13, 1}, {0x13, 2}, {0x13, 3}, {0xc0, 0x2b},
                                           {0xc0, 0x30}, {0xcc, 0xa9}};
    static SSL                *ssl;

    if (ssl == NULL) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

        ssl = SSL_new(ctx);
        SSL_CTX_free(ctx);
    }
    return wr_suite_of(SSL_CIPHER_find(ssl, ids[which % 6]));
}

static void
stream(wr_record_keys_t *k, char *p, size_t n)
{
    size_t at = 0;

    for (;;) {
        int      alert = -1;
        ssize_t  whole = wr_record_whole(k, p + at, n - at, &alert);
        wr_str_t plain;

        if (whole == 0 || (whole < 0 && alert > 0)) {
            return;
        }
        if (whole < 0 || (size_t) whole > n - at
            || wr_record_open(k, p + at, (size_t) whole, &plain, &alert) >= 0 || alert <= 0)
        {
            abort();            /* nobody guesses a tag */
        }
        at += (size_t) whole;
    }
}

static void
sealed(wr_record_keys_t *in, wr_record_keys_t *out, const uint8_t *data, size_t n)
{
    size_t   len = n - 1 < WR_RECORD_PLAIN ? n - 1 : WR_RECORD_PLAIN;
    char    *record = malloc(len + WR_RECORD_MORE_OLD), *copy = malloc(len + WR_RECORD_MORE_OLD);
    bool     old = wr_suite_is_old(in->suite);
    int      sent = old ? WR_RECORD_ALERT + data[0] % 3 : data[0];
    size_t   size = wr_record_seal(out, sent, (const char *) data + 1, len, record);
    wr_str_t plain;
    int      alert = -1, type;

    if ((old ? size > len + WR_RECORD_MORE_OLD : size != len + WR_RECORD_MORE)
        || wr_record_whole(in, record, size, &alert) != (ssize_t) size)
    {
        abort();
    }
    memcpy(copy, record, size);
    type = wr_record_open(in, record, size, &plain, &alert);
    if (sent != 0
        && (type != sent || plain.n != len || memcmp(plain.p, data + 1, len) != 0))
    {
        abort();
    }
    in->seq--;
    copy[WR_RECORD_HEAD + len] = (char) (copy[WR_RECORD_HEAD + len] ^ 1);
    if (wr_record_open(in, copy, size, &plain, &alert) != -1 || alert != SSL_AD_BAD_RECORD_MAC) {
        abort();
    }
    free(record);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_record_keys_t in = {0}, out = {0};
    char            *p;

    if (size < 2) {
        return 0;
    }
    if (!wr_record_derive(&in, any_suite(data[0] / 2), secret, 0, false)
        || !wr_record_derive(&out, any_suite(data[0] / 2), secret, 0, true))
    {
        abort();
    }
    if (data[0] % 2 == 0) {
        p = malloc(size - 1);
        memcpy(p, data + 1, size - 1);
        stream(&in, p, size - 1);
        free(p);
    } else {
        sealed(&in, &out, data + 1, size - 1);
    }
    wr_record_end(&in);
    wr_record_end(&out);
    return 0;
}
