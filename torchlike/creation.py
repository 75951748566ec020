"""Tensors from sizes, from ranges, like other tensors: the factory functions, thin over `ops/creation.py`."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from torchlike.core import batching
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.layout import in_order, packed_like
from torchlike.core.op import SLOT, TABLE, sizes
from torchlike.core.variable import apply
from torchlike.from_data import _array, from_numpy, tensor  # noqa: F401  the data side of the same door
from torchlike.ops.checks import type_name
from torchlike.ops.conversion import channels_last
from torchlike.ops.overflow import check_fits
from torchlike.placement import _finish, _home, get_default_device, set_default_device, strided  # noqa: F401
from torchlike.tensor import Tensor

__all__ = [
    "zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "full", "full_like", "empty_strided",
    "empty_permuted", "eye",
]  # fmt: skip


def _make(name: str, template: tuple, inputs: Sequence = (), device=None) -> Tensor:
    return apply(TABLE[f"_make.{name}"], template, list(inputs), device=_home(device))


def _size(size: tuple, name: str) -> tuple:
    """The sizes that a factory was given, checked."""
    if len(size) == 1 and not isinstance(size[0], tuple | list):
        one = size[0]
        if isinstance(one, bool) or not hasattr(one, "__index__") or getattr(one, "size", None) and one.ndim:
            raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type_name(one)}")
    given: Any = sizes(size, "size", name)
    if builtins.any(n < 0 for n in given):
        if name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        bad = next(n for n in given if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(given)}")
    if builtins.any(n >= 2**63 for n in given):
        raise TypeError(f"{name}(): argument 'size' failed to unpack: Overflow when unpacking long long")
    if math.prod(given) >= 2**61:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(given)}")
    if math.prod(given) >= 2**31:
        _device.check_memory(4 * math.prod(given), get_default_device())
    return given


def _only_size(args: tuple, named: dict, name: str) -> tuple:
    """The sizes, one by one, as a sequence or as `size=`."""
    if "size" in named:
        if args:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        args = (named.pop("size"),)
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    if not args:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    return args


def _need_tensor(input, name: str) -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type_name(input)}")


def strides_like(input: Tensor, memory_format=None) -> tuple | None:
    """The strides of fresh memory like that of `input`: in its order without gaps, unless a format says otherwise.
    None where that is the order of the indices."""
    if memory_format is None or memory_format._name == "preserve_format":
        if input._parent is None and input._strided is None:
            return None
        size = tuple(input.shape)
        strides = packed_like(size, input.stride())
    elif memory_format._name == "contiguous_format":
        return None
    else:
        size = tuple(input.shape)
        strides = channels_last(size, memory_format._name)
    return None if in_order(size, strides) else strides


def lay_out(made: Tensor, strides: tuple | None) -> Tensor:
    """Note that fresh memory lies by these strides."""
    if strides is not None:
        made._strided = (tuple(made.shape), strides, 0)
    return made


def _filled(name: str, value):
    def make(*args, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, **named):
        shape = _size(_only_size(args, named, name), name)
        d = _dtype.given(dtype, name) or (out.dtype if out is not None else _dtype.get_default_dtype())
        made = _make("full", (shape, SLOT, d), [value], device)
        if out is not None:
            from torchlike.facade import write_out

            return write_out(name, made, out)
        return _finish(made, requires_grad, layout)

    def like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
        _need_tensor(input, f"{name}_like")
        made = make(tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, layout=layout)
        if input._aval().traced:
            return _finish(batching.beside(made, input), requires_grad)
        return _finish(lay_out(made, strides_like(input, memory_format)), requires_grad)

    def new(self, *size, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
        made = make(*size, dtype=dtype or self.dtype, device=device or self.device, layout=layout)
        return _finish(batching.beside(made, self) if self._aval().traced else made, requires_grad)

    what = {"zeros": "zeros", "ones": "ones", "empty": "values that nobody promised (here: zeros)"}[name]
    make.__doc__ = f"A tensor of this size filled with {what}; sizes one by one or as a sequence."
    like.__doc__ = f"A tensor of `input`'s size, dtype and device filled with {what}."
    new.__doc__ = f"A tensor of this tensor's dtype and device and another size, filled with {what}."
    for fn, label in ((make, name), (like, f"{name}_like"), (new, f"new_{name}")):
        fn.__name__ = fn.__qualname__ = label
    setattr(Tensor, new.__name__, new)
    return make, like


zeros, zeros_like = _filled("zeros", 0)
ones, ones_like = _filled("ones", 1)
empty, empty_like = _filled("empty", 0)


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this size with `fill_value` everywhere; its dtype is that of the value unless given."""
    if isinstance(fill_value, Tensor) and not fill_value.ndim:
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    if not isinstance(size, tuple | list):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type_name(size)}")
    if not isinstance(fill_value, bool | int | float | complex | np.generic):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type_name(fill_value)}")
    fill_value = fill_value.item() if isinstance(fill_value, np.generic) else fill_value
    d = _dtype.given(dtype, "full") or (out.dtype if out is not None else _dtype.of_scalar(fill_value))
    check_fits(fill_value, d.np)
    made = _make("full", (_size((size,), "full"), SLOT, d), [fill_value], device)
    if out is not None:
        from torchlike.facade import write_out

        return write_out("full", made, out)
    return _finish(made, requires_grad, layout)


