"""Part 2 of the course: small programs about gradients, with the same outcome here as in PyTorch.

The outcome is a picture of values (within 1e-5 relative), or the class and the words of the exception.
"""

from __future__ import annotations

import math
import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch", reason="PyTorch is the reference these programs are compared with")

PROGRAMS = {}


def program(fn):
    assert fn.__name__ not in PROGRAMS
    PROGRAMS[fn.__name__] = fn
    return fn


def picture(x):
    """Plain Python for anything a program returns."""
    if hasattr(x, "detach"):
        return [str(x.dtype), list(x.shape), x.requires_grad, x.detach().tolist()]
    if isinstance(x, tuple | list):
        return [picture(p) for p in x]
    return x


def outcome(fn, lib):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return picture(fn(lib))
        except Exception as error:
            return [type(error).__name__, str(error)]


def same(a, b) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def leaf(lib, *values, **kw):
    return lib.tensor(list(values) or 2.0, requires_grad=True, **kw)


@program
def worked_example(lib):
    input, w1, w2, w3 = (
        lib.arange(1.0, 5.0) * k if k == 1 else (lib.arange(1.0, 5.0) * k).requires_grad_() for k in (1, 2, 3, 4)
    )
    l1 = input * w1
    l2 = l1 + w2
    l3 = l1 * w3
    l4 = l2 * l3
    loss = l4.mean()
    loss.backward()
    return loss, w1.grad, w2.grad, w3.grad, input.grad, loss.grad_fn.name(), l4.grad_fn.name(), l2.grad_fn.name()


@program
def requires_grad_spreads(lib):
    a, b = lib.ones(2), leaf(lib, 1.0, 2.0)
    c = a * 3
    flags = a.requires_grad, b.requires_grad, c.requires_grad, (b * c).requires_grad
    return *flags, c.grad_fn, b.is_leaf, (b * 2).is_leaf


@program
def integers_cannot_require_grad(lib):
    return lib.tensor([1, 2], requires_grad=True)


@program
def clone_detach_table(lib):
    x = leaf(lib, 1.0, 2.0)
    c, d, cd = x.clone(), x.detach(), x.clone().detach()
    facts = [c.requires_grad, d.requires_grad, cd.requires_grad]
    facts += [t.data_ptr() == x.data_ptr() for t in (c, d, cd)]
    d[0] = 10.0
    return [*facts, x, c, d, cd, c.grad_fn.name()]


@program
def scalar_backward(lib):
    x = leaf(lib, 1.0, 2.0, 3.0)
    (x * x).sum().backward()
    return x.grad


@program
def backward_needs_a_gradient(lib):
    (leaf(lib, 1.0, 2.0) * 2).backward()


@program
def backward_with_gradient(lib):
    x = leaf(lib, 1.0, 2.0)
    (x * 2).backward(lib.tensor([1.0, 0.5]))
    return x.grad


@program
def gradient_of_a_wrong_shape(lib):
    (leaf(lib, 1.0, 2.0) * 2).backward(lib.ones(3))


@program
def backward_without_requires_grad(lib):
    lib.ones(1).backward()


