"""What is true of a public name of PyTorch here."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from pathlib import Path
from typing import Any, NamedTuple

import torchlike
from torchlike.core.op import TABLE

from . import names

CONFORMANCE = Path(__file__).parents[1] / "conformance"

WAYS = {
    "sparse": "only dense tensors exist here: `jax.experimental.sparse` on `tensor.jax()`",
    "torch.sparse": "only dense tensors exist here: `jax.experimental.sparse` on `tensor.jax()`",
    "Tensor.sparse": "only dense tensors exist here: `jax.experimental.sparse` on `tensor.jax()`",
    "Tensor.to_sparse": "only dense tensors exist here",
    "Tensor.is_sparse": "only dense tensors exist here",
    "masked": "`torch.where` and masks of truth values",
    "nested": "pad to one length and mask",
    "quantization": "no quantized tensors: keep weights as int8 and scale after `to(float)`",
    "torch.quantize": "no quantized tensors: keep weights as int8 and scale after `to(float)`",
    "torch.quantized": "no quantized tensors: keep weights as int8 and scale after `to(float)`",
    "torch.fake_quantize": "no quantized tensors: round and scale, with `torch.autograd.Function` for the gradient",
    "torch.dequantize": "no quantized tensors: keep weights as int8 and scale after `to(float)`",
    "Tensor.q_": "no quantized tensors",
    "Tensor.int_repr": "no quantized tensors",
    "Tensor.dequantize": "no quantized tensors",
    "torch.q": "no quantized tensors",
    "torch.cudnn": "the same name in `torch.nn.functional`, without `cudnn`",
    "torch.miopen": "the same name in `torch.nn.functional`, without `miopen`",
    "torch.mkldnn": "the same name in `torch.nn.functional`, without `mkldnn`",
    "torch.mkl": "XLA chooses the kernels",
    "torch.fbgemm": "no quantized tensors",
    "torch.complex32": "does not exist in JAX: `torch.complex64`",
    "torch.chalf": "does not exist in JAX: `torch.complex64`",
    "Tensor.chalf": "does not exist in JAX: `Tensor.cfloat`",
    "jit": "`torch.compile`",
    "fx": "`jax.make_jaxpr` of a function of tensors",
    "export": "`jax.export` of a function of tensors",
    "onnx": "`jax.export`, or save a state_dict and export it from PyTorch",
    "distributed": "several devices in one process: `jax.sharding`",
    "package": "`torch.save` of a state_dict, with the code beside it",
    "monitor": "Python's `logging`",
    "mps": "devices here are cpu, cuda and tpu",
    "xpu": "devices here are cpu, cuda and tpu",
    "mtia": "devices here are cpu, cuda and tpu",
    "cuda": "one stream per device, ordered by XLA; `jax.profiler` to look inside",
    "profiler": "`jax.profiler`",
    "utils.cpp_extension": "`jax.ffi`",
    "multiprocessing": "Python's `multiprocessing` with NumPy arrays",
    "backends": "XLA chooses the kernels",
    "library": "`torch.autograd.Function`",
    "storage": "`tensor.untyped_storage()`",
}
"""What to do instead, by the beginning of a full name; the longest that fits counts."""

OTHERWISE = "not there yet"


class Fact(NamedTuple):
    """One name: `status` is works, partly or missing; `note` is what differs or what to do instead."""

    space: str
    name: str
    status: str
    note: str = ""


def facts() -> list[Fact]:
    """Every recorded name in order."""
    return [_fact(space, name) for space, name in names.recorded()]


def _fact(space: str, name: str) -> Fact:
    try:
        value = found(space, name)
    except NotImplementedError as error:
        return Fact(space, name, "missing", " ".join(str(error).split()))
    if value is _MISSING:
        return Fact(space, name, "missing", _way(space, name))
    only_named = _only_named(value)
    if only_named is not None:
        return Fact(space, name, "missing", only_named)
    differing = _differing().get((space, name))
    if differing:
        return Fact(space, name, "partly", ", ".join(sorted(differing)))
    return Fact(space, name, "works")


_MISSING: Any = object()


@functools.cache
def namespace(space: str) -> Any:
    """torchlike's module or class of this name, or None."""
    if space == "Tensor":
        return torchlike.Tensor
    try:
        return torchlike if space == "torch" else importlib.import_module(f"torchlike.{space}")
    except ImportError:
        owner: Any = torchlike
        for part in space.split("."):
            owner = getattr(owner, part, None)
        return owner


def found(space: str, name: str) -> Any:
    """torchlike's value of this name."""
    owner = namespace(space)
    return inspect.getattr_static(owner, name, _MISSING) if space == "Tensor" else getattr(owner, name, _MISSING)


def _only_named(value: Any) -> str | None:
    """For what can be named but not used: its own words on what to do."""
    doc = inspect.getdoc(value) or "" if callable(value) else ""
    for start in ("Raises NotImplementedError: ", "Raises NotImplementedError when made: ", "Raises: "):
        if doc.startswith(start):
            return " ".join(doc.removeprefix(start).split()).rstrip(".")
    return None


def _way(space: str, name: str) -> str:
    full = f"{space}.{name}"
    if reason := _out_of_scope(name):
        return reason
    fitting = [start for start in WAYS if full.startswith(start)]
    return WAYS[max(fitting, key=len)] if fitting else OTHERWISE


@functools.cache
def _reasons() -> dict[str, str]:
    """OUT_OF_SCOPE of tests/conformance/database.py, read without importing it: that needs PyTorch."""
    for node in ast.parse((CONFORMANCE / "database.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "OUT_OF_SCOPE":
            return ast.literal_eval(node.value)
    raise LookupError("database.py has no OUT_OF_SCOPE")


def _out_of_scope(name: str) -> str | None:
    return next((why for start, why in _reasons().items() if len(start) > 1 and name.startswith(start)), None)


@functools.cache
def _differing() -> dict[tuple[str, str], set[str]]:
    """{(namespace, name): aspects that differ from PyTorch's}, from the list of failures of the operator database."""
    listed = CONFORMANCE / "failures.tsv"
    made: dict[tuple[str, str], set[str]] = {}
    if not listed.exists():
        return made
    for row in listed.read_text().splitlines()[1:]:
        operator, aspect, _ = row.split("\t", 2)
        for pair in _names_of(operator, aspect):
            made.setdefault(pair, set()).add(aspect)
    return made


@functools.cache
def _recorded() -> frozenset[tuple[str, str]]:
    return frozenset(names.recorded())


_SPACES = {"nn.functional": "F"}


def _names_of(operator: str, aspect: str) -> list[tuple[str, str]]:
    """The public names that an aspect of an operator of the database speaks of, aliases included."""
    homes = ("nn.functional", "signal.windows", "linalg", "fft", "special", "masked")
    space = next((home for home in homes if operator.startswith(f"{home}.")), "torch")
    name = operator.removeprefix(f"{space}.").split(".")[0]
    if aspect == "inplace":
        wanted = [("Tensor", f"{name}_")]
    elif aspect == "method":
        wanted = [("Tensor", name)]
    elif aspect in ("out", "aliases"):
        wanted = [(space, name)]
    else:
        wanted = [(space, name), *([("Tensor", name)] if space == "torch" else [])]
    made = []
    for where, what in wanted:
        made.append((where, what))
        body = TABLE.get(f"{_SPACES.get(where, where)}.{what}")
        for full, other in TABLE.items() if body is not None else ():
            home, _, alias = full.rpartition(".")
            if other is body and home == _SPACES.get(where, where) and alias != what:
                made.append((where, alias))
    return [pair for pair in made if pair in _recorded()]
