/*
 * The PROXY protocol, versions 1 (a line) and 2 (binary).
 */
#include <weir/net/proxy_protocol.h>

#include <stdlib.h>

enum { LINE_MAX_1 = 107, HEAD_2 = 16, LOCAL = 0, PROXY = 1, STREAM = 1, INET = 1, INET6 = 2 };
enum { TLV_SSL = 0x20, SSL_FRONT = 5 };

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static wr_proxied_t *
make(const char *tlvs, size_t n)
{
    wr_proxied_t *p = calloc(1, sizeof(*p) + n);

    WR_ASSERT(p != NULL);
    p->tlvs_n = n;
    if (n != 0) {
        memcpy(p->tlvs, tlvs, n);
    }
    return p;
}

/* ---- version 1: "PROXY TCP4 1.2.3.4 5.6.7.8 1234 80" ---- */

static bool
take_word(wr_str_t *rest, wr_str_t *word)
{
    ssize_t at = wr_str_chr(*rest, ' ');

    *word = at >= 0 ? wr_str_sub(*rest, 0, (size_t) at) : *rest;
    *rest = at >= 0 ? wr_str_skip(*rest, (size_t) at + 1) : WR_STR("");
    return word->n != 0;
}

static bool
take_port(wr_str_t word, int *port)
{
    *port = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (!wr_is_digit(word.p[i])) {
            return false;
        }
        *port = *port * 10 + (word.p[i] - '0');
        if (*port > 65535) {
            return false;
        }
    }
    return word.n != 0;
}

static bool
is_number_of(wr_str_t word, sa_family_t family)
{
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];

        if (!wr_is_digit(c)
            && !(family == AF_INET ? c == '.' : c == ':' || c == '.' || wr_hex_digit(c) >= 0))
        {
            return false;
        }
    }
    return true;
}

static bool
take_addr(wr_str_t word, sa_family_t family, int port, wr_addr_t *a)
{
    if (!is_number_of(word, family) || !wr_addr_parse(a, word, port)
        || a->u.sa.sa_family != family)
    {
        return false;
    }
    wr_addr_set_port(a, port);
    return true;
}

static bool
read_line(wr_str_t line, wr_proxied_t **told)
{
    wr_str_t     rest = wr_str_skip(line, 6), kind, client, server, from, to;
    sa_family_t  family;
    int          client_port, server_port;
    wr_proxied_t p = {.tlvs_n = 0};

    if (!take_word(&rest, &kind)) {
        return false;
    }
    if (wr_str_eqz(kind, "UNKNOWN")) {
        return true;
    }
    family = wr_str_eqz(kind, "TCP4") ? AF_INET : AF_INET6;
    if ((family == AF_INET6 && !wr_str_eqz(kind, "TCP6")) || !take_word(&rest, &client)
        || !take_word(&rest, &server) || !take_word(&rest, &from) || !take_word(&rest, &to)
        || rest.n != 0 || !take_port(from, &client_port) || !take_port(to, &server_port)
        || !take_addr(client, family, client_port, &p.client)
        || !take_addr(server, family, server_port, &p.server))
    {
        return false;
    }
    *told = make(NULL, 0);
    (*told)->client = p.client;
    (*told)->server = p.server;
    return true;
}

static ssize_t
read_1(wr_str_t text, wr_proxied_t **told)
{
    wr_str_t part = wr_str_sub(text, 0, wr_min_size(text.n, LINE_MAX_1));
    ssize_t  end = wr_str_chr(part, '\n');

    if (end < 0) {
        return text.n < LINE_MAX_1 ? 0 : -1;
    }
    if (end < 7 || part.p[end - 1] != '\r'
        || !read_line(wr_str_sub(part, 0, (size_t) end - 1), told))
    {
        return -1;
    }
    return end + 1;
}

/* ---- version 2 ---- */

static unsigned
get16(const char *p)
{
    return (unsigned) (unsigned char) p[0] << 8 | (unsigned char) p[1];
}

static void
set_addr(wr_addr_t *a, unsigned family, const char *addr, const char *port)
{
    memset(a, 0, sizeof(*a));
    if (family == INET) {
        a->len = sizeof(a->u.in4);
        a->u.in4.sin_family = AF_INET;
        memcpy(&a->u.in4.sin_addr, addr, 4);
        memcpy(&a->u.in4.sin_port, port, 2);
    } else {
        a->len = sizeof(a->u.in6);
        a->u.in6.sin6_family = AF_INET6;
        memcpy(&a->u.in6.sin6_addr, addr, 16);
        memcpy(&a->u.in6.sin6_port, port, 2);
    }
}

/* TLVs that do not fit into each other make the header a bad one. */
static bool
are_whole(wr_str_t tlvs)
{
    while (tlvs.n != 0) {
        if (tlvs.n < 3 || tlvs.n - 3 < get16(tlvs.p + 1)) {
            return false;
        }
        tlvs = wr_str_skip(tlvs, 3 + get16(tlvs.p + 1));
    }
    return true;
}

