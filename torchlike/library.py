"""torch.library: operations of one's own with a name, `torch.ops.<namespace>.<name>`, and a gradient.

They are Python functions of tensors here; what they compute is recorded like everything else.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from torchlike import absent as _absent
from torchlike.autograd.function import Function as _Function
from torchlike.core import batching as _batching
from torchlike.core.graph import mode as _mode
from torchlike.core.variable import Variable as _Variable
from torchlike.opcheck import opcheck
from torchlike.schemas import infer_schema
from torchlike.utils import _pytree as _tree

__all__ = [
    "Library", "CustomOpDef", "custom_op", "define", "impl", "register_fake", "impl_abstract", "register_kernel",
    "register_autograd", "register_autocast", "register_vmap", "fallthrough_kernel", "infer_schema", "opcheck",
]  # fmt: skip

_ops: dict[str, CustomOpDef] = {}
_absent.fill(
    globals(), "kernels in Triton or C++ are not here; write the operation with JAX functions",
    functions="triton_op wrap_triton get_ctx register_torch_dispatch get_kernel",
)  # fmt: skip


def _tensors(args: Any) -> list:
    return [a for a in _tree.tree_leaves(args) if isinstance(a, _Variable)]


def _tracked(args: Any) -> bool:
    return _mode.grad and any(t.requires_grad for t in _tensors(args))


class CustomOpDef:
    """An operation made by `custom_op` or `Library.define`. Call it like its function.

    >>> import torchlike as torch
    >>> @torch.library.custom_op("mine::double", mutates_args=())
    ... def double(x: torch.Tensor) -> torch.Tensor:
    ...     return x * 2
    >>> torch.ops.mine.double(torch.ones(2))
    tensor([2., 2.])
    """

    def __init__(self, qualname: str, fn: Callable | None = None, mutates: Any = ()):
        self._qualname = qualname
        self._namespace, _, self._name = qualname.partition("::")
        self._kernels: dict[str, Callable] = {} if fn is None else {"default": fn}
        self._mutates = mutates
        self._backward: Callable | None = None
        self._setup: Callable | None = None
        self._fake: Callable | None = None
        self._rule: Callable | None = None  # for a batch
        self._functions: dict[Callable, type[_Function]] = {}
        self.__name__ = self._name
        self.default = self._opoverload = self

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def _kernel(self, args: Any) -> Callable:
        home = next((t.device.type for t in _tensors(args)), "cpu")
        found = self._kernels.get(home) or self._kernels.get("default")
        if found is None:
            raise NotImplementedError(
                f"Could not run '{self._qualname}' with arguments from the '{home.upper()}' backend: it has no kernel "
                "there. Register one with torch.library.register_kernel or impl."
            )
        return found

    def _has_autograd(self) -> bool:
        return "autograd" in self._kernels or "composite" in self._kernels

    def _named(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        """The arguments by name."""
        return inspect.signature(self._kernel((args, kwargs))).bind(*args, **kwargs).arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "autograd" in self._kernels and _tracked((args, kwargs)):
            return self._kernels["autograd"](*args, **kwargs)
        kernel = self._kernel((args, kwargs))
        if "composite" in self._kernels:
            return kernel(*args, **kwargs)
        if not _tracked((args, kwargs)) and _batching.innermost(_tensors((args, kwargs))) is None:
            return self._run(kernel, args, kwargs)
        bound = inspect.signature(kernel).bind(*args, **kwargs)
        bound.apply_defaults()
        flat, spec = _tree.tree_flatten(bound.args)
        made = self._functions.get(kernel)
        if made is None:
            made = self._functions[kernel] = _function_of(self, kernel)
        return made.apply(spec, bound.kwargs, *flat)

    def _run(self, kernel: Callable, args: tuple, kwargs: dict) -> Any:
        """The kernel's result, with PyTorch's error if that is an argument."""
        result = kernel(*args, **kwargs)
        seen = {id(t._root()._cell) for t in _tensors((args, kwargs))}
        for t in _tensors(result):
            cell = id(t._root()._cell)
            if cell in seen:
                raise RuntimeError(
                    f"{self._name} (with implementation in {inspect.getmodule(kernel)}): The output of this custom "
                    "operator (1) must not also be an input to this custom operator and (2) may not alias any inputs "
                    "to this custom operator or other returns. The most common way to trigger this error is if we have "
                    "y = custom_op(x) and y and x are the same Tensor. Please instead return a clone of the offending "
                    "output tensor(s) (e.g. return x.clone()) or refactor the custom operator to not return y."
                )
            seen.add(cell)
        return result

    def register_fake(self, fn: Callable) -> Callable:
        """Kept: shapes are inferred from the function itself."""
        self._fake = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """The gradient: `setup_context(ctx, inputs, output)` saves, `backward(ctx, *grads)` computes.

        Where the operation has keyword-only parameters, `setup_context` takes `keyword_only_inputs` too.
        """
        self._backward, self._setup = backward, setup_context

    def register_kernel(self, device_types: Any, fn: Callable | None = None) -> Any:
        """A function for some kinds of devices ("cpu", "cuda", a list, or None for all)."""
        if fn is None:
            return functools.partial(self.register_kernel, device_types)
        for home in _homes(device_types):
            self._kernels[home] = fn
        return fn

    def register_vmap(self, func: Callable | None = None) -> Any:
        """The operation on a batch: `func(info, in_dims, *args, **kwargs)` returns (output, out_dims).

        `info` has batch_size and randomness. Without one the operation runs for each element in turn.
        """
        if func is None:
            return self.register_vmap
        self._rule = func
        return func

    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Any:
        """A block in which the kernel for a kind of device is left out, and the general one is used."""
        return _without_kernel(self, device_type, enabled)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """Raises: cast the arguments in the function."""
        raise NotImplementedError(f"{self._qualname}.register_autocast(): cast the arguments in the function itself")


@contextlib.contextmanager
def _without_kernel(op: CustomOpDef, device_type: str, enabled: bool) -> Any:
    was = dict(op._kernels)
    if not enabled:
        op._kernels.pop(device_type, None)
    try:
        yield
    finally:
        op._kernels = was


def _function_of(op: CustomOpDef, kernel: Callable) -> type[_Function]:
    """The autograd.Function of an operation; its first arguments are the structure and the keyword-only arguments."""

    class Made(_Function):
        @staticmethod
        def forward(spec, keywords, *flat):
            return op._run(kernel, _tree.tree_unflatten(list(flat), spec), keywords)

        @staticmethod
        def setup_context(ctx, inputs, output):
            spec, keywords, *flat = inputs
            ctx.needs_input_grad = _tree.tree_unflatten(list(ctx.needs_input_grad[2:]), spec)
            if op._setup is None:
                return
            named = {"keyword_only_inputs": keywords} if keywords else {}
            op._setup(ctx=ctx, inputs=_tree.tree_unflatten(flat, spec), output=output, **named)

        @staticmethod
        def backward(ctx, *grads):
            if op._backward is None:
                raise RuntimeError(
                    f"Trying to backward through {op._namespace}.{op._name}.default but no autograd formula was "
                    "registered. Please use register_autograd to add one."
                )
            found = op._backward(ctx, *grads)
            nest = found if isinstance(found, tuple) else (found,)
            return (None, None, *[g for part in nest for g in (part if isinstance(part, list | tuple) else (part,))])

        @staticmethod
        def vmap(info, in_dims, spec, keywords, *flat):
            args, dims = _tree.tree_unflatten(list(flat), spec), _tree.tree_unflatten(list(in_dims[2:]), spec)
            if op._rule is not None:
                return op._rule(info, dims, *args, **keywords)
            return _in_turn(op, info.batch_size, spec, keywords, flat, in_dims[2:])

    Made.__name__ = f"{op._namespace}_{op._name}"
    return Made


def _in_turn(op: CustomOpDef, size: int, spec: Any, keywords: dict, flat: tuple, dims: tuple) -> tuple:
    """An operation without a rule for a batch, on each of its elements."""
    import torchlike as torch

    if op._mutates:
        raise NotImplementedError(
            f"{op._qualname} under vmap: it writes into its arguments. Register a rule with register_vmap"
        )
    rows = []
    for i in range(size):
        part = [x if d is None else x.select(d, i) for x, d in zip(flat, dims, strict=True)]
        rows.append(_tree.tree_flatten(op(*_tree.tree_unflatten(part, spec), **keywords)))
    stacked = [torch.stack(list(column)) for column in zip(*[leaves for leaves, _ in rows], strict=True)]
    return _tree.tree_unflatten(stacked, rows[0][1]), 0


def _homes(device_types: Any) -> list[str]:
    if device_types is None or device_types == "default":
        return ["default"]
    return [device_types] if isinstance(device_types, str) else list(device_types)


def _found(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op not in _ops:
        raise RuntimeError(f"operator {op} does not exist")
    return _ops[op]


def _check_name(name: str) -> None:
    if name.count("::") != 1:
        raise ValueError(f"expected the name of an operator as 'namespace::name', but got {name!r}")


def custom_op(
    name: str, fn: Callable | None = None, /, *, mutates_args: Any, device_types: Any = None, schema: str | None = None,
    tags: Any = None,
) -> Any:  # fmt: skip
    """A decorator that makes a function an operation `torch.ops.<namespace>.<name>`.

    Args:
        name: "namespace::name".
        mutates_args: the names of the arguments that it changes in place.
        device_types: for which kinds of devices; others get a kernel by `register_kernel`.
        schema: in place of the annotations of the function, which are needed otherwise (ValueError).

    See `CustomOpDef` for what can be registered with it, the gradient above all: without one `backward()` raises.
    """
    _check_name(name)

    def made(function: Callable) -> CustomOpDef:
        if schema is None:
            infer_schema(function, mutates_args=mutates_args)
        op = CustomOpDef(name, None, mutates_args)
        op.register_kernel(device_types, function)
        op.__doc__ = function.__doc__
        _ops[name] = op
        return op

    return made if fn is None else made(fn)


def define(qualname: str, schema: Any = "", *, lib: Any = None, tags: Any = ()) -> Any:
    """Name an operation; its functions come by `impl`. Used as a decorator with a full schema, or as a call."""
    _check_name(qualname)
    _ops[qualname] = CustomOpDef(qualname)


_KEYS = {"CPU": "cpu", "CUDA": "cuda", "cpu": "cpu", "cuda": "cuda", "tpu": "tpu", "default": "default",
         "CompositeExplicitAutograd": "default", "types": "default"}  # fmt: skip


def impl(qualname: Any, types: Any, func: Callable | None = None, *, lib: Any = None) -> Any:
    """The function of an operation for kinds of devices ("cpu", "cuda", "default", or a list)."""
    if func is None:
        return functools.partial(impl, qualname, types, lib=lib)
    for key in [types] if isinstance(types, str) else types:
        _add(_found(qualname), key, func)
    return func


def _add(op: CustomOpDef, key: str, func: Callable) -> None:
    if key in ("", "CompositeImplicitAutograd"):
        op._kernels["composite"] = op._kernels["default"] = func
    elif key == "Meta":
        op._fake = func
    elif key.startswith("Autograd"):
        op._kernels["autograd"] = func
    elif key in _KEYS:
        op._kernels[_KEYS[key]] = func
    else:
        raise NotImplementedError(f"torch.library: a function for the key {key!r}; use 'CPU', 'CUDA' or 'default'")


def register_fake(op: Any, func: Callable | None = None, /, *, lib: Any = None, _stacklevel: int = 1) -> Any:
    """Kept: shapes are inferred from the function itself. RuntimeError if there is no such operation."""
    found = _found(op)
    return found.register_fake if func is None else found.register_fake(func)


impl_abstract = register_fake


def register_kernel(op: Any, device_types: Any, func: Callable | None = None, /, *, lib: Any = None) -> Any:
    """A function for some kinds of devices."""
    return _found(op).register_kernel(device_types, func)


def register_autograd(
    op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: Any = None
) -> None:
    """The gradient of an operation, see `CustomOpDef.register_autograd`."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> None:
    """Raises: cast the arguments in the function."""
    _found(op).register_autocast(device_type, cast_inputs)


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: Any = None) -> Any:
    """The operation on a batch, see `CustomOpDef.register_vmap`."""
    return _found(op).register_vmap(func)


