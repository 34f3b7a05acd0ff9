"""SQLite: requests lent to the database's threads, and clients that leave."""

import json
import re
import sqlite3
import threading
import time

import pytest

from harness.http1 import Connection, get, wait_until, within
from server.test_sqlite import MODULES, Server

FETCH = "".join("load_module modules/http_%s_module.so;\n" % m for m in ("fetch", "template"))
SCHEMA = "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT UNIQUE, n INTEGER);"
CONF = r"""
sqlite blog data/blog.db { schema blog.sql; busy_timeout 3s; %s }
server {
    listen 127.0.0.1:%%PORT%%;
    route POST /lent/{name} {
        transaction;
        sql one = INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        set twice = one.last_insert_id * 2;
        sql INSERT INTO a(x, n) VALUES({{ params.name ~ "-2" }}, {{ twice }});
        require query.bad|default("") != "require" else 422 bad;
        when query.more|default("") == "1" {
            sql INSERT INTO a(x, n) VALUES({{ params.name ~ "-3" }}, 3);
        } otherwise {
            header X-Less yes;
        }
        sql c = SELECT count(*) AS n FROM a WHERE x LIKE {{ params.name ~ "%%" }};
        status 201;
        cookie seen {{ c.first.n }};
        json {"n": c.first.n, "twice": twice, "bad": 1 // (query.zero|default(1)|int)};
    }
    route POST /loop/{name} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        set pid = vars.pid;
        sql INSERT INTO a(x, n) VALUES({{ params.name ~ "-2" }}, 2);
        text {{ pid }};
    }
    route GET /peer { text peer; }
    route POST /fetch/{name} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        fetch p = http://127.0.0.1:%%PORT%%/peer;
        require query.bad|default("") == "" else 422 bad;
        text {{ p.text }};
    }
    route GET /read/{name} {
        transaction;
        sql a = SELECT count(*) AS n FROM a;
        sql b = SELECT count(*) AS n FROM a WHERE x = {{ params.name }};
        json {"all": a.first.n, "these": b.first.n};
    }
    route GET /read-loop/{name} {
        transaction;
        sql a = SELECT count(*) AS n FROM a;
        set pid = vars.pid;
        sql b = SELECT count(*) AS n FROM a;
        require a.first.n == b.first.n else 500 torn;
        json {"all": a.first.n, "pid": pid};
    }
    route POST /page/{name} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        sql all = SELECT x FROM a ORDER BY id;
        template page.html all=all;
    }
    route GET /page-loop { sql all = SELECT 1 AS x; template vars.html all=all; }
    route GET /read-long {
        sql a = SELECT count(*) AS n FROM a;
        sql b = SELECT {{ a.first.n }} + count(*) AS n FROM a;
        text {{ b.first.n }};
    }
    route GET /reads {
        sql a = SELECT 1 AS n;
        sql b = SELECT {{ a.first.n }} + 1 AS n;
        text {{ b.first.n }};
    }
    route POST /slow/{name} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        sql s = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c
                WHERE n < 1500000) SELECT max(n) AS n FROM c;
        text {{ s.first.n }};
    }
    route POST /slow-loop/{name} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        sql s = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c
                WHERE n < 1500000) SELECT max(n) AS n FROM c;
        set pid = vars.pid;
        sql INSERT INTO a(x, n) VALUES({{ params.name ~ "-2" }}, 1);
        text {{ s.first.n }};
    }
    route POST /plain/{name} {
        sql INSERT INTO a(x, n) VALUES({{ params.name }}, 1);
        text ok;
    }
    route GET /endless {
        sql s = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                SELECT max(n) AS n FROM c;
        text never;
    }
}
"""


def start(more="", **options):
    options.setdefault("main", MODULES + FETCH)
    return Server(CONF.replace("%%", "\0").replace("%s", more).replace("\0\0", "%")
                  .replace("\0", "%%"), files={
                      "blog.sql": SCHEMA,
                      "templates/page.html": "{% for r in all %}{{ r.x }},{% endfor %}"
                                             "{{ 1 // (query.zero|default(1)|int) }}",
                      "templates/vars.html": "{{ vars.uri }}{{ all|length }}"}, **options)


@pytest.fixture(scope="module")
def server(fronted):
    with start("statement_timeout 60s;") as s:
        yield s


@pytest.fixture(autouse=True)
def clean(request):
    if "server" in request.fixturenames:
        db = database(request.getfixturevalue("server"))
        db.execute("DELETE FROM a")
        db.close()


def database(s):
    return sqlite3.connect(s.prefix + "/data/blog.db", timeout=10, isolation_level=None)


def rows(s, sql="SELECT x, n FROM a ORDER BY id"):
    db = database(s)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def post(s, target, *headers):
    return get(s.port(), target, *headers, method="POST")


def test_all_of_it(server):
    r = post(server, "/lent/a?more=1")
    assert r.status == 201 and r.get("Set-Cookie").startswith("seen=3")
    assert json.loads(r.body) == {"n": 3, "twice": 2, "bad": 1}
    assert rows(server) == [("a", 1), ("a-2", 2), ("a-3", 3)]
    r = post(server, "/lent/b")
    assert r.status == 201 and r.get("X-Less") == "yes"
    assert json.loads(r.body)["n"] == 2


def test_a_template(server):
    assert post(server, "/page/a").text == "a,1"
    assert post(server, "/page/b?zero=0").status == 500
    assert post(server, "/page/c").text == "a,c,1"
    assert get(server.port(), "/page-loop").text == "/page-loop1"


@pytest.mark.parametrize("query,status", [
    ("bad=require", 422), ("zero=0", 500), ("zero=x", 500)])
