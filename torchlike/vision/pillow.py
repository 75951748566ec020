"""Pillow, imported when a picture is first met."""

from __future__ import annotations

import functools
import sys
from typing import Any


@functools.cache
def module(name: str = "Image") -> Any:
    """The module of this name in Pillow; ImportError that says how to install it."""
    import importlib

    try:
        return importlib.import_module(f"PIL.{name}")
    except ImportError:
        raise ImportError("pictures need Pillow: pip install pillow") from None


def is_picture(x: Any) -> bool:
    """Whether this is a Pillow image (without importing Pillow: an image exists only where somebody has)."""
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(x, image.Image)
