"""Flax modules as torchlike modules: `from_flax`.

Design. A Flax module is a pure function of its variables; here that function becomes one recorded operation, like any
other, whose inputs are the parameters, the rest of the state, random keys and the tensors it is called with. So
autograd, optimizers, `torch.compile`, vmap and checkpoints need to know nothing of Flax.

For each way in which the module is called (mode, structure of the arguments, shapes) a `Plan` is made once: the
function is traced, and the trace says which state it changes, which keys it reads and what it returns. Only that state
is written back and only those keys are drawn, from torchlike's generator: `torch.manual_seed` governs Flax's dropout.

The function is traced with 32-bit types where all of its inputs are such: the numbers are those that the module gives
in the user's own JAX code.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.interpreters import partial_eval

from torchlike.core.device import cpu
from torchlike.core.op import SLOT, Arrays, Op
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.drawing import draw
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor, from_jax

__all__ = ["FlaxModule", "from_flax"]

_IN_TRAINING = ("train", "training", "is_training")  # arguments of linen modules that `training` answers
_IN_EVALUATION = ("deterministic", "use_running_average")  # and those that it answers the other way round


def from_flax(
    module: Any, *example_inputs: Any, variables: Any = None, rngs: Sequence[str] = ("dropout",), **example_kwargs: Any
) -> FlaxModule:
    """A Flax module, linen or NNX, as a torchlike module.

    Args:
        module: a `flax.linen.Module`, which describes a computation, or a `flax.nnx.Module`, which holds arrays; these
            are copied.
        example_inputs, example_kwargs: what a linen module will be called with; its variables are initialised with
            them, from torchlike's generator. Not needed with `variables` and for NNX.
        variables: a linen module's variables, as its `init` or a training loop in Flax made them.
        rngs: the streams of random keys that a linen module may ask for.

    The parameters stand at Flax's own paths and in Flax's layouts: `Dense_0.kernel` is (in, out). Other state, such as
    running averages, is in buffers: under the name of its collection for linen (`batch_stats.BatchNorm_0.mean`), at its
    path for NNX. `train()` and `eval()` set `train`, `training`, `is_training`, `deterministic` and
    `use_running_average` where a linen module has such an argument and the call does not give it; for NNX they are
    Flax's own. Arguments and results may be any nests of tensors; arguments that are no tensors are structure.
    Save the `state_dict`: a whole module can be pickled only where Flax's can, and its initialisers often cannot.

    >>> import flax.linen
    >>> import torchlike as torch
    >>> layer = torch.nn.from_flax(flax.linen.Dense(2), torch.ones(1, 3))
    >>> model = torch.nn.Sequential(layer, torch.nn.ReLU())
    >>> model(torch.ones(5, 3)).shape, [name for name, _ in model.named_parameters()]
    (torch.Size([5, 2]), ['0.bias', '0.kernel'])
    """
    from flax import linen, nnx

    if isinstance(module, linen.Module):
        return _Linen(module, variables, tuple(rngs), example_inputs, example_kwargs)
    if isinstance(module, nnx.Module):
        if variables is not None:
            raise TypeError("from_flax(): an NNX module holds its variables itself; update it with nnx.update before")
        return _NNX(module)
    raise TypeError(f"from_flax(): argument 'module' must be a Flax module, not {type(module).__name__}")


class _Scope(Module):
    """A step in a path of variables."""


class FlaxModule(Module):
    """A Flax module with its variables in torchlike's hands; `from_flax` makes it.

    A subclass gives `_pure`, the computation as a function of arrays, `_key_shapes`, the random keys that it may read,
    and `_definition`, which tells apart modules that compute different things.
    """

    def __init__(self) -> None:
        super().__init__()
        self._params: list[tuple[tuple[str, ...], str]] = []  # (scopes, name), in the order of the function's arguments
        self._state: list[tuple[tuple[str, ...], str]] = []
        self._plans: dict[tuple, Plan] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_plans": {}}

    def _enter(self, places: list, path: Sequence[Any], tensor: Any) -> None:
        """File a variable under its path."""
        *scopes, name = map(str, path)
        scope: Module = self
        for part in scopes:
            # into the tables straight: Flax may call a part like a method of Module
            scope = scope._modules.setdefault(part, _Scope())  # type: ignore[assignment]
        (scope._parameters if isinstance(tensor, Parameter) else scope._buffers)[name] = tensor
        places.append((tuple(scopes), name))

    def _tensors(self, places: list) -> list:
        found = []
        for scopes, name in places:
            scope: Module = self
            for part in scopes:
                scope = scope._modules[part]  # type: ignore[assignment]
            held: Any = scope._parameters.get(name)
            held = scope._buffers.get(name) if held is None else held
            found.append(getattr(scope, name) if held is None else held)  # a parametrized one is computed
        return found

    def _pure(self, settings: Any, params: list, state: list, keys: list, args: tuple, kwargs: dict) -> tuple:
        """(outputs, new state) from arrays."""
        raise NotImplementedError

    def _key_shapes(self) -> list[tuple[int, ...]]:
        raise NotImplementedError

    def _definition(self) -> Any:
        raise NotImplementedError

    def _settings(self, args: tuple, kwargs: dict) -> Any:
        """What of the mode the computation depends on; it may add to the keyword arguments."""
        return self.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's outputs; its state is updated."""
        kwargs = dict(kwargs)
        settings = self._settings(args, kwargs)
        leaves, tree = jax.tree.flatten((args, kwargs))
        inputs = [_tensor(x) for x in leaves if _is_array(x)]
        fixed = tuple([SLOT if _is_array(x) else x for x in leaves])
        params, state = self._tensors(self._params), self._tensors(self._state)
        avals = tuple([(a.shape, a.dtype) for a in [x._aval() for x in (*params, *state, *inputs)]])
        key = (settings, tree, fixed, avals)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(key, len(params), len(state))
        keys = [draw("bits", shape, dtype=np.uint32) for shape in plan.key_shapes]
        template = tuple([(SLOT,) * len(part) for part in (params, state, keys, inputs)])
        made = apply(_RUN, (*template, plan), [*params, *state, *keys, *inputs])
        n = plan.n_outputs
        for i, new in zip(plan.changed, made[n:], strict=True):
            state[i]._cell.set(new._read(), counts=False)  # what the graph keeps of it is immutable
        return plan.outputs(made[:n])

    def _plan(self, key: tuple, n_params: int, n_state: int) -> Plan:
        """The plan for a way of calling, shared with other modules that compute the same."""
        settings, tree, fixed, avals = key
        try:
            shared: Any = (self._definition(), *key)
            plan = _shared.get(shared)
        except TypeError:  # a field that cannot be hashed: nobody can tell what else computes the same
            shared, plan = None, None
        if plan is None:
            plan = Plan(self, settings, tree, fixed, avals, n_params, n_state)
            if shared is not None:
                _shared[shared] = plan
        return plan

    def _arrays(self) -> tuple[list, list]:
        """The present values of parameters and other state."""
        params, state = [[t.detach().jax() for t in self._tensors(places)] for places in (self._params, self._state)]
        return params, state


