"""The layers of torch.nn against PyTorch's: fresh weights, values, gradients, state, texts.

One table; the same check runs over every row, with the same seed and the same inputs on both sides.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.compare import same, torchlike
from tests.nn_kit import SUMS, both, values
from torchlike import explain


def through(lib, layer, inputs, dtype: str) -> dict:
    """Two training steps and one evaluation of a layer: everything that can be compared."""
    found = {"fresh": dict(layer.state_dict()), "repr": repr(layer)}
    found["fresh"] = {k: v.clone() for k, v in found["fresh"].items()}
    for step in range(2):
        args = []
        for i, shape in enumerate(inputs):
            if isinstance(shape, np.ndarray):
                args.append(lib.tensor(shape))
            else:
                args.append(lib.tensor(values(shape, 10 * step + i, dtype)).requires_grad_())
        out = layer(*args)
        first = out[0] if isinstance(out, tuple) else out
        layer.zero_grad()
        if first.requires_grad:
            first.backward(lib.tensor(values(tuple(first.shape), 99, dtype)))
        found[f"out{step}"] = out
        found[f"input grads{step}"] = [a.grad for a in args if a.requires_grad]
        found[f"parameter grads{step}"] = [p.grad for p in layer.parameters()]
        found[f"buffers{step}"] = [b.clone() for b in layer.buffers()]
    layer.eval()
    found["eval"] = layer(*args)
    return found


IMAGE = (2, 4, 9, 8)
LAYERS = {
    "Identity": (lambda nn: nn.Identity(3, a=1), [(2, 3)]),
    "Linear": (lambda nn: nn.Linear(5, 3), [(4, 5)]),
    "Linear 3-D": (lambda nn: nn.Linear(5, 3), [(2, 4, 5)]),
    "Linear 1-D": (lambda nn: nn.Linear(5, 3), [(5,)]),
    "Linear no bias": (lambda nn: nn.Linear(5, 3, bias=False), [(4, 5)]),
    "Bilinear": (lambda nn: nn.Bilinear(3, 4, 5), [(6, 3), (6, 4)]),
    "Flatten": (lambda nn: nn.Flatten(), [(2, 3, 4)]),
    "Flatten 0": (lambda nn: nn.Flatten(0, 1), [(2, 3, 4)]),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, 2)), [(2, 4, 3)]),
    "Conv1d": (lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1), [(2, 4, 11)]),
    "Conv1d unbatched": (lambda nn: nn.Conv1d(4, 6, 3), [(4, 11)]),
    "Conv2d": (lambda nn: nn.Conv2d(4, 6, 3), [IMAGE]),
    "Conv2d 1 channel": (lambda nn: nn.Conv2d(1, 6, 5), [(3, 1, 12, 12)]),
    "Conv2d all options": (lambda nn: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2, False), [IMAGE]),
    "Conv2d 1x1": (lambda nn: nn.Conv2d(4, 3, 1), [IMAGE]),
    "Conv2d 1x1 stride": (lambda nn: nn.Conv2d(4, 3, 1, stride=2), [IMAGE]),
    "Conv2d depthwise": (lambda nn: nn.Conv2d(4, 8, 3, groups=4, padding=1), [IMAGE]),
    "Conv2d same": (lambda nn: nn.Conv2d(4, 3, (4, 3), padding="same", dilation=2), [IMAGE]),
    "Conv2d valid": (lambda nn: nn.Conv2d(4, 3, 3, padding="valid"), [IMAGE]),
    "Conv2d unbatched": (lambda nn: nn.Conv2d(4, 3, 3), [(4, 9, 8)]),
    "Conv2d reflect": (lambda nn: nn.Conv2d(4, 3, 3, padding=(1, 2), padding_mode="reflect"), [IMAGE]),
    "Conv2d replicate": (lambda nn: nn.Conv2d(4, 3, 3, padding=2, padding_mode="replicate"), [IMAGE]),
    "Conv2d circular same": (lambda nn: nn.Conv2d(4, 3, 4, padding="same", padding_mode="circular"), [IMAGE]),
    "Conv3d": (lambda nn: nn.Conv3d(2, 4, (2, 3, 3), padding=1, stride=(1, 2, 2)), [(2, 2, 4, 5, 6)]),
    "ConvTranspose1d": (lambda nn: nn.ConvTranspose1d(4, 3, 3, stride=2, output_padding=1), [(2, 4, 7)]),
    "ConvTranspose2d": (lambda nn: nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, 1, 2, True, 2), [IMAGE]),
    "ConvTranspose3d": (lambda nn: nn.ConvTranspose3d(2, 4, 2, stride=2, bias=False), [(1, 2, 2, 3, 3)]),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(3, 2, padding=1), [(2, 4, 11)]),
    "MaxPool2d": (lambda nn: nn.MaxPool2d(2), [(2, 3, 8, 8)]),
    "MaxPool2d odd": (lambda nn: nn.MaxPool2d(2), [IMAGE]),
    "MaxPool2d (2, 3)": (lambda nn: nn.MaxPool2d((2, 3)), [(2, 3, 8, 9)]),
    "MaxPool2d overlapping": (lambda nn: nn.MaxPool2d(3, 2, 1), [IMAGE]),
    "MaxPool2d ceil": (lambda nn: nn.MaxPool2d(3, 2, 1, dilation=(2, 1), ceil_mode=True), [(2, 3, 10, 10)]),
    "MaxPool2d indices": (lambda nn: nn.MaxPool2d(2, return_indices=True), [(2, 3, 8, 8)]),
    "MaxPool2d padded indices": (lambda nn: nn.MaxPool2d(3, 2, 1, return_indices=True), [IMAGE]),
    "MaxPool2d unbatched": (lambda nn: nn.MaxPool2d(2), [(3, 8, 8)]),
    "MaxPool3d": (lambda nn: nn.MaxPool3d(2), [(1, 2, 4, 4, 6)]),
    "AvgPool1d": (lambda nn: nn.AvgPool1d(2), [(2, 3, 8)]),
    "AvgPool2d": (lambda nn: nn.AvgPool2d(2), [(2, 3, 8, 8)]),
    "AvgPool2d options": (lambda nn: nn.AvgPool2d(3, 2, 1, True, False), [(2, 3, 10, 9)]),
    "AvgPool2d padded": (lambda nn: nn.AvgPool2d(3, 2, 1, ceil_mode=True), [(2, 3, 10, 9)]),
    "AvgPool2d divisor": (lambda nn: nn.AvgPool2d(2, 1, divisor_override=3), [(2, 3, 8, 8)]),
    "AvgPool3d": (lambda nn: nn.AvgPool3d(2), [(1, 2, 4, 4, 6)]),
    "AdaptiveAvgPool1d": (lambda nn: nn.AdaptiveAvgPool1d(3), [(2, 4, 8)]),
    "AdaptiveAvgPool2d 1": (lambda nn: nn.AdaptiveAvgPool2d(1), [IMAGE]),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((4, 3)), [IMAGE]),
    "AdaptiveAvgPool2d None": (lambda nn: nn.AdaptiveAvgPool2d((None, 12)), [IMAGE]),
    "AdaptiveMaxPool1d": (lambda nn: nn.AdaptiveMaxPool1d(3), [(2, 4, 8)]),
    "AdaptiveMaxPool2d": (lambda nn: nn.AdaptiveMaxPool2d((4, 3), True), [IMAGE]),
    "AdaptiveMaxPool2d tiles": (lambda nn: nn.AdaptiveMaxPool2d((3, 2)), [IMAGE]),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(5), [(6, 5)]),
    "BatchNorm1d 3-D": (lambda nn: nn.BatchNorm1d(5), [(6, 5, 3)]),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(4), [IMAGE]),
    "BatchNorm2d momentum": (lambda nn: nn.BatchNorm2d(4, eps=1e-3, momentum=0.3), [IMAGE]),
    "BatchNorm2d cumulative": (lambda nn: nn.BatchNorm2d(4, momentum=None), [IMAGE]),
    "BatchNorm2d no statistics": (lambda nn: nn.BatchNorm2d(4, track_running_stats=False), [IMAGE]),
    "BatchNorm2d plain": (lambda nn: nn.BatchNorm2d(4, affine=False), [IMAGE]),
    "BatchNorm2d no bias": (lambda nn: nn.BatchNorm2d(4, bias=False), [IMAGE]),
    "BatchNorm3d": (lambda nn: nn.BatchNorm3d(2), [(2, 2, 3, 4, 5)]),
    "InstanceNorm1d": (lambda nn: nn.InstanceNorm1d(4, affine=True), [(2, 4, 7)]),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), [IMAGE]),
    "InstanceNorm2d unbatched": (lambda nn: nn.InstanceNorm2d(4), [(4, 9, 8)]),
    "LayerNorm": (lambda nn: nn.LayerNorm(8), [IMAGE]),
    "LayerNorm two": (lambda nn: nn.LayerNorm((9, 8), eps=1e-3), [IMAGE]),
    "LayerNorm plain": (lambda nn: nn.LayerNorm(8, elementwise_affine=False), [IMAGE]),
    "LayerNorm no bias": (lambda nn: nn.LayerNorm(8, bias=False), [IMAGE]),
    "RMSNorm": (lambda nn: nn.RMSNorm(8), [IMAGE]),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 4), [IMAGE]),
    "GroupNorm plain": (lambda nn: nn.GroupNorm(4, 4, affine=False), [(3, 4, 5)]),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(3), [IMAGE]),
    "Dropout": (lambda nn: nn.Dropout(0.3), [(20, 30)]),
    "Dropout 1": (lambda nn: nn.Dropout(1.0), [(3, 4)]),
    "Dropout 0": (lambda nn: nn.Dropout(0.0), [(3, 4)]),
    "Dropout1d": (lambda nn: nn.Dropout1d(0.4), [(5, 7, 3)]),
    "Dropout2d": (lambda nn: nn.Dropout2d(0.4), [(5, 7, 3, 3)]),
    "Dropout3d": (lambda nn: nn.Dropout3d(0.4), [(5, 7, 3, 3, 2)]),
    "AlphaDropout": (lambda nn: nn.AlphaDropout(0.4), [(20, 30)]),
    "FeatureAlphaDropout": (lambda nn: nn.FeatureAlphaDropout(0.4), [(5, 7, 3)]),
    "Embedding": (lambda nn: nn.Embedding(5, 3), [np.array([[1, 0, 4], [2, 1, 1]])]),
    "Embedding padding": (lambda nn: nn.Embedding(5, 3, padding_idx=-4), [np.array([[1, 0, 4], [2, 1, 1]])]),
    "CosineSimilarity": (lambda nn: nn.CosineSimilarity(), [(4, 5), (4, 5)]),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(), [(4, 5), (4, 5)]),
    "ConstantPad1d": (lambda nn: nn.ConstantPad1d((1, -1), 2.5), [(2, 3, 5)]),
    "ZeroPad2d": (lambda nn: nn.ZeroPad2d(1), [IMAGE]),
    "ReflectionPad2d": (lambda nn: nn.ReflectionPad2d((1, 2, 3, 0)), [IMAGE]),
    "ReplicationPad3d": (lambda nn: nn.ReplicationPad3d(1), [(1, 2, 3, 4, 5)]),
    "CircularPad1d": (lambda nn: nn.CircularPad1d((2, 1)), [(2, 3, 5)]),
}
for _name, _args in {
    "ReLU": [()], "ReLU6": [()], "LeakyReLU": [(), (0.2,)], "ELU": [(), (0.5,)], "SELU": [()], "CELU": [(), (0.5,)],
    "GELU": [(), ("tanh",)], "SiLU": [()], "Mish": [()], "Sigmoid": [()], "Tanh": [()], "LogSigmoid": [()],
    "Softplus": [(), (2.0, 3.0)], "Softsign": [()], "Tanhshrink": [()], "Hardtanh": [(), (-2.0, 0.5)],
    "Hardsigmoid": [()], "Hardswish": [()], "Hardshrink": [(), (1.0,)], "Softshrink": [(), (1.0,)],
    "Threshold": [(0.5, 20.0)], "PReLU": [(), (6,)], "GLU": [(), (1,)], "Softmax": [(1,), (-1,)],
    "LogSoftmax": [(1,), (0,)], "Softmin": [(1,)], "RReLU": [(), (0.2, 0.4)],
}.items():  # fmt: skip
    for _given in _args:
        LAYERS[f"{_name}{_given or ''}"] = (lambda nn, n=_name, a=_given: getattr(nn, n)(*a), [(4, 6, 8)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, dtype: str):
    make, inputs = LAYERS[name]

    def run(lib):
        layer = make(lib.nn)
        if dtype == "float64":
            layer = layer.double()
        return through(lib, layer, inputs, dtype)

    ours, theirs = both(run)
    same(ours.pop("fresh"), theirs.pop("fresh"), "fresh", rtol=0.0)
    # PyTorch's gradient of hardsigmoid multiplies by a float32 1/6 even in float64
    same(ours, theirs, name, rtol=SUMS if dtype == "float32" else 1e-7 if name == "Hardsigmoid" else 1e-10)


def test_sixteen_bit_floats_stay_so():
    def run(lib):
        x = lib.tensor(values((2, 4, 8, 8), 1)).to(lib.bfloat16).requires_grad_()
        net = lib.nn.Sequential(
            lib.nn.Conv2d(4, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.GELU(), lib.nn.AvgPool2d(2), lib.nn.Flatten(),
            lib.nn.LayerNorm(36), lib.nn.Linear(36, 5),
        ).to(lib.bfloat16)  # fmt: skip
        out = net(x)
        loss = lib.nn.functional.cross_entropy(out, lib.tensor([1, 3]))
        loss.backward()
        return out, loss, x.grad, net[0].weight.grad

    same(*both(run), rtol=0.1)  # 8 bits of significand, through seven layers


def test_parameters_of_another_width():
    """A 16-bit input may meet float32 parameters in a normalisation, and keeps its type."""

    def run(lib):
        x = lib.tensor(values((4, 6), 1)).to(lib.bfloat16)
        return lib.nn.BatchNorm1d(6)(x), lib.nn.LayerNorm(6)(x)

    same(*both(run), rtol=0.02)


GRAPH = {
    "AddmmBackward0": lambda lib, x: lib.nn.Linear(4, 2)(x[0, 0]),
    "ConvolutionBackward0": lambda lib, x: lib.nn.Conv2d(3, 2, 3)(x),
    "ReluBackward0": lambda lib, x: lib.nn.ReLU()(x),
    "MaxPool2DWithIndicesBackward0": lambda lib, x: lib.nn.MaxPool2d(2)(x),
    "NativeBatchNormBackward0": lambda lib, x: lib.nn.BatchNorm2d(3)(x),
    "NativeLayerNormBackward0": lambda lib, x: lib.nn.LayerNorm(4)(x),
    "NllLossBackward0": lambda lib, x: lib.nn.CrossEntropyLoss()(x[0, 0], lib.tensor([1, 0, 2, 3])),
    "MseLossBackward0": lambda lib, x: lib.nn.MSELoss()(x, x.detach()),
    "LogSoftmaxBackward0": lambda lib, x: lib.nn.LogSoftmax(1)(x),
}


@pytest.mark.parametrize("name", GRAPH)
def test_graph_node(name: str):
    ours, theirs = both(lambda lib: GRAPH[name](lib, lib.ones(2, 3, 4, 4, requires_grad=True)).grad_fn)
    assert ours.name() == theirs.name() == name


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh", "relu6",
                                  "hardsigmoid", "hardswish", "dropout", "rrelu"])  # fmt: skip
def test_in_place(name: str):
    def run(lib):
        x = lib.tensor(values((4, 5), 1))
        out = getattr(lib.nn.functional, name)(x, inplace=True)
        assert out is x
        leaf = lib.tensor(values((4, 5), 1)).requires_grad_()
        y = leaf * 1
        getattr(lib.nn.functional, name)(y, inplace=True)
        y.sum().backward()
        return x, y, leaf.grad

    same(*both(run), rtol=SUMS)


def net(lib):
    return lib.nn.Sequential(
        lib.nn.Conv2d(1, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.ReLU(), lib.nn.MaxPool2d(2), lib.nn.Dropout(0.25),
        lib.nn.Flatten(), lib.nn.Linear(36, 10),
    )  # fmt: skip


def test_training_follows_the_reference():
    """Same seed, same losses, with a plain gradient step; batch statistics, dropout and all."""

    def run(lib):
        model, losses = net(lib), []
        x, y = lib.tensor(values((16, 1, 8, 8), 1)), lib.tensor(np.arange(16) % 10)
        for _ in range(8):
            loss = lib.nn.functional.cross_entropy(model(x), y)
            model.zero_grad()
            loss.backward()
            with lib.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
            losses.append(loss.detach())
        model.eval()
        return [*losses, *model.state_dict().values(), model(x)]

    same(*both(run), rtol=2e-4)


def test_a_training_step_is_one_program():
    model = net(torchlike)
    x, y = torchlike.tensor(values((16, 1, 8, 8), 1)), torchlike.tensor(np.arange(16) % 10)

    def step():
        loss = torchlike.nn.functional.cross_entropy(model(x), y)
        model.zero_grad()
        loss.backward()
        with torchlike.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
        return loss.item()

    for _ in range(3):
        step()
    before = explain.counts.programs
    step()
    assert explain.counts.programs - before == 1
