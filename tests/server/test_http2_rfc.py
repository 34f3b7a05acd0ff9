"""RFC 9113 (and RFC 7541) section by section: what a client may not do and what the
answer is, a connection error or one of the stream alone; and what is allowed."""

import random
import socket
import struct

import hpack
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
import pytest

from harness.http2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                           PING, PREFACE, PRIORITY, PUSH, RST, SETTINGS, WINDOW, Client, block,
                           frame, request, text)
from harness.server import Server

pytestmark = pytest.mark.plain("brings HTTP/2 of its own")

NO_ERROR, PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, \
    CONNECT, CALM = range(12)
PADDED, WITH_PRIORITY = 8, 0x20
WHOLE = END_STREAM | END_HEADERS
LAST = 101                      # a stream that is served at the end

CONF = """
server {
    listen 127.0.0.1:%%PORT%%; http2 on; http2_max_concurrent_streams 20;
    root %%PREFIX%%/html; keepalive_requests 100000; lingering_timeout 1s;
    location / { return 200 "$request_method $uri|$http_x|$http_cookie|$content_length"; }
    location /slow { limit_rate 20k; }
    location /put { dav_methods PUT; }
}
"""


@pytest.fixture(scope="module")
def s():
    server = Server(CONF, files={"html/slow": b"z" * 400000})
    yield server
    server.stop()
    server.check()
    server.remove()


def u32(n):
    return struct.pack(">I", n)


def setting(name, value):
    return struct.pack(">HI", name, value)


def open_stream(c, stream=1, more=(), method="PUT"):
    """A request whose body is still to come."""
    c.send(HEADERS, END_HEADERS, stream, request("/put%d" % stream, method, more=more))


def half_closed(c, stream=1):
    """A request that is complete, and its answer takes long."""
    c.send(HEADERS, WHOLE, stream, request("/slow"))


def done(c, stream=1):
    c.get(stream)
    assert c.answer(stream)[0] == 200


def head(*fields):
    return lambda c: c.send(HEADERS, WHOLE, 1, block(*fields))


def more(*fields):
    return lambda c: c.send(HEADERS, WHOLE, 1, request(more=fields))


def raw_head(data, flags=WHOLE):
    return lambda c: c.send(HEADERS, flags, 1, data)


def frames(*list_):
    def send(c):
        c.s.sendall(b"".join(frame(*f) for f in list_))
    return send


def after(state, *list_):
    def send(c):
        state(c)
        frames(*list_)(c)
    return send


def body(length, *parts, trailers=None):
    """A PUT of these DATA frames."""
    def send(c):
        open_stream(c, more=() if length is None else (("content-length", length),))
        for i, part in enumerate(parts):
            last = i + 1 == len(parts) and trailers is None
            c.send(DATA, END_STREAM if last else 0, 1, part)
        if trailers is not None:
            c.send(HEADERS, trailers[0], 1, trailers[1])
    return send


