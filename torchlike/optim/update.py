"""One update of a whole parameter group as one recorded operation.

The inputs of the operation are the parameters, their gradients, their state and the settings that are numbers; its
outputs are the new parameters and the new state. Its structure is only which parameter has state already, which ones
share a step counter, and the settings that are flags, so a changed learning rate compiles nothing.

Step counters: PyTorch keeps one tensor for each parameter. Those of parameters that have always been updated together
hold one and the same immutable value, so that a program counts, and corrects for the bias, once for all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from torchlike.core import capture
from torchlike.core import dtype as _dtype
from torchlike.core.capture import LiveScalar
from torchlike.core.graph import _at, enable_grad, mode
from torchlike.core.op import SLOT, Arrays, Op
from torchlike.core.value import Value, put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.optim.optimizer import Optimizer


class FusedOptimizer(Optimizer):
    """An optimizer described by a pure rule; this class binds the rule to parameters, gradients and state.

    A subclass says what the rule needs: `_flags(group)`, the hashable settings that are structure; `_scalars(group)`,
    the numbers in a fixed order; `_state_names(flags)`, the tensors kept for each parameter; `_counts`, whether steps
    are counted; and `_rule`, the mathematics.
    """

    _counts = False
    _op: Op
    _recorded: Op  # the same, with a gradient

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        if "_rule" in cls.__dict__:
            cls._op, cls._recorded = _fused(cls, False), _fused(cls, True)

    def __init__(self, params, defaults: dict[str, Any]) -> None:
        if defaults.get("fused"):
            if defaults["differentiable"]:
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)
        if self._counts:
            self._share_steps()

    @staticmethod
    def _state_names(flags: Any) -> tuple[str, ...]:
        raise NotImplementedError

    @staticmethod
    def _rule(params: list, grads: list, states: list[list], step, scalars: list, flags: tuple, fresh: bool):
        """The new (params, states) of parameters of one real dtype that have made `step` updates before.

        `states` has a list for each state name; for `fresh` parameters these are zeros.
        """
        raise NotImplementedError

    @staticmethod
    def _state_kind(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[tuple[int, ...], Any]:
        """Shape and dtype in which a piece of state begins, from those of its parameter."""
        return shape, dtype

    def _flags(self, group: dict[str, Any]) -> tuple:
        raise NotImplementedError

    def _parts(self, group: dict[str, Any], pairs: list) -> list[tuple[tuple, list]]:
        """Flags, and the (parameter, gradient) pairs that they hold for: parameters that keep the same state."""
        return [(self._flags(group), pairs)]

    def _scalars(self, group: dict[str, Any]) -> list:
        raise NotImplementedError

    def _structure(self) -> tuple:
        return super()._structure(), tuple([self._flags(group) for group in self.param_groups])

    def step(self, closure=None):
        """Update every parameter that has a gradient (a barrier).

        `closure` clears the gradients, computes the loss, calls backward and returns the loss, which is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with _at(bool(self.defaults.get("differentiable"))):
            for group in self.param_groups:
                self._update_group(group)
        return loss

    def _update_group(self, group: dict[str, Any]) -> None:
        if capture.active is not None:
            self._before_capture(capture.active, group)
        pairs = [(p, p._grad) for p in group["params"] if p._grad is not None]
        if not pairs:
            return
        for flags, part in self._parts(group, pairs):
            homes = {p._aval().device for p, _ in part}
            if len({id(p._cell) for p, _ in part}) < len(part):  # two names of one memory: one after the other
                for pair in part:
                    self._update(group, flags, [pair])
            elif len(homes) > 1:
                for home in homes:
                    self._update(group, flags, [pair for pair in part if pair[0]._aval().device is home])
            else:
                self._update(group, flags, part)

    def _update(self, group: dict[str, Any], flags: tuple, pairs: list[tuple[Variable, Variable]]) -> None:
        names = self._state_names(flags)
        states = [self.state[p] for p, _ in pairs] if names else []
        ready = [s for s in states if s.get(names[0]) is not None]
        steps, which = self._steps(states, names[0]) if names else ([], (-1,) * len(pairs))
        columns = [[s[name] for s in ready] for name in names]
        scalars = self._inputs(group)
        n, m = len(pairs), len(ready)
        template = ((SLOT,) * n, (SLOT,) * n, (SLOT,) * (m * len(names)), (SLOT,) * len(steps),
                    (SLOT,) * len(scalars), which, flags)  # fmt: skip
        inputs = [p for p, _ in pairs]
        inputs += [g for _, g in pairs]
        for column in columns:
            inputs += column
        inputs += steps
        inputs += scalars
        write: Any
        if mode.grad:
            outs, write = iter(apply(self._recorded, template, inputs)), _rewrite
        else:  # without history the values are enough: tensors around them cost as much again
            outs, write = iter(apply(self._op, template, inputs, bare=True)), _write
        del inputs
        for (p, _), out in zip(pairs, outs, strict=False):
            write(p, out)
        if self._counts:
            counters = list(itertools.islice(outs, len(steps) + (m < n)))
            for s, k in zip(states, which, strict=True):
                if k < 0:
                    s["step"] = wrap(_value(counters[-1]))
                else:
                    _write(s["step"], _value(counters[k]))
        for name in names:
            for s, k, out in zip(states, which, outs, strict=False):
                if k < 0:
                    s[name] = out if mode.grad else wrap(out)
                else:
                    write(s[name], out)

    def _steps(self, states: list[dict], name: str) -> tuple[list, tuple[int, ...]]:
        """The distinct step counters, and for each parameter which one is its own (-1 where there is no state yet)."""
        if not self._counts:
            return [], tuple([-1 if s.get(name) is None else 0 for s in states])
        steps: list = []
        known: dict[int, int] = {}
        which = []
        for s in states:
            if s.get(name) is None:
                which.append(-1)
                continue
            value = s["step"]._read()
            k = known.get(id(value))
            if k is None:
                k = known[id(value)] = len(steps)
                steps.append(s["step"])
            which.append(k)
        return steps, tuple(which)

    def _inputs(self, group: dict[str, Any]) -> list:
        """The numbers of a group as inputs; inside a capture, where to find them again."""
        if capture.active is not None:
            return [_Setting(self, group, i) for i in range(len(self._scalars(group)))]
        return as_inputs(self._scalars(group))

    def _before_capture(self, active: capture.Capture, group: dict[str, Any]) -> None:
        """What a captured step writes to must exist before, so that a replay finds it: make the state of new
        parameters here, as memory."""
        zero: dict = {}
        for p in group["params"]:
            active.touched_grad(p)
            if p._grad is None:
                continue
            names = self._state_names(self._parts(group, [(p, p._grad)])[0][0])
            if not names or self.state[p].get(names[0]) is not None:
                continue
            if not self._zeros_are_fresh(group):
                raise capture.Refused(
                    f"torch.compile(fullgraph=True): the first step of {type(self).__name__} differs from the others "
                    "with these settings. Make one step before compiling."
                )
            a = p._aval()
            if self._counts:
                if a.device not in zero:
                    zero[a.device] = put(np.zeros((), _step_dtype()), a.device)
                self.state[p]["step"] = wrap(zero[a.device])
            for name in names:
                self.state[p][name] = wrap(put(np.zeros(*self._state_kind(name, a.shape, a.dtype)), a.device))

    def _zeros_are_fresh(self, group: dict[str, Any]) -> bool:
        """Whether state of zeros is the same as none."""
        return True

    def _share_steps(self) -> None:
        """Let step counters of equal value hold the same one, on the device of their parameter (a barrier).

        PyTorch keeps them on the CPU unless `capturable`; here they are inputs of the update like all the rest.
        """
        known: dict = {}
        for p, s in self.state.items():
            step: Any = s.get("step") if isinstance(p, Variable) else None
            if step is None:
                continue
            home = p._aval().device
            if not isinstance(step, Variable):
                step = s["step"] = wrap(put(np.asarray(step, _step_dtype()), home))
            elif step._aval().device is not home:
                step = s["step"] = s["step"].to(home)
            value = step._read()
            shared = known.setdefault((float(value.get()), value.aval), value)
            if shared is not value:
                step._cell.value = shared


