"""Real clients over TLS and HTTP/2: curl, h2load, nghttp, openssl s_client, httpx. What they
send that our own do not, and that none finds anything wrong."""

import asyncio
import os
import re
import shutil
import subprocess
import threading

import httpx
import pytest

from harness import fronts
from harness.http1 import wait_until, within

pytestmark = pytest.mark.plain("brings TLS and HTTP/2 of its own")

CONF = """
ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key;
ssl_session_cache shared:S:1m; keepalive_requests 100000; client_max_body_size 0;
server {
    listen 127.0.0.1:%%PORT%% ssl; listen 127.0.0.1:%%PORT2%%; http2 on;
    location / { return 200 "$request_method $server_protocol $ssl_protocol $ssl_cipher $ssl_session_reused"; }
    location /big { alias %%PREFIX%%/html/big; }
    location /trailer { add_trailer X-End $status; alias %%PREFIX%%/html/big; }
    location /store/ { proxy_pass http://127.0.0.1:%%PORT3%%; }
    location /pass/ { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT3%%; }
}
server { listen 127.0.0.1:%%PORT3%%; root html; dav_methods PUT; create_full_put_path on;
         client_max_body_size 0; }
"""
BIG = bytes(range(256)) * 4000
WAYS = ["--http1.1", "--http2", "--http2-prior-knowledge"]


@pytest.fixture
def s(server):
    return server(CONF, files=dict(fronts.pki(), **{"html/big": BIG, "up": BIG}))


def tool(name):
    path = shutil.which(name)
    assert path, name + " is missing"
    return path


def url(s, path, secure=True):
    return "%s://127.0.0.1:%d%s" % ("https" if secure else "http",
                                    s.port() if secure else s.port("PORT2"), path)


def run(*args, timeout=60, **more):
    return subprocess.run(args, capture_output=True, timeout=timeout, **more)


def curl(*args, **more):
    out = run(tool("curl"), "-sSk", "-m", "30", *args, **more)
    assert out.returncode == 0, out.stderr
    return out.stdout


# ---- curl ----

def ways():
    """Over TLS each; without, --http2 asks for an upgrade, and is answered in HTTP/1."""
    return [(way, secure) for way in WAYS for secure in (True, False)
            if not (way == "--http2-prior-knowledge" and secure)]


@pytest.mark.parametrize("way, secure", ways())
def test_curl(s, way, secure):
    said = curl(way, url(s, "/x", secure)).decode()
    two = way != "--http1.1" and (secure or way != "--http2")
    assert said.startswith("GET HTTP/2.0 " if two else "GET HTTP/1.1 ")
    assert curl(way, url(s, "/big", secure)) == BIG
    if way != "--http2-prior-knowledge":    # curl 7.88 cannot do that, with nginx as little
        assert curl(way, url(s, "/big", secure), url(s, "/trailer", secure)) == BIG * 2
    head = curl(way, "-I", url(s, "/big", secure)).decode()
    assert "content-length: %d" % len(BIG) in head.lower()


@pytest.mark.parametrize("where", ["store", "pass"])
@pytest.mark.parametrize("way, secure", ways())
def test_curl_uploads(s, way, secure, where):
    """With a length, without one, after 100 Continue was asked for."""
    to, there = url(s, "/%s/" % where, secure), s.path("html/%s/" % where)
    for name, args, given in (("length", ["-T", s.path("up")], None),
                              ("stdin", ["-T", "-"], BIG),
                              ("expect", ["-H", "Expect: 100-continue", "-T", s.path("up")], None),
                              ("data", ["-X", "PUT", "--data-binary", "@" + s.path("up")], None)):
        code = curl(way, "-o", "/dev/null", "-w", "%{http_code}", *args, to + name, input=given)
        assert code == b"201", name
        with open(there + name, "rb") as f:
            assert f.read() == BIG, name


def test_curl_in_parallel(s):
    """Many streams on one connection, into files."""
    args = ["--http2", "-Z", "--parallel-max", "50"]
    for i in range(60):
        args += ["-o", s.path("got%d" % i), url(s, "/big?%d" % i)]
    curl(*args)
    for i in range(60):
        assert os.path.getsize(s.path("got%d" % i)) == len(BIG)