M, S, P, A = (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")
R = request()

CONNECTION = {
    # frames
    "4.2 a frame of 16385 bytes": (SIZE, frames((DATA, 0, 1, b"x" * 16385))),
    "4.2 HEADERS of 16385 bytes": (SIZE, frames((HEADERS, WHOLE, 1, b"x" * 16385))),
    "4.3 a block that is none": (COMPRESSION, raw_head(b"\xff\xff\xff\xff\xff\xff\xff")),
    "4.3 a block that ends in a field": (COMPRESSION, raw_head(R[:-1])),
    "4.3 PRIORITY inside of a block": (PROTOCOL, frames(
        (HEADERS, END_STREAM, 1, R), (PRIORITY, 0, 1, u32(0) + b"\0"))),
    "4.3 another stream's HEADERS inside of a block": (PROTOCOL, frames(
        (HEADERS, END_STREAM, 1, R), (HEADERS, WHOLE, 3, R))),
    "5.5 an unknown frame inside of a block": (PROTOCOL, frames(
        (HEADERS, END_STREAM, 1, R), (0x77, 0, 1, b"x"))),
    # states
    "5.1 idle: DATA": (PROTOCOL, frames((DATA, END_STREAM, 1, b"x"))),
    "5.1 idle: RST_STREAM": (PROTOCOL, frames((RST, 0, 1, u32(8)))),
    "5.1 idle: WINDOW_UPDATE": (PROTOCOL, frames((WINDOW, 0, 1, u32(1)))),
    "5.1 idle: CONTINUATION": (PROTOCOL, frames((CONTINUATION, END_HEADERS, 1, R))),
    "5.1 closed: DATA": (CLOSED, after(done, (DATA, END_STREAM, 1, b"x"))),
    "5.1 closed: HEADERS": (CLOSED, after(done, (HEADERS, WHOLE, 1, R))),
    "5.1 closed: CONTINUATION": (PROTOCOL, after(done, (CONTINUATION, END_HEADERS, 1, R))),
    "5.1.1 an even stream": (PROTOCOL, frames((HEADERS, WHOLE, 2, R))),
    "5.1.1 a stream below the last": (PROTOCOL, frames(
        (HEADERS, WHOLE, 5, R), (HEADERS, WHOLE, 3, R))),
    # DATA
    "6.1 stream 0": (PROTOCOL, frames((DATA, END_STREAM, 0, b"x"))),
    "6.1 padding longer than the frame": (PROTOCOL, after(
        open_stream, (DATA, END_STREAM | PADDED, 1, b"\x06hello"))),
    "6.1 padded, and nothing": (SIZE, after(open_stream, (DATA, END_STREAM | PADDED, 1, b""))),
    # HEADERS
    "6.2 stream 0": (PROTOCOL, frames((HEADERS, WHOLE, 0, R))),
    "6.2 padding longer than the frame": (PROTOCOL, raw_head(b"\xff" + R, WHOLE | PADDED)),
    "6.2 padded, and nothing": (SIZE, raw_head(b"", WHOLE | PADDED)),
    "6.2 too short for a priority": (SIZE, raw_head(b"\0\0\0", WHOLE | WITH_PRIORITY)),
    # PRIORITY, RST_STREAM
    "6.3 stream 0": (PROTOCOL, frames((PRIORITY, 0, 0, u32(0) + b"\0"))),
    "6.4 stream 0": (PROTOCOL, frames((RST, 0, 0, u32(8)))),
    "6.4 three bytes": (SIZE, after(half_closed, (RST, 0, 1, b"\0\0\0"))),
    # SETTINGS
    "6.5 an ACK with settings": (SIZE, frames((SETTINGS, ACK, 0, setting(3, 1)))),
    "6.5 on a stream": (PROTOCOL, frames((SETTINGS, 0, 1, b""))),
    "6.5 three bytes": (SIZE, frames((SETTINGS, 0, 0, b"\0\0\0"))),
    "6.5.2 ENABLE_PUSH 2": (PROTOCOL, frames((SETTINGS, 0, 0, setting(2, 2)))),
    "6.5.2 INITIAL_WINDOW_SIZE 2^31": (FLOW, frames((SETTINGS, 0, 0, setting(4, 1 << 31)))),
    "6.5.2 MAX_FRAME_SIZE 16383": (PROTOCOL, frames((SETTINGS, 0, 0, setting(5, 16383)))),
    "6.5.2 MAX_FRAME_SIZE 2^24": (PROTOCOL, frames((SETTINGS, 0, 0, setting(5, 1 << 24)))),
    "6.5.2 33 settings": (CALM, frames((SETTINGS, 0, 0, setting(3, 1) * 33))),
    # PUSH_PROMISE, PING, GOAWAY
    "6.6 from a client": (PROTOCOL, frames((PUSH, END_HEADERS, 1, u32(2) + R))),
    "6.7 on a stream": (PROTOCOL, frames((PING, 0, 1, b"12345678"))),
    "6.7 seven bytes": (SIZE, frames((PING, 0, 0, b"1234567"))),
    "6.8 on a stream": (PROTOCOL, frames((GOAWAY, 0, 1, u32(0) + u32(0)))),
    "6.8 seven bytes": (SIZE, frames((GOAWAY, 0, 0, b"1234567"))),
    # WINDOW_UPDATE
    "6.9 of 0 for the connection": (PROTOCOL, frames((WINDOW, 0, 0, u32(0)))),
    "6.9 three bytes": (SIZE, frames((WINDOW, 0, 0, b"\0\0\1"))),
    "6.9 three bytes on a stream": (SIZE, after(half_closed, (WINDOW, 0, 1, b"\0\0\1"))),
    "6.9.1 the connection's beyond 2^31 - 1": (FLOW, frames(
        (WINDOW, 0, 0, u32(0x7fffffff)), (WINDOW, 0, 0, u32(0x7fffffff)))),
    "6.9.2 a stream's beyond 2^31 - 1 by SETTINGS": (FLOW, after(
        half_closed, (WINDOW, 0, 1, u32(0x7fff0000)), (SETTINGS, 0, 0, setting(4, 0x7fffffff)))),
    # CONTINUATION
    "6.10 without HEADERS": (PROTOCOL, frames((CONTINUATION, END_HEADERS, 1, R))),
    "6.10 stream 0": (PROTOCOL, frames(
        (HEADERS, END_STREAM, 1, R), (CONTINUATION, END_HEADERS, 0, b""))),
    "6.10 of another stream": (PROTOCOL, frames(
        (HEADERS, END_STREAM, 1, R), (CONTINUATION, END_HEADERS, 3, b""))),
    "6.10 behind the end of the block": (PROTOCOL, after(
        half_closed, (CONTINUATION, END_HEADERS, 1, b""))),
    "6.10 too many": (CALM, frames((HEADERS, END_STREAM, 1, R),
                                   *[(CONTINUATION, 0, 1, b"")] * 40)),
    "10.5.1 a head of 200 KB": (CALM, frames(
        (HEADERS, END_STREAM, 1, R),
        *[(CONTINUATION, 0, 1, block(("x", "y" * 16000)))] * 13)),
    # HPACK
    "7541 2.3.3 an index beyond the table": (COMPRESSION, raw_head(R + b"\xbe")),
    "7541 2.3.3 a long index beyond the table": (COMPRESSION, raw_head(R + b"\xff\x7f")),
    "7541 6.1 index 0": (COMPRESSION, raw_head(R + b"\x80")),
    "7541 4.2 the table's size behind an indexed field": (COMPRESSION, raw_head(
        b"\x82\x20" + block(S, P, A))),
    "7541 4.2 the table's size behind a literal one": (COMPRESSION, raw_head(R + b"\x20")),
    "7541 6.3 a table larger than ours": (COMPRESSION, raw_head(b"\x3f\xe2\x1f" + R)),
    "7541 5.1 an integer without an end": (COMPRESSION, raw_head(
        R + b"\x7f" + b"\x80" * 20 + b"\x01")),
    "7541 5.2 EOS in a string": (COMPRESSION, raw_head(R + b"\0\1x\x84\xff\xff\xff\xff")),
    "7541 5.2 padding of more than 7 bits": (COMPRESSION, raw_head(R + b"\0\1x\x82\x07\xff")),
    "7541 5.2 padding of zeros": (COMPRESSION, raw_head(R + b"\0\1x\x81\x00")),
    "7541 evicted": (COMPRESSION, raw_head(R + b"\x40\1x\1y\xbe" + b"\xbf")),
}

STREAM = {
    # states
    "5.1 half-closed: DATA": (CLOSED, after(half_closed, (DATA, END_STREAM, 1, b"x"))),
    "5.1 half-closed: HEADERS": (CLOSED, after(half_closed, (HEADERS, WHOLE, 1, R))),
    "5.1 reset by the client: DATA": (CLOSED, after(
        half_closed, (RST, 0, 1, u32(8)), (DATA, END_STREAM, 1, b"x"))),
    "5.1 reset by the client: HEADERS": (CLOSED, after(
        half_closed, (RST, 0, 1, u32(8)), (HEADERS, WHOLE, 1, R))),
    "5.3.1 7540: depends on itself": (PROTOCOL, raw_head(
        u32(1) + b"\x0f" + R, WHOLE | WITH_PRIORITY)),
    "6.3 four bytes": (SIZE, after(half_closed, (PRIORITY, 0, 1, u32(0)))),
    "6.9 of 0": (PROTOCOL, after(half_closed, (WINDOW, 0, 1, u32(0)))),
    "6.9.1 beyond 2^31 - 1": (FLOW, after(
        half_closed, (WINDOW, 0, 1, u32(0x7fffffff)), (WINDOW, 0, 1, u32(0x7fffffff)))),
    # messages
    "8.1 trailers that are not the end": (PROTOCOL, body(None, b"x", trailers=(
        END_HEADERS, block(("x", "y"))))),
    "8.1 pseudo fields among trailers": (PROTOCOL, body(None, b"x", trailers=(
        WHOLE, block((":path", "/"))))),
    "8.1 upper case among trailers": (PROTOCOL, body(None, b"x", trailers=(
        WHOLE, block(("X", "y"))))),
    "8.1 a length among trailers": (PROTOCOL, body(None, b"x", trailers=(
        WHOLE, block(("content-length", "1"))))),
    "8.1.1 less than Content-Length": (PROTOCOL, body("5", b"1234")),
    "8.1.1 more than Content-Length": (PROTOCOL, body("5", b"123456")),
    "8.1.1 less in two frames": (PROTOCOL, body("5", b"12", b"34")),
    "8.1.1 more in two frames": (PROTOCOL, body("5", b"123", b"456")),
    "8.1.1 less, and trailers": (PROTOCOL, body("5", b"12", trailers=(WHOLE, block(("x", "y"))))),
    "8.1.1 Content-Length and no body": (PROTOCOL, more(("content-length", "5"))),
    "8.1.1 Content-Length twice": (PROTOCOL, more(("content-length", "0"),
                                                  ("content-length", "0"))),
    "8.1.1 Content-Length twice, not the same": (PROTOCOL, more(("content-length", "0"),
                                                                ("content-length", "5"))),
    "8.1.1 Content-Length: -1": (PROTOCOL, more(("content-length", "-1"))),
    "8.1.1 Content-Length: +0": (PROTOCOL, more(("content-length", "+0"))),
    "8.1.1 Content-Length: 0x0": (PROTOCOL, more(("content-length", "0x0"))),
    "8.1.1 Content-Length: 0, 0": (PROTOCOL, more(("content-length", "0, 0"))),
    "8.1.1 Content-Length of nothing": (PROTOCOL, more(("content-length", ""))),
    "8.1.1 Content-Length beyond 64 bits": (PROTOCOL, more(
        ("content-length", "18446744073709551616"))),
    # fields
    "8.2.1 upper case": (PROTOCOL, more(("X-Upper", "y"))),
    "8.2.1 one capital": (PROTOCOL, more(("content-Type", "y"))),
    "8.2.2 connection": (PROTOCOL, more(("connection", "x"))),
    "8.2.2 keep-alive": (PROTOCOL, more(("keep-alive", "1"))),
    "8.2.2 proxy-connection": (PROTOCOL, more(("proxy-connection", "close"))),
    "8.2.2 transfer-encoding": (PROTOCOL, more(("transfer-encoding", "chunked"))),
    "8.2.2 transfer-encoding and a body": (PROTOCOL, lambda c: open_stream(
        c, more=(("transfer-encoding", "chunked"),))),
    "8.2.2 upgrade": (PROTOCOL, more(("upgrade", "h2c"))),
    "8.2.2 te: gzip": (PROTOCOL, more(("te", "gzip"))),
    "8.2.2 te: trailers, gzip": (PROTOCOL, more(("te", "trailers, gzip"))),
    # pseudo fields
    "8.3 unknown": (PROTOCOL, head(M, S, P, A, (":x", "y"))),
    "8.3 a response's": (PROTOCOL, head(M, S, P, A, (":status", "200"))),
    "8.3 behind others": (PROTOCOL, head(M, S, P, ("x", "y"), A)),
    "8.3 only a colon": (PROTOCOL, head(M, S, P, A, (":", "y"))),
    "8.3 upper case": (PROTOCOL, head((":Method", "GET"), S, P, A)),
    "8.3.1 no :method": (PROTOCOL, head(S, P, A)),
    "8.3.1 no :scheme": (PROTOCOL, head(M, P, A)),
    "8.3.1 no :path": (PROTOCOL, head(M, S, A)),
    "8.3.1 nothing": (PROTOCOL, head()),
    "8.3.1 :method twice": (PROTOCOL, head(M, M, S, P, A)),
    "8.3.1 :scheme twice": (PROTOCOL, head(M, S, S, P, A)),
    "8.3.1 :path twice": (PROTOCOL, head(M, S, P, P, A)),
    "8.3.1 :authority twice": (PROTOCOL, head(M, S, P, A, A)),
    "8.3.1 a bad scheme": (PROTOCOL, head(M, (":scheme", "ht tp"), P, A)),
    "8.5 CONNECT with :path": (PROTOCOL, head((":method", "CONNECT"), P, A)),
    "8.5 CONNECT with :scheme": (PROTOCOL, head((":method", "CONNECT"), S, A)),
    "8.5 CONNECT without :authority": (PROTOCOL, head((":method", "CONNECT"))),
}

BAD_REQUEST = {
    "8.2.1 a space in a name": more(("a b", "y")),
    "8.2.1 a colon in a name": more(("a:b", "y")),
    "8.2.1 a line end in a name": more(("a\r\nb", "y")),
    "8.2.1 NUL in a name": more(("a\0", "y")),
    "8.2.1 no name": more(("", "y")),
    "8.2.1 a high byte in a name": more((b"a\xe4", "y")),
    "8.2.1 CR in a value": more(("x", "a\rb")),
    "8.2.1 LF in a value": more(("x", "a\nb")),
    "8.2.1 a whole request in a value": more(("x", "a\r\n\r\nGET /b HTTP/1.1\r\nHost: a")),
    "8.2.1 NUL in a value": more(("x", "a\0b")),
    "8.2.1 a space before a value": more(("x", " a")),
    "8.2.1 a tab behind a value": more(("x", "a\t")),
    "8.3.1 an empty :path": head(M, S, (":path", ""), A),
    "8.3.1 a :path without a slash": head(M, S, (":path", "a"), A),
    "8.3.1 a space in :path": head(M, S, (":path", "/a HTTP/1.1"), A),
    "8.3.1 a line end in :path": head(M, S, (":path", "/a\r\nx: y"), A),
    "8.3.1 a line end in the arguments": head(M, S, (":path", "/a?b\r\nx: y"), A),
    "8.3.1 NUL in :path": head(M, S, (":path", "/a\0"), A),
    "8.3.1 an empty :authority": head(M, S, P, (":authority", "")),
    "8.3.1 no :authority": head(M, S, P),
    "8.3.1 a space in :authority": head(M, S, P, (":authority", "a b")),
    "8.3.1 a line end in :authority": head(M, S, P, (":authority", "a\r\nb")),
    "8.3.1 a user in :authority": head(M, S, P, (":authority", "u@a")),
    "8.3.1 another Host": more(("host", "b")),
    "8.3.1 two Hosts": more(("host", "a"), ("host", "a")),
    "8.3.1 a space in :method": head((":method", "GET /b HTTP/1.1\r\n"), S, P, A),
    "8.3.1 an empty :method": head((":method", ""), S, P, A),
}


def pieces(data):
    """One byte at a time."""
    def send(c):
        for i in range(len(data)):
            c.s.sendall(data[i:i + 1])
    return send


def split_block(c):
    c.send(HEADERS, END_STREAM, 1, R[:1])
    for i in range(1, 25):
        c.send(CONTINUATION, 0, 1, R[i:i + 1])
    c.send(CONTINUATION, END_HEADERS, 1, R[25:])


def late_data(c):
    """The answer comes before the body has; the rest of it is borne."""
    c.send(HEADERS, END_HEADERS, 1, request("/", "POST"))
    assert c.answer(1) in ((200, b"POST /|||", None), (200, b"POST /|||", NO_ERROR))
    assert c.until(RST, 1)[3] == u32(NO_ERROR)
    c.send(DATA, 0, 1, b"x" * 100)
    c.send(HEADERS, WHOLE, 1, block(("x", "y")))


FINE = {
    "4.1 unknown frames": frames((0x77, 0xff, 0, b"x" * 100), (0x78, 0, 1, b""),
                                 (0x10, 0, 0, u32(1) + b"u=1")),
    "4.1 unknown flags": frames((PING, 0xfe, 0, b"12345678"), (HEADERS, WHOLE | 0xd2, 1, R)),
    "4.1 the reserved bit": frames((HEADERS, WHOLE, 1 | 1 << 31, R)),
    "4.2 a frame of 16384 bytes": body(None, b"x" * 16384),
    "4.3 a block in 26 frames": split_block,
    "4.3 a block in bytes": pieces(frame(HEADERS, WHOLE, 1, R)),
    "5.1 idle: PRIORITY": frames((PRIORITY, 0, 7, u32(0) + b"\0")),
    "5.1 closed: PRIORITY": after(done, (PRIORITY, 0, 1, u32(0) + b"\0")),
    "5.1 closed: WINDOW_UPDATE, RST_STREAM": after(
        done, (WINDOW, 0, 1, u32(1)), (RST, 0, 1, u32(8))),
    "5.1 reset by us: anything": late_data,
    "6.1 padding": body(None, b"x", b"y"),
    "6.1 only padding": after(open_stream, (DATA, PADDED, 1, b"\x04\0\0\0\0"),
                              (DATA, END_STREAM | PADDED, 1, b"\x00")),
    "6.1 an empty frame": after(open_stream, (DATA, 0, 1, b""), (DATA, END_STREAM, 1, b"")),
    "6.2 padding and priority": raw_head(b"\x03" + u32(0) + b"\x0f" + R + b"\0\0\0",
                                         WHOLE | PADDED | WITH_PRIORITY),
    "6.5 no settings": frames((SETTINGS, 0, 0, b"")),
    "6.5.2 unknown settings": frames((SETTINGS, 0, 0, setting(0x77, 1) + setting(0xffff, 2))),
    "6.5.2 all that are known": frames((SETTINGS, 0, 0, b"".join(
        setting(k, v) for k, v in ((1, 100), (2, 0), (3, 7), (4, 0x7fffffff), (5, 0xffffff),
                                   (6, 100))))),
    "6.5.3 an ACK of ours": frames((SETTINGS, ACK, 0, b"")),
    "6.7 an ACK of nothing": frames((PING, ACK, 0, b"12345678")),
    "8.1 trailers": body("1", b"x", trailers=(WHOLE, block(("x-sum", "1")))),
    "8.1.1 Content-Length in two frames": body("5", b"123", b"45"),
    "8.2.2 te: trailers": more(("te", "trailers")),
    "8.2.3 cookies apart": more(("cookie", "a=1"), ("cookie", "b=2")),
    "7541 4.2 the table's size at the beginning": raw_head(b"\x20\x3f\xe1\x1f" + R),
    "7541 6.1 indexed fields": raw_head(b"\x82\x86\x84\x41\x01a"),
    "7541 6.1 indexed by a long integer": raw_head(
        R + b"".join(b"\x40" + text("k%d" % i) + b"\1v" for i in range(70)) + b"\xff\x04"),
    "7541 6.2.3 never indexed": raw_head(R + b"\x10\1x\1y"),
    "7541 2.3.2 an entry that was evicted by a larger": raw_head(
        R + b"\x40" + text("x") + text("y" * 4070)),
}


def serves(c):
    c.get(LAST)
    assert c.answer(LAST)[0] == 200


@pytest.mark.parametrize("name", CONNECTION)
def test_connection_errors(s, name):
    code, send = CONNECTION[name]
    c = Client(s.port())
    try:
        send(c)
    except ConnectionError:
        pass                    # it has had enough; what it said is read all the same
    f = c.until(GOAWAY)
    assert f is not None and struct.unpack(">I", f[3][4:8])[0] == code
    assert c.until(-1) is None
    c.close()


@pytest.mark.parametrize("name", STREAM)
def test_stream_errors(s, name):
    code, send = STREAM[name]
    c = Client(s.port())
    send(c)
    f = c.until(RST, 1)
    assert f is not None and struct.unpack(">I", f[3])[0] == code
    serves(c)
    c.close()


@pytest.mark.parametrize("name", BAD_REQUEST)
def test_bad_requests(s, name):
    c = Client(s.port())
    BAD_REQUEST[name](c)
    assert c.answer(1)[0] == 400
    serves(c)
    c.close()


@pytest.mark.parametrize("name", FINE)
def test_what_is_allowed(s, name):
    c = Client(s.port())
    FINE[name](c)
    serves(c)
    c.close()


@pytest.mark.parametrize("sent", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(HEADERS, WHOLE, 1, R),
    PREFACE + frame(SETTINGS, ACK, 0),
    PREFACE + frame(PING, 0, 0, b"12345678"),
])
def test_settings_come_first(s, sent):
    c = Client(s.port(), preface=False)
    c.s.sendall(sent)
    assert c.until(GOAWAY)[3][4:8] == u32(PROTOCOL)
    assert c.until(-1) is None


