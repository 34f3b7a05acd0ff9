/*
 * The error log.
 *
 * A line is built in a buffer of its own and handed whole to each target that
 * wants its level. Any thread may log: nothing here is shared but the targets,
 * which change only when the process reopens them.
 */
#define _GNU_SOURCE
#include <weir/os/log.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 32 * 1024 };

static wr_log_target_t standard_error = {.level = WR_LOG_NOTICE, .fd = 2};

wr_log_t wr_log_main = {.level = WR_LOG_NOTICE, .targets = &standard_error};

static const char names[][8] = {"stderr", "emerg", "alert", "crit", "error",
                                "warn", "notice", "info", "debug"};

static __thread pid_t pid, tid;

const char *
wr_log_level_name(wr_level_t level)
{
    return names[level];
}

bool
wr_log_level(wr_str_t name, wr_level_t *level)
{
    for (unsigned i = WR_LOG_EMERG; i <= WR_LOG_DEBUG; i++) {
        if (wr_str_eqz(name, names[i])) {
            *level = (wr_level_t) i;
            return true;
        }
    }
    return false;
}

/* nginx's, of which only http and event have lines here, and our own. */
static const char *const areas[] = {"http", "frame", "upstream", "event", "core", "alloc",
                                    "mutex", "mail", "stream"};

bool
wr_log_has_area(wr_str_t name)
{
    for (unsigned i = 0; i < WR_COUNT(areas); i++) {
        if (wr_str_eqz(name, areas[i])) {
            return true;
        }
    }
    return false;
}

/* Debug lines begin with their area and a colon. */
static bool
takes_area(const wr_log_target_t *t, const char *line)
{
    size_t n = strcspn(line, ":");

    for (const char *p = t->areas; p != NULL; p = strchr(p + 1, '|')) {
        if (strncmp(p + 1, line, n) == 0 && p[n + 1] == '|') {
            return true;
        }
    }
    return t->areas == NULL;
}

static bool
wants(const wr_log_target_t *t, const wr_log_t *log, wr_level_t level, const char *line)
{
    return (level <= t->level || log->all_targets)
           && (level != WR_LOG_DEBUG || takes_area(t, line));
}

wr_level_t
wr_log_chain_level(const wr_log_target_t *targets)
{
    wr_level_t level = WR_LOG_STDERR;

    for (const wr_log_target_t *t = targets; t != NULL; t = t->next) {
        if (t->level > level) {
            level = t->level;
        }
    }
    return level;
}

void
wr_log_forked(void)
{
    tid = 0;
}

/* "2026/11/22 18:00:00". Not the loop's cached one: this may be another thread. */
static void
add_time(wr_buf_t *b)
{
    static __thread time_t made;
    static __thread char   text[24];
    static __thread size_t n;
    time_t                 now = time(NULL);

    if (now != made || n == 0) {
        struct tm tm;

        made = now;
        n = localtime_r(&now, &tm) == NULL ? 0
            : strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S", &tm);
    }
    wr_buf_add(b, text, n);
}

/* What came from outside must not end the line or steer a terminal. Messages
 * about the conf show its lines: those keep their line ends. */
static void
add_escaped(wr_buf_t *b, const char *p, size_t n, bool lines)
{
    size_t from = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char) p[i];

        if (wr_likely(c >= 0x20 && c != 0x7f)) {
            continue;
        }
        if (lines && (c == '\n' || c == '\t')) {
            continue;
        }
        wr_buf_add(b, p + from, i - from);
        wr_buf_printf(b, "\\x%02X", c);
        from = i + 1;
    }
    wr_buf_add(b, p + from, n - from);
}

void
wr_log_target_write(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    ssize_t n;

    if (t->write != NULL) {
        t->write(t, level, line);
        return;
    }
    if (t->fd < 0) {
        return;
    }
    do {
        n = write(t->fd, line.p, line.n);
    } while (n < 0 && errno == EINTR);
}

static bool
reaches_stderr(const wr_log_t *log, wr_level_t level)
{
    for (const wr_log_target_t *t = log->targets; t != NULL; t = t->next) {
        if (t->fd == 2 && t->write == NULL && level <= t->level) {
            return true;
        }
    }
    return false;
}

