"""The modules of torch.nn."""

from torchlike.nn.modules.activation import *  # noqa: F403
from torchlike.nn.modules.adaptive import *  # noqa: F403
from torchlike.nn.modules.attention import *  # noqa: F403
from torchlike.nn.modules.batchnorm import *  # noqa: F403
from torchlike.nn.modules.container import *  # noqa: F403
from torchlike.nn.modules.conv import *  # noqa: F403
from torchlike.nn.modules.distance import *  # noqa: F403
from torchlike.nn.modules.dropout import *  # noqa: F403
from torchlike.nn.modules.flatten import *  # noqa: F403
from torchlike.nn.modules.label_loss import *  # noqa: F403
from torchlike.nn.modules.lazy_layers import *  # noqa: F403
from torchlike.nn.modules.linear import *  # noqa: F403
from torchlike.nn.modules.loss import *  # noqa: F403
from torchlike.nn.modules.module import Module as Module
from torchlike.nn.modules.normalization import *  # noqa: F403
from torchlike.nn.modules.padding import *  # noqa: F403
from torchlike.nn.modules.pooling import *  # noqa: F403
from torchlike.nn.modules.rnn import *  # noqa: F403
from torchlike.nn.modules.sparse import *  # noqa: F403
from torchlike.nn.modules.transformer import *  # noqa: F403
from torchlike.nn.modules.unpooling import *  # noqa: F403
from torchlike.nn.modules.upsampling import *  # noqa: F403
