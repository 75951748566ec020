"""torchlike modules in JAX's world: `to_function` gives a pure function, `to_flax` a Flax NNX module.

Design. The operations of torchlike are pure JAX functions that run on tracers as they run on arrays, so a module
becomes a pure function by putting the given arrays in the place of its parameters and buffers for the time of one call.
No code is translated. Draws, which outside come from the generator on the host, come from a JAX key (core/keyed.py):
within a compiled function they would be constants otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core import keyed
from torchlike.core.graph import no_grad
from torchlike.nn.modules.module import Module
from torchlike.tensor import Tensor, from_jax

__all__ = ["to_flax", "to_function"]


def to_function(module: Module) -> tuple[Callable, dict[str, Any], dict[str, Any]]:
    """(function, parameters, buffers): the module as a pure function of JAX arrays, and its values in nested dicts.

        outputs = function(parameters, *inputs, buffers=buffers)
        outputs, buffers = function(parameters, *inputs, buffers=buffers, train=True, key=key)

    Buffers that are not given are those of the module at the time of `to_function`. `train` sets the mode, and a module
    that draws random numbers then needs a key, else it raises ValueError. Inputs and outputs may be any nests of
    arrays; keyword arguments are handed on. The function works under `jax.jit`, `jax.grad`, `jax.vmap`. Later changes
    of the module do not reach it.

    >>> import jax
    >>> import torchlike as torch
    >>> function, params, buffers = torch.nn.to_function(torch.nn.Linear(2, 1))
    >>> sorted(params)
    ['bias', 'weight']
    >>> jax.grad(lambda p: function(p, jax.numpy.ones((3, 2))).sum())(params)["bias"]
    Array([3.], dtype=float32)
    """
    held = _Held(module)

    def function(params, *inputs, buffers=None, train: bool = False, key=None, **kwargs):
        if key is None:

            def next_key():
                raise ValueError("this module draws random numbers: give the function a `key`")
        else:
            keys = [key]

            def next_key():
                keys[0], one = jax.random.split(keys[0])
                return one

        given = held.buffers if buffers is None else _flat(buffers)
        outputs, new = held(_flat(params), given, train, next_key, inputs, kwargs)
        return (outputs, _nested(new)) if train else outputs

    return function, _nested(held.params), _nested(held.buffers)


def to_flax(module: Module, rngs: Any = None) -> Any:
    """The module as a `flax.nnx.Module`, for Flax's optimizers, loops, checkpoints and shardings.

    Args:
        module: a torchlike module; it is copied.
        rngs: `flax.nnx.Rngs` for modules that draw random numbers while training; the stream is "dropout".

    `params` holds `nnx.Param`s and `buffers` `nnx.BatchStat`s, nested by the names of the parts. `train()` and `eval()`
    switch the mode; the buffers are updated in training.

    >>> import jax.numpy as jnp
    >>> import torchlike as torch
    >>> model = torch.nn.to_flax(torch.nn.Linear(2, 1))
    >>> model(jnp.ones((3, 2))).shape, model.params["weight"].shape
    ((3, 1), (1, 2))
    """
    return _nnx_class()(module, rngs)


class _Held:
    """A module whose values are given from outside for each call."""

    def __init__(self, module: Module):
        self.module = deepcopy(module)
        self.params = {n: _exported(p) for n, p in self.module.named_parameters()}
        self.buffers = {n: _exported(b) for n, b in self.module.named_buffers()}

    def __call__(self, params: dict, buffers: dict, train: bool, next_key, inputs: tuple, kwargs: dict) -> tuple:
        """(outputs, buffers after the call) in JAX arrays."""
        from torchlike.func.state import functional_call  # here, not above: it imports torchlike.nn

        tensors = {n: from_jax(jnp.asarray(a)) for n, a in (*params.items(), *buffers.items())}
        inputs, kwargs = jax.tree.map(_tensor, (inputs, kwargs))
        modes = [(m, m.training) for m in self.module.modules()]
        try:
            if train != self.module.training:
                self.module.train(train)
            with no_grad(), keyed.source(next_key):
                outputs = functional_call(self.module, tensors, inputs, kwargs)
        finally:
            for m, mode in modes:
                m.training = mode
        outputs = jax.tree.map(lambda x: x.jax() if isinstance(x, Tensor) else x, outputs)
        return outputs, {n: tensors[n].jax().astype(a.dtype) for n, a in buffers.items()}


def _tensor(x: Any) -> Any:
    return from_jax(jnp.asarray(x)) if isinstance(x, jax.Array | np.ndarray) else x


def _exported(tensor: Any) -> jax.Array:
    """A tensor's array; integers of 64 bits in the width that the user's JAX has."""
    array = tensor.detach().jax()
    wide = jax.dtypes.canonicalize_dtype(np.int64) == np.int64
    return array if wide or array.dtype != "int64" else jnp.asarray(tensor.numpy())


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        at = made
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return made


def _flat(nested: Any, prefix: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in nested.items():
        if hasattr(value, "items"):
            made |= _flat(value, f"{prefix}{name}.")
        else:
            made[prefix + name] = value
    return made


def _nnx_class() -> type:
    """The NNX class, made at first use so that importing torchlike does not import NNX."""
    global _made
    if _made is None:
        from flax import nnx

        class TorchlikeModule(nnx.Module):
            """A torchlike module under Flax NNX; see `torchlike.nn.to_flax`."""

            def __init__(self, module: Module, rngs: Any):
                held = _Held(module)
                self.params = self._tree(held.params, nnx.Param)
                self.buffers = self._tree(held.buffers, nnx.BatchStat)
                held.params, held.buffers = {}, {}  # the values are the variables' now
                self.held = nnx.static(held)
                self.rngs = None if rngs is None else rngs
                self.deterministic = not module.training

            @staticmethod
            def _tree(flat: dict[str, Any], kind: type) -> Any:
                wrap: Any = lambda x: nnx.Dict({k: wrap(v) for k, v in x.items()}) if isinstance(x, dict) else kind(x)  # noqa: E731
                return wrap(_nested(flat))

            def _next_key(self):
                if self.rngs is None:
                    raise ValueError("this module draws random numbers: give to_flax() `rngs`")
                return self.rngs.dropout()

            def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
                params, buffers = (_flat(tree) for tree in (self.params, self.buffers))
                outputs, new = self.held(
                    {n: v.get_value() for n, v in params.items()}, {n: v.get_value() for n, v in buffers.items()},
                    not self.deterministic, self._next_key, inputs, kwargs,
                )  # fmt: skip
                if not self.deterministic:
                    for name, value in new.items():
                        buffers[name].set_value(value)
                return outputs

        _made = TorchlikeModule
    return _made


_made: type | None = None
