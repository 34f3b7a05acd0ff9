"""SQLite: short reads run on the loop itself, and whatever is not short does not."""

import json
import os
import sqlite3
import threading
import time

import pytest

from harness.http1 import Connection, get, wait_until
from server.test_sqlite import MODULES, Server
from server.test_sqlite_hops import threads_of

SCHEMA = """
CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT, text TEXT);
CREATE TABLE n(n INTEGER);
INSERT INTO n VALUES(0);
CREATE INDEX a_name ON a(name);
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000)
INSERT INTO a SELECT n, 'name ' || n, printf('%.*c', 3000, 'x') FROM c;
"""
CONF = r"""
sqlite a data/a.db { schema a.sql; %s }
keepalive_requests 1000000;
server {
    listen 127.0.0.1:%%PORT%%;
    route GET /one/{id:int} {
        sql a = SELECT id, name, length(text) AS n FROM a WHERE id = {{ params.id }};
        require a.first else 404;
        json a.first;
    }
    route GET /tx/{id:int} {
        transaction;
        sql a = SELECT id FROM a WHERE id = {{ params.id }};
        text {{ a|length }};
    }
    route GET /tx-two/{id:int} {
        transaction;
        sql a = SELECT n FROM n;
        sql b = SELECT n FROM n;
        text {{ b.first.n - a.first.n }};
    }
    route GET /tx-counted {
        transaction;
        sql a = SELECT n FROM n;
        sql b = SELECT count(*) AS n FROM a;
        text {{ b.first.n }};
    }
    route GET /tx-many {
        transaction;
        sql a0 = SELECT n FROM n;
        sql a1 = SELECT n FROM n;
        sql a2 = SELECT n FROM n;
        sql a3 = SELECT n FROM n;
        sql a4 = SELECT n FROM n;
        sql a5 = SELECT n FROM n;
        sql a6 = SELECT n FROM n;
        sql a7 = SELECT n FROM n;
        sql a8 = SELECT n FROM n;
        text {{ a8.first.n - a0.first.n }};
    }
    route GET /tx-ids/{n:int} {
        transaction;
        sql a = SELECT n FROM n;
        sql b = SELECT id FROM a WHERE id <= {{ params.n }};
        sql c = SELECT n FROM n;
        text {{ b|length }},{{ c.first.n - a.first.n }};
    }
    route GET /tx-none/{id:int} {
        transaction;
        sql a = SELECT id FROM a WHERE id = {{ params.id }};
        require a.first else 404;
        sql b = SELECT n FROM n;
        text {{ a.first.id }};
    }
    route GET /tx-slow {
        transaction;
        sql a = SELECT n FROM n;
        set h = hash_password("x");
        sql b = SELECT n FROM n;
        text {{ b.first.n - a.first.n }};
    }
    route GET /tx-between/{n:int} {
        transaction;
        sql a = SELECT n FROM n;
        set some = range(100000)|sum;
        sql b = SELECT n FROM n;
        sql c = SELECT id FROM a WHERE id <= {{ params.n }};
        sql d = SELECT n FROM n;
        text {{ b.first.n - a.first.n }},{{ d.first.n - a.first.n }};
    }
    route GET /ids/{n:int} {
        sql a = SELECT id FROM a WHERE id <= {{ params.n }} ORDER BY id;
        text {{ a|length }},{{ a|map(attribute="id")|sum }};
    }
    route GET /texts/{n:int} {
        sql a = SELECT text FROM a WHERE id <= {{ params.n }};
        text {{ a|length }},{{ a|map(attribute="text")|join|length }};
    }
    route GET /sorted { sql a = SELECT name FROM a WHERE id < 30 ORDER BY +name DESC;
                        text {{ a.first.name }}; }
    route GET /count { sql a = SELECT count(*) AS n FROM a; text {{ a.first.n }}; }
    route GET /like { sql a = SELECT id FROM a WHERE name LIKE '%% 7' AND id < 10;
                      text {{ a.first.id }}; }
    route GET /each { sql a = SELECT value FROM json_each('[1,2]'); text {{ a|length }}; }
    route GET /blob { sql a = SELECT length(randomblob(8)) AS n; text {{ a.first.n }}; }
    route GET /trim { sql a = SELECT trim({{ "xax" }}, {{ "x" }}) AS n; text {{ a.first.n }}; }
    route GET /columns { sql a = SELECT name FROM pragma_table_info('a'); text {{ a|length }}; }
    route GET /abs { sql a = SELECT abs({{ query.x|int }}) AS n; json a.first.n; }
    route GET /echo/{n:int} {
        sql a = SELECT {{ "x" * params.n }} AS x, upper({{ "y" * params.n }}) AS y;
        text {{ a.first.x|length }},{{ a.first.y|length }};
    }
    route GET /between {
        sql a = SELECT n FROM n;
        set some = range(100000)|sum;
        sql b = SELECT n FROM n;
        text {{ b.first.n - a.first.n }};
    }
    route GET /gather { gather { sql a = SELECT n FROM n; sql b = SELECT count(*) AS n FROM a; }
                        text {{ a.first.n }},{{ b.first.n }}; }
    route GET /star { sql a = SELECT * FROM a WHERE id = 7; json a.first.keys(); }
    route POST /n {
        transaction;
        sql UPDATE n SET n = n + 1;
        sql a = SELECT n FROM n;
        text {{ a.first.n }};
    }
}
"""


