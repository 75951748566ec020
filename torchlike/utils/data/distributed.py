"""DistributedSampler: each process reads its own part of a data set, all of them in one order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import torchlike as torch
from torchlike.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index, beginning with number `rank`, of one order that all processes agree on.

    Args:
        dataset: anything with a length.
        num_replicas, rank: how many processes, and which one this is; by default those of torch.distributed.
        shuffle: a new random order in each epoch; call `set_epoch(epoch)` before it.
        seed: of the order; the same in all processes.
        drop_last: leave out what does not fill all parts; otherwise the first indices are repeated.

    Raises:
        ValueError: `rank` is not below `num_replicas`, or there is no process group to ask for them.
        AssertionError: when it is looped over, if the data set has grown or shrunk since then.

    Example:

        >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(
        self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
        seed: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        if num_replicas is None or rank is None:
            from torchlike import distributed

            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.drop_last, self.shuffle, self.seed = 0, drop_last, shuffle, seed
        n = len(dataset)
        if drop_last and n % num_replicas:
            self.num_samples = math.ceil((n - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            generator = torch.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = torch.randperm(n, generator=generator).tolist()
        else:
            indices = list(range(n))
        if self.drop_last:
            indices = indices[: self.total_size]
        elif indices:
            missing = self.total_size - len(indices)
            indices += (indices * max(1, math.ceil(missing / len(indices))))[:missing]
        if len(indices) != self.total_size:  # the data set has another length by now
            raise AssertionError(
                f"Number of indices ({len(indices)}) does not match total_size ({self.total_size})"
            )
        mine = indices[self.rank :: self.num_replicas]
        if len(mine) != self.num_samples:
            raise AssertionError(
                f"Number of subsampled indices ({len(mine)}) does not match num_samples ({self.num_samples})"
            )
        return iter(mine)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Which random order `shuffle` gives next."""
        self.epoch = epoch
