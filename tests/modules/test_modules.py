"""PyTorch's database of modules, held to failures.tsv: what is not listed passes, what is listed still fails.

`python -m tests.modules` takes every sample. Here each aspect takes `LIMIT` of them, evenly spread (slow), the everyday
subset one, of the aspects that ask for most.
"""

from __future__ import annotations

import os

import pytest

torch = pytest.importorskip("torch", reason="the database of modules is part of PyTorch")

from tests.suite import Suite  # noqa: E402

SUITE = Suite("tests.modules")
NAMES = list(SUITE.database.in_scope())
LIMIT = int(os.environ.get("MODULES_LIMIT", "2"))
EVERYDAY = {"construct", "gradient", "errors"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_entry(name):
    SUITE.hold(name, LIMIT)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("nn.")])
def test_one_sample(name):
    assert not SUITE.failing(name, 1, EVERYDAY - SUITE.listed(name))


def test_the_list_names_what_there_is():
    assert not SUITE.strangers()


@pytest.mark.parametrize(
    ("break_it", "aspect"),
    [
        (lambda m: setattr(m, "out_features", 9), "construct"),
        (lambda m: m.weight.data.mul_(1.001), "train"),
        (lambda m: m.register_buffer("extra", m.weight.detach()), "train"),
        (lambda m: m.weight.requires_grad_(False), "gradient"),
    ],
)
def test_the_suite_can_fail(monkeypatch, break_it, aspect):
    """A layer that is a little wrong does not pass."""
    entry = SUITE.database.in_scope()["nn.Linear"]

    def broken(sample):
        def ours():
            made = sample.ours()
            forward = made.forward

            def spoiled(*args, **kwargs):
                break_it(made)
                return forward(*args, **kwargs)

            if aspect == "construct":
                break_it(made)
            else:
                made.forward = spoiled
            return made

        return sample._replace(ours=ours)

    worse = entry._replace(samples=lambda *a: [broken(s) for s in entry.samples(*a)[:1]])
    assert SUITE.aspects.examine(worse, 1, {aspect})[aspect].failures


def test_docstrings_say_what_flax_does():
    """Each layer with parameters names the Flax layer that is its body, or says that there is none."""
    silent = []
    for name in (n for n in SUITE.database.in_scope() if n.startswith("nn.")):
        sample = SUITE.database.in_scope()[name].samples(torch.float32, True, False)[0]
        if list(sample.theirs().parameters()):
            own = [c for c in type(sample.ours()).__mro__ if c.__module__.startswith("torchlike.nn.modules.")]
            if not any("lax" in (c.__doc__ or "") for c in own if c.__name__ != "Module"):
                silent.append(name)
    assert not silent
