"""Activation layers."""

from __future__ import annotations

import warnings

from torchlike import creation
from torchlike.nn import functional as F
from torchlike.nn import init
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Activation(Module):
    """A function of nn.functional as a layer without options."""

    function: str

    def forward(self, input: Tensor) -> Tensor:
        """The function of this layer's name, element by element."""
        return getattr(F, self.function)(input)


class _InPlace(Module):
    """A function of nn.functional whose options come first and `inplace` last."""

    function: str
    options: tuple[str, ...] = ()
    inplace: bool

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function of this layer's name, element by element; with `inplace` written into the input."""
        return getattr(F, self.function)(input, *[getattr(self, o) for o in self.options], self.inplace)

    def extra_repr(self) -> str:
        """The options, and inplace if it is True."""
        parts = [f"{option}={getattr(self, option)}" for option in self.options]
        return ", ".join(parts + ["inplace=True"] if self.inplace else parts)


class ReLU(_InPlace):
    """max(0, x).

    >>> import torchlike as torch
    >>> torch.nn.ReLU()(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """

    function = "relu"


class SELU(_InPlace):
    """The self-normalising ELU (https://arxiv.org/abs/1706.02515)."""

    function = "selu"


class SiLU(_InPlace):
    """x · sigmoid(x)."""

    function = "silu"


class Mish(_InPlace):
    """x · tanh(softplus(x)) (https://arxiv.org/abs/1908.08681)."""

    function = "mish"


class Hardsigmoid(_InPlace):
    """x / 6 + 1/2 between 0 and 1."""

    function = "hardsigmoid"


class Hardswish(_InPlace):
    """x · hardsigmoid(x) (https://arxiv.org/abs/1905.02244)."""

    function = "hardswish"


class LeakyReLU(_InPlace):
    """x where positive, else negative_slope · x."""

    function = "leaky_relu"
    options = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope


class ELU(_InPlace):
    """x where positive, else alpha · (exp(x) - 1) (https://arxiv.org/abs/1511.07289)."""

    function = "elu"
    options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha


class CELU(ELU):
    """x where positive, else alpha · (exp(x / alpha) - 1) (https://arxiv.org/abs/1704.07483)."""

    function = "celu"


class Hardtanh(_InPlace):
    """x between min_val and max_val."""

    function = "hardtanh"
    options = ("min_val", "max_val")

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(inplace)
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{new}`", FutureWarning, stacklevel=2
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        assert self.max_val > self.min_val, (
            f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})"
        )


class ReLU6(Hardtanh):
    """min(max(0, x), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """inplace if it is True."""
        return "inplace=True" if self.inplace else ""


class Threshold(_InPlace):
    """x where it is above `threshold`, else `value`."""

    function = "threshold"
    options = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value


class RReLU(_InPlace):
    """x where positive, else slope · x: while training with random slopes between `lower` and `upper`."""

    function = "rrelu"
    options = ("lower", "upper")

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        """x where positive, else slope · x."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    function = "sigmoid"


class Tanh(_Activation):
    """The hyperbolic tangent."""

    function = "tanh"


class LogSigmoid(_Activation):
    """log(sigmoid(x))."""

    function = "logsigmoid"


class Softsign(_Activation):
    """x / (1 + |x|)."""

    function = "softsign"


class Tanhshrink(_Activation):
    """x - tanh(x)."""

    function = "tanhshrink"


class GELU(Module):
    """x · Φ(x), Φ the normal distribution function (https://arxiv.org/abs/1606.08415).

    `approximate="tanh"` takes the paper's formula with tanh instead.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """x · Φ(x)."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """approximate."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """The first half along `dim` times the sigmoid of the second (https://arxiv.org/abs/1612.08083)."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """a · sigmoid(b)."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """dim."""
        return f"dim={self.dim}"


class _Shrink(Module):
    function: str

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """The function of this layer's name, element by element."""
        return getattr(F, self.function)(input, self.lambd)

    def extra_repr(self) -> str:
        """lambd."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """0 where |x| ≤ lambd, else x."""

    function = "hardshrink"


class Softshrink(_Shrink):
    """x moved by lambd towards 0, and 0 where |x| ≤ lambd."""

    function = "softshrink"


class Softplus(Module):
    """log(1 + exp(beta · x)) / beta; x itself where beta · x is above `threshold`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + exp(beta · x)) / beta."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """beta, threshold."""
        return f"beta={self.beta}, threshold={self.threshold}"


class PReLU(Module):
    """x where positive, else weight · x, the weight learned (https://arxiv.org/abs/1502.01852).

    `weight` has one element, or one for each channel (dimension 1). flax.linen.PReLU has one for all, and is not used.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device=None, dtype=None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(creation.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to `init`."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x where positive, else weight · x."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """num_parameters."""
        return f"num_parameters={self.num_parameters}"


class _Softmax(Module):
    function: str

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """The function of this layer's name along `dim`."""
        return getattr(F, self.function)(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """dim."""
        return f"dim={self.dim}"


class Softmax(_Softmax):
    """exp(x) / sum of exp(x) along `dim`."""

    function = "softmax"


class LogSoftmax(_Softmax):
    """The logarithm of softmax along `dim`, computed without overflow."""

    function = "log_softmax"


class Softmin(_Softmax):
    """Softmax of -x along `dim`."""

    function = "softmin"


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """The softmax over the channels."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
