"""torch.optim: optimizers and learning rate schedulers. PyTorch's names and formulas, computed by optax."""

from torchlike.optim import lr_scheduler as lr_scheduler
from torchlike.optim import swa_utils as swa_utils
from torchlike.optim._adafactor import Adafactor as Adafactor
from torchlike.optim._muon import Muon as Muon
from torchlike.optim._stateless import swap_in_optimizer_params_and_state as swap_in_optimizer_params_and_state
from torchlike.optim.adam import Adam as Adam
from torchlike.optim.adam import AdamW as AdamW
from torchlike.optim.adam_variants import Adamax as Adamax
from torchlike.optim.adam_variants import NAdam as NAdam
from torchlike.optim.adam_variants import RAdam as RAdam
from torchlike.optim.adaptive import Adadelta as Adadelta
from torchlike.optim.adaptive import Adagrad as Adagrad
from torchlike.optim.adaptive import RMSprop as RMSprop
from torchlike.optim.asgd_rprop import ASGD as ASGD
from torchlike.optim.asgd_rprop import Rprop as Rprop
from torchlike.optim.from_optax import from_optax as from_optax
from torchlike.optim.lbfgs import LBFGS as LBFGS
from torchlike.optim.optimizer import Optimizer as Optimizer
from torchlike.optim.sgd import SGD as SGD
from torchlike.optim.sparse_adam import SparseAdam as SparseAdam
