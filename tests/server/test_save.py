"""save: an upload or a text becomes a file, whole or not at all, where it may."""

import os

import pytest

from harness.http1 import wait_until
from harness.modules import load_module

CONF = r"""
sqlite db data/d.db { schema %%PREFIX%%/s.sql; }
server { listen 127.0.0.1:%%PORT%%;
    location = /page { return 200 page; }
    route POST /text { save query.text to data/out/{{ query.name }}; text saved; }
    route POST /fail { save "x" to data/out/{{ query.name }}; require false else 409; text never; }
    route POST /any { save "x" to data/{{ query.name }}; text saved; }
    route POST /store { fetch f = http://127.0.0.1:%%PORT%%/page { store data/{{ query.name }}; }
                        text stored; }
    route POST /what { save 5 to data/x; text never; }
}
"""


@pytest.fixture
def s(server):
    return server(CONF, main=load_module("route", "sqlite", "fetch"),
                  files={"s.sql": "CREATE TABLE t (id INTEGER PRIMARY KEY);"})


def post(s, target):
    return s.get(target, method="POST").status


def test_a_text_becomes_a_file_in_a_new_folder(s):
    assert post(s, "/text?name=a/b.txt&text=hello") == 200
    assert s.read("data/out/a/b.txt") in ("hello", b"hello")
    assert os.listdir(s.path("data/out/a")) == ["b.txt"]


def test_a_request_that_fails_leaves_nothing_new(s):
    assert post(s, "/fail?name=new") == 409
    # It is taken back when the request ends, which is behind its answer.
    wait_until(lambda: os.listdir(s.path("data/out")) == [])
    assert post(s, "/text?name=old&text=1") == 200
    assert post(s, "/fail?name=old") == 409
    assert os.listdir(s.path("data/out")) == ["old"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "", "a/"])
def test_names_that_lead_elsewhere(s, name):
    assert post(s, "/text?text=1&name=" + name) == 400


@pytest.mark.parametrize("how", ["any", "store"])
@pytest.mark.parametrize("name", ["d.db", "d.db-wal", "d.db-journal"])
def test_a_database_is_not_written_over(s, how, name):
    assert post(s, "/%s?name=%s" % (how, name)) == 403
    assert "belongs to a database" in s.error_log()


def test_what_is_no_file(s):
    assert post(s, "/what") == 500
    assert '"save" takes an upload' in s.error_log()
