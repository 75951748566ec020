"""The engine of PyTorch's CPU generator: MT19937, its seed, its state and its raw words.

NumPy's bit generator supplies the words; the state is laid out as PyTorch's, so that either library continues a stream
of the other. NumPy and the standard library only.
"""

import operator
import secrets

import numpy as np

from torchlike.core.random_bounds import check

DEFAULT_SEED = 67280421310721  # of a new PyTorch generator
_WORDS = 624  # 32-bit words of an MT19937 state

# The memory of PyTorch's CPUGeneratorImplState, 5056 bytes with the padding of the C++ struct.
_STATE = np.dtype(
    [
        ("seed", np.uint64), ("left", np.int32), ("seeded", np.int32), ("next", np.uint64),
        ("words", np.uint64, _WORDS), ("normal_x", np.float64), ("normal", np.float64), ("normal_rho", np.float64),
        ("normal_valid", np.int32), ("padding", np.int32),
        ("float_normal", np.float32), ("float_normal_valid", np.bool_),
    ],
    align=True,
)  # fmt: skip


class Engine:
    """A stream of random 32-bit words that can be seeded, saved and continued.

    Example:
        >>> Engine().manual_seed(0).random_raw(2)
        array([2357136044, 2546248239], dtype=uint32)
    """

    def __init__(self):
        self._engine = np.random.MT19937(0)
        self._words = np.random.Generator(self._engine)
        self.manual_seed(DEFAULT_SEED)

    # ---- seed and state ----

    def manual_seed(self, seed):
        """Restart the stream from ``seed``, from -2**63 to 2**64 - 1 (a negative one counts as seed + 2**64).

        Returns the generator. The engine uses the low 32 bits only, as PyTorch's does.

        Raises:
            ValueError: the seed is out of range.
            RuntimeError: the seed is not an integer.
        """
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        seed = operator.index(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = seed % 2**64
        self._engine.state = np.random.RandomState(self._seed % 2**32).get_state(legacy=False)
        self._unused = True  # nothing drawn yet: NumPy's state cannot tell this from a block drawn to its end
        self._cached_normal = None  # the sine half of the last pair of the path for fewer than 16 normals
        return self

    def seed(self):
        """Restart the stream from 64 random bits of the operating system and return them as an int."""
        self.manual_seed(secrets.randbits(64))
        return self._seed

    def initial_seed(self):
        """The seed that the stream was last started from, as a Python int from 0 to 2**64 - 1."""
        return self._seed

    def get_state(self):
        """The state as PyTorch lays it out: a uint8 array of 5056 bytes, which its ``set_state`` takes as well."""
        engine = self._engine.state["state"]
        state = np.zeros((), _STATE)
        state["seed"], state["seeded"], state["words"] = self._seed, 1, engine["key"]
        state["left"], state["next"] = _WORDS + 1 - engine["pos"], 0 if self._unused else engine["pos"]
        if self._cached_normal is not None:
            state["normal_valid"], state["normal"] = 1, self._cached_normal
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, new_state):
        """Continue from a state of :meth:`get_state`, or of PyTorch's. Returns the generator.

        Raises:
            TypeError: ``new_state`` is not an array of bytes.
            RuntimeError: it has another size, or no valid MT19937 state in it.
        """
        new_state = np.asarray(new_state)
        if new_state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        check(
            new_state.size == _STATE.itemsize,
            f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found the input RNG state size to be "
            f"{new_state.size}",
        )
        state = np.frombuffer(new_state.tobytes(), _STATE)[0]
        left, position = int(state["left"]), int(state["next"])
        # A block drawn to its end (left == 1) is refilled before the next read, wherever `next` points.
        sound = left == 1 and position <= _WORDS or 1 < left == _WORDS + 1 - position
        check(state["seeded"] and sound, "Invalid mt19937 state")
        self._seed = int(state["seed"])
        self._unused = position != _WORDS + 1 - left
        words = state["words"].astype(np.uint32)
        self._engine.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": _WORDS + 1 - left}}
        self._cached_normal = float(state["normal"]) if state["normal_valid"] else None
        return self

    def clone_state(self):
        """A new generator that continues the stream from here on its own."""
        other = type(self)()
        other._seed = self._seed
        other.rewind(self.mark())
        return other

    def mark(self):
        """Where the stream is, for :meth:`rewind`."""
        return self._engine.state, self._unused, self._cached_normal

    def rewind(self, mark):
        """Go on from a :meth:`mark`."""
        self._engine.state, self._unused, self._cached_normal = mark

    # ---- raw words ----

    def random_raw(self, n):
        """The next ``n`` 32-bit words of the engine, a uint32 array."""
        self._unused = self._unused and n == 0
        return self._words.integers(0, 2**32, n, dtype=np.uint32)

    def random64(self, n):
        """The next ``n`` 64-bit words, a uint64 array: two engine words each, the high one first."""
        self._unused = self._unused and n == 0
        return self._words.integers(0, 2**64, n, dtype=np.uint64)

    def random53(self, n):
        """The low 53 bits of the next ``n`` 64-bit words: float64 holds each exactly."""
        words = self.random64(n)
        words &= np.uint64(2**53 - 1)
        return words

    def _uniform32(self, n):
        words = self.random_raw(n)
        words &= np.uint32(2**24 - 1)
        x = aligned(words, np.float32)
        x *= np.float32(2**-24)
        return x

    def _uniform64(self, n):
        x = aligned(self.random53(n), np.float64)
        x *= 2.0**-53
        return x


def aligned(values, dtype):
    """A copy in ``dtype`` that begins at a multiple of 64 bytes: XLA takes such memory over where others are copied."""
    dtype = np.dtype(dtype)
    memory = np.empty(values.size * dtype.itemsize + 64, np.uint8)
    first = -memory.ctypes.data % 64
    copy = memory[first : first + values.size * dtype.itemsize].view(dtype)
    copy[...] = values
    return copy
