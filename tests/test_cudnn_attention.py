"""Attention by cuDNN's kernel, as far as it can be tested without a GPU: when it is chosen, what a GPU would be given
(by lowering for one), and, with XLA's implementation in place of cuDNN's, the conversions around the call."""

from __future__ import annotations

import functools
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.cudnn import fused_attention_stablehlo
from jax.extend.core import jaxpr_as_fun

import torchlike
from torchlike.backends.cuda import fused_sdp_enabled
from torchlike.core.batching import BatchedOp
from torchlike.core.device import cpu, device, x64
from torchlike.core.forward import JvpOp
from torchlike.core.op import SLOT
from torchlike.core.spec import Spec
from torchlike.core.value import aval
from torchlike.nn.attention import SDPBackend, sdpa_kernel
from torchlike.ops import attention, cudnn_attention

GPU = device("cuda", 0)
Q = (2, 4, 128, 64)


def _array(shape, dtype="bfloat16"):
    return SimpleNamespace(shape=shape, dtype=jnp.dtype(dtype), ndim=len(shape), size=int(np.prod(shape)))


# query, key, value, then options
FITS = {
    "plain": (Q, Q, Q, {}),
    "causal": (Q, Q, Q, {"causal": True}),
    "float16": (Q, Q, Q, {"dtype": "float16"}),
    "other length": (Q, (2, 4, 78, 64), (2, 4, 78, 64), {}),
    "odd length": (Q, (2, 4, 77, 64), (2, 4, 77, 64), {}),
    "odd lengths, causal": ((2, 4, 127, 64),) * 3 + ({"causal": True},),
    "odd lengths, a mask": ((2, 4, 127, 64),) * 3 + ({"mask": ((127, 127), "bfloat16")},),
    "grouped": (Q, (2, 2, 128, 64), (2, 2, 128, 64), {}),
    "one head for all": (Q, (2, 1, 128, 64), (2, 1, 128, 64), {}),
    "no heads": (Q[2:], Q[2:], Q[2:], {}),
    "no batch": (Q[1:], Q[1:], Q[1:], {}),
    "two batches": ((3, *Q), (3, *Q), (3, *Q), {}),
    "booleans": (Q, Q, Q, {"mask": ((128, 128), "bool")}),
    "padding": (Q, Q, Q, {"mask": ((2, 1, 1, 128), "bool")}),
    "numbers": (Q, Q, Q, {"mask": ((4, 128, 128), "bfloat16")}),
}
ELSE = {
    "float32": (Q, Q, Q, {"dtype": "float32"}),
    "float64": (Q, Q, Q, {"dtype": "float64"}),
    "causal, other length": (Q, (2, 4, 78, 64), (2, 4, 78, 64), {"causal": True}),
    "other values": (Q, Q, (2, 4, 128, 32), {}),
    "a batch of one": (Q, (1, 4, 128, 64), (1, 4, 128, 64), {}),
    "other batches": (Q, Q[1:], Q[1:], {}),
    "keys and values grouped otherwise": (Q, (2, 2, 128, 64), Q, {}),
    "more keys": ((2, 1, 128, 64), Q, Q, {}),
    "nothing": ((0, 4, 128, 64), (0, 4, 128, 64), (0, 4, 128, 64), {}),
    "no keys": (Q, (2, 4, 0, 64), (2, 4, 0, 64), {}),
    "upside down": (Q, Q, Q, {"scale": -1.0}),
    "finer numbers": (Q, Q, Q, {"mask": ((128, 128), "float32")}),
    "a larger mask": (Q, Q, Q, {"mask": ((3, 1, 1, 128, 128), "bool")}),
    "a mask for more": ((1, *Q[1:]), (1, *Q[1:]), (1, *Q[1:]), {"mask": ((2, 1, 128, 128), "bool")}),
}


