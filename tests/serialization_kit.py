"""What the tests of torch.save and torch.load share: files in memory, and a form in which results are compared."""

from __future__ import annotations

import io
import types
import zipfile

from torchlike.serialization import archive, save


def plain(x):
    """Anything loaded, as nested Python data: the same for both libraries exactly if it is the same."""
    if isinstance(x, dict):
        kept = {k: plain(v) for k, v in x.items()}
        return (type(x).__name__, kept, plain(getattr(x, "_metadata", None)))
    if type(x) in (list, tuple):
        return [plain(v) for v in x]
    if hasattr(x, "requires_grad"):
        values = x.detach()
        if str(values.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2", "torch.float16"):
            values = values.float()
        return (type(x).__name__, str(x.dtype), x.stride(), x.storage_offset(), x.requires_grad, values.tolist())
    return x if isinstance(x, int | float | str | bytes | set | types.NoneType) else repr(x)


def saved(obj, writer=save, **options) -> io.BytesIO:
    file = io.BytesIO()
    writer(obj, file, **options)
    file.seek(0)
    return file


def repacked(file: io.BytesIO, change) -> io.BytesIO:
    """The archive with `change(record, data)` applied to every record; None leaves it out."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = change(name.partition("/")[2], old.read(name))
            if data is not None:
                new.writestr(name, data)
    out.seek(0)
    return out


def packed(pickled: bytes, **records: bytes) -> io.BytesIO:
    """A checkpoint with this pickle and these storages."""
    out = io.BytesIO()
    writer = archive.Writer(out, "archive")
    writer.add("data.pkl", pickled)
    for key, data in ({"version": b"3\n"} | records).items():
        writer.add(key, data)
    writer.close()
    out.seek(0)
    return out
