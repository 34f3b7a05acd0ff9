"""No request may be hidden in another: each attack by name, seen from upstream.

The upstream records what arrives.  Whatever the client sends, it must see no
request for /smuggled, and no request whose framing could be read in two ways.
"""

import re
import time

import pytest

from harness.http2 import DATA, END_HEADERS, END_STREAM, HEADERS, RST, Client, frame, request
from harness.upstream import CLOSE, reply

CONF = """
server {
    listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass http://127.0.0.1:%%U%%; }
    location /unbuffered { proxy_request_buffering off;
                           proxy_pass http://127.0.0.1:%%U%%; }
    location /keep { proxy_pass http://keep; proxy_http_version 1.1;
                     proxy_set_header Connection ""; }
}
upstream keep { server 127.0.0.1:%%U%%; keepalive 4; }
"""
HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: hidden\r\n\r\n"
CHUNKED = "0\r\n\r\n" + HIDDEN


def post(*headers, body="", target="%s", version="1.1"):
    return ("POST %s HTTP/%s\r\nHost: a\r\n" % (target, version)
            + "".join(h + "\r\n" for h in headers) + "\r\n" + body)


N = "Content-Length: %d" % len(CHUNKED)
TE = "Transfer-Encoding: chunked"

# Name -> bytes; all of these are to be refused with 400 or 501.
REFUSED = {
    "cl-te": post(N, TE, body=CHUNKED),
    "te-cl": post(TE, N, body=CHUNKED),
    "te-cl-in-10": post(TE, N, body=CHUNKED, version="1.0"),
    "te-in-10": post(TE, body=CHUNKED, version="1.0"),
    "cl-cl-differ": post("Content-Length: 0", N, body=CHUNKED),
    "cl-cl-same": post(N, N, body=CHUNKED),
    "cl-list": post("Content-Length: 0, %d" % len(CHUNKED), body=CHUNKED),
    "cl-list-same": post("Content-Length: 5, 5", body="hello" + HIDDEN),
    "cl-plus": post("Content-Length: +5", body="hello" + HIDDEN),
    "cl-minus": post("Content-Length: -1", body=HIDDEN),
    "cl-hex": post("Content-Length: 0x5", body="hello" + HIDDEN),
    "cl-space-inside": post("Content-Length: 1 0", body="0123456789" + HIDDEN),
    "cl-empty": post("Content-Length:", body=HIDDEN),
    "cl-word": post("Content-Length: five", body="hello" + HIDDEN),
    "cl-dot": post("Content-Length: 5.0", body="hello" + HIDDEN),
    "cl-overflow": post("Content-Length: 18446744073709551621",
                        body="hello" + HIDDEN),
    "cl-overflow-63": post("Content-Length: 9223372036854775808",
                           body="hello" + HIDDEN),
    "te-te": post(TE, TE, body=CHUNKED),
    "te-te-identity": post(TE, "Transfer-Encoding: identity", body=CHUNKED),
    "te-identity-te": post("Transfer-Encoding: identity", TE, body=CHUNKED),
    "te-identity-cl": post("Transfer-Encoding: identity", N, body=CHUNKED),
    "te-list": post("Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "te-list-behind": post("Transfer-Encoding: chunked, gzip", body=CHUNKED),
    "te-twice-in-one": post("Transfer-Encoding: chunked, chunked", body=CHUNKED),
    "te-unknown": post("Transfer-Encoding: xchunked", body=CHUNKED),
    "te-quoted": post("Transfer-Encoding: \"chunked\"", body=CHUNKED),
    "te-semicolon": post("Transfer-Encoding: chunked;x=y", body=CHUNKED),
    "te-comma": post("Transfer-Encoding: ,chunked", body=CHUNKED),
    "te-vtab": post("Transfer-Encoding: \x0bchunked", N, body=CHUNKED),
    "te-nbsp": post("Transfer-Encoding: \xa0chunked", N, body=CHUNKED),
    "te-empty-cl": post("Transfer-Encoding:", N, body=CHUNKED),
    "te-nul": post("Transfer-Encoding: chunked\0", N, body=CHUNKED),
    "te-obs-fold": post("Transfer-Encoding:\r\n chunked", N, body=CHUNKED),
    "te-obs-fold-tab": post("Transfer-Encoding:\r\n\tchunked", N, body=CHUNKED),
    "fold-before": post("X: y\r\n Transfer-Encoding: chunked", N, body=CHUNKED),
    "first-line-folded": "POST %s HTTP/1.1\r\n Transfer-Encoding: chunked\r\n"
                         "Host: a\r\n" + N + "\r\n\r\n" + CHUNKED,
    "space-before-colon": post("Transfer-Encoding : chunked", N, body=CHUNKED),
    "tab-before-colon": post("Transfer-Encoding\t: chunked", N, body=CHUNKED),
    "cl-space-before-colon": post("Content-Length : %d" % len(CHUNKED),
                                  body=CHUNKED),
    "no-colon": post("Transfer-Encoding chunked", N, body=CHUNKED),
    "empty-name": post(": x", N, body=CHUNKED),
    "bare-cr-in-value": post("X: a\rTransfer-Encoding: chunked", N, body=CHUNKED),
    "bare-cr-ends-line": "POST %s HTTP/1.1\r\nHost: a\rTransfer-Encoding: "
                         "chunked\r\n" + N + "\r\n\r\n" + CHUNKED,
    "bare-cr-request-line": "POST %s HTTP/1.1\rHost: a\r\n" + N + "\r\n\r\n"
                            + CHUNKED,
    "nul-in-name": post("Transfer-\0Encoding: chunked", N, body=CHUNKED),
    "nul-in-value": post("X: a\0b", N, body=CHUNKED),
    "nul-in-target": "GET %s\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "ctl-in-name": post("Transfer-Encoding\x01: chunked", N, body=CHUNKED),
    "two-hosts": "GET %s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no-host": "GET %s HTTP/1.1\r\n\r\n",
    "host-with-space": "GET %s HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host-with-slash": "GET %s HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "three-words": "GET %s x HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "http-2-in-1": "GET %s HTTP/2.0\r\nHost: a\r\n\r\n" + HIDDEN,
    "version-garbage": "GET %s HTTP/1.1x\r\nHost: a\r\n\r\n" + HIDDEN,
}

# Chunked bodies that must not be believed.
CHUNKS = {
    "size-overflow": "10000000000000000\r\n" + HIDDEN,
    "size-overflow-wraps": "10000000000000005\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-63-bits": "8000000000000000\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-negative": "-5\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-plus": "+5\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-0x": "0x5\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-empty": "\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-word": "zz\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-space-before": " 5\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-underscore": "5_0\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "size-nul": "5\0\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "data-longer": "5\r\nhelloX\r\n0\r\n\r\n" + HIDDEN,
    "data-shorter": "5\r\nhell\r\n0\r\n\r\n" + HIDDEN,
    "data-no-crlf": "5\r\nhello0\r\n\r\n" + HIDDEN,
    "bare-cr-after-size": "5\rhello\r\n0\r\n\r\n" + HIDDEN,
    "bare-cr-after-data": "5\r\nhello\r0\r\n\r\n" + HIDDEN,
    "cr-x-after-data": "5\r\nhello\rX0\r\n\r\n" + HIDDEN,
}

SMUGGLED = re.compile(rb"smuggled")


def settle(u):
    """What arrived, and that each request can be read in one way only."""
    seen = u.take()
    for r in seen:
        assert r.path != "/smuggled", r.raw
        lengths = r.getall("content-length")
        codings = r.getall("transfer-encoding")
        assert len(lengths) + len(codings) <= 1, r.head
        assert all(re.fullmatch(r"\d+", n) for n in lengths), r.head
        assert all(c == "chunked" for c in codings), r.head
        assert b"\0" not in r.head and not re.search(rb"\r[^\n]", r.head), r.head
        assert not re.search(rb"\n[ \t]", r.head), r.head
    return seen


def attack(s, u, raw, target):
    with s.connect(timeout=2) as c:
        c.send(raw.replace("%s", target, 1))
        c.half_close()
        return c.read_to_end(2)


@pytest.fixture
def front(server, upstream):
    u = upstream()
    return server(CONF, names={"U": u.port}), u


@pytest.mark.http1("two framings in a request")
@pytest.mark.parametrize("target", ["/", "/unbuffered", "/keep"])
def test_refused(front, target):
    s, u = front
    wrong = []
    for name, raw in REFUSED.items():
        got = attack(s, u, raw, target)
        if not re.match(rb"HTTP/1\.1 (400|501|505) ", got) \
                or got.count(b"HTTP/1.1 ") != 1:
            wrong.append((name, got[:80]))
        if settle(u):
            wrong.append((name, "reached the upstream"))
    assert not wrong


@pytest.mark.http1("chunks")
@pytest.mark.parametrize("target", ["/", "/unbuffered", "/keep"])
def test_chunks_not_believed(front, target):
    s, u = front
    wrong = []
    for name, body in CHUNKS.items():
        got = attack(s, u, post(TE, body=body), target)
        seen = settle(u)
        if any(r.complete and r.method == "POST" for r in seen):
            wrong.append((name, "reached the upstream whole"))
        if b"HTTP/1.1 200" in got or got.count(b"HTTP/1.1 ") > 1:
            wrong.append((name, got[:80]))
    assert not wrong


def test_pipelined_bodies_stay_apart(front):
    """Bodies that look like requests are bodies."""
    s, u = front
    body = HIDDEN * 3
    raw = ("POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
           % (len(body), body)
           + "POST /two HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
           % (TE, len(body), body) + "GET /three HTTP/1.1\r\nHost: a\r\n\r\n")
    with s.connect() as c:
        c.send(raw)
        assert [c.response().status for _ in range(3)] == [200] * 3
    seen = settle(u)
    assert [r.path for r in seen] == ["/one", "/two", "/three"]
    assert seen[0].body == seen[1].body == body.encode()


@pytest.mark.parametrize("head", [
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
    "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
    "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
])
def test_a_body_of_any_method_is_a_body(front, head):
    s, u = front
    with s.connect() as c:
        c.send(head % len(HIDDEN) + HIDDEN)
        assert c.response().status == 200
        c.half_close()
        assert c.read_to_end(1) == b""
    seen = settle(u)
    assert [r.body for r in seen] == [HIDDEN.encode()]


def test_a_refused_body_is_no_request(server):
    """An answer that does not read the body must not read it as a request."""
    s = server("server { listen 127.0.0.1:%%PORT%%; client_max_body_size 10;\n"
               "location /no { return 403; } location /file { root html; }\n"
               "location /smuggled { return 200 smuggled; } }")
    for target in ("/no", "/file", "/missing"):
        for framing in ("Content-Length: %d\r\n\r\n%s" % (len(HIDDEN), HIDDEN),
                        "%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (TE, len(HIDDEN),
                                                           HIDDEN)):
            with s.connect() as c:
                c.send("POST %s HTTP/1.1\r\nHost: a\r\n%s" % (target, framing))
                c.half_close()
                assert b"200 OK" not in c.read_to_end(2)


