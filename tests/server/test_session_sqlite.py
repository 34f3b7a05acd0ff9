"""Sessions in the application's own database, and in its transactions."""

import json
import sqlite3
import threading
import time

import pytest

from harness.http1 import Connection, build, wait_until
from harness.sessions import Client, MODULES, ROUTES, conf

HTTP = "sqlite app data/app.db { schema app.sql; }"
FILES = {"app.sql": "CREATE TABLE visits(page TEXT PRIMARY KEY, n INTEGER);"
                         "CREATE TABLE late(n INTEGER, FOREIGN KEY(n) REFERENCES "
                         "visits(n) DEFERRABLE INITIALLY DEFERRED);"
                         "CREATE UNIQUE INDEX visits_n ON visits(n);", }
MORE = """
    routes /tx {
        transaction;
        route GET /good {
            sql INSERT INTO visits VALUES('good', 1);
            set session.seen = session.seen|default(0) + 1;
            text "{{ session.seen }}";
        }
        route GET /refused {
            sql INSERT INTO visits VALUES('refused', 2);
            set session.refused = true;
            require false else 403;
            text no;
        }
        route GET /broken {
            sql INSERT INTO visits VALUES('broken', 3);
            set session.broken = true;
            sql INSERT INTO visits VALUES('broken', 3);
            text no;
        }
        route GET /late {
            sql INSERT INTO late VALUES(77);
            set session.late = true;
            text no;
        }
        route GET /reads {
            sql v = SELECT count(*) AS n FROM visits;
            set session.counted = v.first.n;
            text "{{ v.first.n }}";
        }
        route GET /asked {
            sql v = SELECT count(*) AS n FROM visits;
            set session.asked = true;
            require false else 403;
            text no;
        }
        route GET /nothing { set session.nothing = 1; text ok; }
        route GET /login { sql INSERT INTO visits VALUES('login', 9);
            session_regenerate; set session.user = "ann"; text in; }
        route GET /logout { sql DELETE FROM visits; session_destroy; text out; }
    }
"""


@pytest.fixture
def site(server):
    def start(options="", workers=2):
        return server(conf("sqlite:app " + options, ROUTES + MORE), main=MODULES,
                      http=HTTP, files=FILES, workers=workers)
    return start


def rows(s, sql, *values):
    db = sqlite3.connect(s.path("data/app.db"))
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


def stored(s, client, table="weir_sessions"):
    found = rows(s, "SELECT data FROM %s WHERE key = ?" % table,
                 "AIOHTTP_SESSION_%s" % client.id)
    return json.loads(found[0][0])["session"] if found else None


def test_committed_together(site):
    s = site()
    c = Client(s.port())
    assert c("/tx/good").text == "1"
    assert stored(s, c) == {"seen": 1}
    assert rows(s, "SELECT page FROM visits") == [("good",)]
    assert c("/tx/reads").text == "1" and stored(s, c) == {"seen": 1, "counted": 1}
    assert c("/tx/nothing").status == 200 and stored(s, c)["nothing"] == 1


def test_a_failure_keeps_neither(site):
    s = site()
    c = Client(s.port())
    c("/set/a/1")
    for path, status in (("broken", 409), ("refused", 403)):
        assert c("/tx/" + path).status == status
        assert stored(s, c) == {"a": "1"}
        assert json.loads(c("/get").text) == {"a": "1"}
    assert rows(s, "SELECT * FROM visits") == []
    # Nothing was rolled back: a refusal is an answer like another.
    assert c("/tx/asked").status == 403
    assert stored(s, c) == {"a": "1", "asked": True}


def test_a_failure_keeps_neither_in_memory(server):
    s = server(conf("memory zone=s:1m", ROUTES + MORE), main=MODULES, http=HTTP,
               files=FILES)
    c = Client(s.port())
    c("/set/a/1")
    for path, status in (("broken", 409), ("refused", 403), ("late", 409)):
        assert c("/tx/" + path).status == status
        assert json.loads(c("/get").text) == {"a": "1"}
    assert c("/tx/asked").status == 403
    assert json.loads(c("/get").text) == {"a": "1", "asked": True}


