"""Specs: what the engine knows about one use of an op, and how its gradient follows.

A `Spec` is an op at given static arguments and given input descriptions: it knows the outputs' descriptions, so that
shape errors are raised at the user's own line, and holds the compiled form of the first gear. A `Rule` is the
vector-Jacobian product of a spec, and a `VjpOp` that product as an op, which has specs and rules itself.

The body of an op runs once for a spec, as a trace; whatever is made of the spec later is made of its trace. A spec of
sizes that come in many values is an instance of one traced for all of them (core/symbolic.py): its outputs, which
primals its gradient reads and its interpreter are the model's, and it has a trace of its own only if it is compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr
from jax.interpreters import partial_eval

from torchlike.core import dtype as _dtype
from torchlike.core import platform, precision, symbolic
from torchlike.core.device import check_memory, x64
from torchlike.core.op import SLOT, Op, inexact
from torchlike.core.symbolic import Sizes
from torchlike.core.transposition import has_convolution
from torchlike.core.value import Aval, aval

_SMALL = 2**28  # elements of an array that nobody need worry about


class Spec:
    """One op at one structure: the unit that programs are keyed by.

    `model` is the spec that was traced for all sizes, and `sizes` what its symbols are here.
    """

    __slots__ = ("op", "template", "avals", "outs", "single", "device", "traced", "executable", "runs", "rules", "plan",
                 "differentiable", "model", "sizes", "_closed", "__weakref__")  # fmt: skip

    def __init__(
        self, op: Op, template: tuple, avals: tuple[Aval, ...], device, model: Spec | None = None,
        sizes: Sizes = Sizes(),  # noqa: B008  none
    ):  # fmt: skip
        self.op = op
        self.template = template
        self.avals = avals
        self.device = device
        self.model = model
        self.sizes = sizes
        self.traced = any(a.traced for a in avals)
        self.executable: Any = None  # how the first gear runs it: core/program.py
        self.plan: Any = None  # how it is interpreted, whatever its sizes: core/program.py
        self.runs = 0  # how many programs of the first gear ran it
        self.rules: dict = {}
        self._closed: ClosedJaxpr | None = None
        if model is None:
            op.refuse_numbers(template, avals)
            self._closed, shapes = self._trace()
            self.single = not isinstance(shapes, tuple | list)
            flat = [(tuple(s.shape), np.dtype(s.dtype)) for s in ((shapes,) if self.single else shapes)]
        else:
            self.single = model.single
            flat = [(symbolic.at(o.shape, sizes), o.dtype) for o in model.outs]
        self.outs: tuple[Aval, ...] = tuple([aval(shape, dtype, device, self.traced) for shape, dtype in flat])
        if not (op.shows or self.traced):
            for shape, dtype in flat:
                self._check_memory(shape, dtype)
        self.differentiable = op.differentiable and any(o.inexact for o in self.outs)

    def __repr__(self) -> str:
        structure = [repr(part) for part in self.template if part is not SLOT]
        return f"{self.op.name}({', '.join([*map(repr, self.avals), *structure])})"

    def _check_memory(self, shape: tuple, dtype: np.dtype) -> None:
        if symbolic.known(shape) and (size := math.prod(shape)) > _SMALL:
            check_memory(size * dtype.itemsize, self.device)

    def _trace(self) -> tuple[ClosedJaxpr, Any]:
        op, body = self.op, self.op.function(self.template)

        def traced(*inputs):
            where = None if self.traced else self.device
            with jax.named_scope(op.name), precision.around(op.name, self.device), platform.tracing(where):
                return jax.tree.map(_strong, body(*inputs))

        with x64():
            return jax.make_jaxpr(traced, return_shape=True)(*[a.struct for a in self.avals])

    @property
    def closed(self) -> ClosedJaxpr:
        """The trace."""
        if self._closed is None:
            self._closed, _ = self._trace()
            if any(a.shape != o.shape or a.dtype != o.dtype for a, o in zip(self._closed.out_avals, self.outs)):  # noqa: B905
                raise RuntimeError(f"{self} was recorded under another default dtype than it is compiled under")
        return self._closed

    @property
    def convolves(self) -> bool:
        """Whether one of XLA's convolutions is in the trace."""
        return has_convolution((self.model or self).closed.jaxpr)

    def fn(self, *inputs):
        """The trace as a function, under whatever transformation of JAX is in progress."""
        outs = jax.core.eval_jaxpr(self.closed.jaxpr, self.closed.consts, *inputs)
        return outs[0] if self.single else tuple(outs)

    def vjp(self, wanted: tuple[bool, ...]) -> Rule:
        """The gradient of this use of the op towards the wanted inputs."""
        rule = self.rules.get(wanted)
        if rule is None:
            rule = self.rules[wanted] = Rule(self, wanted)
        return rule


