"""Sessions in a Redis behind TLS, names and sentinels: fail-over for real."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import ports
from harness.http1 import get, wait_until, within
from harness.redis import Sentinel
from harness.server import Server
from harness.sessions import Client, MODULES, conf, elapsed


# ---- TLS ----

def make_certificate(folder, name, san, ca=None):
    """NAME.crt and NAME.key in `folder`: an authority, or one signed by it."""
    key, crt = (os.path.join(folder, name + end) for end in (".key", ".crt"))
    more = ["-CA", os.path.join(folder, ca + ".crt"), "-CAkey",
            os.path.join(folder, ca + ".key")] if ca else [
                "-addext", "basicConstraints=critical,CA:TRUE"]
    if san:
        more += ["-addext", "subjectAltName=" + san]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                    key, "-out", crt, "-days", "2", "-subj", "/CN=" + name, *more],
                   check=True, capture_output=True)
    return crt, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("certificates"))
    make_certificate(folder, "ca", None)
    make_certificate(folder, "server", "IP:127.0.0.1,DNS:localhost,DNS:redis.test", "ca")
    make_certificate(folder, "client", "DNS:client", "ca")
    return folder


@pytest.fixture
def secure(redis, certificates):
    """A redis-server that speaks only TLS on its port."""
    def start(clients="no"):
        port = ports.free_port()
        return redis(tls=port, options=[
            "--tls-port", str(port), "--tls-cert-file", certificates + "/server.crt",
            "--tls-key-file", certificates + "/server.key", "--tls-ca-cert-file",
            certificates + "/ca.crt", "--tls-auth-clients", clients])
    return start


def test_tls(server, secure, certificates):
    r = secure()
    s = server(conf("rediss://127.0.0.1:%d/2 tls_ca=%s/ca.crt" % (r.tls, certificates)),
               main=MODULES, workers=2)
    c = Client(s.port())
    assert c("/set/a/1").status == 200 and c("/set/b/2").status == 200
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}
    r("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}
    r.stop()
    assert c("/get").status == 503
    r.start()
    wait_until(lambda: c("/set/a/3").status == 200, 10)


def test_tls_by_name(server, secure, certificates):
    r = secure()
    s = server(conf("rediss://localhost:%d tls_ca=%s/ca.crt" % (r.tls, certificates)),
               main=MODULES)
    assert get(s.port(), "/set/a/1").status == 200
    s = server(conf("rediss://127.0.0.1:%d tls_name=redis.test tls_ca=%s/ca.crt"
                    % (r.tls, certificates)), main=MODULES)
    assert get(s.port(), "/set/a/1").status == 200


@pytest.mark.parametrize("options, message", [
    ("", "certificate verify error"),           # the system knows no such authority
    ("tls_ca=%s/ca.crt tls_name=other.test", "does not match"),
    ("tls_ca=%s/client.crt", "certificate verify error"),
])
def test_tls_is_verified(server, secure, certificates, options, message):
    r = secure()
    s = server(conf("rediss://127.0.0.1:%d %s" % (
        r.tls, options.replace("%s", certificates))), main=MODULES)
    answer, took = elapsed(lambda: get(s.port(), "/set/a/1"))
    assert answer.status == 503 and answer.getall("Set-Cookie") == [] and took < within(2)
    assert message in s.error_log()


def test_tls_unverified_and_client_certificates(server, secure, certificates):
    r = secure("yes")
    s = server(conf("rediss://127.0.0.1:%d tls_verify=off" % r.tls), main=MODULES)
    assert get(s.port(), "/set/a/1").status == 503
    s = server(conf("rediss://127.0.0.1:%d tls_verify=off tls_certificate=%s/client.crt "
                    "tls_key=%s/client.key" % (r.tls, certificates, certificates)),
               main=MODULES)
    assert get(s.port(), "/set/a/1").status == 200


@pytest.mark.parametrize("options, call, file, why", [
    ("tls_ca=no.pem", "SSL_CTX_load_verify_locations", "no.pem", "No such file or directory"),
    ("tls_ca=/", "SSL_CTX_load_verify_locations", "/", "no certificate"),
    ("tls_ca=empty.pem", "SSL_CTX_load_verify_locations", "empty.pem", "no certificate"),
    ("tls_certificate=no.pem tls_key=k.pem", "cannot load certificate", "no.pem",
     "No such file or directory"),
    ("tls_certificate=server.crt tls_key=no.pem", "cannot load certificate key", "no.pem",
     "No such file or directory"),
    ("tls_certificate=server.crt tls_key=empty.pem", "cannot load certificate key", "empty.pem",
     "unsupported"),
    ("tls_certificate=server.crt tls_key=other.key", "SSL_CTX_use_PrivateKey", "other.key",
     "key values mismatch"),
])
@pytest.mark.parametrize("scheme", ["rediss", "rediss-sentinel"])
def test_tls_files_that_cannot_be_used(certificates, scheme, options, call, file, why):
    """Which file it is, and what the system or OpenSSL says of it."""
    s = Server(conf("%s://127.0.0.1 %s" % (scheme, options)), main=MODULES, wait=False,
               files={"empty.pem": ""})
    for name, source in ("server.crt", "server.crt"), ("other.key", "client.key"):
        shutil.copy(os.path.join(certificates, source), os.path.join(s.prefix, name))
    r = s.run("-t")
    s.remove()
    first = r.stderr.split("\n")[0]
    assert r.returncode == 1
    assert call in first and why in first and file + '"' in first
    assert re.search(r" in [^ ]*test\.conf:\d+:\d+$", first)


def test_tls_to_a_server_without(server, redis):
    r = redis()
    s = server(conf("rediss://127.0.0.1:%d timeout=400ms" % r.port), main=MODULES)
    answer, took = elapsed(lambda: get(s.port(), "/set/a/1"))
    assert answer.status == 503 and took < within(2)


# ---- names ----

def test_names(server, redis):
    r = redis()
    s = server(conf("redis://localhost:%d" % r.port), main=MODULES)
    c = Client(s.port())
    assert c("/set/a/1").status == 200 and json.loads(c("/get").text) == {"a": "1"}


def test_a_name_that_does_not_resolve_is_no_conf_error(server):
    s = server(conf("redis://no-such-host.invalid timeout=500ms"), main=MODULES)
    answer, took = elapsed(lambda: get(s.port(), "/set/a/1"))
    assert answer.status == 503 and took < within(3)
    assert get(s.port(), "/off").status == 200


def test_several_connections(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d connections=4" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    failed = []

    def some(i):
        for _ in range(10):
            if get(s.port(), "/inc%d" % i, "Cookie: AIOHTTP_SESSION=" + c.id).status != 200:
                failed.append(i)
    threads = [threading.Thread(target=some, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    assert json.loads(c("/get").text) == {"a": "1", **{"k%d" % i: 10 for i in range(20)}}
    assert 1 <= int(r("CLIENT", "LIST").count(b"id=")) - 1 <= 4


# ---- sentinels ----

@pytest.fixture
def group(redis):
    """A master with a replica, and sentinels that have found both."""
    started = []

    def start(sentinels=1, options="", sentinel_options="", password=None):
        more = options.split()
        master = redis(options=more)
        replica = redis(options=more + ["--replicaof", "127.0.0.1", str(master.port)])
        wait_until(lambda: b"master_link_status:up" in replica("INFO", "replication"), 10)
        for _ in range(sentinels):
            started.append(Sentinel(master, quorum=sentinels // 2 + 1,
                                    options=sentinel_options, password=password))
        for s in started:
            wait_until(lambda: s.knows(1, sentinels - 1), 20)
        return master, replica, list(started)

    yield start
    for s in started:
        s.remove()


def is_role(r, role):
    """A sentinel that changes a server's role ends the connections to it: also ours."""
    try:
        return b"role:" + role in r("INFO", "replication")
    except OSError:
        return False


