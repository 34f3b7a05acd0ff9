"""Upstreams that lie, stall, or die: the client gets a clean answer."""

import socket
import threading
import time

import pytest

from harness.http1 import wait_until
from harness.upstream import CLOSE, HANG, RESET, reply

CONF = """
proxy_read_timeout %s; proxy_connect_timeout %s; proxy_next_upstream off;
server { listen 127.0.0.1:%%%%PORT%%%%;
    location / { proxy_pass http://127.0.0.1:%%%%U%%%%; }
    location /nb { proxy_buffering off; proxy_pass http://127.0.0.1:%%%%U%%%%; }
}
"""


@pytest.fixture
def front(server, upstream):
    u = upstream()
    return server(CONF % ("300ms", "300ms"), names={"U": u.port}), u


@pytest.fixture
def patient(server, upstream):
    """Where it is not the clock that ends it, on a slow machine as well."""
    u = upstream()
    return server(CONF % ("10s", "10s"), names={"U": u.port}), u


@pytest.mark.parametrize("target", ["/x", "/nb"])
@pytest.mark.parametrize("answer, status", [
    ([b"just text\n", CLOSE], 502), ([b"\0\1\2\3", CLOSE], 502),
    ([b"ICY 200 OK\r\n\r\n", CLOSE], 502), ([b"SSH-2.0-x\r\n", CLOSE], 502),
    ([b"HTTP/1.1 abc OK\r\n\r\n", CLOSE], 502), ([CLOSE], 502), ([RESET], 502),
    ([b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", CLOSE], 502),
    ([b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100000 + b"\r\n\r\n", CLOSE], 502),
    ([b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20000 + b"\r\n", CLOSE], 502),
    ([HANG], 504), ([b"HTTP/1.1 200 OK\r\nX: ", HANG], 504),
], ids=lambda x: str(x)[:24] if isinstance(x, list) else None)
def test_bad_heads(request, target, answer, status):
    s, u = request.getfixturevalue("front" if status == 504 else "patient")
    u.routes[target] = answer
    assert s.get(target).status == status
    u.routes[target] = reply("fine")
    wait_until(lambda: s.get(target).body == b"fine")   # a slow machine has its time-outs


@pytest.mark.parametrize("target", ["/x", "/nb"])
@pytest.mark.parametrize("answer", [
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", CLOSE],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", HANG],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLOSE],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
     CLOSE],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 0.02, RESET],
], ids=["short", "stall", "chunked-cut", "chunked-bad", "reset"])
def test_a_cut_answer_looks_cut(front, target, answer):
    """The client must be able to tell: no clean end, no second response."""
    s, u = front
    u.routes[target] = answer
    with s.connect() as c:
        r = c.get(target)
        assert r is None or r.status in (200, 502, 504)
        if r is not None and r.status == 200:
            assert not r.complete
            assert c.read_to_end(1) == b"" and c.ended != "timeout"
    assert s.get("/fine").status == 200


def test_endless_header_lines_are_bounded(patient):
    s, u = patient

    def endless(_):
        yield b"HTTP/1.1 200 OK\r\n"
        for i in range(100000):
            yield b"X-%d: v\r\n" % i
    u.routes["/x"] = endless
    assert s.get("/x").status == 502


def test_an_answer_before_the_body_was_read(front):
    """An upstream may answer early and close; the client gets its answer."""
    s, u = front
    early = socket.socket()
    early.bind(("127.0.0.1", 0))
    early.listen(5)

    def answer():
        conn, _ = early.accept()
        conn.recv(1000)
        conn.sendall(reply("early", "Connection: close"))
        time.sleep(0.2)
        conn.close()
    threading.Thread(target=answer, daemon=True).start()
    s.names["U"] = early.getsockname()[1]
    s.write_conf(CONF % ("10s", "10s"))
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: s.workers() and not set(s.workers()) & set(old))
    with s.connect() as c:
        c.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n"
               "\r\n" + "x" * 900000)
        r = c.response()
        assert (r.status, r.body) == (200, b"early")
    early.close()


def test_many_interim_answers(front):
    s, u = front
    u.routes["/x"] = b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + reply("fine")
    r = s.get("/x")
    assert r.status in (200, 502)
    if r.status == 200:
        assert r.body == b"fine"


def test_large_bodies_in_both_directions(front):
    s, u = front
    body = bytes(range(256)) * 3000
    u.routes["/x"] = lambda r: reply(r.body)
    with s.connect(timeout=10) as c:
        r = c.get("/x", method="POST", body=body)
        assert r.body == body
    assert u.requests[-1].body == body


@pytest.mark.plain("reads the socket; test_tls.py has it with TLS")
def test_slow_reader_gets_every_byte(front):
    s, u = front
    body = b"0123456789" * 300000
    u.routes["/x"] = u.routes["/nb"] = reply(body)
    for target in ("/x", "/nb"):
        with s.connect(timeout=10) as c:
            c.sock.setsockopt(1, 8, 8192)
            c.send("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target)
            got = b""
            for _ in range(50):
                got += c.sock.recv(20000)
                time.sleep(0.002)
            c.sock.setsockopt(1, 8, 1 << 20)
            c.buffer = got
            r = c.response()
            assert r.complete and r.body == body
