"""Operations on boxes and regions, and layers that vision models share: torchvision.ops."""

from torchlike.vision.ops.boxes import *  # noqa: F403
from torchlike.vision.ops.drop_block import *  # noqa: F403
from torchlike.vision.ops.focal_loss import *  # noqa: F403
from torchlike.vision.ops.misc import *  # noqa: F403
from torchlike.vision.ops.regions import *  # noqa: F403
from torchlike.vision.ops.stochastic_depth import *  # noqa: F403
