"""Sessions: what all stores do, the cookie, memory, csrf."""

import json
import re
import subprocess
import threading
import time

import pytest

from harness.http1 import Connection, get, wait_until
from harness.sessions import Client, MODULES, conf


@pytest.fixture(params=["memory", "redis", "sqlite"])
def site(request, server, redis):
    """A server with each store."""
    if request.param == "memory":
        store = "memory zone=s:1m"
    elif request.param == "redis":
        store = "redis://127.0.0.1:%d/0" % redis().port
    else:
        store = "sqlite:app"
    http = "sqlite app data/app.db { }" if request.param == "sqlite" else ""
    return server(conf(store), main=MODULES, http=http, workers=2)


# ---- what both stores do ----

def test_values(site):
    c = Client(site.port())
    assert c("/get").text == "{}" and c.id is None       # nothing is stored for nothing
    assert c("/set/a/1").status == 200
    assert re.fullmatch(r"[\w-]{22,}", c.id)
    first = c.id
    assert c("/set/b/2").getall("Set-Cookie") == []
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}
    assert json.loads(c("/shape").text) == [2, True, 7, ["a", "b"], True]
    c("/unset")
    assert json.loads(c("/get").text) == {"b": "2"} and c.id == first
    r = Client(site.port())("/need")
    assert r.status == 500
    assert Client(site.port())("/get").text == "{}"


def test_an_answer_with_a_cookie_has_no_etag(site):
    """It is for one client only: no 304 takes its place."""
    c = Client(site.port())
    etag = c("/off").get("ETag")        # the same text without a session
    r = c("/set/a/1", "If-None-Match: " + etag)
    assert r.status == 200 and r.getall("Set-Cookie") and r.get("ETag") is None
    r = c("/set/a/2", "If-None-Match: " + etag)
    assert r.status == 304 and r.getall("Set-Cookie") == []
    assert json.loads(c("/get").text) == {"a": "2"}
    assert c("/logout").get("ETag") is None


def test_unknown_ids_are_not_adopted(site):
    c = Client(site.port())
    c.cookies["AIOHTTP_SESSION"] = "attackersattackersattackers12345"
    c("/set/a/1")
    assert c.id != "attackersattackersattackers12345"
    for bad in ("../../x", "a" * 500, "*", "", "\"", "x\ty"):
        c.cookies["AIOHTTP_SESSION"] = bad
        assert c("/get").text == "{}"


def test_regenerate_and_destroy(site):
    c = Client(site.port())
    c("/set/a/1")
    before = c.id
    assert c("/login").text == "in"
    assert c.id != before
    assert json.loads(c("/get").text) == {"a": "1", "user": "me"}
    old = Client(site.port())
    old.cookies["AIOHTTP_SESSION"] = before
    assert old("/get").text == "{}"
    after = c.id
    r = c("/logout")
    assert "Max-Age=0" in r.get("Set-Cookie") and c.id is None
    old.cookies["AIOHTTP_SESSION"] = after
    assert old("/get").text == "{}"


def test_failures_save_nothing(site):
    c = Client(site.port())
    c("/set/a/1")
    assert c("/fail").status == 500
    assert json.loads(c("/get").text) == {"a": "1"}
    assert c("/refuse").status == 403
    assert json.loads(c("/get").text) == {"a": "kept"}


def test_variable(site):
    c = Client(site.port())
    c("/login")
    assert c("/var").get("X-User") == "me"


