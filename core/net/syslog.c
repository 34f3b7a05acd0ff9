/*
 * The syslog client. Nothing is kept per line: an unconnected datagram socket
 * survives restarts of the server and may be used by every thread and worker.
 */
#define _GNU_SOURCE
#include <weir/net/syslog.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weir/net/addr.h>

struct wr_syslog {
    int       fd;
    wr_addr_t to;
    int       facility;
    int       severity;
    wr_str_t  tag;
    wr_str_t  host;         /* empty: nohostname */
};

static const char *const facilities[] = {
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp",
    "clock", "authpriv", "ftp", "ntp", "audit", "alert", "cron", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL};
static const char *const severities[] = {
    "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", NULL};

enum { LOCAL7 = 23, TAG_MAX = 32 };

static int
word_index(const char *const *words, wr_str_t word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (wr_str_eqz(word, words[i])) {
            return i;
        }
    }
    return -1;
}

static bool
resolve(wr_syslog_t *s, wr_pool_t *pool, wr_str_t text)
{
    struct addrinfo  hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    ssize_t          colon;
    wr_str_t         host = text, port = WR_STR("514");

    if (wr_addr_parse(&s->to, text, 514)) {
        return true;
    }
    colon = wr_str_rchr(text, ':');
    if (colon >= 0) {
        host = wr_str_sub(text, 0, (size_t) colon);
        port = wr_str_skip(text, (size_t) colon + 1);
    }
    if (getaddrinfo(wr_pool_strz(pool, host), wr_pool_strz(pool, port), &hints,
                    &found) != 0)
    {
        return false;
    }
    s->to.len = found->ai_addrlen;
    memcpy(&s->to.u, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool
is_tag(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i])) {
            return false;
        }
    }
    return s.n != 0 && s.n <= TAG_MAX;
}

static bool
value_of(wr_str_t part, const char *name, wr_str_t *value)
{
    if (!wr_str_starts(part, wr_str_z(name))) {
        return false;
    }
    *value = wr_str_skip(part, strlen(name));
    return true;
}

static wr_str_t
parse(wr_syslog_t *s, wr_pool_t *pool, wr_str_t params)
{
    wr_str_t part, v;

    while (wr_str_split(&params, ',', &part)) {
        if (value_of(part, "server=", &v)) {
            if (v.n == 0) {
                return WR_STR("no host in syslog server \"\"");
            }
            if (!resolve(s, pool, v)) {
                return wr_pool_printf(pool, "invalid syslog server \"%.*s\"", WR_ARG(v));
            }
        } else if (value_of(part, "facility=", &v)) {
            s->facility = word_index(facilities, v);
            if (s->facility < 0) {
                return wr_pool_printf(pool, "unknown syslog facility \"%.*s\"",
                                      WR_ARG(v));
            }
        } else if (value_of(part, "severity=", &v)) {
            s->severity = word_index(severities, v);
            if (s->severity < 0) {
                return wr_pool_printf(pool, "unknown syslog severity \"%.*s\"",
                                      WR_ARG(v));
            }
        } else if (value_of(part, "tag=", &v)) {
            if (!is_tag(v)) {
                return wr_pool_printf(pool, "syslog \"tag\" only allows letters, "
                                      "digits and underscore, at most %d: \"%.*s\"",
                                      TAG_MAX, WR_ARG(v));
            }
            s->tag = wr_pool_str(pool, v);
        } else if (wr_str_eqz(part, "nohostname")) {
            s->host = WR_STR_NONE;
        } else {
            return wr_pool_printf(pool, "unknown syslog parameter \"%.*s\"",
                                  WR_ARG(part));
        }
    }
    if (s->to.len == 0) {
        return WR_STR("no syslog server specified");
    }
    return WR_STR_NONE;
}

static void
close_socket(void *data)
{
    close(((wr_syslog_t *) data)->fd);
}

wr_syslog_t *
wr_syslog_open(wr_pool_t *pool, wr_str_t params, wr_str_t *error)
{
    wr_syslog_t *s = WR_NEW(pool, wr_syslog_t);
    char         host[256] = "";

    s->facility = LOCAL7;
    s->severity = WR_SYSLOG_INFO;
    s->tag = WR_STR("weir");
    gethostname(host, sizeof(host) - 1);
    s->host = wr_pool_str(pool, wr_str_z(host));
    *error = parse(s, pool, params);
    if (error->n != 0) {
        return NULL;
    }
    s->fd = socket(s->to.u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) {
        *error = WR_STR("socket() for syslog failed");
        return NULL;
    }
    wr_pool_on_free(pool, close_socket, s);
    return s;
}

void
wr_syslog_send(const wr_syslog_t *s, int severity, wr_str_t line)
{
    char          head[384];
    char          when[32];
    struct tm     tm;
    time_t        now = time(NULL);
    int           n;
    struct iovec  iov[2];
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

    memset(&tm, 0, sizeof(tm));
    localtime_r(&now, &tm);
    strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
    n = snprintf(head, sizeof(head), "<%d>%s %.*s%s%.*s: ",
                 s->facility * 8 + (severity >= 0 ? severity : s->severity), when,
                 WR_ARG(s->host), s->host.n != 0 ? " " : "", WR_ARG(s->tag));
    while (line.n != 0 && line.p[line.n - 1] == '\n') {
        line.n--;
    }
    iov[0] = (struct iovec) {head, wr_min_size((size_t) n, sizeof(head) - 1)};
    iov[1] = (struct iovec) {(void *) (uintptr_t) line.p, line.n};
    m.msg_name = (void *) (uintptr_t) &s->to.u;
    m.msg_namelen = s->to.len;
    (void) !sendmsg(s->fd, &m, MSG_NOSIGNAL);
}

/* Our levels are syslog's severities, from emerg on, shifted by one. */
void
wr_syslog_target(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    wr_syslog_send(t->data, level > WR_LOG_STDERR ? (int) level - 1 : 0, line);
}
