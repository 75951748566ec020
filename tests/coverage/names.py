"""PyTorch's public names: the record in tests/data/torch_names.tsv, and the walk that makes it."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
import warnings
from pathlib import Path

RECORD = Path(__file__).parents[1] / "data" / "torch_names.tsv"

_LISTED = """
torch Tensor nn nn.functional nn.init nn.attention nn.attention.bias nn.attention.flex_attention nn.parameter
nn.utils nn.utils.rnn nn.utils.parametrize nn.utils.parametrizations nn.utils.prune nn.utils.stateless nn.utils.fusion
linalg fft special signal.windows optim optim.lr_scheduler optim.swa_utils utils.data utils.checkpoint utils.dlpack
utils.cpp_extension utils.benchmark utils.hooks autograd autograd.functional autograd.forward_ad
autograd.graph autograd.profiler autograd.grad_mode func random serialization cuda cuda.amp cuda.memory cuda.nvtx
cuda.random amp distributions distributions.constraints distributions.transforms distributions.kl compiler export fx
hub jit library masked monitor mps mtia multiprocessing nested onnx overrides package profiler quantization sparse
testing xpu cpu accelerator backends backends.cuda backends.cudnn backends.mkl backends.mps backends.opt_einsum
distributed futures return_types types storage utils
"""
NAMESPACES = _LISTED.split()
"""What is walked, in the order of the page."""

_CLASSES = {"Generator", "Size", "device", "dtype", "finfo", "iinfo", "layout", "memory_format", "qscheme", "Event",
            "Stream", "OutOfMemoryError", "AcceleratorError", "FatalError", "DisableTorchFunctionSubclass"}  # fmt: skip
"""The classes of PyTorch's C++ module that are documented; the others, of its compiler, only happen to show."""

# parts of Python's protocol that every class has, and private hooks between Tensor and its own C++ base
_BOOKKEEPING = {"__module__", "__dict__", "__weakref__", "__torch_function__", "__torch_dispatch__", "__annotations__",
                "__cuda_array_interface__", "__setstate__", "__abstractmethods__", "__array_namespace__",
                "__slotnames__"}  # fmt: skip


@functools.cache
def recorded() -> tuple[tuple[str, str], ...]:
    """(namespace, name) of every public name of the recorded version."""
    rows = RECORD.read_text().splitlines()[2:]
    return tuple(tuple(row.split("\t")) for row in rows)  # type: ignore[misc]


def version() -> str:
    """The version of PyTorch that was recorded."""
    return RECORD.read_text().splitlines()[0].removeprefix("# PyTorch ")


def record() -> None:
    """Write the names of the PyTorch that is installed."""
    import torch

    rows = [f"{space}\t{name}" for space in NAMESPACES for name in walk(space)]
    head = [f"# PyTorch {torch.__version__.split('+')[0]}", "namespace\tname"]
    RECORD.write_text("\n".join([*head, *rows]) + "\n")


def walk(space: str) -> list[str]:
    """The public names of a namespace of the PyTorch that is installed."""
    import torch

    if space == "Tensor":
        return sorted(n for n in dir(torch.Tensor) if _public_attribute(n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch if space == "torch" else importlib.import_module(f"torch.{space}")
        listed = set(getattr(module, "__all__", ()))
        return sorted(n for n in {*dir(module), *listed} if _public(module, n, listed))


def _public_attribute(name: str) -> bool:
    if name.startswith("__"):
        return name not in _BOOKKEEPING and not hasattr(object, name)
    return not name.startswith("_")


def _public(module: types.ModuleType, name: str, listed: set) -> bool:
    """A name that does not begin with an underscore and that PyTorch itself made: no module, nothing of Python's."""
    if name.startswith("_") or not hasattr(module, name):
        return False
    value = getattr(module, name)
    if inspect.ismodule(value):
        return False
    if module.__name__ == "torch" and inspect.isclass(value) and name not in _CLASSES and hasattr(module._C, name):
        return False
    if name in listed:
        return True
    if hasattr(module, "__all__") and module.__name__ != "torch":
        return False
    home = getattr(value, "__module__", None) or getattr(type(value), "__module__", "") or ""
    return home.startswith("torch") or isinstance(value, types.BuiltinFunctionType) and home in ("", "builtins")
