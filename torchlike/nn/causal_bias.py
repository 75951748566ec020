"""Causal masks that know which corner they are aligned to: the contents of torch.nn.attention.bias."""

from __future__ import annotations

import enum
import warnings
from typing import Any

from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Where the diagonal of a causal mask that is not square begins (UPPER_LEFT) or ends (LOWER_RIGHT)."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask (seq_len_q, seq_len_kv) for `scaled_dot_product_attention`, made when it is needed.

    With LOWER_RIGHT the last query sees every key. A query that sees no key gives zeros.
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Any:  # type: ignore[misc]
        check(
            isinstance(variant, CausalVariant),
            f"variant must be a CausalVariant, got {type(variant).__name__}", AssertionError,
        )  # fmt: skip
        if seq_len_q > seq_len_kv and variant is CausalVariant.LOWER_RIGHT:
            warnings.warn(
                "Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!", stacklevel=2
            )
        made = Tensor._make_subclass(cls, Tensor())
        made.variant, made.seq_len_q, made.seq_len_kv = variant, seq_len_q, seq_len_kv  # type: ignore[attr-defined]
        return made

    def _materialize(self, device: Any = None) -> Tensor:
        """Booleans that are True where a key is seen."""
        import torchlike as torch

        last = self.seq_len_kv - self.seq_len_q if self.variant is CausalVariant.LOWER_RIGHT else 0
        ones = torch.ones(self.seq_len_q, self.seq_len_kv, dtype=torch.bool, device=device)
        return ones.tril(last)

    def __repr__(self) -> str:  # type: ignore[override]
        return repr(self._materialize())


def causal_upper_left(*size: int) -> CausalBias:
    """The mask (queries, keys) in which query i sees the keys 0 to i: the same as `is_causal=True`.

    >>> from torchlike.nn.attention.bias import causal_upper_left
    >>> causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])
    """
    check(len(size) == 2, "causal_upper_left only supports 2D tensors", AssertionError)
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size: int) -> CausalBias:
    """The mask (queries, keys) in which the last query sees every key, the one before all but the last, and so on.

    >>> from torchlike.nn.attention.bias import causal_lower_right
    >>> causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    check(len(size) == 2, "causal_lower_right only supports 2D tensors", AssertionError)
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)
