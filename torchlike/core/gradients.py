"""Gradients that come from outside: checked and made to fit what they are the gradients of."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from torchlike.core.dtype import FROM_NP
from torchlike.core.graph import Node
from torchlike.core.op import SLOT, Array, Op, Sizes
from torchlike.core.value import Aval
from torchlike.core.variable import Variable, apply


def _ones(size: Sizes, dtype):
    return jnp.ones(size, dtype)


def _cast(input: Array, dtype):
    return input.astype(dtype)


def _sum_to(input: Array, size: Sizes):
    extra = input.ndim - len(size)
    ones = tuple([i + extra for i, n in enumerate(size) if n == 1 and input.shape[i + extra] != 1])
    return input.sum((*range(extra), *ones), keepdims=True).reshape(size)


ONES = Op("ones", _ones)
CAST = Op("to_copy", _cast)
SUM_TO = Op("sum", _sum_to)


def edge_of(x: Any) -> tuple | None:
    """Where a gradient of a tensor, or of a GradientEdge, goes: (node, output number), or None."""
    return x._edge() if isinstance(x, Variable) else (x[0], x[1])


def aval_of(x: Any) -> Aval:
    """What a tensor, or the output that a GradientEdge leads from, is like."""
    return x._aval() if isinstance(x, Variable) else x[0].avals[x[1]]


def _dtype_name(a: Aval) -> str:
    return str(FROM_NP[a.dtype])


def root_gradient(root: Any, gradient: Any, place: int = 0, batched: bool = False) -> Any:
    """The gradient to start from, checked as PyTorch checks it. Of a `batched` one the first dimension is the batch."""
    aval = aval_of(root)
    if gradient is None:
        if edge_of(root) is None:  # refused, like all of these, by the pass itself
            return None
        if math.prod(aval.shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if aval.dtype.kind == "c":
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {_dtype_name(aval)}"
            )
        return apply(ONES, (aval.shape, aval.dtype), [], device=aval.device)
    if not isinstance(gradient, Variable):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    given = gradient._aval()
    shape = given.shape[1:] if batched else given.shape
    if shape != aval.shape:
        if batched:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{place}] has a shape of {_size(shape)} and "
                f"output[{place}] has a shape of {_size(aval.shape)}. If you only want some tensors in `grad_output` "
                "to be considered batched, consider using vmap."
            )
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{place}] has a shape of {_size(shape)} and output[{place}] has a shape of "
            f"{_size(aval.shape)}."
        )
    if (given.dtype.kind == "c") != (aval.dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{place}] has a dtype of {_dtype_name(given)} and output[{place}] has a dtype of "
            f"{_dtype_name(aval)}."
        )
    return gradient


def _size(shape: tuple) -> str:
    return f"torch.Size({list(shape)})"


def fitted(gradient: Any, aval: Aval, source: str) -> Any:
    """A gradient that Python made, in the shape and dtype of what it is the gradient of; PyTorch's error, beginning
    with `source`, where it cannot be brought to that."""
    given = gradient._aval()
    if given is aval:
        return gradient
    if given.shape != aval.shape:
        rest = given.shape[len(given.shape) - len(aval.shape) :]
        if len(rest) != len(aval.shape) or any(n not in (1, m) for n, m in zip(aval.shape, rest, strict=True)):
            raise RuntimeError(
                f"{source} - got {list(given.shape)} but expected shape compatible with {list(aval.shape)}"
            )
        gradient = apply(SUM_TO, (SLOT, aval.shape), [gradient])
    if given.dtype != aval.dtype:
        if given.dtype.kind == "c" and aval.dtype.kind != "c":
            raise RuntimeError(
                "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but "
                "got false.  (Could this error message be improved?  If so, please report an enhancement request to "
                "PyTorch.)"
            )
        gradient = cast(gradient, aval.dtype)
    return gradient


def cast(gradient: Any, dtype: Any) -> Any:
    """A gradient in another dtype."""
    return gradient if gradient._aval().dtype == dtype else apply(CAST, (SLOT, dtype), [gradient])


def fitted_all(node: Node, grads: list) -> list:
    """What a node with a gradient in Python returned, made to fit the inputs."""
    return [
        g if g is None or e is None
        else fitted(g, e[0].avals[e[1]], f"Function {node.name()} returned an invalid gradient at index {i}")
        for i, (e, g) in enumerate(zip(node.edges, grads, strict=True))
    ]  # fmt: skip
