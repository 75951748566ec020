"""The promises of the engine, tested by counting: programs, compilations, memory, isolation."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchlike as torch
from torchlike.core import program, tape
from torchlike.core.explain import counts

COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, *_, **__: COMPILED.append(name) if name.endswith("backend_compile_duration") else None
)


def mlp_loop(read: str, lrs=None, last_batch: int | None = None):
    """A steady training loop as a generator of its steps; `read` says when the loss is read."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    x, y = torch.randn(12, 8), torch.randint(0, 4, (12,))
    step = 0
    while True:
        if lrs is not None:
            optimizer.param_groups[0]["lr"] = lrs(step)
        n = last_batch if last_batch and step % 5 == 4 else 12
        optimizer.zero_grad()
        loss = criterion(model(x[:n]), y[:n])
        if read == "before":
            loss.item()
        loss.backward()
        optimizer.step()
        if read == "after":
            loss.item()
        step += 1
        yield loss


def run(loop, n: int) -> None:
    for _ in range(n):
        next(loop)


@pytest.mark.parametrize(("read", "programs"), [("after", 1), ("before", 2), ("never", 1)])
def test_steady_loop(read, programs):
    loop = mlp_loop(read)
    run(loop, 3)
    counts.reset()
    COMPILED.clear()
    run(loop, 20)
    assert counts.programs == 20 * programs
    assert counts.hits == counts.programs
    assert counts.compilations == counts.operations == 0
    assert not COMPILED, "XLA compiled something behind the counters"


def test_a_changing_learning_rate_compiles_nothing():
    loop = mlp_loop("after", lrs=lambda step: 1e-3 / (step + 1))
    run(loop, 3)
    counts.reset()
    run(loop, 10)
    assert counts.hits == counts.programs == 10


def test_a_changing_last_batch_compiles_nothing_twice():
    loop = mlp_loop("after", last_batch=7)
    run(loop, 15)  # three short batches
    counts.reset()
    COMPILED.clear()
    run(loop, 20)
    assert counts.hits == counts.programs == 20
    assert not COMPILED


def test_memory_is_flat():
    loop = mlp_loop("after")
    run(loop, 20)

    def live():
        gc.collect()
        return len(jax.live_arrays()), len(gc.get_objects())

    arrays, objects = live()
    run(loop, 1000)
    arrays_after, objects_after = live()
    assert arrays_after <= arrays + 2
    assert objects_after <= objects + 200


def test_a_varying_structure_is_not_compiled_whole():
    x = torch.ones(4)
    counts.reset()
    for n in range(1, 12):
        y = x
        for _ in range(n):
            y = y * 1.5
        y.tolist()
    assert counts.compilations == 0
    assert counts.operations <= 2  # ones and mul


def test_python_numbers_are_inputs():
    x = torch.ones(3)
    for factor in (0.5, 1.5, 2.5):
        (x * factor + factor).tolist()
    counts.reset()
    for factor in (3.5, 4.5, 5.5):
        values = (x * factor + factor).tolist()  # outside the assert, which would keep intermediates alive
        assert values == [2 * factor] * 3
    assert counts.compilations == counts.operations == 0


def test_only_what_is_alive_is_computed():
    x = torch.ones(3)
    counts.reset()
    dead = x * 7.0
    del dead
    (x + 1.0).tolist()
    assert counts.programs == 1


def test_an_update_takes_over_the_buffer_of_what_it_updates():
    """Gradients, which have the same types and come earlier, do not; nor do parameters of one type change places."""
    net = torch.nn.Sequential(*[torch.nn.Linear(6, 6) for _ in range(3)])
    optimizer = torch.optim.Adam(reversed(list(net.parameters())))
    for _ in range(4):
        optimizer.zero_grad()
        net(torch.ones(2, 6)).square().sum().backward()
        optimizer.step()
    step = list(program._programs.values())[-1]
    spec, slots, first = next(e for e in step.entries if "adam" in e[0].op.name)
    inputs = [s for s in step.leaf_slots if s in step.donated]
    assert len(inputs) == 3 * 6 + 1  # parameters and two states of each, and the common count of steps
    n = len(list(net.parameters()))
    heirs = dict(zip(inputs, step.returned, strict=False))
    for i in range(n):
        assert heirs[slots[i]] == first + i
        for state in range(2):
            assert heirs[slots[2 * n + state * n + i]] == first + n + 1 + state * n + i
    assert sorted(step.returned) == sorted(step.alive)


def test_dead_buffers_are_donated_and_shared_ones_never():
    def step(w):
        w.mul_(2.0)
        w.add_(1.0)
        torch.explain.counts  # noqa: B018
        return w.tolist()

    w = torch.ones(5)
    for _ in range(3):
        step(w)
    before = w.jax()
    step(w)
    assert before.tolist() == [15.0] * 5  # handed outside: not overwritten
    kept = w.clone()
    alias = w.detach()
    step(w)
    assert alias.tolist() == w.tolist() != kept.tolist()


def test_importing_and_using_torchlike_leaves_a_users_jax_code_alone():
    program = """
import jax, jax.numpy as jnp
{}
def f(x):
    drawn = jax.random.normal(jax.random.key(0), (2,))
    return jnp.arange(3) * x, jnp.sum(jnp.ones(3) / 3), jnp.asarray([1, 2]) * 2.5, drawn
print([(a.dtype, a.tolist()) for a in f(2.0)], jax.config.jax_enable_x64, jax.jit(f)(1.5)[0].dtype, jax.devices())
"""
    use = "import torchlike as torch\ntorch.arange(3).double().sum().item()"
    outputs = [
        subprocess.run([sys.executable, "-c", program.format(part)], capture_output=True, text=True, check=True).stdout
        for part in ("", use)
    ]
    assert outputs[0] == outputs[1]