def addresses(sentinels):
    return ",".join("127.0.0.1:%d" % s.port for s in sentinels)


@pytest.mark.plain("slow: about the side of the store")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_failover(server, group, how):
    master, replica, sentinels = group(3)
    s = server(conf("redis-sentinel://%s/1 master=mymaster timeout=600ms"
                    % addresses(sentinels)), main=MODULES, workers=2)
    c = Client(s.port())
    assert c("/set/a/1").status == 200
    id = c.id
    wait_until(lambda: replica("GET", "AIOHTTP_SESSION_" + id, db=1), 10)
    master.process.send_signal(how)
    end = time.monotonic() + within(30)
    while True:
        answer, took = elapsed(lambda: c("/set/b/2"))
        assert took < within(2)
        if answer.status == 200:
            break
        assert answer.status == 503 and time.monotonic() < end
        time.sleep(0.05)
    assert c.id == id

    def other_worker_too():
        r = c("/get")
        assert r.status == 503 or json.loads(r.text) == {"a": "1", "b": "2"}
        return r.status == 200
    # Each worker finds the new master for itself.
    wait_until(other_worker_too, 30)
    wait_until(lambda: is_role(replica, b"master"), 10)
    # The former master comes back, and is told that it is none any more.
    if how == signal.SIGSTOP:
        master.process.send_signal(signal.SIGCONT)
        wait_until(lambda: is_role(master, b"slave"), 30)
    wait_until(other_worker_too, 30)