def test_underscore_headers_do_not_frame(front):
    s, u = front
    with s.connect() as c:
        r = c.request(post("Content_Length: 5", "Transfer_Encoding: chunked")
                      .replace("%s", "/"))
        assert r.status == 200
    seen, = settle(u)
    assert seen.body == b"" and not seen.getall("transfer_encoding")


@pytest.mark.plain("brings HTTP/2 of its own")
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("last", [
    frame(RST, 0, 1, b"\0\0\0\x08"), frame(DATA, END_STREAM, 1, b"short")])
def test_a_stream_that_ends_in_its_body(server, upstream, length, last):
    """What is missing is not taken from the next request."""
    u = upstream()
    s = server("""
upstream keep { server 127.0.0.1:%%U%%; keepalive 4; }
server { listen 127.0.0.1:%%PORT%%; http2 on;
         location / { proxy_pass http://keep; proxy_request_buffering off; } }""",
               names={"U": u.port})
    c = Client(s.port())
    c.send(HEADERS, END_HEADERS, 1, request("/cut", "POST",
           more=(("content-length", "100"),) if length else ()))
    c.send(DATA, 0, 1, b"some")
    time.sleep(0.1)             # it is with the upstream
    c.s.sendall(last)
    for i in (3, 5):
        c.get(i, "/next%d" % i)
        assert c.answer(i)[0] in (200, 404)
    c.close()
    seen = {r.path: r for r in settle(u)}
    assert {"/next3", "/next5"} <= set(seen)
    if "/cut" in seen and (length or last[3] == RST):
        assert not seen["/cut"].complete
    assert seen["/next3"].method == "GET" and not seen["/next3"].body


