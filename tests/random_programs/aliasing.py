"""Programs of views and in-place writes: every alias must see what PyTorch's sees.

A program makes views of views and writes through any of them, with and without the grad mode, through `detach()`,
`.data`, `out=` and views of other types too. Then all names still bound are compared: identity, values, strides,
offset, shared memory, whether a gradient is required, and the gradients of the leaves. Numbers have few bits, so that
what is compared is exact. Programs whose meaning depends on the order of writes within one operation are not drawn.
"""

from __future__ import annotations

from math import prod

import numpy as np
import torch

import torchlike
from tests.random_programs.draw import Draw
from tests.random_programs.program import execute

SHAPES = [(6,), (4,), (2, 3), (3, 2), (2, 1, 3), (2, 2, 2), ()]
SIZES = {torch.float32: 4, torch.int32: 4, torch.float64: 8, torch.complex64: 8, torch.int64: 8, torch.int16: 2,
         torch.uint8: 1, torch.bool: 1}  # fmt: skip
REFUSED = ("its base or another view of its base has been modified inplace", "A view was created in no_grad mode")
"""PyTorch forbids even looking at one of several views (of unbind, split) after such a write; torchlike does not."""


def kind(t: torch.Tensor) -> str:
    return str(t.dtype).removeprefix("torch.")


# --- what shares which memory -----------------------------------------------------------------------------------------


def places(t: torch.Tensor) -> np.ndarray:
    """The bytes of memory that the elements begin at."""
    at = np.array(t.storage_offset())
    for n, s in zip(t.shape, t.stride(), strict=True):
        at = at[..., None] + np.arange(n) * s
    return at.reshape(-1) * t.element_size() + t.untyped_storage().data_ptr()


def overlapping(t: torch.Tensor) -> bool:
    """Whether two elements share a place: what most writes do then depends on their order."""
    at = places(t)
    return len(np.unique(at)) < len(at)


