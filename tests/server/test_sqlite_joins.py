"""SQLite: what arrives while the writing thread works shares its COMMIT."""

import contextlib
import json
import os
import sqlite3
import struct

import pytest

from harness.http1 import Connection, get, wait_until
from server.test_sqlite import MODULES, Server

CONF = r"""
sqlite blog data/blog.db { schema blog.sql; %s }
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    route POST /slow/{n:int} {
        transaction;
        sql c = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c
                                        WHERE n < {{ params.n }}) SELECT count(*) AS n FROM c;
        sql new = INSERT INTO a(x) VALUES({{ "slow" }});
        json {"id": new.last_insert_id};
    }
    route POST /a/{x} {
        transaction;
        sql new = INSERT INTO a(x) VALUES({{ params.x }});
        json {"id": new.last_insert_id};
    }
    route POST /single/{x} {
        sql new = INSERT INTO a(x) VALUES({{ params.x }});
        json {"id": new.last_insert_id};
    }
    route POST /loop/{x} {
        transaction;
        sql new = INSERT INTO a(x) VALUES({{ params.x }});
        set pid = vars.pid;
        sql INSERT INTO a(x) VALUES({{ params.x ~ pid }});
        json {"id": new.last_insert_id};
    }
    route POST /undoes/{x} {
        transaction;
        sql INSERT INTO b VALUES({{ params.x }});
        sql INSERT OR ROLLBACK INTO a(x) VALUES({{ params.x }});
        json 1;
    }
    route POST /undo-first/{x} {
        transaction;
        sql INSERT OR ROLLBACK INTO a(x) VALUES({{ params.x }});
        json 1;
    }
    route POST /undo-loop/{x} {
        transaction;
        sql INSERT INTO b VALUES({{ params.x }});
        set pid = vars.pid;
        sql INSERT OR ROLLBACK INTO a(x) VALUES({{ params.x }});
        json pid;
    }
    route POST /endless {
        transaction;
        sql INSERT INTO b VALUES(0);
        sql INSERT INTO b WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                          SELECT max(n) FROM c;
        json 1;
    }
    route POST /endless-single {
        sql INSERT INTO b WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                          SELECT max(n) FROM c;
        json 1;
    }
    route GET /all { sql a = SELECT x FROM a ORDER BY id; json a|map(attribute="x"); }
}
"""
LONG = "statement_timeout 60s;"
PATIENT = "busy_timeout 60s;" + LONG
SCHEMA = "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT UNIQUE); CREATE TABLE b(x);"


@pytest.fixture
def served(request):
    with Server(CONF % getattr(request, "param", PATIENT), files={"blog.sql": SCHEMA},
                main=MODULES) as s:
        yield s


def commits(s):
    """So many there have been in the log: of the index's head (walformat.html, 2.1)."""
    with open(s.prefix + "/data/blog.db-shm", "rb") as f:
        return struct.unpack("=3I", f.read(12))[2]


def is_writing(s):
    """The writing thread computes."""
    for pid in s.workers():
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, task)) as f:
                name, _, rest = f.read().rpartition(")")
            if name.endswith("(weir-sql-write") and rest.split()[0] == "R":
                return True
    return False


def begin(s, target):
    c = Connection(s.port(), 60)
    c.send("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" % target)
    return c


def together(s, targets, steps=3000000):
    """Asked while a slow transaction runs: the statuses of all, the slow one first, and how
    many commits that took."""
    get(s.port(), "/a/before", method="POST")
    before = commits(s)
    slow = begin(s, "/slow/%d" % steps)
    wait_until(lambda: is_writing(s))
    others = [begin(s, t) for t in targets]
    statuses = [c.response().status for c in [slow] + others]
    return statuses, commits(s) - before


@pytest.mark.parametrize("served", [PATIENT, PATIENT + "synchronous full;"], indirect=True)
def test_one_commit(served):
    statuses, n = together(served, ["/a/%d" % i for i in range(5)] + ["/single/s"])
    assert statuses == [200] * 7 and n == 1
    assert json.loads(get(served.port(), "/all").body) == [
        "before", "slow", "0", "1", "2", "3", "4", "s"]


def test_each_is_its_own(served):
    statuses, n = together(served, ["/a/x", "/a/before", "/single/x", "/a/y"])
    assert statuses == [200, 200, 409, 409, 200] and n == 1
    assert json.loads(get(served.port(), "/all").body) == ["before", "slow", "x", "y"]


