"""A raw HTTP/1 client that hides nothing.

A PlainConnection sends the bytes it is given and reads responses one after another,
keeping the status line, the headers in order and with their case, the framing,
and the body both as framed and decoded.  Nothing is sent that was not asked for.
"""

import socket
import time

PATIENCE = 4        # a test's seconds are a quiet machine's; others are slow, or busy
WAIT = 5.0 * PATIENCE           # s, for an answer


def within(seconds):
    """What a test may wait at the most for what should not take longer."""
    return seconds * PATIENCE


class Response:
    """One response.  `framing` is length, chunked, close, none or 0.9."""

    def __init__(self):
        self.status_line = ""
        self.version = ""
        self.status = 0
        self.reason = ""
        self.headers = []
        self.trailers = []
        self.body = b""
        self.chunks = []
        self.framing = "none"
        self.interim = []
        self.complete = True
        self.reset = None               # HTTP/2: how the stream was reset
        self.last = False               # HTTP/2: GOAWAY has come

    def get(self, name, default=None):
        """The value of a header, the first where there are several."""
        name = name.lower()
        for n, v in self.headers:
            if n.lower() == name:
                return v
        return default

    def getall(self, name):
        name = name.lower()
        return [v for n, v in self.headers if n.lower() == name]

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def keeps(self):
        """Whether the server said that the connection goes on."""
        if self.last or self.framing in ("close", "0.9"):
            return False
        said = [v.strip().lower() for c in self.getall("connection")
                for v in c.split(",")]
        if "close" in said:
            return False
        return self.version != "HTTP/1.0" or "keep-alive" in said

    def __repr__(self):
        return "<Response %r %r %d bytes>" % (
            self.status_line, self.headers, len(self.body))


class Truncated(Exception):
    """The connection ended (or fell silent) inside a response."""

    def __init__(self, why, response=None):
        super().__init__(why)
        self.response = response


class Requests:
    """What all connections can be asked, whatever carries the requests: a class has
    `send`, `response` and `sock`."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def abort(self):
        """Close with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def request(self, raw, method=None):
        """Send one request and read its response."""
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        self.send(raw)
        return self.response(method or raw.split(b" ", 1)[0].decode("latin-1"))

    def get(self, target, *headers, method="GET", host="localhost", body=None):
        return self.request(build(target, *headers, method=method, host=host,
                                  body=body))


class PlainConnection(Requests):
    def __init__(self, address, timeout=WAIT, source=None, preamble=(), room=None):
        """`preamble`: what is sent before all that, with pauses as numbers of seconds;
        `room`: the size of the socket's receive buffer."""
        self.timeout = timeout
        self.buffer = b""
        self.ended = None               # None, "eof", "reset"
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        else:
            if isinstance(address, int):
                address = ("127.0.0.1", address)
            self.sock = socket.socket()
            self.sock.settimeout(timeout)
            if room is not None:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            if source is not None:
                self.sock.bind(source)
            self.sock.connect(address)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in preamble:
            if isinstance(part, bytes):
                self.send(part)
            else:
                time.sleep(part)

    def half_close(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def send(self, data):
        """Send all; False when the peer has closed meanwhile."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    # Reading

    def _fill(self):
        """Read more; False at the end of the connection."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.ended = "reset"
            return False
        if not data:
            self.ended = "eof"
            return False
        self.buffer += data
        return True

    def _line(self):
        while True:
            at = self.buffer.find(b"\n")
            if at >= 0:
                line, self.buffer = self.buffer[:at + 1], self.buffer[at + 1:]
                return line.rstrip(b"\r\n").decode("latin-1")
            if not self._fill():
                raise Truncated("ended inside a line: %r" % self.buffer)

    def _exactly(self, n):
        while len(self.buffer) < n:
            if not self._fill():
                data, self.buffer = self.buffer, b""
                raise Truncated("ended after %d of %d bytes"
                                % (len(data), n), data)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_to_end(self, timeout=None):
        """What comes until the connection ends.  `ended` says how."""
        old = self.sock.gettimeout()
        if timeout is not None:
            self.sock.settimeout(timeout)
        try:
            while self._fill():
                pass
        except socket.timeout:
            self.ended = self.ended or "timeout"
        finally:
            self.sock.settimeout(old)
        data, self.buffer = self.buffer, b""
        return data

    def _fields(self):
        fields = []
        while True:
            line = self._line()
            if line == "":
                return fields
            name, colon, value = line.partition(":")
            fields.append((name, value.strip(" \t") if colon else None))

    def _head(self, r):
        r.status_line = self._line()
        parts = r.status_line.split(" ", 2)
        r.version = parts[0]
        r.status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
        r.reason = parts[2] if len(parts) > 2 else ""
        r.headers = self._fields()

    def read_interim(self):
        """One head, for a 100 or 103 that is waited for."""
        r = Response()
        self._head(r)
        return r

    def response(self, method="GET"):
        """The next final response; interim ones stand in `.interim`.

        None at a clean end of the connection."""
        while not self.buffer:
            if not self._fill():
                return None
        while len(self.buffer) < 5 and self._fill():
            pass
        r = Response()
        if not self.buffer.startswith(b"HTTP/"):
            r.framing, r.version = "0.9", "0.9"
            r.body = self.read_to_end()
            return r
        try:
            self._head(r)
            while 100 <= r.status < 200 and r.status != 101:
                r.interim.append((r.status_line, r.headers))
                self._head(r)
            self._body(r, method)
        except Truncated as e:
            r.complete = False
            if isinstance(e.response, bytes):
                r.body += e.response
        return r

    def _body(self, r, method):
        if method == "HEAD" or r.status in (101, 204, 304):
            r.framing = "none"
            return
        coding = r.get("transfer-encoding", "").lower()
        length = r.get("content-length")
        if coding == "chunked":
            r.framing = "chunked"
            while True:
                size = int(self._line().split(";")[0], 16)
                if size == 0:
                    break
                chunk = self._exactly(size)
                r.chunks.append(chunk)
                r.body += chunk
                if self._exactly(2) != b"\r\n":
                    raise Truncated("no CRLF after a chunk")
            r.trailers = self._fields()
        elif length is not None:
            r.framing = "length"
            r.body = self._exactly(int(length))
        else:
            r.framing = "close"
            r.body = self.read_to_end()
            r.complete = self.ended == "eof"


# Port -> the class of its connections, where it speaks something else (harness/fronts.py).
SPEAKS = {}


def Connection(address, timeout=WAIT, *args, **more):
    """A connection over what the server speaks on this port."""
    port = address[1] if isinstance(address, tuple) else address
    return SPEAKS.get(port, PlainConnection)(address, timeout, *args, **more)


def build(target, *headers, method="GET", host="localhost", body=None,
          version="1.1"):
    """The bytes of an everyday request."""
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    if host is not None:
        lines.append("Host: " + host)
    lines += headers
    if body is not None:
        if isinstance(body, str):
            body = body.encode()
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def get(address, target, *headers, **more):
    """One request on a connection of its own."""
    timeout = more.pop("timeout", WAIT)
    with Connection(address, timeout) as c:
        return c.get(target, *headers, **more)


def wait_until(what, timeout=5.0, step=0.005):
    """Wait until what() is true and return its value; else fail."""
    timeout = within(timeout)
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("still not so after %.1f s: %s"
                                 % (timeout, getattr(what, "__doc__", None)
                                    or what))
        time.sleep(step)
