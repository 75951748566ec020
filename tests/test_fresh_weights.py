"""Every layer of torch.nn starts with PyTorch's weights and leaves the generator where PyTorch leaves it.

A row is one way to make a layer. Digests recorded from PyTorch 2.13 hold the promise where it is not installed.

    python -m tests.test_fresh_weights      # records them
"""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import torchlike

FILE = Path(__file__).parent / "data" / "fresh_weights.json"
SEED = 20
NEAR = {"parametrizations.orthogonal": 1e-6, "parametrizations.orthogonal of Conv2d": 1e-6, "init.orthogonal": 1e-6,
        "spectral_norm": 1e-6, "parametrizations.spectral_norm": 1e-6, "parametrizations.spectral_norm of Conv2d": 1e-6,
        "weight_norm": 1e-6, "parametrizations.weight_norm": 1e-6}  # fmt: skip
"""Layers whose weights are computed further by sums or LAPACK, whose last bits are the library's own."""


def _call(make, *shape):
    """A lazy layer after its first call."""

    def made(torch):
        layer = make(torch)
        layer(torch.ones(*shape))
        return layer

    return made


def _again(torch):
    layer = torch.nn.Linear(3, 4)
    layer.reset_parameters()
    return layer


def _by_init(name, *shape, **options):
    def made(torch):
        layer = torch.nn.Linear(*shape)
        getattr(torch.nn.init, name)(layer.weight, **options)
        return layer

    return made


LAYERS = {
    "Linear": lambda t: t.nn.Linear(5, 7),
    "Linear without bias": lambda t: t.nn.Linear(300, 20, bias=False),
    "Linear, float64": lambda t: t.nn.Linear(5, 7, dtype=t.float64),
    "Linear, bfloat16": lambda t: t.nn.Linear(5, 7, dtype=t.bfloat16),
    "Linear, reset": _again,
    "Bilinear": lambda t: t.nn.Bilinear(4, 5, 6),
    "Conv1d": lambda t: t.nn.Conv1d(3, 4, 5),
    "Conv2d": lambda t: t.nn.Conv2d(4, 6, 3, groups=2),
    "Conv3d": lambda t: t.nn.Conv3d(2, 3, (1, 2, 3)),
    "ConvTranspose1d": lambda t: t.nn.ConvTranspose1d(3, 4, 5),
    "ConvTranspose2d": lambda t: t.nn.ConvTranspose2d(4, 6, 3, groups=2),
    "ConvTranspose3d": lambda t: t.nn.ConvTranspose3d(2, 3, 2),
    "BatchNorm1d": lambda t: t.nn.BatchNorm1d(4),
    "BatchNorm2d": lambda t: t.nn.BatchNorm2d(4),
    "BatchNorm3d": lambda t: t.nn.BatchNorm3d(4),
    "SyncBatchNorm": lambda t: t.nn.SyncBatchNorm(4),
    "InstanceNorm1d": lambda t: t.nn.InstanceNorm1d(4, affine=True),
    "InstanceNorm2d": lambda t: t.nn.InstanceNorm2d(4, affine=True),
    "InstanceNorm3d": lambda t: t.nn.InstanceNorm3d(4, affine=True),
    "LayerNorm": lambda t: t.nn.LayerNorm((3, 4)),
    "GroupNorm": lambda t: t.nn.GroupNorm(2, 4),
    "RMSNorm": lambda t: t.nn.RMSNorm(4),
    "PReLU": lambda t: t.nn.PReLU(3),
    "Embedding": lambda t: t.nn.Embedding(11, 6),
    "Embedding with padding": lambda t: t.nn.Embedding(5, 3, padding_idx=2),
    "EmbeddingBag": lambda t: t.nn.EmbeddingBag(11, 6),
    "EmbeddingBag with padding": lambda t: t.nn.EmbeddingBag(5, 3, padding_idx=-1),
    "RNN": lambda t: t.nn.RNN(4, 5, 2, nonlinearity="relu"),
    "LSTM": lambda t: t.nn.LSTM(4, 5, 2, bidirectional=True, proj_size=3),
    "GRU": lambda t: t.nn.GRU(4, 5, bias=False),
    "RNNCell": lambda t: t.nn.RNNCell(4, 5),
    "LSTMCell": lambda t: t.nn.LSTMCell(4, 5),
    "GRUCell": lambda t: t.nn.GRUCell(4, 5),
    "MultiheadAttention": lambda t: t.nn.MultiheadAttention(8, 2),
    "MultiheadAttention of three widths": lambda t: t.nn.MultiheadAttention(8, 2, kdim=3, vdim=5, add_bias_kv=True),
    "TransformerEncoderLayer": lambda t: t.nn.TransformerEncoderLayer(8, 2, 16),
    "TransformerDecoderLayer": lambda t: t.nn.TransformerDecoderLayer(8, 2, 16),
    "TransformerEncoder": lambda t: t.nn.TransformerEncoder(
        t.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, t.nn.LayerNorm(8)
    ),
    "TransformerDecoder": lambda t: t.nn.TransformerDecoder(t.nn.TransformerDecoderLayer(8, 2, 16), 2),
    "Transformer": lambda t: t.nn.Transformer(8, 2, 1, 1, 16),
    "AdaptiveLogSoftmaxWithLoss": lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(16, 40, [10, 20]),
    "LinearCrossEntropyLoss": lambda t: t.nn.LinearCrossEntropyLoss(5, 7),
    "LazyLinear": _call(lambda t: t.nn.LazyLinear(4), 2, 3),
    "LazyConv1d": _call(lambda t: t.nn.LazyConv1d(4, 2), 2, 3, 5),
    "LazyConv2d": _call(lambda t: t.nn.LazyConv2d(4, 2), 2, 3, 5, 5),
    "LazyConv3d": _call(lambda t: t.nn.LazyConv3d(4, 2), 2, 3, 5, 5, 5),
    "LazyConvTranspose1d": _call(lambda t: t.nn.LazyConvTranspose1d(4, 2), 2, 3, 5),
    "LazyConvTranspose2d": _call(lambda t: t.nn.LazyConvTranspose2d(4, 2), 2, 3, 5, 5),
    "LazyConvTranspose3d": _call(lambda t: t.nn.LazyConvTranspose3d(4, 2), 2, 3, 5, 5, 5),
    "LazyBatchNorm1d": _call(lambda t: t.nn.LazyBatchNorm1d(), 2, 3),
    "LazyBatchNorm2d": _call(lambda t: t.nn.LazyBatchNorm2d(), 2, 3, 2, 2),
    "LazyBatchNorm3d": _call(lambda t: t.nn.LazyBatchNorm3d(), 2, 3, 2, 2, 2),
    "LazyInstanceNorm1d": _call(lambda t: t.nn.LazyInstanceNorm1d(affine=True), 2, 3, 2),
    "LazyInstanceNorm2d": _call(lambda t: t.nn.LazyInstanceNorm2d(affine=True), 2, 3, 2, 2),
    "LazyInstanceNorm3d": _call(lambda t: t.nn.LazyInstanceNorm3d(affine=True), 2, 3, 2, 2, 2),
    "spectral_norm": lambda t: t.nn.utils.spectral_norm(t.nn.Linear(4, 5)),
    "weight_norm": lambda t: t.nn.utils.weight_norm(t.nn.Linear(4, 5)),
    "parametrizations.spectral_norm": lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(4, 5)),
    "parametrizations.spectral_norm of Conv2d": lambda t: t.nn.utils.parametrizations.spectral_norm(
        t.nn.Conv2d(2, 3, 3)
    ),
    "parametrizations.weight_norm": lambda t: t.nn.utils.parametrizations.weight_norm(t.nn.Linear(4, 5)),
    "parametrizations.orthogonal": lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(4, 4)),
    "parametrizations.orthogonal of Conv2d": lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Conv2d(2, 4, 2)),
    "init.orthogonal": _by_init("orthogonal_", 4, 6),
    "init.sparse": _by_init("sparse_", 4, 6, sparsity=0.4),
    "init.trunc_normal": _by_init("trunc_normal_", 4, 6, std=0.02),
    "init.xavier_normal": _by_init("xavier_normal_", 30, 40),
    "init.kaiming_normal": _by_init("kaiming_normal_", 30, 40),
}
CONTAINERS = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Container"}
BASES = {"RNNBase", "RNNCellBase"}


