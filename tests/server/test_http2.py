"""HTTP/2 by frames of our own making, by curl and by h2load: what a good client gets,
and that a hostile one neither crashes the server nor holds others up."""

import shutil
import socket
import struct
import subprocess
import threading
import time

import hpack
import pytest

from harness.http1 import wait_until, within
from harness.http2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY,
                           HEADERS, PING, PREFACE, PUSH, RST, SETTINGS, WINDOW, Client,
                           block, frame, request, text)

pytestmark = pytest.mark.plain("brings HTTP/2 of its own")

CONF = """
server {
    listen 127.0.0.1:%%PORT%%; http2 on; keepalive_requests 100000;
    location / { return 200 "$request|$http2|$http_host|$http_cookie|$http_x"; }
    location /big { alias %%PREFIX%%/html/big; }
    location /slow { alias %%PREFIX%%/html/big; limit_rate 100k; }
    location /up { proxy_pass http://127.0.0.1:%%PORT2%%; }
    location /stream { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT2%%; }
    location /trailer { add_trailer X-End $status; alias %%PREFIX%%/html/big; }
    location /none { return 444; }
    location /pid { return 200 $pid; }
    location /cut { proxy_pass http://127.0.0.1:%%PORT3%%; }
}
server { listen 127.0.0.1:%%PORT2%%; client_max_body_size 0; root %%PREFIX%%/html;
         location / { dav_methods PUT; create_full_put_path on; } }
"""
BIG = bytes(range(256)) * 4000


@pytest.fixture
def s(server):
    return server(CONF, files={"html/big": BIG, "html/up/big": BIG})


def fine(s):
    """Another client is served, and at once."""
    c = Client(s.port())
    began = time.monotonic()
    c.get(1)
    assert c.answer(1)[0] == 200
    assert time.monotonic() - began < within(2)
    c.close()


def test_both_protocols_on_one_port(s):
    c = Client(s.port())
    c.get(1, "/x?y", more=(("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")))
    status, body, error = c.answer(1)
    assert (status, error) == (200, None)
    assert body == b"GET /x?y HTTP/2.0|h2c|a|a=1; b=2|y"
    assert s.get("/").body.startswith(b"GET / HTTP/1.1||localhost|")


def test_many_streams(s):
    c = Client(s.port())
    ids = range(1, 200, 2)
    c.s.sendall(b"".join(frame(HEADERS, 5, i, request("/%d" % i)) for i in ids))
    ended = set()
    while len(ended) < len(ids):
        kind, flags, on, _ = c.read()
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            ended.add(on)
    assert ended == set(ids)


def test_large_answers_keep_to_the_window(s):
    c = Client(s.port())
    c.get(1, "/big")
    got = 0
    c.s.settimeout(0.5)
    try:
        while True:
            kind, _, _, payload = c.read()
            got += len(payload) if kind == DATA else 0
    except socket.timeout:
        pass
    assert got == 65535
    c.s.settimeout(5)
    inc = struct.pack(">I", 1 << 24)
    c.s.sendall(frame(WINDOW, 0, 0, inc) + frame(WINDOW, 0, 1, inc))
    assert c.answer(1)[1] == BIG[65535:]


def test_a_slow_stream_does_not_hold_the_fast(s):
    c = Client(s.port())
    c.send(WINDOW, 0, 0, struct.pack(">I", 1 << 24))
    c.get(1, "/slow")
    began = time.monotonic()
    for i in range(3, 43, 2):
        c.get(i)
        assert c.answer(i)[0] == 200
    assert time.monotonic() - began < within(1)


def test_head_has_no_body(s):
    c = Client(s.port())
    c.get(1, "/big", method="HEAD")
    assert c.answer(1) == (200, b"", None)


@pytest.mark.parametrize("where", ["/up", "/stream"])
@pytest.mark.parametrize("length", [True, False])
def test_bodies_of_requests(s, where, length):
    c = Client(s.port())
    more = (("content-length", str(len(BIG))),) if length else ()
    c.send(HEADERS, END_HEADERS, 1, request(where + "/new", "PUT", more=more))
    windows = {0: 65535, 1: 65535}
    sent = 0
    while sent < len(BIG):
        n = min(16384, len(BIG) - sent, windows[0], windows[1])
        if n == 0:
            f = c.read()
            if f[0] == WINDOW:
                windows[f[2]] += struct.unpack(">I", f[3])[0]
            continue
        c.send(DATA, END_STREAM if sent + n == len(BIG) else 0, 1, BIG[sent:sent + n])
        windows[0] -= n
        windows[1] -= n
        sent += n
    assert c.answer(1)[2] is None
    with open(s.path("html%s/new" % where), "rb") as f:
        assert f.read() == BIG


