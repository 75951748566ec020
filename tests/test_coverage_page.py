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
    rows = [row.split("\t")[0] for row in (facts.CONFORMANCE / "failures.tsv").read_text().splitlines()[1:]]
    lost = {operator for operator in rows if not facts._names_of(operator, "forward")}
    assert not [operator for operator in lost if not operator.startswith(UNLISTED)]


UNLISTED = ("_", "native_", "aten.", "slice")
"""Operators of the database without a public name."""


def test_a_way_around_is_used():
    """Each line of the hand-written table speaks of some recorded name."""
    full = [f"{space}.{name}" for space, name in names.recorded()]
    assert not [start for start in facts.WAYS if not any(name.startswith(start) for name in full)]


def _silent(space: str, name: str) -> bool:
    try:
        value = facts.found(space, name)
    except NotImplementedError:
        return False
    if value is facts._MISSING or not (callable(value) or isinstance(value, property)):
        return False
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    ours = (getattr(value, "__module__", None) or "torchlike").startswith("torch")
    return ours and not (name.startswith("__") or inspect.getdoc(value))


@pytest.mark.parametrize("space", dict.fromkeys(space for space, _ in names.recorded()))
def test_every_public_name_has_a_docstring(space):
    assert not [name for where, name in names.recorded() if where == space and _silent(where, name)]


def test_the_record_is_what_pytorch_has():
    torch = pytest.importorskip("torch")
    if not torch.__version__.startswith(names.version()):
        pytest.skip("another version of PyTorch than the recorded one")
    for space in ("torch", "Tensor", "nn.functional", "linalg"):
        assert names.walk(space) == [name for where, name in names.recorded() if where == space]
