"""Discrete Fourier transforms, of one dimension and of several.

`n` (or `s`) is the length in the time domain to which the input is cut or filled up with zeros first. `norm` says which
direction divides: "backward" (the default) the inverse by n, "forward" the forward one by n, "ortho" both by √n.
Integers become the default floating type; half precision raises, as it does in PyTorch on the CPU.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import lax

from torchlike.core import dtype as _dtype
from torchlike.core.dtype import category
from torchlike.core.op import Array, Op, Scalar, op
from torchlike.ops.checks import check, word
from torchlike.ops.dims import wrap_dim

# --- preparation ------------------------------------------------------------------------------------------------------


def _scaled(x, norm: str | None, n: int, forward: bool, divided: int = 1):
    """A transform of n points, which XLA has divided by `divided`, divided as `norm` says."""
    check(norm in (None, "backward", "forward", "ortho"), f'Invalid normalization mode: "{norm}"')
    share = divided / (math.sqrt(n) if norm == "ortho" else n if forward == (norm == "forward") else 1)
    return x if share == 1 else x * share


def _floating(x):
    if category(x.dtype) < 2:
        x = x.astype(_dtype.get_default_dtype().np)
    check(x.dtype.itemsize > 2, f"Unsupported dtype {word(x)}")
    return x


def _complex(x):
    x = _floating(x)
    return x if jnp.iscomplexobj(x) else lax.complex(x, jnp.zeros_like(x))


def _real(x, message: str):
    check(not jnp.iscomplexobj(x), message.format(word(x)))
    return _floating(x)


def _resized(x, dims, sizes):
    """`x` cut off or filled up with zeros at the end of some dimensions."""
    pads = [(0, 0, 0)] * x.ndim
    for d, n in zip(dims, sizes, strict=True):
        pads[d] = (0, n - x.shape[d], 0)
    return lax.pad(x, jnp.zeros((), x.dtype), pads) if any(high for _, high, _ in pads) else x


def _points(*sizes: int) -> None:
    for n in sizes:
        check(n >= 1, f"Invalid number of data points ({n}) specified")


def _along(x, n: int | None, dim: int, half: bool = False) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The one dimension of a transform and its size: that of the input, or of which the input is half."""
    check(n is None or isinstance(n, int), f"fft(): argument 'n' (position 2) must be int, not {type(n).__name__}",
          TypeError)  # fmt: skip
    check(x.ndim > 0, f"Dimension specified as {dim} but tensor has no dimensions", IndexError)
    d = wrap_dim(dim, x.ndim)
    size = 2 * (x.shape[d] - 1) if half else x.shape[d]
    return (d,), (size if n is None else n,)


