"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core import capture
from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Op, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import check, listed, word
from torchlike.ops.fourier import fft, ifft, irfft, rfft
from torchlike.ops.padding import _MODES, _border_pad


def _call(name: str, x, weights, **given) -> str:
    """How PyTorch's errors begin: the call with all its arguments."""
    prefix = f"torch.{word(x)}Tensor{listed(x)}" if name == "stft" else f"CPU{word(x)}Type{listed(x)}"
    shown = "None" if weights is None else f"torch.{word(weights)}Tensor{{{listed(weights)}}}"
    words = ", ".join(f"{k}={shown if k == 'window' else int(v) if isinstance(v, bool) else v}"
                      for k, v in given.items())  # fmt: skip
    return f"{name}({prefix}, {words}) "


def _centred(window, n_fft: int, win_length: int, dtype):
    """The window (a rectangle if there is none) in the middle of n_fft points."""
    window = jnp.ones(win_length, dtype) if window is None else window
    left = (n_fft - win_length) // 2
    return jnp.pad(window, (left, n_fft - win_length - left))


@op("*.stft")
def stft(
    input: Array, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Array | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None,
):  # fmt: skip
    """The Fourier transforms of overlapping windows of a signal.

    Args:
        input: a signal of L points, or B of them.
        n_fft: points of each transform.
        hop_length: points from one window to the next; n_fft // 4 by default.
        win_length: points of the window, in the middle of the n_fft; n_fft by default.
        window: `win_length` factors; ones by default.
        center: pad the signal by n_fft // 2 on both sides (as `pad_mode` says), so that window t is centred at
            t · hop_length.
        normalized: divide by √n_fft.
        onesided: give only the n_fft // 2 + 1 values that say everything about a real signal; the default for those.
        return_complex: True, or False for real and imaginary parts in a last dimension; must be given for real signals.

    Returns:
        (B?, frequencies, windows).
    """
    check(not (center and align_to_window is not None), "stft align_to_window should only be set when center = false")
    x = input
    pads = (n_fft // 2, n_fft // 2)
    if center and pad_mode in _MODES:
        padded = _border_pad(pad_mode, x.reshape((1,) * (3 - x.ndim) + x.shape), pads)
        x = padded.reshape(*x.shape[:-1], x.shape[-1] + 2 * pads[0])
    elif center:
        check(pad_mode == "constant", f"Unrecognised padding mode {pad_mode}", NotImplementedError)
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [pads])
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    complicated = jnp.iscomplexobj(x) or window is not None and jnp.iscomplexobj(window)
    check(
        return_complex is not None or complicated,
        "stft requires the return_complex parameter be given for real inputs, and will further require that "
        "return_complex=True in a future PyTorch release.",
    )
    call = _call("stft", x, window, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=None,
                 normalized=normalized, onesided=onesided, return_complex=return_complex,
                 align_to_window=align_to_window)  # fmt: skip
    check(category(x.dtype) >= 2, f"{call}: expected a tensor of floating point or complex values")
    check(x.ndim in (1, 2), f"{call}: expected a 1D or 2D tensor")
    signal = x if x.ndim == 2 else x[None]
    n = signal.shape[1] + (2 * ((n_fft - win_length) // 2) if align_to_window else 0)
    check(0 < n_fft <= n, f"{call}: expected 0 < n_fft < {n}, but got n_fft={n_fft}")
    check(hop_length > 0, f"{call}: expected hop_length > 0, but got hop_length={hop_length}")
    check(
        0 < win_length <= n_fft, f"{call}: expected 0 < win_length <= n_fft, but got win_length={win_length}"
    )
    check(
        window is None or window.shape == (win_length,),
        f"{call}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size "
        f"{'' if window is None else listed(window)}",
    )
    check(x.dtype.itemsize > 2, f"MKL FFT doesn't support tensors of type: {word(x)}")
    check(not (onesided and complicated), "Cannot have onesided output if window or input is complex")
    half = not complicated if onesided is None else onesided
    if align_to_window:
        side = (n_fft - win_length) // 2
        signal = jnp.pad(signal, ((0, 0), (side, side)))
    starts = jnp.arange(1 + (n - n_fft) // hop_length) * hop_length
    frames = signal[:, starts[:, None] + jnp.arange(n_fft)]  # (B, T, n_fft)
    frames = frames * _centred(window, n_fft, win_length, x.dtype)
    spectrum = (rfft if half else fft)(frames, norm="ortho" if normalized else None).swapaxes(1, 2)
    spectrum = spectrum if x.ndim == 2 else spectrum[0]
    return spectrum if return_complex in (None, True) else jnp.stack([spectrum.real, spectrum.imag], -1)


def _overlap_add(frames, hop_length: int, total: int):
    """Frames (B, T, n) summed up where they lie in a signal, each `hop_length` behind the one before."""
    where = jnp.arange(frames.shape[1])[:, None] * hop_length + jnp.arange(frames.shape[2])
    return jnp.zeros((frames.shape[0], total), frames.dtype).at[:, where].add(frames)


def _istft(
    input: Array, window: Array | None, n_fft: int, hop_length: int, win_length: int, center: bool, normalized: bool,
    onesided: bool, length: int | None, return_complex: bool,
):  # fmt: skip
    """The signal, and the least weight that the windows gave to a point of it."""
    x = input if input.ndim == 3 else input[None]
    norm = "ortho" if normalized else None
    frames = x.swapaxes(1, 2)
    if return_complex:
        frames = ifft(frames, norm=norm)
    else:
        frames = irfft(frames if onesided else frames[..., : n_fft // 2 + 1], n_fft, norm=norm)
    weights = _centred(window, n_fft, win_length, input.real.dtype)
    total = n_fft + hop_length * (x.shape[2] - 1)
    signal = _overlap_add(frames * weights, hop_length, total)
    squares = jnp.broadcast_to(weights * weights, (1, x.shape[2], n_fft))
    envelope = _overlap_add(squares, hop_length, total)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - start
    signal, envelope = signal[:, start:end], envelope[:, start:end]
    least = jnp.abs(envelope).min() if envelope.size else jnp.zeros((), weights.real.dtype)
    signal = signal / envelope
    if end > total:
        signal = jnp.pad(signal, ((0, 0), (0, end - total)))
    return signal if input.ndim == 3 else signal[0], least


_ISTFT = Op("istft", _istft)


@composite("*.istft")
def istft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None,
    length=None, return_complex=False,
):  # fmt: skip
    """The signal whose `stft` is `input`, (B?, frequencies, windows): the windows added up, divided by their weights.

    The arguments are those of `stft`; `length` cuts the signal or fills it up with zeros. That no point is without
    weight is checked by reading them (a barrier), except while a call is captured.
    """
    kind = input.dtype
    check(kind.is_complex, "istft requires a complex-valued input tensor matching the output from stft with "
          "return_complex=True.")  # fmt: skip
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    call = _call("istft", input._aval(), None if window is None else window._aval(), n_fft=n_fft,
                 hop_length=hop_length, win_length=win_length, window=None, center=center, normalized=normalized,
                 onesided=onesided, length=length, return_complex=return_complex)  # fmt: skip
    check(input.numel() > 0, f"{call}: input tensor cannot be empty.")
    check(input.ndim in (2, 3), f"{call}: expected a tensor with 3 or 4 dimensions, but got {input.ndim + 1}")
    size = input.shape[-2]
    half = size != n_fft if onesided is None else onesided
    check(
        size == (n_fft // 2 + 1 if half else n_fft),
        f"{call}: expected the frequency dimension (3rd to the last) of the input tensor to match "
        + (f"n_fft / 2 + 1 when onesided=True, but got {size}" if half
           else f"n_fft when onesided=False, but got {size}"),
    )  # fmt: skip
    check(0 < hop_length <= win_length, f"{call}: expected 0 < hop_length <= win_length")
    check(0 < win_length <= n_fft, f"{call}: expected 0 < win_length <= n_fft")
    check(
        window is None or tuple(window.shape) == (win_length,),
        f"{call}: Invalid window shape. window has to be 1D and length of `win_length`",
    )
    check(not (return_complex and half), "Cannot have onesided output if window or input is complex")
    check(
        return_complex or window is None or not window.dtype.is_complex,
        "Complex windows are incompatible with return_complex=False",
    )
    template = (SLOT, None if window is None else SLOT, n_fft, hop_length, win_length, bool(center), bool(normalized),
                half, length, bool(return_complex))  # fmt: skip
    signal, least = apply(_ISTFT, template, [input] if window is None else [input, window])
    if capture.active is None:
        check(least.item() > 1e-11, f"{call}window overlap add min: 1")
    return signal
