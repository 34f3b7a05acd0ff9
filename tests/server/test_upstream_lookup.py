"""Names of upstream servers: proxy_pass with variables, `server … resolve`."""

import threading
import time

import pytest

from harness import ports
from harness.http1 import wait_until
from harness.server import Server
from harness.upstream import Upstream

VAR = """
server { listen 127.0.0.1:%%PORT%%;
    resolver 127.0.0.1:%%DNS%% %%MORE%%; resolver_timeout 500ms;
    add_header X-U "$upstream_addr $upstream_status" always;
    location / { proxy_pass http://$arg_h; }
    location /none { resolver_timeout 200ms; proxy_pass http://$arg_h; }
}
server { listen 127.0.0.1:%%PORT2%%; location / { proxy_pass http://$arg_h; } }
"""


@pytest.fixture
def var(server, upstream, nameserver):
    u, dns = upstream(), nameserver({"one.test": ["127.0.0.1"],
                                     "alias.test": "one.test",
                                     "broken.test": 2})

    def start(more=""):
        return server(VAR, names={"DNS": dns.port, "MORE": more}), u, dns
    return start


def test_variable_name_is_resolved_once(var):
    s, u, dns = var("ipv6=off")
    for _ in range(3):
        r = s.get("/?h=one.test:%d" % u.port)
        assert r.status == 200 and r.body.startswith(b"GET /")
        assert r.get("x-u") == "127.0.0.1:%d 200" % u.port
    assert dns.asked() == [("one.test", 1, "udp")]
    assert u.requests[0].get("host") == "one.test:%d" % u.port


def test_both_families_are_asked(var):
    s, u, dns = var()
    assert s.get("/?h=one.test:%d" % u.port).status == 200
    assert sorted(q[1] for q in dns.asked()) == [1, 28]


def test_variable_uses_a_group_of_that_name(server, upstream, nameserver):
    u, dns = upstream(), nameserver()
    s = server("upstream back { server 127.0.0.1:%%U%%; }\n" + VAR,
               names={"DNS": dns.port, "U": u.port, "MORE": ""})
    assert s.get("/?h=back").status == 200
    assert not dns.asked()
    # With a port it is no group's name.
    assert s.get("/?h=back:81").status == 502
    assert dns.asked("back")


@pytest.mark.parametrize("host,status,message", [
    ("nosuch.test", 502, "nosuch.test could not be resolved (3: Host not found)"),
    ("broken.test", 502, "broken.test could not be resolved (2: Server failure)"),
    ("one.test:99999", 500, 'invalid port in upstream "one.test:99999"'),
    (":80", 500, 'no host in upstream ":80"')])
def test_what_cannot_be_resolved(var, host, status, message):
    s, _, _ = var()
    assert s.get("/?h=" + host).status == status
    line = [x for x in s.error_log().splitlines() if message in x]
    assert len(line) == 1 and "[error]" in line[0]
    assert 'client: 127.0.0.1, server: , request: "GET /?h=' in line[0]


def test_no_resolver(var):
    s, _, _ = var()
    assert s.get("/?h=one.test:81", port="PORT2").status == 502
    assert "no resolver defined to resolve one.test, client" in s.error_log()


def test_silent_name_server(var):
    s, _, dns = var()
    dns.silent = True
    began = time.monotonic()
    assert s.get("/none?h=late.test").status == 502
    assert time.monotonic() - began > 0.15
    assert "late.test could not be resolved (110: Operation timed out)" in s.error_log()


