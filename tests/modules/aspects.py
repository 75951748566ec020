"""What is asked of a layer. Each aspect takes samples of an entry through both libraries and says where they differ.

    construct   under one seed: names, shapes, dtypes and values of the state; `repr`; every plain attribute
    load        PyTorch's state loads here and ours there, and comes back the same
    train, eval float32: the results, and the state afterwards (`eval` where the database says that it differs)
    gradient    float64: the results, and the gradients towards inputs and parameters
    gradgrad    the second gradients
    bfloat16    after `.to(torch.bfloat16)`: dtypes, shapes, values
    copies      `deepcopy` and `pickle`: the same results, other memory, and the original is left alone
    compiled    once compiled, the same call with other values compiles nothing
    errors      the database's bad calls raise PyTorch's class and words
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

import numpy as np
import torch

import torchlike
from tests.conformance import translate
from tests.conformance.aspects import Failure, Raised, Report, attempt, chosen, one_program, outcomes
from tests.conformance.verdict import difference, plain
from torchlike.core import explain

from . import pair
from .database import Entry, Sample
from .pair import Pair

NAME = "nn.functional.conv_norm_linear_loss"
"""The tolerance of results in which every element comes from many (tests/conformance/verdict.py)."""
def _changed(got: dict, want: dict) -> str | None:
    """None if two states are equal to the last bit, otherwise where they first differ."""
    if list(got) != list(want):
        return f"names {list(got)}, expected {list(want)}"
    for name, w in want.items():
        g = got[name]
        if (g.dtype, g.numbers.shape) != (w.dtype, w.numbers.shape):
            return f"{name} is {g.dtype} {g.numbers.shape}, expected {w.dtype} {w.numbers.shape}"
        if not np.array_equal(g.numbers, w.numbers, equal_nan=w.numbers.dtype.kind in "fc"):
            return f"{name} differs"
    return None


def _compare(aspect: str, samples: list[Sample], got: list, want: list, least: float = 0.0) -> Report:
    failures = []
    for s, g, w in zip(samples, got, want, strict=True):
        if isinstance(w, Raised):
            what = None if isinstance(g, Raised) else f"no error, expected {w!r}"
        elif isinstance(g, Raised):
            what = repr(g)
        else:
            what = difference(g, w, NAME, least=least)
        if what is not None:
            failures.append(Failure(aspect, s.desc, what))
    return Report(len(samples), failures)


def _each(aspect: str, samples: list[Sample], check: Callable[[Sample], str | None]) -> Report:
    failures = []
    for s in samples:
        what = attempt(lambda s=s: check(s))
        if what is not None:
            failures.append(Failure(aspect, s.desc, repr(what) if isinstance(what, Raised) else what))
    return Report(len(samples), failures)


# --- the state --------------------------------------------------------------------------------------------------------


def construct(entry: Entry, limit: int | None) -> Report:
    def check(s: Sample) -> str | None:
        torch.default_generator.manual_seed(1)
        theirs = s.theirs()
        torchlike.manual_seed(1)
        ours = s.ours()
        texts = [repr(m).replace("torchlike", "torch") for m in (ours, theirs)]
        if texts[0] != texts[1]:
            return f"repr is {texts[0]}, expected {texts[1]}"
        for name, value in pair.facts(theirs).items():
            found = attempt(lambda name=name: operator.attrgetter(name)(ours))
            if isinstance(found, Raised) or found != value:
                return f"attribute {name} is {found!r}, expected {value!r}"
        for base in type(theirs).__mro__:
            named = getattr(torch.nn, base.__name__, None)
            if named is base and not isinstance(ours, getattr(torchlike.nn, base.__name__)):
                return f"it is no {base.__name__}"
        for kind in ("named_parameters", "named_buffers", "named_modules"):
            names = [[n for n, _ in getattr(m, kind)()] for m in (ours, theirs)]
            if names[0] != names[1]:
                return f"{kind} are {names[0]}, expected {names[1]}"
        if entry.lazy:
            with torch.no_grad():
                theirs(*pair.detached(s.args), **pair.detached(s.kwargs))
            args, kwargs = translate.together(pair.detached(s.args), pair.detached(s.kwargs))
            with torchlike.no_grad():
                ours(*args, **kwargs)
            if repr(ours) != repr(theirs):
                return f"repr is {ours!r}, expected {theirs!r}"
        if list(ours.state_dict()) != list(theirs.state_dict()):
            return f"state {list(ours.state_dict())}, expected {list(theirs.state_dict())}"
        return difference(pair.state(ours), pair.state(theirs), NAME)

    return _each("construct", chosen(entry.samples(torch.float32, True, False), limit), check)


def load(entry: Entry, limit: int | None) -> Report:
    def check(s: Sample) -> str | None:
        p = Pair(s, True)
        first = _changed(pair.state(p.ours), pair.state(p.theirs))
        if first:
            return first
        with torch.no_grad():
            for x in p.theirs.state_dict().values():
                x.add_(1)
        back = {k: torch.from_numpy(np.array(v.detach().numpy())) for k, v in p.ours.state_dict().items()}
        p.theirs.load_state_dict(back)
        if dict(p.ours.state_dict()._metadata) != dict(p.theirs.state_dict()._metadata):
            return f"versions {p.ours.state_dict()._metadata}, expected {p.theirs.state_dict()._metadata}"
        return _changed(pair.state(p.ours), pair.state(p.theirs))

    return _each("load", chosen(entry.samples(torch.float32, True, False), limit), check)


# --- results ----------------------------------------------------------------------------------------------------------


def _both(aspect, samples: list[Sample], training: bool, run: Callable, like=None, least: float = 0.0) -> Report:
    """`run(lib, module, args, kwargs)` under both libraries."""
    calls, want, kept = [], [], []
    for s in samples:
        made = attempt(lambda s=s: Pair(s, training, like))
        if isinstance(made, Raised):
            calls.append(lambda made=made: _raise(made.error))
            want.append(attempt(lambda s=s: repr(s.theirs())))
        else:
            theirs, ours = made.calls(like)
            expected = attempt(lambda m=made, a=theirs: plain(run(torch, m.theirs, *a)))
            if isinstance(expected, Raised):  # the database's samples are for all: not every one runs in every way
                continue
            calls.append(lambda m=made, a=ours: run(torchlike, m.ours, *a))
            want.append(expected)
        kept.append(s)
    return _compare(aspect, kept, outcomes(calls), want, least)


def _raise(error: BaseException):
    raise error


def train(entry: Entry, limit: int | None) -> Report:
    return _both("train", chosen(entry.samples(torch.float32, True, False), limit), True, pair.outcome)


def evaluate(entry: Entry, limit: int | None) -> Report:
    def run(lib, module, args, kwargs):
        with lib.no_grad():
            return pair.outcome(lib, module, args, kwargs)

    return _both("eval", chosen(entry.samples(torch.float32, False, False), limit), False, run)


def gradient(entry: Entry, limit: int | None) -> Report:
    return _both("gradient", chosen(entry.samples(torch.float64, True, True), limit), True, pair.gradients)


def gradgrad(entry: Entry, limit: int | None) -> Report:
    def run(lib, module, args, kwargs):
        return pair.gradients(lib, module, args, kwargs, second=True)

    return _both("gradgrad", chosen(entry.samples(torch.float64, True, True), limit), True, run, least=1e-8)


def bfloat16(entry: Entry, limit: int | None) -> Report:
    samples = chosen(entry.samples(torch.float32, True, False), limit)
    return _both("bfloat16", samples, True, pair.outcome, torch.bfloat16, least=0.03)


def copies(entry: Entry, limit: int | None) -> Report:
    def check(s: Sample) -> str | None:
        p = Pair(s, True)
        if isinstance(attempt(lambda: pair.twin(p.theirs)), Raised):  # a class of the tests cannot be pickled
            return None
        args, kwargs = p.calls()[1]
        for i in range(2):
            before = pair.state(p.ours)
            other = pair.twin(p.ours)[i]
            if repr(other) != repr(p.ours):
                return f"the copy is {other!r}"
            what = _changed(pair.state(other), before)
            if what:
                return f"in the copy, {what}"
            with one_program():
                results = [plain(pair.outcome(torchlike, m, args, kwargs)[0]) for m in (other, p.ours)]
            what = difference(*results, NAME)
            if what:
                return f"the copy's {what}"
            before = pair.state(p.ours)  # running statistics have moved
            with torchlike.no_grad():
                for x in other.parameters():
                    x.add_(1)
            what = _changed(pair.state(p.ours), before)
            if what:
                return f"after a change of the copy, {what}"
        return None

    return _each("copies", _that_run(chosen(entry.samples(torch.float32, True, False), limit)), check)


def _that_run(samples: list[Sample]) -> list[Sample]:
    """The samples that PyTorch itself runs at this dtype."""
    return [s for s in samples if not isinstance(attempt(lambda s=s: s.theirs()(*s.args, **s.kwargs)), Raised)]


def compiled(entry: Entry, limit: int | None) -> Report:
    def check(s: Sample) -> str | None:
        p = Pair(s, True)

        def step(seed: int) -> None:
            torch.default_generator.manual_seed(seed)
            args, kwargs = p.calls()[1]
            with one_program():
                plain(pair.gradients(torchlike, p.ours, args, kwargs))

        step(1)
        step(2)
        before = explain.counts()
        step(3)
        after = explain.counts()
        more = {k: after[k] - before[k] for k in ("compilations", "operations")}
        return f"the third call compiled {more}" if any(more.values()) else None

    return _each("compiled", _that_run(chosen(entry.samples(torch.float32, True, True), limit)), check)


def errors(entry: Entry, limit: int | None) -> Report:
    samples = chosen(entry.errors(), limit)

    def check(s: Sample) -> str | None:
        want = attempt(lambda: s.theirs()(*s.args, **s.kwargs))
        args, kwargs = translate.together(s.args, s.kwargs)
        got = attempt(lambda: plain(s.ours()(*args, **kwargs)))
        if not isinstance(want, Raised):
            return None
        if not isinstance(got, Raised):
            return f"no error, expected {want!r}"
        texts = [re.sub("torchlike", "torch", f"{type(r.error).__name__}: {r.error}") for r in (got, want)]
        return None if texts[0] == texts[1] else f"{texts[0]}, expected {texts[1]}"

    return _each("errors", samples, check)


ASPECTS: dict[str, Callable] = {
    "construct": construct, "load": load, "train": train, "eval": evaluate, "gradient": gradient,
    "gradgrad": gradgrad, "bfloat16": bfloat16, "copies": copies, "compiled": compiled, "errors": errors,
}  # fmt: skip


def aspects_of(entry: Entry) -> list[str]:
    """The aspects that an entry has."""
    without = set()
    if not entry.two_modes:
        without.add("eval")
    if not entry.gradgrad:
        without.add("gradgrad")
    if not entry.errors():
        without.add("errors")
    return [a for a in ASPECTS if a not in without]


def examine(entry: Entry, limit: int | None, only: set[str] | None = None) -> dict[str, Report]:
    """All aspects of an entry, or some of them."""
    return {a: ASPECTS[a](entry, limit) for a in aspects_of(entry) if not only or a in only}
