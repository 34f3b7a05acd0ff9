"""SQLite: statements as steps, bound values, transactions, several workers."""

import json
import os
import random
import re
import signal
import sqlite3
import threading
import time
from urllib.parse import quote

import pytest

from harness.http1 import Connection, get, wait_until, within
from harness.server import Server as Plain, children, make_prefix



class Server(Plain):
    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.check()
        self.remove()


MODULES = "".join("load_module modules/http_%s_module.so;\n" % m
                  for m in ("route", "json", "sqlite"))
SCHEMA = """
CREATE TABLE posts(
    id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, text TEXT,
    owner TEXT, editor TEXT);
CREATE TABLE hits(n INTEGER PRIMARY KEY, worker TEXT, who TEXT);
CREATE TABLE notes(id INTEGER PRIMARY KEY,
    post INTEGER REFERENCES posts(id) DEFERRABLE INITIALLY DEFERRED,
    n INTEGER CHECK (n < 100));
"""
DATABASE = "sqlite blog data/blog.db { schema blog.sql; %s }\n"
ROUTES = r"""
server {
    listen 127.0.0.1:%%PORT%%;
    root %%PREFIX%%;
    route POST /post {
        transaction;
        sql new = INSERT INTO posts(title, text)
                  VALUES({{ json.title }}, {{ json.text|default(none) }});
        json {"new_post": new.last_insert_id};
    }
    route POST /auto {
        sql new = INSERT INTO posts(title) VALUES({{ json.title }});
        json {"new_post": new.last_insert_id, "changes": new.changes};
    }
    route POST /two {
        transaction;
        sql a = INSERT INTO posts(title) VALUES({{ json.a }});
        sql b = INSERT INTO posts(title) VALUES({{ json.b }});
        sql all = SELECT count(*) AS n FROM posts;
        json {"ids": [a.last_insert_id, b.last_insert_id], "n": all.first.n};
    }
    route POST /refused {
        transaction;
        sql INSERT INTO posts(title) VALUES({{ json.title }});
        require json.good|default(false) else 422 not good;
        text ok;
    }
    route POST /broken-view {
        transaction;
        sql INSERT INTO posts(title) VALUES({{ json.title }});
        json 1 // (json.title|length - 1);
    }
    route POST /status {
        transaction;
        sql INSERT INTO posts(title) VALUES({{ json.title }});
        status 418;
        text teapot;
    }
    route POST /moved {
        transaction;
        sql new = INSERT INTO posts(title) VALUES({{ json.title }});
        redirect /post/{{ new.last_insert_id }};
    }
    route GET /posts {
        sql posts = SELECT id, title, text FROM posts
                    ORDER BY {{ query.sort|default("id")|one_of("id", "title") }}
                             {{ query.dir|default("asc")|one_of("asc", "desc") }};
        json posts;
    }
    route GET /post/{id:int} {
        sql post = SELECT id, title, text FROM posts WHERE id = {{ params.id }};
        require post.first else 404;
        json post.first;
    }
    route GET /find {
        sql post = SELECT title FROM posts WHERE title = {{ query.title }};
        json post;
    }
    route POST /types {
        sql v = SELECT {{ json.v }} AS v, typeof({{ json.v }}) AS t;
        json v.first;
    }
    route GET /object {
        sql p = SELECT id, title FROM posts ORDER BY id;
        text {{ p|length }} {{ p.first.title }} {{ p[1]["title"] }} {{ p[-1].id }} {{ p.changes }} {{ p.first.nope }} {{ p.first.keys()|join("+") }} {{ p[1:]|map(attribute="id")|join(",") }} {{ p|sum("id") }} {{ p.first is mapping }} {{ p.last_insert_id }};
    }
    route POST /note {
        transaction;
        sql INSERT INTO notes(post, n) VALUES({{ json.post }}, {{ json.n }});
        text ok;
    }
    route POST /hit {
        sql INSERT INTO hits(n, worker, who) VALUES({{ json.n }}, {{ vars.pid }}, 'auto');
        text ok;
    }
    route POST /hit-tx {
        transaction;
        sql INSERT INTO hits(n, worker, who) VALUES({{ json.n }}, {{ vars.pid }}, 'tx');
        sql c = SELECT count(*) AS n FROM hits WHERE n = {{ json.n }};
        require json.n % 7 != 3 else 409 unlucky;
        text {{ c.first.n }};
    }
    route GET /count {
        transaction;
        sql a = SELECT count(*) AS n FROM hits;
        sql b = SELECT count(*) AS n FROM hits;
        json {"same": a.first.n == b.first.n, "n": a.first.n};
    }
    route GET /gather {
        gather {
            sql a = SELECT 1 AS n;
            sql b = SELECT 2 AS n;
        }
        text {{ a.first.n }}{{ b.first.n }};
    }
    route GET /gather-late {
        gather {
            timeout 50ms;
            sql a = SELECT 1 AS n;
            sql b = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                    SELECT max(n) FROM c;
        }
        text never;
    }
    route GET /gather-late-tx {
        transaction;
        sql a = SELECT 1 AS n;
        gather {
            timeout 50ms;
            sql b = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                    SELECT max(n) FROM c;
            sql c = SELECT 1 AS n;
        }
        text never;
    }
    route GET /gather-late-hash {
        gather {
            timeout 1ms;
            sql a = INSERT INTO posts(title) VALUES({{ hash_password("secret") }});
        }
        text {{ a.changes }};
    }
    route GET /gather-tx {
        transaction;
        gather {
            sql a = INSERT INTO posts(title) VALUES({{ query.a }});
            sql b = INSERT INTO posts(title) VALUES({{ query.b }});
        }
        text {{ a.changes }}{{ b.changes }};
    }
    route GET /slow {
        sql a = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                SELECT max(n) FROM c;
        text {{ a }};
    }
    route POST /hash {
        sql INSERT INTO posts(title, text)
            VALUES({{ json.title }}, {{ hash_password(json.p) }});
        text ok;
    }
    route POST /hidden {
        sqlite_error_detail off;
        sql INSERT INTO posts(title) VALUES({{ json.title }});
        json {};
    }
    location /files/ { alias %%PREFIX%%/data/; }
}
"""