def test_our_own_frames(s):
    """SETTINGS first; what is asked for is acknowledged, a PING with its own bytes."""
    c = Client(s.port())
    kind, flags, on, payload = c.read()
    assert (kind, flags, on) == (SETTINGS, 0, 0) and setting(3, 20) in payload
    assert c.until(SETTINGS)[1] == ACK
    c.send(PING, 0, 0, b"abcdefgh")
    assert c.until(PING) == (PING, ACK, 0, b"abcdefgh")
    c.send(PING, ACK, 0, b"ABCDEFGH")
    c.send(PING, 0, 0, b"12345678")
    assert c.until(PING) == (PING, ACK, 0, b"12345678")


def test_more_streams_than_allowed_are_refused(s):
    """Those above are, the others are served, and the connection's table is intact."""
    c = Client(s.port())
    c.send(WINDOW, 0, 0, u32(1 << 30))
    for i in range(1, 41, 2):
        half_closed(c, i)
    c.send(HEADERS, WHOLE, 41, request() + b"\x40\1x\x05later")
    assert c.until(RST)[2:] == (41, u32(REFUSED))
    c.send(RST, 0, 1, u32(CANCEL))
    c.send(HEADERS, WHOLE, LAST, request() + b"\xbe")
    status, got, error = c.answer(LAST)
    assert (status, got, error) == (200, b"GET /|later||", None)


