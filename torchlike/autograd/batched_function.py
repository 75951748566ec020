"""An autograd.Function under `vmap`: its own rule for a batch, or its methods mapped."""

from __future__ import annotations

from typing import Any, NamedTuple

from torchlike.core import batching
from torchlike.core.variable import Variable
from torchlike.utils import _pytree as tree

_MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What a `vmap` staticmethod is told."""

    batch_size: int
    randomness: str


def call(cls: Any, base: Any, args: tuple, level: batching.Level) -> Any:
    """The result of a Function on tensors inside `level`, computed on the tensors behind."""
    own = cls.vmap is not base.vmap
    if own and cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid "
            f"ambiguity. {_MORE}"
        )
    if not own and not cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement "
            f"the vmap staticmethod or set generate_vmap_rule=True. {_MORE}"
        )
    pairs = [batching.behind(a, level) if isinstance(a, Variable) else (a, False) for a in args]
    tensors, spread = [p[0] for p in pairs], [p[1] for p in pairs]
    in_dims = tuple([0 if s else None for s in spread])
    with batching.below(level):
        if not any(spread):
            result = cls.apply(*tensors)
            out_dims: Any = tree.tree_map(lambda x: None, result)
        elif own:
            result, out_dims = _two(cls.vmap(VmapInfo(level.size, level.randomness), in_dims, *tensors))
        else:
            mapped = _mapped(cls, base, tuple(spread), level)
            result = mapped.apply(*tensors)
            out_dims = mapped.out_dims
    return _inside(result, out_dims, tensors, args, level)


def _two(result: Any) -> tuple:
    told = (
        "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible "
        "with the output. "
    )
    if not isinstance(result, tuple):
        raise RuntimeError(f"{told}Got a {type(result)} instead")
    if len(result) != 2:
        raise RuntimeError(f"{told}Got {len(result)} returns instead")
    return result


def _inside(result: Any, out_dims: Any, tensors: list, args: tuple, level: batching.Level) -> Any:
    """What was computed behind, as the function under `vmap` sees it; an input that was written into stays itself."""
    leaves, spec = tree.tree_flatten(result)
    dims = [None] * len(leaves) if out_dims is None else tree._broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise RuntimeError(
            "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
            f"out_dims={out_dims} to be compatible with the structure of `output`. out_dims has structure "
            f"{tree.tree_structure(out_dims)} but output has structure {spec}. {_MORE}"
        )
    made: list[Any] = []
    for x, d in zip(leaves, dims, strict=True):
        if not isinstance(x, Variable):
            made.append(x)
            continue
        there: Any = x if d in (0, None) else x.movedim(d, 0)  # type: ignore[attr-defined]
        seen = batching.inside(there, level.depth, d is not None)
        given = next((a for t, a in zip(tensors, args, strict=True) if t is x), None)
        if given is not None:
            given._cell.set(seen._read())
            seen = given
        made.append(seen)
    return tree.tree_unflatten(made, spec)


def _mapped(cls: Any, base: Any, spread: tuple[bool, ...], outer: batching.Level) -> Any:
    """The Function whose methods are those of `cls`, each under a `vmap` of its own."""
    size, randomness = outer.size, outer.randomness

    def enter(xs: Any, has: Any, level: batching.Level) -> list:
        return [
            batching.inside(x, level.depth, s) if isinstance(x, Variable) else x for x, s in zip(xs, has, strict=True)
        ]

    def leave(xs: Any, level: batching.Level) -> tuple[list, list]:
        pairs = [batching.behind(x, level) if isinstance(x, Variable) else (x, False) for x in xs]
        return [p[0] for p in pairs], [p[1] for p in pairs]

    def whole(x: Any, has: bool) -> Any:
        return x if has or x is None else x.expand(size, *x.shape)

    class Mapped(base):
        generate_vmap_rule = True
        out_dims: Any = None
        spread_out: list = []  # noqa: RUF012  written by forward

        @staticmethod
        def forward(*args):
            with batching.another(size, randomness) as level:
                result = cls.forward(*enter(args, spread, level))
                outs, Mapped.spread_out = leave(result if isinstance(result, tuple) else [result], level)
            dims = [0 if s else None for s in Mapped.spread_out]
            Mapped.out_dims = tuple(dims) if isinstance(result, tuple) else dims[0]
            return tuple(outs) if isinstance(result, tuple) else outs[0]

        @staticmethod
        def setup_context(ctx, inputs, output):
            outputs = output if isinstance(output, tuple) else (output,)
            inner = cls._backward_cls()
            inner.needs_input_grad = ctx.needs_input_grad
            with batching.another(size, randomness) as level:
                seen_in = enter(inputs, spread, level)
                seen_out = enter(outputs, Mapped.spread_out, level)
                cls.setup_context(inner, tuple(seen_in), tuple(seen_out) if isinstance(output, tuple) else seen_out[0])
                same = {id(s): x for s, x in zip((*seen_in, *seen_out), (*inputs, *outputs), strict=True)}
                kept, ctx._spread_saved = leave(inner.to_save, level)
                kept_forward, ctx._spread_forward = leave(inner.saved_for_forward or (), level)
                kept = [same.get(id(s), k) for s, k in zip(inner.to_save, kept, strict=True)]
            ctx.save_for_backward(*kept)
            if inner.saved_for_forward is not None:
                ctx.save_for_forward(*kept_forward)
            ctx.mark_dirty(*[same[id(t)] for t in inner.dirty_tensors])
            ctx.mark_non_differentiable(*[same[id(t)] for t in inner.non_differentiable])
            ctx.set_materialize_grads(inner.materialize_grads)
            inner.to_save, inner.saved_for_forward = (), None
            ctx._inner = inner

        @staticmethod
        def backward(ctx, *grads):
            with batching.another(size, randomness) as level:
                inner = ctx._inner
                inner._kept = [_Seen(t) for t in enter(ctx.saved_tensors, ctx._spread_saved, level)]
                has = [g is not None and s for g, s in zip(grads, Mapped.spread_out, strict=True)]
                made = backward_of(cls)(inner, *enter(grads, has, level))
                found, has = leave(made if isinstance(made, tuple) else [made], level)
            fitted = []
            for i, (g, s) in enumerate(zip(found, has, strict=True)):
                if isinstance(g, Variable) and i < len(spread):
                    g = whole(g, s) if spread[i] else g.sum(0) if s else g * size
                fitted.append(g)
            return tuple(fitted)

        @staticmethod
        def jvp(ctx, *tangents):
            with batching.another(size, randomness) as level:
                inner = ctx._inner
                saved = ctx.saved_for_forward
                if saved is not None:
                    inner.saved_for_forward = tuple(enter(saved, ctx._spread_forward, level))
                inner._in_jvp = True
                has = [t is not None and s for t, s in zip(tangents, spread, strict=True)]
                made = cls.jvp(inner, *enter(tangents, has, level))
                found, has = leave(made if isinstance(made, tuple) else [made], level)
            outs = [whole(t, h) if o else t for t, h, o in zip(found, has, Mapped.spread_out, strict=True)]
            return tuple(outs) if isinstance(made, tuple) else outs[0]

    from torchlike.autograd.function import _backward_of as backward_of

    Mapped.__name__ = f"Vmapped{cls.__name__}"
    return Mapped


class _Seen:
    """A saved tensor inside the `vmap` of one backward."""

    def __init__(self, tensor: Any):
        self.tensor = tensor

    def take(self) -> Any:
        return self.tensor
