"""Programs of operations from `table.py`: every gear must compute what PyTorch computes.

A program is the body of a function of a few tensors. It runs in PyTorch and, here, in the debugging gear, the first
gear, the second gear (the same structure again), under `torch.compile` and, where nothing is read midway, under
`torch.compile(fullgraph=True)`, there with other numbers too. Some programs end in a backward pass.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import torch

import torchlike
from tests.random_programs import table
from tests.random_programs.aliasing import overlapping
from tests.random_programs.draw import Draw
from torchlike.core import tape

SHAPES = [(2, 3), (3,), (3, 3), (2, 3), (), (1, 3), (2, 2, 3), (4,)]
DTYPES = ["float32"] * 6 + ["float64"] * 2 + ["int64"] * 2 + ["int32", "bool", "complex64", "bfloat16", "uint8"]
LARGEST = 64


def _numbers(d: Draw, shape, dtype: str) -> str:
    if dtype.startswith(("float", "bfloat")):
        return f"torch.tensor({np.round(d.rng.normal(size=shape), 3).tolist()}, dtype=torch.{dtype})"
    return d.numbers(shape, dtype)


def _filled(d: Draw, template: str, values: dict) -> str:
    """A template with something drawn for each placeholder."""
    names = list(values)
    a = names[-1] if d.chance(0.5) else d.of(names)
    t = values[a]
    near = [k for k in names if _broadcasts(values[k].shape, t.shape)]
    m = [k for k in near if values[k].dtype == torch.bool]
    i = [k for k in names if values[k].dtype == torch.int64 and values[k].ndim == 1]
    n = t.ndim
    fill = {
        "{a}": a, "{b}": d.of(near or names), "{c}": d.of(near or names), "{n}": str(d.int(-2, 3)),
        "{m}": d.of(m) if m and d.chance(0.5) else f"({a} > 0)", "{f}": str(d.of([0.5, -0.5, 1.5, 0.25, 2.0])),
        "{i}": d.of(i) if i and d.chance(0.3) else f"torch.tensor({d.of([[0, 1], [1], [0, 0], [1, -1], [0, 1, 0]])})",
        "{d}": str(d.int(-n, n - 1) if n else 0), "{e}": str(d.int(0, n - 1) if n else 0),
    }  # fmt: skip
    for mark, text in fill.items():
        template = template.replace(mark, text)
    return template


def _broadcasts(a, b) -> bool:
    return all(m == n or m == 1 or n == 1 for m, n in zip(a[::-1], b[::-1], strict=False))


def generate(seed: int) -> list[str]:
    """The program of a seed."""
    d = Draw(seed)
    grad = d.chance(0.3)
    lines = []
    for i in range(d.int(1, 3)):
        dtype = "float64" if grad and i == 0 else d.of(DTYPES)
        lines.append(f"x{i} = {_numbers(d, d.of(SHAPES), dtype)}" + (".requires_grad_()" if grad and i == 0 else ""))
    scope = {"torch": torch, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in lines:
            exec(line, scope)
        for step in range(d.int(3, 8)):
            for _ in range(30):
                line = _line(d, scope, step)
                if line is not None and _legal(line, scope, step):
                    lines.append(line)
                    break
    if grad:
        lines.append(f"{_total(scope)}.backward()")
        if not _legal(lines[-1], scope, -1):
            lines.pop()
    while not _runs(lines):  # a line that was refused may have written before it failed
        lines.pop()
    return lines


def _runs(lines: list[str]) -> bool:
    scope = {"torch": torch, "F": torch.nn.functional}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            exec("\n".join(lines), scope)
    except Exception:  # noqa: BLE001
        return False
    return True


QUIRKS = {
    r"F\.gelu\((\w+)": lambda t: bool(t.isinf().any()),  # nan from some kernels, inf from others
    r"F\.hardsigmoid\((\w+)": lambda t: t.dtype is torch.float64,  # its gradient takes a sixth in float32
    # gradients of what is not a number: 1 or nan from a loop, 0 or nan from a loop over vectors
    r"\w\.(?:hardshrink|softshrink|hardtanh|hardswish|relu6|elu|celu|selu)\((\w+)": lambda t: bool(t.isnan().any()),
    r"(\w+)\.(?:std|var)\(": lambda t: len(set(t.reshape(-1).tolist())) < max(t.numel(), 2),  # how near to 0 it is
    # PyTorch multiplies a gradient of 0 with the logarithm of a negative number to 0
    r"(?:F\.kl_div|xlogy)\(.*?(\w+)\)": lambda t: not t.is_complex() and bool((t < 0).any()),
    # one rounding beyond 1 there is no result
    r"torch\.(?:asin|acos|atanh|acosh|arcsin|arccos|arctanh|arccosh|erfinv)\((\w+)": lambda t: _near_integers(t),
    r"torch\.einsum\('[^']*', (\w+), (\w+)": lambda a, b: (
        a.dtype != b.dtype or a.shape[-1:] != b.shape[-1:]  # refused unless empty; integers summed as int64 or not
    ),
    r"(?:copysign\(\w+, |signbit\()(\w+)": lambda t: bool(t.isnan().any()),  # the sign of what is not a number
    r"(\w+)\.(?:mode|topk|kthvalue)\(": lambda t: bool(t.isnan().any()),  # the order of what is not a number
    r"(\w+)\.logcumsumexp": lambda t: t.requires_grad,  # a gradient that is not a number comes back as 0
    r"torch\.reciprocal\((\w+)": lambda t: bool((t == 0).any()),  # the sign of a zero out of a product of matrices
    r"torch\.(?:bucketize\(|searchsorted\(.*\), )(\w+)": lambda t: _near_integers(t),
    r"torch\.(?:remainder|fmod|floor_divide)\((\w+), (\w+)\)": lambda a, b: _near_integers(a / b),
    # PyTorch does not notice that what kron kept was written
    r"torch\.kron\((\w+), (\w+)": lambda a, b: a.requires_grad or b.requires_grad,
    r"torch\.\w+\((\w+).*out=(\w+)\)": lambda a, out: a.dtype != out.dtype,  # computed in one of the two precisions
    r"torch\.div\((\w+), (\w+), rounding_mode": lambda a, b: _near_integers(a / b),
    r"(y\d+)\.(?:int|long|to)\(": lambda t: _near_integers(t),  # one rounding decides about the integer
    # little is left of two numbers one rounding apart
    r"tanhshrink\((\w+)": lambda t: t.is_floating_point() and bool((t.abs() < 0.1).any()),
    # so near a pole one rounding is much
    r"digamma\((\w+)": lambda t: (
        t.is_floating_point() and bool(((t < 0.5) & ((t.double() - t.double().round()).abs() < 0.05)).any())
    ),
    # one rounding decides which of two is the larger
    r"(\w+)\.(?:arg(?:max|min|sort)\(|(?:max|min)\(\S+\)\[1\]|unique)": lambda t: _near_ties(t),
    # the gradient squares and negates an integer as an integer, and what does not fit wraps
    r"torch\.(?:arctan2|atan2)\((\w+), (\w+)": lambda a, b: (
        a.is_floating_point() != b.is_floating_point() and (a.requires_grad or b.requires_grad)
    ),
    # PyTorch keeps the operands' order of memory in results; here they are always contiguous
    r"(\w+)\.(?:contiguous|reshape|flatten|ravel)\(": lambda t: t._base is None and not t.is_contiguous(),
}
"""What PyTorch does by chance: an operation and when its operand lets that happen."""


def _line(d: Draw, scope: dict, step: int) -> str:
    values = {k: v for k, v in scope.items() if isinstance(v, torch.Tensor) and v.numel() <= LARGEST}
    p = d.rng.random()
    if p < 0.08:
        # into expanded memory PyTorch lets some operations write, with a warning that this will end
        values = {k: v for k, v in values.items() if not overlapping(v)}
        line = _filled(d, d.of(table.WRITING), values)
        return line if _apart(line, values) else None
    if p < 0.12:
        return f"k{step} = {_filled(d, d.of(table.READING), values)}"
    group = d.rng.choice(len(table.VALUES), p=[weight for _, weight in table.VALUES])
    line = f"y{step} = {_filled(d, d.of(table.VALUES[group][0]), values)}"
    numbers = [k for k in scope if k[0] == "k" and isinstance(scope[k], int | float) and abs(scope[k]) < 100]
    if numbers and d.chance(0.4):
        line += f" * {d.of(numbers)}"
    return line


def _apart(line: str, values: dict) -> bool:
    """Whether what `out=` names shares no memory with what it is computed from: the order of reads would matter."""
    given, _, out = line.partition("out=")
    if not out:
        return True
    into = values[out.rstrip(")")]
    if into.numel() and _of_another_size(given.rstrip(", ") + ")", into, values):
        return False  # memory that grows under other tensors: ours keep the old one (see resize_)
    where = into.untyped_storage().data_ptr()
    return all(values[k].untyped_storage().data_ptr() != where for k in re.findall(r"[xy]\d+", given))


def _of_another_size(call: str, into, values: dict) -> bool:
    try:
        return eval(call, {"torch": torch, "F": torch.nn.functional, **values}).shape != into.shape
    except Exception:  # noqa: BLE001  it will raise with `out=` too
        return False


def _legal(line: str, scope: dict, step: int) -> bool:
    """Run a line in PyTorch; whether it went well. A write that failed midway is no danger: nothing was written."""
    for pattern, by_chance in QUIRKS.items():
        found = re.search(pattern, line)
        if found and by_chance(*(scope[name] for name in found.groups())):
            return False
    try:
        torch.manual_seed(step)
        exec(line, scope)
    except Exception:  # noqa: BLE001
        return False
    made = scope.get(f"y{step}")
    if isinstance(made, torch.Tensor) and (made.numel() > LARGEST or made.ndim > 4):
        del scope[f"y{step}"]
        return False
    return True


def _near_integers(t) -> bool:
    """Whether one rounding more or less decides about the integer part of a number."""
    if not t.is_floating_point():
        return False
    return bool(((t != 0) & ((t - t.round()).abs() < 1e-5 * t.abs())).any())


def _near_ties(t) -> bool:
    """Whether two numbers are apart by no more than a few roundings."""
    if not t.is_floating_point() or t.numel() < 2:
        return False
    ordered = t.detach().double().reshape(-1).sort().values
    apart = ordered.diff()
    return bool(((apart > 0) & (apart < 1e-5 * ordered[1:].abs())).any())


def _total(scope: dict) -> str:
    kept = [k for k, v in scope.items() if k[0] == "y" and isinstance(v, torch.Tensor) and v.requires_grad]
    parts = [f"{k}.sum().real.double()" if scope[k].is_complex() else f"{k}.double().sum()" for k in kept]
    return f"({' + '.join(parts or ['x0.sum()'])})"


# --- running ----------------------------------------------------------------------------------------------------------


class Function:
    """A program as a function of its inputs, which it is given anew for every run."""

    def __init__(self, lines: list[str]):
        n = next((i for i, line in enumerate(lines) if line[0] != "x" or " = torch.tensor(" not in line), len(lines))
        self.inputs, body = lines[:n], lines[n:]
        self.names = [line.split(" = ")[0] for line in self.inputs]
        made = sorted({line.split()[0] for line in body if re.match(r"[yk]\d+ = ", line)})
        self.kept = [*made, *self.names]
        returned = ", ".join([*self.kept, *(f"{k}.grad" for k in self.names)])
        self.source = "\n    ".join([f"def program({', '.join(self.names)}):", *body, f"return ({returned},)"])
        self.reads = any(line[0] == "k" for line in body)

    def of(self, lib):
        scope = {"torch": lib, "F": lib.nn.functional}
        exec(self.source, scope)
        return scope["program"]

    def arguments(self, lib, shift: float = 0.0) -> list:
        scope = {"torch": lib}
        for line in self.inputs:
            exec(line, scope)
        made = [scope[k] for k in self.names]
        if shift:
            made = [_shifted(t, shift) for t in made]
        return made

    def run(self, fn, lib, shift: float = 0.0) -> list:
        arguments = self.arguments(lib, shift)
        lib.manual_seed(0)
        return [_host(r) for r in fn(*arguments)]


def _shifted(t, by: float):
    if t.dtype.is_floating_point or t.dtype.is_complex:
        moved = (t.detach() * (1 + by)).to(t.dtype)
        return moved.requires_grad_() if t.requires_grad else moved
    return t


def _host(x):
    """A result as a NumPy array with the name of its dtype, or as it is."""
    if isinstance(x, torch.Tensor):
        name = str(x.dtype).removeprefix("torch.")
        x = x.detach().resolve_conj().resolve_neg()
        return name, (x.float() if x.dtype == torch.bfloat16 else x).numpy(force=True).copy()
    if isinstance(x, torchlike.Tensor):
        host = np.array(x.detach()._host())
        return x.dtype.name, host.astype(np.float32) if host.dtype.name == "bfloat16" else host
    return x


TOLERANCE = {"float64": 1e-8, "float32": 3e-4, "complex64": 3e-4, "complex128": 1e-8, "bfloat16": 6e-2, "float16": 1e-2}
EPSILON = {"float32": 1e-6, "complex64": 1e-6, "bfloat16": 1e-2, "float16": 2e-3}


def _tolerance(results: list) -> tuple[float, float]:
    """Relative and absolute tolerance of a program: its least exact dtype may stand before any of its results.

    The absolute one follows the largest number about: what is left where large numbers cancel is rounding errors.
    """
    kinds = [r for r in results if isinstance(r, tuple) and r[0] in TOLERANCE]
    relative = max((TOLERANCE[kind] for kind, _ in kinds), default=0.0)
    largest = max((np.abs(a[np.isfinite(a)]).max(initial=1) for _, a in kinds), default=1.0)
    return relative, relative * min(float(largest), 1e6)


def _other_type(name: str, got, want) -> str:
    """In what a result is of another type, dtype or shape."""
    if type(got) is not type(want):
        return f"{name} is {got!r}, expected {want!r}"
    if not isinstance(want, tuple):
        return ""
    (kind, a), (expected, b) = got, want
    same = kind == expected and a.shape == b.shape
    return "" if same else f"{name}: {kind}{list(a.shape)}, expected {expected}{list(b.shape)}"


def _differs(name: str, got, want, relative: float, absolute: float) -> str:
    """In what a result of the right type differs."""
    if not isinstance(want, tuple):
        same = got == want or isinstance(want, float) and np.isclose(got, want, 1e-5 + relative, 1e-5, equal_nan=True)
        return "" if same else f"{name} is {got!r}, expected {want!r}"
    kind, a, b = *got, want[1]
    if kind in ("int32", "int64"):  # what is no integer was made one: undefined in C, here the nearest
        a = np.where(b == np.iinfo(kind).min, b, a)
    if name.endswith(".grad") and np.isnan(b).any():  # where 0 · nan stands is not the same on PyTorch's devices either
        a = np.where(np.isnan(a) | np.isnan(b), b, a)
    if kind.startswith("complex"):  # which part of a complex number is inf, and which nan, follows no rule
        a = np.where(np.isfinite(a) | np.isfinite(b), a, b)
    with np.errstate(all="ignore"):
        same = (a == b).all() or kind in TOLERANCE and np.allclose(a, b, relative, absolute, equal_nan=True)
    return "" if same else f"{name} = {a.tolist()}, expected {b.tolist()}"


def check(lines: list[str]) -> None:
    """Run a program in every gear; AssertionError says which one differs from PyTorch in what."""
    fn = Function(lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = fn.of(torch)
        expected = fn.run(reference, torch)
        ours = fn.of(torchlike)
        gears = {"debugging": lambda: _eagerly(fn, ours)}
        gears["first"] = gears["second"] = lambda: fn.run(ours, torchlike)
        gears["compile"] = lambda: fn.run(torchlike.compile(fn.of(torchlike)), torchlike)
        for gear, run in gears.items():
            _compare(fn, gear, run(), expected, reference, 0.0)
        if not fn.reads:
            _whole(fn, expected, reference)


def _eagerly(fn: Function, ours) -> list:
    was = tape.set_eager(True)
    try:
        return fn.run(ours, torchlike)
    finally:
        tape.set_eager(was)


def _whole(fn: Function, expected: list, reference) -> None:
    captured = torchlike.compile(fn.of(torchlike), fullgraph=True)
    try:
        first = fn.run(captured, torchlike)
    except RuntimeError as error:
        if "fullgraph=True" in str(error):  # it says what cannot be captured
            return
        raise
    _compare(fn, "captured", first, expected, reference, 0.0)
    _compare(fn, "confirmed", fn.run(captured, torchlike), expected, reference, 0.0)
    other = fn.run(reference, torch, 0.125)
    _compare(fn, "replayed", fn.run(captured, torchlike, 0.125), other, reference, 0.125)


def _compare(fn: Function, gear: str, got: list, want: list, reference, shift: float) -> None:
    names = [*fn.kept, *(f"{k}.grad" for k in fn.names)]
    tolerance = _tolerance(want)
    for i, name in enumerate(names):
        wrong = _other_type(name, got[i], want[i])
        if not wrong:
            wrong = _differs(name, got[i], want[i], *tolerance)
            if wrong and _unstable(fn, reference, names, i, want, shift):
                continue
        if wrong:
            raise AssertionError(f"{gear}: {wrong}")


def _unstable(fn: Function, reference, names: list, i: int, want: list, shift: float) -> bool:
    """Whether PyTorch's own result moves as much when the inputs move by a rounding error."""
    kinds = {w[0] for w in want if isinstance(w, tuple)}
    epsilon = max((EPSILON.get(k, 1e-12) for k in kinds), default=1e-12)
    tolerance = _tolerance(want)
    for factor in (1, -1, 3, -2):
        moved = fn.run(reference, torch, (1 + shift) * (1 + factor * epsilon) - 1)
        if _other_type(names[i], moved[i], want[i]) or _differs(names[i], moved[i], want[i], *tolerance):
            return True
    return False
