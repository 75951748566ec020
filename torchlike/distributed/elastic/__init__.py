"""torch.distributed.elastic: processes that are started anew when they fail; there is one here."""

from torchlike.distributed.elastic import multiprocessing as multiprocessing
