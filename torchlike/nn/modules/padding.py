"""Padding layers."""

from __future__ import annotations

from typing import Any

from torchlike.nn import functional as F
from torchlike.nn.modules.conv import tuple_of
from torchlike.nn.modules.module import Module
from torchlike.tensor import Tensor

__all__: list[str] = []


class _Pad(Module):
    n: int
    mode: str
    value: float | None = None

    def __init__(self, padding) -> None:
        super().__init__()
        self.padding = tuple_of(padding, 2 * self.n)

    def forward(self, input: Tensor) -> Tensor:
        """The padded input."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """padding."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """padding, value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """padding."""
        return f"{self.padding}"


class _CircularPad(_Pad):
    def forward(self, input: Tensor) -> Tensor:
        """The padded input."""
        dims = input.dim()
        if dims not in (self.n + 1, self.n + 2):
            raise ValueError(f"expected {self.n + 1}D or {self.n + 2}D input (got {dims}D input)")
        return super().forward(input)


_KINDS: dict[str, tuple[type, str, str]] = {
    "ConstantPad": (_ConstantPad, "constant", "a constant"),
    "ZeroPad": (_ZeroPad, "constant", "zeros"),
    "ReflectionPad": (_Pad, "reflect", "the input mirrored at its borders"),
    "ReplicationPad": (_Pad, "replicate", "its borders repeated"),
    "CircularPad": (_CircularPad, "circular", "the input continued periodically"),
}
for _kind, (_base, _mode, _what) in _KINDS.items():
    for _n in (1, 2, 3):
        _name = f"{_kind}{_n}d"
        _doc = f"Pads the last {_n or ''} dimension{'s' if _n > 1 else ''} with {_what}; `padding` is one number, or " \
            "(before, after) for the last dimension first."  # fmt: skip
        _doc = _doc.replace("last 1 ", "last ")
        _fields: dict[str, Any] = {"n": _n, "mode": _mode, "__doc__": _doc, "__module__": __name__}
        # a padding with zeros is one with a constant, as in PyTorch
        _bases = (_base, globals()[f"ConstantPad{_n}d"]) if _kind == "ZeroPad" else (_base,)
        globals()[_name] = type(_name, _bases, _fields)
        __all__.append(_name)
