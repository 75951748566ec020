"""torch.autograd.functional: products with Jacobians and Hessians, and these whole, of functions of tensors."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from torchlike.core import graph
from torchlike.core.variable import Variable

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]

_LOOSE = "This is not allowed in strict mode."


def _tuple(x: Any, what: str, fn: str) -> tuple[bool, tuple]:
    """(whether it is a tuple, it as a tuple), with PyTorch's errors where it holds something else than tensors."""
    several = isinstance(x, tuple)
    for i, t in enumerate(x if several else (x,)):
        if not isinstance(t, Variable):
            where = f"value at index {i}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {fn} must be either a Tensor or a tuple of Tensors but the {where} has type "
                f"{type(t)}."
            )
    return several, x if several else (x,)


def _single(x: tuple, several: bool) -> Any:
    return x if several else x[0]


def _start(tensors: tuple, create_graph: bool, need: bool) -> tuple:
    """Other tensors of the same values, which stand for the arguments alone where the function closes over them."""
    return tuple([
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(need) for t in tensors
    ])  # fmt: skip


def _finish(tensors: Any, create_graph: bool) -> tuple:
    """The results, without a history where none was asked for."""
    if create_graph:
        return tuple(tensors)
    return tuple([t.detach() if isinstance(t, Variable) else _finish(t, False) for t in tensors])  # type: ignore[attr-defined]


def _grads(
    outputs: Sequence, inputs: tuple, v: tuple | None = None, *, create_graph: bool = False, keep: bool | None = None
) -> tuple:
    """The gradients of those outputs that have any; None for an input that nothing came to."""
    from torchlike.autograd import grad

    given = [None] * len(outputs) if v is None else v
    pairs = [(o, g) for o, g in zip(outputs, given, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad(
        [o for o, _ in pairs], inputs, [g for _, g in pairs], retain_graph=keep, create_graph=create_graph,
        allow_unused=True,
    )  # fmt: skip


def _vector(v: Any, like: tuple, several: bool, create_graph: bool, fn: str, otherwise: str) -> tuple | None:
    """The vector of a product, checked against the tensors it belongs to."""
    if v is None:
        if len(like) != 1 or like[0].nelement() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {otherwise} a single Tensor with a single element."
            )
        return None
    v = _start(_tuple(v, "v", fn)[1], create_graph, False)
    if len(v) != len(like):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like, strict=True)):
        if a.shape != b.shape:
            which = f"Entry {i} in " if several else ""
            raise RuntimeError(f"{which}v has invalid size: should be {b.size()} but got {a.size()}.")
    return v


def _check_followed(tensors: Sequence, strict: bool, told: Callable[[int], str]) -> None:
    for i, t in enumerate(tensors):
        if strict and t is None:
            raise RuntimeError(f"The output of the user-provided function is independent of input {i}. {_LOOSE}")
        if strict and not t.requires_grad:
            raise RuntimeError(told(i))


def _of_outputs(i: int) -> str:
    return (
        f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
        "differentiable manner from the input when running in strict mode."
    )


def _of_gradients(i: int) -> str:
    return (
        f"The gradient with respect to input {i} is independent of the inputs of the user-provided function. {_LOOSE}"
    )


def _of_jacobian(i: int) -> str:
    return (
        f"While computing the hessian, found that the jacobian of the user-provided function with respect to input {i} "
        f"is independent of the input. {_LOOSE} You should ensure that your function is twice differentiable and that "
        "the jacobian depends on the inputs (this would be violated by a linear function for example)."
    )


def _whole(
    grads: tuple, like: tuple, strict: bool, create_graph: bool, what: str, missing: Callable[[int], str]
) -> tuple:
    """The gradients with zeros for None, which `strict` forbids."""
    import torchlike as torch

    made = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(missing(i))
            g = torch.zeros_like(x)
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(
                f"The {what} of the user-provided function is independent of input {i}. This is not allowed in strict "
                "mode when create_graph=True."
            )
        made.append(g)
    return tuple(made)


def _run(func: Callable, inputs: Any, create_graph: bool, strict: bool, fn: str) -> tuple[bool, tuple, bool, tuple]:
    """(inputs, outputs), each after whether it was a tuple, with a graph from one to the other."""
    several_in, inputs = _tuple(inputs, "inputs", fn)
    inputs = _start(inputs, create_graph, True)
    several_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", fn)
    _check_followed(outputs, strict, _of_outputs)
    return several_in, inputs, several_out, outputs


