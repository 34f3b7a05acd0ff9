"""fetch and gather: what is asked, what comes of it, and what is left behind."""

import glob
import gzip
import json
import os
import resource
import select
import socket
import subprocess
import threading
import time
import zlib

import pytest

from harness.modules import load_module
from harness.ports import refused_port
from harness.server import Server
from harness.upstream import CLOSE, HANG, reply

MODULES = load_module("route", "json", "template", "fetch")


@pytest.fixture
def app(server, upstream):
    """A server with these routes, whose `U` is an upstream with those replies."""
    def start(conf, routes=None, **more):
        u = upstream(routes or {})
        s = server("server { listen 127.0.0.1:%%PORT%%;\n" + conf + "\n}", main=MODULES,
                   names={"U": u.port, **more.pop("names", {})}, **more)
        s.u = u
        return s
    return start


def ask(s, target, *headers, **more):
    return json.loads(s.get(target, *headers, **more).text)


# ---- names ----

def test_the_resolver_of_the_location(app, nameserver):
    dns = nameserver({"one.test": ["127.0.0.1"]})
    s = app("""
    route GET /own {
        resolver 127.0.0.1:%%DNS%% ipv6=off;
        fetch a = http://{{ query.h }}:%%U%%/x; json [a.status, a.text];
    }
    route GET /address { resolver 127.0.0.1:%%DNS%%; fetch a = http://127.0.0.1:%%U%%/x; json a.ok; }
    route GET /slow {
        resolver 127.0.0.1:%%DNS%%; resolver_timeout 200ms;
        fetch a = http://late.test:%%U%%/x { optional; } json a.error;
    }
    route GET /system { fetch a = http://localhost:%%U%%/x; json a.ok; }
    """, {"/x": reply("hi")}, names={"DNS": dns.port})
    assert ask(s, "/own?h=one.test") == [200, "hi"]
    assert dns.asked() == [("one.test", 1, "udp")]
    r = s.get("/own?h=none.test")
    assert r.status == 502
    assert "none.test could not be resolved: Host not found" in s.error_log()
    assert ask(s, "/address") is True and ask(s, "/system") is True
    assert not dns.asked("localhost")
    dns.silent = True
    began = time.monotonic()
    assert "late.test could not be resolved" in ask(s, "/slow")
    assert time.monotonic() - began < 5


def test_two_resolvers_have_hosts_of_their_own(app, nameserver, upstream):
    other = upstream({"/x": reply("other")}, host="127.0.0.2")
    one = nameserver({"a.test": ["127.0.0.1"]})
    two = nameserver({"a.test": ["127.0.0.2"]})
    s = app("""
    route GET /1/{p} { resolver 127.0.0.1:%%D1%% ipv6=off; fetch a = http://a.test:{{ params.p }}/x; text {{ a.text }}; }
    route GET /2/{p} { resolver 127.0.0.1:%%D2%% ipv6=off; fetch a = http://a.test:{{ params.p }}/x; text {{ a.text }}; }
    """, {"/x": reply("first")}, names={"D1": one.port, "D2": two.port})
    for _ in range(2):
        assert s.get("/1/%d" % s.u.port).text == "first"
        assert s.get("/2/%d" % other.port).text == "other"


def test_a_group_waits_for_its_first_addresses(server, upstream, nameserver):
    u = upstream({"/x": reply("hi")})
    dns = nameserver({"back.test": ["127.0.0.1"]})
    dns.silent = True
    s = server("""
    upstream back { zone z 64k; server back.test:%%U%% resolve max_fails=0;
                    resolver 127.0.0.1:%%DNS%% ipv6=off; }
    server { listen 127.0.0.1:%%PORT%%;
        route GET / { fetch a = http://back/x; text {{ a.text }}; }
        route GET /short { fetch a = http://back/x { timeout 300ms; optional; } json a.error; }
    }
    """, main=MODULES, names={"U": u.port, "DNS": dns.port})
    assert ask(s, "/short") == "timed out after 300 ms"
    c = s.connect(timeout=20)
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    dns.silent = False
    assert c.response().text == "hi"


# ---- the request ----

