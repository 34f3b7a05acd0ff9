"""Groups of cases over other fronts: the same conf, listening with TLS, HTTP/2 or both.

Every group runs over every front, with those of its requests that the front can carry:
TLS carries all bytes, HTTP/2 whole requests of HTTP/1.1. A group that is not meant for
a front says why (`dsl.group(only=…)`). What listens with TLS already (groups of
front="tls") runs over HTTP/2 as well.
"""

import copy
import re

from harness import fronts, translate

from . import dsl

NAMES = ("tls", "h2", "h2s")
# What a group's own front is called where HTTP/2 over TLS carries it.
TLS_FRONTS = {"tls": "h2s", "h2frames": "h2sframes"}
PROTOCOLS = "ssl_protocols TLSv1.2 TLSv1.3;\n"


def carried(request, front):
    """Whether this front can carry the request."""
    if front == "tls":
        return True
    if not all(isinstance(p, (bytes, int, float)) for p in request.parts):
        return False
    data = b"".join(p for p in request.parts if isinstance(p, bytes))
    return translate.requests(data) == len(request.methods)


def _moved(request, port):
    r = copy.copy(request)
    r.port = port
    if r.told:
        r.preamble, r.parts = r.told
    return r


def _from_tls(group, front):
    """A group that speaks TLS already, over HTTP/2."""
    if front != "h2s" or group.front not in TLS_FRONTS:
        return None
    word = " ssl http2" if group.front == "h2frames" else " http2"
    old = r" http2" if group.front == "h2frames" else r"$"
    text = fronts.LISTEN.sub(lambda m: "listen %s%s;" % (
        m.group(1), re.sub(old, word, m.group(3), count=1)), group.text())
    requests = [r for r in group.requests if carried(r, front) and "alpn" not in r.tls]
    return text, requests, TLS_FRONTS[group.front]


def over(group, front):
    """The group as it is over this front; None: it cannot be."""
    if group.only:
        return None
    if group.front is not None:
        found = _from_tls(group, front)
        if found is None:
            return None
        text, requests, kind = found
        certificate = group.front != "tls"
    else:
        text, ports = fronts.listening(group.text(), front, None)
        requests = [_moved(r, ports[r.port]) for r in group.requests if r.port in ports]
        requests = [r for r in requests if carried(r, front)]
        kind, certificate = front, front != "h2"
    if not requests:
        return None
    g = copy.copy(group)
    g.name, g.front, g.requests = front + ":" + group.name, kind, requests
    g.server, g.http = None, text
    if certificate:
        g.files = _with_certificate(group.files)
        g.http = fronts.CERTIFICATE + "\n" + ("" if "ssl_protocols" in text else PROTOCOLS) + text
    return g


def _with_certificate(files):
    return lambda: dict(files() if callable(files) else files, **fronts.files())


def load():
    out = {}
    for group in dsl.GROUPS.values():
        for front in NAMES:
            g = over(group, front)
            if g is not None:
                out[g.name] = g
    return out
