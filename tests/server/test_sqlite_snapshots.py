"""SQLite: statements that are read in one snapshot see all that was committed before
they were asked, and no snapshot stays behind or holds up the log."""

import os
import sqlite3
import threading
import time

import pytest

from harness.http1 import Connection, get, wait_until
from server.test_sqlite import MODULES, Server

CONF = """
sqlite a data/a.db { schema a.sql; readers %s; }
keepalive_requests 1000000;
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    route POST /a/{id:int} {
        transaction;
        sql INSERT INTO a(id, text) VALUES({{ params.id }}, {{ "x" * 40000 }});
        text ok;
    }
    route GET /a/{id:int} {
        sql a = SELECT id FROM a WHERE id = {{ params.id }};
        require a.first else 404;
        text {{ a.first.id }};
    }
    route GET /twice/{id:int} {
        sql a = SELECT count(*) AS n FROM a WHERE id = {{ params.id }};
        sql b = SELECT count(*) AS n FROM a WHERE id = {{ params.id }};
        text {{ a.first.n }}{{ b.first.n }};
    }
    route GET /fails { sql SELECT abs({{ query.x|int }}); text ok; }
}
"""
SMALLEST = -2**63


class Reader(threading.Thread):
    """Asks for row 0, over and over."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.stop = False
        self.answers = {}

    def run(self):
        c = Connection(self.server.port(), 30)
        while not self.stop:
            status = c.get("/a/0").status
            self.answers[status] = self.answers.get(status, 0) + 1
        c.close()


class reading:
    """While some read all the time."""

    def __init__(self, server, n):
        self.readers = [Reader(server) for _ in range(n)]

    def __enter__(self):
        for r in self.readers:
            r.start()
        wait_until(lambda: all(r.answers for r in self.readers))
        return self.readers

    def __exit__(self, *_):
        for r in self.readers:
            r.stop = True
        for r in self.readers:
            r.join()


def start(workers, readers=2):
    return Server(CONF % readers, files={
        "a.sql": "CREATE TABLE a(id INTEGER PRIMARY KEY, text);"},
        main=MODULES, workers=workers)


def post(s, n):
    assert get(s.port(), "/a/%d" % n, method="POST").status == 200


@pytest.mark.parametrize("workers,readers", [(1, 1), (1, 4), (2, 2)])
def test_what_was_answered_is_seen(workers, readers):
    with start(workers, readers) as s:
        post(s, 0)
        with reading(s, 6) as all_readers:
            for n in range(1, 101):
                post(s, n)
                assert get(s.port(), "/a/%d" % n).status == 200, n
                assert get(s.port(), "/twice/%d" % n).text == "11", n
        assert all(set(r.answers) == {200} for r in all_readers)


def test_what_another_program_wrote_is_seen():
    with start(1) as s:
        post(s, 0)
        with reading(s, 6):
            db = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
            for n in range(1, 51):
                db.execute("INSERT INTO a(id) VALUES(?)", (n,))
                assert get(s.port(), "/a/%d" % n).status == 200, n
            # A new column: the statements are compiled again.
            db.execute("ALTER TABLE a ADD COLUMN more")
            assert get(s.port(), "/a/1").status == 200
            db.close()


def test_no_snapshot_stays_behind():
    with start(1) as s:
        post(s, 0)
        with reading(s, 4):
            post(s, 1)

        def whole_log_copied():
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return busy == 0
        db = sqlite3.connect(s.prefix + "/data/a.db", timeout=0, isolation_level=None)
        wait_until(whole_log_copied)
        db.close()
        assert os.path.getsize(s.prefix + "/data/a.db-wal") == 0


def beginnings(s):
    """How often the log began anew: https://www.sqlite.org/fileformat.html#walformat"""
    with open(s.prefix + "/data/a.db-wal", "rb") as f:
        return int.from_bytes(f.read(16)[12:], "big")


def test_the_log_begins_anew_while_others_read():
    """Written are five times as many pages as it takes to copy the log."""
    with start(2) as s:
        post(s, 0)
        with reading(s, 4):
            for n in range(1, 501):
                post(s, n)
        assert os.path.getsize(s.prefix + "/data/a.db") > 15e6
        assert beginnings(s) >= 1


class Relay(threading.Thread):
    """Another program whose readers take turns: there always is one that began before
    the last commit, and none stays for long."""

    def __init__(self, path):
        super().__init__()
        self.path, self.stop = path, False

    def run(self):
        db = [sqlite3.connect(self.path, timeout=10, isolation_level=None) for _ in "12"]
        while not self.stop:
            db[1].execute("BEGIN")
            db[1].execute("SELECT id FROM a WHERE id = 0").fetchall()
            if db[0].in_transaction:
                db[0].execute("COMMIT")
            db.reverse()
            time.sleep(0.004)
        for d in db:
            d.close()


def test_the_log_begins_anew_though_there_always_is_a_reader():
    """It would never be free of readers by itself: when it has become long, those that
    read in it are waited for."""
    with start(1) as s:
        post(s, 0)
        relay = Relay(s.prefix + "/data/a.db")
        relay.start()
        try:
            for n in range(1, 701):
                post(s, n)
        finally:
            relay.stop = True
            relay.join()
        assert beginnings(s) >= 1


def test_a_reader_that_stays_does_not_hold_up_writers():
    """It is waited for now and then only."""
    with start(1) as s:
        post(s, 0)
        db = sqlite3.connect(s.prefix + "/data/a.db", isolation_level=None)
        db.execute("BEGIN")
        assert db.execute("SELECT count(*) FROM a").fetchone() == (1,)
        for n in range(1, 401):
            post(s, n)
        assert db.execute("SELECT count(*) FROM a").fetchone() == (1,)
        db.close()
        # And when it has gone the log begins anew.
        was = os.path.getsize(s.prefix + "/data/a.db-wal")
        assert was > 15e6
        for n in range(401, 600):
            post(s, n)
        assert os.path.getsize(s.prefix + "/data/a.db-wal") < was + 2e6


def test_a_statement_that_fails_leaves_the_others_alone():
    with start(1, 1) as s:
        post(s, 0)
        with reading(s, 4) as all_readers:
            for n in range(30):
                assert get(s.port(), "/fails?x=%d" % SMALLEST).status == 500
                assert get(s.port(), "/fails?x=-1").status == 200
        assert all(set(r.answers) == {200} for r in all_readers)
        s.allow.append("integer overflow")