def test_64_bit_types_are_real():
    assert torch.tensor(2**40 + 1).item() == 2**40 + 1
    assert torch.tensor(1 / 3, dtype=torch.float64).item() == 1 / 3
    assert jnp.asarray(1.0).dtype == jnp.float32


def test_debugging_gear_runs_every_operation_and_agrees():
    x = torch.linspace(0, 1, 7, dtype=torch.float64)
    lazy = (x * x + x * 0.5).tolist()
    was = tape.set_eager(True)
    try:
        counts.reset()
        y = x * x
        assert counts.programs == 1
        assert (y + x * 0.5).tolist() == lazy
    finally:
        tape.set_eager(was)


def test_explain_names_the_reason():
    torch.explain.watch()
    try:
        torch.explain.reasons.clear()

        def work(x):
            y = x * 2.0
            return (y + x).tolist()

        for n in (3000, 3000, 4000, 4000):
            work(torch.ones(n))
        assert len(torch.explain.reasons) == 2
        assert "test_engine.py" in torch.explain.reasons[1]
        assert "(3000,)" in torch.explain.reasons[1]
        assert "(4000,)" in torch.explain.reasons[1]
    finally:
        torch.explain.watch(False)


def test_another_program_at_a_line_can_warn_or_be_an_error():
    def work(n):
        y = torch.ones(n) * 2.0
        return (y + 1.0).sum().item()

    def twice(n):
        work(n)
        return work(n)

    program.forget()  # another test may have met these sizes
    try:
        torch.explain.on_recompile("warn")
        assert twice(3000) == 9000
        with pytest.warns(UserWarning, match=r"another program is compiled.*test_engine.py:\d+:.*4000") as told:
            assert twice(4000) == 12000
        assert len(told) == 1
        torch.explain.on_recompile("error")
        with pytest.raises(RuntimeError, match=r"another program would be compiled.*test_engine.py:\d+:.*5000"):
            twice(5000), work(5000)
    finally:
        torch.explain.on_recompile("ignore")
    with pytest.raises(ValueError, match="'shout'"):
        torch.explain.on_recompile("shout")


def test_threads_have_tapes_of_their_own():
    x = torch.ones(3) * 2.0
    seen = []

    def other():
        y = x + 1.0  # pending on the main thread's tape
        seen.append(y.tolist())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [[3.0, 3.0, 3.0]]


def test_a_long_recording_is_bounded():
    x = torch.zeros(2)
    for _ in range(tape.LIMIT + 10):
        x = x + 1.0
    assert x.tolist() == [tape.LIMIT + 10.0] * 2


class TestJax:
    """Arrays and transformations go through."""

    def test_no_copy(self):
        array = jnp.arange(6.0)
        t = torch.from_jax(array)
        assert t.jax() is array
        assert jnp.sum(jnp.asarray(t)) == 15.0

    def test_inside_transformations(self):
        def f(x):
            t = torch.from_jax(x)
            return (t * t + 3.0 * t).jax()

        x = jnp.arange(3.0)
        assert jax.jit(f)(x).tolist() == [0.0, 4.0, 10.0]
        assert jax.grad(lambda x: f(x).sum())(x).tolist() == [3.0, 5.0, 7.0]
        assert jax.vmap(f)(x[:, None]).shape == (3, 1)

    def test_values_cannot_be_read_inside(self):
        with pytest.raises(RuntimeError, match="cannot be read inside a JAX transformation"):
            jax.jit(lambda x: torch.from_jax(x).item())(jnp.float32(1))

    def test_dlpack(self):
        t = torch.tensor([1.0, 2.0])
        assert np.from_dlpack(t).tolist() == [1.0, 2.0]
        assert torch.from_dlpack(np.arange(3.0)).tolist() == [0.0, 1.0, 2.0]


def test_the_number_of_compiled_functions_has_a_bound(monkeypatch):
    """Each holds memory, and a few of the 65,530 pieces of memory that a process may map on Linux."""
    monkeypatch.setattr(program, "EXECUTABLES", 20)
    program.forget()

    def work(n):
        x = torch.arange(n, dtype=torch.float64).repeat(1000)  # too large to be interpreted for ever
        return (x * 3 + 1).sum().item() / 1000

    def kept():
        return sum(ref() is not None and ref().executable is not None for ref in program._executables)

    for gear in ("first", "second", "second, compiled again after it was taken away"):
        assert [work(n) for n in range(2, 30)] == [3 * n * (n - 1) / 2 + n for n in range(2, 30)]
        assert gear == "first" or kept() <= 20

    def mapped():
        with open("/proc/self/maps") as f:
            return sum(1 for _ in f)

    if sys.platform == "linux":
        before = mapped()
        for n in range(100, 160):
            work(n)
            work(n)
        assert mapped() < before + 60  # four a size and more where they are kept

    COMPILED.clear()
    work(159)
    assert not COMPILED  # what was compiled last is kept
    work(100)
    work(100)
    work(100)
    assert len(COMPILED) == 1  # what is in use is kept
