/*
 * weir_dev: what a developer sees in place of an error page: what failed, the line
 * of the conf or template with its neighbours, the request, and the values that
 * steps had made. Only for clients on this machine, whatever the conf says.
 */
#include <weir/app/app_priv.h>

#include <weir/http/status.h>
#include <weir/os/readfile.h>
#include <weir/process/cycle.h>

enum { AROUND = 4, LONGEST_VALUE = 500, LARGEST_FILE = 4 << 20 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<style>"
    ":root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1d2327;--soft:#5d6b73;"
    "--line:#e3e0da;--bad:#b3261e;--mark:#fdeceb}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181b;--card:#1c2226;--ink:#e6eaec;"
    "--soft:#9aa8b0;--line:#2e373d;--bad:#ff8a80;--mark:#3a1f1d}}"
    "body{margin:0;background:var(--bg);color:var(--ink);"
    "font:16px/1.55 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem}"
    "h1{font-size:1.1rem;color:var(--soft);margin:0}"
    "h2{font-size:1rem;margin:1.6rem 0 .4rem}"
    ".what{font-size:1.35rem;font-weight:650;color:var(--bad);margin:.3rem 0 1rem;"
    "overflow-wrap:anywhere;white-space:pre-wrap}"
    "pre,table{font:.86rem/1.6 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "background:var(--card);border:1px solid var(--line);border-radius:9px;margin:0;"
    "overflow-x:auto}pre{padding:.7rem 0}pre span{display:block;padding:0 1rem}"
    "pre .at{background:var(--mark)}pre i{color:var(--soft);font-style:normal}"
    "table{border-collapse:collapse;width:100%;table-layout:fixed}"
    "td{padding:.25rem 1rem;vertical-align:top;overflow-wrap:anywhere;"
    "border-top:1px solid var(--line)}tr:first-child td{border:0}"
    "td:first-child{width:12rem;color:var(--soft)}footer{color:var(--soft);margin-top:2rem;"
    "font-size:.9rem}</style>";

/* Neither the connection's peer nor whom realip believes it speaks for. */
bool
app_dev_shows(const wr_req_t *r)
{
    const wr_req_t *m = r->main;

    return wr_cycle != NULL && wr_cycle->core->dev && m->peer != NULL
           && wr_addr_is_loopback(m->peer)
           && (m->socket_peer == NULL || wr_addr_is_loopback(m->socket_peer));
}

static void
put(wr_buf_t *b, wr_str_t s)
{
    wr_escape(b, s);
}

/* ---- the lines around the place ---- */

static void
put_line(wr_buf_t *b, uint32_t number, wr_str_t line, uint32_t at, uint32_t column)
{
    wr_buf_printf(b, "<span%s><i>%5u  </i>", number == at ? " class=\"at\"" : "", number);
    put(b, line);
    wr_buf_lit(b, "</span>");
    if (number != at || column == 0 || column > line.n + 1) {
        return;
    }
    wr_buf_lit(b, "<span class=\"at\"><i>       </i>");
    for (uint32_t i = 0; i + 1 < column; i++) {
        if ((line.p[i] & 0xc0) != 0x80) {
            wr_buf_char(b, line.p[i] == '\t' ? '\t' : ' ');
        }
    }
    wr_buf_lit(b, "^</span>");
}

static void
put_source(wr_buf_t *b, wr_req_t *r, const app_place_t *place)
{
    const char *call;
    wr_str_t    text, line;
    uint32_t    n = 0;

    if (place->line == 0
        || wr_file_read(wr_pool(r), wr_pool_strz(wr_pool(r), place->file), LARGEST_FILE,
                        &text, &call) != 0)
    {
        return;
    }
    wr_buf_lit(b, "<h2>");
    put(b, place->file);
    wr_buf_printf(b, ", line %u", place->line);
    if (place->column != 0) {
        wr_buf_printf(b, ", column %u", place->column);
    }
    wr_buf_lit(b, "</h2>\n<pre>");
    while (wr_str_split(&text, '\n', &line)) {
        n++;
        if (n + AROUND >= place->line && n <= place->line + AROUND) {
            put_line(b, n, line, place->line, place->column);
        }
    }
    wr_buf_lit(b, "</pre>\n");
}

/* ---- tables ---- */

static void
put_row(wr_buf_t *b, wr_str_t name, wr_str_t value)
{
    wr_buf_lit(b, "<tr><td>");
    put(b, name);
    wr_buf_lit(b, "</td><td>");
    put(b, wr_str_sub(value, 0, wr_min_size(value.n, LONGEST_VALUE)));
    wr_buf_z(b, value.n > LONGEST_VALUE ? " …</td></tr>\n" : "</td></tr>\n");
}

/* What was secret stays so, on a screen that others may see. */
static bool
is_secret(wr_str_t name)
{
    return wr_str_ifind(name, WR_STR("password")) >= 0
           || wr_str_ifind(name, WR_STR("secret")) >= 0
           || wr_str_ifind(name, WR_STR("token")) >= 0
           || wr_str_ieqz(name, "authorization") || wr_str_ieqz(name, "cookie");
}

static void
put_request(wr_buf_t *b, wr_req_t *r)
{
    wr_buf_lit(b, "<h2>The request</h2>\n<table>");
    put_row(b, WR_STR("request"), wr_pool_printf(wr_pool(r), "%.*s %.*s",
                                                 WR_ARG(r->main->method_name),
                                                 WR_ARG(r->main->raw_uri)));
    put_row(b, WR_STR("id"), wr_req_id(r));
    for (WR_EACH_HEADER(h, &r->main->in)) {
        put_row(b, h->name, is_secret(h->name) ? WR_STR("(hidden)") : h->value);
    }
    wr_buf_lit(b, "</table>\n");
}

static void
put_values(wr_buf_t *b, wr_req_t *r, app_t *a)
{
    bool any = false;

    for (uint32_t i = 0; i < a->main->by_slot.n; i++) {
        const name_t   *n = *WR_AT(&a->main->by_slot, name_t *, i);
        wr_buf_t        text = wr_buf(wr_pool(r));
        const wr_val_t *v = &a->slots[n->slot];
        wr_eval_t       ev;

        if (!wr_given(v) || v->type == WR_V_UNDEFINED || n->get != NULL) {
            continue;
        }
        wr_app_eval_init(r, &ev, wr_pool(r));
        if (is_secret(n->text)) {
            wr_buf_lit(&text, "(hidden)");
        } else if (!wr_put_repr(&ev, &text, v)) {
            continue;
        }
        wr_buf_z(b, any ? "" : "<h2>What steps had made</h2>\n<table>");
        any = true;
        put_row(b, n->text, wr_buf_text(&text));
    }
    wr_buf_z(b, any ? "</table>\n" : "");
}

wr_str_t
app_dev_page(wr_req_t *r, unsigned status)
{
    app_t   *a = app_of(r);
    wr_buf_t b = wr_buf(wr_pool(r));

    wr_buf_z(&b, head);
    wr_buf_lit(&b, "<title>");
    wr_buf_str(&b, wr_status_title(status));
    wr_buf_lit(&b, "</title></head>\n<body><main>\n<h1>");
    wr_buf_str(&b, wr_status_title(status));
    wr_buf_lit(&b, "</h1>\n<p class=\"what\">");
    put(&b, a->detail);
    wr_buf_lit(&b, "</p>\n");
    put_source(&b, r, &a->inner);
    put_source(&b, r, &a->place);
    put_values(&b, r, a);
    put_request(&b, r);
    wr_buf_lit(&b, "<footer>You see this because of weir_dev. Without it a client sees only "
                   "the status.</footer>\n</main></body></html>\n");
    return wr_buf_text(&b);
}
