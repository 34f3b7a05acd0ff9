"""What -t says of calls of url_for that can only fail, in the conf and in templates; and
that it refuses nothing that would work."""

import re

import pytest

from harness.modules import load_module
from harness.server import Server

pytestmark = [pytest.mark.plain, pytest.mark.http1]

MODULES = load_module("route", "json", "template", "fetch")
ROUTES = """
route GET /posts/{id:int} name=post { text post; }
route GET /files/{dir}/{rest:path} name=file { text file; }
"""


def told(conf, files=None, routes=ROUTES):
    """The exit status of -t, and what it says."""
    s = Server("server { listen 127.0.0.1:%%PORT%%; template_root %%PREFIX%%/t;\n" + routes
               + conf + "\n}", main=MODULES, wait=False,
               files={"t/" + name: text for name, text in (files or {}).items()})
    try:
        r = s.run("-t")
    finally:
        s.remove()
    return r.returncode, r.stderr


def page(text, **others):
    files = {name.replace("_", "."): source for name, source in others.items()}
    return told("route GET / { template p.html; }", {"p.html": text, **files})


def caret(err):
    """What the caret of the first message points at."""
    lines = err.split("\n")
    i = next(i for i, line in enumerate(lines) if line.strip() == "^")
    return lines[i - 1][lines[i].index("^"):]


def at(err):
    return tuple(int(n) for n in re.search(r" in [^ ]+:(\d+):(\d+)", err).groups())


# ---- in the conf ----

@pytest.mark.parametrize("line", [
    'text {{ url_for("psot", id=1) }};',
    'text é{{ 1 }}{{ 2 }} {{- url_for("psot", id=1) }};',
    'json {"a": [url_for("psot", id=1)|upper]};',
    'redirect {{ url_for("psot", id=params.id|default(1)) }};',
    'header Link <{{ "x" ~ url_for("psot", id=1) }}>; text x;',
    'require url_for("psot", id=1) and 1 else 404; text x;',
    'json {"a":\n  1, "b":\n  url_for("psot", id=1)};',
    'text "one\r\n  {{ 1\r\n }} {{ url_for("psot", id=1) }}";',
])
def test_a_name_that_no_route_has(line):
    code, err = told("route GET /a { " + line + " }")
    assert code == 1 and "[emerg]" in err
    assert 'there is no route named "psot" in ' in err
    assert '(did you mean "post"?)' in err
    assert caret(err).startswith('"psot"')


def test_which_names_there_are():
    _, err = told('route GET /a { text {{ url_for("archive") }}; }')
    assert '(there is "post", "file")' in err
    code, err = told('route GET /a { text {{ url_for("archive") }}; }', routes="")
    assert code == 1 and "(no route has a name=)" in err
    many = "".join(f"route GET /x{i} name=x{i} {{ text x; }}\n" for i in range(9))
    code, err = told('route GET /a { text {{ url_for("archive") }}; }', routes=many)
    assert code == 1 and "(" not in err.split("\n")[0].split("archive")[1]


@pytest.mark.parametrize("call, fault", [
    ('url_for("post")', 'url_for("post") needs id='),
    ('url_for("post", ID=1)', 'url_for("post") needs id='),
    ('url_for("file", dir=1)', 'url_for("file") needs rest='),
    ('url_for("post", 7)', "url_for() takes parameters by their names"),
])
def test_parameters(call, fault):
    code, err = told("route GET /a { text {{ " + call + " }}; }")
    assert code == 1 and fault in err and '(its pattern is "/' in err


@pytest.mark.parametrize("call", [
    'url_for("post", id=1)', 'url_for("post", id=1, page=2)',   # the rest is a query
    'url_for("post", **params)', 'url_for("file", dir=1, **{"rest": 2})',
    'url_for(query.name)', 'url_for("po" ~ "st", id=1)', "url_for(*['post'], id=1)",
    "'url_for(\"psot\")'",
])
def test_what_may_work(call):
    code, err = told("route GET /a { text {{ " + call + " }}; }")
    assert code == 0 and "[warn]" not in err


def test_a_name_of_another_server_and_one_further_down():
    code, err = told("""
        route GET /a { text {{ url_for("late") }} {{ url_for("elsewhere") }}; }
        route GET /late name=late { text x; }
    }
    server { listen 127.0.0.1:%%PORT2%%;
        route GET /elsewhere name=elsewhere { text x; }
    """)
    assert code == 0 and "[warn]" not in err


@pytest.mark.parametrize("call", [
    'url_for("psot") if query.x is defined else 1', '1 if query.x is defined else url_for("psot")',
    'query.x is defined and url_for("psot")', 'true or url_for("psot")',
])
def test_what_may_never_be_called_is_a_warning(call):
    code, err = told("route GET /a { text {{ " + call + " }}; }")
    assert code == 0
    assert err.count("[warn]") == 1 and 'there is no route named "psot"' in err
    assert '(did you mean "post"?)' in err and caret(err).startswith('"psot"')


def test_a_conf_with_a_value_of_that_name():
    code, err = told('route GET /a { set url_for = {"x": 1}; text {{ url_for("psot") }}; }')
    assert code == 0 and "no route" not in err


# ---- in templates ----

