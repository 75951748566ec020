"""Reading and writing at places given by index tensors and masks.

Index tensors are checked against the size they index before the operation is recorded, which reads them if they are
still pending (a barrier). Inside a JAX transformation or a captured function they cannot be read: there, a place
outside reads as NaN (the largest or smallest integer) and a write to it is dropped.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core import capture
from torchlike.core.device import cpu, x64
from torchlike.core.op import SLOT, Array, Arrays, Op, Scalar, op
from torchlike.core.variable import Variable
from torchlike.ops.checks import c_word, check, listed, word
from torchlike.ops.conversion import cast
from torchlike.ops.dims import broadcast_shape, wrap_dim
from torchlike.ops.promotion import is_weak

_bounds: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def bounds(index: Variable) -> tuple[int, int] | None:
    """The smallest and the largest element; None where there are none or where they cannot be read."""
    value = index._read()
    if 0 in value.aval.shape or value.array is None and capture.active is not None:
        return None
    array: Any = value.computed()
    if value.aval.traced:
        return None
    found = _bounds.get(value)
    if found is None:
        if value.aval.device is cpu:
            array = np.asarray(array)
        with x64():
            found = _bounds[value] = int(array.min()), int(array.max())
    return found


def check_range(index: Variable, n: int, message: str, error: type[Exception] = IndexError, wraps: bool = True) -> None:
    """Raise unless all elements are places of a dimension of size n, counted from the end if negative and `wraps`."""
    found = bounds(index)
    if found is not None:
        least, most = found
        lowest = -n if wraps else 0
        if least < lowest or most >= n:
            at = index._read().get()
            raise error(message.format(next(i for i in np.asarray(at).flat if not lowest <= i < n)))


class Indexed(Op):
    """An op with an `index` into dimension `dim` of its `input`, checked when it is called."""

    def bind(self, args, kwargs):
        template, inputs = super().bind(args, kwargs)
        rest = iter(inputs)
        given = {name: next(rest) if part is SLOT else part for name, part in zip(self.names, template, strict=True)}
        input, dim, index = given["input"], given["dim"], given["index"]
        if isinstance(index, Variable) and isinstance(input, Variable) and index.dtype.np.kind == "i":
            shape = input._aval().shape
            dim = wrap_dim(dim, len(shape))
            n = shape[dim] if shape else 1
            if 0 in shape and self.name in ("index_fill", "index_add", "index_copy"):
                return template, inputs  # nothing to write, and PyTorch does not look
            source = given.get("source")
            if isinstance(source, Variable) and index.numel() != (source._aval().shape[dim] if source.ndim else 1):
                return template, inputs  # the body has a better error
            if self.name == "index_select" or self.name == "index_add" and len(shape) == 1:
                check_range(index, n, "index out of range in self", wraps=False)
            else:
                fills, copies = self.name == "index_fill", self.name == "index_copy"
                check_range(
                    index, n, ("index_copy_(): " if copies else "")
                    + f"index {{}} is out of bounds for dimension {dim} with size {n}",
                    IndexError if fills or copies else RuntimeError, wraps=fills,
                )  # fmt: skip
        return template, inputs


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def placed(dims, x, indices, values):
    """`values` written where `indices` into these dimensions say.

    Where a place repeats one of them is taken, but as in PyTorch all of them get its gradient.
    """
    return x.at[_key(x.ndim, dims, indices)].set(values)


@placed.defjvp
def _placed_jvp(dims, primals, tangents):
    x, indices, _ = primals
    key = _key(x.ndim, dims, indices)
    kept = jnp.where(jnp.ones(x.shape, bool).at[key].set(False), tangents[0], 0)
    return placed(dims, *primals), kept.at[key].add(tangents[2])


# --- advanced indexing ------------------------------------------------------------------------------------------------


def _key(ndim: int, dims, indices) -> tuple:
    key: list = [slice(None)] * ndim
    for d, i in zip(dims, indices, strict=True):
        key[d] = i
    return tuple(key)


def agreed(indices) -> tuple[int, ...]:
    """The common shape of index tensors."""
    try:
        return broadcast_shape(*(i.shape for i in indices))
    except RuntimeError:
        shapes = ", ".join(listed(i) for i in indices)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None


@op("_.index", grad="IndexBackward0")
def index_(input: Array, indices: Arrays, dims: tuple[int, ...]):
    agreed(indices)
    return input[_key(input.ndim, dims, indices)]


@op("_.index_put", grad="IndexPutBackward0")
def index_put_(input: Array, indices: Arrays, values: Scalar, dims: tuple[int, ...], accumulate: bool):
    agreed(indices)
    key = _key(input.ndim, dims, indices)
    target = jax.eval_shape(lambda x: x[key], input).shape
    values = cast(values, np.dtype(input.dtype))
    lead = max(values.ndim - len(target), 0)
    if values.shape[:lead] == (1,) * lead:
        values = values.reshape(values.shape[lead:])
    fits = values.ndim <= len(target) and all(
        v in (1, t) for v, t in zip(values.shape[::-1], target[::-1], strict=False)
    )
    check(
        fits,
        f"shape mismatch: value tensor of shape {listed(values)} cannot be broadcast to indexing result of shape "
        f"{list(target)}",
    )
    values = jnp.broadcast_to(values, target)
    at = input.at[key]
    if not accumulate:
        return placed(dims, input, tuple(indices), values)
    return at.max(values) if input.dtype == bool else at.add(values)


@op("_.mask_put", grad="IndexPutBackward0")
def mask_put(input: Array, mask: Array, value: Scalar, dim: int):
    """One value at all places of a mask over the dimensions from `dim` on."""
    mask = mask.astype(bool).reshape(mask.shape + (1,) * (input.ndim - dim - mask.ndim))
    return jnp.where(mask, cast(value, np.dtype(input.dtype)).reshape(()), input)


def added(x, at, src):
    """`src` added to x at these places; bools are or-ed."""
    return x.at[at].max(src) if x.dtype == bool else x.at[at].add(src)


# --- along one dimension ----------------------------------------------------------------------------------------------


def _need_int(index, name: str, message: str = "{}(): Expected dtype int32/int64 for index") -> None:
    check(index.size == 0 or word(index) in ("Long", "Int"), message.format(name))


def _grid(shape, dim: int, index) -> tuple:
    """For every element of `index`, its place: its own coordinates, but what it says along `dim`."""
    return tuple(
        index if d == dim else jax.lax.broadcasted_iota(jnp.int64, index.shape, d) for d in range(len(shape))
    )


def _aligned(name, input, dim, index, src=None):
    """Dimension, index and source checked; scalars taken as vectors of one."""
    _need_int(index, name)
    dim = wrap_dim(dim, input.ndim)
    whole, index = jnp.atleast_1d(input), jnp.atleast_1d(index)
    check(whole.ndim == index.ndim, "Index tensor must have the same number of dimensions as "
          f"{'input' if name == 'gather' else 'self'} tensor")  # fmt: skip
    if src is not None and jnp.ndim(src):
        check(src.ndim == index.ndim, "Index tensor must have the same number of dimensions as src tensor")
    return dim, whole, index


@op("*.gather", kind=Indexed)
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False):
    """Elements of `input` picked along `dim`: `out[i][j] = input[index[i][j]][j]` for dim 0.

    `index` (int64) has as many dimensions as `input` and is nowhere larger except along `dim`; gives its shape.
    """
    if sparse_grad:
        raise NotImplementedError("gather(sparse_grad=True): gradients are dense here; leave sparse_grad out")
    shape = index.shape
    if not index.size:  # PyTorch takes nothing of any type and number of dimensions
        return jnp.zeros(shape, input.dtype)
    dim, input, index = _aligned("gather", input, dim, index)
    for d, (n, m) in enumerate(zip(index.shape, input.shape, strict=True)):
        check(
            d == dim or n <= m,
            f"Size does not match at dimension {d} expected index {listed(index)} to be no larger than self "
            f"{listed(input)} apart from dimension {dim}",
        )
    return input[_grid(input.shape, dim, index)].reshape(shape)


def _scattered(name, input, dim, index, src, combine):
    shape = input.shape
    check(is_weak(src) or not jnp.ndim(src) and index.ndim != 1 or word(src) == word(input),
          f"{name}(): Expected self.dtype to be equal to src.dtype")  # fmt: skip
    if not index.size:  # nothing of any type and number of dimensions
        wrap_dim(dim, input.ndim)
        return input
    dim, input, index = _aligned(name, input, dim, index, src)
    if jnp.ndim(src) or index.ndim == 1 and not is_weak(src):
        src = jnp.atleast_1d(src)
        for d, (n, m, k) in enumerate(zip(index.shape, input.shape, src.shape, strict=True)):
            check(
                (d == dim or n <= m) and n <= k,
                f"Expected index {listed(index)} to be no larger than self {listed(input)} apart from dimension "
                f"{dim} and to be no larger size than src {listed(src)}",
            )
        src = src[tuple(slice(n) for n in index.shape)]
    else:
        src = jnp.broadcast_to(cast(src, np.dtype(input.dtype)), index.shape)
    return combine(input, _grid(input.shape, dim, index), src).reshape(shape)


@op("*.scatter", "Tensor.scatter_", kind=Indexed)
def scatter(
    input: Array, dim: int, index: Array, src: Scalar | None = None, *, value: Scalar | None = None, reduce=None
):
    """The elements of `src` (or one number) written into `input` along `dim`: `out[index[i][j]][j] = src[i][j]`.

    `reduce="add"` or `"multiply"` combines them with what is there. With repeated places and no `reduce`, one of them
    is taken.
    """
    check(reduce in (None, "add", "multiply"), "reduce argument must be either add or multiply.")
    combine = {
        None: lambda x, at, s: placed(range(x.ndim), x, at, s),
        "add": added,
        "multiply": lambda x, at, s: x.at[at].min(s) if x.dtype == bool else x.at[at].multiply(s),
    }[reduce]
    return _scattered("scatter", input, dim, index, value if src is None else src, combine)


@op("*.scatter_add", "Tensor.scatter_add_", kind=Indexed)
def scatter_add(input: Array, dim: int, index: Array, src: Array):
    """The elements of `src` added to `input` along `dim`: `out[index[i][j]][j] += src[i][j]`."""
    return _scattered("scatter", input, dim, index, src, added)


@op("*.index_select", kind=Indexed)
def index_select(input: Array, dim: int, index: Array):
    """The parts of `input` along `dim` that a vector of indices names."""
    _need_int(index, "index_select", "{}(): Expected dtype int32 or int64 for index")
    check(index.ndim <= 1, "index_select(): Index is supposed to be a vector", IndexError)
    dim = wrap_dim(dim, input.ndim)
    picked = jnp.take(jnp.atleast_1d(input), jnp.atleast_1d(index), axis=dim)
    return picked if input.ndim else picked.reshape(())


def _along(name, input, dim, index, source, error=RuntimeError):
    """What the index_* family shares: the key of the indexed parts, after PyTorch's checks."""
    _need_int(index, name, f"{{}}_(): Expected dtype int32/int64 for index but got: {word(index)}")
    check(index.ndim <= 1, f"{name}_(): Index is supposed to be a vector", IndexError)
    dim = wrap_dim(dim, input.ndim)
    if source is not None:
        n = source.shape[dim] if source.ndim else 1
        extra = f": ({n}), for dim: {dim}" if error is RuntimeError else f" ({n})"
        check(index.size == n, f"{name}_(): Number of indices ({index.size}) should be equal to source.size(dim)"
              f"{extra}", error)  # fmt: skip
    return (slice(None),) * dim + (jnp.atleast_1d(index),)


