"""conf/tutorial.conf beside the same programs in aiohttp (tests/aiohttp/programs.py):
the same requests to both, the same answers."""

import json
import os
import re
import socket
import subprocess
import time

import pytest

from harness import http1, ports
from harness.server import ROOT, Server

PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def sites(fronted, tmp_path_factory):
    """(weir, port of aiohttp, aiohttp's folder)"""
    with open(ROOT + "/conf/tutorial.conf") as f:
        text = f.read().replace("8080", "%%PORT%%").replace("8010", "%%PORT2%%")
    text = text.replace("worker_processes  auto;", "daemon off; worker_processes 1; "
                        "pid logs/server.pid; error_log logs/error.log info; user root;"
                        if os.geteuid() == 0 else
                        "daemon off; worker_processes 1; pid logs/server.pid;")
    s = Server(text, raw=True, wait=False)
    for name in ("tutorial.sql", "mime.types", "templates"):
        os.symlink(ROOT + "/conf/" + name, s.path(name))
    os.symlink(ROOT + "/conf/templates", s.path("conf/templates"))
    os.rmdir(s.path("html"))
    os.symlink(ROOT + "/html", s.path("html"))
    s.write_conf(re.sub(r"modules/(http_\w+\.so)", ROOT + r"/objs/modules/\1", text)
                 if "WEIR" not in os.environ else re.sub(
                     r"modules/(http_\w+\.so)",
                     os.path.dirname(os.path.abspath(os.environ["WEIR"])) + r"/modules/\1", text))
    s.start()
    folder, port = tmp_path_factory.mktemp("aiohttp"), ports.free_port()
    peer = subprocess.Popen([PYTHON, ROOT + "/tests/aiohttp/programs.py", str(port),
                             str(s.port("PORT2")), str(folder)])
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield s, port, folder
    peer.terminate()
    peer.wait(20)
    s.stop()
    s.check()
    s.remove()


def both(sites, target, *headers, **more):
    s, port, _ = sites
    return (http1.get(s.port(), target, *headers, timeout=20, **more),
            http1.get(port, target, *headers, timeout=20, **more))


def same(sites, target, *headers, **more):
    a, b = both(sites, target, *headers, **more)
    assert a.status == b.status
    assert a.body == b.body
    assert a.get("Content-Type") == b.get("Content-Type")
    assert a.get("Content-Length") == b.get("Content-Length")
    return a


@pytest.mark.parametrize("target", [
    "/tutorial/hello", "/tutorial/hello/ann?page=2", "/tutorial/hello/ann",
    "/tutorial/hello/ann?page=", "/tutorial/hello/ann?page=1&page=2", "/tutorial/hello/a%20b?page=a+b",
    "/tutorial/hello/%C3%A9?page=%C3%A9", "/tutorial/hello/a.b-c_d~?x=1", "/tutorial/hello/a%3Fb",
    "/tutorial/hello/%26lt;?page=<b>", "/tutorial/hello/ann?page=%26%3D"])
def test_texts(sites, target):
    same(sites, target)
    head = both(sites, target, method="HEAD")
    assert head[0].status == head[1].status and head[0].body == head[1].body == b""
    assert head[0].get("Content-Length") == head[1].get("Content-Length")


@pytest.mark.parametrize("value", [
    None, True, False, 0, -1, 1.5, 1e300, "", "é\U0001f600\x01\"\\/", [], {}, [1, [2, {"a": None}]],
    {"b": 1, "a": {"c": []}}, 12345678901234567])
@pytest.mark.parametrize("kind", ["application/json", "text/plain",
                                  "application/x-www-form-urlencoded"])
def test_json(sites, value, kind):
    same(sites, "/tutorial/json", "Content-Type: " + kind, method="POST",
         body=json.dumps({"key": value, "other": 1}))


def test_json_in_another_charset(sites):
    same(sites, "/tutorial/json", "Content-Type: application/json; charset=latin1",
         method="POST", body='{"key": "é"}'.encode("latin-1"))


@pytest.mark.parametrize("body", ["", "{", "[]", "1", '{"no": 1}', "{'key': 1}", '{"key": nan}'])
def test_errors_are_better(sites, body):
    """aiohttp answers what a client did wrong with 500."""
    a, b = both(sites, "/tutorial/json", method="POST", body=body)
    assert (a.status, b.status) == (400, 500)
    assert json.loads(a.text)["error"]


@pytest.mark.parametrize("method,target", [
    ("POST", "/tutorial/hello"), ("DELETE", "/tutorial/json"), ("GET", "/tutorial/json"),
    ("GET", "/tutorial/hello/"), ("GET", "/tutorial/hello/a/b"), ("GET", "/tutorial/nothing")])
def test_what_is_not_there(sites, method, target):
    a, b = both(sites, target, method=method)
    assert a.status == b.status
    if b.status == 405:
        methods = [set(re.split(r",\s*", r.get("Allow"))) - {"OPTIONS"} for r in (a, b)]
        assert methods[0] == methods[1]


@pytest.mark.parametrize("name", ["ann", "%3Cb%3E%26%22%27", "%C3%A9"])
def test_a_page(sites, name):
    for _ in range(5):          # the clock may tick between the two
        a, b = both(sites, "/tutorial/page/" + name)
        if a.body == b.body:
            break
    assert a.body.rstrip(b"\n") == b.body.rstrip(b"\n")
    assert (a.status, a.get("Content-Type")) == (b.status, b.get("Content-Type"))


def test_fetch(sites):
    a = same(sites, "/tutorial/fetch")
    assert a.text == "page /hello\n"


def test_scrape(sites):
    s, _, folder = sites
    a, b = both(sites, "/tutorial/scrape", method="POST", body="")
    assert a.text == b.text == '{"stored": [true, true, true, true, true, true]}'
    for n in range(6):
        mine = s.read("data/page-%d.html" % n)
        assert mine == (folder / ("page-%d.html" % n)).read_text() == "page /p%d\n" % n


@pytest.mark.plain("slow: about times")
def test_gather_takes_as_long_as_its_slowest(sites):
    for r in both(sites, "/tutorial/gather"):
        took = json.loads(r.text)
        assert took["done"] is True
        assert max(took["one"], took["two"]) <= took["three"] + 0.1
        assert took["one"] + took["two"] + took["three"] > took["three"] * 1.3


@pytest.mark.plain("slow: about times")
def test_wait_tells_done_from_pending(sites):
    a, b = both(sites, "/tutorial/wait")
    assert json.loads(a.text) == json.loads(b.text)
    assert json.loads(a.text)["pending"] == 1


def test_every_button_of_the_page(sites, browser):
    s = sites[0]
    page = browser.page()
    assert page.goto(s.url + "/tutorial/") == 200
    n = page.eval("document.querySelectorAll('section button').length")
    assert n == 12
    for i in range(n):
        page.eval("document.querySelectorAll('section button')[%d].click()" % i)
    page.wait("[...document.querySelectorAll('output')].every(o => /^\\d+ in/.test(o.textContent))")
    statuses = page.eval("[...document.querySelectorAll('output')].map(o => o.textContent.slice(0, 3))")
    assert sorted(statuses) == ["200"] * 11 + ["409"]
    assert page.text("#store").startswith(("shared memory", "the Redis"))
    assert [e for e in page.errors if "409" not in e] == []
