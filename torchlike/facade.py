"""Binds the table of operations to the names users call: torch.fn, Tensor.fn, Tensor.fn_, `out=`, operators."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core import variable
from torchlike.core.graph import mode
from torchlike.core.op import SLOT, TABLE, Array, Composite, Op, Sizes
from torchlike.core.overlap import APART, FREE, refuse_overlap
from torchlike.core.variable import Variable, apply
from torchlike.core.view import View
from torchlike.from_data import from_numpy
from torchlike.ops.promotion import can_cast


def _fit(input: Array, size: Sizes, dtype):
    return jnp.broadcast_to(input, size).astype(dtype)


FIT = Op("copy", _fit)

_REFLECTED = {f"__r{n}__" for n in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or",
                                    "xor", "lshift", "rshift", "divmod")}  # fmt: skip
_OPERATORS = {n.replace("__r", "__") for n in _REFLECTED} | {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}


def call(op: Op | View | Composite) -> Callable:
    """The op as a function of tensors."""
    if isinstance(op, Composite):
        body = op.body

        def composed(*args, **kwargs):
            if variable.casting is not None:
                from torchlike.amp.autocast_mode import composite

                return composite(op, body, args, kwargs)
            return body(*args, **kwargs)

        return composed
    if isinstance(op, View):
        return lambda *args, **kwargs: op(*op.bind(args, kwargs))

    bind = op.bind

    def fn(*args, **kwargs):
        template, inputs = bind(args, kwargs)
        return apply(op, template, inputs)

    return fn


def with_out(op: Op) -> Callable:
    """The op as torch.fn with `out=`."""
    bind = op.bind

    def fn(*args, out=None, **kwargs):
        template, inputs = bind(args, kwargs)
        if out is not None:
            _check_out(op.name, inputs, out)
        result = apply(op, template, inputs)
        if out is not None and op.exact:
            _check_dtypes(result, out)
        return result if out is None else write_out(op.name, result, out, inputs)

    return fn


def _check_dtypes(result, out) -> None:
    """PyTorch's error for an `out=` of another dtype where a kernel writes into it straight."""
    results, outs = (x if isinstance(x, tuple | list) else (x,) for x in (result, out))
    for r, o in zip(results, outs, strict=False):
        if isinstance(o, Variable):
            a, b = (_dtype.FROM_NP[t._aval().dtype]._scalar_name.lower() for t in (r, o))
            if a != b:
                raise RuntimeError(f"Expected out tensor to have dtype {a}, but got {b} instead")


def _check_out(name: str, inputs: Sequence, out) -> None:
    """PyTorch's errors where `out=` lies on the inputs."""
    for o in out if isinstance(out, tuple | list) else (out,):
        if isinstance(o, Variable):
            for x in inputs if name not in FREE else ():
                refuse_overlap(o, x, whole=name not in APART)


def composed_with_out(op: Composite) -> Callable:
    """A composite as torch.fn with `out=`."""
    body = call(op)

    def fn(*args, out=None, **kwargs):
        if out is not None and op.name in APART:
            _check_out(op.name, args, out)
        result = body(*args, **kwargs)
        return result if out is None else write_out(op.name, result, out)

    return fn


def operator_of(op: Op) -> Callable:
    """The op as a binary operator: NotImplemented for operands that are neither tensors nor numbers."""
    bind = op.bind
    numbers = not op.tensor_only[1]
    plain = (float, int) if numbers else ()
    ordinary = type(op).bind is Op.bind and op.n_required <= 2 <= op.leading
    pair = (SLOT, SLOT) if ordinary else None  # what `bind` would make of two operands

    def fn(self, other):
        if isinstance(other, Variable) or other.__class__ in plain:
            if pair is not None:
                return apply(op, pair, [self, other])
        elif equality and isinstance(other, np.ndarray):
            other = from_numpy(other)
        elif not numbers and isinstance(other, int | float | complex) or _foreign(other):
            return NotImplemented
        template, inputs = bind((self, other), {})
        return apply(op, template, inputs)

    equality = op.name in ("eq", "ne")
    return fn


def _foreign(other) -> bool:
    """Whether this operand is left to its own class: NumPy's operators make a tensor of theirs by `__array_wrap__`."""
    return isinstance(other, list | tuple | str | dict | np.ndarray) or other is None


def reflected(op: Op) -> Callable:
    """The op with its operands exchanged, for `2 - tensor`."""
    bind = op.bind
    numbers = not op.tensor_only[0]

    def fn(self, other):
        if not numbers and isinstance(other, int | float | complex) or _foreign(other):
            return NotImplemented
        template, inputs = bind((other, self), {})
        if not isinstance(self, Variable):  # Tensor.__radd__(2, 3), called by name
            raise TypeError(
                f"descriptor '{fn.__name__}' requires a 'torch.Tensor' object but received a '{type(self).__name__}'"
            )
        return apply(op, template, inputs)

    return fn


def in_place_operator(op: Op) -> Callable:
    """The op as `x += y`; operands of other classes go the way of `x + y`."""
    write = in_place(op)

    def fn(self, other):
        return write(self, other) if isinstance(other, Variable) or not _foreign(other) else NotImplemented

    return fn


