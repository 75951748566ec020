"""SparseAdam, whose gradients must be sparse: PyTorch's checks and its answer to dense ones."""

from __future__ import annotations

from typing import Any

from torchlike.core.graph import enable_grad
from torchlike.optim.optimizer import Optimizer, ParamsT
from torchlike.tensor import Tensor


class SparseAdam(Optimizer):
    """Adam for sparse gradients. All gradients are dense here, and for those `step` raises PyTorch's RuntimeError.

    Kept so that scripts which make one and never step it (or load its state) run, and others stop with PyTorch's words.
    Use `Adam` with dense gradients instead; rows of an embedding that a batch does not touch move there too, by their
    momentum. Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html.

    Args:
        params: real tensors, (name, tensor) pairs or groups.
        lr, betas, eps, maximize: as for Adam; lr and eps must be above 0.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, maximize: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i in (0, 1):
            if not 0.0 <= betas[i] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        groups = enumerate(self.param_groups)
        complex_params = [[i, j] for i, group in groups for j, p in enumerate(group["params"]) if p.is_complex()]
        if complex_params:
            raise ValueError(
                f"Complex params at indices {complex_params}: SparseAdam does not support complex parameters"
            )

    def step(self, closure: Any = None) -> Any:
        """Raises RuntimeError where a parameter has a gradient, as it is dense; returns what `closure` returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if any(p._grad is not None for group in self.param_groups for p in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        return loss
