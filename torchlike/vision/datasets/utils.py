"""Fetching files from the net, checking and unpacking them: torchvision.datasets.utils."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import http.client
import lzma
import os
import shutil
import tarfile
import urllib.error
import zipfile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

_CHUNK = 1 << 16


def calculate_md5(fpath: str | Path) -> str:
    """The MD5 of a file's content."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def check_integrity(fpath: str | Path, md5: str | None = None) -> bool:
    """Whether there is such a file, with this MD5 if one is given."""
    return os.path.isfile(fpath) and (md5 is None or calculate_md5(fpath) == md5)


class _Bar:
    """tqdm's bar where tqdm is installed, nothing where it is not."""

    def __init__(self, name: str, done: int, total: int | None) -> None:
        try:
            from tqdm import tqdm
        except ImportError:
            self.bar: Any = None
        else:
            self.bar = tqdm(desc=name, initial=done, total=total, unit="B", unit_scale=True, leave=False)

    def update(self, n: int) -> None:
        if self.bar is not None:
            self.bar.update(n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _fetch(url: str, part: Path) -> None:
    """Fetch into `part`, going on where an earlier attempt stopped."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "torchlike.vision", **({"Range": f"bytes={done}-"} if done else {})}
    try:
        answer = urlopen(Request(url, headers=headers))
    except urllib.error.HTTPError as e:
        if e.code != 416:  # the part is as long as the file: nothing is left to fetch
            raise
        return
    with answer:
        if answer.status != 206:  # the server begins anew
            done = 0
        length = answer.headers.get("Content-Length")
        bar = _Bar(part.name.removesuffix(".part"), done, None if length is None else done + int(length))
        got = 0
        try:
            with open(part, "ab" if done else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    got += len(chunk)
                    bar.update(len(chunk))
        finally:
            bar.close()
        if length is not None and got < int(length):
            raise ConnectionError(f"the connection ended after {got} of {length} bytes")


def download_url(url: str, root: str | Path, filename: str | None = None, md5: str | None = None) -> None:
    """Fetch a file into a folder, unless it lies there already, whole.

    What an attempt that failed has fetched stays in `<name>.part`, and the next one goes on from there.

    Raises:
        RuntimeError: the file cannot be fetched (the message says what to do where there is no network), or what came
            has another MD5.
    """
    folder = Path(root).expanduser()
    path = folder / (filename or os.path.basename(url))
    if check_integrity(path, md5):
        return
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        _fetch(url, part)
    except (OSError, http.client.HTTPException) as e:
        raise RuntimeError(
            f"{url} cannot be fetched ({getattr(e, 'reason', e)}). Where there is no network, put the file at {path} "
            "by hand; where there is, call again: the download goes on where it stopped."
        ) from e
    if md5 is not None and calculate_md5(part) != md5:
        found = calculate_md5(part)
        part.unlink()
        raise RuntimeError(f"File not found or corrupted: {url} has MD5 {found}, not {md5}")
    os.replace(part, path)


_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def extract_archive(from_path: str | Path, to_path: str | Path | None = None, remove_finished: bool = False) -> str:
    """Unpack a zip or tar archive, or a single packed file; members that point outside the folder are refused."""
    source = Path(from_path)
    target = Path(to_path) if to_path is not None else source.parent
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(target)
    elif tarfile.is_tarfile(source):
        with tarfile.open(source) as archive:
            archive.extractall(target, filter="data")
    elif source.suffix in _OPENERS:
        target = target / source.stem if target.is_dir() else target
        with _OPENERS[source.suffix](source, "rb") as packed, open(target, "wb") as plain:  # type: ignore[operator]
            shutil.copyfileobj(packed, plain)
    else:
        raise RuntimeError(f"Unknown compression or archive type: '{source.suffix}'.")
    if remove_finished:
        source.unlink()
    return str(target)


def download_and_extract_archive(
    url: str, download_root: str | Path, extract_root: str | Path | None = None, filename: str | None = None,
    md5: str | None = None, remove_finished: bool = False,
) -> None:  # fmt: skip
    """`download_url`, then `extract_archive`."""
    name = filename or os.path.basename(url)
    download_url(url, download_root, name, md5)
    root = Path(download_root).expanduser()
    extract_archive(root / name, extract_root or root, remove_finished)
