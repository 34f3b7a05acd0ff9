/*
 * -T: every file of the conf as it is, in nginx's form, and then, as comments, the
 * pipeline of each server and location: what a request goes through, in order.
 * `a[ b ]` is a stage that comes back when what stands inside it has ended.
 */
#include <weir/main/print.h>

#include <weir/main/cmdline.h>

#include <stdio.h>

static void
files(const wr_conf_t *cf)
{
    for (WR_EACH(wr_conf_file_t, f, wr_conf_files(cf))) {
        printf("# configuration file %.*s:\n", WR_ARG(f->path));
        fwrite(f->text.p, 1, f->text.n, stdout);
        putchar('\n');
    }
}

void
wr_print_name(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        putchar((unsigned char) s.p[i] < ' ' ? '?' : s.p[i]);
    }
}

void
wr_print_stages(const wr_stage_t *stage)
{
    unsigned open = 0;

    if (stage->mw == NULL) {
        printf(" nothing");
    }
    for (; stage->mw != NULL; stage++) {
        printf(" %s%s", stage->mw->name, stage->mw->after != NULL ? "[" : "");
        if (stage->mw->after != NULL) {
            open++;
        } else if (stage[1].mw != NULL) {
            printf(" >");
        }
    }
    while (open-- != 0) {
        printf(" ]");
    }
    putchar('\n');
}

void
wr_print_filters(const wr_filter_t *const *filters)
{
    for (const wr_filter_t *const *f = filters; *f != NULL; f++) {
        printf(" %s%s", (*f)->name, f[1] != NULL ? " >" : "");
    }
    putchar('\n');
}

static void
stages(const char *indent, const wr_stage_t *stage)
{
    printf("#%s  ", indent);
    wr_print_stages(stage);
}

static void
filters(const char *indent, const wr_location_t *loc)
{
    printf("#%s    filters:", indent);
    wr_print_filters(loc->filters);
}

static void
place(wr_str_t file, uint32_t line)
{
    if (file.n != 0) {
        printf("  (");
        wr_print_name(file);
        printf(":%u)", line);
    }
    putchar('\n');
}

static void
location(const wr_location_t *loc)
{
    static const char *const kinds[] = {
        [WR_LOC_PREFIX] = "location ", [WR_LOC_EXACT] = "location = ",
        [WR_LOC_NOREGEX] = "location ^~ ", [WR_LOC_REGEX] = "location ~ ",
        [WR_LOC_NAMED] = "location ", [WR_LOC_ROUTE] = "route ", [WR_LOC_INNER] = "",
    };

    printf("#   %s", kinds[loc->kind]);
    wr_print_name(loc->kind == WR_LOC_INNER ? loc->scope->at.text : loc->name);
    place(loc->scope->at.file, loc->scope->at.line);
    stages("    ", loc->stages);
    filters("    ", loc);
}

static void
pipelines(const wr_http_t *http)
{
    printf("# pipelines:\n");
    for (WR_EACH(wr_server_t *, s, &http->servers)) {
        printf("# server ");
        wr_print_name((*s)->name.n != 0 ? (*s)->name : WR_STR("\"\""));
        place((*s)->file, (*s)->line);
        stages("  ", (*s)->post_read);
        printf("#   no location\n");
        stages("    ", (*s)->base->stages);
        filters("    ", (*s)->base);
        for (WR_EACH(wr_location_t *, loc, &http->locations)) {
            if ((*loc)->server == *s && *loc != (*s)->base) {
                location(*loc);
            }
        }
    }
    printf("# all filters:");
    wr_print_filters(http->filters);
}

void
wr_dump(const wr_cycle_t *cycle)
{
    files(cycle->cf);
    if (cycle->http != NULL) {
        pipelines(wr_http_of(cycle));
    }
    fflush(stdout);
}
