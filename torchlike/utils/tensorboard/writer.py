"""torch.utils.tensorboard.writer: where PyTorch keeps the class."""

from torchlike.utils.tensorboard import FileWriter as FileWriter
from torchlike.utils.tensorboard import SummaryWriter as SummaryWriter
