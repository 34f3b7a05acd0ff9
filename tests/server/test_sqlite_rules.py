"""SQLite: what a user of it would try: settings and where they hold, statuses and
their messages, values to the last bit, files, full disks, other programs."""

import json
import os
import re
import sqlite3
import subprocess
import threading
import time

import pytest

from harness.http1 import get, wait_until
from harness.server import children, make_prefix, open_files
from server.test_sqlite import MODULES, Server

TABLE = "CREATE TABLE a(x TEXT UNIQUE, n);"


def start(conf, files=None, **more):
    more.setdefault("main", MODULES)
    return Server(conf, files={"a.sql": TABLE, **(files or {})}, **more)


def rows(s, sql="SELECT x FROM a ORDER BY rowid", name="a"):
    db = sqlite3.connect("%s/data/%s.db" % (s.prefix, name), timeout=10)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def post(s, target, body="", *headers, port="PORT"):
    return get(s.port(port), target, *headers, method="POST", body=body)


DAV = "load_module modules/http_dav_module.so;\n"


def answer(r):
    return r.status, json.loads(r.body)


# Where `transaction` holds

INHERITED = """
sqlite a data/a.db { schema a.sql; }
transaction;
server {
    listen 127.0.0.1:%%PORT%%;
    route POST /http/{x} {
        sql INSERT INTO a(x) VALUES({{ params.x }});
        require false else 400;
        text never;
    }
    routes /off {
        transaction off;
        route POST /{x} {
            sql INSERT INTO a(x) VALUES({{ params.x }});
            require false else 400;
            text never;
        }
        route POST /on/{x} {
            transaction;
            sql INSERT INTO a(x) VALUES({{ params.x }});
            require false else 400;
            text never;
        }
    }
    routes /steps {
        sql INSERT INTO a(x) VALUES({{ request.path }});
        route POST /{x} { require false else 400; text never; }
    }
    location /location {
        sql INSERT INTO a(x) VALUES({{ request.path }});
        require request.path != "/location/bad" else 400;
        text ok;
    }
}
server {
    listen 127.0.0.1:%%PORT2%%;
    transaction off;
    route POST /server/{x} {
        sql INSERT INTO a(x) VALUES({{ params.x }});
        require false else 400;
        text never;
    }
    location /location {
        transaction a;
        sql INSERT INTO a(x) VALUES({{ request.path }});
        status 404;
        text none;
    }
}
"""


def test_where_a_transaction_holds():
    with start(INHERITED) as s:
        for target, port, stays in (
                ("/http/a", "PORT", False), ("/off/b", "PORT", True),
                ("/off/on/c", "PORT", False), ("/steps/d", "PORT", False),
                ("/location/bad", "PORT", False), ("/location/good", "PORT", True),
                ("/server/e", "PORT2", True), ("/location/f", "PORT2", False)):
            before = len(rows(s))
            r = post(s, target, port=port)
            assert r.status in (200, 400, 404), target
            assert (len(rows(s)) - before == 1) == stays, target


USES = """
sqlite a data/a.db { schema a.sql; }
sqlite b data/b.db { schema a.sql; journal delete; }
server {
    listen 127.0.0.1:%%PORT%%;
    sqlite_use a;
    route POST /both/{x} {
        transaction;
        sql INSERT INTO a(x) VALUES({{ params.x }});
        when true { sqlite_use b; sql INSERT INTO a(x) VALUES({{ params.x }}); }
        require params.x != "bad" else 400;
        text ok;
    }
    route GET /both {
        gather { sql a = SELECT count(*) AS n FROM a; }
        gather { sqlite_use b; sql b = SELECT count(*) AS n FROM a; }
        json [a.first.n, b.first.n];
    }
}
"""


def test_which_database_a_block_speaks_of():
    """The transaction is of one; statements of another stand alone."""
    with start(USES) as s:
        assert post(s, "/both/good").status == 200
        assert post(s, "/both/bad").status == 400
        assert answer(get(s.port(), "/both")) == (200, [1, 2])


# Statuses and messages

ERRORS = """
sqlite a data/a.db { schema a.sql; busy_timeout 400ms; statement_timeout 1s; }
server {
    listen 127.0.0.1:%%PORT%%;
    routes /detail {
        route POST /json { sql v = SELECT json({{ request.body }}) AS j; json v.first; }
        route POST /insert { transaction; sql INSERT INTO a(x) VALUES({{ request.body }});
                             json {}; }
    }
    routes /hidden {
        sqlite_error_detail off;
        route POST /json { sql v = SELECT json({{ request.body }}) AS j; json v.first; }
        route POST /insert { transaction; sql INSERT INTO a(x) VALUES({{ request.body }});
                             json {}; }
        route POST /html { sql INSERT INTO a(x) VALUES({{ request.body }}); text ok; }
    }
    route POST /slow {
        transaction;
        sql INSERT INTO a(x) VALUES('slow');
        sql s = WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                SELECT max(n) FROM c;
        json {};
    }
}
"""


def test_statuses_and_messages():
    with start(ERRORS) as s:
        assert answer(post(s, "/detail/json", "{")) == (500, {"error": "malformed JSON"})
        assert answer(post(s, "/hidden/json", "{")) == (
            500, {"error": "Internal Server Error"})
        assert post(s, "/detail/insert", "a").status == 200
        assert answer(post(s, "/detail/insert", "a")) == (
            409, {"error": "UNIQUE constraint failed: a.x"})
        assert answer(post(s, "/hidden/insert", "a")) == (409, {"error": "conflict"})
        # A page where the view is none and the client asks for none.
        r = post(s, "/hidden/html", "a", "Accept: text/html")
        assert r.status == 409 and "text/html" in r.get("Content-Type")
        # The log says it all, with the line of the conf.
        log = s.error_log()
        assert re.search(r"malformed JSON in .*test\.conf:\d+:\d+", log)
        assert log.count("UNIQUE constraint failed: a.x") >= 3


def insert_beside_a_slow_one(s, text):
    slow = threading.Thread(target=post, args=(s, "/slow"))
    slow.start()
    time.sleep(0.2)
    r = post(s, "/detail/insert", text)
    slow.join()
    return r


