"""What is asked of an operator. Each aspect runs samples under both libraries and reports the differences.

    forward     the main dtype (float32 where it is supported): value, dtype, shape
    <dtype>     the same for every other dtype
    views       results that share memory with an argument: they do here too, with the same strides
    method, inplace, out
    gradient    first gradient in float64 and complex128; `gradgrad`: the second
    errors      the database's bad calls raise the same exception class
    aliases     the operator's other names are there, as function, method and in-place, and do the same
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import torchlike
from torchlike.core import tape

from . import database, translate
from .invariant import INVARIANT
from .verdict import DRAWN, coarseness, difference, plain

CHUNK = 40
"""So many samples are recorded before their values are read: they are compiled as one program, which is cheaper. One
alone runs in the first gear."""


CONTRADICTS = {"matmul", "narrow_copy", "nn.functional.avg_pool3d", "nn.functional.gelu", "nn.functional.linear"}
"""Where PyTorch's result in an `out=` that is not contiguous is not the one it gives without `out=`, or it raises:
the latter is what is asked for."""


UNFILLED = {"fft.ihfft2", "fft.ihfftn"}
"""Where PyTorch leaves an `out=` as it is if there is one dimension to transform: the result is asked for."""


CRASHES = {"linalg.lu", "lu_unpack", "tril", "triu"}
"""Where PyTorch writes beyond the memory of an `out=` that is not contiguous, and the process ends."""


class Failure(NamedTuple):
    aspect: str
    sample: str
    what: str


class Report(NamedTuple):
    """What an aspect came to."""

    samples: int
    failures: list


class Raised(NamedTuple):
    """The outcome of a call that raised."""

    error: BaseException

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {str(self.error)[:300]}"


def attempt(call: Callable) -> Any:
    """What a call comes to: its result, or `Raised`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:  # noqa: BLE001
            return Raised(error)


@contextlib.contextmanager
def one_program():
    """Inside it what is recorded is compiled whole."""
    tape.compile_now(1)
    try:
        yield
    finally:
        tape.compile_now(-1)


def outcomes(calls: list[Callable]) -> list:
    """What torchlike's calls come to, brought to NumPy; many calls share a program."""
    found: list = []
    for i in range(0, len(calls), CHUNK):
        part = calls[i : i + CHUNK]
        with one_program() if len(part) > 1 else contextlib.nullcontext():
            results = [attempt(c) for c in part]
            together = attempt(lambda results=results: [r if isinstance(r, Raised) else plain(r) for r in results])
        if isinstance(together, Raised):  # one of them fails when it runs: each for itself
            together = [attempt(lambda c=c: plain(c())) for c in part]
        found += together
    return found


def chosen(samples: list, limit: int | None) -> list:
    """All samples, or `limit` of them evenly spread."""
    if limit is None or len(samples) <= limit:
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, limit).round().astype(int)]


def compare(name: str, aspect: str, samples: list, got: list, want: list) -> Report:
    """A report from the outcomes of both libraries."""
    failures = []
    for s, g, w in zip(samples, got, want, strict=True):
        what: str | None
        if isinstance(w, Raised):
            what = None if isinstance(g, Raised) else f"no error, expected {w!r}"
        elif isinstance(g, Raised):
            what = repr(g)
        else:
            what = difference(g, w, name, least=coarseness(name, aspect, tensors([s.input, s.args, s.kwargs])))
        if what is not None:
            failures.append(Failure(aspect, label(s), what))
    return Report(len(samples), failures)


def label(sample) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return " ".join(sample.summary().split())[:300]
        except Exception:  # noqa: BLE001
            return "a sample"


def _call(f, sample, change: Callable = lambda x: x):
    return f(change(sample.input), *sample.args, **sample.kwargs)


def _translated(sample):
    return translate.together(sample.input, sample.args, sample.kwargs)


def _ours(f, sample, finish: Callable = lambda args, kwargs, result: result) -> Callable:
    """The call under torchlike, its arguments translated now (PyTorch's call may write into the sample)."""
    try:
        given, args, kwargs = _translated(sample)
    except Exception as error:  # noqa: BLE001
        why = error
        return lambda: _raise(why)
    return lambda: finish((given, *args), kwargs, f(given, *args, **kwargs))


def _raise(error):
    raise error


def _unique(name: str, lib) -> Callable:
    form = INVARIANT.get(name)
    return (lambda args, kwargs, result: result) if form is None else lambda a, k, r: form(lib, a, k, r)


