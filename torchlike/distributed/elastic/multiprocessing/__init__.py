"""torch.distributed.elastic.multiprocessing: processes that are started anew when they fail."""

from torchlike.distributed.elastic.multiprocessing import errors as errors
