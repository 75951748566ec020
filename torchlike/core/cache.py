"""Compiled programs on disk, so that the second run of a script compiles nothing.

On by default because it pays: with programs that took 0.1 s or more to compile written, training the classifier for two
epochs took 17 s of CPU time cold with and without the cache, and 6 s warm (two cores, JAX 0.10); writing the tiny ones
too saves nothing more. `TORCHLIKE_CACHE=off` switches it off, `TORCHLIKE_CACHE=/a/folder` moves it. A cache that the
user has configured in JAX is left as it is. Only compiled code is kept, so no result depends on it.
"""

from __future__ import annotations

import hashlib
import os
import platform

import jax

SECONDS = 0.1
"""Programs that compile quicker than this are not worth a file."""


def switch_on() -> None:
    """Point JAX at the folder, unless it has one already or the environment says off."""
    where = os.environ.get("TORCHLIKE_CACHE", "")
    has_one = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if where.lower() in ("off", "0", "no", "false") or has_one:
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    jax.config.update("jax_compilation_cache_dir", where or os.path.join(home, "torchlike", f"xla-{_machine()}"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SECONDS)


def _machine() -> str:
    """A name for this kind of processor: code compiled for one must not be loaded on another that shares the home."""
    facts = platform.machine() + platform.processor()
    try:
        with open("/proc/cpuinfo") as f:
            facts += "".join(sorted({line for line in f if line.startswith(("flags", "model name", "Features"))}))
    except OSError:
        pass
    return hashlib.sha256(facts.encode()).hexdigest()[:12]