def forward(name: str, op, dtype, limit: int | None, aspect: str = "forward") -> Report:
    """The function itself at one dtype."""
    samples = chosen(database.samples(op, dtype), limit)
    return _forward(name, op, samples, aspect, translate.operator(op), op.op)


def _forward(name, op, samples, aspect, f, reference) -> Report:
    calls = [_ours(f, s, _unique(name, torchlike)) for s in samples]
    unique = _unique(name, torch)
    want = [
        attempt(lambda s=s: _unwritten(s, lambda: plain(unique((s.input, *s.args), s.kwargs, _call(reference, s)))))
        for s in samples
    ]
    return compare(name, aspect, samples, outcomes(calls), want)


def _unwritten(sample, call: Callable) -> Any:
    """What a call comes to; what it wrote into the sample is undone, for samples share running statistics."""
    given = [(t, t.detach().clone()) for t in tensors([sample.input, sample.args, sample.kwargs])]
    result = call()
    with torch.no_grad():
        for t, was in given:
            if t.shape == was.shape and ((t != was) & ((t == t) | (was == was))).any():
                t.copy_(was)
    return result


def method(name: str, op, dtype, limit: int | None) -> Report:
    """The method of the same name."""
    samples = chosen([s for s in database.samples(op, dtype) if isinstance(s.input, torch.Tensor)], limit)
    f = getattr(torchlike.Tensor, op.name, None) or translate.function(op.method_variant)
    return _forward(name, op, samples, "method", f, op.method_variant)


def inplace(name: str, op, dtype, limit: int | None) -> Report:
    """The method that writes into its tensor, and gives that tensor back."""
    samples = chosen(database.samples(op, dtype), limit)
    f = getattr(torchlike.Tensor, op.inplace_variant.__name__, None) if op.name in _inplace_name(op) else None
    f = f or translate.function(op.inplace_variant)

    def written(call):
        def run(x, *args, **kwargs):
            x = x.clone()
            result = call(x, *args, **kwargs)
            return x, result is x

        return run

    return _forward(name, op, samples, "inplace", written(f), written(op.inplace_variant))


def _inplace_name(op) -> str:
    return getattr(op.inplace_variant, "__name__", "")


def out(name: str, op, dtype, limit: int | None) -> Report:
    """`out=` of the right size, of no size, and with its dimensions in another order in memory."""
    samples = chosen(database.samples(op, dtype), limit)
    f = translate.operator(op)
    calls, want, kept = [], [], []
    for s in samples:
        expected = attempt(lambda s=s: _call(op.op, s))
        if isinstance(expected, Raised):
            continue
        for how in ("full", "empty", "turned"):
            if how == "turned" and name in CRASHES:
                continue
            calls.append(_ours(_into(name, f, expected, how, torchlike), s))
            into = _into(name, op.op, expected, how, torch)
            if how == "turned" and name in CONTRADICTS or name in UNFILLED:
                fill = lambda *args, out, e=expected, **kwargs: out.resize_(e.shape).copy_(e)  # noqa: E731
                into = _into(name, fill, expected, how, torch)
            want.append(attempt(lambda s=s, into=into: plain(_call(into, s))))
            kept.append(s)
    return compare(name, "out", kept, outcomes(calls), want)


def _into(name: str, f, expected, how: str, lib):
    """f with an `out=`: gives what is in it then, its strides (if it has elements), and whether it came back."""
    def room(t):
        d = t.dtype if lib is torch else translate.dtype(t.dtype)
        if how == "empty":
            return lib.empty(0, dtype=d)
        shape = tuple(t.shape)
        return lib.zeros(shape, dtype=d) if how == "full" else lib.zeros(shape[::-1], dtype=d).permute(
            *range(len(shape))[::-1]
        )

    def run(*args, **kwargs):
        several = isinstance(expected, tuple | list)
        target = tuple(room(t) for t in expected) if several else room(expected)
        result = f(*args, **kwargs, out=target)
        same = all(r is t for r, t in zip(result, target, strict=True)) if several else result is target
        parts = target if several else (target,)
        strides = [p.stride() for p in parts if p.numel()] if how == "turned" else None
        return _unique(name, lib)(args, kwargs, parts if several else target), strides, same

    return run


