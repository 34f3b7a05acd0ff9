/*
 * Arguments that are read verbatim, and words with braces in them.
 */
#include <conf_help.h>

static wr_buf_t seen;

static wr_rc_t
note(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    wr_buf_printf(&seen, "%s", d->name);
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_buf_printf(&seen, "|%.*s", WR_ARG(cf->args[i].text));
    }
    if ((d->flags & WR_DF_RAW) != 0) {
        CHECK(cf->raw.text.p[cf->raw.text.n] == '\0');
        wr_buf_printf(&seen, "<%.*s>", WR_ARG(cf->raw.text));
    }
    if (cf->has_block) {
        wr_buf_char(&seen, '{');
        if (wr_conf_block(cf, wr_conf_scope(cf, WR_ROUTE, NULL)) != WR_OK) {
            return WR_ERROR;
        }
        wr_buf_char(&seen, '}');
    }
    return WR_OK;
}

#define ANYWHERE (WR_MAIN | WR_ROUTE)

static const wr_directive_t directives[] = {
    WR_ACTION("expr", ANYWHERE, 1, 1, note, "", .flags = WR_DF_RAW),
    WR_ACTION("text", ANYWHERE, 0, 1, note, "", .flags = WR_DF_RAW | WR_DF_TEMPLATE),
    WR_ACTION("sql", ANYWHERE, 1, 1, note, "", .flags = WR_DF_RAW | WR_DF_SQL),
    WR_ACTION("when", ANYWHERE, 1, 1, note, "", .flags = WR_DF_RAW | WR_DF_BLOCK),
    WR_ACTION("fetch", ANYWHERE, 1, 1, note, "",
              .flags = WR_DF_RAW | WR_DF_BLOCK | WR_DF_TEMPLATE),
    WR_ACTION("route", ANYWHERE, 1, 3, note, "", .flags = WR_DF_BLOCK | WR_DF_PATTERN),
    WR_ACTION("set", ANYWHERE, 2, 2, note, "nginx's."),
    WR_ACTION("set", WR_ROUTE, 1, 1, note, "Ours.", .flags = WR_DF_RAW),
    WR_ACTION("x", ANYWHERE, 0, 9, note, ""),
    WR_END
};

static wr_schema_t schema = {.name = "test", .directives = directives};

static void
reads(const char *text, const char *want)
{
    wr_conf_t *cf = conf_begin("/");

    CHECK(wr_conf_add_schema(cf, &schema) == WR_OK);
    seen = wr_buf(cf->pool);
    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_OK);
    CHECK_STR(wr_str(conf_said, conf_said_n), "");
    CHECK_STR(wr_buf_text(&seen), want);
    conf_end(cf);
}

static void
fails(const char *text, const char *message)
{
    wr_conf_t *cf = conf_begin("/");

    CHECK(wr_conf_add_schema(cf, &schema) == WR_OK);
    seen = wr_buf(cf->pool);
    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_ERROR);
    CHECK(conf_has_said(message));
    conf_end(cf);
}

static void
expressions(void)
{
    reads("expr json.price * 1.19|round(2);x;", "expr<json.price * 1.19|round(2)>x");
    reads("expr\n  {\"value\": json.key} ;x;", "expr<{\"value\": json.key}>x");
    reads("expr {\"a;\": 'b;\\';', 'c': \"}\"};x;",
          "expr<{\"a;\": 'b;\\';', 'c': \"}\"}>x");
    reads("expr a # b;x;", "expr<a # b>x");
    reads("expr{};", "expr<{}>");
    reads("expr \"a\" ~ \"b\\\\\";x;", "expr<\"a\" ~ \"b\\\\\">x");
    fails("expr;", "invalid number of arguments in \"expr\" directive");
    fails("expr a", "unexpected end of file, expecting \";\" in text:1:7");
    fails("expr 'a;", "(the quote at line 1, column 6 has no end)");
}

static void
conditions(void)
{
    reads("when a { x; } x;", "when<a>{x}x");
    reads("when a{ x; }", "when<a>{x}");
    reads("when a == {} { x; }", "when<a == {}>{x}");
    reads("when {} == a { x; }", "when<{} == a>{x}");
    reads("when a in {\"k\": {\"l\": 1}} { x; }", "when<a in {\"k\": {\"l\": 1}}>{x}");
    reads("when a.in { x; }", "when<a.in>{x}");
    reads("when a is string { x; }", "when<a is string>{x}");
    reads("when not {} and (a or {}) { x; }", "when<not {} and (a or {})>{x}");
    reads("when f({'a': 1}) { x; }", "when<f({'a': 1})>{x}");
    reads("when a[{}] { x; }", "when<a[{}]>{x}");
    reads("when '{' { x; }", "when<'{'>{x}");
    reads("when 1 + 2 {}", "when<1 + 2>{}");
    reads("when a { when b { x; } x; }", "when<a>{when<b>{x}x}");
    fails("when { x; }", "unexpected \"}\" in text:1:11");
    fails("when a { x;", "expecting \"}\"");
}

