"""Where certificates and keys come from besides files, what is kept of them, logs of
secrets, and directives that this OpenSSL cannot serve."""

import os
import shutil

import pytest

from harness import fronts
from harness.server import Server

pytestmark = pytest.mark.plain("brings TLS of its own")

CONF = """
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name server.example;
    ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%KEY%%; %%MORE%%
    location / { return 200 "$ssl_protocol [$ssl_ech_status$ssl_ech_outer_server_name]"; }
}
"""


def over_tls(s, **options):
    c = fronts.TlsConnection(("127.0.0.1", s.port()), name="server.example", **options)
    c.send(b"GET / HTTP/1.1\r\nHost: server.example\r\nConnection: close\r\n\r\n")
    return c.response().body


@pytest.mark.parametrize("key, more", [
    ("store:file:%%PREFIX%%/server.key", ""),
    ("store:file:%%PREFIX%%/locked.key", "ssl_password_file %%PREFIX%%/pass;"),
    ("store:file:%%PREFIX%%/$ssl_server_name.key", "")])
def test_keys_out_of_a_store(server, key, more):
    files = dict(fronts.pki(), **{"server.example.key": fronts.pki()["server.key"]})
    conf = CONF.replace("%%KEY%%", '"%s"' % key).replace("%%MORE%%", more)
    s = server(conf, files=files)
    assert over_tls(s) == b"TLSv1.3 []"


@pytest.mark.parametrize("key, message", [
    ("store:file:%%PREFIX%%/nowhere.key",
     'cannot load certificate key "store:file:%s/nowhere.key": OSSL_STORE_'),
    ("store:file:%%PREFIX%%/server.pem",
     'cannot load certificate key "store:file:%s/server.pem": OSSL_STORE_load()'),
    ("store:nothing:x", 'cannot load certificate key "store:nothing:x": OSSL_STORE_open() failed'),
    ("engine:nothing:x", 'cannot load certificate key "engine:nothing:x": ENGINE_by_id() failed'),
    ("engine:nothing", 'cannot load certificate key "engine:nothing": invalid syntax'),
    ("data:secret", 'cannot load certificate key "data:...": PEM_read_bio_PrivateKey() failed')])
def test_keys_that_are_none(key, message):
    s = Server(CONF.replace("%%KEY%%", '"%s"' % key).replace("%%MORE%%", ""), files=fronts.pki(),
               wait=False)
    try:
        result = s.run("-t")
        assert result.returncode != 0
        assert (message % s.prefix if "%s" in message else message) in result.stderr
        assert " in %s/test.conf:" % s.prefix in result.stderr
        assert "secret" not in result.stderr.partition(" failed (SSL")[0]
    finally:
        s.stopped = True
        shutil.rmtree(s.prefix)


@pytest.mark.parametrize("more", ["ssl_ech_file %%PREFIX%%/a.pem; ssl_ech_file %%PREFIX%%/b.pem;",
                                  "ssl_certificate_compression on;"])
def test_what_this_openssl_has_not(server, more):
    """As nginx over such a library: said, and ignored."""
    conf = CONF.replace("%%KEY%%", "%%PREFIX%%/server.key").replace("%%MORE%%", more)
    s = server(conf, files=fronts.pki())
    out = s.run("-t").stderr
    assert "[warn]" in out and more.split()[0] in out and "ignored" in out
    assert over_tls(s) == b"TLSv1.3 []"


def labels(path):
    return {line.split()[0] for line in open(path)}


def test_key_log(server):
    conf = CONF.replace("%%KEY%%", "%%PREFIX%%/server.key")
    s = server(conf.replace("%%MORE%%", "ssl_key_log logs/keys;"), files=fronts.pki())
    assert over_tls(s) == b"TLSv1.3 []"
    assert over_tls(s, version="1.2") == b"TLSv1.2 []"
    path = os.path.join(s.prefix, "logs", "keys")
    assert labels(path) >= {"SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
                            "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "CLIENT_RANDOM"}


PROXY = """
server {
    listen 127.0.0.1:%%PORT2%% ssl; ssl_certificate %%PREFIX%%/server.pem;
    ssl_certificate_key %%PREFIX%%/server.key;
    ssl_verify_client optional_no_ca; ssl_client_certificate %%PREFIX%%/ca.pem;
    return 200 "[$ssl_client_s_dn]";
}
server {
    listen 127.0.0.1:%%PORT%%; proxy_set_header Connection close;
    proxy_ssl_certificate %%PREFIX%%/$arg_c.pem; proxy_ssl_certificate_key %%PREFIX%%/$arg_c.key;
    proxy_ssl_session_reuse off; proxy_ssl_key_log logs/upstream;
    location /kept { proxy_ssl_certificate_cache max=2 valid=1h inactive=1h;
                     proxy_pass https://127.0.0.1:%%PORT2%%; }
    location /read { proxy_ssl_certificate_cache off; proxy_pass https://127.0.0.1:%%PORT2%%; }
    location /store { proxy_ssl_certificate %%PREFIX%%/client.pem;
                      proxy_ssl_certificate_key "store:file:%%PREFIX%%/client.key";
                      proxy_pass https://127.0.0.1:%%PORT2%%; }
}
"""


def test_towards_others(server):
    s = server(PROXY, files=fronts.pki())
    dn = b"[CN=client.example,O=Weir\\, Inc,C=DE]"
    assert s.get("/kept?c=client").body == dn
    assert s.get("/read?c=client").body == dn
    assert s.get("/store").body == dn
    for name in ("client.pem", "client.key"):
        os.rename(os.path.join(s.prefix, name), os.path.join(s.prefix, "old." + name))
    assert s.get("/kept?c=client").body == dn
    assert s.get("/read?c=client").status == 500
    assert 'cannot load certificate "%s/client.pem"' % s.prefix in s.error_log()
    # Two others take its place.
    assert s.get("/kept?c=rsa").status == s.get("/kept?c=server").status == 200
    assert s.get("/kept?c=client").status == 500
    assert labels(os.path.join(s.prefix, "logs", "upstream")) >= {
        "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
    s.allow = ["cannot load certificate"]