def start(more="", schema=SCHEMA, routes=ROUTES, **options):
    files = {"blog.sql": schema}
    files.update(options.pop("files", {}))
    options.setdefault("main", MODULES)
    return Server(DATABASE % more + routes, files=files, **options)


@pytest.fixture(scope="module")
def server(fronted):
    with start("statement_timeout 60s;") as s:
        yield s


@pytest.fixture(autouse=True)
def clean(request):
    if "server" in request.fixturenames:
        s = request.getfixturevalue("server")
        with database(s) as db:
            for table in ("notes", "posts", "hits"):
                db.execute("DELETE FROM " + table)


class database:
    """The file as another program sees it."""

    def __init__(self, server):
        self.db = sqlite3.connect(server.prefix + "/data/blog.db", timeout=10,
                                  isolation_level=None)

    def __enter__(self):
        return self.db

    def __exit__(self, *_):
        self.db.close()


def rows(server, sql="SELECT title FROM posts ORDER BY id"):
    with database(server) as db:
        return db.execute(sql).fetchall()


def post(server, target, value):
    return get(server.port(), target, method="POST", body=json.dumps(value))


def answer(r):
    return r.status, json.loads(r.body)


# Statements and values

def test_insert_answers_the_id(server):
    assert answer(post(server, "/post", {"title": "a", "text": "b"})) == (
        200, {"new_post": 1})
    assert answer(post(server, "/post", {"title": "c"})) == (200, {"new_post": 2})
    assert rows(server, "SELECT id, title, text FROM posts") == [
        (1, "a", "b"), (2, "c", None)]