static ssize_t
read_2(wr_str_t text, wr_proxied_t **told)
{
    unsigned version, command, transport, family;
    size_t   n, addr_n, front;
    wr_str_t body, tlvs;

    if (text.n < HEAD_2) {
        return 0;
    }
    version = (unsigned char) text.p[12] >> 4;
    command = text.p[12] & 15;
    family = (unsigned char) text.p[13] >> 4;
    transport = text.p[13] & 15;
    n = get16(text.p + 14);
    if (version != 2 || HEAD_2 + n > WR_PROXY_MAX) {
        return -1;
    }
    if (text.n < HEAD_2 + n) {
        return 0;
    }
    if (command != PROXY || transport != STREAM || (family != INET && family != INET6)) {
        return command <= PROXY ? (ssize_t) (HEAD_2 + n) : -1;
    }
    addr_n = family == INET ? 4 : 16;
    front = 2 * addr_n + 4;
    body = wr_str_sub(text, HEAD_2, HEAD_2 + n);
    if (n < front) {
        return -1;
    }
    tlvs = wr_str_skip(body, front);
    if (!are_whole(tlvs)) {
        return -1;
    }
    *told = make(tlvs.p, tlvs.n);
    set_addr(&(*told)->client, family, body.p, body.p + 2 * addr_n);
    set_addr(&(*told)->server, family, body.p + addr_n, body.p + 2 * addr_n + 2);
    return (ssize_t) (HEAD_2 + n);
}

ssize_t
wr_proxy_read(wr_str_t text, wr_proxied_t **told)
{
    static const char word[] = "PROXY ";
    size_t            sig_n = sizeof(signature) - 1, word_n = sizeof(word) - 1;

    *told = NULL;
    if (memcmp(text.p, signature, wr_min_size(text.n, sig_n)) == 0) {
        return read_2(text, told);
    }
    if (memcmp(text.p, word, wr_min_size(text.n, word_n)) == 0) {
        return text.n < word_n ? 0 : read_1(text, told);
    }
    return -1;
}

/* ---- TLVs ---- */

static bool
find(wr_str_t tlvs, unsigned type, wr_str_t *value)
{
    while (tlvs.n >= 3 && tlvs.n - 3 >= get16(tlvs.p + 1)) {
        size_t n = get16(tlvs.p + 1);

        if ((unsigned char) tlvs.p[0] == type) {
            *value = wr_str_sub(tlvs, 3, 3 + n);
            return true;
        }
        tlvs = wr_str_skip(tlvs, 3 + n);
    }
    return false;
}

/* Two hexadecimal digits at most behind "0x". */
static bool
type_of(wr_str_t name, unsigned *type)
{
    *type = 0;
    if (name.n < 3 || name.n > 4 || name.p[0] != '0' || wr_lower(name.p[1]) != 'x') {
        return false;
    }
    for (size_t i = 2; i < name.n; i++) {
        int digit = wr_hex_digit(name.p[i]);

        if (digit < 0) {
            return false;
        }
        *type = *type * 16 + (unsigned) digit;
    }
    return true;
}

static bool
find_ssl(wr_pool_t *pool, wr_str_t tlvs, wr_str_t name, wr_str_t *value)
{
    static const struct {
        const char *name;
        unsigned    type;
    } parts[] = {{"version", 0x21}, {"cn", 0x22}, {"cipher", 0x23}, {"sig_alg", 0x24},
                 {"key_alg", 0x25}};
    wr_str_t ssl;

    if (!find(tlvs, TLV_SSL, &ssl) || ssl.n < SSL_FRONT) {
        return false;
    }
    if (wr_str_eqz(name, "verify")) {
        *value = wr_pool_printf(pool, "%u", get16(ssl.p + 1) << 16 | get16(ssl.p + 3));
        return true;
    }
    for (unsigned i = 0; i < WR_COUNT(parts); i++) {
        if (wr_str_eqz(name, parts[i].name)) {
            return find(wr_str_skip(ssl, SSL_FRONT), parts[i].type, value);
        }
    }
    return false;
}

bool
wr_proxy_tlv(wr_pool_t *pool, const wr_proxied_t *p, wr_str_t name, wr_str_t *value)
{
    static const struct {
        const char *name;
        unsigned    type;
    } known[] = {{"alpn", 0x01}, {"authority", 0x02}, {"unique_id", 0x05}, {"ssl", TLV_SSL},
                 {"netns", 0x30}};
    wr_str_t tlvs = wr_str(p->tlvs, p->tlvs_n);
    unsigned type;

    if (wr_str_starts(name, WR_STR("ssl_"))) {
        return find_ssl(pool, tlvs, wr_str_skip(name, 4), value);
    }
    for (unsigned i = 0; i < WR_COUNT(known); i++) {
        if (wr_str_eqz(name, known[i].name)) {
            return find(tlvs, known[i].type, value);
        }
    }
    return type_of(name, &type) && find(tlvs, type, value);
}