def _shares(result, arguments) -> bool:
    return any(
        result.untyped_storage().data_ptr() == a.untyped_storage().data_ptr() for a in arguments if a.numel()
    )


def tensors(x, kind=torch.Tensor):
    """All tensors in a result, a dictionary or a list."""
    if isinstance(x, kind):
        yield x
    elif isinstance(x, list | tuple):
        for v in x:
            yield from tensors(v, kind)
    elif isinstance(x, dict):
        yield from tensors(list(x.values()), kind)


def views(name: str, op, dtype, limit: int | None) -> Report:
    """Results that share memory with an argument."""
    failures, n = [], 0
    f = translate.operator(op)
    for s in chosen(database.samples(op, dtype), limit):
        ours = _ours(f, s, lambda args, kwargs, result: (args, kwargs, result))
        given = list(tensors([s.input, s.args, s.kwargs]))
        want = attempt(lambda s=s: list(tensors(_call(op.op, s))))
        if isinstance(want, Raised) or not any(w.numel() and _shares(w, given) for w in want):
            continue
        n += 1
        got = attempt(ours)
        if isinstance(got, Raised):
            failures.append(Failure("views", label(s), repr(got)))
            continue
        args, kwargs, result = got
        cells = {id(t._cell) for t in tensors([args, kwargs], torchlike.Tensor)}
        for w, g in zip(want, tensors(result, torchlike.Tensor), strict=False):
            if not w.numel():
                continue
            here = id(g._cell) in cells
            if here != _shares(w, given):
                failures.append(Failure("views", label(s), f"shares memory: {here}, expected {not here}"))
            elif here and (g.stride(), g.storage_offset()) != (w.stride(), w.storage_offset()):
                was = f"stride {g.stride()} offset {g.storage_offset()}"
                failures.append(Failure("views", label(s), f"{was}, expected {w.stride()} {w.storage_offset()}"))
    return Report(n, failures)


# --- gradients --------------------------------------------------------------------------------------------------------


def weights(t, lib):
    """Uneven weights, so that a transposed or permuted gradient shows."""
    w = np.cos(np.arange(t.numel()) + 1.0).reshape(tuple(t.shape))
    if t.is_complex():
        w = w + 1j * np.sin(np.arange(t.numel()) + 0.5).reshape(tuple(t.shape))
    return lib.from_numpy(np.asarray(w)).to(t.dtype)


def _gradients(lib, f, finish, given, args, kwargs, second: bool) -> list:
    kind = torch.Tensor if lib is torch else torchlike.Tensor
    leaves = [t for t in tensors([given, args, kwargs], kind) if t.requires_grad]
    results = [t for t in tensors([finish(f(given, *args, **kwargs))], kind) if t.requires_grad]
    if not results:
        return []
    first = lib.autograd.grad(results, leaves, [weights(t, lib) for t in results], allow_unused=True,
                              create_graph=second)  # fmt: skip
    found = [t for t in first if t is not None and t.requires_grad]
    if not second:
        return [_given(t, leaf, lib) for t, leaf in zip(first, leaves, strict=True)]
    if not found:
        return [lib.zeros_like(t).detach() for t in leaves]
    again = lib.autograd.grad(found, leaves, [weights(t, lib) for t in found], allow_unused=True)
    return [_given(t, leaf, lib) for t, leaf in zip(again, leaves, strict=True)]


def _given(t, leaf, lib):
    """No gradient is a gradient of zeros: which of the two is said depends on how a formula is split into nodes."""
    return lib.zeros_like(leaf).detach() if t is None else t.detach()


def gradient(name: str, op, limit: int | None, second: bool = False) -> Report:
    """The gradient towards every input that can have one, from an uneven weighting of the results."""
    aspect = "gradgrad" if second else "gradient"
    total, failures = 0, []
    f = translate.operator(op)
    supported = op.supported_backward_dtypes("cpu")
    wide = [d for d in (torch.float64, torch.complex128) if d in supported] or [torch.float32]
    for dtype in wide:
        if dtype not in op.supported_dtypes("cpu"):
            continue
        samples = chosen(database.samples(op, dtype, requires_grad=True), limit)
        calls, want = [], []
        for s in samples:
            given, args, kwargs = _translated(s)
            theirs = s.output_process_fn_grad
            finish = translate.function(theirs)
            calls.append(
                lambda given=given, args=args, kwargs=kwargs, finish=finish: _gradients(
                    torchlike, f, finish, given, args, kwargs, second
                )
            )
            want.append(
                attempt(lambda s=s, t=theirs: plain(_gradients(torch, op.op, t, s.input, s.args, s.kwargs, second)))
            )
        keep = [i for i, w in enumerate(want) if not isinstance(w, Raised)]
        samples, calls, want = ([part[i] for i in keep] for part in (samples, calls, want))
        if DRAWN.search(name):
            continue  # the gradient depends on the numbers drawn
        report = compare(name, aspect, samples, outcomes(calls), want)
        total += report.samples
        failures += report.failures
    return Report(total, failures)


