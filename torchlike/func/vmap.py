"""torch.vmap: a function of single tensors as a function of batches."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from torchlike.core import batching
from torchlike.core.variable import Variable
from torchlike.utils import _pytree as tree

__all__ = ["vmap"]


def _name(func: Callable) -> str:
    return getattr(func, "__name__", None) or repr(func)


def _dims(in_dims: Any, args: tuple, name: str) -> tuple[list, list, Any]:
    """The leaves of the arguments, the dimension of each, and the structure."""
    told = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"{told}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree.tree_flatten(args)
    dims = tree._broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{told}in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{tree.tree_structure(in_dims)} but inputs has structure {spec}."
        )
    for i, (x, d) in enumerate(zip(leaves, dims, strict=True)):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(f"{told}Got in_dim={d} for an input but in_dim must be an integer dimension or None.")
        if not isinstance(x, Variable):
            raise ValueError(
                f"{told}Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap over non-Tensor "
                "arguments, please use None as the respective in_dim"
            )
        n = len(x._aval().shape)
        if not -n <= d < n:
            raise ValueError(
                f"{told}Got in_dim={d} for some input, but that input is a Tensor of dimensionality {n} so expected "
                f"in_dim to satisfy -{n} <= in_dim < {n}."
            )
        dims[i] = d % n
    return leaves, dims, spec


def _size(leaves: list, dims: list, name: str) -> int:
    sizes = [x.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise ValueError(f"vmap({name}, ...): no argument is vmapped over: every in_dim is None")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def check_randomness(randomness: str) -> None:
    """PyTorch's error for a word it does not know."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )


def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable:
    """The function that applies `func` to every element of a batch at once.

    Args:
        func: takes and returns tensors, possibly in nested lists, tuples and dicts. It is called once, with tensors
            that lack the dimension of the batch.
        in_dims: which dimension of each argument is the batch; None for an argument that is the same for all.
        out_dims: where the results have it; None for a result that is the same for all.
        randomness: "error" refuses random numbers, "same" draws once for all, "different" once for each. PyTorch draws
            the latter in another order, so the numbers are not the same as there.
        chunk_size: at most so many elements at once.

    Every operation becomes one operation for the batch, so gradients flow through, and `vmap` may stand inside `vmap`
    or `torch.func.grad`. Values cannot be read inside. What is written in place into an argument is written into the
    batch. An autograd.Function needs a `vmap` staticmethod or `generate_vmap_rule = True`.

    >>> import torchlike as torch
    >>> torch.vmap(torch.dot)(torch.ones(2, 3), torch.arange(6.).view(2, 3))
    tensor([ 3., 12.])
    """
    check_randomness(randomness)
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        name = _name(func)
        leaves, dims, spec = _dims(in_dims, args, name)
        size = _size(leaves, dims, name)
        if chunk_size is not None and chunk_size < size:
            return _in_chunks(func, leaves, dims, spec, size, chunk_size, out_dims, randomness, kwargs)
        return _run(func, leaves, dims, spec, size, out_dims, randomness, kwargs)

    return mapped


def _run(
    func: Callable, leaves: list, dims: list, spec: Any, size: int, out_dims: Any, randomness: str, kwargs: dict
) -> Any:
    level = batching.enter(size, randomness)
    try:
        given: list = []
        for x, d in zip(leaves, dims, strict=True):
            if d is not None:
                given.append(batching.inside(x if d == 0 else x.movedim(d, 0), level.depth, True))
            else:
                given.append(batching.inside(x, level.depth, False) if isinstance(x, Variable) else x)
        before = [g._read() if isinstance(g, Variable) else None for g in given]
        result = func(*tree.tree_unflatten(given, spec), **kwargs)
        results, result_spec = tree.tree_flatten(result)
        pairs = [batching.behind(r, level) if isinstance(r, Variable) else (r, False) for r in results]
        changed = []
        for x, d, g, was in zip(leaves, dims, given, before, strict=True):
            if isinstance(g, Variable) and g._read() is not was:
                changed.append((x, d, *batching.behind(g, level)))
    finally:
        batching.leave(level)
    for x, d, now, spread in changed:
        x.copy_(now.movedim(0, d) if spread and d else now)
    return _outputs(pairs, result_spec, out_dims, size, _name(func))


def _outputs(pairs: list, spec: Any, out_dims: Any, size: int, name: str) -> Any:
    told = f"vmap({name}, ..., out_dims={out_dims})(<inputs>): "
    if not isinstance(out_dims, int | tuple | list | dict | None):
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints "
            "representing where in the outputs the vmapped dimension should appear."
        )
    dims = [None] * len(pairs) if out_dims is None else tree._broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"{told}out_dims is not compatible with the structure of `outputs`. out_dims has structure "
            f"{tree.tree_structure(out_dims)} but outputs has structure {spec}."
        )
    finished = []
    for (x, spread), d in zip(pairs, dims, strict=True):
        if d is None:
            if spread:
                raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        elif not isinstance(x, Variable):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}. Did you mean to set "
                "out_dims= to None for output?"
            )
        else:
            whole: Any = x if spread else x.expand(size, *x._aval().shape)  # type: ignore[attr-defined]
            x = whole.movedim(0, operator.index(d)) if d else whole
        finished.append(x)
    return tree.tree_unflatten(finished, spec)


def _in_chunks(
    func: Callable, leaves: list, dims: list, spec: Any, size: int, chunk: int, out_dims: Any, randomness: str,
    kwargs: dict,
) -> Any:  # fmt: skip
    import torchlike as torch

    parts = []
    for start in range(0, size, chunk):
        n = min(chunk, size - start)
        cut = [x if d is None else x.narrow(d, start, n) for x, d in zip(leaves, dims, strict=True)]
        parts.append(_run(func, cut, dims, spec, n, out_dims, randomness, kwargs))
    flat = [tree.tree_leaves(p) for p in parts]
    result_spec = tree.tree_structure(parts[0])
    out = tree._broadcast_to_and_flatten(out_dims, result_spec) if out_dims is not None else [None] * len(flat[0])
    joined = [
        pieces[0] if d is None else torch.cat(pieces, d)
        for pieces, d in zip(zip(*flat, strict=True), out or [], strict=True)
    ]
    return tree.tree_unflatten(joined, result_spec)