class _Setting(LiveScalar):
    """The i-th number of a group, read anew at every replay of a captured step."""

    def __init__(self, optimizer: FusedOptimizer, group: dict[str, Any], i: int):
        super().__init__(group, i)
        self.optimizer = optimizer

    __slots__ = ("optimizer",)

    def get(self):
        return _as_input(self.optimizer._scalars(self.owner)[self.key])


def as_inputs(numbers) -> list:
    """Tensors as they are and everything else as floats, so that 1 and 1.0 are the same program."""
    return [_as_input(x) for x in numbers]


def _as_input(x):
    return x if x.__class__ is float or isinstance(x, Variable) else float(x)


def overwrite(target: Variable, result: Variable) -> None:
    """Put a result into a tensor's memory. Call it without grad mode, or for tensors out of the graph."""
    _write(target, result._cell.value)


def _write(target: Variable, value: Value) -> None:
    """The same with a value."""
    if target._parent is None:
        target._cell.set(value)
    else:
        target._assign(wrap(value))


def _value(x: Value | Variable) -> Value:
    return x if x.__class__ is Value else x._cell.value  # type: ignore[union-attr, return-value]


def _rewrite(target: Variable, result: Variable) -> None:
    """The same with history. What earlier steps keep for their gradients is immutable, so it counts as no write."""
    target._check_writable()
    if target._parent is not None:
        target._assign(result)
        return
    before, node = target._node, result._node
    target._cell.set(result._cell.value, counts=False)
    target._node, target._nr = node, result._nr
    if target._retains and before is not None and node is not None:
        before.move_retained(target, node)


