"""torch.compile(fullgraph=True): a captured step equals the plain one, and the traps of capture and replay."""

from __future__ import annotations

import collections
import random

import pytest

import torchlike as torch
from torchlike.core.explain import counts

nn, F = torch.nn, torch.nn.functional


def training(compiled: bool, dropout: float = 0.0, steps: int = 12):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if compiled:
        step = torch.compile(step, fullgraph=True)
    losses = []
    for i in range(steps):
        if i == 8:
            optimizer.param_groups[0]["lr"] = 1e-3
        losses.append(step(torch.randn(5, 6), torch.randint(0, 3, (5,))).item())
    return losses, [p.tolist() for p in model.parameters()], [p.grad.tolist() for p in model.parameters()]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_captured_training_step_equals_the_plain_one(dropout):
    for plain, captured in zip(training(False, dropout), training(True, dropout), strict=True):
        torch_like = torch.tensor(list(_flat(captured)))
        assert torch.allclose(torch_like, torch.tensor(list(_flat(plain))), rtol=1e-5, atol=1e-6)


def _flat(x):
    if isinstance(x, list):
        for part in x:
            yield from _flat(part)
    else:
        yield x


def test_one_program_a_step_and_one_compilation():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    @torch.compile(fullgraph=True)
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    x = torch.ones(3, 4)
    for _ in range(3):
        step(x)
    counts.reset()
    for _ in range(10):
        step(x).item()
    assert counts.programs == counts.hits == 10
    assert counts.compilations == counts.operations == counts.captures == 0


def test_a_compiled_model_is_differentiable_outside():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    compiled = torch.compile(model, fullgraph=True)
    x = torch.randn(5, 4)
    for _ in range(3):
        model.zero_grad()
        model(x).sum().backward()
        expected = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        compiled(x).sum().backward()
        for e, p in zip(expected, model.parameters(), strict=True):
            assert torch.allclose(e, p.grad)


def test_detach_and_no_grad_are_respected():
    w = torch.tensor([2.0], requires_grad=True)
    f = torch.compile(lambda x: w * x + (w * w).detach() * x, fullgraph=True)
    for _ in range(3):
        w.grad = None
        f(torch.tensor([3.0])).sum().backward()
        assert w.grad.tolist() == [3.0]


FACTOR = 2.0
OFFSETS: list[float] = []


def test_a_changed_constant():
    global FACTOR
    FACTOR = 2.0
    f = torch.compile(lambda x: x * FACTOR, fullgraph=True)
    x = torch.ones(2)
    assert [f(x).tolist() for _ in range(3)] == [[2.0, 2.0]] * 3
    FACTOR = 5.0
    assert [f(x).tolist() for _ in range(3)] == [[5.0, 5.0]] * 3


def test_a_branch_on_an_argument_an_attribute_and_the_mode():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.double = False

        def forward(self, x, negate=False):
            y = x * 2.0 if self.double else x
            if self.training:
                y = y + 100.0
            return -y if negate else y

    model = Model()
    f = torch.compile(model, fullgraph=True)
    x = torch.ones(1)
    for _ in range(3):
        assert f(x).item() == 101.0
        assert f(x, negate=True).item() == -101.0
        assert f(x, True).item() == -101.0
        model.double = True
        assert f(x).item() == 102.0
        model.eval()
        assert f(x).item() == 2.0
        model.double = False
        model.train()


def test_two_instances_share_a_method():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @torch.compile(fullgraph=True)
        def __call__(self, x):
            return x * self.factor

    two, three = Scale(2.0), Scale(3.0)
    for _ in range(3):
        assert two(torch.ones(1)).item() == 2.0
        assert three(torch.ones(1)).item() == 3.0
    two.factor = 7.0
    assert two(torch.ones(1)).item() == 7.0


def test_a_changed_class_attribute_method_and_list():
    class Model(nn.Module):
        factor = 2.0

        def shift(self):
            return 0.0

        def forward(self, x):
            return x * self.factor + self.shift() + sum(OFFSETS)

    f = torch.compile(Model(), fullgraph=True)
    OFFSETS[:] = [1.0, 2.0]
    assert [f(torch.ones(1)).item() for _ in range(3)] == [5.0] * 3
    Model.factor = 3.0
    assert [f(torch.ones(1)).item() for _ in range(3)] == [6.0] * 3
    Model.shift = lambda self: 10.0
    assert [f(torch.ones(1)).item() for _ in range(3)] == [16.0] * 3
    OFFSETS.pop()
    assert [f(torch.ones(1)).item() for _ in range(3)] == [14.0] * 3


def test_views_with_other_offsets():
    f = torch.compile(lambda x: x * 2.0, fullgraph=True)
    base = torch.arange(6.0)
    for start in (0, 1, 2, 3, 1):
        assert f(base[start : start + 3]).tolist() == [2.0 * v for v in range(start, start + 3)]


def test_the_same_tensor_twice():
    def f(a, b):
        a.add_(1.0)
        return a * b

    g = torch.compile(f, fullgraph=True)
    for _ in range(3):
        x, y = torch.ones(1), torch.ones(1)
        assert g(x, y).item() == 2.0
        assert g(x, x).item() == 9.0
        assert x.item() == 3.0


def test_keyword_and_positional_arguments():
    f = torch.compile(lambda a, b=2.0, *, c=1.0: a * b + c, fullgraph=True)
    x = torch.ones(1)
    for _ in range(3):
        assert f(x).item() == 3.0
        assert f(x, 3.0).item() == 4.0
        assert f(a=x, b=4.0, c=0.0).item() == 4.0