def test_busy_names_the_holder():
    with start(ERRORS) as s:
        for text in "abcde":            # we may have been late ourselves
            r = insert_beside_a_slow_one(s, text)
            if r.status != 200:
                break
        assert answer(r) == (503, {"error": "database is locked"})
        assert r.get("Retry-After") == "1"
        line = [n for n, text in enumerate(
            open(s.prefix + "/test.conf").read().split("\n"), 1) if "'slow'" in text][0]
        found = re.search(r"database is locked; its writer: process (\d+), for (\d+) ms, "
                          r"for \S*test\.conf:(\d+)", s.error_log())
        assert int(found.group(1)) in children(s.process.pid)
        assert int(found.group(3)) == line
        # Another program holds it.
        db = sqlite3.connect(s.prefix + "/data/a.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        assert answer(post(s, "/hidden/insert", "f")) == (
            503, {"error": "the database is busy"})
        db.close()
        assert "its writer: nobody of this server: another program" in s.error_log()
        assert post(s, "/detail/insert", "f").status == 200


def test_no_patience():
    """Nobody holds it: then nobody has waited."""
    conf = ERRORS.replace("busy_timeout 400ms;", "busy_timeout 0;")
    with start(conf) as s:
        for i in range(20):
            assert post(s, "/detail/json", "1").status == 200
            assert post(s, "/detail/insert", str(i)).status == 200
        db = sqlite3.connect(s.prefix + "/data/a.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        assert post(s, "/detail/insert", "a").status == 503
        assert post(s, "/detail/json", "1").status == 200
        db.close()
        assert post(s, "/detail/insert", "a").status == 200


# Values

def test_values_to_the_last_bit():
    conf = """
    sqlite a data/a.db { schema a.sql; }
    server { listen 127.0.0.1:%%PORT%%;
        route POST /keep { transaction;
            sql DELETE FROM a;
            sql INSERT INTO a(n) VALUES({{ json.v }});
            sql a = SELECT n FROM a;
            sql INSERT INTO a(n) VALUES({{ a.first.n }});
            sql b = SELECT n, typeof(n) AS t, count(*) OVER () AS rows,
                    hex(n) AS h FROM a;
            json {"same": b[0].n == b[1].n, "v": b[1].n, "t": b[1].t, "h": b[1].h}; }
        route POST /blob { transaction;
            sql a = SELECT CAST({{ request.body }} AS BLOB) AS b;
            sql b = SELECT typeof({{ a.first.b }}) AS t, hex({{ a.first.b }}) AS h,
                    {{ a.first.b }} = CAST({{ request.body }} AS BLOB) AS same;
            json b.first; }
    }
    """
    with start(conf) as s:
        for v in (0, -1, 2**63 - 1, -2**63, 2**53 + 1, 0.1, -0.0, 1e308, 5e-324, 1.5,
                  1e15, "", "a\u0000b", "ü€😀", "1", "1.0", "NULL"):
            status, got = answer(post(s, "/keep", json.dumps({"v": v})))
            assert status == 200 and got["same"], v
            kind = {int: "integer", float: "real", str: "text"}[type(v)]
            assert repr(got["v"]) == repr(v) or v == -0.0, (v, got)
            assert got["t"] == kind
        status, got = answer(post(s, "/keep", '{"v": null}'))
        assert got["v"] is None and got["t"] == "null"
        assert answer(post(s, "/blob", "a\x01b")) == (
            200, {"t": "blob", "h": "610162", "same": 1})


# What statements may not do

@pytest.mark.parametrize("sql", [
    "VACUUM INTO 'copy.db'", "ATTACH DATABASE ':memory:' AS m", "DETACH DATABASE main",
    "SAVEPOINT s", "ROLLBACK", "PRAGMA foreign_keys = off", "PRAGMA synchronous = off",
    "PRAGMA wal_checkpoint", "PRAGMA cache_size = 1", "PRAGMA temp_store_directory = '/'",
    "SELECT load_extension('x', 'y')", "CREATE TEMP TABLE t(x)", "CREATE TABLE temp.t(x)",
    "CREATE VIRTUAL TABLE temp.t USING fts5(x)", "CREATE TEMP VIEW v AS SELECT 1",
    "INSERT INTO sqlite_schema(name) VALUES('x')"])
def test_refused(sql):
    s = start("sqlite a data/a.db { schema a.sql; }\nserver { listen 127.0.0.1:%%PORT%%;"
              " route GET / { sql " + sql + "; text x; } }", wait=False)
    try:
        out = s.run("-t")
        assert out.returncode != 0
        assert re.search("not authorized|may not be modified|too many attached", out.stderr)
        assert re.search(r"test\.conf:\d+:\d+", out.stderr)
    finally:
        s.remove()


@pytest.mark.parametrize("sql", [
    '"SELECT 1; SELECT 2"', "'DELETE FROM a; DROP TABLE a'", '"SELECT 1; --" "SELECT 2"',
    '"SELECT 1;;DELETE FROM a"', '"SELECT 1; /* x */ COMMIT"'])
def test_a_second_statement_is_refused(sql):
    s = start("sqlite a data/a.db { schema a.sql; }\nserver { listen 127.0.0.1:%%PORT%%;"
              " route GET / { sql " + sql + "; text x; } }", wait=False)
    try:
        out = s.run("-t")
        assert out.returncode != 0
        assert re.search(r"test\.conf:\d+:\d+", out.stderr), out.stderr
    finally:
        s.remove()


@pytest.mark.parametrize("database,wrap,message", [
    (True, "transaction nope;", 'no database "nope"'), (False, "transaction;", "no database"),
    (True, "transaction;", None), (False, "transaction off;", None), (True, "transaction a;", None)])
def test_a_transaction_has_a_database(database, wrap, message):
    """Also where no statement is in it."""
    s = start(("sqlite a data/a.db { schema a.sql; }\n" if database else "")
              + "server { listen 127.0.0.1:%%PORT%%; " + wrap + " location / { return 204; } }",
              wait=False)
    try:
        out = s.run("-t")
        assert out.returncode == (message is not None), out.stderr
        if message is not None:
            assert message in out.stderr and re.search(r"test\.conf:\d+:\d+", out.stderr)
    finally:
        s.remove()


@pytest.mark.parametrize("line,message", [
    ("pragma journal_mode off", 'the directive "journal" sets it'),
    ("pragma writable_schema on", "cannot be set here"),
    ("pragma foreign_keys off", "cannot be set here"),
    ("pragma foreign_keys on", "it is always on"),
    ("pragma a; b", "invalid"), ("pragma main.journal_mode delete", "invalid"),
    ("pragma user_version 5", "a migration sets it"),
    ("pragma trusted_schema on", "it is always on"),
    ("pragma tmp_store memory", 'there is no pragma "tmp_store" in '),
    ("pragma tmp_store memory", 'did you mean "temp_store"?'), ("readers 0", "readers"),
    ("journal memory", "journal"),
    ("synchronous fast", "synchronous")])
def test_refused_settings(line, message):
    s = start("sqlite a data/a.db { schema a.sql; %s; }" % line, wait=False)
    try:
        out = s.run("-t")
        assert out.returncode != 0 and message in out.stderr
    finally:
        s.remove()


def test_pragmas():
    """Those of a new file as well."""
    conf = """
    sqlite a data/a.db {
        schema a.sql;
        pragma page_size 8192; pragma auto_vacuum incremental; pragma encoding UTF-16le;
        pragma case_sensitive_like on; pragma journal_size_limit -1;
    }
    server { listen 127.0.0.1:%%PORT%%;
        route GET / { sql a = SELECT x, 'A' LIKE 'a' AS alike FROM a; json a; } }
    """
    with start(conf, files={"a.sql": "CREATE TABLE a(x); INSERT INTO a VALUES('ü€😀');"}) as s:
        assert answer(get(s.port(), "/")) == (200, [{"x": "ü€😀", "alike": 0}])
        for name, value in (("page_size", 8192), ("auto_vacuum", 2), ("encoding", "UTF-16le"),
                            ("journal_mode", "wal")):
            assert rows(s, "PRAGMA " + name) == [(value,)], name


@pytest.mark.plain("about processes")
def test_the_journal_stays_while_it_is_used():
    conf = """
    sqlite a data/a.db { schema a.sql; journal %s; busy_timeout 100ms; }
    server { listen 127.0.0.1:%%%%PORT%%%%;
        route POST / { sql INSERT INTO a(x) VALUES({{ request.body }}); text ok; } }
    """
    with start(conf % "wal", allow=["emerg"]) as s:
        assert post(s, "/", "1").status == 200
        old = children(s.process.pid)
        s.write_conf(conf % "delete")
        s.signal("HUP")
        wait_until(lambda: "the mode of the journal cannot change while others have the file "
                           "open: stop the server first" in s.error_log())
        assert post(s, "/", "2").status == 200 and children(s.process.pid) == old
        s.stop()
        s.start()
        assert post(s, "/", "3").status == 200
        assert rows(s, "PRAGMA journal_mode") == [("delete",)] and len(rows(s)) == 3


# Where it is wrong, and what to do

@pytest.mark.parametrize("sql,message,at", [
    ("SELECT 1 AS banana FROM an", "no such table: an ", "an;"),
    ("SELECT ?1, {{ query.a }}", "not ? or :name", "?1"),
    ("SELECT ?, {{ query.a }}", "not ? or :name", "?,"),
    ("SELECT :a, {{ query.a }}", "not ? or :name", ":a,"),
    ("SELECT {{ query.a }}, @a", "not ? or :name", "@a;"),
    ("SELECT '?', \"x\", [n], `x` AS y, {{ query.a }} FROM a -- ?\n", None, None),
    ("SELECT x AS [?] FROM a", None, None),
    ("SELECT * FROM {{ query.t }}", 'no bound value can stand here', "{{ query.t"),
    ("SELECT * FROM {{ query.t }}", 'chosen with |one_of("a", "b")', None),
    ("SELECT * FROM a WHERE x IN {{ query.t }}", "json_each({{ list|tojson }})", None),
    ("SELECT * FROM a ORDER BY {{ query.t }}", "[warn] a bound value is the same for all rows",
     "{{ query.t"),
    ("SELECT * FROM a ORDER BY {{ query.t }} DESC LIMIT 5", "[warn] a bound value is", None),
    ("SELECT * FROM a ORDER BY {{ query.t|int }} - n", None, None),
    ("SELECT * FROM a ORDER BY n LIMIT {{ query.t }}", None, None),
    ("SELECT x, n, n FROM a", '[warn] another column is named "n": this one, number 3, is "n:1"',
     None),
    ("SELECT x FROM a ORDER BY {{ query.t|\r\n one_of(\"x\"\t,\r\n'n'\r\n) }}", None, None),
    ("SELECT x FROM a ORDER BY {{ query.t|one_of('x' 'n') }}", "only texts in quotes", None),
    ("COMMIT", '("transaction" makes one around', "COMMIT"),
    ("PRAGMA foreign_keys = 0", '(pragmas stand in the block of "sqlite")', "PRAGMA")])
def test_what_is_wrong_with_a_statement(sql, message, at):
    s = start("sqlite a data/a.db { schema a.sql; }\nserver { listen 127.0.0.1:%%PORT%%;"
              " route GET / {\n  sql y = " + sql + ";\n  json y; } }", wait=False)
    try:
        out = s.run("-t")
        if message is None:
            assert out.returncode == 0 and "warn" not in out.stderr, out.stderr
            return
        assert message in out.stderr, out.stderr
        assert (out.returncode == 0) == message.startswith("[warn]"), out.stderr
        if at is not None:
            line, column = re.search(r"test\.conf:(\d+):(\d+)", out.stderr).groups()
            with open(s.prefix + "/test.conf") as f:
                text = f.read().split("\n")[int(line) - 1]
            assert text[int(column) - 1:].startswith(at), out.stderr
    finally:
        s.remove()


@pytest.mark.parametrize("script,message", [
    ("BEGIN;\nCREATE TABLE a(x);\nCOMMIT;", r"a\.sql:1:1 \(a script runs in a transaction"),
    ("CREATE TABLE a(x UNIQUE);\nINSERT INTO a VALUES(1);\n/* one\n more */\n-- twice\n"
     "  INSERT INTO a VALUES(1);", r"UNIQUE constraint failed: a\.x in \S*a\.sql:6:3 "),
    ("CREATE TABLE a(x);\0CREATE TABL b(x);", r'a\.sql" is no text: it has a byte 0'),
    (b"\xff\xfeC\0R\0E\0A\0", r'a\.sql" is no text'),
    ("\ufeffCREATE TABLE a(x);\r\nCREATE TABLE b(x);\r\n", None)])
def test_what_is_wrong_with_a_script(script, message):
    s = start("sqlite a data/a.db { schema a.sql; }", files={"a.sql": script}, wait=False)
    try:
        out = s.run("-t")
        assert (out.returncode == 0) == (message is None), out.stderr
        assert message is None or re.search(message, out.stderr), out.stderr
    finally:
        s.remove()


@pytest.mark.parametrize("path,block,message", [
    (":memory:", "", "needs the path of a file"), ("file:a.db?mode=ro", "", "needs the path"),
    ("data/x/y/a.db", "", r'stat\(\) "\S*/data/x" failed \(2: '), ("data/x/a.db", "", None),
    ("data/a.db", "migrations a.sql;", r'a\.sql" \(20: Not a directory'),
    ("data/a.db", "migrations m[1]?;", None)])
def test_where_files_are(path, block, message):
    s = start("sqlite a " + path + " { " + block + " }\nserver { listen 127.0.0.1:%%PORT%%;"
              " route GET / { sql y = SELECT count(*) AS n FROM weir_migrations; json y; } }"
              if message is None and block else "sqlite a " + path + " { " + block + " }",
              files={"m[1]?/1.sql": "CREATE TABLE m(x);"}, wait=False)
    try:
        out = s.run("-t")
        assert (out.returncode == 0) == (message is None), out.stderr
        assert message is None or re.search(message, out.stderr), out.stderr
    finally:
        s.remove()


# The last id, names of columns, results as values

RESULTS = """
sqlite a data/a.db { schema a.sql; result_limit 0; }
server {
    listen 127.0.0.1:%%PORT%%;
    route POST /two {
        transaction;
        sql a = INSERT INTO a(x) VALUES({{ request.body }});
        sql b = INSERT INTO b(a, n) VALUES(last_insert_rowid(), changes());
        sql c = SELECT last_insert_rowid() AS id;
        sql d = SELECT a, n FROM b ORDER BY id DESC LIMIT 1;
        json [a.last_insert_id, b.last_insert_id, c.first.id, d.first.a, d.first.n];
    }
    route POST /other { transaction; sql c = SELECT last_insert_rowid() AS id;
                        sql UPDATE b SET n = 5;
                        json [c.first.id, c.last_insert_id]; }
    route POST /alone { sql b = INSERT INTO b(a) VALUES(nullif(last_insert_rowid(), 0));
                        sql c = SELECT max(a) AS id FROM b;
                        json [b.last_insert_id != none, c.first.id]; }
    route POST /zero { sql a = INSERT INTO a(id, x) VALUES(0, 'zero'); json a.last_insert_id; }
    route POST /log { transaction; sql a = INSERT INTO t(x) VALUES(1);
                      sql b = SELECT max(id) AS id FROM log;
                      json [a.last_insert_id, b.first.id]; }
    route GET /names { sql v = SELECT 1 AS a, 2 AS a, 3 AS "a:1", 4 AS a, 5 AS b;
                       json [v.first, v.first["a"], v.first[1]]; }
    route GET /same { sql v = SELECT 1 AS a; sql w = SELECT 1 AS a; sql n = SELECT 1 WHERE 0;
                      sql r = SELECT 1 AS a, 2 AS b UNION SELECT 1, 2 UNION SELECT 1, 3;
                      sql o = SELECT 2 AS b, 1.0 AS a;
                      json [v == w, v == [{"a": 1}], v == n, n == [], v != w, v == 1,
                            r.first == o.first, r.first == {"b": 2, "a": 1}, r[1] == r[0],
                            r.first == {"a": 1}, v.first == o.first, o.first in r]; }
}
"""


def test_results():
    schema = """
    CREATE TABLE a(id INTEGER PRIMARY KEY, x UNIQUE);
    CREATE TABLE b(id INTEGER PRIMARY KEY, a REFERENCES a(id), n);
    CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE log(id);
    """
    trigger = """CREATE TRIGGER tr AFTER INSERT ON t BEGIN
        INSERT INTO log VALUES(last_insert_rowid()); END;"""
    for more in "", trigger:
        with start(RESULTS, files={"a.sql": schema + more}) as s:
            assert answer(post(s, "/two", "x")) == (200, [1, 1, 1, 1, 1])
            assert answer(post(s, "/two", "y")) == (200, [2, 2, 2, 2, 1])
            # Not that of another request.
            assert answer(post(s, "/other")) == (200, [0, None])
            assert answer(post(s, "/alone")) == (200, [True, 2])
            assert answer(post(s, "/zero")) == (200, 0)
            assert answer(post(s, "/log")) == (200, [1, 1 if more else None])
            r = get(s.port(), "/names")
            assert r.text == ('[{"a": 1, "a:1": 2, "a:1:1": 3, "a:2": 4, "b": 5}, 1, 2]')
            assert answer(get(s.port(), "/same")) == (200, [
                True, True, False, True, False, False, True, True, False, False, False, True])


# Files

SERVED = """
sqlite a data/a.db { schema a.sql; }
server {
    listen 127.0.0.1:%%PORT%%;
    root %%PREFIX%%;
    autoindex on;
    location /alias/ { alias %%PREFIX%%/data/; }
    location /try/ { try_files /data/none.txt /data/a.db =404; }
    location /intern/ { internal; alias %%PREFIX%%/data/; }
    location /exact { alias %%PREFIX%%/data/a.db; }
    location /wal { alias %%PREFIX%%/data/a.db-wal; }
    location /error { error_page 403 /data/a.db; return 403; }
    location /index/ { alias %%PREFIX%%/data/; index a.db; }
    location /rewrite { rewrite ^ /data/a.db-shm last; }
    location /gz/ { alias %%PREFIX%%/data/; gzip_static always; }
    route POST /hit { sql INSERT INTO a(n) VALUES(1); text ok; }
}
"""


def test_files_are_never_served():
    with start(SERVED) as s:
        data = s.prefix + "/data/"
        assert post(s, "/hit").status == 200
        for name in ("a.db", "a.db-wal", "a.db-shm"):
            os.symlink(name, data + "soft-" + name)
            os.link(data + name, data + "hard-" + name)
        os.symlink("a.db", data + "x.gz")
        with open(data + "other.txt", "w") as f:
            f.write("other")
        time.sleep(1.1)         # names are looked up once a second
        names = ["a.db", "a.db-wal", "a.db-shm"]
        names += [kind + n for n in names for kind in ("soft-", "hard-")]
        for name in names:
            for at in ("/data/", "/alias/", "/try/../data/", "//data/./"):
                r = get(s.port(), at + name)
                assert r.status == 404 and b"SQLite format" not in r.body, at + name
        for target in ("/try/x", "/intern/a.db", "/exact", "/wal", "/error", "/index/",
                       "/rewrite", "/gz/x"):
            r = get(s.port(), target)
            assert r.status in (403, 404), target
            assert b"SQLite format" not in r.body and b"\x37\x7f\x06\x82" not in r.body
        for method in ("HEAD", "GET"):
            assert get(s.port(), "/data/a.db", "Range: bytes=0-15",
                       method=method).status == 404
        assert get(s.port(), "/data/other.txt").text == "other"
        # A program that checks and closes the file would drop SQLite's locks.
        assert post(s, "/hit").status == 200


CHANGED = SERVED.replace("root %%PREFIX%%;", "root %%PREFIX%%; dav_methods PUT DELETE MKCOL "
                         "COPY MOVE; create_full_put_path on;")


@pytest.mark.http1("two Hosts in a request")
def test_files_are_never_changed():
    host = "http://a"
    with start(CHANGED, main=MODULES + DAV) as s:
        assert post(s, "/hit").status == 200
        data = s.prefix + "/data/"
        os.symlink("data", s.prefix + "/soft")
        os.mkdir(s.prefix + "/other")
        with open(s.prefix + "/other/file", "w") as f:
            f.write("not a database")
        time.sleep(1.1)

        def ask(method, path, to=None, body=""):
            head = ["Destination: " + host + to] if to else []
            r = get(s.port(), path, "Host: a", *head, method=method, body=body)
            assert r.status in (400, 403, 404, 409), (method, path, to, r.status)
        for name in ("a.db", "a.db-wal", "a.db-shm", "a.db-journal"):
            for folder in ("/data/", "/soft/", "/other/../data/"):
                ask("PUT", folder + name, body="not a database")
                ask("DELETE", folder + name)
                ask("MKCOL", folder + name + "/")
                for method in ("COPY", "MOVE"):
                    ask(method, folder + name, "/other/got")
                    ask(method, "/other/file", folder + name)
                    ask(method, "/other/", folder + name + "/")
        for method in ("COPY", "MOVE"):
            ask(method, "/data/", "/other/data/")
            ask(method, "/other/", "/data/")
        ask("DELETE", "/data/")
        assert sorted(os.listdir(s.prefix + "/other")) == ["file"]
        assert not os.path.exists(data + "a.db-journal")
        # All else is as ever.
        assert get(s.port(), "/data/a.txt", method="PUT", body="x").status == 201
        assert get(s.port(), "/data/a.txt", method="DELETE").status == 204
        assert post(s, "/hit").status == 200
        assert rows(s, "SELECT count(*) FROM a") == [(2,)]
        assert rows(s, "PRAGMA integrity_check") == [("ok",)]


def test_files_are_no_templates():
    conf = """
    sqlite a data/a.db { schema a.sql; }
    template_root %%PREFIX%%;
    server { listen 127.0.0.1:%%PORT%%;
        route POST /hit { sql INSERT INTO a(x) VALUES('secret'); text ok; }
        route GET / { template page.html name=query.name; } }
    """
    with start(conf, files={"page.html": "{% include name %}", "other.html": "other"},
               main=MODULES + "load_module modules/http_template_module.so;\n") as s:
        assert post(s, "/hit").status == 200
        os.link(s.prefix + "/data/a.db", s.prefix + "/hard")
        os.symlink("data/a.db-wal", s.prefix + "/soft")
        for name in "data/a.db", "data/a.db-wal", "data/a.db-shm", "hard", "soft":
            r = get(s.port(), "/?name=" + name)
            assert r.status == 500 and b"secret" not in r.body
            assert '%s" belongs to a database' % name in s.error_log()
        assert get(s.port(), "/?name=other.html").text == "other"


def test_files_are_opened_by_workers_only():
    with start(SERVED) as s:
        post(s, "/hit")

        def opened(pid):
            return {os.path.basename(path) for path in open_files(pid)}
        assert "a.db" not in opened(s.process.pid)
        assert any("a.db" in opened(pid) for pid in children(s.process.pid))


STATFS = r"""
#include <sys/vfs.h>
#include <string.h>
int statfs(const char *path, struct statfs *fs)
{
    memset(fs, 0, sizeof(*fs));
    fs->f_type = strstr(path, "/data") != 0 ? 0x6969 : 0xef53;
    return 0;
}
"""


def test_not_on_a_network(tmp_path):
    (tmp_path / "statfs.c").write_text(STATFS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "statfs.so",
                    tmp_path / "statfs.c"], check=True)
    s = start("sqlite a data/a.db { schema a.sql; }", wait=False)
    try:
        command = [os.environ.get("WEIR", s.binary), "-p", s.prefix, "-c",
                   s.prefix + "/test.conf"]
        # A server built with AddressSanitizer would want to stand first.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        out = subprocess.run(command, env={**os.environ, "ASAN_OPTIONS": asan,
                             "LD_PRELOAD": str(tmp_path / "statfs.so")},
                             capture_output=True, text=True, timeout=30)
        assert out.returncode != 0
        assert "is on a network" in out.stderr and "test.conf:" in out.stderr
    finally:
        s.remove()


