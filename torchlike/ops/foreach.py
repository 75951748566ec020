"""The `torch._foreach_*` functions: one operation on every tensor of a list.

PyTorch has them to save launches of kernels. Here operations are recorded and run together anyway, so each is the
ordinary operation on one tensor after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchlike as torch
from torchlike.core.op import Composite, composite, enter
from torchlike.core.variable import Variable
from torchlike.ops.checks import check

_UNARY = (
    "abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round "
    "rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
)
_BINARY = "add sub mul div pow maximum minimum clamp_max clamp_min"
_TERNARY = "addcdiv addcmul lerp"
_BOUNDS = {"maximum": "clamp_min", "minimum": "clamp_max"}  # what they are where the other side is a number


def _columns(lists: tuple) -> list[tuple]:
    """The arguments of every single operation: a list gives one to each, anything else the same to all."""
    sizes = [len(a) for a in lists if isinstance(a, list | tuple)]
    check(bool(sizes) and sizes[0] > 0, "Tensor list must have at least one tensor.", RuntimeError)
    for n in sizes[1:]:
        check(
            n == sizes[0],
            f"Tensor lists must have the same number of tensors, got {sizes[0]} and {n}",
            RuntimeError,
        )
    return [tuple([a[i] if isinstance(a, list | tuple) else a for a in lists]) for i in range(sizes[0])]


def _single(name: str, x: Any, others: tuple) -> str:
    """The operation to call: the larger of a tensor and a number goes by another name."""
    name, tail = name.removesuffix("_"), "_" if name.endswith("_") else ""
    other = others[0] if others else None
    if name in _BOUNDS and not isinstance(other, Variable):
        name = _BOUNDS[name]
    elif name.startswith("clamp_") and isinstance(other, Variable):
        name = {"clamp_max": "minimum", "clamp_min": "maximum"}[name]
    return name + tail


def _made(name: str) -> Callable:
    values = name.startswith("addc")

    def fn(self, *others, **options):
        if values:
            *others, value = others if len(others) == 3 else (*others, options.pop("value", 1))
            others.append(value.tolist() if isinstance(value, Variable) else value)
        elif not others:
            named = [options.pop(key) for key in ("other", "tensors1", "weight", "exponent", "scalar", "scalars",
                                                  "tensor", "weights") if key in options]  # fmt: skip
            others = tuple(named)
        results = []
        for x, *rest in _columns((self, *others)):
            if values:
                *rest, options["value"] = rest
            results.append(getattr(torch, _single(name, x, tuple(rest)))(x, *rest, **options))
        return tuple(results)

    fn.__doc__ = f"`torch.{name}` of every tensor of the list, as a tuple; lists among the other arguments go along."
    return fn


def _written(name: str) -> Callable:
    """The function that writes its results into the tensors of the first list."""
    compute = _made(name)

    def fn(self, *others, **options):
        from torchlike.facade import assign  # it is made after the operations

        results = compute(self, *others, **options)
        for x, result in zip(self, results, strict=True):
            x._check_writable()
            assign(x, result)
        return list(self)

    fn.__doc__ = f"`torch._foreach_{name}`, written into the tensors of the first list, which is returned."
    return fn


def _file(name: str, fn: Callable) -> None:
    fn.__name__ = f"_foreach_{name}"
    enter(Composite(fn), (f"torch._foreach_{name}",))


for _name in f"{_UNARY} {_BINARY} {_TERNARY}".split():
    _file(_name, _made(_name))
    _file(f"{_name}_", _written(_name))


@composite("torch._foreach_zero_")
def _foreach_zero_(self):
    """Fill every tensor of the list with zeros."""
    for (x,) in _columns((self,)):
        x.zero_()
    return list(self)


@composite("torch._foreach_copy_")
def _foreach_copy_(self, src, non_blocking=False):
    """Copy the tensors of the second list into those of the first."""
    for x, y in _columns((self, src)):
        x.copy_(y, non_blocking)
    return list(self)


@composite("torch._foreach_norm")
def _foreach_norm(self, ord=2, dtype=None):
    """The norm of order `ord` of every tensor of the list, as a tuple of 0-dim tensors."""
    return tuple([torch.linalg.vector_norm(x, ord, dtype=dtype) for (x,) in _columns((self,))])