def test_client_leaves_while_the_name_is_looked_up(var):
    s, u, dns = var()
    dns.silent = True
    with s.connect() as c:
        c.send(b"GET /?h=one.test HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: dns.asked("one.test"))
    dns.silent = False
    assert s.get("/?h=alias.test:%d" % u.port).status == 200


def test_second_name_server_is_asked(server, upstream, nameserver):
    u = upstream()
    bad, good = nameserver({"one.test": 2}), nameserver({"one.test": ["127.0.0.1"]})
    s = server(VAR, names={"DNS": bad.port, "MORE": "127.0.0.1:%d ipv6=off" % good.port})
    assert s.get("/?h=one.test:%d" % u.port).status == 200
    assert good.asked("one.test")


def test_alias_truncation_and_forgery(var):
    s, u, dns = var("ipv6=off")
    dns.truncate = dns.forge = True
    assert s.get("/?h=alias.test:%d" % u.port).status == 200
    assert ("one.test", 1, "tcp") in dns.asked()


def test_valid_wins_over_ttl(var):
    s, u, dns = var("ipv6=off valid=1s")
    dns.ttl = 3600
    assert s.get("/?h=one.test:%d" % u.port).status == 200
    time.sleep(1.1)
    assert s.get("/?h=one.test:%d" % u.port).status == 200
    assert len(dns.asked("one.test")) == 2


# server … resolve

RESOLVE = """
upstream back {
    zone back 128k;
    %%BALANCE%%
    server back.test:%%U%% resolve max_fails=0;
    resolver 127.0.0.1:%%DNS%% ipv6=off;
}
server { listen 127.0.0.1:%%PORT%%;
    proxy_connect_timeout 1s;
    location / { proxy_pass http://back; add_header X-U $upstream_addr always; }
}
"""


class Twins:
    """Upstreams on one port of several loopback addresses."""

    def __init__(self, n):
        while True:
            try:
                self.all = [Upstream(host="127.0.0.1")]
                self.port = self.all[0].port
                self.hosts = ["127.0.0.%d" % i for i in range(1, n + 1)]
                self.all += [Upstream(host=h, port=self.port)
                             for h in self.hosts[1:]]
                return
            except OSError:
                self.stop()

    def stop(self):
        for u in self.all:
            u.stop()


@pytest.fixture
def twins():
    t = Twins(3)
    yield t
    t.stop()


def seen(s, n):
    return sorted({s.get("/").get("x-u").partition(":")[0] for _ in range(n)})


@pytest.mark.parametrize("balance", [
    "", "least_conn;", "random two;", "ip_hash;", "hash $request_id consistent;",
    "hash $request_id;"])
def test_addresses_change(server, nameserver, twins, balance):
    dns = nameserver({"back.test": twins.hosts[:1]}, ttl=1)
    s = server(RESOLVE, workers=2, names={"DNS": dns.port, "U": twins.port,
                                          "BALANCE": balance})
    assert seen(s, 4) == twins.hosts[:1]
    dns.names["back.test"] = twins.hosts[1:]
    wait_until(lambda: twins.hosts[0] not in seen(s, 6), 10)
    if balance != "ip_hash;":
        wait_until(lambda: seen(s, 12) == twins.hosts[1:], 10)


def test_unknown_name_does_not_stop_the_server(server, nameserver, twins):
    dns = nameserver({}, ttl=1)
    s = server(RESOLVE, names={"DNS": dns.port, "U": twins.port, "BALANCE": ""})
    r = s.get("/")
    assert r.status == 502 and r.get("x-u") == "back"
    log = s.error_log()
    assert "back.test could not be resolved (3: Host not found)" in log
    assert "no live upstreams while connecting to upstream" in log


def test_addresses_stay_when_the_name_server_fails(server, nameserver, twins):
    dns = nameserver({"back.test": twins.hosts}, ttl=1)
    s = server(RESOLVE, names={"DNS": dns.port, "U": twins.port, "BALANCE": ""})
    assert seen(s, 6) == twins.hosts
    dns.names["back.test"] = 2
    wait_until(lambda: "could not be resolved (2: Server failure)" in s.error_log(), 10)
    assert seen(s, 6) == twins.hosts


def test_reload_keeps_addresses(server, nameserver, twins):
    dns = nameserver({"back.test": twins.hosts}, ttl=600)
    s = server(RESOLVE, names={"DNS": dns.port, "U": twins.port, "BALANCE": ""})
    assert seen(s, 6) == twins.hosts
    dns.silent = True
    old = s.workers()
    s.signal("HUP")
    wait_until(lambda: s.workers() and not set(old) & set(s.workers()), 10)
    assert seen(s, 6) == twins.hosts


def test_first_requests_wait_for_the_first_answer(server, nameserver, twins):
    dns = nameserver({"back.test": twins.hosts[:1]})
    dns.silent = True
    s = server(RESOLVE, names={"DNS": dns.port, "U": twins.port, "BALANCE": ""})
    threading.Timer(0.3, lambda: setattr(dns, "silent", False)).start()
    assert s.get("/").status == 200


SERVICE = """
upstream back {
    zone back 128k;
    server back.test service=%%SERVICE%% resolve max_fails=0 %%MORE%%;
    server 127.0.0.9:1 down;
    resolver 127.0.0.1:%%DNS%% ipv6=off;
}
server { listen 127.0.0.1:%%PORT%%;
    location / { proxy_pass http://back; add_header X-U $upstream_addr always; }
}
"""


@pytest.mark.parametrize("service,name", [
    ("http", "_http._tcp.back.test"), ("_x._udp", "_x._udp.back.test"),
    ("one.two", "one.two.back.test")])
def test_service(server, nameserver, twins, service, name):
    dns = nameserver({name: [(5, 3, twins.port, "a.test"), (5, 1, twins.port, "b.test"),
                             (9, 1, twins.port, "c.test")],
                      "a.test": ["127.0.0.1"], "b.test": ["127.0.0.2"],
                      "c.test": ["127.0.0.3"]}, ttl=1)
    s = server(SERVICE, names={"DNS": dns.port, "SERVICE": service, "MORE": ""})
    asked = [s.get("/").get("x-u").partition(":")[0] for _ in range(8)]
    assert asked.count("127.0.0.1") == 6 and asked.count("127.0.0.2") == 2
    # The best ones go: the others are backups no more.
    dns.names[name] = dns.names[name][2:]
    wait_until(lambda: seen(s, 3) == ["127.0.0.3"], 10)
    dns.names[name] = 3
    wait_until(lambda: s.get("/").status == 502, 10)


def test_service_backups(server, nameserver, twins):
    hold = ports.refused_port()
    dns = nameserver({"_http._tcp.back.test": [
        (1, 0, hold.getsockname()[1], "a.test"), (2, 0, twins.port, "c.test")],
        "a.test": ["127.0.0.1"], "c.test": ["127.0.0.3"]})
    s = server(SERVICE, names={"DNS": dns.port, "SERVICE": "http", "MORE": ""})
    r = s.get("/")
    assert r.status == 200
    assert r.get("x-u") == "127.0.0.1:%d, 127.0.0.3:%d" % (hold.getsockname()[1],
                                                           twins.port)
    hold.close()


@pytest.mark.parametrize("conf,message", [
    ("server a.test resolve; resolver 127.0.0.1;",
     'resolving names at run time requires upstream "u" to be in shared memory'),
    ("zone u 64k; server a.test resolve;",
     'no resolver defined to resolve names at run time in upstream "u"'),
    ("zone u 64k; server 127.0.0.1 service=x resolve; resolver 127.0.0.1;",
     'service upstream "127.0.0.1" requires domain name'),
    ("zone u 64k; server a.test service=x;",
     'service upstream "a.test" requires "resolve" parameter'),
    ("zone u 64k; server a.test:80 service=x resolve; resolver 127.0.0.1;",
     'service upstream "a.test:80" may not have port'),
    ("server a.test service= resolve;", "service is empty"),
    ("server no.such.host.invalid;", 'host not found in upstream "no.such.host.invalid"'),
    ("server 127.0.0.1 slow_start=5s;", 'invalid parameter "slow_start=5s"')])
def test_refused(conf, message):
    s = Server("upstream u { %s }" % conf, wait=False)
    r = s.run("-t")
    s.remove()
    assert r.returncode == 1 and message in r.stderr
