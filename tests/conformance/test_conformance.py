"""The operator database, held to failures.tsv: what is not listed passes, what is listed still fails.

The whole takes every sample of every entry (slow); the everyday subset two samples of each aspect.
"""

from __future__ import annotations

import jax
import pytest

pytest.importorskip("torch", reason="the operator database is part of PyTorch")

from tests.conformance import aspects, database  # noqa: E402
from tests.conformance.__main__ import known  # noqa: E402
from torchlike.core import program  # noqa: E402

LISTED = known()


def failing(name: str, limit: int | None) -> dict[str, str]:
    """The aspects of an entry that do not pass, with the first difference."""
    reports = aspects.examine(database.in_scope()[name], limit)
    program.forget()
    jax.clear_caches()
    return {a: f"{r.failures[0].sample}: {r.failures[0].what}" for a, r in reports.items() if r.failures}


@pytest.mark.slow
@pytest.mark.parametrize("name", database.in_scope())
def test_every_sample(name):
    found = failing(name, None)
    listed = {a for n, a in LISTED if n == name}
    assert not {a: why for a, why in found.items() if a not in listed}
    passing = sorted(listed - set(found))
    assert not passing, f"{name} {passing} pass now: take them out of failures.tsv"


@pytest.mark.parametrize("name", database.in_scope())
def test_some_samples(name):
    found = failing(name, 2)
    assert not {a: why for a, why in found.items() if (name, a) not in LISTED}


def test_the_list_names_what_there_is():
    scope = database.in_scope()
    assert not [pair for pair in LISTED if pair[0] not in scope or pair[1] not in aspects.aspects_of(scope[pair[0]])]
