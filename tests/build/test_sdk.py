"""Modules: outside the tree, new in the tree, and the tree's own as files."""

import os
import sys

import pytest

from build.tools import (BUILT, ROOT, configure, copy_tree, made, make,
                         options_of, relinked, run)

CONF = """
server {
    listen 127.0.0.1:%%PORT%%;
    location / { greet; }
    location /other { greet; greet_text "Good morning"; }
}
"""


@pytest.fixture
def greet(tmp_path):
    run("auto/dev/new-module", "greet", tmp_path / "greet")
    return tmp_path / "greet"


def check_greeting(s):
    assert s.get("/").body == b"Hello, World!"
    assert s.get("/other").body == b"Good morning"


def exported(file):
    return run("nm", "-D", "--defined-only", file).stdout.split()[2::3]


def sanitizer():
    return [o for o in options_of(BUILT) if o.startswith("--with-sanitizer")]


def test_module_is_short(greet):
    assert len((greet / "greet.c").read_text().splitlines()) < 40


def test_against_the_installed_headers(greet, server, tmp_path):
    """As its author would: pkg-config, two lines of Makefile."""
    configure(tmp_path / "b", "--prefix=%s" % (tmp_path / "p"))
    make(tmp_path / "b", "install-sdk")
    path = str(tmp_path / "p" / "lib" / "pkgconfig")
    abi = run("pkg-config", "--variable=abi_version", "weir",
              PKG_CONFIG_PATH=path).stdout.strip()
    assert all(part.isdigit() for part in abi.split(".")) and "." in abi
    run("make", "CFLAGS=-Werror", cwd=greet, PKG_CONFIG_PATH=path)
    run("make", "install", cwd=greet, PKG_CONFIG_PATH=path)
    file = tmp_path / "p" / "modules" / "http_greet_module.so"
    assert exported(file) == ["weir_module"]
    s = server(CONF, main="load_module %s;" % file)
    check_greeting(s)
    out = s.run("-H", "greet_text").stdout
    assert "What greet says." in out and "Needs:    load_module %s;" % file in out


def test_add_dynamic_module(greet, server, tmp_path):
    configure(tmp_path / "b", "--add-dynamic-module=%s" % greet,
              "--with-werror", *sanitizer())
    file = tmp_path / "b" / "modules" / "http_greet_module.so"
    make(tmp_path / "b", file)
    check_greeting(server(CONF, main="load_module %s;" % file))


def test_add_module(greet, server, tmp_path):
    folder = relinked(tmp_path / "b", "--add-module=%s" % greet)
    assert "greet" in made(folder, "STATIC_MODULES").split()
    check_greeting(server(CONF, binary=str(folder / "weir")))


@pytest.mark.parametrize("how", ["static", "dynamic"])
def test_new_module_in_the_tree(how, tmp_path):
    """Its own test, as written by the script, passes."""
    tree = tmp_path / "tree"
    tree.mkdir()
    copy_tree(tree)
    run(tree / "auto/dev/new-module", "greet", cwd=tree)
    folder = relinked(tmp_path / "b", "--with-http_greet_module=%s" % how,
                      cwd=tree)
    run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
        "tests/server/test_greet.py", cwd=tree, WEIR=str(folder / "weir"))


@pytest.mark.slow
def test_every_module_as_a_file(server, tmp_path):
    """All modules loadable: the server has none of them built in, and takes each
    of them from its file."""
    static = made(BUILT, "STATIC_MODULES").split()
    folder = relinked(tmp_path / "b", *(
        "--with-%s=dynamic" % made(BUILT, "SO_" + m) for m in static))
    assert made(folder, "STATIC_MODULES") == ""
    files = [str(folder / "modules" / (made(folder, "SO_" + m) + ".so"))
             for m in made(folder, "DYNAMIC_MODULES").split()]
    for file in files:
        assert exported(file) == ["weir_module"], file
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { return 204; } }",
               binary=str(folder / "weir"),
               main="\n".join("load_module %s;" % f for f in files))
    assert s.get("/").status == 204


@pytest.mark.slow
def test_every_module_built_in(server, tmp_path):
    dynamic = made(BUILT, "DYNAMIC_MODULES").split()
    if not dynamic:
        pytest.skip("the build has no loadable module")
    folder = relinked(tmp_path / "b", *(
        "--with-%s" % made(BUILT, "SO_" + m) for m in dynamic))
    assert made(folder, "DYNAMIC_MODULES") == ""
    s = server("server { listen 127.0.0.1:%%PORT%%; location / { return 204; } }",
               binary=str(folder / "weir"))
    assert s.get("/").status == 204


def test_new_module_refuses_what_is_there(tmp_path):
    assert os.path.isdir(os.path.join(ROOT, "modules"))
    (tmp_path / "greet.c").write_text("mine")
    done = run("auto/dev/new-module", "greet", tmp_path, check=False)
    assert done.returncode == 1
    assert (tmp_path / "greet.c").read_text() == "mine"
    assert run("auto/dev/new-module", "Greet", tmp_path,
               check=False).returncode == 2
