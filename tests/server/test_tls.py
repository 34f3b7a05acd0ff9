"""TLS from outside: who answers to which name, resumption, client certificates,
plain requests on TLS ports, and TLS towards upstreams."""

import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness import http2
from harness.http1 import wait_until, within
from harness.pki import pki, tls_context

pytestmark = pytest.mark.plain("brings TLS of its own")


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


OPENSSL_CONFS = {
    "a policy for algorithms": "alg_section = a\n[a]\ndefault_properties = provider=default\n",
    "more providers": "providers = p\n[p]\ndefault = d\nlegacy = d\n[d]\nactivate = 1\n",
    "bounds of its own": "ssl_conf = s\n[s]\nsystem_default = l\n[l]\nMinProtocol = TLSv1.3\n"
                         "Ciphersuites = TLS_AES_128_CCM_SHA256\n",
}


@pytest.mark.parametrize("text", OPENSSL_CONFS.values(), ids=OPENSSL_CONFS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_openssl_may_be_configured(server, certs, tmp_path, version, text):
    """Keys are derived by ours or by OpenSSL's own: the client sees no difference."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text("openssl_conf = init\n[init]\n" + text)
    s = server(TWO, names={"C": certs}, env={"OPENSSL_CONF": str(conf)})
    ctx = context(version)
    _, _, session = ask(s, ctx=ctx)
    answer, _, _ = ask(s, ctx=ctx, session=session)
    assert "a %s a.example r https" % version.name.replace("_", ".") in answer


def reload(s):
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: not set(old) & set(s.workers()), 10)


def test_sessions_survive_a_reload(server, certs):
    s = server(TWO, names={"C": certs})
    ctx = context(ssl.TLSVersion.TLSv1_2)
    _, _, session = ask(s, ctx=ctx)
    reload(s)
    text, _, _ = ask(s, ctx=ctx, session=session)
    assert " r https" in text


def test_plain_requests_are_answered_497(server, certs):
    s = server(TWO, names={"C": certs})
    answer = s.get("/")
    assert answer.status == 400
    assert b"The plain HTTP request was sent to HTTPS port" in answer.body


@pytest.mark.parametrize("request_", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\r\n", b"GET /\n", b"\r\nGET / \r\n",
    http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0)
    + http2.frame(http2.HEADERS, http2.END_STREAM | http2.END_HEADERS, 1, http2.request())])
@pytest.mark.parametrize("listen, h2", [("ssl", "off"), ("ssl", "on"), ("ssl http2", "off")])
def test_nothing_is_served_without_tls(server, certs, request_, listen, h2):
    """However old or new the HTTP is: else nobody would have to show his certificate."""
    s = server("""
http2 %s;
server {
    listen 127.0.0.1:%%%%PORT%%%% %s;
    ssl_certificate %%%%C%%%%/a.example.pem; ssl_certificate_key %%%%C%%%%/a.example.key;
    ssl_verify_client on; ssl_client_certificate %%%%C%%%%/a.example.pem;
    return 200 secret;
}""" % (h2, listen), names={"C": certs})
    with socket.create_connection(("127.0.0.1", s.port()), 5) as c:
        c.sendall(request_)
        c.shutdown(socket.SHUT_WR)
        data = b""
        while part := c.recv(65536):
            data += part
    assert data and b"secret" not in data


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


@pytest.mark.parametrize("light", ["on", "off"])
@pytest.mark.parametrize("key, version, scheme", [
    (["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "1_3", "ecdsa_secp256r1_sha256"),
    (["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "1_3", "ecdsa_secp384r1_sha384"),
    (["ed25519"], "1_3", "ed25519"), (["rsa:2048"], "1_3", "rsa_pss_rsae_sha256"),
    (["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], "1_2", "rsa_pss_pss_sha256")])
def test_how_both_have_signed(server, tmp_path, key, version, scheme, light):
    tmp_path.chmod(0o755)
    openssl("req", "-x509", "-newkey", *key, "-nodes", "-keyout", "k", "-out", "c", "-days",
            "30", "-subj", "/CN=a", cwd=tmp_path)
    s = server("""
server {
    listen 127.0.0.1:%%PORT%% ssl; ssl_certificate %%C%%/c; ssl_certificate_key %%C%%/k;
    ssl_verify_client optional_no_ca; ssl_light %%L%%;
    location / { return 200 "[$ssl_sigalg|$ssl_client_sigalg]"; }
}
server {
    listen 127.0.0.1:%%PORT2%% ssl; ssl_certificate %%C%%/c; ssl_certificate_key %%C%%/k;
    ssl_light %%L%%; location / { return 200 "[$ssl_sigalg|$ssl_client_sigalg]"; }
}""", names={"C": tmp_path, "L": light})
    ctx = context(getattr(ssl.TLSVersion, "TLSv" + version))
    assert ask(s, ctx=ctx)[0].endswith("[%s|]" % scheme)
    with socket.create_connection(("127.0.0.1", s.port("PORT2")), 5) as raw, \
            ctx.wrap_socket(raw) as t:
        t.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert t.recv(65536).endswith(("[%s|]" % scheme).encode())
    ctx.load_cert_chain(str(tmp_path / "c"), str(tmp_path / "k"))
    answer, _, session = ask(s, ctx=ctx)
    assert answer.endswith("[%s|%s]" % (scheme, scheme))


ONE = """
server {
    listen 127.0.0.1:%%PORT%% ssl; ssl_light %%L%%; location / { return 200 one; }
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
}
"""

# Notes whose derivation of keys TLS asks for.
KDF = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
void *EVP_KDF_fetch(void *lib, const char *name, const char *wish)
{
    void *(*real)(void *, const char *, const char *) = dlsym(RTLD_NEXT, "EVP_KDF_fetch");
    int fd = open(getenv("NOTES"), O_WRONLY | O_APPEND);
    if (strcmp(name, "TLS13-KDF") == 0 && write(fd, wish ? wish : "-", wish ? strlen(wish) : 1) >= 0)
        write(fd, "\n", 1);
    close(fd);
    return real(lib, name, wish);
}
"""


@pytest.mark.parametrize("light, wanted", [("on", "?provider=weir"), ("off", "-")])
def test_who_derives_the_keys(server, certs, tmp_path, light, wanted):
    """With ssl_light off the context is as OpenSSL makes it."""
    tmp_path.chmod(0o755)
    (tmp_path / "kdf.c").write_text(KDF)
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", tmp_path / "kdf.so",
                    tmp_path / "kdf.c"], check=True)
    notes = tmp_path / "notes"
    notes.write_text("")
    notes.chmod(0o666)
    s = server(ONE, names={"C": certs, "L": light},
               main="env LD_PRELOAD; env NOTES;", env={
                   "LD_PRELOAD": str(tmp_path / "kdf.so"), "NOTES": str(notes),
                   # A server built with AddressSanitizer would want to stand first.
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                                   + ":verify_asan_link_order=0"})
    notes.write_text("")                # of reading the conf
    assert ask(s, ctx=context(ssl.TLSVersion.TLSv1_3))[0].endswith("one")
    assert set(notes.read_text().split("\n")) == {wanted, ""}


