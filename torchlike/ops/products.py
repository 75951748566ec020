"""Products of vectors, matrices and batches of matrices, with PyTorch's errors about their shapes."""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.checks import c_word, check, listed, need, word
from torchlike.ops.dims import broadcast_shape, wrap_dim
from torchlike.ops.promotion import elementwise
from torchlike.ops.reduction import summed


def same_type(a, b) -> None:
    check(a.dtype == b.dtype, f"expected m1 and m2 to have the same dtype, but got: {c_word(a)} != {c_word(b)}")


def _multiplies(a, b, names: str = "mat1 and mat2") -> None:
    check(
        a.shape[-1] == b.shape[0],
        f"{names} shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})",
    )


def _kernel(a, b, name: str) -> None:
    """Bools are refused where there is something to multiply, by the kernel that would."""
    if a.size and b.size:
        need(a, name, 1)


@op("*.mm")
def mm(input: Array, mat2: Array):
    """The product of two matrices, (n, m) by (m, p); no broadcasting."""
    check(input.ndim == 2, "self must be a matrix")
    check(mat2.ndim == 2, "mat2 must be a matrix")
    _multiplies(input, mat2)
    same_type(input, mat2)
    _kernel(input, mat2, "addmm_impl_cpu_")
    return input @ mat2


@op("*.bmm")
def bmm(input: Array, mat2: Array):
    """The products of two batches of matrices, (b, n, m) by (b, m, p); no broadcasting."""
    check(input.ndim == 3, "batch1 must be a 3D tensor")
    check(mat2.ndim == 3, "batch2 must be a 3D tensor")
    b, _, m = input.shape
    check(
        mat2.shape[:2] == (b, m),
        f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
        f"[{mat2.shape[0]}, {mat2.shape[1]}].",
    )
    check(input.dtype == mat2.dtype, f"expected scalar type {word(input)} but found {word(mat2)}")
    _kernel(input, mat2, "baddbmm")
    return input @ mat2


@op("*.mv")
def mv(input: Array, vec: Array):
    """The product of a matrix (n, m) and a vector (m)."""
    check(
        input.ndim == 2 and vec.ndim == 1,
        f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}",
    )
    check(
        input.shape[1] == vec.shape[0],
        f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})",
    )
    check(
        input.dtype == vec.dtype,
        f"addmv input tensors must have the same dtype, but got {word(vec)}, {word(input)}, and {word(vec)}",
    )
    _kernel(input, vec, "addmv_impl_cpu")
    return input @ vec


def _dots(a, b, kernel: str = "dot") -> None:
    check(
        a.ndim == b.ndim == 1,
        f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors",
    )
    check(
        a.dtype == b.dtype,
        f"dot : expected both vectors to have same dtype, but found {word(a)} and {word(b)}",
    )
    check(
        a.shape == b.shape,
        f"inconsistent tensor size, expected tensor [{a.size}] and src [{b.size}] to have the same number of elements, "
        f"but got {a.size} and {b.size} elements respectively",
    )
    need(a, kernel, 1)


@op("*.dot")
def dot(input: Array, tensor: Array):
    """The sum of the products of two vectors of one size."""
    _dots(input, tensor)
    return jnp.dot(input, tensor)


@op("*.vdot")
def vdot(input: Array, other: Array):
    """`dot(conj(input), other)`."""
    _dots(input, other, "vdot")
    return jnp.dot(jnp.conj(input), other)


_MATMUL_NAMES: dict[tuple, str] = {(1, 1): "Dot", (2, 1): "Mv", (2, 2): "Mm"}


def _matmul_name(template, avals) -> str:
    ranks = tuple(len(a.shape) for a in avals)
    return "SqueezeBackward4" if ranks == (1, 2) else f"{_MATMUL_NAMES.get(ranks, 'UnsafeView')}Backward0"