def chained(before: Sequence, core, state, after: Sequence, grads: list, params: list):
    """One step of an optax chain in which only `core` has state; returns (new params, new state of `core`)."""
    nothing = optax.EmptyState()
    states = (*[nothing] * len(before), state, *[nothing] * len(after))
    updates, states = optax.chain(*before, core, *after).update(grads, states, params)
    return optax.apply_updates(params, updates), states[len(before)]


def _step_dtype() -> np.dtype:
    """Steps are counted in float32, or float64 where that is the default: PyTorch's choice."""
    return np.dtype(np.float64 if _dtype.get_default_dtype() is _dtype.float64 else np.float32)


def _fused(cls: type[FusedOptimizer], differentiable: bool) -> Op:
    """The rule of an optimizer class as an operation on all parameters of a group."""

    def update(params: Arrays, grads: Arrays, states: Arrays, steps: Arrays, scalars: Arrays, which, flags):
        names = cls._state_names(flags)
        scalars = [x.reshape(()) if jnp.ndim(x) else x for x in scalars]
        ready = [i for i, k in enumerate(which) if k >= 0]
        new_params: list = [None] * len(params)
        new_states: list[list] = [[jnp.zeros(*cls._state_kind(n, p.shape, p.dtype)) for p in params] for n in names]
        for j, column in enumerate(new_states):
            for i, old in zip(ready, states[j * len(ready) :], strict=False):
                column[i] = old
        together: dict = {}
        for i, (k, p) in enumerate(zip(which, params, strict=True)):
            together.setdefault((k, p.dtype), []).append(i)
        for (k, _), members in together.items():
            made, kept = cls._rule(
                [_real(params[i]) for i in members],
                [_real(grads[i]) for i in members],
                [[_real(column[i]) for i in members] for column in new_states],
                steps[k].astype(jnp.float64) if k >= 0 and steps else jnp.zeros((), jnp.float64),
                scalars,
                flags,
                k < 0,
            )
            for at, i in enumerate(members):
                new_params[i] = _like(made[at], params[i])
                for column, fresh in zip(new_states, kept, strict=True):
                    column[i] = _like(fresh[at], column[i])
        counters: list = []
        if cls._counts:
            counters = [s + 1 for s in steps]
            if -1 in which:
                counters.append(jnp.ones((), _step_dtype()))
        return (*new_params, *counters, *(x for column in new_states for x in column))

    return Op(f"{cls.__name__.lower()}_update", update, differentiable=differentiable)


def _real(x: jax.Array) -> jax.Array:
    """Complex numbers as pairs of real ones: PyTorch's optimizers treat the two parts as parameters of their own."""
    return jnp.stack([x.real, x.imag], -1) if jnp.iscomplexobj(x) else x


def _like(x: jax.Array, old: jax.Array) -> jax.Array:
    """Back from `_real`, in the dtype of what it replaces."""
    return (x[..., 0] + 1j * x[..., 1] if jnp.iscomplexobj(old) else x).astype(old.dtype)
