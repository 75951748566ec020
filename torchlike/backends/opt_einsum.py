"""torch.backends.opt_einsum: how torch.einsum finds the order of its products. JAX brings opt_einsum along.

`enabled` and `strategy` are kept; see torch.einsum for what it does.
"""

from __future__ import annotations

enabled = True
strategy = "auto"


def is_available() -> bool:
    """True."""
    return True
