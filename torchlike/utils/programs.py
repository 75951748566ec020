"""What a piece of code records, as one program that can be looked at: its jaxpr, its XLA text, its cost."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import jax

from torchlike.core import explain
from torchlike.core.device import x64
from torchlike.core.program import evaluate, held, needed
from torchlike.core.spec import Spec
from torchlike.core.value import SCALARS, Value


class Program:
    """The operations that were recorded in a block, numbered as the engine numbers them.

    `entries` has (spec, input slots, first output slot) of each; what was there before is a leaf. `str()` is the jaxpr.
    Gradients and updates of optimizers are operations like any other, so that the program of a whole training step can
    be looked at. Made by `torch.utils.program`.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[Spec, list[int], int]] = []
        self.leaves: list = []  # Values, kept so that nothing else takes their identity, and Python numbers
        self.leaf_slots: list[int] = []
        self.result: Any = None
        self._slots: dict[int, tuple[weakref.ref, int]] = {}
        self._results: list[tuple[weakref.ref, int]] = []
        self._batches: set = set()
        self._alive: list[int] = []
        self._count = 0

    def _note(self, spec: Spec, inputs: list, results: list) -> None:
        slots = [self._slot(v) for v in inputs]
        first = self._count
        for value in results:
            self._batches.add(value.place[0])
            ref = weakref.ref(value)
            self._slots[id(value)] = ref, self._count
            self._results.append((ref, self._count))
            self._count += 1
        self.entries.append((spec, slots, first))

    def _slot(self, v: Any) -> int:
        if isinstance(v, Value):
            ref, slot = self._slots.get(id(v), (None, -1))
            if ref is not None and ref() is v:
                return slot
            self._slots[id(v)] = weakref.ref(v), self._count
        self.leaves.append(v)
        self.leaf_slots.append(self._count)
        self._count += 1
        return self._count - 1

    def record(self, fn: Callable, *args: Any, **kwargs: Any) -> Program:
        """Call `fn(*args, **kwargs)` and note what it records; its result is kept in `result`."""
        with explain.observed(self._note):
            self.result = fn(*args, **kwargs)
        pending = {id(v) for batch in self._batches if batch is not None for v in held(batch)}
        self._alive = [slot for ref, slot in self._results
                       if (v := ref()) is not None and (v.array is not None or id(v) in pending)]  # fmt: skip
        self._slots.clear()
        self._batches.clear()
        return self

    @property
    def inputs(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the leaves."""
        return [(v.aval if isinstance(v, Value) else SCALARS[type(v)]).struct for v in self.leaves]

    @property
    def outputs(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the results that are still held."""
        avals = {first + i: a for spec, _, first in self.entries for i, a in enumerate(spec.outs)}
        return [avals[slot].struct for slot in self._alive]

    def function(self, *arrays: Any) -> list:
        """The program as a pure function, compiled: of a JAX array or Python number for each leaf, to `outputs`."""
        with x64():
            return jax.jit(self._body)(*arrays)

    def _body(self, *arrays: Any) -> list:
        env = dict(zip(self.leaf_slots, arrays, strict=True))
        evaluate([e for e, _ in needed([(e, None) for e in self.entries], self._alive)], env)
        return [env[slot] for slot in self._alive]

    def jaxpr(self) -> Any:
        """The program in JAX's own terms."""
        with x64():
            return jax.make_jaxpr(self._body)(*self.inputs)

    def _lowered(self) -> Any:
        with x64():
            return jax.jit(self._body).lower(*self.inputs)

    def stablehlo(self) -> str:
        """The program as XLA is given it."""
        return self._lowered().as_text()

    def xla(self) -> str:
        """The program as XLA has compiled it for the default device: a compilation."""
        with x64():
            return self._lowered().compile().as_text()

    def cost(self) -> dict[str, float]:
        """XLA's own estimate: `flops`, `transcendentals`, `bytes accessed` and more. A loop's body may count once."""
        return dict(self._lowered().cost_analysis() or {})

    def memory(self) -> dict[str, int]:
        """Bytes of the compiled program: its `arguments`, `outputs` and `temporaries`. A compilation."""
        with x64():
            found = self._lowered().compile().memory_analysis()
        if found is None:
            raise NotImplementedError("Program.memory(): this backend does not tell; use jax.profiler instead")
        return {
            "arguments": found.argument_size_in_bytes,
            "outputs": found.output_size_in_bytes,
            "temporaries": found.temp_size_in_bytes,
        }

    def __str__(self) -> str:
        return str(self.jaxpr())

    def __repr__(self) -> str:
        return f"<Program of {len(self.entries)} operations, {len(self.leaves)} inputs, {len(self._alive)} outputs>"


def program(fn: Callable, *args: Any, **kwargs: Any) -> Program:
    """Call `fn(*args, **kwargs)` once and return what it recorded; what it returned is in `result`.

    Differs from `torch.compile`: nothing is replayed, this is for looking at it.

    >>> import torchlike as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> seen = torch.utils.program(lambda: (w * 3).sum())
    >>> seen
    <Program of 2 operations, 2 inputs, 1 outputs>
    >>> seen.cost()["flops"] >= 3  # two products and a sum at least; XLA counts in its own way
    True
    """
    return Program().record(fn, *args, **kwargs)
