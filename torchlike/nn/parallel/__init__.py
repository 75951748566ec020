"""torch.nn.parallel: one module on several devices. JAX does that by sharding; the wrappers serve one process here."""

from torchlike.nn.parallel import distributed as distributed
from torchlike.nn.parallel.data_parallel import DataParallel as DataParallel
from torchlike.nn.parallel.data_parallel import data_parallel as data_parallel
from torchlike.nn.parallel.distributed import DistributedDataParallel as DistributedDataParallel
