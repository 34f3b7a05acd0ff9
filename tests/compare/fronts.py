"""Groups of cases over other fronts: the same conf, listening with TLS or HTTP/2.

What a group needs for it: servers in the usual way (no whole conf of its own), and
ports that only the client speaks to. Of the requests those are taken that every front
can carry: whole ones of HTTP/1.1, one on a connection.
"""

import copy
import re

from harness import fronts, http1

from . import dsl

FILES = ("static_files", "routing", "rewriting", "filters", "access", "variables",
         "proxying", "combined", "dav", "proxy_edit", "ssi", "stacked", "subrequests",
         "http1_parsing")
TLS_ONLY = ("http1_parsing",)   # what is malformed there ends a stream of HTTP/2
NAMES = ("tls", "h2")
SKIP = ("mirror",)              # what goes upstream by the side comes at its own time
LISTEN = re.compile(r"(\blisten\s+(?:127\.0\.0\.1:)?%%(PORT\w*)%%)")

CONNECTIONS = {None: http1.Connection, "tls": fronts.TlsConnection,
               "h2": fronts.H2Connection, "h2frames": fronts.H2Frames}


def _ports(text):
    """The ports that are listened on and named nowhere else."""
    listened = {name for _, name in LISTEN.findall(text)}
    rest = LISTEN.sub("", text)
    return listened - set(re.findall(r"%%(PORT\w*)%%", rest))


def _carried(request, front, ports):
    if request.port not in ports or len(request.parts) != 1 or len(request.methods) != 1:
        return False
    data = request.parts[0]
    if not isinstance(data, bytes) or fronts.parse(data) is None:
        return False
    return front != "h2" or fronts.parse(data)[0] != b"CONNECT"


def over(group, front):
    """The group as it is over this front; None: it cannot be."""
    if (group.conf is not None or group.front is not None or group.file not in FILES
            or group.name in SKIP or front == "h2" and group.file in TLS_ONLY):
        return None
    text = group.text()
    ports = _ports(text)
    requests = [r for r in group.requests if _carried(r, front, ports)]
    if not requests or re.search(r"\b(ssl|http2)\b", text):
        return None
    g = copy.copy(group)
    g.name = front + ":" + group.name
    g.front = front
    g.requests = requests
    g.server = None
    word = {"tls": " ssl", "h2": " http2"}[front]
    g.http = LISTEN.sub(lambda m: m.group(1) + word if m.group(2) in ports else m.group(0),
                        text)
    if front == "tls":
        certificate, key = fronts.certificate()
        g.files = dict(g.files, **{"front.pem": certificate, "front.key": key})
        g.http = ("ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate %%PREFIX%%/front.pem; "
                  "ssl_certificate_key %%PREFIX%%/front.key;\n" + g.http)
    return g


def load():
    out = {}
    for group in dsl.GROUPS.values():
        for front in NAMES:
            g = over(group, front)
            if g is not None:
                out[g.name] = g
    return out
