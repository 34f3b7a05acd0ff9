/*
 * nginx's grammar, dispatch, and the messages for what is wrong.
 */
#include <conf_help.h>

#include <unistd.h>

static wr_array_t seen;         /* wr_str_t: "name|word|word" of each statement */

static wr_rc_t
note(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_buf_t b = wr_buf(cf->pool);

    (void) d;
    (void) conf;
    for (unsigned i = 0; i < cf->nargs; i++) {
        CHECK(cf->args[i].text.p[cf->args[i].text.n] == '\0');
        if (i != 0) {
            wr_buf_char(&b, '|');
        }
        wr_buf_str(&b, cf->args[i].text);
    }
    *WR_PUSH(&seen, wr_str_t) = wr_buf_text(&b);
    return WR_OK;
}

static wr_rc_t
block(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_tok_t *args = cf->args;
    unsigned  n = cf->nargs;
    wr_rc_t   rc;

    (void) note(cf, d, conf);
    rc = wr_conf_block(cf, wr_conf_scope(cf, wr_str_eqz(args[0].text, "server")
                                             ? WR_SERVER : WR_LOCATION, NULL));
    CHECK(rc != WR_OK || (cf->args == args && cf->nargs == n));
    return rc;
}

static wr_rc_t
line(wr_conf_t *cf, void *data)
{
    CHECK(data == &seen);
    return note(cf, NULL, NULL);
}

static wr_rc_t
types(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) note(cf, d, conf);
    return wr_conf_lines(cf, line, &seen);
}

static const wr_directive_t directives[] = {
    WR_ACTION("a", WR_MAIN | WR_SERVER | WR_LOCATION, 0, 255, note, "Any words.",
              .flags = WR_DF_REPEAT),
    WR_ACTION("one", WR_MAIN, 1, 1, note, "One word.", .args = "WORD"),
    WR_ACTION("inner", WR_LOCATION, 0, 1, note, "Only inside."),
    WR_BLOCK("server", WR_MAIN, 0, 0, block, "A block."),
    WR_BLOCK("location", WR_SERVER | WR_LOCATION, 1, 2, block, "A block."),
    WR_BLOCK("types", WR_MAIN, 0, 0, types, "Free lines."),
    WR_ACTION("old", WR_MAIN, 0, 255, note, "Nothing.", .flags = WR_DF_OBSOLETE),
    WR_END
};

static wr_schema_t schema = {.name = "test", .directives = directives};

static char folder[] = "/tmp/weir-conf-XXXXXX";

static void
write_file(const char *name, const char *text)
{
    char  path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    CHECK(f != NULL && fputs(text, f) >= 0);
    fclose(f);
}

static wr_conf_t *
begin(void)
{
    static char prefix[64];
    wr_conf_t  *cf;

    snprintf(prefix, sizeof(prefix), "%s/", folder);
    cf = conf_begin(prefix);
    seen = wr_array(cf->pool, sizeof(wr_str_t));
    CHECK(wr_conf_add_schema(cf, &schema) == WR_OK);
    return cf;
}

static wr_str_t
all_seen(wr_conf_t *cf)
{
    wr_buf_t b = wr_buf(cf->pool);

    for (WR_EACH(wr_str_t, s, &seen)) {
        wr_buf_str(&b, *s);
        wr_buf_char(&b, '\n');
    }
    return wr_buf_text(&b);
}

/* Reads the text and compares what the directives were given, one a line. */
static void
reads(const char *text, const char *want)
{
    wr_conf_t *cf = begin();

    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_OK);
    CHECK_STR(all_seen(cf), want);
    CHECK_STR(wr_str(conf_said, conf_said_n), "");
    conf_end(cf);
}

static void
fails(const char *text, const char *message)
{
    wr_conf_t *cf = begin();

    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_ERROR);
    CHECK(conf_has_said(message));
    conf_end(cf);
}

