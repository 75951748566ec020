"""torch.nn.init and torch.nn.utils against PyTorch's."""

from __future__ import annotations

import pytest

from tests.compare import same, torch, torchlike
from tests.nn_kit import SUMS, both, values

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
    "trunc_normal_": lambda init, t: init.trunc_normal_(t),
    "trunc_normal_ narrow": lambda init, t: init.trunc_normal_(t, 0.5, 2.0, 1.0, 2.0),
    "sparse_": lambda init, t: init.sparse_(t, 0.3),
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_initialiser_bit_for_bit(name: str):
    ours, theirs = both(lambda lib: INITIALISERS[name](lib.nn.init, lib.nn.Parameter(lib.zeros(13, 9))))
    same(ours, theirs, rtol=0.0)


@pytest.mark.parametrize("name", ["orthogonal_", "wide orthogonal_", "dirac_"])
def test_initialiser_up_to_rounding(name: str):
    """The QR decomposition is another implementation of the same function."""
    shape = {"orthogonal_": (9, 5), "wide orthogonal_": (5, 3, 3), "dirac_": (4, 3, 3)}[name]
    ours, theirs = both(lambda lib: getattr(lib.nn.init, name.split()[-1])(lib.zeros(*shape)))
    same(ours, theirs)


def test_gains():
    names = ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    assert [torchlike.nn.init.calculate_gain(n) for n in names] == [torch.nn.init.calculate_gain(n) for n in names]


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

    same(*both(run), rtol=SUMS)
