"""What proxy_… directives do that no single answer shows."""

import os
import socket
import time

import pytest

from harness.http1 import wait_until
from harness.server import Server
from harness.upstream import CLOSE, HANG

OK = b"HTTP/1.1 200 OK\r\n"


def front(server, upstream, location, **routes):
    u = upstream({"/" + k: v for k, v in routes.items()})
    return server("server { listen 127.0.0.1:%%PORT%%;\n"
                  "location / { proxy_pass http://127.0.0.1:%%U%%; " + location
                  + " }\nlocation = /here { return 200 here; } }\n",
                  names={"U": u.port}), u


def files(s, folder):
    return sorted(os.listdir(s.path(folder)))


# proxy_limit_rate

@pytest.mark.parametrize("more", ["", "proxy_buffers 4 1k; proxy_buffer_size 1k;"])
def test_limit_rate(server, upstream, more):
    """Each second begins with the right to one part more."""
    s, _ = front(server, upstream, "proxy_limit_rate 1000; " + more,
                 x=OK + b"Content-Length: 2500\r\n\r\n" + b"x" * 2500)
    begun = time.monotonic()
    with s.connect() as c:
        r = c.get("/x")
    assert r.body == b"x" * 2500
    assert time.monotonic() - begun > 1


def test_limit_rate_is_not_for_unbuffered_answers(server, upstream):
    s, _ = front(server, upstream, "proxy_limit_rate 1; proxy_buffering off;",
                 x=OK + b"Content-Length: 60\r\n\r\n" + b"x" * 60)
    with s.connect() as c:
        assert c.get("/x").body == b"x" * 60     # a minute, if it were


def test_client_leaves_a_limited_answer(server, upstream):
    s, u = front(server, upstream, "proxy_limit_rate 1;",
                 x=OK + b"Content-Length: 10000\r\n\r\n" + b"x" * 10000)
    c = socket.create_connection(("127.0.0.1", s.port()))
    c.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    c.recv(100)
    c.close()
    wait_until(lambda: u.open == 0)
    with s.connect() as c:
        assert c.get("/here").body == b"here"


# proxy_socket_keepalive