def test_without_a_transaction(server):
    assert answer(post(server, "/auto", {"title": "a"})) == (
        200, {"new_post": 1, "changes": 1})
    assert rows(server) == [("a",)]


@pytest.mark.parametrize("value,kind", [
    (1, "integer"), (-2**63, "integer"), (2**63 - 1, "integer"), (1.5, "real"),
    ("x", "text"), ("", "text"), ("ü\u0000z", "text"), (None, "null"),
    ("'; DROP TABLE posts; --", "text"), ("x" * 100000, "text")])
def test_types_of_values(server, value, kind):
    assert answer(post(server, "/types", {"v": value})) == (
        200, {"v": value, "t": kind})


def test_booleans_are_integers(server):
    assert answer(post(server, "/types", {"v": True})) == (
        200, {"v": 1, "t": "integer"})


@pytest.mark.parametrize("value", [[], {}, [1]])
def test_what_cannot_be_stored(server, value):
    status, body = answer(post(server, "/types", {"v": value}))
    assert status == 400 and "cannot be stored" in body["error"]


def test_undefined_is_the_clients_error(server):
    status, body = answer(post(server, "/post", {"text": "b"}))
    assert status == 400 and "title" in body["error"]
    assert rows(server) == []


@pytest.mark.parametrize("text", [
    "a' OR '1'='1", "a'; DROP TABLE posts; --", "{{ 1 }}", "?1", "a\\' OR 1=1 --",
    "\" OR \"\"=\""])
def test_no_injection(server, text):
    post(server, "/auto", {"title": "a"})
    assert answer(post(server, "/auto", {"title": text}))[0] == 200
    r = get(server.port(), "/find?title=" + quote(text))
    assert [row["title"] for row in json.loads(r.body)] == [text]
    assert len(rows(server)) == 2


def test_one_of(server):
    for title in ("b", "a"):
        post(server, "/auto", {"title": title})

    def titles(target):
        r = get(server.port(), target)
        assert r.status == 200
        return "".join(row["title"] for row in json.loads(r.body))
    assert titles("/posts") == "ba"
    assert titles("/posts?dir=desc") == "ab"
    assert titles("/posts?sort=title") == "ab"
    assert titles("/posts?sort=title&dir=desc") == "ba"
    for bad in ("text", "id;", "id%20desc", "", "ID", "1"):
        assert get(server.port(), "/posts?sort=" + bad).status == 400


def test_the_result(server):
    for title in ("a", "b", "c"):
        post(server, "/auto", {"title": title})
    assert get(server.port(), "/object").text == (
        "3 a b 3 0  id+title 2,3 6 True None")


def test_a_row_or_none(server):
    assert get(server.port(), "/post/1").status == 404
    post(server, "/auto", {"title": "a"})
    assert answer(get(server.port(), "/post/1")) == (
        200, {"id": 1, "title": "a", "text": None})


def test_text_that_is_no_utf8(server):
    with database(server) as db:
        db.execute("INSERT INTO posts(title) VALUES(CAST(x'61ff62' AS TEXT))")
    assert json.loads(get(server.port(), "/posts").body)[0]["title"] == "a\ufffdb"


def test_gather(server):
    assert get(server.port(), "/gather").text == "12"
    assert get(server.port(), "/gather-tx?a=x&b=y").text == "11"
    assert sorted(rows(server)) == [("x",), ("y",)]
    assert get(server.port(), "/gather-tx?a=z&b=x").status == 409
    assert len(rows(server)) == 2


def test_gather_with_a_deadline(server):
    """A read that runs is stopped, what has not begun is dropped, and the next ones find
    all readers well."""
    for _ in range(3):
        for target in ("/gather-late", "/gather-late-tx", "/gather-late-hash"):
            assert get(server.port(), target).status == 504, target
    for _ in range(8):
        assert get(server.port(), "/gather").text == "12"
    assert rows(server) == []


