"""Routes, steps, views, bodies and fetches: applications in the conf."""

import json
import os
import threading
import time
from urllib.parse import parse_qsl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.modules import load_module
from harness.ports import refused_port
from harness.server import ROOT, Server

CONF = r"""
server {
    listen 127.0.0.1:%%PORT%%;
    template_root %%PREFIX%%/templates;

    route GET / { text Hello world; }
    route GET /hi/{username} { text "Hello, {{ params.username }} {{ query.page }}"; }
    route POST /json { json {"value": json.key}; }
    route POST /form { json {"a": form.a, "all": form.getall("a"), "file": files.up.filename|default("none")}; }
    route GET /n/{n:int} name=number { json params.n + 1; }
    route GET /n/{w:slug} { text slug {{ params.w }}; }
    route GET /n/fixed { text fixed; }
    route GET /n/{rest:path} { text rest {{ params.rest }}; }
    route GET /steps/{n:int} {
        set x = params.n * 2;
        require x > 10 else 404 too small;
        when x > 100 { text big {{ x }}; }
        otherwise { status 201; header X-A {{ x }}; cookie c {{ x }} max-age=60; }
        json {"x": x, "url": url_for("number", n=7, q="a b")};
    }
    route GET /go { redirect {{ query.to }}; }
    route GET /out { redirect https://example.org/ external; }
    route GET /page/{name} { template page.html name=params.name items=[1, "<b>"]; }
    route GET /boom { text {{ 1 / 0 }}; }
    route GET /hash { set h = hash_password("x"); json [verify_password("x", h), verify_password("y", h)]; }
    routes /group { header X-Group yes; route GET /a { html <b>{{ query.x }}</b>; } }
    location = /n/exact { return 200 "location\n"; }

    route GET /fetch { fetch p = http://127.0.0.1:%%U%%/hello; json [p.status, p.text, p.ok]; }
    route GET /gather {
        gather {
            fetch a = http://127.0.0.1:%%U%%/slow;
            fetch b = http://127.0.0.1:%%U%%/slow;
            fetch c = http://127.0.0.1:%%DEAD%%/ { optional; }
        }
        json [a.text, b.text, c.ok];
    }
    route GET /late { fetch a = http://127.0.0.1:%%U%%/slow { timeout 100ms; } text never; }
    route GET /dead { fetch a = http://127.0.0.1:%%DEAD%%/; text never; }
    route GET /store { fetch a = http://127.0.0.1:%%U%%/hello { store {{ query.f }}; } json a.ok; }
}
"""


