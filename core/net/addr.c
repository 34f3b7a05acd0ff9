/*
 * Addresses to text and back. Pure: nothing is resolved, nothing is asked.
 */
#define _GNU_SOURCE
#include <weir/net/addr.h>

#include <arpa/inet.h>
#include <stdio.h>

static bool
parse_port(wr_str_t s, int *port)
{
    unsigned v = 0;

    if (s.n == 0 || s.n > 5) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_digit(s.p[i])) {
            return false;
        }
        v = v * 10 + (unsigned) (s.p[i] - '0');
    }
    *port = (int) v;
    return v != 0 && v <= 65535;
}

/* inet_pton wants an end. */
static bool
parse_ip(int family, wr_str_t s, void *to)
{
    char z[INET6_ADDRSTRLEN + 1];

    if (s.n == 0 || s.n >= sizeof(z) || memchr(s.p, '\0', s.n) != NULL) {
        return false;
    }
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return inet_pton(family, z, to) == 1;
}

static bool
parse_in4(wr_addr_t *a, wr_str_t text, int port)
{
    ssize_t colon = wr_str_chr(text, ':');

    if (colon >= 0) {
        if (!parse_port(wr_str_skip(text, (size_t) colon + 1), &port)) {
            return false;
        }
        text.n = (size_t) colon;
    }
    a->len = sizeof(a->u.in4);
    a->u.in4.sin_family = AF_INET;
    a->u.in4.sin_port = htons((uint16_t) port);
    return parse_ip(AF_INET, text, &a->u.in4.sin_addr);
}

static bool
parse_in6(wr_addr_t *a, wr_str_t text, int port)
{
    if (text.p[0] == '[') {
        ssize_t  end = wr_str_chr(text, ']');
        wr_str_t rest;

        if (end < 0) {
            return false;
        }
        rest = wr_str_skip(text, (size_t) end + 1);
        if (rest.n != 0
            && (rest.p[0] != ':' || !parse_port(wr_str_skip(rest, 1), &port)))
        {
            return false;
        }
        text = wr_str_sub(text, 1, (size_t) end);
    }
    a->len = sizeof(a->u.in6);
    a->u.in6.sin6_family = AF_INET6;
    a->u.in6.sin6_port = htons((uint16_t) port);
    return parse_ip(AF_INET6, text, &a->u.in6.sin6_addr);
}

static bool
parse_unix(wr_addr_t *a, wr_str_t path)
{
    if (path.n == 0 || path.n >= sizeof(a->u.un.sun_path)
        || memchr(path.p, '\0', path.n) != NULL)
    {
        return false;
    }
    a->u.un.sun_family = AF_UNIX;
    memcpy(a->u.un.sun_path, path.p, path.n);
    a->len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    return true;
}

bool
wr_addr_parse(wr_addr_t *a, wr_str_t text, int port)
{
    memset(a, 0, sizeof(*a));
    if (text.n == 0) {
        return false;
    }
    if (wr_str_starts(text, WR_STR("unix:"))) {
        return parse_unix(a, wr_str_skip(text, 5));
    }
    if (text.p[0] == '[') {
        return parse_in6(a, text, port);
    }
    return parse_in4(a, text, port) || parse_in6(a, text, port);
}

int
wr_addr_port(const struct sockaddr *sa)
{
    switch (sa->sa_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *) (const void *) sa)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *) (const void *) sa)->sin6_port);
    default:
        return 0;
    }
}

void
wr_addr_set_port(wr_addr_t *a, int port)
{
    if (a->u.sa.sa_family == AF_INET) {
        a->u.in4.sin_port = htons((uint16_t) port);
    } else if (a->u.sa.sa_family == AF_INET6) {
        a->u.in6.sin6_port = htons((uint16_t) port);
    }
}