def test_a_window_that_shrinks(s):
    """6.9.2: a stream may be in debt, and goes on once it is out of it."""
    c = Client(s.port())
    c.send(HEADERS, WHOLE, 1, request("/slow"))
    assert len(c.until(DATA, 1)[3]) > 0
    c.send(SETTINGS, 0, 0, setting(4, 0))
    c.s.settimeout(0.5)
    got = 0
    try:
        while True:
            f = c.read()
            got = 0 if f[0] == SETTINGS else got + len(f[3]) * (f[0] == DATA)
    except socket.timeout:
        pass
    assert got == 0
    c.s.settimeout(5)
    c.get(3)
    assert c.until(HEADERS, 3) is not None      # heads need no window
    c.send(SETTINGS, 0, 0, setting(4, 100))
    f = c.until(DATA, 3)
    assert f[3] == b"GET /|||" and f[1] == END_STREAM


def test_a_window_of_one_byte(s):
    c = Client(s.port(), setting(4, 1))
    c.get(1)
    c.s.settimeout(5)
    got = b""
    while True:
        f = c.until(DATA, 1)
        got += f[3]
        assert len(f[3]) <= 1
        if f[1] & END_STREAM:
            break
        c.send(WINDOW, 0, 1, u32(1))
    assert got == b"GET /|||"


