/*
 * Lines of the error log.
 */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <unistd.h>
#include <weir/os/log.h>

static char got[70000];

static void
catch(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    (void) level;
    (*(int *) t->data)++;
    CHECK(line.n < sizeof(got) && line.p[line.n - 1] == '\n');
    memcpy(got, line.p, line.n);
    got[line.n] = '\0';
}

static void
context(void *data, wr_buf_t *line)
{
    wr_buf_printf(line, ", client: %s", (const char *) data);
}

int
main(void)
{
    int             many = 0, few = 0;
    wr_log_target_t second = {.level = WR_LOG_ERR, .fd = -1, .write = catch,
                              .data = &few};
    wr_log_target_t first = {.next = &second, .level = WR_LOG_DEBUG, .fd = -1,
                             .write = catch, .data = &many};
    wr_log_t        log = {.level = WR_LOG_DEBUG, .targets = &first};
    char            want[200];
    wr_level_t      level;

    wr_log(&log, WR_LOG_ERR, ENOENT, "open() \"%s\" failed", "x");
    CHECK_INT(many, 1);
    CHECK_INT(few, 1);
    snprintf(want, sizeof(want),
             " [error] %d#%d: open() \"x\" failed (2: No such file or directory)\n",
             getpid(), gettid());
    CHECK(got[4] == '/' && got[7] == '/' && got[10] == ' ' && got[13] == ':');
    CHECK_STR(wr_str_z(got + 19), want);

    wr_log(&log, WR_LOG_WARN, 0, "w");
    wr_debug(&log, "http", "d %d", 1);
    CHECK(strstr(got, "http: d 1\n") != NULL);
    CHECK_INT(many, 3);
    CHECK_INT(few, 1);
    log.level = WR_LOG_NOTICE;
    wr_log(&log, WR_LOG_INFO, 0, "i");
    CHECK_INT(many, 3);

    /* Lines of the conf may be shown; a client's text must not look like it. */
    wr_log(&log, WR_LOG_EMERG, 0, "a\n\tb\033");
    CHECK(strstr(got, ": a\n\tb\\x1B\n") != NULL);
    log.conn = 7;
    log.action = "while reading";
    log.context = context;
    log.data = (void *) (uintptr_t) "1.2.3.4\nfake";
    wr_log(&log, WR_LOG_ERR, 0, "bad\nline");
    CHECK(strstr(got, ": *7 bad\\x0Aline while reading, client: 1.2.3.4\\x0Afake\n")
          != NULL);

    /* Long messages are cut, not dropped. */
    char *big = malloc(60001);

    memset(big, 'x', 60000);
    big[60000] = '\0';
    wr_log(&log, WR_LOG_ERR, 0, "%s", big);
    CHECK_INT(strlen(got), 32 * 1024 + 1);
    free(big);

    CHECK(wr_log_level(WR_STR("crit"), &level) && level == WR_LOG_CRIT);
    CHECK(wr_log_level(WR_STR("debug"), &level) && level == WR_LOG_DEBUG);
    CHECK(!wr_log_level(WR_STR("stderr"), &level));
    CHECK(!wr_log_level(WR_STR("Error"), &level));
    errno = 5;
    wr_log(&log, WR_LOG_ERR, 0, "x");
    CHECK_INT(errno, 5);
    return check_status();
}
