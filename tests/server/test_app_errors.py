"""How an application's errors look: error_page, JSON, and what runs again for them."""

import json
import os

import pytest

from harness.modules import load_module

CONF = r"""
session memory zone=s:1m;
server { listen 127.0.0.1:%%PORT%%;
    template_root %%PREFIX%%/templates;
    error_page 403 404 409 @error;
    error_page 418 = @error;
    csrf on;
    set seen = 1;
    require query.stop|default("") == "" else 403 "stopped";
    location @error { template error.html; }

    route GET /page { require false else 409 "taken by <ann>"; text never; }
    route GET /tea { require false else 418 "tea"; text never; }
    route GET /json { require false else 409 "taken"; json 1; }
    route POST /guarded { text in; }
    routes /api { csrf off; route POST /in { text in; } route POST /on { csrf on; text in; } }
    route POST /when { csrf off; when query.check { csrf on; text in; } otherwise { text out; } }
}
"""
PAGE = "{{ vars.status }} {{ vars.error_message }} {{ seen }}"


@pytest.fixture
def s(server):
    return server(CONF, main=load_module("route", "json", "template", "session"),
                  files={"templates/error.html": PAGE})


def test_the_page_has_status_message_and_what_was_set(s):
    r = s.get("/page")
    assert (r.status, r.text) == (409, "409 taken by &lt;ann&gt; 1")
    assert s.get("/nothing").text == "404  1"


def test_an_equals_sign_lets_the_page_say_the_status(s):
    assert s.get("/tea").status == 200


def test_steps_around_do_not_run_again_for_the_page(s):
    r = s.get("/page?stop=1")
    assert (r.status, r.text) == (403, "403 stopped 1")


def test_json_goes_before_error_page(s):
    assert json.loads(s.get("/json").text) == {"error": "taken"}
    r = s.get("/page", "Accept: application/json")
    assert (r.status, json.loads(r.text)) == (409, {"error": "taken by <ann>"})
    assert json.loads(s.get("/nothing", "Accept: application/json").text) == {
        "error": "Not Found"}


@pytest.mark.parametrize("target,status", [
    ("/guarded", 403), ("/api/in", 200), ("/api/on", 403), ("/when", 200),
    ("/when?check=1", 403)])
def test_csrf_off_inside_csrf_on(s, target, status):
    for origin in ("Sec-Fetch-Site: cross-site", "Origin: http://evil.example"):
        assert s.get(target, origin, method="POST").status == status
    assert s.get(target, "Sec-Fetch-Site: same-origin", method="POST").status == 200


DATABASE = r"""
sqlite db %%PREFIX%%/new/folder.db { schema %%PREFIX%%/schema.sql; }
server { listen 127.0.0.1:%%PORT%%;
    route POST /add { sql new = INSERT INTO notes (text) VALUES ({{ query.text }});
                      json new.last_insert_id; }
    routes /notes/{id:int} {
        sql note = SELECT text FROM notes WHERE id = {{ params.id }};
        require note.first else 404 "no note {{ params.id }}";
        route GET /text { json note.first.text; }
        route GET /found { sql n = SELECT count(*) AS n FROM found WHERE found MATCH {{ note.first.text }};
                           json n.first.n; }
    }
}
"""
SCHEMA = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
CREATE VIRTUAL TABLE found USING fts5 (text, content = 'notes', content_rowid = 'id');
CREATE TRIGGER added AFTER INSERT ON notes BEGIN
    INSERT INTO found (rowid, text) VALUES (new.id, new.text);
END;
"""


def test_workers_of_another_user_write_the_database(server):
    """A master that is root gives them the folder and the files, new or not. Its
    triggers fill a full-text index; a group's prefix has parameters and steps."""
    main = load_module("route", "json", "sqlite")
    if os.geteuid() == 0:
        main += "\nuser nobody nogroup;"
    s = server(DATABASE, main=main, files={"schema.sql": SCHEMA, "new": None})
    assert s.get("/add?text=word", method="POST").text == "1"
    assert s.get("/notes/1/text").text == '"word"'
    assert s.get("/notes/1/found").text == "1"
    assert json.loads(s.get("/notes/2/text").text) == {"error": "no note 2"}
    assert s.get("/notes/x/text").status == 404
