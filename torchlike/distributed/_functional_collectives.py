"""torch.distributed._functional_collectives: collectives that return their result; identities over a group of one."""

from __future__ import annotations

from typing import Any

AsyncCollectiveTensor: Any = type(
    "AsyncCollectiveTensor", (), {"__doc__": "The result of a collective that still runs; there are none here."}
)


def wait_tensor(tensor: Any) -> Any:
    """The tensor: it is there."""
    return tensor


def all_reduce(self: Any, reduceOp: str, group: Any, tag: str = "") -> Any:
    """The tensors of all processes combined."""
    return self.clone()


def all_gather_tensor(self: Any, gather_dim: int, group: Any, tag: str = "") -> Any:
    """The tensors of all processes, joined."""
    return self.clone()


def reduce_scatter_tensor(self: Any, reduceOp: str, scatter_dim: int, group: Any, tag: str = "") -> Any:
    """The combined part of this process."""
    return self.clone()


def all_to_all_single(self: Any, output_split_sizes: Any, input_split_sizes: Any, group: Any, tag: str = "") -> Any:
    """The parts for this process from all."""
    return self.clone()


def broadcast(self: Any, src: int, group: Any, tag: str = "") -> Any:
    """The tensor of process `src`."""
    return self.clone()


all_gather_tensor_autograd, reduce_scatter_tensor_autograd = all_gather_tensor, reduce_scatter_tensor
all_to_all_single_autograd = all_to_all_single
