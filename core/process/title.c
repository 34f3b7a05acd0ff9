/*
 * Process titles: written over the memory where the kernel put argv and the
 * environment. Both are copied away first.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char  *area;         /* argv[0] to the end of the last environment string */
static size_t area_size;

/* The end of the strings if they stand one behind the other from `end` on. */
static char *
follow(char **strings, char *end)
{
    for (; *strings != NULL; strings++) {
        if (*strings == end) {
            end += strlen(*strings) + 1;
        }
    }
    return end;
}

/* New strings and a new array of them; or only a new array. */
static char **
copy(char **strings, bool deep)
{
    size_t n = 0;
    char **c;

    while (strings[n] != NULL) {
        n++;
    }
    c = calloc(n + 1, sizeof(*c));
    WR_ASSERT(c != NULL);
    for (size_t i = 0; i < n; i++) {
        c[i] = deep ? strdup(strings[i]) : strings[i];
        WR_ASSERT(c[i] != NULL);
    }
    return c;
}

void
wr_title_init(int argc, char **argv)
{
    char *end;

    if (argc == 0) {
        return;
    }
    area = argv[0];
    end = follow(environ, follow(argv, argv[0]));
    area_size = (size_t) (end - area);
    wr_process.argv = copy(argv, true);
    /* One array that keeps hold of the strings, one that unsetenv may change. */
    wr_process.environment[0] = copy(environ, true);
    wr_process.environment[1] = copy(wr_process.environment[0], false);
    environ = wr_process.environment[1];
    /* Whoever reads the command line now reads the copies. */
    memcpy(argv, wr_process.argv, (size_t) argc * sizeof(*argv));
}

void
wr_title_set(const char *format, ...)
{
    va_list list;
    char    text[1024];
    int     n;

    if (area_size < 2) {
        return;
    }
    va_start(list, format);
    n = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (n < 0) {
        return;
    }
    n = (int) wr_min_size(wr_min_size((size_t) n, sizeof(text) - 1), area_size - 1);
    memcpy(area, text, (size_t) n);
    memset(area + n, '\0', area_size - (size_t) n);
}
