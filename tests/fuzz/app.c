/*
 * What the application reads from a request: urlencoded and multipart forms, JSON
 * bodies, cookies, the query. The first byte chooses which of them the input is.
 */
#include "serve.h"

static const char conf[] =
    "client_body_buffer_size 1m; client_max_body_size 1m;\n"
    "route POST /form { json {\"form\": form, \"all\": form.getall('a')|default([])}; }\n"
    "route POST /files { json {\"form\": form, \"files\": files}; }\n"
    "route POST /json { json json; }\n"
    "route GET /cookies { json {\"c\": cookies, \"h\": headers}; }\n"
    "route GET /query { json {\"q\": query, \"a\": query.a|default(none)}; }\n"
    "route GET /p/{a:int}/{b:path} { json params; }\n"
    "route GET /p/{u:uuid} { json params; }\n"
    "route GET /p/{f:float} { json params; }\n"
    "route GET /p/{s:slug} { json params; }\n";

static const struct {
    const char *line, *fields;
    bool        body;
} kinds[] = {
    {"POST /form", "Content-Type: application/x-www-form-urlencoded", true},
    {"POST /files", "Content-Type: multipart/form-data; boundary=b", true},
    {"POST /json", "Content-Type: application/json", true},
    {"GET /cookies", "Cookie: ", false},
    {"GET /query?", NULL, false},
    {"GET /p/", NULL, false},
    {"POST /files", "Content-Type: multipart/form-data; boundary=", false},
};

/* What would end the line is left out: this target is not about heads. */
static void
add_text(wr_buf_t *b, const uint8_t *p, size_t n, bool blanks)
{
    for (size_t i = 0; i < n && b->n < 7000; i++) {
        if (p[i] != '\r' && p[i] != '\n' && p[i] != '\0' && (blanks || p[i] != ' ')) {
            wr_buf_char(b, (char) p[i]);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_buf_t b;
    unsigned kind;

    serve_start(conf);
    if (size == 0) {
        return 0;
    }
    kind = data[0] % WR_COUNT(kinds);
    data++, size--;
    b = wr_buf(NULL);
    wr_buf_printf(&b, "%s", kinds[kind].line);
    if (kinds[kind].fields == NULL) {
        add_text(&b, data, size, false);
    }
    wr_buf_lit(&b, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
    if (kinds[kind].fields != NULL) {
        wr_buf_printf(&b, "%s", kinds[kind].fields);
        if (!kinds[kind].body) {
            add_text(&b, data, size, true);
        }
        wr_buf_printf(&b, "\r\nContent-Length: %zu\r\n", kinds[kind].body ? size : 4);
    }
    wr_buf_lit(&b, "\r\n");
    if (kinds[kind].body) {
        wr_buf_add(&b, (const char *) data, size);
    } else if (kinds[kind].fields != NULL) {
        wr_buf_lit(&b, "--b\r");
    }
    serve_client(wr_buf_text(&b), 0);
    wr_buf_free(&b);
    return 0;
}
