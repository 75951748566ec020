"""Checkpoints in several files with an index, as Hugging Face's hub has them.

The index is JSON: `weight_map` leads from each tensor's name to the file that holds it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from torchlike.serialization import safetensors
from torchlike.serialization.archive import replacing
from torchlike.tensor import Tensor

__all__ = ["load_sharded", "save_sharded"]

INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WHOLE = ("model.safetensors", "pytorch_model.bin")
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def load_sharded(path: str | os.PathLike, device: Any = "cpu") -> dict[str, Tensor]:
    """The state_dict that a folder, or an index file, holds: `.safetensors` files and `.bin` files of `torch.save`.

    Args:
        path: the folder with an index (`model.safetensors.index.json` or `pytorch_model.bin.index.json`) or with one
            whole file (`model.safetensors` or `pytorch_model.bin`), or the index itself.
        device: where the tensors go.

    FileNotFoundError where there is none of these; RuntimeError for an index that does not fit its files, or that names
    a file outside of the folder.

    >>> import tempfile
    >>> import torchlike as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sharded({"a": torch.ones(2), "b": torch.zeros(1)}, folder, max_shard_size=8)
    ...     sorted(os.listdir(folder))[0], load_sharded(folder)["a"]
    ('model-00001-of-00002.safetensors', tensor([1., 1.]))
    """
    folder, index = os.path.split(os.fspath(path))
    if os.path.isdir(path):
        folder = os.fspath(path)
        index = next((name for name in INDICES if os.path.exists(os.path.join(folder, name))), "")
        if not index:
            for name in WHOLE:
                if os.path.exists(os.path.join(folder, name)):
                    return _load(os.path.join(folder, name), device)
            raise FileNotFoundError(f"{folder} holds none of {', '.join([*INDICES, *WHOLE])}")
    places = _weight_map(os.path.join(folder, index))
    held: dict[str, Tensor] = {}
    for file in dict.fromkeys(places.values()):
        wanted = {name for name, place in places.items() if place == file}
        shard = _load(os.path.join(folder, file), device)
        if missing := sorted(wanted - shard.keys()):
            raise RuntimeError(f"{file} does not hold what the index says is in it: {', '.join(missing[:5])}")
        held |= {name: t for name, t in shard.items() if name in wanted}
    return {name: held[name] for name in places}


def _weight_map(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
        except (ValueError, RecursionError) as e:
            raise RuntimeError(f"{path} is no index: {e}") from e
    places = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(places, dict):
        raise RuntimeError(f"{path} is no index: it has no weight_map")
    for name, file in places.items():
        plain = isinstance(file, str) and file == os.path.basename(file) and file not in ("", ".", "..")
        if not plain or "\\" in file or "\0" in file:
            raise RuntimeError(f"{path} says that {name} is in {file!r}, which is no file of this folder")
    return places


def _load(path: str, device: Any) -> dict[str, Tensor]:
    if path.endswith(".safetensors"):
        return safetensors.load_file(path, device)
    from torchlike.serialization import load

    held = load(path, map_location=device)
    if not isinstance(held, dict):
        raise RuntimeError(f"{path} holds {type(held).__name__}, not a state_dict")
    return held


def save_sharded(
    state_dict: Mapping[str, Tensor], folder: str | os.PathLike, max_shard_size: int | str = "5GB"
) -> None:
    """Write a state_dict as `.safetensors` files of at most this size (one tensor is never split), with their index.

    Args:
        state_dict: tensors by their names.
        folder: an existing folder.
        max_shard_size: bytes, or a text such as "5GB" or "200MiB".

    The index is written last. With one file there is none: the file is `model.safetensors`.
    """
    most = _bytes(max_shard_size)
    shards: list[dict[str, Tensor]] = [{}]
    room = most
    for name, t in state_dict.items():
        if t.nbytes > room and shards[-1]:
            shards.append({})
            room = most
        shards[-1][name] = t
        room -= t.nbytes
    if len(shards) == 1:
        safetensors.save_file(shards[0], os.path.join(folder, WHOLE[0]), {"format": "pt"})
        return
    places: dict[str, str] = {}
    for i, shard in enumerate(shards, 1):
        file = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        safetensors.save_file(shard, os.path.join(folder, file), {"format": "pt"})
        places |= dict.fromkeys(shard, file)
    total = sum(t.nbytes for t in state_dict.values())
    with replacing(os.path.join(folder, INDICES[0])) as out:
        out.write(json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2).encode() + b"\n")


def _bytes(size: int | str) -> int:
    if isinstance(size, int):
        return size
    unit = next((unit for unit in sorted(_UNITS, key=len, reverse=True) if size.upper().endswith(unit)), None)
    if unit is None or not size[: -len(unit)].strip().isdigit():
        raise ValueError(f"max_shard_size={size!r}: a number of bytes, or a text such as '5GB'")
    return int(size[: -len(unit)]) * _UNITS[unit]
