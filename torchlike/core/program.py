"""From a batch to results: the two gears, the cache of programs, liveness and donation.

First gear: a structure seen for the first time runs entry by entry, each entry a `jax.jit` of its own that other
batches share, or, where that is cheaper, interpreted with NumPy. Second gear: a structure that comes back is traced
whole and compiled once; one call runs it.
"""

from __future__ import annotations

import sys
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable

import jax
import numpy as np
from jax import lax
from jax.extend.core import jaxpr_as_fun

from torchlike.core import explain, transposition
from torchlike.core import spec as specs
from torchlike.core.device import cpu
from torchlike.core.interpreter import SMALL, Interpreter, plan
from torchlike.core.spec import Spec, VjpOp
from torchlike.core.value import SCALARS, Aval, Value, placed

CAPACITY = 4096
"""So many structures are remembered; the one not used for the longest time is forgotten first."""

EXECUTABLES = 2048
"""So many compiled functions of both gears are kept, the oldest given back first. JAX 0.10 holds 1.4 MiB for each,
however small, and each takes about four of the 65,530 memory maps that Linux allows a process (vm.max_map_count)."""

FEW = 4
"""From so many Python numbers on they are given to a program in one array."""

_programs: OrderedDict = OrderedDict()
_executables: deque[weakref.ref] = deque()


def run(batch, compile_now: bool) -> None:
    """Fill every pending value of the batch that somebody still holds."""
    alive = held(batch)
    leaves, batch.leaves, batch.outs = batch.leaves, [], []
    if not alive:
        return
    if len(batch.entries) == 1 and (run := batch.entries[0][0].executable).__class__ is Interpreter and not compile_now:
        _run_alone(run, batch, leaves, alive)
        return
    arrays = [v.array if v.__class__ is Value else v for v in leaves]
    owners = {batch.leaf_slots[i]: weakref.ref(leaves[i]) for i, a in enumerate(arrays) if a.__class__ is np.ndarray}
    donated = _dead(leaves, batch.leaf_slots, [out.aval for out in alive])
    leaves.clear()
    key = (tuple(batch.key), tuple([out.place[1] for out in alive]), donated)
    program = _programs.get(key)
    seen_before = program is not None
    if program is None:
        program = _programs[key] = Program(batch, key[1], donated)
        if len(_programs) > CAPACITY:
            _programs.popitem(last=False)
    else:
        _programs.move_to_end(key)
    batch.program = program
    explain.counts.programs += 1
    if program.executable is None and (compile_now or seen_before) and not program.stays_first(compile_now):
        program.compile(batch)
    elif program.executable is not None:
        explain.counts.hits += 1
    if batch.tape.device is not cpu:  # where there is no input that says so
        with jax.default_device(batch.tape.device.jax):
            results = program(arrays, owners)
    else:
        results = program(arrays, owners)
    for out, array in zip(alive, results, strict=True):
        out.array = array


def _run_alone(run: Callable, batch, leaves: list, alive: list) -> None:
    """One small entry, such as the `x[i]` of `x[i].item()`, needs no program."""
    explain.counts.programs += 1
    explain.counts.first_gear += 1
    _, slots, first = batch.entries[0]
    arrays = [v.array if v.__class__ is Value else v for v in leaves]
    results = run(*[arrays[s] for s in slots])  # the leaves have the first slots
    for out in alive:
        out.array = results[out.place[1] - first]


def _holders(values: list) -> list[int]:
    """How many hold each of these, as counted here."""
    return list(map(sys.getrefcount, values))


_ONLY_HERE = _holders([Value(SCALARS[float])])[0]


def held(batch) -> list[Value]:
    """The pending values of a batch that somebody besides it holds."""
    return [out for out, holders in zip(batch.outs, _holders(batch.outs), strict=True) if holders > _ONLY_HERE]


def _dead(leaves: list, slots: list[int], wanted: list) -> tuple[int, ...]:
    """Slots of leaves that nothing else refers to and whose buffer an output of the same type can take over."""
    free: dict | None = None
    donated = []
    for v, slot, holders in zip(leaves, slots, _holders(leaves), strict=True):
        if holders == _ONLY_HERE and v.__class__ is Value and not v.exported:
            if free is None:
                free = Counter(wanted)
            if free[v.aval] > 0:
                free[v.aval] -= 1
                donated.append(slot)
    return tuple(donated)