# A full disk

FULL = """
sqlite a data/a.db { schema a.sql; %s }
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    route POST /put/{x} {
        transaction;
        sql INSERT INTO a(x, n) VALUES({{ params.x }}, {{ request.body }});
        sql INSERT INTO a(x, n) VALUES({{ params.x ~ "-2" }}, 0);
        json {};
    }
    route DELETE /all { transaction; sql DELETE FROM a; json {}; }
    route GET /n { sql n = SELECT count(*) AS n FROM a; json n.first; }
}
"""


@pytest.mark.parametrize("kind", ["disk", "pages"])
def test_full(kind):
    """A tmpfs of half a megabyte; where nothing may be mounted its place is taken by
    a limit of pages."""
    prefix = make_prefix()
    mounted = kind == "disk" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=777", "none", prefix + "/data"],
        capture_output=True).returncode == 0
    pages = "" if mounted else "pragma max_page_count 60;"
    try:
        with start(FULL % pages, prefix=prefix, allow=[r"database or disk is full",
                                                       r"disk I/O error"]) as s:
            seen = {}
            for i in range(60):
                r = post(s, "/put/%d" % i, "x" * 9000)
                seen[i] = r.status
                if r.status >= 400:
                    assert answer(r) == (507, {"error": "database or disk is full"})
            assert seen[0] == 200 and seen[59] == 507
            good = {x for i, status in seen.items() if status == 200
                    for x in ("%d" % i, "%d-2" % i)}
            assert {x for x, in rows(s)} == good
            assert answer(get(s.port(), "/n")) == (200, {"n": len(good)})
            if not mounted:
                assert get(s.port(), "/all", method="DELETE").status == 200
                assert post(s, "/put/again", "y").status == 200
    finally:
        if mounted:
            subprocess.run(["umount", "-l", prefix + "/data"], check=True)