def weights(torch, name):
    """{name: array} of a fresh layer, and the digest of the generator's state afterwards."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = LAYERS[name](torch)
    held = {n: np.asarray(t.detach().double().numpy()) for n, t in layer.state_dict().items()}
    return held, hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()[:16]


def digest(held):
    """What of the values is recorded: the names with a digest of each one's bits and its sum."""
    return {n: [hashlib.sha256(a.tobytes()).hexdigest()[:12], float(a.sum())] for n, a in held.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_fresh_weights_equal_pytorchs(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    (ours, state), (theirs, expected) = weights(torchlike, name), weights(torch, name)
    assert state == expected
    assert list(ours) == list(theirs)
    for n, array in theirs.items():
        if name in NEAR:
            np.testing.assert_allclose(ours[n], array, rtol=NEAR[name], atol=NEAR[name], err_msg=n)
        else:
            np.testing.assert_array_equal(ours[n], array, err_msg=n)


@pytest.mark.parametrize("name", LAYERS)
def test_fresh_weights_are_those_recorded(name):
    expected, state = json.loads(FILE.read_text())[name]
    held, ours = weights(torchlike, name)
    assert ours == state
    found = digest(held)
    assert list(found) == list(expected)
    for n, (bits, total) in expected.items():
        if name in NEAR:
            np.testing.assert_allclose(found[n][1], total, rtol=1e-5, atol=1e-5, err_msg=n)
        else:
            assert found[n][0] == bits, n


def test_every_layer_with_weights_has_a_row():
    rows = {name.split()[0].rstrip(",") for name in LAYERS}
    for name, cls in vars(torchlike.nn).items():
        if name in rows | CONTAINERS | BASES or not isinstance(cls, type) or not issubclass(cls, torchlike.nn.Module):
            continue
        for arguments in ((), (2,), (1, (2, 2)), (2, 2), (2, 2, 2), ([2, 2], [2, 2])):
            try:
                layer = cls(*arguments, **({"output_size": 2} if "Fractional" in name else {}))
                break
            except TypeError:
                continue
        else:
            raise AssertionError(f"{name}: no way to make one")
        assert not list(layer.parameters()), name


def test_the_comparison_can_fail():
    held, _ = weights(torchlike, "Linear")
    other = {n: a + 1e-9 for n, a in held.items()}
    assert digest(held) != digest(other)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(held["weight"], other["weight"])


if __name__ == "__main__":
    import torch

    recorded = {}
    for name in LAYERS:
        held, state = weights(torch, name)
        recorded[name] = [digest(held), state]
    FILE.write_text(json.dumps(recorded, indent=0) + "\n")