def test_concurrent_increments(site):
    c = Client(site.port())
    c("/set/a/1")
    errors = []

    def some(i):
        for _ in range(10):
            r = get(site.port(), "/inc%d" % i, "Cookie: AIOHTTP_SESSION=" + c.id)
            if r.status != 200:
                errors.append(r.status)

    threads = [threading.Thread(target=some, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert json.loads(c("/get").text) == {"a": "1", **{"k%d" % i: 10 for i in range(20)}}


def test_concurrent_increments_of_one_key(site):
    c = Client(site.port())
    c("/set/a/1")
    threads = [threading.Thread(target=get, args=(
        site.port(), "/inc0", "Cookie: AIOHTTP_SESSION=" + c.id)) for _ in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert json.loads(c("/get").text)["k0"] == 60


def test_csrf(site):
    c = Client(site.port())
    token = c("/form").text
    assert len(token) == 64 and c("/form").text != token

    def post(*headers, body=b"", who=c):
        return who("/form", *headers, method="POST", body=body).status

    form = "Content-Type: application/x-www-form-urlencoded"
    assert post() == 403
    assert post("X-CSRF-Token: " + token) == 200
    assert post("X-CSRF-Token: " + c("/form").text) == 200
    assert post("X-CSRF-Token: " + token[:-1] + ("0" if token[-1] != "0" else "1")) == 403
    assert post("X-CSRF-Token: " + "0" * 64) == 403
    assert post("X-CSRF-Token: " + token, who=Client(site.port())) == 403
    assert post(form, body=b"csrf_token=" + token.encode()) == 200
    assert post(form, body=b"csrf_token=x") == 403
    assert post("Content-Type: application/json", body=b"{}") == 403
    assert post("Sec-Fetch-Site: same-origin") == 200
    assert post("Sec-Fetch-Site: none") == 200
    for other in ("cross-site", "same-site", "x"):
        assert post("Sec-Fetch-Site: " + other, "X-CSRF-Token: " + token) == 403
    own = site.scheme + "://localhost"
    assert post("Origin: " + own) == 200
    assert post("Origin: %s:%d" % (own, 443 if site.scheme == "https" else 80)) == 200
    for other in (own + ":81", "null", site.scheme + "://evil", own + ".evil"):
        assert post("Origin: " + other, "X-CSRF-Token: " + token) == 403


# ---- the cookie ----

@pytest.mark.parametrize("options, wanted, unwanted", [
    ("", ["HttpOnly", "SameSite=Lax", "Path=/"], ["Secure", "Max-Age", "Domain"]),
    ("secure=on samesite=strict path=/ domain=a.b max_age=1h",
     ["Secure", "SameSite=Strict", "Domain=a.b", "Max-Age=3600"], []),
    ("secure=on httponly=off samesite=off cookie=__Host-s", ["Secure", "__Host-s="],
     ["HttpOnly", "SameSite"]),
])
def test_cookie(server, options, wanted, unwanted):
    s = server(conf("memory zone=s:1m " + options), main=MODULES)
    line = get(s.port(), "/set/a/1").get("Set-Cookie")
    if s.scheme == "https":
        unwanted = [w for w in unwanted if w != "Secure"]
    assert all(w in line for w in wanted) and not any(w in line for w in unwanted)


@pytest.mark.parametrize("store, message", [
    ("nowhere", "sessions are kept in"), ("memory path=x", "invalid parameter"),
    ("memory samesite=none secure=off", "needs secure"), ("memory ttl=0", "invalid parameter"),
    ("memory timeout=1s", "invalid parameter"), ("memory zone=", "invalid parameter"), ("redis://:99999/", "invalid address"),
    ("memory cookie=__Host-x domain=a.b", "__Host-"),
    ("memory host_prefix=on path=/x", "__Host-"), ("memory key=md5", "invalid parameter"),
    ("memory host_prefix=on cookie=__Host-x", "__Host-"), ("memory fallback=memory", "invalid"),
    ("redis://127.0.0.1 zone=x:1m", "fallback=memory"), ("rediss://", "invalid address"),
    ("redis://127.0.0.1 master=x", "invalid parameter"), ("redis://a,b", "invalid address"),
    ("redis://127.0.0.1 connections=0", "invalid"), ("redis://127.0.0.1 user=x", "needs"),
    ("redis://127.0.0.1 tls_ca=x", "invalid parameter"), ("redis-sentinel://a:x", "invalid"),
    ("rediss://127.0.0.1 tls_certificate=x.pem", "need each other"),
    ("rediss://127.0.0.1 tls_key=x.pem", "need each other"),
    ("memory \"domain=a; Secure\"", "invalid parameter"), ("redis://127.0.0.1/x", "database"),
])
def test_conf_errors(server, store, message):
    s = server("server { listen 127.0.0.1:%%PORT%%; }", main=MODULES)
    s.write_conf(conf(store), name="bad.conf")
    r = subprocess.run([s.binary, "-p", s.prefix + "/", "-c", "bad.conf",
                        "-e", "stderr", "-t"],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode != 0 and message in r.stderr


def test_no_store(server):
    s = server("server { listen 127.0.0.1:%%PORT%%; route GET / { json session; } }",
               main=MODULES)
    assert get(s.port(), "/").status == 500
    assert "there is no session here" in s.error_log()


# ---- memory ----

def test_memory_over_reload(server):
    s = server(conf("memory zone=s:1m"), main=MODULES, workers=2)
    c = Client(s.port())
    c("/set/a/1")
    before = s.workers()
    s.signal("HUP")
    wait_until(lambda: len(s.workers()) == 2 and not set(s.workers()) & set(before), 10)
    assert json.loads(c("/get").text) == {"a": "1"}


@pytest.mark.plain("slow: about times")
def test_memory_ttl_and_max_age(server):
    s = server(conf("memory zone=s:1m ttl=2s max_age=5s"), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    for _ in range(3):      # it is used: it lives on
        time.sleep(1.1)
        assert json.loads(c("/get").text) == {"a": "1"}
    time.sleep(2)           # but not beyond max_age
    assert c("/get").text == "{}"
    c("/set/a/1")
    time.sleep(3.1)
    assert c("/get").text == "{}"


def test_memory_full(server):
    s = server(conf("memory zone=s:64k"), main=MODULES)
    first, last = Client(s.port()), None
    first("/set/a/1")
    for i in range(600):
        last = Client(s.port())
        assert last("/set/a/" + "x" * 300).status == 200
    assert json.loads(last("/get").text) == {"a": "x" * 300}
    assert first("/get").text == "{}"
