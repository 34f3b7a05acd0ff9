"""How comparison cases are written.

A case file under cases/ holds groups: one conf and many requests.  The conf is
started on nginx and then on weir, in the same folder and on the same ports, and
gets the same bytes; what comes back must be the same.

    group("ranges",
          server="root html;",
          files={"html/a.txt": "0123456789"},
          requests=[get("/a.txt", "Range: bytes=0-3"),
                    raw("GET /a.txt HTTP/1.0\\r\\n\\r\\n")])

`server` is what stands inside one server block, `http` what stands in http,
`conf` a whole file.  A request has an id of its own text, so that a line of
pending.txt or allowed.txt can name it.
"""

import re
import sys

GROUPS = {}
CONF_TESTS = []

WAIT100 = "wait-100"
SHUT = "shut"


class Exchange:
    """Bytes to send on one connection, and what to wait for."""

    def __init__(self, id, parts, methods, port, timeout, norm, host):
        self.id = id
        self.parts = parts              # bytes, seconds, WAIT100, SHUT
        self.methods = methods          # one per response expected
        self.port = port
        self.timeout = timeout
        self.norm = norm                # (regex, replacement) for this one
        self.host = host
        self.tls = {}                   # options of fronts.TlsConnection
        self.preamble = []              # parts that stand before TLS
        self.told = None                # preamble and parts, where that is so


class Group:
    def __init__(self, name, conf, http, server, main, files, requests,
                 upstreams, log, errors, norm, exact_upstream, unordered,
                 setup, front, only):
        self.name = name
        self.conf = conf
        self.http = http
        self.server = server
        self.main = main
        self.files = files or {}
        self.requests = requests
        self.upstreams = upstreams or {}
        self.log = log                  # an access log to compare per request
        self.errors = errors            # compare the error log from this level
        self.norm = norm or []
        self.exact_upstream = exact_upstream
        self.unordered = unordered      # lines of the log come in any order
        self.setup = setup
        self.front = front              # fronts.py: "tls", "h2", "h2s"
        self.only = only                # why it runs over its own front only
        self.file = sys._getframe(2).f_globals.get("__name__", "").split(".")[-1]
        seen = {}
        for r in requests:
            seen[r.id] = seen.get(r.id, 0) + 1
            if seen[r.id] > 1:
                r.id += " #%d" % seen[r.id]

    def text(self):
        if self.conf is not None:
            return self.conf
        text = self.http or ""
        if self.server is not None:
            text += ("\nserver {\nlisten 127.0.0.1:%%PORT%%;\n"
                     "server_name localhost;\n" + self.server + "\n}\n")
        return text


def group(name, *, conf=None, http=None, server=None, main="", files=None,
          requests, upstreams=None, log=None, errors=None, norm=None,
          exact_upstream=False, unordered=False, setup=None, front=None, only=None):
    assert name not in GROUPS, name
    assert re.fullmatch(r"[\w.-]+", name), name
    assert log is None or "access_log %s" % log in (conf or "") + (http or ""), name
    GROUPS[name] = Group(name, conf, http, server, main, files, requests,
                         upstreams, log, errors, norm, exact_upstream,
                         unordered, setup, front, only)


def _label(text, limit=110):
    text = text.replace("\r\n", "⏎").replace("|", "¦")
    text = "".join(c if " " <= c else "\\x%02x" % ord(c) for c in text)
    return text.strip() if len(text) <= limit else text[:limit - 1] + "…"


def get(target, *headers, method="GET", host="localhost", version="1.1",
        body=None, port="PORT", id=None, timeout=3.0, norm=(), close=False,
        parts=None):
    """An everyday request; headers are whole lines."""
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    if host is not None:
        lines.append("Host: " + host)
    lines += headers
    if close:
        lines.append("Connection: close")
    if body is not None:
        if isinstance(body, str):
            body = body.encode()
        if not any(h.lower().startswith(("content-length:",
                                         "transfer-encoding:"))
                   for h in headers):
            lines.append("Content-Length: %d" % len(body))
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    name = "%s %s" % (method, target)
    if version != "1.1":
        name += " HTTP/" + version
    if host != "localhost":
        name += " Host: %s" % host
    if headers:
        name += " " + "; ".join(headers)
    if body:
        name += " +%d bytes" % len(body)
    if port != "PORT":
        name += " @" + port
    return Exchange(id or _label(name), [data + (body or b"")] + (parts or []),
                    [method], port, timeout, list(norm), host)


def secure(request, id, **tls):
    """The same over TLS, for groups with front="tls": fronts.TlsConnection's options."""
    request.id = id
    request.tls = tls
    return request


def told(id, header, *parts, n=1):
    """A request behind a header of the PROXY protocol: bytes, or a list with pauses.
    Where there is TLS, it begins behind the header."""
    preamble = header if isinstance(header, list) else [header]
    exchange = raw(*preamble[:-1], preamble[-1] + parts[0], *parts[1:], n=n, id=id)
    exchange.told = preamble, list(parts)
    return exchange


def head(target, *headers, **more):
    return get(target, *headers, method="HEAD", **more)


def post(target, body, *headers, **more):
    return get(target, *headers, method=more.pop("method", "POST"), body=body,
               **more)


def raw(*parts, n=1, methods=None, port="PORT", id=None, timeout=3.0, norm=()):
    """Exactly these bytes; a str is latin-1.  `n` responses are expected."""
    out = []
    for p in parts:
        if isinstance(p, str) and p not in (WAIT100, SHUT):
            p = p.encode("latin-1")
        out.append(p)
    if methods is None:
        methods = ["HEAD" if isinstance(out[0], bytes)
                   and out[0].startswith(b"HEAD ") else "GET"] * n
    text = " ".join(p.decode("latin-1") if isinstance(p, bytes) else
                    "<%s>" % p for p in out)
    return Exchange(id or _label(text), out, methods, port, timeout,
                    list(norm), None)


def gets(*targets, **more):
    return [get(t, **more) for t in targets]


def refused(id, text, where="server", message=None):
    """A conf that both refuse, with the same words."""
    CONF_TESTS.append((id, where, text, False, message))


def accepted(id, text, where="server"):
    CONF_TESTS.append((id, where, text, True, None))
