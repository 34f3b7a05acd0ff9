"""Upstream servers for proxy tests: scripted replies, recorded requests.

An Upstream listens on 127.0.0.1 and runs one thread per connection.  `routes`
maps a path (without the query) to a reply, which is bytes, a list of steps, or
a function of the request that returns either.  Steps are bytes to send, numbers
to sleep, and CLOSE, RESET, HANG (until the peer goes away), and READ (whatever
the peer sends next, for upgraded connections).
"""

import socket
import struct
import threading
import time

CLOSE, RESET, HANG, READ = "close", "reset", "hang", "read"


class Request:
    def __init__(self):
        self.method = self.target = self.version = ""
        self.headers = []
        self.body = b""
        self.raw = b""
        self.head = b""
        self.framing = "none"
        self.complete = True
        self.connection = 0

    def get(self, name, default=None):
        for n, v in self.headers:
            if n.lower() == name.lower():
                return v
        return default

    def getall(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def keeps(self):
        said = (self.get("connection") or "").lower()
        if self.version == "HTTP/1.1":
            return "close" not in said
        return "keep-alive" in said

    def __repr__(self):
        return "<Request %s %s %r %d bytes>" % (
            self.method, self.target, self.headers, len(self.body))


def reply(body=b"", *headers, status="200 OK", version="1.1"):
    """The bytes of an everyday response."""
    if isinstance(body, str):
        body = body.encode()
    lines = ["HTTP/%s %s" % (version, status), *headers,
             "Content-Length: %d" % len(body)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def default_reply(request):
    return reply("%s %s\n" % (request.method, request.target),
                 "Content-Type: text/plain")


class _End(Exception):
    pass


class Upstream:
    def __init__(self, routes=None, default=default_reply, host="127.0.0.1",
                 port=0, path=None):
        self.routes = routes or {}
        self.default = default
        self.requests = []
        self.connections = 0
        self.open = 0
        self._lock = threading.Lock()
        self._socks = set()
        self._stopping = False
        if path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.bind(path)
            self.port = path
        else:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((host, port))
            self.port = self.sock.getsockname()[1]
        self.sock.listen(512)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.drop()

    def drop(self):
        """Close every connection that is open now."""
        with self._lock:
            socks = list(self._socks)
        for s in socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def take(self):
        """The requests recorded since the last call."""
        with self._lock:
            taken, self.requests = self.requests, []
        return taken

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            if self._stopping:
                conn.close()
                return
            with self._lock:
                self._socks.add(conn)
                self.connections += 1
                self.open += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(conn, number),
                             daemon=True).start()

    def _serve(self, conn, number):
        if conn.family == socket.AF_INET:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = _Stream(conn)
        try:
            while True:
                request = stream.request()
                if request is None:
                    return
                request.connection = number
                with self._lock:
                    self.requests.append(request)
                if not request.complete:
                    return
                if not self._answer(conn, stream, request):
                    return
        except (OSError, _End):
            pass
        finally:
            conn.close()
            with self._lock:
                self._socks.discard(conn)
                self.open -= 1

    def _answer(self, conn, stream, request):
        steps = self.routes.get(request.path, self.default)
        if callable(steps):
            steps = steps(request)
        if isinstance(steps, (bytes, str)):
            steps = [steps]
        for step in steps:
            if isinstance(step, (int, float)):
                time.sleep(step)
            elif step == CLOSE:
                return False
            elif step == RESET:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
                return False
            elif step == HANG:
                while stream.more():
                    pass
                return False
            elif step == READ:
                if not stream.buffer and not stream.more():
                    return False
                data, stream.buffer = stream.buffer, b""
                request.raw += data
                conn.sendall(b"<" + data + b">")
            else:
                conn.sendall(step.encode("latin-1")
                             if isinstance(step, str) else step)
        return request.keeps


class _Stream:
    """Reads requests; forgiving, since what it reads is what is tested."""

    def __init__(self, conn):
        self.conn = conn
        self.buffer = b""

    def more(self):
        data = self.conn.recv(65536)
        self.buffer += data
        return bool(data)

    def _take(self, n):
        while len(self.buffer) < n:
            if not self.more():
                return None
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def _line(self):
        while b"\n" not in self.buffer:
            if not self.more():
                return None
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def request(self):
        r = Request()
        line = self._line()
        if line is None:
            return None
        r.head = line
        parts = line.decode("latin-1").rstrip("\r\n").split(" ")
        r.method = parts[0]
        r.target = parts[1] if len(parts) > 1 else ""
        r.version = parts[2] if len(parts) > 2 else ""
        while True:
            line = self._line()
            if line is None:
                r.complete = False
                r.raw = r.head
                return r
            r.head += line
            text = line.decode("latin-1").rstrip("\r\n")
            if text == "":
                break
            name, _, value = text.partition(":")
            r.headers.append((name, value.strip(" \t")))
        r.raw = r.head
        self._body(r)
        return r

    def _body(self, r):
        if (r.get("transfer-encoding") or "").lower() == "chunked":
            r.framing = "chunked"
            while True:
                line = self._line()
                if line is None:
                    r.complete = False
                    return
                r.raw += line
                size = int(line.split(b";")[0], 16)
                data = self._take(size + 2) if size else b""
                if data is None:
                    r.complete = False
                    return
                r.raw += data
                if size == 0:
                    while line not in (b"\r\n", b"\n"):
                        line = self._line()
                        if line is None:
                            r.complete = False
                            return
                        r.raw += line
                        if line.strip():
                            r.headers.append(("trailer", line.strip().decode()))
                    return
                r.body += data[:-2]
        elif r.get("content-length") is not None:
            r.framing = "length"
            data = self._take(int(r.get("content-length")))
            if data is None:
                r.complete = False
                r.body = self.buffer
                r.raw += self.buffer
                return
            r.body = data
            r.raw += data