UPDATES = """
sqlite a data/a.db { schema a.sql; synchronous normal; }
server {
    listen 127.0.0.1:%%PORT%%;
    route POST /fill {
        sql INSERT INTO a(n) SELECT zeroblob(3500) FROM json_each('[1,2,3,4,5]');
        text ok;
    }
    route POST /n { transaction; sql UPDATE a SET n = randomblob(3500); json {}; }
}
"""


def test_a_full_disk_is_written_to_in_place():
    """What needs no more room than there is goes on: the log begins anew."""
    prefix = make_prefix()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=777", "none", prefix + "/data"],
        capture_output=True).returncode == 0
    try:
        with start(UPDATES, prefix=prefix) as s:
            assert post(s, "/fill").status == 200
            db = sqlite3.connect(prefix + "/data/a.db")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert [post(s, "/n").status for i in range(4)] == [200] * 4
            with open(prefix + "/data/ballast", "wb", buffering=0) as f:
                try:
                    while mounted:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            seen = [post(s, "/n") for i in range(40)]
            for r in seen:
                assert r.status == 200 or answer(r) == (507, {
                    "error": "database or disk is full"})
            assert (507 in [r.status for r in seen]) == mounted
            assert [r.status for r in seen].count(200) > 20
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            db.close()
    finally:
        if mounted:
            subprocess.run(["umount", "-l", prefix + "/data"], check=True)


