"""Large states in parts: each process writes and reads what its own devices hold. Orbax does it.

A checkpoint is a folder: Orbax's folder with the tensors, and `state.pt` (torch.save) with the rest and the name of
that folder. `state.pt` is replaced in one step when all else is written, so an interrupted save leaves the old state.
The format is not that of PyTorch's torch.distributed.checkpoint.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

import torchlike as torch
from torchlike.core import device as _device
from torchlike.tensor import Tensor, from_jax

_STATE = "state.pt"


def _orbax() -> Any:
    try:
        import orbax.checkpoint
    except ImportError as e:
        raise ImportError("torch.distributed.checkpoint needs orbax: pip install orbax-checkpoint") from e
    return orbax.checkpoint


def _leaves(state: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any, Any]]:
    """(path, container, key, value) of everything in nested dictionaries and lists."""
    items = state.items() if isinstance(state, Mapping) else enumerate(state)
    for key, value in items:
        here = (*path, str(key))
        if isinstance(value, Mapping | list) and len(value):
            yield from _leaves(value, here)
        else:
            yield here, state, key, value


def _tree(leaves: dict[tuple[str, ...], Any]) -> dict:
    """Nested dictionaries of the values at these paths."""
    tree: dict = {}
    for path, value in leaves.items():
        into = tree
        for part in path[:-1]:
            into = into.setdefault(part, {})
        into[path[-1]] = value
    return tree


def _place(checkpoint_id: Any, others: dict[str, Any]) -> str:
    for name, given in others.items():
        if given is not None:
            raise NotImplementedError(f"torch.distributed.checkpoint with {name}=: give checkpoint_id, a folder")
    if checkpoint_id is None:
        raise ValueError("torch.distributed.checkpoint needs checkpoint_id, a folder")
    return os.path.abspath(os.fspath(checkpoint_id))


def save(
    state_dict: dict[str, Any], *, checkpoint_id: str | os.PathLike | None = None, storage_writer: Any = None,
    planner: Any = None, process_group: Any = None, no_dist: bool = False, use_collectives: bool = True,
) -> None:  # fmt: skip
    """Write a state in parts, by all processes.

    Args:
        state_dict: nested dictionaries and lists of tensors and plain data.
        checkpoint_id: the folder; an older checkpoint in it stays valid until this one is complete.
        no_dist, use_collectives: accepted; JAX knows which processes take part.

    NotImplementedError for PyTorch's writers and planners and for process groups.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"weight": torch.ones(2), "epoch": 3}, checkpoint_id=folder)
    ...     state = {"weight": torch.zeros(2), "epoch": 0}
    ...     load(state, checkpoint_id=folder)
    >>> state
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    others = {"storage_writer": storage_writer, "planner": planner, "process_group": process_group}
    folder = _place(checkpoint_id, others)
    leaves = {path: value for path, _, _, value in _leaves(state_dict)}
    tensors = {path: value.detach().jax() for path, value in leaves.items() if isinstance(value, Tensor)}
    plain = {path: value for path, value in leaves.items() if path not in tensors}
    first = jax.process_index() == 0
    name = f"tensors.{_agreed_token()}"
    before = _read(folder)["tensors"] if first and os.path.exists(os.path.join(folder, _STATE)) else None
    os.makedirs(folder, exist_ok=True)
    if tensors:
        with _orbax().StandardCheckpointer() as writer, _device.x64():
            writer.save(os.path.join(folder, name), _tree(tensors))
            writer.wait_until_finished()
    if first:
        state = {"tensors": name if tensors else None, "plain": plain, "paths": list(tensors)}
        torch.save(state, os.path.join(folder, _STATE))
        if before:
            shutil.rmtree(os.path.join(folder, before), ignore_errors=True)


def _agreed_token() -> str:
    """Eight bytes that all processes have drawn together."""
    drawn = np.frombuffer(secrets.token_bytes(8), np.uint8)
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        drawn = np.asarray(multihost_utils.broadcast_one_to_all(drawn))
    return drawn.tobytes().hex()


def _read(folder: str) -> dict[str, Any]:
    return torch.load(os.path.join(folder, _STATE))


def load(
    state_dict: dict[str, Any], *, checkpoint_id: str | os.PathLike | None = None, storage_reader: Any = None,
    planner: Any = None, process_group: Any = None, no_dist: bool = False,
) -> None:  # fmt: skip
    """Read a checkpoint into a state: its tensors get their values, in place and where they are; other values too.

    What the state does not have is not read. RuntimeError for what the checkpoint does not have, or has in another
    shape; NotImplementedError for PyTorch's readers and planners and for process groups.
    """
    others = {"storage_reader": storage_reader, "planner": planner, "process_group": process_group}
    folder = _place(checkpoint_id, others)
    found = _read(folder)
    there = set(found["paths"])
    wanted: dict[tuple[str, ...], Any] = {}
    for path, container, key, value in list(_leaves(state_dict)):
        if isinstance(value, Tensor):
            if path not in there:
                raise RuntimeError(f"Missing key in checkpoint state_dict: {'.'.join(path)}.")
            wanted[path] = value
        elif path in found["plain"]:
            container[key] = found["plain"][path]
        elif not (isinstance(value, Mapping | list) and not value):
            raise RuntimeError(f"Missing key in checkpoint state_dict: {'.'.join(path)}.")
    if not wanted:
        return
    ocp = _orbax()
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader, _device.x64():
        target = _tree({path: _described(t) for path, t in wanted.items()})
        options = ocp.args.PyTreeRestore(
            item=target, restore_args=ocp.checkpoint_utils.construct_restore_args(target), partial_restore=True
        )
        try:
            arrays = reader.restore(os.path.join(folder, found["tensors"]), args=options)
        except ValueError as e:
            raise RuntimeError(f"the checkpoint does not fit the state: {e}") from e
    for path, t in wanted.items():
        array = arrays
        for part in path:
            array = array[part]
        if tuple(array.shape) != tuple(t.shape):
            raise RuntimeError(
                f"Size mismatch between saved {tuple(array.shape)} and current: {tuple(t.shape)} for {'.'.join(path)}"
            )
        with torch.no_grad():
            t.copy_(from_jax(array))


def _described(t: Tensor) -> jax.ShapeDtypeStruct:
    array = t.detach().jax()
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=array.sharding)
