"""HTTP/2 frame by frame: a client that may be as wrong as a test wants it."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
STATUS = {0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404, 0x8e: 500}


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) \
        + struct.pack(">I", stream) + payload


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    if len(s) < 127:
        return bytes((len(s),)) + s
    n, out = len(s) - 127, b"\x7f"
    while n >= 128:
        out += bytes((n & 127 | 128,))
        n >>= 7
    return out + bytes((n,)) + s


def block(*fields):
    """Literal fields that enter no table."""
    return b"".join(b"\0" + text(k) + text(v) for k, v in fields)


def request(path="/", method="GET", authority="a", more=()):
    return block((":method", method), (":scheme", "http"), (":path", path),
                 (":authority", authority), *more)


class Client:
    """Answers the server's PINGs while it reads, unless told not to."""

    def __init__(self, port, settings=b"", preface=True, before=b"", pong=True):
        self.pong = pong
        self.s = socket.create_connection(("127.0.0.1", port), 5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.s.sendall(before)
        if preface:
            self.s.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, *args):
        self.s.sendall(frame(*args))

    def get(self, stream, path="/", **more):
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, request(path, **more))

    def read(self):
        """The next frame; None at the end."""
        try:
            while True:
                if len(self.buf) >= 9:
                    n = struct.unpack(">I", b"\0" + self.buf[:3])[0]
                    if len(self.buf) >= 9 + n:
                        head, body = self.buf[:9], self.buf[9:9 + n]
                        self.buf = self.buf[9 + n:]
                        if self.pong and head[3] == PING and not head[4] & ACK:
                            self.send(PING, ACK, 0, body)
                        return (head[3], head[4],
                                struct.unpack(">I", head[5:])[0], body)
                part = self.s.recv(65536)
                if not part:
                    return None
                self.buf += part
        except ConnectionError:
            return None

    def until(self, kind, stream=None):
        while True:
            f = self.read()
            if f is None or (f[0] == kind and stream in (None, f[2])):
                return f

    def answer(self, stream):
        """Status, body, error code of RST_STREAM; the window is kept open."""
        status, body = None, b""
        while True:
            f = self.read()
            if f is None:
                return status, body, "closed"
            kind, flags, on, payload = f
            if kind == GOAWAY and on == 0 and stream > struct.unpack(">I", payload[:4])[0]:
                return status, body, "goaway"
            if on != stream:
                continue
            if kind == HEADERS and status is None:
                at = 0
                while payload[at] & 0xe0 == 0x20:   # changes of the table's size
                    at += 1
                    if payload[at - 1] & 0x1f == 0x1f:
                        while payload[at] & 0x80:
                            at += 1
                        at += 1
                status = STATUS.get(payload[at], -1)
            if kind == DATA:
                body += payload
                if payload:
                    inc = struct.pack(">I", len(payload))
                    self.s.sendall(frame(WINDOW, 0, 0, inc) + frame(WINDOW, 0, stream, inc))
            if kind == RST:
                return status, body, struct.unpack(">I", payload)[0]
            if flags & END_STREAM and kind in (DATA, HEADERS):
                return status, body, None

    def close(self):
        self.s.close()
