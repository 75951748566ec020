"""Gradients compared with differences of the function: gradcheck and gradgradcheck."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from torchlike.core.variable import Variable

__all__ = ["gradcheck", "gradgradcheck", "GradcheckError"]

_BATCHED = (
    "gradcheck or gradgradcheck failed while testing batched gradient computation: torch.vmap over the backward pass, "
    "as is_grads_batched=True and Jacobians use it. An autograd.Function needs a vmap staticmethod or "
    "generate_vmap_rule=True for it. To leave this check out, pass check_batched_grad=False "
    "(check_batched_forward_grad=False for forward mode)."
)
_FAST = (
    "\nThe above quantities relating the numerical and analytical jacobians are computed \nin fast mode, along one "
    "random direction of the inputs and of the outputs. Below, we recompute numerical and analytical jacobians in slow "
    "mode:\n\n"
)
_FAST_ONLY = (
    "Fast gradcheck failed but element-wise differences are small. This means that the test might've passed in "
    "slow_mode! Pass fast_mode=False."
)


class GradcheckError(RuntimeError):
    """What `gradcheck` and `gradgradcheck` raise."""


class _Function:
    """A function at a point: evaluated near it, with its inputs fresh each time, as it may write into them."""

    def __init__(self, fn: Callable, inputs: tuple):
        self.fn = fn
        self.inputs = inputs
        self.moving = [i for i, x in enumerate(inputs) if isinstance(x, Variable) and x.requires_grad]  # type: ignore[attr-defined]
        self.values = {i: _host(inputs[i]) for i in self.moving}

    def at(self, i: int, value: np.ndarray) -> tuple:
        """The outputs with another value of one input."""
        given = list(self.fresh())
        given[i] = _tensor(value, self.inputs[i]).requires_grad_()
        return _tuple(self.fn(*given))

    def fresh(self) -> tuple:
        """Copies of the inputs."""
        return tuple([_copy(x) if isinstance(x, Variable) else x for x in self.inputs])

    def slope(self, i: int, direction: np.ndarray, eps: float) -> list[np.ndarray | None]:
        """How the outputs change along a direction of one input, per unit; None for what is no number."""
        x = self.values[i]
        low, high = self.at(i, x - eps * direction), self.at(i, x + eps * direction)
        slopes: list[np.ndarray | None] = []
        for a, b in zip(low, high, strict=True):
            if not _inexact(a):
                slopes.append(None)
                continue
            for what, p, q in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
                if p != q:
                    raise AssertionError(
                        f"Expected `func` to return outputs with the same {what} when inputs are perturbed by {eps}, "
                        f"but got: {what}s {p} and {q}."
                    )
            slopes.append((_host(b) - _host(a)) / (2 * eps))
        return slopes


def _copy(x: Any) -> Any:
    return x.detach().clone().requires_grad_(x.requires_grad)


def _host(x: Any) -> np.ndarray:
    return np.array(x.detach().resolve_conj().cpu().numpy())


def _tensor(values: Any, like: Any) -> Any:
    """A tensor of these values, of the dtype and on the device of another one."""
    import torchlike as torch

    return torch.from_numpy(np.array(values, like._aval().dtype)).to(like.device)


def _tuple(x: Any) -> tuple:
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def _inexact(x: Any) -> bool:
    return isinstance(x, Variable) and x._aval().inexact


def _units(x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for k in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[k] = 1
        yield k, unit.reshape(x.shape)


class _Check:
    """One call of `gradcheck`: what it compares with what."""

    def __init__(self, f: _Function, outputs: tuple, places: list[int], eps: float, atol: float, rtol: float,
                 nondet_tol: float, dtypes: bool):  # fmt: skip
        self.f, self.outputs, self.places = f, outputs, places  # the differentiable outputs, and where they stand
        self.eps, self.atol, self.rtol, self.nondet_tol, self.dtypes = eps, atol, rtol, nondet_tol, dtypes

    # -- the numbers: Jacobians as (elements of the input, elements of the output)

    def numerical(self, i: int, part: Callable, forward: Callable | None = None) -> list[np.ndarray]:
        """By differences. Of a complex input the conjugate Wirtinger derivative; with `forward` along one part."""
        x = self.f.values[i]
        wide = x.dtype.kind == "c"
        made = [_jacobian(x.size, o.numel(), o.is_complex() if forward else wide) for o in self.outputs]
        for k, unit in _units(x):
            along: list[tuple[complex, Any]] = [(1, unit if forward is None else forward(unit))]
            if forward is None and x.dtype.kind == "c":
                along.append((1j, 1j * unit))
            for factor, direction in along:
                slopes = self.f.slope(i, direction, self.eps)
                for rows, place in zip(made, self.places, strict=True):
                    slope = slopes[place]
                    assert slope is not None
                    rows[k] += factor * part(slope).reshape(-1)
        return made

    def pulled(self, nr: int, v: np.ndarray) -> list:
        """The gradients of one output with a cotangent, twice, which must agree."""
        import torchlike as torch

        out = self.outputs[nr]
        xs = [self.f.inputs[i] for i in self.f.moving]
        cotangent = _tensor(v, out)
        both = []
        for _ in range(2):
            grads = torch.autograd.grad(out, xs, cotangent, retain_graph=True, allow_unused=True)
            for g, x in zip(grads, xs, strict=True):
                if g is not None and self.dtypes and g.dtype != x.dtype:
                    raise GradcheckError("Gradient has dtype mismatch")
                if g is not None and g.shape != x.shape:
                    raise GradcheckError("Analytical gradient has incorrect size")
            both.append([np.zeros(x.shape) if g is None else _host(g) for g, x in zip(grads, xs, strict=True)])
        for a, b in zip(*both, strict=True):
            if a.size and np.abs(a - b).max() > self.nondet_tol:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    "gives different values, although analytical gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {self.nondet_tol}."
                )
        return both[0]

    def pushed(self, i: int, tangent: np.ndarray) -> list[np.ndarray]:
        """The tangents of the differentiable outputs for a tangent of one input."""
        from torchlike.autograd import forward_ad

        with forward_ad.dual_level():
            given = [x.detach() if isinstance(x, Variable) else x for x in self.f.fresh()]  # type: ignore[attr-defined]
            given[i] = forward_ad.make_dual(given[i], _tensor(tangent, given[i]))
            outs = _tuple(self.f.fn(*given))
            made = []
            for place in self.places:
                t = forward_ad.unpack_dual(outs[place]).tangent
                if t is not None and self.dtypes and t.dtype != outs[place].dtype:
                    raise GradcheckError("Forward AD gradient has dtype mismatch.")
                made.append(np.zeros(outs[place].shape) if t is None else _host(t))
        return made

    # -- the comparisons

    def backward(self, fast: bool) -> None:
        for name, part, unpart in self._parts([o.is_complex() for o in self.outputs]):
            if fast:
                self._backward_fast(name, part, unpart)
            else:
                self._backward_slow(name, part, unpart)

    def _parts(self, complex_: list) -> list[tuple]:
        """Real outputs, or the real and the imaginary part of complex ones: (name, it, the cotangent it has)."""
        if not any(complex_):
            return [("", np.real, lambda v: v)]
        return [("imaginary", np.imag, lambda v: 1j * v), ("real", np.real, lambda v: v)]

    def _chosen(self, name: str) -> list[int]:
        return [j for j, o in enumerate(self.outputs) if name != "imaginary" or o.is_complex()]

    def _backward_slow(self, name: str, part: Callable, unpart: Callable) -> None:
        analytical = {j: self._rows(j, unpart) for j in self._chosen(name)}
        for at, i in enumerate(self.f.moving):
            numerical = self.numerical(i, part)
            for j, rows in analytical.items():
                self._compare(rows[at], numerical[j], j, at, name if self.outputs[j].is_complex() else "")

    def _rows(self, j: int, unpart: Callable) -> list[np.ndarray]:
        out = self.outputs[j]
        xs = [self.f.values[i] for i in self.f.moving]
        made = [_jacobian(x.size, out.numel(), x.dtype.kind == "c") for x in xs]
        for k, unit in _units(np.zeros(out.shape)):
            v = unpart(unit) if out.is_complex() else unit
            for rows, g in zip(made, self.pulled(j, v), strict=True):
                rows[:, k] = g.reshape(-1)
        return made

    def _backward_fast(self, name: str, part: Callable, unpart: Callable) -> None:
        random = np.random.default_rng(0)
        for j in self._chosen(name):
            out = self.outputs[j]
            v = random.random(out.shape)
            grads = self.pulled(j, unpart(v) if out.is_complex() else v)
            for at, i in enumerate(self.f.moving):
                u = _direction(random, self.f.values[i])
                slope = self.f.slope(i, u, self.eps)[self.places[j]]
                assert slope is not None
                n, a = (v * part(slope)).sum(), np.real(np.conj(grads[at]) * u).sum()
                atol = self.atol * float(np.abs(u.real).sum() + np.abs(u.imag).sum()) * float(v.sum())
                if not _close(a, n, self.rtol, atol):
                    slow = self._rows(j, unpart)[at], self.numerical(i, part)[j]
                    self._fail(a, n, j, at, name if out.is_complex() else "", "", self._slow_words(*slow))

    def forward(self, fast: bool) -> None:
        random = np.random.default_rng(1)
        for at, i in enumerate(self.f.moving):
            x = self.f.values[i]
            ways = [("", lambda u: u)] if x.dtype.kind != "c" else [("imaginary", _turned), ("real", lambda u: u)]
            for name, way in ways:
                if fast:
                    u = way(_direction(random, x.real).astype(x.dtype))
                    slopes = [self.f.slope(i, u, self.eps)[p] for p in self.places]
                    for j, (n, a) in enumerate(zip(slopes, self.pushed(i, u), strict=True)):
                        assert n is not None
                        v = random.random(n.shape)
                        atol = self.atol * float(np.abs(u).sum()) * float(v.sum())
                        if not _close((v * a).sum(), (v * n).sum(), self.rtol, atol):
                            slow = self._columns(i, way)[j], self.numerical(i, _itself, way)[j]
                            self._fail((v * a).sum(), (v * n).sum(), j, at, name, "inputs", self._slow_words(*slow))
                else:
                    analytical, numerical = self._columns(i, way), self.numerical(i, _itself, way)
                    for j, (a, n) in enumerate(zip(analytical, numerical, strict=True)):
                        self._compare(a, n, j, at, name, "inputs")

    def _columns(self, i: int, way: Callable) -> list[np.ndarray]:
        x = self.f.values[i]
        made = [_jacobian(x.size, o.numel(), o.is_complex()) for o in self.outputs]
        for k, unit in _units(x):
            for rows, t in zip(made, self.pushed(i, way(unit)), strict=True):
                rows[k] = t.reshape(-1)
        return made

    def _compare(self, a: np.ndarray, n: np.ndarray, j: int, at: int, name: str, forward: str = "") -> None:
        if not _close(a, n, self.rtol, self.atol):
            self._fail(_shown(a), _shown(n), j, at, name, forward)

    def _slow_words(self, a: np.ndarray, n: np.ndarray) -> str:
        words = (
            f"{_FAST}Numerical:\n {_shown(n)}\nAnalytical:\n{_shown(a)}\n\nThe max per-element difference (slow mode) "
            f"is: {np.abs(a - n).max()}.\n"
        )
        return words + _FAST_ONLY if _close(a, n, self.rtol, self.atol) else words

    def _fail(self, a: Any, n: Any, j: int, at: int, name: str, forward: str, more: str = "") -> None:
        part = f"While considering the {name} part of complex {forward or 'outputs'} only, " if name else ""
        mode = "computed with forward mode " if forward else ""
        raise GradcheckError(
            f"{part}Jacobian {mode}mismatch for output {j:d} with respect to input {at:d},\n"
            f"numerical:{n}\nanalytical:{a}\n{more}"
        )


def _jacobian(n: int, m: int, complex_: bool) -> np.ndarray:
    return np.zeros((n, m), np.complex128 if complex_ else np.float64)


def _itself(x: Any) -> Any:
    return x


def _turned(u: Any) -> Any:
    return 1j * u


def _shown(x: np.ndarray) -> Any:
    import torchlike as torch

    return torch.from_numpy(x)


def _close(a: Any, b: Any, rtol: float, atol: float) -> bool:
    return bool(np.allclose(a, b, rtol, atol, equal_nan=False))


def _direction(random: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A random direction of length 1, with no negative part."""
    u = random.random(x.shape)
    if x.dtype.kind == "c":
        u = u + 1j * random.random(x.shape)
    return u / max(float(np.sqrt((np.abs(u) ** 2).sum())), 1e-30)