def test_random_draws_are_fresh_and_equal_the_plain_ones():
    f = torch.compile(lambda x: x + torch.rand(3), fullgraph=True)
    torch.manual_seed(0)
    got = [f(torch.zeros(3)).tolist() for _ in range(4)]
    torch.manual_seed(0)
    assert got == [torch.rand(3).tolist() for _ in range(4)]


def test_gradients_accumulate():
    w = torch.ones(1, requires_grad=True)

    @torch.compile(fullgraph=True)
    def f(x):
        (w * x).sum().backward()

    for n in range(1, 5):
        f(torch.tensor([2.0]))
        assert w.grad.tolist() == [2.0 * n]
    w.grad = None
    f(torch.tensor([2.0]))
    assert w.grad.tolist() == [2.0]


def test_a_returned_tensor_is_not_overwritten_by_the_next_call():
    f = torch.compile(lambda x: x * 2.0, fullgraph=True)
    results = [f(torch.full((2,), float(i))) for i in range(4)]
    assert [r[0].item() for r in results] == [0.0, 2.0, 4.0, 6.0]


def test_buffers_are_updated():
    torch.manual_seed(0)
    plain, compiled = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    f = torch.compile(compiled, fullgraph=True)
    for _ in range(4):
        x = torch.randn(5, 3)
        assert torch.allclose(plain(x), f(x))
    assert torch.allclose(plain.running_var, compiled.running_var)
    assert compiled.num_batches_tracked.item() == 4


def test_gradients_of_an_argument():
    def f(x):
        (x * x).sum().backward()

    g = torch.compile(f, fullgraph=True)
    for value in (1.0, 2.0, 3.0, 4.0):
        x = torch.tensor([value], requires_grad=True)
        g(x)
        assert x.grad.tolist() == [2 * value]


def test_two_memories_that_happen_to_hold_one_value():
    a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)

    @torch.compile(fullgraph=True)
    def f():
        (a + b).sum().backward()

    for _ in range(4):
        f()
    assert a.grad.tolist() == b.grad.tolist() == [4.0]
    b.grad = torch.tensor([100.0])
    f()
    assert (a.grad.tolist(), b.grad.tolist()) == ([5.0], [101.0])


def test_returned_draws_parameters_and_views():
    draw = torch.compile(lambda: torch.rand(2), fullgraph=True)
    torch.manual_seed(0)
    drawn = [draw().tolist() for _ in range(4)]
    torch.manual_seed(0)
    assert drawn == [torch.rand(2).tolist() for _ in range(4)]

    w = torch.ones(2, 3)
    view = torch.compile(lambda: w.add_(1.0).t(), fullgraph=True)
    for n in range(2, 6):
        v = view()
        assert v.shape == (3, 2)
        assert v[0, 0].item() == n
        assert v.data_ptr() == w.data_ptr()
    with pytest.raises(RuntimeError, match="a view of an argument is returned"):
        torch.compile(lambda x: x.t(), fullgraph=True)(w)


def test_reading_a_value_midway_raises():
    f = torch.compile(lambda x: x if x.sum().item() > 0 else -x, fullgraph=True)
    with pytest.raises(RuntimeError, match=r"a value would have to be read.*test_capture.py"):
        f(torch.ones(2) * 1.0)
    assert torch.compile(lambda x: x if x.sum().item() > 0 else -x)(torch.ones(2)).tolist() == [1.0, 1.0]


def test_changing_python_state_raises():
    calls = []
    f = torch.compile(lambda x: (calls.append(1), x * 2.0)[1], fullgraph=True)
    with pytest.raises(RuntimeError, match="changes Python state"):
        f(torch.ones(1))


def test_hidden_randomness_of_python_raises():
    f = torch.compile(lambda x: x * random.random(), fullgraph=True)
    f(torch.ones(1))
    with pytest.raises(RuntimeError, match="recorded different operations or constants"):
        f(torch.ones(1))


def test_keeping_an_intermediate_outside_raises():
    class Keeper:
        pass

    keeper = Keeper()

    def f(x):
        keeper.seen = x * 2.0
        return x + 1.0

    with pytest.raises(RuntimeError, match="kept outside|changes Python state"):
        torch.compile(f, fullgraph=True)(torch.ones(1))


def test_plain_compile_goes_to_the_second_gear_at_once():
    f = torch.compile(lambda x: (x * 3.0 + 1.0) * x)
    counts.reset()
    assert f(torch.full((3,), 2.0)).tolist() == [14.0] * 3
    assert counts.first_gear == 0
    assert counts.compilations == 1


@pytest.mark.parametrize("read", [lambda x: x.unique(), lambda x: x * x[0].item(), lambda x: x[x > 2], torch.nonzero])
def test_values_of_arguments_are_not_baked_in(read):
    captured = torch.compile(lambda x: read(x), fullgraph=True)
    with pytest.raises(RuntimeError, match="a value would have to be read"):
        captured(torch.tensor([2.0, 3.0]))


def test_a_guard_asks_for_a_key_without_making_it():
    settings = collections.defaultdict(float, {"scale": 2.0, "other": 3.0})

    @torch.compile(fullgraph=True)
    def f(x):
        return x * settings["scale"] if "scale" in settings else x + 100

    x = torch.ones(2)
    assert [f(x).tolist() for _ in range(3)] == [[2.0, 2.0]] * 3
    del settings["scale"]
    settings["third"] = 1.0
    assert f(x).tolist() == [101.0, 101.0]
    assert dict(settings) == {"other": 3.0, "third": 1.0}