fallthrough_kernel: Any = None


class Library:
    """A namespace of operations: `Library("mine", "DEF")`, then `define("f(Tensor x) -> Tensor")` and `impl("f", fn)`.

    Args:
        ns: the namespace.
        kind: "DEF", "IMPL" or "FRAGMENT"; all work alike.
        dispatch_key: the key of `impl` where it is given none.
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = ""):
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError("Unsupported library type: ", kind)
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._mine: list[str] = []

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Name an operation by its schema; returns the name."""
        name = re.split(r"[.(]", schema, maxsplit=1)[0].strip()
        qualname = f"{self.ns}::{name}"
        if qualname not in _ops:
            _ops[qualname] = CustomOpDef(qualname)
            self._mine.append(qualname)
        return name

    def impl(self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False,
             allow_override: bool = False) -> None:  # fmt: skip
        """The function of an operation under a dispatch key ("CPU", "CUDA", "CompositeExplicitAutograd", ...)."""
        name = op_name if isinstance(op_name, str) else op_name._name
        name = name.partition(".")[0]
        _add(_found(name if "::" in name else f"{self.ns}::{name}"), dispatch_key or self.dispatch_key, fn)

    def _destroy(self) -> None:
        for name in self._mine:
            _ops.pop(name, None)


class _Namespace:
    """`torch.ops.<namespace>`."""

    def __init__(self, name: str):
        self.__name__ = name

    def __getattr__(self, name: str) -> CustomOpDef:
        found = _ops.get(f"{self.__name__}::{name}")
        if found is None:
            raise AttributeError(f"'_OpNamespace' '{self.__name__}' object has no attribute '{name}'")
        return found

    def __dir__(self) -> list[str]:
        return [name.partition("::")[2] for name in _ops if name.startswith(f"{self.__name__}::")]


@functools.cache
def namespace(name: str) -> Any:
    """What `torch.ops.<name>` is."""
    return _Namespace(name)