def _check_inputs(inputs: tuple) -> None:
    import torchlike as torch

    found = False
    for i, x in enumerate(inputs):
        if not (isinstance(x, torch.Tensor) and x.requires_grad):
            continue
        found = True
        if x.dtype not in (torch.float64, torch.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=4,
            )
        if not all(st > 0 or n <= 1 for st, n in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call .contiguous "
                "on the input before passing it to gradcheck."
            )
    if not found:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )


def _check_constant(f: _Function, eps: float) -> None:
    """A function without differentiable outputs must not change."""
    for i in f.moving:
        for _, unit in _units(f.values[i]):
            if any(s is not None and (s != 0).any() for s in f.slope(i, unit, eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _check_batched(check: _Check) -> None:
    import torchlike as torch

    random = np.random.default_rng(2)
    xs = [check.f.inputs[i] for i in check.f.moving]
    for j, out in enumerate(check.outputs):
        vs = _tensor(random.standard_normal((2, *out.shape)), out)

        def pull(v: Any, out: Any = out) -> tuple:
            return torch.autograd.grad(out, xs, v, retain_graph=True, allow_unused=True)

        rows = [pull(v) for v in vs]
        reached = [k for k, g in enumerate(rows[0]) if g is not None]
        try:
            whole = torch.vmap(lambda v: tuple([pull(v)[k] for k in reached]))(vs)  # noqa: B023  called at once
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}\n\n{_BATCHED}") from error
        for k, got in zip(reached, whole, strict=True):
            _compare_batched(got, torch.stack([row[k] for row in rows]), j, k)


def _check_batched_forward(check: _Check) -> None:
    import torchlike as torch

    random = np.random.default_rng(3)
    inputs = tuple([_copy(x).detach() if isinstance(x, Variable) else x for x in check.f.inputs])
    for at, i in enumerate(check.f.moving):
        x = inputs[i]

        def push(t: Any, i: int = i, x: Any = x) -> tuple:
            def of_one(moved: Any) -> tuple:
                return tuple([_tuple(check.f.fn(*inputs[:i], moved, *inputs[i + 1 :]))[p] for p in check.places])

            return torch.func.jvp(of_one, (x,), (t,))[1]

        ts = _tensor(random.standard_normal((2, *x.shape)), x)
        rows = [push(t) for t in ts]
        try:
            whole = torch.vmap(push)(ts)
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}\n\n{_BATCHED}") from error
        for k, got in enumerate(whole):
            _compare_batched(got, torch.stack([row[k] for row in rows]), k, at)


