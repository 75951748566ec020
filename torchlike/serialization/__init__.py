"""torch.save and torch.load: checkpoints in PyTorch's own format, without PyTorch.

What `save` writes, `torch.load` of PyTorch 2.13 reads, `weights_only=True` included, and the other way round: tensors
of every dtype, views and shared storages, parameters, state_dicts, and plain Python data around them. Differences:

- a file is replaced only when the new one is complete; PyTorch writes into the old one;
- the checksums of what is read are compared (not with `mmap=True`); PyTorch trusts the file;
- a tensor on a TPU is saved with the location "tpu:0": PyTorch needs `map_location="cpu"` to load it.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from torchlike.serialization import legacy
from torchlike.serialization.archive import ALIGNMENT, Reader, Writer, replacing
from torchlike.serialization.persistent import Storages
from torchlike.serialization.pickling import dumps
from torchlike.serialization.rebuild import ALLOWED
from torchlike.serialization.unpickling import (
    FullUnpickler,
    Machine,
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    named,
    safe_globals,
)

__all__ = [
    "save", "load", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals",
    "get_unsafe_globals_in_checkpoint",
]  # fmt: skip

def save(
    obj: object,
    f: str | os.PathLike | Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Save an object: tensors, state_dicts, anything that can be pickled.

    Args:
        obj: what to save. Tensors over one memory are saved with that memory once, and share it again when loaded.
        f: a path, or a file-like object with `write`. At a path, an older file is replaced in one step at the end:
            when saving fails or is interrupted it is still there, whole.
        pickle_module: only Python's own `pickle`.
        pickle_protocol: the protocol of the pickle inside; PyTorch's `weights_only` loading wants the default, 2.
        _use_new_zipfile_serialization: False writes the format before PyTorch 1.6.

    >>> import io
    >>> import torchlike as torch
    >>> file = io.BytesIO()
    >>> torch.save({"weight": torch.ones(2)}, file)
    >>> torch.load(io.BytesIO(file.getvalue()))
    {'weight': tensor([1., 1.])}
    """
    if pickle_module is not pickle:
        raise NotImplementedError(f"torch.save with pickle_module={pickle_module!r}: only Python's pickle is used here")
    if pickle_protocol < 2:
        raise NotImplementedError(f"torch.save with pickle_protocol={pickle_protocol}: take 2 or more")
    path = os.fspath(f) if isinstance(f, str | os.PathLike) else None
    if path is None and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if not _use_new_zipfile_serialization:
        with contextlib.nullcontext(f) if path is None else replacing(path) as out:
            legacy.write(out, obj, pickle_protocol)
        return
    data, memories = dumps(obj, pickle_protocol)
    with contextlib.nullcontext(f) if path is None else replacing(path) as out:
        writer = Writer(out, _archive_name(path))
        writer.add("data.pkl", data)
        writer.add(".format_version", b"1")
        writer.add(".storage_alignment", str(ALIGNMENT).encode())
        writer.add("byteorder", sys.byteorder.encode())
        for memory in memories:
            writer.add(f"data/{memory.key}", memory.contents())
        writer.add("version", b"3\n")
        writer.add(".data/serialization_id", writer.identity())
        writer.close()


def _archive_name(path: str | None) -> str:
    """The folder inside the archive: the file's name without its ending, as PyTorch calls it."""
    name = os.path.basename(path or "")
    stem = name.rpartition(".")[0] if "." in name else name
    return stem if stem and stem.isascii() else "archive"