def test_a_failed_commit_takes_the_session_back(site):
    s = site()
    new = Client(s.port())
    r = new("/tx/late")
    assert r.status == 409 and r.getall("Set-Cookie") == []
    assert rows(s, "SELECT * FROM weir_sessions") == []
    c = Client(s.port())
    c("/set/a/1")
    assert c("/tx/late").status == 409
    assert stored(s, c) == {"a": "1"} and json.loads(c("/get").text) == {"a": "1"}


def test_login_and_logout_in_a_transaction(site):
    s = site()
    c = Client(s.port())
    c("/set/a/1")
    before = c.id
    assert c("/tx/login").status == 200 and c.id != before
    assert stored(s, c) == {"a": "1", "user": "ann"}
    assert len(rows(s, "SELECT * FROM weir_sessions")) == 1
    assert c("/tx/logout").status == 200 and c.id is None
    assert rows(s, "SELECT * FROM weir_sessions") == []


def test_one_commit_and_rows(site):
    """The session of a request in a transaction is no transaction of its own."""
    s = site(workers=1)
    clients = [Client(s.port()) for _ in range(8)]
    for c in clients:
        c("/set/a/1")
    threads = [threading.Thread(target=c, args=("/inc%d" % i,))
               for i in range(20) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for c in clients:
        assert stored(s, c) == {"a": "1", **{"k%d" % i: 1 for i in range(20)}}


@pytest.mark.plain("slow: about times")
def test_time_and_table(site):
    s = site("ttl=2s table=my_sessions", workers=1)
    c = Client(s.port())
    c("/set/a/1")
    for _ in range(3):
        time.sleep(1.1)
        assert json.loads(c("/get").text) == {"a": "1"}
    assert stored(s, c, "my_sessions") == {"a": "1"}
    time.sleep(3.1)
    assert c("/get").text == "{}"


def test_what_has_ended_is_swept(site):
    s = site(workers=1)
    db = sqlite3.connect(s.path("data/app.db"))
    with db:
        db.executemany("INSERT INTO weir_sessions VALUES(?, '{}', ?)",
                       [("old%d" % i, 1000) for i in range(50)]
                       + [("new", time.time() + 1000)])
    db.close()
    Client(s.port())("/set/a/1")
    wait_until(lambda: len(rows(s, "SELECT * FROM weir_sessions")) == 2, 10)


def test_hashed_keys(site):
    s = site("key=sha256")
    c = Client(s.port())
    c("/set/a/1"), c("/login")
    assert json.loads(c("/get").text) == {"a": "1", "user": "me"}
    keys = rows(s, "SELECT key FROM weir_sessions")
    assert len(keys) == 1 and c.id not in keys[0][0] and len(keys[0][0]) == 16 + 64


def test_a_busy_database(server):
    s = server(conf("sqlite:app", ROUTES), main=MODULES,
               http="sqlite app data/app.db { busy_timeout 300ms; }")
    c = Client(s.port())
    c("/set/a/1")
    db = sqlite3.connect(s.path("data/app.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    r = c("/set/a/2")
    assert r.status == 503 and r.get("Retry-After")
    assert json.loads(c("/get").text) == {"a": "1"}     # reading goes on
    db.execute("ROLLBACK")
    assert c("/set/a/2").status == 200
    db.close()


def test_clients_that_leave(site):
    s = site("ttl=2s")
    c = Client(s.port())
    c("/set/a/1")
    for i in range(40):
        with Connection(s.port()) as gone:
            gone.send(build("/inc%d" % (i % 20), "Cookie: AIOHTTP_SESSION=" + c.id))
            gone.abort()
    wait_until(lambda: json.loads(c("/get").text)["a"] == "1", 5)


@pytest.mark.parametrize("store, http, message", [
    ("sqlite:other", HTTP, "other"), ("sqlite:app table=a-b", HTTP, "invalid parameter"),
    ("sqlite", "", "sqlite"),
])
def test_conf_errors(server, store, http, message):
    s = server("server { listen 127.0.0.1:%%PORT%%; }", main=MODULES, files=FILES)
    s.http = http
    s.write_conf(conf(store), name="bad.conf")
    r = s.run("-t", "-c", "bad.conf", "-e", "stderr")
    assert r.returncode != 0 and message in r.stderr and "bad.conf:" in r.stderr