def _over(x, s, dim, one_needed: str, half: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions of a transform of several and their sizes: where none (or -1) is given, the input's."""
    s = (s,) if isinstance(s, int) else s
    dim = (dim,) if isinstance(dim, int) else dim
    if dim is not None:
        check(x.ndim > 0 or not dim, "Dimension specified as -1 but tensor has no dimensions", IndexError)
        dims = tuple(wrap_dim(d, x.ndim) for d in dim)
        check(len(set(dims)) == len(dims), "FFT dims must be unique")
        check(s is None or len(s) == len(dims), "When given, dim and shape arguments must have the same length")
    else:
        n = x.ndim if s is None else len(s)
        check(n <= x.ndim, f"Got shape with {n} values but input tensor only has {x.ndim} dimensions.")
        dims = tuple(range(x.ndim - n, x.ndim))
    check(not one_needed or bool(dims), f"{one_needed} must transform at least one axis")
    own = [x.shape[d] for d in dims]
    if half:
        own[-1] = 2 * (own[-1] - 1)
    return dims, tuple(own if s is None else [o if n == -1 else n for o, n in zip(own, s, strict=True)])


# --- the three kinds of transform -------------------------------------------------------------------------------------


def _last(x, dims, f):
    """f on the array with `dims` moved to the end."""
    end = tuple(range(x.ndim - len(dims), x.ndim))
    return jnp.moveaxis(f(jnp.moveaxis(x, dims, end)), end, dims)


def _c2c(x, dims, forward: bool):
    """Complex to complex, in XLA's steps of at most three dimensions; the inverse is divided by its points."""
    if 0 in x.shape:
        return x
    kind = lax.FftType.FFT if forward else lax.FftType.IFFT
    for i in range(0, len(dims), 3):
        part = dims[i : i + 3]
        size = tuple(x.shape[d] for d in part)
        x = _last(x, part, lambda y, size=size: lax.fft(y, kind, size))  # type: ignore[misc]
    return x


def _r2c(x, dim: int):
    """Real to the half of its spectrum that says everything."""
    n = x.shape[dim]
    if 0 in x.shape:
        shape = (*x.shape[:dim], n // 2 + 1, *x.shape[dim + 1 :])
        return jnp.zeros(shape, jnp.result_type(x, jnp.complex64))
    return _last(x, (dim,), lambda y: lax.fft(y, lax.FftType.RFFT, (n,)))


def _c2r(x, dim: int, n: int):
    """Half a spectrum to n real points, divided by n."""
    if 0 in x.shape:
        return jnp.zeros((*x.shape[:dim], n, *x.shape[dim + 1 :]), x.real.dtype)
    return _last(x, (dim,), lambda y: lax.fft(y, lax.FftType.IRFFT, (n,)))


def _to_complex(x, dims, sizes, norm, forward: bool):
    _points(*sizes)
    n = math.prod(sizes)
    return _scaled(_c2c(_resized(_complex(x), dims, sizes), dims, forward), norm, n, forward, 1 if forward else n)


def _from_real(x, dims, sizes, norm, forward: bool):
    _points(*sizes)
    half = _r2c(_resized(x, dims, sizes), dims[-1])
    n, others = math.prod(sizes), math.prod(sizes[:-1])
    spectrum = _c2c(half if forward else half.conj(), dims[:-1], forward)
    return _scaled(spectrum, norm, n, forward, 1 if forward else others)


def _to_real(x, dims, sizes, norm, forward: bool):
    _points(*sizes)
    *others, last = sizes
    x = _c2c(_resized(_complex(x), dims, (*others, last // 2 + 1)), dims[:-1], forward)
    n = math.prod(sizes)
    return _scaled(_c2r(x.conj() if forward else x, dims[-1], last), norm, n, forward, last if forward else n)


# --- one dimension ----------------------------------------------------------------------------------------------------


def _fft_name(template, avals) -> str:
    return "FftC2CBackward0" if avals[0].dtype.kind == "c" else "FftR2CBackward0"


@op("fft.fft", grad=_fft_name)
def fft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The discrete Fourier transform along `dim`: Σⱼ x[j] exp(-2πi jk/n), complex.

    >>> import torchlike as torch
    >>> torch.fft.fft(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _to_complex(input, *_along(input, n, dim), norm, True)


@op("fft.ifft", grad=_fft_name)
def ifft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of `fft`: Σₖ y[k] exp(2πi jk/n) / n, complex."""
    return _to_complex(input, *_along(input, n, dim), norm, False)


@op("fft.rfft", grad="FftR2CBackward0")
def rfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The first n // 2 + 1 values of the `fft` of a real signal; the others are their conjugates."""
    x = _real(input, "rfft expects a real input tensor, but got {}")
    return _from_real(x, *_along(x, n, dim), norm, True)


@op("fft.ihfft", grad="FftR2CBackward0")
def ihfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of `hfft`: half of the signal whose transform is the real `input`."""
    x = _real(input, "ihfft expects a real input tensor, but got {}")
    return _from_real(x, *_along(x, n, dim), norm, False)


@op("fft.irfft", grad="FftC2RBackward0")
def irfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of `rfft`: n real values, 2 · (size - 1) unless given, from half of their spectrum."""
    return _to_real(input, *_along(input, n, dim, half=True), norm, False)


@op("fft.hfft", grad="FftC2RBackward0")
def hfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The `fft` of a signal that is its own mirrored conjugate, of which `input` is the first half: n real values."""
    return _to_real(input, *_along(input, n, dim, half=True), norm, True)


# --- several dimensions -----------------------------------------------------------------------------------------------


def _several(name: str, f, grad, text: str, half: bool = False, one_needed: bool = True, real: str = "") -> None:
    """File f as `name`n, over all or the last dimensions, and as `name`2, over the last two."""
    forward = not name.startswith("i")

    def transformed(x, s, dim, norm):
        x = _real(x, real) if real else x
        return f(x, *_over(x, s, dim, f"{name}n" if one_needed else "", half), norm, forward)

    def over_all(input: Array, s: tuple | None = None, dim: tuple | None = None, norm: str | None = None):
        return transformed(input, s, dim, norm)

    def over_two(input: Array, s: tuple | None = None, dim: tuple | None = (-2, -1), norm: str | None = None):
        return transformed(input, s, dim, norm)

    for body, end, where in (
        (over_all, "n", "over the dimensions `dim`: by default the last len(s), or all"),
        (over_two, "2", "over two dimensions, by default the last ones"),
    ):
        body.__name__ = name + end
        body.__doc__ = f"`{name}` {where}. {text}"
        op(f"fft.{name}{end}", grad=grad)(body)


_HALF = "The last of them holds only a half and becomes 2 · (size - 1) long unless `s` is given."
_several("fft", _to_complex, _fft_name, "`s` are the sizes there.", one_needed=False)
_several("ifft", _to_complex, _fft_name, "`s` are the sizes there.", one_needed=False)
_several("rfft", _from_real, "FftR2CBackward0", "Only half of the last of them is kept.",
         real="rfftn expects a real-valued input tensor, but got {}")  # fmt: skip
_several("ihfft", _from_real, "FftR2CBackward0", "Only half of the last of them is kept.",
         real="Only supports floating-point dtypes, but found: {}")  # fmt: skip
_several("irfft", _to_real, "FftC2RBackward0", _HALF, half=True)
_several("hfft", _to_real, "FftC2RBackward0", _HALF, half=True)


# --- order of the frequencies -----------------------------------------------------------------------------------------


def _rolled(x, dim, share):
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else dim
    first = next(iter(dims), 0)
    check(x.ndim > 0 or dim is None, f"Dimension specified as {first} but tensor has no dimensions", IndexError)
    check(bool(dims), "`shifts` required")
    dims = tuple(wrap_dim(d, x.ndim) for d in dims)
    return jnp.roll(x, tuple(share(x.shape[d]) for d in dims), dims)


@op("fft.fftshift", grad="RollBackward0")
def fftshift(input: Array, dim: tuple | int | None = None):
    """The frequency 0 moved from the front to the middle of the dimensions `dim`, by default of all."""
    return _rolled(input, dim, lambda n: n // 2)


@op("fft.ifftshift", grad="RollBackward0")
def ifftshift(input: Array, dim: tuple | int | None = None):
    """The inverse of `fftshift`."""
    return _rolled(input, dim, lambda n: -(n // 2))


def _fftfreq(n: int, d: Scalar, half: bool, dtype):
    """The frequencies of n points at a distance of d, in the order in which `fft` (or `rfft`) gives them."""
    k = jnp.arange(n // 2 + 1 if half else n)
    k = k if half else jnp.where(k < (n + 1) // 2, k, k - n)
    return (k.astype(jnp.float64) * (1 / (n * jnp.asarray(d, jnp.float64)))).astype(dtype.np)


FREQUENCIES = Op("fftfreq", _fftfreq)
