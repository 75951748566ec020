"""torch.nn, its functions and initialisers against PyTorch: values, gradients, state, texts and errors.

Tables of rows; the same checks run over every row, with the same seed and the same inputs on both sides.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import torchlike
from torchlike import explain

torch = pytest.importorskip("torch", reason="PyTorch is the reference these rows are compared with")

# Sums of a few hundred products in another order: float32 has 2**-24 per rounding.
TOLERANCE = {"float32": dict(rtol=2e-5, atol=2e-5), "float64": dict(rtol=1e-10, atol=1e-11)}


def values(shape, seed: int, dtype="float32") -> np.ndarray:
    """Numbers around 0 with ties (a grid of quarters), so that maxima and borders are met."""
    return (np.random.default_rng(seed).integers(-12, 13, shape) / 4).astype(dtype)


def plain(t) -> np.ndarray:
    t = t.detach()
    return (t.float() if "bfloat16" in str(t.dtype) else t).numpy()


def assert_same(ours, theirs, what: str = "value", **tolerance) -> None:
    """Same shape, dtype and values, tuples piece by piece."""
    if isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs), what
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{what}[{i}]", **tolerance)
        return
    assert (ours is None) == (theirs is None), f"{what}: {ours} against {theirs}"
    if theirs is None:
        return
    if not hasattr(theirs, "dtype"):
        assert ours == theirs, what
        return
    assert str(ours.dtype) == str(theirs.dtype), what
    assert tuple(ours.shape) == tuple(theirs.shape), what
    chosen = tolerance or TOLERANCE.get(str(theirs.dtype).split(".")[1], TOLERANCE["float32"])
    np.testing.assert_allclose(plain(ours), plain(theirs), err_msg=what, equal_nan=True, **chosen)


def test_the_checking_helper_can_fail():
    with pytest.raises(AssertionError):
        assert_same(torchlike.tensor([1.0]), torch.tensor([1.1]))
    with pytest.raises(AssertionError):
        assert_same(torchlike.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64))


def both(fn):
    """The outcome of a program on each side, the seed the same."""
    outcomes = []
    for lib in (torchlike, torch):
        lib.manual_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.append(fn(lib))
    return outcomes


def through(lib, layer, inputs, dtype: str) -> dict:
    """Two training steps and one evaluation of a layer: everything that can be compared."""
    found = {"fresh": dict(layer.state_dict()), "repr": repr(layer), "keys": list(layer.state_dict())}
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


CLASSES = np.array([1, 0, 4, 2])
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
ONE_SIDED = {  # losses and what they compare: probabilities, logarithms and so on are made of the raw input
    "MSELoss": lambda lib, x, y: (x, y),
    "L1Loss": lambda lib, x, y: (x, y),
    "SmoothL1Loss": lambda lib, x, y: (x, y),
    "HuberLoss": lambda lib, x, y: (x, y),
    "BCELoss": lambda lib, x, y: (x.sigmoid(), y.sigmoid()),
    "BCEWithLogitsLoss": lambda lib, x, y: (x, y.sigmoid()),
    "KLDivLoss": lambda lib, x, y: (x.log_softmax(1), y.softmax(1)),
    "PoissonNLLLoss": lambda lib, x, y: (x, y.detach() * y.detach()),
    "SoftMarginLoss": lambda lib, x, y: (x, y.detach().sign()),
    "HingeEmbeddingLoss": lambda lib, x, y: (x, (y.detach() > 0) * 2.0 - 1.0),
}


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
    assert ours.pop("repr") == theirs.pop("repr")
    assert ours.pop("keys") == theirs.pop("keys")
    for key, value in theirs.pop("fresh").items():
        np.testing.assert_array_equal(plain(ours["fresh"][key]), plain(value), err_msg=f"fresh {key}")
    for what, value in theirs.items():
        assert_same(ours[what], value, what)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ONE_SIDED)
def test_loss(name: str, reduction: str):
    def run(lib):
        x = lib.tensor(values((4, 5), 1)).requires_grad_()
        y = lib.tensor(values((4, 5), 2)).requires_grad_()
        loss = getattr(lib.nn, name)(reduction=reduction)
        out = loss(*ONE_SIDED[name](lib, x, y))
        out.backward(lib.tensor(values(tuple(out.shape), 3)))
        return repr(loss), out, x.grad, y.grad

    assert_same(*both(run))


LOSS_OPTIONS = {
    "smooth l1 beta": lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.5),
    "smooth l1 beta 0": lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.0),
    "huber delta": lambda F, x, y: F.huber_loss(x, y, delta=0.5),
    "mse broadcasting": lambda F, x, y: F.mse_loss(x, y[:1]),
    "mse weight": lambda F, x, y: F.mse_loss(x, y, weight=y.detach().abs()),
    "mse old flags": lambda F, x, y: F.mse_loss(x, y, False),
    "mse promotion": lambda F, x, y: F.mse_loss(x, y.double()),
    "bce weight": lambda F, x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), y.detach().abs()),
    "bce at 0 and 1": lambda F, x, y: F.binary_cross_entropy((x > 0) + 0 * x, y.sigmoid(), reduction="sum"),
    "bce logits weight": lambda F, x, y: F.binary_cross_entropy_with_logits(
        x * 40, y.sigmoid(), weight=y.detach()[0], pos_weight=y.detach()[1].abs()
    ),
    "kl batchmean": lambda F, x, y: F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"),
    "kl log target": lambda F, x, y: F.kl_div(x.log_softmax(1), y.log_softmax(1), log_target=True),
    "kl zero target": lambda F, x, y: F.kl_div(x.log_softmax(1), y.detach().clamp_min(0), reduction="sum"),
    "poisson full": lambda F, x, y: F.poisson_nll_loss(x, y.detach() + 3, full=True),
    "poisson plain": lambda F, x, y: F.poisson_nll_loss(x.abs() + 1, y.detach() + 3, log_input=False),
    "gaussian": lambda F, x, y: F.gaussian_nll_loss(x, y, y.detach().abs(), full=True),
    "gaussian number": lambda F, x, y: F.gaussian_nll_loss(x, y, 2.0),
    "margin ranking": lambda F, x, y: F.margin_ranking_loss(x, y, (y.detach() > 0) * 2.0 - 1, margin=0.25),
    "cosine embedding": lambda F, x, y: F.cosine_embedding_loss(x, y, (y.detach()[:, 0] > 0) * 2.0 - 1, margin=0.1),
    "triplet": lambda F, x, y: F.triplet_margin_loss(x, y, x.flip(0), swap=True),
    "multilabel soft margin": lambda F, x, y: F.multilabel_soft_margin_loss(x, (y.detach() > 0) * 1.0),
    "pairwise p=1": lambda F, x, y: F.pairwise_distance(x, y, p=1.0, keepdim=True),
    "cosine zero": lambda F, x, y: F.cosine_similarity(x * 0, y),
    "normalize": lambda F, x, y: F.normalize(x) + F.normalize(y, p=1, dim=0),
    "softmax dtype": lambda F, x, y: F.softmax(x, 1, dtype=y.double().dtype),
    "softmax no dim": lambda F, x, y: F.softmax(x),
    "gumbel": lambda F, x, y: F.gumbel_softmax(x, tau=0.7),
    "gumbel hard": lambda F, x, y: F.gumbel_softmax(x, tau=0.7, hard=True),
    "rrelu in training": lambda F, x, y: F.rrelu(x, training=True),
    "dropout functional": lambda F, x, y: F.dropout(x) + F.dropout(y, 0.2, training=False),
    "pad two of four": lambda F, x, y: F.pad(x[None, None], (1, 2, 0, 1), value=3.0),
    "relu of NaN": lambda F, x, y: F.relu(x / 0 * 0),
    "linear vector weight": lambda F, x, y: F.linear(x, y[0]),
    "linear matrix bias": lambda F, x, y: F.linear(x, y, y.detach() @ y.detach().t()),
}


@pytest.mark.parametrize("name", LOSS_OPTIONS)
def test_function(name: str):
    def run(lib):
        x = lib.tensor(values((4, 5), 1)).requires_grad_()
        y = lib.tensor(values((4, 5), 2)).requires_grad_()
        out = LOSS_OPTIONS[name](lib.nn.functional, x, y)
        out.backward(lib.tensor(values(tuple(out.shape), 3, str(out.dtype).split(".")[1])))
        return out, x.grad, y.grad

    assert_same(*both(run))


SHAPES = {"(N, C)": (4, 5), "(C)": (5,), "(N, C, d)": (4, 5, 3), "(N, C, h, w)": (2, 5, 3, 4), "5-D": (2, 5, 3, 1, 2)}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "options",
    ["plain", "weight", "ignore", "smooth", "smooth weight ignore", "probabilities", "probabilities smooth weight",
     "nll", "nll weight ignore"],
)  # fmt: skip
def test_cross_entropy(options: str, shape: str, reduction: str):
    size = SHAPES[shape]

    def run(lib):
        F = lib.nn.functional
        x = lib.tensor(values(size, 1)).requires_grad_()
        where = size[:1] + size[2:] if len(size) > 1 else ()
        target = lib.tensor(np.random.default_rng(2).integers(0, 5, where))
        chosen: dict = {"reduction": reduction}
        if "weight" in options:
            chosen["weight"] = lib.tensor([0.5, 2.0, 0.0, 1.0, 3.0])
        if "ignore" in options:
            chosen["ignore_index"] = 2
        if "smooth" in options:
            chosen["label_smoothing"] = 0.2
        if "probabilities" in options:
            target = lib.tensor(values(size, 3)).softmax(0 if len(size) == 1 else 1)
        if "nll" in options:
            out = F.nll_loss(x.log_softmax(min(len(size) - 1, 1)), target, **chosen)
        else:
            out = F.cross_entropy(x, target, **chosen)
        out.backward(lib.tensor(values(tuple(out.shape), 4)))
        return out, x.grad

    assert_same(*both(run))


def test_cross_entropy_of_nothing_is_nan():
    def run(lib):
        x = lib.zeros(2, 3, requires_grad=True)
        return lib.nn.functional.cross_entropy(x, lib.tensor([-100, -100]))

    assert_same(*both(run))


def test_a_pending_target_out_of_range_makes_the_loss_nan():
    """A promise of the docstring, since waiting for the values would be a barrier."""
    pending = torchlike.tensor([1, 2]) * 5
    assert torchlike.nn.functional.cross_entropy(torchlike.zeros(2, 3), pending).isnan().item()


INITIALISERS = {
    "uniform_": lambda init, t: init.uniform_(t, -1, 2),
    "normal_": lambda init, t: init.normal_(t, 1, 2),
    "constant_": lambda init, t: init.constant_(t, 0.3),
    "ones_": lambda init, t: init.ones_(t),
    "zeros_": lambda init, t: init.zeros_(t),
    "eye_": lambda init, t: init.eye_(t),
    "xavier_uniform_": lambda init, t: init.xavier_uniform_(t, init.calculate_gain("tanh")),
    "xavier_normal_": lambda init, t: init.xavier_normal_(t),
    "kaiming_uniform_": lambda init, t: init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal_": lambda init, t: init.kaiming_normal_(t, a=0.2),
    "sparse_": lambda init, t: init.sparse_(t, 0.3),
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_initialiser_bit_for_bit(name: str):
    ours, theirs = both(lambda lib: INITIALISERS[name](lib.nn.init, lib.nn.Parameter(lib.zeros(13, 9))))
    np.testing.assert_array_equal(plain(ours), plain(theirs))


@pytest.mark.parametrize("name", ["trunc_normal_", "orthogonal_", "wide orthogonal_", "dirac_"])
def test_initialiser_up_to_rounding(name: str):
    """The inverse error function and the QR decomposition are other implementations of the same functions."""
    shape = {"trunc_normal_": (13, 9), "orthogonal_": (9, 5), "wide orthogonal_": (5, 3, 3), "dirac_": (4, 3, 3)}[name]
    ours, theirs = both(lambda lib: getattr(lib.nn.init, name.split()[-1])(lib.zeros(*shape)))
    assert_same(ours, theirs, rtol=1e-5, atol=2e-6)


def test_gains():
    names = ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    assert [torchlike.nn.init.calculate_gain(n) for n in names] == [torch.nn.init.calculate_gain(n) for n in names]


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

    assert_same(*both(run), rtol=0.1, atol=0.1)  # 8 bits of significand, through seven layers


def test_parameters_of_another_width():
    """A 16-bit input may meet float32 parameters in a normalisation, and keeps its type."""

    def run(lib):
        x = lib.tensor(values((4, 6), 1)).to(lib.bfloat16)
        return lib.nn.BatchNorm1d(6)(x), lib.nn.LayerNorm(6)(x)

    assert_same(*both(run), rtol=0.02, atol=0.02)


UTILITIES = {
    "clip_grad_norm_": lambda lib, ps: lib.nn.utils.clip_grad_norm_(ps, 1.5),
    "clip_grad_norm_ large": lambda lib, ps: lib.nn.utils.clip_grad_norm_(ps, 1e6),
    "clip_grad_norm_ inf": lambda lib, ps: lib.nn.utils.clip_grad_norm_(ps, 1.5, float("inf")),
    "clip_grad_norm_ 3": lambda lib, ps: lib.nn.utils.clip_grad_norm_(ps, 1.5, 3.0),
    "clip_grad_value_": lambda lib, ps: lib.nn.utils.clip_grad_value_(ps, 0.5),
    "get_total_norm": lambda lib, ps: lib.nn.utils.get_total_norm([p.grad for p in ps]),
    "parameters_to_vector": lambda lib, ps: lib.nn.utils.parameters_to_vector(ps),
    "vector_to_parameters": lambda lib, ps: lib.nn.utils.vector_to_parameters(lib.arange(12.0), ps),
}


@pytest.mark.parametrize("name", UTILITIES)
def test_utility(name: str):
    def run(lib):
        layer = lib.nn.Linear(3, 3)
        layer(lib.tensor(values((4, 3), 1))).square().sum().backward()
        out = UTILITIES[name](lib, list(layer.parameters()))
        return [out, *layer.parameters(), *[p.grad for p in layer.parameters()]]

    assert_same(*both(run))


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

    assert_same(*both(run))


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

    assert_same(*both(run), rtol=2e-4, atol=2e-4)


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


def error(fn, lib) -> tuple:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fn(lib, lib.nn, lib.nn.functional, lib.zeros)
        except Exception as e:  # noqa: BLE001  the class is what is compared
            return type(e).__name__, re.sub("torchlike", "torch", str(e))
    return ("no error", "")


L = "lib.int64"
ERRORS = """
F.linear(Z(4, 5), Z(2, 3))
F.linear(Z(4, 5, 6), Z(2, 3))
F.linear(Z(5), Z(2, 3))
F.linear(Z(4, 3), Z(2, 3), Z(3))
F.linear(Z(4, 3), Z(2, 3, 1))
F.linear(Z(4, 3, dtype=lib.double), Z(2, 3))
F.linear(Z(4, 3, dtype=lib.double), Z(2, 3), Z(2))
F.linear(Z(4, 3), Z(2, 3), Z(2, dtype=lib.double))
F.bilinear(Z(4, 3), Z(4, 2), Z(5, 3, 3), Z(5))
F.conv2d(Z(4, 3, 28, 28), Z(6, 1, 5, 5))
F.conv2d(Z(4, 3), Z(6, 1, 5, 5))
F.conv2d(Z(4, 3, 2, 2, 2), Z(6, 1, 5, 5))
F.conv2d(Z(4, 1, 2, 2), Z(6, 1, 5, 5))
F.conv2d(Z(4, 1, 2, 2), Z(6, 1, 5, 5), padding=1, dilation=2)
F.conv2d(Z(4, 4, 8, 8), Z(6, 1, 5, 5), groups=3)
F.conv2d(Z(4, 3, 8, 8), Z(5, 1, 5, 5), groups=3)
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), Z(4))
F.conv2d(Z(4, 3, 8, 8, dtype=lib.double), Z(5, 3, 5, 5), Z(5))
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), stride=0)
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), padding=-1)
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), padding="same", stride=2)
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), padding="foo")
F.conv2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5), stride=(1, 1, 1))
F.conv1d(Z(4, 3, 8, 8), Z(5, 3, 5))
F.conv3d(Z(3, 8), Z(5, 3, 5, 5, 5))
F.conv_transpose2d(Z(4, 3, 8, 8), Z(5, 3, 5, 5))
F.conv_transpose2d(Z(4, 3, 8, 8), Z(3, 2, 5, 5), output_padding=1)
F.conv_transpose2d(Z(4, 3, 8, 8), Z(3, 2, 5, 5), Z(3))
F.max_pool2d(Z(4, 3), 2)
F.max_pool2d(Z(4, 3, 4, 4), 5)
F.max_pool2d(Z(4, 3, 4, 4), 2, padding=2)
F.max_pool2d(Z(4, 3, 4, 4), (2, 2, 2))
F.max_pool2d(Z(4, 3, 4, 4), 2, dilation=0)
F.max_pool2d(Z(4, 3, 4, 0), 2)
F.max_pool1d(Z(4), 2)
F.max_pool1d(Z(4, 4), 5)
F.max_pool1d(Z(4, 4), 2, padding=2)
F.avg_pool2d(Z(4, 3, 4, 4), 5)
F.avg_pool2d(Z(4, 3, 4, 4), 2, padding=2)
F.avg_pool2d(Z(4, 3, 4, 4), 2, divisor_override=0)
F.avg_pool1d(Z(4), 2)
F.avg_pool1d(Z(4, 4), 5)
F.adaptive_avg_pool2d(Z(4, 3), 2)
F.adaptive_avg_pool2d(Z(4, 3, 4, 4), (2, 2, 2))
F.adaptive_avg_pool2d(Z(4, 3, 4, 4), -1)
nn.BatchNorm2d(3)(Z(1, 3, 1, 1))
nn.BatchNorm2d(3)(Z(1, 3))
nn.BatchNorm1d(3)(Z(1, 3, 4, 4))
nn.BatchNorm2d(3)(Z(1, 4, 2, 2))
nn.BatchNorm2d(3)(Z(2, 3, 2, 2, dtype=lib.double))
F.batch_norm(Z(2, 3), Z(3), Z(3), Z(4))
F.batch_norm(Z(2, 3), None, None)
F.batch_norm(Z(2, 3, dtype=lib.int64), Z(3), Z(3))
F.layer_norm(Z(4, 5), (4,))
F.layer_norm(Z(4, 5), (5,), Z(4))
F.layer_norm(Z(4, 5), ())
F.layer_norm(Z(4, 5), 5)
F.layer_norm(Z(4, 5, dtype=lib.double), (5,), Z(5))
F.group_norm(Z(4, 5), 2)
F.group_norm(Z(4), 2)
F.group_norm(Z(4, 4), 2, Z(3))
F.instance_norm(Z(4, 4, 1))
F.dropout(Z(3), 1.5)
F.dropout2d(Z(3))
F.embedding(Z(3), Z(5, 2))
F.embedding(lib.tensor([7]), Z(5, 2))
F.embedding(lib.tensor([1]), Z(5, 2), padding_idx=9)
F.glu(Z(3))
F.gelu(Z(3), approximate="x")
F.prelu(Z(3, 4), Z(3))
F.hardtanh(Z(3), 1, 0)
F.relu(Z(3, dtype=lib.bool))
F.elu(Z(3, dtype=lib.int64))
F.gelu(Z(3, dtype=lib.int64))
F.cross_entropy(Z(4, 5), Z(3, dtype=lib.int64))
F.cross_entropy(Z(4, 5), Z(4))
F.cross_entropy(Z(4, 5), Z(4, dtype=lib.int32))
F.cross_entropy(Z(4, 5), lib.tensor([1, 2, 3, 12]))
F.cross_entropy(Z(4, 5), lib.tensor([1, 2, 3, -1]))
F.cross_entropy(Z(4, 5), Z(4, 1, dtype=lib.int64))
F.cross_entropy(Z(4, 5), Z(4, 5, dtype=lib.int64))
F.cross_entropy(Z(4, 5, 2, 2), Z(4, 2, 3, dtype=lib.int64))
F.cross_entropy(Z(4, 5, 2, 2), Z(3, 2, 2, dtype=lib.int64))
F.cross_entropy(Z(4, 5, 2), Z(4, 3, dtype=lib.int64))
F.cross_entropy(Z(4, 5, 2, 2, 2), Z(4, 2, 2, 3, dtype=lib.int64))
F.cross_entropy(Z(5), Z(2, dtype=lib.int64))
F.cross_entropy(Z(4, 5), Z(4, dtype=lib.int64), weight=Z(3))
F.cross_entropy(Z(4, 5), Z(4, dtype=lib.int64), weight=Z(5, dtype=lib.double))
F.cross_entropy(Z(4, 5), Z(4, dtype=lib.int64), label_smoothing=2.0)
F.cross_entropy(Z(4, 5), Z(4, 5), ignore_index=3)
F.cross_entropy(Z(4, 5), Z(4, dtype=lib.int64), reduction="avg")
F.cross_entropy(Z(4, 5), [1, 2, 3, 4])
F.nll_loss(Z(4, 5), Z(4))
F.nll_loss(Z(4, 5, 2, 2), Z(4, 2, dtype=lib.int64))
F.nll_loss(lib.tensor(0.0), lib.tensor(0))
F.mse_loss(Z(3), Z(2))
F.mse_loss(Z(3, dtype=lib.int64), Z(3, dtype=lib.int64))
F.l1_loss(Z(3, dtype=lib.int64), Z(3, dtype=lib.int64))
F.smooth_l1_loss(Z(3), Z(3), beta=-1)
F.huber_loss(Z(3), Z(3), delta=0)
F.binary_cross_entropy(Z(3), Z(2))
F.binary_cross_entropy(Z(3), Z(3, dtype=lib.double))
F.binary_cross_entropy_with_logits(Z(3), Z(2))
F.binary_cross_entropy_with_logits(Z(3), Z(3, dtype=lib.int64))
F.kl_div(Z(3), Z(2))
F.one_hot(Z(3))
F.one_hot(lib.tensor([-1]))
F.one_hot(lib.tensor([4]), 3)
F.one_hot(Z(0, dtype=lib.int64))
F.pad(Z(3, 4), (1,))
F.pad(Z(3, 4), (1, 1, 1, 1, 1, 1))
F.pad(Z(3, 4), (5, 1), mode="reflect")
F.pad(Z(3), (1, 1), mode="reflect")
F.pad(Z(3, 4), (1, 1), mode="foo")
F.pad(Z(3, 4), (5, 1), mode="circular")
F.pad(Z(3, 4), (5, 1), mode="replicate", value=1.0)
nn.Linear(3, 4, dtype=lib.int64)
nn.Conv2d(3, 4, 3, groups=2)
nn.Conv2d(4, 3, 3, groups=2)
nn.Conv2d(4, 3, 3, groups=0)
nn.Conv2d(4, 3, 3, padding="same", stride=2)
nn.Dropout(2)
nn.Unflatten(1, (2, "a"))
nn.Unflatten(1, (2, 3))(Z(3, 4, 5))
nn.Flatten()(Z(3))
nn.Hardtanh(2, 1)
nn.GroupNorm(2, 3)
nn.Embedding(3, 4, padding_idx=5)
nn.MSELoss(reduction="x")(Z(3), Z(3))
nn.ReLU(inplace=True)(nn.Parameter(Z(3)))
nn.init.xavier_uniform_(Z(3))
nn.init.kaiming_uniform_(Z(3, 3), mode="x")
nn.init.eye_(Z(3))
nn.init.calculate_gain("x")
nn.init.calculate_gain("leaky_relu", "x")
nn.init.orthogonal_(Z(3))
nn.init.dirac_(Z(3))
nn.utils.clip_grad_norm_([], 1.0, error_if_nonfinite=True) and [][0]
""".strip().splitlines()


@pytest.mark.parametrize("call", ERRORS)
def test_error(call: str):
    fn = eval(f"lambda lib, nn, F, Z: {call}")
    ours, theirs = error(fn, torchlike), error(fn, torch)
    assert theirs[0] != "no error"
    assert ours == theirs