@op("*.matmul", "linalg.matmul", "Tensor.__matmul__", "Tensor.__rmatmul__", "Tensor.__imatmul__", grad=_matmul_name)
def matmul(input: Array, other: Array):
    """The matrix product: of the last two dimensions, the others broadcast as a batch.

    Vectors: 1-D by 1-D is `dot`, 2-D by 1-D is `mv`; a 1-D operand gets a dimension of size 1 that is taken away again.
    (1000, 500, 99, 11) by (500, 11, 99) gives (1000, 500, 99, 99).
    """
    a, b = input, other
    check(
        a.ndim > 0 and b.ndim > 0,
        f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D",
    )
    if a.ndim == b.ndim == 1:
        return dot(a, b)
    if a.ndim == 2 and b.ndim == 1:
        return mv(a, b)
    if a.ndim == 1 and b.ndim == 2:
        return mm(a[None], b)[0]
    if a.ndim == b.ndim == 2:
        return mm(a, b)
    if b.ndim <= 2 <= a.ndim:  # one matrix or vector for the whole batch: rows of one large matrix
        rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
        return (mm(rows, b) if b.ndim == 2 else mv(rows, b)).reshape(*a.shape[:-1], *b.shape[1:])
    return _batched(a, b)


def _batched(a, b):
    left = a.reshape(1, -1) if a.ndim == 1 else a
    right = b.reshape(-1, 1) if b.ndim == 1 else b
    batch = broadcast_shape(left.shape[:-2], right.shape[:-2])
    n = math.prod(batch)
    rows, columns = left.shape[-1], right.shape[-2]
    check(
        rows == columns or a.ndim > 1,
        f"size mismatch, got input ({n * right.shape[-1]}), mat ({n * right.shape[-1]}x{columns}), vec ({rows})",
    )
    check(
        rows == columns,
        f"Expected size for first two dimensions of batch2 tensor to be: [{n}, {rows}] but got: [{n}, {columns}]."
        if a.ndim > 2 else
        f"mat1 and mat2 shapes cannot be multiplied ({n * right.shape[-1]}x{columns} and {rows}x{left.shape[-2]})",
    )  # fmt: skip
    check(a.dtype == b.dtype, f"expected scalar type {word(a)} but found {word(b)}")
    _kernel(left, right, "baddbmm")
    result = jnp.matmul(left, right)
    return result.squeeze(-2) if a.ndim == 1 else result.squeeze(-1) if b.ndim == 1 else result


# --- added to something -----------------------------------------------------------------------------------------------


def _added(input, product, beta, alpha):
    """`beta * input + alpha * product`; nothing is multiplied by a number left at 1, and 0 wipes even what is NaN."""
    if type(alpha) is not int:
        product = product * jnp.asarray(alpha, product.dtype)
    if type(beta) is not int:
        input = jnp.where(jnp.asarray(beta) == 0, 0, input * jnp.asarray(beta, input.dtype))
    return input + product


def _expands(input, shape: tuple, name: str = "self") -> None:
    fits = input.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(input.shape[::-1], shape[::-1], strict=False)
    )
    if fits:
        return
    check(
        input.ndim <= len(shape),
        f"expand(torch.{word(input)}Tensor{{{listed(input)}}}, size={list(shape)}): the number of sizes provided "
        f"({len(shape)}) must be greater or equal to the number of dimensions in the tensor ({input.ndim})",
    )
    at = next(d for d in range(1, input.ndim + 1) if input.shape[-d] not in (1, shape[-d]))
    raise RuntimeError(
        f"The expanded size of the tensor ({shape[-at]}) must match the existing size ({input.shape[-at]}) at "
        f"non-singleton dimension {len(shape) - at}.  Target sizes: {list(shape)}.  Tensor sizes: {listed(input)}"
    )


