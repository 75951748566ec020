"""One case under a library: its numbers and the generator's state afterwards; and how two such compare."""

from __future__ import annotations

import hashlib
import warnings
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tests.random_draws.kinds import KINDS


class Drawn(NamedTuple):
    """What came of a case."""

    values: np.ndarray  # integers of the width of the dtype: the bits
    dtype: str
    state: str  # a digest of the states, 5056 bytes each, of the generator and the default one
    error: str = ""  # the class of the exception, if one was raised


SEEDS = (0, 1, 42, 2**32 + 7, -3)


def run(lib: Any, kind: str, number: int) -> Drawn:
    """A case, drawn from its number."""
    rng = Random(f"{kind} {number}")
    seed = rng.choice([*SEEDS, rng.getrandbits(40)])
    generator = lib.Generator() if rng.random() < 0.5 and not _global(kind) else lib.default_generator
    lib.manual_seed(seed + 1 if seed < 2**32 else 7)  # nn.init.sparse_ draws from it whatever it is given
    generator.manual_seed(seed)
    for n in (rng.choice([0, 0, 1, 3]), rng.choice([0, 0, 5, 623])):  # a normal waits, a block is nearly used up
        lib.randn(n, generator=generator), lib.rand(n, generator=generator)
    given = {} if generator is lib.default_generator else {"generator": generator}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = KINDS[kind](lib, rng, given)
        except Exception as e:  # noqa: BLE001  whatever it is, the other library must raise it too
            return Drawn(np.zeros(0, np.int8), "", _state(lib, generator), type(e).__name__)
    return Drawn(_bits(lib, made), str(made.dtype).rpartition(".")[2], _state(lib, generator))


def _global(kind: str) -> bool:
    return "dropout" in kind or kind in ("rrelu", "gumbel_softmax")


def _state(lib: Any, generator: Any) -> str:
    states = generator.get_state().numpy().tobytes() + lib.get_rng_state().numpy().tobytes()
    return hashlib.sha256(states).hexdigest()[:16]


def _bits(lib: Any, made: Any) -> np.ndarray:
    made = made.detach()
    if hasattr(made, "_host"):  # without an operation, which would be compiled for every shape
        values = np.ascontiguousarray(made._host())
    else:
        made = made.contiguous()
        values = (made.view(lib.int16) if made.dtype is lib.bfloat16 else made).numpy()
    wide = values.real.itemsize if values.dtype.kind == "c" else values.itemsize
    return values.reshape(-1).view(f"i{wide}")


def distance(ours: Drawn, theirs: Drawn) -> float:
    """How many units in the last place the numbers are apart at most; infinite if anything else differs."""
    if (ours.dtype, ours.state, ours.error) != (theirs.dtype, theirs.state, theirs.error):
        return np.inf
    if ours.values.shape != theirs.values.shape:
        return np.inf
    if np.array_equal(ours.values, theirs.values):
        return 0
    if "float" not in ours.dtype and "complex" not in ours.dtype:
        return np.inf
    a, b = (_ordered(x.values) for x in (ours, theirs))
    return float(np.abs(a - b).max())


NEAR = {
    "init.orthogonal_": ("the QR decomposition is another LAPACK's", 1e-5, 1e-12),
    "_sample_dirichlet": ("a row is summed in the order of the processor's vectors", 1e-6, 1e-15),
    "multinomial": ("16-bit scores are equal here and there; PyTorch's sort leaves these in any order", 0, 0),
}
"""Kinds whose numbers may be further apart: why, and by how much in float32 and float64."""


def near(kind: str, ours: Drawn, theirs: Drawn) -> bool:
    """Whether numbers that differ by more than a unit in the last place are explained by `NEAR`."""
    if kind not in NEAR or ours[1:] != theirs[1:] or ours.values.shape != theirs.values.shape:
        return False
    if kind == "multinomial":
        return np.array_equal(np.sort(ours.values), np.sort(theirs.values))
    _, single, double = NEAR[kind]
    a, b = (x.values.view(x.dtype) for x in (ours, theirs))
    return bool(np.abs(a - b).max() <= (double if ours.dtype == "float64" else single))


def judge(kind: str, ours: Drawn, theirs: Drawn) -> str:
    """"equal" to the bit, "1 ulp" apart, "near" for a reason in `NEAR`, or "differ"."""
    apart = distance(ours, theirs)
    return "equal" if apart == 0 else "1 ulp" if apart <= 1 else "near" if near(kind, ours, theirs) else "differ"


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Integers in the order of the floats of these bits. (float64 steps beyond 2**53 are all far apart anyway.)"""
    least = np.iinfo(bits.dtype).min
    return np.where(bits < 0, least - bits, bits).astype(np.float64 if bits.itemsize < 8 else object)