def test_too_large_a_body_for_the_window(server):
    """What comes beyond the window that was given ends the stream."""
    s = server(CONF.replace("http2 on;", "http2 on; http2_body_preread_size 1k;")
               .replace("location /slow", "location /wait { proxy_pass http://127.0.0.1:%%PORT2%%; }"
                        " location /slow"))
    with socket.create_server(("127.0.0.1", s.port("PORT2"))):
        c = Client(s.port())
        c.send(SETTINGS, ACK, 0)
        c.send(HEADERS, END_HEADERS, 1, request("/none", "POST", more=(("content-length", "9999"),)))
        c.send(DATA, 0, 1, b"x" * 1025)
        f = c.until(RST, 1)
        assert f[3] in (u32(FLOW), u32(NO_ERROR))
        serves(c)


def test_a_table_of_another_size(s):
    """The client's HEADER_TABLE_SIZE, changed on the way: what we send stays readable."""
    c = Client(s.port())
    decoder = hpack.Decoder()
    seen = []
    for i, size in enumerate((4096, 4096, 0, 0, 100, 100, 4096, 65536, 60, 60, 1000, 1000)):
        decoder.max_allowed_table_size = size
        c.send(SETTINGS, 0, 0, setting(1, 0) + setting(1, size))
        c.get(2 * i + 1)
        while True:
            f = c.read()
            if f[0] == HEADERS:
                seen.append(dict(decoder.decode(f[3])))
            if f[1] & END_STREAM and f[0] == DATA:
                break
    assert all(h[":status"] == "200" and h["server"].startswith("weir") for h in seen)
    assert len(seen) == 12


