"""Graphs at length and over time: no recursion, flat memory, no compilation in steady loops, errors with a line."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest

import torchlike as torch
from torchlike.core import tape
from torchlike.core.explain import counts
from torchlike.core.graph import Node
from torchlike.core.value import Value

LENGTH = 100_000


@pytest.fixture
def short_batches(monkeypatch):
    """Programs of 50 operations: what is looked at here is the graph, not the time to compile long ones."""
    monkeypatch.setattr(tape, "LIMIT", 50)


def chain(x, n: int):
    for _ in range(n):
        x = x * 1.00001
    return x


def nodes() -> int:
    return sum(isinstance(o, Node) for o in gc.get_objects())


def test_a_long_graph_forward_backward_and_freed(short_batches):
    x = torch.ones(2, requires_grad=True)
    y = chain(x, LENGTH)
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([1.00001**LENGTH] * 2, rel=1e-2)
    last = weakref.ref(y.grad_fn)
    del y
    assert last() is None


def test_a_long_graph_freed_without_a_backward(short_batches):
    x = torch.ones(2, requires_grad=True)
    y = chain(x, LENGTH)
    first = y.grad_fn
    del y
    assert first.next_functions[0][0].name() == "MulBackward0"
    del first
    gc.collect()
    assert nodes() < 1000


def test_a_long_graph_towards_an_input_in_its_middle(short_batches):
    x = torch.ones(2, requires_grad=True)
    middle = chain(x, 5000)
    (g,) = torch.autograd.grad(chain(middle, 5000).sum(), middle)
    assert g.tolist() == pytest.approx([1.00001**5000] * 2, rel=1e-3)


def arrays() -> int:
    """How many arrays tensors hold, JAX's or NumPy's."""
    return sum(isinstance(x, Value) and x.array is not None for x in gc.get_objects())


def step(w, keep: list) -> None:
    loss = (w * w).sin().sum()
    loss.backward()
    keep.append(w.grad)
    with torch.no_grad():
        w -= 0.01 * w.grad
    w.grad = None


def test_memory_is_flat_when_gradients_are_freed():
    w = torch.ones(3, requires_grad=True)
    sizes = []
    for _ in range(4):
        for _ in range(100):
            kept: list = []
            step(w, kept)
        w.tolist()
        del kept
        gc.collect()
        sizes.append((arrays(), nodes()))
    assert sizes[1] == sizes[2] == sizes[3]


def test_memory_grows_with_what_is_kept():
    w = torch.ones(3, requires_grad=True)
    kept: list = []
    before = arrays()
    for _ in range(20):
        step(w, kept)
    w.tolist()
    assert arrays() - before >= 20


def test_a_node_belongs_to_no_cycle():
    gc.disable()
    try:
        x = torch.ones(2, requires_grad=True)
        y = (x * x).exp()
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (x.grad, y.grad_fn)  # noqa: B018
        g.sum().backward(create_graph=True)
        refs = [weakref.ref(t.grad_fn) for t in (y, g, x.grad)]
        x.grad = None
        del y, g
        assert [r() for r in refs] == [None] * 3
    finally:
        gc.enable()


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 + 0 * x


def with_tensor_hook(h, w):
    h.register_hook(lambda g: g * 2)
    return h


def with_node_hooks(h, w):
    h.grad_fn.register_hook(lambda gi, go: None)
    h.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    return h


def with_a_function(h, w):
    return Twice.apply(h)


def with_multi_grad_hook(h, w):
    torch.autograd.graph.register_multi_grad_hook([h, w], lambda grads: None)
    return h


def with_saved_tensors_hooks(h, w):
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):
        return h.sin()


def with_an_edge(h, w):
    torch.autograd.grad(h.sum(), torch.autograd.graph.get_gradient_edge(w), retain_graph=True)
    return h


def with_grads_in_a_batch(h, w):
    torch.autograd.grad(h, w, torch.ones(2, w.numel()), is_grads_batched=True, retain_graph=True)
    return h


WAYS = [with_tensor_hook, with_node_hooks, with_a_function, with_multi_grad_hook, with_saved_tensors_hooks,
        with_an_edge, with_grads_in_a_batch]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda f: f.__name__)
def test_no_compilation_after_the_third_step(way):
    w = torch.ones(3000, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for i in range(8):
        if i == 3:
            counts.reset()
        loss = way(w * 3, w).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    assert counts.compilations == counts.operations == 0
    assert counts.hits == counts.programs > 0


def test_an_error_in_the_backward_pass_shows_the_line_of_the_forward_pass():
    x = torch.zeros(2, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught, torch.autograd.set_detect_anomaly(True):
        warnings.simplefilter("always")
        y = x.sqrt()  # the line
        with pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th output"):
            (y * 0).sum().backward()
    (told,) = [str(w.message) for w in caught]
    assert told.rstrip().endswith("y = x.sqrt()  # the line")


def test_the_line_of_a_second_derivative_and_of_the_first():
    x = torch.zeros(2, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught, torch.autograd.set_detect_anomaly(True):
        warnings.simplefilter("always")
        y = x.pow(1.5)  # the first line
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)  # the second line
        with pytest.raises(RuntimeError, match="returned nan values"):
            torch.autograd.grad((g * 0).sum(), x)
    second, first = [str(w.message).rstrip() for w in caught]
    assert second.endswith("# the second line")
    assert first.endswith("# the first line")


def test_a_value_shared_by_two_memories_may_be_written_in_one():
    x, g = torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0])
    x.backward(g)  # x.grad has the values of g
    y = x * g
    x.grad.zero_()
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


def test_running_statistics_written_by_a_second_forward_pass():
    layer = torch.nn.BatchNorm1d(2)
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    first = layer(x)
    second = layer.eval()(x)
    layer.train()(x)
    (first.sum() + second.sum()).backward()
    assert x.grad is not None


def test_numpy_memory_written_after_it_was_saved():
    import numpy as np

    array = np.ones(2, np.float32)
    c = torch.from_numpy(array)
    x = torch.ones(2, requires_grad=True)
    y = x * c
    c.add_(1)
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0"):
        y.sum().backward()
