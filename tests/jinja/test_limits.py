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
    "{% include 'main' %}",
    "{% extends 'main' %}",
    "{% import 'main' as m %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}"
    "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}"
    "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 50000 + "1 }}",
    "{{ " + "not " * 50000 + "1 }}",
    "{{ " + "[" * 50000 + " }}",
    "{% if 1 %}" * 5000,
]

@pytest.fixture(scope="module")
def weir():
    e = engine.weir()
    yield e
    e.stop()

@pytest.mark.parametrize("template", ENDLESS,
                         ids=lambda t: t[:40].replace("/", ""))
def test_ends(weir, template):
    answer = weir.ask({"templates": {"main": template}, "main": "main"})
    assert answer.get("error") in ("LimitError", "RecursionError",
                                   "TemplateSyntaxError"), answer

def test_same_list_inside_itself_many_times(weir):
    """2 ** 40 paths to one item: the output stops at a limit."""
    answer = weir.ask({"main": "main", "templates": {"main": (
        "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}"
        "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson|length }}")}})
    assert answer.get("error") == "LimitError", answer
