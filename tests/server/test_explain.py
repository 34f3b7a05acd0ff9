"""weir --explain: which server and location a request comes to, why, and what has effect
there, with its place in the conf. Beside it, the server that serves the same conf answers
as it was told."""

import os
import re

import pytest

from harness.modules import load_module
from harness.server import Server

pytestmark = pytest.mark.plain("about what --explain prints")

CONF = r"""events { }
error_log logs/error.log info;
pid logs/server.pid;
daemon off;
http {
    access_log off;
    gzip on;
    add_header X-A http;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name one.example *.wild.example;
        add_header X-B server;
        location / { gzip off; }
        location = /exact { return 200 "exact\n"; }
        location ^~ /img/ { return 200 "img\n"; }
        location ~ ^/user/(\d+)/(?<rest>.+)$ {
            add_header X-C regex;
            if ($arg_no) { return 403; }
            return 200 "$1 $rest\n";
        }
        location /outer/ {
            add_header X-D outer;
            location /outer/inner { return 200 "inner\n"; }
        }
        location /limited { limit_except GET { deny all; } return 200 limited; }
        location /hidden { internal; }
        location /dir/ { proxy_pass http://127.0.0.1:%%PORT%%/exact; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name ~^re(\d)\.example$ two.example;
        rewrite ^/old/(.*)$ /new/$1 last;
        root html;
    }
    server { listen 127.0.0.1:%%PORT2%%; location /only/here { return 200; } }
}
"""


@pytest.fixture(scope="module")
def served():
    s = Server(CONF, raw=True)
    yield s
    s.remove()


def explain(s, request, expected=0):
    r = s.run("--explain", s.fill(request))
    assert (r.returncode, "Sanitizer" in r.stderr) == (expected, False), r.stderr
    return (r.stdout if expected == 0 else r.stderr).replace(s.prefix + "/", "")


def line_of(s, text):
    with open(s.path("test.conf")) as f:
        return next(n for n, line in enumerate(f, 1) if s.fill(text) in line)


def match(out):
    return re.search(r"^match: (.*?)(?:  # (.*))?$", out, re.M).groups()


@pytest.mark.parametrize("path, location, why, answer", [
    ("/", "location /", "prefix: the longest", None),
    ("/exact", "location = /exact", "exact", "exact\n"),
    ("/img/1/x", "location ^~ /img/", "^~", "img\n"),
    ("/user/7/a%20b", r"location ~ ^/user/(\d+)/(?<rest>.+)$", "regex", "7 a b\n"),
    ("/outer/inner/x", "location /outer/inner", "prefix", "inner\n"),
    ("/a/../exact", "location = /exact", "exact", "exact\n"),
])
def test_the_location_that_serves_it(served, path, location, why, answer):
    out = explain(served, "GET http://one.example:%%PORT%%" + path)
    text = location + " {"
    assert match(out) == (location, "test.conf:%d" % line_of(served, text))
    assert why in out.split("match: ")[1].splitlines()[1]
    if answer:
        assert served.get(path, host="one.example").text == answer


def test_captures_and_what_may_change_at_request_time(served):
    out = explain(served, "GET http://one.example:%%PORT%%/user/7/a%20b")
    assert '    $1 = "7"\n    $2 = "a b"\n' in out
    assert "note: rewrite, return, if or try_files below may" in out
    n = line_of(served, "if ($arg_no)")
    assert ("        if ($arg_no) {  # test.conf:%d\n            return 403;  # test.conf:%d\n"
            "        }\n" % (n, n)) in out


def directives(out):
    part = out.split("\ndirectives")[1].split("\npipeline:")[0]
    return re.findall(r'^(?: {4}(from .*?)| {8}(\S.*?;))(?:  # (.*))?$', part, re.M)