@pytest.mark.parametrize("where,least,most", [("/up", 1 << 20, 1 << 21),
                                              ("/stream", 1 << 16, 1 << 18)])
def test_what_is_only_passed_on_has_a_small_window(s, where, least, most):
    """For it waits in memory when the peer does not read; the other goes to a file."""
    c = Client(s.port())
    c.send(HEADERS, END_HEADERS, 1, request(where + "/new", "PUT"))
    _, _, _, payload = c.until(WINDOW, 1)
    assert least <= 65536 + struct.unpack(">I", payload)[0] <= most
    c.send(DATA, END_STREAM, 1, b"x")
    assert c.answer(1)[2] is None


def test_trailers(s):
    c = Client(s.port())
    c.get(1, "/trailer", method="GET")
    heads = 0
    while True:
        kind, flags, on, payload = c.read()
        if kind == DATA:
            inc = struct.pack(">I", max(1, len(payload)))
            c.s.sendall(frame(WINDOW, 0, 0, inc) + frame(WINDOW, 0, 1, inc))
            assert not flags & END_STREAM
        if kind == HEADERS:
            heads += 1
            if flags & END_STREAM:
                break
    assert heads == 2


def test_444_ends_the_stream_only(s):
    c = Client(s.port())
    c.get(1, "/none")
    assert c.answer(1) == (None, b"", 1)    # PROTOCOL_ERROR, as nginx
    c.get(3)
    assert c.answer(3)[0] == 200