class Program:
    """One structure: which entries are needed, and, once compiled, the one function that runs them all."""

    __slots__ = ("entries", "leaf_slots", "alive", "donated", "last_use", "executable", "trivial", "packs", "plain",
                 "returned", "places", "__weakref__")  # fmt: skip

    def __init__(self, batch, alive: tuple[int, ...], donated: tuple[int, ...]):
        self.leaf_slots = batch.leaf_slots
        self.alive = alive
        self.donated = donated
        self.executable: Callable | None = None
        self.entries = [e for e, _ in needed([(e, None) for e in batch.entries], alive)]
        self.trivial = len(self.entries) <= 1 and not donated  # the first gear does the same
        self.last_use: dict[int, int] = {}
        for i, (_, slots, _) in enumerate(self.entries):
            for s in slots:
                self.last_use[s] = i

    def __call__(self, arrays: list, owners: dict[int, weakref.ref[Value]]) -> list:
        """The results, in the order of `alive`. `owners`: by slot, the values of leaves that are NumPy's."""
        executable = self.executable  # held: another thread may take it away in between
        if executable is not None:
            if owners:
                there = zip(self.leaf_slots, arrays, strict=True)
                arrays = [_placed(a, owners.get(s)) if a.__class__ is np.ndarray else a for s, a in there]
            return self.execute(executable, arrays)
        explain.counts.first_gear += 1
        env = dict(zip(self.leaf_slots, arrays, strict=True))
        alive = set(self.alive)
        chosen: dict[Spec, Callable] = {}  # for this run: a spec may come twice in a program
        for i, (spec, slots, first) in enumerate(self.entries):
            run = spec.executable or chosen.get(spec)
            if run is None:
                run = chosen[spec] = _executable(spec)
            if run.__class__ is not Interpreter:
                for s in slots:
                    if env[s].__class__ is np.ndarray:
                        env[s] = _placed(env[s], owners.get(s))
            env.update(enumerate(run(*[env[s] for s in slots]), first))
            for s in slots:
                if self.last_use[s] == i and s not in alive:
                    env.pop(s, None)
        return [env[s] for s in self.alive]

    def stays_first(self, compile_now: bool) -> bool:
        """Whether the second gear gains nothing: NumPy is done sooner than a compiled function is called."""
        if not self.trivial and not compile_now:
            runs = [spec.executable for spec, _, _ in self.entries]
            small = [run.cost for run in runs if run.__class__ is Interpreter]
            self.trivial = len(small) == len(runs) and sum(small) <= SMALL
        return self.trivial

    def compile(self, batch) -> None:
        """Second gear: one traced function for the whole structure."""
        explain.compiled("program", self.entries, batch)
        self.packs = _packs(self.entries, self.leaf_slots)
        packed = {i for places, _ in self.packs for i in places}
        self.plain = [i for i in range(len(self.leaf_slots)) if i not in packed]
        donate = [n for n, i in enumerate(self.plain) if self.leaf_slots[i] in self.donated]
        self.returned = _returned(self)
        self.places = [self.returned.index(s) for s in self.alive]
        trace: Callable = self.trace
        if any(spec.device is cpu and spec.convolves for spec, _, _ in self.entries):
            trace = transposition.put_off(trace)
        _keep(self, jax.jit(trace, donate_argnums=donate))

    def execute(self, executable: Callable, arrays: list) -> list:
        """Call the compiled function with the leaves."""
        if self.packs:
            packs = [np.array([arrays[i] for i in places], dtype) for places, dtype in self.packs]
            arrays = [*[arrays[i] for i in self.plain], *packs]
        made = executable(*arrays)
        return [made[i] for i in self.places]

    def trace(self, *arrays):
        env = {self.leaf_slots[i]: x for i, x in zip(self.plain, arrays, strict=False)}
        for (places, _), pack in zip(self.packs, arrays[len(self.plain) :], strict=True):
            env.update((self.leaf_slots[i], pack[n]) for n, i in enumerate(places))
        evaluate(self.entries, env)
        return [env[s] for s in self.returned]


def _returned(program: Program) -> list[int]:
    """The slots that are alive in the order that a compiled function returns them.

    JAX gives a donated buffer to the first result of its type that has none. Written into it while something else is
    still to be made of what it holds, XLA copies it before; so what an entry makes of it comes first, such as the new
    parameter of an optimizer, and the gradients, which are of its type too, come later.
    """
    types: dict[int, Aval] = {}
    for spec, slots, first in program.entries:
        types.update(zip(slots, spec.avals, strict=True))
        types.update(enumerate(spec.outs, first))
    donated = [s for s in program.leaf_slots if s in program.donated and s in types]  # JAX drops what nothing uses
    heirs: dict[int, int] = {}
    free = dict.fromkeys(program.alive)

    def inherit(leaves: Iterable[int], results: Iterable[int]) -> None:
        waiting: dict[Aval, list[int]] = {}
        for s in reversed(dict.fromkeys(leaves)):
            if s not in heirs:
                waiting.setdefault(types[s], []).append(s)
        for out in results:
            if out in free and (leaf := waiting.get(types[out])):
                heirs[leaf.pop()] = out
                del free[out]

    for spec, slots, first in reversed(program.entries):
        inherit([s for s in slots if s in donated], range(first, first + len(spec.outs)))
    inherit(donated, [*free])
    return [*[heirs[s] for s in donated if s in heirs], *free]