def test_the_end_of_a_client(s):
    """6.8: after its GOAWAY what it has begun is served; then we close."""
    c = Client(s.port())
    c.s.sendall(frame(HEADERS, WHOLE, 1, R) + frame(GOAWAY, 0, 0, u32(0) + u32(0)))
    assert c.answer(1)[0] == 200
    assert c.until(-1) is None


def test_heads_in_every_coding(server):
    """Requests by an encoder that uses its table and Huffman codes, cut into frames at
    any place: the server reads what was meant."""
    s = server("server { listen 127.0.0.1:%%PORT%%; http2 on; keepalive_requests 100000;"
               'return 200 "$request_uri|$http_a|$http_b|$http_cookie|$http_user_agent"; }')
    c = Client(s.port())
    c.send(WINDOW, 0, 0, u32(1 << 30))
    encoder = hpack.Encoder()
    chance = random.Random(9113)

    def word():
        return "".join(chance.choice("abcXYZ0189-._~!$&'()*+,;=:@/") for _ in
                       range(chance.choice((0, 1, 3, 10, 40, 300))))

    words = [word() for _ in range(12)]
    for stream in range(1, 601, 2):
        if chance.random() < 0.1:
            encoder.header_table_size = chance.choice((0, 60, 200, 4096))
        values = [chance.choice(words) if chance.random() < 0.8 else word() for _ in range(5)]
        path, a, b, cookie, agent = values
        path = "/" + path.replace("//", "/")
        head_ = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")]
        head_ += [(k, v) for k, v in (("a", a), ("b", b), ("cookie", cookie),
                                      ("user-agent", agent)) if v]
        data = encoder.encode(head_, huffman=chance.random() < 0.7)
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(4)))
        parts = [data[i:j] for i, j in zip([0] + cuts, cuts + [len(data)])]
        c.s.sendall(b"".join(
            frame(CONTINUATION if i else HEADERS,
                  (0 if i else END_STREAM) | (END_HEADERS if i + 1 == len(parts) else 0),
                  stream, part) for i, part in enumerate(parts)))
        if ".." in path or "/./" in path or path.endswith("/."):
            assert c.answer(stream)[0] in (200, 400)
            continue
        status, got, _ = c.answer(stream)
        assert (status, got.decode()) == (200, "|".join((path, a, b, cookie, agent)))