PASSWORDS = """
server {
    listen 127.0.0.1:%%PORT2%% ssl; ssl_certificate %%C%%/crt; ssl_certificate_key %%C%%/locked;
    ssl_password_file %%C%%/passwords; ssl_verify_client optional_no_ca;
    location / { return 200 "$ssl_client_s_dn"; }
}
server {
    listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass https://127.0.0.1:%%PORT2%%; proxy_ssl_certificate %%C%%/crt;
                 proxy_ssl_certificate_key %%C%%/locked; proxy_ssl_password_file %%C%%/passwords; }
}
"""


def test_blanks_are_part_of_a_password(server, tmp_path):
    """On both sides, as in nginx; an empty line is none, the end of a line may be CR LF."""
    tmp_path.chmod(0o755)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "key", "-out", "crt", "-days", "30", "-subj", "/CN=it", cwd=tmp_path)
    openssl("pkey", "-in", "key", "-out", "locked", "-aes128", "-passout", "pass: a b ",
            cwd=tmp_path)
    (tmp_path / "passwords").write_bytes(b"a b\r\n\r\n a b \r\n")
    s = server(PASSWORDS, names={"C": tmp_path})
    assert s.get("/").text == "CN=it"


def test_a_client_certificate_of_nobody(server, certs):
    s = server(CLIENT.replace("%%C%%/ca.pem", "%%C%%/b.example.pem"),
               names={"C": certs, "V": "on"})
    text, _, _ = ask(s, ctx=context(client=certs))
    assert "The SSL certificate error" in text