def _compare_batched(got: Any, wanted: Any, output: int, input_: int) -> None:
    if not _close(_host(got), _host(wanted), 1e-5, 1e-8):
        raise GradcheckError(
            f"For output {output} and input {input_}:\n\n{_BATCHED}\n\nGot:\n{got}\n\nExpected:\n{wanted}"
        )


def _check_zeros(check: _Check) -> None:
    """With cotangents of zeros all gradients are zero, of the inputs' shape and dtype."""
    import torchlike as torch

    xs = [check.f.inputs[i] for i in check.f.moving]
    zeros = [torch.zeros_like(o) for o in check.outputs]
    grads = torch.autograd.grad(check.outputs, xs, zeros, retain_graph=True, allow_unused=True)
    for g, x in zip(grads, xs, strict=True):
        if g is None:
            continue
        if not g.eq(0).all():
            raise GradcheckError("backward not multiplied by grad_output")
        if g.dtype != x.dtype:
            raise GradcheckError("grad is incorrect type")
        if g.size() != x.size():
            raise GradcheckError("grad is incorrect size")


def _check_undefined(check: _Check) -> None:
    """A backward of one's own gets None for a gradient where nothing came, unless it has it made to zeros."""
    from torchlike.autograd.function import FunctionNode

    for out in check.outputs:
        node = out.grad_fn
        if not isinstance(node, FunctionNode):
            continue
        try:
            grads = node.apply([None] * len(node.avals), True)
        except RuntimeError as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads. Use zeros in their place, or leave "
                "ctx.set_materialize_grads as it is"
            ) from error
        if any(g is not None and not (g == 0).all() for g in grads):
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are undefined or zero."
            )


