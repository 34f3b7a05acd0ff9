"""What requests of HTTP/1.1, given as bytes, are in HTTP/2.

A Translator takes the bytes as they come and gives an Upload for each request. What
only HTTP/1 can say (another version, a request without a host, broken framing) raises
NoEqual; what says how this connection is to be used (Connection, Upgrade, a chunked
framing) is left out, as a gateway does.
"""

HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"http2-settings",
              b"transfer-encoding")


class NoEqual(ValueError):
    pass


class Upload:
    """One request: its fields, and what of its body has come and was not taken."""

    def __init__(self, fields):
        self.fields = fields
        self.body = b""
        self.trailers = None
        self.whole = False
        self.sent = False               # all of it


def _authority(target, host):
    """Scheme (None: the connection's), authority and path of a request's target."""
    if target == b"*" or target.startswith(b"/"):
        return None, host, target
    scheme, colon, rest = target.partition(b"://")
    if not colon or scheme.lower() not in (b"http", b"https"):
        raise NoEqual("the form of the target")
    end = min((rest.find(c) for c in b"/?#" if c in rest), default=len(rest))
    path = rest[end:]
    return scheme.lower(), rest[:end], path if path.startswith(b"/") else b"/" + path


def _length(value):
    if not value.isdigit() or value != b"%d" % int(value):
        raise NoEqual("Content-Length")
    return int(value)


def _field(text):
    name, colon, value = text.partition(b":")
    if not colon or not name or name != name.strip() or set(text) & {10, 13}:
        raise NoEqual("a header line")
    return name.lower(), value.strip(b" \t")


def _head(data):
    """An Upload, and the length of its body; None: chunked."""
    lines = data.split(b"\r\n")
    line = lines[0].split(b" ")
    if len(line) != 3 or line[2] != b"HTTP/1.1" or line[0] == b"CONNECT" \
            or set(lines[0]) & {10, 13}:
        raise NoEqual("the request line")
    host, length, chunked, headers = None, 0, False, []
    for name, value in map(_field, lines[1:]):
        if name == b"host":
            if host is not None:
                raise NoEqual("two hosts")
            host = value
            continue
        if name == b"transfer-encoding":
            if value.lower() != b"chunked" or chunked:
                raise NoEqual("Transfer-Encoding")
            chunked = True
        if name == b"content-length":
            if length:
                raise NoEqual("two lengths")
            length = _length(value)
        if name not in HOP_BY_HOP and (name != b"te" or value == b"trailers"):
            headers.append((name, value))
    if not host or chunked and length:
        raise NoEqual("the head")
    scheme, host, path = _authority(line[1], host)
    return Upload([(b":method", line[0]), (b":scheme", scheme), (b":path", path),
                   (b":authority", host)] + headers), None if chunked else length


class Translator:
    def __init__(self):
        self.buffer = b""
        self.upload = None              # the one whose body is read
        self.left = 0                   # bytes of it to come; None: chunks

    @property
    def between(self):
        """Whether nothing is half read."""
        return not self.buffer and self.upload is None

    def feed(self, data):
        """The requests that begin in these bytes. Their bodies grow with later ones."""
        self.buffer += data
        begun = []
        while True:
            if self.upload is None:
                head, end, rest = self.buffer.partition(b"\r\n\r\n")
                if not end:
                    if b"\n\n" in self.buffer:
                        raise NoEqual("ends of lines")
                    return begun
                self.buffer = rest
                self.upload, self.left = _head(head)
                begun.append(self.upload)
            if not (self._chunks() if self.left is None else self._counted()):
                return begun
            self.upload.whole = True
            self.upload = None

    def _counted(self):
        part = self.buffer[:self.left]
        self.upload.body += part
        self.left -= len(part)
        self.buffer = self.buffer[len(part):]
        return self.left == 0

    def _chunks(self):
        while True:
            line, end, rest = self.buffer.partition(b"\r\n")
            if not end:
                return False
            size = line.partition(b";")[0]
            try:
                n = int(size, 16)
            except ValueError:
                raise NoEqual("the size of a chunk") from None
            if len(size) > 16 or size != size.strip() or not size.isalnum() or b"\0" in line:
                raise NoEqual("the size of a chunk")
            if n == 0:
                return self._trailers(rest)
            if len(rest) < n + 2:
                return False
            if rest[n:n + 2] != b"\r\n":
                raise NoEqual("the end of a chunk")
            self.upload.body += rest[:n]
            self.buffer = rest[n + 2:]

    def _trailers(self, rest):
        if rest.startswith(b"\r\n"):
            self.buffer = rest[2:]
            return True
        block, end, self.buffer = rest.partition(b"\r\n\r\n")
        if not end:
            self.buffer = b"0\r\n" + rest
            return False
        self.upload.trailers = [_field(line) for line in block.split(b"\r\n")]
        return True


def requests(data):
    """The number of whole requests that these bytes are, None where HTTP/2 has no equal."""
    t = Translator()
    try:
        n = len(t.feed(data))
    except NoEqual:
        return None
    return n if t.between else None