@op("*.addmm", "Tensor.addmm_")
def addmm(input: Array, mat1: Array, mat2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * (mat1 @ mat2)`, the input broadcasting."""
    check(mat1.ndim == 2, f"mat1 must be a matrix, got {mat1.ndim}-D tensor")
    check(mat2.ndim == 2, f"mat2 must be a matrix, got {mat2.ndim}-D tensor")
    _multiplies(mat1, mat2)
    _expands(input, (mat1.shape[0], mat2.shape[1]))
    check(input.dtype == mat2.dtype, f"self and mat2 must have the same dtype, but got {word(input)} and {word(mat2)}")
    check(mat1.dtype == mat2.dtype, f"mat1 and mat2 must have the same dtype, but got {word(mat1)} and {word(mat2)}")
    _kernel(mat1, mat2, "addmm_impl_cpu_")
    return _added(input, mat1 @ mat2, beta, alpha)


@op("*.addmv", "*.addmv_")
def addmv(input: Array, mat: Array, vec: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * (mat @ vec)`, the input broadcasting."""
    check(
        mat.ndim == 2 and vec.ndim == 1 and input.ndim <= 1,
        f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}",
    )
    check(
        mat.shape[1] == vec.shape[0] and input.size in (1, mat.shape[0]),
        f"size mismatch, got input ({input.size}), mat ({mat.shape[0]}x{mat.shape[1]}), vec ({vec.shape[0]})",
    )
    return _added(input, mv(mat, vec), beta, alpha)


@op("*.addr", "Tensor.addr_")
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * outer(vec1, vec2)`, the input broadcasting; of bools with "and" and "or"."""
    if input.dtype == vec1.dtype == vec2.dtype == bool:
        return (input & jnp.asarray(beta, bool)) | (outer(vec1, vec2) & jnp.asarray(alpha, bool))
    return _added(input, outer(vec1, vec2), beta, alpha)


@op("*.addbmm", "Tensor.addbmm_")
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * Σ batch1[i] @ batch2[i]`, the input broadcasting."""
    return _added(input, summed(bmm(batch1, batch2), 0).astype(input.dtype), beta, alpha)


addbmm.op.grows = True


@op("*.baddbmm", "Tensor.baddbmm_")
def baddbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1):
    """`beta * input + alpha * (batch1 @ batch2)`, batch by batch, the input broadcasting."""
    product = bmm(batch1, batch2)
    _expands(input, product.shape)
    return _added(input, product, beta, alpha)


# --- other products ---------------------------------------------------------------------------------------------------


@op("*.outer", "*.ger", grad="MulBackward0")
def outer(input: Array, vec2: Array):
    """Every element of one vector times every element of the other: (n) and (m) give (n, m)."""
    check(input.ndim == 1, f"outer: Expected 1-D argument self, but got {input.ndim}-D")
    check(vec2.ndim == 1, f"outer: Expected 1-D argument vec2, but got {vec2.ndim}-D")
    a, b = elementwise(input[:, None], vec2[None])
    return a * b


@op("*.inner", grad="ViewBackward0")
def inner(input: Array, other: Array):
    """The sum of products over the last dimensions; of numbers and a tensor their product."""
    if not input.ndim or not other.ndim:
        a, b = elementwise(input, other)
        return a * b
    check(
        input.shape[-1] == other.shape[-1],
        f"inner() the last dimension must match on both input tensors but got shapes {listed(input)} and "
        f"{listed(other)}",
    )
    check(input.dtype == other.dtype, "both inputs should have same dtype")
    return jnp.inner(input, other)


@op("*.kron", grad="UnsafeViewBackward0")
def kron(input: Array, other: Array):
    """The Kronecker product: every element of `input` times the whole of `other`."""
    a, b = elementwise(input.reshape(-1)[:, None], other.reshape(-1)[None])
    if a.dtype == bool:
        return jnp.kron(input.astype(jnp.uint8), other.astype(jnp.uint8)).astype(bool)
    return jnp.kron(input.astype(a.dtype), other.astype(b.dtype))


@op("*.cross", grad="LinalgCrossBackward0")
def cross(input: Array, other: Array, dim: int | None = None):
    """The cross product along a dimension of size 3; without `dim` the first such dimension."""
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        check(dim is not None, "no dimension of size 3 in input")
    check(
        input.ndim == other.ndim,
        "linalg.cross: inputs must have the same number of dimensions.",
    )
    at = wrap_dim(dim, input.ndim)  # type: ignore[arg-type]
    check(
        input.shape[at] == 3 and other.shape[at] == 3,
        f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[at]} and {other.shape[at]}",
    )
    a, b = elementwise(input, other)
    return jnp.cross(a, b, axis=at)