def test_a_slow_function_comes_first(server):
    assert post(server, "/hash", {"title": "a", "p": "secret"}).status == 200
    assert "secret" not in rows(server, "SELECT text FROM posts")[0][0]
    assert post(server, "/hash", {"title": "b"}).status == 400


# Errors

def test_a_conflict(server):
    post(server, "/post", {"title": "a"})
    for target in ("/post", "/auto"):
        assert answer(post(server, target, {"title": "a"})) == (
            409, {"error": "UNIQUE constraint failed: posts.title"})
    assert answer(post(server, "/post", {"title": None}))[0] == 409
    assert rows(server) == [("a",)]


def test_hidden_detail(server):
    post(server, "/auto", {"title": "a"})
    assert answer(post(server, "/hidden", {"title": "a"})) == (
        409, {"error": "conflict"})


def test_deferred_foreign_key(server):
    r = get(server.port(), "/note", "Accept: application/json", method="POST",
            body='{"post": 77, "n": 1}')
    assert answer(r) == (409, {"error": "FOREIGN KEY constraint failed"})
    assert rows(server, "SELECT * FROM notes") == []


def test_statement_timeout():
    with start("statement_timeout 300ms;") as s:
        began = time.monotonic()
        r = get(s.port(), "/slow", "Accept: application/json")
        assert r.status == 500 and "statement_timeout" in r.text
        assert time.monotonic() - began < within(3)
        assert get(s.port(), "/gather").text == "12"


def test_busy(server):
    with start("busy_timeout 300ms;") as s:
        with database(s) as db:
            db.execute("BEGIN IMMEDIATE")
            for target in ("/post", "/auto"):
                r = post(s, target, {"title": "a"})
                assert answer(r) == (503, {"error": "database is locked"})
                assert r.get("Retry-After") == "1"
            assert get(s.port(), "/posts").status == 200
            db.execute("ROLLBACK")
        assert post(s, "/post", {"title": "a"}).status == 200


def test_full(server):
    with start("pragma max_page_count 8;") as s:
        seen = [post(s, "/post", {"title": "%d" % i, "text": "x" * 3000}).status
                for i in range(12)]
        assert seen[0] == 200 and seen[-1] == 507
        assert len(rows(s)) == seen.count(200)


# Transactions

def test_all_or_nothing(server):
    assert answer(post(server, "/two", {"a": "x", "b": "y"})) == (
        200, {"ids": [1, 2], "n": 2})
    assert answer(post(server, "/two", {"a": "z", "b": "x"})) == (
        409, {"error": "UNIQUE constraint failed: posts.title"})
    assert rows(server) == [("x",), ("y",)]


@pytest.mark.parametrize("target,status", [
    ("/refused", 422), ("/broken-view", 500), ("/status", 418)])
def test_an_error_rolls_back(server, target, status):
    assert post(server, target, {"title": "a"}).status == status
    assert rows(server) == []
    assert answer(post(server, "/post", {"title": "a"}))[0] == 200


def test_a_redirect_commits(server):
    r = post(server, "/moved", {"title": "a"})
    assert r.status == 303 and r.get("Location").endswith("/post/1")
    assert rows(server) == [("a",)]


def test_a_snapshot(server):
    """Both statements of a reading transaction see the same."""
    stop = []

    def write():
        n = 0
        while not stop:
            n += 1
            post(server, "/hit", {"n": n})
    t = threading.Thread(target=write)
    t.start()
    try:
        for _ in range(100):
            assert answer(get(server.port(), "/count"))[1]["same"]
    finally:
        stop.append(1)
        t.join()


