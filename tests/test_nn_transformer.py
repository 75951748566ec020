"""Transformer layers in evaluation, where PyTorch computes in another way than while training: what a user sees."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from tests.compare import torch, torchlike

F, T = False, True
MASKS = {
    "none": None,
    "left": [[F, F, T, T], [F] * 4, [F, T, T, T]],
    "scattered": [[F, T, F, T], [F] * 4, [F, T, T, T]],
    "a row": [[T] * 4, [F] * 4, [F, T, T, T]],
}


def outcomes(lib, norm_first: bool, final: bool, mask, causal: bool, mask_check: bool) -> list:
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layer = lib.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first)
        encoder = lib.nn.TransformerEncoder(layer, 2, lib.nn.LayerNorm(8) if final else None, mask_check=mask_check)
        layer.eval(), encoder.eval()
        x = lib.tensor(np.random.default_rng(0).standard_normal((3, 4, 8)).astype("float32"))
        padding = None if mask is None else lib.tensor(mask)
        later = lib.nn.Transformer.generate_square_subsequent_mask(4) if causal else None
        with lib.no_grad():
            results = [encoder(x, later, padding), layer(x, later, padding)]
            results += layer.self_attn(x, x, x, padding, attn_mask=later)
            results += layer.self_attn(x, x, x, padding, False, later)[:1]
        results.append(encoder(x, later, padding).detach())
    words = [str(w.message) for w in caught if "nested tensors is in prototype" not in str(w.message)]
    return [[r.numpy() for r in results], sorted(set(words))]


@pytest.mark.parametrize("mask", MASKS)
def test_evaluation(mask: str):
    for norm_first, final, causal, mask_check in itertools.product((F, T), repeat=4):
        if mask in ("scattered", "a row") and not mask_check:
            continue  # PyTorch raises, or reads memory that is not there
        case = (norm_first, final, MASKS[mask], causal, mask_check)
        (got, our_words), (want, their_words) = outcomes(torchlike, *case), outcomes(torch, *case)
        assert our_words == their_words, case
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            if mask == "a row" and np.isnan(w[0]).all():  # a sequence of padding alone: PyTorch has NaN in some ways
                g, w = g[1:], w[1:]
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5, err_msg=f"{i} of {case}")


def test_padded_places_are_zero():
    """The table above would not see it if both libraries stopped doing it."""
    got, _ = outcomes(torchlike, F, F, MASKS["left"], F, T)
    assert (got[0][0, 2:] == 0).all()
    assert (got[0][0, :2] != 0).all()
    assert (got[-1][0, 2:] != 0).all()
