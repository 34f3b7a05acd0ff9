/*
 * -v, -V and -h. Scripts read -V: its lines are nginx's.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <weir/main/cmdline.h>
#include <weir_config.h>

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <pcre2.h>
#include <stdio.h>
#include <zlib.h>

#if WR_HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>
#endif
#if WR_HAVE_SQLITE3
#include <sqlite3.h>
#endif
#if WR_HAVE_HIREDIS
#include <hiredis/hiredis.h>
#endif
#if WR_HAVE_JANSSON
#include <jansson.h>
#endif

static void
version(void)
{
    fprintf(stderr, "weir version: weir/" WR_VERSION "%s%s%s\n",
            WR_BUILD[0] != '\0' ? " (" : "", WR_BUILD, WR_BUILD[0] != '\0' ? ")" : "");
}

static void
libraries(void)
{
    const char *running = OpenSSL_version(OPENSSL_VERSION);
    char        pcre[64] = "";

    if (strcmp(OPENSSL_VERSION_TEXT, running) == 0) {
        fprintf(stderr, "built with " OPENSSL_VERSION_TEXT "\n");
    } else {
        fprintf(stderr, "built with " OPENSSL_VERSION_TEXT " (running with %s)\n",
                running);
    }
    fprintf(stderr, "TLS SNI support enabled\n");

    (void) pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    fprintf(stderr, "libraries: PCRE2 %s, zlib %s", pcre, zlibVersion());
#if WR_HAVE_NGHTTP2
    fprintf(stderr, ", nghttp2 " NGHTTP2_VERSION);
#endif
#if WR_HAVE_SQLITE3
    fprintf(stderr, ", SQLite " SQLITE_VERSION);
#endif
#if WR_HAVE_HIREDIS
    fprintf(stderr, ", hiredis %d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
#endif
#if WR_HAVE_JANSSON
    fprintf(stderr, ", Jansson " JANSSON_VERSION);
#endif
    fputc('\n', stderr);
}

/* ---- configure arguments ---- */

/* What nginx has only when it is asked for, and weir has without asking: scripts
 * look for these words. */
static const char *const of_core[] = {
    "--with-threads",
    "--with-file-aio",
    "--with-http_ssl_module",
    "--with-http_v2_module",
};

static const char *const of_modules[] = {
    "http_realip_module", "http_addition_module", "http_sub_module",
    "http_dav_module", "http_flv_module", "http_mp4_module", "http_gunzip_module",
    "http_gzip_static_module", "http_auth_request_module",
    "http_random_index_module", "http_secure_link_module", "http_slice_module",
    "http_stub_status_module",
};

static bool
was_given(const char *option)
{
    wr_str_t rest = WR_STR(WR_CONFIGURE_ARGS);
    wr_str_t word;

    while (wr_str_split(&rest, ' ', &word)) {
        if (wr_str_eqz(word, option)) {
            return true;
        }
    }
    return false;
}

static bool
is_built_in(const char *name)
{
    for (wr_module_t *const *m = wr_builtin_modules; *m != NULL; m++) {
        if (strcmp((*m)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
arguments(void)
{
    char option[64];

    fprintf(stderr, "configure arguments:%s" WR_CONFIGURE_ARGS,
            sizeof(WR_CONFIGURE_ARGS) > 1 ? " " : "");
    for (size_t i = 0; i < WR_COUNT(of_core); i++) {
#if !WR_HAVE_NGHTTP2
        if (strcmp(of_core[i], "--with-http_v2_module") == 0) {
            continue;
        }
#endif
        if (!was_given(of_core[i])) {
            fprintf(stderr, " %s", of_core[i]);
        }
    }
    for (size_t i = 0; i < WR_COUNT(of_modules); i++) {
        snprintf(option, sizeof(option), "--with-%s", of_modules[i]);
        if (is_built_in(of_modules[i]) && !was_given(option)) {
            fprintf(stderr, " %s", option);
        }
    }
    fputc('\n', stderr);
}

static void
usage(void)
{
    fprintf(stderr,
            "Usage: weir [-?hvVtTqMd] [-s signal] [-p prefix] [-e filename]\n"
            "            [-c filename] [-g directives] [-H name]\n"
            "\n"
            "Options:\n"
            "  -?,-h         : this help\n"
            "  -v            : show version and exit\n"
            "  -V            : show version and configure options then exit\n"
            "  -t            : test configuration and exit\n"
            "  -T            : test configuration, dump it and exit\n"
            "  -q            : say only errors during configuration testing\n"
            "  -s signal     : tell the running master: stop, quit, reopen, reload\n"
            "  -p prefix     : set prefix path (default: " WR_PREFIX ")\n"
            "  -e filename   : set error log file (default: " WR_ERROR_LOG_PATH ")\n"
            "  -c filename   : set configuration file (default: " WR_CONF_PATH ")\n"
            "  -g directives : set global directives out of configuration file\n"
            "  -M            : list the modules, built in and loaded by the conf\n"
            "  -H name       : explain a directive or a $variable\n"
            "  -d            : develop: as with \"weir_dev on\"\n"
            "  --explain request\n"
            "                : tell what the conf makes of 'GET /path'\n"
            "                  or 'GET http://host:port/path'\n"
            "  --from-nginx filename\n"
            "                : tell what of an nginx.conf carries over\n");
}

void
wr_about(const wr_command_t *cmd)
{
    version();
    if (cmd->help) {
        fputc('\n', stderr);
        usage();
    }
    if (cmd->build) {
        fprintf(stderr, "built by " WR_COMPILER "\n");
        libraries();
        arguments();
    }
}
