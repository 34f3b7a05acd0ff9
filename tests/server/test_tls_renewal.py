"""Certificates that change while the server runs."""

import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

from harness.http1 import wait_until

pytestmark = pytest.mark.plain("brings TLS of its own")


def make(folder, name, curve="P-256", cn=None):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:" + curve, "-nodes", "-keyout", name + ".key", "-out",
                    name + ".pem", "-days", "30", "-subj", "/CN=" + (cn or name)],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    for name in ("one", "two"):
        make(tmp_path, name)
    put(tmp_path, "one")
    return tmp_path


def put(folder, name, kinds=("pem", "key")):
    for kind in kinds:
        shutil.copy(folder / ("%s.%s" % (name, kind)), folder / ("new." + kind))
        os.rename(folder / ("new." + kind), folder / ("live." + kind))


def served(s, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", s.port()), 10) as raw:
        with c.wrap_socket(raw, server_hostname="a.example") as t:
            t.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            data = b""
            while True:
                part = t.recv(4096)
                if not part:
                    break
                data += part
            assert data.startswith(b"HTTP/1.1 200")
            return t.getpeercert(True)


def der(folder, name):
    return ssl.PEM_cert_to_DER_cert((folder / (name + ".pem")).read_text())


CONF = """
%s
server {
    listen 127.0.0.1:%%%%PORT%%%% ssl;
    ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key;
    return 200 hi;
}
"""


def conf(folder, more, name="live"):
    return CONF % (more, folder, name, folder, name)


def until(s, want, seconds=10):
    end = time.monotonic() + seconds
    seen = 0
    while time.monotonic() < end:
        seen = seen + 1 if served(s) == want else 0
        if seen == 12:          # by every worker
            return True
        time.sleep(0.02)
    return False


def test_renewed_under_load(server, folder):
    s = server(conf(folder, "ssl_certificate_reload 100ms;"), workers=2)
    wait_until(lambda: len(s.workers()) == 2)
    workers = s.workers()
    first, second = der(folder, "one"), der(folder, "two")
    stop, failures, seen = threading.Event(), [], set()

    def load():
        while not stop.is_set():
            try:
                seen.add(served(s))
            except Exception as e:      # whatever it is, it must not be
                failures.append(repr(e))
                return

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for name, want in (("two", second), ("one", first), ("two", second)):
        put(folder, name)
        assert until(s, want)
    stop.set()
    for t in threads:
        t.join()
    assert failures == []
    assert seen == {first, second}
    assert s.workers() == workers       # no reload
    assert 'certificate "%s/live.pem" was renewed' % folder in s.error_log()


def test_halves_are_not_served(server, folder):
    s = server(conf(folder, "ssl_certificate_reload 50ms;"))
    put(folder, "two", ["pem"])
    end = time.monotonic() + 10
    while "do not fit together" not in s.error_log() and time.monotonic() < end:
        time.sleep(0.02)
    assert served(s) == der(folder, "one")
    (folder / "live.key").write_text("broken")
    end = time.monotonic() + 10
    while "cannot load certificate key" not in s.error_log() and time.monotonic() < end:
        time.sleep(0.02)
    assert served(s) == der(folder, "one")
    put(folder, "two", ["key"])
    assert until(s, der(folder, "two"))


def test_a_reload_reads_them_anyway(server, folder):
    s = server(conf(folder, ""))
    put(folder, "two")
    time.sleep(0.3)
    assert served(s) == der(folder, "one")
    s.signal("HUP")
    assert until(s, der(folder, "two"))


def test_a_refused_conf_changes_nothing(server, folder):
    """It is refused at the last moment: behind the certificates, a migration fails."""
    old = conf(folder, "ssl_certificate_reload 100ms;")
    db = "sqlite a data/a.db { migrations m; busy_timeout 100ms; }\n"
    s = server(db + old, main="load_module modules/http_sqlite_module.so;\n",
               files={"m/001.sql": "CREATE TABLE a(x);"},
               allow=[r"\[emerg\]", r"exited on signal 9"])
    os.makedirs(folder / "gone")
    for kind in ("pem", "key"):
        shutil.copy(folder / ("one." + kind), folder / "gone" / ("live." + kind))
    with open(s.prefix + "/m/002.sql", "w") as f:
        f.write("CREATE TABLE b(x);")
    other = sqlite3.connect(s.prefix + "/data/a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    s.write_conf(db + conf(folder / "gone", "ssl_certificate_reload 70ms;"))
    s.signal("HUP")
    wait_until(lambda: "[emerg]" in s.error_log(), 10)
    other.close()
    assert "database is locked" in s.error_log()
    put(folder, "two")
    assert until(s, der(folder, "two"))
    first = s.workers()
    s.signal("KILL", first[0])
    wait_until(lambda: s.workers() and s.workers() != first)
    put(folder, "one")
    assert until(s, der(folder, "one"))


def test_names_with_variables_and_a_cache(server, folder):
    more = "ssl_certificate_cache max=10 inactive=30s valid=%s;"
    for kind in ("pem", "key"):
        shutil.copy(folder / ("one." + kind), folder / ("a.example." + kind))
    s = server(conf(folder, more % "30s", "${ssl_server_name}"))
    assert served(s) == der(folder, "one")
    for kind in ("pem", "key"):
        shutil.copy(folder / ("two." + kind), folder / ("a.example." + kind))
    assert served(s) == der(folder, "one")      # as it was read
    s.write_conf(conf(folder, more % "0s", "${ssl_server_name}"))
    s.signal("HUP")
    assert until(s, der(folder, "two"))
    for kind in ("pem", "key"):
        shutil.copy(folder / ("one." + kind), folder / ("a.example." + kind))
    assert until(s, der(folder, "one"))


def test_secrets_are_logged_where_asked(server, folder):
    s = server(conf(folder, "ssl_key_log logs/keys;"))
    served(s)
    assert "SERVER_HANDSHAKE_TRAFFIC_SECRET " in s.read("logs/keys")


@pytest.mark.parametrize("more, message", [
    ("ssl_certificate_cache inactive=1s;", 'must have the "max" parameter'),
    ("ssl_certificate_cache max=x;", 'invalid parameter "max=x"'),
    ("ssl_certificate_reload never;", 'invalid value "never"')])
def test_bad_confs(folder, more, message):
    from harness.server import Server
    s = Server(conf(folder, more), wait=False)
    try:
        result = s.run("-t")
        assert result.returncode != 0 and message in result.stderr
    finally:
        s.remove()
