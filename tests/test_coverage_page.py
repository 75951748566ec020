"""docs/coverage.md is what the facts say, and every public name that is here says what it is. Needs no PyTorch."""

import inspect

import pytest

from tests.coverage import facts, names
from tests.coverage.page import PAGE, page


def test_the_page_is_not_stale():
    assert PAGE.read_text() == page(), "run `python -m tests.coverage`"


def test_the_record_is_of_one_version():
    assert names.version().startswith("2.13")
    assert len(names.recorded()) > 3000
    assert len(set(names.recorded())) == len(names.recorded())


def test_what_differs_is_a_public_name():
    """A failure of the database counts for some name of the page, or the page would hide it."""
    known = set(names.recorded())
    lost = [pair for pair in facts._differing() if pair not in known and not pair[1].startswith("_")]
    assert not [pair for pair in lost if facts.found(*pair) is facts._MISSING]


def test_a_way_around_is_used():
    """Each line of the hand-written table speaks of some recorded name."""
    full = [f"{space}.{name}" for space, name in names.recorded()]
    assert not [start for start in facts.WAYS if not any(name.startswith(start) for name in full)]


def _silent(space: str, name: str) -> bool:
    value = facts.found(space, name)
    if value is facts._MISSING or not (callable(value) or isinstance(value, property)):
        return False
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    return not (name.startswith("__") or inspect.getdoc(value))


@pytest.mark.parametrize("space", dict.fromkeys(space for space, _ in names.recorded()))
def test_every_public_name_has_a_docstring(space):
    assert not [name for where, name in names.recorded() if where == space and _silent(where, name)]


def test_the_record_is_what_pytorch_has():
    torch = pytest.importorskip("torch")
    if not torch.__version__.startswith(names.version()):
        pytest.skip("another version of PyTorch than the recorded one")
    for space in ("torch", "Tensor", "nn.functional", "linalg"):
        assert names.walk(space) == [name for where, name in names.recorded() if where == space]
