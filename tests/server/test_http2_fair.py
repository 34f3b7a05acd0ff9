"""HTTP/2: everybody has a share, whatever the others do: streams of one connection,
connections beside each other, and those who ask beside those who attack."""

import collections
import os
import socket
import struct
import threading
import time

import pytest

from harness import fronts
from harness.http1 import within
from harness.http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST,
                           SETTINGS, WINDOW, Client, block, frame, request, text)
from harness.upstream import HANG

pytestmark = pytest.mark.plain("brings HTTP/2 of its own")

CONF = """
server {
    listen 127.0.0.1:%%PORT%%; http2 on; keepalive_requests 100000;
    client_max_body_size 0;
    location / { return 200 "$request_uri"; }
    location /big { alias %%PREFIX%%/html/big; }
    location /stuck { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%U%%; }
    location /stored { proxy_pass http://127.0.0.1:%%PORT2%%; }
}
server { listen 127.0.0.1:%%PORT2%%; root html; dav_methods PUT; create_full_put_path on; }
"""
BIG = bytes(range(256)) * 8000
MOST = struct.pack(">I", 0x7fff0000)


def more(n):
    return struct.pack(">I", n)


@pytest.fixture
def s(server, upstream):
    u = upstream(default=lambda r: [HANG])
    return server(CONF, files={"html/big": BIG}, names={"U": u.port})


def received(c, until):
    """Bytes of DATA by stream, until `until(kind, flags, stream)` is true of a frame."""
    got = collections.Counter()
    while True:
        kind, flags, stream, payload = c.read()
        if kind == DATA:
            got[stream] += len(payload)
        if until(kind, flags, stream, got):
            return got


def test_a_stream_whose_window_is_closed_holds_nobody(s):
    """Twenty large answers that nobody takes; small ones pass them."""
    c = Client(s.port())
    c.send(WINDOW, 0, 0, MOST)
    for i in range(1, 40, 2):
        c.get(i, "/big")
    for i in range(101, 181, 2):
        c.get(i, "/small")
        assert c.answer(i) == (200, b"/small", None)
    c.send(WINDOW, 0, 1, MOST)
    got = received(c, lambda kind, flags, on, got: on == 1 and flags & END_STREAM)
    assert got[1] <= len(BIG) and got[3] <= 65535


def test_large_streams_share_the_connections_window(s):
    """It is opened bit by bit: each stream gets its part of each bit, and a small answer
    that comes later does not wait until the large ones are done."""
    c = Client(s.port(), struct.pack(">HI", 4, 0x7fffffff))
    streams = [1, 3, 5, 7]
    for i in streams:
        c.get(i, "/big")
    received(c, lambda kind, flags, on, got: sum(got.values()) == 65535)
    got = collections.Counter()
    for _ in range(6):
        c.send(WINDOW, 0, 0, more(200000))
        got += received(c, lambda kind, flags, on, got: sum(got.values()) == 200000)
        assert max(got[i] for i in streams) - min(got[i] for i in streams) <= 3 * 16384, got
    c.get(9, "/late")
    c.send(WINDOW, 0, 0, more(200000))
    got = received(c, lambda kind, flags, on, got: on == 9 and flags & END_STREAM)
    assert got[9] == len("/late") and sum(got.values()) <= 200000


def test_a_window_opened_byte_by_byte_costs_others_nothing(s):
    """Each byte of a stream is asked for alone, thousands of times."""
    c = Client(s.port(), struct.pack(">HI", 4, 0))
    c.get(1, "/big")
    for i in range(40):
        c.s.sendall(frame(WINDOW, 0, 1, more(1)) * 10)
        c.get(3 + 2 * i, "/x")
        c.send(WINDOW, 0, 3 + 2 * i, more(10))
        got = received(c, lambda kind, flags, on, got: on == 3 + 2 * i and flags & END_STREAM)
        assert got[3 + 2 * i] == 2


def test_an_upload_that_is_stuck_holds_no_other(s):
    """The upstream does not read: that stream's window stays closed, others go on."""
    c = Client(s.port())
    c.send(HEADERS, END_HEADERS, 1, request("/stuck", "PUT"))
    window = 0
    for kind, _, _, payload in iter(c.read, None):
        if kind == SETTINGS and payload:
            window = dict(struct.iter_unpack(">HI", payload)).get(4, 65535)
            break
    left = window
    while left:
        n = min(left, 16384)
        c.send(DATA, 0, 1, b"x" * n)
        left -= n
    for i in range(3, 43, 2):
        c.send(HEADERS, END_HEADERS, i, request("/stored/%d" % i, "PUT"))
        c.send(DATA, 0, i, b"y" * 10000)
        c.send(DATA, END_STREAM, i, b"z" * 10000)
        status, _, error = c.answer(i)
        assert status is not None and error is None, i


