"""The json view with long texts: pieces, back-pressure, memory, errors in the midst."""

import json
import os
import re
import ssl
import sqlite3
import time

import pytest

from harness.modules import load_module

MODULES = load_module("route", "json", "sqlite")

CONF = """
root %%PREFIX%%/r;
route GET /n/{n:int} { json range(params.n); }
route GET /many/{n:int} { json [range(100000)] * params.n; }
route GET,POST /rows/{n:int} {
    json {"n": params.n, "rows": range(params.n)|map("string")};
}
route GET /long/{n:int} { json "é\\"x" * params.n; }
route GET /breaks/{n:int} { json {"a": range(params.n)|list, "b": nothing}; }
route GET /inf/{n:int} { json [range(params.n)|list, url_for]; }
location /page.html { ssi on; }
route GET /zip/{n:int} { gzip on; gzip_types application/json;
    json [range(100000)] * params.n; }
"""


@pytest.fixture
def app(server):
    def start(conf=CONF, **more):
        http = more.pop("http", "")
        return server("%s server { listen 127.0.0.1:%%%%PORT%%%%;\n%s\n}" % (http, conf),
                      main=MODULES, **more)
    return start


def peak(s):
    """KB that the largest worker has ever had in memory."""
    sizes = []
    for pid in s.workers():
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            sizes.append(int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)))
    return max(sizes)


def open_slowly(s, target, version="HTTP/1.1", buffer=4096, method="GET"):
    c = s.connect(timeout=30, room=buffer)
    c.send("%s %s %s\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
           % (method, target, version))
    return c


