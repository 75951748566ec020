"""Copies, changes of type, device or layout: `to`, `clone`, `contiguous`, `copy_` and their relatives."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core import graph
from torchlike.core.dtype import category
from torchlike.core.graph import Node
from torchlike.core.layout import without_gaps
from torchlike.core.op import SLOT, Array, Op, composite, inexact, op
from torchlike.core.overlap import refuse_overlap
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, contiguous_strides, move, wrap
from torchlike.ops import promotion
from torchlike.ops.checks import check, listed
from torchlike.ops.dims import broadcast_shape


def cast(x, kind: np.dtype):
    """The values in another type: to integers by cutting off, complex to real by its real part."""
    x = jnp.asarray(x)
    source = np.dtype(x.dtype)
    if source == kind:
        return x
    if source.kind == "c" and kind.kind not in "cb":
        x = x.real
    if category(source) >= 2 and category(kind) == 1 and (kind.kind == "i" or kind.itemsize < 4):
        x = _to_register(x, np.dtype(np.int64 if kind.itemsize == 8 else np.int32))
    return within_float8(x, kind).astype(kind)


def _to_register(x, kind: np.dtype):
    """Integers as x86-64 converts to them, and so PyTorch on it: what does not fit, and nan, is the smallest number.
    (XLA would take the nearest one, and 0 for nan.) Narrower types keep the low bits of that."""
    smallest = np.iinfo(kind).min
    x = x.astype(jnp.promote_types(x.dtype, np.float32))  # half precision does not reach so far
    return jnp.where((x >= float(smallest)) & (x < -float(smallest)), x.astype(kind), smallest)


def within_float8(x, kind: np.dtype, lib=jnp):
    """What two of the eight-bit formats lack, changed into what PyTorch makes of it."""
    if kind == _dtype.float8_e4m3fn.np:
        return lib.clip(x, -448, 448)  # no infinity: what is too large becomes the largest
    if kind == _dtype.float8_e8m0fnu.np:
        return lib.maximum(abs(x), 2.0**-127)  # neither a sign nor a zero (which XLA, without denormals, makes nan)
    return x


@op("_.to", grad="ToCopyBackward0")
def to_(input: Array, kind):
    return cast(input, kind)


@op("_.clone", grad="CloneBackward0")
def clone_(input: Array):
    """New memory with the same values."""
    return input


def _copy(input: Array, src: Array):
    common = broadcast_shape(input.shape, src.shape)
    check(
        common == input.shape,
        f"output with shape {listed(input)} doesn't match the broadcast shape {list(common)}",
    )
    return jnp.broadcast_to(cast(src, np.dtype(input.dtype)), input.shape)


COPY = Op("copy", _copy, grad="torch::autograd::CopyBackwards")


@composite("Tensor.copy_")
def copy_(self, src, non_blocking: bool = False):
    """Write the values of `src` into this tensor's memory, converted and broadcast; gradients flow to `src`."""
    if not isinstance(src, Variable):
        raise TypeError(f"copy_(): argument 'src' (position 1) must be Tensor, not {type(src).__name__}")
    self._check_writable()
    refuse_overlap(self, src, whole=True)
    if src._aval().device is not self._aval().device:
        src = to_device(src, self._aval().device)
    self._assign(apply(COPY, (SLOT, SLOT), [self, src]))
    return self


# --- layout in memory -------------------------------------------------------------------------------------------------


def _laid_out(made, like, memory_format):
    """Note how a fresh copy lies in memory: by the format, which by default keeps the strides of a dense original."""
    size, stride, _ = like._geometry()
    name = "preserve_format" if memory_format is None else memory_format._name
    wanted = contiguous_strides(size)
    if name == "preserve_format":
        if 0 not in size and stride != wanted and without_gaps(size, stride):
            wanted = stride
    elif name != "contiguous_format":
        wanted = channels_last(size, name)
    if wanted != contiguous_strides(size):
        made._strided = (size, wanted, 0)
    return made


def channels_last(size, name: str = "channels_last") -> tuple[int, ...]:
    """The strides of memory in which the second dimension runs fastest."""
    n = 4 if name == "channels_last" else 5
    check(len(size) == n, f"required rank {n} tensor to use {name} format")
    order = (0, *range(2, n), 1)
    strides = contiguous_strides(tuple(size[d] for d in order))
    return tuple(strides[order.index(d)] for d in range(n))