def _strong(x):
    """Between operations no type is weak: what an op returns is its dtype, as in PyTorch."""
    return lax.convert_element_type(x, x.dtype) if getattr(x, "weak_type", False) else x


class Rule:
    """The vector-Jacobian product of a spec towards some inputs: which primals it really reads, and its ops."""

    __slots__ = ("spec", "wanted", "needed", "ops", "node", "refusal", "model", "_gradients")

    def __init__(self, spec: Spec, wanted: tuple[bool, ...]):
        self.spec = spec
        self.wanted = wanted
        self.node: Any = None  # the class of its nodes: core/graph.py
        self.refusal = self._refusal()
        self.ops: dict[tuple[bool, ...], VjpOp] = {}
        model = spec.model
        self.model: Any = None
        if model is not None:
            self.model = symbolic.attempt(model.rules, wanted, lambda: Rule(model, wanted))
        self._gradients: tuple[Jaxpr, list, list[int]] | None = None
        self.needed: tuple[int, ...]
        if self.model is None:
            self.needed, self._gradients = self._trace()
        else:
            self.needed = self.model.needed

    def _trace(self) -> tuple[tuple[int, ...], tuple[Jaxpr, list, list[int]]]:
        """The needed primals, and the trace of the gradients with its constants and the cotangents that it reads."""
        cotangents = [jax.ShapeDtypeStruct(o.shape, o.dtype) for o in self.spec.outs if inexact(o.dtype)]
        n = len(self.spec.avals)

        def whole(*args):
            return self.pull(self.push(args[:n])[1], args[n:])

        with x64():
            closed = jax.make_jaxpr(whole)(*[a.struct for a in self.spec.avals], *cotangents)
            jaxpr, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
        needed = tuple([i for i in range(n) if used[i]])
        return needed, (jaxpr, closed.consts, [i - n for i in range(n, len(used)) if used[i]])

    def gradients(self, needed, given) -> list:
        """From the needed primals and all inexact cotangents to the gradients of the wanted inputs."""
        if self._gradients is None:
            self._gradients = self._trace()[1]
        jaxpr, constants, reads = self._gradients
        return jax.core.eval_jaxpr(jaxpr, constants, *needed, *[given[i] for i in reads])

    def _refusal(self) -> tuple[type[Exception], str] | None:
        """The error of asking for a gradient that PyTorch does not have either."""
        if self.spec.op.grad_of(self.spec) == "NotImplemented":
            return RuntimeError, f"derivative for aten::{self.spec.op.name} is not implemented"
        for i, name in (self.spec.op.missing or {}).items():
            if self.wanted[i]:
                return NotImplementedError, f"the derivative for '{name}' is not implemented."
        return None

    def op(self, given: tuple[bool, ...]) -> VjpOp:
        """The op of this rule when only the `given` outputs have a cotangent."""
        op = self.ops.get(given)
        if op is None:
            op = self.ops[given] = VjpOp(self, given)
        return op

    def push(self, primals):
        """Run the spec, keeping the pullback towards the wanted inputs."""
        wanted = [p for p, w in zip(primals, self.wanted, strict=True) if w]

        def of_wanted(*chosen):
            chosen = iter(chosen)
            return self.spec.fn(*[next(chosen) if w else p for p, w in zip(primals, self.wanted, strict=True)])

        return jax.vjp(of_wanted, *wanted)

    def pull(self, pullback, cotangents):
        """Gradients from the cotangents of all inexact outputs, in PyTorch's convention for complex numbers.

        PyTorch's gradient is the conjugate of JAX's (https://docs.pytorch.org/docs/stable/notes/autograd.html,
        "Complex Autograd"), on the way in and on the way out.
        """
        rest = iter(cotangents)
        full = []
        for o in self.spec.outs:
            if inexact(o.dtype):
                ct = next(rest)
                full.append(ct.conj() if o.dtype.kind == "c" else ct)
            else:
                full.append(np.zeros(o.shape, jax.dtypes.float0))
        grads = pullback(full[0] if self.spec.single else tuple(full))
        return tuple(g.conj() if jax.numpy.iscomplexobj(g) else g for g in grads)


