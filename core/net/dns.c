/*
 * DNS messages.
 *
 * Everything is read through a cursor that cannot leave the message. A name's
 * compression pointers must lead backwards, each further than the one before, so
 * a name ends after at most its own length of steps.
 */
#include <weir/net/dns.h>

enum { HEAD = 12, QR = 0x80, TC = 0x02, CLASS_IN = 1, MAX_RECORDS = 256 };

typedef struct cursor {
    const unsigned char *p;     /* the message */
    size_t               n;
    size_t               at;
} cursor_t;

/* ---- names ---- */

bool
wr_dns_name(char *to, wr_str_t name)
{
    size_t label = 0;

    if (name.n != 0 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    if (name.n == 0 || name.n > 253) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = wr_lower(name.p[i]);

        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (!wr_is_word(c) && c != '-') {
            return false;
        } else if (++label > 63) {
            return false;
        }
        to[i] = c;
    }
    to[name.n] = '\0';
    return label != 0;
}

static unsigned char *
put_u16(unsigned char *to, unsigned v)
{
    to[0] = (unsigned char) (v >> 8);
    to[1] = (unsigned char) v;
    return to + 2;
}

size_t
wr_dns_query(unsigned char *to, uint16_t id, const char *name, uint16_t type)
{
    unsigned char *p = put_u16(to, id);
    wr_str_t       rest = wr_str_z(name), label;

    p = put_u16(p, 0x0100);             /* recursion desired */
    p = put_u16(p, 1);
    memset(p, 0, 6);
    p += 6;
    while (wr_str_split(&rest, '.', &label)) {
        *p++ = (unsigned char) label.n;
        memcpy(p, label.p, label.n);
        p += label.n;
    }
    *p++ = 0;
    p = put_u16(p, type);
    p = put_u16(p, CLASS_IN);
    return (size_t) (p - to);
}

/* ---- reading ---- */

static bool
get(cursor_t *c, size_t n, const unsigned char **p)
{
    if (c->at > c->n || n > c->n - c->at) {
        return false;
    }
    *p = c->p + c->at;
    c->at += n;
    return true;
}

static bool
get_u16(cursor_t *c, unsigned *v)
{
    const unsigned char *p;

    if (!get(c, 2, &p)) {
        return false;
    }
    *v = (unsigned) p[0] << 8 | p[1];
    return true;
}

static bool
get_u32(cursor_t *c, uint32_t *v)
{
    unsigned high, low;

    if (!get_u16(c, &high) || !get_u16(c, &low)) {
        return false;
    }
    *v = (uint32_t) high << 16 | low;
    return true;
}

/* Adds a label to the text. A byte that no host's name has becomes '?': such a
 * name then equals none that was asked for. */
static bool
add_label(char *to, size_t *n, const unsigned char *label, size_t len)
{
    if (*n + len + 2 > WR_DNS_NAME) {
        return false;
    }
    if (*n != 0) {
        to[(*n)++] = '.';
    }
    for (size_t i = 0; i < len; i++) {
        char c = wr_lower((char) label[i]);

        to[(*n)++] = wr_is_word(c) || c == '-' ? c : '?';
    }
    return true;
}

static bool
get_name(cursor_t *c, char *to)
{
    cursor_t             at = *c;
    size_t               limit = c->at;     /* pointers must lead before it */
    size_t               n = 0;
    bool                 jumped = false;
    const unsigned char *p;

    for (;;) {
        unsigned len;

        if (!get(&at, 1, &p)) {
            return false;
        }
        len = *p;
        if (len == 0) {
            break;
        }
        if ((len & 0xc0) == 0xc0) {
            size_t target;

            if (!get(&at, 1, &p)) {
                return false;
            }
            target = (size_t) (len & 0x3f) << 8 | *p;
            if (target >= limit) {
                return false;
            }
            if (!jumped) {
                jumped = true;
                c->at = at.at;
            }
            limit = at.at = target;
            continue;
        }
        if (len > 63 || !get(&at, len, &p) || !add_label(to, &n, p, len)) {
            return false;
        }
    }
    to[n] = '\0';
    if (!jumped) {
        c->at = at.at;
    }
    return true;
}

typedef struct record {
    char     owner[WR_DNS_NAME];
    unsigned type, class;
    uint32_t ttl;
    size_t   at, n;             /* of the data */
} record_t;

static bool
get_record(cursor_t *c, record_t *r)
{
    const unsigned char *p;
    unsigned             n;

    if (!get_name(c, r->owner) || !get_u16(c, &r->type) || !get_u16(c, &r->class)
        || !get_u32(c, &r->ttl) || !get_u16(c, &n))
    {
        return false;
    }
    r->at = c->at;
    r->n = n;
    if (r->ttl > INT32_MAX) {
        r->ttl = 0;             /* RFC 2181 §8 */
    }
    return get(c, n, &p);
}

static void
least_ttl(wr_dns_answer_t *a, uint32_t ttl)
{
    if (ttl < a->ttl) {
        a->ttl = ttl;
    }
}