@composite("*.clone")
def clone(input, *, memory_format=None):
    """New memory with the same values, in the graph. (`detach()`: the same memory, out of the graph.)"""
    made = apply(clone_.op, (SLOT,), [input])
    return made if input._strided is None and input._parent is None and memory_format is None else _laid_out(
        made, input, memory_format
    )


@composite("Tensor.contiguous")
def contiguous(input, memory_format=None):
    """The tensor itself if its elements lie in memory in order, otherwise a copy for which that holds."""
    if memory_format is None or memory_format._name == "contiguous_format":
        return input if input.is_contiguous() else apply(clone_.op, (SLOT,), [input])
    check(memory_format._name != "preserve_format", "preserve memory format is unsupported by the contiguous operator")
    size, stride, _ = input._geometry()
    if stride == channels_last(size, memory_format._name):
        return input
    return clone(input, memory_format=memory_format)


# --- type and device --------------------------------------------------------------------------------------------------


class _Moved(Node):
    """The node of a copy between devices: the gradient takes the way back."""

    __slots__ = ("home",)

    def __init__(self, edge, aval, home):
        Node.__init__(self, [edge], (aval,))
        self.home = home

    def name(self) -> str:
        return "ToCopyBackward0"

    def apply(self, cotangents: list, keep: bool) -> list:
        return [to_device(cotangents[0], self.home)]


def to_device(x, home):
    """A copy on another device, in the graph."""
    source = x._read()
    made = wrap(move(source, home))
    edge = x._edge() if graph.mode.grad and inexact(source.aval.dtype) else None
    if edge is not None:
        made._node = _Moved(edge, made._aval(), source.aval.device)
    return made


def _converted(x, kind=None, home=None, copy: bool = False, memory_format=None):
    """`to` once its arguments are sorted out."""
    was = x._aval()
    kind = was.dtype if kind is None else kind.np
    home = was.device if home is None else home
    preserve = memory_format is None or memory_format._name == "preserve_format"
    if kind == was.dtype and home is was.device:
        if not copy and (preserve or x._geometry()[1] == _strides(x, memory_format)):
            return x
        return clone(x, memory_format=memory_format)
    made = apply(to_.op, (SLOT, kind), [x]) if kind != was.dtype else x
    return _laid_out(made if home is was.device else to_device(made, home), x, memory_format)


def _strides(x, memory_format):
    size, name = x._geometry()[0], memory_format._name
    return contiguous_strides(size) if name == "contiguous_format" else channels_last(size, name)


@composite("Tensor.to")
def to(self, *args, dtype=None, device=None, other=None, non_blocking=False, copy=False, memory_format=None):
    """The tensor with another dtype or device; itself if nothing changes.

    `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`; `copy=True` copies in any case. `non_blocking` changes
    nothing: every copy is asynchronous.
    """
    flags = []
    for i, a in enumerate(args):
        if (isinstance(a, _dtype.dtype) or isinstance(a, type) and a in _dtype.PYTHON) and dtype is None:
            dtype = a
        elif isinstance(a, Variable) and i == 0:
            other = a
        elif isinstance(a, bool):
            flags.append(a)
        elif isinstance(a, str | int | _device.device) and i == 0:
            device = a
        elif a is not None:
            raise TypeError(f"to() received an invalid combination of arguments - got ({type(a).__name__})")
    dtype = _dtype.given(dtype, "to")
    copy = copy or len(flags) > 1 and flags[1]
    if other is not None:
        return _converted(self, other.dtype, other.device, copy, memory_format)
    return _converted(self, dtype, None if device is None else _device.home(device), copy, memory_format)


def _shorthand(name: str, kind: _dtype.dtype) -> None:
    def fn(self, memory_format=None):
        return _converted(self, kind, memory_format=memory_format)

    fn.__name__ = name
    fn.__doc__ = f"`to(torch.{kind.name})`."
    composite(f"Tensor.{name}")(fn)


for _name in (
    "float", "double", "half", "bfloat16", "int", "long", "short", "char", "byte", "bool", "cfloat", "cdouble",
):  # fmt: skip
    _shorthand(_name, {"char": _dtype.int8, "byte": _dtype.uint8}.get(_name) or getattr(_dtype, _name))