class VjpOp(Op):
    """A rule as an op of (needed primals, given cotangents), so that gradients are recorded like anything else."""

    def __init__(self, rule: Rule, given: tuple[bool, ...]):
        self.rule = rule
        self.given = given
        self.name = f"{rule.spec.op.name}_vjp"
        self.grad_name = rule.spec.op.grad_of(rule.spec).replace("Backward", "BackwardBackward")
        self.differentiable = rule.spec.op.differentiable

    def cotangents(self, given_cotangents) -> list:
        """All inexact cotangents, zeros for the outputs nothing came back to."""
        rest = iter(given_cotangents)
        return [
            next(rest) if g else jax.numpy.zeros(o.shape, o.dtype)
            for o, g in zip(self.rule.spec.outs, self.given, strict=True)
            if inexact(o.dtype)
        ]

    def function(self, template: tuple) -> Callable:
        rule, n = self.rule, len(self.rule.needed)
        return lambda *inputs: tuple(rule.gradients(inputs[:n], self.cotangents(inputs[n:])))


_specs: dict = {}


def forget() -> None:
    """Drop the traces of all specs that nothing pending refers to."""
    _specs.clear()
    symbolic.forget()


_dtype.on_default_change.append(forget)
precision.on_change.append(forget)


def spec(op: Op, template: tuple, avals: tuple, device) -> Spec:
    """The spec of this use of an op, inferred once (an un-memoised shape inference costs a millisecond)."""
    key = (op, template, avals, device)
    found = _specs.get(key)
    if found is None:
        found = _specs[key] = _instance(op, template, avals, device) or Spec(op, template, avals, device)
    return found


def _instance(op: Op, template: tuple, avals: tuple[Aval, ...], device) -> Spec | None:
    """The spec made of one that was traced for all sizes, if there is one or now comes to be."""
    if isinstance(op, VjpOp):
        if op.rule.model is None:
            return None
        forward, sizes = op.rule.model.spec, op.rule.spec.sizes
        inputs = (*[forward.avals[i] for i in op.rule.needed],
                  *[o for o, g in zip(forward.outs, op.given, strict=True) if g and o.inexact])  # fmt: skip
        expected = [(symbolic.at(a.shape, sizes), a.dtype, a.weak) for a in inputs]
        if expected != [(a.shape, a.dtype, a.weak) for a in avals]:
            return None
        use = op.rule.model.op(op.given), template, inputs, device
        model = symbolic.attempt(_specs, use, lambda: Spec(*use))
        return model and Spec(op, template, avals, device, model, sizes)
    if any(a.traced for a in avals):
        return None
    found = symbolic.match(op, template, avals, device, lambda template, avals: spec(op, template, avals, device))
    return found and Spec(op, template, avals, device, *found)
