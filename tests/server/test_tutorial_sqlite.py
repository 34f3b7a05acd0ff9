"""The tutorial's programs 9, 11 and 12: aiohttp's and weir's, asked the same."""

import json
import os
import sqlite3
import subprocess

import pytest

from harness import ports
from harness.http1 import get, wait_until
from server.test_sqlite import MODULES, Server

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA = """
CREATE TABLE posts(id INTEGER PRIMARY KEY, title TEXT UNIQUE, text TEXT, owner TEXT,
    editor TEXT);
CREATE TABLE visits(page TEXT PRIMARY KEY, address TEXT, n INTEGER);
"""
# `transaction` and the counter stand around all; the check in front of them.
CONF = """
sqlite tutorial data/tutorial.db { schema tutorial.sql; }
server {
    listen 127.0.0.1:%%PORT%%;
    routes / {
        transaction;
        require request.path[:8] != "/private" or cookies.user|default("") == "ann"
            else 401 log in first;
        sql INSERT INTO visits(page, address, n) VALUES({{ request.path }},
                {{ request.remote_addr }}, 1)
            ON CONFLICT(page) DO UPDATE SET n = n + 1;
        route POST /post {
            sql new = INSERT INTO posts(title, text) VALUES({{ json.title }}, {{ json.text }});
            json {"new_post": new.last_insert_id};
        }
        route POST /twice {
            sql INSERT INTO posts(title, text) VALUES({{ json.title }}, 'first');
            sql INSERT INTO posts(title, text) VALUES({{ json.title }}, 'second');
            json {"stored": true};
        }
        route GET /private/visits {
            sql v = SELECT n, address FROM visits WHERE page = {{ request.path }};
            json {"visits": v.first.n, "address": v.first.address};
        }
    }
}
"""


class App:
    """The aiohttp program with a database of its own."""

    def __init__(self, folder):
        self.port = ports.free_port()
        self.path = str(folder / "tutorial.db")
        db = sqlite3.connect(self.path)
        db.executescript(SCHEMA)
        db.close()
        self.process = subprocess.Popen([
            "/usr/bin/python3", os.path.join(TESTS, "aiohttp", "tutorial_sqlite_app.py"),
            str(self.port), self.path])
        wait_until(self.answers, 20)

    def answers(self):
        try:
            return get(self.port, "/none").status == 404
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def both(fronted, tmp_path_factory):
    app = App(tmp_path_factory.mktemp("aiohttp"))
    try:
        with Server(CONF, files={"tutorial.sql": SCHEMA}, main=MODULES) as s:
            yield {"aiohttp": (app.port, app.path),
                   "weir": (s.port(), s.prefix + "/data/tutorial.db")}
    finally:
        app.stop()


def ask(both, method, target, value=None, *headers):
    """What both answer, which must be the same: (status, JSON)."""
    answers = {}
    for kind, (port, _) in both.items():
        r = get(port, target, "Content-Type: application/json", *headers, method=method,
                body=json.dumps(value) if value is not None else "")
        answers[kind] = (r.status, json.loads(r.body))
    assert answers["aiohttp"] == answers["weir"]
    return answers["weir"]


def stored(both, sql):
    found = []
    for _, path in both.values():
        db = sqlite3.connect(path, timeout=10)
        found.append(db.execute(sql).fetchall())
        db.close()
    assert found[0] == found[1]
    return found[0]


def test_9_a_row(both):
    assert ask(both, "POST", "/post", {"title": "a", "text": "b"}) == (200, {"new_post": 1})
    assert ask(both, "POST", "/post", {"title": "c", "text": None}) == (200, {"new_post": 2})
    assert stored(both, "SELECT * FROM posts") == [
        (1, "a", "b", None, None), (2, "c", None, None, None)]


def test_11_all_or_nothing(both):
    before = stored(both, "SELECT * FROM posts")
    assert ask(both, "POST", "/twice", {"title": "z"}) == (
        409, {"error": "UNIQUE constraint failed: posts.title"})
    assert stored(both, "SELECT * FROM posts") == before
    # The counter stood inside the transaction.
    assert stored(both, "SELECT n FROM visits WHERE page = '/twice'") == []
    # What is wrong with a statement aiohttp's program learns when it runs, …
    r = get(both["aiohttp"][0], "/wrong", method="POST", body='{"title": "w"}')
    assert (r.status, json.loads(r.body)) == (500, {"error": "4 values for 2 columns"})
    assert stored(both, "SELECT * FROM posts") == before


def test_11_is_a_conf_error():
    """… and weir when it reads the conf."""
    s = Server(CONF.replace("(title, text) VALUES({{ json.title }}, 'first')",
                            "(title, text) VALUES({{ json.title }}, 'first', 3, 4)"),
               files={"tutorial.sql": SCHEMA}, main=MODULES, wait=False)
    try:
        out = s.run("-t")
        assert out.returncode != 0 and "4 values for 2 columns" in out.stderr
    finally:
        s.remove()


def test_12_what_middlewares_are_for(both):
    assert ask(both, "GET", "/private/visits") == (401, {"error": "log in first"})
    assert stored(both, "SELECT * FROM visits WHERE page LIKE '/private%'") == []
    for n in (1, 2, 3):
        assert ask(both, "GET", "/private/visits", None, "Cookie: user=ann") == (
            200, {"visits": n, "address": "127.0.0.1"})
    assert ask(both, "GET", "/private/visits", None, "Cookie: user=eve")[0] == 401
    assert stored(both, "SELECT n FROM visits WHERE page = '/private/visits'") == [(3,)]
