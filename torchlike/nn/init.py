"""torch.nn.init: fills tensors in place, outside the graph, with PyTorch's draws in PyTorch's order."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable

import numpy as np

from torchlike.core.graph import no_grad
from torchlike.core.value import put
from torchlike.core.variable import wrap
from torchlike.creation import strides_like
from torchlike.drawing import numbers
from torchlike.tensor import Tensor

_GAINS: dict[str, float] = {
    **dict.fromkeys(["linear", "conv1d", "conv2d", "conv3d"], 1),
    **dict.fromkeys(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"], 1),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before this nonlinearity should be larger: 1 for linear layers and sigmoid, 5/3 for
    tanh, sqrt(2) for relu, sqrt(2 / (1 + slope²)) for leaky_relu of slope `param` (0.01), 3/4 for selu.

    >>> import torchlike as torch
    >>> torch.nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    if param is None:
        param = 0.01
    elif isinstance(param, bool) or not isinstance(param, int | float):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + param**2))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator=None) -> Tensor:
    """Uniform numbers in [a, b)."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator=None) -> Tensor:
    """Normal numbers."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator=None
) -> Tensor:
    """Normal numbers between a and b, by rejection: of normal draws or, where few of these would lie between the
    borders, of uniform ones."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
            "incorrect.",
            stacklevel=2,
        )
    shape, d = tuple(tensor.shape), tensor.dtype.np
    packed = strides_like(tensor)  # of the fresh memory that all but the first numbers are drawn into
    draws = functools.partial(numbers, dtype=d, generator=generator, device=tensor.device)
    below_b, below_a = ((1 + math.erf((border - mean) / std / math.sqrt(2.0))) / 2 for border in (b, a))
    # All elements are drawn again as long as one is rejected, and those accepted keep theirs: so PyTorch's stream goes.
    if below_b - below_a > 0.3:
        values = draws("normal", shape, mean, std, strides=tensor.stride())
        low, high = d.type(a), d.type(b)
        while (outside := (values < low) | (values > high)).any():
            values = np.where(outside, draws("normal", shape, mean, std, strides=packed), values)
        return _written(tensor, values)
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def rejected(candidates: np.ndarray) -> np.ndarray:
        height = -0.5 * ((candidates - d.type(mean)) / d.type(std)) ** 2 - d.type(peak)
        with np.errstate(divide="ignore"):
            return np.log(draws("uniform", shape, 0.0, 1.0, strides=packed)) > height

    values = draws("uniform", shape, a, b, strides=packed)
    pending = rejected(values)
    while pending.any():
        candidates = draws("uniform", shape, a, b, strides=packed)
        values = np.where(pending, candidates, values)
        pending &= rejected(candidates)
    return _written(tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def _written(tensor: Tensor, values: np.ndarray) -> Tensor:
    with no_grad():
        tensor._check_writable()
        tensor._assign(wrap(put(values.astype(tensor.dtype.np), tensor.device)))
    return tensor


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix, zeros elsewhere."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _written(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution that copies as many channels as it can (in each group)."""
    if not 3 <= tensor.ndimension() <= 5:
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    shape = tuple(tensor.shape)
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(shape)
    per_group = shape[0] // groups
    centre = tuple(n // 2 for n in shape[2:])
    for g in range(groups):
        for d in range(min(per_group, shape[1])):
            values[(g * per_group + d, d, *centre)] = 1
    return _written(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output is computed from, and how many outputs an input goes to."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    out_maps, in_maps, *receptive = tensor.shape
    return in_maps * math.prod(receptive), out_maps * math.prod(receptive)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator=None) -> Tensor:
    """Uniform with variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    bound = math.sqrt(3.0) * std  # in this order: a float64 weight shows the last bit
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator=None) -> Tensor:
    """Normal with variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None
) -> Tensor:
    """Uniform with variance gain² / fan (https://arxiv.org/abs/1502.01852); `a` is the slope of leaky_relu."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None
) -> Tensor:
    """Normal with variance gain² / fan (https://arxiv.org/abs/1502.01852); `a` is the slope of leaky_relu."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


def _layer_defaults(weight: Tensor, bias: Tensor | None) -> None:
    """The initialisation of linear and convolutional layers: both uniform in ±1 / sqrt(fan_in), the weight first."""
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = _calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        uniform_(bias, -bound, bound)


def orthogonal_(tensor: Tensor, gain: float = 1, generator=None) -> Tensor:
    """A (semi-)orthogonal matrix, all but the first dimension taken together (https://arxiv.org/abs/1312.6120)."""
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.size(0)
    size = (rows, tensor.numel() // rows)
    flat = numbers("normal", size, 0.0, 1.0, dtype=tensor.dtype.np, generator=generator, device=tensor.device)
    wide = size[0] < size[1]
    q, r = np.linalg.qr(flat.T if wide else flat)
    q = q * np.sign(np.diag(r))  # makes the decomposition unique, and with it the distribution uniform
    _written(tensor.view(size), (q.T if wide else q) * gain)  # through a view, which memory with gaps refuses
    return tensor


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator=None) -> Tensor:
    """A matrix of normal numbers with the fraction `sparsity` of every column zero (Martens 2010)."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    n_zeros = math.ceil(sparsity * rows)
    draws = functools.partial(numbers, device=tensor.device)
    values = draws(
        "normal", (rows, columns), 0.0, std, dtype=tensor.dtype.np, generator=generator, strides=tensor.stride()
    )
    for column in range(columns):  # PyTorch takes these from the default generator whatever is given
        values[draws("randperm", rows, dtype=np.int64)[:n_zeros], column] = 0
    return _written(tensor, values)


def _old_name(fn: Callable) -> Callable:
    """A deprecated name, without the underscore at its end."""
    new, old = fn.__name__, fn.__name__[:-1]

    @functools.wraps(fn)
    def deprecated(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return fn(*args, **kwargs)

    deprecated.__name__ = old
    deprecated.__doc__ = f"The deprecated name of `{new}`."
    return deprecated


uniform, normal, constant = _old_name(uniform_), _old_name(normal_), _old_name(constant_)
eye, dirac = _old_name(eye_), _old_name(dirac_)
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)
orthogonal, sparse = _old_name(orthogonal_), _old_name(sparse_)

# the functions that PyTorch's own initialisers call, known to code that copies them
_no_grad_uniform_, _no_grad_normal_, _no_grad_trunc_normal_ = uniform_, normal_, trunc_normal_
_no_grad_fill_, _no_grad_zero_ = constant_, zeros_
