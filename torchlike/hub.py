"""torch.hub: files from the net, kept in a folder; models from repositories that are on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

__all__ = [
    "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir",
]  # fmt: skip

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_dir: list[str | None] = [None]
_REMOTE = (
    "code from a repository on the net is not fetched and run here; clone it, and pass its folder with source='local'"
)


def _get_torch_home() -> str:
    """The folder of everything that is kept: TORCH_HOME, else ~/.cache/torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """The folder of this module: what `set_dir` was given, else `$TORCH_HOME/hub`."""
    return _dir[0] or os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Keep files in this folder."""
    _dir[0] = os.path.expanduser(os.fspath(d))


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Fetch a file.

    Args:
        dst: where it goes; an older file is replaced when the new one is complete.
        hash_prefix: what the SHA-256 of the content must begin with; RuntimeError if it does not.
        progress: whether sizes are written to the standard error.

    urllib's URLError, with a word on how to go on, where the net is not reached.
    """
    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    try:
        answer = urlopen(Request(url, headers={"User-Agent": "torchlike.hub"}))
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as e:
        raise urllib.error.URLError(
            f"{url} cannot be fetched ({e.reason}). Where there is no network, put the file at {dst} by hand."
        ) from e
    with answer, tempfile.NamedTemporaryFile(dir=os.path.dirname(dst) or ".", delete=False) as part:
        try:
            while chunk := answer.read(1 << 20):
                part.write(chunk)
                digest.update(chunk)
            part.close()
            if hash_prefix is not None and digest.hexdigest()[: len(hash_prefix)] != hash_prefix:
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
            shutil.move(part.name, dst)
            if progress:
                print(f"{url}: {os.path.getsize(dst)} bytes", file=sys.stderr)
        finally:
            Path(part.name).unlink(missing_ok=True)


def load_state_dict_from_url(
    url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True, check_hash: bool = False,
    file_name: str | None = None, weights_only: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A checkpoint from the net, fetched once and then read from `model_dir` (by default `get_dir()/checkpoints`).

    A file that lies there already is read without any network. `check_hash`: the name ends in `-<sha256 prefix>.ext`.
    A zip archive with one file in it is unpacked. See `torch.load` for `map_location` and `weights_only`.
    """
    from torchlike.serialization import load as read

    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found.group(1) if found else None, progress=progress)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            if len(members) == 1 and not members[0].endswith("data.pkl"):
                archive.extractall(folder)
                path = os.path.join(folder, members[0])
    return read(path, map_location=map_location, weights_only=weights_only)


def _local(repo_or_dir: str, source: str, call: str) -> Any:
    if source != "local":
        raise NotImplementedError(f"torch.hub.{call}({repo_or_dir!r}): {_REMOTE}")
    path = os.path.join(repo_or_dir, "hubconf.py")
    sys.path.insert(0, repo_or_dir)
    try:
        spec: Any = importlib.util.spec_from_file_location("hubconf", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(repo_or_dir)
    missing = [d for d in getattr(module, "dependencies", ()) if d != "torch" and importlib.util.find_spec(d) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return module


def _entry(module: Any, name: str) -> Any:
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """Call the entry point `model` of `hubconf.py` in a folder (`source="local"`)."""
    for option in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(option, None)
    return _entry(_local(repo_or_dir, source, "load"), model)(*args, **kwargs)


def list(github: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """The entry points of `hubconf.py` in a folder (`source="local"`)."""
    module = _local(github, source, "list")
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def help(github: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """The docstring of an entry point of `hubconf.py` in a folder (`source="local"`)."""
    return _entry(_local(github, source, "help"), model).__doc__
