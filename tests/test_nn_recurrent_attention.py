"""Recurrent layers, attention, bags, resizing and unpooling as layers: the same seed, names, outputs and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compare import _tensors, same, torch, torchlike
from tests.nn_kit import SUMS, both, values

LAYERS = {
    "lstm": (lambda t: t.nn.LSTM(3, 4, num_layers=2, bidirectional=True), [(5, 2, 3)]),
    "lstm projected": (lambda t: t.nn.LSTM(3, 4, proj_size=2, batch_first=True, bias=False), [(2, 5, 3)]),
    "gru": (lambda t: t.nn.GRU(3, 4, num_layers=2, batch_first=True), [(2, 5, 3)]),
    "gru unbatched": (lambda t: t.nn.GRU(3, 4, bidirectional=True), [(5, 3)]),
    "gru dropout": (lambda t: t.nn.GRU(3, 4, num_layers=2, dropout=0.5), [(5, 2, 3)]),
    "rnn": (lambda t: t.nn.RNN(3, 4, nonlinearity="relu"), [(5, 2, 3)]),
    "rnn from a state": (lambda t: t.nn.RNN(3, 4), [(5, 2, 3), (1, 2, 4)]),
    "lstm cell": (lambda t: t.nn.LSTMCell(3, 4), [(2, 3)]),
    "gru cell": (lambda t: t.nn.GRUCell(3, 4), [(2, 3), (2, 4)]),
    "rnn cell": (lambda t: t.nn.RNNCell(3, 4, bias=False, nonlinearity="relu"), [(3,)]),
    "attention": (lambda t: t.nn.MultiheadAttention(6, 2), [(4, 2, 6)] * 3),
    "attention, keys and values": (
        lambda t: t.nn.MultiheadAttention(6, 2, kdim=3, vdim=5, batch_first=True, add_bias_kv=True, add_zero_attn=True),
        [(2, 4, 6), (2, 3, 3), (2, 3, 5)],
    ),
    "attention dropout": (lambda t: t.nn.MultiheadAttention(6, 3, dropout=0.5, bias=False), [(4, 6)] * 3),
    "upsample": (lambda t: t.nn.Upsample(scale_factor=1.5, mode="bicubic"), [(1, 2, 3, 4)]),
    "upsample nearest": (lambda t: t.nn.UpsamplingNearest2d(size=(5, 3)), [(1, 2, 3, 4)]),
    "upsample bilinear": (lambda t: t.nn.UpsamplingBilinear2d(scale_factor=2), [(1, 2, 3, 4)]),
    "pixel shuffle": (lambda t: t.nn.PixelShuffle(2), [(1, 8, 2, 3)]),
    "pixel unshuffle": (lambda t: t.nn.PixelUnshuffle(2), [(1, 2, 4, 6)]),
    "channel shuffle": (lambda t: t.nn.ChannelShuffle(2), [(1, 6, 2, 3)]),
    "unfold": (lambda t: t.nn.Unfold((2, 3), dilation=2, padding=1, stride=(1, 2)), [(2, 3, 5, 7)]),
    "fold": (lambda t: t.nn.Fold((4, 5), (2, 3), padding=1), [(2, 18, 25)]),
    "adaptive max": (lambda t: t.nn.AdaptiveMaxPool3d((2, None, 1), return_indices=True), [(1, 2, 3, 2, 4)]),
    "fractional": (lambda t: t.nn.FractionalMaxPool2d(2, output_ratio=0.6, return_indices=True), [(2, 3, 7, 6)]),
    "fractional 3d": (lambda t: t.nn.FractionalMaxPool3d((2, 1, 2), output_size=(3, 2, 2)), [(2, 5, 4, 6)]),
    "lp pool": (lambda t: t.nn.LPPool2d(2, (2, 3), stride=2), [(1, 2, 5, 6)]),
    "lp pool 3d": (lambda t: t.nn.LPPool3d(1.5, 2, ceil_mode=True), [(1, 2, 4, 5, 4)]),
    "sync batch norm": (lambda t: t.nn.SyncBatchNorm(3), [(4, 3, 2)]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    make, shapes = LAYERS[name]

    def run(t):
        layer = make(t)
        drawn = [values(s, i) for i, s in enumerate(shapes)]
        if name.startswith("lp"):
            drawn = [np.abs(d) + 1 for d in drawn]
        inputs = [t.tensor(d, requires_grad=True) for d in drawn]
        if name == "attention":  # of one tensor to itself
            inputs = inputs[:1] * 3
        out = layer(*inputs)
        flat = list(_tensors(out))
        sum((x * x).sum() for x in flat if x.is_floating_point()).backward()
        gradients = [x.grad for x in [*inputs, *layer.parameters()]]
        return repr(layer), dict(layer.state_dict()), flat, gradients

    got, want = both(run)
    same(got, want, name, SUMS * 10)


def test_unpooling_brings_values_back():
    def run(t):
        x = t.tensor(values((1, 2, 6, 5), 3), requires_grad=True)
        pooled, at = t.nn.MaxPool2d(2, return_indices=True)(x)
        out = t.nn.MaxUnpool2d(2)(pooled, at, output_size=x.size())
        (out * out).sum().backward()
        return out, x.grad

    got, want = both(run)
    same(got, want)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(mode):
    def run(t):
        layer = t.nn.EmbeddingBag(7, 3, mode=mode, padding_idx=1, max_norm=1.5)
        out = layer(t.tensor([0, 1, 2, 2, 6, 5]), t.tensor([0, 2, 2, 5]))
        (out * out).sum().backward()
        return repr(layer), out, layer.weight, layer.weight.grad

    got, want = both(run)
    same(got, want, mode, SUMS)


def test_embedding_with_a_largest_norm_and_frequencies():
    def run(t):
        layer = t.nn.Embedding(7, 3, max_norm=1.0, scale_grad_by_freq=True)
        out = layer(t.tensor([[0, 3], [3, 3]]))
        (out * out).sum().backward()
        return repr(layer), out, layer.weight, layer.weight.grad

    got, want = both(run)
    same(got, want, rtol=SUMS)


LOSSES = {
    "multi margin": lambda t: t.nn.MultiMarginLoss(p=2, weight=t.tensor([1.0, 2.0, 0.5])),
    "multi label": lambda t: t.nn.MultiLabelMarginLoss(reduction="sum"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_margin_losses(name):
    def run(t):
        x = t.tensor(values((2, 3), 1), requires_grad=True)
        y = t.tensor([2, 0]) if name == "multi margin" else t.tensor([[2, -1, 0], [0, 1, -1]])
        loss = LOSSES[name](t)(x, y)
        loss.backward()
        return loss, x.grad

    got, want = both(run)
    same(got, want)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc(reduction):
    def run(t):
        x = t.tensor(values((6, 3, 4), 1), requires_grad=True)
        loss = t.nn.CTCLoss(reduction=reduction, zero_infinity=True)
        out = loss(x.log_softmax(2), t.tensor([[1, 2, 2], [3, 1, 0], [1, 1, 1]]), (6, 5, 3), (3, 2, 3))
        out.sum().backward()
        return out, x.grad

    got, want = both(run)
    same(got, want, rtol=SUMS)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_linear_cross_entropy_in_chunks(reduction):
    def run(t):
        layer = t.nn.LinearCrossEntropyLoss(
            4, 5, bias=True, reduction=reduction, ignore_index=2,
            options=t.nn.LinearCrossEntropyOptions(batch_chunk_size=3),
        )  # fmt: skip
        x = t.tensor(values((7, 4), 1), requires_grad=True)
        out = layer(x, t.tensor([0, 1, 2, 3, 4, 2, 1]))
        out.sum().backward()
        return out, x.grad, [p.grad for p in layer.parameters()]

    got, want = both(run)
    same(got, want, rtol=SUMS)


def test_attention_hides_keys():
    def run(t):
        q = t.tensor(values((2, 4, 3, 8), 1), requires_grad=True)
        k, v = (t.tensor(values((2, 2, 5, 8), i)) for i in (2, 3))
        mask = t.tensor(values((3, 5), 4) > 0)
        out = t.nn.functional.scaled_dot_product_attention(q, k, v, mask, scale=0.5, enable_gqa=True)
        out.sum().backward()
        return out, q.grad

    got, want = both(run)
    same(got, want, rtol=SUMS)


def test_what_recurrent_layers_refuse():
    for t in (torchlike, torch):
        with pytest.raises(ValueError, match="Expected input to be 2D or 3D"):
            t.nn.LSTM(2, 3)(t.zeros(2))
        with pytest.raises(RuntimeError, match="Expected hidden"):
            t.nn.GRU(2, 3)(t.zeros(4, 1, 2), t.zeros(2, 1, 3))
        with pytest.raises(ValueError, match="smaller than hidden_size"):
            t.nn.LSTM(2, 3, proj_size=3)