# ---- h2load, nghttp ----

@pytest.mark.parametrize("path, more", [
    ("/x", []), ("/big", []), ("/trailer", []), ("/store/a", ["-d", "%s"]),
    ("/pass/a", ["-d", "%s"]), ("/x", ["--h1"]), ("/big", ["--h1"]),
    ("/x", ["-m", "100", "-w", "10", "-W", "12"])])
@pytest.mark.parametrize("secure", [True, False])
def test_h2load(s, path, more, secure):
    more = [s.path("up") if m == "%s" else m for m in more]
    if "-d" in more:
        more += ["-H", ":method: PUT"]
    out = run(tool("h2load"), "-n", "300", "-c", "3", "-m", "20", *more, url(s, path, secure),
              text=True)
    assert "300 succeeded, 0 failed, 0 errored, 0 timeout" in out.stdout
    assert "300 2xx, 0 3xx, 0 4xx, 0 5xx" in out.stdout


@pytest.mark.parametrize("more", [[], ["-w", "10", "-W", "11"], ["--hexdump"], ["-b", "100"],
                                  ["-m", "4"], ["--expect-continue"]])
def test_nghttp(s, more):
    """It checks what it reads against the RFCs; -v tells of what was amiss."""
    upload = ["-d", s.path("up"), "-H:method: PUT"] if "--expect-continue" in more else []
    path = "/store/n" if upload else "/trailer"
    out = run(tool("nghttp"), "-nv", "--no-verify-peer", *more, *upload, url(s, path), url(s, "/x"))
    said = (out.stdout + out.stderr).decode("latin-1")
    assert out.returncode == 0 and "[ERROR]" not in said
    assert said.count(":status: 20") == (8 if "-m" in more else 2), said
    assert upload or "x-end: 200" in said and "RST_STREAM" not in said


def test_nghttp_is_not_upgraded(s):
    """Over cleartext it asks for h2c: the answer is HTTP/1.1's."""
    out = run(tool("nghttp"), "-nv", "-u", url(s, "/x", False), text=True)
    assert "HTTP Upgrade failed" in out.stderr and "HTTP/1.1 200 OK" in out.stdout


# ---- openssl s_client ----