def test_files_are_not_served(server):
    post(server, "/auto", {"title": "a"})
    os.symlink("blog.db", server.prefix + "/data/link")
    with open(server.prefix + "/data/other.txt", "w") as f:
        f.write("other")
    try:
        for name in ("blog.db", "blog.db-wal", "blog.db-shm", "link"):
            assert get(server.port(), "/data/" + name).status == 404
            assert get(server.port(), "/files/" + name).status == 404
        assert get(server.port(), "/files/other.txt").text == "other"
    finally:
        os.unlink(server.prefix + "/data/link")


# The conf

BAD = [
    ("sql SELECT nme FROM posts;", "no such column: nme", "nme"),
    ("sql SELECT * FROM pots;", "no such table: pots", "pots"),
    ("sql INSERT INTO posts(title, text) VALUES({{ 1 }}, 2, 3, 4);",
     "4 values for 2 columns", None),
    ("sql INSERT INTO posts(titel) VALUES(1);",
     "table posts has no column named titel", "titel"),
    ("sql SELECT \"title\" || \"nope\" FROM posts;", "no such column: nope", "\"nope\""),
    ("sql SELEC 1;", "near \"SELEC\": syntax error", "SELEC"),
    ("sql SELECT {{ params.x }}, nix;", "no such column: nix", "nix"),
    ("sql SELECT id\n FROM posts\n  WHERE oops = {{ query.a }};",
     "no such column: oops", "oops"),
    ("sql SELECT ?;", "parameters are written {{ expression }}", "?"),
    ("sql SELECT '{{ query.a }}';", "{{ }} inside quotes", "{{"),
    ("sql SELECT {{ 1 + }};", "", None),
    ("sql ATTACH 'x' AS y;", "not authorized", None),
    ("sql SELECT load_extension('x');", "not authorized", None),
    ("sql PRAGMA writable_schema = 1;", "not authorized", None),
    ("sql PRAGMA journal_mode = off;", "not authorized", None),
    ("sql BEGIN;", "not authorized", None),
    ("sql COMMIT;", "not authorized", None),
    ("sql SELECT * FROM posts ORDER BY {{ query.a|one_of(\"id\", \"gone\") }};",
     "no such column: gone", "{{ query.a"),
    ("sql SELECT {{ query.a|one_of(query.b) }};", "one_of takes only texts", None),
    ("sql request = SELECT 1;", "the request's own", None),
    ("sql -- nothing\n ;", "no SQL statement", None),
    ("sqlite_use other; sql SELECT 1;", "no database \"other\"", None),
    ("transaction other; sql SELECT 1;", "no database \"other\"", None),
]


@pytest.mark.parametrize("step,message,at", BAD)
def test_errors_of_the_conf(step, message, at):
    conf = DATABASE % "" + (
        "server {\n    listen 127.0.0.1:%%PORT%%;\n    route GET /x {\n        "
        + step + "\n        text x;\n    }\n}\n")
    s = Server(conf, files={"blog.sql": SCHEMA}, main=MODULES, wait=False)
    try:
        out = s.run("-t")
        assert out.returncode != 0
        assert message in out.stderr
        place = re.search(r"test\.conf:(\d+):(\d+)", out.stderr)
        assert place
        if at is not None:
            with open(s.prefix + "/test.conf") as f:
                line = f.read().split("\n")[int(place.group(1)) - 1]
            assert line[int(place.group(2)) - 1:].startswith(at)
        assert not os.path.exists(s.prefix + "/data/blog.db")
    finally:
        s.remove()


def test_schema_errors_are_told():
    s = Server(DATABASE % "", files={"blog.sql": "CREATE TABLE a(b);\n\nCREATE TABEL c;"},
               main=MODULES, wait=False)
    out = s.run("-t")
    assert out.returncode != 0
    assert re.search(r'near "TABEL": syntax error in \S*blog\.sql:3:8 '
                     r"\(for the database in \S*test\.conf:\d+\)\n"
                     r" +CREATE TABEL c;\n +\^\n", out.stderr)


