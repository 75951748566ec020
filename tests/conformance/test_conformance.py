"""The operator database, held to failures.tsv: what is not listed passes, what is listed still fails.

`python -m tests.conformance` takes every sample. Here each aspect takes `LIMIT` of them, evenly spread (slow), one that
is listed every one; the everyday subset one of the two main aspects.
"""

from __future__ import annotations

import os

import jax
import pytest

pytest.importorskip("torch", reason="the operator database is part of PyTorch")

from tests.conformance import aspects, database  # noqa: E402
from tests.conformance.runner import known  # noqa: E402
from torchlike.core import program  # noqa: E402

LIMIT = int(os.environ.get("CONFORMANCE_LIMIT", "2"))
LISTED: dict[str, set[str]] = {}
for _name, _aspect in known():
    LISTED.setdefault(_name, set()).add(_aspect)


def failing(name: str, limit: int | None, only) -> dict[str, str]:
    """The aspects of an entry that do not pass, with the first difference."""
    reports = aspects.examine(database.in_scope()[name], limit, only)
    program.forget()
    jax.clear_caches()
    return {a: f"{r.failures[0].sample}: {r.failures[0].what}" for a, r in reports.items() if r.failures}


@pytest.mark.slow
@pytest.mark.parametrize("name", database.in_scope())
def test_entry(name):
    listed = LISTED.get(name, set())
    others = set(aspects.aspects_of(database.in_scope()[name])) - listed
    assert not failing(name, LIMIT, others)
    if listed:
        passing = sorted(listed - set(failing(name, None, listed)))
        assert not passing, f"{name} {passing} pass now: take them out of failures.tsv"


@pytest.mark.parametrize("name", database.in_scope())
def test_one_sample(name):
    assert not failing(name, 1, {"forward", "gradient"} - LISTED.get(name, set()) or {"none"})


def test_the_list_names_what_there_is():
    scope = database.in_scope()
    strangers = [n for n, wanted in LISTED.items() if n not in scope or wanted - set(aspects.aspects_of(scope[n]))]
    assert not strangers
