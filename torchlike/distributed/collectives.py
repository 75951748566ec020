"""Collectives over a group of one: identities, and errors where another process would be needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.core.tape import barrier as _run_recorded
from torchlike.distributed.groups import ReduceOp, Work, _in, _world
from torchlike.tensor import Tensor


def _done(async_op: bool, result: Any = None) -> Work | None:
    return Work(result) if async_op else None


def _only(rank: int | None, what: str) -> None:
    if rank not in (0, None):
        raise ValueError(f"{what}: there is no process {rank}, the world has one")


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait for the other processes: there are none. What is recorded is run."""
    _in(group)
    _run_recorded()
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """As `barrier`."""
    barrier(group)


def broadcast(tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:  # fmt: skip
    """The tensor of process `src` in all processes: it is there."""
    _in(group)
    _only(src, "broadcast")
    return _done(async_op, [tensor])


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """The tensors of all processes combined, in place: one is its own sum."""
    _in(group)
    return _done(async_op, [tensor])


def all_reduce_coalesced(tensors: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None,
                         async_op: bool = False) -> Work | None:  # fmt: skip
    """As `all_reduce`, for several tensors."""
    _in(group)
    return _done(async_op, tensors)


def reduce(tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:  # fmt: skip
    """As `all_reduce`, for process `dst` only."""
    _in(group)
    _only(dst, "reduce")
    return _done(async_op, [tensor])


def _copy(target: Tensor, source: Tensor) -> None:
    from torchlike.core.graph import no_grad

    with no_grad():
        target.copy_(source.reshape(target.shape) if target.numel() == source.numel() else source)


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """The tensors of all processes, written into the list."""
    _in(group)
    if len(tensor_list) != 1:
        raise ValueError(f"all_gather: {len(tensor_list)} tensors for a world of 1")
    _copy(tensor_list[0], tensor)
    return _done(async_op, tensor_list)


def all_gather_coalesced(output_tensor_lists: list, input_tensor_list: list, group: Any = None,
                         async_op: bool = False) -> Work | None:  # fmt: skip
    """As `all_gather`, for several tensors."""
    for outs, t in zip(output_tensor_lists, input_tensor_list, strict=True):
        all_gather(outs, t, group)
    return _done(async_op, output_tensor_lists)


def all_gather_into_tensor(output_tensor: Tensor, input_tensor: Tensor, group: Any = None,
                           async_op: bool = False) -> Work | None:  # fmt: skip
    """The tensors of all processes, one after the other, written into one tensor."""
    _in(group)
    _copy(output_tensor, input_tensor)
    return _done(async_op, [output_tensor])


_all_gather_base = all_gather_into_tensor


def gather(tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:  # fmt: skip
    """As `all_gather`, for process `dst` only."""
    _only(dst, "gather")
    if not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    return all_gather(gather_list, tensor, group, async_op)


def scatter(tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:  # fmt: skip
    """The i-th tensor of the list of process `src` into the tensor of process i."""
    _in(group)
    _only(src, "scatter")
    if not scatter_list or len(scatter_list) != 1:
        raise ValueError("Argument ``scatter_list`` must hold one tensor for each process on the source rank.")
    _copy(tensor, scatter_list[0])
    return _done(async_op, [tensor])


def reduce_scatter(output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None,
                   async_op: bool = False) -> Work | None:  # fmt: skip
    """The i-th tensors of the lists of all processes combined, into the tensor of process i."""
    _in(group)
    _copy(output, input_list[0])
    return _done(async_op, [output])


def reduce_scatter_tensor(output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None,
                          async_op: bool = False) -> Work | None:  # fmt: skip
    """As `reduce_scatter`, with one tensor instead of the list."""
    _in(group)
    _copy(output, input)
    return _done(async_op, [output])


_reduce_scatter_base = reduce_scatter_tensor


def all_to_all(output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Any = None,
               async_op: bool = False) -> Work | None:  # fmt: skip
    """The i-th tensor to process i, from every process."""
    _in(group)
    for out, t in zip(output_tensor_list, input_tensor_list, strict=True):
        _copy(out, t)
    return _done(async_op, output_tensor_list)


def all_to_all_single(output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
                      group: Any = None, async_op: bool = False) -> Work | None:  # fmt: skip
    """The i-th part of the tensor to process i, from every process."""
    _in(group)
    _copy(output, input)
    return _done(async_op, [output])


def all_gather_object(object_list: list, obj: Any, group: Any = None) -> None:
    """The objects of all processes, written into the list."""
    _in(group)
    object_list[0] = obj


def gather_object(obj: Any, object_gather_list: list | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:  # fmt: skip
    """As `all_gather_object`, for process `dst` only."""
    _only(dst, "gather_object")
    if object_gather_list is None:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    all_gather_object(object_gather_list, obj, group)


def broadcast_object_list(object_list: list, src: int | None = None, group: Any = None, device: Any = None,
                          group_src: int | None = None) -> None:  # fmt: skip
    """The objects of process `src` in all processes: they are there."""
    _in(group)
    _only(src, "broadcast_object_list")


def scatter_object_list(scatter_object_output_list: list, scatter_object_input_list: list | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:  # fmt: skip
    """The i-th object of the list of process `src` to process i."""
    _in(group)
    _only(src, "scatter_object_list")
    if not scatter_object_input_list:
        raise ValueError("scatter_object_list: the source needs a list of objects")
    scatter_object_output_list[0] = scatter_object_input_list[0]


def _alone(name: str) -> Callable:
    def fn(*args: Any, **kwargs: Any) -> Any:
        _world()
        raise ValueError(f"Invalid rank in torch.distributed.{name}(): there is no other process to exchange with")

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = "ValueError: there is no other process."
    return fn


send, recv, isend, irecv = _alone("send"), _alone("recv"), _alone("isend"), _alone("irecv")
send_object_list, recv_object_list = _alone("send_object_list"), _alone("recv_object_list")


class P2POp:
    """One message of `batch_isend_irecv`."""

    def __init__(self, op: Callable, tensor: Tensor, peer: int | None = None, group: Any = None, tag: int = 0,
                 group_peer: int | None = None):  # fmt: skip
        self.op, self.tensor, self.peer, self.group, self.tag = op, tensor, peer, group, tag


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Messages between processes: none, or ValueError."""
    if not p2p_op_list:
        raise ValueError("p2p_op_list must not be empty")
    return [p.op(p.tensor, p.peer) for p in p2p_op_list]


def supports_complex(reduce_op: Any) -> bool:
    """Whether complex tensors can be combined so."""
    return reduce_op not in (ReduceOp.MAX, ReduceOp.MIN, ReduceOp.PRODUCT, ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)


def set_debug_level(level: Any) -> None:
    """Nothing to do in a group of one."""


def get_debug_level() -> str:
    """"OFF"."""
    return "OFF"
