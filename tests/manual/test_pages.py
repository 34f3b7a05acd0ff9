"""What is made of the tables: up to date, whole, and without a broken link."""

import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

from build.tools import BUILT, ROOT, configure, make, options_of, run
from harness.browser import Browser
from harness.server import Server

from manual.tables import around, check, directives, free, loads, make_folder, rows, tables

TREE = pathlib.Path(ROOT)
HTML = TREE / "html"
GUIDES = sorted((TREE / "manual").glob("*.md"))
PAGES = sorted(HTML.glob("**/*.html"))


def test_up_to_date(tmp_path):
    run("auto/dev/manual", BUILT, tmp_path)
    made = [p for p in sorted(tmp_path.glob("**/*")) if p.is_file()]
    assert len(made) > 50
    old = []
    for path in made:
        name = path.relative_to(tmp_path)
        if not (TREE / name).exists() or (TREE / name).read_text() != path.read_text():
            old.append(str(name))
    assert old == [], "run \"make manual\" and commit what it writes"


# Links

class Links(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get("id"):
            assert attrs["id"] not in self.ids, "the id %s twice" % attrs["id"]
            self.ids.add(attrs["id"])
        self.links += [attrs[a] for a in ("href", "src") if attrs.get(a)]


def target_of(page, link):
    """The file that a link names, in html/; None for one that is outside."""
    url = urllib.parse.urlsplit(link)
    if url.scheme or url.netloc:
        return None
    path = urllib.parse.unquote(url.path)
    if not path:
        return page
    base = HTML / path[1:] if path.startswith("/") else page.parent / path
    return base / "index.html" if path.endswith("/") else base


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HTML)))
def test_links_resolve(page):
    bad = []
    for link in Links(page).links:
        target = target_of(page, link)
        if target is None or link in ("/status", "/status?format=prometheus"):
            continue
        fragment = urllib.parse.unquote(urllib.parse.urlsplit(link).fragment)
        if not target.exists():
            bad.append(link)
        elif fragment and fragment not in Links(target).ids:
            bad.append(link)
    assert bad == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HTML)))
def test_no_outside_resource(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?:src=|<link[^>]*href=|url\(|@import)\s*[\"']?(?:https?:)?//", text)


def test_every_directive_has_its_entry():
    missing = []
    for module, d in directives():
        page = HTML / "manual" / (re.sub("_module$", "", module["name"]) + ".html")
        if d["name"] not in Links(page).ids:
            missing.append((module["name"], d["name"]))
    assert missing == []


def test_pages_are_linked():
    for page in ("index.html", "tutorial/index.html"):
        assert any("manual/" in link for link in Links(HTML / page).links), page
    assert "html/manual/" in (TREE / "README.md").read_text()


# Guides

def fences(kind):
    for path in GUIDES:
        text = path.read_text(encoding="utf-8")
        for n, m in enumerate(re.finditer(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", text,
                                          re.M | re.S)):
            if m.group(1) == kind:
                yield pytest.param(m.group(2), m.group(3), id="%s-%d" % (path.stem, n))


@pytest.fixture(scope="module")
def folder():
    prefix = make_folder()
    yield prefix
    shutil.rmtree(prefix, ignore_errors=True)


@pytest.mark.parametrize("context, text", fences("nginx"))
def test_confs_of_guides(folder, context, text):
    conf = free(text) if context == "main" else around(text, context)
    out = check(folder, conf, "guide-%d.conf" % os.getpid())
    assert out.returncode == 0, out.stderr + "\n" + conf


def test_guides_have_confs():
    assert len(GUIDES) >= 5
    assert len(list(fences("nginx"))) >= 15


def test_module_of_the_guide(tmp_path):
    """Built as its reader would build it, and asked."""
    (code,) = [p.values[1] for p in fences("c")]
    folder = tmp_path / "visits"
    folder.mkdir()
    (folder / "visits.c").write_text(code)
    sanitizer = [o for o in options_of(BUILT) if o.startswith("--with-sanitizer")]
    configure(tmp_path / "b", "--add-dynamic-module=%s" % folder, "--with-werror",
              *sanitizer)
    file = tmp_path / "b" / "modules" / "http_visits_module.so"
    make(tmp_path / "b", file)
    server = Server("server { listen 127.0.0.1:%%PORT%%; visits_start 10;\n"
                    "location / { visits; } location /b { visits; visits_text seen:; } }",
                    main="load_module %s;" % file)
    try:
        assert server.get("/").body == b"visits: 11\n"
        assert server.get("/b").body == b"seen: 12\n"
    finally:
        server.stop()
        server.check()
        server.remove()


# Man pages

@pytest.mark.parametrize("name", ["weir.8", "weir.conf.5", "weir-render.1"])
def test_man_pages_are_clean(name):
    out = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-k", str(TREE / "man" / name)],
                         capture_output=True, timeout=60, check=False)
    assert out.returncode == 0
    assert out.stderr == b""
    text = re.sub(r"\x1b\[[\d;]*m|.\x08", "", out.stdout.decode())
    assert "NAME" in text and "SEE ALSO" in text


