"""Views: types, charsets, HEAD, conditional requests, redirects."""

import json
import os
import time

import pytest

from harness.modules import load_module
from harness.server import Server

MODULES = load_module("route", "json", "template", "fetch")


@pytest.fixture
def app(server):
    def start(conf, **more):
        return server("server { listen 127.0.0.1:%%PORT%%; template_root %%PREFIX%%/t;\n"
                      + conf + "\n}", main=MODULES, **more)
    return start


CONDITIONAL = """
route GET,POST /text { text {{ query.x }}; }
route GET /html { html <p>{{ query.x }}</p>; }
route GET /json { json {"x": query.x|default(1)}; }
route GET /template { template p.html; }
route GET /cookie { cookie a 1; text x; }
route GET /private { header Cache-Control "private, no-store"; text x; }
route GET /own { header ETag "\\"mine\\""; text x; }
route GET /made { status 201; text x; }
route GET /off { etag off; text x; }
route GET /miss { require false else 404; }
"""


def test_etags(app):
    s = app(CONDITIONAL, files={"t/p.html": "page {{ query.x }}"})
    for path in ("/text", "/html", "/json", "/template"):
        r = s.get(path + "?x=1")
        etag = r.get("ETag")
        assert r.status == 200 and etag.startswith('W/"') and len(etag) == 20
        assert s.get(path + "?x=1").get("ETag") == etag
        assert s.get(path + "?x=2").get("ETag") != etag
        for asked in (etag, etag[2:], '"a", %s' % etag, 'W/"b",%s' % etag[2:], "*"):
            r = s.get(path + "?x=1", "If-None-Match: " + asked)
            assert (r.status, r.body, r.get("ETag")) == (304, b"", etag), asked
            assert r.get("Content-Length") is None
        assert s.get(path + "?x=1", "If-None-Match: " + etag, method="HEAD").status == 304
        assert s.get(path + "?x=2", "If-None-Match: " + etag).status == 200
        assert s.get(path + "?x=1", "If-Modified-Since: Sun, 22 Nov 2030 00:00:00 GMT"
                     ).status == 200


def test_what_gets_no_etag(app):
    s = app(CONDITIONAL, files={"t/p.html": "x"})
    for path in ("/cookie", "/private", "/made", "/off", "/miss"):
        assert s.get(path).get("ETag") is None, path
    r = s.get("/own")
    assert r.getall("ETag") == ['"mine"']
    assert s.get("/own", 'If-None-Match: "mine"').status == 304
    r = s.get("/text?x=1", 'If-Match: "x"', method="POST")
    assert (r.status, r.get("ETag")) == (200, None)


def test_etags_are_the_same_after_a_restart(app):
    etags = set()
    for _ in range(2):
        s = app("route GET / { text the same; }", workers=2)
        etags |= {s.get("/").get("ETag") for _ in range(8)}
        s.stop()
    assert len(etags) == 1


def test_types(app):
    s = app("""
    route GET /t { text é; }
    route GET /h { html é; }
    route GET /j { json "é\\u0001\\"<"; }
    route GET /x { header Content-Type application/xml; text <a/>; }
    route GET /c { header Content-Type "text/csv; charset=latin1"; text a; }
    route GET /s { status 404; json 1; }
    route GET /n { status 204; text ignored; }
    """)
    r = s.get("/t")
    assert (r.get("Content-Type"), r.text) == ("text/plain; charset=utf-8", "é")
    assert s.get("/h").get("Content-Type") == "text/html; charset=utf-8"
    r = s.get("/j")
    assert r.get("Content-Type") == "application/json; charset=utf-8"
    assert json.loads(r.text) == "é\x01\"<"
    assert s.get("/x").getall("Content-Type") == ["application/xml"]
    assert s.get("/c").get("Content-Type") == "text/csv; charset=latin1"
    assert (s.get("/s").status, s.get("/s").text) == (404, "1")
    r = s.get("/n")
    assert (r.status, r.body) == (204, b"")


