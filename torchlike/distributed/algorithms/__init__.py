"""torch.distributed.algorithms: what several processes do together; names can be imported, uses raise."""

from torchlike.distributed.algorithms import _checkpoint as _checkpoint
from torchlike.distributed.algorithms import ddp_comm_hooks as ddp_comm_hooks
from torchlike.distributed.algorithms import join as join
from torchlike.distributed.algorithms import model_averaging as model_averaging
from torchlike.distributed.algorithms.join import Join as Join  # type: ignore[attr-defined]