def wait_until(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_short_ones_are_whole(app):
    r = app().get("/n/10000")
    assert r.framing == "length" and r.get("ETag") and json.loads(r.body) == list(range(10000))


@pytest.mark.http1("chunks")
def test_long_ones_are_chunked(app):
    s = app()
    r = s.get("/n/100000")
    assert r.status == 200 and r.framing == "chunked" and r.get("ETag") is None
    assert r.get("Content-Type") == "application/json; charset=utf-8"
    assert r.body == json.dumps(list(range(100000))).encode()
    r = s.get("/rows/50000", method="POST")
    assert json.loads(r.body) == {"n": 50000, "rows": [str(i) for i in range(50000)]}
    r = s.get("/long/100000")
    assert r.body == json.dumps("é\"x" * 100000).encode()


def test_one_connection_takes_several(app):
    s = app()
    c = s.connect()
    for n in (100000, 10, 90000):
        c.send("GET /n/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n)
        assert json.loads(c.response().body) == list(range(n))


@pytest.mark.http1("asks in HTTP/1.0")
def test_head_and_old_protocol(app):
    s = app()
    r = s.get("/n/100000", method="HEAD")
    assert r.status == 200 and r.body == b"" and r.get("Content-Length") is None
    c = open_slowly(s, "/n/100000", "HTTP/1.0")
    text = b"".join(iter(lambda: c.sock.recv(65536), b""))
    head, body = text.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head.lower() and json.loads(body) == list(range(100000))


def test_subrequest(app):
    s = app(files={"r/page.html": '<a><!--# include virtual="/n/100000" --></a>'})
    r = s.get("/page.html")
    assert r.body == b"<a>" + json.dumps(list(range(100000))).encode() + b"</a>"


def test_gzip(app):
    import gzip
    r = app().get("/zip/3", "Accept-Encoding: gzip")
    assert r.get("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(r.body)) == [list(range(100000))] * 3


@pytest.mark.plain("asks by HTTP/2 itself")
def test_http2(app):
    import subprocess
    s = app(CONF + "http2 on;")
    out = subprocess.run(["curl", "-sS", "--http2-prior-knowledge",
                          "http://127.0.0.1:%d/many/4" % s.port()],
                         capture_output=True, timeout=60, check=True).stdout
    assert json.loads(out) == [list(range(100000))] * 4


def rest_of(c):
    """How much comes, and its end."""
    got, tail = 0, b""
    while True:
        piece = c.sock.recv(1 << 20)
        if not piece:
            return got, tail
        got += len(piece)
        tail = (tail + piece)[-30:]


@pytest.mark.http1("reads the chunks")
def test_memory_is_bounded(app):
    s = app()
    assert s.get("/n/1").status == 200
    before = peak(s)
    got, tail = rest_of(open_slowly(s, "/many/80", buffer=1 << 20))
    assert got > 50 << 20 and tail.endswith(b"99999]]\r\n0\r\n\r\n")
    if "asan" not in os.environ.get("WEIR", ""):    # what it has freed stays a while
        assert peak(s) - before < 8 << 10


@pytest.mark.http1("reads the chunks")
def test_slow_reader(app):
    s = app()
    s.get("/n/1")
    before = peak(s)
    c = open_slowly(s, "/many/40")
    assert c.sock.recv(100).startswith(b"HTTP/1.1 200")
    time.sleep(0.3)
    for _ in range(3):      # the others do not wait for it
        assert json.loads(s.get("/n/10").body) == list(range(10))
    if "asan" not in os.environ.get("WEIR", ""):
        assert peak(s) - before < 8 << 10
    got, tail = rest_of(c)
    assert got > 25 << 20 and tail.endswith(b"99999]]\r\n0\r\n\r\n")


def fds(s):
    return sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in s.workers())


def test_client_leaves_in_the_middle(app):
    s = app()
    s.get("/n/1")
    before = fds(s)
    for _ in range(20):
        c = open_slowly(s, "/many/40")
        c.sock.recv(1000)
        c.close()
    wait_until(lambda: fds(s) <= before)
    assert json.loads(s.get("/n/3").body) == [0, 1, 2]


def test_errors_before_the_first_byte(app):
    s = app()
    r = s.get("/inf/10")
    assert r.status == 500 and r.get("Content-Type").startswith("application/json")
    r = s.get("/breaks/10")
    assert r.status == 500
    assert "is undefined" in s.read("logs/error.log") and "not JSON serializable" in s.read("logs/error.log")


@pytest.mark.http1("reads the chunks")
def test_errors_behind_the_first_byte(app):
    s = app()
    for target in ("/inf/100000", "/breaks/100000"):
        assert not s.get(target).complete
    assert "is undefined" in s.read("logs/error.log") and "not JSON serializable" in s.read("logs/error.log")
    # Closed, and not by the chunk that ends a body.
    c = open_slowly(s, "/inf/100000")
    text = b""
    try:
        for piece in iter(lambda: c.sock.recv(65536), b""):
            text += piece
    except ssl.SSLEOFError:
        pass
    assert text.startswith(b"HTTP/1.1 200") and not text.endswith(b"0\r\n\r\n")
    assert json.loads(s.get("/n/3").body) == [0, 1, 2]


@pytest.mark.http1("reads the chunks")
def test_transaction_is_committed_first(app):
    s = app("""
    route POST /all {
        sql INSERT INTO t(v) VALUES(1);
        sql all = WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c
                  WHERE i < 200000) SELECT i, i * 2 AS twice FROM c;
        json {"a": all};
    }
    route POST /fails {
        sql INSERT INTO t(v) VALUES(1);
        sql all = WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c
                  WHERE i < 200000) SELECT i, i * 2 AS twice FROM c;
        json {"a": all, "b": url_for};
    }
    """, files={"a.sql": "CREATE TABLE IF NOT EXISTS t(v);"},
            http="sqlite db data/a.db { schema a.sql; result_limit 64m; }")
    c = open_slowly(s, "/all", method="POST")
    assert c.sock.recv(12) == b"HTTP/1.1 200"
    # The answer is far from its end, the row is there.
    base = sqlite3.connect(os.path.join(s.prefix, "data/a.db"))
    assert base.execute("SELECT count(*) FROM t").fetchone() == (1,)
    c.close()
    r = s.get("/all", method="POST")
    assert json.loads(r.body)["a"][199999] == {"i": 200000, "twice": 400000}
    assert not s.get("/fails", method="POST").complete
    assert base.execute("SELECT count(*) FROM t").fetchone() == (3,)
    base.close()