static void
words(void)
{
    reads("", "");
    reads(" # only a comment", "");
    reads("a;", "a\n");
    reads("\xef\xbb\xbf" "a b;", "a|b\n");
    reads("a b c;a d;", "a|b|c\na|d\n");
    reads("a\tb\r\n c ; # x\n#y\na;", "a|b|c\na\n");
    reads("a b#c #d;\n;", "a|b#c\n");
    reads("a \"b c\" 'd \"e\"' \"f;g\" \"h{i}\" \"\";", "a|b c|d \"e\"|f;g|h{i}|\n");
    reads("a \"x\ny\";", "a|x\ny\n");
    reads("a \"b\\\"c\" 'd\\'e' f\\\\g;", "a|b\"c|d'e|f\\g\n");
    reads("a a\\tb a\\nb a\\rb a\\.b;", "a|a\tb|a\nb|a\rb|a\\.b\n");
    reads("a b\\ c d\\;e f\\{g;", "a|b\\ c|d\\;e|f\\{g\n");
    reads("a ${b}c$d d${e}f \"${g}\";", "a|${b}c$d|d${e}f|${g}\n");
    reads("a b}c d} ;", "a|b}c|d}\n");
    reads("a b\"c\" d'e;", "a|b\"c\"|d'e\n");
    reads("a (\"b\");", "a|(\"b\")\n");
    reads("a x = \"b\");", "a|x|=|b|)\n");
    reads("\"a\" b;", "a|b\n");
}

static void
blocks(void)
{
    reads("server{a;location /x{a b;}}", "server\na\nlocation|/x\na|b\n");
    reads("server { location ~ \"a{2}\" { inner; } a; }\na;",
          "server\nlocation|~|a{2}\ninner\na\na\n");
    reads("types { text/html html htm; \"a b\" c; include x y; \\include z; }",
          "types\ntext/html|html|htm\na b|c\ninclude|x|y\n\\include|z\n");

    fails("server { a;", "unexpected end of file, expecting \"}\" in text:1:12 "
                         "(the block of \"server\" was opened at line 1)");
    fails("server {\n a; }\n }", "unexpected \"}\" in text:3:2");
    fails("}", "unexpected \"}\" in text:1:1");
    fails("a b }", "unexpected \"}\" in text:1:5");
    fails("server { a }", "unexpected \"}\" in text:1:12");
    fails("types { a { }", "unexpected \"{\" in text:1:9");
}

static void
mistakes(void)
{
    fails(";", "unexpected \";\" in text:1:1");
    fails("a;\n  {", "unexpected \"{\" in text:2:3");
    fails("a b", "unexpected end of file, expecting \";\" or \"}\" in text:1:4");
    fails("a \"b", "expecting \";\" or \"}\" in text:1:5 "
                   "(the quote at line 1, column 3 has no end)");
    fails("a \"b\"", "unexpected end of file");
    fails("a \"b\"c;", "unexpected \"c\" in text:1:6");
    fails("a \"b\"}", "unexpected \"}\" in text:1:6");
    fails("server;", "directive \"server\" has no opening \"{\" in text:1:1");
    fails("one a {", "directive \"one\" is not terminated by \";\" in text:1:1");
    fails("one;", "invalid number of arguments in \"one\" directive in text:1:1 "
                  "(usage: one WORD;)");
    fails("one a b;", "invalid number of arguments in \"one\" directive");
    fails("inner;", "\"inner\" directive is not allowed here in text:1:1 "
                    "(it belongs in location)");
    fails("server { one a; }", "\"one\" directive is not allowed here in text:1:10 "
                               "(it belongs in main)");
    fails("serve { }", "unknown directive \"serve\" in text:1:1 "
                       "(did you mean \"server\"?)\n    serve { }\n    ^");
    fails("a;\n\tsurprise 1;\n", "unknown directive \"surprise\" in text:2:2\n"
                                 "    \tsurprise 1;\n    \t^");
    fails("a; \xc3\xa4 x;", "unknown directive \"\xc3\xa4\" in text:1:4");
}

static void
long_lines(void)
{
    char text[600];

    memset(text, 'x', 300);
    memcpy(text, "a ", 2);
    memcpy(text + 250, "; bad 1; ", 9);
    memset(text + 259, '#', 300);
    text[559] = '\0';
    fails(text, "unknown directive \"bad\" in text:1:253\n"
                "    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; bad 1; ####");
}

static void
deep(void)
{
    wr_buf_t b = wr_buf(NULL);

    wr_buf_lit(&b, "server { ");
    for (int i = 0; i < 200; i++) {
        wr_buf_lit(&b, "location x { ");
    }
    fails(wr_buf_cstr(&b), "blocks are nested more than 128 deep");
    wr_buf_free(&b);
}

