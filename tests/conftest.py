"""Fixtures of the server tests.

    def test_hello(server):
        s = server("server { listen 127.0.0.1:%%PORT%%; return 200 hi; }")
        assert s.get("/").body == b"hi"
"""

import os

import pytest

from harness.browser import Browser
from harness.dns import NameServer
from harness.redis import Redis
from harness.server import FRONT, RUNNING, Server, weir_binary
from harness.upstream import Upstream


def pytest_collection_modifyitems(items):
    """The tests of pending.txt are known to fail, and must: one that passes
    makes the suite fail until its line is taken out."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "pending.txt"), encoding="utf-8") as f:
        pending = {line.strip() for line in f
                   if line.strip() and not line.startswith("#")}
    for item in items:
        if item.nodeid in pending:
            item.add_marker(pytest.mark.xfail(
                strict=True, reason="listed in tests/pending.txt"))


# What tests of tests/server run over besides plain HTTP/1.
FRONTS = (None, "tls", "h2s")
ALL_FRONTS = os.environ.get("FRONTS") == "all"


def pytest_generate_tests(metafunc):
    """Every test in server/ runs over each front: the same conf, listening so, and the
    same requests. One that cannot says why, by a marker of it or of its file: `http1`
    where it is about HTTP/1's bytes (TLS carries them as well), `plain` where it is about
    no front or brings its own. Those that are only slow do with FRONTS=all."""
    if os.path.basename(os.path.dirname(metafunc.definition.path)) != "server":
        return
    marks = {m.name for m in metafunc.definition.iter_markers() if m.name in ("http1", "plain")
             and not (ALL_FRONTS and m.args[0].startswith("slow: "))}
    if "plain" not in marks:
        fronts = FRONTS[:2] if marks else FRONTS
        metafunc.parametrize("fronted", fronts, ids=[f or "http" for f in fronts],
                             indirect=True, scope="module")


@pytest.fixture(scope="module")
def fronted(request):
    """The front that the servers of a test listen for. A module's fixture that starts
    servers asks for it, so that it is made for each."""
    FRONT[0] = getattr(request, "param", None)
    return FRONT[0]


@pytest.fixture(autouse=True)
def front_of_this_test(fronted):
    FRONT[0] = fronted
    yield
    FRONT[0] = None


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + call.when, report)
    if report.failed:
        report.sections += [("wrote " + s.prefix, writable(s.tail())) for s in RUNNING]
        told = str(report.longrepr)
        if told != writable(told):
            report.longrepr = writable(told)


def writable(text):
    """Bytes in a log that are no UTF-8 would end the whole run: who gathers the reports
    cannot take them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def failed(request):
    reports = [getattr(request.node, "report_" + when, None)
               for when in ("setup", "call")]
    return any(r is not None and r.failed for r in reports)


@pytest.fixture
def server(request, fronted):
    """A function that starts servers; they are stopped and checked at the end.

    Arguments are Server's.  Options that only the end looks at may be set on
    the result: `s.allow` (alarming log lines that are expected)."""
    if not os.access(weir_binary(), os.X_OK):
        pytest.fail("no binary at %s: run make first, or set WEIR"
                    % weir_binary())
    started = []

    def start(conf, **options):
        s = Server(conf, wait=False, **options)
        started.append(s)
        return s.start()

    yield start
    bad = failed(request)
    problems = []
    for s in reversed(started):
        try:
            if s.process is not None:
                s.stop()
            if not bad:
                s.check()
        except AssertionError as e:
            problems.append(str(e))
        s.remove()
    if problems and not bad:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def upstream():
    """A function that starts recording upstreams (harness/upstream.py)."""
    started = []

    def start(routes=None, **options):
        u = Upstream(routes, **options)
        started.append(u)
        return u

    yield start
    for u in started:
        u.stop()


@pytest.fixture
def nameserver():
    """A function that starts name servers (harness/dns.py)."""
    started = []

    def start(names=None, **options):
        started.append(NameServer(names, **options))
        return started[-1]

    yield start
    for n in started:
        n.stop()


@pytest.fixture
def browser():
    """A headless Chromium (harness/browser.py): `page = browser.page()`."""
    with Browser() as b:
        yield b


@pytest.fixture
def redis():
    """A function that starts redis-servers (harness/redis.py)."""
    started = []

    def start(**more):
        started.append(Redis(**more))
        return started[-1]

    yield start
    for r in started:
        r.remove()