@pytest.mark.parametrize("text, where", [
    ('<a href="{{ url_for("psot", id=1) }}">', (1, 21)),
    ("\n\n  {{ url_for('psot') }}", (3, 14)),
    ("{% for p in [1] %}\n{{ url_for('psot', id=p) }}{% endfor %}", (2, 12)),
    ("{% set u = url_for('psot', id=1) %}", (1, 20)),
    ("{% with u = url_for('psot', id=1) %}{% endwith %}", (1, 21)),
    ("{% block b %}{% filter upper %}\n{{ url_for('psot') }}{% endfilter %}{% endblock %}",
     (2, 12)),
    ("{% if url_for('psot') %}{% endif %}", (1, 15)),
])
def test_in_a_template(text, where):
    code, err = page(text)
    assert code == 1
    assert re.search(r'there is no route named "psot" in [^ ]*/t/p\.html:\d', err)
    assert '(did you mean "post"?)' in err
    assert at(err) == where and caret(err)[1:].startswith("psot")


def test_parameters_in_a_template():
    code, err = page("{{ url_for('post') }}")
    assert code == 1 and 'url_for("post") needs id=' in err and '"/posts/{id:int}"' in err


@pytest.mark.parametrize("main", [
    "{% include 'q.html' %}", "{% include 'q.html' without context %}",
    "{% import 'q.html' as q %}", "{% from 'q.html' import x %}",
    "{% from 'q.html' import x with context %}",
    "{% for i in [1] %}{% include 'q.html' %}{% endfor %}",
    "{% extends 'q.html' %}", "{% extends 'q.html' %}{% block c %}{% endblock %}",
])
def test_in_a_template_that_another_wants(main):
    code, err = page(main, q_html="\n{{ url_for('psot') }}{% set x = 1 %}{% block c %}{% endblock %}")
    assert code == 1 and "/t/q.html:2:12" in err and 'no route named "psot"' in err


def test_in_a_child_that_its_parent_asks():
    code, err = page("{% extends 'q.html' %}{% block b %}{{ url_for('psot') }}{% endblock %}",
                     q_html="{% block b %}{% endblock %}")
    assert code == 1 and "/t/p.html:1:47" in err


@pytest.mark.parametrize("main, more", [
    ("{% if x is defined %}{{ url_for('psot') }}{% endif %}", ""),
    ("{% if x is defined %}{% else %}{{ url_for('psot') }}{% endif %}", ""),
    ("{% if 0 %}{% elif x is defined %}{% include 'q.html' %}{% endif %}", "{{ url_for('psot') }}"),
    ("{{ url_for('psot') if x is defined }}", ""),
    ("{% macro m() %}{{ url_for('psot') }}{% endmacro %}", ""),
    ("{% from 'q.html' import m %}", "{% macro m() %}{{ url_for('psot') }}{% endmacro %}"),
    ("{% for i in [1] %}{% else %}{{ url_for('psot') }}{% endfor %}", ""),
    ("{% extends 'q.html' %}{% block nobody %}{{ url_for('psot') }}{% endblock %}", "x"),
])
def test_what_a_template_may_never_call_is_a_warning(main, more):
    code, err = page(main, q_html=more)
    assert code == 0 and err.count("[warn]") == 1, err
    assert 'there is no route named "psot"' in err and caret(err)[1:].startswith("psot")


@pytest.mark.parametrize("main, more", [
    ("{% set url_for = namespace %}{{ url_for('psot') }}", ""),
    ("{% macro url_for(x) %}{{ x }}{% endmacro %}{{ url_for('psot') }}", ""),
    ("{% from 'q.html' import url_for %}{{ url_for('psot') }}",
     "{% macro url_for(x) %}{{ x }}{% endmacro %}"),
    ("{% for url_for in [namespace] %}{{ url_for('psot') }}{% endfor %}", ""),
    ("{% set url_for = namespace %}{% include 'q.html' %}", "{{ url_for('psot') }}"),
    ("{% extends 'q.html' %}{% block b %}{% endblock %}",
     "{% block b %}{{ url_for('psot') }}{% endblock %}"),
    ("{% raw %}{{ url_for('psot') }}{% endraw %}", ""),
])
def test_what_means_something_else_in_a_template(main, more):
    code, err = page(main, q_html=more)
    assert code == 0 and "no route" not in err


def test_a_view_that_gives_it():
    code, err = told("route GET / { template p.html url_for=vars; }",
                     {"p.html": "{{ url_for('psot') is defined }}"})
    assert code == 0 and "no route" not in err


def test_a_template_of_several_servers():
    """Names are those of the whole conf: one that any server has is enough. A place
    that two views come to is told once, and refused if one of them always calls it."""
    shared = {"p.html": "{{ url_for('post', id=1) }}{% include 'q.html' %}",
              "q.html": "{{ url_for('elsewhere') }}"}
    conf = """route GET / { template p.html; }
    }
    server { listen 127.0.0.1:%%PORT2%%; template_root %%PREFIX%%/t;
        route GET / { template p.html; }
        route GET /q { template q.html; }
    """
    code, err = told(conf + 'route GET /e name=elsewhere { text x; }', shared)
    assert code == 0 and "[warn]" not in err
    shared["p.html"] = "{% if x is defined %}{% include 'q.html' %}{% endif %}"
    code, err = told(conf.replace("template q.html", "text x"), shared)
    assert code == 0 and err.count("[warn]") == 1
    code, err = told(conf, shared)
    assert code == 1 and "/t/q.html:1:12" in err
