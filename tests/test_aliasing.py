"""Random programs of views and in-place writes: every alias must see what PyTorch's sees.

Each program draws views of views and writes through any of them, with and without the grad mode, through `detach()` and
`.data` too; then every alias alive is compared: values, strides, offset, whether it requires a gradient, and the
gradient of a weighted sum of them all. TORCHLIKE_PROGRAMS sets how many programs are run, TORCHLIKE_SEED the first.
"""

import os
from math import prod

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that the programs are compared with")

pytestmark = pytest.mark.slow  # random programs compile something new all the time
torchlike = pytest.importorskip("torchlike")

PROGRAMS = int(os.environ.get("TORCHLIKE_PROGRAMS", "200"))
FIRST = int(os.environ.get("TORCHLIKE_SEED", "0"))
CHUNK = 20


class Draw:
    """Choices of one program; everything drawn becomes text, so that a program can be read and repeated."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def of(self, choices):
        return choices[self.int(0, len(choices) - 1)]

    def numbers(self, shape) -> str:
        drawn = np.round(self.rng.uniform(-2, 2, prod(shape)), 2).tolist()
        return f"torch.tensor({drawn}).reshape({tuple(shape)})"


def view(d: Draw, t) -> str:
    """An expression for a view of the tensor `a`, which is shaped like the reference's `t`."""
    shape, n = tuple(t.shape), t.ndim
    options = ["a.detach()", "a.data", "a[...]", "a[None]", "a.unsqueeze(-1)", "a.squeeze()", "a.view(-1)",
               f"a.reshape({shape[::-1]})", "a.reshape(-1)", f"a.view({shape + (1,)})",
               f"a.expand({(d.int(1, 2), *shape)})"]  # fmt: skip
    if n:
        i, j = d.int(0, n - 1), d.int(-n, n - 1)
        size = shape[i]
        start = d.int(0, size)
        options += [
            f"a[{(slice(None),) * i + (slice(start, d.int(start, size), d.int(1, 2)),)}]",
            f"a[{(Ellipsis, slice(d.int(-3, 0), None))}]",
            f"a.transpose({i}, {j})",
            f"a.permute({tuple(d.rng.permutation(n).tolist())})",
            f"a.narrow({i}, {start}, {size - start})",
            f"a.movedim({i}, {j})",
            f"a.flatten({i})",
            f"a.squeeze({i})",
        ]
        if size:
            length = d.int(1, size)
            options += [
                f"a.select({i}, {d.int(-size, size - 1)})",
                f"a[{(slice(None),) * i + (d.int(-size, size - 1),)}]",
                f"a.chunk({d.int(1, 3)}, {i})[0]",
                f"a.split({d.int(1, size)}, {i})[-1]",
                f"a.unbind({i})[{d.int(0, size - 1)}]",
                f"a.tensor_split(2, {i})[{d.int(0, 1)}]",
                f"a.unfold({i}, {length}, {d.int(1, 3)})",
            ]
        if n > 1:
            options += [f"a.diagonal({d.int(-1, 1)})", "a.mT"]
    if t.numel() > 3 and t.is_contiguous():  # within `a`: outside it PyTorch drops the gradient
        offset = t.storage_offset()
        options += ["a.as_strided((2,), (1,))", f"a.as_strided(({d.int(1, 2)}, 2), ({d.int(0, 2)}, 1), {offset})"]
    return d.of(options)


def write(d: Draw, t) -> str:
    """A statement that writes into `a`; `b` is another alias, used as a value only through a copy."""
    shape, n = tuple(t.shape), t.ndim
    if overlapping(t):
        return d.of(["a.zero_()", "a.fill_(1.5)"])
    options = ["a.zero_()", f"a.fill_({d.int(-3, 3)})", "a.mul_(0.5)", f"a.add_({d.numbers(shape)})", "a.add_(1)",
               f"a.mul_({d.numbers(shape)})", f"a.copy_({d.numbers(shape)})", f"a.copy_({d.numbers(())})",
               "a[...] = 2", "a[a > 0] = -0.25", "a.masked_fill_(a < 0, 0.75)", "a += 1",
               "a[...] = b.clone().sum()", "a.add_(b.clone().mean())"]  # fmt: skip
    if n and shape[0]:
        k = d.int(0, shape[0] - 1)
        options += [f"a[{k}] = 3", f"a[{k}] = {d.numbers(shape[1:])}", f"a[[{k}]] = {d.numbers((1, *shape[1:]))}",
                    f"a[torch.tensor([{k}])] = 0.5", f"a[{k}:] *= 2", f"a[::2] = {d.numbers(())}"]  # fmt: skip
    return d.of(options)