@pytest.mark.parametrize("how", ["moved", "replaced"])
def test_a_file_that_is_moved(how):
    """What is answered as stored is in the file of that name."""
    with start(UPDATES.replace("text ok", "json {}").replace("server {", "server { root "
                                                             "%%PREFIX%%;")) as s:
        name = s.prefix + "/data/a.db"
        assert post(s, "/fill").status == 200
        assert get(s.port(), "/data/a.db").status == 404
        os.rename(name, s.prefix + "/data/old.db")
        if how == "replaced":
            db = sqlite3.connect(s.prefix + "/data/new.db")
            db.execute(TABLE)
            db.close()
            os.rename(s.prefix + "/data/new.db", name)
            assert get(s.port(), "/data/a.db").status == 404
        for target in "/fill", "/n":
            assert answer(post(s, target)) == (500, {"error": (
                "the database's file has been moved or replaced while the server runs: "
                "stop it first")})
        # It is back.
        os.rename(s.prefix + "/data/old.db", name)
        assert post(s, "/n").status == 200


# Other programs

def test_a_reader_that_holds_a_snapshot():
    """The log grows while another program reads, and is copied afterwards."""
    with start(FULL % "synchronous normal;") as s:
        post(s, "/put/first", "1")
        db = sqlite3.connect(s.prefix + "/data/a.db", isolation_level=None)
        db.execute("BEGIN")
        before = db.execute("SELECT count(*) FROM a").fetchone()
        for i in range(400):
            assert post(s, "/put/%d" % i, "x" * 12000).status == 200
        assert db.execute("SELECT count(*) FROM a").fetchone() == before
        wal = os.path.getsize(s.prefix + "/data/a.db-wal")
        assert wal > 1200 * 4096
        db.execute("COMMIT")
        for i in range(400, 1000):
            assert post(s, "/put/%d" % i, "x" * 12000).status == 200
        assert db.execute("SELECT count(*) FROM a").fetchone() == (2002,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
        # It began anew instead of growing for ever.
        assert os.path.getsize(s.prefix + "/data/a.db-wal") < wal + 4 * 1200 * 4096


@pytest.mark.plain("about processes")
def test_two_servers_bring_up_one_database():
    """Migrations are applied once, whoever is first."""
    conf = """
    sqlite a data/a.db { migrations m; }
    server { listen 127.0.0.1:%%PORT%%; route GET / { sql a = SELECT * FROM b; json a; } }
    """
    files = {"m/%03d.sql" % i: "INSERT INTO b VALUES(%d);" % i for i in range(2, 9)}
    files["m/001.sql"] = "CREATE TABLE b(x);"
    prefix = make_prefix()
    s = Server(conf, files=files, main=MODULES, prefix=prefix, wait=False)
    try:
        with open(prefix + "/test.conf") as f:
            text = f.read()
        for i in (2, 3):
            with open(prefix + "/test%d.conf" % i, "w") as f:
                f.write(re.sub(r"listen 127.0.0.1:\d+;", "listen unix:%s/s%d.sock;"
                               % (prefix, i), text)
                           .replace("server.pid", "server%d.pid" % i))
        others = [subprocess.Popen([s.binary, "-p", prefix, "-c", prefix + "/test%d.conf"
                                    % i]) for i in (2, 3)]
        s.start()
        want = [{"x": i} for i in range(2, 9)]
        assert json.loads(get(s.port(), "/").body) == want
        assert len(rows(s, "SELECT * FROM weir_migrations")) == 8
        for p in others:
            wait_until(lambda: len(children(p.pid)) > 0)
            p.terminate()
            assert p.wait(10) == 0
        s.stop()
        s.check()
    finally:
        s.remove()


def test_a_broken_migration_is_refused():
    conf = """
    sqlite a data/a.db { schema a.sql; migrations m; }
    server { listen 127.0.0.1:%%PORT%%;
        route GET / { sql a = SELECT count(*) AS n FROM a; json a.first; } }
    """
    with start(conf, files={"m/001.sql": "ALTER TABLE a ADD COLUMN y;"},
               allow=[r"002\.sql", "emerg"]) as s:
        # A new database has what the schema says; its migrations count as applied.
        assert len(rows(s, "SELECT * FROM weir_migrations")) == 1
        with open(s.prefix + "/m/002.sql", "w") as f:
            f.write("ALTER TABLE a ADD COLUMN z;\nINSERT INTO nowhere VALUES(1);\n")
        out = s.run("-t")
        assert out.returncode != 0
        assert "no such table: nowhere" in out.stderr and "002.sql:2" in out.stderr
        old = children(s.process.pid)
        s.signal("HUP")
        wait_until(lambda: "nowhere" in s.error_log())
        assert children(s.process.pid) == old
        assert get(s.port(), "/").status == 200
        # Nothing of it was done.
        assert [c[1] for c in rows(s, "PRAGMA table_info(a)")] == ["x", "n"]
        with open(s.prefix + "/m/002.sql", "w") as f:
            f.write("ALTER TABLE a ADD COLUMN z;\n")
        s.signal("HUP")
        wait_until(lambda: "z" in [c[1] for c in rows(s, "PRAGMA table_info(a)")])


# Waiting for the network with the database in hand

WAITS = """
sqlite a data/a.db { schema a.sql; }
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    %s
}
"""


@pytest.mark.parametrize("steps,warned", [
    ("route GET /a { transaction; sql SELECT 1; fetch f = http://127.0.0.1:1/; text x; }",
     "fetch"),
    ("route GET /a { transaction; fetch f = http://127.0.0.1:1/; sql SELECT 1; text x; }",
     None),
    ("route GET /a { sql SELECT 1; fetch f = http://127.0.0.1:1/; text x; }", None),
    ("transaction; sql SELECT 1;\n"
     "route GET /a { fetch f = http://127.0.0.1:1/; text x; }", "fetch"),
    ("transaction; fetch f = http://127.0.0.1:1/;\n"
     "route GET /a { sql SELECT 1; text x; }", None),
    ("route GET /a { transaction; when true { sql SELECT 1; }\n"
     "fetch f = http://127.0.0.1:1/; text x; }", "fetch"),
    ("route GET /a { transaction; gather { fetch f = http://127.0.0.1:1/;\n"
     "sql s = SELECT 1; } text x; }", "fetch"),
    ("route GET /a { transaction; sql SELECT 1; text x; }\n"
     "route GET /b { transaction; fetch f = http://127.0.0.1:1/; sql SELECT 1; text x; }",
     None),
    ("location /p { transaction; sql SELECT 1; proxy_pass http://127.0.0.1:1; }",
     "proxy_pass"),
    ("location /p { proxy_pass http://127.0.0.1:1; }", None),
])
def test_waits_are_warned_of(steps, warned):
    s = start(WAITS % steps, wait=False, main=MODULES
              + "load_module modules/http_fetch_module.so;\n")
    try:
        out = s.run("-t")
        assert out.returncode == 0, out.stderr
        found = re.findall(r"\[warn\].*\"(\w+)\" waits for the network inside .*"
                           r"test\.conf:\d+", out.stderr)
        assert found == ([warned] if warned else [])
    finally:
        s.remove()


# Columns that expressions ask for

COLUMNS = """
sqlite a data/a.db { schema a.sql; }
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    route GET /{x} {
        sql p = SELECT x, n AS number FROM a;
        %s
    }
    route GET /other/{x} { set q = {"first": {"any": 1}}; json q.first.any; }
}
"""


@pytest.mark.parametrize("steps,message,at", [
    ("json p.first.x;", None, None),
    ("json p.first.titel;", '"p" has no "titel": no such column', "titel"),
    ("json p.first[\"titel\"];", '"p" has no "titel"', "titel"),
    ("json {\"a\": [p[0].number, p[0].n]};", '"p" has no "n"', "n"),
    ("json p.number;", '"p" has no "number": it is rows', "number"),
    ("json p.count;", '"p" has no "count"', "count"),
    ("json [p.first.x, p.changes, p.last_insert_id, p.first.keys()];", None, None),
    ("require p.first.nix else 404; json 1;", '"p" has no "nix"', "nix"),
    ("when p.first.nix { text x; } text y;", '"p" has no "nix"', "nix"),
    ("set y = p.first.x ~ p.first.nix; text x;", '"p" has no "nix"', "nix"),
    ("sql r = SELECT {{ p.first.nix }} AS v; text x;", '"p" has no "nix"', "nix"),
    ("json p.first.nix|default(1);", None, None),
    ("json p.first.nix is defined;", None, None),
    ("json p[query.i|int].nix;", None, None),
    ("when query.a|default(0) { set p = {\"first\": {\"nix\": 1}}; } json p.first.nix;",
     None, None),
    ("set p = {\"first\": {\"nix\": 1}}; json p.first.nix;", None, None),
    ("sql p = SELECT 1 AS nix; json p.first.nix;", None, None),
    ("text {{ p.first.nix }};", '[warn] "p" has no "nix"', "nix"),
    ("text {{ p.first.x }};", None, None),
    ("json p.first.x.nothing;", None, None)])
def test_columns_of_expressions(steps, message, at):
    s = start(COLUMNS % steps, wait=False)
    try:
        out = s.run("-t")
        if message is None:
            assert out.returncode == 0 and "has no" not in out.stderr, out.stderr
            return
        assert message in out.stderr
        assert (out.returncode == 0) == message.startswith("[warn]")
        line, column = re.search(r"test\.conf:(\d+):(\d+)", out.stderr).groups()
        with open(s.prefix + "/test.conf") as f:
            text = f.read().split("\n")[int(line) - 1]
        assert text[int(column) - 1:].startswith(at)
    finally:
        s.remove()


TEMPLATES = """
sqlite a data/a.db { schema a.sql; }
template_root templates;
server {
    listen 127.0.0.1:%%%%PORT%%%%;
    route GET / {
        sql rows = SELECT x, n AS number FROM a;
        template page.html rows=rows row=rows.first any=query.any|default(none);
    }
    route GET /steps { sql steps = SELECT x FROM a; template steps.html; }
    %s
}
"""
LAYOUT = "<title>{% block title %}{{ row.nix }}{% endblock %}</title>{% block body %}{% endblock %}"
NIX = '"rows" has no "nix": no such column'


def check_templates(page, more="", **files):
    s = start(TEMPLATES % more, files={
        "a.sql": "CREATE TABLE a(x TEXT, n INTEGER);", "templates/page.html": page,
        "templates/steps.html": files.pop("steps", "{{ steps.first.x }}"),
        "templates/layout.html": LAYOUT,
        **{"templates/%s.html" % name: text for name, text in files.items()}}, wait=False,
        main=MODULES + "load_module modules/http_template_module.so;\n")
    try:
        return s.run("-t")
    finally:
        s.remove()


@pytest.mark.parametrize("page,at", [
    ("{{ row.nix }}", (1, 8)),
    ("a\n\n  {{ row['nix'] }}", (3, 10)),
    ("{{ rows.first.nix|upper }}", (1, 15)),
    ("{{ rows[0].nix }}", (1, 12)),
    ("{% for r in rows %}\n{{ r.x }}{{ r.nix }}{% endfor %}", (2, 15)),
    ("{% for r in rows[:3]|sort(attribute='x')|list %}{{ r.nix }}{% endfor %}", (1, 54)),
    ("{% for r in rows if r.x %}{% if r.x == r.nix %}1{% endif %}{% endfor %}", None),
    ("{% for r in rows if r.x %}{{ r.x ~ r.nix }}{% endfor %}", (1, 38)),
    ("{% with r = rows.first %}{{ r.nix }}{% endwith %}", (1, 31)),
    ("{% macro m(r) %}{{ r.nix }}{{ row.nix }}{% endmacro %}{{ m(1) }}", (1, 35)),
    ("{% call(r) row.nix() %}{{ r.nix }}{% endcall %}", (1, 16)),
    ("{% set a = row.nix %}", (1, 16)),
    ("{% if a is undefined and (row.x or 1) %}{{ [row.nix] }}{% endif %}", (1, 49)),
    ("{{ 'a' if row.x else row.nix }}", (1, 26)),
    ("{% include 'part.html' %}", None),
    ("{% extends 'layout.html' %}{% block title %}{{ row.nix }}{% endblock %}", (1, 52))])
def test_columns_of_templates(page, at):
    out = check_templates(page, part="{{ row.x }}")
    if at is None:
        assert out.returncode == 0 and "has no" not in out.stderr, out.stderr
        return
    assert out.returncode != 0
    assert NIX + " in " in out.stderr
    assert "templates/page.html:%d:%d (the statement is in " % at in out.stderr, out.stderr
    line, caret = out.stderr.split("\n")[1:3]
    assert line.strip() == page.split("\n")[at[0] - 1].strip()
    assert line[caret.index("^"):].startswith(("nix", "'nix"))


@pytest.mark.parametrize("page", [
    "{{ row.x }} {{ row.number }} {{ row[0] }} {{ row.keys() }} {{ row.items()|list }}",
    "{{ rows.changes }} {{ rows|length }} {{ rows.last_insert_id }}",
    "{{ row.nix|default('') }}", "{{ row.nix|d('') }}", "{{ row.nix is defined }}",
    "{% if row.nix %}{{ row.nix }}{% endif %}",
    "{% if not row.nix %}a{% else %}{{ row.nix.more }}{% endif %}",
    "{{ row.nix if row.nix }}", "{{ row.nix and row.nix }}",
    "{% set row = {'nix': 1} %}{{ row.nix }}",
    "{% if any %}{% set row = any %}{% endif %}{{ row.nix }}",
    "{% for row in any %}{{ row.nix }}{% endfor %}",
    "{% for row, b in any %}{{ row.nix }}{% endfor %}",
    "{% for r in rows recursive %}{{ r.nix }}{{ loop(any) }}{% endfor %}",
    "{% for r in rows|map(attribute='x') %}{{ r.nix }}{% endfor %}",
    "{% for r in rows|groupby('x') %}{{ r.grouper }}{% endfor %}",
    "{% for r in rows|batch(2) %}{{ r.nix }}{% endfor %}",
    "{% for r in rows.first.items() %}{{ r.nix }}{% endfor %}",
    "{% for k in row %}{{ k.nix }}{% endfor %}",
    "{% macro m(row) %}{{ row.nix }}{% endmacro %}{{ m(any) }}",
    "{% macro m(a, row=none) %}{{ row.nix }}{% endmacro %}{{ m(any) }}",
    "{% from 'macros.html' import row %}{{ row.nix }}",
    "{% import 'macros.html' as row %}{{ row.nix }}",
    "{% import 'macros.html' as m with context %}{{ m.row }}",
    "{% call(row) any() %}{{ row.nix }}{% endcall %}",
    "{% with row = any %}{{ row.nix }}{% endwith %}",
    "{% extends 'layout.html' %}{% block title %}{% endblock %}",
    "{% extends 'layout.html' %}{% set row = any %}{% block title %}{{ row.nix }}{% endblock %}",
    "{% extends any %}{% block title %}{{ row.nix }}{% endblock %}",
    "{% if any %}{% extends 'layout.html' %}{% endif %}{{ row.nix }}",
    "{% include any %}", "{% include ['none.html', 'macros.html'] %}",
    "{% include 'nothing.html' ignore missing %}{{ row.x }}",
    "{% set row = any %}{% include 'asks.html' %}",
    "{% for row in any %}{% include 'asks.html' %}{% endfor %}",
    "{% include 'asks.html' without context %}",
    "{% include 'itself.html' %}",
    "{{ any.nix }} {{ nobody.nix }} {{ self.nix }} {{ row[any].nix }} {{ rows[any].nix }}",
    "{% for row in any %}{% block b scoped %}{{ row.nix }}{% endblock %}{% endfor %}",
    "{% filter upper %}{{ row.x }}{% endfilter %}"])
def test_no_alarm_about_columns_of_templates(page):
    out = check_templates(page, asks="{{ row.nix }}", itself="{% if row.x %}"
                          "{% include 'itself.html' %}{% endif %}",
                          macros="{% macro row() %}{{ row.nix }}{% endmacro %}")
    assert out.returncode == 0 and "has no" not in out.stderr, out.stderr


def test_columns_where_several_views_come():
    """A part that two pages include is wrong if it is for both."""
    more = ("route GET /more { sql a = SELECT 1 AS %s, 2 AS x; "
            "template other.html row=a.first; }")
    page = "{% include 'part.html' %}"
    for route, ok in (("", False), (more % "more", True), (more % "less", False),
                      ("route GET /any { template other.html row=query; }", True),
                      ("route GET /any { template other.html; }", True)):
        out = check_templates(page, route, other=page, part="{{ row.more }}")
        assert (out.returncode == 0) == ok, out.stderr
        if not ok:
            assert '"rows" has no "more": no such column in ' in out.stderr
            assert "templates/part.html:1:8" in out.stderr


def test_columns_of_steps_in_templates():
    out = check_templates("", steps="{{ steps.first.y }}")
    assert '"steps" has no "y": no such column in ' in out.stderr and out.returncode != 0
    assert 'templates/steps.html:1:16 (did you mean "x"? the statement is in ' in out.stderr
    out = check_templates("", steps="{{ steps.x }}")
    assert '"steps" has no "x": it is rows, a row of them is .first in ' in out.stderr
    assert out.returncode != 0
