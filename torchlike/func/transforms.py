"""Gradients of functions: grad, vjp, jvp and what is made of them, on the same graph as `backward()`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from torchlike.core import batching, forward
from torchlike.core.autograd import run_backward
from torchlike.core.graph import AccumulateGrad, Node, _at, mode
from torchlike.core.variable import Variable, wrap
from torchlike.utils import _pytree as tree

__all__ = ["grad", "grad_and_value", "jvp", "linearize", "vjp"]


class _Depth(threading.local):
    open = 0


_depth = _Depth()


class Follow:
    """A block that follows what is made of some tensors, whatever the grad mode outside.

    `start` gives a tensor a new beginning in the graph, above its own history if it has one. `end` takes a result out
    of the graph again where only such beginnings lie under it.
    """

    def __enter__(self) -> Follow:
        self.outer = mode.grad
        self.ends: list[Node] = []
        self.closed: set[Node] = set()
        """Nodes under which only beginnings of ended blocks were found, so that no second result walks them again."""
        self.mode = _at(True)
        self.mode.__enter__()
        self.marked = batching.transform()
        self.marked.__enter__()
        _depth.open += 1
        return self

    def __exit__(self, *exc: Any) -> None:
        _depth.open -= 1
        self.marked.__exit__(None, None, None)
        self.mode.__exit__(*exc)
        for end in self.ends:
            end.finished = True  # type: ignore[attr-defined]

    def start(self, x: Any) -> tuple[Any, Any]:
        """(the tensor to compute with, another one for the same place in the graph: the first may be written into)."""
        if not isinstance(x, Variable):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if not x._aval().inexact:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        x = batching.lift(x)
        if x._edge() is None:
            x = wrap(x._read())
            x._requires_grad = True
            self.ends.append(x._edge()[0])
        made = batching.fresh(x)
        return made, batching.snapshot(made)

    def gradients(self, roots: list, inputs: list, cotangents: list) -> list:
        """The gradients of roots towards inputs, None where there is none."""
        pairs = [(r, c) for r, c in zip(roots, cotangents, strict=True) if r._edge() is not None]
        if not pairs:
            return [None] * len(inputs)
        further = _depth.open > 1 or batching.current() is not None or self.leads_on([r for r, _ in pairs])
        return run_backward(
            [r for r, _ in pairs], [c for _, c in pairs], keep_graph=True, create_graph=further, inputs=inputs,
            accumulate=False,
        )  # fmt: skip

    def leads_on(self, tensors: list) -> bool:
        """Whether there is a leaf under these tensors that somebody may still want a gradient of."""
        return _leads_on(tensors, self.ends, self.closed)

    def end(self, x: Any) -> Any:
        """A result as it leaves the block."""
        if not isinstance(x, Variable) or x._edge() is None:
            return x
        if not self.outer and _depth.open == 1:
            return batching.out_of_graph(x)
        return x if self.leads_on([x]) else x._alias()


def _leads_on(tensors: list, ends: list, closed: set[Node]) -> bool:
    stack = [edge[0] for t in tensors if (edge := t._edge()) is not None and edge[0] not in closed]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if isinstance(node, AccumulateGrad):
            if not getattr(node, "finished", False) and node not in ends:
                return True
            continue
        for edge in node.edges:
            if edge is not None and edge[0] not in seen and edge[0] not in closed:
                seen.add(edge[0])
                stack.append(edge[0])
    closed |= seen
    return False


def settled(x: Any) -> Any:
    """A tensor as it leaves its level: without a history that only leads to beginnings of ended blocks."""
    return x if x._edge() is None or _leads_on([x], [], set()) else batching.out_of_graph(x)


def _tangent_of(out: Any, tangent: Any) -> Any:
    return zeros_like(out) if tangent is None else settled(tangent)


def zeros_like(x: Any) -> Any:
    """Zeros of the tensor's shape, inside `vmap` too."""
    import torchlike as torch

    return torch.zeros_like(x.detach())


