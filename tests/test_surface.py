"""The names of PyTorch that ten well-known packages use: they are here, and small programs over them agree."""

from __future__ import annotations

import csv
import importlib
import linecache
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import torchlike
from tests.surface_programs import PROGRAMS

try:
    import torch as real
except ImportError:
    real = None

DATA = Path(__file__).parent / "data" / "surface.tsv"
COMMON = 3  # packages

NOT_PYTORCH = {
    "torch.npu": "Ascend's plug-in", "torch.mlu": "Cambricon's plug-in", "torch.hpu": "Gaudi's plug-in",
    "torch.musa": "Moore Threads' plug-in", "torch.sdaa": "Tecorigin's plug-in", "torch.tpu": "a plug-in",
    "torch.neuron": "AWS's plug-in", "torch.backends.musa": "Moore Threads' plug-in",
    "torch.backends.mudnn": "Moore Threads' plug-in", "torch.version.cann": "Ascend's plug-in",
    "torch._C._cuda_clearCublasWorkspaces": "in builds with CUDA", "torch._C._cuda_isInBadFork": "in builds with CUDA",
    "torch.mps.clear_graph_cache": "not in PyTorch 2.13", "torch.version.cuda.split": "a method of a string",
    "torch.nn.module": "not in PyTorch 2.13", "torch.onnx.ExportOptions": "not in PyTorch 2.13",
    "torch.onnx.dynamo_export": "not in PyTorch 2.13", "torch.optim.optimizer._params_t": "not in PyTorch 2.13",
    **{f"torch.xpu.{t}Tensor": "in builds with Intel's GPUs" for t in
       ("BFloat16", "Byte", "Double", "Float", "Half", "Int", "Long")},
}  # fmt: skip
"""What the packages name and stock PyTorch 2.13 for the CPU has not, by its beginning, and why."""
OPTIONAL = {"torch.utils.tensorboard"}  # needs a package of its own


def names(least: int) -> list[str]:
    """The names that at least so many packages use."""
    with DATA.open() as file:
        return [row["api"] for row in csv.DictReader(file, delimiter="\t") if int(row["n_packages"]) >= least]


def foreign(name: str) -> bool:
    """Whether stock PyTorch has no such name."""
    return any(name == n or name.startswith(f"{n}.") for n in NOT_PYTORCH)


def find(root: ModuleType, name: str) -> Any:
    """The object of a dotted name beginning with "torch", importing modules on the way."""
    path, found = root.__name__, root
    for part in name.split(".")[1:]:
        path += f".{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            if not isinstance(found, ModuleType):
                raise
            found = importlib.import_module(path)
    return found


def lacks(root: ModuleType, name: str) -> bool:
    try:
        find(root, name)
    except (AttributeError, ImportError):
        return True
    return False


def test_common_names_resolve():
    wanted = [n for n in names(COMMON) if not foreign(n)]
    assert len(wanted) > 380
    assert [n for n in wanted if lacks(torchlike, n)] == []


def test_all_names_resolve():
    assert [n for n in names(1) if not foreign(n) and lacks(torchlike, n)] == []


@pytest.mark.skipif(real is None, reason="PyTorch is the reference")
def test_what_is_listed_as_foreign_is():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [n for n in names(1) if foreign(n) != lacks(real, n) and n not in OPTIONAL] == []


def plain(x: Any) -> Any:
    """An outcome as something both libraries' can be compared by."""
    for root in (torchlike, real):
        if root is not None and isinstance(x, root.Tensor):
            x = x.detach()
            return str(x.dtype), x.to(root.float32).numpy() if x.is_floating_point() else x.numpy()
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [plain(v) for v in x]
    return x if isinstance(x, int | float | str | None) else str(x)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float):
        return bool(np.isclose(a, b, rtol=1e-5))
    return a == b


def outcome(root: ModuleType, program: str) -> Any:
    """What the program leaves in `out`, or the class of what it raises."""
    space = {"torch": root, "__name__": __name__, "use": lambda name: find(root, name), "out": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            file = f"<{root.__name__} {hash(program)}>"  # TorchScript reads the source of what it compiles
            linecache.cache[file] = (len(program), None, program.splitlines(keepends=True), file)
            exec(compile(program, file, "exec"), space)
        except Exception as error:
            return next(c.__name__ for c in type(error).__mro__ if c.__module__ in ("builtins", "_pickle"))
        return plain(space["out"])


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str):
    ours = outcome(torchlike, PROGRAMS[name])
    if real is None:
        pytest.skip("PyTorch is the reference")
    theirs = outcome(real, PROGRAMS[name])
    assert same(ours, theirs), f"{ours}\nPyTorch: {theirs}"