def _packs(entries: list, leaf_slots: list[int]) -> list[tuple[list[int], np.dtype]]:
    """Which leaves are Python numbers of one type, to be given in one array where they are many: JAX takes one or two
    microseconds for each argument of a call. What they meet promotes as with numbers: that is in the traces."""
    of = {s: a for spec, slots, _ in entries for s, a in zip(slots, spec.avals, strict=True) if a.weak}
    places = [([i for i, s in enumerate(leaf_slots) if of.get(s) is SCALARS[kind]], SCALARS[kind].dtype)
              for kind in (float, int)]  # fmt: skip
    return [(found, dtype) for found, dtype in places if len(found) >= FEW]


def evaluate(entries: list, env: dict, masks: list | None = None) -> None:
    """Evaluate entries under a trace, from and into `env` (slot -> array).

    A gradient whose forward entry stands among them takes that entry's own pullback, so nothing is computed twice.
    With `masks` the whole is to be differentiated: an entry's mask says which of its inputs carry a gradient, None
    that nothing does (it was recorded without the grad mode, or after a detach).
    """
    heads, belongs = _pairs(entries)
    pullbacks = {}
    for i, (spec, slots, first) in enumerate(entries):
        inputs = [env[s] for s in slots]
        mask = None if masks is None else masks[i]
        if mask is not None:
            inputs = [x if carries else lax.stop_gradient(x) for x, carries in zip(inputs, mask, strict=True)]
        if i in heads:
            outs, pullbacks[i] = heads[i].push(inputs)
        elif i in belongs:
            rule = spec.op.rule
            outs = rule.pull(pullbacks[belongs[i]], spec.op.cotangents(inputs[len(rule.needed) :]))
        else:
            outs = spec.fn(*inputs)
        if masks is not None and mask is None:
            outs = lax.stop_gradient(outs)
        env.update(enumerate((outs,) if spec.single else outs, first))


def _pairs(entries: list) -> tuple[dict, dict]:
    """Which gradient entries belong to which forward entry (same spec, same needed primals).

    Returns {forward entry: rule} and {gradient entry: forward entry}.
    """
    heads: dict = {}
    belongs: dict[int, int] = {}
    by_spec: dict[Spec, list[int]] = {}
    for i, (spec, slots, _) in enumerate(entries):
        if isinstance(spec.op, VjpOp):
            rule = spec.op.rule
            for j in by_spec.get(rule.spec, ()):
                same = all(entries[j][1][n] == slots[k] for k, n in enumerate(rule.needed))
                if same and heads.get(j, rule) is rule and j not in belongs:
                    heads[j] = rule
                    belongs[i] = j
                    break
        by_spec.setdefault(spec, []).append(i)
    return heads, belongs


def needed(entries: list, alive) -> list:
    """The (entry, anything) pairs whose entry contributes to the slots that are alive."""
    wanted = set(alive)
    kept = []
    for entry, extra in reversed(entries):
        spec, slots, first = entry
        if any(first + k in wanted for k in range(len(spec.outs))):
            wanted.update(slots)
            kept.append((entry, extra))
    return kept[::-1]


def _placed(array: np.ndarray, owner: weakref.ref[Value] | None) -> jax.Array:
    """The array for a compiled function, and from now on for the value that holds it, if any does. (Given as it is,
    JAX would compile once for NumPy's array and once more for its own.)"""
    value = None if owner is None else owner()
    return placed(array, cpu) if value is None else value.get()


def _executable(spec: Spec) -> Callable:
    """How the first gear runs a spec now: with NumPy what is small, and what is affordable twice; else compiled."""
    small = _interpreter(spec) if spec.device is cpu and spec.runs < 2 else None
    spec.runs += 1
    if small is None:
        explain.counts.operations += 1
        return _keep(spec, jax.jit(jaxpr_as_fun(spec.closed)))
    if small.cost <= SMALL:
        spec.executable = small
    return small


def _interpreter(spec: Spec) -> Interpreter | None:
    for use in (spec.model, spec):
        if use is not None:
            if use.plan is None:
                use.plan = plan(use.closed) or False
            if use.plan:
                return use.plan.at(spec.sizes)
    return None


def _keep(owner: Spec | Program, executable) -> Callable:
    """Give the owner its compiled function, and take the oldest ones from theirs where there are too many."""
    owner.executable = executable
    _executables.append(weakref.ref(owner))
    while len(_executables) > EXECUTABLES:
        oldest = _executables.popleft()()
        if oldest is not None and oldest.executable is not None:  # two threads may have compiled it at once
            oldest.executable.clear_cache()
            oldest.executable = None
    return executable


def forget() -> None:
    """Drop every compiled program, and every trace that programs are made of."""
    _programs.clear()
    specs.forget()