def test_another_host_on_a_verified_connection(server, certs):
    """As nginx: where SNI chose a server by its name."""
    s = server(CLIENT + CLIENT.replace("a.example;", "z.example;"),
               names={"C": certs, "V": "on"})
    text, _, _ = ask(s, host="other.example", ctx=context(client=certs))
    assert text.startswith("HTTP/1.1 421 ")
    text, _, _ = ask(s, ctx=context(client=certs))
    assert text.startswith("HTTP/1.1 200 ")
    text, _, _ = ask(s, name="unknown", host="other.example", ctx=context(client=certs))
    assert text.startswith("HTTP/1.1 200 ")


def test_half_handshakes_do_not_hold_others_up(server, certs):
    s = server(TWO, names={"C": certs}, main="worker_rlimit_nofile 4096;",
               http="client_header_timeout 2s;")
    held = []
    for i in range(200):
        c = socket.create_connection(("127.0.0.1", s.port()), 5)
        c.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[:i % 8])
        held.append(c)
    assert "a TLSv1.3" in ask(s)[0]
    held[7].settimeout(6)
    assert held[7].recv(100) == b""
    for c in held:
        c.close()


@pytest.mark.parametrize("conf, message", [
    ("listen 127.0.0.1:%%PORT%% ssl;", 'no "ssl_certificate" is defined'),
    ("listen 127.0.0.1:%%PORT%% ssl; ssl_certificate /nowhere.pem;",
     'no "ssl_certificate_key" is defined'),
    ("listen 127.0.0.1:%%PORT%% ssl; ssl_certificate /nowhere.pem;"
     " ssl_certificate_key /nowhere.key;", 'cannot load certificate "/nowhere.pem"'),
    ("listen 127.0.0.1:%%PORT%% ssl; ssl_certificate %%C%%/client.pem;"
     " ssl_certificate_key %%C%%/client.key;", "it is encrypted, and no file of passwords"),
    ("ssl_session_cache shared:S;", "invalid session cache"),
    ("ssl_session_cache unknown;", "invalid session cache"),
    ("ssl_ciphers nonsense; listen 127.0.0.1:%%PORT%% ssl; ssl_certificate"
     " %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;",
     "SSL_CTX_set_cipher_list"),
])
def test_bad_confs(certs, conf, message):
    from harness.server import Server
    s = Server("server { %s }" % conf, names={"C": certs}, wait=False)
    try:
        result = s.run("-t")
        assert result.returncode != 0 and message in result.stderr
    finally:
        s.stopped = True
        import shutil
        shutil.rmtree(s.prefix)


UP = """
server {
    listen 127.0.0.1:%%PORT2%% ssl; server_name a.example; access_log off;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    ssl_verify_client optional; ssl_client_certificate %%C%%/ca.pem;
    location / { return 200 "$ssl_protocol [$ssl_server_name] [$ssl_client_s_dn] $ssl_session_reused $request_method"; }
    location /echo { client_max_body_size 0; return 200 "ok"; }
}
server {
    listen 127.0.0.1:%%PORT%%; proxy_set_header Host a.example;
    proxy_ssl_trusted_certificate %%C%%/a.example.pem; proxy_ssl_name a.example;
    proxy_set_header Connection close;
    location /plain { proxy_pass https://127.0.0.1:%%PORT2%%/; }
    location /old { proxy_pass https://127.0.0.1:%%PORT2%%/; proxy_ssl_protocols TLSv1.2; }
    location /sni { proxy_pass https://127.0.0.1:%%PORT2%%/; proxy_ssl_server_name on;
                    proxy_ssl_verify on; }
    location /cert { proxy_pass https://127.0.0.1:%%PORT2%%/;
                     proxy_ssl_certificate %%C%%/client.pem;
                     proxy_ssl_certificate_key %%C%%/client.key;
                     proxy_ssl_password_file %%C%%/pass; }
    location /wrong { proxy_pass https://127.0.0.1:%%PORT2%%/; proxy_ssl_verify on;
                      proxy_ssl_name b.example; }
    location /unknown { proxy_pass https://127.0.0.1:%%PORT2%%/; proxy_ssl_verify on;
                        proxy_ssl_trusted_certificate %%C%%/b.example.pem; }
    location /variable { set $to 127.0.0.1:%%PORT2%%; proxy_pass https://$to/; }
    location /no-tls { proxy_pass https://127.0.0.1:%%PORT%%/; }
}
"""