def _following(create_graph: bool) -> Any:
    return graph._at(True) if create_graph else contextlib.nullcontext()


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the product of `v` with its Jacobian).

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them; the product has the same form.
        v: of the form of the outputs; may be None for a single element.
        create_graph: whether both results can be differentiated further.
        strict: whether an output that does not depend on an input is an error; else its part is zero. What depends on
            what is found from what the gradients really read, so a constant gradient is noticed that PyTorch may miss.

    >>> import torchlike as torch
    >>> torch.autograd.functional.vjp(torch.exp, torch.zeros(2), torch.ones(2))
    (tensor([1., 1.]), tensor([1., 1.]))
    """
    with graph._at(True):
        several_in, inputs, several_out, outputs = _run(func, inputs, create_graph, strict, "vjp")
        v = _vector(v, outputs, several_out, create_graph, "vjp", "user-provided function returns")
    with _following(create_graph):
        found = _grads(outputs, inputs, v, create_graph=create_graph)
        made = _whole(found, inputs, strict, create_graph, "jacobian", lambda i: (
            f"The output of the user-provided function is independent of input {i}. {_LOOSE}"
        ))  # fmt: skip
    return _single(_finish(outputs, create_graph), several_out), _single(_finish(made, create_graph), several_in)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the product of its Jacobian with `v`), by the gradient of the vector-Jacobian product.

    `v` has the form of the inputs, the product that of the outputs; see `vjp`. `torch.func.jvp` costs less.
    """
    import torchlike as torch

    with graph._at(True):
        several_in, inputs = _tuple(inputs, "inputs", "jvp")
        inputs = _start(inputs, create_graph, True)
        v = _vector(v, inputs, several_in, create_graph, "jvp", "input to the user-provided function is")
        several_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        _check_followed(outputs, strict, _of_outputs)
        u = tuple([torch.zeros_like(o, requires_grad=True) for o in outputs])
        pulled = _grads(outputs, inputs, u, create_graph=True)
        _check_followed(pulled, strict, _of_gradients)
    with _following(create_graph):
        found = _grads(pulled, u, v, create_graph=create_graph)
        made = _whole(found, outputs, strict, create_graph, "jacobian", lambda i: (
            f"The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the "
            f"double backward trick to compute forward mode gradients. {_LOOSE}"
        ))  # fmt: skip
    return _single(_finish(outputs, create_graph), several_out), _single(_finish(made, create_graph), several_out)


def _of_one(func: Callable, inputs: Any, v: Any, create_graph: bool, strict: bool, fn: str) -> tuple:
    """(several, inputs, v, outputs, their gradient) of a function with one element, for products with its Hessian."""
    several_in, inputs = _tuple(inputs, "inputs", fn)
    inputs = _start(inputs, create_graph, True)
    v = _vector(v, inputs, several_in, create_graph, fn, "input to the user-provided function is")
    several_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", fn)
    _check_followed(outputs, strict, _of_outputs)
    _check_one(outputs, several_out, fn)
    gradient = _grads(outputs, inputs, create_graph=True)
    _check_followed(gradient, strict, _of_jacobian)
    return several_in, inputs, v, outputs, gradient


def _check_one(outputs: tuple, several: bool, fn: str) -> None:
    if several:
        raise RuntimeError(f"The function given to {fn} should return a single Tensor")
    if outputs[0].nelement() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {fn} should contain a single element")


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the product of `v` with its Hessian); `func` returns a single element. See `vjp`.

    >>> import torchlike as torch
    >>> torch.autograd.functional.vhp(lambda x: (x ** 3).sum(), torch.ones(2), torch.ones(2))
    (tensor(2.), tensor([6., 6.]))
    """
    with graph._at(True):
        several, inputs, v, outputs, gradient = _of_one(func, inputs, v, create_graph, strict, "vhp")
    with _following(create_graph):
        found = _grads(gradient, inputs, v, create_graph=create_graph)
        made = _whole(found, inputs, strict, create_graph, "hessian", lambda i: (
            f"The jacobian of the user-provided function is independent of input {i}. {_LOOSE}"
        ))  # fmt: skip
    return _finish(outputs, create_graph)[0], _single(_finish(made, create_graph), several)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the product of its Hessian with `v`), as a gradient of the vector-Hessian product.

    The Hessian being symmetric, `vhp` gives the same for less.
    """
    import torchlike as torch

    with graph._at(True):
        several, inputs, v, outputs, gradient = _of_one(func, inputs, v, create_graph, strict, "hvp")
        u = tuple([torch.zeros_like(x, requires_grad=True) for x in inputs])
        pulled = _grads(gradient, inputs, u, create_graph=True)
    with _following(create_graph):
        found = _grads(pulled, u, v, create_graph=create_graph)
        made = _whole(found, inputs, strict, create_graph, "hessian", lambda i: (
            f"The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is not "
            "allowed in strict mode as it prevents from using the double backward trick to replace forward mode AD."
        ))  # fmt: skip
    return _finish(outputs, create_graph)[0], _single(_finish(made, create_graph), several)


def _nested(rows: tuple, several_out: bool, several_in: bool) -> Any:
    return _single(tuple([_single(tuple(row), several_in) for row in rows]), several_out)