def test_what_is_sent(app):
    s = app("""
    route GET /plain { fetch a = http://127.0.0.1:%%U%%/x?y=1; json a.ok; }
    route GET /all {
        fetch a = http://127.0.0.1:%%U%%/x {
            method {{ query.m }};
            header X-One {{ query.one }};
            header Host other.example;
            header User-Agent mine;
            header Content-Type application/json;
            body {"a": {{ query.one|tojson }}};
        }
        json a.status;
    }
    route GET /post { fetch a = http://127.0.0.1:%%U%%/ { body hi {{ 1 + 1 }}; } json a.ok; }
    route GET /empty { fetch a = http://127.0.0.1:%%U%%/ { method POST; } json a.ok; }
    """)
    assert s.get("/plain").text == "true"
    r = s.u.take()[0]
    assert (r.method, r.target, r.version) == ("GET", "/x?y=1", "HTTP/1.1")
    assert r.get("Host") == "127.0.0.1:%d" % s.u.port
    assert r.get("Accept") == "*/*"
    assert r.get("User-Agent").startswith("weir/")
    assert r.get("Content-Length") is None and r.get("Connection") is None

    assert s.get("/all?m=PATCH&one=1").text == "200"
    r = s.u.take()[0]
    assert (r.method, r.body) == ("PATCH", b'{"a": "1"}')
    assert r.getall("Host") == ["other.example"]
    assert r.getall("User-Agent") == ["mine"]
    assert r.getall("Content-Type") == ["application/json"]
    assert r.get("X-One") == "1"

    s.get("/post")
    r = s.u.take()[0]
    assert (r.method, r.body) == ("POST", b"hi 2")
    assert r.get("Content-Type") == "text/plain; charset=utf-8"
    s.get("/empty")
    assert s.u.take()[0].get("Content-Length") == "0"


