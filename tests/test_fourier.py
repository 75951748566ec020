"""Fourier transforms, spectrograms and windows: what PyTorch's operator database does not ask about."""

import numpy as np
import pytest
from compare import check, normal

ERRORS = [
    lambda lib, x: lib.fft.fft(x, n=0),
    lambda lib, x: lib.fft.fft(x, dim=4),
    lambda lib, x: lib.fft.fft(x, norm="x"),
    lambda lib, x: lib.fft.fft(x[0, 0]),
    lambda lib, x: lib.fft.irfft(x[:, :1]),
    lambda lib, x: lib.fft.fftn(x, s=(2, 3, 4)),
    lambda lib, x: lib.fft.fftn(x, s=(2, 3), dim=(0,)),
    lambda lib, x: lib.fft.fftn(x, dim=(0, 0)),
    lambda lib, x: lib.fft.fft2(x[0]),
    lambda lib, x: lib.fft.rfftn(x, dim=()),
    lambda lib, x: lib.fft.rfft(x + 0j),
    lambda lib, x: lib.fft.fft(x.half()),
    lambda lib, x: lib.fft.fftshift(x, dim=3),
    lambda lib, x: lib.fft.fftfreq(-1),
    lambda lib, x: lib.fft.fftfreq(4, dtype=lib.int64),
    lambda lib, x: lib.stft(x, 4),
    lambda lib, x: lib.stft(x, 80, return_complex=True, center=False),
    lambda lib, x: lib.stft(x, 4, hop_length=0, return_complex=True),
    lambda lib, x: lib.stft(x, 4, win_length=5, return_complex=True),
    lambda lib, x: lib.stft(x, 4, window=lib.ones(3), return_complex=True),
    lambda lib, x: lib.stft(x + 0j, 4, onesided=True, return_complex=True),
    lambda lib, x: lib.istft(x, 4),
    lambda lib, x: lib.istft(lib.stft(x, 4, return_complex=True), 6),
    lambda lib, x: lib.istft(lib.stft(x, 4, return_complex=True), 4, hop_length=5),
    lambda lib, x: lib.hann_window(-1),
    lambda lib, x: lib.signal.windows.hann(-1),
    lambda lib, x: lib.signal.windows.gaussian(3, std=0),
    lambda lib, x: lib.signal.windows.kaiser(3, dtype=lib.int64),
]


@pytest.mark.parametrize("program", ERRORS, ids=range(len(ERRORS)))
def test_errors(program):
    check(program, normal(3, 12))


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_norms_and_gradients(name, norm):
    check(lambda lib, x: getattr(lib.fft, name)(x, 7, 0, norm), normal(5, 2, dtype="float64"))
    check(lambda lib, x: getattr(lib.fft, name + "n")(x, (4, -1), norm=norm), normal(2, 3, 5, dtype="float64"))


def test_five_dimensions():
    check(lambda lib, x: lib.fft.ifftn(lib.fft.fftn(x)), normal(2, 2, 3, 2, 2, dtype="float64"))


WINDOWS = [
    lambda lib: lib.hann_window(5, False),
    lambda lib: lib.hann_window(1),
    lambda lib: lib.bartlett_window(0),
    lambda lib: lib.blackman_window(6, dtype=lib.float64),
    lambda lib: lib.hamming_window(7, True, 0.5, 0.3),
    lambda lib: lib.kaiser_window(6, True, 5.0),
    lambda lib: lib.signal.windows.general_cosine(5, a=[1, 2, 0.5], sym=False),
    lambda lib: lib.signal.windows.exponential(5, center=1.0, sym=False),
    lambda lib: lib.fft.fftfreq(5, 0.5),
    lambda lib: lib.fft.rfftfreq(6, 0.1, dtype=lib.float64),
]


@pytest.mark.parametrize("program", WINDOWS, ids=range(len(WINDOWS)))
def test_windows(program):
    check(program)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"pad_mode": "constant", "normalized": True},
        {"hop_length": 3, "win_length": 5},
        {"center": False, "win_length": 5, "align_to_window": True},
        {"onesided": False},
    ],
)
def test_stft(given):
    check(lambda lib, x: lib.stft(x, 8, return_complex=True, **given), normal(2, 30, dtype="float64"))


@pytest.mark.filterwarnings("ignore:The length of signal")
@pytest.mark.parametrize("length", [None, 21, 40])
def test_istft_comes_back(length):
    def program(lib, x, window):
        return lib.istft(lib.stft(x, 8, window=window, return_complex=True), 8, window=window, length=length)

    check(program, normal(2, 32, dtype="float64"), np.hanning(10)[1:-1].tolist())


def test_istft_without_weight_raises():
    import torchlike

    spectrum = torchlike.stft(torchlike.arange(32.0), 8, return_complex=True, window=torchlike.hann_window(8))
    with pytest.raises(RuntimeError, match="window overlap add min"):
        torchlike.istft(spectrum, 8, window=torchlike.hann_window(8), center=False)
