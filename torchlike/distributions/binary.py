"""What distributions given by probabilities or by logits have in common."""

from __future__ import annotations

from typing import Any

from torchlike.distributions.utils import lazy_property, logits_to_probs, probs_to_logits
from torchlike.tensor import Tensor


class ProbsOrLogits:
    """Keeps the one that is given as `probs` or `logits`, and computes the other when it is asked for."""

    _binary = True

    def _take(self, probs: Any, logits: Any, prepare: Any) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        name, value = ("probs", probs) if probs is not None else ("logits", logits)
        self.__dict__[name] = self._param = prepare(value)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)

    @lazy_property
    def logits(self) -> Tensor:
        """Logarithms of odds (of probabilities, where there are several)."""
        return probs_to_logits(self.probs, self._binary)

    @property
    def param_shape(self) -> Any:
        """The shape of what was given."""
        return self._param.size()

    def _expand_more(self, new: Any, batch_shape: Any) -> None:
        new._param = new.__dict__["probs"] if "probs" in new.__dict__ else new.__dict__["logits"]