@pytest.mark.parametrize("path, status, wanted", [
    ("/plain", 200, "TLSv1.3 [] []"), ("/old", 200, "TLSv1.2 [] []"),
    ("/sni", 200, "TLSv1.3 [a.example] []"), ("/cert", 200, "TLSv1.3 [] [CN=client]"),
    ("/variable", 200, "TLSv1.3 [] []"), ("/wrong", 502, ""), ("/unknown", 502, ""),
    ("/no-tls", 502, "")])
def test_upstreams(server, certs, path, status, wanted):
    s = server(UP, names={"C": certs})
    answer = s.get(path)
    assert answer.status == status
    assert wanted in answer.body.decode()
    if path == "/wrong":
        assert 'does not match "b.example"' in s.error_log()


def test_upstream_sessions_are_resumed(server, certs):
    s = server(UP, names={"C": certs})
    texts = [s.get("/old").body.decode() for _ in range(3)]
    assert re.search(r" \. GET$", texts[0]) and re.search(r" r GET$", texts[-1])


def test_upstream_sessions_of_some_names(server, certs):
    """They do not push each other out."""
    s = server("""
server {
    listen 127.0.0.1:%%PORT2%% ssl; access_log off;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    return 200 "$ssl_server_name $ssl_session_reused";
}
server {
    listen 127.0.0.1:%%PORT%%; proxy_set_header Connection close;
    proxy_ssl_server_name on; proxy_ssl_name $arg_n;
    location / { proxy_pass https://127.0.0.1:%%PORT2%%/; }
}""", names={"C": certs})
    for round in range(4):
        for n in range(16):
            text = s.get("/?n=n%d.example" % n).body.decode()
            assert text.startswith("n%d.example " % n)
    reused = [s.get("/?n=n%d.example" % n).body.decode()[-1] for n in range(16)]
    assert reused.count("r") >= 10


def test_upstream_sessions_are_of_one_certificate(server, certs):
    """Who resumes a session is taken for who began it."""
    s = server("""
server {
    listen 127.0.0.1:%%PORT2%% ssl; access_log off;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    ssl_verify_client optional_no_ca;
    location / { return 200 "$ssl_client_s_dn $ssl_session_reused"; }
}
server {
    listen 127.0.0.1:%%PORT%%; proxy_set_header Connection close;
    proxy_ssl_certificate %%C%%/$arg_c.pem; proxy_ssl_certificate_key %%C%%/$arg_c.key;
    location / { proxy_pass https://127.0.0.1:%%PORT2%%/; }
    location /old { proxy_pass https://127.0.0.1:%%PORT2%%/; proxy_ssl_protocols TLSv1.2; }
}""", names={"C": certs})
    for path in ("/", "/old"):
        texts = [s.get("%s?c=%s.example" % (path, c)).body.decode() for c in "abaabbab"]
        assert [t[:4] for t in texts] == ["CN=" + c for c in "abaabbab"]
        assert texts[-2:] == ["CN=a.example r", "CN=b.example r"]


SLOW = """
server {
    listen 127.0.0.1:%%PORT%% ssl sndbuf=8k;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    location /big { alias %%PREFIX%%/html/big; }
    location /up { proxy_pass https://127.0.0.1:%%PORT%%/big; }
    location / { return 200 hi; }
}
"""


@pytest.mark.parametrize("path", ["/big", "/up"])
def test_slow_readers_get_every_byte(server, certs, path):
    """What the kernel takes in parts is neither lost nor sent twice."""
    body = bytes(range(251)) * 20000
    s = server(SLOW, names={"C": certs}, files={"html/big": body})
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    raw.settimeout(20)
    raw.connect(("127.0.0.1", s.port()))
    with context().wrap_socket(raw, server_hostname="a.example") as t:
        t.sendall(("GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n" % path).encode())
        data, n = b"", 0
        while len(data.partition(b"\r\n\r\n")[2]) < len(body):
            if n % 40 == 0:
                time.sleep(0.001)
            n += 1
            part = t.recv(50000)
            assert part
            data += part
        assert data.partition(b"\r\n\r\n")[2] == body
        t.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
        rest = b""
        while part := t.recv(65536):
            rest += part
        assert rest.endswith(b"hi")