def load(
    f: str | os.PathLike | Any,
    map_location=None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what `torch.save` saved, here or in PyTorch: zip files and the formats before PyTorch 1.6.

    Args:
        f: a path, or a file-like object that can seek.
        map_location: where tensors go: a device or its name; a dictionary from saved to wanted names; a function of
            (storage, location) that returns a storage (`storage.cpu()`, `storage.cuda(1)`) or None for the default,
            which is the device that they were saved from.
        weights_only: True (default): tensors, plain data, and what `add_safe_globals` allows; nothing else in the
            file is looked up or run. False: any pickle, whole modules too. It can run any code, so only for files
            that you trust. PyTorch's classes come out as torchlike's.
        mmap: map the file instead of reading it; the system then loads what is used. `f` must be a path.
        pickle_load_args: options of `pickle.Unpickler`, with `weights_only=False`.

    Raises pickle.UnpicklingError for what the allow list does not have and for a file of another kind, RuntimeError
    for a damaged one, NotImplementedError for TorchScript.
    """
    weights_only = True if weights_only is None else weights_only
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if pickle_module not in (None, pickle):
        raise NotImplementedError(f"torch.load with pickle_module={pickle_module!r}: only Python's pickle is used here")
    if weights_only and pickle_load_args:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    if mmap and not isinstance(f, str | os.PathLike):
        raise ValueError("f must be a file path in order to use the mmap argument")
    with _opened(f) as file:
        if (old := legacy.kind_of(file)) is not None:
            if mmap:
                raise RuntimeError(
                    "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True), "
                    "please torch.save your checkpoint with this option in order to use mmap."
                )
            if old is legacy.Tar:
                if weights_only:
                    raise RuntimeError(
                        "Cannot use ``weights_only=True`` with files saved in the legacy .tar format. With "
                        "weights_only=False the file can be loaded, and can then run any code: do that only if you "
                        "trust where it comes from."
                    )
                tar = legacy.Tar(file, map_location)
                return FullUnpickler(io.BytesIO(tar.pickled), tar.load, **pickle_load_args).load()
            stream = legacy.Stream(file)
            storages = Storages(stream.read, stream.order, map_location, parts=True)
            return _unpickled(stream.pickled, storages, weights_only, pickle_load_args)
        reader = Reader(file, mapped=bool(mmap))
        if reader.has("constants.pkl"):
            raise NotImplementedError("torch.load of a TorchScript archive: save the module's state_dict() in PyTorch")
        order = reader.read("byteorder").decode("latin1") if reader.has("byteorder") else "little"
        storages = Storages(_records(reader), order, map_location)
        return _unpickled(reader.read("data.pkl"), storages, weights_only, pickle_load_args)


def _unpickled(data: bytes, storages: Storages, weights_only: bool, options: dict) -> Any:
    """The object that a pickle describes, over these storages."""
    if not weights_only:
        return FullUnpickler(io.BytesIO(data), storages.load, **options).load()
    try:
        return Machine(data, storages.load).run()
    except pickle.UnpicklingError as e:
        raise pickle.UnpicklingError(f"Weights only load failed. {e}") from e.__cause__


def _records(reader: Reader) -> Callable[[str, int], np.ndarray]:
    """Reads storages out of a zip file."""

    def read(key: str, size: int) -> np.ndarray:
        there = reader.size(f"data/{key}")
        if there != size:
            raise RuntimeError(
                f"record size ({there} bytes) does not match expected size ({size} bytes) for storage {key}"
            )
        return reader.array(f"data/{key}") if size else np.empty(0, np.uint8)

    return read


def get_unsafe_globals_in_checkpoint(f: str | os.PathLike | Any) -> list[str]:
    """The names in a checkpoint that `torch.load` would not allow by itself; nothing is loaded."""
    with _opened(f) as file:
        start = file.tell()
        old = legacy.kind_of(file)
        data = Reader(file).read("data.pkl") if old is None else old(file).pickled
        file.seek(start)
    return [path for path in named(data) if path not in ALLOWED]


@contextlib.contextmanager
def _opened(f) -> Iterator[Any]:
    """The file, if need be opened, and found to be of the right kind."""
    is_path = isinstance(f, str | os.PathLike)
    with open(f, "rb") if is_path else contextlib.nullcontext(f) as file:
        _check_kind(file, os.fspath(f) if is_path else "")
        yield file


def _check_kind(file, path: str) -> None:
    """That this is a zip file; what else it may be gets its own error."""
    if path.endswith(".safetensors"):
        raise NotImplementedError(
            "torch.load of a safetensors file: use torch.serialization.safetensors.load_file"
        )
    if not (hasattr(file, "seek") and hasattr(file, "tell")):
        raise AttributeError(
            f"'{type(file).__name__}' object has no attribute 'seek'. You can only torch.load from a file that is "
            "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
        )
    start = file.tell()
    magic = file.read(16)
    file.seek(start)
    if not magic:
        raise EOFError("Ran out of input: nothing follows here, was the file written to and not rewound by seek(0)?")
    if not magic.startswith(b"PK\x03\x04") and legacy.kind_of(file) is None:
        raise pickle.UnpicklingError(f"not a PyTorch checkpoint: it begins with {magic!r}, not as a zip file does")
