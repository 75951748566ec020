"""Any optax transformation as an optimizer of tensors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from torchlike.core import capture
from torchlike.core.capture import LiveScalar
from torchlike.core.device import x64
from torchlike.core.graph import enable_grad, no_grad
from torchlike.core.op import SLOT, Arrays, Op, Scalar
from torchlike.core.variable import Variable, apply
from torchlike.optim.optimizer import Optimizer, ParamsT
from torchlike.optim.update import as_inputs, overwrite

_STATE = "optax"  # where Optimizer.state keeps the leaves: they belong to no single parameter


def from_optax(tx: optax.GradientTransformation, params: ParamsT) -> OptaxOptimizer:
    """An optimizer whose step is `tx.update` and `optax.apply_updates`, as one recorded operation.

    Args:
        tx: any optax transformation, learning rate included: `optax.lion(1e-4)`, a chain, `optax.multi_transform`, ...
        params: tensors, which `tx` sees as a list, or (name, tensor) pairs such as `model.named_parameters()`, which it
            sees as a dict by name, so that masks and labels may go by name.

    The numbers of an `optax.inject_hyperparams` transformation stand in `param_groups[0]` under their names, the
    learning rate as "lr", and may be changed there or by a scheduler. `state_dict` holds the leaves of optax's state in
    their order. If `step` is given a closure, `tx` gets the loss as `value`.

    A parameter without a gradient is left alone, and `tx` sees a gradient of zeros for it.

    >>> import optax
    >>> import torchlike as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.from_optax(optax.sgd(0.25), [w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """
    return OptaxOptimizer(tx, params)


class OptaxOptimizer(Optimizer):
    """See `from_optax`."""

    def __init__(self, tx: optax.GradientTransformation, params: ParamsT) -> None:
        super().__init__(params, {"differentiable": False})
        if len(self.param_groups) > 1:
            raise NotImplementedError(
                "from_optax() takes one group of parameters; give groups settings of their own with "
                "optax.multi_transform on named parameters."
            )
        self._bind(tx)
        with no_grad():
            leaves = apply(self._init, ((SLOT,) * len(self._params),), self._params)
        self.state[_STATE] = list(leaves)
        if self._hyper:
            given = jax.tree.unflatten(self._tree, leaves).hyperparams
            group = self.param_groups[0]
            for name in self._hyper:
                group[_torch_name(name)] = given[name].item()

    def _bind(self, tx: optax.GradientTransformation) -> None:
        """Find the structure of the state and make the two operations."""
        self._tx = tx = optax.with_extra_args_support(tx)
        group = self.param_groups[0]
        names = group.get("param_names")
        structs = [p._aval().struct for p in self._params]
        with x64():
            shapes = jax.eval_shape(tx.init, _as_seen(names, structs))
        self._types, self._tree = jax.tree.flatten(shapes)
        tree, types = self._tree, self._types
        hyper = self._hyper = tuple(shapes.hyperparams) if hasattr(shapes, "hyperparams") else ()

        def init(params: Arrays):
            return tuple(_data(x) for x in jax.tree.leaves(tx.init(_as_seen(names, params))))

        def update(params: Arrays, grads: Arrays, state: Arrays, numbers: Arrays, given, value: Scalar | None = None):
            rest = iter(grads)
            grads = [next(rest) if g else jnp.zeros_like(p) for g, p in zip(given, params, strict=True)]
            old = jax.tree.unflatten(tree, [_key(x, t) for x, t in zip(state, types, strict=True)])
            if hyper:
                given_now = {k: x.astype(old.hyperparams[k].dtype) for k, x in zip(hyper, numbers, strict=True)}
                old = old._replace(hyperparams={**old.hyperparams, **given_now})
            seen = _as_seen(names, params)
            extra = {} if value is None else {"value": value}
            updates, new = tx.update(_as_seen(names, grads), old, seen, **extra)
            new_params = optax.apply_updates(seen, updates)
            new_params = [new_params[name] for name in names] if names else new_params
            kept = [n for n, g in zip(new_params, given, strict=True) if g]
            leaves = [_data(x).astype(s.dtype) for x, s in zip(jax.tree.leaves(new), state, strict=True)]
            return (*kept, *leaves)

        self._init = Op("optax_init", init, differentiable=False)
        self._update = Op("optax_update", update, differentiable=False)

    @property
    def _params(self) -> list[Variable]:
        return self.param_groups[0]["params"]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_tx": self._tx}

    def __setstate__(self, state: dict[str, Any]) -> None:
        before = self.__dict__.get("state")
        super().__setstate__(state)
        if before is None:
            self._bind(state["_tx"])
            return
        now = self.state[_STATE]
        if [x._aval().shape for x in now] != [x._aval().shape for x in before[_STATE]]:
            self.state = before
            raise ValueError("loaded state dict holds the state of another optax transformation")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Only the constructor's group: optax's state is made for all parameters at once."""
        if self.param_groups:
            raise NotImplementedError(
                "from_optax() takes one group of parameters; give groups settings of their own with "
                "optax.multi_transform on named parameters."
            )
        super().add_param_group(param_group)

    def _scalars(self, group: dict[str, Any]) -> list:
        return as_inputs(group[_torch_name(name)] for name in self._hyper)

    def step(self, closure=None):
        """Update every parameter that has a gradient (a barrier); returns what `closure` returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        group, params, leaves = self.param_groups[0], self._params, self.state[_STATE]
        if capture.active is not None:
            for p in params:
                capture.active.touched_grad(p)
            numbers: list = [LiveScalar(group, _torch_name(name)) for name in self._hyper]
        else:
            numbers = self._scalars(group)
        given = tuple([p._grad is not None for p in params])
        inputs = [*params, *[p._grad for p in params if p._grad is not None], *leaves, *numbers]
        template: tuple = ((SLOT,) * len(params), (SLOT,) * sum(given), (SLOT,) * len(leaves),
                           (SLOT,) * len(numbers), given)  # fmt: skip
        if isinstance(loss, Variable):
            template, inputs = (*template, SLOT), [*inputs, loss.detach()]
        with no_grad():
            outs = iter(apply(self._update, template, inputs))
            del inputs
            for p, out in zip([p for p, g in zip(params, given, strict=True) if g], outs, strict=False):
                overwrite(p, out)
            for leaf, out in zip(leaves, outs, strict=True):
                overwrite(leaf, out)
        return loss


def _as_seen(names: list[str] | None, params):
    return dict(zip(names, params, strict=True)) if names else list(params)


def _torch_name(name: str) -> str:
    return "lr" if name == "learning_rate" else name


def _is_key(x) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _data(x):
    """A leaf as a plain array; a random key as its bits."""
    x = jnp.asarray(x)
    return jax.random.key_data(x) if _is_key(x) else x


def _key(x, kind):
    """A leaf in the type that optax gave it."""
    return jax.random.wrap_key_data(x, impl=kind.dtype._impl.name) if _is_key(kind) else x