@pytest.mark.parametrize("light", ["on", "off"])
def test_records_are_as_large_as_the_servers(server, certs, light):
    """The one that SNI chooses, as in nginx; not the default one."""
    s = server("ssl_light %s;\n" % light + "".join(
        "server { listen 127.0.0.1:%%%%PORT%%%% ssl; server_name %s; root html; "
        "ssl_certificate %%%%C%%%%/a.example.pem; ssl_certificate_key %%%%C%%%%/a.example.key; "
        "ssl_buffer_size %s; }\n" % x for x in (("a.example", "4k"), ("b.example", "16k"),
                                              ("c.example", "1k"))),
        names={"C": certs}, files={"html/big": b"x" * 300000})
    for name, most in (("a.example", 4096), ("b.example", 16384), ("c.example", 1024)):
        sizes = records(s, name, b"GET /big HTTP/1.1\r\nHost: %s\r\n\r\n" % name.encode())
        assert max(sizes) == most + 17


@pytest.mark.parametrize("light", ["on", "off"])
@pytest.mark.parametrize("padding", [512, 4096, 16384])
def test_padded_records(server, certs, light, padding):
    """Much more goes out than there is to send; nothing overtakes."""
    body = bytes(range(251)) * 8000
    s = server("""ssl_light %s;
server {
    listen 127.0.0.1:%%%%PORT%%%% ssl sndbuf=8k; root html;
    ssl_certificate %%%%C%%%%/a.example.pem; ssl_certificate_key %%%%C%%%%/a.example.key;
    ssl_conf_command RecordPadding %d;
}""" % (light, padding), names={"C": certs}, files={"html/big": body})
    sizes = records(s, "a.example", b"GET /big HTTP/1.1\r\nHost: a.example\r\n\r\n", len(body))
    assert all((n - 16) % padding == 0 or n == 16384 + 17 for n in sizes)


