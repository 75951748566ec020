"""Operations whose derivative is written out: to all orders and in all modes that of the plain formula."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from torchlike.core.kernel import fused
from torchlike.ops.attention import attended
from torchlike.ops.normalization import standardized

N, L, S, E = 3, 5, 6, 4


def _arrays(*shapes):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal(shape)) for shape in shapes]


def _plain_attention(causal, kept, seen, query, key, value, mask=None):
    scores = jnp.einsum("nqd,nkd->nqk", query, key)
    scores = scores if mask is None else scores + mask
    seen = jnp.tri(L, S, dtype=bool) if causal else jnp.ones((L, S), bool) if seen is None else seen
    odds = jnp.where(seen, jnp.exp(scores), 0)
    total = odds.sum(-1, keepdims=True)
    chances = odds / jnp.where(total == 0, 1, total)
    return jnp.einsum("nqk,nkd->nqd", chances if kept is None else chances * kept, value)


def _plain_norm(eps, x):
    d = x - x.mean((1, 2), keepdims=True)
    return d / jnp.sqrt((d * d).mean((1, 2), keepdims=True) + eps)


def _attention(name):
    rng = np.random.default_rng(1)
    *three, mask = _arrays((N, L, E), (N, S, E), (N, S, E), (L, S))
    kept = jnp.asarray(rng.random((N, L, S)) < 0.7) / 0.7 if "dropout" in name else None
    causal = "causal" in name
    if "added" in name:
        ours = lambda q, k, v, m: attended(causal, q, k, v, m, kept)  # noqa: E731
        return ours, functools.partial(_plain_attention, causal, kept, None), [*three, mask]
    seen = (mask > 0).at[2].set(False) if "mask" in name else None  # the third query is blind
    ours = lambda q, k, v: attended(causal, q, k, v, seen, kept)  # noqa: E731
    return ours, functools.partial(_plain_attention, causal, kept, seen), three


def _fused(still):
    """What a kernel computes that has a gradient, and no other derivative, of its own."""
    seen = [jnp.asarray(np.random.default_rng(1).random((L, S)) < 0.7)] if still else []
    plain = functools.partial(_plain_attention, False, None)
    arrays = _arrays((N, L, E), (N, S, E), (N, S, E), *[] if still else [(L, S)])

    def formula(query, key, value, mask):
        return plain(mask, query, key, value) if still else plain(None, query, key, value, mask)

    @jax.custom_vjp
    def kernel(*args):
        return formula(*args)

    kernel.defvjp(lambda *args: (formula(*args), args), lambda args, d: jax.vjp(formula, *args)[1](d))
    return (lambda *args: fused(kernel, formula)(*args, *seen)), (lambda *args: formula(*args, *seen)), arrays


def _cases():
    for name in ("attention", "attention causal", "attention mask", "attention added", "attention dropout",
                 "attention causal dropout"):  # fmt: skip
        yield pytest.param(lambda name=name: _attention(name), id=name)
    yield pytest.param(
        lambda: (lambda x: standardized((1, 2), 1e-3, x), lambda x: _plain_norm(1e-3, x), _arrays((N, L, E))), id="norm"
    )
    yield pytest.param(lambda: _fused(False), id="kernel")
    yield pytest.param(lambda: _fused(True), id="kernel, not differentiable in all")


@pytest.mark.parametrize("case", [*_cases()])
def test_a_written_derivative_is_that_of_the_plain_formula(case):
    def all_of(f):
        def loss(*args):
            return jnp.sin(f(*args)).sum()

        def whole(*args):
            places = tuple(range(len(args)))
            first = jax.grad(loss, places)
            second = jax.grad(lambda *args: sum((g**2).sum() for g in first(*args)), places)
            several = jax.vmap(first)(*[jnp.stack([a, a + 1]) for a in args])
            jacobian = jax.jacrev(f, places)(*args)
            return f(*args), jax.jvp(f, args, args), first(*args), second(*args), several, jacobian, \
                jax.jvp(first, args, args)  # fmt: skip

        return jax.jit(whole)

    with jax.enable_x64(True):
        ours, plain, args = case()
        for a, b in zip(jax.tree.leaves(all_of(ours)(*args)), jax.tree.leaves(all_of(plain)(*args)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * float(abs(b).max()))
