"""Checks and small pieces that all operations on matrices share; a leading shape is a batch of matrices."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from torchlike.core.dtype import category
from torchlike.core.op import Op
from torchlike.core.variable import apply
from torchlike.ops.checks import check, need_floating, word


class _LinAlgError(RuntimeError):
    """What a singular or not positive-definite matrix raises: `torch.linalg.LinAlgError`."""


LinAlgError = _LinAlgError


def matrices(x, name: str, letter: str = "A") -> None:
    """PyTorch's error for what is no matrix or batch of them."""
    check(x.ndim >= 2, f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def square(x, name: str, letter: str = "A") -> None:
    """PyTorch's error for what is no square matrix or batch of them."""
    matrices(x, name, letter)
    m, n = x.shape[-2:]
    prefix = f"{name}: " if name else ""
    check(m == n, f"{prefix}{letter} must be batches of square matrices, but they are {m} by {n} matrices")


def floating(x, name: str, low: bool = True) -> None:
    """PyTorch's error for integers, and unless `low` is left for half precision."""
    check(
        category(np.dtype(x.dtype)) >= 2,
        f"{name}: Expected a floating point or complex tensor as input. Got {word(x)}",
    )
    check(low or x.dtype.itemsize > 2, f"{name}: Low precision dtypes not supported. Got {word(x)}")


def kernel(x, name: str) -> None:
    """PyTorch's error where its CPU kernel is for float, double and their complex types only."""
    need_floating(x, name)
    check(np.dtype(x.dtype).itemsize > 2, f"\"{name}\" not implemented for '{word(x)}'", NotImplementedError)


def adjoint(x):
    """The conjugate transpose of matrices."""
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def diagonal_of(x):
    """The main diagonals of matrices, (..., m, n) to (..., min(m, n))."""
    return jnp.diagonal(x, axis1=-2, axis2=-1)


def real_type(x) -> np.dtype:
    """The dtype of the absolute values of an array."""
    return np.dtype(jnp.finfo(x.dtype).dtype)


def batched(*xs):
    """Matrices with their leading shapes broadcast to a common one."""
    lead = jnp.broadcast_shapes(*(x.shape[:-2] for x in xs))
    return tuple(jnp.broadcast_to(x, (*lead, *x.shape[-2:])) for x in xs)


def hermitian(a, upper: bool):
    """The Hermitian matrices of which `a` holds the lower (or upper) triangle; the other one is not read."""
    strict = jnp.triu(a, 1) if upper else jnp.tril(a, -1)
    on = jnp.eye(a.shape[-1], dtype=bool)
    return strict + adjoint(strict) + jnp.where(on, jnp.real(a), 0).astype(a.dtype)


# --- results that come with an `info` ---------------------------------------------------------------------------------


def raised(info, message: Callable[[int], str], name: str, error: type[Exception] = LinAlgError) -> None:
    """Read the info of a factorization (a barrier) and raise for the first matrix where it is not 0.

    Inside a transformation of JAX there is nothing to read; the result is then not finite instead.
    """
    if info._aval().traced:
        return
    codes = np.asarray(info._read().get())
    if codes.any():
        flat = codes.reshape(-1)
        at = int(np.flatnonzero(flat)[0])
        where = f"(Batch element {at}): " if codes.ndim else ""
        raise error(f"{name}: {where}{message(int(flat[at]))}")


def singular(code: int) -> str:
    return (
        f"The diagonal element {code} is zero, the inversion could not be completed because the input matrix is "
        "singular."
    )


def use(op: Op, *args):
    """Apply an op to arguments in the order of its parameters: tensors become inputs, the rest structure."""
    return apply(op, *op.bind(args, {}))


def given(name: str, result, out):
    """The result, or `out` with the result in it."""
    if out is None:
        return result
    from torchlike.facade import write_out

    return write_out(name, result, out)