MALFORMED = {
    "no path": block((":method", "GET"), (":scheme", "http"), (":authority", "a")),
    "no method": block((":scheme", "http"), (":path", "/"), (":authority", "a")),
    "two paths": request() + block((":path", "/b")),
    "late pseudo": request(more=(("x", "y"),)) + block((":path", "/b")),
    "unknown pseudo": block((":nonsense", "x")) + request(),
    "upper case": request(more=(("X-Upper", "1"),)),
    "connection": request(more=(("connection", "close"),)),
    "transfer-encoding": request(more=(("transfer-encoding", "chunked"),)),
    "line break": request(more=(("x", "a\r\nb: c"),)),
    "nul": request(more=(("x", "a\0b"),)),
    "length without body": request(more=(("content-length", "5"),)),
    "bad length": request(more=(("content-length", "-5"),)),
    "relative path": request("x"),
    "empty path": request(""),
    "outside": request("/../../x"),
    "bad authority": request(authority="a b"),
    "no host": block((":method", "GET"), (":scheme", "http"), (":path", "/")),
    "other host": request(more=(("host", "b"),)),
    "bad method": request(method="G ET"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_heads(s, name):
    c = Client(s.port())
    c.send(HEADERS, 5, 1, MALFORMED[name])
    status, _, error = c.answer(1)
    assert status == 400 or (status is None and error is not None)
    fine(s)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_are_refused(s, method):
    c = Client(s.port())
    if method == "CONNECT":
        c.send(HEADERS, 5, 1, block((":method", method), (":authority", "a:1")))
    else:
        c.get(1, method=method)
    status, _, error = c.answer(1)
    assert status not in (200, None) or error is not None
    fine(s)


def test_too_large_heads(s):
    c = Client(s.port())
    c.send(HEADERS, END_STREAM, 1, request(more=(("x", "y" * 12000),)))
    c.send(CONTINUATION, 0, 1, block(("x", "y" * 12000)))
    c.send(CONTINUATION, END_HEADERS, 1, block(("x", "y" * 12000)))
    assert c.answer(1)[0] == 400
    c.get(3)
    assert c.answer(3)[0] == 200


def flood(s, frames, count):
    """Sends until the server has had enough: GOAWAY or the end of the connection, whichever
    the client comes to see; None when it sees neither."""
    c = Client(s.port())
    try:
        for i in range(count):
            c.s.sendall(frames(i))
    except OSError:
        c.close()
        return "closed"
    try:
        c.until(GOAWAY)
        return "closed"
    except socket.timeout:
        return None
    finally:
        c.close()


ATTACKS = {
    "rapid reset": lambda i: frame(HEADERS, 5, 2 * i + 1, request("/up/big"))
    + frame(RST, 0, 2 * i + 1, struct.pack(">I", 8)),
    "settings": lambda i: frame(SETTINGS, 0, 0, struct.pack(">HI", 3, i)) * 50,
    "ping": lambda i: frame(PING, 0, 0, b"12345678") * 50,
    "continuation": lambda i: frame(HEADERS if i == 0 else CONTINUATION, 0, 1,
                                    request() if i == 0 else block(("x", "y" * 100))),
    "empty continuation": lambda i: frame(HEADERS if i == 0 else CONTINUATION, 0, 1,
                                          request() if i == 0 else b""),
    "window overflow": lambda i: frame(WINDOW, 0, 0, struct.pack(">I", 0x7fffffff)),
    "zero window": lambda i: frame(WINDOW, 0, 0, struct.pack(">I", 0)),
    "data on nothing": lambda i: frame(DATA, 0, 2 * i + 1, b"x"),
    "even stream": lambda i: frame(HEADERS, 5, 2, request()),
    "large frame": lambda i: frame(DATA, 0, 1, b"x" * 20000),
    "bad hpack": lambda i: frame(HEADERS, 5, 2 * i + 1, b"\xff\xff\xff\xff\xff\xff"),
    "push": lambda i: frame(PUSH, 4, 1, b"\0\0\0\2"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_frames(s, name):
    assert flood(s, ATTACKS[name], 20000) == "closed"
    fine(s)


def test_a_header_bomb(s):
    """One entry of the table, named again and again."""
    c = Client(s.port())
    big = b"\x40" + text("bomb") + text("z" * 3900)
    try:
        c.send(HEADERS, 5, 1, request() + big + b"\xbe" * 10000)
        assert c.answer(1)[0] in (None, 400)
    except OSError:
        pass
    fine(s)


def test_a_bomb_of_cookies(s):
    """Cookie in pieces that are a byte each, in many streams that do not end."""
    c = Client(s.port())
    piece = b"\x40" + text("cookie") + text("z" * 28)
    before = s.resident()
    for i in range(100):
        c.send(HEADERS, END_HEADERS, 2 * i + 1,
               request("/up/big") + (piece if i == 0 else b"\xbe") + b"\xbe" * 899)
    c.send(HEADERS, END_HEADERS | END_STREAM, 201, request() + b"\xbe" * 900)
    assert c.answer(201)[1].split(b"|")[3] == b"; ".join([b"z" * 28] * 900)
    assert s.resident() - before < 100 << 20
    c.close()
    fine(s)


def test_nobody_reads(s):
    held = []
    for _ in range(20):
        c = Client(s.port(), struct.pack(">HI", 4, 0x7fffffff))
        c.send(WINDOW, 0, 0, struct.pack(">I", 0x7fff0000))
        for i in range(1, 40, 2):
            c.get(i, "/big")
        held.append(c)
    fine(s)
    for c in held:
        c.close()
    fine(s)


def test_half_a_preface(server):
    s = server(CONF, files={"html/big": BIG}, http="client_header_timeout 1s;")
    c = Client(s.port(), preface=False)
    c.s.sendall(PREFACE[:10])
    time.sleep(0.1)
    c.s.sendall(PREFACE[10:] + frame(SETTINGS, 0, 0))
    c.get(1)
    assert c.answer(1)[0] == 200
    slow = Client(s.port())
    slow.send(HEADERS, 0, 1, request())
    assert slow.until(HEADERS) is None      # the rest of the head never comes


def test_settings_are_to_be_acknowledged(server):
    """In the time of a head; what runs is served, and who does it in time has peace."""
    s = server(CONF, files={"html/big": BIG}, http="client_header_timeout 1s;")
    good, bad = Client(s.port()), Client(s.port(), struct.pack(">HI", 4, 0))
    good.send(SETTINGS, ACK, 0)
    good.get(1)
    assert good.answer(1)[0] == 200
    bad.get(1, "/big")                      # it waits for the window
    assert struct.unpack(">II", bad.until(GOAWAY)[3][:8]) == (1, 4)     # SETTINGS_TIMEOUT
    bad.get(3)                              # too late
    bad.send(WINDOW, 0, 0, struct.pack(">I", 1 << 24))
    bad.send(WINDOW, 0, 1, struct.pack(">I", 1 << 24))
    n = 0
    for kind, _, on, payload in iter(bad.read, None):
        assert (kind, on) in ((DATA, 1), (RST, 3))
        n += len(payload) if kind == DATA else 0
    assert n == len(BIG)
    good.get(3)
    assert good.answer(3)[0] == 200


def test_idle_connections_end_with_goaway(server):
    s = server(CONF, files={"html/big": BIG}, http="keepalive_timeout 1s;")
    c = Client(s.port())
    c.get(1)
    assert c.answer(1)[0] == 200
    assert c.until(GOAWAY)[3][:4] == struct.pack(">I", 1)
    assert c.until(-1) is None


def test_a_reload_loses_no_stream(s):
    c = Client(s.port())
    c.get(1, "/slow")
    time.sleep(0.2)
    s.signal("HUP")
    last, i = 0x7fffffff, 3
    while last == 0x7fffffff:
        f = c.until(GOAWAY) if i > 41 else None
        if f is None:
            c.get(i)
            i += 2
            time.sleep(0.02)
        else:
            last = struct.unpack(">I", f[3][:4])[0]
    assert last >= 41
    inc = struct.pack(">I", 1 << 24)
    c.s.sendall(frame(WINDOW, 0, 0, inc) + frame(WINDOW, 0, 1, inc))
    ended = set()
    while 1 not in ended:
        kind, flags, on, _ = c.read()
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            ended.add(on)
    fine(s)


@pytest.mark.parametrize("gone", ["reset", "closed"])
@pytest.mark.parametrize("how", ["wait", "QUIT", "TERM"])
def test_a_request_that_goes_on_without_its_client(server, upstream, gone, how):
    """proxy_ignore_client_abort: it comes to its end, which a graceful stop waits for and
    a fast one does not. One beside it, without, ends at once."""
    u = upstream({"/on": [1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
                  "/off": ["hang"]})
    s = server("log_format f '$uri $status';\naccess_log logs/f.log f;\n"
               "server { listen 127.0.0.1:%%PORT%%; http2 on; return 200 hi;\n"
               "server_name x; } server { listen 127.0.0.1:%%PORT%%; server_name a; http2 on;"
               " location / { proxy_pass http://127.0.0.1:%%U%%; }"
               " location /on { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%%U%%; }"
               " }\n", names={"U": u.port})
    c = Client(s.port())
    c.get(1, "/on")
    c.get(3, "/off")
    wait_until(lambda: len(u.requests) == 2)
    if gone == "reset":
        c.send(RST, 0, 1, struct.pack(">I", 8))
        c.send(RST, 0, 3, struct.pack(">I", 8))
    else:
        c.close()
    wait_until(lambda: s.access_log("logs/f.log") == "/off 499\n")
    if how == "wait":
        wait_until(lambda: s.access_log("logs/f.log") == "/off 499\n/on 200\n")
        if gone == "reset":
            c.get(5, authority="x")
            assert c.answer(5) == (200, b"hi", None)
        return
    began = time.monotonic()
    assert s.stop(how) == 0
    assert ("/on 200" in s.access_log("logs/f.log")) == (how == "QUIT")
    if how == "TERM":
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("pong", [True, False])
def test_the_last_stream_is_named_when_the_notice_was_read(s, pong):
    """A client that reads late has begun streams in good faith: they are served. One that
    never answers the PING is not waited for without end."""
    c = Client(s.port(), pong=False)
    c.get(1)
    assert c.answer(1)[0] == 200
    s.signal("HUP")
    assert struct.unpack(">I", c.until(GOAWAY)[3][:4])[0] == 0x7fffffff
    notice = c.until(PING)[3]
    time.sleep(1.5)
    c.get(3)
    assert c.answer(3)[0] == 200
    if pong:
        c.send(PING, 1, 0, b"another.")
        c.get(5)
        assert c.answer(5)[0] == 200
        c.send(PING, 1, 0, notice)
    last = c.until(GOAWAY)[3][:4]
    assert struct.unpack(">I", last)[0] == (5 if pong else 3)
    assert c.until(-1) is None


@pytest.mark.parametrize("begun", ["half a preface", "a preface"])
def test_who_has_just_connected_is_served_by_the_old_worker(s, begun):
    """He has connected to ask for something: the notice comes with his first request, also
    where HTTP/2 began after the worker was told to end. And it does come."""
    c = Client(s.port(), preface=False)
    c.s.settimeout(within(20))
    hello = PREFACE + frame(SETTINGS, 0, 0)
    at = 10 if begun == "half a preface" else len(hello)
    c.s.sendall(hello[:at])
    if at == len(hello):
        c.until(SETTINGS)
    else:
        time.sleep(0.3)                 # it is accepted
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: set(s.workers()) - set(old))
    time.sleep(0.3)
    c.s.sendall(hello[at:] + b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, i, request("/pid")) for i in (1, 3, 5)))
    seen, answers = [], []
    while (f := c.read()) is not None:
        if f[0] == GOAWAY:
            seen.append(struct.unpack(">I", f[3][:4])[0])
        elif f[0] == DATA:
            answers.append(int(f[3]))
    assert answers == old * 3 and seen == [0x7fffffff, 5]
    wait_until(lambda: not set(s.workers()) & set(old))


def test_who_asks_for_nothing_does_not_hold_the_old_worker(s):
    c = Client(s.port())
    c.s.settimeout(within(20))
    c.until(SETTINGS)
    old = s.workers()
    s.signal("HUP")
    assert c.until(GOAWAY)[3][:4] == bytes(4)
    wait_until(lambda: not set(s.workers()) & set(old), 20)


def keep_asking(s, stop, polite, lost):
    """Batches of streams. A polite client leaves at the notice, another goes on until
    the GOAWAY that names the last stream; neither loses one that was accepted."""
    while not stop.is_set():
        c = Client(s.port())
        c.s.settimeout(10)
        c.send(WINDOW, 0, 0, struct.pack(">I", 1 << 30))
        last, leaving, next_id = 0x7fffffff, False, 1
        while not leaving and not stop.is_set():
            ids = range(next_id, next_id + 20, 2)
            next_id += 20
            try:
                c.s.sendall(b"".join(frame(HEADERS, 5, i, request("/")) for i in ids))
            except OSError:
                pass            # it had said GOAWAY: what it says of them comes below
            open_ids = set(ids)
            while open_ids:
                try:
                    f = c.read()
                except socket.timeout:
                    lost.append("no answer")
                    return
                if f is None:
                    lost += [i for i in open_ids if i <= last or last == 0x7fffffff]
                    return
                kind, flags, on, payload = f
                if kind == GOAWAY:
                    last = struct.unpack(">I", payload[:4])[0]
                    leaving = polite or last != 0x7fffffff
                    open_ids = {i for i in open_ids if i <= last}
                elif kind == RST:
                    if struct.unpack(">I", payload)[0] != 7 or on <= last < 0x7fffffff:
                        lost.append(on)
                    open_ids.discard(on)
                elif kind in (DATA, HEADERS) and flags & END_STREAM:
                    open_ids.discard(on)
        c.close()


def test_reloads_under_load_lose_no_stream(server):
    s = server(CONF, files={"html/big": BIG}, workers=2)
    stop, lost = threading.Event(), []
    threads = [threading.Thread(target=keep_asking, args=(s, stop, i % 2 == 0, lost))
               for i in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.7)
        s.signal("HUP")
    time.sleep(1.5)
    stop.set()
    for t in threads:
        t.join(20)
    assert lost == []
    fine(s)


def test_upgrade_to_h2c_is_declined(s):
    """The answer is HTTP/1.1's, and the connection goes on."""
    with s.connect() as c:
        for _ in range(2):
            c.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                   "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n")
            r = c.response()
            assert r.status == 200 and r.get("upgrade") is None
            assert r.body.startswith(b"GET /x HTTP/1.1||")


def test_trailers_of_requests_are_read_and_dropped(s):
    c = Client(s.port())
    c.send(HEADERS, END_HEADERS, 1, request("/stream/t", "PUT"))
    c.send(DATA, 0, 1, b"hello")
    c.send(HEADERS, 5, 1, block(("x-sum", "5")))
    assert c.answer(1)[0] in (200, 201, 204, -1)
    with open(s.path("html/stream/t"), "rb") as f:
        assert f.read() == b"hello"
    c.send(HEADERS, 5, 3, request("/", more=(("x", "y"),)))
    assert c.answer(3)[0] == 200


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip("no " + name)
    return path


def test_a_cut_answer_is_begun_and_then_reset(s):
    """The head and what there was of the body come before the reset."""
    with socket.create_server(("127.0.0.1", s.port("PORT3"))) as up:
        c = Client(s.port())
        c.get(1, "/cut")
        a, _ = up.accept()
        a.recv(65536)
        a.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        a.close()
        assert c.answer(1) == (200, b"hello", 2)
    fine(s)


def test_a_cut_answer_is_reset_without_a_window(s):
    """The connection's window is used up by another stream: the reset needs none."""
    with socket.create_server(("127.0.0.1", s.port("PORT3"))) as up:
        c = Client(s.port(), struct.pack(">HI", 4, 1 << 20))
        c.get(1, "/big")
        got = 0
        while got < 65535:
            got += len(c.until(DATA, 1)[3])
        c.get(3, "/cut")
        a, _ = up.accept()
        a.recv(65536)
        a.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        assert c.until(HEADERS, 3) is not None
        time.sleep(0.2)         # the body waits for the window
        a.close()
        assert c.until(RST, 3)[3] == struct.pack(">I", 2)


def test_interim_answers_keep_the_table_right(server):
    """100 Continue is the first block after the client has made the table smaller."""
    s = server(CONF, files={"html/big": BIG})
    c = Client(s.port())
    decoder = hpack.Decoder()
    c.get(1)
    decoder.decode(c.until(HEADERS, 1)[3])
    c.send(SETTINGS, 0, 0, struct.pack(">HI", 1, 0))
    decoder.max_allowed_table_size = 0
    c.send(HEADERS, END_HEADERS, 3, request("/up/x", "PUT", more=(
        ("expect", "100-continue"), ("content-length", "5"))))
    f = c.until(HEADERS, 3)
    assert f[3][0] == 0x20 and decoder.decode(f[3]) == [(":status", "100")]
    c.send(DATA, END_STREAM, 3, b"hello")
    assert dict(decoder.decode(c.until(HEADERS, 3)[3]))[":status"] == "201"
    with open(s.path("html/up/x"), "rb") as f:
        assert f.read() == b"hello"


def test_odd_header_values(s):
    """As over HTTP/1: control characters other than line ends are let through."""
    c = Client(s.port())
    c.get(1, "/", more=(("x", "a\x1fb"),))
    status, body, error = c.answer(1)
    assert (status, error) == (200, None) and body.endswith(b"|a\x1fb")
    c.get(3, "/", more=(("bad name", "a"),))
    assert c.answer(3)[0] == 400


def test_curl(s):
    url = "http://127.0.0.1:%d/big" % s.port()
    out = subprocess.run([tool("curl"), "-s", "--http2-prior-knowledge", url],
                         capture_output=True, timeout=20, check=True)
    assert out.stdout == BIG


@pytest.mark.parametrize("path", ["/", "/big", "/up/big"])
def test_h2load(s, path):
    out = subprocess.run([tool("h2load"), "-n", "400", "-c", "4", "-m", "20",
                          "http://127.0.0.1:%d%s" % (s.port(), path)],
                         capture_output=True, timeout=60, text=True, check=True)
    assert "400 succeeded, 0 failed, 0 errored, 0 timeout" in out.stdout
    assert "400 2xx, 0 3xx, 0 4xx, 0 5xx" in out.stdout


def test_http2_is_off_unless_asked(server):
    s = server("server { listen 127.0.0.1:%%PORT%%; return 200 hi; }")
    c = Client(s.port())
    data = c.s.recv(4096)
    assert data == b"" or data.startswith(b"HTTP/1.1 ") or b"<html>" in data
