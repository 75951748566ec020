"""Tensors that change what they show (`t_()`, `resize_()`, `.data = ...`), as the views made of them before see it.

A view finds its memory through the tensor it was made of. When that tensor becomes another one, the view must go on
with what the tensor was: so the tensor keeps a twin of its former self, with the version of the memory at which it
changed. A view read last before that version, or over another memory, belongs to the twin.
"""

from __future__ import annotations

from typing import Any


def twin(t) -> Any:
    """Another name for exactly what a tensor is now."""
    other = object.__new__(type(t))
    other.__dict__.update(t.__dict__)
    return other


def become(t, before, made) -> None:
    """Turn a tensor into `made`, a view made of `before`, its twin."""
    t.__dict__.update(made.__dict__)
    t._turned = before._parent is None or before._turned
    t._cell.touch(counts=True)
    t._hidden = None
    if t._parent is not None:
        t._seen = t._cell.version
    t._former = (t._cell.version, before)


def leave(t, other) -> None:
    """A tensor is about to show what `other` shows: where its views lie could not be told without its twin."""
    if other._cell is t._cell:
        t._cell.touch()
        t._former = (t._cell.version, twin(t))
    else:
        t._former = (0, twin(t)) if t._parent is not None or t._strided is not None else None


def settle(t, new) -> Any:
    """The parent of a view as it was when the view was made; `new` makes a tensor that is the whole of a memory."""
    p = t._parent
    while p._former is not None and (p._cell is not t._cell or t._seen < p._former[0]):
        p = p._former[1]
    if p._cell is not t._cell:
        p = new(t._cell)
    t._parent = p
    return p
