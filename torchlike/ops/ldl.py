"""The LDL factorization of Hermitian and symmetric matrices that need not be positive-definite, by Bunch and Kaufman.

LAPACK's form for the lower triangle: D, with blocks of one or two columns, on the diagonal (and below it in a block of
two), the multipliers of L below. A positive pivot p at k: rows k and p - 1 were exchanged. The same negative pivot at k
and k + 1: a block of two, rows k + 1 and -p - 1 exchanged.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, composite, op
from torchlike.ops.checks import check, listed, word
from torchlike.ops.matrix_checks import batched, floating, given, kernel, raised, square, use
from torchlike.ops.results import named

_ALPHA = (1 + 17**0.5) / 8  # keeps the growth of elements least; Bunch and Kaufman (1977)


def _size(x):
    """|x|, of complex numbers |real| + |imag|, as LAPACK compares them."""
    return jnp.abs(x.real) + jnp.abs(x.imag) if jnp.iscomplexobj(x) else jnp.abs(x)


def _exchanged(a, i, j):
    """The matrix with rows i and j exchanged, and the columns."""
    order = jnp.arange(a.shape[0]).at[i].set(j).at[j].set(i)
    return a[order][:, order]


def _factor_one(a, hermitian: bool):
    """(LD, pivots, info) of one (n, n) matrix, of which the lower triangle is read.

    The trailing part is held whole, mirrored, so that an exchange is one of rows and columns; the finished columns
    go to `done`.
    """
    n = a.shape[0]
    index = jnp.arange(n)

    def mirror(x):
        return jnp.conj(x) if hermitian else x

    low = jnp.tril(a, -1)
    diagonal = jnp.diagonal(a)
    a = low + mirror(low).T + jnp.diag(diagonal.real.astype(a.dtype) if hermitian else diagonal)

    def step(state):
        a, done, pivots, info, k = state
        below = index > k
        column = jnp.where(below, _size(a[:, k]), -1.0)
        imax = jnp.argmax(column)
        colmax = jnp.maximum(column[imax], 0)
        own = jnp.abs(a[k, k].real) if hermitian else _size(a[k, k])
        empty = jnp.maximum(own, colmax) == 0
        row = jnp.where((index >= k) & (index != imax), _size(a[:, imax]), -1.0)
        rowmax = jnp.maximum(row.max(), 0)
        at_imax = jnp.abs(a[imax, imax].real) if hermitian else _size(a[imax, imax])
        stay = empty | (own >= _ALPHA * colmax)
        stay = stay | (own >= _ALPHA * colmax * (colmax / jnp.where(rowmax == 0, 1, rowmax)))
        take = ~stay & (at_imax >= _ALPHA * rowmax)
        two = ~stay & ~take
        to = jnp.where(stay, k, imax)
        at = jnp.where(two, k + 1, k)
        a = _exchanged(a, at, to)
        info = jnp.where(empty & (info == 0), k + 1, info)

        def single(_):
            c = a[:, k]
            d = a[k, k]
            rest = jnp.where(below & ~empty, c, 0)
            multipliers = rest / jnp.where(d == 0, 1, d)
            new = a - jnp.outer(multipliers, mirror(rest))
            column = jnp.where(below, jnp.where(empty, c, multipliers), jnp.where(index == k, d, 0))
            return new, done.at[:, k].set(column), pivots.at[k].set(to + 1)

        def double(_):
            j = jnp.minimum(k + 1, n - 1)
            block = jnp.array([[a[k, k], a[k, j]], [a[j, k], a[j, j]]])
            further = index > j
            rest = jnp.where(further[:, None], jnp.stack([a[:, k], a[:, j]], 1), 0)
            det = block[0, 0] * block[1, 1] - block[0, 1] * block[1, 0]
            turned = jnp.array([[block[1, 1], -block[0, 1]], [-block[1, 0], block[0, 0]]])
            inverse = turned / jnp.where(det == 0, 1, det)
            multipliers = rest @ inverse
            new = a - multipliers @ mirror(rest).T
            top = jnp.where(index == k, a[k, k], jnp.where(index == j, a[j, k], 0))
            first = jnp.where(further, multipliers[:, 0], top)
            second = jnp.where(further, multipliers[:, 1], jnp.where(index == j, a[j, j], 0))
            columns = done.at[:, k].set(first).at[:, j].set(second)
            return new, columns, pivots.at[k].set(-(to + 1)).at[j].set(-(to + 1))

        new, done, pivots = lax.cond(two, double, single, None)
        return new, done, pivots, info, k + jnp.where(two, 2, 1)

    start = (a, jnp.zeros_like(a), jnp.zeros(n, jnp.int64), jnp.int64(0), jnp.int64(0))
    _, done, pivots, info, _ = lax.while_loop(lambda state: state[-1] < n, step, start)
    return done, pivots.astype(jnp.int32), info.astype(jnp.int32)


@op("_.linalg_ldl_factor_ex", result=named("linalg_ldl_factor_ex", "LD", "pivots", "info"), grad="NotImplemented")
def linalg_ldl_factor_ex(A: Array, hermitian: bool):
    name = "torch.linalg.ldl_factor_ex"
    square(A, name)
    floating(A, name)
    kernel(A, "ldl_factor_kernel_cpu")
    A = lax.stop_gradient(A)
    if 0 in A.shape:
        return A, jnp.zeros(A.shape[:-1], jnp.int32), jnp.zeros(A.shape[:-2], jnp.int32)

    def one(a):
        return _factor_one(a, hermitian and jnp.iscomplexobj(a))

    for _ in A.shape[:-2]:
        one = jax.vmap(one)
    return one(A)


_FACTOR = named("linalg_ldl_factor", "LD", "pivots")


def _unknown(code: int) -> str:
    return f"Unknown error code: {code}."


@composite("linalg.ldl_factor_ex")
def ldl_factor_ex(A, *, hermitian: bool = False, check_errors: bool = False, out=None):
    """(LD, pivots, info): as `ldl_factor`, with the place (from 1) of the first zero block of D, 0 if none.

    No value is read, unless `check_errors` asks for an error.
    """
    result = use(linalg_ldl_factor_ex.op, A, hermitian)
    if check_errors:
        raised(result.info, _unknown, "torch.linalg.ldl_factor_ex", RuntimeError)
    return given("linalg_ldl_factor_ex", result, out)


@composite("linalg.ldl_factor")
def ldl_factor(A, *, hermitian: bool = False, out=None):
    """(LD, pivots) of symmetric, with `hermitian` of Hermitian (..., n, n) matrices, given by their lower triangle.

    What `ldl_solve` takes; the form is LAPACK's. Raises RuntimeError if D is singular (a barrier). No gradient.
    """
    packed, pivots, info = use(linalg_ldl_factor_ex.op, A, hermitian)
    raised(info, _unknown, "torch.linalg.ldl_factor", RuntimeError)
    return given("linalg_ldl_factor", _FACTOR((packed, pivots)), out)


def _solve_one(packed, pivots, b, hermitian: bool):
    """Undo the exchanges, L, D, Lᴴ and the exchanges again, on one matrix."""
    n = packed.shape[0]
    index = jnp.arange(n)
    two = pivots < 0
    # of a run of negative pivots every other one begins a block
    begins = lax.scan(lambda inside, negative: (negative & ~inside, negative & ~inside), jnp.bool_(False), two)[1]
    off = jnp.where(begins, jnp.append(jnp.diagonal(packed, -1), 0), 0)
    below_off = jnp.diag(off[:-1], -1)
    lower = jnp.tril(packed, -1) - below_off
    across = below_off.conj().T if hermitian else below_off.T
    middle = jnp.diag(jnp.diagonal(packed)) + below_off + across

    def exchanged(b, k):
        """The exchange made at k: for a block of two, at its first column, between k + 1 and the pivot."""
        at = jnp.where(begins[k], jnp.minimum(k + 1, n - 1), k)
        to = jnp.where(two[k] & ~begins[k], at, jnp.abs(pivots[k]) - 1)
        return b[index.at[at].set(to).at[to].set(at)]

    def forward(k, b):
        b = exchanged(b, k)
        return b - jnp.outer(lower[:, k], b[k])

    def backward(i, b):
        k = n - 1 - i
        column = lower[:, k].conj() if hermitian else lower[:, k]
        return exchanged(b.at[k].add(-(column @ b)), k)

    b = lax.fori_loop(0, n, forward, b)
    b = jnp.linalg.solve(middle, b)
    return lax.fori_loop(0, n, backward, b)


@op("linalg.ldl_solve", grad="NotImplemented")
def ldl_solve(LD: Array, pivots: Array, B: Array, *, hermitian: bool = False):
    """X with `A @ X = B`, of what `ldl_factor(A)` returned. Batches broadcast. No gradient."""
    name = "torch.linalg.ldl_solve"
    square(LD, name)
    check(
        B.ndim >= 2,
        f"Dimension out of range (expected to be in range of [-{B.ndim}, {B.ndim - 1}], but got -2)",
        IndexError,
    )
    check(
        LD.shape[-1] == B.shape[-2],
        f"Incompatible matrix sizes for {name}: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} but each b matrix "
        f"is {B.shape[-2]} by {B.shape[-1]}",
    )
    check(
        LD.shape[:-1] == pivots.shape,
        f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape {listed(pivots)} "
        "instead",
    )
    check(jnp.issubdtype(pivots.dtype, jnp.integer), f"{name}: Expected pivots to be integers. Got {word(pivots)}")
    check(
        LD.dtype == B.dtype,
        f"Expected b and A to have the same dtype, but found b of type {word(B)} and A of type {word(LD)} instead.",
    )
    kernel(B, "ldl_solve_kernel_cpu")
    packed, b = batched(LD, B)
    order = jnp.broadcast_to(pivots, packed.shape[:-1])
    if 0 in b.shape or 0 in packed.shape:
        return b

    def one(packed, order, b):
        return _solve_one(packed, order.astype(jnp.int64), b, hermitian and jnp.iscomplexobj(packed))

    for _ in packed.shape[:-2]:
        one = jax.vmap(one)
    return one(*map(lax.stop_gradient, (packed, order, b)))