@pytest.mark.parametrize("value", ["a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "%00"])
def test_no_value_can_add_lines(app, value):
    s = app("""
    route GET /h { fetch a = http://127.0.0.1:%%U%%/ { header X-V {{ query.v }}; } json 1; }
    route GET /u { fetch a = http://127.0.0.1:%%U%%/{{ query.v }}; json 1; }
    route GET /m { fetch a = http://127.0.0.1:%%U%%/ { method {{ query.v }}; } json 1; }
    """)
    for path in ("/h", "/m"):
        assert s.get(path + "?v=" + value).status == 500
    assert s.u.take() == []
    assert s.get("/u?v=" + value).status == 200
    r = s.u.take()[0]
    assert " " not in r.target and r.get("X-Evil") is None and len(r.headers) == 4


def test_urls_are_encoded(app):
    s = app("""route GET /u/{rest:path} {
        fetch a = http://127.0.0.1:%%U%%/{{ params.rest }}?q={{ query.q }}; text {{ a.url }}; }""")
    assert s.get("/u/a%20b/%C3%A9?q=1%22").text.endswith("/a%20b/%C3%A9?q=1%22")
    assert s.u.take()[0].target == "/a%20b/%C3%A9?q=1%22"


@pytest.mark.parametrize("url", [
    "ftp://x/", "http://", "http:///x", "x", "http://a b/", "http://user@host/",
    "http://h:99999/", "http://h:0/", "http://[::1", "http://[]/", "http://é/"])
def test_what_is_no_url(app, url):
    s = app("route GET /u { fetch a = {{ query.u }}; json a.ok; }")
    from urllib.parse import quote
    assert s.get("/u?u=" + quote(url)).status == 500
    assert "is no URL" in s.error_log()


@pytest.mark.parametrize("steps", [
    "fetch a = {{ query.u }} { optional; }",
    "gather { fetch b = http://127.0.0.1:%%U%%/x; fetch a = {{ query.u }} { optional; } }"])
def test_an_optional_fetch_of_no_url(app, steps):
    s = app("route GET /u { %s json [a.ok, a.error, a.status, a.text, a.url]; }" % steps)
    r = s.get("/u?u=ftp://x/")
    assert json.loads(r.text) == [False, '"ftp://x/" is no URL', None, "", "ftp://x/"]
    assert 'fetch ftp://x/ failed: "ftp://x/" is no URL' in s.error_log()


def test_a_constant_url_is_checked_by_t():
    s = Server("server { listen 127.0.0.1:%%PORT%%; route GET / {\n"
               "  fetch a = htp://x/;\n text x; } }", main=MODULES, wait=False)
    try:
        r = s.run("-t")
    finally:
        s.remove()
    assert r.returncode == 1 and '"htp://x/" is no URL' in r.stderr
    assert "test.conf:" in r.stderr and "^" in r.stderr


def test_the_trace_goes_on(app):
    s = app("""
    route GET /f { fetch a = http://127.0.0.1:%%U%%/; text {{ vars.request_id }} {{ vars.traceparent }}; }
    location /p { proxy_pass http://127.0.0.1:%%U%%; add_header X-Id $request_id; }
    """)
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    given = "traceparent: 00-%s-%s-01" % (trace, span)
    r = s.get("/f", given, "tracestate: a=b")
    rid, own = r.text.split()
    sent = s.u.take()[0]
    assert sent.get("traceparent") == "00-%s-%s-01" % (trace, rid[16:]) == own
    assert sent.get("tracestate") == "a=b"
    r = s.get("/p", given)
    assert s.u.take()[0].get("traceparent") == "00-%s-%s-01" % (trace, r.get("X-Id")[16:])
    for broken in ("00-%s-%s-01" % ("0" * 32, span), "00-%s-%s" % (trace, span),
                   "ff-%s-%s-01" % (trace, span), "00-%s-%s-01" % (trace.upper(), span)):
        s.get("/f", "traceparent: " + broken)
        assert s.u.take()[0].get("traceparent") is None
    s.get("/f")
    assert s.u.take()[0].get("traceparent") is None


# ---- the answer ----

def test_a_result(app):
    s = app("""route GET / { fetch a = http://127.0.0.1:%%U%%/j;
        json {"ok": a.ok, "status": a.status, "type": a.headers["content-type"],
              "all": a.headers.getall("X-M"), "text": a.text, "json": a.json,
              "n": a.json.n, "error": a.error, "fast": a.elapsed < 5}; }""",
            {"/j": reply('{"n": 7}', "Content-Type: application/json", "X-M: 1", "X-M: 2",
                         status="201 Made")})
    assert ask(s, "/") == {
        "ok": True, "status": 201, "type": "application/json", "all": ["1", "2"],
        "text": '{"n": 7}', "json": {"n": 7}, "n": 7, "error": None, "fast": True}


def test_an_errors_status_is_an_answer(app):
    s = app("""route GET / { fetch a = http://127.0.0.1:%%U%%/x;
                   json [a.ok, a.status, a.text]; }""",
            {"/x": reply("gone", status="404 Not Found")})
    assert ask(s, "/") == [False, 404, "gone"]


def test_an_answer_that_is_no_json(app):
    s = app("""route GET / { fetch a = http://127.0.0.1:%%U%%/x; json a.json; }""",
            {"/x": reply('{"a": [1, }')})
    r = s.get("/")
    assert r.status == 502
    assert "is not JSON" in s.error_log()


@pytest.mark.parametrize("charset,text", [
    ("iso-8859-1", "é"), ("utf-8", "é"), ('"windows-1252"', "€"), ("UTF-16LE", "é"),
    ("koi8-r", "Ж")])
def test_charsets(app, charset, text):
    body = text.encode(charset.strip('"'))
    s = app("route GET / { fetch a = http://127.0.0.1:%%U%%/x; text {{ a.text }}; }",
            {"/x": reply(body, "Content-Type: text/plain; charset=" + charset)})
    assert s.get("/").text == text


def chunked(data, n=7):
    out = b""
    for i in range(0, len(data), n):
        out += b"%x;ext=1\r\n" % len(data[i:i + n]) + data[i:i + n] + b"\r\n"
    return out + b"0\r\nX-Trailer: 1\r\n\r\n"


TEXT = b"".join(b"line %d of the text\n" % i for i in range(5000))


@pytest.mark.parametrize("kind", ["chunked", "gzip", "deflate", "raw", "members", "close",
                                  "gzip+chunked"])
def test_how_an_answer_comes(app, kind):
    head = b"HTTP/1.1 200 OK\r\n"
    packed = {"deflate": zlib.compress(TEXT), "raw": zlib.compress(TEXT)[2:-4],
              "members": gzip.compress(TEXT[:50000]) + gzip.compress(TEXT[50000:])
              }.get(kind, gzip.compress(TEXT))
    encoding = b"Content-Encoding: %s\r\n" % (
        b"deflate" if kind in ("deflate", "raw") else b"gzip")
    if kind == "chunked":
        answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(TEXT, 1000)
    elif kind == "gzip+chunked":
        answer = head + encoding + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(packed)
    elif kind == "close":
        answer = [head + b"\r\n" + TEXT, CLOSE]
    else:
        answer = head + encoding + b"Content-Length: %d\r\n\r\n" % len(packed) + packed
    s = app("route GET / { fetch a = http://127.0.0.1:%%U%%/x; text {{ a.text }}; }",
            {"/x": answer})
    assert s.get("/").body == TEXT
    assert s.get("/").body == TEXT
    assert s.u.connections == (2 if kind == "close" else 1)


NO_ANSWERS = {
    "short": ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", CLOSE], "broke"),
    "size": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE],
             "broke"),
    "chunk": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", CLOSE],
              "broke"),
    "nonsense": ([b"nonsense\r\n\r\n", CLOSE], "not HTTP"),
    "head": ([b"HTTP/1.1 200 OK\r\nA: " + b"x" * 40000 + b"\r\n\r\n", CLOSE], "too large"),
    "nothing": ([CLOSE], "closed the connection"),
    "half gzip": (reply(gzip.compress(b"abcdefgh" * 9)[:-10], "Content-Encoding: gzip"),
                  "encoding is broken"),
    "no gzip": (reply(b"not gzip", "Content-Encoding: gzip"), "encoding is broken"),
    "large": (reply(b"x" * 2000), "larger than 1000"),
    "bomb": (reply(gzip.compress(b"x" * 2000), "Content-Encoding: gzip"), "larger than 1000"),
    "upgrade": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                "another protocol"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer(app, name):
    answer, words = NO_ANSWERS[name]
    s = app("""
    route GET / { fetch a = http://127.0.0.1:%%U%%/x { max_size 1000; } json a.ok; }
    route GET /o { fetch a = http://127.0.0.1:%%U%%/x { max_size 1000; optional; }
                   json [a.ok, a.error, a.text is defined]; }
    """, {"/x": answer})
    assert s.get("/").status == 502
    assert "fetch http://127.0.0.1:%d/x failed" % s.u.port in s.error_log()
    ok, error, _ = ask(s, "/o")
    assert ok is False and words in error