@composite("Tensor.type_as")
def type_as(self, other):
    """`to` the type and the device of another tensor."""
    return _converted(self, other.dtype, other.device)


_PREFIX = {"cpu": "torch.", "cuda": "torch.cuda.", "tpu": "torch.tpu."}


@composite("Tensor.type")
def type_(self, dtype=None, non_blocking: bool = False):
    """Without an argument the name of the tensor's type, "torch.FloatTensor"; with one, `to` that dtype."""
    if dtype is None:
        return f"{_PREFIX[self.device.type]}{self.dtype._scalar_name}Tensor"
    if isinstance(dtype, _dtype.dtype):
        return _converted(self, dtype)
    words = {f"{prefix}{d._scalar_name}Tensor": (d, home) for home, prefix in _PREFIX.items() for d in _dtype.ALL}
    name = dtype if isinstance(dtype, str) else f"{dtype.__module__}.{dtype.__name__}"
    if name == "torch.Tensor":
        name = f"torch.{_dtype.get_default_dtype()._scalar_name}Tensor"
    if name not in words:
        raise ValueError(f"invalid type: '{name}'")
    kind, home = words[name]
    return _converted(self, kind, self.device if self.device.type == home else _device.home(home))


@composite("Tensor.set_")
def set_(self, source=None):
    """Make this tensor use the memory of another one (or, without one, no memory at all)."""
    if source is None:
        source = wrap(put(np.zeros(0, self._aval().dtype), self.device, copy=False))
    self._check_writable(True)
    check(source.dtype is self.dtype, f"Could not set tensor of type {source.dtype} to a tensor of type {self.dtype}")
    self.data = source
    return self


# --- the same questions asked of torch and of Tensor ------------------------------------------------------------------


@composite("torch.is_tensor")
def is_tensor(obj) -> bool:
    """Whether this is a tensor."""
    return isinstance(obj, Variable)


def _twin(name: str, doc: str) -> None:
    def fn(input):
        return getattr(input, name)()

    fn.__name__ = name
    fn.__doc__ = doc
    composite(f"torch.{name}")(fn)


_twin("numel", "The number of elements.")
_twin("is_floating_point", "Whether the elements are of a floating type.")
_twin("is_complex", "Whether the elements are complex.")
_twin("is_signed", "Whether the elements can be negative.")


@composite("*.is_nonzero")
def is_nonzero(input) -> bool:
    """Whether the one element of a tensor is not zero (a barrier)."""
    n = input.numel()
    check(n != 0, "Boolean value of Tensor with no values is ambiguous")
    check(n == 1, "Boolean value of Tensor with more than one value is ambiguous")
    return bool(input.item())


@composite("*.is_conj", "*.is_neg")
def is_conj(input) -> bool:
    """False: conjugates and negatives are computed, not marked."""
    return False


@composite("*.is_same_size")
def is_same_size(input, other) -> bool:
    """Whether two tensors have the same shape."""
    return input._aval().shape == other._aval().shape


@composite("*.resolve_conj", "*.resolve_neg")
def resolve_conj(input):
    """The tensor itself: conjugates and negatives are computed, not marked."""
    return input


class _Number:
    """Stands for a tensor or a number where only type promotion counts."""

    def __init__(self, x):
        self.dtype = x._aval().dtype if isinstance(x, Variable) else np.asarray(x).dtype
        self.ndim = x.ndim if isinstance(x, Variable) else 0
        self.weak_type = not isinstance(x, Variable)


@composite("torch.result_type")
def result_type(tensor1, tensor2) -> _dtype.dtype:
    """The dtype that an operation on these two (tensors or numbers) gives.

    >>> import torchlike as torch
    >>> torch.result_type(torch.tensor([1, 2], dtype=torch.int32), 1.0)
    torch.float32
    """
    return _dtype.FROM_NP[promotion.result_type(_Number(tensor1), _Number(tensor2))]


@composite("torch.promote_types")
def promote_types(type1, type2) -> _dtype.dtype:
    """The smallest dtype that both convert to."""
    return _dtype.FROM_NP[np.dtype(jnp.promote_types(type1.np, type2.np))]


@composite("torch.can_cast")
def can_cast(from_, to) -> bool:
    """Whether values of the first dtype may be written into the second: never down a category."""
    return promotion.can_cast(from_.np, to.np)