def test_head(app):
    s = app("""route GET /t { text hello; } route HEAD /only { header X-A 1; text hello; }
               route GET /j { json [1, 2]; }""")
    for path in ("/t", "/j"):
        head, get = s.get(path, method="HEAD"), s.get(path)
        assert head.body == b"" and head.status == 200
        assert head.get("Content-Length") == str(len(get.body))
        assert head.get("ETag") == get.get("ETag")
    assert s.get("/only", method="HEAD").get("X-A") == "1"
    assert s.get("/only").status == 405


NUMBERS = [0, -1, 2**53, -2**63, 2**63 - 1, 0.1, 1e308, 5e-324, -0.0, 1.5e-7, 123456789.123]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_come_back(app, value):
    s = app("route POST / { json json; }")
    text = s.get("/", method="POST", body=json.dumps(value)).text
    assert text == json.dumps(value)


def test_json_of_everything(app):
    s = app("""route GET / { set d = {"b": [1, 2.0, none, true], "a": {"x": ()}, "u": "é\U0001f600"};
        json {"d": d, "q": query, "p": params, "r": range(3), "h": headers["x-h"],
              "g": [1, 2]|map("string"), "z": "<&>'"}; }""")
    r = s.get("/?a=1&b=2", "X-H: v")
    assert json.loads(r.text) == {
        "d": {"b": [1, 2.0, None, True], "a": {"x": []}, "u": "é\U0001f600"},
        "q": {"a": "1", "b": "2"}, "p": {}, "r": [0, 1, 2], "h": "v", "g": ["1", "2"],
        "z": "<&>'"}


@pytest.mark.parametrize("target,status", [
    ("/x", 303), ("x/y?z#f", 303), ("?a=1", 303), ("#top", 303),
    ("//evil.org", 400), ("///evil.org", 400), ("http://evil.org/", 400),
    ("https:evil.org", 400), ("http:/evil.org", 400), ("javascript:alert(1)", 400),
    ("data:text/html,x", 400), ("/\\evil.org", 400), ("\\\\evil.org", 400),
    ("/%0d%0aX: 1", 400), (" //evil.org", 400), ("", 400), ("\t//evil.org", 400),
    ("http://localhost@evil.org/", 400), ("http://localhost.evil.org/", 400),
    ("http://localhost/in", 303)])
def test_redirects_stay_here(app, target, status):
    from urllib.parse import quote
    s = app("route GET / { redirect {{ query.to }}; }")
    r = s.get("/?to=" + (quote(target) if "%0d" not in target else target.replace(" ", "%20")))
    assert r.status == status
    if status == 303:
        assert r.get("Location") == target
    else:
        assert r.get("Location") is None and r.get("X") is None


def test_redirect_statuses(app):
    s = app("""
    route GET /p { status 308; redirect /{{ "a b" }}; }
    route GET /e { redirect https://example.org/{{ query.x }} external; }
    route GET /u { redirect {{ url_for("p", n=3, q="ä") }}; }
    route GET /p/{n:int} name=p { text x; }
    """)
    r = s.get("/e?x=1")
    assert (r.status, r.get("Location")) == (303, "https://example.org/1")
    assert s.get("/u").get("Location") == "/p/3?q=%C3%A4"
    assert s.get("/p").get("Location") == "/a%20b"
    assert s.get("/e?x=%C3%A9%20%25%7C").get("Location") == "https://example.org/%C3%A9%20%%7C"


def test_a_changed_template_is_seen_at_once(app):
    s = app("route GET / { template p.html; } route GET /k { template_reload off; template q.html; }",
            files={"t/p.html": "one", "t/q.html": "one"})
    assert (s.get("/").text, s.get("/k").text) == ("one", "one")
    for text in ("two", "three"):
        for name in ("p", "q"):
            with open(s.path("t/%s.html" % name), "w") as f:
                f.write(text)
        assert s.get("/").text == text
        assert s.get("/k").text == "one"
        time.sleep(0.01)