def test_directives_with_their_places_and_what_inner_ones_hide(served):
    out = explain(served, "GET http://one.example:%%PORT%%/")
    assert [d[0] or d[1] for d in directives(out)] == [
        'from "location /"', "gzip off;", 'from "server"', "add_header X-B server;",
        'from "http"', "access_log off;", "from the main level",
        "error_log logs/error.log info;"]
    assert ("", "add_header X-B server;",
            "test.conf:%d" % line_of(served, "X-B")) in directives(out)
    headers = served.get("/", host="one.example")
    assert headers.get("x-a") is None           # hidden, as it said


def test_of_an_outer_location_settings_are_inherited_but_not_handlers(served):
    out = explain(served, "GET http://one.example:%%PORT%%/outer/inner")
    assert "add_header X-D outer;" in out and "X-B" not in out
    assert "X-D" in str(served.get("/outer/inner", host="one.example").headers)


def test_results_that_are_certain(served):
    out = explain(served, "GET http://one.example:%%PORT%%/hidden")
    assert "result: 404: the location is internal\n" in out
    assert served.get("/hidden", host="one.example").status == 404
    out = explain(served, "GET http://one.example:%%PORT%%/dir")
    assert "result: 301, Location: /dir/\n" in out
    assert served.get("/dir", host="one.example").status == 301
    out = explain(served, "GET http://two.example:%%PORT%%/nothing")
    assert match(out)[0] == "no route or location: what the server itself says applies"
    assert "file: html/nothing  (is not there: 404)\n" in out
    assert served.get("/nothing", host="two.example").status == 404


def test_limit_except(served):
    out = explain(served, "POST http://one.example:%%PORT%%/limited")
    assert match(out)[0] == "location /limited"
    assert "and, the method being none of those: limit_except GET" in out
    assert "deny all;" in out
    assert "deny all;" not in explain(served, "GET http://one.example:%%PORT%%/limited")


@pytest.mark.parametrize("url, server, why", [
    ("http://one.example:%%PORT%%/", "one.example", 'is "one.example"'),
    ("http://a.wild.example:%%PORT%%/", "one.example", 'fits "a.wild.example"'),
    ("http://RE7.example:%%PORT%%/", "two.example", 'fits "re7.example"'),
    ("http://127.0.0.1:%%PORT%%/", "one.example", "the default server of 127.0.0.1:%%PORT%%: "
                                                  "no server_name"),
    ("http://x:%%PORT2%%/", "%%PORT2%%", "the only server on 127.0.0.1:%%PORT2%%"),
    ("/exact", "one.example", "chooses another"),
    ("/only/here/x", "%%PORT2%%", "chooses another"),
])
def test_the_server(served, url, server, why):
    out = explain(served, "GET " + url)
    part = out.split("server:")[1].split("\nmatch:")[0]
    assert served.fill(server) in part and served.fill(why) in part


def test_rewrites_of_the_server_come_first(served):
    out = explain(served, "GET http://two.example:%%PORT%%/old/1")
    assert "before a location is looked for" in out
    assert "    rewrite ^/old/(.*)$ /new/$1 last;  # test.conf:" in out


def test_the_pipeline_is_that_of_capital_t(served):
    out = explain(served, "GET http://two.example:%%PORT%%/x")
    pipeline = re.findall(r"^    (?:server|location|filters): *(.*)$", out.split("pipeline:")[1],
                          re.M)
    dump = served.run("-T").stdout
    assert len(pipeline) == 3 and all("  " + p in dump or " " + p in dump for p in pipeline)


# ---- routes ----

ROUTES = (load_module("route") + load_module("json") + load_module("sqlite")
          + r"""events { }
http {
    sqlite db data.db { schema schema.sql; }
    server {
        listen 127.0.0.1:%%PORT%%;
        set greeting = "hello";
        routes /posts {
            transaction;
            sql me = SELECT 1 AS one;
            route GET /{id:int} {
                sql post = SELECT id, title
                           FROM posts
                           WHERE id = {{ params.id }}
                           ORDER BY {{ query.by|one_of("id", "title") }};
                require post else 404;
                when query.short {
                    text {{ post.first.title }};
                }
                json {"post": post};
            }
            route PUT,DELETE /{id:int} { status 204; text x; }
            route GET /{a}/{rest:path} { text {{ params.a }}; }
        }
        location = /posts/8 { return 200; }
    }
}
""")