def timers(port):
    """The kernel's timers of connections to this port: 02 is keep-alive."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f][1:]
    return [r[5][:2] for r in rows
            if int(r[2].split(":")[1], 16) == port and r[3] == "01"]


@pytest.mark.parametrize("value,timer", [("on", "02"), ("off", "00")])
def test_socket_keepalive(server, upstream, value, timer):
    s, u = front(server, upstream, "proxy_socket_keepalive %s;" % value, x=[HANG])
    with s.connect() as c:
        c.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        wait_until(lambda: timers(u.port) == [timer])


# proxy_bind

def test_kept_connections_have_their_local_address(server):
    conf = "server { listen 127.0.0.1:%%PORT%%; location / { proxy_bind $arg_b; " \
           "proxy_pass http://127.0.0.1:%%PORT2%%; } }\n" \
           "server { listen 127.0.0.1:%%PORT2%%; return 200 $remote_addr; }\n"
    s = server(conf)
    with s.connect() as c:
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.4"):
            assert c.get("/?b=" + address).body == address.encode()


def status_line(pid, name):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith(name + ":"))


@pytest.mark.parametrize("word,kept", [("transparent", 1 << 13), ("", 0)])
def test_transparent_workers_keep_one_right(server, upstream, word, kept):
    root = os.geteuid() == 0        # else there is no right to keep
    kept = kept if root else 0
    u = upstream()
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_bind 127.0.0.9 " + word + "; proxy_pass http://127.0.0.1:%%U%%; } }",
               main="user nobody nogroup;", names={"U": u.port})
    with s.connect() as c:
        assert c.get("/x").status == (200 if root or not word else 500)
    worker, = s.workers()
    assert int(status_line(worker, "CapEff"), 16) == kept
    assert int(status_line(worker, "Uid")) != 0
    s.allow = [] if root else [r"IP_TRANSPARENT"]
    # An address that is not here: bound only with the right.
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_connect_timeout 100ms; proxy_bind 192.0.2.1 " + word
               + "; proxy_pass http://127.0.0.1:%%U%%; } }",
               main="user nobody nogroup;", names={"U": u.port})
    with s.connect() as c:
        assert c.get("/x").status == (504 if kept else 500)
    s.allow = [] if root else [r"IP_TRANSPARENT"]


# proxy_http_version, proxy_set_header Connection

@pytest.mark.parametrize("more", [
    "proxy_http_version 1.0;", "proxy_set_header Connection close;",
    "proxy_set_header Connection $arg_c;"])
def test_asked_to_close_is_not_kept(server, upstream, more):
    """Even where the peer neither says so nor does it yet: a POST would be lost."""
    s, u = front(server, upstream, more,
                 x=[OK + b"Content-Length: 2\r\n\r\nok", HANG])
    with s.connect() as c:
        for _ in range(3):
            assert c.get("/x?c=close", method="POST", body=b"x").status == 200
    assert u.connections == 3
    wait_until(lambda: u.open == 0)


def test_connection_without_a_value_is_kept(server, upstream):
    s, u = front(server, upstream, "proxy_set_header Connection $arg_c;")
    with s.connect() as c:
        for _ in range(3):
            assert c.get("/x", method="POST", body=b"x").status == 200
    assert u.connections == 1


# proxy_ignore_client_abort

@pytest.mark.parametrize("value,status", [("on", "200"), ("off", "499")])
def test_ignore_client_abort(server, upstream, value, status):
    u = upstream({"/x": [0.5, OK + b"Content-Length: 2\r\n\r\nok"]})
    s = server("log_format f $status;\naccess_log logs/f.log f;\n"
               "server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_ignore_client_abort " + value + "; "
               "proxy_pass http://127.0.0.1:%%U%%; } }\n", names={"U": u.port})
    c = s.connect()
    c.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: u.requests)
    c.close()
    wait_until(lambda: s.access_log("logs/f.log").strip() == status)


# proxy_store

def test_store_only_what_is_whole(server, upstream):
    s, _ = front(server, upstream, "root data; proxy_store on; proxy_read_timeout 300ms;",
                 cut=[OK + b"Content-Length: 10\r\n\r\nhello", 0.05, CLOSE],
                 hang=[OK + b"Content-Length: 10\r\n\r\nhello", HANG],
                 fine=OK + b"Content-Length: 5\r\n\r\nhello")
    os.makedirs(s.path("data"), exist_ok=True)
    for target in ("/cut", "/hang"):
        with s.connect() as c:
            assert not c.get(target).complete
    with s.connect() as c:
        assert c.get("/fine").body == b"hello"
    assert files(s, "data") == ["fine"]
    with open(s.path("data/fine"), "rb") as f:
        assert f.read() == b"hello"
    assert os.stat(s.path("data/fine")).st_mode & 0o777 == 0o600


def test_store_replaces_in_one_step(server, upstream):
    s, u = front(server, upstream, "proxy_store %%PREFIX%%/data$uri; "
                 "proxy_store_access group:rw all:r;",
                 x=OK + b"Content-Length: 3\r\n\r\none")
    with s.connect() as c:
        c.get("/x")
        inode = os.stat(s.path("data/x")).st_ino
        u.routes["/x"] = [OK + b"Content-Length: 3\r\n\r\nt", 0.3, b"wo"]
        c.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(files(s, "data")) == 2)
        with open(s.path("data/x"), "rb") as f:
            assert f.read() == b"one"
        assert c.response("GET").body == b"two"
    assert files(s, "data") == ["x"]
    assert os.stat(s.path("data/x")).st_ino != inode
    assert os.stat(s.path("data/x")).st_mode & 0o777 == 0o664
    with open(s.path("data/x"), "rb") as f:
        assert f.read() == b"two"


def test_store_where_no_file_can_be(server, upstream):
    """The answer goes on whatever becomes of the file."""
    s, _ = front(server, upstream, "proxy_store %%PREFIX%%/logs/error.log/$arg_f;")
    with s.connect() as c:
        assert c.get("/a?f=x").status == 200
        assert c.get("/a?f=").status == 200
    log = s.error_log()
    assert "failed (20: Not a directory)" in log
    assert "is no name of a file" in log
    s.allow = [r"\[crit\]"]


# proxy_cache

@pytest.mark.parametrize("line", ["proxy_cache_path cache keys_zone=z:1m;",
                                  "proxy_cache z;"])
def test_no_cache_and_said_so(line):
    s = Server(line, wait=False)
    try:
        out = s.run("-t")
    finally:
        s.remove()
    assert out.returncode != 0
    assert "does not cache the answers of other servers" in out.stderr


def test_directives_of_a_cache_that_is_off():
    s = Server("proxy_cache off; proxy_cache_valid 200 1h; proxy_cache_valid any 1m; "
               "proxy_cache_bypass $http_pragma; proxy_no_cache $arg_n; "
               "proxy_cache_key $uri; proxy_cache_lock on; proxy_cache_use_stale error;",
               wait=False)
    try:
        assert s.run("-t").returncode == 0
    finally:
        s.remove()