ONE = """
server { listen 127.0.0.1:%%PORT%%;
    route GET / { sql a = SELECT * FROM a; json a; } }
"""


def test_migrations():
    files = {"m/001.sql": "CREATE TABLE a(x);", "m/002.sql": "INSERT INTO a VALUES(1);"}
    prefix = make_prefix()
    base = "sqlite blog data/blog.db { migrations m; }\n"
    with Server(base + ONE, files=files, main=MODULES, prefix=prefix) as s:
        assert json.loads(get(s.port(), "/").body) == [{"x": 1}]
    # Once only; a new one is applied by a reload, while it serves.
    with Server(base + ONE, files=files, main=MODULES, prefix=prefix) as s:
        assert json.loads(get(s.port(), "/").body) == [{"x": 1}]
        with open(prefix + "/m/003.sql", "w") as f:
            f.write("ALTER TABLE a ADD COLUMN y DEFAULT 5;")
        s.process.send_signal(signal.SIGHUP)
        wait_until(lambda: json.loads(get(s.port(), "/").body) == [{"x": 1, "y": 5}])
    # Changed afterwards: refused.
    with open(prefix + "/m/002.sql", "w") as f:
        f.write("INSERT INTO a VALUES(2);")
    s = Server(base + ONE, main=MODULES, prefix=prefix, wait=False)
    out = s.run("-t")
    assert out.returncode != 0 and "was changed after" in out.stderr
    # One whose name comes earlier: it will not be what a new database gets.
    with open(prefix + "/m/002.sql", "w") as f:
        f.write(files["m/002.sql"])
    assert "[warn]" not in s.run("-t").stderr
    with open(prefix + "/m/0025.sql", "w") as f:
        f.write("UPDATE a SET y = 6;")
    out = s.run("-t")
    assert out.returncode == 0, out.stderr
    assert re.search(r'm/0025\.sql" comes behind "003\.sql" here', out.stderr)


# Several at once

class Writer(threading.Thread):
    """Sends numbers of its own; knows which were answered."""

    def __init__(self, server, first, count, target):
        super().__init__(daemon=True)
        self.server, self.target = server, target
        self.numbers = range(first, first + count)
        self.good, self.bad, self.unknown = set(), set(), set()
        self.statuses = {}
        self.slowest = 0
        self.stop = False

    def run(self):
        c = None
        for n in self.numbers:
            if self.stop:
                break
            began = time.monotonic()
            try:
                if c is None:
                    c = Connection(self.server.port(), 15)
                r = c.get(self.target, method="POST", body=json.dumps({"n": n}))
            except OSError:
                r = None
            if r is None or not r.complete or r.status == 0:
                self.unknown.add(n)
                c = None
                time.sleep(0.01)
                continue
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.statuses[r.status] = self.statuses.get(r.status, 0) + 1
            (self.good if r.status < 400 else self.bad).add(n)
            if not r.keeps or n % 10 == 0:      # another worker may take it
                c.close()
                c = None


def check(server, writers):
    with database(server) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = [n for n, in db.execute("SELECT n FROM hits")]
    assert len(stored) == len(set(stored))
    stored = set(stored)
    good = set().union(*(w.good for w in writers))
    bad = set().union(*(w.bad for w in writers))
    assert good <= stored, "lost: %r" % sorted(good - stored)[:10]
    assert not bad & stored, "not rolled back: %r" % sorted(bad & stored)[:10]
    return stored


def test_four_workers_write():
    with start(workers=4) as s:
        writers = [Writer(s, i * 10000, 150, "/hit" if i % 2 else "/hit-tx")
                   for i in range(32)]
        for w in writers:
            w.start()
        with database(s) as db:     # another program writes as well
            for i in range(20):
                db.execute("INSERT INTO hits(n, who) VALUES(?, 'shell')", (-i - 1,))
                time.sleep(0.02)
        for w in writers:
            w.join()
        stored = check(s, writers)
        for w in writers:
            assert set(w.statuses) <= {200, 409} and not w.unknown
        assert len(stored) == sum(len(w.good) for w in writers) + 20
        assert len(set(rows(s, "SELECT worker FROM hits WHERE who = 'tx'"))) > 1