/* At start-up, for the person at the terminal. */
static void
copy_to_stderr(wr_level_t level, wr_str_t message)
{
    wr_buf_t b = wr_buf(NULL);
    ssize_t  n WR_UNUSED;

    wr_buf_printf(&b, "weir: [%s] ", names[level]);
    wr_buf_str(&b, message);
    wr_buf_char(&b, '\n');
    n = write(2, b.p, b.n);
    wr_buf_free(&b);
}

static void
add_message(wr_buf_t *b, const wr_log_t *log, wr_level_t level, int err,
            const char *format, va_list args)
{
    bool    lines = level <= WR_LOG_WARN && log->context == NULL && log->conn == 0;
    char    small[1024];
    char   *text = small;
    va_list again;
    int     n;

    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), format, args);
    if (n >= (int) sizeof(small)) {
        wr_buf_t big = wr_buf(NULL);

        text = wr_buf_reserve(&big, (size_t) n + 1);
        n = vsnprintf(text, (size_t) n + 1, format, again);
    }
    va_end(again);
    if (n > 0) {
        add_escaped(b, text, wr_min_size((size_t) n, LINE_MAX_BYTES), lines);
    }
    if (text != small) {
        wr_buf_t big = {.p = text};

        wr_buf_free(&big);
    }
    if (err != 0) {
        const char *what = strerrordesc_np(err);

        wr_buf_printf(b, " (%d: %s)", err, what != NULL ? what : "Unknown error");
    }
}

static void
add_context(wr_buf_t *b, const wr_log_t *log)
{
    wr_buf_t c = wr_buf(NULL);

    if (log->action != NULL) {
        wr_buf_char(b, ' ');
        wr_buf_z(b, log->action);
    }
    if (log->context != NULL) {
        log->context(log->data, &c);
        add_escaped(b, c.p != NULL ? c.p : "", c.n, false);
        wr_buf_free(&c);
    }
}

void
wr_log_write(const wr_log_t *log, wr_level_t level, int err, const char *format,
             ...)
{
    int      saved = errno;
    wr_buf_t b = wr_buf(NULL);
    size_t   start;
    va_list  args;

    wr_buf_reserve(&b, 512);
    add_time(&b);
    if (tid == 0) {
        pid = getpid();
        tid = gettid();
    }
    wr_buf_printf(&b, " [%s] %d#%d: ", names[level], (int) pid, (int) tid);
    if (log->conn != 0) {
        wr_buf_printf(&b, "*%" PRIu64 " ", log->conn);
    }
    start = b.n;
    va_start(args, format);
    add_message(&b, log, level, err, format, args);
    va_end(args);
    if (level < WR_LOG_DEBUG) {
        add_context(&b, log);
    }
    if (b.n > LINE_MAX_BYTES) {
        b.n = LINE_MAX_BYTES;
    }
    wr_buf_char(&b, '\n');

    for (wr_log_target_t *t = log->targets; t != NULL; t = t->next) {
        if (wants(t, log, level, format)) {
            wr_log_target_write(t, level, wr_buf_text(&b));
        }
    }
    if (log->to_stderr && level <= WR_LOG_WARN && !reaches_stderr(log, level)) {
        copy_to_stderr(level, wr_str(b.p + start, b.n - 1 - start));
    }
    wr_buf_free(&b);
    errno = saved;
}

/* No allocation: there may be no memory. */
void
wr_log_panic(const char *message)
{
    char      line[640];
    struct tm tm;
    time_t    now = time(NULL);
    size_t    n;
    int       more;

    memset(&tm, 0, sizeof(tm));
    localtime_r(&now, &tm);
    n = strftime(line, sizeof(line), "%Y/%m/%d %H:%M:%S", &tm);
    more = snprintf(line + n, sizeof(line) - n, " [alert] %d#%d: %s\n",
                    (int) getpid(), (int) gettid(), message);
    n = wr_min_size(n + (size_t) (more > 0 ? more : 0), sizeof(line) - 1);
    for (wr_log_target_t *t = wr_log_main.targets; t != NULL; t = t->next) {
        if (t->write == NULL && t->fd >= 0) {
            ssize_t done WR_UNUSED = write(t->fd, line, n);
        }
    }
}