static void
parameter(void)
{
    wr_conf_t *cf = begin();

    CHECK(wr_conf_read_text(cf, WR_STR("a b; one c;"), NULL) == WR_OK);
    CHECK_STR(all_seen(cf), "a|b\none|c\n");
    CHECK(wr_conf_read_text(cf, WR_STR("a b"), NULL) == WR_ERROR);
    CHECK(conf_has_said("unexpected end of parameter, expecting \";\" in command line"));
    CHECK(wr_conf_read_text(cf, WR_STR("server { }"), "command line") == WR_ERROR);
    CHECK(conf_has_said("block directives are not supported in -g option in command "
                        "line"));
    CHECK_INT(wr_conf_files(cf)->n, 0);
    conf_end(cf);
}

static void
obsolete(void)
{
    wr_conf_t *cf = begin();

    CHECK(wr_conf_read_text(cf, WR_STR("old x;"), "text") == WR_OK);
    CHECK(conf_has_said("[warn]") && conf_has_said("\"old\" directive is obsolete"));
    CHECK_INT(seen.n, 0);
    conf_end(cf);
}

static void
expect_file(const char *name, wr_rc_t rc, const char *want, const char *message)
{
    wr_conf_t *cf = begin();

    CHECK_INT(wr_conf_read(cf, wr_pool_printf(cf->pool, "%s/%s", folder, name)), rc);
    CHECK_STR(all_seen(cf), want);
    CHECK(conf_has_said(message));
    conf_end(cf);
}

static void
includes(void)
{
    wr_conf_t            *cf = begin();
    const wr_conf_file_t *files;

    write_file("main.conf", "a 1;\ninclude b.conf;\nserver { include c*.conf; a 2; }\n"
                            "types { include t; x y; }\ninclude none*.conf; a 3;");
    write_file("b.conf", "a b;");
    write_file("c2.conf", "a c2;");
    write_file("c1.conf", "a c1; include b.conf;");
    write_file("t", "t1 t2;");
    CHECK(wr_conf_read(cf, wr_conf_path(cf, WR_STR("main.conf"))) == WR_OK);
    CHECK_STR(all_seen(cf), "a|1\na|b\nserver\na|c1\na|b\na|c2\na|2\ntypes\nt1|t2\nx|y\n"
                            "a|3\n");
    CHECK_INT(wr_conf_files(cf)->n, 5);
    files = wr_conf_files(cf)->items;
    CHECK(wr_str_ends(files[0].path, WR_STR("/main.conf")));
    CHECK(wr_str_ends(files[2].path, WR_STR("/c1.conf")));
    CHECK_STR(files[1].text, "a b;");
    conf_end(cf);

    write_file("bad.conf", "a;\nbad b;\n");
    write_file("main.conf", "include bad.conf;");
    expect_file("main.conf", WR_ERROR, "a\n", "/bad.conf:2:1\n    bad b;\n    ^");
    write_file("main.conf", "server { include b.conf; include bad2.conf; }");
    expect_file("main.conf", WR_ERROR, "server\na|b\n",
                "/bad2.conf\" failed (2: No such file or directory) in ");
    write_file("main.conf", "server { include bad2.conf; }");
    write_file("bad2.conf", "a; }");
    expect_file("main.conf", WR_ERROR, "server\na\n", "unexpected \"}\" in ");
    write_file("main.conf", "include main.conf;");
    expect_file("main.conf", WR_ERROR, "", "\"include\" is nested more than 64 deep");
    write_file("main.conf", "include;");
    expect_file("main.conf", WR_ERROR, "",
                "invalid number of arguments in \"include\" directive");
    expect_file("", WR_ERROR, "", "read() \"/tmp/weir-conf-");
}

static void
speed(void)
{
    wr_conf_t *cf = begin();
    wr_buf_t   b = wr_buf(NULL);
    size_t     before;

    wr_buf_lit(&b, "server {\n");
    for (int i = 0; i < 10000; i++) {
        wr_buf_printf(&b, "    location /place/number/%d { a x; inner y; }\n", i);
    }
    wr_buf_lit(&b, "}\n");
    before = wr_pool_used(cf->pool);
    CHECK(wr_conf_read_text(cf, wr_buf_text(&b), "text") == WR_OK);
    CHECK_INT(seen.n, 30001);
    CHECK(wr_pool_used(cf->pool) - before < 12u << 20);
    CHECK(wr_conf_settle(cf) == WR_OK);
    wr_buf_free(&b);
    conf_end(cf);
}

int
main(void)
{
    char command[64];

    CHECK(mkdtemp(folder) != NULL);
    words();
    blocks();
    mistakes();
    long_lines();
    deep();
    parameter();
    obsolete();
    includes();
    speed();
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
    return check_status();
}
