"""Directives of TLS and HTTP/2 that Debian's nginx has no equal for: each value of each,
and what can be seen of it."""

import subprocess

import pytest

from harness import fronts
from harness.http1 import Truncated
from harness.server import Server

pytestmark = pytest.mark.plain("brings TLS of its own")

SERVER = """
http2 on; %s
server {
    listen 127.0.0.1:%%%%PORT%%%% ssl; server_name server.example; %s
    ssl_certificate %%%%PREFIX%%%%/server.pem; ssl_certificate_key %%%%PREFIX%%%%/server.key;
    location / { return 200 "$ssl_protocol $ssl_session_reused $server_protocol"; }
    location /big { alias %%%%PREFIX%%%%/html/big; }
    location /echo { proxy_pass http://127.0.0.1:%%%%PORT2%%%%; }
}
server { listen 127.0.0.1:%%%%PORT2%%%%; root html; dav_methods PUT; create_full_put_path on; }
"""
BIG = bytes(range(256)) * 2000


def start(server, http="", inside=""):
    return server(SERVER % (http, inside), files=dict(fronts.pki(), **{"html/big": BIG}))


@pytest.mark.parametrize("line", [
    "ssl_light on;", "ssl_light off;", "ssl_certificate_cache off;",
    "ssl_certificate_cache max=3;", "ssl_certificate_cache max=3 inactive=5s valid=1s;",
    "ssl_certificate_compression on;", "ssl_certificate_compression off;",
    "ssl_certificate_reload off;", "ssl_certificate_reload 1s;"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_nothing_is_seen_of_it_by_a_usual_client(server, line, version):
    s = start(server, line)
    for connection, protocol in ((fronts.TlsConnection, "HTTP/1.1"),
                                 (fronts.H2TlsConnection, "HTTP/2.0")):
        said = ("TLSv%s %%s %s" % (version, protocol))
        with connection(s.port(), name="server.example", version=version) as c:
            assert c.get("/").text == said % "."
            assert c.get("/big").body == BIG
            assert c.get("/echo/" + protocol, method="PUT", body=BIG).status == 201
            assert c.get("/echo/" + protocol, method="PUT", body=b"small").status == 204
        with connection(s.port(), name="server.example", version=version, resume=0) as c:
            assert c.get("/").text == said % "r"


def test_http2_off_in_a_server(server):
    """ALPN offers no h2 there, and HTTP/1 goes on."""
    s = start(server, inside="http2 off;")
    with fronts.TlsConnection(s.port(), alpn=["h2", "http/1.1"]) as c:
        assert c.sock.selected_alpn_protocol() == "http/1.1"
        assert c.get("/").text.endswith("HTTP/1.1")
    with pytest.raises(Truncated, match="NO_APPLICATION_PROTOCOL|closed"):
        fronts.TlsConnection(s.port(), alpn=["h2"])
    s = server("server { listen 127.0.0.1:%%PORT%%; http2 off; return 200 $server_protocol; }")
    assert s.get("/").text == "HTTP/1.1"
    out = subprocess.run(["curl", "-sS", "-m", "10", "--http2-prior-knowledge",
                          "http://127.0.0.1:%d/" % s.port()], capture_output=True, text=True)
    assert out.returncode != 0 and "HTTP/2.0" not in out.stdout


@pytest.mark.parametrize("key", ['"store:file:%s/server.key"', "%s/server.key"])
def test_forms_of_a_key(server, key):
    text = SERVER.replace("%%%%PREFIX%%%%/server.key", "@") % ("", "")
    s = server(text.replace("@", key % "%%PREFIX%%"),
               files=dict(fronts.pki(), **{"html/big": BIG}))
    with fronts.TlsConnection(s.port()) as c:
        assert c.get("/").status == 200


@pytest.mark.parametrize("key, error", [
    ("engine:none:x", "ENGINE"), ('"store:file:/nowhere/x"', "store:file:/nowhere/x")])
def test_keys_that_cannot_be_had(server, key, error):
    s = Server("server { listen 127.0.0.1:%%PORT%% ssl; ssl_certificate %%PREFIX%%/server.pem;"
               " ssl_certificate_key " + key + "; }", files=fronts.pki(), wait=False)
    out = s.run("-t")
    s.remove()
    assert out.returncode == 1 and error in out.stderr


@pytest.mark.parametrize("more", ["quic", "quic reuseport", "ssl quic"])
def test_http3_is_refused_with_the_reason(server, more):
    s = Server("server { listen 127.0.0.1:%%PORT%% " + more + "; ssl_certificate "
               "%%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key; }",
               files=fronts.pki(), wait=False)
    out = s.run("-t")
    s.remove()
    assert out.returncode == 1 and "HTTP/3 needs OpenSSL" in out.stderr
