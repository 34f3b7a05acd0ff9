"""Reload and upgrade under load lose no request.

Clients keep their connections and send request after request.  A request counts
as failed when its answer is not the whole one expected; that the server closes
a connection between two requests is fine only if it had announced it by
`Connection: close` or GOAWAY: a request on its way must be answered.
"""

import os
import threading
import time

import pytest

from harness.http1 import Connection, Truncated, wait_until
from harness.server import alive, children
from harness.upstream import reply

BODY = "x" * 3000
CONF = """
server {
    listen 127.0.0.1:%%PORT%%;
    root html;
    location /up { proxy_pass http://up; proxy_http_version 1.1;
                   proxy_set_header Connection ""; }
    location /text { return 200 "text"; }
}
upstream up { server 127.0.0.1:%%U%%; keepalive 8; }
"""


class Client(threading.Thread):
    """Sends requests on one connection until told to stop."""

    def __init__(self, port, target, body, pause):
        super().__init__(daemon=True)
        self.port, self.target, self.expected = port, target, body
        self.pause = pause
        self.requests = self.connections = 0
        self.failed = []
        self.go_on = True

    def run(self):
        while self.go_on:
            try:
                c = Connection(self.port, 5)
            except OSError as e:
                self.failed.append("connect: %s" % e)
                time.sleep(0.05)
                continue
            self.connections += 1
            with c:
                self.talk(c)

    def talk(self, c):
        raw = ("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % self.target).encode()
        n = 0
        while self.go_on:
            n += 1
            self.requests += 1
            try:
                c.send(raw)
                r = c.response()
            except (OSError, Truncated) as e:
                self.failed.append("request %d: %r" % (n, e))
                return
            if r is None and getattr(c, "refused", False) and n > 1:
                return
            if r is None or r.status != 200 or r.body != self.expected:
                self.failed.append("request %d: %r" % (n, r))
                return
            if not r.keeps:
                return
            if self.pause:
                time.sleep(self.pause)


def load(port, seconds, act, every):
    """Clients of three kinds while act() is called every so often."""
    clients = [Client(port, target, body.encode(), pause)
               for pause in (0, 0.003)
               for target, body in (("/f.txt", BODY), ("/up", BODY),
                                    ("/text", "text"))]
    for c in clients:
        c.start()
    end = time.monotonic() + seconds
    time.sleep(0.1)
    while time.monotonic() < end:
        act()
        time.sleep(every)
    for c in clients:
        c.go_on = False
    for c in clients:
        c.join(10)
    failed = [f for c in clients for f in c.failed]
    total = sum(c.requests for c in clients)
    assert total > 200
    assert not failed, "%d of %d failed: %s" % (len(failed), total, failed[:5])
    return total


@pytest.fixture
def u(upstream):
    return upstream({"/up": reply(BODY)})


def memory(s):
    with open("/proc/%d/smaps_rollup" % s.pid) as f:
        for line in f:
            if line.startswith("Rss"):
                return int(line.split()[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_reload_every_200_ms(server, u, workers):
    s = server(CONF, names={"U": u.port}, files={"html/f.txt": BODY},
               workers=workers)
    load(s.port(), 3, lambda: s.signal("HUP"), 0.2)
    wait_until(lambda: len(s.workers()) == workers, 5)


def test_reload_frees_what_it_took(server, u):
    """No memory and no descriptor of the master is left behind by reloads."""
    s = server(CONF, names={"U": u.port}, files={"html/f.txt": BODY}, env={
        # A sanitizer keeps what was freed for a while: not here.
        "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=0:"
                        "thread_local_quarantine_size_kb=0"})

    def reload():
        old = s.workers()
        s.signal("HUP")
        wait_until(lambda: s.workers() and not set(s.workers()) & set(old))
    for _ in range(10):
        reload()
    before, fds = memory(s), len(os.listdir("/proc/%d/fd" % s.pid))
    for _ in range(20):
        reload()
    assert len(os.listdir("/proc/%d/fd" % s.pid)) <= fds
    assert memory(s) <= before + 400


def test_killed_workers_do_not_stop_the_service(server, u):
    """kill -9 costs the connections of that worker and nothing after them."""
    s = server(CONF, names={"U": u.port}, files={"html/f.txt": BODY}, workers=2,
               allow=[r"exited on signal 9"])
    for _ in range(5):
        s.signal("KILL", s.workers()[0])
        wait_until(lambda: len(s.workers()) == 2)
        for _ in range(5):
            assert s.get("/f.txt").status == 200


UPGRADE = """
daemon on; worker_processes 1; pid logs/server.pid; error_log logs/error.log info;
%%USER%%
events { worker_connections 512; }
http { access_log off;
"""


def test_upgrade_under_load(server, u):
    user = "user root;" if os.geteuid() == 0 else ""
    s = server(UPGRADE + CONF + "}\n", raw=True, files={"html/f.txt": BODY},
               names={"U": u.port, "USER": user})
    assert s.process.wait(5) == 0
    s.stopped = True

    def master():
        text = s.read("logs/server.pid").strip()
        return int(text) if text.isdigit() else None
    masters = [master()]

    def upgraded():
        new = master()
        return new not in (None, masters[-1]) and children(new) and new

    def upgrade():
        old = masters[-1]
        os.kill(old, 12)
        masters.append(wait_until(upgraded))
        os.kill(old, 3)
        wait_until(lambda: not alive(old), 10)
    try:
        load(s.port(), 3, upgrade, 0.3)
        assert len(masters) >= 3
    finally:
        os.kill(masters[-1], 3)
        wait_until(lambda: not alive(masters[-1]))
    s.check()