def test_large_streams_of_another_connection(s):
    """A client that takes all it can get, a hundred streams at once, beside one that asks
    for little."""
    stop = threading.Event()

    def greedy():
        c = Client(s.port(), struct.pack(">HI", 4, 0x7fffffff))
        c.send(WINDOW, 0, 0, MOST)
        for i in range(1, 201, 2):
            c.get(i, "/big")
        try:
            while not stop.is_set() and c.s.recv(1 << 20):
                pass
        except OSError:
            pass
        c.close()
    threads = [threading.Thread(target=greedy) for _ in range(3)]
    for t in threads:
        t.start()
    c = Client(s.port())
    for i in range(1, 61, 2):
        c.get(i, "/little")
        assert c.answer(i) == (200, b"/little", None)
    stop.set()
    for t in threads:
        t.join(within(10))


BOMB = b"\x40" + text("bomb") + text("z" * 3900)
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
ATTACKS = {
    "rapid reset": lambda i: frame(HEADERS, 5, 2 * i + 1, request("/big"))
    + frame(RST, 0, 2 * i + 1, more(8)),
    "made you reset": lambda i: frame(HEADERS, 5, 2 * i + 1, request("/big"))
    + frame(WINDOW, 0, 2 * i + 1, more(0)),
    "settings": lambda i: frame(SETTINGS, 0, 0, struct.pack(">HI", 3, i)) * 20,
    "ping": lambda i: frame(PING, 0, 0, b"12345678") * 20,
    "continuation": lambda i: frame(HEADERS if i == 0 else CONTINUATION, 0, 1,
                                    request() if i == 0 else block(("x", "y" * 1000))),
    "window games": lambda i: frame(HEADERS, 5, 2 * i + 1, request("/big"))
    + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, i % 2)) + frame(WINDOW, 0, 2 * i + 1, more(1)),
    "hpack bomb": lambda i: frame(HEADERS, 5, 2 * i + 1,
                                  request() + (BOMB if i == 0 else b"") + b"\xbe" * 8000),
    "empty data": lambda i: (frame(HEADERS, 4, 1, request("/stuck", "PUT")) if i == 0 else b"")
    + frame(DATA, 0, 1) * 20,
    "half-open handshakes": None,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_served_during_an_attack(server, upstream, name):
    """Attackers who come again as soon as they are thrown out; one worker; who asks
    meanwhile gets every answer. ATTACK_SECONDS: for longer."""
    tls = name == "half-open handshakes"
    u = upstream(default=lambda r: [HANG])
    conf = CONF.replace("http2 on;", "http2 on; listen 127.0.0.1:%%PORT3%% ssl;")
    s = server(conf, files=dict(fronts.files(), **{"html/big": BIG}), names={"U": u.port},
               http="ssl_certificate %%PREFIX%%/front.pem; "
                    "ssl_certificate_key %%PREFIX%%/front.key;",
               main="worker_rlimit_nofile 4096;")
    stop, rounds = threading.Event(), collections.Counter()

    def attack(me):
        while not stop.is_set():
            try:
                if tls:
                    half_open(s, rounds, me, stop)
                else:
                    flood(s, ATTACKS[name], rounds, me, stop)
            except OSError:
                pass
    threads = [threading.Thread(target=attack, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    try:
        end = time.monotonic() + float(os.environ.get("ATTACK_SECONDS", 1))
        while time.monotonic() < end:
            c = Client(s.port())
            for i in range(1, 11, 2):
                c.get(i, "/fine")
                assert c.answer(i) == (200, b"/fine", None)
            c.close()
            assert s.get("/fine").text == "/fine"
    finally:
        stop.set()
        for t in threads:
            t.join(within(10))
    assert min(rounds[i] for i in range(3)) > 0


def flood(s, frames, rounds, me, stop):
    c = Client(s.port())
    try:
        for i in range(3000):
            if stop.is_set():
                break
            c.s.sendall(frames(i))
    finally:
        rounds[me] += 1
        c.close()


def half_open(s, rounds, me, stop):
    held = []
    try:
        for i in range(100):
            c = socket.create_connection(("127.0.0.1", s.port("PORT3")), 5)
            c.sendall(HELLO[:1 + i % len(HELLO)])
            held.append(c)
            if stop.is_set():
                break
    finally:
        rounds[me] += 1
        for c in held:
            c.close()
