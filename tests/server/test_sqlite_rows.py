"""SQLite: rows in expressions, templates and JSON. A key that has been found in one row is
kept for the next, so rows of different statements come by the same places here."""

import json
import sqlite3

import pytest

from harness.http1 import get
from server.test_sqlite import MODULES, Server

SCHEMA = """
CREATE TABLE a(id INTEGER PRIMARY KEY, title TEXT, text TEXT);
CREATE TABLE b(text TEXT, n REAL, title TEXT, items TEXT, _x TEXT, data BLOB);
INSERT INTO a VALUES(1, 'a1', 'ta<1>'), (2, 'a2', NULL), (3, 'a3', 'ta&3');
INSERT INTO b VALUES('tb1', 1.5, 'b"1"', 'i1', 'x1', x'616263'),
                    ('t' || char(228), 2, 'b2', 'i2', 'x2', NULL);
CREATE TABLE bytes(n INTEGER PRIMARY KEY, t TEXT);
"""
CARD = "{% macro card(row) %}[{{ row.title }}|{{ row.text }}|{{ row.n }}|{{ row.items }}]" \
       "{% endmacro %}"
CONF = r'''
sqlite a data/a.db { schema a.sql; }
template_root templates;
server {
    listen 127.0.0.1:%%PORT%%;
    routes /of {
        sql a = SELECT id, title, text FROM a;
        sql b = SELECT * FROM b;
        route GET /mixed { template mixed.html a=a b=b; }
        route GET /mixed.txt { template mixed.txt a=a b=b; }
        route GET /names { template names.html b=b a=a; }
        route GET /json { json {"a": a, "b": b|map(attribute="title"), "first": b.first.text}; }
    }
    route GET /keys {
        sql k = SELECT 1 AS "with ""quotes""", 2 AS "ä<&>", 3 AS "", 4 AS x, 5 AS x;
        json k;
    }
    route GET /none { sql k = SELECT 1 AS n WHERE 0; json [k, k.first]; }
    route GET /any/{id:int} { sql k = SELECT * FROM a WHERE id = {{ params.id }};
                              json k.first; }
    route GET /title/{id:int} { sql k = SELECT * FROM a WHERE id = {{ params.id }};
                                text {{ k.first.title }}; }
    route GET /bytes { sql k = SELECT t FROM bytes ORDER BY n; json k|map(attribute="t"); }
}
'''


@pytest.fixture(scope="module")
def served(fronted):
    with Server(CONF, main=MODULES + "load_module modules/http_template_module.so;\n", files={
            "a.sql": SCHEMA,
            "templates/mixed.html": CARD + "{% for row in [a.first, b.first, a[1], b[1], "
            "{'title': 'd<', 'n': 7}, a[2]] %}{{ card(row) }}{{ row.title }}\n{% endfor %}",
            "templates/mixed.txt": "{% for row in [a.first, b.first, {'title': 'd<'}] %}"
            "{{ row.title }}{{ row.text }}{{ row.id }}\n{% endfor %}",
            "templates/names.html": "{% for row in b %}{{ row.items }} {{ row['items'] }} "
            "{{ row._x }} {{ row['_x'] }} {{ row[0] }} {{ row.keys()|list }} "
            "{{ 'n' in row }}{{ row|length }}{{ row.get('n') }}\n{% endfor %}"
            "{% for row in a %}{{ row.items is callable }}{{ row.items()|list|length }} "
            "{% endfor %}"}) as s:
        yield s


def body(served, path):
    r = get(served.port(), path)
    assert r.status == 200, r.body
    return r.body.decode()


def test_one_place_sees_rows_of_several_kinds(served):
    for _ in range(3):
        lines = body(served, "/of/mixed").splitlines()
        assert [l.split("]")[-1] for l in lines] == [
            "a1", "b&#34;1&#34;", "a2", "b2", "d&lt;", "a3"]
        assert [l.split("|")[:3] for l in lines] == [
            ["[a1", "ta&lt;1&gt;", ""], ["[b&#34;1&#34;", "tb1", "1.5"], ["[a2", "None", ""],
            ["[b2", "tä", "2.0"], ["[d&lt;", "", "7"], ["[a3", "ta&amp;3", ""]]
        assert lines[1].split("|")[3].startswith("i1]")
        assert body(served, "/of/mixed.txt").splitlines() == ["a1ta<1>1", "b\"1\"tb1", "d<"]


def test_columns_may_be_named_like_methods(served):
    """The sandbox shows no attribute that begins with an underscore, but the item."""
    lines = body(served, "/of/names").splitlines()
    keys = "[&#39;text&#39;, &#39;n&#39;, &#39;title&#39;, &#39;items&#39;, &#39;_x&#39;, " \
           "&#39;data&#39;]"
    assert lines == ["i1 i1  x1 tb1 %s True61.5" % keys, "i2 i2  x2 tä %s True62.0" % keys,
                     "True3 True3 True3 "]


def test_json(served):
    assert json.loads(body(served, "/of/json")) == {
        "a": [{"id": 1, "title": "a1", "text": "ta<1>"},
              {"id": 2, "title": "a2", "text": None},
              {"id": 3, "title": "a3", "text": "ta&3"}], "b": ["b\"1\"", "b2"], "first": "tb1"}
    assert body(served, "/keys") == ('[{"with \\"quotes\\"": 1, "\\u00e4<&>": 2, "": 3, '
                                     '"x": 4, "x:1": 5}]')
    assert body(served, "/none") == "[[], null]"


def test_columns_that_have_changed(served):
    """Another program adds one and renames one: rows then have those that are there."""
    assert json.loads(body(served, "/any/1")) == {"id": 1, "title": "a1", "text": "ta<1>"}
    db = sqlite3.connect(served.path("data/a.db"))
    db.executescript("ALTER TABLE a RENAME COLUMN text TO words;"
                     "ALTER TABLE a ADD COLUMN more TEXT DEFAULT 'm';")
    try:
        assert json.loads(body(served, "/any/1")) == {
            "id": 1, "title": "a1", "words": "ta<1>", "more": "m"}
        assert body(served, "/title/3") == "a3"
    finally:
        db.executescript("ALTER TABLE a DROP COLUMN more;"
                         "ALTER TABLE a RENAME COLUMN words TO text;")
        db.close()
    assert json.loads(body(served, "/any/3")) == {"id": 3, "title": "a3", "text": "ta&3"}
    assert body(served, "/title/2") == "a2"


def test_texts_of_every_length(served):
    """Copied and checked in one pass: what is no UTF-8 is replaced, wherever it stands."""
    want, db = [], sqlite3.connect(served.path("data/a.db"))
    for n in range(40):
        for at in (None, 0, n // 2, n - 1):
            for odd in ("", "ä", "€") if at is not None and n else ("",):
                text = "x" * n if not odd else "x" * at + odd + "x" * (n - at - 1)
                want.append(text)
        if n:
            want.append("y" * (n - 1) + "\ufffd")
    rows = [w.encode().replace("\ufffd".encode(), b"\xff") for w in want]
    db.executemany("INSERT INTO bytes(t) VALUES(CAST(? AS TEXT))", [(r,) for r in rows])
    db.commit()
    db.close()
    assert json.loads(body(served, "/bytes")) == want