def overlapping(t) -> bool:
    """Whether two elements of the reference's tensor share a place: what a write then does depends on its order."""
    places = torch.zeros(t.untyped_storage().nbytes() // 4, dtype=torch.int32)
    flat = torch.tensor(t.storage_offset())
    for d, (n, s) in enumerate(zip(t.shape, t.stride(), strict=True)):
        flat = flat + (torch.arange(n) * s).reshape(-1, *[1] * (t.ndim - d - 1))
    if not t.numel():
        return False
    places.index_add_(0, flat.reshape(-1), torch.ones(flat.numel(), dtype=torch.int32))
    return int(places.max()) > 1


REFUSED = "its base or another view of its base has been modified inplace"
"""PyTorch forbids even looking at one of several views (of unbind, split) after such a write; torchlike does not."""


class Refused(Exception):
    """The program does something that only torchlike allows: it ends here, uncompared."""


def attempt(fn):
    try:
        return fn(), None
    except Exception as error:
        return None, REFUSED if REFUSED in str(error) else type(error).__name__


def run(seed: int) -> None:
    """One program under both libraries."""
    d = Draw(seed)
    lines = [f"seed {seed}"]
    shape = d.of([(6,), (3, 3), (2, 1, 3)])
    grad = d.int(0, 3) > 0
    leaves, aliases = [], [[], []]
    values = d.numbers(shape)
    for lib, alive in zip((torchlike, torch), aliases, strict=True):
        leaf = eval(values, {"torch": lib}).requires_grad_(grad)
        leaves.append(leaf)
        alive.append(leaf * 1)
    lines.append(f"w = {values}.requires_grad_({grad}); t0 = w * 1")

    def both(code: str, names: dict, quiet: bool, make: bool) -> None:
        outcomes = []
        for lib, alive in zip((torchlike, torch), aliases, strict=True):
            scope = {"torch": lib, **{k: alive[i] for k, i in names.items()}}

            def act(lib=lib, scope=scope):
                if make:
                    return eval(code, scope)
                if quiet:
                    with lib.no_grad():
                        exec(code, scope)
                else:
                    exec(code, scope)
                return None

            outcomes.append(attempt(act))
        (ours, wrong), (theirs, expected) = outcomes
        if expected == REFUSED and wrong is None:
            raise Refused
        assert wrong == expected, f"raised {wrong}, expected {expected}"
        if make and expected is None:
            aliases[0].append(ours)
            aliases[1].append(theirs)

    try:
        for _ in range(d.int(4, 10)):
            at = d.int(0, len(aliases[1]) - 1)
            t = aliases[1][at]
            if d.int(0, 1):
                code = view(d, t)
                lines.append(f"t{len(aliases[1])} = {code}  # a = t{at}")
                both(code, {"a": at}, False, True)
            else:
                code, other, quiet = write(d, t), d.int(0, len(aliases[1]) - 1), d.int(0, 4) == 0
                lines.append(f"{code}  # a = t{at}, b = t{other}{', no_grad' if quiet else ''}")
                both(code, {"a": at, "b": other}, quiet, False)
        for i, (ours, theirs) in enumerate(zip(*aliases, strict=True)):
            compare(f"t{i}", ours, theirs)
        gradients(leaves, aliases)
    except Refused:
        return
    except Exception as error:
        if REFUSED in str(error):
            return
        raise AssertionError("\n".join([*lines, f"-> {type(error).__name__}: {error}"])) from error


def compare(name: str, ours, theirs) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape), f"{name}: shape {ours.shape}, expected {theirs.shape}"
    np.testing.assert_allclose(np.array(ours.tolist()), np.array(theirs.tolist()), 1e-5, 1e-5, err_msg=name)
    if theirs.numel():
        assert ours.stride() == theirs.stride(), f"{name}: strides {ours.stride()}, expected {theirs.stride()}"
        got, want = ours.storage_offset(), theirs.storage_offset()
        assert got == want, f"{name}: offset {got}, expected {want}"
    assert ours.is_contiguous() == theirs.is_contiguous(), f"{name}: is_contiguous"
    assert ours.requires_grad == theirs.requires_grad, f"{name}: requires_grad {ours.requires_grad}"


def gradients(leaves, aliases) -> None:
    found = []
    for lib, leaf, alive in zip((torchlike, torch), leaves, aliases, strict=True):
        total = 0
        for t in alive:
            if t.requires_grad and t.numel():
                weights = np.cos(np.arange(t.numel()) + 1.0).astype(np.float32).tolist()
                total = total + (t * lib.tensor(weights).reshape(tuple(t.shape))).sum()
        if isinstance(total, int):  # nothing requires a gradient
            return
        found.append(attempt(lambda total=total: total.backward())[1] or leaf.grad)
    ours, theirs = found
    if isinstance(theirs, str):  # a value that the gradient needs was overwritten: PyTorch refuses, we kept it
        return
    assert not isinstance(ours, str), f"backward raised {ours}"
    assert (ours is None) == (theirs is None), f"grad {ours}, expected {theirs}"
    if theirs is not None:
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-4, 1e-5, err_msg="gradient")


@pytest.mark.parametrize("first", range(FIRST, FIRST + PROGRAMS, CHUNK))
def test_random_programs(first):
    for seed in range(first, min(first + CHUNK, FIRST + PROGRAMS)):
        run(seed)


def test_a_wrong_value_is_noticed(monkeypatch):
    monkeypatch.setattr(torchlike.Tensor, "zero_", lambda self: self)
    with pytest.raises(AssertionError):
        list(map(run, range(60)))
