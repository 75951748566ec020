"""The CPU's formulations (ops/lowering.py): XLA's own numbers to all orders, chosen where they should be, small."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchlike
from torchlike.core import op, platform
from torchlike.core.device import cpu, x64
from torchlike.core.spec import spec
from torchlike.ops import lowering

# shape of the input (N, *, C), of the kernel (*, C, O), strides, padding, dilation
PRODUCTS = {
    "few channels": ((6, 9, 8, 3), (3, 2, 3, 4), (1, 1), [(0, 0), (0, 0)], (1, 1)),
    "padded, dilated": ((6, 9, 8, 2), (3, 3, 2, 5), (1, 1), [(2, 1), (0, 3)], (2, 1)),
    "strides": ((4, 9, 7, 8), (3, 3, 8, 4), (2, 1), [(1, 1), (1, 1)], (1, 2)),
    "1 by 1": ((6, 5, 5, 12), (1, 1, 12, 7), (2, 2), [(1, 0), (0, 0)], (1, 1)),
    "an image": ((6, 9, 8, 3), (3, 3, 3, 16), (1, 1), [(1, 1), (1, 1)], (1, 1)),
    "one dimension": ((6, 20, 2), (5, 2, 3), (2,), [(2, 2)], (1,)),
    "three dimensions": ((4, 5, 6, 4, 2), (2, 3, 2, 2, 3), (1, 2, 1), [(1, 0), (1, 1), (0, 0)], (1, 1, 2)),
}


def _convolution(which, x, kernel, strides, padding, dilation):
    n = len(strides)
    spec = (0, n + 1, *range(1, n + 1)), (n + 1, n, *range(n)), (0, n + 1, *range(1, n + 1))
    dims = jax.lax.ConvDimensionNumbers(*spec)
    return which(x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=dims)


def _primitives(jaxpr) -> list:
    """All equations, those of inner functions too."""
    found = []
    for eqn in jaxpr.eqns:
        found.append(eqn)
        for inner in jax.tree.leaves(list(eqn.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            found += _primitives(inner) if hasattr(inner, "eqns") else []
    return found


def _names(f, *args) -> set[str]:
    return {e.primitive.name for e in _primitives(jax.make_jaxpr(f)(*args).jaxpr)}


@pytest.mark.parametrize("chunk", [2**20, 2**12], ids=["whole", "in parts"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_a_convolution_as_a_product_is_the_convolution(name, chunk, monkeypatch):
    """Value, gradients and the gradients of the gradients, in float64."""
    monkeypatch.setattr(lowering, "CHUNK", chunk)
    shape, window, *options = PRODUCTS[name]
    rng = np.random.default_rng(0)

    def all_of(which):
        def gradients(x, w):
            return jax.value_and_grad(lambda x, w: (_convolution(which, x, w, *options) ** 3).sum(), (0, 1))(x, w)

        def second(x, w):
            return sum((g**2).sum() for g in gradients(x, w)[1])

        return lambda x, w: (_convolution(which, x, w, *options), gradients(x, w), jax.grad(second, (0, 1))(x, w))

    with jax.enable_x64(True), platform.tracing(cpu):
        x, w = jnp.asarray(rng.standard_normal(shape)), jnp.asarray(rng.standard_normal(window))
        ours = all_of(lowering.conv_general_dilated)
        names = _names(ours, x, w)
        assert "conv_general_dilated" not in names
        assert ("scan" in names) == (chunk < 2**20 and name != "1 by 1")
        for a, b in zip(jax.tree.leaves(jax.jit(ours)(x, w)),
                        jax.tree.leaves(jax.jit(all_of(jax.lax.conv_general_dilated))(x, w)), strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * float(abs(b).max()))


def test_the_columns_never_take_more_than_a_part():
    """However large the batch, no array in it is much larger than the input, the output or one part's columns."""
    x, w = jnp.zeros((512, 32, 32, 3), "float32"), jnp.zeros((5, 5, 3, 6), "float32")
    with platform.tracing(cpu):
        f = jax.make_jaxpr(jax.grad(lambda x, w: (_convolution(lowering.conv_general_dilated, x, w, (1, 1),
                                                               [(0, 0)] * 2, (1, 1)) ** 2).sum(), (0, 1)))  # fmt: skip
        sizes = [4 * math.prod(v.aval.shape) for e in _primitives(f(x, w).jaxpr) for v in e.outvars]
    assert lowering.CHUNK / 2 < max(sizes) <= 4 * 512 * 32 * 32 * 6


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 64, 12, 12), (64, 64, 3, 3), {}),  # many channels
        ((2, 16, 12, 12), (32, 16, 3, 3), {"stride": 2}),
        ((2, 3, 16, 16), (8, 3, 4, 4), {"stride": 4}),  # windows that do not overlap
        ((2, 4, 9, 9), (4, 1, 3, 3), {"groups": 4}),
        ((1, 8, 1024, 1024), (4, 8, 5, 5), {}),  # one sample's columns are too large
    ],
)
def test_elsewhere_it_is_xlas_own(shape, kernel, options):
    assert "conv_general_dilated" in _lowered(shape, kernel, **options)


def _lowered(shape, kernel, dtype=torchlike.float32, **options) -> set[str]:
    """The primitives of `F.conv2d` at these shapes."""
    x, w = torchlike.empty(shape, dtype=dtype), torchlike.empty(kernel, dtype=dtype)
    made = op.TABLE["F.conv2d"]
    template, _ = made.bind((x, w), options)
    found = spec(made, template, (x._aval(), w._aval()), cpu)
    with x64():
        return _names(found.fn, *[a.struct for a in found.avals])


def test_which_tensors_get_a_product():
    """float32 and float64 on the CPU; half precision and complex numbers keep XLA's, and so do JAX's tracers."""
    shape, kernel = (2, 3, 8, 8), (4, 3, 3, 3)
    for dtype, own in (("float32", False), ("float64", False), ("float16", True), ("complex64", True)):
        assert ("conv_general_dilated" in _lowered(shape, kernel, getattr(torchlike, dtype))) == own, dtype
    w = torchlike.ones(kernel)

    def traced(x):
        return torchlike.nn.functional.conv2d(torchlike.from_jax(x), w).jax()

    assert "conv_general_dilated" in _names(traced, jnp.zeros(shape, "float32"))
