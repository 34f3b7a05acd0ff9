"""weir_dev: reload on change, and errors that say where they are."""

import json
import os
import time

import pytest

from harness.modules import load_module

CONF = r"""
sqlite db %%PREFIX%%/data/d.db { schema %%PREFIX%%/schema/s.sql; }
server { listen 127.0.0.1:%%PORT%%;
    template_root %%PREFIX%%/templates;
    error_page 500 /50x.html;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    route GET /page { set items = [1, 2]; set password = headers.x_secret; template inner/page.html; }
    route GET /value { text "{{ 1 / 0 }}"; }
    route GET /json { json 1 / 0; }
    route GET /sql { sql INSERT INTO t (id) VALUES (1), (1); text never; }
    route GET /ok { text one; }
}
"""
MAIN = load_module("route", "json", "template", "sqlite")
FILES = {"templates/base.html": "base\n{% block b %}{% endblock %}\n",
         "templates/inner/page.html": "{% extends 'base.html' %}\n{% block b %}\n"
                                      "{{ items.nothing.at_all }}\n{% endblock %}\n",
         "schema/s.sql": "CREATE TABLE t (id INTEGER PRIMARY KEY);", "html/50x.html": "sorry"}


@pytest.fixture
def dev(server):
    return server(CONF, main=MAIN + "\nweir_dev on;", files=FILES, workers=3)


def test_a_page_shows_the_template_and_the_conf(dev):
    r = dev.get("/page?a=%3Cb%3E", "Authorization: Bearer key", "X-Secret: hush")
    assert r.status == 500 and r.get("Content-Type") == "text/html; charset=utf-8"
    page = r.text
    assert "has no attribute &#39;nothing&#39;" in page
    assert "/templates/inner/page.html, line 3" in page
    assert "{{ items.nothing.at_all }}" in page and "test.conf, line " in page
    assert "/page?a=%3Cb%3E" in page and "[1, 2]" in page
    assert "hush" not in page and "Bearer" not in page


@pytest.mark.parametrize("target,words", [
    ("/value", "ZeroDivisionError: division by zero"),
    ("/sql", "UNIQUE constraint failed: t.id")])
def test_a_place_has_its_line_and_a_caret(dev, target, words):
    page = dev.get(target).text
    assert words in page and '<span class="at">' in page and "^</span>" in page


def test_json_has_the_place_too(dev):
    r = json.loads(dev.get("/json").text)
    assert r["error"] == "Internal Server Error"
    assert r["detail"].startswith("ZeroDivisionError") and "test.conf:" in r["at"]


def test_only_this_machine_is_shown_it(dev):
    r = dev.get("/value", "X-Real-IP: 192.0.2.1")
    assert (r.status, r.text) == (500, "sorry")


def test_without_it_nothing_is_shown(server):
    s = server(CONF, main=MAIN, files=FILES)
    assert s.get("/value").text == "sorry"
    assert json.loads(s.get("/json").text) == {"error": "Internal Server Error"}


def becomes(s, target, text):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if s.get(target).text == text:
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def write(s, name, text):
    with open(s.path(name + ".new"), "w") as f:
        f.write(text)
    os.rename(s.path(name + ".new"), s.path(name))


def test_a_change_reloads_and_a_mistake_leaves_the_old_conf(dev):
    assert len(dev.workers()) == 1
    conf = dev.read("test.conf")
    conf = conf if isinstance(conf, str) else conf.decode()
    write(dev, "test.conf", conf.replace("text one", "text two"))
    assert becomes(dev, "/ok", "two")
    write(dev, "test.conf", conf.replace("text one", "txt three"))
    end = time.monotonic() + 10
    while 'unknown directive "txt"' not in dev.error_log() and time.monotonic() < end:
        time.sleep(0.05)
    assert 'unknown directive "txt"' in dev.error_log()
    assert dev.get("/ok").text == "two"
    write(dev, "test.conf", conf.replace("text one", "text four"))
    assert becomes(dev, "/ok", "four")
    before = dev.error_log().count("reconfiguring")
    write(dev, "templates/inner/other.html", "x")
    write(dev, "schema/s.sql", FILES["schema/s.sql"] + "\n")
    end = time.monotonic() + 10
    while dev.error_log().count("reconfiguring") == before and time.monotonic() < end:
        time.sleep(0.05)
    assert dev.error_log().count("reconfiguring") > before
    dev.allow.append("unknown directive")