@op("*.index_add", "Tensor.index_add_", kind=Indexed)
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1):
    """`alpha` times the parts of `source` added to those parts of `input` that `index` names."""
    key = _along("index_add", input, dim, index, source)
    check(
        input.ndim == source.ndim and input.shape[: len(key) - 1] == source.shape[: len(key) - 1]
        and input.shape[len(key) :] == source.shape[len(key) :] or source.ndim == 0,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
        f"{listed(input)} source.shape = {listed(source)}",
    )  # fmt: skip
    check(
        input.dtype == source.dtype,
        f"index_add_(): self ({word(input)}) and source ({word(source)}) must have the same scalar type",
    )
    made = added(jnp.atleast_1d(input), key, jnp.atleast_1d(source) * jnp.asarray(alpha, source.dtype))
    return made.reshape(input.shape)


@op("*.index_copy", "Tensor.index_copy_", kind=Indexed)
def index_copy(input: Array, dim: int, index: Array, source: Array):
    """The parts of `source` in the place of those parts of `input` that `index` names."""
    key = _along("index_copy", input, dim, index, source, IndexError)
    check(
        input.dtype == source.dtype,
        "index_copy_(): self and source expected to have the same dtype, but got (self) "
        f"{word(input)} and (source) {word(source)}",
    )
    return placed((len(key) - 1,), jnp.atleast_1d(input), key[-1:], jnp.atleast_1d(source)).reshape(input.shape)