def test_man_page_of_the_conf_has_every_directive():
    text = (TREE / "man" / "weir.conf.5").read_text()
    assert [d["name"] for _, d in directives()
            if "\n\\fB%s\\fR" % d["name"] not in text] == []


def test_every_option_is_in_the_manual():
    out = subprocess.run([os.path.join(BUILT, "weir"), "-h"], capture_output=True,
                         text=True, timeout=10, check=False)
    page = (HTML / "manual" / "command-line.html").read_text()
    options = set(re.findall(r"^  (--?[\w?-]+)", out.stderr, re.M))
    assert len(options) > 10
    assert [o for o in sorted(options)
            if not re.search(r"[>\s]%s[,<\s]" % re.escape(o), page)] == []


# Editors

def test_vscode():
    folder = TREE / "contrib" / "vscode"
    package = json.loads((folder / "package.json").read_text())
    for grammar in package["contributes"]["grammars"]:
        path = folder / grammar["path"]
        repository = json.loads(path.read_text())["repository"]
        known = set()
        for part in ("directive", "block"):
            pattern = repository[part]["match"]
            re.compile(pattern)
            known |= set(re.search(r"\((?!\?)([^()]*)\)", pattern).group(1).split("|"))
        assert {d["name"] for _, d in directives()} <= known
    for language in package["contributes"]["languages"]:
        json.loads((folder / language["configuration"]).read_text())


def test_vim():
    text = (TREE / "contrib" / "vim" / "syntax" / "weir.vim").read_text()
    known = set()
    for line in re.findall(r"^syn keyword \w+ contained (.*)$", text, re.M):
        known |= set(line.split())
    assert {d["name"] for _, d in directives()} <= known


def test_vim_takes_it(tmp_path):
    """It is loaded without an error, and knows a directive when it sees one."""
    (tmp_path / "weir.conf").write_text("location / { proxy_pass http://a; }\n# end\n")
    out = tmp_path / "out"
    subprocess.run(["vim", "-N", "-u", "NONE", "-es", "-c", "set rtp^=%s" % (
        TREE / "contrib" / "vim"), "-c", "filetype plugin on", "-c", "syntax on",
        "-c", "e %s" % (tmp_path / "weir.conf"), "-c",
        "call writefile([&ft, synIDattr(synID(1, 15, 0), 'name'), "
        "synIDattr(synID(1, 2, 0), 'name'), synIDattr(synID(2, 3, 0), 'name')], '%s')" % out,
        "-c", "qa!"], timeout=30, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert out.read_text().split() == ["weir", "weirDirective", "weirBlock", "weirComment"]


# In a browser

@pytest.fixture(scope="module")
def served():
    server = Server("server { listen 127.0.0.1:%%PORT%%; root " + str(HTML) + "; }",
                    http="include %s;" % (TREE / "conf" / "mime.types"))
    yield "http://127.0.0.1:%d/" % server.port()
    server.stop()
    server.check()
    server.remove()


def test_in_a_browser(served):
    """The filter works; nothing is wider than a telephone; no error."""
    with Browser() as browser:
        page = browser.page()
        assert page.goto(served + "manual/directives.html") == 200
        rows_ = "[...document.querySelectorAll('main tr')].filter(r => !r.hidden).length"
        assert page.eval(rows_) == len(list(directives()))
        page.fill("input[type=search]", "proxy_pass_header")
        page.wait(rows_ + " == 1")
        assert page.errors == []
        page = browser.page(400, 800)
        for name in ("index", "http_proxy", "http_session", "expressions", "command-line",
                     "from-nginx", "security"):
            assert page.goto(served + "manual/%s.html" % name) == 200
            assert page.eval("document.documentElement.scrollWidth") <= 400, name
        assert page.errors == []


def test_counts():
    """Nothing of the tables is left out."""
    page = (HTML / "manual" / "expressions.html").read_text()
    assert page.count('class="entry small"') == sum(
        len(list(rows(kind))) for kind in ("functions", "filters", "tests"))
    assert loads().count("load_module") == sum("load" in m for m in tables()["modules"])
