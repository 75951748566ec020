"""Window functions and sample frequencies: the factories over `ops/windows.py` and `ops/fourier.py`.

`torch.hann_window` and its kind are periodic unless told otherwise, those of `torch.signal.windows` symmetric.
"""

from __future__ import annotations

import operator

from torchlike.core import dtype as _dtype
from torchlike.core.op import SLOT, composite
from torchlike.core.variable import apply
from torchlike.ops.checks import check
from torchlike.ops.fourier import FREQUENCIES
from torchlike.ops.windows import WINDOW
from torchlike.placement import _finish, _home, strided


def _made(shape: str, n: int, periodic: bool, dtype, layout, device, requires_grad, a=0.0, b=0.0, cosines=()):
    template = (shape, n, bool(periodic), dtype, SLOT, SLOT, cosines)
    made = apply(WINDOW, template, [float(a), float(b)], device=_home(device))
    return _finish(made, requires_grad, layout)


# --- torch.*_window ---------------------------------------------------------------------------------------------------


def _plain_window(name: str, window_length, dtype, layout) -> tuple:
    """The number of points and the dtype, with PyTorch's errors."""
    n = operator.index(window_length)
    d = dtype or _dtype.get_default_dtype()
    check(d.is_floating_point, f"{name} expects floating point dtypes, got: {d!r}")
    check(layout in (None, strided), f"{name} is not implemented for sparse types, got: {layout!r}")
    check(n >= 0, f"{name} requires non-negative window_length, got window_length={n}")
    return n, d


def _simple_window(name: str, shape: str, cosines: tuple, text: str) -> None:
    def window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
               requires_grad=False):  # fmt: skip
        n, d = _plain_window(name, window_length, dtype, layout)
        return _made(shape, n, periodic, d, layout, device, requires_grad, cosines=cosines)

    window.__name__ = name
    window.__doc__ = f"{text}, of `window_length` points; one period of it, or symmetric with `periodic=False`."
    composite(f"torch.{name}")(window)


_HANN, _HAMMING, _BLACKMAN = (0.5, 0.5), (0.54, 0.46), (0.42, 0.5, 0.08)
_NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
_simple_window("hann_window", "cosines", _HANN, "The Hann window, sin² from 0 to 0")
_simple_window("blackman_window", "cosines", _BLACKMAN, "The Blackman window, three cosines")
_simple_window("bartlett_window", "bartlett", (), "The Bartlett window, a triangle from 0 to 0")


@composite("torch.hamming_window")
def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None,
                   pin_memory=False, requires_grad=False):  # fmt: skip
    """alpha - beta · cos(2πk/N); one period of it, or symmetric with `periodic=False`."""
    n, d = _plain_window("hamming_window", window_length, dtype, layout)
    return _made("cosines", n, periodic, d, layout, device, requires_grad, cosines=(float(alpha), float(beta)))


@composite("torch.kaiser_window")
def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, pin_memory=False,
                  requires_grad=False):  # fmt: skip
    """The Kaiser window I₀(beta · √(1 - x²)) / I₀(beta) for x from -1 to 1; one period, or symmetric with
    `periodic=False`."""
    n, d = _plain_window("kaiser_window", window_length, dtype, layout)
    return _made("kaiser", n, periodic, d, layout, device, requires_grad, beta)


# --- torch.signal.windows ---------------------------------------------------------------------------------------------


def _signal_window(name: str, M, dtype, layout) -> tuple:
    n = operator.index(M)
    d = dtype or _dtype.get_default_dtype()
    check(n >= 0, f"{name} requires non-negative window length, got M={n}", ValueError)
    check(layout in (None, strided), f"{name} is implemented for strided tensors only, got: {layout!r}", ValueError)
    check(d.name in ("float32", "float64"), f"{name} expects float32 or float64 dtypes, got: {d!r}", ValueError)
    return n, d