@pytest.mark.parametrize("name", [*FITS, *ELSE])
def test_the_kernel_computes_what_pytorch_does(name):
    *three, options = {**FITS, **ELSE}[name]
    mask = options.get("mask") and _array(*options["mask"])
    three = [_array(shape, options.get("dtype", "bfloat16")) for shape in three]
    assert cudnn_attention.fits(*three, mask, options.get("causal", False), options.get("scale", 0.1)) == (name in FITS)


def _use(shapes=(Q, Q, Q), mask=None, causal=False, grouped=False, fused=True, dtype="bfloat16", where=GPU) -> Spec:
    """`F.scaled_dot_product_attention` of these shapes as it is recorded."""
    template = (SLOT, SLOT, SLOT, mask and SLOT, None, 0.0, causal, None, grouped, fused)
    avals = [aval(shape, jnp.dtype(dtype), where) for shape in shapes]
    avals += [aval(mask[0], jnp.dtype(mask[1]), where)] if mask else []
    return Spec(attention.scaled_dot_product_attention.op, template, tuple(avals), where)


def _gradient(use: Spec) -> Spec:
    wanted = tuple([a.inexact for a in use.avals])
    rule = use.vjp(wanted)
    inputs = [use.avals[i] for i in rule.needed]
    return Spec(rule.op((True,) * len(use.outs)), (SLOT,) * (len(inputs) + 1), (*inputs, *use.outs), use.device)


def _lowered(use: Spec) -> str:
    """What XLA is given for an NVIDIA GPU."""
    with x64():
        traced = jax.jit(jaxpr_as_fun(use.closed)).trace(*[a.struct for a in use.avals])
        return traced.lower(lowering_platforms=("cuda",)).as_text()


def _kernels(text: str) -> list[str]:
    return re.findall(r"custom_call @__cudnn\$(\w+)", text)


def _holds_weights(text: str, queries: int = 128, keys: int = 128) -> bool:
    queries, keys = queries + queries % 2, keys + keys % 2
    return re.search(rf"tensor<[x\d]*{queries}x{keys}x(f16|bf16|f32)>", text) is not None


@pytest.fixture
def gpu(monkeypatch):
    """A machine whose GPU has a kernel for whatever JAX lets through."""
    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", lambda: 91100)
    monkeypatch.setattr(cudnn_attention, "accepted", lambda *use: True)


@pytest.mark.parametrize("name", [name for name, case in FITS.items() if case[3].get("mask") is None])
@pytest.mark.usefixtures("gpu")
def test_a_gpu_is_given_the_kernel_and_no_weights(name):
    *shapes, options = FITS[name]
    use = _use(shapes, causal=options.get("causal", False), grouped=name == "grouped",
               dtype=options.get("dtype", "bfloat16"))  # fmt: skip
    queries, keys = shapes[0][-2], shapes[1][-2]
    text = _lowered(use)
    assert ("PADDING" in text) == (name == "odd length")
    assert _kernels(text) == ["fmhaSoftmax"]
    assert not _holds_weights(text, queries, keys)
    assert "dot_general" not in text
    assert ("CAUSAL" in text) == ("causal" in name)
    text = _lowered(_gradient(use))
    assert _kernels(text) == ["fmhaSoftmax", "fmhaSoftmaxBackward"]
    assert not _holds_weights(text, queries, keys)
    assert "dot_general" not in text


@pytest.mark.parametrize("name", [name for name, case in FITS.items() if case[3].get("mask")])
@pytest.mark.usefixtures("gpu")
def test_a_mask_is_added_in_the_kernel(name):
    *shapes, options = FITS[name]
    use = _use(shapes, options["mask"])
    assert _kernels(_lowered(use)) == ["fmhaScaleBiasSoftmax"]
    text = _lowered(_gradient(use))
    assert _kernels(text) == ["fmhaScaleBiasSoftmax", "fmhaScaleBiasSoftmaxBackward"]
    assert "dot_general" not in text


