"""Templates that would take all memory or all time end with an error soon."""
import pytest

import engine

ENDLESS = [
    "{{ [1]|batch(1000000000, 'x')|list|length }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ ('x' * 100000)|replace('', 'y' * 100000) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '%.1000000000f' % 1.5 }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ range(10)|map('center', 100000000)|list }}",
    "{{ range(1000000000)|sum }}",
    "{{ range(1000000000)|max }}",
    "{% for i in range(1000000000) %}{% endfor %}",
    "{% for i in range(1000000000) if false %}{% endfor %}",
    "{{ lipsum(10000, false, 900000, 1000000)|length }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    # generators that read one another, and what reads the last one
    "{% set ns = namespace(l=[1]) %}{% for i in range(50000) %}"
    "{% set ns.l = ns.l|map('string') %}{% endfor %}{{ ns.l|list }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(50000) %}"
    "{% set ns.l = ns.l|select %}{% endfor %}{{ ns.l|list }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(50000) %}"
    "{% set ns.l = ns.l|batch(1) %}{% endfor %}{{ ns.l|list }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(50000) %}"
    "{% set ns.l = ns.l|unique %}{% endfor %}{{ ns.l|list }}",
    "{% include 'main' %}",
    "{% extends 'main' %}",
    "{% import 'main' as m %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}"
    "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}"
    "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set l = [1] %}" + "{{ l.extend(l) }}" * 60,
    "{% set l = [1] %}{% for i in range(60) %}{{ l.extend(l) or '' }}"
    "{% endfor %}",
    "{% set s = 'x' * 100000 %}{{ (([s] * 100000)|join)|length }}",
    "{% set s = 'x' * 100000 %}{{ ''.join([s] * 100000)|length }}",
    "{% set s = 'x' * 100000 %}{{ s.join(['a'] * 1000000)|length }}",
    "{% set ns = namespace(s='x') %}" + "{% set ns.s = ns.s ~ ns.s %}" * 60,
    "{% set ns = namespace(s='x') %}"
    + "{% set ns.s = '%s%s%s' % (ns.s, ns.s, ns.s) %}" * 60,
    "{% set ns = namespace(s='x') %}"
    + "{% set ns.s = '{0}{0}{0}'.format(ns.s) %}" * 60,
    "{% set ns = namespace(s='x') %}"
    + "{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}" * 60,
    "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{{ s }}"
    "{% endfor %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 50000 + "1 }}",
    "{{ " + "not " * 50000 + "1 }}",
    "{{ " + "[" * 50000 + " }}",
    "{% if 1 %}" * 5000,
]

LESS = {"memory": 64 << 20, "output": 64 << 20}


@pytest.fixture(scope="module")
def weir():
    e = engine.weir()
    yield e
    e.stop()

@pytest.mark.parametrize("template", ENDLESS,
                         ids=lambda t: t[:40].replace("/", ""))
def test_ends(weir, template):
    answer = weir.ask({"templates": {"main": template}, "main": "main",
                       "options": {"limits": LESS}})
    assert answer.get("error") in ("LimitError", "RecursionError",
                                   "TemplateSyntaxError"), answer

@pytest.mark.parametrize("last", [
    "{{ ns.l|tojson|length }}", "{{ ns.l|string|length }}", "{{ ns.l }}",
    "{{ '%r'|format(ns.l) }}",
    "{{ ns.l|pprint }}", "{{ {ns.l|string: 1} }}"])
def test_same_list_inside_itself_many_times(weir, last):
    """2 ** 40 paths to one item: the output stops at a limit."""
    answer = weir.ask({"main": "main", "options": {"limits": LESS},
                       "templates": {"main": (
        "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}"
        "{% set ns.l = [ns.l, ns.l] %}{% endfor %}" + last)}})
    assert answer.get("error") == "LimitError", answer


def test_limit_counts_from_where_an_evaluation_begins(weir):
    """The answer after one that ended at the limit is a good one."""
    request = {"main": "main", "options": {"limits": LESS}, "templates": {
        "main": "{% set l = [1] %}" + "{{ l.extend(l) }}" * 60}}
    assert weir.ask(request)["error"] == "LimitError"
    request["templates"]["main"] = "{{ ('x' * 1000000)|length }}"
    request["context"] = {"unused": ["y" * 1000] * 100000}
    assert weir.ask(request) == {"output": "1000000"}


@pytest.mark.parametrize("template", [
    "{% set ns = namespace(l=[], m=[]) %}{% for i in range(40) %}"
    "{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}"
    "{{ ns.l == ns.m }}",
    "{% set ns = namespace(t=()) %}{% for i in range(40) %}"
    "{% set ns.t = (ns.t, ns.t) %}{% endfor %}{{ {ns.t: 1} }}"])
def test_comparing_takes_steps(weir, template):
    answer = weir.ask({"main": "main", "templates": {"main": template},
                       "options": {"limits": LESS}})
    assert answer.get("error") == "LimitError", answer
