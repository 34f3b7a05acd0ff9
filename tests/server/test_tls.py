"""TLS from outside: who answers to which name, resumption, client certificates,
plain requests on TLS ports, and TLS towards upstreams."""

import re
import socket
import ssl
import subprocess
import time

import pytest


def openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certs")
    folder.chmod(0o755)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    for name in ("a.example", "b.example", "ca"):
        openssl("req", "-x509", *curve, "-nodes", "-keyout", name + ".key", "-out",
                name + ".pem", "-days", "30", "-subj", "/CN=" + name, "-addext",
                "subjectAltName=DNS:" + name, cwd=folder)
    openssl("req", *curve, "-passout", "pass:secret", "-keyout", "client.key", "-out",
            "client.csr", "-subj", "/CN=client", cwd=folder)
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-out", "client.pem", "-days", "10", cwd=folder)
    (folder / "pass").write_text("wrong\nsecret\n")
    return folder


def context(version=None, client=None, alpn=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version:
        c.minimum_version = c.maximum_version = version
    if client:
        c.load_cert_chain(str(client / "client.pem"), str(client / "client.key"), "secret")
    if alpn:
        c.set_alpn_protocols(alpn)
    return c


def ask(s, name="a.example", host=None, path="/", ctx=None, session=None):
    """The answer's text, the peer's certificate, the session."""
    ctx = ctx or context()
    with socket.create_connection(("127.0.0.1", s.port()), 5) as raw:
        with ctx.wrap_socket(raw, server_hostname=name, session=session) as t:
            t.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                       % (path, host or name or "a.example")).encode())
            data = b""
            while True:
                part = t.recv(65536)
                if not part:
                    break
                data += part
            return data.decode("latin-1"), t.getpeercert(True), t.session


def der(certs, name):
    return ssl.PEM_cert_to_DER_cert((certs / (name + ".pem")).read_text())


TWO = """
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name a.example;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    location / { return 200 "a $ssl_protocol $ssl_server_name $ssl_session_reused $scheme $https $ssl_client_verify."; }
    location /big { alias %%PREFIX%%/html/big; }
}
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name b.example;
    ssl_certificate %%C%%/$ssl_server_name.pem; ssl_certificate_key %%C%%/b.example.key;
    ssl_protocols TLSv1.2;
    location / { return 200 "b $ssl_protocol"; }
}
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name no.example; ssl_reject_handshake on;
}
"""


def test_each_name_has_its_certificate(server, certs):
    s = server(TWO, names={"C": certs})
    text, cert, _ = ask(s)
    assert cert == der(certs, "a.example")
    assert "a TLSv1.3 a.example . https on NONE." in text
    text, cert, _ = ask(s, "b.example")
    assert cert == der(certs, "b.example") and text.endswith("b TLSv1.2")
    text, cert, _ = ask(s, None)
    assert cert == der(certs, "a.example")
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        ask(s, "no.example")


def test_large_bodies_arrive_whole(server, certs):
    body = bytes(range(256)) * 8000
    s = server(TWO, names={"C": certs}, files={"html/big": body})
    text, _, _ = ask(s, path="/big")
    assert text.partition("\r\n\r\n")[2].encode("latin-1") == body


@pytest.mark.parametrize("settings", [
    "", "ssl_session_tickets off; ssl_session_cache shared:S:1m;",
    "ssl_session_cache builtin:100;"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_by_every_worker(server, certs, version, settings):
    workers = 1 if "builtin" in settings else 3
    s = server(TWO, names={"C": certs}, http=settings, workers=workers)
    ctx = context(version)
    _, _, session = ask(s, ctx=ctx)
    for _ in range(8):
        text, _, again = ask(s, ctx=ctx, session=session)
        assert " r https" in text
        session = again


def test_sessions_survive_a_reload(server, certs):
    s = server(TWO, names={"C": certs})
    ctx = context(ssl.TLSVersion.TLSv1_2)
    _, _, session = ask(s, ctx=ctx)
    old = s.workers()
    s.signal("HUP")
    deadline = time.monotonic() + 10
    while set(old) & set(s.workers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    text, _, _ = ask(s, ctx=ctx, session=session)
    assert " r https" in text


def test_plain_requests_are_answered_497(server, certs):
    s = server(TWO, names={"C": certs})
    answer = s.get("/")
    assert answer.status == 400
    assert b"The plain HTTP request was sent to HTTPS port" in answer.body


@pytest.mark.parametrize("offer, chosen", [
    (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")])
def test_alpn(server, certs, offer, chosen):
    s = server(TWO, names={"C": certs})
    with socket.create_connection(("127.0.0.1", s.port()), 5) as raw:
        with context(alpn=offer).wrap_socket(raw, server_hostname="a.example") as t:
            assert t.selected_alpn_protocol() == chosen


def test_no_common_protocol_is_refused(server, certs):
    s = server(TWO, names={"C": certs})
    with pytest.raises(ssl.SSLError):
        ask(s, ctx=context(alpn=["smtp"]))


CLIENT = """
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name a.example;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    ssl_verify_client %%V%%; ssl_client_certificate %%C%%/ca.pem;
    location / { return 200 "$ssl_client_verify $ssl_client_s_dn"; }
}
"""


@pytest.mark.parametrize("verify, with_one, wanted", [
    ("on", True, "SUCCESS CN=client"), ("on", False, "No required SSL certificate was sent"),
    ("optional", True, "SUCCESS CN=client"), ("optional", False, "NONE ")])
def test_client_certificates(server, certs, verify, with_one, wanted):
    s = server(CLIENT, names={"C": certs, "V": verify})
    text, _, _ = ask(s, ctx=context(client=certs if with_one else None))
    assert wanted in text


def test_a_client_certificate_of_nobody(server, certs):
    s = server(CLIENT.replace("%%C%%/ca.pem", "%%C%%/b.example.pem"),
               names={"C": certs, "V": "on"})
    text, _, _ = ask(s, ctx=context(client=certs))
    assert "The SSL certificate error" in text


def test_another_host_on_a_verified_connection(server, certs):
    s = server(CLIENT, names={"C": certs, "V": "on"})
    text, _, _ = ask(s, host="other.example", ctx=context(client=certs))
    assert text.startswith("HTTP/1.1 421 ")


def test_half_handshakes_do_not_hold_others_up(server, certs):
    s = server("""
daemon off; pid logs/server.pid; worker_rlimit_nofile 8192; error_log logs/error.log info;
events { worker_connections 4096; }
http { access_log off; client_header_timeout 30s; %s }
""" % TWO, names={"C": certs})
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    held = []
    for i in range(1500):
        c = socket.create_connection(("127.0.0.1", s.port()), 5)
        c.sendall(hello[:1 + i % len(hello)])
        held.append(c)
    began = time.monotonic()
    for _ in range(5):
        assert "a TLSv1.3" in ask(s)[0]
    assert time.monotonic() - began < 5
    for c in held:
        c.close()
    assert "a TLSv1.3" in ask(s)[0]