def jacobian(
    func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of `func`: for each output and each input a tensor of the output's shape followed by the input's.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them. The result is nested as the outputs, and inside as the inputs.
        create_graph: whether the result can be differentiated further.
        strict: whether an output that does not depend on an input is an error; not with `vectorize`.
        vectorize: whether all rows are computed at once by `torch.vmap`, instead of one after the other.
        strategy: "reverse-mode", or "forward-mode", which needs `vectorize`.

    >>> import torchlike as torch
    >>> torch.autograd.functional.jacobian(lambda x: x ** 2, torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        return _by_columns(func, inputs, create_graph, strict, vectorize)
    with graph._at(True):
        several_in, inputs, several_out, outputs = _run(func, inputs, create_graph, strict, "jacobian")
        if vectorize:
            if strict:
                raise RuntimeError(
                    "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
                    "together. Please either set `strict=False` or `vectorize=False`."
                )
            rows = tuple([_rows_at_once(out, inputs, create_graph) for out in outputs])
        else:
            rows = tuple([_rows(out, i, inputs, create_graph, strict) for i, out in enumerate(outputs)])
        return _nested(_finish(rows, create_graph), several_out, several_in)


def _zeros(out: Any, x: Any) -> Any:
    import torchlike as torch

    return torch.zeros(*out.shape, *x.shape, dtype=x.dtype, device=x.device)


def _rows(out: Any, nr: int, inputs: tuple, create_graph: bool, strict: bool) -> list:
    """The Jacobian of one output, a row after the other."""
    import torchlike as torch

    rows: list[list] = [[] for _ in inputs]
    for element in out.reshape(-1):
        found = _grads((element,), inputs, create_graph=create_graph, keep=True)
        for j, (row, g) in enumerate(zip(rows, found, strict=True)):
            if strict and g is None:
                raise RuntimeError(f"Output {nr} of the user-provided function is independent of input {j}. {_LOOSE}")
            if strict and create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {nr}. This is not allowed in "
                    "strict mode when create_graph=True."
                )
            row.append(torch.zeros_like(inputs[j]) if g is None else g)
    return [
        torch.stack(row).view(*out.shape, *x.shape) if row else _zeros(out, x)
        for row, x in zip(rows, inputs, strict=True)
    ]


def _rows_at_once(out: Any, inputs: tuple, create_graph: bool) -> list:
    """The Jacobian of one output by `vmap` over the rows of the identity."""
    import torchlike as torch

    n = out.numel()
    reached = [g is not None for g in _grads((out,), inputs, (torch.zeros_like(out),), keep=True)]
    chosen = tuple([x for x, r in zip(inputs, reached, strict=True) if r])
    found: Any = iter(())
    if chosen:
        eye = torch.eye(n, dtype=out.dtype, device=out.device).view(n, *out.shape)
        found = iter(torch.vmap(lambda row: _grads((out,), chosen, (row,), create_graph=create_graph, keep=True))(eye))
    return [
        next(found).reshape(*out.shape, *x.shape) if r else _zeros(out, x) for x, r in zip(inputs, reached, strict=True)
    ]


def _by_columns(func: Callable, inputs: Any, create_graph: bool, strict: bool, vectorize: bool) -> Any:
    told = "torch.autograd.functional.jacobian: `{}=True` and `strategy=\"forward-mode\"` are not supported together " \
           "(yet). Please either set `{}=False` or `strategy=\"reverse-mode\"`."  # fmt: skip
    if create_graph:
        raise NotImplementedError(told.format("create_graph", "create_graph"))
    if strict:
        raise RuntimeError(told.format("strict", "strict"))
    several_in, inputs = _tuple(inputs, "inputs", "jacobian")
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
            "`vectorize=True`."
        )
    from torchlike.func import jacfwd

    several_out = True

    def flat(*args: Any) -> tuple:
        nonlocal several_out
        several_out, outputs = _tuple(func(*args), "outputs", "jacobian")
        return outputs

    rows = jacfwd(flat, argnums=tuple(range(len(inputs))))(*inputs)
    return _nested(rows, several_out, several_in)


def hessian(
    func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The second derivatives of `func`, which returns one element: for each pair of inputs a tensor of both shapes.

    The arguments are those of `jacobian`; `outer_jacobian_strategy` is the strategy of the second derivative.

    >>> import torchlike as torch
    >>> torch.autograd.functional.hessian(lambda x: (x ** 3).sum(), torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, inputs = _tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def one(*args: Any) -> Any:
        several_out, outputs = _tuple(func(*args), "outputs of the user-provided function", "hessian")
        _check_followed(outputs, strict, _of_outputs)
        _check_one(outputs, several_out, "hessian")
        return outputs[0].squeeze()

    def first(*args: Any) -> tuple:
        if outer_jacobian_strategy == "forward-mode":
            args = tuple([a.requires_grad_(True) for a in args])
        made = jacobian(one, args, create_graph=True)
        _check_followed(made, strict, _of_jacobian)
        return made

    made = jacobian(first, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return made if several else made[0][0]
