/*
 * weir-render for people: one template file, an error that shows the place.
 */
#include <weir/base/utf8.h>
#include <weir/expr/json_in.h>
#include <weir/main/render.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STATUS_ERROR = 1,
    STATUS_USAGE = 2
};

typedef struct {
    wr_pool_t *pool;
    wr_str_t   dir;
} files_t;

static bool
read_file(wr_pool_t *pool, const char *path, wr_str_t *out)
{
    wr_buf_t b = wr_buf(pool);
    FILE    *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t   n;
    bool     ok;

    if (f == NULL) {
        return false;
    }
    do {
        n = fread(wr_buf_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n != 0);
    ok = !ferror(f);
    if (f != stdin) {
        fclose(f);
    }
    *out = wr_buf_text(&b);
    return ok;
}

/* Names stay inside of the folder. */
static bool
plain_name(wr_str_t name)
{
    wr_str_t rest = name, part;

    while (wr_str_split(&rest, '/', &part)) {
        if (wr_str_eqz(part, "..")) {
            return false;
        }
    }
    return name.n != 0 && memchr(name.p, '\0', name.n) == NULL;
}

static wr_rc_t
load(void *data, wr_pool_t *pool, wr_str_t name, wr_source_t *out,
     wr_err_t *err)
{
    const files_t *f = data;
    size_t         bad;

    while (name.n != 0 && name.p[0] == '/') {
        name = wr_str_skip(name, 1);
    }
    if (!plain_name(name)) {
        return WR_NOTFOUND;
    }
    out->file = wr_pool_join3(pool, f->dir, WR_STR("/"), name);
    if (!read_file(pool, wr_pool_strz(pool, out->file), &out->text)) {
        return WR_NOTFOUND;
    }
    bad = wr_utf8_bad(out->text);
    if (bad < out->text.n) {
        *err = (wr_err_t){.kind = "UnicodeDecodeError",
                          .name = name,
                          .message = wr_pool_printf(
                              pool, "byte %zu of the file is not UTF-8", bad)};
        return WR_ERROR;
    }
    return WR_OK;
}

/* The line of the source, with a caret under the column. */
static void
show_place(const files_t *f, const wr_err_t *err)
{
    wr_source_t src = {0};
    wr_err_t    unused = {0};
    wr_str_t    rest, line = WR_STR_NONE;
    uint32_t    i, column = err->column;

    if (err->name.n == 0 || err->line == 0
        || load((void *) f, f->pool, err->name, &src, &unused) != WR_OK)
    {
        return;
    }
    rest = src.text;
    for (i = 0; i < err->line && wr_str_split(&rest, '\n', &line); i++) {
    }
    if (i < err->line) {
        return;
    }
    if (line.n != 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    fprintf(stderr, "%6u | %.*s\n", err->line, WR_ARG(line));
    if (column != 0 && column <= line.n + 1) {
        fputs("       | ", stderr);
        for (i = 0; i + 1 < column; i++) {
            if (line.p[i] == '\t') {
                fputc('\t', stderr);
            } else if (((uint8_t) line.p[i] & 0xc0) != 0x80) {
                fputc(' ', stderr);
            }
        }
        fputs("^\n", stderr);
    }
}

static int
report(const files_t *f, const wr_err_t *err)
{
    fputs("weir-render: ", stderr);
    if (err->name.n != 0) {
        fprintf(stderr, "%.*s:", WR_ARG(err->name));
        if (err->line != 0) {
            fprintf(stderr, "%u:", err->line);
            if (err->column != 0) {
                fprintf(stderr, "%u:", err->column);
            }
        }
        fputc(' ', stderr);
    }
    fprintf(stderr, "%s: %.*s\n", err->kind, WR_ARG(err->message));
    show_place(f, err);
    if (strcmp(err->kind, "TemplateNotFound") == 0) {
        fprintf(stderr, "Templates are looked for in %.*s (-d DIR).\n",
                WR_ARG(f->dir));
    }
    return STATUS_ERROR;
}

/* "name=value": the value is JSON, or else a text. */
static bool
take_option(wr_pool_t *pool, wr_env_options_t *o, const char *text)
{
    const char      *eq = strchr(text, '=');
    wr_json_limits_t limits = {.any = true};
    wr_json_err_t    bad;
    wr_val_t         v;
    wr_str_t         why = WR_STR_NONE;

    if (eq == NULL) {
        v = wr_bool(true);
        eq = text + strlen(text);
    } else if (!wr_json_parse(pool, wr_str_z(eq + 1), &limits, &v, &bad)) {
        v = wr_vstr(wr_str_z(eq + 1));
    }
    if (wr_render_option(pool, o, wr_str(text, (size_t) (eq - text)), &v, &why))
    {
        return true;
    }
    fprintf(stderr, "weir-render: -o %s: %.*s\n", text, WR_ARG(why));
    return false;
}

static bool
take_context(wr_pool_t *pool, const char *path, wr_val_t *out)
{
    wr_str_t         text;
    wr_json_limits_t limits = {0};
    wr_json_err_t    bad = {0};

    if (!read_file(pool, path, &text)) {
        fprintf(stderr, "weir-render: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!wr_json_parse(pool, text, &limits, out, &bad)) {
        fprintf(stderr, "weir-render: %s:%u:%u: %.*s\n", path, bad.line,
                bad.column, WR_ARG(bad.message));
        return false;
    }
    if (out->type != WR_V_DICT) {
        fprintf(stderr, "weir-render: %s: the context is not an object\n",
                path);
        return false;
    }
    return true;
}

/* The folder and the name in it. */
static wr_str_t
split_path(files_t *f, const wr_render_job_t *job)
{
    wr_str_t file = wr_str_z(job->file), dir;
    ssize_t  slash = wr_str_rchr(file, '/');

    if (job->dir == NULL) {
        f->dir = slash < 0    ? WR_STR(".")
                 : slash == 0 ? WR_STR("/")
                              : wr_str_sub(file, 0, (size_t) slash);
        return wr_str_skip(file, (size_t) (slash + 1));
    }
    f->dir = dir = wr_str_z(job->dir);
    while (dir.n > 1 && dir.p[dir.n - 1] == '/') {
        f->dir = dir = wr_str_sub(dir, 0, dir.n - 1);
    }
    /* A path that begins with the folder is meant from here. */
    if (wr_str_starts(file, dir) && file.n > dir.n && file.p[dir.n] == '/') {
        return wr_str_skip(file, dir.n + 1);
    }
    return file;
}

static int
render(wr_pool_t *pool, files_t *f, const wr_env_options_t *o, wr_str_t name,
       const wr_dict_t *context)
{
    wr_env_t      *env = wr_env_new(pool, o);
    wr_err_t       err = {0};
    wr_template_t *t = wr_env_get(env, name, pool, &err);
    wr_bindings_t      vars = {.dict = context};
    wr_eval_t      ev;
    wr_buf_t       out = wr_buf(NULL);
    int            status = 0;

    if (t == NULL) {
        report(f, &err);
        return strcmp(err.kind, "TemplateNotFound") == 0 ? STATUS_USAGE
                                                         : STATUS_ERROR;
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_template_render(t, &ev, &vars, &out)) {
        status = report(f, &ev.err);
    } else if (fwrite(wr_buf_text(&out).p, 1, out.n, stdout) != out.n
               || fflush(stdout) != 0)
    {
        fprintf(stderr, "weir-render: cannot write: %s\n", strerror(errno));
        status = STATUS_USAGE;
    }
    wr_buf_free(&out);
    wr_template_free(t);
    return status;
}

int
wr_render_file(const wr_render_job_t *job)
{
    wr_pool_t       *pool = wr_pool_new();
    files_t          f = {.pool = pool};
    wr_env_options_t o = wr_env_defaults();
    wr_val_t         context = {0};
    wr_str_t         name = split_path(&f, job), why;
    unsigned         i;
    int              status = STATUS_USAGE;

    for (i = 0; i < job->noptions; i++) {
        if (!take_option(pool, &o, job->options[i])) {
            goto done;
        }
    }
    why = wr_render_check(&o);
    if (why.n != 0) {
        fprintf(stderr, "weir-render: %.*s\n", WR_ARG(why));
        goto done;
    }
    if (job->context != NULL && !take_context(pool, job->context, &context)) {
        goto done;
    }
    o.loader = (wr_loader_t){.load = load, .data = &f};
    status = render(pool, &f, &o, name,
                    job->context != NULL ? context.u.dict : NULL);
done:
    wr_pool_free(pool);
    return status;
}
