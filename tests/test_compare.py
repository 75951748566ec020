"""The checking helper is itself shown to fail on every kind of wrong answer, and to pass on the right one."""

from __future__ import annotations

import types

import pytest
from compare import check, normal, tensor, torch

LIB = types.SimpleNamespace  # a second library that differs from the reference in one function


def against(program, wrong, *samples, **options) -> None:
    """`check` with PyTorch on both sides, where the checked side has `wrong` as its function `f`."""
    right = LIB(tensor=torch.tensor, autograd=torch.autograd, float32=torch.float32, int64=torch.int64, f=program)
    other = LIB(**{**vars(right), "f": wrong})
    check(lambda lib, *xs: lib.f(*xs), *samples, reference=right, ours=other, **options)


def fails(program, wrong, *samples, match: str, **options) -> None:
    with pytest.raises(AssertionError, match=match):
        against(program, wrong, *samples, **options)


def raising(error):
    def fn(*xs):
        raise error

    return fn


def test_passes_on_the_same():
    against(torch.sin, torch.sin, normal(3, 2))
    against(raising(ValueError("no")), raising(ValueError("no")), normal(2))
    against(torch.sort, torch.sort, normal(4))
    check(lambda lib, x: (x * 2).sum(), normal(3, 2))


WRONG = {
    "value": (torch.sin, lambda x: torch.sin(x) * (1 + 1e-4), "values differ"),
    "one value": (torch.sin, lambda x: torch.sin(x) + 1e-3 * torch.tensor([0.0, 0.0, 1.0]), "first at \\[2\\]"),
    "not a number": (torch.sin, lambda x: torch.sin(x) * float("nan"), "values differ"),
    "dtype": (torch.sin, lambda x: torch.sin(x).double(), "dtype torch.float64, expected torch.float32"),
    "shape": (torch.sin, lambda x: torch.sin(x)[None], r"shape \(1, 3\), expected \(3,\)"),
    "gradient": (torch.sin, lambda x: torch.sin(x.detach()) + x - x.detach(), "gradient"),
    "missing gradient": (torch.sin, lambda x: torch.sin(x.detach()), "requires_grad False"),
    "missing gradient of one": (
        lambda x: (x.sin(), x * 2), lambda x: (x.sin().detach(), x * 2), "requires_grad False"),
    "a gradient too many": (lambda x: x.detach().sin(), torch.sin, "requires_grad True"),
    "number of results": (lambda x: (x, x), lambda x: (x,), "1 parts, expected 2"),
    "kind of tuple": (torch.sort, lambda x: tuple(torch.sort(x)), "tuple, expected sort"),
    "Python type": (lambda x: 1, lambda x: 1.0, "is a float, expected a int"),
    "bool for int": (lambda x: 1, lambda x: True, "is a bool, expected a int"),
    "None": (torch.sin, lambda x: None, "is None"),
    "no error": (raising(ValueError("no")), torch.sin, "error none, expected"),
    "an error": (torch.sin, raising(ValueError("no")), "expected none"),
    "error class": (raising(ValueError("no")), raising(TypeError("no")), "TypeError"),
    "wording": (raising(ValueError("no")), raising(ValueError("nope")), "nope"),
    "string": (lambda x: "a", lambda x: "b", "'b', expected 'a'"),
    "dtype object": (lambda x: torch.int8, lambda x: torch.int16, "torch.int16, expected torch.int8"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_fails_on_a_wrong(case):
    right, wrong, match = WRONG[case]
    fails(right, wrong, [0.5, -1.0, 2.0], match=match)


def test_missing_gradient_of_an_input():
    """Both results require a gradient, but nothing comes back to the second input."""
    fails(lambda x, y: x * y, lambda x, y: x * y.detach(), normal(3), normal(3, seed=1), match="gradient.1. is None")


def test_exact_has_no_tolerance():
    next_after = lambda x: torch.nextafter(x, torch.tensor(9.0))  # noqa: E731
    against(lambda x: x, next_after, normal(3, requires_grad=False))
    fails(lambda x: x, next_after, normal(3, requires_grad=False), exact=True, match="values differ")


def test_integers_are_exact():
    fails(lambda x: x * 10**6, lambda x: x * 10**6 + 1, tensor([3], "int64"), match="values differ")


def test_class_alone():
    against(raising(ValueError("no")), raising(ValueError("nope")), normal(1), wording=False)
    fails(raising(ValueError("no")), raising(TypeError("no")), normal(1), wording=False, match="TypeError")
