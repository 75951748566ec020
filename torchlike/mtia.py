"""torch.mtia: Meta's accelerators, of which JAX has none here. What can be asked is answered, what needs one raises."""

from __future__ import annotations

from torchlike import absent as _absent


def _error(function: str) -> AssertionError:
    return AssertionError("Torch not compiled with MTIA enabled.")


_absent.finish(globals(), _absent.answers("mtia", _error))


def empty_cache() -> None:
    """Nothing to do: there is no mtia device here."""