@pytest.mark.usefixtures("gpu")
def test_a_forward_and_its_backward_pass_share_the_kernel():
    """In one program the weights' sums, which the backward part reads, are not made again."""
    rule = _use(causal=True).vjp((True, True, True))

    def both(*inputs):
        y, pullback = rule.push(inputs)
        return y, rule.pull(pullback, [y])

    structs = [jax.ShapeDtypeStruct(Q, "bfloat16")] * 3
    text = jax.jit(both).trace(*structs).lower(lowering_platforms=("cuda",)).as_text()
    assert _kernels(text) == ["fmhaSoftmax", "fmhaSoftmaxBackward"]


@pytest.mark.usefixtures("gpu")
def test_other_transformations_are_of_the_formula():
    use = _use(causal=True)
    second = _gradient(_gradient(use))
    forward = Spec(JvpOp(use, (True,) * 3), (SLOT,) * 6, use.avals * 2, GPU)
    batch = aval((5, *Q), jnp.dtype("bfloat16"), GPU)
    several = Spec(BatchedOp(use, (True, False, False)), (SLOT,) * 3, (batch, *use.avals[1:]), GPU)
    for other in second, forward, several, _gradient(several):
        assert _holds_weights(_lowered(other))


@pytest.mark.parametrize(
    "options",
    [{"fused": False}, {"where": cpu}, {"dtype": "float32"}, {"mask": ((128, 128), "float32")}],
    ids=["not allowed", "CPU", "float32", "mask in float32"],
)
@pytest.mark.usefixtures("gpu")
def test_elsewhere_it_is_the_formula(options):
    assert not _kernels(_lowered(_use(**options)))


def test_what_jax_and_the_compiler_refuse_is_not_accepted(monkeypatch):
    """There is no cuDNN here: JAX says so, and where it is made to think otherwise, the compiler does."""
    monkeypatch.setattr(cudnn_attention, "sharding", lambda where: jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    ask = cudnn_attention.accepted.__wrapped__
    monkeypatch.setattr(cudnn_attention, "accepted", ask)
    given = ((Q, jnp.dtype("bfloat16")),) * 3
    assert not ask(GPU, True, 0.1, given)
    assert not _kernels(_lowered(_use()))
    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", lambda: 91100)
    assert not ask(GPU, True, 0.1, given)
    assert not _kernels(_lowered(_use()))
    compiled = []
    monkeypatch.setattr(jax, "jit", lambda f: SimpleNamespace(lower=functools.partial(_pretend, compiled, f)))
    assert ask(GPU, True, 0.1, given)
    assert len(compiled) == 1
    for shape in (2, 4, 128, 512), (2, 4, 128, 60):  # too wide, no multiple of 8
        assert not ask(GPU, True, 0.1, ((shape, jnp.dtype("bfloat16")),) * 3)
        assert len(compiled) == 1


def _pretend(compiled, f, *structs):
    jax.eval_shape(f, *structs)
    return SimpleNamespace(compile=lambda: compiled.append(f))


def test_the_formula_can_be_asked_for():
    assert fused_sdp_enabled()
    with sdpa_kernel(SDPBackend.MATH):
        assert not fused_sdp_enabled()
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.CUDNN_ATTENTION]):
        assert fused_sdp_enabled()
    assert fused_sdp_enabled()


def test_a_captured_function_follows_the_switch():
    attend = torchlike.nn.functional.scaled_dot_product_attention
    f = torchlike.compile(lambda x: attend(x, x, x), fullgraph=True)
    x = torchlike.ones(2, 4, 8)
    f(x)
    with sdpa_kernel(SDPBackend.MATH):
        assert f(x).equal(x)
        assert f(x).equal(x)
    assert f(x).equal(x)


def _masks(queries: int, keys: int, *batch) -> dict:
    rng = np.random.default_rng(3)
    seen = rng.random((*batch, queries, keys)) > 0.4
    seen[..., -1, :] = False  # the last query is blind
    added = rng.standard_normal(seen.shape).astype("float32")
    padded = np.ones((*batch[:1], *[1] * len(batch[1:]), 1, keys), bool)
    padded[..., -2:] = False
    made = {"booleans": seen, "padding": padded, "numbers": added, "infinite": np.where(seen, added, -np.inf)}
    return {name: jnp.asarray(mask) for name, mask in made.items()}


