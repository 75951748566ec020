"""torch.distributed.distributed_c10d: where PyTorch keeps groups, collectives and stores."""

from torchlike.distributed.collectives import *  # noqa: F403
from torchlike.distributed.collectives import _all_gather_base as _all_gather_base
from torchlike.distributed.collectives import _reduce_scatter_base as _reduce_scatter_base
from torchlike.distributed.groups import *  # noqa: F403
from torchlike.distributed.groups import _get_default_group as _get_default_group
from torchlike.distributed.groups import _get_default_store as _get_default_store
from torchlike.distributed.groups import _rank_not_in_group as _rank_not_in_group
from torchlike.distributed.groups import _world as _world
from torchlike.distributed.stores import *  # noqa: F403