def start(more="", **options):
    options.setdefault("main", MODULES + "error_log logs/error.log debug;\n")
    return Server(CONF.replace("%%", "\0").replace("%s", more).replace("\0", "%%")
                  .replace("'%% 7'", "'% 7'"), files={"a.sql": SCHEMA}, **options)


@pytest.fixture(scope="module")
def server(fronted):
    with start() as s:
        wait_until_quick(s)
        yield s


def knows_what_is_in_memory(path):
    """Whether the file system has RWF_NOWAIT."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(fd, [bytearray(16)], 0, os.RWF_NOWAIT) >= 0
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def is_quick(s, target):
    """It ran where short reads run here."""
    if knows_what_is_in_memory(s.prefix + "/data/a.db"):
        return threads_of(s, target, "GET") == ["loop"]
    return "other" in threads_of(s, target, "GET")


def wait_until_quick(s, target="/one/1"):
    """The statements are prepared on a thread."""
    wait_until(lambda: is_quick(s, target), 20)


@pytest.mark.parametrize("target,text", [
    ("/tx/7", "1"), ("/tx-two/7", "0"), ("/tx-none/7", "7"), ("/ids/20", "20,210"), ("/sorted", "name 9"), ("/texts/3", "3,9000"),
    ("/abs?x=-7", "7")])
def test_short_ones_run_on_the_loop(server, target, text):
    assert get(server.port(), target).text == text
    assert is_quick(server, target)


@pytest.mark.parametrize("target,text", [
    ("/ids/1000", "1000,500500"),       # too many instructions
    ("/count", "1000"),                 # one that walks
    ("/like", "7"), ("/each", "2"), ("/blob", "8"), ("/trim", "a"), ("/columns", "3"),
    ("/texts/120", "120,360000"),       # a large result
    ("/echo/20000", "20000,20000"),     # a large value
    ("/tx-counted", "1000"),            # a transaction with such a statement
    ("/tx-many", "0"),                  # one with many
    ("/tx-slow", "0")])                 # one that waits in between
def test_others_run_on_a_thread(server, target, text):
    for _ in range(2):
        assert get(server.port(), target).text == text
    assert "other" in threads_of(server, target, "GET")
    assert is_quick(server, "/one/1")


def test_a_transaction_goes_on_elsewhere(server):
    """It takes its connection with it; there is another one for those behind it."""
    wait_until_quick(server, "/tx-ids/3")
    for _ in range(3):
        assert get(server.port(), "/tx-ids/1000").text == "1000,0"
        wait_until_quick(server, "/tx-ids/3")
    assert get(server.port(), "/tx-none/0").status == 404
    assert is_quick(server, "/tx-none/7")


def test_what_was_too_long_may_be_short_the_next_time(server):
    assert get(server.port(), "/ids/1000").text == "1000,500500"
    wait_until_quick(server, "/ids/3")
    assert get(server.port(), "/echo/20").text == "20,20"


def test_errors_are_the_same(server):
    r = get(server.port(), "/abs?x=%d" % -2**63)
    assert (r.status, json.loads(r.body)) == (500, {"error": "integer overflow"})
    assert get(server.port(), "/one/0").status == 404
    server.allow.append("integer overflow")


def test_beside_others_in_a_gather(server):
    n = get(server.port(), "/n", method="POST").text
    assert get(server.port(), "/gather").text == n + ",1000"


def test_a_commit_within_a_turn_is_seen():
    """The turn lasts as long as the expression between the two statements."""
    with start() as s:
        wait_until_quick(s)
        db = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
        stop = threading.Event()

        def write():
            own = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
            own.execute("PRAGMA synchronous=off")
            while not stop.is_set():
                own.execute("UPDATE n SET n = n + 1")
            own.close()
        thread = threading.Thread(target=write)
        thread.start()
        try:
            wait_until(lambda: db.execute("SELECT n FROM n").fetchone()[0] > 10)
            wait_until(lambda: int(get(s.port(), "/between").text) > 0, 20)
        finally:
            stop.set()
            thread.join()
            db.close()
        wait_until_quick(s, "/between")


def test_a_transaction_has_one_snapshot():
    """Wherever its statements are read, while another program commits all the time."""
    with start(main=MODULES) as s:
        stop = threading.Event()

        def write():
            own = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
            own.execute("PRAGMA synchronous=off")
            while not stop.is_set():
                own.execute("UPDATE n SET n = n + 1")
            own.close()
        thread = threading.Thread(target=write)
        thread.start()
        try:
            wait_until(lambda: int(get(s.port(), "/between").text) > 0, 20)
            for n in [3, 1000] * 40:
                assert get(s.port(), "/tx-between/%d" % n).text == "0,0"
                assert get(s.port(), "/tx-ids/%d" % n).text == "%d,0" % n
            for _ in range(3):
                assert get(s.port(), "/tx-slow").text == "0"
                assert get(s.port(), "/tx-many").text == "0"
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_sees_what_was_answered(workers):
    with start(workers=workers, main=MODULES) as s:
        stop, failed = threading.Event(), []

        def read():
            c, last = Connection(s.port(), 30), 0
            while not stop.is_set():
                n = int(c.get("/gather").text.split(",")[0])
                if n < last:
                    failed.append((last, n))
                last = n
            c.close()
        threads = [threading.Thread(target=read) for _ in range(4)]
        for t in threads:
            t.start()
        connections = [Connection(s.port(), 30) for _ in range(4)]
        try:
            for _ in range(200):
                n = int(get(s.port(), "/n", method="POST").text)
                for c in connections:
                    assert int(c.get("/gather").text.split(",")[0]) >= n
        finally:
            stop.set()
            for t in threads:
                t.join()
            for c in connections:
                c.close()
        assert not failed


def test_a_page_that_is_not_in_memory():
    """It is not read on the loop; and when it is there, it is."""
    with start() as s:
        wait_until_quick(s)
        path = s.prefix + "/data/a.db"
        db = sqlite3.connect(path, timeout=10)
        wait_until(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
        db.close()
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        gone = not in_memory(path, 600)
        where = threads_of(s, "/one/900", "GET")
        assert json.loads(get(s.port(), "/one/900").body) == {
            "id": 900, "name": "name 900", "n": 3000}
        if gone:
            assert "other" in where
        wait_until_quick(s, "/one/900")


def in_memory(path, page):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(fd, [bytearray(4096)], page * 4096, os.RWF_NOWAIT) > 0
    except OSError:
        return False
    finally:
        os.close(fd)


def test_another_program_changes_the_schema():
    with start() as s:
        wait_until_quick(s)
        db = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
        assert get(s.port(), "/star").text == '["id", "name", "text"]'
        db.execute("ALTER TABLE a ADD COLUMN more DEFAULT 5")
        assert get(s.port(), "/star").text == '["id", "name", "text", "more"]'
        db.execute("ALTER TABLE a RENAME TO b")
        r = get(s.port(), "/one/7")
        assert (r.status, json.loads(r.body)) == (500, {"error": "no such table: a"})
        assert get(s.port(), "/tx-two/7").text == "0"
        # A view of the same name, which is not short.
        db.execute("CREATE VIEW a AS SELECT max(id) + 0 * count(*) AS id, name, text FROM b")
        assert json.loads(get(s.port(), "/one/1000").body)["name"] == "name 1000"
        db.execute("DROP VIEW a")
        db.execute("ALTER TABLE b RENAME TO a")
        assert json.loads(get(s.port(), "/one/7").body)["name"] == "name 7"
        assert get(s.port(), "/gather").text == "0,1000"    # this notices the change
        wait_until_quick(s)
        db.close()
        s.allow.append("no such table: a")


def test_no_snapshot_stays_when_nothing_happens():
    with start() as s:
        wait_until_quick(s)
        assert get(s.port(), "/one/7").status == 200
        db = sqlite3.connect(s.prefix + "/data/a.db", timeout=0, isolation_level=None)
        db.execute("UPDATE n SET n = 5")
        assert get(s.port(), "/one/7").status == 200
        time.sleep(0.1)
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert os.path.getsize(s.prefix + "/data/a.db-wal") == 0
        db.close()


@pytest.mark.parametrize("journal", ["delete", "truncate", "persist"])
def test_other_journals_are_read_on_threads(journal):
    with start("journal %s;" % journal) as s:
        for _ in range(3):
            assert "other" in threads_of(s, "/one/1", "GET")


def test_a_writer_does_not_hold_up_the_loop():
    with start("busy_timeout 300ms;") as s:
        wait_until_quick(s)
        db = sqlite3.connect(s.prefix + "/data/a.db", timeout=10, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE n SET n = 77")
        assert is_quick(s, "/one/5")    # readers do not wait
        assert get(s.port(), "/gather").text == "0,1000"
        db.execute("COMMIT")
        assert get(s.port(), "/gather").text == "77,1000"
        db.close()
