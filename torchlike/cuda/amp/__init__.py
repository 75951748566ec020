"""torch.cuda.amp: the older names of torch.amp, for "cuda"."""

from torchlike.cuda.amp.autocast_mode import autocast as autocast
from torchlike.cuda.amp.autocast_mode import custom_bwd as custom_bwd
from torchlike.cuda.amp.autocast_mode import custom_fwd as custom_fwd
from torchlike.cuda.amp.grad_scaler import GradScaler as GradScaler
from torchlike.cuda.amp.grad_scaler import OptState as OptState
