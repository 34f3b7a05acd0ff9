/*
 * argv, as nginx reads it: one-letter options that may be joined, the last of
 * which may take its value from the same word or from the next: -tq -pDIR.
 */
#include <weir/main/cmdline.h>

#include <stdio.h>

typedef struct args {
    char **argv;        /* ended by NULL */
    char  *p;           /* behind the letter */
} args_t;

static bool
complain(const char *format, const char *what)
{
    fprintf(stderr, "weir: ");
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return false;
}

/* The option's value, or NULL. Takes the rest of the word. */
static const char *
value(args_t *a)
{
    const char *v = a->p;

    if (*v == '\0') {
        v = *a->argv;
        if (v == NULL) {
            return NULL;
        }
        a->argv++;
    }
    a->p += strlen(a->p);
    return v;
}

static bool
text(args_t *a, wr_str_t *to, const char *missing)
{
    const char *v = value(a);

    if (v == NULL) {
        return complain("%s", missing);
    }
    *to = wr_str_z(v);
    return true;
}

static bool
set_signal(args_t *a)
{
    static const char *const signals[] = {"stop", "quit", "reopen", "reload"};
    const char              *v = value(a);

    if (v == NULL) {
        return complain("%s", "option \"-s\" requires parameter");
    }
    for (size_t i = 0; i < WR_COUNT(signals); i++) {
        if (strcmp(v, signals[i]) == 0) {
            wr_options.signal = signals[i];
            return true;
        }
    }
    return complain("invalid option: \"-s %s\"", v);
}

static bool
option(args_t *a, char letter, wr_command_t *cmd)
{
    char name[2] = {letter, '\0'};

    switch (letter) {
    case '?':
    case 'h':
        cmd->version = cmd->help = true;
        return true;
    case 'v':
        cmd->version = true;
        return true;
    case 'V':
        cmd->version = cmd->build = true;
        return true;
    case 't':
        wr_options.testing = true;
        return true;
    case 'T':
        wr_options.testing = cmd->dump = true;
        return true;
    case 'd':
        wr_options.dev = true;
        return true;
    case 'q':
        wr_options.quiet = true;
        return true;
    case 'M':
        cmd->modules = true;
        return true;
    case 'H':
        cmd->explain = value(a);
        return cmd->explain != NULL
               || complain("%s", "option \"-H\" requires the name of a directive or "
                                 "variable");
    case 'p':
        return text(a, &wr_options.prefix, "option \"-p\" requires directory name");
    case 'c':
        return text(a, &wr_options.conf_path, "option \"-c\" requires file name");
    case 'e':
        return text(a, &wr_options.error_log, "option \"-e\" requires file name");
    case 'g':
        return text(a, &wr_options.directives, "option \"-g\" requires parameter");
    case 's':
        return set_signal(a);
    default:
        return complain("invalid option: \"%s\"", name);
    }
}

bool
wr_cmdline(int argc, char **argv, wr_command_t *cmd)
{
    args_t a = {.argv = argv + (argc > 0)};

    *cmd = (wr_command_t) {0};
    while (*a.argv != NULL) {
        a.p = *a.argv++;
        if (strcmp(a.p, "--help") == 0) {
            cmd->version = cmd->help = true;
            continue;
        }
        if (strcmp(a.p, "--version") == 0) {
            cmd->version = true;
            continue;
        }
        if (strcmp(a.p, "--from-nginx") == 0) {
            cmd->from_nginx = *a.argv;
            if (*a.argv++ == NULL) {
                return complain("%s", "option \"--from-nginx\" requires file name");
            }
            continue;
        }
        if (strcmp(a.p, "--explain") == 0) {
            cmd->request = *a.argv;
            if (*a.argv++ == NULL) {
                return complain("%s", "option \"--explain\" requires a request: "
                                      "'GET /path' or 'GET http://host:port/path'");
            }
            continue;
        }
        if (strcmp(a.p, "--print-tables") == 0) {
            cmd->tables = true;
            continue;
        }
        if (*a.p++ != '-') {
            return complain("invalid option: \"%s\"", a.p - 1);
        }
        while (*a.p != '\0') {
            char letter = *a.p++;

            if (!option(&a, letter, cmd)) {
                return false;
            }
        }
    }
    return true;
}