def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of `input`'s size, dtype and device with `fill_value` everywhere."""
    _need_tensor(input, "full_like")
    made = full(
        tuple(input.shape), fill_value, dtype=dtype or input.dtype, device=device or input.device, layout=layout,
        requires_grad=requires_grad,
    )  # fmt: skip
    if input._aval().traced:
        return batching.beside(made, input)
    return lay_out(made, strides_like(input, memory_format))


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this size whose elements lie in memory by these strides."""
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    if any(s < 0 for s in stride):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}"
        )
    span = 1 + builtins.sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    made = empty(span, dtype=dtype, device=device, layout=layout).as_strided(size, stride)
    return _finish(made, requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False,
                   pin_memory=False):  # fmt: skip
    """A tensor of this size whose dimensions lie in memory in the order `physical_layout`, the last one dense."""
    size, order = tuple(size), tuple(physical_layout)
    if len(size) != len(order):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    for i, d in enumerate(order):
        if not 0 <= d < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index {i}).  "
                "NB: negative dims not currently supported; file an issue if you want it."
            )
        if d in order[:i]:
            raise RuntimeError("Duplicate dim not allowed")
    made = empty(tuple(size[d] for d in order), dtype=dtype, device=device, layout=layout)
    return _finish(made.permute([order.index(d) for d in builtins.range(len(size))]), requires_grad)


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Ones on the diagonal of an n by m (n by n) matrix, zeros elsewhere."""
    for i, (name, size) in enumerate((("n", n), ("m", n if m is None else m))):
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise TypeError(f"eye(): argument '{name}' (position {i + 1}) must be int, not {type_name(size)}")
        if size < 0 and not (i and m is None):
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    d = _dtype.given(dtype, "eye") or _dtype.get_default_dtype()
    made = _make("eye", (n, n if m is None else m, d), [], device)
    if out is not None:
        from torchlike.facade import write_out

        return write_out("eye", made, out)
    return _finish(made, requires_grad, layout)


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor with this data and, unless given, this tensor's dtype and device."""
    return tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


def _new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """`torch.full` with this tensor's dtype and device."""
    made = full(
        size, fill_value, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad
    )
    return batching.beside(made, self) if self._aval().traced else made


def _new_empty_strided(self, size, stride, *, dtype=None, device=None, **named):
    """`torch.empty_strided` with this tensor's dtype and device."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device, **named)


Tensor.new_tensor = _new_tensor  # type: ignore[method-assign]
Tensor.new_full = _new_full  # type: ignore[method-assign]
Tensor.new_empty_strided = _new_empty_strided  # type: ignore[method-assign]
