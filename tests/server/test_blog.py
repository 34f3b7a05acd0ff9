"""conf/blog.conf, as people use it: in a browser, and as a program."""

import json
import os
import re
import sqlite3
import xml.etree.ElementTree as ElementTree

import pytest

from harness.browser import Browser
from harness.server import ROOT, Server

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944"
    "415408d763c8a8510000029a010fb8d0d8b90000000049454e44ae426082")


@pytest.fixture
def blog(request):
    s = Server("events { }", raw=True, wait=False)
    with open(ROOT + "/conf/blog.conf") as f:
        text = f.read().replace("8080", "127.0.0.1:%%PORT%%")
    main = "daemon off; pid logs/server.pid; error_log logs/error.log info;\n"
    if os.geteuid() == 0:
        main += "user root root;\n"
    for name in ("conf", "html"):
        os.rmdir(s.path(name))
        os.symlink(ROOT + "/" + name, s.path(name))
    for name in ("blog", "mime.types"):         # beside the conf
        os.symlink(ROOT + "/conf/" + name, s.path(name))
    os.symlink(os.path.join(os.path.dirname(s.binary), "modules"), s.path("modules"))
    if hasattr(request, "param"):
        request.param(s)
    s.write_conf(main + text)
    s.start()
    yield s
    s.stop()
    s.check()
    s.remove()


def url(s, path=""):
    return s.url + path


def sign_up(s, page, name, password="correct horse"):
    page.goto(url(s, "/signup"))
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click(".card button")
    page.wait_for(".flash", "Welcome, " + name)


def write(page, title, text, tags="", publish=True):
    page.click("nav a.button")
    page.fill("input[name=title]", title)
    page.fill("textarea[name=text]", text)
    page.fill("input[name=tags]", tags)
    if not publish:
        page.click("input[name=publish]")
    page.click(".card button.button")
    page.wait_for(".post h1", title)


def test_a_day_of_the_blog(blog):
    with Browser() as b:
        ann, bob = b.page(), b.page()
        sign_up(blog, ann, "Ann")
        write(ann, "<b>One</b>", "First line\n\nhttps://example.org/ & more", "News, Build")
        assert ann.text(".post h1") == "<b>One</b>"
        assert ann.eval("document.querySelectorAll('.post p a[rel]').length") == 1
        write(ann, "Two", "not yet", publish=False)
        draft = ann.eval("location.pathname")

        # Others see what is published, and may not touch it.
        sign_up(blog, bob, "Bob")
        bob.goto(url(blog, "/"))
        assert bob.eval("document.querySelectorAll('article').length") == 1
        assert bob.goto(url(blog, draft)) == 404
        bob.wait_for("h1", "There is no such page")
        assert bob.goto(url(blog, "/write/1/edit")) == 404
        status = "fetch('/write/1/delete', {method: 'POST'}).then(r => r.status)"
        assert bob.eval(status) == 404

        # Comments; tags; search, whose words are no query language.
        bob.goto(url(blog, "/posts/1"))
        bob.fill(".comments textarea", "I <i>like</i> it")
        bob.click(".comments button.button")
        bob.wait_for(".comment", "I <i>like</i> it")
        bob.goto(url(blog, "/?tag=build"))
        assert bob.eval("document.querySelectorAll('article').length") == 1
        for q, n in (("first", 1), ("FIRST line", 1), ("nothing", 0), ('" OR *', 0)):
            bob.goto(url(blog, "/?q=" + q.replace(" ", "+").replace('"', "%22")))
            assert bob.eval("document.querySelectorAll('article').length") == n, q

        # Edit, delete, log out: what was there is gone for this browser.
        ann.goto(url(blog, draft))
        ann.click(".actions a.button")
        ann.click("input[name=publish]")
        ann.click(".card button.button")
        ann.wait_for(".flash", "Saved.")
        ann.goto(url(blog, "/posts/1"))
        ann.click("button.danger")
        ann.wait_for(".flash", "Deleted.")
        assert ann.goto(url(blog, "/posts/1")) == 404
        ann.goto(url(blog, "/"))
        before = ann.cookies()["blog"]["value"]
        ann.click("nav button")
        ann.wait("document.querySelector('nav a').textContent == 'Log in'")
        assert before not in [c["value"] for c in ann.cookies().values()]
        ann.goto(url(blog, "/write/mine"))
        assert ann.eval("location.pathname") == "/login"
        ann.fill("input[name=name]", "ann")
        ann.fill("input[name=password]", "wrong password")
        ann.click(".card button")
        ann.wait_for(".flash", "Name or password is wrong.")
        ann.fill("input[name=name]", "ann")
        ann.fill("input[name=password]", "correct horse")
        ann.click(".card button")
        ann.wait_for(".flash", "Hello, Ann.")
        for page in (ann, bob):
            assert [e for e in page.errors if "404" not in e] == []


