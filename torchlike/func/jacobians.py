"""Whole Jacobians: products with the rows or columns of the identity, all at once by `vmap`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torchlike.func.transforms import Follow, _chosen, pushed, settled, vjp
from torchlike.func.vmap import check_randomness, vmap
from torchlike.utils import _pytree as tree

__all__ = ["hessian", "jacfwd", "jacrev"]


def _basis(leaves: list) -> list:
    """For each tensor the part that belongs to it of the identity over all their elements: (all, *shape)."""
    import torchlike as torch

    total = sum(x.numel() for x in leaves)
    made, start = [], 0
    for x in leaves:
        n = x.numel()
        eye = torch.zeros(total, n, dtype=x.dtype, device=x.device)
        eye[start : start + n] = torch.eye(n, dtype=x.dtype, device=x.device)
        made.append(eye.view(total, *x.shape))
        start += n
    return made


def _with_chosen(func: Callable, args: tuple, kwargs: dict, places: tuple[int, ...]) -> Callable:
    """The function of the chosen arguments alone."""

    def chosen(*parts: Any) -> Any:
        given = list(args)
        for i, part in zip(places, parts, strict=True):
            given[i] = part
        return func(*given, **kwargs)

    return chosen


def jacrev(
    func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:  # fmt: skip
    """The function that returns the Jacobian of `func`, made of vector-Jacobian products: one for each output element.

    For each result of `func`, nested as they are, a tensor of its shape followed by the argument's; a tuple of them if
    `argnums` is a tuple. With `has_aux` (Jacobian, aux). At most `chunk_size` products are made at once.

    >>> import torchlike as torch
    >>> torch.func.jacrev(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    if chunk_size is not None and not chunk_size > 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        places = _chosen(argnums, args)
        with Follow() as follow:  # what `vmap` leaves of the history ends here
            chosen = tuple([args[i] for i in places])
            value, pull, *aux = vjp(_with_chosen(func, args, kwargs, places), *chosen, has_aux=has_aux)
            outs, out_spec = tree.tree_flatten(value)
            inner = vmap(lambda *rows: pull(tree.tree_unflatten(rows, out_spec)), chunk_size=chunk_size)
            rows, in_spec = tree.tree_flatten(inner(*_basis(outs)))
            blocks, start = [], 0
            for out in outs:
                n = out.numel()
                part = [r[start : start + n].reshape(*out.shape, *r.shape[1:]) for r in rows]
                nest = tree.tree_unflatten(part, in_spec)
                blocks.append(nest if isinstance(argnums, tuple) else nest[0])
                start += n
            made = tree.tree_unflatten(blocks, out_spec)
            made = tree.tree_map(follow.end, made)
        return (made, aux[0]) if has_aux else made

    return wrapper


def jacfwd(
    func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable:  # fmt: skip
    """The function that returns the Jacobian of `func`, made of Jacobian-vector products: one for each input element.

    The result is that of `jacrev`; `func` runs once, so `randomness` changes nothing.
    """

    check_randomness(randomness)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        places = _chosen(argnums, args)
        chosen = tuple([args[i] for i in places])
        inner = _with_chosen(func, args, kwargs, places)
        value, aux, push = pushed(inner, chosen, has_aux, "jvp(f, primals, tangents)")
        outs, out_spec = tree.tree_flatten(value)
        ins, in_spec = tree.tree_flatten(chosen)
        columns = vmap(lambda *tangents: push(list(tangents)), out_dims=-1, chunk_size=chunk_size)(*_basis(ins))
        blocks = []
        for column in tree.tree_leaves(columns):
            part, start = [], 0
            for x in ins:
                n = x.numel()
                part.append(column[..., start : start + n].reshape(*column.shape[:-1], *x.shape))
                start += n
            nest = tree.tree_unflatten(part, in_spec)
            blocks.append(nest if isinstance(argnums, tuple) else nest[0])
        made = tree.tree_map(settled, tree.tree_unflatten(blocks, out_spec))
        return (made, aux) if has_aux else made

    return wrapper


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """The function that returns the second derivatives of `func`: the Jacobian of its Jacobian.

    >>> import torchlike as torch
    >>> torch.func.hessian(lambda x: (x ** 3).sum())(torch.ones(2))
    tensor([[6., 0.],
            [0., 6.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
