"""Captured steps that call their program directly: whoever holds memory sees what an ordinary loop would show."""

import numpy as np
import pytest

import torchlike as torch
from torchlike.core.replay import DirectCall


class Loop:
    """A small training loop, captured or not."""

    def __init__(self, captured: bool, optimizer=torch.optim.Adam):
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
        self.optimizer = optimizer(self.model.parameters(), lr=0.1)
        self.x = torch.randn(4, 3)
        self.step = torch.compile(self._step, fullgraph=True) if captured else self._step

    def _step(self, x):
        self.optimizer.zero_grad()
        loss = self.model(x).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss

    @property
    def weight(self):
        return self.model[0].weight

    def state(self):
        kept = [v for s in self.optimizer.state_dict()["state"].values() for v in s.values()]
        return [*self.model.state_dict().values(), *[p.grad for p in self.model.parameters()], *kept]


def _change_lr(loop):
    loop.optimizer.param_groups[0]["lr"] *= 0.5


def _load(loop):
    loop.model.load_state_dict({k: v * 0.9 for k, v in loop.model.state_dict().items()})


def _assign_data(loop):
    loop.weight.data = torch.ones(5, 3)


def _write(loop):
    with torch.no_grad():
        loop.weight.mul_(0.5)


def _write_numpy(loop):
    loop.weight.detach().numpy()[0] = 2.0


def _share_memory(loop):
    loop.model[2].bias.data = loop.model[2].bias.data.view(2)


def _load_optimizer(loop):
    state = loop.optimizer.state_dict()
    for kept in state["state"].values():
        kept.update({k: v * 0.5 for k, v in kept.items() if v is not None and k != "step"})
    loop.optimizer.load_state_dict(state)


def _gradients_stay(loop):
    loop.kept = [p.grad for p in loop.model.parameters()]


def _accumulated_gradients(loop):
    loop.model(loop.x).sum().backward()


BETWEEN = [_change_lr, _load, _load_optimizer, _assign_data, _write, _write_numpy, _share_memory, _gradients_stay,
           _accumulated_gradients]  # fmt: skip


@pytest.fixture
def calls(monkeypatch):
    """How many direct calls ran their program."""
    counted = [0]
    call = DirectCall.__call__

    def counting(self, look_up):
        values = call(self, look_up)
        counted[0] += values is not None
        return values

    monkeypatch.setattr(DirectCall, "__call__", counting)
    return counted


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
@pytest.mark.parametrize("between", BETWEEN)
def test_the_same_as_an_ordinary_loop(between, optimizer, calls):
    loops = Loop(False, optimizer), Loop(True, optimizer)
    for i in range(12):
        losses = [loop.step(loop.x).item() for loop in loops]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)
        if i in (5, 8):
            for loop in loops:
                between(loop)
    for a, b in zip(*[loop.state() for loop in loops], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert loops[0].weight._version == loops[1].weight._version or between is _load
    assert calls[0] >= 2


def test_aliases_see_a_step_and_copies_do_not(calls):
    loop = Loop(True)
    for _ in range(4):
        loop.step(loop.x)
    alias, part, copy = loop.weight.detach(), loop.weight.data[1:, :2], loop.weight.detach().clone()
    before, made = copy.tolist(), calls[0]
    assert part.tolist() == [row[:2] for row in before[1:]]
    loop.step(loop.x)
    loop.step(loop.x)
    assert calls[0] > made
    assert copy.tolist() == before
    assert alias.tolist() == loop.weight.tolist() != before
    assert part.tolist() == [row[:2] for row in loop.weight.tolist()[1:]]


def test_an_array_that_was_handed_out_keeps_its_numbers(calls):
    loop = Loop(True)
    for _ in range(4):
        loop.step(loop.x)
    array = loop.weight.detach().jax()
    before = np.array(array)
    for _ in range(3):
        loop.step(loop.x)
    np.testing.assert_array_equal(np.asarray(array), before)
    assert (loop.weight.detach().numpy() != before).any()


def test_what_a_graph_kept_is_not_overwritten(calls):
    loop = Loop(True)
    for _ in range(4):
        loop.step(loop.x)
    y = loop.model(loop.x).sum()
    loop.step(loop.x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_steps_that_are_never_read(calls):
    loops = Loop(False), Loop(True)
    for loop in loops:
        for _ in range(10):
            loop.step(loop.x)
    np.testing.assert_allclose(*[loop.weight.detach().numpy() for loop in loops], rtol=1e-4)
    assert calls[0] >= 6


def test_two_captured_steps_take_turns_with_one_memory(calls):
    def run(captured):
        loop = Loop(captured)
        other = torch.optim.SGD(loop.model.parameters(), lr=0.05, momentum=0.9)

        def again(x):
            other.zero_grad()
            loop.model(x).sum().backward()
            other.step()
            return loop.weight.detach().sum()

        steps = [loop.step, torch.compile(again, fullgraph=True) if captured else again]
        seen = [steps[i // 2 % 2](loop.x).item() for i in range(24)]
        return [*seen, *loop.weight.flatten().tolist()], loop.weight._version

    (plain, writes), (captured, captured_writes) = run(False), run(True)
    np.testing.assert_allclose(captured, plain, rtol=1e-3, atol=1e-5)
    assert captured_writes == writes
    assert calls[0] >= 14


def test_a_steady_loop_touches_only_what_is_looked_at(monkeypatch):
    taken = []
    take_in = DirectCall._take_in
    monkeypatch.setattr(DirectCall, "_take_in", lambda self, n: taken.append(n) or take_in(self, n))
    loop = Loop(True)
    for _ in range(5):
        loop.step(loop.x)
    assert len(taken) == 13  # four parameters, their two moments each, one counter
    before = loop.weight._version
    loop.step(loop.x)
    assert len(taken) == 14
    for _ in range(3):
        loop.step(loop.x)
    assert len(taken) == 14
    assert loop.weight._version == before + 4
    loop.step(loop.x)
    assert len(taken) == 15


def test_a_step_that_nobody_holds_leaves_its_memory_in_order(calls):
    loop, twin = Loop(True), Loop(False)
    for _ in range(6):
        loop.step(loop.x)
        twin.step(twin.x)
    assert calls[0] >= 3
    alias = loop.weight.detach()
    loop.step = loop._step  # and with it go the captured program and its store
    for _ in range(2):
        loop.step(loop.x)
        twin.step(twin.x)
    np.testing.assert_allclose(alias.numpy(), twin.weight.detach().numpy(), rtol=1e-4)
    assert loop.weight._version == twin.weight._version
