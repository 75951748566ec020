"""Sequences of several lengths: padded to one tensor, or packed so that a recurrent layer sees no padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from torchlike.ops.dims import broadcast_shape, wrap_dim
from torchlike.tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "pad_to_bucket", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class PackedSequence_(NamedTuple):
    """The four parts of a `PackedSequence`."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """Sequences of several lengths, step by step: first the first elements of all, then the second ones, and so on.

    Args:
        data: (sum of the lengths, ...).
        batch_sizes: how many sequences have a first element, a second, ...; an integer tensor on the CPU.
        sorted_indices: which sequence comes where after sorting by length, None if they were sorted.

    `pack_padded_sequence` and `pack_sequence` make it.
    """

    def __new__(cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence and pack_padded_sequence in "
                "nn.utils.rnn."
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with `data` on another device or of another dtype, the indices on that device."""
        data: Any = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *moved)

    def cpu(self) -> PackedSequence:
        """The same on the CPU."""
        return self.to("cpu")

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on a GPU."""
        return self.to(*(args or ("cuda",)), **kwargs)

    def float(self) -> PackedSequence:
        """The same in float32."""
        import torchlike as torch

        return self.to(torch.float32)

    def double(self) -> PackedSequence:
        """The same in float64."""
        import torchlike as torch

        return self.to(torch.float64)

    def half(self) -> PackedSequence:
        """The same in float16."""
        import torchlike as torch

        return self.to(torch.float16)

    def pin_memory(self) -> PackedSequence:
        """The same: memory is pinned by JAX where it needs to be."""
        return self

    def is_pinned(self) -> bool:
        """Whether the data is pinned."""
        return self.data.is_pinned()

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on an NVIDIA GPU."""
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one."""
    if permutation is None:
        return None
    import torchlike as torch

    return torch.empty_like(permutation).scatter_(0, permutation, torch.arange(permutation.numel()))


def _places(lengths: list[int], batch: int) -> tuple[list[int], list[int]]:
    """Where the elements of sorted sequences lie in a padded (T, N) tensor laid flat, and the batch sizes."""
    sizes = [sum(n > t for n in lengths) for t in range(lengths[0])]
    return [t * batch + b for t, n in enumerate(sizes) for b in range(n)], sizes


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack padded sequences (T, N, ...), or (N, T, ...) with `batch_first`, of these lengths (their values are read).

    With `enforce_sorted` the lengths must not grow; else the sequences are sorted here and sorted back later.
    """
    import torchlike as torch

    if not isinstance(lengths, Tensor):
        lengths = torch.as_tensor(lengths, dtype=torch.int64, device="cpu")
    order = None
    if not enforce_sorted:
        lengths, order = torch.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)  # type: ignore[attr-defined]
    x: Any = input.transpose(0, 1) if batch_first else input  # type: ignore[attr-defined]
    if not x.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    values = [int(n) for n in lengths.tolist()]
    steps, batch = x.shape[:2]
    if len(values) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(values)} (batch_size={batch})"
        )
    if any(b > a for a, b in zip(values, values[1:], strict=False)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    if values[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if values[0] > steps:
        raise RuntimeError(f"Expected lengths of at most {steps}, the steps there are, but got {values[0]}")
    at, sizes = _places(values, batch)
    data = x.flatten(0, 1).index_select(0, torch.tensor(at))
    return PackedSequence(data, torch.tensor(sizes, dtype=torch.int64), order, None)


def lengths_of(batch_sizes: Tensor) -> list[int]:
    """The lengths of the sorted sequences."""
    sizes: Any = batch_sizes.tolist()
    return [sum(n > b for n in sizes) for b in range(sizes[0])]


def padded(sequence: PackedSequence, padding_value: float = 0.0, total_length: int | None = None) -> tuple[Any, list]:
    """(the sorted sequences as (T, N, ...), their lengths)."""
    import torchlike as torch

    lengths = lengths_of(sequence.batch_sizes)
    steps = lengths[0] if total_length is None else total_length
    at, _ = _places(lengths, len(lengths))
    data: Any = sequence.data
    whole = data.new_full((steps * len(lengths), *data.shape[1:]), padding_value)
    whole = whole.index_copy(0, torch.tensor(at), data)
    return whole.unflatten(0, (steps, len(lengths))), lengths


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """(the padded sequences (T, N, ...), their lengths): the way back from `pack_padded_sequence`.

    `total_length` asks for more steps than the longest sequence has.
    """
    import torchlike as torch

    longest = sequence.batch_sizes.size(0)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    x, values = padded(sequence, padding_value, total_length)
    lengths: Any = torch.tensor(values)
    if batch_first:
        x = x.transpose(0, 1)
    if sequence.unsorted_indices is not None:
        x = x.index_select(0 if batch_first else 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.cpu()]  # type: ignore[attr-defined]
    return x, lengths


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (n_i, ...) as one tensor (T, N, ...), or (N, T, ...) with `batch_first`; T is the longest n_i.

    >>> import torchlike as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(1)], batch_first=True)
    tensor([[1., 1.],
            [1., 0.]])
    """
    import torchlike as torch

    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    parts = list(sequences.unbind(0) if isinstance(sequences, Tensor) else sequences)  # type: ignore[attr-defined]
    if not parts:
        raise RuntimeError("received an empty list of sequences")
    longest = max(p.size(0) for p in parts)
    grown = []
    for p in parts:
        if p.shape[1:] != parts[0].shape[1:]:
            broadcast_shape((1, *parts[0].shape[1:]), (1, *p.shape[1:]))
            raise RuntimeError("All dimensions of the sequences but the first must be the same")
        if p.size(0) < longest:
            rest = p.new_full((longest - p.size(0), *p.shape[1:]), padding_value)
            p = torch.cat([p, rest] if padding_side == "right" else [rest, p])
        grown.append(p.to(parts[0].dtype))
    return torch.stack(grown, 0 if batch_first else 1)


def pad_to_bucket(input: Tensor, bucket: int, dim: int = 1, value: float = 0) -> Tensor:
    """`input` with dimension `dim` padded at its end to the next multiple of `bucket`. Not in PyTorch.

    Every length is a structure of its own, which costs tracing, and compilation if it comes back; padded like this, a
    loop over many lengths has few. What the padding must not change is the caller's to leave out (`ignore_index`, a
    mask).

    >>> import torchlike as torch
    >>> torch.nn.utils.rnn.pad_to_bucket(torch.tensor([[1, 2, 3]]), 4, value=-1)
    tensor([[ 1,  2,  3, -1]])
    """
    import torchlike as torch

    if bucket <= 0:
        raise ValueError(f"pad_to_bucket(): expected a bucket greater than 0, but got {bucket}")
    dim = wrap_dim(dim, input.dim())
    missing = -input.shape[dim] % bucket
    if not missing:
        return input
    rest = input.new_full((*input.shape[:dim], missing, *input.shape[dim + 1 :]), value)
    return torch.cat([input, rest], dim)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences, each cut to its length: the way back from `pad_sequence`."""
    x: Any = padded_sequences if batch_first else padded_sequences.transpose(0, 1)  # type: ignore[attr-defined]
    given: Any = lengths.tolist()
    return [row[: int(n)] for row, n in zip(x, given, strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (n_i, ...); see `pack_padded_sequence`."""
    lengths = [s.size(0) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences: the way back from `pack_sequence`."""
    x, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(x, lengths, batch_first=True)
