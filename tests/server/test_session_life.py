"""Sessions: what goes on at the same time, logins and logouts, cookies on TLS, metrics."""

import hashlib
import json
import re
import subprocess
import threading
import time

import pytest

from harness.http1 import Connection, get
from harness.modules import load_module, made
from harness.sessions import Client, MODULES, ROUTES, conf


@pytest.fixture(params=["memory zone=s:1m", "redis", "sqlite:app"])
def site(request, server, redis):
    """A server with each store."""
    store = request.param
    if store == "redis":
        store = "redis://127.0.0.1:%d/0" % redis().port
    return server(conf(store), main=MODULES, http="sqlite app data/app.db { }", workers=2)


def test_two_hundred_at_once(site):
    """200 concurrent increments of 20 keys of one session: every one is right."""
    c = Client(site.port())
    c("/set/a/1")
    statuses = []

    def one(i):
        with Connection(site.port(), 30) as conn:
            statuses.append(conn.get("/inc%d" % (i % 20),
                                     "Cookie: AIOHTTP_SESSION=" + c.id).status)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 200
    assert json.loads(c("/get").text) == {"a": "1", **{"k%d" % i: 10 for i in range(20)}}


def test_logout_is_not_undone(server, redis):
    """A request that loaded the session before a logout saves after it."""
    slow = """
    route GET /slow { set session.late = 1; gather { fetch w = http://127.0.0.1:%%PORT2%%/; }
        text ok; }
    """
    s = server(conf("redis://127.0.0.1:%d" % redis().port, ROUTES + slow) + """
        server { listen 127.0.0.1:%%PORT2%%;
                 location / { limit_rate 60; return 200 "FILLER"; } }""".replace("FILLER", "x" * 90),
               main=MODULES + "\n" + load_module("fetch"), workers=2)
    c = Client(s.port())
    c("/set/a/1")
    late = Client(s.port())
    late.cookies = dict(c.cookies)
    answers = []
    t = threading.Thread(target=lambda: answers.append(late("/slow")))
    t.start()
    time.sleep(0.3)
    assert c("/logout").status == 200
    t.join()
    assert answers[0].status == 200 and answers[0].getall("Set-Cookie") == []
    assert late("/get").text == "{}"


def test_set_after_destroy(server):
    s = server(conf("memory zone=s:1m", ROUTES + """
        route GET /again { session_destroy; set session.b = "new"; text ok; }
        """), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    former = c.id
    assert c("/again").status == 200 and c.id != former
    assert json.loads(c("/get").text) == {"b": "new"}
    c.cookies["AIOHTTP_SESSION"] = former
    assert c("/get").text == "{}"
    assert "Max-Age=0" in c("/logout").get("Set-Cookie")     # a stale cookie goes as well


def test_a_login_makes_former_tokens_worthless(site):
    c = Client(site.port())
    token = c("/form").text
    c("/login")
    assert c("/form", "X-CSRF-Token: " + token, method="POST", body=b"").status == 403
    token = c("/form").text
    assert c("/form", "X-CSRF-Token: " + token, method="POST", body=b"").status == 200


def test_cookie_max_age(server):
    s = server(conf("memory zone=s:1m cookie_max_age=10m max_age=1h"), main=MODULES)
    c = Client(s.port())
    for value in "12":      # sent anew with each change, so that it slides
        assert "; Max-Age=600;" in c("/set/a/" + value).get("Set-Cookie")
    assert c("/get").getall("Set-Cookie") == []


def test_hashed_keys(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d key=sha256" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    key = "AIOHTTP_SESSION_" + hashlib.sha256(c.id.encode()).hexdigest()
    assert r("KEYS", "*") == [key.encode()]
    assert json.loads(c("/get").text) == {"a": "1"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                    str(folder / "key"), "-out", str(folder / "crt"), "-days", "2", "-subj",
                    "/CN=localhost"], check=True, capture_output=True)
    return folder


def curl(s, path, *args):
    done = subprocess.run(["curl", "-sk", "-i", *args, "https://127.0.0.1:%d%s" % (
        s.port(), path)], capture_output=True, text=True, timeout=20)
    return done.stdout


def test_on_tls(server, certificate):
    """Secure, __Host- if asked for; a page without TLS is none of the site."""
    s = server(conf("memory zone=s:1m host_prefix=on").replace(
        "%%PORT%%;", "%%PORT%% ssl; http2 on; ssl_certificate " + str(certificate / "crt")
        + "; ssl_certificate_key " + str(certificate / "key") + ";"), main=MODULES)
    out = curl(s, "/set/a/1")
    cookie = re.search(r"set-cookie: (__Host-AIOHTTP_SESSION=([\w-]+)); (.*)", out, re.I)
    assert "Secure" in cookie.group(3) and "Path=/" in cookie.group(3)
    assert '{"a": "1"}' in curl(s, "/get", "-H", "Cookie: " + cookie.group(1))
    # One that a neighbour without TLS could have set does not count.
    assert "{}" in curl(s, "/get", "-H", "Cookie: AIOHTTP_SESSION=" + cookie.group(2))
    for protocol in ("--http1.1", "--http2"):
        for origin, status in (("https://127.0.0.1:%d" % s.port(), "200"),
                               ("http://127.0.0.1:%d" % s.port(), "403"),
                               ("https://evil:%d" % s.port(), "403")):
            out = curl(s, "/form", protocol, "-X", "POST", "-H", "Origin: " + origin)
            assert out.split()[1] == status, (protocol, origin)


def test_metrics(server):
    status = load_module("status_page") if "status_page" in made("DYNAMIC_MODULES") else ""
    s = server(conf("memory zone=s:1m", ROUTES + "location /status { status_page; }"),
               main=MODULES + "\n" + status)
    c = Client(s.port())
    c("/set/a/1"), c("/get"), c("/set/a/2"), c("/login"), c("/logout")
    c.cookies["AIOHTTP_SESSION"] = "unknownunknownunknown"
    c("/get")
    text = get(s.port(), "/status?format=prometheus").text
    for op, result, n in (("load", "hit", 4), ("load", "miss", 1), ("create", "saved", 1),
                          ("update", "saved", 1), ("rename", "saved", 1),
                          ("drop", "saved", 1), ("load", "error", 0)):
        found = re.search(r'weir_session_ops_total\{store="memory:s",op="%s",result="%s"\} '
                          r'(\d+)' % (op, result), text)
        assert int(found.group(1) if found else 0) == n, (op, result)
    assert 'weir_session_op_duration_seconds_count{store="memory:s"} 9' in text
    assert re.search(r'weir_session_store_up\{store="memory:s"\} 1', text)