bool
wr_addr_equal(const struct sockaddr *a, const struct sockaddr *b, bool with_port)
{
    if (a->sa_family != b->sa_family
        || (with_port && wr_addr_port(a) != wr_addr_port(b)))
    {
        return false;
    }
    switch (a->sa_family) {
    case AF_INET:
        return memcmp(&((const struct sockaddr_in *) (const void *) a)->sin_addr,
                      &((const struct sockaddr_in *) (const void *) b)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    case AF_INET6:
        return memcmp(&((const struct sockaddr_in6 *) (const void *) a)->sin6_addr,
                      &((const struct sockaddr_in6 *) (const void *) b)->sin6_addr,
                      sizeof(struct in6_addr)) == 0;
    case AF_UNIX:
        return strncmp(((const struct sockaddr_un *) (const void *) a)->sun_path,
                       ((const struct sockaddr_un *) (const void *) b)->sun_path,
                       sizeof(((struct sockaddr_un *) 0)->sun_path)) == 0;
    default:
        return false;
    }
}

/* What fits of `from`. */
static size_t
put(char *to, size_t room, const char *from, size_t n)
{
    n = wr_min_size(n, room);
    memcpy(to, from, n);
    return n;
}

static size_t
put_unix(char *to, size_t room, const struct sockaddr_un *un, socklen_t len,
         bool with_path)
{
    size_t n = put(to, room, "unix:", 5);
    size_t head = offsetof(struct sockaddr_un, sun_path);

    if (with_path && len > head) {
        n += put(to + n, room - n, un->sun_path,
                 strnlen(un->sun_path,
                         wr_min_size(len - head, sizeof(un->sun_path))));
    }
    return n;
}

size_t
wr_addr_put(char *to, size_t room, const struct sockaddr *sa, socklen_t len,
            bool with_port)
{
    char   text[INET6_ADDRSTRLEN + 10];
    char  *p = text;
    bool   v6 = sa->sa_family == AF_INET6;

    if (len <= sizeof(sa_family_t) || sa->sa_family == AF_UNIX) {
        return put_unix(to, room, (const struct sockaddr_un *) (const void *) sa,
                        len, with_port);
    }
    if (!v6 && sa->sa_family != AF_INET) {
        return 0;
    }
    if (v6 && with_port) {
        *p++ = '[';
    }
    inet_ntop(sa->sa_family,
              v6 ? (const void *) &((const struct sockaddr_in6 *)
                                    (const void *) sa)->sin6_addr
                 : (const void *) &((const struct sockaddr_in *)
                                    (const void *) sa)->sin_addr,
              p, INET6_ADDRSTRLEN);
    p += strlen(p);
    if (with_port) {
        p += sprintf(p, v6 ? "]:%d" : ":%d", wr_addr_port(sa));
    }
    return put(to, room, text, (size_t) (p - text));
}

wr_str_t
wr_addr_text(wr_pool_t *pool, const wr_addr_t *a, bool with_port)
{
    char text[WR_ADDR_TEXT];

    return wr_pool_str(pool, wr_str(text, wr_addr_put(text, sizeof(text), &a->u.sa,
                                                      a->len, with_port)));
}

/* ---- networks ---- */

static void
clear_host_bits(wr_cidr_t *c, unsigned all)
{
    for (unsigned bit = c->bits; bit < all; bit++) {
        c->addr[bit / 8] &= (unsigned char) ~(0x80u >> bit % 8);
    }
}

bool
wr_cidr_parse(wr_cidr_t *c, wr_str_t text)
{
    ssize_t  slash = wr_str_chr(text, '/');
    wr_str_t ip = slash < 0 ? text : wr_str_sub(text, 0, (size_t) slash);
    unsigned all;

    memset(c, 0, sizeof(*c));
    if (wr_str_eqz(text, "all")) {
        c->family = AF_UNSPEC;
        return true;
    }
    if (wr_str_eqz(text, "unix:")) {
        c->family = AF_UNIX;
        return true;
    }
    if (parse_ip(AF_INET, ip, c->addr)) {
        c->family = AF_INET;
        all = 32;
    } else if (parse_ip(AF_INET6, ip, c->addr)) {
        c->family = AF_INET6;
        all = 128;
    } else {
        return false;
    }
    c->bits = all;
    if (slash >= 0) {
        wr_str_t bits = wr_str_skip(text, (size_t) slash + 1);

        c->bits = 0;
        for (size_t i = 0; i < bits.n; i++) {
            if (!wr_is_digit(bits.p[i])) {
                return false;
            }
            c->bits = c->bits * 10 + (unsigned) (bits.p[i] - '0');
            if (c->bits > all) {
                return false;
            }
        }
        if (bits.n == 0) {
            return false;
        }
    }
    clear_host_bits(c, all);
    return true;
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(a, b, whole) == 0
           && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

bool
wr_cidr_has(const wr_cidr_t *c, const struct sockaddr *sa)
{
    int                  family = sa->sa_family;
    const unsigned char *ip;

    if (c->family == AF_UNSPEC) {
        return true;
    }
    switch (family) {
    case AF_INET:
        ip = (const void *)
            &((const struct sockaddr_in *) (const void *) sa)->sin_addr;
        break;
    case AF_INET6:
        ip = (const void *)
            &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr;
        /* An IPv4 client of a dual-stack socket is an IPv4 client. */
        if (c->family == AF_INET
            && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *) (const void *) ip))
        {
            ip += 12;
            family = AF_INET;
        }
        break;
    case AF_UNIX:
        return c->family == AF_UNIX;
    default:
        return false;
    }
    return family == c->family && same_bits(ip, c->addr, c->bits);
}

bool
wr_addr_is_loopback(const wr_addr_t *a)
{
    const struct in6_addr *six = &a->u.in6.sin6_addr;

    switch (a->u.sa.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(a->u.in4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
    default:
        return false;
    }
}
