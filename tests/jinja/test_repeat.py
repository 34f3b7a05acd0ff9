"""`repeat`: the answer then says how long a render takes."""
import pytest

import engine


@pytest.fixture(scope="module")
def weir():
    renderer = engine.weir()
    yield renderer
    renderer.stop()


@pytest.mark.parametrize("more", [
    {"options": {"repeat": 20}}, {"repeat": 20}, {"options": {"repeat": 20, "sandbox": True}}])
def test_repeat(weir, more):
    answer = weir.ask({"main": "main", "templates": {"main": "{{ l.append(1) }}{{ l|length }}"},
                       "context": {"l": []}, **more})
    assert answer["output"] == "None1"      # each render has its own context
    assert answer["ns_per_render"] > 0


@pytest.mark.parametrize("more", [{}, {"options": {"repeat": 0}}, {"repeat": None}])
def test_no_repeat(weir, more):
    assert weir.ask({"main": "main", "templates": {"main": "x"}, **more}) == {"output": "x"}


@pytest.mark.parametrize("repeat", [-1, "x", 1.5, True, [1]])
def test_what_is_no_number(weir, repeat):
    for more in ({"options": {"repeat": repeat}}, {"repeat": repeat}):
        answer = weir.ask({"main": "main", "templates": {"main": "x"}, **more})
        assert answer["error"] == "RequestError" and "'repeat'" in answer["message"]