def test_the_same_literals_again(server):
    """A :path that is coded as before is the same path, whoever sends it; one that only
    begins or ends so is another."""
    s = server("server { listen 127.0.0.1:%%PORT%%; http2 on; keepalive_requests 100000;"
               'return 200 "$request_uri|$http_host"; }')
    huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
    chance = random.Random(7541)
    paths = ["/" + "".join(chance.choice("ab0%&?") for _ in range(chance.randrange(5)))
             .replace("%", "%41") for _ in range(60)] + ["/" + "x" * 120, "/" + "y" * 60]
    hosts = ["a", "b", "a.example", "b.example:80"]
    c, stream = [Client(s.port()), Client(s.port())], [1, 1]

    def coded(index, value):
        value = value.encode()
        packed = huffman.encode(value)
        if chance.random() < 0.3:
            return bytes((index,)) + text(value)
        return bytes((index, 0x80 | len(packed))) + packed

    for _ in range(600):
        k = chance.randrange(2)
        path, host = chance.choice(paths), chance.choice(hosts)
        c[k].send(HEADERS, WHOLE, stream[k], b"\x82\x86" + coded(chance.choice((4, 5)), path)
                  + coded(1, host))
        status, got, _ = c[k].answer(stream[k])
        assert (status, got.decode()) == (200, path + "|" + host)
        stream[k] += 2