def _signal(name: str, shape: str, cosines: tuple, text: str) -> None:
    kernel = "general_cosine" if cosines else name

    def window(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
        n, d = _signal_window(kernel, M, dtype, layout)
        return _made(shape, n, not sym, d, layout, device, requires_grad, cosines=cosines)

    window.__name__ = name
    window.__doc__ = f"{text}, of M points; symmetric, or one period of it with `sym=False`."
    composite(f"signal.windows.{name}")(window)


_signal("bartlett", "bartlett", (), "The Bartlett window, a triangle from 0 to 0")
_signal("cosine", "cosine", (), "The cosine window, half a wave")
_signal("hann", "cosines", _HANN, "The Hann window, sin² from 0 to 0")
_signal("hamming", "cosines", _HAMMING, "The Hamming window, 0.54 - 0.46 · cos")
_signal("nuttall", "cosines", _NUTTALL, "Nuttall's minimal 4-term Blackman-Harris window")


@composite("signal.windows.blackman")
def blackman(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Blackman window, three cosines, of M points; symmetric, or one period of it with `sym=False`."""
    n, d = _signal_window("blackman", M, dtype, layout)
    return _made("cosines", n, not sym, d, layout, device, requires_grad, cosines=_BLACKMAN)


@composite("signal.windows.exponential")
def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-|k - center| / tau); `center` can only be chosen with `sym=False`."""
    n, d = _signal_window("exponential", M, dtype, layout)
    check(tau > 0, f"Tau must be positive, got: {tau} instead.", ValueError)
    check(not sym or center is None, "Center must be None for symmetric windows", ValueError)
    center = (n - 1 if sym else n) / 2 if center is None else center
    return _made("exponential", n, not sym, d, layout, device, requires_grad, center, tau)


@composite("signal.windows.gaussian")
def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The bell curve of standard deviation `std`, in points, around the middle."""
    n, d = _signal_window("gaussian", M, dtype, layout)
    check(std > 0, f"Standard deviation must be positive, got: {std} instead.", ValueError)
    return _made("gaussian", n, not sym, d, layout, device, requires_grad, std)


@composite("signal.windows.kaiser")
def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Kaiser window I₀(beta · √(1 - x²)) / I₀(beta) for x from -1 to 1; one period of it with `sym=False`."""
    n, d = _signal_window("kaiser", M, dtype, layout)
    check(beta >= 0, f"beta must be non-negative, got: {beta} instead.", ValueError)
    return _made("kaiser", n, not sym, d, layout, device, requires_grad, beta)


@composite("signal.windows.general_cosine")
def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Σᵢ (-1)ⁱ · a[i] · cos(2πik/N)."""
    n, d = _signal_window("general_cosine", M, dtype, layout)
    check(isinstance(a, list | tuple), "Coefficients must be a list/tuple", TypeError)
    check(bool(a), "Coefficients cannot be empty", ValueError)
    return _made("cosines", n, not sym, d, layout, device, requires_grad, cosines=tuple(float(x) for x in a))


@composite("signal.windows.general_hamming")
def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """alpha - (1 - alpha) · cos(2πk/N)."""
    return general_cosine(
        M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


# --- frequencies ------------------------------------------------------------------------------------------------------


def _frequencies(name: str, half: bool, n, d, out, dtype, layout, device, requires_grad):
    n = operator.index(n)
    kind = dtype or (out.dtype if out is not None else _dtype.get_default_dtype())
    check(kind.is_floating_point or kind.is_complex, f"{name} requires a floating point or complex dtype")
    check(not kind.is_complex, "\"arange_cpu\" not implemented for 'ComplexFloat'", NotImplementedError)
    check(n >= 0, f"Trying to create tensor with negative dimension {n}: [{n}]")
    made = apply(FREQUENCIES, (n, SLOT, half, kind), [float(d)], device=_home(device))
    if out is not None:
        from torchlike.facade import write_out

        return write_out(name, made, out)
    return _finish(made, requires_grad, layout)


@composite("fft.fftfreq")
def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies, in cycles per unit, of the n values that `fft` gives for samples at a distance of `d`.

    >>> import torchlike as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _frequencies("fftfreq", False, n, d, out, dtype, layout, device, requires_grad)


@composite("fft.rfftfreq")
def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies, in cycles per unit, of the n // 2 + 1 values that `rfft` gives."""
    return _frequencies("rfftfreq", True, n, d, out, dtype, layout, device, requires_grad)
