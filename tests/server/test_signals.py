"""What each signal does to the master, its workers and its files."""

import os
import re
import socket
import time

import pytest

from harness.http1 import wait_until, within
from harness.server import Problem, alive, children



def hello(text, port="PORT"):
    return ("server { listen 127.0.0.1:%%" + port + "%%;\n"
            "location / { return 200 " + text + "; }\n"
            "location /f { root html; } }")


def log_has(s, text):
    return wait_until(lambda: re.search(text, s.error_log()))


def new_workers(s, old):
    """The workers of now, once none of `old` is left among them."""
    return wait_until(lambda: s.workers() and not set(s.workers()) & set(old)
                      and s.workers())


def test_quit_answers_what_it_began(server, upstream):
    u = upstream({"/": [0.3, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"]})
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_pass http://127.0.0.1:%%U%%; } }", names={"U": u.port})
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        s.signal("QUIT")
        time.sleep(0.05)
        with pytest.raises(OSError):
            s.connect(timeout=0.5)
        r = c.response()
    assert (r.status, r.body) == (200, b"done")
    assert s.stop() == 0


@pytest.mark.plain("peeks into the socket")
@pytest.mark.parametrize("how", ["QUIT", "HUP"])
def test_an_answer_under_way_is_its_connections_last(server, how):
    """Its head said keep-alive before the worker was to end; the client waits for more."""
    s = server("server { listen 127.0.0.1:%%PORT%%;\n"
               "location / { limit_rate 1000; return 200 " + 2500 * "x" + "; } }")
    old = s.workers()
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.sock.recv(1, socket.MSG_PEEK)
        s.signal(how)
        r = c.response()
        assert r.get("connection") == "keep-alive" and r.body == 2500 * b"x"
        if how == "QUIT":
            assert s.stop() == 0
        else:       # it gets 5 s for a request that is on its way
            wait_until(lambda: not set(s.workers()) & set(old), timeout=20)


@pytest.mark.http1("how the connection ends")
@pytest.mark.parametrize("how", ["TERM", "INT"])
def test_fast_stop_does_not_wait(server, upstream, how):
    u = upstream({"/": ["hang"]})
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_pass http://127.0.0.1:%%U%%; } }", names={"U": u.port})
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        began = time.monotonic()
        assert s.stop(how) == 0
        assert time.monotonic() - began < within(2)
        c.read_to_end()
        assert c.ended in ("eof", "reset")


def test_pid_file(server):
    s = server(hello("a"))
    assert int(s.read("logs/server.pid")) == s.pid
    s.stop()
    assert not os.path.exists(s.path("logs/server.pid"))


def test_the_log_tells_of_workers(server):
    s = server(hello("a"))
    worker, = s.workers()
    s.stop()
    assert re.search(r"\[notice\] %d#\d+: worker process %d exited with code 0"
                     % (s.pid, worker), s.error_log())


def test_hup_takes_the_new_conf(server):
    s = server(hello("old"))
    old = s.workers()
    assert s.get("/").body == b"old"
    s.write_conf(hello("new"))
    s.signal("HUP")
    new_workers(s, old)
    assert s.get("/").body == b"new"


def test_hup_adds_and_closes_ports(server):
    s = server(hello("one"))
    s.write_conf(hello("two", "PORT2"))
    s.signal("HUP")
    wait_until(lambda: refused(s, "PORT"))
    assert s.get("/", port="PORT2").body == b"two"


def refused(s, name):
    try:
        s.connect(name).close()
        return False
    except ConnectionRefusedError:
        return True


def test_hup_with_a_bad_conf_changes_nothing(server):
    s = server(hello("old"))
    s.allow = [r"unknown directive"]
    old = s.workers()
    s.write_conf("server { listen 127.0.0.1:%%PORT%%; no_such_thing; }")
    s.signal("HUP")
    log_has(s, r"\[emerg\] .*unknown directive \"no_such_thing\"")
    time.sleep(0.1)
    assert s.workers() == old
    assert s.get("/").body == b"old"


def test_hup_lets_an_old_request_end(server, upstream):
    u = upstream({"/": [0.4, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"]})
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { "
               "proxy_pass http://127.0.0.1:%%U%%; } }", names={"U": u.port})
    old = s.workers()
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        s.write_conf(hello("new"))
        s.signal("HUP")
        wait_until(lambda: s.get("/").body == b"new")
        assert c.response().body == b"old"
    new_workers(s, old)


@pytest.mark.http1("Connection: close; of HTTP/2 in test_http2.py")
def test_idle_connection_survives_a_reload(server):
    """A request on its way when the worker retires must be answered."""
    s = server(hello("x"))
    old = s.workers()
    with s.connect() as c:
        assert c.get("/").status == 200
        s.signal("HUP")
        wait_until(lambda: set(s.workers()) - set(old))
        time.sleep(0.2)
        r = c.get("/")
        assert r is not None and r.status == 200
        assert r.get("connection") == "close"
    new_workers(s, old)


def test_shutdown_timeout_ends_the_silent(server):
    s = server(hello("x"), main="worker_shutdown_timeout 300ms;")
    old = s.workers()
    with s.connect() as c:
        assert c.get("/").status == 200
        s.signal("HUP")
        new_workers(s, old)
        assert c.read_to_end(2) == b"" and c.ended


def test_usr1_reopens_logs(server):
    s = server("access_log logs/access.log;\n" + hello("a"))
    s.get("/one")
    wait_until(lambda: "/one" in s.access_log())
    os.rename(s.path("logs/access.log"), s.path("logs/access.old"))
    os.rename(s.path("logs/error.log"), s.path("logs/error.old"))
    s.signal("USR1")
    wait_until(lambda: os.path.exists(s.path("logs/access.log"))
               and os.path.exists(s.path("logs/error.log")))

    def logged():
        s.get("/two")
        return "/two" in s.access_log()
    wait_until(logged)
    assert "/one" not in s.access_log()
    s.get("/f/missing")
    wait_until(lambda: "/f/missing" in s.error_log())


def test_a_killed_worker_is_replaced(server):
    s = server(hello("a"), workers=2)
    s.allow = [r"exited on signal 9"]
    first, second = wait_until(lambda: len(s.workers()) == 2 and s.workers())
    s.signal("KILL", first)
    wait_until(lambda: len(s.workers()) == 2 and first not in s.workers())
    assert second in s.workers()
    assert s.get("/").body == b"a"
    log_has(s, r"worker process %d exited on signal 9" % first)


def test_a_killed_worker_costs_its_own_connections_only(server):
    s = server(hello("$pid"), workers=2)
    s.allow = [r"exited on signal 9"]
    conns = {}
    end = time.monotonic() + 5
    while len({p for p in conns.values()}) < 2 and time.monotonic() < end:
        c = s.connect()
        conns[c] = int(c.get("/").body)
    victim = next(iter(conns.values()))
    s.signal("KILL", victim)
    wait_until(lambda: victim not in s.workers())
    for c, pid in conns.items():
        if pid != victim:
            assert c.get("/").status == 200
        c.close()


def test_term_to_a_worker_replaces_it(server):
    s = server(hello("a"))
    old = s.workers()
    assert s.get("/").status == 200
    s.signal("TERM", old[0])
    new_workers(s, old)
    assert s.get("/").status == 200
    log_has(s, r"worker process %d exited with code 0" % old[0])


DAEMON = """
daemon on; worker_processes 1; pid logs/server.pid; error_log logs/error.log info;
%%USER%%
events { worker_connections 100; }
http { access_log off; server { listen 127.0.0.1:%%PORT%%; return 200 "%s"; } }
"""


class Daemon:
    """A server that has put itself into the background."""

    def __init__(self, server, text="x"):
        user = "user root;" if os.geteuid() == 0 else ""
        self.s = server(DAEMON.replace("%s", text), raw=True,
                        names={"USER": user})
        assert self.s.process.wait(5) == 0
        self.master = int(self.s.read("logs/server.pid"))

    def send(self, what):
        return self.s.run("-s", what)

    def wait_gone(self, pid):
        wait_until(lambda: not alive(pid))

    def end(self):
        for name in ("logs/server.pid", "logs/server.pid.oldbin"):
            text = self.s.read(name)
            if text.strip():
                try:
                    os.kill(int(text), 3)
                except ProcessLookupError:
                    continue
                self.wait_gone(int(text))
        self.s.stopped = True
        self.s.check()


@pytest.fixture
def daemonized(server):
    d = Daemon(server)
    d.s.stopped = True
    yield d
    d.end()


@pytest.mark.parametrize("what", ["stop", "quit"])
def test_s_ends_the_daemon(daemonized, what):
    out = daemonized.send(what)
    assert out.returncode == 0, out.stderr
    daemonized.wait_gone(daemonized.master)
    assert not os.path.exists(daemonized.s.path("logs/server.pid"))


def test_s_reload(daemonized):
    d = daemonized
    old = children(d.master)
    d.s.write_conf(DAEMON.replace("%s", "y"))
    out = d.send("reload")
    assert out.returncode == 0, out.stderr
    wait_until(lambda: children(d.master) and children(d.master) != old)
    wait_until(lambda: d.s.get("/").body == b"y")


def test_s_reload_of_a_bad_conf_fails_and_says_why(daemonized):
    d = daemonized
    old = children(d.master)
    good = d.s.read("test.conf")
    with open(d.s.path("test.conf"), "a") as f:
        f.write("rubbish;\n")
    out = d.send("reload")
    assert out.returncode != 0
    assert 'unknown directive "rubbish"' in out.stderr
    assert d.s.get("/").status == 200 and children(d.master) == old
    with open(d.s.path("test.conf"), "w") as f:
        f.write(good)
    d.s.allow = [r"rubbish"]


def test_s_reopen(daemonized):
    d = daemonized
    os.rename(d.s.path("logs/error.log"), d.s.path("logs/error.old"))
    assert d.send("reopen").returncode == 0
    wait_until(lambda: os.path.exists(d.s.path("logs/error.log")))


def test_s_without_a_server(server):
    s = server(hello("x"))
    s.stop()
    out = s.run("-s", "quit")
    assert out.returncode == 1
    assert re.search(r'open\(\) ".*server.pid" failed \(2: No such file', out.stderr)
    assert s.run("-s", "dance").returncode == 1
    s.allow = [r"server.pid"]


def test_winch_of_a_daemon(daemonized):
    d = daemonized
    os.kill(d.master, 28)
    wait_until(lambda: not children(d.master))
    assert alive(d.master)
    os.kill(d.master, 1)
    wait_until(lambda: children(d.master))
    assert d.s.get("/").body == b"x"


def test_usr2_upgrades_the_binary(daemonized):
    d = daemonized
    os.kill(d.master, 12)
    wait_until(lambda: d.s.read("logs/server.pid.oldbin").strip()
               and d.s.read("logs/server.pid").strip())
    assert int(d.s.read("logs/server.pid.oldbin")) == d.master
    new = int(d.s.read("logs/server.pid"))
    assert new != d.master
    assert d.s.get("/").status == 200
    os.kill(d.master, 12)
    wait_until(lambda: "[crit]" in d.s.error_log())
    assert "the changing binary signal is ignored" in d.s.error_log()
    os.kill(d.master, 28)
    wait_until(lambda: len(children(d.master)) <= 1)
    assert d.s.get("/").status == 200
    os.kill(d.master, 3)
    d.wait_gone(d.master)
    wait_until(lambda: not os.path.exists(d.s.path("logs/server.pid.oldbin")))
    assert d.s.get("/").status == 200
    assert int(d.s.read("logs/server.pid")) == new


def test_the_old_binary_can_come_back(daemonized):
    d = daemonized
    os.kill(d.master, 12)
    wait_until(lambda: d.s.read("logs/server.pid.oldbin").strip()
               and d.s.read("logs/server.pid").strip())
    new = int(d.s.read("logs/server.pid"))
    os.kill(d.master, 28)
    wait_until(lambda: not [c for c in children(d.master) if c != new])
    os.kill(d.master, 1)
    wait_until(lambda: [c for c in children(d.master) if c != new])
    os.kill(new, 3)
    d.wait_gone(new)
    wait_until(lambda: d.s.read("logs/server.pid").strip() == str(d.master))
    assert d.s.get("/").status == 200


def test_an_upgrade_that_fails_changes_nothing(daemonized):
    """The new binary refuses the conf, ends, and the old one goes on as before."""
    d = daemonized
    workers = children(d.master)
    good = d.s.read("test.conf")
    with open(d.s.path("test.conf"), "a") as f:
        f.write("nonsense on;\n")
    os.kill(d.master, 12)
    log_has(d.s, r'unknown directive "nonsense"')
    wait_until(lambda: not os.path.exists(d.s.path("logs/server.pid.oldbin")))
    assert int(d.s.read("logs/server.pid")) == d.master
    assert set(workers) <= set(children(d.master))
    assert d.s.get("/").status == 200
    # And the next upgrade works.
    with open(d.s.path("test.conf"), "w") as f:
        f.write(good)
    os.kill(d.master, 12)
    wait_until(lambda: d.s.read("logs/server.pid.oldbin").strip()
               and d.s.read("logs/server.pid").strip())
    assert int(d.s.read("logs/server.pid")) != d.master
    assert d.s.get("/").status == 200
    d.s.allow.append("nonsense")


@pytest.mark.http1("keepalive_min_timeout")
def test_a_connection_in_use_lately_outlives_a_quit(server):
    """keepalive_min_timeout: nobody is cut off who was just answered."""
    s = server("keepalive_min_timeout 1500ms;\n" + hello("x"))
    with s.connect() as kept:
        kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept.response().status == 200
        s.signal("QUIT")
        log_has(s, "gracefully shutting down")
        time.sleep(0.2)
        kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        r = kept.response()
        assert r.status == 200
    assert s.stop() == 0


def test_signals_in_a_row(server):
    s = server(hello("x"))
    for _ in range(20):
        for what in ("HUP", "USR1", "HUP"):
            s.signal(what)
        time.sleep(0.01)
    assert s.get("/").status == 200
    wait_until(lambda: len(s.workers()) == 1)


@pytest.mark.plain("about the listening socket")
def test_a_taken_port_is_refused(server):
    s = server(hello("x"))
    with pytest.raises(Problem, match=r"bind\(\) to 127.0.0.1:\d+ failed "
                                      r"\(98: Address already in use\)"):
        server(hello("y"), names={"PORT": s.port()}, allow=["bind"])


def test_master_process_off(server):
    s = server(hello("alone"), main="master_process off;")
    assert s.workers() == []
    assert s.get("/").body == b"alone"