@program
def gradients_accumulate(lib):
    x = leaf(lib, 1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    first = x.grad.clone()
    x.grad.zero_()
    (x * 2).sum().backward()
    return first, x.grad


@program
def an_alias_of_grad_sees_the_accumulation(lib):
    x = leaf(lib, 1.0, 2.0)
    (x * x).sum().backward()
    g = x.grad
    (x * x).sum().backward()
    return g, g is x.grad


@program
def backward_twice(lib):
    x = leaf(lib, 1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    y.backward()


@program
def backward_twice_without_saved_values(lib):
    x = leaf(lib, 1.0, 2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return x.grad


@program
def retain_graph(lib):
    x = leaf(lib, 1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@program
def create_graph(lib):
    x = leaf(lib, 1.0, 2.0)
    y = (x * x * x).sum()
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    (g2,) = lib.autograd.grad(g.sum(), x, create_graph=True)
    (g3,) = lib.autograd.grad(g2.sum(), x)
    return g, g2, g3


@program
def create_graph_through_backward(lib):
    x = leaf(lib, 3.0)
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    x.grad = None
    (g * g).sum().backward()
    return g, x.grad


@program
def grad_leaves_no_trace(lib):
    x = leaf(lib, 1.0, 2.0)
    g = lib.autograd.grad((x * x).sum(), x)
    return g, x.grad


@program
def grad_of_unused(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    return lib.autograd.grad((x * x).sum(), [x, y])


@program
def grad_of_unused_allowed(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    return lib.autograd.grad((x * x).sum(), [x, y], allow_unused=True)


@program
def grad_of_unused_materialized(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    return lib.autograd.grad((x * x).sum(), [x, y], materialize_grads=True)


@program
def grad_towards_a_non_leaf(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    return lib.autograd.grad((y * y).sum(), y)


@program
def grad_towards_no_grad(lib):
    x = leaf(lib, 1.0)
    return lib.autograd.grad((x * x).sum(), lib.ones(1))


@program
def backward_with_inputs(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    (x * y).sum().backward(inputs=[x])
    return x.grad, y.grad


@program
def several_roots(lib):
    x = leaf(lib, 1.0, 2.0)
    lib.autograd.backward([(x * x).sum(), x * 3], [None, lib.ones(2)])
    return x.grad


@program
def retain_grad(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, x.grad


@program
def no_grad_region(lib):
    x = leaf(lib, 1.0)
    with lib.no_grad():
        y = x * 2
        with lib.enable_grad():
            z = x * 3

    @lib.no_grad()
    def f(t):
        return t * 2

    return y.requires_grad, z.requires_grad, f(x).requires_grad, lib.is_grad_enabled()


@program
def set_grad_enabled(lib):
    x = leaf(lib, 1.0)
    with lib.set_grad_enabled(False):
        a = x * 1
    lib.set_grad_enabled(False)
    b = x * 1
    lib.set_grad_enabled(True)
    return a.requires_grad, b.requires_grad, (x * 1).requires_grad


@program
def manual_update(lib):
    w = leaf(lib, 1.0, -2.0)
    for _ in range(4):
        (w * w).sum().backward()
        with lib.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    return w, w.is_leaf


@program
def in_place_on_a_leaf(lib):
    leaf(lib, 1.0).add_(1)


@program
def in_place_on_a_view_of_a_leaf(lib):
    leaf(lib, 1.0, 2.0)[0].mul_(2)


@program
def in_place_on_a_non_leaf(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    y.mul_(3)
    y[0] = 5.0
    y.sum().backward()
    return y, x.grad


@program
def a_write_through_a_view_joins_the_history(lib):
    x, base = leaf(lib, 3.0), lib.zeros(3)
    base[1:2].copy_(x * 2)
    (base * base).sum().backward()
    return base, base.requires_grad, x.grad


@program
def data_is_out_of_the_graph(lib):
    x = leaf(lib, 1.0, 2.0)
    x.data.mul_(10)
    x.data = x.data + 1
    (x * x).sum().backward()
    return x, x.grad


@program
def requires_grad_of_a_non_leaf(lib):
    (leaf(lib, 1.0) * 2).requires_grad_(False)


@program
def tensor_hooks(lib):
    x, seen = leaf(lib, 1.0, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    handle = y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (y * y).sum().backward()
    first = x.grad.clone()
    handle.remove()
    x.grad = None
    y2 = x * 2
    y2.sum().backward()
    return first, x.grad, seen


@program
def post_accumulate_hook(lib):
    x = leaf(lib, 1.0, 2.0)
    def double(t):
        t.grad.mul_(2)

    x.register_post_accumulate_grad_hook(double)
    (x * x).sum().backward()
    return x.grad


@program
def post_accumulate_hook_that_returns(lib):
    x = leaf(lib, 1.0, 2.0)
    x.register_post_accumulate_grad_hook(lambda t: t.grad)
    (x * x).sum().backward()


@program
def hook_on_a_constant(lib):
    lib.ones(1).register_hook(print)


@program
def next_functions(lib):
    x = leaf(lib, 1.0)
    y = (x * 2 + x).sum()
    names = []

    def walk(fn, depth):
        names.append((depth, fn.name() if hasattr(fn, "name") else None))
        for nxt, _ in fn.next_functions:
            if nxt is not None:
                walk(nxt, depth + 1)

    walk(y.grad_fn, 0)
    return [n.rsplit("::")[-1].replace("struct torch", "") for _, n in names]


@program
def wide_and_deep(lib):
    x = leaf(lib, 1.0)
    y = x
    for _ in range(300):
        y = y * 1.001 + x * 0.001
    y.sum().backward()
    return x.grad


@program
def a_subgraph_without_gradient_is_left_out(lib):
    x, c = leaf(lib, 2.0), lib.ones(1)
    y = c * 3
    z = x * y
    return [fn is None for fn, _ in z.grad_fn.next_functions]


@program
def deepcopy_of_a_non_leaf(lib):
    import copy

    copy.deepcopy(leaf(lib, 1.0) * 2)


@program
def numpy_of_a_tensor_that_requires_grad(lib):
    leaf(lib, 1.0).numpy()


@program
def grad_assigned(lib):
    x = leaf(lib, 1.0, 2.0)
    x.grad = lib.ones(2)
    (x * x).sum().backward()
    return x.grad


@program
def grad_of_another_shape_assigned(lib):
    x = leaf(lib, 1.0, 2.0)
    x.grad = lib.ones(3)


def custom(lib, **methods):
    return type("Custom", (lib.autograd.Function,), {k: staticmethod(v) for k, v in methods.items()})


@program
def function_with_saved_tensors(lib):
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x * factor

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x * ctx.factor, None

    f = custom(lib, forward=forward, backward=backward)
    x = leaf(lib, 1.0, 2.0)
    y = f.apply(x, 3.0)
    y.sum().backward()
    return y, x.grad, y.grad_fn.name(), f.apply(lib.ones(2), 3.0).requires_grad


@program
def function_with_setup_context(lib):
    def setup(ctx, inputs, output):
        ctx.save_for_backward(output)

    f = custom(
        lib, forward=lambda x: x.exp(), setup_context=setup, backward=lambda ctx, g: g * ctx.saved_tensors[0]
    )
    x = leaf(lib, 1.0, 2.0)
    f.apply(x).sum().backward()
    return x.grad


@program
def function_with_two_outputs(lib):
    f = custom(
        lib, forward=lambda ctx, a, b: (a * b, a + b), backward=lambda ctx, p, s: (p * 5 + s, p * 7 + s * 2)
    )
    a, b = leaf(lib, 1.0), leaf(lib, 2.0)
    p, s = f.apply(a, b)
    s.sum().backward()
    return p, s, a.grad, b.grad


@program
def function_returns_too_few_gradients(lib):
    f = custom(lib, forward=lambda ctx, a, b: a * b, backward=lambda ctx, g: g)
    f.apply(leaf(lib, 1.0), leaf(lib, 2.0)).sum().backward()


@program
def function_returns_a_wrong_shape(lib):
    f = custom(lib, forward=lambda ctx, a: a * 2, backward=lambda ctx, g: lib.ones(3))
    f.apply(leaf(lib, 1.0, 2.0)).sum().backward()


@program
def function_needs_input_grad(lib):
    seen = []

    def backward(ctx, g):
        seen.append(list(ctx.needs_input_grad))
        return g, g

    f = custom(lib, forward=lambda ctx, a, b: a * b, backward=backward)
    f.apply(leaf(lib, 1.0), lib.ones(1)).sum().backward()
    return seen


@program
def function_differentiated_twice(lib):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    f = custom(lib, forward=forward, backward=lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    x = leaf(lib, 2.0)
    (g,) = lib.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    return g, lib.autograd.grad(g.sum(), x)


@program
def function_cannot_be_instantiated(lib):
    f = custom(lib, forward=lambda ctx, x: x, backward=lambda ctx, g: g)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f()
    return [(w.category.__name__, str(w.message).split("should not")[-1]) for w in caught]


@program
def complex_gradient(lib):
    z = lib.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    return [complex(v) for v in z.grad.tolist()].__repr__()


@program
def complex_root(lib):
    (lib.tensor(1 + 2j, requires_grad=True) * 2).backward()


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_outcome(name):
    ours, reference = outcome(PROGRAMS[name], torchlike), outcome(PROGRAMS[name], torch)
    assert same(ours, reference), f"\nours      {ours}\nreference {reference}"


def test_the_comparison_can_fail():
    assert not same([1.0, 2.0], [1.0, 2.001])
    assert not same(["torch.float32"], ["torch.float64"])
    assert not same([1.0], [1.0, 1.0])
    assert not same(1, 1.0)
    assert not same(None, [1.0])
