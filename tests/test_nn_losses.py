"""The losses and other functions of torch.nn.functional against PyTorch's: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compare import same, torchlike
from tests.nn_kit import SUMS, both, values

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

    same(*both(run), rtol=SUMS)


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
    "l1 of equals": lambda F, x, y: F.l1_loss(x, x.detach() + 0 * y),
    "poisson plain": lambda F, x, y: F.poisson_nll_loss(x * x + 1, y.detach() + 3, log_input=False),
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

    same(*both(run), rtol=SUMS)


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

    same(*both(run), rtol=SUMS)


def test_cross_entropy_of_nothing_is_nan():
    def run(lib):
        x = lib.zeros(2, 3, requires_grad=True)
        return lib.nn.functional.cross_entropy(x, lib.tensor([-100, -100]))

    same(*both(run), rtol=SUMS)


def test_a_pending_target_out_of_range_makes_the_loss_nan():
    """A promise of the docstring, since waiting for the values would be a barrier."""
    pending = torchlike.tensor([1, 2]) * 5
    assert torchlike.nn.functional.cross_entropy(torchlike.zeros(2, 3), pending).isnan().item()