@pytest.mark.plain("slow: about processes")
def test_killed_workers():
    """What was answered is there, and the lock of the dead is free again."""
    with start(workers=3, allow=[r"exited on signal 9"]) as s:
        writers = [Writer(s, i * 100000, 100000, "/hit" if i % 2 else "/hit-tx")
                   for i in range(8)]
        for w in writers:
            w.start()
        for _ in range(12):
            time.sleep(0.1 + random.random() * 0.15)
            workers = children(s.process.pid)
            if workers:
                os.kill(random.choice(workers), signal.SIGKILL)
        time.sleep(0.3)
        for w in writers:
            w.stop = True
        for w in writers:
            w.join()
        check(s, writers)
        assert sum(len(w.good) for w in writers) > 50
        assert not any(503 in w.statuses for w in writers)
        assert post(s, "/post", {"title": "after"}).status == 200


@pytest.mark.plain("slow: about processes")
def test_killed_master():
    """All of it is killed under load, again and again, and started anew; every other time
    the master dies first, and what its workers answer from then on counts as well."""
    prefix = make_prefix()
    stored, number = set(), 0
    for round in range(4):
        s = start(workers=2, prefix=prefix, allow=[r"exited on signal 9"])
        writers = [Writer(s, number + i * 10000, 10000, "/hit" if i % 2 else "/hit-tx")
                   for i in range(6)]
        number += 100000
        for w in writers:
            w.start()
        time.sleep(0.4)
        if round % 2:
            workers = children(s.process.pid)
            os.kill(s.process.pid, signal.SIGKILL)
            time.sleep(0.2)
            for pid in workers:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        s.kill()
        for w in writers:
            w.stop = True
        for w in writers:
            w.join()
        assert sum(len(w.good) for w in writers) > 10
        now = check(s, writers)
        assert stored <= now
        stored = now
        os.unlink(s.pidfile)
    with start(prefix=prefix) as s:
        assert post(s, "/post", {"title": "after"}).status == 200


def test_reload_under_load():
    """A migration arrives while workers of two generations write."""
    files = {"m/001.sql": SCHEMA}
    conf = "sqlite blog data/blog.db { migrations m; }\n" + ROUTES
    with Server(conf, files=files, main=MODULES, workers=2) as s:
        writers = [Writer(s, i * 10000, 200, "/hit" if i % 2 else "/hit-tx")
                   for i in range(8)]
        for w in writers:
            w.start()
        for i in range(3):
            with open(s.prefix + "/m/1%02d.sql" % i, "w") as f:
                f.write("ALTER TABLE posts ADD COLUMN more%d DEFAULT %d;" % (i, i))
            s.signal("HUP")
            time.sleep(0.3)
        for w in writers:
            w.join()
            assert set(w.statuses) <= {200, 409}
        check(s, writers)
        wait_until(lambda: len(rows(s, "SELECT * FROM weir_migrations")) == 4)


TWO = """
sqlite one data/one.db { schema one.sql; }
sqlite two data/two.db { schema two.sql; readers 1; }
sqlite_use one;
server {
    listen 127.0.0.1:%%PORT%%;
    root html;
    transaction;
    route GET /both {
        transaction one;
        sql INSERT INTO a VALUES(1);
        sql x = SELECT count(*) AS n FROM a;
        require not query.fail|default(false) else 400;
        text {{ x.first.n }};
    }
    route GET /two {
        sqlite_use two;
        sql INSERT INTO b VALUES(1);
        sql x = SELECT count(*) AS n FROM b;
        require not query.fail|default(false) else 400;
        text {{ x.first.n }};
    }
    route GET /off {
        transaction off;
        sql INSERT INTO a VALUES(1);
        require not query.fail|default(false) else 400;
        text ok;
    }
    route GET /when {
        when query.a|default("") == "1" { sql INSERT INTO a VALUES(2); }
        sql x = SELECT count(*) AS n FROM a WHERE rowid > {{ 0 }};
        text {{ x.first.n }};
    }
    location /file { sql INSERT INTO a VALUES(3); }
    route GET /star { sql x = SELECT * FROM b; json x; sqlite_use two; }
}
"""


