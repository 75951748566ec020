"""torch.optim: optimizers and learning rate schedulers. PyTorch's names and formulas, computed by optax."""

from torchlike.optim import lr_scheduler as lr_scheduler
from torchlike.optim.adam import Adam as Adam
from torchlike.optim.adam import AdamW as AdamW
from torchlike.optim.from_optax import from_optax as from_optax
from torchlike.optim.optimizer import Optimizer as Optimizer
from torchlike.optim.sgd import SGD as SGD