def _chosen(argnums: int | tuple[int, ...], args: tuple) -> tuple[int, ...]:
    """The places of the arguments asked for, counted from 0."""
    if not isinstance(argnums, int | tuple) or not all(isinstance(i, int) for i in _tuple(argnums)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if argnums == ():
        raise RuntimeError("argnums must be non-empty")
    places = []
    for i in _tuple(argnums):
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")
        places.append(i % len(args))
    if len(set(places)) < len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return tuple(places)


def _tuple(x: Any) -> tuple:
    return x if isinstance(x, tuple) else (x,)


def _begin(follow: Follow, value: Any) -> tuple[Any, list, Any]:
    """(the same nest of tensors to compute with, their places in the graph, the structure)."""
    leaves, spec = tree.tree_flatten(value)
    pairs = [follow.start(x) for x in leaves]
    return tree.tree_unflatten([p[0] for p in pairs], spec), [p[1] for p in pairs], spec


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that returns (gradient, value), or (gradient, (value, aux)); see `grad`."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        places = _chosen(argnums, args)
        with Follow() as follow:
            given, handles, specs = list(args), [], []
            for i in places:
                given[i], found, spec = _begin(follow, args[i])
                handles.append(found)
                specs.append(spec)
            value, aux = func(*given, **kwargs), None
            told = "grad_and_value(f)(*args): "
            if has_aux:
                if not (isinstance(value, tuple) and len(value) == 2):
                    raise RuntimeError(
                        f"{told}output of function f should be a tuple: (output, aux) if has_aux is True"
                    )
                value, aux = value
            if not isinstance(value, Variable):
                raise RuntimeError(f"{told}Expected f(*args) to return a Tensor, got {type(value)}")
            n = len(value._aval().shape)
            if n:
                raise RuntimeError(
                    f"{told}Expected f(*args) to return a scalar Tensor, got tensor with {n} dims. Maybe you wanted to "
                    "use the vjp or jacrev APIs instead?"
                )
            if value._aval().dtype.kind == "c":
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got {value.dtype}"  # type: ignore[attr-defined]
                )
            flat = [h for found in handles for h in found]
            grads = iter(follow.gradients([value], flat, [zeros_like(value) + 1]))
            made = []
            for found, spec in zip(handles, specs, strict=True):
                part = [(h, next(grads)) for h in found]
                made.append(
                    tree.tree_unflatten([follow.end(zeros_like(h) if g is None else g) for h, g in part], spec)
                )
            value, aux = follow.end(value), tree.tree_map(follow.end, aux)
        first = tuple(made) if isinstance(argnums, tuple) else made[0]
        return (first, (value, aux)) if has_aux else (first, value)

    return wrapper


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that returns the gradient of `func`, which must return a 0-dim tensor.

    Args:
        func: a function of tensors, or of nested lists, tuples and dicts of tensors.
        argnums: towards which argument; a tuple of them gives a tuple of gradients.
        has_aux: whether `func` returns (value, aux); then (gradient, aux) is returned.

    It may stand inside itself and inside `vmap`. Where the arguments, or tensors that `func` uses besides, require
    grad, the result has a history, as any other operation's.

    >>> import torchlike as torch
    >>> torch.func.grad(torch.sin)(torch.tensor(0.0))
    tensor(1.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        made, value = both(*args, **kwargs)
        return (made, value[1]) if has_aux else made

    return wrapper


def _tensors(value: Any, told: str) -> tuple[list, Any]:
    leaves, spec = tree.tree_flatten(value)
    for x in leaves:
        if not isinstance(x, Variable):
            raise RuntimeError(f"{told}: expected f(*primals) to return only tensors, got unsupported type {type(x)}")
    return leaves, spec


class _Star:
    def __repr__(self) -> str:
        return "*"


def _drawn(spec: Any) -> str:
    """A structure as PyTorch writes it into its errors: (*, [*, *])."""
    return str(tree.tree_unflatten([_Star()] * spec.num_leaves, spec))


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """(func(*primals), a function from cotangents to the vector-Jacobian products), and aux with `has_aux`.

    The function takes as many tensors as `func` returns, in the same nest, and returns a tuple with one entry for
    each primal. It may be called again.

    >>> import torchlike as torch
    >>> value, pull = torch.func.vjp(torch.sin, torch.zeros(2))
    >>> pull(torch.ones(2))
    (tensor([1., 1.]),)
    """
    with Follow() as follow:
        given, handles, spec = _begin(follow, primals)
        value, aux = func(*given), None
        if has_aux:
            if not (isinstance(value, tuple) and len(value) == 2):
                raise RuntimeError(
                    "vjp(f, *primals): output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            value, aux = value
        roots, value_spec = _tensors(value, "vjp(f, *primals)")
        finished = tree.tree_unflatten([follow.end(r) for r in roots], value_spec)
        aux = tree.tree_map(follow.end, aux)

    def pull(*cotangents: Any) -> tuple:
        """The vector-Jacobian products with these cotangents, given as `func` returns its results."""
        whole = cotangents[0] if len(cotangents) == 1 else cotangents
        given, cotangent_spec = tree.tree_flatten(whole)
        if cotangent_spec != value_spec:
            raise RuntimeError(
                f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                f"function. cotangents: {_drawn(cotangent_spec)}, primal output: {_drawn(value_spec)}"
            )
        for i, (r, c) in enumerate(zip(roots, given, strict=True)):
            a, b = (tuple(t._aval().shape) for t in (c, r))
            if a != b:
                import torchlike as torch

                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {torch.Size(a)} and output[{i}] has a shape "
                    f"of {torch.Size(b)}."
                )
        with Follow() as again:
            again.ends = list(follow.ends)
            found = again.gradients(roots, handles, given)
            found = [again.end(zeros_like(h) if g is None else g) for h, g in zip(handles, found, strict=True)]
        return tree.tree_unflatten(found, spec)

    return (finished, pull, aux) if has_aux else (finished, pull)


def _check_tangents(primals: tuple, tangents: Any) -> list:
    leaves, spec = tree.tree_flatten(primals)
    given, tangent_spec = tree.tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For example, "
            f"if primals is a tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and "
            f"tangents with structure {tangent_spec}"
        )
    for name, parts in (("primals", leaves), ("tangents", given)):
        if not parts:
            raise RuntimeError(f"jvp(f, primals, tangents): Expected {name} to contain at least one Tensor.")
        for x in parts:
            if not isinstance(x, Variable):
                raise RuntimeError(
                    f"jvp(f, primals, tangents): Expected {name} to only contain Tensors, got {type(x)}"
                )
    for p, t in zip(leaves, given, strict=True):
        a, b = list(p._aval().shape), list(t._aval().shape)
        if a != b:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                f"not supported. Tensor is of size {a} while the given forward gradient is of size {b}."
            )
    return [t.to(p.dtype) for p, t in zip(leaves, given, strict=True)]