def cookie_of(r):
    return re.match(r"blog=[^;]+", r.get("Set-Cookie")).group(0)


def form(s, target, cookie, body, kind="application/x-www-form-urlencoded"):
    return s.get(target, "Cookie: " + cookie, "Sec-Fetch-Site: same-origin",
                 "Content-Type: " + kind, method="POST", body=body)


def multipart(**parts):
    body = b""
    for name, value in parts.items():
        head = 'Content-Disposition: form-data; name="%s"' % name
        if isinstance(value, tuple):
            head += '; filename="%s"\r\nContent-Type: %s' % value[:2]
            value = value[2]
        body += b"--B\r\n" + head.encode() + b"\r\n\r\n" + (
            value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + b"--B--\r\n"


def test_pictures_are_files_of_posts_that_exist(blog):
    cookie = cookie_of(form(blog, "/signup", "", "name=ann&password=secretsecret"))
    kind = "multipart/form-data; boundary=B"

    def post(title, *image):
        return form(blog, "/write/new", cookie,
                    multipart(title=title, text="x", publish="yes", image=image), kind)

    r = post("with", "a.png", "image/png", PNG)
    assert r.status == 303
    src = re.search(r'src="(/uploads/[^"]+)"', blog.get("/posts/1").text).group(1)
    r = blog.get(src)
    assert (r.status, r.body, r.get("Content-Type")) == (200, PNG, "image/png")
    # Refused, by the check and by the database: nothing stays.
    assert post("", "a.png", "image/png", PNG).status == 400
    assert post("x" * 300, "a.png", "image/png", PNG).status == 409
    assert post("script", "a.html", "text/html", b"<script>").status == 415
    assert len(os.listdir(blog.path("data/uploads"))) == 1
    assert post("none", "", "application/octet-stream", b"").status == 303


def test_the_api(blog):
    cookie = cookie_of(form(blog, "/signup", "", "name=ann&password=secretsecret"))
    assert form(blog, "/write/key", cookie, "").status == 303
    page = blog.get("/write/mine", "Cookie: " + cookie).text
    key = re.search(r"Your key for the API: ([\w-]+)", page).group(1)

    def call(method, path, *headers, **body):
        r = blog.get("/api" + path, "Content-Type: application/json", *headers,
                     method=method, body=json.dumps(body) if body else None)
        return r.status, json.loads(r.text)

    auth = "Authorization: Bearer " + key
    assert call("POST", "/posts", title="t", text="x")[0] == 401
    assert call("POST", "/posts", auth, title="Draft", text="x") == (201, {"id": 1})
    assert call("POST", "/posts", auth, title="Post", text="y", publish=True)[0] == 201
    assert [p["id"] for p in call("GET", "/posts")[1]["posts"]] == [2]
    assert call("GET", "/posts/1")[0] == 404
    assert call("GET", "/posts/1", auth)[1]["title"] == "Draft"
    assert call("POST", "/posts", auth, title="no text")[1] == {
        "error": "'dict object' has no attribute 'text'"}
    assert call("DELETE", "/posts/2", auth) == (200, {"deleted": 2})
    assert call("DELETE", "/posts/2", auth)[0] == 404


def test_guessing_passwords_is_slow(blog):
    statuses = [form(blog, "/login", "", "name=x&password=guess%d" % i).status
                for i in range(8)]
    assert statuses[:6] == [303] * 6 and statuses[6:] == [429, 429]


def test_the_feed(blog):
    cookie = cookie_of(form(blog, "/signup", "", "name=ann&password=secretsecret"))
    form(blog, "/write/new", cookie, "title=A+%26+b&text=%3Cx%3E&publish=yes")
    r = blog.get("/feed.xml")
    feed = ElementTree.fromstring(r.body)
    atom = "{http://www.w3.org/2005/Atom}"
    assert r.get("Content-Type") == "application/atom+xml"
    assert feed.find(atom + "entry/" + atom + "title").text == "A & b"
    assert feed.find(atom + "entry/" + atom + "content").text == "<x>"


def old_database(s):
    """As the blog was before it had keys."""
    with open(ROOT + "/conf/blog/schema.sql") as f:
        schema = f.read()
    schema = re.sub(r",\n    api_key.*\n", "\n", schema)
    schema = re.sub(r"CREATE UNIQUE INDEX users_by_key.*\n", "", schema)
    db = sqlite3.connect(s.path("data/blog.db"))
    db.executescript(schema)
    db.execute("INSERT INTO users (name, password) VALUES ('old', 'x')")
    db.commit()
    db.close()


@pytest.mark.parametrize("blog", [old_database], indirect=True)
def test_an_old_database_is_brought_up_to_date(blog):
    assert blog.get("/api/posts").status == 200
    with sqlite3.connect(blog.path("data/blog.db")) as db:
        assert db.execute("SELECT name, api_key FROM users").fetchall() == [("old", None)]
