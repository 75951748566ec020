"""Batch and instance normalisation: layers with running statistics."""

from __future__ import annotations

import warnings

from torchlike import creation
from torchlike.core import dtype as _dtype
from torchlike.core.graph import no_grad
from torchlike.nn import functional as F
from torchlike.nn import init
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "SyncBatchNorm",
]  # fmt: skip


class _NormBase(Module):
    """Weight and bias per channel, and running statistics as buffers; any of them may be missing."""

    _version = 2  # 2: num_batches_tracked is part of the state
    dims: tuple[int, ...]  # of the inputs taken

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
        device=None, dtype=None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        where = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(creation.empty(num_features, **where)) if wanted else None)
        if track_running_stats:
            self.register_buffer("running_mean", creation.zeros(num_features, **where))
            self.register_buffer("running_var", creation.ones(num_features, **where))
            self.register_buffer("num_batches_tracked", creation.tensor(0, dtype=_dtype.int64, device=device))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batches seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, running statistics as at first."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in self.dims:
            wanted = " or ".join(f"{d}D" for d in self.dims)
            raise ValueError(f"expected {wanted} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        """num_features and the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest) -> None:
        key = prefix + "num_batches_tracked"
        if local_metadata.get("version") in (None, 1) and self.track_running_stats and key not in state_dict:
            known = self.num_batches_tracked
            state_dict[key] = creation.tensor(0, dtype=_dtype.int64) if known is None else known
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input; while training the running statistics are updated."""
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        mean, var, batches = self.running_mean, self.running_var, self.num_batches_tracked
        if self.training and self.track_running_stats and batches is not None:
            with no_grad():
                batches.add_(1)
                if self.momentum is None:  # the mean of all batches; a tensor, since reading it would be a barrier
                    momentum = 1.0 / batches
        own = self.training or (mean is None and var is None)
        track = not self.training or self.track_running_stats
        return F.batch_norm(
            input, mean if track else None, var if track else None, self.weight, self.bias, own, momentum, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Normalises every feature of (N, C) or (N, C, L) over the batch; its body is flax.linen.BatchNorm.

    See `BatchNorm2d`.
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalises every channel of (N, C, H, W) over the batch (https://arxiv.org/abs/1502.03167).

    (x - mean) / sqrt(var + eps) · weight + bias. While training, mean and variance are the batch's, and the running
    ones become (1 - momentum) · running + momentum · batch's (unbiased variance); `momentum=None` averages over all
    batches seen. In evaluation the running ones are used, or the batch's if `track_running_stats` is False. Its body is
    flax.linen.BatchNorm.

    >>> import torchlike as torch
    >>> norm = torch.nn.BatchNorm2d(3)
    >>> norm(torch.ones(2, 3, 4, 4)).shape, norm.num_batches_tracked
    (torch.Size([2, 3, 4, 4]), tensor(1))
    """

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalises every channel of (N, C, D, H, W) over the batch; its body is flax.linen.BatchNorm.

    See `BatchNorm2d`.
    """

    dims = (5,)


class _InstanceNorm(_NormBase):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input."""
        self._check_input_dim(input)
        unbatched = input.dim() == min(self.dims)
        channels = input.size(0 if unbatched else 1)
        if channels != self.num_features:
            where = f"input's size at dim={0 if unbatched else 1}"
            if self.affine:
                raise ValueError(f"expected {where} to match num_features ({self.num_features}), but got: {channels}.")
            warnings.warn(
                f"{where} does not match num_features. You can silence this warning by not passing in num_features, "
                "which is not used because affine=False",
                stacklevel=2,
            )
        own = self.training or not self.track_running_stats
        out = F.instance_norm(
            input.unsqueeze(0) if unbatched else input, self.running_mean, self.running_var, self.weight, self.bias,
            own, self.momentum if self.momentum is not None else 0.0, self.eps,
        )  # fmt: skip
        return out.squeeze(0) if unbatched else out


    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing, unexpected, errors) -> None:
        # before 0.4.0 PyTorch saved statistics with every instance normalisation
        found = [prefix + n for n in ("running_mean", "running_var") if prefix + n in state_dict]
        if local_metadata.get("version") is None and not self.track_running_stats and found:
            name = type(self).__name__
            errors.append(
                f"Unexpected running stats buffer(s) {' and '.join(map(repr, found))} for {name} with "
                "track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be expected "
                f"because {name} does not track running stats by default since 0.4.0. Please remove these keys from "
                "state_dict. If the running stats are actually needed, instead set track_running_stats=True in "
                f"{name} to enable them. See the documentation of {name} for details.".replace("'", '"')
            )
            for key in found:
                state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing, unexpected, errors)


class InstanceNorm1d(_InstanceNorm):
    """Normalises every channel of every sample of (N, C, L) or (C, L) by itself (https://arxiv.org/abs/1607.08022).

    Its body is flax.linen.BatchNorm over one sample whose channels are those of all samples; flax.linen.InstanceNorm
    has no running statistics.
    """

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalises every channel of every sample of (N, C, H, W) or (C, H, W) by itself.

    Its body is flax.linen.BatchNorm, as that of `InstanceNorm1d`.
    """

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalises every channel of every sample of (N, C, D, H, W) or (C, D, H, W) by itself.

    Its body is flax.linen.BatchNorm, as that of `InstanceNorm1d`.
    """

    dims = (4, 5)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of (N, C, *) over all processes; here there is one, so it is `BatchNorm` of any dimension.

    Its body is flax.linen.BatchNorm. `process_group` is accepted and kept.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, process_group=None, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group=None) -> Module:
        """The module with every batch normalisation in it replaced by this one, weights and statistics kept."""
        made = module
        if isinstance(module, _BatchNorm) and not isinstance(module, cls):
            made = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group, bias=module.bias is not None,
            )  # fmt: skip
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(made, name, getattr(module, name))
            made.training = module.training
        for name, child in module.named_children():
            made.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return made
