"""The operator database, held to failures.tsv: what is not listed passes, what is listed still fails.

`python -m tests.conformance` takes every sample. Here each aspect takes `LIMIT` of them, evenly spread (slow), one that
is listed every one; the everyday subset one of the two main aspects.
"""

from __future__ import annotations

import os

import pytest

pytest.importorskip("torch", reason="the operator database is part of PyTorch")

from tests.suite import Suite  # noqa: E402

SUITE = Suite("tests.conformance")
NAMES = list(SUITE.database.in_scope())
LIMIT = int(os.environ.get("CONFORMANCE_LIMIT", "2"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_entry(name):
    SUITE.hold(name, LIMIT)


@pytest.mark.parametrize("name", NAMES)
def test_one_sample(name):
    assert not SUITE.failing(name, 1, {"forward", "gradient"} - SUITE.listed(name))


def test_the_list_names_what_there_is():
    assert not SUITE.strangers()