def _moving(level: forward.Level, primals: Any, tangents: list) -> tuple[Any, list]:
    """(the nest of primals that move with these tangents, the values that move)."""
    leaves, spec = tree.tree_flatten(primals)
    duals = [level.dual(batching.lift(p), t) for p, t in zip(leaves, tangents, strict=True)]
    return tree.tree_unflatten(duals, spec), [d._read() for d in duals]


def _split(value: Any, has_aux: bool, told: str) -> tuple[Any, Any]:
    """(value, aux) of what a function returned."""
    if not has_aux:
        return value, None
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(f"{told}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return value


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(func(*primals), the Jacobian-vector product with the tangents), and aux with `has_aux`.

    `func` runs once, and each of its operations is followed by its tangents (`jax.jvp`). With `strict` an output that
    does not depend on the inputs raises RuntimeError, elsewhere its product is zero.

    >>> import torchlike as torch
    >>> torch.func.jvp(torch.sin, (torch.zeros(1),), (torch.ones(1),))
    (tensor([0.]), tensor([1.]))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    given = _check_tangents(primals, tangents)
    told = "jvp(f, primals, tangents)"
    with forward.level() as level, batching.transform():
        moving, _ = _moving(level, primals, given)
        value, aux = _split(func(*moving), has_aux, told)
        outs, spec = _tensors(value, told)
        made = [level.tangent(out) for out in outs]
        if strict and any(t is None for t in made):
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not "
                "allowed with strict=True."
            )
    made = [_tangent_of(out, t) for out, t in zip(outs, made, strict=True)]
    pushed = tree.tree_unflatten(made, spec)
    return (value, pushed, aux) if has_aux else (value, pushed)


def pushed(func: Callable, primals: tuple, has_aux: bool, told: str) -> tuple:
    """(value, aux, a function from flat tangents to the nest of Jacobian-vector products); `func` runs once."""
    with forward.level(keep=True) as level, batching.transform():
        moving, start = _moving(level, primals, [zeros_like(p) for p in tree.tree_leaves(primals)])
        value, aux = _split(func(*moving), has_aux, told)
        outs, spec = _tensors(value, told)
        ends = [out._read() for out in outs]
        plain = [batching.snapshot(out) for out in outs]

    def push(tangents: list) -> Any:
        found = level.again(start, tangents, ends)
        return tree.tree_unflatten([_tangent_of(o, t) for o, t in zip(plain, found, strict=True)], spec)

    return value, aux, push


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """(func(*primals), a function from tangents to the Jacobian-vector product).

    `func` runs once; the function may be called again with other tangents, and keeps what it needs for that alive.

    >>> import torchlike as torch
    >>> value, push = torch.func.linearize(torch.sin, torch.zeros(2))
    >>> push(torch.ones(2))
    tensor([1., 1.])
    """
    leaves, spec = tree.tree_flatten(primals)
    value, _, push = pushed(func, primals, False, "linearize(f, *primals)")

    def apply_linear(*tangents: Any) -> Any:
        """The Jacobian-vector product with these tangents."""
        given, given_spec = tree.tree_flatten(tangents)
        if given_spec != spec:
            raise RuntimeError(
                f"Expected the tangents {given_spec} to have the same argspec as the primals {spec}"
            )
        for i, (p, t) in enumerate(zip(leaves, given, strict=True)):
            for name, a, b in (("shape", t.shape, p.shape), ("dtype", t.dtype, p.dtype)):
                if a != b:
                    raise RuntimeError(
                        f"tangent:{i} with {name} {a} in flattened pytree doesn't match the {name} {b} of the "
                        "corresponding primal."
                    )
        return push(given)

    return value, apply_linear
