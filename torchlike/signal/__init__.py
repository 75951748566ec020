"""torch.signal: window functions, in `torch.signal.windows`."""

from torchlike.signal import windows as windows
