"""torch.ao: quantization and pruning, of which there is nothing here yet; its calls raise."""

from torchlike.ao import quantization as quantization
