"""A login as people do it: forms, cookies and other sites, in a real browser."""

import pytest

from harness.modules import load_module

MODULES = load_module("route", "json", "session", "sqlite", "template")

PAGE = """<!doctype html><title>site</title><h1>Hello, {{ session.user|default("nobody") }}</h1>
<form id=login method=post action=/login><input name=user><input name=password type=password>
<input type=hidden name=csrf_token value="{{ csrf_token() }}"><button>In</button></form>
<form id=logout method=post action=/logout><button>Out</button></form>
<p id=n>{{ session.visits|default(0) }}</p>"""

CONF = """
session %%STORE%% max_age=1h;
server {
    listen 127.0.0.1:%%PORT%%;
    route GET / { set session.visits = session.visits|default(0) + 1; template page.html; }
    route POST /users { sql INSERT INTO users VALUES({{ json.user }},
        {{ hash_password(json.password) }}); json true; }
    route POST /login {
        csrf on;
        sql found = SELECT password FROM users WHERE name = {{ form.user }};
        set known = found.first.password if found.first else none;
        set good = verify_password(form.password, known);
        require good else 403;
        session_regenerate;
        set session.user = form.user;
        redirect /;
    }
    route POST /logout { csrf on; session_destroy; redirect /; }
    route GET /who { json session.user|default(none); }
}
server {        # another site, which would do things in the user's name
    listen 127.0.0.1:%%PORT2%%;
    location / { default_type text/html; return 200 "<form id=f method=post
        action=$arg_site/logout><button>Win a prize</button></form>"; }
}"""

FILES = {"templates/page.html": PAGE,
         "users.sql": "CREATE TABLE users(name TEXT PRIMARY KEY, password TEXT);"}
HTTP = "template_root templates; sqlite app data/app.db { schema users.sql; }"


@pytest.fixture(params=["memory zone=s:1m", "redis", "sqlite:app"])
def site(request, server, redis):
    store = request.param
    if store == "redis":
        store = "redis://127.0.0.1:%d" % redis().port
    return server(CONF, main=MODULES, http=HTTP, files=FILES, names={"STORE": store},
                  workers=2)


def make_user(s, name, password):
    r = s.get("/users", "Content-Type: application/json", method="POST",
              body=b'{"user": "%s", "password": "%s"}' % (name, password))
    assert r.status == 200


def log_in(page, name, password):
    page.fill("#login input[name=user]", name)
    page.fill("#login input[name=password]", password)
    page.click("#login button")


def test_login(site, browser):
    url = site.url
    make_user(site, b"ann", b"secret")
    page = browser.page()
    assert page.goto(url + "/") == 200
    assert page.text("h1") == "Hello, nobody"
    before = page.cookies()["AIOHTTP_SESSION"]
    assert before["httpOnly"] and before["sameSite"] == "Lax" and before["secure"] == (site.scheme == "https")
    assert page.eval("document.cookie") == ""

    log_in(page, "ann", "wrong")
    page.wait("document.title.includes('403')")
    assert page.document == 403
    log_in_again(page, url)
    after = page.cookies()["AIOHTTP_SESSION"]
    assert after["value"] != before["value"]            # a new id at login
    assert int(page.text("#n")) >= 2                    # with what was in it
    # The former id is worth nothing any more.
    assert site.get("/who", "Cookie: AIOHTTP_SESSION=" + before["value"]).text == "null"
    assert site.get("/who", "Cookie: AIOHTTP_SESSION=" + after["value"]).text == '"ann"'

    # A page of another site cannot log the user out.
    page.goto("%s://localhost:%d/?site=%s" % (site.scheme, site.port("PORT2"), site.url))
    page.click("#f button")
    page.wait("location.pathname == '/logout'")
    assert page.document == 403
    page.goto(url + "/")
    assert page.text("h1") == "Hello, ann"

    page.click("#logout button")
    page.wait_for("h1", "Hello, nobody")
    assert site.get("/who", "Cookie: AIOHTTP_SESSION=" + after["value"]).text == "null"
    assert page.cookies()["AIOHTTP_SESSION"]["value"] != after["value"]


def log_in_again(page, url):
    page.goto(url + "/")
    log_in(page, "ann", "secret")
    page.wait_for("h1", "Hello, ann")


def test_scripts(site, browser):
    """fetch() of the same site passes csrf; that of another is refused."""
    url = site.url
    page = browser.page()
    page.goto(url + "/")
    assert page.eval("fetch('/logout', {method: 'POST', redirect: 'manual'})"
                     ".then(r => r.type)") == "opaqueredirect"
    page.goto("%s://localhost:%d/?site=%s" % (site.scheme, site.port("PORT2"), site.url))
    page.eval("fetch('%s/logout', {method: 'POST', mode: 'no-cors', "
              "credentials: 'include'}).then(r => r.type)" % url)
    assert (url + "/logout", 403) in page.responses
