"""The tree keeps its own rules, and the checks see it when it does not."""

import os
import shutil

import pytest

from build.tools import ROOT, run


@pytest.mark.parametrize("check", ["layers", "text", "shell"])
def test_tree(check):
    run("auto/dev/check-" + check)


def test_headers_compile_alone(tmp_path):
    run("sh", "./configure", "--builddir=%s" % tmp_path)
    run("auto/dev/check-headers", tmp_path)


@pytest.fixture
def tree(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.makedirs(str(tmp_path / "auto" / "dev"))
    for name in ("check-layers", "check-text", "check-headers"):
        shutil.copy(os.path.join(ROOT, "auto", "dev", name),
                    str(tmp_path / "auto" / "dev"))
    write.path = tmp_path
    return write


@pytest.mark.parametrize("name, includes, says", [
    ("core/base/a.h", "weir/os/b.h", "which is not below it"),
    ("core/event/a.c", "weir/conf/b.h", "which is not below it"),
    ("core/http/a.c", "weir/base/b_priv.h", "private to base"),
    ("modules/a/a.c", "weir/main/b.h", "a module includes"),
    ("core/new/a.c", "weir/base/b.h", "is in no layer"),
    ("modules/a/a.c", "weir/http/b.h", None),
    ("core/http/a.c", "weir/http/b_priv.h", None),
])
def test_layers(tree, name, includes, says):
    tree(name, "/* */\n#include <%s>\n" % includes)
    done = run(tree.path / "auto/dev/check-layers", cwd=tree.path, check=False)
    assert done.returncode == (0 if says is None else 1)
    assert says is None or says in done.stdout


def test_circle(tree):
    tree("core/base/a.h", "/* */\n#include <weir/base/b.h>\n")
    tree("core/base/b.h", "/* */\n#include <weir/base/a.h>\n")
    done = run(tree.path / "auto/dev/check-layers", cwd=tree.path, check=False)
    assert done.returncode == 1
    assert "circle: base/a.h -> base/b.h -> base/a.h" in done.stdout


@pytest.mark.parametrize("name, text, says", [
    ("core/base/a.c", "/* */\n\tint a;\n", "a tab"),
    ("core/base/a.c", "/* */ \n", "blanks at the end"),
    ("core/base/a.c", "/* */", "no newline"),
    ("core/base/a.c", "int a;\n", "does not open with a comment"),
    ("core/base/a.c", "/* %s */\n" % ("x" * 120), "longer than"),
    ("README.md", "see /%s/me/file\n" % "home", "a path of one machine"),
    ("README.md", "see /usr/local/weir\n", None),
])
def test_text(tree, name, text, says):
    tree(name, text)
    done = run(tree.path / "auto/dev/check-text", cwd=tree.path, check=False)
    assert done.returncode == (0 if says is None else 1)
    assert says is None or says in done.stdout


def test_header_that_needs_another(tree):
    tree("core/base/a.h", "#ifndef WEIR_BASE_A_H\n#define WEIR_BASE_A_H\n"
                          "size_t a;\n#endif\n")
    (tree.path / "b" / "include").mkdir(parents=True)
    os.symlink(str(tree.path / "core"), str(tree.path / "b/include/weir"))
    done = run("auto/dev/check-headers", "b", cwd=tree.path, check=False)
    assert done.returncode == 1
    assert "core/base/a.h: does not compile alone" in done.stdout
