"""Sums of products over chosen dimensions: tensordot and einsum."""

from __future__ import annotations

import string

import jax.numpy as jnp

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Arrays, Op, composite
from torchlike.core.variable import Variable, apply
from torchlike.ops.checks import check
from torchlike.ops.dims import wrap_dim
from torchlike.ops.matrix_checks import given
from torchlike.ops.products import same_type
from torchlike.ops.reduction import summed


def _contracted(input: Array, other: Array, left: tuple, right: tuple):
    for i, j in zip(left, right, strict=True):
        wrap_dim(i, input.ndim), wrap_dim(j, other.ndim)
        check(
            1 in (input.shape[i], other.shape[j]) or input.shape[i] == other.shape[j],
            f"contracted dimensions need to match, but first has size {input.shape[i]} in dim {i} and second has size "
            f"{other.shape[j]} in dim {j}",
        )
    same_type(input, other)
    for i, j in zip(left, right, strict=True):  # a size of 1 broadcasts: the other dimension is summed up
        if input.shape[i] == 1:
            other = summed(other, j, True)
        elif other.shape[j] == 1:
            input = summed(input, i, True)
    return jnp.tensordot(input, other, (left, right))


_TENSORDOT = Op("tensordot", _contracted, grad="ViewBackward0")


@composite("torch.tensordot")
def tensordot(a, b, dims=2, out=None):
    """The sum of products over several dimensions: the last `dims` of a with the first of b, or two lists of them."""
    if isinstance(dims, Variable):
        dims = dims.tolist()
    if isinstance(dims, int):
        check(dims >= 0, f"tensordot expects dims >= 0, but got dims={dims}")
        check(dims <= min(a.ndim, b.ndim), f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        left, right = tuple(range(-dims, 0)), tuple(range(dims))
    else:
        left, right = ((d,) if isinstance(d, int) else tuple(d) for d in dims)
        check(len(left) == len(right), "both dimension lists should have same length")
    return given("tensordot", apply(_TENSORDOT, (SLOT, SLOT, left, right), [a, b]), out)


# --- einsum -----------------------------------------------------------------------------------------------------------


def _einsum(equation: str, operands: Arrays):
    if category(operands[0].dtype) < 2 and _sums_alone(equation):
        operands = [x.astype(jnp.int64) for x in operands]
    return jnp.einsum(equation, *operands)


def _sums_alone(equation: str) -> bool:
    """Whether a dimension of a single operand is summed up, which PyTorch does by `sum`, in int64 for integers."""
    left, arrow, right = equation.replace("...", "").partition("->")
    terms = left.split(",")
    kept = right if arrow else [x for x in left if left.count(x) == 1]
    lost = "..." in equation and bool(arrow) and "..." not in equation.partition("->")[2] and len(terms) == 1
    return lost or any(sum(x in t for t in terms) == 1 and x not in kept for t in terms for x in t)


_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_EINSUM = Op("einsum", _einsum, grad="ViewBackward0")


@composite("torch.einsum")
def einsum(equation: str, *operands):
    """The sum of products written as an equation: `einsum("bij,bjk->bik", a, b)` is `bmm(a, b)`.

    Letters name dimensions; those missing on the right are summed up; `...` stands for dimensions that broadcast.
    Lists of ints may stand for letters: `einsum(a, [0, 1], b, [1, 2], [0, 2])`.
    """
    if not isinstance(equation, str):
        equation, *operands = _lettered(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    check(len(operands) > 0, "einsum(): must provide at least one operand")
    _check_equation(equation, operands)
    return apply(_EINSUM, (equation.replace(" ", ""), (SLOT,) * len(operands)), list(operands))


def _lettered(*parts):
    """The equation and the operands of a call that names dimensions by ints."""
    check(len(parts) > 1, "einsum(): must specify the equation string and at least one operand, or at least one "
          "operand and its subscripts list", ValueError)  # fmt: skip

    def letters(dims) -> str:
        for d in dims:
            check(
                d is ... or 0 <= d < 52, f"einsum(): subscript {d} is not within the valid range [0, 52)", ValueError
            )
        return "".join("..." if d is ... else _LETTERS[d] for d in dims)

    pairs = len(parts) // 2
    equation = ",".join(letters(dims) for dims in parts[1 : 2 * pairs : 2])
    if len(parts) % 2:
        equation += "->" + letters(parts[-1])
    return equation, *parts[: 2 * pairs : 2]


def _check_equation(equation: str, operands) -> None:
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    check(len(terms) >= len(operands), "einsum(): more operands were provided than specified in the equation")
    check(len(terms) <= len(operands), "einsum(): fewer operands were provided than specified in the equation")
    sizes: dict[str, int] = {}
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        letters = term.replace("...", "")
        for letter in letters:
            check(letter.isalpha(), f"einsum(): invalid subscript given at index {equation.index(letter)} in the "
                  "equation string, subscripts must be in [a-zA-Z]")  # fmt: skip
        n = x.ndim
        check(
            len(letters) == n if "..." not in term else len(letters) <= n,
            f"einsum(): the number of subscripts in the equation ({len(letters)}) "
            + ("does not match" if "..." not in term else "is more than")
            + f" the number of dimensions ({n}) for operand {i}"
            + (" and no ellipsis was given" if "..." not in term else ""),
        )
        before, _, after = term.partition("...")
        shape = x._aval().shape
        places = [*zip(before, shape, strict=False), *zip(after[::-1], shape[::-1], strict=False)]
        for letter, size in places:
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            check(
                size in (1, sizes[letter]),
                f"einsum(): subscript {letter} has size {size} for operand {i} which does not broadcast with "
                f"previously seen size {known}",
            )
    for letter in right.replace("...", ""):
        check(right.count(letter) == 1, f"einsum(): output subscript {letter} appears more than once in the output")
        check(
            letter in sizes,
            f"einsum(): output subscript {letter} does not appear in the equation for any input operand",
        )
