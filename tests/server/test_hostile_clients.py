"""Slow, silent, huge and random clients: the server stays up and fair."""

import random
import threading
import time

import pytest

from harness import http1
from harness.http1 import wait_until, within
from harness.server import open_files

pytestmark = pytest.mark.http1("about HTTP/1's bytes and connections")

CONF = """
client_header_timeout 300ms; client_body_timeout 300ms; send_timeout 300ms;
keepalive_timeout 300ms; lingering_timeout 300ms; lingering_time 1s;
server {
    listen 127.0.0.1:%%PORT%%;
    location / { return 200 "ok"; }
    location /big { root html; }
    location /post { proxy_pass http://127.0.0.1:%%U%%; }
}
"""


@pytest.fixture
def s(server, upstream):
    u = upstream()
    s = server(CONF, names={"U": u.port}, files={"html/big": "x" * 5000000})
    s.upstream = u
    return s


def connections(s):
    """Open sockets of the worker."""
    worker, = s.workers()
    return sum(path.startswith("socket:") for path in open_files(worker))


def test_slow_heads_are_ended_by_the_clock(s):
    """A byte now and then does not renew client_header_timeout."""
    conns = [s.connect() for _ in range(20)]
    began = time.monotonic()
    for c in conns:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n")
    open_ = list(conns)
    while open_ and time.monotonic() - began < within(2):
        for c in list(open_):
            if not c.send("X"):
                open_.remove(c)
        time.sleep(0.1)
        assert s.get("/").status == 200
    assert not open_


def test_silent_bodies_are_answered_408_or_closed(s):
    with s.connect() as c:
        c.send("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        got = c.read_to_end(within(2))
        assert c.ended == "eof" and (not got or b" 408 " in got.split(b"\r\n")[0])


def test_a_client_that_does_not_read_is_dropped(s):
    before = connections(s)
    socks = []
    for _ in range(5):
        socks.append(s.connect(room=4096))
        socks[-1].send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: connections(s) <= before, 4)
    assert s.get("/").status == 200
    for sock in socks:
        sock.close()


def test_idle_connections_are_closed(s):
    with s.connect() as c:
        assert c.get("/").status == 200
        began = time.monotonic()
        assert c.read_to_end(within(1.5)) == b"" and c.ended == "eof"
        assert time.monotonic() - began > 0.2


def test_resets_at_every_point(s):
    raw = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    for n in range(0, len(raw) + 1, 3):
        c = s.connect()
        c.send(raw[:n])
        if n % 2:
            c.abort()
        else:
            c.close()
    assert s.get("/").status == 200


def test_every_byte_on_its_own(s):
    raw = (b"POST /post?x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
           b"\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    with s.connect() as c:
        for i in range(len(raw)):
            c.send(raw[i:i + 1])
        assert c.response().status == 200
        assert c.response().body == b"ok"
    assert s.upstream.requests[-1].body == b"hello"


def test_every_split_in_two(s):
    raw = (b"GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\nX-Header: value\r\n\r\n"
           b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for at in range(1, len(raw)):
        with s.connect() as c:
            c.send(raw[:at])
            time.sleep(0.001)
            c.send(raw[at:])
            assert c.response().status == 200, at
            assert c.response().status == 200, at


SEEDS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    b"GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=0-10,20-30,-5\r\n"
    b"If-Range: \"x\"\r\nIf-None-Match: W/\"a\", \"b\"\r\n"
    b"Accept-Encoding: gzip;q=0.5, *\r\n\r\n",
    b"GET http://a.b:80/x/../y//z%20%2f?q#f HTTP/1.0\r\nConnection: keep-alive\r\n"
    b"Cookie: a=b; c=d\r\nExpect: 100-continue\r\n\r\n",
]
PIECES = [b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"%", b"%00", b"\xff",
          b"/../", b"A" * 1000, b"Content-Length: 5\r\n", b"chunked", b"\r\n\r\n",
          b"0\r\n\r\n", b"HTTP/1.1", b"-1", b"99999999999999999999", b",", b";",
          b"Transfer-Encoding: chunked\r\n"]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[at:at + rng.randint(1, 8)] = b""
        elif kind == 1:
            data[at:at] = rng.choice(PIECES)
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            data[at:at] = data[max(0, at - 20):at]
        else:
            data[at:at + 3] = rng.choice(PIECES)
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_requests(s, seed):
    """Any bytes: an answer or a close, never the end of the worker."""
    rng = random.Random(seed)
    workers = s.workers()
    for _ in range(300):
        raw = mutate(rng, rng.choice(SEEDS))
        try:
            with s.connect(timeout=3) as c:
                c.send(raw)
                c.half_close()
                c.read_to_end(3)
                assert c.ended in ("eof", "reset"), raw
        except (ConnectionResetError, http1.Truncated):
            pass                        # the handshake has its time as well
    assert s.workers() == workers
    assert s.get("/").status == 200
    for r in s.upstream.take():
        assert len(r.getall("content-length")) \
            + len(r.getall("transfer-encoding")) <= 1, r.head


def test_many_headers_and_long_ones_are_bounded(s):
    for n in (100, 1000, 5000):
        with s.connect() as c:
            c.send("GET / HTTP/1.1\r\nHost: a\r\n"
                   + "".join("X-%d: v\r\n" % i for i in range(n)) + "\r\n")
            r = c.response()
            assert r is None or r.status in (200, 400, 431)
    with s.connect() as c:
        c.send("GET /" + "a" * 100000 + " HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.response().status == 414


def test_endless_head_is_refused(s):
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n")
        for _ in range(100):
            c.send("X-Header: " + "v" * 1000 + "\r\n")
        r = c.response()
        assert r.status == 400 and not r.keeps
        c.read_to_end(3)
        assert c.ended in ("eof", "reset")


def test_deep_pipelining(s):
    n = 2000
    with s.connect() as c:
        sender = threading.Thread(target=c.send, args=(
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * n,))
        sender.start()
        got = 0
        while got < n:
            r = c.response()
            if r is None:
                break
            assert r.status == 200
            got += 1
            if not r.keeps:
                break
        sender.join()
        assert got >= 1000


def test_worker_connections_are_a_limit_not_a_death(server):
    s = server("server { listen 127.0.0.1:%%PORT%%; return 200 ok; }",
               allow=[r"worker_connections are not enough"])
    conns = []
    for _ in range(700):
        c = s.connect()                 # a full backlog has them wait for a second or more
        c.sock.settimeout(1)
        conns.append(c)
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    answered = 0
    for c in conns:
        try:
            answered += bool(c.response())
        except (OSError, http1.Truncated):
            pass
        c.close()
    assert answered >= 500
    wait_until(lambda: s.get("/").status == 200)
