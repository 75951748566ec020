"""A backward pass over a graph like one before is noted down at once: nobody can tell, but by counting."""

import numpy as np
import pytest

import torchlike as torch
from torchlike import explain
from torchlike.core import rehearsal
from torchlike.core.tape import barrier
from torchlike.utils.checkpoint import checkpoint


@pytest.fixture
def passes(monkeypatch):
    """[how many passes were walked, how many of them were known]."""
    rehearsal.forget()
    counted = [0, 0]
    replayed = rehearsal.Walk.replayed

    def counting(self, keep):
        found = replayed(self, keep)
        counted[0] += 1
        counted[1] += found is not None
        return found

    monkeypatch.setattr(rehearsal.Walk, "replayed", counting)
    return counted


def _leaves():
    torch.manual_seed(1)
    leaves = torch.randn(3, 3, requires_grad=True), torch.randn(3, 3, requires_grad=True)
    barrier()  # where a batch begins, slots are counted from 0
    return leaves


PROGRAMS = {
    "one node used twice": lambda a, b: (lambda y: (y * y).sum())((a @ b).tanh()),
    "two equal nodes": lambda a, b: ((a @ b).tanh() * (a @ b).tanh()).sum(),
    "a leaf used often": lambda a, b: (a * b + a * a + a).sum(),
    "numbers": lambda a, b: ((a * 0.5 + 2.0 * b) ** 3 / 7.0).sum(),
    "several outputs": lambda a, b: sum((i + 1) * p.sum() for i, p in enumerate((a * b).unbind(0))),
    "one of several outputs": lambda a, b: (a @ b).topk(2).values[0].sum(),
    "views": lambda a, b: (a.t()[1:] * b[:2]).sum() + a.diagonal().exp().sum(),
    "written in place": lambda a, b: (a * 1.0).mul_(b).add_(a).sum(),
    "written through a view": lambda a, b: (lambda y: (y[0].mul_(2.0), y.sum())[1])(a * b),
    "a part without gradient": lambda a, b: (a * b.detach() + torch.where(a > 0, a, b)).sum(),
    "a checkpoint": lambda a, b: checkpoint(lambda x: (x @ b).sin(), a, use_reentrant=False).sum(),
    "a new leaf on the way": lambda a, b: ((a * b).detach().requires_grad_() * a).sum(),
    "read before": lambda a, b: (lambda y: (y.item(), y)[1])((a * b).sum()),
}


def _gradients(program, times, clear):
    a, b = _leaves()
    found = []
    for i in range(times):
        if clear:
            rehearsal.forget()
        if i % 3 == 0:
            a.grad = b.grad = None
        loss = program(a, b) * (i + 1.0)
        loss.backward()
        found += [x.grad.tolist() for x in (a, b) if x.grad is not None]
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_gradients_and_the_programs_are_those_of_a_pass_node_by_node(name, passes):
    def counted(clear):
        torch.compiler.reset()
        before = explain.counts.compilations
        return _gradients(PROGRAMS[name], 8, clear), explain.counts.compilations - before

    (plain, compiled), (known, compiled_known) = counted(True), counted(False)
    for a, b in zip(plain, known, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert compiled_known == compiled
    if passes[0]:
        assert passes[1] >= 5


def test_a_steady_loop_knows_its_pass_from_the_second_on(passes):
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.randn(5, 4)
    barrier()
    for _ in range(6):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert passes == [6, 5]


def test_which_node_leads_where_is_told_apart(passes):
    a, b = _leaves()

    def grads(program):
        a.grad = b.grad = None
        program().backward()
        return None if b.grad is None else b.grad.tolist()

    def through():
        y = a * b
        return (y * y).sum()

    def cut():
        y = a * b
        return (y * y.detach()).sum()

    def cut_with_a_leaf():
        y = a * b
        return (y * y.detach().requires_grad_()).sum()

    expected = [grads(f) for f in (through, cut, cut_with_a_leaf)]
    assert expected[0] != expected[1] == expected[2]
    for _ in range(3):
        assert [grads(f) for f in (through, cut, cut_with_a_leaf)] == expected


def test_who_looks_into_a_pass_sees_it(passes):
    a, b = _leaves()

    def forward():
        y = a * b
        return y, y.exp().sum()

    for _ in range(3):
        forward()[1].backward()
        barrier()
    assert passes[1] == 2
    seen = []
    y, loss = forward()
    y.register_hook(lambda g: seen.append(g.tolist()))
    loss.backward()
    assert seen == [y.exp().tolist()]
    y, loss = forward()
    y.retain_grad()
    loss.backward()
    assert y.grad.tolist() == y.exp().tolist()
    y, loss = forward()
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(len(inputs)))
    loss.backward()
    a.register_hook(lambda g: g * 0)
    before = a.grad.tolist()
    forward()[1].backward()
    assert a.grad.tolist() == before
    b.register_post_accumulate_grad_hook(lambda p: seen.append("accumulated"))
    forward()[1].backward()
    assert seen[1:] == [2, "accumulated"]
    assert passes[1] == 2


def test_errors_are_those_of_a_pass_node_by_node(passes):
    a, _ = _leaves()
    for _ in range(3):
        (a * 2).exp().sum().backward()
        barrier()
    loss = (a * 2).exp().sum()
    loss.backward(retain_graph=True)
    assert passes == [4, 3]
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    barrier()
    y = (a * 2).exp()
    loss = y.sum()
    y.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_another_default_dtype_forgets(passes):
    a, _ = _leaves()
    for _ in range(2):
        (a * 2).sum().backward()
        barrier()
    torch.set_default_dtype(torch.float64)
    try:
        (a * 2).sum().backward()
    finally:
        torch.set_default_dtype(torch.float32)
    assert passes[1] == 1


def test_passes_are_not_kept_without_bound(monkeypatch):
    rehearsal.forget()
    monkeypatch.setattr(rehearsal, "CAPACITY", 3)
    for n in range(2, 8):
        x = torch.ones(n, requires_grad=True)
        x.exp().sum().backward()
    assert len(rehearsal._known) == 3