def test_hop_headers_do_not_pass(front):
    s, u = front
    r = s.get("/", "Connection: close, X-Secret", "Keep-Alive: 1",
              "TE: trailers", "Upgrade: h2c", "HTTP2-Settings: x")
    assert r.status == 200
    seen, = settle(u)
    for name in ("keep-alive", "upgrade"):
        assert not seen.getall(name), seen.head
    assert (seen.get("connection") or "close") in ("close", "keep-alive", "")


# From the other side: an upstream that answers more than it was asked.

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@pytest.mark.parametrize("first", [
    reply("ok") + POISON,
    b"HTTP/1.1 204 No Content\r\n\r\n" + POISON,
    b"HTTP/1.1 304 Not Modified\r\n\r\n" + POISON,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    + POISON,
    b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(POISON) + POISON,
])
def test_poisoned_connections_are_not_reused(front, first):
    s, u = front
    u.routes["/keep/1"] = first
    u.routes["/keep/2"] = reply("clean")
    for _ in range(3):
        s.get("/keep/1")
        assert b"poison" not in s.get("/keep/2").body


def test_head_answer_with_a_body_is_not_reused(front):
    s, u = front
    u.routes["/keep/head"] = reply(POISON)
    u.routes["/keep/2"] = reply("clean")
    with s.connect() as c:
        for _ in range(3):
            r = c.get("/keep/head", method="HEAD")
            assert r.status == 200 and r.body == b""
            assert c.get("/keep/2").body == b"clean"


@pytest.mark.parametrize("bad", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 50\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
])
def test_an_answer_framed_twice_is_refused(front, bad):
    s, u = front
    s.allow = []
    u.routes["/keep/bad"] = [bad, CLOSE]
    assert s.get("/keep/bad").status == 502


@pytest.mark.parametrize("injected", ["a%0d%0aX-Evil:%20yes", "a%0aX-Evil:%20yes",
                                      "a%0d%0a%0d%0aHTTP/1.1%20200%20OK"])
def test_encoded_line_ends_make_no_header(front, injected):
    s, u = front
    s.get("/" + injected)
    s.get("/?q=" + injected)
    for r in settle(u):
        assert not r.getall("x-evil")