def s_client(s, *args, text=b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
    return run(tool("openssl"), "s_client", "-connect", "127.0.0.1:%d" % s.port(), "-servername",
               "server.example", "-ign_eof", *args, input=text).stdout.decode("latin-1")


@pytest.mark.parametrize("args, cipher", [
    ([], "TLSv1.3"), (["-tls1_2"], "TLSv1.2"), (["-tls1_3"], "TLSv1.3"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (["-ciphersuites", "TLS_AES_128_GCM_SHA256"], "TLS_AES_128_GCM_SHA256"),
    (["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "TLS_CHACHA20_POLY1305_SHA256"),
    (["-curves", "P-384"], "TLSv1.3"), (["-groups", "X25519:P-256", "-tls1_2"], "TLSv1.2"),
    (["-alpn", "http/1.1"], "TLSv1.3"), (["-nextprotoneg", "http/1.1", "-tls1_2"], "TLSv1.2"),
    (["-no_ticket", "-tls1_2"], "TLSv1.2"), (["-status"], "TLSv1.3"),
    (["-max_send_frag", "512"], "TLSv1.3"), (["-maxfraglen", "512"], "TLSv1.3"),
    (["-split_send_frag", "512", "-max_pipelines", "2"], "TLSv1.3"),
    (["-no_etm", "-tls1_2"], "TLSv1.2"), (["-legacy_renegotiation", "-tls1_2"], "TLSv1.2"),
    (["-noservername"], "TLSv1.3"), (["-keymatexport", "label"], "TLSv1.3"),
    (["-sigalgs", "ECDSA+SHA256"], "TLSv1.3"), (["-record_padding", "256"], "TLSv1.3"),
    (["-no_middlebox"], "TLSv1.3"), (["-bugs"], "TLSv1.3"), (["-async"], "TLSv1.3")])
def test_s_client(s, args, cipher):
    if "-noservername" in args:
        out = run("openssl", "s_client", "-connect", "127.0.0.1:%d" % s.port(), "-ign_eof", *args,
                  input=b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                  ).stdout.decode("latin-1")
    else:
        out = s_client(s, *args)
    said = re.search(r"GET HTTP/1.1 (\S+) (\S+) (\S)", out)
    assert said and cipher in said.groups(), out


@pytest.mark.parametrize("args", [["-tls1_1"], ["-tls1"], ["-tls1_2", "-cipher", "NULL"],
                                  ["-alpn", "smtp"], ["-curves", "P-521", "-sigalgs", "RSA+SHA1"]])
def test_s_client_is_refused(s, args):
    assert "GET HTTP/1.1" not in s_client(s, *args)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client_comes_again(s, version, tmp_path):
    kept = str(tmp_path / "session")
    assert " ." in s_client(s, version, "-sess_out", kept)
    for _ in range(3):
        assert re.search(r"GET HTTP/1.1 \S+ \S+ r", s_client(s, version, "-sess_in", kept,
                                                             "-sess_out", kept))
    if version == "-tls1_2":
        out = s_client(s, version, "-reconnect")
        assert out.count("Reused, TLSv1.2") == 5


def test_s_client_keys_are_renewed(s):
    """Its commands K and k: new keys of TLS 1.3, ours as well; R: a renegotiation of 1.2,
    which is refused."""
    ask = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
    for version, commands, word, answers in (("-tls1_3", "KkK", "KEYUPDATE", 4),
                                             ("-tls1_2", "R", "RENEGOTIATING", 1)):
        c = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % s.port(),
                              version], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        said = []
        reader = threading.Thread(target=lambda: [said.append(x) for x in iter(
            lambda: os.read(c.stdout.fileno(), 65536), b"")])
        reader.start()

        def told(what):
            return b"".join(said).decode("latin-1").count(what)
        # A command is one only at the beginning of what is read at once.
        for n, command in enumerate(commands + " "):
            if n >= answers:
                break
            c.stdin.write(ask)
            c.stdin.flush()
            wait_until(lambda: told("GET HTTP/1.1 TLS") == n + 1)
            c.stdin.write(command.encode() + b"\n")
            c.stdin.flush()
            wait_until(lambda: command == " " or told(word) == n + 1)
        c.stdin.close()
        c.wait(20)
        reader.join(20)
        c.stdout.close()
        assert told("GET HTTP/1.1 TLS") == answers


# ---- httpx ----

def asks(s, secure):
    return dict(http1=False, http2=True, base_url=url(s, "", secure), timeout=within(30),
                verify=fronts.tls_context())


@pytest.mark.parametrize("secure", [True, False])
def test_httpx(s, secure):
    with httpx.Client(**asks(s, secure)) as c:
        r = c.get("/big")
        assert (r.http_version, r.status_code, r.content) == ("HTTP/2", 200, BIG)
        etag = r.headers["etag"]
        assert c.get("/big", headers={"If-None-Match": etag}).status_code == 304
        assert c.get("/big", headers={"Range": "bytes=5-9"}).content == BIG[5:10]
        r = c.head("/big")
        assert r.headers["content-length"] == str(len(BIG)) and r.content == b""
        assert c.get("/store/no").status_code == 404
        for path in ("/store/a", "/pass/b"):
            for body in (b"", b"x", BIG, [BIG[i:i + 9999] for i in range(0, len(BIG), 9999)]):
                status = c.put(path, content=iter(body) if isinstance(body, list) else body)
                assert status.status_code in (201, 204)
                whole = b"".join(body) if isinstance(body, list) else body
                assert c.get(path).content == whole


@pytest.mark.parametrize("secure", [True, False])
def test_httpx_at_once(s, secure):
    """A hundred streams of one connection."""
    async def one(c, i):
        if i % 4 == 0:
            return (await c.get("/big")).content == BIG
        if i % 4 == 1:
            return (await c.put("/pass/%d" % i, content=BIG)).status_code == 201
        if i % 4 == 2:
            async with c.stream("GET", "/trailer") as r:
                return r.status_code == 200 and await r.aread() == BIG
        return (await c.get("/")).text.startswith("GET HTTP/2.0")

    async def all():
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1),
                                     **asks(s, secure)) as c:
            return await asyncio.gather(*(one(c, i) for i in range(100)))

    assert asyncio.run(all()) == [True] * 100