/* One pass over the records for `name`: its addresses, or where its CNAME leads
 * (true: to be looked for once more). */
static bool
collect(const cursor_t *start, unsigned count, const char *name, uint16_t type,
        wr_dns_answer_t *a, char *next)
{
    cursor_t c = *start;
    size_t   size = type == WR_DNS_A ? 4 : type == WR_DNS_AAAA ? 16 : SIZE_MAX;
    bool     leads_on = false;
    record_t r;

    for (unsigned i = 0; i < count && i < MAX_RECORDS; i++) {
        if (!get_record(&c, &r)) {
            break;              /* what came before is good */
        }
        if (r.class != CLASS_IN || strcmp(r.owner, name) != 0) {
            continue;
        }
        if (r.type == type && r.n == size && a->n < WR_DNS_ADDRS) {
            memcpy(a->addrs[a->n++], c.p + r.at, size);
            least_ttl(a, r.ttl);
        } else if (r.type == WR_DNS_CNAME && !leads_on) {
            cursor_t data = {c.p, r.at + r.n, r.at};

            if (get_name(&data, next)) {
                leads_on = true;
                least_ttl(a, r.ttl);
            }
        }
    }
    return leads_on && a->n == 0;
}

static bool
is_our_question(cursor_t *c, const char *name, uint16_t type)
{
    char     asked[WR_DNS_NAME];
    unsigned asked_type, class;

    return get_name(c, asked) && get_u16(c, &asked_type) && get_u16(c, &class)
           && strcmp(asked, name) == 0 && asked_type == type && class == CLASS_IN;
}

static bool
is_plain_name(const char *name)
{
    char copy[WR_DNS_NAME];

    return wr_dns_name(copy, wr_str_z(name));
}

bool
wr_dns_parse(const unsigned char *p, size_t n, uint16_t id, const char *name,
             uint16_t type, wr_dns_answer_t *a)
{
    cursor_t             c = {p, n, 0};
    unsigned             got_id, questions, answers;
    const unsigned char *flags, *rest;
    char                 current[WR_DNS_NAME], next[WR_DNS_NAME];

    a->rcode = a->truncated = 0;
    a->n = 0;
    a->ttl = UINT32_MAX;
    a->alias[0] = '\0';
    if (!get_u16(&c, &got_id) || !get(&c, 2, &flags) || !get_u16(&c, &questions)
        || !get_u16(&c, &answers) || !get(&c, 4, &rest) || got_id != id
        || !(flags[0] & QR) || (flags[0] & 0x78) != 0 || questions != 1
        || !is_our_question(&c, name, type))
    {
        return false;
    }
    a->rcode = flags[1] & 0x0f;
    a->truncated = (flags[0] & TC) != 0;
    if (a->rcode != 0 || a->truncated) {
        a->ttl = 0;
        return true;
    }
    memcpy(current, name, strlen(name) + 1);
    for (unsigned hop = 0; hop < WR_DNS_HOPS; hop++) {
        if (!collect(&c, answers, current, type, a, next)) {
            break;
        }
        memcpy(current, next, strlen(next) + 1);
    }
    if (a->n == 0 && strcmp(current, name) != 0 && is_plain_name(current)) {
        memcpy(a->alias, current, strlen(current) + 1);
    }
    if (a->ttl == UINT32_MAX) {
        a->ttl = 0;
    }
    return true;
}

/* ---- services ---- */

static bool
get_service(cursor_t c, wr_dns_service_t *to)
{
    unsigned priority, weight, port;

    if (!get_u16(&c, &priority) || !get_u16(&c, &weight) || !get_u16(&c, &port)
        || !get_name(&c, to->target) || !is_plain_name(to->target))
    {
        return false;           /* "." says that there is no such service */
    }
    to->priority = (uint16_t) priority;
    to->weight = (uint16_t) weight;
    to->port = (uint16_t) port;
    return true;
}

unsigned
wr_dns_services(const unsigned char *p, size_t n, const char *name, wr_dns_service_t *to,
                unsigned max, uint32_t *ttl)
{
    cursor_t             c = {p, n, 4};
    unsigned             questions, answers, found = 0, type, class;
    char                 asked[WR_DNS_NAME];
    const unsigned char *rest;
    record_t             r;

    if (!get_u16(&c, &questions) || !get_u16(&c, &answers) || !get(&c, 4, &rest)
        || questions != 1 || !get_name(&c, asked) || !get_u16(&c, &type)
        || !get_u16(&c, &class))
    {
        return 0;
    }
    for (unsigned i = 0; i < answers && i < MAX_RECORDS && found < max; i++) {
        if (!get_record(&c, &r)) {
            break;
        }
        if (r.class == CLASS_IN && r.type == WR_DNS_SRV && strcmp(r.owner, name) == 0
            && get_service((cursor_t) {p, r.at + r.n, r.at}, &to[found]))
        {
            *ttl = found++ == 0 || r.ttl < *ttl ? r.ttl : *ttl;
        }
    }
    return found;
}
