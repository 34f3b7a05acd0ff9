"""Groups of servers: shared state, limits, kept connections, balancing."""

import os
import signal
import threading
import time

import pytest

from harness import ports
from harness.http1 import wait_until
from harness.server import Server
from harness.upstream import HANG, reply

ZONE = """
upstream back {
    zone back 64k;
    %%MORE%%
    server 127.0.0.1:%%A%% max_conns=2;
    server 127.0.0.1:%%B%% backup;
}
server { listen 127.0.0.1:%%PORT%% %%LISTEN%%;
    location / { proxy_pass http://back; add_header X-U $upstream_addr always; }
}
"""


@pytest.fixture
def pair(server, upstream):
    a, b = upstream({"/hang": [HANG]}), upstream()

    def start(conf=ZONE, workers=1, listen="", more=""):
        s = server(conf, workers=workers, names={
            "A": a.port, "B": b.port, "LISTEN": listen, "MORE": more})
        return s, a, b
    return start


def asks(s):
    """One request on a connection that stays open."""
    c = s.connect()
    c.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
    return c


def peer(s):
    return int(s.get("/").get("x-u").rpartition(":")[2])


def test_max_conns_counts_for_all_workers(pair):
    """With reuseport the kernel spreads connections: many, so that both workers
    have some."""
    s, a, b = pair(workers=2, listen="reuseport")
    held = [asks(s) for _ in range(2)]
    wait_until(lambda: a.open == 2)
    assert {peer(s) for _ in range(12)} == {b.port}
    for c in held:
        c.close()
    wait_until(lambda: peer(s) == a.port)


def test_counts_survive_a_reload(pair):
    s, a, b = pair()
    held = [asks(s) for _ in range(2)]
    wait_until(lambda: a.open == 2)
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: len(set(s.workers()) - set(old)) == 1, 10)
    time.sleep(0.1)
    assert {peer(s) for _ in range(4)} == {b.port}
    for c in held:
        c.close()
    wait_until(lambda: peer(s) == a.port)


def test_a_killed_worker_gives_its_connections_back(pair):
    s, a, b = pair()
    s.allow.append("exited on signal 9")
    held = [asks(s) for _ in range(2)]
    wait_until(lambda: a.open == 2)
    assert peer(s) == b.port
    old = s.workers()
    os.kill(old[0], signal.SIGKILL)
    wait_until(lambda: s.workers() and s.workers() != old, 10)
    wait_until(lambda: peer(s) == a.port, 5)
    for c in held:
        c.close()


FAILS = """
upstream back { zone back 64k;
    server 127.0.0.1:%%DEAD%% fail_timeout=60s; server 127.0.0.1:%%B%%; }
server { listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass http://back; add_header X-U $upstream_addr always; }
}
"""


def test_failures_are_known_to_new_workers(server, upstream):
    hold = ports.refused_port()
    dead = hold.getsockname()[1]
    b = upstream()
    s = server(FAILS, workers=1, names={"DEAD": dead, "B": b.port})
    said = [s.get("/").get("x-u") for _ in range(4)]
    assert sum(str(dead) in x for x in said) == 1
    assert "upstream server temporarily disabled while connecting to upstream" \
        in s.error_log()
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: s.workers() and not set(old) & set(s.workers()), 10)
    assert not any(str(dead) in s.get("/").get("x-u") for _ in range(4))
    hold.close()


def test_full_zone_is_said_and_harmless(server, upstream):
    b = upstream()
    many = "".join("server 127.0.0.1:%d down;\n" % (10000 + i) for i in range(400))
    s = server("upstream back { zone back 32k;\n%sserver 127.0.0.1:%%%%B%%%%; }\n"
               "server { listen 127.0.0.1:%%%%PORT%%%%; location / { "
               "proxy_pass http://back; } }" % many, names={"B": b.port})
    assert s.get("/").status == 200
    assert 'zone "back" of upstream "back" has no room' in s.error_log()


def test_two_groups_in_one_zone(server, upstream):
    a, b = upstream(), upstream()
    s = server("""
upstream one { zone z 64k; server 127.0.0.1:%%A%%; }
upstream two { zone z; server 127.0.0.1:%%B%%; }
server { listen 127.0.0.1:%%PORT%%;
    location /1 { proxy_pass http://one; } location /2 { proxy_pass http://two; } }
""", names={"A": a.port, "B": b.port})
    for path in ("/1", "/2", "/1"):
        assert s.get(path).status == 200
    assert (len(a.requests), len(b.requests)) == (2, 1)


# kept connections

KEEP = """
upstream back { server 127.0.0.1:%%A%%; %%MORE%% }
server { listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass http://back; }
    location /two { proxy_pass http://back/; }
    location /bound { proxy_bind 127.0.0.7; proxy_pass http://back/; }
}
"""


@pytest.mark.parametrize("more,connections", [
    ("", 1), ("keepalive 1;", 1), ("keepalive 0;", 6), ("keepalive 4 local;", 1),
    ("keepalive 4; keepalive_requests 3;", 2), ("keepalive_requests 1;", 6)])
def test_connections_are_kept(pair, more, connections):
    s, a, _ = pair(KEEP, more=more)
    for _ in range(6):
        assert s.get("/").status == 200
    assert a.connections == connections


