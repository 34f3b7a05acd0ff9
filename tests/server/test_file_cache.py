"""open_file_cache: what each worker keeps, seen from outside by the descriptors of
large files (small ones are kept in memory)."""

import os

import pytest

from harness.http1 import wait_until
from harness.server import open_files

BIG = "x" * 300_000                 # more than is kept in memory
NAMES = ["f%d" % i for i in range(6)]
FILES = {"html/%s" % n: BIG for n in NAMES}


def conf(lines):
    return ("server { listen 127.0.0.1:%%PORT%%; root html;\n"
            "location / { " + lines + " } }")


def kept(s):
    """Names of the files in html/ that a worker has open."""
    pid = (s.workers() or [s.pid()])[0]
    return {os.path.basename(path) for path in open_files(pid) if "/html/" in path}


def get(s, name, status=200):
    assert s.get("/" + name).status == status


def test_max_keeps_the_newest(server):
    s = server(conf("open_file_cache max=2;"), files=FILES)
    for n in NAMES:
        get(s, n)
    assert wait_until(lambda: kept(s) == {"f4", "f5"}), kept(s)
    get(s, "f4")
    get(s, "f0")
    assert wait_until(lambda: kept(s) == {"f4", "f0"}), kept(s)


def test_each_directive_has_its_own_room(server):
    s = server("server { listen 127.0.0.1:%%PORT%%; root html;\n"
               "location /f0 { open_file_cache max=1; }\n"
               "location /f1 { open_file_cache max=1; } }", files=FILES)
    get(s, "f0")
    get(s, "f1")
    assert wait_until(lambda: kept(s) == {"f0", "f1"}), kept(s)


@pytest.mark.plain("slow: about times")
def test_inactive(server):
    s = server(conf("open_file_cache max=10 inactive=1s;"), files=FILES)
    get(s, "f0")
    assert wait_until(lambda: kept(s) == {"f0"})
    assert wait_until(lambda: not kept(s), 10)


def test_min_uses(server):
    s = server(conf("open_file_cache max=10; open_file_cache_min_uses 3;"), files=FILES)
    get(s, "f0")
    get(s, "f0")
    get(s, "f1")
    assert wait_until(lambda: not kept(s)), kept(s)
    get(s, "f0")
    assert wait_until(lambda: kept(s) == {"f0"}), kept(s)


def test_small_files_are_right_whatever_their_uses(server):
    s = server(conf("open_file_cache max=10; open_file_cache_min_uses 2;"),
               files={"html/a": "one"})
    for _ in range(4):
        assert s.get("/a").body == b"one"
    with open(s.path("html/a"), "w") as f:
        f.write("three")
    assert wait_until(lambda: s.get("/a").body == b"three")


@pytest.mark.plain("slow: about times")
def test_errors_are_believed_for_a_while(server):
    s = server(conf("open_file_cache max=10; open_file_cache_errors on; "
                    "open_file_cache_valid 2s;"))
    get(s, "new", 404)
    with open(s.path("html/new"), "w") as f:
        f.write("there")
    get(s, "new", 404)
    assert wait_until(lambda: s.get("/new").status == 200, 10)
    assert s.get("/new").body == b"there"
    assert '"%s" failed (2: No such file' % s.path("html/new") in s.error_log()


def test_errors_are_not_believed_by_default(server):
    s = server(conf("open_file_cache max=10; open_file_cache_valid 60s;"))
    get(s, "new", 404)
    with open(s.path("html/new"), "w") as f:
        f.write("there")
    get(s, "new")


def test_a_changed_file_is_seen_at_once(server):
    s = server(conf("open_file_cache max=10; open_file_cache_valid 60s;"),
               files={"html/a": "old" + BIG})
    for _ in range(3):
        assert s.get("/a").body[:3] == b"old"
    with open(s.path("html/next"), "w") as f:
        f.write("new" + BIG)
    os.rename(s.path("html/next"), s.path("html/a"))
    assert wait_until(lambda: s.get("/a").body[:3] == b"new")


def test_off_below_on(server):
    s = server("open_file_cache max=10; open_file_cache_errors on; "
               "open_file_cache_valid 60s;\n" + conf("open_file_cache off;"))
    get(s, "new", 404)
    with open(s.path("html/new"), "w") as f:
        f.write("there")
    get(s, "new")


def test_single_process_reloads(server):
    """Its cache goes on with another conf, whose caches have other numbers."""
    s = server(conf("open_file_cache max=3;"), files=FILES, main="master_process off;")
    for n in NAMES[:3]:
        get(s, n)
    s.write_conf("open_file_cache max=1;\n" + conf("open_file_cache max=2;"))
    s.signal("HUP")
    wait_until(lambda: "reconfiguring" in s.error_log())
    for n in NAMES:
        get(s, n)
    assert s.stop() == 0


@pytest.mark.plain("slow: about times")
def test_an_inactive_log_is_closed(server):
    """open_log_file_cache's inactive: nobody holds a log that is not written to."""
    s = server("server { listen 127.0.0.1:%%PORT%%; root html;\n"
               "open_log_file_cache max=5 inactive=1s;\n"
               "access_log logs/of-$arg_n.log; }", files={"html/a": "x"})
    s.get("/a?n=1")

    def is_open():
        return any("of-1.log" in path for path in open_files(s.workers()[0]))

    assert wait_until(is_open)
    assert wait_until(lambda: not is_open(), 10)
