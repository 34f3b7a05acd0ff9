"""The harness's browser against this server: what other tests rely on."""

import pytest

from harness.browser import BrowserError

PAGE = """<!doctype html><title>form</title>
<form action=/next><input name=user value=old><button>Go</button></form>
<div id=out></div><img src=/missing.png>
<script>document.querySelector('input').oninput = e => {
    document.querySelector('#out').textContent = e.target.value; };
console.error('said', 7);</script>"""

CONF = """server { listen 127.0.0.1:%%PORT%%; default_type text/html; root html;
    location = /next { add_header Set-Cookie "a=$arg_user; HttpOnly";
                       return 200 "<h1>Hello $arg_user</h1>"; }
    location = /gone { return 410 "<p>gone</p>"; } }"""


def test_page(server, browser):
    s = server(CONF, files={"html/index.html": PAGE}, http="types { text/html html; }")
    url = s.url
    page = browser.page()
    assert page.goto(url + "/") == 200
    assert page.eval("document.title") == "form"
    assert page.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol") == (
        "h2" if s.protocol == "HTTP/2.0" else "http/1.1")
    page.fill("input", "ann")
    page.wait_for("#out", "ann")
    page.click("button")
    page.wait_for("h1", "Hello ann")
    assert page.document == 200 and page.text("h1") == "Hello ann"
    assert page.cookies()["a"]["value"] == "ann" and page.cookies()["a"]["httpOnly"]
    assert (url + "/missing.png", 404) in page.responses
    assert any("404" in e for e in page.errors) and "said 7" in page.errors
    assert all(u.startswith(url) for u in page.requests)
    assert page.goto(url + "/gone") == 410
    assert browser.page().cookies() == {}       # a tab of its own shares nothing


def test_failures_are_told(server, browser):
    page = browser.page()
    with pytest.raises(BrowserError, match="ERR_"):
        page.goto("http://127.0.0.1:1/")
    with pytest.raises(BrowserError, match="not in time"):
        page.wait("false", 0.1)
    with pytest.raises(BrowserError, match="no_such_name"):
        page.eval("no_such_name")
    with pytest.raises(BrowserError, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.org/")
