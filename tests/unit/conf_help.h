/*
 * For the tests of the conf: a reading whose messages are kept.
 */
#ifndef WEIR_TESTS_CONF_HELP_H
#define WEIR_TESTS_CONF_HELP_H

#include <check.h>
#include <weir/conf/conf.h>

static char   conf_said[64 << 10];
static size_t conf_said_n;

static inline void
conf_keep(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    (void) t;
    (void) level;
    if (line.n < sizeof(conf_said) - conf_said_n) {
        memcpy(conf_said + conf_said_n, line.p, line.n);
        conf_said_n += line.n;
        conf_said[conf_said_n] = '\0';
    }
}

static inline bool
conf_has_said(const char *what)
{
    bool has = strstr(conf_said, what) != NULL;

    if (!has) {
        fprintf(stderr, "expected: %s\nsaid: %s\n", what, conf_said);
    }
    return has;
}

static inline wr_conf_t *
conf_begin(const char *prefix)
{
    static wr_log_target_t target = {.level = WR_LOG_WARN, .fd = -1,
                                     .write = conf_keep};
    static wr_log_t        log = {.level = WR_LOG_WARN, .targets = &target};
    wr_str_t               folder = wr_str_z(prefix);

    conf_said_n = 0;
    conf_said[0] = '\0';
    return wr_conf_new(wr_pool_new(), &log, folder, folder);
}

static inline void
conf_end(wr_conf_t *cf)
{
    wr_pool_t *pool = cf->pool;

    wr_conf_done(cf);
    wr_pool_free(pool);
    wr_pool_trim_cache();
}

#endif
