"""Recurrent layers: their derivative, which is written out, against JAX's of a plain loop, to all orders and modes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import torchlike
from torchlike.ops import recurrent

MODES = ["LSTM", "LSTM projected", "GRU", "RNN_TANH", "RNN_RELU"]
LENGTHS = [4, 1, 3]
T, N, WIDTH, HIDDEN, OUT = 4, 3, 2, 3, 2


def _arrays(name: str) -> tuple[str, list]:
    """The mode and what `recurrent_layer` takes before it."""
    rng = np.random.default_rng(0)
    mode, *projected = name.split()
    rows, out = recurrent.GATES[mode] * HIDDEN, OUT if projected else HIDDEN
    shapes = [(T, N, WIDTH), (N, out), (N, HIDDEN), (rows, WIDTH), (rows, out), (rows,), (rows,), (out, HIDDEN)]
    arrays = [jnp.asarray(rng.standard_normal(s)) for s in shapes]
    if mode != "LSTM":
        arrays[2] = None
    return mode, arrays if projected else [*arrays[:-1], None]


def _plain(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, mode, reverse, lengths):
    """The same as a loop of cells, whose derivative is JAX's."""

    def step(state, at):
        t, x = at
        parts = (jnp.split(y, recurrent.GATES[mode], -1) for y in (x @ w_ih.T + b_ih, state[0] @ w_hh.T + b_hh))
        h, c, _ = recurrent._step(mode, *parts, *state)
        new = (h if w_hr is None else h @ w_hr.T, c)
        inside = (t < lengths)[:, None]
        kept = jax.tree.map(lambda a, b: jnp.where(inside, a, b), new, state)
        return kept, jnp.where(inside, new[0], 0)

    (h, c), outputs = lax.scan(step, (h, c), (jnp.arange(len(x)), x), reverse=reverse)
    return (outputs, h) if c is None else (outputs, h, c)


def _derivatives(layer, arrays):
    """The layer's values, tangents and gradients, and gradients and tangents of a function of the gradients."""
    moving = [i for i, a in enumerate(arrays) if a is not None]
    directions = tuple(jnp.cos(jnp.arange(arrays[i].size)).reshape(arrays[i].shape) for i in moving)

    def f(*given):
        full = [None] * len(arrays)
        for i, a in zip(moving, given, strict=True):
            full[i] = a
        return layer(*full)

    def loss(*given):
        return sum((jnp.sin(y) * (i + 1)).sum() for i, y in enumerate(f(*given)))

    given = tuple(arrays[i] for i in moving)
    gradients = jax.grad(loss, tuple(range(len(given))))

    def second(*given):
        return sum((g**2).sum() for g in gradients(*given))

    batch = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), given)
    return (jax.jvp(f, given, directions), gradients(*given), jax.grad(second, tuple(range(len(given))))(*given),
            jax.jvp(gradients, given, directions), jax.vmap(gradients)(*batch))  # fmt: skip


@pytest.mark.parametrize(("lengths", "reverse"), [(None, False), (LENGTHS, True)], ids=["", "lengths, reversed"])
@pytest.mark.parametrize("name", MODES)
def test_derivatives_are_those_of_a_plain_loop(name, lengths, reverse):
    with jax.enable_x64(True):
        mode, arrays = _arrays(name)
        n = None if lengths is None else jnp.asarray(lengths)
        every = jnp.full(N, T) if n is None else n

        @jax.jit
        def both(*arrays):
            return (_derivatives(lambda *a: recurrent.recurrent_layer(*a, mode, reverse, n), arrays),
                    _derivatives(lambda *a: _plain(*a, mode, reverse, every), arrays))  # fmt: skip

        for a, b in zip(*map(jax.tree.leaves, both(*arrays)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layer", [
    lambda t, **k: t.nn.LSTM(2, 3, num_layers=2, proj_size=2, **k),
    lambda t, **k: t.nn.GRU(2, 2, bidirectional=True, **k),
    lambda t, **k: t.nn.RNN(2, 3, **k),
])  # fmt: skip
def test_gradcheck(layer):
    """A layer's derivatives towards the input and the weights are what differences show."""
    torchlike.manual_seed(0)
    net = layer(torchlike, dtype=torchlike.float64)
    names, weights = zip(*net.named_parameters(), strict=True)
    x = torchlike.randn(3, 2, 2, dtype=torchlike.float64, requires_grad=True)

    def call(x, *weights):
        return torchlike.func.functional_call(net, dict(zip(names, weights, strict=True)), (x,))[0]

    given = (x, *(w.detach().requires_grad_() for w in weights))
    check = torchlike.autograd
    assert check.gradcheck(call, given, fast_mode=True, check_forward_ad=True, check_batched_grad=True)
    assert check.gradgradcheck(call, given, fast_mode=True, check_fwd_over_rev=True)
