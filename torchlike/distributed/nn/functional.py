"""Collectives that return their result, with gradients; over a group of one they return what they are given."""

from __future__ import annotations

from typing import Any

from torchlike.distributed.groups import ReduceOp, _in

__all__ = ["broadcast", "gather", "scatter", "reduce", "reduce_scatter", "all_gather", "all_to_all",
           "all_to_all_single", "all_reduce"]  # fmt: skip


def all_gather(tensor: Any, group: Any = None) -> tuple:
    """The tensors of all processes."""
    _in(group)
    return (tensor.clone(),)


def gather(tensor: Any, dst: int = 0, group: Any = None) -> tuple:
    """The tensors of all processes, in process `dst`."""
    return all_gather(tensor, group)


def all_reduce(tensor: Any, op: Any = ReduceOp.SUM, group: Any = None) -> Any:
    """The tensors of all processes combined."""
    _in(group)
    return tensor.clone()


def reduce(tensor: Any, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Any:
    """The tensors of all processes combined, in process `dst`."""
    return all_reduce(tensor, op, group)


def broadcast(tensor: Any, src: int, group: Any = None) -> Any:
    """The tensor of process `src`."""
    return all_reduce(tensor, group=group)


def scatter(tensors: Any, src: int = 0, group: Any = None) -> Any:
    """The tensor for this process from the list of process `src`."""
    return all_reduce(tensors[0], group=group)


def reduce_scatter(output: Any, input_list: Any, op: Any = ReduceOp.SUM, group: Any = None) -> Any:
    """The combined tensors for this process."""
    return all_reduce(input_list[0], op, group)


def all_to_all(output_tensor_list: Any, input_tensor_list: Any, group: Any = None) -> tuple:
    """The tensors for this process from all."""
    _in(group)
    return tuple(t.clone() for t in input_tensor_list)


def all_to_all_single(output: Any, input: Any, output_split_sizes: Any = None, input_split_sizes: Any = None,
                      group: Any = None) -> Any:  # fmt: skip
    """The parts for this process from all."""
    return all_reduce(input, group=group)