static void
templates(void)
{
    reads("text /posts/{{ new.first.id }};x;", "text</posts/{{ new.first.id }}>x");
    reads("text \"Hello, {{ params.name }}; bye\";x;",
          "text<\"Hello, {{ params.name }}; bye\">x");
    reads("text \"{{ a|default(\"b;\") }};\";x;", "text<\"{{ a|default(\"b;\") }};\">x");
    reads("text \"a\n;b\";x;", "text<\"a\n;b\">x");
    reads("text 'a\\';b';x;", "text<'a\\';b'>x");
    reads("text It's me;x;", "text<It's me>x");
    reads("text say 'a;b' now;x;", "text<say 'a;b' now>x");
    reads("text <p style=\"a: b; c: d\">x</p>;x;",
          "text<<p style=\"a: b; c: d\">x</p>>x");
    reads("text f(a; b) [c;d];x;", "text<f(a; b) [c;d]>x");
    reads("text sad :( ;x;", "text<sad :(>x");
    reads("text :-);x;", "text<:-)>x");
    reads("text rock 'n roll;x;", "text<rock 'n roll>x");
    reads("text {% if a == ';' %}b{% endif %}{# ; #};x;",
          "text<{% if a == ';' %}b{% endif %}{# ; #}>x");
    reads("text {{ {\"a\": {\"b\": 1}} }};x;", "text<{{ {\"a\": {\"b\": 1}} }}>x");
    reads("text p { a: b; };x;", "text<p { a: b; }>x");
    reads("text ;x;", "text<>x");
    fails("text {{ a ;x;", "(the \"{\" at line 1, column 6 has no end)");
    fails("text \"a;x;", "(the quote at line 1, column 6 has no end)");

    reads("fetch a = http://u/{{ b }} { x; }", "fetch<a = http://u/{{ b }}>{x}");
    reads("fetch a = http://u/{{ b }};x;", "fetch<a = http://u/{{ b }}>x");
    reads("fetch a = \"http://u/{{ {} }}?a;b\" {}", "fetch<a = \"http://u/{{ {} }}?a;b\">{}");
    reads("fetch a = http://u/{b};x;", "fetch<a = http://u/{b}>x");
    reads("fetch a = {{ u }} { }", "fetch<a = {{ u }}>{}");
}

static void
statements(void)
{
    reads("sql a = SELECT 1;x;", "sql<a = SELECT 1>x");
    reads("sql SELECT 'it''s;' || '\\' || \"a;\" || `b;`;x;",
          "sql<SELECT 'it''s;' || '\\' || \"a;\" || `b;`>x");
    reads("sql SELECT 1 -- it's; not\n , 2 /* don't; */ ;x;",
          "sql<SELECT 1 -- it's; not\n , 2 /* don't; */>x");
    reads("sql INSERT INTO t VALUES ({{ json.a|default(\"';\") }});x;",
          "sql<INSERT INTO t VALUES ({{ json.a|default(\"';\") }})>x");
    reads("sql SELECT 1 - 2 / 3;x;", "sql<SELECT 1 - 2 / 3>x");
    fails("sql SELECT 'a;", "has no end");
}

static void
patterns(void)
{
    reads("route GET /posts/{id:int} name=post { x; }",
          "route|GET|/posts/{id:int}|name=post{x}");
    reads("route GET /a/{name:[a-z]{2,3}}/b{ x; }", "route|GET|/a/{name:[a-z]{2,3}}/b{x}");
    reads("route GET /{a}{ x; }", "route|GET|/{a}{x}");
    reads("route * /{p:[^;\\{ ]+} {}", "route|*|/{p:[^;\\{ ]+}{}");
    reads("route * / {x;}", "route|*|/{x}");
    fails("route GET /{a {\n}", "the \"{\" in a pattern has no \"}\"");
}

static void
rows_of_one_name(void)
{
    reads("set $a b;", "set|$a|b");
    reads("when a { set $a b; set c = d.e ; set session.x = '$'; set\n $f g; }",
          "when<a>{set|$a|bset<c = d.e>set<session.x = '$'>set|$f|g}");
    fails("set a;", "invalid number of arguments");
}

static void
pieces(void)
{
    wr_conf_t *cf = conf_begin("/");
    wr_tok_t   raw = {.text = WR_STR("name  =\n \"a b\" rest; of it"), .line = 3,
                      .column = 10};
    wr_tok_t   rest, quoted = {.text = WR_STR("\"a \\\"b\\\" {{ \"c\" }}\\n\"")};
    wr_tok_t  *words;
    unsigned   n;

    words = wr_conf_split(cf, &raw, 3, &n, &rest);
    CHECK_INT(n, 3);
    CHECK_STR(words[0].text, "name");
    CHECK_INT(words[0].column, 10);
    CHECK_STR(words[1].text, "=");
    CHECK_INT(words[1].column, 16);
    CHECK_STR(words[2].text, "a b");
    CHECK(words[2].quoted && words[2].line == 4 && words[2].column == 2);
    CHECK_STR(rest.text, "rest; of it");
    CHECK(rest.line == 4 && rest.column == 8);
    (void) wr_conf_split(cf, &raw, 99, &n, &rest);
    CHECK_INT(n, 6);
    CHECK_STR(rest.text, "");

    rest = wr_conf_unquote(cf, &quoted);
    CHECK_STR(rest.text, "a \"b\" {{ \"c\" }}\n");
    quoted.text = WR_STR("\"a\" ~ \"b\"");
    rest = wr_conf_unquote(cf, &quoted);
    CHECK_STR(rest.text, "\"a\" ~ \"b\"");
    quoted.text = WR_STR("\"");
    rest = wr_conf_unquote(cf, &quoted);
    CHECK_STR(rest.text, "\"");
    conf_end(cf);
}

int
main(void)
{
    expressions();
    conditions();
    templates();
    statements();
    patterns();
    rows_of_one_name();
    pieces();
    return check_status();
}