class Plan:
    """The trace of a Flax module for one way of calling it."""

    def __init__(self, module: FlaxModule, settings, tree, fixed: tuple, avals: tuple, n_params: int, n_state: int):
        arrays = [jax.ShapeDtypeStruct(*a) for a in avals]
        shapes = module._key_shapes()
        given = [*arrays[: n_params + n_state], *[jax.ShapeDtypeStruct(s, np.uint32) for s in shapes],
                 *arrays[n_params + n_state :]]  # fmt: skip
        first_key = n_params + n_state
        first_input = first_key + len(shapes)

        def whole(*flat):
            rest = iter(flat[first_input:])
            args, kwargs = jax.tree.unflatten(tree, [next(rest) if x is SLOT else x for x in fixed])
            keys = [jax.random.wrap_key_data(k, impl="threefry2x32") for k in flat[first_key:first_input]]
            outputs, state = module._pure(
                settings, list(flat[:n_params]), list(flat[n_params:first_key]), keys, args, kwargs
            )
            leaves, self._out_tree = jax.tree.flatten(outputs)
            self._out = [SLOT if _is_array(x) else x for x in leaves]
            self.n_outputs = sum(x is SLOT for x in self._out)
            return (*[x for x in leaves if _is_array(x)], *state)

        with jax.enable_x64(any(np.dtype(a.dtype).itemsize == 8 and a.dtype.kind != "c" for a in arrays)):
            closed = jax.make_jaxpr(whole)(*given)
        jaxpr = closed.jaxpr
        before, after = jaxpr.invars[n_params:first_key], jaxpr.outvars[self.n_outputs :]
        self.changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if new is not old]
        kept = [True] * self.n_outputs + [new is not old for old, new in zip(before, after, strict=True)]
        jaxpr, used = partial_eval.dce_jaxpr(jaxpr, kept)
        self.key_shapes = [s for s, u in zip(shapes, used[first_key:first_input], strict=True) if u]
        # keys that nothing reads are not drawn, and so not among the arguments
        here = [u or not first_key <= i < first_input for i, u in enumerate(used)]
        self._reads = [u for u, h in zip(used, here, strict=True) if h]
        self._jaxpr, self._consts = jaxpr, closed.consts

    def outputs(self, tensors: Sequence) -> Any:
        """What the module returns, from the tensors in it."""
        rest = iter(tensors)
        return jax.tree.unflatten(self._out_tree, [next(rest) if x is SLOT else x for x in self._out])

    def __call__(self, *arrays):
        read = [x for x, u in zip(arrays, self._reads, strict=True) if u]
        return tuple(jax.core.eval_jaxpr(self._jaxpr, self._consts, *read))


