"""ShardedGradScaler: in one process the ordinary scaler."""

from torchlike.amp.grad_scaler import GradScaler


class ShardedGradScaler(GradScaler):
    """`torch.amp.GradScaler`: no gradient is in parts here."""
