"""What the tests of nn.Module share: small programs that run under PyTorch and under torchlike.

A program is a function of the library (and of a kit of small modules built on it). Its outcome, value, printed text or
exception class and message, must be the same on both sides, to the letter.
"""

from __future__ import annotations

import collections
import functools
import re
import types
import warnings

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference these programs are compared with")
torchlike = pytest.importorskip("torchlike")


class Programs(dict):
    """A table of programs by name, and the decorator that files them."""

    def __call__(self, fn):
        assert fn.__name__ not in self, f"{fn.__name__} would hide the first of that name"
        self[fn.__name__] = fn
        return fn


@functools.cache
def kit(lib) -> types.SimpleNamespace:
    """Small modules written on `lib`'s nn.Module, with constant weights so that every value is known."""
    nn = lib.nn

    class Affine(nn.Module):
        """y = x @ weight.T + bias"""

        def __init__(self, n_in, n_out, bias=True):
            super().__init__()
            self.n_in, self.n_out = n_in, n_out
            self.weight = nn.Parameter(lib.arange(n_in * n_out, dtype=lib.float32).reshape(n_out, n_in) / 8)
            if bias:
                self.bias = nn.Parameter(lib.ones(n_out))
            else:
                self.register_parameter("bias", None)

        def forward(self, x):
            y = x @ self.weight.t()
            return y if self.bias is None else y + self.bias

        def extra_repr(self):
            return f"{self.n_in}, {self.n_out}, bias={self.bias is not None}"

    class Act(nn.Module):
        def forward(self, x):
            return x * x

    class Stats(nn.Module):
        """Buffers of three kinds: saved floating, saved integer, not saved."""

        def __init__(self):
            super().__init__()
            self.register_buffer("mean", lib.zeros(2))
            self.register_buffer("steps", lib.tensor(3))
            self.register_buffer("scratch", lib.ones(1), persistent=False)
            self.register_buffer("nothing", None)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = Affine(3, 2)
            self.act = Act()
            self.second = Affine(2, 2, bias=False)
            self.stats = Stats()
            self.scale = nn.Parameter(lib.tensor(2.0))

        def forward(self, x):
            return self.second(self.act(self.first(x))) * self.scale

    class Tied(nn.Module):
        """One module under two names, one parameter under two names."""

        def __init__(self):
            super().__init__()
            self.a = Affine(2, 2)
            self.b = self.a
            self.w = self.a.weight
            self.register_buffer("p", lib.zeros(1))
            self.q = self.p

    class Two(nn.Module):
        """Two inputs and a keyword in, a tuple out."""

        def forward(self, x, y, gain=1.0):
            return x * y * gain, x + y

    class Counted(nn.Module):
        """Extra state beside tensors."""

        def __init__(self, count=0):
            super().__init__()
            self.count = count

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    class Bare(nn.Module):
        def __init__(self):
            pass

    x = lib.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]])
    return types.SimpleNamespace(**{k: v for k, v in locals().items() if k not in ("lib", "nn")})


def plain(value):
    """A library-neutral picture of an outcome: tensors become (class, dtype, shape, requires_grad, values)."""
    if value is None or isinstance(value, (bool, int, float, complex)):
        return value
    if isinstance(value, str):
        return re.sub(r"0x[0-9a-f]+", "0x", value.replace("torchlike", "torch"))
    if isinstance(value, type):
        return plain(value.__name__)
    if isinstance(value, collections.abc.Mapping):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, BaseException):
        return (type(value).__name__, plain(str(value)))
    if type(value).__name__ in ("dtype", "device"):
        return str(value)
    if hasattr(value, "detach") and hasattr(value, "dtype"):
        picture = value.detach().cpu()
        values = (picture.float() if picture.is_floating_point() else picture).tolist()
        return (type(value).__name__, str(value.dtype), tuple(value.shape), value.requires_grad, values)
    if hasattr(value, "named_modules"):
        return plain(repr(value))
    if isinstance(value, collections.abc.Iterable):
        return [plain(v) for v in value]
    raise TypeError(f"a program returned {type(value)}, which has no library-neutral picture")


def outcome(fn, lib):
    """What `fn` comes to under `lib`: ("value", picture, warnings) or ("error", class, message)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = plain(fn(lib, kit(lib)))
        except Exception as error:
            return ("error", *plain(error))
    ours = [(w.category.__name__, str(w.message)) for w in caught if w.category in (UserWarning, FutureWarning)]
    return ("value", value, ours)


def caught(fn, *args, **kwargs):
    """The exception that a call raises, as a value, so that one program can collect several."""
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        return error


def both(fn):
    """The outcome under torchlike and the one under PyTorch: a test asserts that they are equal."""
    return outcome(fn, torchlike), outcome(fn, torch)
