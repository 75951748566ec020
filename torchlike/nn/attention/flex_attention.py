"""Attention whose scores and mask are given as Python functions of one element.

PyTorch compiles them into a kernel; here `vmap` applies them to all scores at once and XLA compiles what comes out. All
scores are held in memory, whatever the block mask leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

from torchlike.core.graph import no_grad
from torchlike.func.vmap import vmap
from torchlike.tensor import Tensor

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask",
    "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

_DEFAULT_SPARSE_BLOCK_SIZE = 128


class FlexKernelOptions(TypedDict, total=False):
    """What PyTorch's kernels can be told; accepted by `flex_attention`, where there is no kernel to tell."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: str


class AuxRequest(NamedTuple):
    """What `flex_attention` is asked for besides its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for: the logarithm of the sum of exponentials, the largest score; each (B, H, L)."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def noop_mask(batch: Any, head: Any, token_q: Any, token_kv: Any) -> Any:
    """The mask function that hides nothing."""
    return batch.new_ones((), dtype=_bool())


def _bool() -> Any:
    import torchlike as torch

    return torch.bool


def _everywhere(fn: Callable, *given: Any) -> Any:
    """A function of single elements for all (batch, head, query, key); scores, if `given`, are its first argument."""
    scores = (0,) * len(given)
    for dims in ((None, None, None, 0), (None, None, 0, None), (None, 0, None, None), (0, None, None, None)):
        fn = vmap(fn, in_dims=(*scores, *dims))
    return fn


def _indices(*sizes: int, device: Any) -> list:
    import torchlike as torch

    return [torch.arange(n, device=device) for n in sizes]


def create_mask(
    mod_fn: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None
) -> Tensor:
    """(B, H, Q_LEN, KV_LEN): what `mask_mod(b, h, q, kv)` says, True where a key is seen. B and H are 1 for None."""
    with no_grad():
        return _everywhere(mod_fn)(*_indices(B or 1, H or 1, Q_LEN, KV_LEN, device=device))


def and_masks(*mask_mods: Callable) -> Callable:
    """The mask function that is True where all of these are."""

    def both(b: Any, h: Any, q: Any, kv: Any) -> Any:
        result = b.new_ones((), dtype=_bool())
        for mod in mask_mods:
            result = result & mod(b, h, q, kv)
        return result

    return both


def or_masks(*mask_mods: Callable) -> Callable:
    """The mask function that is True where one of these is."""

    def either(b: Any, h: Any, q: Any, kv: Any) -> Any:
        result = b.new_zeros((), dtype=_bool())
        for mod in mask_mods:
            result = result | mod(b, h, q, kv)
        return result

    return either


class BlockMask:
    """A mask function with the sizes it is for; `create_block_mask` makes it."""

    def __init__(self, mask: Any, mask_mod: Callable, shape: tuple, block_size: tuple[int, int]):
        self.mask = mask  # (B, H, L, S)
        self.mask_mod = mask_mod
        self.shape = shape
        self.seq_lengths = shape[-2:]
        self.BLOCK_SIZE = block_size

    def numel(self) -> int:
        """The number of scores it is for."""
        b, h, q, kv = self.shape
        return b * h * q * kv

    def to_dense(self) -> Any:
        """(B, H, query blocks, key blocks): 1 where a block has a score that is seen."""
        import torchlike as torch

        rows, columns = self.BLOCK_SIZE
        q, kv = self.seq_lengths
        grown = torch.nn.functional.pad(self.mask, (0, -kv % columns, 0, -q % rows))
        return grown.unflatten(-1, (-1, columns)).unflatten(-3, (-1, rows)).any(-1).any(-2).to(torch.int32)

    def sparsity(self) -> float:
        """The share of blocks without a score that is seen, in percent."""
        dense = self.to_dense().float()
        return 100 * (1 - float(dense.mean()))

    def to(self, device: Any) -> BlockMask:
        """The same on another device."""
        return BlockMask(self.mask.to(device), self.mask_mod, self.shape, self.BLOCK_SIZE)

    def __repr__(self) -> str:
        return f"BlockMask(shape={tuple(self.shape)}, sparsity={self.sparsity():.2f}%)"


def create_block_mask(
    mask_mod: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False,
) -> BlockMask:  # fmt: skip
    """The mask of `mask_mod(b, h, q, kv)`, True where a key is seen, for `flex_attention`.

    B and H are None where the mask does not depend on them. The device is the default one, not "cuda" as in PyTorch.
    """
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    return BlockMask(mask, mask_mod, (B or 1, H or 1, Q_LEN, KV_LEN), size)


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, score_mod: Callable | None = None, block_mask: BlockMask | None = None,
    scale: float | None = None, enable_gqa: bool = False, return_lse: bool = False,
    kernel_options: dict | None = None, *, return_aux: AuxRequest | None = None,
) -> Any:  # fmt: skip
    """softmax(score_mod(query · keyᵀ · scale)) · value, over the keys that `block_mask` shows.

    Args:
        query: (B, Hq, L, E).
        key, value: (B, H, S, E), (B, H, S, Ev); with `enable_gqa` H divides Hq, else they are equal.
        score_mod: `score_mod(score, b, h, q, kv)`, from 0-dim tensors to the new score.
        return_lse: also return the logarithm of the sum of exponentials (B, Hq, L); `return_aux` is the newer way.
        kernel_options: accepted, as there is no kernel to choose.

    Returns (B, Hq, L, Ev); zeros for a query that sees no key.
    """
    import torchlike as torch

    q, k, v = (x for x in (query, key, value))
    if not (q.dim() == k.dim() == v.dim() == 4):
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if q.dtype is not k.dtype or q.dtype is not v.dtype:
        raise ValueError(
            "Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {q.dtype}, key.dtype: {k.dtype}, and value.dtype: {v.dtype} instead."
        )
    if not enable_gqa and q.size(1) != k.size(1):
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={q.size(1)} and Hkv={k.size(1)}. "
            "Try setting enable_gqa=True for GQA."
        )
    if enable_gqa:
        if q.size(1) % k.size(1):
            raise ValueError(
                "Expect number of query heads to be a multiple of kv heads for GQA but got "
                f"Hq={q.size(1)} and Hkv={k.size(1)}."
            )
        times = q.size(1) // k.size(1)
        k, v = (x.repeat_interleave(times, 1) for x in (k, v))  # type: ignore[attr-defined]
    wide = torch.float64 if q.dtype is torch.float64 else torch.float32
    scale = q.size(-1) ** -0.5 if scale is None else scale
    scores: Any = (q @ k.transpose(-2, -1)).to(wide) * scale  # type: ignore[attr-defined,operator]
    if score_mod is not None:
        scores = _everywhere(score_mod, scores)(scores, *_indices(*scores.shape, device=q.device)).to(wide)
    if block_mask is not None:
        rows, columns = scores.shape[-2:]
        if rows > block_mask.seq_lengths[0] or columns > block_mask.seq_lengths[1]:
            raise ValueError(
                f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={rows} and "
                f"kv_len={columns}. As the block mask was created for a smaller length than you're using it for, you "
                "likely need to create a new block mask."
            )
        scores = scores.masked_fill(~block_mask.mask[..., :rows, :columns], float("-inf"))
    lse = scores.logsumexp(-1)
    seen = (lse != float("-inf")).unsqueeze(-1)
    weights = torch.where(seen, (scores - torch.where(seen, lse.unsqueeze(-1), 0.0)).exp(), 0.0)
    out = weights.to(q.dtype) @ v
    if return_aux is not None:
        return out, AuxOutput(lse if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None)
    return (out, lse) if return_lse else out