@pytest.mark.plain("slow: about the side of the store")
def test_a_master_that_becomes_a_replica(server, group):
    """It stays there, and answers: -READONLY."""
    master, replica, sentinels = group(1)
    s = server(conf("redis-sentinel://%s timeout=600ms" % addresses(sentinels)),
               main=MODULES)
    c = Client(s.port())
    assert c("/set/a/1").status == 200
    wait_until(lambda: sentinels[0]("SENTINEL", "FAILOVER", "mymaster") == b"+OK", 20)
    wait_until(lambda: is_role(replica, b"master"), 20)
    wait_until(lambda: is_role(master, b"slave"), 20)
    wait_until(lambda: c("/set/b/2").status == 200, 10)
    wait_until(lambda: json.loads(c("/get").text).get("b") == "2", 10)


def test_sentinels_that_are_away(server, group):
    """One is not there, one is silent, one knows no such master."""
    master, replica, sentinels = group(1)
    silent = socket.create_server(("127.0.0.1", 0))
    refused = ports.refused_port()
    try:
        s = server(conf("redis-sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,%s "
                        "timeout=1s" % (refused.getsockname()[1], silent.getsockname()[1],
                                        master.port, addresses(sentinels))), main=MODULES)
        answer, took = elapsed(lambda: get(s.port(), "/set/a/1"))
        assert answer.status == 200 and took < within(3)
        none = server(conf("redis-sentinel://%s master=other timeout=500ms"
                           % addresses(sentinels)), main=MODULES)
        answer, took = elapsed(lambda: get(none.port(), "/set/a/1"))
        assert answer.status == 503 and took < within(2)
        assert "knows no master of this name" in none.error_log()
    finally:
        silent.close()
        refused.close()


def test_passwords_of_both(server, group):
    master, replica, sentinels = group(
        1, "--requirepass secret --masterauth secret",
        "sentinel auth-pass mymaster secret", "watch")
    s = server(conf("redis-sentinel://%s password=secret sentinel_password=watch"
                    % addresses(sentinels)), main=MODULES)
    assert get(s.port(), "/set/a/1").status == 200
    s = server(conf("redis-sentinel://:secret@%s sentinel_password=wrong"
                    % addresses(sentinels)), main=MODULES)
    assert get(s.port(), "/set/a/1").status == 503
