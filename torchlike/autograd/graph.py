"""torch.autograd.graph: the nodes, what they keep for the backward pass, and hooks on several gradients at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torchlike.core import capture as _capture
from torchlike.core.cell import INFERENCE as _INFERENCE
from torchlike.core.grad_mode import mode as _mode
from torchlike.core.grad_mode import watching as _watching
from torchlike.core.graph import Node as Node
from torchlike.core.host import HostCell as _HostCell
from torchlike.core.value import Value as _Value
from torchlike.core.variable import Variable as _Variable

__all__ = ["GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "increment_version", "register_multi_grad_hook",
           "region_activation_memory_budget",
           "save_on_cpu", "saved_tensors_hooks", "set_override_stale_capture_stream",
           "set_warn_on_accumulate_grad_stream_mismatch"]  # fmt: skip


class GradientEdge(NamedTuple):
    """A place in the graph: output `output_nr` of `node`. `backward` and `grad` take it in place of a tensor."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The place in the graph of a tensor; it does not keep the tensor alive.

    >>> import torchlike as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> torch.autograd.graph.get_gradient_edge(x * 2).output_nr
    0
    """
    tensor.requires_grad  # noqa: B018  a view may have to read itself again
    edge = tensor._edge()
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    return GradientEdge(*edge)


def increment_version(tensor: Any) -> None:
    """Count a write into the memory of a tensor, or of each of several, that happened out of our sight."""
    for t in (tensor,) if isinstance(tensor, _Variable) else tensor:
        cell = t._cell
        if cell.counter is _INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter.")
        if cell.__class__ is _HostCell:
            cell.touch(counts=True)
        else:  # another name for the same array, so that what was kept of it counts as written
            cell.set(_Value(cell.aval, cell.value.export()))
            cell.value.exported = True


class saved_tensors_hooks:
    """A block in which what the graph keeps for the backward pass goes through `pack_hook`, and comes back through
    `unpack_hook` when it is used.

    `pack_hook(tensor)` may return anything; `unpack_hook` makes of that a tensor of the same values. The inner one of
    two blocks wins. Which tensors an operation keeps is not always what PyTorch keeps: here it is what its gradient
    reads of the inputs, there sometimes the result.

    >>> import torchlike as torch
    >>> x = torch.tensor([2.], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([4.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _mode.no_hooks is not None:
            raise RuntimeError(_mode.no_hooks)
        self._was = _mode.hooks
        _mode.hooks = self.pack_hook, self.unpack_hook
        _watching.append("hooks")

    def __exit__(self, *exc: object) -> None:
        _mode.hooks = self._was
        _watching.remove("hooks")


class save_on_cpu(saved_tensors_hooks):
    """A block in which what the graph keeps lies on the CPU until the backward pass. `pin_memory` changes nothing:
    XLA pins its own staging buffers."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        def pack(tensor: Any) -> tuple:
            return tensor.device, tensor.detach().cpu()

        def unpack(packed: tuple) -> Any:
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


class disable_saved_tensors_hooks:
    """A block in which `saved_tensors_hooks` raises RuntimeError with this message."""

    def __init__(self, error_message: str):
        self.error_message = error_message

    def __enter__(self) -> None:
        if _mode.hooks:
            raise RuntimeError(self.error_message)
        self._was, _mode.no_hooks = _mode.no_hooks, self.error_message

    def __exit__(self, *exc: object) -> None:
        _mode.no_hooks = self._was


class allow_mutation_on_saved_tensors:
    """A block in which a tensor may be written after the graph has kept it; `backward()` belongs inside too.

    Nothing is cloned for it: kept values are never written here.
    """

    _open = False

    def __enter__(self) -> allow_mutation_on_saved_tensors:
        if allow_mutation_on_saved_tensors._open:
            raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
        self._inside = True

        def unpack(kept: Any) -> Any:
            if not self._inside:
                raise AssertionError(
                    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' contextin which the graph was "
                    "originally recorded."
                )
            return kept

        self._hooks = saved_tensors_hooks(_as_it_is, unpack)
        self._hooks.__enter__()
        allow_mutation_on_saved_tensors._open = True
        return self

    def __exit__(self, *exc: object) -> None:
        allow_mutation_on_saved_tensors._open = False
        self._hooks.__exit__(*exc)
        self._inside = False

    def clear(self) -> None:
        """Nothing to do: there are no clones."""


def _as_it_is(tensor: Any) -> Any:
    from torchlike.core.batching import snapshot

    return snapshot(tensor.detach())


class _Handles(tuple):
    """The handles of a hook on several tensors, as one."""

    def remove(self) -> None:
        for handle in self:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence, fn: Callable, *, mode: str = "all") -> _Handles:
    """Call `fn(gradients)` in each backward pass once all of the tensors that it reaches have their gradient (None for
    the others), or with `mode="any"` `fn(gradient)` with the first one. Returns a handle with `remove()`."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    at: dict = {"pass": None, "grads": [], "left": 0}
    nodes = [t.requires_grad and t._edge()[0] for t in tensors]
    if mode == "all" and not all(nodes):
        raise AssertionError("Expected gradient function to be set")

    def hook(place: int, gradient: Any) -> None:
        with lock:
            first = at["pass"] != _mode.running.number
            if first:
                at["pass"], at["grads"] = _mode.running.number, [None] * len(nodes)
                at["left"] = sum(_mode.running.runs(node) for node in nodes) if mode == "all" else 0
            at["grads"][place] = gradient
            at["left"] -= 1
            done, grads = at["left"] == 0, at["grads"]
        if mode == "any":
            if first:
                fn(gradient)
        elif done:
            at["pass"], at["grads"] = None, []
            fn(grads)

    def at_place(place: int) -> Callable:
        return lambda gradient: hook(place, gradient)

    return _Handles(t.register_hook(at_place(i)) for i, t in enumerate(tensors) if nodes[i])


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Nothing to do: XLA orders operations, so there are no streams to disagree."""


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Nothing to do: there are no streams and no CUDA graphs to capture."""


def region_activation_memory_budget(budget: float) -> Any:
    """Raises: XLA chooses what a compiled program computes again; `torch.utils.checkpoint` says it by hand."""
    if _capture.active is None:
        raise RuntimeError("region_activation_memory_budget() is only supported inside a torch.compile region.")
    raise NotImplementedError(
        "torch.autograd.graph.region_activation_memory_budget: use torch.utils.checkpoint around the region"
    )
