"""Answers on their way from a peer to a client that is slower, or faster."""

import hashlib
import socket
import time

import pytest

from harness.http1 import wait_until
from harness.upstream import CLOSE

CONF = """
server { listen 127.0.0.1:%%PORT%% sndbuf=16k;
    location / { proxy_pass http://127.0.0.1:%%U%%; }
    location /nb { proxy_buffering off; proxy_pass http://127.0.0.1:%%U%%; }
    location /nt { proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%%U%%; }
    location /gz { gzip on; gzip_types *; proxy_pass http://127.0.0.1:%%U%%; }
}
"""
SIZE = 6000000


@pytest.fixture
def front(server, upstream):
    u = upstream()
    return server(CONF, names={"U": u.port}), u


@pytest.mark.parametrize("target", ["/x", "/nb", "/nt", "/gz"])
def test_chunks_with_pauses(front, target):
    """A first piece that the front puts off must not keep the peer waiting."""
    s, u = front
    u.routes[target] = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"5\r\nhello\r\n", 0.1, b"6\r\n world\r\n", 0.1, b"0\r\n\r\n"]
    with s.connect() as c:
        r = c.get(target)
        assert r.body == b"hello world" and r.complete
    assert "buffered to a temporary" not in s.error_log()


def blocks():
    text = b"".join(b"%015d\n" % i for i in range(SIZE // 16))
    return [text[i:i + 50000] for i in range(0, len(text), 50000)]


class Slow:
    """A socket that is read slowly at first."""

    def __init__(self, sock):
        self.sock, self.n = sock, 0

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def recv(self, n):
        part = self.sock.recv(n)
        self.n += len(part)
        if self.n < 200000:
            time.sleep(0.02)
        return part


def slow(s):
    c = s.connect(timeout=20, room=8192)
    if hasattr(c.sock, "plain"):        # below TLS
        c.sock.plain = Slow(c.sock.plain)
    else:
        c.sock = Slow(c.sock)
    return c


@pytest.mark.parametrize("target", ["/x", "/nb", "/nt"])
def test_slow_client_gets_all(front, target):
    s, u = front
    parts = blocks()
    u.routes[target] = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                        % sum(map(len, parts)), *parts]
    with slow(s) as c:
        c.send("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
        time.sleep(0.3)
        r = c.response()
    assert r.complete and hashlib.md5(r.body).digest() == hashlib.md5(b"".join(parts)).digest()


def test_peer_is_free_before_a_slow_client(front):
    """With buffering the peer's pauses do not wait for a client that stands still."""
    s, u = front
    parts, ended = blocks(), []

    def answer(_):
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        for part in parts:
            yield part
        time.sleep(0.1)
        for part in parts:
            yield part
        ended.append(True)
        yield CLOSE
    u.routes["/x"] = answer
    with slow(s) as c:
        c.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: ended, 5)
        r = c.response()
    assert r.complete and len(r.body) == 2 * sum(map(len, parts))


def test_client_that_leaves_while_both_are_waited_for(front):
    s, u = front
    parts = blocks()
    u.routes["/x"] = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *parts, 1, CLOSE]
    for _ in range(3):
        with slow(s) as c:
            c.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
    u.routes["/y"] = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
    assert s.get("/y").body == b"ok"
