"""When a view is read: looking at its elements runs nothing, and nothing else tells when it is."""

import numpy as np
import pytest
from compare import check, normal

import torchlike as torch
from torchlike.core import explain
from torchlike.core.explain import counts

LOOKS = """\
x[1, 2].item()
float(x[-1][0])
bool(x[0, 0] < 0)
x[1:].tolist()
x.t().tolist()
x.diagonal()[1].item()
x.unfold(1, 2, 1)[0, 1].tolist()
x.expand(2, 2, 3)[1].tolist()
x.view(3, 2)[:, 1].tolist()
x.view(torch.int32)[0].tolist()
x.as_strided((2, 2), (1, 2), 1).tolist()
x[:0].tolist()
[row.tolist() for row in x.unbind()]
[v.item() for v in x.flatten()]
repr(x[0])
x[0].detach().tolist()
torch.view_as_real(z)[0, 1].tolist()
z.real[1].item()
h[1].item()
""".splitlines()


@pytest.mark.parametrize("code", LOOKS)
@pytest.mark.parametrize("made", ["given", "computed", "strided"])
def test_elements_of_views(code, made):
    def fn(lib, x, z, h):
        if made == "computed":
            x, z, h = x * 2, z * 2, h * 2
        if made == "strided":
            x = lib.empty_strided((2, 3), (1, 2)).copy_(x)
            if "view(" in code:
                x = x.contiguous()
        return eval(code, {"torch": lib, "x": x, "z": z, "h": h})

    check(fn, normal(2, 3), normal(2, 3, dtype="complex64"), normal(3, dtype="bfloat16"), gradients=False)


def test_looking_runs_nothing():
    with torch.inference_mode():
        x = torch.arange(24.0).view(4, 6).clone()
    w = torch.ones(3, requires_grad=True) * 2
    x.tolist(), w.tolist()
    counts.reset()
    for i in range(4):
        for j in range(6):
            assert x[i, j].item() == 6 * i + j
        assert x[i].tolist() == x.t()[:, i].tolist()
    assert w[1].item() == 2
    assert "SelectBackward0" in repr(w[1])
    assert counts.programs == 0


def test_what_is_looked_at_is_no_part_of_a_later_program():
    """As if it had been computed there and then."""
    x = torch.arange(4.0)
    v, u = x[1:], x[1:]
    v.tolist(), x.tolist()
    heard = []
    with explain.observed(lambda spec, inputs, results: heard.append(spec.op.name)):
        (v * 2).tolist(), (u * 2).tolist()
    assert heard == ["mul", "slice", "mul"]


def test_a_view_nobody_asks_for_is_not_computed():
    x = torch.arange(4.0) * 2
    views = [x[i] for i in range(4)]
    counts.reset()
    heard = []
    y = x + 1
    with explain.observed(lambda spec, inputs, results: heard.append(spec.op.name)):
        y.tolist()
        x[0]  # noqa: B018  who listens hears of every operation where it is called
    assert heard == ["select"]
    assert counts.programs == 1
    assert [v.item() for v in views] == [0, 2, 4, 6]


def test_the_history_of_a_view_is_there_before_it_is_read():
    def fn(lib, x):
        y = x * 1
        v = y[0, 1:]
        names = type(v.grad_fn).__name__, v.requires_grad, v.is_leaf, y.detach()[0].requires_grad
        y = y.detach_()
        (v * 3).sum().backward()
        return names, v.tolist(), v.grad_fn.next_functions[0][0].name()

    check(fn, normal(2, 3))


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_the_anomaly_mode_knows_where_a_view_was_made():
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.detect_anomaly():
        here = 1
        y = x[here]
    assert "x[here]" in y.grad_fn.made_at


def test_writes_between_making_and_reading():
    def fn(lib, x):
        y = x * 1
        v, u, w = y[0], y.t(), y.view(-1)[1:]
        y[0, 0] = 7
        v.add_(1)
        w[0] = 3
        (v.sum() * u.sum() * w.sum()).backward()
        return y, v, u, w, type(v.grad_fn).__name__

    check(fn, normal(2, 3))


def test_an_array_shared_with_numpy_is_looked_at_as_it_is_now():
    x = torch.zeros(4)
    early = x[1]
    array = x.numpy()
    late = x[1]
    array[1] = 5
    assert early.item() == late.item() == 5
    del array, late
    array = np.zeros(4, np.float32)
    x = torch.from_numpy(array)
    array[2] = 6
    assert x[2].item() == 6


def test_views_from_outside_in_a_captured_function():
    """They are leaves, whether anybody read them before or not."""
    flat, given, buckets = torch.arange(6.0), torch.arange(6.0), torch.arange(8.0)
    p = torch.ones(2, requires_grad=True)
    outside = flat[4:]

    @torch.compile(fullgraph=True)
    def step(x):
        return x * 2 + p.grad + outside

    for i in range(4):
        p.grad = buckets[i : i + 2]
        assert step(given[i : i + 2]).tolist() == [2 * i + i + 4, 2 * (i + 1) + i + 1 + 5]


def test_transformations_see_views_made_outside():
    x = torch.arange(6.0).view(2, 3)
    v = x[1]
    assert torch.func.grad(lambda a: (a * v).sum())(torch.ones(3)).tolist() == [3, 4, 5]
    v = x[0]
    assert torch.vmap(lambda a: a * v)(x.clone()).tolist() == [[0, 1, 4], [0, 4, 10]]
    v = x.t()
    _, tangent = torch.func.jvp(lambda a: (a @ v).sum(), (torch.ones(1, 3),), (torch.ones(1, 3),))
    assert tangent.item() == 15


def test_the_debugging_gear_agrees():
    was = torch.core.tape.set_eager(True)
    try:
        x = torch.arange(6.0).view(2, 3)
        v = x[1]
        counts.reset()
        assert v.tolist() == [3, 4, 5]
        assert (x.t()[0] * 2).tolist() == [0, 6]
    finally:
        torch.core.tape.set_eager(was)
