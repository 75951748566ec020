"""Square systems: determinants, inverses, solutions, with general and with triangular matrices."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, composite, op
from torchlike.ops.checks import check, word
from torchlike.ops.lu import factor, solve_factored
from torchlike.ops.matrix_checks import batched, floating, given, kernel, matrices, raised, singular, square, use
from torchlike.ops.results import named
from torchlike.ops.views import reshape

# --- determinants -----------------------------------------------------------------------------------------------------


def _determinant(a, name: str):
    square(a, name)
    floating(a, name)
    kernel(a, "lu_cpu")
    return jnp.linalg.det(a) if a.shape[-1] else jnp.ones(a.shape[:-2], a.dtype)


@op("linalg.det")
def linalg_det(A: Array):
    """The determinant of (..., n, n) matrices."""
    return _determinant(A, "linalg.det")


@op("*.det", grad="LinalgDetBackward0")
def det(input: Array):
    """As `linalg.det`."""
    return _determinant(input, "linalg.det")


def _sign_and_log(a, name: str):
    square(a, name)
    floating(a, name, low=False)
    if not a.shape[-1]:
        return jnp.ones(a.shape[:-2], a.dtype), jnp.zeros(a.shape[:-2], jnp.finfo(a.dtype).dtype)
    return tuple(jnp.linalg.slogdet(a))


@op("linalg.slogdet", result=named("linalg_slogdet", "sign", "logabsdet"))
def linalg_slogdet(A: Array):
    """(sign, logabsdet): the determinant's sign (of complex ones the angle, as e^iθ) and the log of its magnitude.

    A singular matrix has 0 and -inf.
    """
    return _sign_and_log(A, "linalg.slogdet")


@op("*.slogdet", result=named("slogdet", "sign", "logabsdet"), grad="LinalgSlogdetBackward0")
def slogdet(input: Array):
    """As `linalg.slogdet`."""
    return _sign_and_log(input, "linalg.slogdet")


@op("*.logdet")
def logdet(input: Array):
    """The logarithm of the determinant of (..., n, n) matrices: -inf of a singular one, NaN of a negative one."""
    sign, logabs = _sign_and_log(input, "logdet")
    if jnp.iscomplexobj(sign):
        return logabs + jnp.log(sign)
    return jnp.where(sign == -1, jnp.nan, logabs)


# --- inverses and solutions -------------------------------------------------------------------------------------------


@jax.custom_jvp
def _solve(a, b):
    packed, pivots, _ = factor(a)
    return solve_factored(packed, pivots, b)


@_solve.defjvp
def _solve_jvp(primals, tangents):
    """A X = B gives A dX = dB - dA X."""
    (a, b), (da, db) = primals, tangents
    x = _solve(a, b)
    packed, pivots, _ = factor(a)
    return x, solve_factored(packed, pivots, db - da @ x)


@jax.custom_jvp
def inverse_of(a):
    """The inverse, with d(A⁻¹) = -A⁻¹ dA A⁻¹."""
    packed, pivots, _ = factor(a)
    return solve_factored(packed, pivots, jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape))


@inverse_of.defjvp
def _inverse_jvp(primals, tangents):
    x = inverse_of(*primals)
    return x, -x @ tangents[0] @ x


@op("_.linalg_inv_ex", result=named("linalg_inv_ex", "inverse", "info"))
def linalg_inv_ex(A: Array, name: str = "linalg.inv"):
    square(A, name)
    floating(A, name, low=False)
    return inverse_of(A), factor(lax.stop_gradient(A))[2]


@composite("linalg.inv_ex")
def inv_ex(A, *, check_errors: bool = False, out=None):
    """(inverse, info): info is 0, or the place (from 1) of the first zero pivot, where the inverse is not finite.

    No value is read, unless `check_errors` asks for an error.
    """
    result = use(linalg_inv_ex.op, A)
    if check_errors:
        raised(result.info, singular, "linalg.inv_ex")
    return given("linalg_inv_ex", result, out)


def _inverse(A, out, name: str = "linalg.inv"):
    inverse, info = use(linalg_inv_ex.op, A)
    raised(info, singular, name)
    return given("linalg_inv", inverse, out)


@composite("linalg.inv")
def inv(A, *, out=None):
    """The inverse of (..., n, n) matrices. Raises LinAlgError for a singular one (a barrier)."""
    return _inverse(A, out)


@composite("*.inverse")
def inverse(input, *, out=None):
    """As `linalg.inv`."""
    return _inverse(input, out)


def is_vector(a, b) -> bool:
    """Whether `b` is a vector, or a batch of vectors for a batch of matrices."""
    return len(b) == 1 or len(a) - 1 == len(b) and tuple(b) == tuple(a[:-1])


def _pair(A, B, name: str, left: bool = True, letters: tuple = ("A", "B")) -> None:
    """The checks on the two sides of an equation of matrices."""
    check(
        A.dtype == B.dtype,
        f"{name}: Expected {letters[0]} and {letters[1]} to have the same dtype, but found {letters[0]} of type "
        f"{word(A)} and {letters[1]} of type {word(B)} instead",
    )
    square(A, name)
    matrices(B, name, "B")
    n, m = A.shape[-1], B.shape[-2 if left else -1]
    check(
        n == m,
        f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
        f"({n}x{n} and {B.shape[-2]}x{B.shape[-1]})",
    )


@op("_.linalg_solve_ex", result=named("linalg_solve_ex", "result", "info"))
def linalg_solve_ex(A: Array, B: Array, left: bool):
    name = "linalg.solve"
    floating(A, name)
    square(A, name)
    vector = is_vector(A.shape, B.shape)
    check(left or not vector, f"{name}: Vector broadcasting of the left hand side is not supported for left=False. In "
          f"this case {name} is equivalent to B / A.squeeze(-1)")  # fmt: skip
    b = B[..., None] if vector else B
    _pair(A, b, name, left)
    kernel(A, "linalg_solve_ex_cpu")
    info = factor(lax.stop_gradient(A))[2]
    x = _solve(*batched(A, b)) if left else _solve(*batched(A.mT, b.mT)).mT
    return (x[..., 0] if vector else x), info


@composite("linalg.solve_ex")
def solve_ex(A, B, *, left: bool = True, check_errors: bool = False, out=None):
    """(result, info) of `linalg.solve`: info is 0, or the place (from 1) of the first zero pivot.

    No value is read, unless `check_errors` asks for an error.
    """
    result = use(linalg_solve_ex.op, A, B, left)
    if check_errors:
        raised(result.info, _unsolvable, "torch.linalg.solve_ex")
    return given("linalg_solve_ex", result, out)


def _unsolvable(code: int) -> str:
    return "The solver failed because the input matrix is singular."


@composite("linalg.solve")
def solve(A, B, *, left: bool = True, out=None):
    """X with `A @ X = B` (with `left=False`: `X @ A = B`), for A of (..., n, n) and B of (..., n, k) or (..., n).

    B is a vector if it has one dimension, or A's shape without the last. Batches broadcast. Raises LinAlgError for a
    singular A (a barrier).
    """
    result, info = use(linalg_solve_ex.op, A, B, left)
    raised(info, _unsolvable, "torch.linalg.solve")
    return given("linalg_solve", result, out)


# --- tensors as matrices ----------------------------------------------------------------------------------------------


def _as_square(rows: int, columns: int, first: str, second: str) -> None:
    check(
        rows == columns,
        f"Expected self to satisfy the requirement prod(self.shape[{first}:]) == prod(self.shape[:{second}]), but got "
        f"{rows} != {columns}",
    )


@composite("linalg.tensorinv")
def tensorinv(A, ind: int = 2, *, out=None):
    """The inverse for `tensordot`: A taken as a matrix from its dimensions after the first `ind` to those."""
    check(ind > 0, f"Expected a strictly positive integer for 'ind', but got {ind}")
    shape = tuple(A.shape)
    head, tail = shape[:ind], shape[ind:]
    _as_square(math.prod(tail), math.prod(head), "ind", "ind")
    made = _inverse(reshape(A, math.prod(tail), -1), None, "inv")
    return given("linalg_tensorinv", reshape(made, *tail, *head), out)


@composite("linalg.tensorsolve")
def tensorsolve(A, B, dims=None, *, out=None):
    """X with `tensordot(A, X, X.ndim) = B`; `dims` of A are moved to its end first."""
    if dims is not None:
        order = [d % A.ndim for d in dims]
        A = A.movedim(order, list(range(A.ndim - len(order), A.ndim)))
    shape = tuple(A.shape)
    tail = shape[B.ndim :]
    columns = math.prod(tail)
    rows = math.prod(shape[: B.ndim])
    _as_square(columns, math.prod(B.shape), "other.ndim", "other.ndim")
    made = solve(reshape(A, rows, columns), reshape(B, -1))
    return given("linalg_tensorsolve", reshape(made, *tail), out)


# --- triangular matrices ----------------------------------------------------------------------------------------------


def _triangular(a, b, *, left, upper, unitriangular, transpose=False):
    a, b = batched(a, b)
    if 0 in b.shape:
        return b
    return lax.linalg.triangular_solve(
        a, b, left_side=left, lower=not upper, unit_diagonal=unitriangular, transpose_a=transpose
    )


@op("linalg.solve_triangular")
def linalg_solve_triangular(A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False):
    """X with `A @ X = B` (with `left=False`: `X @ A = B`) for triangular A, of which one triangle is read.

    With `unitriangular` its diagonal counts as ones and is not read. Batches broadcast.
    """
    _pair(A, B, "linalg.solve_triangular", left)
    kernel(A, "triangular_solve_cpu")
    return _triangular(A, B, left=left, upper=upper, unitriangular=unitriangular)


@op("*.triangular_solve", result=named("triangular_solve", "solution", "cloned_coefficient"))
def triangular_solve(
    input: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
):
    """(X, a copy of A) with `A @ X = input` (with `transpose`: `A.T @ X`) for triangular A. See `solve_triangular`."""
    name = "torch.triangular_solve"
    b = input
    check(b.ndim >= 2, f"{name}: Expected b to have at least 2 dimensions, but it has {b.ndim} dimensions instead")
    check(A.ndim >= 2, f"{name}: Expected A to have at least 2 dimensions, but it has {A.ndim} dimensions instead")
    square(A, "")
    check(
        A.shape[-1] == b.shape[-2],
        f"Incompatible matrix sizes for triangular_solve: each A matrix is {A.shape[-1]} by {A.shape[-1]} but each b "
        f"matrix is {b.shape[-2]} by {b.shape[-1]}",
    )
    kernel(A, "triangular_solve_cpu")
    x = _triangular(A, b, left=True, upper=upper, unitriangular=unitriangular, transpose=transpose)
    return x, batched(A, b)[0]
