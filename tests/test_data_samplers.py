"""The order of samples in several processes, and where generators stand after epochs with and without workers.

`sampler_outcomes.json` holds what PyTorch 2.13 shows of each program in `sampler_programs`: the state of a generator is
compared bit by bit, by a checksum.
"""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

import torchlike
from tests import sampler_programs
from tests.data_kit import outcome

RECORDED = json.loads((pathlib.Path(__file__).parent / "data" / "sampler_outcomes.json").read_text())
WORKERS = pytest.mark.skipif(sys.platform == "win32", reason="workers are for systems with Unix sockets")


@pytest.mark.parametrize(
    "program", [pytest.param(p, marks=WORKERS if "2 workers" in p else ()) for p in sampler_programs.PROGRAMS]
)
def test_same_as_pytorch(program):
    assert repr(outcome(sampler_programs.PROGRAMS[program], torchlike)) == RECORDED[program]


def test_nothing_is_recorded_that_is_not_run():
    assert sorted(RECORDED) == sorted(sampler_programs.PROGRAMS)


def test_the_comparison_sees_a_generator_s_state():
    torchlike.manual_seed(1)
    before = sampler_programs.state(torchlike, "get_rng_state")
    torchlike.rand(1)
    assert sampler_programs.state(torchlike, "get_rng_state") != before