@pytest.mark.parametrize("kind", ["none", "causal", "booleans", "padding", "numbers", "infinite"])
@pytest.mark.parametrize(
    ("batch", "key_batch", "mask_batch", "lengths"),
    [
        ((), (), (), (5, 7)),
        ((3,), (3,), (3,), (6, 8)),
        ((2, 4), (2, 4), (2, 1), (5, 7)),
        ((2, 4), (2, 4), (), (1, 8)),
        ((2, 4), (2, 2), (1, 4), (6, 7)),
        ((3, 2, 4), (3, 2, 4), (3, 1, 4), (5, 8)),
        ((3, 2, 4), (3, 2, 1), (2, 4), (6, 8)),
    ],
)
def test_around_the_call_everything_is_as_pytorch_has_it(batch, key_batch, mask_batch, kind, lengths, monkeypatch):
    """Values and gradients, with XLA's implementation in place of cuDNN's and in float32, where it can be seen."""
    monkeypatch.setitem(cudnn_attention.HIDDEN, "float32", -1e30)
    rng = np.random.default_rng(0)
    causal = kind == "causal"
    queries, keys = lengths[0], lengths[0] if causal else lengths[1]
    shapes = (*batch, queries, 8), (*key_batch, keys, 8), (*key_batch, keys, 8)
    moving = [jnp.asarray(rng.standard_normal(shape), "float32") for shape in shapes]
    mask = _masks(queries, keys, *mask_batch).get(kind)
    assert cudnn_attention.fits(*moving, mask, causal, 0.3)
    still = [mask] if kind in ("booleans", "padding") else []
    moving += [mask] if kind in ("numbers", "infinite") else []
    cotangent = jnp.asarray(rng.standard_normal(shapes[0]), "float32")

    def of(way):
        y, pullback = jax.vjp(lambda *moving: way(*moving, *still), *moving)
        return y, pullback(cotangent)

    theirs = of(functools.partial(cudnn_attention.attention, causal, 0.3, implementation="xla"))
    plain = of(functools.partial(attention.formula, causal, 0.3, batch != key_batch))
    for a, b in zip(jax.tree.leaves(theirs), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_in_halves_it_is_as_exact_as_halves_are(monkeypatch):
    """The function that is recorded, run on the CPU with XLA's implementation: value and first gradient."""
    monkeypatch.setattr(cudnn_attention, "accepted", lambda *use: True)
    swapped = functools.partial(cudnn_attention.attention, implementation="xla")
    monkeypatch.setattr(cudnn_attention, "attention", swapped)
    shapes = ((2, 4, 32, 16), (2, 2, 32, 16), (2, 2, 32, 16))
    fused, plain = (_use(shapes, ((32, 32), "bool"), grouped=True, where=where) for where in (GPU, cpu))
    rng = np.random.default_rng(0)
    inputs = [jnp.asarray(rng.standard_normal(s), "bfloat16") for s in shapes]
    inputs.append(jnp.asarray(np.tri(32, k=-1), bool))  # the first query is blind
    with x64():
        for one, other in ((fused, plain), (_gradient(fused), _gradient(plain))):
            cotangents = [jnp.ones(fused.outs[0].shape, "bfloat16")] if one is not fused else []
            outs = [use.fn(*inputs, *cotangents) for use in (one, other)]
            assert "fused" in str(one.closed)
            assert "fused" not in str(other.closed)
            for a, b in zip(*map(jax.tree.leaves, outs), strict=True):
                a, b = (np.asarray(x, "float32") for x in (a, b))
                np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02 * abs(b).max())
    assert not np.asarray(fused.fn(*inputs), "float32")[:, :, 0].any()


def test_on_the_cpu_nothing_asks_for_a_kernel(monkeypatch):
    monkeypatch.setattr(cudnn_attention, "fits", None)
    x = torchlike.ones(1, 2, 8, 8, dtype=torchlike.bfloat16)
    assert torchlike.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True).sum().item() == 128