@pytest.fixture
def two():
    with Server(TWO, main=MODULES, files={
            "one.sql": "CREATE TABLE a(x);", "two.sql": "CREATE TABLE b(x);",
            "html/file.txt": "a file"}) as s:
        yield s


def count(server, name, table):
    db = sqlite3.connect(server.prefix + "/data/%s.db" % name)
    n = db.execute("SELECT count(*) FROM " + table).fetchone()[0]
    db.close()
    return n


def test_two_databases(two):
    port = two.port()
    assert get(port, "/both").text == "1"
    assert get(port, "/both?fail=1").status == 400
    assert get(port, "/two").text == "1"
    assert get(port, "/two?fail=1").status == 400
    assert (count(two, "one", "a"), count(two, "two", "b")) == (1, 1)


def test_transaction_off(two):
    assert get(two.port(), "/off?fail=1").status == 400
    assert count(two, "one", "a") == 1


def test_statements_in_when(two):
    assert get(two.port(), "/when").text == "0"
    assert get(two.port(), "/when?a=1").text == "1"


def test_a_file_as_the_view(two):
    assert get(two.port(), "/file.txt").text == "a file"
    assert count(two, "one", "a") == 1
    assert get(two.port(), "/file.none").status == 404
    assert count(two, "one", "a") == 1


def test_schema_changed_from_outside(two):
    get(two.port(), "/two")
    assert json.loads(get(two.port(), "/star").body) == [{"x": 1}]
    db = sqlite3.connect(two.prefix + "/data/two.db")
    db.execute("ALTER TABLE b ADD COLUMN y DEFAULT 2")
    db.close()
    assert json.loads(get(two.port(), "/star").body) == [{"x": 1, "y": 2}]


def test_readers_wait_for_each_other(two):
    """More requests than connections."""
    get(two.port(), "/two")
    seen = []

    def read():
        for _ in range(20):
            seen.append(get(two.port(), "/star").status)
    threads = [threading.Thread(target=read) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen == [200] * 160


def test_a_client_that_leaves(server):
    """Its request ends whole, and others go on."""
    for i in range(30):
        c = Connection(server.port())
        body = json.dumps({"a": "a%d" % i, "b": "b%d" % i})
        c.send("POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
               % (len(body), body))
        if i % 2:
            time.sleep(0.002)
        c.abort()
    assert answer(post(server, "/post", {"title": "after"}))[0] == 200
    titles = {t for t, in rows(server)}
    for i in range(30):
        assert ("a%d" % i in titles) == ("b%d" % i in titles)


def test_the_end_of_the_server_waits_for_statements():
    """A statement that runs when the server is told to end has its time."""
    with start("statement_timeout 700ms;") as s:
        c = Connection(s.port())
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(0.2)
        s.signal("QUIT")
        assert c.response().status == 500
        c.close()
    with start("statement_timeout 700ms;",
               main=MODULES + "worker_shutdown_timeout 100ms;") as s:
        c = Connection(s.port())
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        c2 = Connection(s.port())
        body = json.dumps({"a": "x", "b": "y"})
        with database(s) as db:
            db.execute("BEGIN IMMEDIATE")
            c2.send("POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(body), body))
            time.sleep(0.2)
            s.signal("QUIT")
            time.sleep(0.3)
            db.execute("ROLLBACK")
        c.close()
        c2.close()