def _flax(params: Arrays, state: Arrays, keys: Arrays, inputs: Arrays, plan):
    return plan(*params, *state, *keys, *inputs)


_RUN = Op("flax", _flax)
_shared: dict[tuple, Plan] = {}


class _Linen(FlaxModule):
    def __init__(self, module: Any, variables: Any, rngs: tuple[str, ...], args: tuple, kwargs: dict):
        super().__init__()
        self.module, self.rngs = module, rngs
        if variables is None:
            key = jax.random.wrap_key_data(jax.numpy.asarray(_bits_now(())), impl="threefry2x32")
            kwargs = dict(kwargs)
            self.eval()._settings(args, kwargs)
            self.train()
            args, kwargs = jax.tree.map(lambda x: x.detach().jax() if isinstance(x, Tensor) else x, (args, kwargs))
            names = ("params", *rngs)
            variables = module.init(dict(zip(names, jax.random.split(key, len(names)), strict=True)), *args, **kwargs)
        from flax.core import meta, unfreeze

        variables = unfreeze(meta.unbox(variables))
        self._collections = tuple(name for name in variables if name != "params")
        for collection in ("params", *self._collections):
            places = self._params if collection == "params" else self._state
            paths, tree = jax.tree_util.tree_flatten_with_path(variables.get(collection, {}))
            for path, array in paths:
                scopes = [] if collection == "params" else [collection]
                self._enter(places, [*scopes, *[p.key for p in path]], _variable(array, collection == "params"))
            if collection == "params":
                self._tree = tree
        self._state_tree = jax.tree.structure({c: variables[c] for c in self._collections})

    def _settings(self, args: tuple, kwargs: dict) -> Any:
        parameters = inspect.signature(type(self.module).__call__).parameters
        positional = list(parameters)[1 : len(args) + 1]
        for names, value in ((_IN_TRAINING, self.training), (_IN_EVALUATION, not self.training)):
            for name in names:
                # a module that has been told at construction does not take it again
                if name in parameters and name not in positional and getattr(self.module, name, None) is None:
                    kwargs.setdefault(name, value)

    def _definition(self) -> Any:
        return self.module, self.rngs, self._tree, self._state_tree

    def _key_shapes(self) -> list[tuple[int, ...]]:
        return [(2,)] * len(self.rngs)

    def _pure(self, settings: Any, params: list, state: list, keys: list, args: tuple, kwargs: dict) -> tuple:
        variables = {"params": jax.tree.unflatten(self._tree, params), **jax.tree.unflatten(self._state_tree, state)}
        rngs = dict(zip(self.rngs, keys, strict=True))
        if not self._collections:
            return self.module.apply(variables, *args, rngs=rngs, **kwargs), []
        outputs, new = self.module.apply(variables, *args, rngs=rngs, mutable=list(self._collections), **kwargs)
        new = {c: new.get(c, variables[c]) for c in self._collections}
        return outputs, jax.tree.leaves(new)

    def variables(self) -> dict[str, Any]:
        """The present values as JAX arrays, as the linen module's `apply` takes them."""
        params, state = self._arrays()
        return {"params": jax.tree.unflatten(self._tree, params), **jax.tree.unflatten(self._state_tree, state)}

    def extra_repr(self) -> str:
        """The name of the Flax class."""
        return type(self.module).__name__


