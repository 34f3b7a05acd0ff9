/*
 * weir-render: renders templates in a shell, and for programs that talk JSON.
 */
#include <weir/main/render.h>

#include <weir_config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STATUS_USAGE = 2,
    MAX_OPTIONS = 64
};

static void
help(FILE *to)
{
    fputs(
        "usage: weir-render [-d DIR] [-o OPTION=VALUE]... FILE "
        "[CONTEXT.json]\n"
        "       weir-render --batch\n"
        "\n"
        "Renders the template FILE with the JSON object in CONTEXT.json (\"-\":"
        " standard\ninput) as its context.\n"
        "\n"
        "  -d DIR          where extends, include and import look for files\n"
        "                  (default: the folder of FILE)\n"
        "  -o OPTION=VALUE an option of the environment; VALUE is JSON or plain\n"
        "                  text: autoescape, trim_blocks, lstrip_blocks,\n"
        "                  undefined, extensions, block_start_string, ...\n"
        "  --batch         JSON requests on standard input, one a line; one JSON\n"
        "                  answer a line: see --help-protocol\n"
        "  -h, --help      this text\n"
        "  -V, --version   the version\n"
        "\n"
        "Exit status: 0 rendered, 1 an error in a template or its data, 2 a\n"
        "wrong call or a file that cannot be read.\n",
        to);
}

static void
help_protocol(void)
{
    puts(
        "Request (an object, everything optional):\n"
        "  templates  name to source\n"
        "  main       the name of the template to render\n"
        "  context    the variables\n"
        "  globals    variables that imported templates see as well\n"
        "  id         any value; the answer repeats it\n"
        "  repeat     renders that often again; the answer has ns_per_render (may stand\n"
        "             in options)\n"
        "  options    autoescape (true, false, \"select\" or a list of endings),\n"
        "             block_start_string, block_end_string,\n"
        "             variable_start_string, variable_end_string,\n"
        "             comment_start_string, comment_end_string,\n"
        "             line_statement_prefix, line_comment_prefix, trim_blocks,\n"
        "             lstrip_blocks, keep_trailing_newline, newline_sequence,\n"
        "             undefined (default, strict, chainable, debug), extensions\n"
        "             (i18n, do, loopcontrols, debug), newstyle_gettext,\n"
        "             translations (msgid to text or [one, many]), sandbox (true,\n"
        "             \"immutable\"), async, policies, limits (steps, output,\n"
        "             memory, depth, string, range)\n"
        "Answer:\n"
        "  {\"output\": TEXT} or\n"
        "  {\"error\": KIND, \"message\": TEXT, \"line\": N, \"template\": NAME}\n"
        "\n"
        "KIND is the class that Jinja2 or Python would raise: "
        "TemplateSyntaxError,\nTemplateAssertionError, UndefinedError, "
        "TemplateNotFound, TemplatesNotFound,\nSecurityError, "
        "TemplateRuntimeError, FilterArgumentError, TypeError, ValueError,\n"
        "ZeroDivisionError, OverflowError, KeyError, RecursionError and others; "
        "LimitError\nif a limit was reached; RequestError if the request itself "
        "makes no sense.");
}

int
main(int argc, char **argv)
{
    enum {
        OPT_BATCH = 256,
        OPT_PROTOCOL
    };
    static const struct option longs[] = {
        {"batch", no_argument, NULL, OPT_BATCH},
        {"help", no_argument, NULL, 'h'},
        {"help-protocol", no_argument, NULL, OPT_PROTOCOL},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0}};
    const char     *options[MAX_OPTIONS];
    wr_render_job_t job = {.options = options};
    bool            batch = false;
    int             c;

    while ((c = getopt_long(argc, argv, "d:o:hV", longs, NULL)) != -1) {
        switch (c) {
        case 'd': job.dir = optarg; break;
        case 'o':
            if (job.noptions == MAX_OPTIONS) {
                fputs("weir-render: too many options\n", stderr);
                return STATUS_USAGE;
            }
            options[job.noptions++] = optarg;
            break;
        case 'h': help(stdout); return 0;
        case 'V': puts("weir-render " WR_VERSION); return 0;
        case OPT_PROTOCOL: help_protocol(); return 0;
        case OPT_BATCH: batch = true; break;
        default:
            fputs("weir-render -h tells how to call it.\n", stderr);
            return STATUS_USAGE;
        }
    }
    if (batch) {
        return wr_render_batch();
    }
    if (optind >= argc || argc - optind > 2) {
        help(stderr);
        return STATUS_USAGE;
    }
    job.file = argv[optind];
    job.context = argc - optind == 2 ? argv[optind + 1] : NULL;
    return wr_render_file(&job);
}
