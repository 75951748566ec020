"""The data toolbox: data sets, samplers and the loader, as in ``torch.utils.data``.

Data flows downwards through the files: a *data set* knows its samples (``dataset.py``), a *sampler* says in which order
they are read (``sampler.py``), *collation* makes one batch of several samples (``collate.py``), and the *loader* joins
the three into something to loop over (``dataloader.py``), from which batches may be read ahead onto an accelerator
(``prefetch.py``). Under the same seed the orders are PyTorch's.

Example:
    >>> from torchlike.utils.data import DataLoader
    >>> [batch.tolist() for batch in DataLoader(range(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
"""

from torchlike.utils.data.collate import default_collate, default_convert
from torchlike.utils.data.dataloader import DataLoader, get_worker_info
from torchlike.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from torchlike.utils.data.distributed import DistributedSampler
from torchlike.utils.data.prefetch import prefetch_to_device
from torchlike.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "prefetch_to_device",
    "random_split",
]
