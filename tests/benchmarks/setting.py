"""What a run is asked for: the device, the dtype of the products, and whether sizes are shrunk."""

from __future__ import annotations

import argparse
import contextlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Setting:
    """`bfloat16` is mixed precision: parameters, optimizer and loss stay float32. `small` shrinks the large rows."""

    device: str = "cpu"
    dtype: str = "float32"
    small: bool = False

    @property
    def flags(self) -> list[str]:
        """The arguments that give another process the same setting."""
        return ["--device", self.device, "--dtype", self.dtype, *(["--small"] if self.small else [])]

    @property
    def environment(self) -> dict[str, str]:
        """What a contender's process needs: JAX and tinygrad on this device, which all contenders share."""
        platforms = {"cpu": "cpu", "cuda": "cuda,cpu"}[self.device]
        tinygrad = os.environ.get("DEV", self.device.upper())
        return {**os.environ, "JAX_PLATFORMS": platforms, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "DEV": tinygrad}

    def place(self, lib: Any, array: np.ndarray) -> Any:
        """The array as a tensor of torchlike or PyTorch on the device."""
        return lib.from_numpy(array).to(self.device)

    def number(self, lib: Any, array: np.ndarray) -> Any:
        """The array as a tensor of the dtype on the device, for programs that train nothing."""
        return self.place(lib, array).to(getattr(lib, self.dtype))

    def autocast(self, lib: Any) -> contextlib.AbstractContextManager:
        """Around the forward pass: PyTorch's mixed precision, nothing in float32."""
        if self.dtype == "float32":
            return contextlib.nullcontext()
        return lib.autocast(self.device, getattr(lib, self.dtype))

    def prepare(self, lib: Any) -> None:
        """TF32 for PyTorch and torchlike on a GPU, where JAX computes float32 products with it by default."""
        if self.device == "cuda":
            lib.set_float32_matmul_precision("high")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `of` reads."""
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--small", action="store_true", help="shrink the large rows, to try the command out")


def of(args: argparse.Namespace) -> Setting:
    return Setting(args.device, args.dtype, args.small)
