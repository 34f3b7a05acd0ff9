/*
 * HTTP/1.x: what a connection begins with, before it is one of HTTP/1: a header of the
 * PROXY protocol, TLS or not, the preface of HTTP/2, to which it is then handed over.
 */
#include <weir/http/h1_priv.h>

#include <weir/net/proxy_protocol.h>
#include <weir/net/tls.h>
#include <weir/process/cycle.h>

enum { SHOWN = 108 };           /* bytes of a bad header in the log */

const wr_http2_t *wr_http2;

/* HTTP/2 takes the connection; what was read goes with it. */
static void
become_http2(wr_h1_t *h)
{
    wr_addr_t peer;
    wr_str_t  early = wr_str(h->buf != NULL ? h->buf + h->pos : "", h->end - h->pos);

    memcpy(&peer.u, &h->peer.u, sizeof(h->peer.u));
    peer.len = h->peer.len;
    h->state = H1_DEAD;
    wr_http2->take(&h->conn, &h->client, h->endpoint, &peer, early);
}

wr_rc_t
wr_h1_test_http2(wr_h1_t *h)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t            n = h->end - h->pos;

    /* Where TLS is to be spoken, ALPN chooses; nothing is served without it. */
    if (h->requests != 0 || h->req != NULL || wr_http2 == NULL || h->endpoint->ssl
        || memcmp(h->buf + h->pos, preface, wr_min_size(n, sizeof(preface) - 1)) != 0
        || !wr_http2->enabled(h->endpoint, NULL))
    {
        return WR_DECLINED;
    }
    if (n < sizeof(preface) - 1) {
        return WR_AGAIN;
    }
    become_http2(h);
    return WR_OK;
}

static void
handshake(wr_h1_t *h)
{
    switch (wr_tls_handshake(&h->conn)) {
    case WR_AGAIN:
        return;
    case WR_OK:
        break;
    default:
        wr_h1_close(h);
        return;
    }
    h->state = H1_HEAD;
    if (wr_http2 != NULL && wr_str_eqz(wr_tls_alpn(&h->conn), "h2")) {
        become_http2(h);
        return;
    }
    wr_h1_read_head(h);
}

static bool
begin_tls(wr_h1_t *h)
{
    char  *bytes = h->buf;
    size_t at = h->pos, n = h->end - h->pos;

    h->buf = NULL;
    h->cap = h->pos = h->end = 0;
    h->conn.received = 0;       /* of what is within TLS it tells */
    return wr_tls_server(&h->conn, h->endpoint->default_server->ssl, h->endpoint, bytes, at, n)
           == WR_OK;
}

/* TLS records of a handshake begin with 22; plain requests are answered 497. */
static void
look_at_byte(wr_h1_t *h)
{
    unsigned char c = (unsigned char) h->buf[h->pos];

    if (c != 0x16 && c < 0x80) {
        h->state = H1_HEAD;
        if (wr_h1_use_bytes(h) && h->state == H1_HEAD && h->conn.watch.readable) {
            wr_h1_read_head(h);
        }
        return;
    }
    if (!begin_tls(h)) {
        wr_h1_close(h);
        return;
    }
    h->state = H1_TLS;
    handshake(h);
}

static void
look_at_first(wr_h1_t *h)
{
    if (wr_h1_fill(h)) {
        look_at_byte(h);
    }
}

static void
refuse_header(wr_h1_t *h, wr_str_t text)
{
    text = wr_str_sub(text, 0, wr_min_size(text.n, SHOWN));
    wr_log(wr_conn_log(&h->conn), WR_LOG_ERR, 0, "broken header: \"%.*s\"", WR_ARG(text));
    wr_h1_close(h);
}

/* Behind the header the connection begins as any other. */
static void
look_at_proxy(wr_h1_t *h)
{
    wr_str_t text;
    ssize_t  n;

    if (!wr_h1_fill(h)) {
        return;
    }
    text = wr_str(h->buf + h->pos, h->end - h->pos);
    n = wr_proxy_read(text, &h->conn.proxied);
    if (n < 0 || (n == 0 && h->end == h->cap)) {
        refuse_header(h, text);
        return;
    }
    if (n == 0) {
        return;
    }
    h->pos += (uint32_t) n;
    h->state = h->endpoint->ssl ? H1_FIRST : H1_HEAD;
    if (h->pos == h->end) {
        wr_h1_drop_buffer(h);
    }
    if (h->state == H1_FIRST && h->buf != NULL) {
        look_at_byte(h);
    } else if (h->state == H1_FIRST && h->conn.watch.readable) {
        look_at_first(h);
    } else if (h->state == H1_HEAD && (h->buf == NULL || wr_h1_use_bytes(h))
               && h->state == H1_HEAD && h->conn.watch.readable)
    {
        wr_h1_read_head(h);
    }
}

void
wr_h1_begin(wr_h1_t *h)
{
    switch (h->state) {
    case H1_PROXY:
        look_at_proxy(h);
        break;
    case H1_FIRST:
        look_at_first(h);
        break;
    default:
        handshake(h);
    }
}
