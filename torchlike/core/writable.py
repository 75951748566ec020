"""PyTorch's errors for in-place operations: methods of `Variable`."""

from __future__ import annotations

from typing import Any

from torchlike.core.cell import INFERENCE
from torchlike.core.grad_mode import mode


def check_writable(self: Any, uniform: bool = False) -> None:
    """PyTorch's errors for an in-place operation on this tensor; `uniform` if it writes one value everywhere."""
    if self._cell.counter is INFERENCE and not mode.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
            "normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
            "details."
        )
    if mode.grad:
        if self._handed is not None:
            nr, name = self._handed
            raise RuntimeError(
                f"Output {nr} of {name} is a view and is being modified inplace. This view was created inside a "
                "custom Function (or because an input was returned as-is) and the autograd logic to handle "
                "view+inplace would override the custom backward associated with the custom Function, leading to "
                "incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the "
                "custom Function."
            )
        if self._parent is not None:
            self._check_seen(self.requires_grad)
        if self._parent is not None and self.requires_grad:
            for t in self._line():
                if t._output is not None:
                    what = t._step[0].read.grad_name.removesuffix("Backward0")
                    raise RuntimeError(
                        f"Output {t._output} of {what} is a view and is being modified inplace. This view is the "
                        "output of a function that returns multiple views. Such functions do not allow the output "
                        "views to be modified inplace. You should replace the inplace operation by an "
                        "out-of-place one."
                    )
        if self._requires_grad and self._node is None:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if self._parent is not None and any(t._requires_grad and t._node is None for t in self._above()):
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation."
            )
    if self._parent is not None and not uniform and self._overlaps():
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )


def check_seen(self: Any, history: bool) -> None:
    """PyTorch's error for writing into a view that was made without a history, where that matters."""
    hidden = next((t._hidden[0] for t in self._line() if t._hidden and (history or t._hidden[1])), None)
    if hidden:
        block = hidden if hidden == "no_grad" else "inference_mode"
        raise RuntimeError(
            f"A view was created in {hidden} mode and is being modified inplace with grad mode enabled. Given that "
            "this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both "
            f"the view and the inplace either both inside the {block} block (if you don't want the inplace to be "
            "tracked) or both outside (if you want the inplace to be tracked)."
        )
