"""torch.nn.attention.bias: causal masks for `scaled_dot_product_attention`."""

from torchlike.nn.causal_bias import *  # noqa: F403  written there, since attention itself asks for them
