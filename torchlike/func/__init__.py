"""torch.func: functions of functions, for gradients, Jacobians and batches."""

from torchlike import absent as _absent
from torchlike.func.functional import *  # noqa: F403
from torchlike.func.jacobians import *  # noqa: F403
from torchlike.func.state import *  # noqa: F403
from torchlike.func.transforms import *  # noqa: F403
from torchlike.func.vmap import vmap as vmap

_absent.fill(globals(), "use einops.rearrange", functions="rearrange")
