"""Transposes put off (core/transposition.py): the same numbers, and no image written anew between neighbours."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import torchlike
from torchlike.core import program
from torchlike.core.transposition import has_convolution, put_off

N, C, SIDE = 2, 3, 6


def _conv(x, seed: int):
    """A 3-wide convolution of x (N, C, *) to as many channels, its channels last in between."""
    n = x.ndim - 2
    w = np.random.default_rng(seed).standard_normal((3,) * n + (C, C))
    spec = (0, n + 1, *range(1, n + 1)), (n + 1, n, *range(n)), (0, n + 1, *range(1, n + 1))
    y = lax.conv_general_dilated(jnp.moveaxis(x, 1, -1), jnp.asarray(w, x.dtype), (1,) * n, "SAME",
                                 dimension_numbers=lax.ConvDimensionNumbers(*spec))  # fmt: skip
    return jnp.moveaxis(y, -1, 1)


def _norm(x):
    axes = (0, *range(2, x.ndim))
    d = x - x.mean(axes, keepdims=True)
    return d * lax.rsqrt((d * d).mean(axes, keepdims=True) + 1e-3)


# what may stand between two convolutions, from (N, C, *) to (N, C, *)
STEPS = {
    "relu": lambda x: jnp.maximum(x, 0),
    "norm": _norm,
    "where": lambda x: jnp.where(x > 0.1, x, -0.5 * x),
    "clamp": lambda x: lax.clamp(-1.0, x, 1.0),
    "bias": lambda x: x + jnp.arange(C, dtype=x.dtype).reshape(C, *[1] * (x.ndim - 2)),
    "places": lambda x: x * jnp.arange(x.shape[-1], dtype=x.dtype),
    "samples": lambda x: x + jnp.arange(N, dtype=x.dtype).reshape(N, *[1] * (x.ndim - 1)),
    "halves": lambda x: jnp.concatenate([x[:, 1:], x[:, :1]], 1),
    "pad": lambda x: jnp.pad(x, [(0, 0), (0, 0), *[(1, 0)] * (x.ndim - 2)])[(..., *[slice(1, None)] * (x.ndim - 2))],
    "pool": lambda x: jax.nn.relu(
        lax.reduce_window(x, 0.0, lax.add, (1, 1, *[3] * (x.ndim - 2)), (1,) * x.ndim, "SAME")
    ),
    "softmax": lambda x: jax.nn.softmax(x, 1),
    "largest": lambda x: x - x.max((1, x.ndim - 1), keepdims=True),
    "reversed": lambda x: x[..., ::-1],
    "turned": lambda x: jnp.swapaxes(jnp.swapaxes(x, 2, x.ndim - 1) + 1, 2, x.ndim - 1),
    "flat": lambda x: jnp.cumsum(x.reshape(N, -1), 1).reshape(x.shape) * 0.1,
    "double": lambda x: x.astype("float64").astype(x.dtype),
    "jitted": lambda x: jax.jit(jnp.tanh)(x),
    "loop": lambda x: lax.fori_loop(0, 2, lambda _, y: y * 0.5 + 1, x),
    "skip": lambda x: x + _conv(x, 7),
}


def _random(seed: int):
    """A program of random steps between convolutions, with its loss and gradients, and its input."""
    rng = np.random.default_rng(seed)
    names = [str(name) for name in rng.choice(list(STEPS), rng.integers(2, 7))]
    x = jnp.asarray(rng.standard_normal((N, C, *[SIDE] * rng.integers(1, 4))))
    which = rng.random(len(names)) < 0.6

    def f(x):
        y = _conv(x, 0)
        for i, name in enumerate(names):
            y = STEPS[name](y)
            if which[i]:
                y = _conv(y, i + 1) * 0.3
        return y

    def run(x):
        loss, gradient = jax.value_and_grad(lambda x: (f(x) ** 2).mean())(x)
        return [f(x), loss, gradient, f(x).sum((0, 2))]

    return names, run, x


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_compute_the_same(seed):
    with jax.enable_x64(True):
        names, run, x = _random(seed)
        for a, b in zip(jax.jit(put_off(run))(x), jax.jit(run)(x), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9, err_msg=f"seed {seed}: {names}")


def _moved(f, *args) -> int:
    """How many arrays of more than two dimensions are transposed, kernels left out."""
    jaxpr = jax.make_jaxpr(f)(*args).jaxpr
    return sum(
        e.primitive.name == "transpose" and e.invars[0].aval.ndim > 2 and e.invars[0].aval.shape[0] == N
        for e in jaxpr.eqns
    )


def test_between_neighbours_nothing_is_written_anew():
    """Forward and backward: the image is brought into the order once, and its gradient back."""
    x = jnp.ones((N, C, SIDE, SIDE))

    def f(x):
        for i in range(4):
            x = jax.nn.relu(_norm(_conv(x, i)))
        return x.mean((2, 3))

    def loss(x):
        return jax.tree.leaves(jax.value_and_grad(lambda x: (f(x) ** 2).sum())(x))

    assert _moved(loss, x) > 12
    assert _moved(put_off(loss), x) <= 2


def test_a_convolution_is_found_in_functions_called():
    x = jnp.ones((N, C, SIDE, SIDE))
    assert has_convolution(jax.make_jaxpr(jax.jit(lambda x: _conv(x, 0)))(x).jaxpr)
    assert not has_convolution(jax.make_jaxpr(jax.jit(_norm))(x).jaxpr)


def test_a_step_with_convolutions_goes_this_way(monkeypatch):
    """The compiled program of an ordinary loop, which trains as PyTorch does it entry by entry."""
    nn, F = torchlike.nn, torchlike.nn.functional
    counted = []
    monkeypatch.setattr(program.transposition, "put_off", lambda f: counted.append(f) or put_off(f))

    def trained(eager: bool) -> list[float]:
        torchlike.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(12, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 12, 3, 2),
                            nn.MaxPool2d(2), nn.Conv2d(12, 9, 1), nn.Flatten(), nn.Linear(9, 4))  # fmt: skip
        optimizer = torchlike.optim.SGD(net.parameters(), lr=0.1)
        x, y = torchlike.randn(5, 12, 6, 6), torchlike.tensor([0, 1, 2, 3, 0])
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if eager:
                program.forget()
        return losses

    one_by_one = trained(True)
    assert not counted
    np.testing.assert_allclose(trained(False), one_by_one, rtol=1e-4)
    assert len(counted) == 1
    assert one_by_one[-1] < one_by_one[0]
