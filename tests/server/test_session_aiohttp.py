"""Sessions shared with an application of aiohttp-session, which stands behind weir:
both change the same session in turn."""

import json
import os
import subprocess
import threading
import time

import pytest

from harness import ports
from harness.http1 import get, wait_until
from harness.redis import Redis
from harness.server import ROOT
from harness.sessions import Client, MODULES, ROUTES

APP = os.path.join(ROOT, "tests", "aiohttp", "session_app.py")

CONF = """server { listen 127.0.0.1:%%PORT%%;
    session redis://127.0.0.1:%%REDIS%%/0 cookie=AIOHTTP_SESSION ttl=30m;
    location /py/ {
        proxy_pass http://127.0.0.1:%%APP%%/;
        proxy_set_header X-Last $session_last_visit;
    }
""" + ROUTES + """
    route GET /plain {
        set last = session.last_visit|default(none);
        set session.last_visit = now();
        text Last visited: {{ last }};
    }
    route GET /count/{k} { when params.k == "mine" {
            set session.mine = session.mine|default(0) + 1; }
        json session; }
}"""


@pytest.fixture(scope="module")
def peer():
    """The application and its Redis; each test has clients of its own."""
    redis = Redis()
    app = ports.free_port()
    process = subprocess.Popen(["/usr/bin/python3", APP, str(app), str(redis.port)])
    try:
        wait_until(lambda: not ports.is_free(app), 30)
        yield redis, app
    finally:
        process.kill()
        process.wait()
        redis.remove()


class Site:
    """weir before the application."""

    def __init__(self, server, redis, app):
        self.redis = redis
        self.server = server(CONF, main=MODULES, workers=2,
                             names={"REDIS": redis.port, "APP": app})

    def client(self):
        return Client(self.server.port())

    def stored(self, client):
        return json.loads(self.redis("GET", "AIOHTTP_SESSION_" + client.id))


@pytest.fixture
def site(server, peer):
    return Site(server, *peer)


@pytest.mark.parametrize("first, second", [("/", "/py/"), ("/py/", "/")])
def test_last_visit(site, first, second):
    """The tutorial's program: both answer the same, with one session."""
    c = site.client()
    r = c(first)
    assert r.text == "Last visited: None" and r.get("Content-Type").startswith("text/plain")
    id = c.id
    for turn in range(6):
        when = site.stored(c)["session"]["last_visit"]
        assert abs(when - time.time()) < 60
        r = c((second, first)[turn % 2])
        assert r.status == 200 and r.text == "Last visited: " + time.ctime(when)
        assert c.id == id
        assert site.stored(c)["session"]["last_visit"] > when
    assert site.stored(c)["created"] <= time.time()


def test_last_visit_as_a_number(site):
    """conf/tutorial.conf's route: Python and weir write the float alike."""
    c = site.client()
    assert c("/plain").text == "Last visited: None"
    for turn in range(10):
        when = site.stored(c)["session"]["last_visit"]
        assert c(("/py/plain", "/plain")[turn % 2]).text == "Last visited: %r" % when


def test_values_of_all_kinds(site):
    c = site.client()
    c("/py/values")
    c("/set/a/1")
    want = {"seen": ["é", 1, 1.5, None, {"x": True}], "a": "1"}
    assert json.loads(c("/get").text) == want
    assert json.loads(c("/py/values").text) == want
    assert json.loads(c("/py/get").text) == want


def test_turn_by_turn(site):
    c = site.client()
    for n in range(1, 6):
        assert json.loads(c("/count/mine").text)["mine"] == n
        assert json.loads(c("/py/add/theirs").text) == n
    assert site.stored(c)["session"] == {"mine": 5, "theirs": 5}


def test_logout_on_either_side(site):
    c = site.client()
    c("/set/a/1")
    former = c.id
    c("/py/logout")         # leaves {} behind, as it does
    old = site.client()
    old.cookies["AIOHTTP_SESSION"] = former
    assert old("/get").text == "{}"
    c("/py/add/k")
    former = c.id
    c("/logout")
    old.cookies["AIOHTTP_SESSION"] = former
    assert json.loads(old("/py/get").text) == {}
    assert site.redis("GET", "AIOHTTP_SESSION_" + former) is None


def test_login_here_is_seen_there(site):
    c = site.client()
    c("/py/add/k")
    before = c.id
    c("/login")
    assert c.id != before
    assert json.loads(c("/py/get").text) == {"k": 1, "user": "me"}


def test_changes_there_while_weir_changes(site):
    """What aiohttp-session overwrites is its own doing; what weir does at the same time
    as others never loses what they have saved."""
    c = site.client()
    c("/set/a/1")
    over = threading.Event()
    errors = []

    def others():
        for n in range(150):
            text = site.stored(c)
            text["session"]["n"] = n
            # As the application: a plain SET of the whole.
            site.redis("SET", "AIOHTTP_SESSION_" + c.id, json.dumps(text))
        over.set()
    t = threading.Thread(target=others)
    t.start()
    while not over.is_set():
        r = get(site.server.port(), "/inc1", "Cookie: AIOHTTP_SESSION=" + c.id)
        if r.status != 200:
            errors.append(r.status)
    t.join()
    assert not errors
    stored = site.stored(c)["session"]
    assert stored["n"] == 149 and stored["a"] == "1"


def test_the_applications_cookie_and_header(site):
    """Its Set-Cookie passes through, and $session_KEY goes to it."""
    c = site.client()
    r = c("/py/")
    assert r.get("Set-Cookie").startswith("AIOHTTP_SESSION=")
    assert c("/py/get").status == 200