class _NNX(FlaxModule):
    _in_training: Any  # graph definitions
    _in_evaluation: Any

    def __init__(self, module: Any):
        super().__init__()
        from flax import nnx

        copy = nnx.clone(module)
        copy.train()
        parts: Any = nnx.split(copy, nnx.Param, nnx.RngState, ...)
        self._in_training, params, random, state = parts
        copy.eval()
        self._in_evaluation = nnx.graphdef(copy)
        self._trees: list[Any] = []
        for part, places in ((params, self._params), (state, self._state)):
            found, tree = jax.tree_util.tree_flatten_with_path(part, is_leaf=lambda x: isinstance(x, nnx.Variable))
            for path, variable in found:
                array = variable.get_value()
                if not hasattr(array, "shape"):
                    raise NotImplementedError(
                        f"from_flax(): the variable at {jax.tree_util.keystr(path)} holds no array; give the module "
                        "arrays, or keep this in a plain attribute"
                    )
                self._enter(places, [getattr(p, "key", p) for p in path], _variable(array, places is self._params))
            self._trees.append(jax.tree.structure(part))
        leaves, tree = jax.tree.flatten(random)
        self._trees.append(tree)
        self._random = tuple((x.shape, str(x.dtype)) for x in leaves)
        self.name = type(module).__name__

    def _definition(self) -> Any:
        return (self._in_training, self._in_evaluation, *self._trees, self._random)

    def _key_shapes(self) -> list[tuple[int, ...]]:
        return [(*shape, 2) for shape, dtype in self._random if dtype.startswith("key")]

    def _pure(self, settings: Any, params: list, state: list, keys: list, args: tuple, kwargs: dict) -> tuple:
        from flax import nnx

        rest = iter(keys)
        random = [
            next(rest) if dtype.startswith("key") else jax.numpy.zeros(shape, dtype) for shape, dtype in self._random
        ]
        parts = [jax.tree.unflatten(t, x) for t, x in zip(self._trees, (params, state, random), strict=True)]
        module = nnx.merge(self._in_training if settings else self._in_evaluation, *parts)
        outputs = module(*args, **kwargs)
        after = dict(nnx.to_flat_state(nnx.state(module, nnx.Not(nnx.Any(nnx.Param, nnx.RngState)))))
        kept = [path for path, _ in nnx.to_flat_state(parts[1])]
        new = nnx.from_flat_state([(path, after[path]) for path in kept])  # what the call itself has added is dropped
        return outputs, jax.tree.leaves(new)

    def merge(self) -> Any:
        """A Flax NNX module with the present values, in training or evaluation as this module is."""
        from flax import nnx

        params, state = self._arrays()
        keys = iter([jax.random.wrap_key_data(jax.numpy.asarray(_bits_now(s[:-1])), impl="threefry2x32")
                     for s in self._key_shapes()])  # fmt: skip
        random = [
            next(keys) if dtype.startswith("key") else jax.numpy.zeros(shape, dtype) for shape, dtype in self._random
        ]
        parts = [jax.tree.unflatten(t, x) for t, x in zip(self._trees, (params, state, random), strict=True)]
        return nnx.merge(self._in_training if self.training else self._in_evaluation, *parts)

    def extra_repr(self) -> str:
        """The name of the Flax class."""
        return self.name


def _is_array(x: Any) -> bool:
    return isinstance(x, Variable | np.ndarray | jax.Array)


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Variable) else from_jax(x) if isinstance(x, jax.Array) else wrap(put(x, cpu))


def _variable(array: Any, is_parameter: bool) -> Any:
    """A copy of an array as a parameter or a plain tensor."""
    tensor = wrap(put(np.asarray(array), cpu))
    return Parameter(tensor, tensor.is_floating_point() or tensor.is_complex()) if is_parameter else tensor


def _bits_now(shape: tuple[int, ...]) -> np.ndarray:
    return draw("bits", (*shape, 2), dtype=np.uint32).numpy()