def together(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether writing `a` while `b` is read has a meaning: the same places in the same order, or none in common."""
    if a.untyped_storage().data_ptr() != b.untyped_storage().data_ptr() or not a.numel() or not b.numel():
        return True
    if a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride() and a.data_ptr() == b.data_ptr():
        return True
    mine, other = (set((places(t)[:, None] + np.arange(t.element_size())).reshape(-1).tolist()) for t in (a, b))
    return not mine & other


def whole_numbers(t: torch.Tensor) -> bool:
    """Whether conversion to an integer type has one result only."""
    if not t.is_floating_point() and not t.is_complex():
        return True
    t = t.detach().resolve_conj().resolve_neg()
    t = t.real if t.is_complex() else t
    return bool((t.abs() < 2**31).all())


# --- what can be done with a tensor -----------------------------------------------------------------------------------


def view(d: Draw, a: str, t: torch.Tensor) -> str:
    """An expression for a view of `a`, which holds `t`."""
    shape, n = tuple(t.shape), t.ndim
    options = ["{a}.detach()", "{a}.data", "{a}[...]", "{a}[None]", "{a}.unsqueeze(-1)", "{a}.squeeze()",
               "{a}.view(-1)", f"{{a}}.reshape({shape[::-1]})", "{a}.reshape(-1)", f"{{a}}.view({shape + (1,)})",
               "{a}.flatten()", f"{{a}}.expand({(d.int(1, 2), *shape)})", "{a}.contiguous()",
               "{a}.view_as({a})"]  # fmt: skip
    if n:
        i, j = d.int(0, n - 1), d.int(-n, n - 1)
        size = shape[i]
        start = d.int(0, size)
        options += [
            f"{{a}}[{':, ' * i}{start}:{d.int(start, size)}:{d.int(1, 2)}]",
            f"{{a}}[..., {d.int(-3, 0)}:]",
            f"{{a}}.transpose({i}, {j})",
            f"{{a}}.permute({tuple(d.rng.permutation(n).tolist())})",
            f"{{a}}.narrow({i}, {start}, {size - start})",
            f"{{a}}.movedim({i}, {j})",
            f"{{a}}.swapaxes({i}, {j})",
            f"{{a}}.flatten({i})",
            f"{{a}}.squeeze({i})",
            f"{{a}}.unflatten({i}, (-1, 1))",
        ]
        if size:
            options += [
                f"{{a}}.select({i}, {d.int(-size, size - 1)})",
                f"{{a}}[{':, ' * i}{d.int(-size, size - 1)}]",
                f"{{a}}.chunk({d.int(1, 3)}, {i})[0]",
                f"{{a}}.split({d.int(1, size)}, {i})[-1]",
                f"{{a}}.unbind({i})[{d.int(0, size - 1)}]",
                f"{{a}}.tensor_split(2, {i})[{d.int(0, 1)}]",
                f"{{a}}.unfold({i}, {d.int(1, size)}, {d.int(1, 3)})",
            ]
        if n > 1:
            options += [f"{{a}}.diagonal({d.int(-1, 1)})", "{a}.mT", f"{{a}}.diagonal(0, {i}, {j})"]
        if n == 2:
            options += ["{a}.t()", "{a}.T"]
    if t.is_complex():
        options += ["{a}.real", "{a}.imag", "torch.view_as_real({a})"] * 3
    elif t.dtype in (torch.float32, torch.float64):
        options += ["torch.view_as_complex({a})"] * (4 if n and shape[-1] == 2 and t.dtype == torch.float32 else 1)
    same = {2: ["int16"], 4: ["float32", "int32"], 8: ["float64", "int64"]}.get(t.element_size(), [])
    if not t.requires_grad and not t.is_complex() and t.dtype != torch.bool:
        options += [f"{{a}}.view(torch.{d.of(same or ['uint8'])})", f"{{a}}.view(torch.{d.of(BITS)})"]
    if t.numel() > 3 and t.is_contiguous():  # within `a`: outside it PyTorch drops the gradient
        offset = t.storage_offset()
        options += [f"{{a}}.as_strided(({d.int(1, 2)}, 2), ({d.int(0, 2)}, 1), {offset + d.int(0, t.numel() - 4)})"]
    if not t.requires_grad:
        options += ["{a}.as_strided((2,), (1,))", f"{{a}}.as_strided({d.of([(2, 2), (3,), (1, 2), ()])}, "]
        size = d.of([(2, 2), (3,), (1, 2), ()])
        options[-1] = f"{{a}}.as_strided({size}, {tuple(d.int(1, 3) for _ in size)}, {d.int(0, 2)})"
    return d.of(options).replace("{a}", a)


BITS = ["int32", "float32", "int16", "uint8", "int64"]


def within(t: torch.Tensor, n: int) -> bool:
    """Whether `n` elements fit into the memory of `t`: it grows here only for the tensor that is resized."""
    return (t.storage_offset() + n) * t.element_size() <= t.untyped_storage().nbytes()


def canonical(t: torch.Tensor) -> bool:
    """Whether the strides are those of new memory; PyTorch's results follow other ones where it can, ours do not."""
    return t.stride() == torch.empty(t.shape).stride()


def fits_whole(t: torch.Tensor, u: torch.Tensor) -> bool:
    """Whether `u` may be written into `t` as `out=`, resizing it where the shapes differ."""
    sized = t.shape == u.shape or not t.requires_grad and within(t, u.numel())
    return t.dtype == u.dtype and canonical(u) and sized


def write(d: Draw, a: str, t: torch.Tensor, b: str, u: torch.Tensor) -> str:
    """A statement that writes into `a`, which holds `t`; `b`, which holds `u`, may be a source."""
    shape, n, dtype = tuple(t.shape), t.ndim, kind(t)
    c = "True" if dtype == "bool" else str(d.int(0 if dtype == "uint8" else -3, 3))
    if overlapping(t):
        stretched = any(s == 0 and m > 1 for m, s in zip(shape, t.stride(), strict=True))
        return d.of([f"{a}.zero_()", f"{a}.fill_({c})", f"{a}[...] = {c}"]
                    + [f"{a}.add_({d.numbers(shape, dtype)})", f"{a}[0] = {c}", f"{a}.copy_({d.numbers((), dtype)})"]
                    * stretched)  # fmt: skip
    source = b if together(t, u) else f"{b}.clone()"
    defined = t.is_floating_point() or t.is_complex() or whole_numbers(u)  # what an integer becomes of other numbers
    same = source if defined and tuple(u.shape) == shape else d.numbers(shape, dtype)
    fits = tuple(u.shape) == shape[n - u.ndim :] or u.ndim == 0
    fitting = source if defined and fits else d.numbers(shape, dtype)
    options = [f"{a}.zero_()", f"{a}.fill_({c})", f"{a}.copy_({fitting})", f"{a}[...] = {c}", f"{a}[...] = {fitting}",
               f"{a}.masked_fill_({d.numbers(shape, 'bool')}, {c})", f"{a}[{d.numbers(shape, 'bool')}] = {c}",
               f"{a}.copy_({d.numbers((), dtype)})", f"{a}.fill_({d.numbers((), dtype)})"]  # fmt: skip
    if dtype != "bool":
        options += [f"{a}.mul_(2)", f"{a}.add_({fitting})", f"{a}.mul_({fitting})", f"{a}.add_(1)", f"{a}.neg_()",
                    f"{a} += 1", f"{a} *= {fitting}", f"{a}.sub_({fitting}, alpha=2)", f"{a}[{a}.real > 0] = {c}",
                    f"torch.add({same}, 1, out={a})", f"torch.mul({same}, {c}, out={a})",
                    *[f"torch.neg({source}, out={a})"]
                      * fits_whole(t, u)]  # fmt: skip
    if u.dtype == t.dtype and u.numel() >= t.numel():
        options += [f"{a}.masked_scatter_({d.numbers(shape, 'bool')}, {b}.clone())"]
    if n and shape[0]:
        k = d.int(0, shape[0] - 1)
        row = d.numbers(shape[1:], dtype)
        options += [f"{a}[{k}] = {c}", f"{a}[{k}] = {row}", f"{a}[[{k}]] = {row}", f"{a}[torch.tensor([{k}])] = {c}",
                    f"{a}[{k}:] *= 2" if dtype != "bool" else f"{a}[{k}:] = {c}", f"{a}[::2] = {c}",
                    f"{a}.index_fill_(0, torch.tensor([{k}]), {c})",
                    f"{a}.index_copy_(0, torch.tensor([{k}]), {d.numbers((1, *shape[1:]), dtype)})",
                    f"{a}.index_put_((torch.tensor([{k}, {k}]),), {row}, accumulate=True)",
                    f"{a}.scatter_(0, torch.full({(1, *shape[1:])}, {k}), {c})"]  # fmt: skip
        if dtype != "bool":
            options += [f"{a}.index_add_(0, torch.tensor([{k}]), {d.numbers((1, *shape[1:]), dtype)})"]
    return d.of(options)


def change(d: Draw, a: str, t: torch.Tensor, b: str, u: torch.Tensor, alone: bool) -> str:
    """A statement that changes `a` itself: what it shows of its memory, or which memory it shows."""
    n = t.ndim
    options = [f"{a}.squeeze_()", f"{a}.unsqueeze_({d.int(0, n)})"]
    if not t._is_view() and (not t.requires_grad or alone and t.is_leaf and t.shape == u.shape):
        options += [f"{a}.data = {b}", f"{a}.data = {b}.detach()"]
        if not u.requires_grad:
            options += [f"{a}.set_({b})"]
    if alone:
        options += [f"{a}.detach_()", f"{a}.requires_grad_()"]
    if n:
        i, j = d.int(0, n - 1), d.int(-n, n - 1)
        options += [f"{a}.transpose_({i}, {j})", f"{a}.squeeze_({i})", f"{a}.swapaxes_({i}, {j})"] * 2
    if n < 3:
        options += [f"{a}.t_()"]
    size = d.of([(2,), (2, 2), (1, 3), (8,), ()])
    if within(t, prod(size)):
        options += [f"{a}.resize_({size})"]  # what stands in new memory is not known
    return d.of(options)


def made(d: Draw, a: str, t: torch.Tensor) -> str:
    """An expression for new memory, made from `a`."""
    if not canonical(t):
        a = f"{a}.clone(memory_format=torch.contiguous_format)"
    options = [f"{a}.clone()", f"{a}.clone().detach()"]
    if t.dtype != torch.bool:
        options += [f"{a} * 2", f"{a} + {d.numbers(t.shape, kind(t))}"]
    if t.ndim and t.shape[0]:
        options += [f"{a}[[{d.int(0, t.shape[0] - 1)}]]"]
    return d.of(options)


def read(d: Draw, a: str, t: torch.Tensor) -> str:
    """An expression whose value is plain Python: a barrier in the middle."""
    return d.of([f"{a}.tolist()", f"bool(({a} == 1).any())", f"{a}.stride()", f"{a}.sum().item()"])


def generate(seed: int) -> list[str]:
    """The program of a seed."""
    d = Draw(seed)
    scope: dict = {"torch": torch}
    lines: list[str] = []

    def add(line: str) -> bool:
        execute_one = execute([line], torch, scope)[1][0]
        if execute_one and refused(scope["error"]):
            return False
        lines.append(line)
        return True

    dtype = d.of(["float32"] * 5 + ["complex64"] * 2 + ["int32", "float64", "bool"])
    shape = d.of(SHAPES)
    inexact = dtype[0] in "fc"
    if inexact and d.chance(0.7):
        add(f"w = {d.numbers(shape, dtype)}.requires_grad_()")
        if d.chance(0.9):
            add("t0 = w * 1")
    if "t0" not in scope:
        add(f"t0 = {d.numbers(shape, dtype)}")
    if d.chance(0.3):
        add(f"t1 = {d.numbers(d.of(SHAPES), dtype)}")
    for _ in range(d.int(5, 12)):
        names = [k for k, v in scope.items() if isinstance(v, torch.Tensor) and v.numel() <= 16 and v.ndim <= 4
                 and allowed(v)]  # fmt: skip
        if not names:
            break
        a, b = d.of(names), d.of(names)
        t, u = scope[a], scope[b]
        new = f"t{sum(line[0] == 't' for line in lines) + 2}"
        p = d.rng.random()
        if p < 0.45:
            add(f"{new} = {view(d, a, t)}")
        elif p < 0.55:
            add(f"{new} = {made(d, a, t)}")
        elif p < 0.60:
            add(f"r{len(lines)} = {read(d, a, t)}")
        elif p < 0.66:
            alone = all(t.untyped_storage()._cdata != scope[k].untyped_storage()._cdata for k in names if k != a)
            add(change(d, a, t, b, u, alone))
        elif p < 0.9:
            add(write(d, a, t, b, u))
        else:
            add(f"with torch.no_grad(): {write(d, a, t, b, u)}")
    for name, t in list(scope.items()):
        if isinstance(t, torch.Tensor) and not allowed(t):
            add(f"del {name}")
    return lines


def refused(error: str) -> bool:
    return any(refusal in error for refusal in REFUSED)


def allowed(t: torch.Tensor) -> bool:
    """Whether PyTorch lets one look at this tensor. Looking also brings the history of a view up to date."""
    if not isinstance(t, torch.Tensor):
        return False
    try:
        t.grad_fn  # noqa: B018
    except RuntimeError:
        return False
    return True


# --- the same under both ----------------------------------------------------------------------------------------------


def check(lines: list[str]) -> None:
    """Run a program under both libraries and compare everything; AssertionError says where they differ."""
    theirs, expected = execute(lines, torch, look=allowed)
    if refused(theirs.get("error", "")):
        return
    ours, raised = execute(lines, torchlike)
    for line, a, b in zip(lines, raised, expected, strict=True):
        assert a == b, f"{line}: raised {a} ({ours.get('error') if a else ''}), expected {b}"
    names = [k for k, v in theirs.items() if isinstance(v, torch.Tensor)]
    for k, v in theirs.items():
        if k[0] == "r":
            # the sign of a zero in a complex number depends on the loop that made it
            same = repr(ours[k]) == repr(v) or "j" in repr(v) and ours[k] == v
            assert same, f"{k} = {ours[k]}, expected {v}"
    for name in names:
        compare(name, ours[name], theirs[name])
    for i, a in enumerate(names):
        for b in names[:i]:
            x, y, u, v = ours[a], ours[b], theirs[a], theirs[b]
            assert (x is y) == (u is v), f"{a} is {b}: {x is y}, expected {u is v}"
            shared = u.untyped_storage()._cdata == v.untyped_storage()._cdata
            assert (x._cell is y._cell) == shared, f"{a} and {b} share memory: {not shared}, expected {shared}"
            if shared and u.numel() and v.numel():
                apart = x.data_ptr() - y.data_ptr()
                assert apart == u.data_ptr() - v.data_ptr(), f"{a} lies {apart} bytes after {b}"
    if any(".data = " in line for line in lines):  # other memory under what PyTorch has saved, not under what we have
        return
    if any(".data" in line for line in lines):
        # PyTorch does not notice a write through `.data` and computes with what then stands in its saved tensors; with
        # `.detach()` instead it notices
        theirs, again = execute([line.replace(".data", ".detach()") for line in lines], torch, look=allowed)
        if again != expected or refused(theirs.get("error", "")):
            return
    gradients(names, ours, theirs)


def compare(name: str, ours, theirs) -> None:
    assert kind(theirs) == ours.dtype.name, f"{name}: {ours.dtype}, expected {theirs.dtype}"
    assert tuple(ours.shape) == tuple(theirs.shape), f"{name}: shape {ours.shape}, expected {theirs.shape}"
    got, want = np.asarray(ours._read().get()), theirs.detach().resolve_conj().numpy()
    assert np.array_equal(got, want, equal_nan=want.dtype.kind in "fc"), f"{name} = {got}, expected {want}"
    if theirs.numel():
        assert ours.stride() == theirs.stride(), f"{name}: strides {ours.stride()}, expected {theirs.stride()}"
        got, want = ours.storage_offset(), theirs.storage_offset()
        assert got == want, f"{name}: offset {got}, expected {want}"
    assert ours.is_contiguous() == theirs.is_contiguous(), f"{name}: is_contiguous() is {ours.is_contiguous()}"
    for fact in ("requires_grad", "is_leaf"):
        got, want = getattr(ours, fact), getattr(theirs, fact)
        assert got == want, f"{name}.{fact}: {got}, expected {want}"


def gradients(names: list[str], ours: dict, theirs: dict) -> None:
    """The gradients of all leaves, from weighted sums of every tensor that has one."""
    chosen = [k for k in names if theirs[k].requires_grad]
    if not chosen:
        return
    raised = []
    for lib, scope in ((torch, theirs), (torchlike, ours)):
        weights = [lib.ones_like(scope[k], memory_format=lib.contiguous_format) * (i + 1) for i, k in enumerate(chosen)]
        try:
            lib.autograd.backward([scope[k] for k in chosen], weights)
            raised.append("")
        except Exception as error:  # noqa: BLE001
            raised.append(f"{type(error).__name__}: {error}")
    if raised[0]:  # values overwritten, a write to repeated memory, shapes changed by t_(): gradients only we have
        return
    assert not raised[1], f"backward raised {raised[1]}"
    for k in names:
        if theirs[k].is_leaf and theirs[k].requires_grad:
            got, want = ours[k].grad, theirs[k].grad
            assert (got is None) == (want is None), f"{k}.grad is {got}, expected {want}"
            if want is not None:
                np.testing.assert_allclose(got._host(), want.resolve_conj().numpy(), 1e-5, 1e-6, err_msg=f"{k}.grad")
