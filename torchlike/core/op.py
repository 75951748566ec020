"""Operations: the one table of pure functions, each on JAX arrays with PyTorch's parameters.

How an argument travels is read off its annotation in the body's signature, once:

    Array                  a tensor; an input of the program
    Scalar                 a tensor or a Python number; the same
    Array | None, ...      the same, or absent
    Arrays                 a list of tensors
    Sizes                  ints, given one by one or as a sequence; part of the structure
    anything else          part of the structure: dims, flags, dtypes
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from torchlike.core import dtype as _dtype

if TYPE_CHECKING:
    from torchlike.core.spec import Spec

Array = jax.Array  # the annotations named above; bodies see JAX arrays
Arrays = Sequence[jax.Array]
Scalar = Any
Sizes = tuple[int, ...]

_ARRAY, _ARRAYS, _SIZES, _STATIC = range(4)
_KINDS = {"Array": _ARRAY, "Array | None": _ARRAY, "Scalar": _ARRAY, "Scalar | None": _ARRAY, "Arrays": _ARRAYS}
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x1": "input", "x2": "other", "x": "input", "a": "input",
            "input": "A"}  # fmt: skip


_PLAIN = {int, bool, float, str, type(None)}  # static arguments that are their own frozen form


class _Slot:
    """Stands in a template where an input goes."""

    def __repr__(self) -> str:
        return "·"


SLOT = _Slot()


class Op:
    """A pure function with the facts the engine needs: how to bind arguments and how PyTorch names its gradient.

    `grad` is that name, or a function of the template and the inputs' avals where it depends on the use. `result` makes
    the value of several outputs from their list.
    """

    result: Callable = tuple
    shows = False  # whether it is the reading side of a view, which takes no memory in PyTorch
    missing: dict[int, str] | None = None  # inputs towards which PyTorch has no derivative, as its errors call them
    exact = False  # whether `out=` must have the result's own dtype
    grows = False  # whether the tensor that its in-place form writes into takes on the size of the result
    uniform = False  # whether it gives one value everywhere, so that memory shown more than once may be written with it

    def __init__(
        self, name: str, body: Callable, *,
        grad: str | Callable[[tuple, tuple], str] | None = None, differentiable: bool = True, result: Callable = tuple,
        missing: dict[int, str] | None = None,
    ):  # fmt: skip
        self.name = name
        self.body = body
        self.differentiable = differentiable
        self.missing = missing
        self.result = result
        self.grad_name = grad or "".join(part.capitalize() for part in name.split("_")) + "Backward0"
        self.parameters = list(inspect.signature(body).parameters.values())
        kinds = [str(p.annotation) for p in self.parameters]
        self.kinds = [_SIZES if k.startswith("Sizes") else _KINDS.get(k, _STATIC) for k in kinds]
        self.names = [p.name for p in self.parameters]
        self.defaults = [p.default for p in self.parameters]
        self.index = {n: i for i, n in enumerate(self.names)}
        self.n_positional = sum(p.kind is not p.KEYWORD_ONLY for p in self.parameters)
        self.required = [p.name for p in self.parameters if p.default is p.empty]
        leading = next((i for i, k in enumerate(self.kinds) if k != _ARRAY), len(self.kinds))
        self.leading = min(leading, self.n_positional)
        self.n_required = len(self.required)
        self.tensor_only = [k in ("Array", "Array | None") for k in kinds]

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def grad_of(self, use: Spec) -> str:
        """PyTorch's name for the gradient of this use."""
        if isinstance(self.grad_name, str):
            return self.grad_name
        rest = [p.default for p in self.parameters[len(use.template) :]]
        return self.grad_name((*use.template, *rest), use.avals)

    def bind(self, args: tuple, kwargs: dict) -> tuple[tuple, list]:
        """Split a call into its structure (a template with SLOTs) and its inputs, with PyTorch's errors."""
        n = len(args)
        if not kwargs and self.n_required <= n <= self.leading:
            inputs = [a for a in args if a is not None]
            if len(inputs) == n:
                return (SLOT,) * n, inputs
            for name, a in zip(self.names, args, strict=False):
                if a is None and name in self.required:
                    raise TypeError(
                        f"{self.name}(): argument '{name}' (position {self.index[name] + 1}) must be Tensor, "
                        "not NoneType"
                    )
            return tuple([None if a is None else SLOT for a in args]), inputs
        if n > self.n_positional:
            last = self.n_positional - 1
            if last >= 0 and self.kinds[last] == _SIZES:
                args = (*args[:last], args[last:])
            else:
                raise TypeError(
                    f"{self.name}() takes {self.n_positional} positional arguments but {n} were given"
                )
        if kwargs or len(args) < len(self.parameters):
            args = self._in_order(args, kwargs)
        template: list = []
        inputs = []
        for value, kind, default, name in zip(args, self.kinds, self.defaults, self.names, strict=True):
            if kind == _ARRAY:
                if value is None or value is default:
                    template.append(value)
                else:
                    template.append(SLOT)
                    inputs.append(value)
            elif kind == _ARRAYS:
                if not isinstance(value, tuple | list):
                    raise TypeError(
                        f"{self.name}(): argument '{name}' (position {self.index[name] + 1}) must be "
                        f"tuple of Tensors, not {type(value).__name__}"
                    )
                template.append((SLOT,) * len(value))
                for i, x in enumerate(value):
                    if x.__class__ in _PLAIN:
                        raise TypeError(
                            f"expected Tensor as element {i} in argument {self.index[name]}, but got {type(x).__name__}"
                        )
                inputs.extend(value)
            elif kind == _SIZES:
                template.append(sizes(value, name, self.name))
            else:
                template.append(value if value.__class__ in _PLAIN else freeze(value))
        return tuple(template), inputs

    def _in_order(self, args: tuple, kwargs: dict) -> tuple:
        """The arguments in the order of the parameters, defaults where none is given, with PyTorch's errors."""
        values = dict(zip(self.names, args, strict=False))
        for name, value in kwargs.items():
            name = name if name in self.index else _ALIASES.get(name, name)
            if name not in self.index:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{name}'")
            if name in values:
                raise TypeError(f"{self.name}() got multiple values for argument '{name}'")
            values[name] = value
        missing = [p for p in self.required if p not in values]
        if missing:
            raise TypeError(
                f"{self.name}() missing {len(missing)} required positional arguments: "
                + ", ".join(f'"{m}"' for m in missing)
            )
        return tuple([values.get(name, default) for name, default in zip(self.names, self.defaults, strict=True)])

    def refuse_numbers(self, template: tuple, avals: tuple) -> None:
        """PyTorch's error where a Python number is given for a parameter that takes tensors only."""
        rest = iter(avals)
        for i, part in enumerate(template):
            for _ in part if type(part) is tuple and part and part[0] is SLOT else (part,) if part is SLOT else ():
                a = next(rest)
                if a.weak and self.tensor_only[i]:
                    given = {"b": "bool", "i": "int", "f": "float", "c": "complex"}[a.dtype.kind]
                    raise TypeError(
                        f"{self.name}(): argument '{self.names[i]}' (position {i + 1}) must be Tensor, not {given}"
                    )

    def function(self, template: tuple) -> Callable:
        """The body as a function of the flat inputs alone."""
        body, parameters = self.body, self.parameters

        def flat(*inputs):
            rest = iter(inputs)
            args, keywords = [], {}
            for p, part in zip(parameters, template, strict=False):
                if part is SLOT:
                    part = next(rest)
                elif type(part) is tuple and part and part[0] is SLOT:
                    part = tuple(next(rest) for _ in part)
                if p.kind is p.KEYWORD_ONLY:
                    keywords[p.name] = part
                else:
                    args.append(part)
            return body(*args, **keywords)

        return flat