def test_one_that_may_end_the_whole_is_alone(served):
    """Also by a statement that is not its first."""
    statuses, n = together(served, ["/a/x", "/undoes/before", "/a/y", "/undoes/z"])
    assert statuses == [200, 200, 409, 200, 200] and n >= 2
    assert json.loads(get(served.port(), "/all").body) == ["before", "slow", "x", "y", "z"]


@pytest.mark.parametrize("served", ["busy_timeout 5s;"], indirect=True)
@pytest.mark.parametrize("how", ["first", "loop"])
def test_what_comes_behind_one_that_is_alone(served, how):
    for x, status in (("x", 200), ("y", 200), ("x", 409), ("y", 409), ("z", 200)):
        assert get(served.port(), "/undo-%s/%s" % (how, x), method="POST").status == status
        assert get(served.port(), "/a/behind-%s-%d" % (x, status), method="POST").status == 200


@pytest.mark.parametrize("served", ["busy_timeout 60s; statement_timeout 200ms;"],
                         indirect=True)
@pytest.mark.parametrize("target", ["/endless", "/endless-single"])
def test_one_that_took_too_long_is_alone_from_then_on(served, target):
    assert get(served.port(), target, method="POST").status == 500
    with contextlib.closing(sqlite3.connect(served.prefix + "/data/blog.db")) as db:
        db.execute("BEGIN IMMEDIATE")
        asked = [begin(served, t) for t in ("/a/1", "/a/2", target, "/a/3")]
        assert get(served.port(), "/all").body == b"[]"     # they have been read
        db.execute("ROLLBACK")
    assert [c.response().status for c in asked] == [200, 200, 500, 200]
    assert json.loads(get(served.port(), "/all").body) == ["1", "2", "3"]


def test_what_needs_the_loop_in_between_comes_to_its_end(served):
    """The first time nobody knows that it does; what stands behind it waits for it."""
    for i in range(2):
        statuses, n = together(served, ["/a/x%d" % i, "/loop/l%d" % i, "/a/y%d" % i],
                               3000000 + i)
        assert statuses == [200 if i == 0 else 409] + [200] * 3 and 1 <= n <= 3
    rows = json.loads(get(served.port(), "/all").body)
    assert len(rows) == 10 and [r[:2] for r in rows[2:6]] == ["x0", "l0", "l0", "y0"]


def test_many_are_divided(served):
    """More than a batch holds."""
    statuses, n = together(served, ["/a/%d" % i for i in range(300)])
    assert statuses == [200] * 301 and n >= 3
    rows = json.loads(get(served.port(), "/all").body)
    assert sorted(rows[2:]) == sorted(str(i) for i in range(300))


@pytest.mark.parametrize("served", ["busy_timeout 100ms;" + LONG], indirect=True)
def test_who_waits_for_too_long_is_told(served):
    """As long as the thread has not taken it, also if it was to join."""
    statuses, n = together(served, ["/a/%d" % i for i in range(5)] + ["/single/s"])
    assert statuses == [200] + [503] * 6 and n == 1
    assert "database is locked; its writer: process" in served.error_log()
    assert json.loads(get(served.port(), "/all").body) == ["before", "slow"]
    served.allow.append("database is locked")


def test_clients_that_leave(served):
    """Those that have joined are run to their end, or dropped before they begin."""
    get(served.port(), "/a/before", method="POST")
    slow = begin(served, "/slow/3000000")
    wait_until(lambda: is_writing(served))
    for i in range(8):
        begin(served, "/a/gone%d" % i).close()
    stays = begin(served, "/a/stays")
    assert slow.response().status == 200 and stays.response().status == 200
    assert json.loads(get(served.port(), "/all").body)[-1] == "stays"


@pytest.mark.parametrize("served", ["busy_timeout 300ms;" + LONG], indirect=True)
def test_clients_that_leave_before_their_time_is_up(served):
    """They have joined, and are no more when they are to be told."""
    get(served.port(), "/a/before", method="POST")
    slow = begin(served, "/slow/9000000")
    wait_until(lambda: is_writing(served))
    for i in range(8):
        begin(served, "/%s/gone%d" % (("a", "single", "loop")[i % 3], i)).close()
    assert slow.response().status == 200
    assert get(served.port(), "/a/after", method="POST").status == 200
    rows = json.loads(get(served.port(), "/all").body)
    assert (rows[0], rows[1], rows[-1]) == ("before", "slow", "after")
    served.allow.append("database is locked")
