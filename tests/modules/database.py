"""The entries: what PyTorch's tests construct and call, by name.

`nn.Linear` comes from `module_db`, `table.Linear` from the older tables of layers (`common_nn.module_tests` and
`get_new_module_tests()`), `criterion.L1Loss` from `criterion_tests`.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from tests.conformance import translate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal import common_modules, common_nn


class Sample(NamedTuple):
    """One way to construct a layer, and one call of it."""

    desc: str
    theirs: Callable[[], torch.nn.Module]
    ours: Callable[[], Any]
    args: tuple
    kwargs: dict


class Entry(NamedTuple):
    """A kind of layer: `samples(dtype, training, requires_grad)`, and the same for calls that raise."""

    samples: Callable[[torch.dtype, bool, bool], list[Sample]]
    errors: Callable[[], list[Sample]] = list
    two_modes: bool = False
    gradgrad: bool = True
    lazy: bool = False


@functools.cache
def in_scope() -> dict[str, Entry]:
    """All entries by name."""
    found = {info.name: _of_info(info) for info in common_modules.module_db}
    for kind, rows in (("table", _layers()), ("criterion", common_nn.criterion_tests)):
        by_name: dict[str, list] = {}
        for row in rows:
            by_name.setdefault(f"{kind}.{_row_name(row)}", []).append(row)
        found |= {name: _of_rows(rows) for name, rows in by_name.items()}
    return found


def _layers() -> list[dict]:
    with _dtype(torch.float64):
        return [*common_nn.module_tests, *common_nn.get_new_module_tests()]


def _dtype(dtype: torch.dtype):
    return common_nn.set_default_dtype(dtype)


# --- module_db --------------------------------------------------------------------------------------------------------


def _of_info(info) -> Entry:
    def made(dtype: torch.dtype, training: bool, requires_grad: bool) -> list[Sample]:
        return [_sample(info, i, dtype) for i in _inputs(info.module_inputs_func, info, dtype, training, requires_grad)]

    def errors() -> list[Sample]:
        if info.module_error_inputs_func is None:
            return []
        bad = _inputs(info.module_error_inputs_func, info, torch.float32, True, False)
        return [_sample(info, e.module_error_input, torch.float32) for e in bad]

    return Entry(made, errors, info.train_and_eval_differ, info.supports_gradgrad, info.is_lazy)


def _inputs(function, info, dtype: torch.dtype, training: bool, requires_grad: bool) -> list:
    """What the database makes, the same at every call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(0)
        return list(function(info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training))


def _sample(info, given, dtype: torch.dtype) -> Sample:
    args, kwargs = given.constructor_input.args, given.constructor_input.kwargs
    call = given.forward_input

    def ours():
        import torchlike

        made, keywords = translate.together(args, kwargs)
        keywords.pop("device", None)
        with default(torchlike, dtype):
            return translate.path(torchlike, info.name)(*made, **keywords)

    def theirs():
        with _dtype(dtype):
            return info.module_cls(*args, **kwargs)

    call_args, call_kwargs = (call.args, call.kwargs) if call else ((), {})
    return Sample(given.desc or _label(args, kwargs), theirs, ours, call_args, call_kwargs)


@contextlib.contextmanager
def default(lib, dtype: torch.dtype):
    """A block in which torchlike's new floating tensors are of this dtype."""
    before = lib.get_default_dtype()
    lib.set_default_dtype(translate.dtype(dtype))
    try:
        yield
    finally:
        lib.set_default_dtype(before)


def _label(args: tuple, kwargs: dict) -> str:
    return ", ".join([*map(_short, args), *(f"{k}={_short(v)}" for k, v in kwargs.items())])


def _short(x) -> str:
    return " ".join(repr(x).split())[:40]


# --- the older tables -------------------------------------------------------------------------------------------------


def _row_name(row: dict) -> str:
    if "module_name" in row:
        return row["module_name"]
    return row["fullname"].split("_no_batch_dim")[0]


def _of_rows(rows: list[dict]) -> Entry:
    def made(dtype: torch.dtype, training: bool, requires_grad: bool) -> list[Sample]:
        found = []
        for row in rows:
            torch.default_generator.manual_seed(0)
            with _dtype(dtype):
                found.append(_row_sample(row, dtype, requires_grad))
        return found

    return Entry(made, gradgrad=all(row.get("check_gradgrad", True) for row in rows))


def _row_sample(row: dict, dtype: torch.dtype, requires_grad: bool) -> Sample:
    args = _part(row, "constructor_args", ())
    given = _part(row, "input")
    call = list(given) if isinstance(given, tuple | list) else [given]
    call = [_leaf(x, dtype, requires_grad) for x in call]
    for extra in ("target", "extra_args"):
        more = _part(row, extra, ())
        call += [_leaf(x, dtype, False) for x in (more if isinstance(more, tuple | list) else [more])]
    constructor = row.get("constructor") or getattr(torch.nn, row["module_name"])

    def theirs():
        with _dtype(dtype):
            return constructor(*args).to(dtype)

    def ours():
        import torchlike

        made, arguments = _our_constructor(constructor), translate.together(args)[0]
        with default(torchlike, dtype):
            return made(*arguments).to(translate.dtype(dtype))

    return Sample(row.get("desc") or row.get("fullname") or _label(args, {}), theirs, ours, tuple(call), {})


def _part(row: dict, name: str, otherwise=None):
    if name in row:
        return row[name]
    if f"{name}_fn" in row:
        return row[f"{name}_fn"]()
    if f"{name}_size" in row:
        size = row[f"{name}_size"]
        return [torch.randn(s) for s in size] if isinstance(size, list) else torch.randn(size)
    return otherwise


def _leaf(x, dtype: torch.dtype, requires_grad: bool):
    if not isinstance(x, torch.Tensor):
        return x
    x = x.detach().clone()
    if x.is_floating_point():
        x = x.to(dtype)
    return x.requires_grad_(requires_grad and (x.is_floating_point() or x.is_complex()))


def _our_constructor(constructor):
    """torchlike's form of what makes a layer."""
    if not isinstance(constructor, type):
        return translate.function(constructor)
    import torchlike

    if constructor.__name__ != "FunctionalModule":
        return translate.path(torchlike, f"nn.{constructor.__name__}")
    cells = dict(zip(constructor.forward.__code__.co_freevars, constructor.forward.__closure__, strict=True))
    function = translate.function(cells["fn"].cell_contents)
    keywords = translate.value(cells["kwargs"].cell_contents)

    class FunctionalModule(torchlike.nn.Module):
        def forward(self, *args):
            return function(*args, **keywords)

    return FunctionalModule
