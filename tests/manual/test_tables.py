"""Every row of the tables says what it is for, and its example works."""

import os
import re
import shutil
import subprocess

import pytest

from harness.server import ROOT, Server, weir_binary

from manual.tables import (around, check, conf_of, directives, loads, make_folder, rows,
                           tables)

SHARDS = 8

# What weir has a row for only to say that it cannot do it.
REFUSED = {"proxy_cache_path": "not supported"}


@pytest.fixture(scope="module")
def folder():
    prefix = make_folder()
    yield prefix
    shutil.rmtree(prefix, ignore_errors=True)


def test_directives_say_what_they_do():
    bad = ["%s: %s" % (d["name"], what) for _, d in directives()
           for what in ("doc", "example", "contexts") if not d.get(what)]
    assert bad == []


def test_examples_show_their_directive():
    bad = [d["name"] for _, d in directives()
           if not re.search(r"(^|\s)%s[\s;{]" % re.escape(d["name"]), d["example"])]
    assert bad == []


@pytest.mark.parametrize("shard", range(SHARDS))
def test_examples_of_directives(folder, shard):
    bad = []
    for module, d in list(directives())[shard::SHARDS]:
        conf = conf_of(module, d)
        out = check(folder, conf, "example%d.conf" % shard)
        if d["name"] in REFUSED:
            assert REFUSED[d["name"]] in out.stderr, d["name"]
            assert out.returncode == 1, d["name"]
        elif out.returncode != 0:
            bad.append("%s %s:\n%s" % (module["name"], d["name"], out.stderr))
    assert not bad, "\n".join(bad)


def test_variables_say_what_they_hold():
    bad = [v["name"] for m in tables()["modules"] for v in m["variables"]
           if len(v.get("doc", "")) < 4]
    assert bad == []


def test_variables_have_values():
    """Each of them in one answer: known, and none fails."""
    names = [v["name"] + ("name" if v.get("prefix") else "")
             for m in tables()["modules"] for v in m["variables"]]
    conf = "server { listen 127.0.0.1:%%PORT%%; set $arg_in x; location / { return 200 '" \
        + "".join("%s=${%s};\n" % (n, n) for n in names) + "'; } }"
    server = Server(conf.replace("set $arg_in x;", ""), main=loads())
    try:
        answer = server.get("/?name=1")
        assert answer.status == 200
        body = answer.body.decode("latin-1")
        assert "\nuri=/;" in "\n" + body
        assert "\narg_name=1;" in body
        assert "${" not in body
    finally:
        server.stop()
        server.check()
        server.remove()


def variable_examples():
    with open(os.path.join(ROOT, "manual", "variables.txt"), encoding="utf-8") as f:
        return [line.rstrip("\n").split(" > ", 1) for line in f
                if " > " in line and not line.startswith("#")]


def test_variables_have_examples():
    names = {v["name"] for m in tables()["modules"] for v in m["variables"]}
    assert {name for name, _ in variable_examples()} == names
    assert [e for e in variable_examples()
            if not re.search(r"\$\{?%s" % re.escape(e[0]), e[1])] == []


@pytest.mark.parametrize("shard", range(4))
def test_examples_of_variables(folder, shard):
    """With -t, each beside those of its shard."""
    http = ""
    for _, line in variable_examples()[shard::4]:
        if re.match(r"(log_format|map|limit_req_zone)\b", line):
            http += line + "\n"
        else:
            out = check(folder, around(line, "location"), "variable%d.conf" % shard)
            assert out.returncode == 0, line + "\n" + out.stderr
    out = check(folder, around(http, "http"), "variable%d.conf" % shard)
    assert out.returncode == 0, out.stderr


def test_functions_say_what_they_do():
    bad = ["%s: %s" % (f["name"], what) for kind in ("functions", "filters", "tests")
           for f in rows(kind) for what in ("doc", "example") if not f.get(what)]
    assert bad == []


def examples(kind):
    for f in rows(kind):
        for line in f["example"].split("\n"):
            expression, arrow, value = line.partition(" -> ")
            yield f["name"], expression, value if arrow else None


def of_language(kind):
    own = {f["name"] for f in tables()["language"][kind]}
    return [e for e in examples(kind) if e[0] in own]


@pytest.mark.parametrize("kind", ["functions", "filters", "tests"])
def test_examples_of_the_language(kind, tmp_path):
    """By weir-render: what the example says is what is printed."""
    render = os.path.join(os.path.dirname(weir_binary()), "weir-render")
    wanted = of_language(kind)
    file = tmp_path / "all.txt"
    file.write_text("\n".join("{{ %s }}" % e for _, e, _ in wanted), encoding="utf-8")
    out = subprocess.run([render, "-o", 'extensions=["i18n"]', "-o",
                          "newstyle_gettext=true", str(file)], capture_output=True,
                         text=True, timeout=60, check=False)
    assert out.returncode == 0, out.stderr
    got = out.stdout.split("\n")
    assert len(got) == len(wanted)
    bad = ["%s: %s gives %r, not %r" % (name, e, line, value)
           for (name, e, value), line in zip(wanted, got)
           if value is not None and line != value]
    assert bad == []


def test_examples_of_the_server():
    """What only the server has: in a route."""
    own = {f["name"] for m in tables()["modules"] for f in m["functions"]}
    wanted = [e for e in examples("functions") if e[0] in own]
    assert len(wanted) >= 10
    conf = "session memory;\nserver { listen 127.0.0.1:%%PORT%%;\n" \
        "route GET /posts/{id:int} name=post { text {{ params.id }}; }\n" \
        + "".join("location = /%d { text {{ %s }}; }\n" % (n, e)
                  for n, (_, e, _) in enumerate(wanted)) + "}\n"
    server = Server(conf, main=loads())
    try:
        for n, (name, e, value) in enumerate(wanted):
            answer = server.get("/%d" % n)
            assert answer.status == 200, (name, e, answer.body)
            if value is not None:
                assert answer.body.decode() == value, (name, e)
    finally:
        server.stop()
        server.check()
        server.remove()