# --- errors -----------------------------------------------------------------------------------------------------------


def errors(name: str, op, limit: int | None) -> Report:
    """Bad calls raise the same exception class as in PyTorch."""
    failures, n = [], 0
    f = translate.operator(op)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        bad = list(op.error_inputs("cpu"))
    for e in chosen(bad, limit):
        s = e.sample_input
        ours = _ours(f, s, lambda args, kwargs, result: plain(result))
        want = attempt(lambda s=s: _call(op.op, s))
        if not isinstance(want, Raised):
            continue
        n += 1
        got = attempt(ours)
        if not isinstance(got, Raised):
            failures.append(Failure("errors", label(s), f"no error, expected {want!r}"))
        elif not (
            isinstance(got.error, type(want.error))
            or type(got.error).__name__ == type(want.error).__name__
        ):
            failures.append(Failure("errors", label(s), f"{got!r}, expected {want!r}"))
        elif not re.search(e.error_regex, str(got.error)):
            WORDS.append((name, str(got.error), str(want.error)))
    return Report(n, failures)


WORDS: list = []
"""Errors of the right class in other words than PyTorch's: (operator, ours, PyTorch's)."""


def aliases(name: str, op, dtype, limit: int | None) -> Report:
    """The other names of the operator."""
    total, failures = 0, []
    samples = chosen(database.samples(op, dtype), 3)
    for alias in op.aliases:
        other = alias.name.removeprefix("torch.")
        wanted = {other: translate.path(torch, other)}
        if "." not in other:
            wanted |= {f"Tensor.{other}": alias.method_variant, f"Tensor.{other}_": alias.inplace_variant}
        for full, theirs in wanted.items():
            if theirs is not None and translate.path(torchlike, full) is None:
                failures.append(Failure("aliases", full, f"torchlike has no {full}"))
        if alias.op is not None and not failures:
            report = _forward(name, op, samples, "aliases", translate.lookup(other), alias.op)
            total += report.samples
            failures += report.failures
    return Report(total, failures)


def aspects_of(op) -> dict[str, Callable]:
    """The aspects that apply to an entry, by name; each is called with a limit on the samples."""
    name = database.name_of(op)
    kinds = database.dtypes(op)
    if not kinds:
        return {}
    main = kinds[0]
    found: dict[str, Callable] = {"forward": lambda limit: forward(name, op, main, limit)}
    for d in kinds[1:]:
        aspect = str(d).removeprefix("torch.")
        found[aspect] = lambda limit, d=d, aspect=aspect: forward(name, op, d, limit, aspect)
    found["views"] = lambda limit: views(name, op, main, limit)
    if op.method_variant is not None:
        found["method"] = lambda limit: method(name, op, main, limit)
    if op.inplace_variant is not None:
        found["inplace"] = lambda limit: inplace(name, op, main, limit)
    if op.supports_out:
        found["out"] = lambda limit: out(name, op, main, limit)
    if op.aliases:
        found["aliases"] = lambda limit: aliases(name, op, main, limit)
    if op.supports_autograd:
        found["gradient"] = lambda limit: gradient(name, op, limit)
        if op.supports_gradgrad:
            found["gradgrad"] = lambda limit: gradient(name, op, limit, second=True)
    if op.error_inputs_func is not None:
        found["errors"] = lambda limit: errors(name, op, limit)
    return found


def examine(op, limit: int | None = None, only=None) -> dict[str, Report]:
    """The reports of an entry's aspects; one that torchlike does not have fails them all."""
    found = {}
    for aspect, run in aspects_of(op).items():
        if only and aspect not in only:
            continue
        try:
            found[aspect] = run(limit)
        except Exception as error:  # noqa: BLE001
            found[aspect] = Report(1, [Failure(aspect, "all samples", repr(Raised(error)))])
    return found