def gradcheck(
    func: Callable, inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Whether the gradients of `func` at `inputs` are what small changes of the inputs show.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of them; those that require grad are checked, and should be float64 or complex128.
        eps: the size of the changes.
        atol, rtol: how far the two may be apart.
        raise_exception: whether a failure raises GradcheckError, else False is returned.
        nondet_tol: how far two backward passes may be apart.
        check_undefined_grad: whether an autograd.Function is tried with None for gradients.
        check_grad_dtypes: whether gradients must have the dtypes of the inputs.
        check_batched_grad, check_batched_forward_grad: whether they are the same under `torch.vmap`.
        check_forward_ad, check_backward_ad: which modes are checked.
        fast_mode: whether one random direction is checked in place of every element.
        masked: of sparse inputs, which are not supported.

    >>> import torchlike as torch
    >>> torch.autograd.gradcheck(torch.sin, torch.ones(3, dtype=torch.float64, requires_grad=True))
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    if masked:
        raise NotImplementedError("gradcheck(masked=True): it is about sparse tensors; check the dense function")
    inputs = _tuple(inputs)
    _check_inputs(inputs)
    try:
        f = _Function(func, inputs)
        everything = _tuple(func(*inputs))
        places = [p for p, o in enumerate(everything) if isinstance(o, Variable) and o.requires_grad]  # type: ignore[attr-defined]
        if not places:
            _check_constant(f, eps)
            return True
        outputs = tuple([everything[p] for p in places])
        check = _Check(f, outputs, places, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        if check_backward_ad:
            check.backward(fast_mode)
        if check_forward_ad:
            check.forward(fast_mode)
        if check_batched_forward_grad:
            _check_batched_forward(check)
        if check_backward_ad:
            if check_batched_grad:
                _check_batched(check)
            _check_zeros(check)
            if check_undefined_grad:
                _check_undefined(check)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
    nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
    fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """Whether the gradients of the gradients of `func` are what small changes show: of inputs and `grad_outputs`.

    `grad_outputs` are random where they are not given. `check_rev_over_rev` and `check_fwd_over_rev` say by which mode
    the second gradient is taken; the other arguments are those of `gradcheck`.
    """
    import torchlike as torch

    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    for name, wanted in (("check_undefined_grad", check_undefined_grad), ("check_batched_grad", check_batched_grad)):
        if wanted and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    inputs = _tuple(inputs)
    if grad_outputs is None:
        outputs = [o for o in _tuple(func(*inputs)) if isinstance(o, torch.Tensor) and o.requires_grad]
        cotangents = tuple([
            torch.testing.make_tensor(
                o.shape, dtype=o.dtype, device=o.device, low=-1, high=1, requires_grad=True,
                noncontiguous=gen_non_contig_grad_outputs,
            )
            for o in outputs
        ])  # fmt: skip
    else:
        cotangents = _tuple(grad_outputs)
    n = len(inputs)
    follows = [isinstance(x, torch.Tensor) and x.requires_grad for x in (*inputs, *cotangents)]

    def gradients(*args: Any) -> tuple:
        args = tuple([x.requires_grad_() if follow else x for x, follow in zip(args, follows, strict=True)])
        outputs = [o for o in _tuple(func(*args[:n])) if isinstance(o, torch.Tensor) and o.requires_grad]
        xs = [x for x, follow in zip(args[:n], follows, strict=False) if follow]
        found = torch.autograd.grad(outputs, xs, args[n:], create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradcheck(
        gradients, (*inputs, *cotangents), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, masked=masked,
    )  # fmt: skip