class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.5)
        body = ("page " + self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass            # the client did not wait

    def log_message(self, *_):
        pass


@pytest.fixture
def s(server):
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    closed = refused_port()
    s = server(CONF, main=load_module("route", "json", "template", "fetch"),
               names={"U": backend.server_address[1], "DEAD": closed.getsockname()[1]},
               files={"templates/base.html": "<h1>{% block b %}{% endblock %}</h1>",
                      "templates/page.html":
                      "{% extends 'base.html' %}{% block b %}{{ name }}"
                      "{% for i in items %} {{ loop.index }}:{{ i }}{% endfor %}"
                      "{% endblock %}"})
    yield s
    backend.shutdown()
    backend.server_close()
    closed.close()


def post(s, target, body, kind="application/json"):
    return s.get(target, "Content-Type: " + kind, method="POST", body=body)


def test_text_and_parameters(s):
    r = s.get("/")
    assert (r.status, r.text) == (200, "Hello world")
    assert r.get("Content-Type") == "text/plain; charset=utf-8"
    assert s.get("/hi/ann?page=2").text == "Hello, ann 2"
    assert s.get("/hi/ann").text == "Hello, ann "


@pytest.mark.parametrize("value", [1, 2.5, "é", None, True, [1, [2]], {"a": {}}])
def test_json_comes_back_as_it_was(s, value):
    r = post(s, "/json", json.dumps({"key": value}))
    assert r.text == json.dumps({"value": value})
    assert r.get("Content-Type") == "application/json; charset=utf-8"


@pytest.mark.parametrize("body,words", [
    ("{", "not JSON"), ("", "no body"), ('{"k": 1}', "'key'"),
    ('{"key": 1, "key": 2}', "duplicate"), ("[" * 200, "not JSON")])
def test_a_broken_body_is_the_clients_error(s, body, words):
    r = post(s, "/json", body)
    assert r.status == 400
    assert words in json.loads(r.text)["error"]


def test_forms(s):
    r = post(s, "/form", "a=1&a=%C3%A9+x", "application/x-www-form-urlencoded")
    assert r.status == 400 and "'up'" in r.text
    multi = ('--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
             '--B\r\nContent-Disposition: form-data; name="up"; filename="f.txt"\r\n'
             '\r\nabc\r\n--B--\r\n')
    r = post(s, "/form", multi, "multipart/form-data; boundary=B")
    assert json.loads(r.text) == {"a": "1", "all": ["1"], "file": "f.txt"}
    assert post(s, "/form", multi[:60], "multipart/form-data; boundary=B").status == 400
    assert post(s, "/form", "x", "text/plain").status == 415


def test_which_route(s):
    assert s.get("/n/41").text == "42"
    assert s.get("/n/fixed").text == "fixed"
    assert s.get("/n/a-b").text == "slug a-b"
    assert s.get("/n/a/b").text == "rest a/b"
    assert s.get("/n/exact").text == "location\n"
    r = s.get("/json")
    assert r.status == 405 and r.get("Allow") == "POST, OPTIONS"
    assert s.get("/json", method="OPTIONS").status == 204
    assert s.get("/", method="HEAD").get("Content-Length") == "11"


def test_steps(s):
    assert s.get("/steps/3").status == 404
    assert s.get("/steps/60").text == "big 120"
    r = s.get("/steps/7")
    assert r.status == 201
    assert r.get("X-A") == "14"
    assert r.get("Set-Cookie").startswith("c=14; Max-Age=60")
    assert json.loads(r.text) == {"x": 14, "url": "/n/7?q=a%20b"}
    r = s.get("/group/a?x=%3Ci%3E")
    assert (r.text, r.get("X-Group")) == ("<b>&lt;i&gt;</b>", "yes")


@pytest.mark.parametrize("to,status", [
    ("/here", 303), ("//evil.org/", 400), ("https://evil.org/", 400),
    ("/%5Cevil.org", 303), ("%5C%5Cevil.org", 400), ("javascript:x", 400)])
def test_open_redirects_are_refused(s, to, status):
    r = s.get("/go?to=" + to)
    if to == "/%5Cevil.org":
        assert r.status == 400
    else:
        assert r.status == status
    assert s.get("/out").get("Location") == "https://example.org/"


def test_templates(s):
    assert s.get("/page/%3Cx%3E").text == "<h1>&lt;x&gt; 1:1 2:&lt;b&gt;</h1>"


def test_errors_do_not_leak(s):
    r = s.get("/boom", "Accept: application/json")
    assert r.status == 500 and "division" not in r.text
    assert "ZeroDivisionError" in s.error_log()
    assert "test.conf:" in s.error_log()


def test_passwords(s):
    assert json.loads(s.get("/hash").text) == [True, False]


def test_fetch(s):
    assert json.loads(s.get("/fetch").text) == [200, "page /hello", True]
    began = time.monotonic()
    assert json.loads(s.get("/gather").text) == ["page /slow", "page /slow", False]
    assert time.monotonic() - began < 1     # one after the other: that at least
    assert s.get("/late").status == 504
    assert s.get("/dead").status == 502


def test_store(s):
    assert s.get("/store?f=out.html").text == "true"
    assert s.read("out.html") in ("page /hello", b"page /hello")
    assert s.get("/store?f=../x").status == 400


def test_the_tutorial_is_a_conf():
    s = Server("events { }", raw=True, wait=False)
    for folder in ("data", "logs"):
        os.makedirs(s.path(folder), exist_ok=True)
    with open(ROOT + "/conf/tutorial.conf") as f:
        text = f.read().replace("8080", "%%PORT%%").replace("8010", "%%PORT2%%")
    for name in ("tutorial.sql", "mime.types", "templates"):
        os.symlink(ROOT + "/conf/" + name, s.path(name))
    os.makedirs(s.path("conf"), exist_ok=True)
    os.symlink(ROOT + "/conf/templates", s.path("conf/templates"))
    with open(s.path("tutorial.conf"), "w") as f:
        f.write(s.fill(text))
    r = s.run("-t", "-c", s.path("tutorial.conf"))
    s.remove()
    assert r.returncode == 0, r.stderr


MORE = r"""
server { listen 127.0.0.1:%%PORT%%;
    route GET /print { text "[{{ nosuch }}]"; }
    route GET /fail { json qery.a; }
    route GET /query { json {"q": query, "n": query|length, "all": query.getall("a")}; }
    route GET /named { json query.page; }
    route GET /lookup { json {"a": query.a|default("-"), "b c": query["b c"]|default("-"), "u": query["\u00fc"]|default("-"),
                              "e": query[""]|default("-"), "in": "a" in query, "get": query.get("z", 7), "keys": query.keys(), "values": query.values(),
                              "items": query.items(), "again": query.a|default("-"), "getall": query.getall("a"), "no": query.getall("zz", 5)}; }
    route GET /call { json query.keys(1); }
    route GET /cookie { json cookies.who; }
    route GET /message { require false else 403 "not <you>, {{ query.who }}"; text never; }
    route GET /env { json [env("WEIR_TEST_ENV"), env("WEIR_NONE", "none")]; }
}
"""


@pytest.fixture
def more(server, monkeypatch):
    monkeypatch.setenv("WEIR_TEST_ENV", "here")
    return server(MORE, main=load_module("route", "json"))


def test_unknown_names(more):
    """What no step makes is undefined, as in Jinja2, and -t says where."""
    assert more.get("/print").text == "[]"
    assert more.get("/fail").status == 500
    assert "'qery' is undefined" in more.error_log()
    r = more.run("-t", "-c", more.path("test.conf"))
    assert r.returncode == 0
    assert 'unknown name "qery"' in r.stderr and '(did you mean "query"?)' in r.stderr
    assert "{ json qery.a; }\n" + " " * 31 + "^" in r.stderr


def test_a_mapping_has_each_name_once(more):
    r = more.get("/query?a=1&b=2&a=3")
    assert r.text == '{"q": {"a": "1", "b": "2"}, "n": 2, "all": ["1", "3"]}'


LOOKUPS = ["a=1&a=2&b+c=x%20y", "%61=%31&b%20c=+", "b=a&a", "a=", "=e&a=%C3%BC&%C3%BC=%FF", "&&a=1&", "a%3D=1&a==2",
           "xa=1&ax=2&a%26=3", "%C3%BC=1&a=%ZZ%4", "a&a=2", "A=1", "+=1&a=%2B+%2b", "a=\xc3\xbc"]      # the bytes as they are


@pytest.mark.parametrize("query", LOOKUPS)
@pytest.mark.parametrize("pad", ["", "&pad=" + "x" * 200], ids=["short", "long"])
def test_a_query_is_read_as_anywhere_else(more, query, pad):
    """Short queries are searched where they stand, long ones are read first."""
    pairs = parse_qsl((query + pad).encode("latin-1").decode(), keep_blank_values=True)
    first = {}
    for n, v in pairs:
        first.setdefault(n, v)
    a = first.get("a", "-")
    r = more.get("/lookup?" + query + pad)
    assert json.loads(r.text) == {
        "a": a, "b c": first.get("b c", "-"), "u": first.get("\u00fc", "-"), "e": first.get("", "-"), "in": "a" in first,
        "get": 7, "keys": list(first), "values": list(first.values()),
        "items": [list(i) for i in first.items()], "again": a,
        "getall": [v for n, v in pairs if n == "a"], "no": 5}


def test_the_methods_of_mappings_take_what_they_say(more):
    assert more.get("/call?a=1").status == 500
    assert "keys() takes no arguments (1 given)" in more.error_log()


@pytest.mark.parametrize("target,name", [("/named", "'query object' has no attribute 'page'"),
                                         ("/cookie", "'cookies object' has no attribute 'who'")])
def test_what_the_client_left_out_is_named(more, target, name):
    r = more.get(target)
    assert (r.status, json.loads(r.text)) == (400, {"error": name})


def test_the_message_stands_on_the_page(more):
    r = more.get("/message?who=%3Cann%3E")
    assert r.status == 403 and r.get("Content-Type") == "text/html; charset=utf-8"
    assert "<center>not &lt;you&gt;, &lt;ann&gt;</center>" in r.text
    r = more.get("/message?who=x", "Accept: application/json")
    assert json.loads(r.text) == {"error": "not <you>, x"}


def test_the_environment(more):
    assert json.loads(more.get("/env").text) == ["here", "none"]


SLOW = """
server {
    listen 127.0.0.1:%%PORT%%;
    template_root %%PREFIX%%/templates;
    route GET /text { text {{ verify_password(query.p, query.h) }} {{ 1 + 1 }}; }
    route GET /html { html <b>{{ query.p }}</b> {{ verify_password(query.p, query.h) }}; }
    route GET /json { json {"ok": verify_password(query.p, query.h), "p": query.p}; }
    route GET /header { header X-Ok {{ verify_password(query.p, query.h) }}; cookie ok {{ verify_password("no", query.h) }}; text x; }
    route GET /when { when verify_password(query.p, query.h) { text yes; } otherwise { text no; } }
    route GET /require { require verify_password(query.p, query.h) else 403 wrong; text in; }
    route GET /redirect { redirect /{{ verify_password(query.p, query.h) }}; }
    route GET /given { template given.html ok=verify_password(query.p, query.h); }
    route GET /inside { template inside.html; }
    route GET /hash { text {{ hash_password("p") }}; }
    route GET /quick { text quick; }
}
"""


@pytest.mark.plain("slow: about threads")
@pytest.mark.http1("looks whether bytes have come")
def test_slow_functions_anywhere_leave_the_loop_free(server):
    """Every place of a slow function works, and a worker that hashes answers others."""
    s = server(SLOW, main=load_module("route", "json", "template"),
               files={"templates/given.html": "{{ ok }}",
                      "templates/part.html": "{{ verify_password(query.p, query.h) }}",
                      "templates/inside.html": "in {% include 'part.html' %} {{ query.p }}"})
    args = "?p=p%3C&h=" + s.get("/hash").text.replace("$", "%24").replace("=", "%3D")
    good = "?p=p&h=" + args.split("&h=")[1]
    assert s.get("/text" + good).text == "True 2"
    assert s.get("/text" + args).text == "False 2"
    assert s.get("/html" + args).text == "<b>p&lt;</b> False"
    assert json.loads(s.get("/json" + good).text) == {"ok": True, "p": "p"}
    r = s.get("/header" + good)
    assert (r.get("X-Ok"), r.get("Set-Cookie").split(";")[0]) == ("True", "ok=False")
    assert s.get("/when" + good).text == "yes"
    assert s.get("/when" + args).text == "no"
    assert s.get("/require" + good).text == "in"
    assert s.get("/require" + args).status == 403
    assert s.get("/redirect" + good).get("Location") == "/True"
    assert s.get("/given" + good).text == "True"
    assert s.get("/inside" + good).text == "in True p"
    assert s.get("/text?p=x").status == 400       # the undefined is still named
    # Twelve hashes of some 60 ms are under way; another request does not wait for them.
    conns = [s.connect(timeout=30) for _ in range(12)]
    for c in conns:
        c.send("GET /text%s HTTP/1.1\r\nHost: x\r\n\r\n" % good)
    time.sleep(0.05)
    assert s.get("/quick").text == "quick"
    assert not conns[-1].buffer
    for c in conns:
        assert c.response().text == "True 2"
        c.close()