def freeze(value):
    """A static argument in a hashable form; a tensor given where an int is meant is read (a barrier)."""
    if value.__class__ is tuple and _PLAIN.issuperset(map(type, value)):
        return value
    if isinstance(value, list | tuple):
        return tuple(freeze(v) for v in value)
    if isinstance(value, np.generic):
        return value.item()
    if value.__class__ is type:
        return _dtype.PYTHON.get(value, value)
    if hasattr(value, "_read"):
        return value.item()
    return value


def sizes(value, name: str = "size", op: str = "") -> tuple | None:
    """Ints given as a sequence, a torch.Size, one int, or nested as `f(*args)` gives them."""
    if value is None:
        return None
    if isinstance(value, tuple | list):
        if len(value) == 1 and isinstance(value[0], tuple | list):
            value = value[0]
    else:
        value = (value,)
    try:
        return tuple(operator.index(v) for v in value)
    except TypeError:
        bad = next((v for v in value if not hasattr(v, "__index__")), value[0])
        raise TypeError(
            f"{op}(): argument '{name}' must be tuple of ints, but found element of type {type(bad).__name__}"
        ) from None


def inexact(np_dtype: np.dtype) -> bool:
    """Whether gradients flow through this dtype."""
    return _dtype.category(np_dtype) >= 2


class Composite:
    """A Python function of tensors that is made of other operations, or decides which of them to record."""

    def __init__(self, body: Callable):
        self.name = body.__name__.strip("_")
        self.body = body


TABLE: dict[str, Any] = {}
"""Every public name, such as "torch.add" or "Tensor.add_", and the Op, View or Composite that answers to it."""


def enter(made, names: tuple[str, ...]) -> None:
    """Put it into the table under its names. `*.add` means torch.add and Tensor.add, "Tensor.@T" is a property."""
    for name in names:
        for full in (f"torch{name[1:]}", f"Tensor{name[1:]}") if name.startswith("*.") else (name,):
            if full in TABLE:
                first, second = TABLE[full].body.__module__, made.body.__module__
                raise ValueError(f"{full} is filed twice: by {first} and {second}")
            TABLE[full] = made


def op(*names: str, kind: type[Op] = Op, **facts) -> Callable[[Any], Any]:
    """File a body under its public names and return it unchanged. `facts` are those of `Op`."""

    def file(body):
        made = kind(body.__name__.strip("_"), body, **facts)
        enter(made, names)
        body.op = made
        return body

    return file


def composite(*names: str) -> Callable[[Any], Any]:
    """File a Python function of tensors under its public names and return it unchanged."""

    def file(body):
        enter(Composite(body), names)
        return body

    return file