def in_place(op: Op) -> Callable:
    """The op as a method that writes its result into the tensor it is called on."""
    bind = op.bind
    whole, free, grows = op.name not in APART, op.name in FREE, op.grows

    def fn(self, *args, **kwargs):
        self._check_writable(op.uniform and not (args and isinstance(args[0], Variable)))
        template, inputs = bind((self, *args), kwargs)
        cell = self._cell
        for x in inputs[1:]:
            if isinstance(x, Variable) and x._cell is cell and not free:
                refuse_overlap(self, x, whole)
        result = apply(op, template, inputs)
        if isinstance(result, tuple):
            result = result[0]
        if grows and result._aval().shape != self._aval().shape:
            TABLE["_.resize"].body(self, result._aval().shape)
        assign(self, result)
        return self

    return fn


def assign(target: Variable, result: Variable) -> None:
    """Write a result into a tensor's memory, with PyTorch's rules on shapes and dtypes."""
    was, now = target._aval(), result._aval()
    if now is not was:
        if now.shape != was.shape:
            raise RuntimeError(
                f"output with shape {list(was.shape)} doesn't match the broadcast shape {list(now.shape)}"
            )
        if not can_cast(now.dtype, was.dtype):
            a, b = _dtype.FROM_NP[now.dtype]._scalar_name, _dtype.FROM_NP[was.dtype]._scalar_name
            raise RuntimeError(f"result type {a} can't be cast to the desired output type {b}")
        result = apply(FIT, (SLOT, was.shape, was.dtype), [result])
    target._assign(result)


def write_out(name: str, result, out, inputs: Sequence = ()):
    """Put a result into the tensor (or tuple of tensors) given as `out=`; an empty one is resized, as in PyTorch, and
    may not reach over the `inputs` then."""
    if isinstance(result, tuple):
        if not isinstance(out, tuple | list):
            raise TypeError(f"{name}(): argument 'out' must be tuple of Tensors, not {type(out).__name__}")
        if len(out) != len(result):
            raise TypeError(f"expected tuple of {len(result)} elements but got {len(out)}")
        for r, o in zip(result, out, strict=True):
            _check_same(r, o)
            write_out(name, r, o, inputs)
        return type(result)(out)
    if not isinstance(out, Variable):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if name in _SAME:
        _check_same(result, out)
    if mode.grad and (result._node is not None or out.requires_grad):  # type: ignore[attr-defined]
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    was, now = out._aval(), result._aval()
    if not can_cast(now.dtype, was.dtype):
        a, b = _dtype.FROM_NP[now.dtype]._scalar_name, _dtype.FROM_NP[was.dtype]._scalar_name
        raise RuntimeError(f"result type {a} can't be cast to the desired output type {b}")
    if out._parent is not None and out._overlaps():
        out._check_writable()
    if now.shape != was.shape:
        if 0 not in was.shape:
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(was.shape)}, which does "
                f"not match the required output shape {list(now.shape)}. This behavior is deprecated, and in a future "
                "PyTorch release outputs will not be resized unless they have zero elements.",
                UserWarning,
                stacklevel=3,
            )
        TABLE["_.resize"].body(out, now.shape)
        _check_out(name, inputs, out)
    if now.dtype != was.dtype:
        result = apply(FIT, (SLOT, now.shape, was.dtype), [result])
    out._assign(result)
    return out


_SAME = frozenset({"addbmm", "addmm", "addmv", "argmax", "argmin", "baddbmm", "bmm", "mm"})
"""Operations whose `out=` must be of the dtype of the result; elementwise ones convert."""


def _check_same(result: Variable, out) -> None:
    if isinstance(out, Variable) and (now := result._aval().dtype) != (was := out._aval().dtype):
        wanted, given = map(_dtype.c_name, (now, was))
        raise RuntimeError(f"Expected out tensor to have dtype {wanted}, but got {given} instead")


def _takes_out(op: Composite) -> bool:
    parameters = inspect.signature(op.body).parameters.values()
    return any(p.name == "out" or p.kind is p.VAR_KEYWORD for p in parameters)


_MODULES = {"torch": "torchlike", "Tensor": "torchlike", "F": "torchlike.nn.functional"}


def bind_all(tensor_class: type, spaces: dict[str, types.ModuleType]) -> None:
    """Give every name in the table its function, in one loop. `spaces` maps "torch", "F", ... to their modules."""
    for full, op in TABLE.items():
        space, name = full.rsplit(".", 1)
        if space.startswith("_"):  # called through the table by our own Python
            continue
        owner: object = tensor_class if space == "Tensor" else spaces[space]
        if isinstance(op, Composite) and space not in ("Tensor", "F") and not _takes_out(op):
            fn = composed_with_out(op)
        elif not isinstance(op, Op):
            fn = call(op)
        elif space == "Tensor":
            if name in _REFLECTED:
                fn = reflected(op)
            elif name in _OPERATORS:
                fn = operator_of(op)
            elif name.startswith("__i") and name != "__invert__":
                fn = in_place_operator(op)
            elif name.endswith("_") and not name.endswith("__"):
                fn = in_place(op)
            else:
                fn = call(op)
        else:
            fn = in_place(op) if name.endswith("_") else with_out(op)
        attribute, name = name.startswith("@"), name.removeprefix("@")
        if name in vars(owner):
            raise ValueError(f"{full} is defined twice: in the table and by hand")
        # where pickle finds it again
        fn.__name__, fn.__qualname__ = name, full if space == "Tensor" else name
        fn.__doc__ = op.body.__doc__
        fn.__module__ = _MODULES.get(space, f"torchlike.{space}")
        setattr(owner, name, property(fn) if attribute else fn)