def test_kept_connections_end_by_time(pair):
    s, a, _ = pair(KEEP, more="keepalive_timeout 100ms;")
    s.get("/")
    assert a.open == 1
    wait_until(lambda: a.open == 0, 3)


def test_old_connections_end_after_an_answer(pair):
    s, a, _ = pair(KEEP, more="keepalive_time 200ms;")
    s.get("/")
    time.sleep(0.3)
    s.get("/")
    assert a.connections == 1
    wait_until(lambda: a.open == 0, 3)
    s.get("/")
    assert a.connections == 2


def test_local_connections_are_of_one_location(pair):
    s, a, _ = pair(KEEP, more="keepalive 4 local;")
    for path in ("/", "/two", "/", "/two"):
        s.get(path)
    assert a.connections == 2


def test_bound_connections_are_not_mixed(pair):
    s, a, _ = pair(KEEP)
    for path in ("/", "/bound", "/", "/bound"):
        assert s.get(path).status == 200
    assert a.connections == 2


def test_request_on_a_closed_connection_goes_again(pair):
    """The upstream closes after each answer without saying so; a request that is
    not sure to be harmless is not sent twice."""
    s, a, _ = pair(KEEP)
    for _ in range(20):
        assert s.get("/").status == 200
        a.drop()
    log = s.error_log()
    assert "temporarily disabled" not in log and "[error]" not in log


# balancing

def spread(s, n, target="/"):
    seen = {}
    for i in range(n):
        where = s.get("%s?k=%d" % (target, i)).get("x-u")
        seen[where] = seen.get(where, 0) + 1
    return sorted(seen.values())


BALANCE = """
upstream back { %%MORE%% server 127.0.0.1:%%A%% weight=3; server 127.0.0.1:%%B%%; }
server { listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass http://back; add_header X-U $upstream_addr; }
    location /one { proxy_pass http://back/; add_header X-U $upstream_addr; }
}
"""


@pytest.mark.parametrize("method", ["random;", "random two;", "random two least_conn;",
                                    "hash $arg_k;", "hash $arg_k consistent;"])
def test_spread_by_weight(pair, method):
    s, _, _ = pair(BALANCE, more=method)
    few, many = spread(s, 120)
    if "two" not in method:
        assert 10 <= few <= 55
    assert few + many == 120


def test_hash_without_a_key_takes_turns(pair):
    s, _, _ = pair(BALANCE, more="hash $arg_none;")
    assert spread(s, 8) == [2, 6]


def test_least_conn_avoids_the_busy_one(pair):
    s, a, b = pair(BALANCE.replace(" weight=3", ""), more="least_conn;")
    a.routes["/slow"] = b.routes["/slow"] = [0.5, reply("slow")]
    threads = [threading.Thread(target=s.get, args=("/slow",)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (len(a.requests), len(b.requests)) == (2, 2)


@pytest.mark.parametrize("lines,message", [
    ("ip_hash; server 127.0.0.1 backup;",
     'balancing method does not support parameter "backup"'),
    ("random; server 127.0.0.1 backup;",
     'balancing method does not support parameter "backup"'),
    ("random three; server 127.0.0.1;", 'invalid parameter "three"'),
    ("random two fast; server 127.0.0.1;", 'invalid parameter "fast"'),
    ("hash a b; server 127.0.0.1;", 'invalid parameter "b"'),
    ("server 127.0.0.1 backup;", 'no servers in upstream "u"'),
    ("zone z 4k; server 127.0.0.1;", 'zone "z" is too small'),
    ("zone z x; server 127.0.0.1;", 'invalid zone size "x"'),
    ('zone "" 64k; server 127.0.0.1;', 'invalid zone name ""'),
    ("keepalive x; server 127.0.0.1;", 'invalid value "x" in "keepalive" directive'),
    ("keepalive 3 global; server 127.0.0.1;", 'invalid parameter "global"'),
    ("server 127.0.0.1; keepalive 2; keepalive 3;", '"keepalive" directive is duplicate'),
    ("server 127.0.0.1/x;", 'invalid host in upstream "127.0.0.1/x"'),
    ("server unix:;", 'no path in the unix domain socket in upstream "unix:"'),
    ("server [::1]x;", 'invalid host in upstream "[::1]x"')])
def test_refused(lines, message):
    s = Server("upstream u { %s }" % lines, wait=False)
    r = s.run("-t")
    s.remove()
    assert r.returncode == 1 and message in r.stderr


def test_upstream_with_a_port():
    for conf in ("upstream u { server 127.0.0.1; } "
                 "server { location / { proxy_pass http://u:81; } }",
                 "server { location / { proxy_pass http://u:81; } } "
                 "upstream u { server 127.0.0.1; }"):
        s = Server(conf, wait=False)
        r = s.run("-t")
        s.remove()
        assert r.returncode == 1
        assert 'upstream "u" may not have port 81' in r.stderr


def test_method_redefined_is_a_warning():
    s = Server("upstream u { hash a; least_conn; server 127.0.0.1; }", wait=False)
    r = s.run("-t")
    s.remove()
    assert r.returncode == 0 and "load balancing method redefined" in r.stderr