@pytest.fixture
def routed(request):
    s = Server(ROUTES, raw=True, wait=False,
               files={"schema.sql": "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);"})
    yield s
    s.remove()


def test_a_route_its_parameters_steps_and_sql(routed):
    out = explain(routed, "GET /posts/7?by=id")
    assert match(out)[0] == "route GET /{id:int}"
    assert "\n    params.id = 7\n" in out
    steps = out.split("\nsteps:\n")[1].split("\ndirectives")[0]
    names = re.findall(r"^ {4}(\w+)", steps, re.M)
    assert names == ["set", "sql", "sql", "require", "when", "json"]
    assert ("""        SQL: SELECT id, title
            FROM posts
            WHERE id = ?1
            ORDER BY "id"
        SQL: SELECT id, title
            FROM posts
            WHERE id = ?1
            ORDER BY "title"
        ?1 = params.id
""") in steps
    n = line_of(routed, "text {{ post")
    assert ("    when query.short {  # test.conf:%d\n        text {{ post.first.title }};"
            "  # test.conf:%d\n    }\n" % (n - 1, n)) in steps
    assert 'from "routes /posts"' in out and "        transaction;  # test.conf:" in out
    assert "transaction[" in out.split("pipeline:")[1]


def test_nothing_was_opened(routed):
    explain(routed, "GET /posts/7")
    assert not os.path.exists(routed.path("data.db"))
    assert not os.path.exists(routed.path("logs/error.log"))


def test_texts_are_told_from_numbers(routed):
    out = explain(routed, "GET /posts/it%27s/b/c")
    assert """    params.a = "it's"\n    params.rest = 'b/c'\n""" in out


def test_other_methods(routed):
    out = explain(routed, "PATCH /posts/7")
    assert "result: 405, Allow: GET, HEAD, PUT, DELETE, OPTIONS\n" in out
    out = explain(routed, "OPTIONS /posts/7")
    assert "result: 204, Allow: GET, HEAD, PUT, DELETE, OPTIONS\n" in out
    assert match(explain(routed, "HEAD /posts/7"))[0] == "route GET /{id:int}"
    assert match(explain(routed, "DELETE /posts/7"))[0] == "route PUT,DELETE /{id:int}"


def test_an_exact_location_before_a_route(routed):
    assert match(explain(routed, "GET /posts/8"))[0] == "location = /posts/8"


# ---- errors ----

@pytest.mark.parametrize("request_, error", [
    ("GET", "--explain takes"), ("GET x", "--explain takes"), ("GET /a b", "--explain takes"),
    ("GET http:///x", "--explain takes"), ("", "--explain takes"),
    ("GET /../x", "answered 400"), ("GET /%zz", "answered 400"),
    ("GET http://one.example:1/", "nothing listens on port 1; the conf has: 127.0.0.1:"),
])
def test_what_is_no_request(served, request_, error):
    assert error in explain(served, request_, expected=1)


def test_a_conf_that_cannot_be_read(served, tmp_path):
    (tmp_path / "bad.conf").write_text("events { }\nhttp { server { lissten 80; } }\n")
    r = served.run("-c", str(tmp_path / "bad.conf"), "--explain", "GET /")
    assert r.returncode == 1 and 'unknown directive "lissten"' in r.stderr
    assert "bad.conf:2:17" in r.stderr and r.stdout == ""
    (tmp_path / "none.conf").write_text("events { }\n")
    r = served.run("-c", str(tmp_path / "none.conf"), "--explain", "GET /")
    assert r.returncode == 1 and "there is no http { }" in r.stderr
    assert served.run("--explain").returncode == 1


def test_directives_of_the_command_line(served):
    out = explain(served, "GET /exact")
    assert "working_directory" not in out
    r = served.run("-g", "error_log stderr;", "--explain", "GET /exact")
    assert r.returncode == 0 and "error_log stderr;  # command line:1" in r.stdout