def test_whatever_way_a_template_changes(app):
    """Written to, replaced, taken away, in a folder of a folder, in the parent of a page."""
    s = app("route GET / { template a/b/c/p.html; } route GET /child { template child.html; }",
            files={"t/a/b/c/p.html": "0", "t/child.html": "{% extends 'base/x.html' %}",
                   "t/base/x.html": "0{% include 'a/b/c/p.html' %}"})
    assert s.get("/").text == "0" and s.get("/child").text == "00"
    for i in range(1, 60):
        with open(s.path("t/a/b/c/new"), "w") as f:
            f.write(str(i))
        os.replace(s.path("t/a/b/c/new"), s.path("t/a/b/c/p.html"))
        assert s.get("/").text == str(i)
        with open(s.path("t/base/x.html"), "w") as f:
            f.write("%d{%% include 'a/b/c/p.html' %%}" % i)
        assert s.get("/child").text == "%d%d" % (i, i)
    with open(s.path("t/a/b/c/p.html"), "r+") as f:
        f.write("in place")
        f.flush()
        assert s.get("/").text == "in place"
    os.rename(s.path("t/a/b/c/p.html"), s.path("t/a/b/c/q.html"))
    assert s.get("/").status == 500
    os.rename(s.path("t/a/b/c/q.html"), s.path("t/a/b/c/p.html"))
    assert s.get("/").text == "in place"


def test_a_link_that_leads_elsewhere(app):
    """As releases are switched; nobody tells of it, so it is seen within a second."""
    s = app("route GET / { template now/p.html; }",
            files={"t/now/p.html": "zero", "t/1/p.html": "one", "t/2/p.html": "two"})
    assert s.get("/").text == "zero"
    os.rename(s.path("t/now"), s.path("t/old"))
    for folder, text in (("1", "one"), ("2", "two")):
        os.symlink(folder, s.path("t/new"))
        os.replace(s.path("t/new"), s.path("t/now"))
        end = time.monotonic() + 10
        while s.get("/").text != text:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_redirect_to_a_fixed_site_is_warned_of(app):
    s = app("""route GET /a { redirect https://example.org/; }
    route GET /b { redirect https://example.org/ external; }
    route GET /c { redirect https://{{ request.host }}/; }""")
    log = s.error_log()
    assert log.count('say "external" behind it') == 1 and "redirect https://example.org/;" in log


@pytest.mark.parametrize("template,said,at", [
    ('a\n{% include "no.html" %}', 'template "no.html" is not there', "2:12"),
    ('{% extends "no.html" %}', 'template "no.html" is not there', "1:12"),
    ('{% if x %}{% from "no.html" import y %}{% endif %}', "is not there", "1:19"),
    ("a\n {{ x|upper|nofilter }}", "No filter named 'nofilter'.", "2:13"),
    ("{{ x is notest }}", "No test named 'notest'.", "1:9"),
    ("a\n{% if %}", "Expected an expression", "2:7"),
    ('{% include "no.html" ignore missing %}{% include ["no.html", "q.html"] %}', None, None)])
def test_errors_of_templates_are_shown_where_they_are(template, said, at):
    s = Server("template_root %%PREFIX%%/t; server { listen 127.0.0.1:%%PORT%%;\n"
               "route GET / { template p.html; } }", main=MODULES, wait=False,
               files={"t/p.html": template, "t/q.html": ""})
    try:
        r = s.run("-t")
    finally:
        s.remove()
    assert r.returncode == (said is not None), r.stderr
    if said is not None:
        line, column = at.split(":")
        assert said in r.stderr and " in %s/t/p.html:%s (for the view in " % (s.prefix, at) in r.stderr
        assert "\n    %s\n    %s^" % (template.split("\n")[int(line) - 1],
                                     " " * (int(column) - 1)) in r.stderr


def test_the_type_of_a_template_is_that_of_its_name(app):
    names = {"a.html": "text/html", "a.txt": "text/plain", "a.xml": "text/xml", "a.json": "application/json",
             "a.html.j2": "text/html", "a": "text/html", "a.tea": "text/x-tea", "a.css": "text/html"}
    s = app("types { text/x-tea tea; text/html html; }" + "".join(
        "route GET /%s { template %s; }" % (n, n) for n in names)
        + "route GET /own { header Content-Type text/x-own; template a.txt; }",
        files={"t/" + n: "x" for n in names})
    for name, kind in names.items():
        assert s.get("/" + name).get("Content-Type") == kind + "; charset=utf-8"
    assert s.get("/own").get("Content-Type") == "text/x-own"