def records(s, name, request, least=200000):
    """The sizes of the records of an answer, as they are on the wire."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = context(ssl.TLSVersion.TLSv1_3).wrap_bio(incoming, outgoing, server_hostname=name)
    sizes, got, wire = [], b"", b""
    with socket.create_connection(("127.0.0.1", s.port()), 5) as raw:
        def pump(what):
            nonlocal wire
            while True:
                try:
                    return what()
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    part = raw.recv(65536)
                    assert part
                    wire += part
                    incoming.write(part)
        pump(t.do_handshake)
        wire = b""
        t.write(request)
        raw.sendall(outgoing.read())
        while b"\r\n\r\n" not in got or len(got) < least:
            got += pump(lambda: t.read(65536))
        while len(wire) >= 5:
            n = int.from_bytes(wire[3:5], "big")
            sizes.append(n)
            wire = wire[5 + n:]
    return sizes


def test_records_begin_small(server, certs):
    s = server(TWO, names={"C": certs}, files={"html/big": b"x" * 300000})
    sizes = records(s, "a.example", b"GET /big HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert max(sizes[1:8]) < 1500       # the first may be the ticket
    assert max(sizes) > 16000


def test_half_open_handshakes_by_the_thousand(server, certs):
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
    assert time.monotonic() - began < within(5)
    for c in held:
        c.close()
    assert "a TLSv1.3" in ask(s)[0]


EARLY = """
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name a.example; ssl_early_data on;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    location / { return 200 "[$ssl_early_data] $ssl_session_reused $ssl_protocol."; }
    location /big { alias %%PREFIX%%/html/big; }
    location /once { if ($ssl_early_data) { return 425; } return 200 "once"; }
    location /up { proxy_pass http://127.0.0.1:%%PORT2%%; proxy_set_header Early-Data $ssl_early_data; }
}
server { listen 127.0.0.1:%%PORT2%%; location / { return 200 "up [$http_early_data]"; } }
"""


def early(s, folder, request, first="", name="a.example"):
    """What s_client prints that sends `request` in early data with a session of before."""
    run = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % s.port(), "-servername",
           name, "-tls1_3"]
    session = folder / "session"
    if not session.exists():
        subprocess.run(run + ["-sess_out", str(session), "-ign_eof", "-quiet"],
                       input=GET % "/", capture_output=True, text=True, timeout=20)
    (folder / "early").write_text(request)
    return subprocess.run(run + ["-sess_in", str(session), "-early_data",
                                 str(folder / "early"), "-ign_eof"], input=first,
                          capture_output=True, text=True, timeout=20).stdout


GET = "GET %s HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
KEEP = "GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n"


def once(wanted, *args):
    """Whether that was seen in one of some tries: if the end of the client's handshake is
    there before its request runs, the request is early no more."""
    return any(wanted in early(*args) for _ in range(10))


def test_early_data_runs_before_the_handshake_ends(server, certs, tmp_path):
    s = server(EARLY, names={"C": certs}, files={"html/big": "y" * 300000 + "end."})
    assert once("[1] r TLSv1.3.", s, tmp_path, GET % "/")
    assert "Early data was accepted" in early(s, tmp_path, GET % "/")
    assert once("up [1]", s, tmp_path, GET % "/up")
    assert once("425 ", s, tmp_path, GET % "/once")
    assert "yyend." in early(s, tmp_path, GET % "/big")
    # What comes behind the handshake is no longer early, on the same connection.
    out = early(s, tmp_path, KEEP % "/", GET % "/once")
    assert "] r TLSv1.3." in out and out.count("once") == 1
    # A request of which only the beginning is early.
    out = early(s, tmp_path, "GET / HTTP/1.1\r\nHost: a.ex", "ample\r\nConnection: close\r\n\r\n")
    assert "[] r TLSv1.3." in out
    assert "[" not in s.error_log().replace("[notice]", "").replace("[info]", "")


def test_early_data_is_refused_by_default(server, certs, tmp_path):
    s = server(EARLY.replace("ssl_early_data on;", ""), names={"C": certs})
    out = early(s, tmp_path, GET % "/", GET % "/")
    assert "Early data was not sent" in out and "[] r TLSv1.3." in out


@pytest.mark.parametrize("default, named", [("on", "off"), ("off", "on"), ("on", "on")])
def test_early_data_as_the_server_wants_it(server, certs, tmp_path, default, named):
    """The one that SNI names: who says off has no replays."""
    s = server("".join(
        "server { listen 127.0.0.1:%%%%PORT%%%% ssl; server_name %s; ssl_early_data %s; "
        "ssl_certificate %%%%C%%%%/a.example.pem; ssl_certificate_key %%%%C%%%%/a.example.key; "
        "return 200 $server_name; }\n" % x for x in (("b.example", default), ("a.example", named))),
        names={"C": certs})
    out = early(s, tmp_path, GET % "/", GET % "/" if named == "off" else "")
    assert "Early data was %s" % ("accepted" if named == "on" else "not sent") in out
    assert "Content-Length: 9" in out


def test_early_data_with_a_key_that_is_gone(server, certs, tmp_path):
    """The client's early data is skipped; its request comes again."""
    (tmp_path / "key").write_bytes(bytes(range(80)))
    s = server(EARLY, names={"C": certs}, http="ssl_session_ticket_key %s;" % (tmp_path / "key"))
    assert once("[1] r", s, tmp_path, GET % "/")
    (tmp_path / "key").write_bytes(bytes(range(1, 81)))
    old = s.workers()
    s.signal("HUP")
    deadline = time.monotonic() + 10
    while set(old) & set(s.workers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    out = early(s, tmp_path, GET % "/", GET % "/")
    assert "Early data was rejected" in out and "[] . TLSv1.3." in out


APP = """
load_module %%M%%/http_route_module.so;
load_module %%M%%/http_session_module.so;
daemon off; pid logs/server.pid; error_log logs/error.log info;
events { }
http { access_log off; server {
    listen 127.0.0.1:%%PORT%% ssl; listen 127.0.0.1:%%PORT2%%; http2 on;
    ssl_certificate %%C%%/a.example.pem; ssl_certificate_key %%C%%/a.example.key;
    session memory zone=s:1m;
    route GET / { set session.n = 1; text "{{ request.scheme }} {{ vars.https }} {{ vars.scheme }} {{ vars.server_protocol }} {{ vars.http2 }} {{ vars.ssl_protocol }} {{ vars.ssl_server_name }}."; }
} }
"""


def test_expressions_and_cookies_know_of_tls(server, certs):
    import os
    from harness.server import weir_binary
    s = server(APP, names={"C": certs,
                           "M": os.path.join(os.path.dirname(weir_binary()), "modules")})
    text, _, _ = ask(s)
    assert "https on https HTTP/1.1  TLSv1.3 a.example." in text
    assert re.search(r"(?i)set-cookie: .*; *secure", text)
    plain = s.get("/", port="PORT2")
    assert plain.body == b"http  http HTTP/1.1   ."
    assert "secure" not in plain.get("set-cookie").lower()
    out = subprocess.run(["curl", "-sk", "--http2", "--resolve",
                          "a.example:%d:127.0.0.1" % s.port(),
                          "https://a.example:%d/" % s.port()], capture_output=True, text=True,
                         timeout=20, check=True).stdout
    assert out == "https on https HTTP/2.0 h2 TLSv1.3 a.example."


REVOKING = """
ssl_client_certificate %%PREFIX%%/ca.pem; ssl_verify_client on; ssl_verify_depth 1;
ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key;
server { listen 127.0.0.1:%%PORT%% ssl; server_name a.example;
         location / { return 200 "in $ssl_session_reused."; } }
server { listen 127.0.0.1:%%PORT%% ssl; server_name b.example; ssl_crl %%PREFIX%%/crl.pem;
         location / { return 200 "in $ssl_session_reused."; } }
"""


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cache", ["", "ssl_session_cache shared:S:1m; ssl_session_tickets off;"])
def test_a_session_is_no_way_around_another_servers_list(server, version, cache):
    """The certificate is the same, and so are the authorities; not what they revoked."""
    s = server(cache + REVOKING, files=pki())
    ctx = tls_context(version=version, client="revoked")
    text, _, session = ask(s, "a.example", ctx=ctx)
    assert "in ." in text
    assert "in r" in ask(s, "a.example", ctx=ctx, session=session)[0]
    _, _, session = ask(s, "a.example", ctx=ctx)
    assert "The SSL certificate error" in ask(s, "b.example", ctx=ctx, session=session)[0]


@pytest.mark.parametrize("name", [None, "unknown.example"])
def test_who_the_default_server_trusts_is_nobody_elsewhere(server, name):
    """Without a name the default server asks for certificates and judges them."""
    s = server("""
ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key;
server { listen 127.0.0.1:%%PORT%% ssl; ssl_verify_client on;
         ssl_client_certificate %%PREFIX%%/other.pem; return 200 default.; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name b.example; ssl_verify_client on;
         ssl_client_certificate %%PREFIX%%/ca.pem; return 200 "b $ssl_client_verify."; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name c.example; ssl_verify_client on;
         ssl_client_certificate %%PREFIX%%/other.pem; return 200 "c $ssl_client_verify."; }
""", files=pki())
    ctx = tls_context(client="strange")
    assert "default." in ask(s, name, host="x", ctx=ctx)[0]
    assert "421 Misdirected" in ask(s, name, host="b.example", ctx=ctx)[0]
    assert "c SUCCESS." in ask(s, name, host="c.example", ctx=ctx)[0]
    assert "b SUCCESS." in ask(s, "b.example", ctx=tls_context(client="client"))[0]
    assert "No required SSL certificate" in ask(s, name, host="b.example", ctx=tls_context())[0]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_who_is_revoked_has_no_session_any_more(server, version, tmp_path):
    files = pki()
    for name in ("ca.pem", "ca.key"):
        (tmp_path / name).write_text(files[name])
    (tmp_path / "index").write_text("")
    (tmp_path / "conf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index\n"
                                   "default_md=sha256\ndefault_crl_days=30\n")
    openssl("ca", "-gencrl", "-config", "conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-out",
            "crl.pem", cwd=tmp_path)
    s = server(REVOKING, files=dict(files, **{"crl.pem": (tmp_path / "crl.pem").read_text()}))
    ctx = tls_context(version=version, client="revoked")
    assert "in ." in ask(s, "b.example", ctx=ctx)[0]
    session = ask(s, "b.example", ctx=ctx)[2]
    with open(s.path("crl.pem"), "w") as f:
        f.write(files["crl.pem"])
    reload(s)
    assert "The SSL certificate error" in ask(s, "b.example", ctx=ctx, session=session)[0]
