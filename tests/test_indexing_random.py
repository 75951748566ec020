"""Random indices, read and written: values, views, dtypes, gradients and errors are PyTorch's.

What stands in the brackets is drawn as text, so that a failure can be read and repeated. TORCHLIKE_INDICES sets how
many are tried, TORCHLIKE_SEED the first seed.
"""

import os
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that indices are compared with")
torchlike = pytest.importorskip("torchlike")

COUNT = int(os.environ.get("TORCHLIKE_INDICES", "300"))
FIRST = int(os.environ.get("TORCHLIKE_SEED", "0"))
CHUNK = 30
SHAPES = [(), (4,), (3, 4), (2, 3, 4), (0,), (2, 0, 3), (1, 3, 1), (2, 2, 2, 2)]
DTYPES = ["float32"] * 5 + ["float64", "int64", "bool", "complex64", "float16", "uint8"]


class Draw:
    """Choices of one trial, all of them text or plain numbers."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def of(self, choices):
        return choices[self.int(0, len(choices) - 1)]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def place(self, n: int) -> int:
        """A place in a dimension of size n, now and then one that is not there."""
        if self.chance(0.03) or not n:
            return self.int(-n - 2, n + 1)
        return self.int(-n, n - 1)

    def places(self, n: int, shape) -> str:
        return str(np.reshape([self.place(n) for _ in range(int(np.prod(shape)))], shape).astype(int).tolist())

    def bools(self, shape) -> str:
        return str((self.rng.random(shape) < 0.5).tolist())


def one(d: Draw, n: int) -> str:
    """An index that takes one dimension away and is not advanced."""
    i = d.place(n)
    return d.of([str(i)] * 6 + [f"np.int64({i})", f"torch.tensor({i})", f"np.array({i})", f"torch.tensor({i}).int()"])


def cut(d: Draw, n: int) -> str:
    """A slice."""
    ends = [d.of(["", str(d.int(-n - 1, n + 1))]) for _ in range(2)]
    step = d.of(["", "", "", ":1", ":2", ":3", ":", ":-1" if d.chance(0.1) else "", ":0" if d.chance(0.1) else ""])
    return ":".join(ends) + step


def advanced(d: Draw, n: int, shape) -> str:
    """An index of places."""
    if not d.chance(0.95):
        shape = (d.int(1, 3),)
    at = d.places(n, shape)
    kinds = [f"torch.tensor({at})"] * 4 + [at] * 2 + [f"np.array({at})", f"torch.tensor({at}).to(torch.int32)"]
    if n and d.chance(0.1):
        kinds += [f"range({d.int(0, n)})", "[]", "torch.tensor([], dtype=torch.long)", f"torch.tensor({at}).short()",
                  "torch.tensor([1.])", f"np.array({at}, dtype=np.int16)", "(0, 0)",
                  f"torch.tensor({at}).to(torch.int8)"]  # fmt: skip
    return d.of(kinds)


def mask(d: Draw, shape) -> str:
    """An index of truth values over one or several dimensions."""
    if not d.chance(0.95):
        shape = tuple(n + 1 for n in shape)
    values = d.bools(shape)
    kinds = [f"torch.tensor({values}, dtype=torch.bool)"] * 4
    if len(shape) == 1:  # PyTorch counts a mask of NumPy's as one dimension, whatever it has, and may go astray
        kinds.append(f"np.array({values}, dtype=bool)")
    if d.chance(0.2):
        kinds.append(f"torch.tensor({values}, dtype=torch.uint8)")
    if len(shape) == 1 and shape[0]:
        kinds.append(values)
    return d.of(kinds)


def index(d: Draw, shape) -> str:
    """What stands in the brackets, for a tensor of this shape."""
    common = d.of([(2,), (3,), (2, 2), (1,), (0,)])
    items, dim, dots = [], 0, False
    for _ in range(d.int(0 if d.chance(0.2) else 1, len(shape) + 1)):
        left = len(shape) - dim
        roll = d.int(0, 19)
        if roll < 2:
            items.append("None")
        elif roll == 2 and (not dots or d.chance(0.05)):
            items.append("...")
            dots = True
        elif roll == 3 and d.chance(0.5):
            items.append(d.of(["True", "False", "torch.tensor(True)", "torch.tensor(False)", "np.bool_(True)"]))
        elif left > 0 or d.chance(0.05):
            n = shape[dim] if left > 0 else 2
            if roll < 8:
                items.append(one(d, n))
            elif roll < 12:
                items.append(cut(d, n))
            elif roll < 17:
                items.append(advanced(d, n, common))
            else:
                width = d.int(1, max(1, left))
                items.append(mask(d, shape[dim : dim + width] or (2,)))
                dim += width - 1
            dim += 1
    if not items:
        return d.of(["...", "()", ":", "None"] if shape else ["...", "()", "None"])
    return ", ".join(items) + ("," if len(items) == 1 and d.chance(0.3) else "")


def value(d: Draw, part, dtype: str) -> str:
    """Something to write where `part` (of the reference) lies."""
    number = d.of(["2", "1.5", "True", "-1", "3+1j" if d.chance(0.2) else "0", "np.float32(2.5)", "float('nan')"])
    kinds = [number] * 3 + [f"torch.tensor({number.replace('np.float32(2.5)', '2.5')})"]
    if part is not None:
        shape = tuple(part.shape)
        shape = tuple(1 if d.chance(0.15) else n for n in shape[d.int(0, len(shape)) if d.chance(0.2) else 0 :])
        shape = (1,) * d.of([0, 0, 0, 1, 2]) + shape
        if d.chance(0.05):
            shape = (*shape, 3)
        other = dtype if d.chance(0.9) else d.of(DTYPES)
        kinds += [f"(torch.arange({int(np.prod(shape))}) * 0.5 - 1).reshape({shape}).to(torch.{other})"] * 6
    return d.of(kinds)


def program(seed: int) -> list[str]:
    """Statements that make `x`, index it once and leave what came out in `y`."""
    d = Draw(seed)
    shape, dtype = d.of(SHAPES), d.of(DTYPES)
    count = int(np.prod(shape))
    lines = [f"leaf = ((torch.arange({count}) * 7 % 11).to(torch.float32) - 5).reshape({shape}).to(torch.{dtype})"]
    if dtype[0] in "fc" and dtype != "float16" and d.chance(0.7):
        lines.append("leaf = leaf.requires_grad_()")
    turned = d.of(["", "", ".transpose(0, -1)", "[::2]", ".T"]) if len(shape) > 1 else ""
    lines.append(f"x = (leaf * 1){turned}" if dtype != "bool" else f"x = (leaf & True){turned}")
    space = {"torch": torch}
    exec("\n".join(lines), space)
    at = index(d, tuple(space["x"].shape))
    if d.chance(0.5):
        return [*lines, f"y = x[{at}]"]
    try:
        part = eval(f"x[{at}]", {"torch": torch, "np": np, "x": space["x"]})
    except Exception:
        part = None
    made = value(d, part, dtype)
    return [*lines, d.of([f"x[{at}] = {made}"] * 6 + [f"x[{at}] += 1", f"x[{at}] *= {made}"]), "y = x"]


def numbers(t) -> list:
    """The elements, where a complex zero has no sign: the libraries conjugate in different places."""
    return (t.detach() + 0).tolist() if t.is_complex() else t.tolist()


def base_of(t) -> int:
    return t.untyped_storage().data_ptr()


class Outcome(dict):
    """What a program came to, in terms that both libraries share."""


def run(lib, lines: list[str]) -> Outcome:
    space = {"torch": lib, "np": np}
    try:
        exec("\n".join(lines), space)
        y, leaf, x = space["y"], space["leaf"], space["x"]
        if y.requires_grad:
            weights = (np.arange(y.numel()) % 5 + 1.0).reshape(tuple(y.shape)).tolist()
            y.backward(lib.tensor(weights, dtype=y.dtype).reshape(tuple(y.shape)))
        shown = y.numel() > 0 and (y is x or y._is_view() and base_of(y) == base_of(x))
        grad = leaf.grad if leaf.requires_grad else None
        return Outcome(
            values=numbers(y), shape=tuple(y.shape), dtype=str(y.dtype), base=numbers(x), view=shown,
            grad=None if grad is None else numbers(grad),
        )  # fmt: skip
    except Exception as error:
        return Outcome(error=type(error).__name__, words=str(error).replace("torchlike", "torch").split("\n")[0])


# sentences that name an internal of PyTorch, or depend on which of two mistakes is seen first
FREE_WORDS = ("received an invalid combination", "expanded size of the tensor", "expand(", "could not be broadcast",
              "too many indices", "tensors used as indices", "only supports boolean masks")


def unlike(lines: list[str]) -> str | None:
    """The first difference between the libraries, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want, got = run(torch, lines), run(torchlike, lines)
    if any(w in str(o.get("words")) for w in FREE_WORDS for o in (want, got)):
        want["words"] = got.get("words")
    for key in {**want, **got}:
        if repr(want.get(key)) != repr(got.get(key)):
            return f"{key}: {got.get(key, got)}, expected {want.get(key, want)}"
    return None


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_random_indices(first):
    found = []
    for seed in range(first, first + CHUNK):
        lines = program(seed)
        if (difference := unlike(lines)) is not None:
            found.append(f"seed {seed}\n    " + "\n    ".join([*lines, difference]))
    assert not found, "\n".join(found)


def test_the_comparison_can_fail():
    assert "values" in unlike(["x = leaf = torch.zeros(2)", "y = x + torch.__name__.count('like')"])