def test_head_and_no_content(app):
    s = app("""
    route GET /h { fetch a = http://127.0.0.1:%%U%%/h { method HEAD; }
                   json [a.status, a.text, a.headers["Content-Length"]]; }
    route GET /n { fetch a = http://127.0.0.1:%%U%%/n; json [a.status, a.text]; }
    """, {"/h": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
          "/n": b"HTTP/1.1 204 No Content\r\n\r\n"})
    assert ask(s, "/h") == [200, "", "99"]
    assert ask(s, "/n") == [204, ""]
    assert ask(s, "/h") == [200, "", "99"]
    assert s.u.connections == 1


def test_interim_answers_are_skipped(app):
    s = app("route GET / { fetch a = http://127.0.0.1:%%U%%/x; json a.text; }",
            {"/x": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply("late")})
    assert ask(s, "/") == "late"


# ---- time ----

def test_time(app):
    s = app("""
    route GET /slow { fetch a = http://127.0.0.1:%%U%%/hang { timeout 200ms; } text no; }
    route GET /opt { fetch a = http://127.0.0.1:%%U%%/hang { timeout 200ms; optional; }
                     json [a.ok, a.error, a.status, a.elapsed >= 0.19, a.elapsed < 2]; }
    route GET /body { fetch_timeout 200ms; fetch a = http://127.0.0.1:%%U%%/half; text no; }
    """, {"/hang": [HANG], "/half": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", HANG]})
    assert s.get("/slow").status == 504
    ok, error, status, above, below = ask(s, "/opt")
    assert (ok, status, above, below) == (False, None, True, True)
    assert "timed out" in error
    assert s.get("/body").status == 504


def test_a_gather_has_one_deadline(app):
    s = app("""
    route GET / {
        gather {
            timeout 300ms;
            fetch quick = http://127.0.0.1:%%U%%/quick;
            fetch slow = http://127.0.0.1:%%U%%/hang { optional; }
        }
        json [quick.text, slow.ok, slow.error];
    }
    route GET /must { gather { timeout 200ms; fetch a = http://127.0.0.1:%%U%%/hang; } text no; }
    """, {"/hang": [HANG], "/quick": reply("q")})
    quick, ok, error = ask(s, "/")
    assert (quick, ok) == ("q", False) and "timed out" in error
    assert s.get("/must").status == 504


def test_a_gather_takes_as_long_as_its_slowest(app):
    routes = {"/%d" % i: [0.5, reply("page %d" % i)] for i in range(6)}
    fetches = "".join("fetch f%d = http://127.0.0.1:%%%%U%%%%/%d;\n" % (i, i)
                      for i in range(6))
    s = app("access_log logs/a.log t;\nroute GET / { gather { %s }\n json [%s]; }" % (
        fetches, ", ".join("f%d.text" % i for i in range(6))), routes,
        http="log_format t '$app_time_fetch $app_time_sql';")
    began = time.monotonic()
    assert ask(s, "/") == ["page %d" % i for i in range(6)]
    assert time.monotonic() - began < 3         # one after another: that at least
    time.sleep(0.1)
    fetch, sql = s.access_log("logs/a.log").split()
    assert 0.45 < float(fetch) < 1.5 and sql == "-"


def test_a_fast_stop_leaves_no_file(app):
    s = app("route GET / { fetch a = http://127.0.0.1:%%U%%/hang { store out; } text no; }",
            {"/hang": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", HANG]})
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + 5
        while not s.u.requests and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        s.stop("TERM")
    assert not glob.glob(s.path("out*"))


def left_during(s, u, method="GET"):
    """A client that leaves when the upstream has been asked."""
    asked = len(u.requests)
    with s.connect() as c:
        c.send("%s / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % method)
        until(lambda: len(u.requests) > asked)


def until(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_client_that_leaves_ends_what_only_asks(app):
    s = app("""access_log logs/a.log;
    route GET / { fetch a = http://127.0.0.1:%%U%%/hang { timeout 60s; store out; }
                  fetch b = http://127.0.0.1:%%U%%/next; text no; }""",
            {"/hang": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", HANG]})
    left_during(s, s.u)
    until(lambda: " 499 " in s.read("logs/a.log"))
    assert not glob.glob(s.path("out*"))
    assert [r.target for r in s.u.requests] == ["/hang"]


@pytest.mark.parametrize("gather", [False, True])
def test_what_may_change_something_runs_to_its_end(app, gather):
    gate = threading.Event()

    def slow(request):
        gate.wait(10)
        return reply("done")

    post = "fetch a = http://127.0.0.1:%%U%%/post { body x; }"
    s = app("route POST / { %s fetch c = http://127.0.0.1:%%%%U%%%%/next { store out; } text x; }" % (
        "gather { %s fetch b = http://127.0.0.1:%%%%U%%%%/get; }" % post if gather else post),
        {"/post": slow})
    left_during(s, s.u, "POST")
    time.sleep(0.3)
    gate.set()
    until(lambda: os.path.exists(s.path("out")))


# ---- connections ----

def test_connections_are_kept(app):
    s = app("route GET /{n} { fetch a = http://127.0.0.1:%%U%%/{{ params.n }}; text {{ a.text }}; }")
    for i in range(5):
        assert s.get("/%d" % i).text == "GET /%d\n" % i
    assert s.u.connections == 1
    s.u.drop()          # while it is idle: the next one is new
    time.sleep(0.1)
    assert s.get("/x").status == 200
    assert s.u.connections == 2


def test_a_connection_that_closes_under_a_request(app):
    """The peer takes the second request of a connection and closes."""
    seen = {}

    def answer(request):
        seen[request.connection] = seen.get(request.connection, 0) + 1
        return [CLOSE] if seen[request.connection] > 1 else reply("ok")
    s = app("""
    route GET / { fetch a = http://127.0.0.1:%%U%%/x; text {{ a.text }}; }
    route GET /post { fetch a = http://127.0.0.1:%%U%%/x { method POST; } text {{ a.text }}; }
    """, {"/x": answer})
    for _ in range(3):
        assert s.get("/").text == "ok"
    assert s.get("/post").status == 502         # it might have been done: not again


def test_a_cap_of_connections(app):
    s = app("""fetch_connections 2;
    route GET / { gather {
        %s } json [f0.text, f5.text]; }""" % "".join(
            "fetch f%d = http://127.0.0.1:%%%%U%%%%/w/%d;" % (i, i) for i in range(6)))
    most = [0]

    def answer(request):
        most[0] = max(most[0], s.u.open)
        return [0.05, reply(request.path)]
    s.u.default = answer
    assert ask(s, "/") == ["/w/0", "/w/5"]
    assert most[0] == 2 and len(s.u.requests) == 6


def test_who_waits_for_a_connection_has_a_deadline(app):
    s = app("""fetch_connections 1;
    route GET / { gather {
        fetch a = http://127.0.0.1:%%U%%/hang { timeout 300ms; optional; }
        fetch b = http://127.0.0.1:%%U%%/hang { timeout 100ms; optional; }
        fetch c = http://127.0.0.1:%%U%%/ok;
    } json [a.ok, b.ok, c.ok]; }""", {"/hang": [HANG]})
    assert ask(s, "/") == [False, False, True]


def test_nobody_listens(app):
    closed = refused_port()
    s = app("""
    route GET / { fetch a = http://127.0.0.1:%%D%%/; text no; }
    route GET /name { fetch a = http://no.such.host.invalid/; text no; }
    route GET /o { fetch a = http://127.0.0.1:%%D%%/ { optional; } json [a.ok, a.error, a.status, a.text]; }
    route GET /d { fetch a = http://127.0.0.1:%%D%%/ { optional; } json a.json|default({}); }
    route GET /j { fetch a = http://127.0.0.1:%%D%%/ { optional; } json a.json; }
    route GET /group { fetch a = http://pool/x; text {{ a.text }}; }
    """, names={"D": closed.getsockname()[1]},
        http="upstream pool { server 127.0.0.1:%%D%%; server 127.0.0.1:%%U%%; }")
    assert s.get("/").status == 502
    assert s.get("/name").status == 502
    assert "could not be resolved" in s.error_log()
    ok, error, status, text = ask(s, "/o")
    assert (ok, status, text) == (False, None, "") and "refused" in error
    assert ask(s, "/d") == {}
    assert s.get("/j").status == 502
    for _ in range(4):
        assert s.get("/group").text == "GET /x\n"
    closed.close()


# ---- redirects ----

def to(where, status="302 Found", body="moved"):
    return reply(body, "Location: " + where, status=status)


REDIRECTS = """
route GET /{n:path} { fetch a = http://127.0.0.1:%%U%%/{{ params.n }}?{{ vars.args }};
                 json [a.status, a.text, a.url]; }
route GET /limit { fetch a = http://127.0.0.1:%%U%%/loop { redirects 3; } text no; }
route GET /none { fetch a = http://127.0.0.1:%%U%%/one { redirects 0; }
                  json [a.status, a.headers.Location, a.ok]; }
route POST /p/{n} { fetch a = http://127.0.0.1:%%U%%/{{ params.n }} {
    body data; header Content-Type a/b; header X-Y 1; } json a.text; }
"""


def test_redirects(app):
    s = app(REDIRECTS, {"/one": to("/two"), "/two": to("three?q=1", "301 Moved"),
                        "/loop": to("/loop"), "/s/a/b": to("../c#f", "307 Temporary"),
                        "/q": lambda r: (reply("done") if "x=2" in r.target
                                         else to("?x=2")),
                        "/bad": to("mailto:x@y"), "/empty": to("")})
    base = "http://127.0.0.1:%d" % s.u.port
    assert ask(s, "/one") == [200, "GET /three?q=1\n", base + "/three?q=1"]
    assert ask(s, "/s/a/b") == [200, "GET /s/c\n", base + "/s/c"]
    assert ask(s, "/q") == [200, "done", base + "/q?x=2"]
    assert s.get("/limit").status == 502
    assert "too many redirects" in s.error_log()
    assert len([r for r in s.u.take() if r.path == "/loop"]) == 4
    assert s.get("/bad").status == 502
    assert ask(s, "/none") == [302, "/two", True]
    # Only an error closes: /limit and /bad.
    assert s.u.connections == 3


@pytest.mark.parametrize("status,method", [
    ("301 x", "GET"), ("302 x", "GET"), ("303 x", "GET"), ("307 x", "POST"),
    ("308 x", "POST")])
def test_a_redirected_post(app, status, method):
    s = app(REDIRECTS, {"/r": to("/end", status), "/end": reply("end")})
    assert s.get("/p/r", method="POST", body="").text == '"end"'
    r = s.u.take()[1]
    assert r.method == method
    assert r.body == (b"data" if method == "POST" else b"")
    assert r.get("Content-Type") == ("a/b" if method == "POST" else None)
    assert r.get("X-Y") == "1"


def test_secrets_stay_with_their_site(app, upstream):
    other = upstream()
    s = app("""route GET /{n} { fetch a = http://127.0.0.1:%%U%%/{{ params.n }} {
        header Authorization secret; header Cookie secret; header X-Y 1; header Host h.example;
    } text {{ a.text }}; }""",
            {"/out": to("http://127.0.0.1:%d/x" % other.port),
             })
    s.u.routes["/in"] = to("http://127.0.0.1:%d/x" % s.u.port)
    s.get("/out")
    r = other.take()[0]
    assert r.get("Authorization") is None and r.get("Cookie") is None
    assert r.get("X-Y") == "1" and r.get("Host") == "127.0.0.1:%d" % other.port
    s.u.take()
    s.get("/in")
    assert s.u.take()[1].get("Authorization") == "secret"


# ---- store ----

def test_store(app):
    s = app("""
    route GET /{f} { fetch a = http://127.0.0.1:%%U%%/{{ params.f }} { store data/{{ params.f }}; }
                     json [a.ok, a.text]; }
    route GET /up/{n:path} { fetch a = http://127.0.0.1:%%U%%/x { store data/{{ query.f }}; } json 1; }
    route GET /nofolder/x { fetch a = http://127.0.0.1:%%U%%/x { store nothere/f; } json 1; }
    """, {"/big": reply(TEXT * 5), "/gz": reply(gzip.compress(TEXT), "Content-Encoding: gzip"),
          "/half": [b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 50000, CLOSE],
          "/gone": reply("no", status="404 Not Found")})
    assert ask(s, "/big") == [True, ""]
    assert s.read("data/big").encode() == TEXT * 5
    assert os.stat(s.path("data/big")).st_mode & 0o777 == 0o644
    assert ask(s, "/gz") == [True, ""]
    assert s.read("data/gz").encode() == TEXT
    # whole or not at all: what was there stays
    with open(s.path("data/half"), "w") as f:
        f.write("old")
    assert s.get("/half").status == 502
    assert s.read("data/half") == "old"
    assert ask(s, "/gone") == [False, "no"]
    assert sorted(os.listdir(s.path("data"))) == ["big", "gz", "half"]
    for f in ("../x", "a/../../x", "", "x/"):
        assert s.get("/up/x?f=" + f).status == 400
    assert s.get("/nofolder/x").status == 500
    assert sorted(os.listdir(s.path("data"))) == ["big", "gz", "half"]


def test_store_never_leaves_the_prefix_by_a_value(app):
    s = app("""route GET / { fetch a = http://127.0.0.1:%%U%%/x { store {{ query.f }}; } json 1; }""")
    target = s.path("data/here")
    assert s.get("/?f=" + target).status == 500     # the prefix stands before it
    assert not os.path.exists(target)


# ---- TLS ----

@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certs")
    folder.chmod(0o755)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj",
            "/CN=test authority", "-days", "30")
    for name, alt in (("good", "DNS:good.example,IP:127.0.0.1"), ("other", "DNS:other.example")):
        openssl("req", *curve, "-keyout", name + ".key", "-out", name + ".csr", "-subj",
                "/CN=" + name)
        (folder / (name + ".ext")).write_text("subjectAltName=" + alt)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-out", name + ".pem", "-days", "10", "-extfile", name + ".ext")
    return folder


@pytest.fixture
def tls(server, certs):
    """The application and, in the same process, the server that it asks by TLS."""
    def start(routes, http=""):
        return server("""
        upstream good.example { server 127.0.0.1:%%PORT2%%; }
        upstream wrong.example { server 127.0.0.1:%%PORT2%%; }
        server { listen 127.0.0.1:%%PORT2%% ssl; server_name good.example;
                 ssl_certificate %%C%%/good.pem; ssl_certificate_key %%C%%/good.key;
                 location / { return 200 "$ssl_server_name $host $ssl_session_reused $connection"; } }
        server { listen 127.0.0.1:%%PORT2%% ssl; server_name other.example;
                 ssl_certificate %%C%%/other.pem; ssl_certificate_key %%C%%/other.key; }
        server { listen 127.0.0.1:%%PORT%%; """ + http + routes + "}", main=MODULES,
                      names={"C": str(certs)})
    return start


def test_https(tls):
    s = tls("""
    route GET / { fetch a = https://good.example/x; text {{ a.text }}; }
    route GET /ip { fetch a = https://127.0.0.1:%%PORT2%%/x; text {{ a.text }}; }
    route GET /wrong { fetch a = https://wrong.example/x; text {{ a.text }}; }
    route GET /lax { fetch a = https://wrong.example/x { verify off; } text {{ a.text }}; }
    route GET /opt { fetch a = https://wrong.example/x { optional; } json [a.ok, a.error]; }
    """, "fetch_ssl_trusted_certificate %%C%%/ca.pem;")
    name, host, reused, connection = s.get("/").text.split()
    assert (name, host) == ("good.example", "good.example")
    assert s.get("/").text.split()[3] == connection         # kept
    assert s.get("/ip").text.split()[0] == "127.0.0.1"      # no name: an address
    assert s.get("/wrong").status == 502
    assert 'does not match "wrong.example"' in s.error_log()
    assert s.get("/lax").text.split()[0] == "wrong.example"
    ok, error = ask(s, "/opt")
    assert ok is False and "secure" in error


def test_https_is_verified_by_default(tls, certs):
    s = tls("""
    route GET / { fetch a = https://good.example/x; text no; }
    route GET /own { fetch a = https://good.example/x { trusted_certificate %%C%%/ca.pem; }
                     text {{ a.status }}; }
    route GET /off { fetch_ssl_verify off; fetch a = https://good.example/x; text {{ a.status }}; }
    """)
    assert s.get("/").status == 502
    assert "certificate verify error" in s.error_log()
    assert s.get("/own").text == "200"
    assert s.get("/").status == 502         # no connection of /own is used
    assert s.get("/off").text == "200"


def test_a_redirect_to_https(tls):
    s = tls("""
    location = /go { return 302 https://good.example/there; }
    route GET / { fetch a = http://127.0.0.1:%%PORT%%/go; json [a.status, a.url]; }
    """, "fetch_ssl_trusted_certificate %%C%%/ca.pem;")
    assert ask(s, "/") == [200, "https://good.example/there"]


def test_plain_http_where_tls_is_spoken(app):
    s = app("route GET / { fetch a = https://127.0.0.1:%%PORT%%/ { optional; } json [a.ok, a.error]; }")
    ok, error = ask(s, "/")
    assert ok is False and "secure" in error


# ---- many ----

class Crowd:
    """Answers nobody before `n` requests have come: they must be under way at once."""

    def __init__(self, n):
        self.n = n
        self.came = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        poll = select.epoll()
        poll.register(self.listener, select.EPOLLIN)
        conns, end = {}, time.monotonic() + 90
        while self.came < self.n and time.monotonic() < end:
            for fd, _ in poll.poll(0.5):
                if fd == self.listener.fileno():
                    while True:
                        try:
                            c, _ = self.listener.accept()
                        except OSError:
                            break
                        conns[c.fileno()] = c
                        poll.register(c, select.EPOLLIN)
                else:
                    if b"\r\n\r\n" in conns[fd].recv(4096):
                        self.came += 1
        for c in conns.values():
            try:
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                pass
        for c in conns.values():
            c.close()
        poll.close()
        self.listener.close()


@pytest.mark.plain("slow: about the side of upstreams")
def test_ten_thousand_slow_fetches(server):
    """A thousand requests that each gather ten pages, on one worker, all under way
    before the first page comes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    each = 10
    requests = min(1000, (hard - 2000) // each)
    crowd = Crowd(requests * each)
    s = server("""
    daemon off; worker_processes 1; worker_rlimit_nofile %d; user root;
    error_log logs/error.log error; pid logs/server.pid;
    %s
    events { worker_connections %d; }
    http { access_log off; fetch_timeout 100s;
        server { listen 127.0.0.1:%%%%PORT%%%% backlog=4096;
            route GET / { gather { %s } json [%s]; } } }
    """ % (hard, MODULES, hard, "".join(
        "fetch f%d = http://127.0.0.1:%d/;" % (i, crowd.port) for i in range(each)),
        ", ".join("f%d.text" % i for i in range(each))), raw=True)
    conns = []
    try:
        for _ in range(requests):
            c = s.connect(timeout=100)
            conns.append(c)
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for c in conns:
            r = c.response()
            assert (r.status, json.loads(r.text)) == (200, ["ok"] * each)
    finally:
        for c in conns:
            c.close()
    crowd.thread.join(10)
    assert crowd.came == requests * each
