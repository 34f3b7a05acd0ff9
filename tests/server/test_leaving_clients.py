"""Clients that leave: what they wanted ends as with nginx, and what is logged is what
they were sent."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager

import pytest

from harness import fronts, http1
from harness.http1 import wait_until
from harness.server import Server

CONF = """
log_format brief '$request_uri $status $body_bytes_sent';
server {
    listen 127.0.0.1:%%PORT%% sndbuf=64k;
    access_log logs/a.log brief;
    location / { return 200 here; }
    location /big { alias %%PREFIX%%/html/big; }
    location /proxy { proxy_pass http://127.0.0.1:%%U%%; }
    location /proxy/on { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%%U%%; }
    route GET /fetch { fetch f = http://127.0.0.1:%%U%%/x; text {{ f.text }}; }
    route GET /change { fetch f = http://127.0.0.1:%%U%%/x { method POST; } text {{ f.text }}; }
}
"""
MAIN = "load_module modules/http_route_module.so;\nload_module modules/http_fetch_module.so;\n"
LATE = [0.4, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"]
SIZE = 8000000


@pytest.fixture
def s(server, upstream):
    u = upstream({target: LATE for target in ("/proxy", "/proxy/on", "/x")})
    return server(CONF, main=MAIN, names={"U": u.port}, files={"html/big": b"x" * SIZE})


@contextmanager
def stopped(s):
    """What happens meanwhile the worker learns of at once."""
    workers = s.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
        time.sleep(0.05)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def log_of(s, target):
    return [line for line in s.read("logs/a.log").splitlines()
            if line.startswith(target + " ")]


@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize("target,status", [
    ("/proxy", 499), ("/proxy/on", 200), ("/fetch", 499), ("/change", 200)])
def test_with_the_request(s, target, status, how):
    """Its end comes together with the request, and nothing after it."""
    c = s.connect()
    assert c.get("/").body == b"here"
    with stopped(s):
        c.send(http1.build(target))
        getattr(c, how)()
    lines = wait_until(lambda: log_of(s, target))
    assert [line.split()[1] for line in lines] == [str(status)]


@pytest.mark.plain("a close_notify alone is no end, with nginx neither")
@pytest.mark.parametrize("together", [True, False])
def test_half(s, together):
    c = s.connect()
    assert c.get("/").body == b"here"
    if together:
        with stopped(s):
            c.send(http1.build("/proxy"))
            c.half_close()
    else:
        c.send(http1.build("/proxy"))
        time.sleep(0.1)
        c.half_close()
    assert wait_until(lambda: log_of(s, "/proxy")) == ["/proxy 499 0"]
    c.close()


def test_bytes_that_were_sent(s):
    c = s.connect(room=16384)
    c.send(http1.build("/big"))
    time.sleep(0.2)
    c.abort()
    _, status, n = wait_until(lambda: log_of(s, "/big"))[0].split()
    assert status == "200" and int(n) < SIZE
    with s.connect() as c:
        assert len(c.get("/big").body) == SIZE
    assert wait_until(lambda: len(log_of(s, "/big")) == 2)
    assert log_of(s, "/big")[1] == "/big 200 %d" % SIZE


# Lines about connections, beside nginx's

LINES = """
ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key;
ssl_protocols TLSv1.2 TLSv1.3; client_header_timeout 400ms; client_body_timeout 400ms;
server { listen 127.0.0.1:%%PORT2%% ssl; keepalive_timeout 20s; return 200 a; }
server { listen 127.0.0.1:%%PORT3%% ssl; server_name v; ssl_verify_client on;
         ssl_client_certificate %%PREFIX%%/server.pem; return 200 a; }
server { listen 127.0.0.1:%%PORT4%% ssl; server_name r; ssl_reject_handshake on; }
server { listen 127.0.0.1:%%PORT%%; location / { proxy_pass http://127.0.0.1:%%PORT%%/x; }
         location /x { return 200 a; } }
server { listen 127.0.0.1:%%PORT5%% proxy_protocol; return 200 a; }
"""
UPLOAD = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"


def raw(port, data, wait=0.05, end="close"):
    c = socket.create_connection(("127.0.0.1", port))
    c.sendall(data)
    time.sleep(wait)
    if end == "reset":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if end == "half":
        c.shutdown(socket.SHUT_WR)
    if end in ("half", "late"):         # the server ends it
        c.settimeout(http1.WAIT)
        while c.recv(4096):
            pass
    c.close()


def openssl(port, *args, data=b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
    subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-quiet", *args],
                   input=data, capture_output=True, timeout=60)


def distrusts(port, version):
    context = ssl.create_default_context(cafile=None)
    context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port)) as c, pytest.raises(ssl.SSLError):
        context.wrap_socket(c, server_hostname="a")


def broken_record(port):
    c = fronts.TlsConnection(port)
    assert c.get("/").body == b"a"
    sock = socket.socket(fileno=os.dup(c.sock.fileno()))
    sock.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    time.sleep(0.05)
    sock.close()
    c.close()


def unfinished(port, end):
    c = fronts.TlsConnection(port)
    c.send(b"GET /a HT")
    if end == "half":
        c.half_close()
    try:
        c.read_to_end(http1.WAIT)
    except ConnectionResetError:        # of what it has not read
        pass
    c.close()


def head(*lines):
    return b"\r\n".join((b"GET /x HTTP/1.1", b"Host: a") + lines) + b"\r\n\r\n"


def refused(port, data):
    raw(port, data, end="half")


CASES = {
    "a-hello-that-is-none": lambda p: raw(p["TLS"], b"\x16\x03\x01\x00\x05hello"),
    "no-hello": lambda p: raw(p["TLS"], b""),
    "no-hello-reset": lambda p: raw(p["TLS"], b"", end="reset"),
    "half-a-hello": lambda p: raw(p["TLS"], b"\x16\x03\x01\x02\x00\x01"),
    "no-hello-in-time": lambda p: raw(p["TLS"], b"", end="late"),
    "half-a-hello-in-time": lambda p: raw(p["TLS"], b"\x16\x03\x01\x02\x00\x01", end="late"),
    "old-protocol": lambda p: openssl(p["TLS"], "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    "no-cipher": lambda p: openssl(p["TLS"], "-tls1_2", "-cipher", "NULL:@SECLEVEL=0"),
    "no-certificate": lambda p: openssl(p["CERT"]),
    "rejected": lambda p: openssl(p["NONE"]),
    "half-a-line-over-tls": lambda p: unfinished(p["TLS"], "half"),
    "half-a-line-over-tls-in-time": lambda p: unfinished(p["TLS"], "late"),
    "broken-record": lambda p: broken_record(p["TLS"]),
    "an-alert-of-1.2": lambda p: distrusts(p["TLS"], ssl.TLSVersion.TLSv1_2),
    "an-alert-of-1.3": lambda p: distrusts(p["TLS"], ssl.TLSVersion.TLSv1_3),
    "nothing": lambda p: raw(p["PORT"], b""),
    "nothing-reset": lambda p: raw(p["PORT"], b"", end="reset"),
    "nothing-in-time": lambda p: raw(p["PORT"], b"", end="late"),
    "half-a-line": lambda p: raw(p["PORT"], b"GET / HTT"),
    "half-a-head": lambda p: raw(p["PORT"], b"GET /p HTTP/1.1\r\nHost: a\r\nFo"),
    "half-a-head-reset": lambda p: raw(p["PORT"], b"GET /p HTTP/1.1\r\nHost: a\r\nFo",
                                       end="reset"),
    "half-a-body": lambda p: raw(p["PORT"], UPLOAD),
    "half-a-body-reset": lambda p: raw(p["PORT"], UPLOAD, end="reset"),
    "no-proxy-header-in-time": lambda p: raw(p["PROXY"], b"", end="late"),
    "bad-name": lambda p: refused(p["PORT"], head(b"X A: 1")),
    "no-name": lambda p: refused(p["PORT"], head(b": 1")),
    "nul-in-a-value": lambda p: refused(p["PORT"], head(b"X-A: a\x00b")),
    "odd-name": lambda p: refused(p["PORT"], head(b"X@A: 1")),
    "two-hosts": lambda p: refused(p["PORT"], head(b"Host: b")),
    "two-lengths": lambda p: refused(p["PORT"], head(b"Content-Length: 1", b"Content-Length: 2")),
    "bad-length": lambda p: refused(p["PORT"], head(b"Content-Length: x")),
    "unknown-coding": lambda p: refused(p["PORT"], head(b"Transfer-Encoding: gzip")),
    "length-and-coding": lambda p: refused(p["PORT"], head(b"Content-Length: 1",
                                                          b"Transfer-Encoding: chunked")),
    "long-header": lambda p: refused(p["PORT"], head(b"X-A: " + b"b" * 10000)),
    "bad-host": lambda p: refused(p["PORT"], b"GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "second-is-garbage": lambda p: refused(p["PORT"], head() + b"garbage\r\n\r\n"),
    "a-bad-request-over-tls": lambda p: openssl(p["TLS"], data=b"get / HTTP/1.1\r\n\r\n"),
}
MARK = "without \"Host\""
NAMES = {"PORT": "PORT", "TLS": "PORT2", "CERT": "PORT3", "NONE": "PORT4", "PROXY": "PORT5"}


@pytest.fixture(scope="module")
def both(fronted):
    files = dict(fronts.pki())
    pair = [Server(LINES, kind=kind, files=files) for kind in ("nginx", "weir")]
    yield pair
    for s in pair:
        s.stop()
        s.remove()


def lines_of(s, case):
    """What it logs in this case, without numbers."""
    ports = {name: s.port(given) for name, given in NAMES.items()}
    with open(s.prefix + "/logs/error.log") as f:
        f.seek(0, 2)
        CASES[case](ports)
        raw(ports["PORT"], b"GET /x HTTP/1.1\r\n\r\n", end="half")
        text = []
        wait_until(lambda: text.append(f.read()) or MARK in "".join(text))
    out = []
    for line in "".join(text).splitlines():
        if "*" not in line or MARK in line:
            continue
        line = re.sub(r"^.*?\] \d+#\d+: \*\d+ ", "", line)
        line = re.sub(r', request_id: "\w+"', "", line)
        for name, port in ports.items():
            line = line.replace(str(port), name)
        out.append(line)
    return out


@pytest.mark.plain("brings TLS of its own")
@pytest.mark.parametrize("case", sorted(CASES))
def test_lines_as_nginx(both, case):
    theirs, ours = [lines_of(s, case) for s in both]
    assert ours == theirs and ours