@op("*.index_fill", "Tensor.index_fill_", kind=Indexed)
def index_fill(input: Array, dim: int, index: Array, value: Scalar):
    """One value in those parts of `input` that `index` names."""
    key = _along("index_fill", input, dim, index, None)
    check(
        jnp.ndim(value) == 0,
        f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {jnp.ndim(value)} dimension(s).",
    )
    return jnp.atleast_1d(input).at[key].set(cast(value, np.dtype(input.dtype))).reshape(input.shape)


# --- masks ------------------------------------------------------------------------------------------------------------


@op("*.masked_fill", "Tensor.masked_fill_")
def masked_fill(input: Array, mask: Array, value: Scalar):
    """`value` (a number or a 0-dim tensor) wherever `mask` is True; the dtype stays."""
    check(mask.dtype == bool, f"masked_fill_ only supports boolean masks, but got mask with dtype {c_word(mask)}")
    check(
        jnp.ndim(value) == 0,
        f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {jnp.ndim(value)} dimension(s).",
    )
    if jnp.iscomplexobj(value) and np.dtype(input.dtype).kind != "c":
        raise RuntimeError(f"value cannot be converted to type {c_word(input)} without overflow")
    broadcast_shape(mask.shape, input.shape)
    return jnp.where(mask, cast(value, np.dtype(input.dtype)), input)


@op("_.masked_scatter", grad="MaskedScatterBackward0")
def masked_scatter_(input: Array, mask: Array, source: Array):
    check(
        input.dtype == source.dtype,
        f"masked_scatter: expected self and source to have same dtypes but got{word(input)} and {word(source)}",
    )
    common = broadcast_shape(input.shape, mask.shape)
    input, mask = jnp.broadcast_to(input, common), jnp.broadcast_to(mask, common)
    turn = jnp.cumsum(mask.reshape(-1)) - 1
    drawn = jnp.take(source.reshape(-1), jnp.clip(turn, 0), axis=0, mode="clip").reshape(common)
    return jnp.where(mask, drawn, input)


@op("_.take_along_dim", grad="GatherBackward0")
def take_along_dim_(input: Array, indices: Array, dim: int | None = None):
    _need_int(indices, "torch.take_along_dim", "{}(): Expected dtype int32/int64 for index")
    if dim is None:
        return input.reshape(-1)[indices.reshape(-1)]
    check(
        input.ndim == indices.ndim,
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
        f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices",
    )
    return jnp.take_along_axis(input, indices, wrap_dim(dim, input.ndim))


for _body in (gather, scatter, scatter_add, index_select, index_add, index_copy):
    _body.op.exact = True