def test_a_step_or_view_fails(server, query, status):
    assert post(server, "/lent/a?" + query).status == status
    assert rows(server) == []


def test_a_later_statement_fails(server):
    assert post(server, "/lent/a").status == 201
    db = database(server)
    db.execute("DELETE FROM a WHERE x = 'a'")
    db.close()
    r = post(server, "/lent/a")
    assert r.status == 409
    assert json.loads(r.body) == {"error": "UNIQUE constraint failed: a.x"}
    assert rows(server, "SELECT x FROM a") == [("a-2",)]


def test_back_to_the_loop_in_between(server):
    for target in ("/loop/a", "/fetch/b"):
        assert post(server, target).status == 200
    assert post(server, "/fetch/c?bad=1").status == 422
    assert rows(server) == [("a", 1), ("a-2", 2), ("b", 1)]


def test_all_kinds_at_once(server):
    """Neighbours of a batch do not touch each other, whichever way they go."""
    targets = ["/lent/%s", "/loop/%s", "/fetch/%s", "/plain/%s", "/lent/%s?bad=require",
               "/lent/%s?zero=0", "/fetch/%s?bad=1", "/lent/%s?more=1"]
    seen, lock = {}, threading.Lock()

    def run(i):
        c = Connection(server.port(), 30)
        for n in range(20):
            name = "r%d.%d" % (i, n)
            target = targets[(i + n) % len(targets)]
            r = c.get(target % name, method="POST")
            with lock:
                seen[name] = (target, r.status)
            r = c.get("/read-loop/" + name if n % 2 else "/read/" + name)
            assert r.status == 200, r.body
        c.close()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(seen) == 320
    expected = set()
    for name, (target, status) in seen.items():
        good = {"/lent/%s": ("", "-2"), "/loop/%s": ("", "-2"), "/fetch/%s": ("",),
                "/plain/%s": ("",), "/lent/%s?more=1": ("", "-2", "-3")}.get(target)
        assert (status < 400) == (good is not None), (target, status)
        expected |= {name + end for end in good or ()}
    stored = [x for x, in rows(server, "SELECT x FROM a")]
    assert len(stored) == len(set(stored)) and set(stored) == expected


def test_readers(server):
    post(server, "/lent/a")
    assert json.loads(get(server.port(), "/read/a").body) == {"all": 2, "these": 1}
    assert get(server.port(), "/read-loop/a").status == 200
    assert get(server.port(), "/reads").text == "2"


def threads_of(s, target, method="POST"):
    """The threads that the stages of a request ran on, by the debug log: "loop" or
    "other", neighbours that are equal once."""
    path = s.prefix + "/logs/error.log"
    with open(path) as f:
        f.seek(0, 2)
        assert get(s.port(), target, method=method).status < 300
        time.sleep(0.5)     # what is logged behind the answer
        log = f.read()
    seen = []
    for pid, tid, in re.findall(r"\[debug\] (\d+)#(\d+): .*frame: (?:enter|leave|[a-z-]+ goes on)",
                                log):
        where = "loop" if pid == tid else "other"
        if not seen or seen[-1] != where:
            seen.append(where)
    return seen


def test_a_transaction_is_one_hop():
    main = MODULES + FETCH + "error_log logs/error.log debug;\n"
    with start(main=main) as s:
        one = ["loop", "other", "loop"]
        get(s.port(), "/read/a")
        assert threads_of(s, "/lent/a") == one
        assert threads_of(s, "/lent/b?more=1") == one
        assert threads_of(s, "/page/c") == one
        assert threads_of(s, "/read/b", "GET")[:2] == one[:2]
        assert threads_of(s, "/read-long", "GET")[:2] == one[:2]


# Clients that leave

def left(s, target, until=None):
    """Sends a request and leaves, after a while or when something is so."""
    c = Connection(s.port())
    c.send("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" % target)
    wait_until(until) if until else time.sleep(0.1)
    c.abort()


def has_looked(s):
    """What it was told before it has noticed: for it answers those who come after."""
    for _ in range(2):
        assert get(s.port(), "/nothing").status == 404


def is_writing(s):
    db = sqlite3.connect(s.prefix + "/data/blog.db", timeout=0, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        db.close()
    return False


@pytest.mark.parametrize("target", ["/lent/gone", "/loop/gone", "/plain/gone"])
def test_who_leaves_before_begin_is_dropped(server, target):
    db = database(server)
    db.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=post, args=(server, "/lent/stays"))
    waiting.start()         # a neighbour that does not leave
    time.sleep(0.1)
    left(server, target)
    has_looked(server)
    db.execute("COMMIT")
    waiting.join()
    assert post(server, "/lent/after").status == 201
    assert [x for x, in rows(server, "SELECT x FROM a WHERE x NOT LIKE '%-2' ORDER BY id")] == [
        "stays", "after"]
    db.close()


def test_alone_in_the_queue(server):
    db = database(server)
    db.execute("BEGIN IMMEDIATE")
    left(server, "/lent/gone")
    has_looked(server)
    db.execute("COMMIT")
    db.close()
    assert post(server, "/lent/after").status == 201
    assert len(rows(server)) == 2


@pytest.mark.parametrize("target,n", [("/slow/x", 1), ("/slow-loop/x", 2)])
def test_after_begin_it_runs_to_its_end(server, target, n):
    left(server, target, lambda: is_writing(server))
    wait_until(lambda: len(rows(server)) == n, 60)
    assert post(server, "/lent/after").status == 201


def test_a_read_ends_with_its_client():
    with start("statement_timeout 20s; readers 1;") as s:
        c = Connection(s.port())
        c.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        c.abort()
        began = time.monotonic()
        assert get(s.port(), "/reads").text == "2"
        assert time.monotonic() - began < within(10)
