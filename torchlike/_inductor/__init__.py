"""torch._inductor: PyTorch's own code generator, which is not here; its settings are kept, its calls raise."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike._inductor import config as config
from torchlike.compiler import cudagraph_mark_step_begin as cudagraph_mark_step_begin

_absent.fill(globals(), "XLA is the compiler here: use torch.compile", functions="compile aot_compile compile_aot")


def list_mode_options(mode: str | None = None, dynamic: bool | None = None) -> dict[str, Any]:
    """No options for any mode: XLA is the compiler here."""
    modes = ("default", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
    if mode is None:
        return {name: {} for name in modes}
    if mode not in modes:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(modes)}")
    return {}


def list_options() -> list[str]:
    """No options: XLA is the compiler here."""
    return []
