"""Optimizers do what PyTorch's do: values, state, checkpoints, errors; and one program updates all parameters.

Every row of ``OPTIMIZERS`` goes through every property. The tolerances leave room for another order of the same
operations (optax corrects the bias before the square root, PyTorch after it) over 100 steps, as long as the problem is
not solved: around the minimum Adam's steps depend on the sign of rounding errors.
"""

import copy
import pickle
import warnings

import numpy as np
import optax
import pytest

import torchlike
from torchlike.core.explain import counts

REFERENCE = "compares with PyTorch, which is not installed here"
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
SHAPES = ((3, 4), (5,), ())

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.001, "momentum": 0.5, "maximize": True, "weight_decay": 1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "eps": 1e-4}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.01, "decoupled_weight_decay": True, "weight_decay": 0.3}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.4, "maximize": True, "betas": (0.5, 0.7)}),
    ("AdamW", {"lr": 0.05, "foreach": True}),
]
IDS = [f"{name} {' '.join(f'{k}={v}' for k, v in settings.items())}".strip() for name, settings in OPTIMIZERS]
each_optimizer = pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=IDS)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason=REFERENCE)


def leaves(lib, dtype="float32", shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [lib.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in shapes]


def backward(lib, params, skip=()):
    """Gradients of sum((p + c)² · c²) for fixed c."""
    rng = np.random.default_rng(1)
    for i, p in enumerate(params):
        c = lib.tensor(rng.uniform(1, 2, tuple(p.shape)).astype(str(p.dtype).split(".")[1]))
        if i not in skip:
            d = p + c
            (d * d * c * c).backward(lib.ones(tuple(p.shape), dtype=p.dtype))


def train(lib, optimizer, params, steps=100, each=lambda step: (), skip=lambda step: ()):
    for step in range(steps):
        each(step)
        optimizer.zero_grad()
        backward(lib, params, skip(step))
        optimizer.step()
    return [p.detach().numpy().copy() for p in params]


def made(lib, name, settings, dtype="float32"):
    params = leaves(lib, dtype)
    return getattr(lib.optim, name)(params, **settings), params


def assert_close(ours, theirs, tolerance):
    """Largest difference relative to the largest element."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.max(np.abs(a - b)) <= tolerance * max(np.max(np.abs(b)), 1e-30)


def converted(state, lib):
    """A state dict with the other library's tensors."""
    if hasattr(state, "detach"):
        return lib.tensor(state.detach().numpy())
    if isinstance(state, dict):
        return {k: converted(v, lib) for k, v in state.items()}
    if isinstance(state, list):
        return [converted(v, lib) for v in state]
    return state


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TOLERANCE)
@each_optimizer
def test_hundred_steps(torch, name, settings, dtype):
    theirs = train(torch, *made(torch, name, settings, dtype))
    counts.reset()
    ours = train(torchlike, *made(torchlike, name, settings, dtype))
    assert_close(ours, theirs, TOLERANCE[dtype])
    assert counts.programs == 100
    assert counts.compilations <= 1


def test_the_comparison_can_fail(torch):
    theirs = train(torch, *made(torch, "Adam", {"eps": 1e-8}))
    ours = train(torchlike, *made(torchlike, "Adam", {"eps": 1e-4}))
    with pytest.raises(AssertionError):
        assert_close(ours, theirs, TOLERANCE["float32"])


@each_optimizer
def test_gradients_that_come_and_go(torch, name, settings):
    def skip(step):
        return {0} if step % 3 else {1, 2}

    theirs = train(torch, *made(torch, name, settings), 12, skip=skip)
    ours = train(torchlike, *made(torchlike, name, settings), 12, skip=skip)
    assert_close(ours, theirs, TOLERANCE["float32"])


@each_optimizer
def test_changed_settings_compile_nothing(torch, name, settings):
    """Numbers are inputs of the program: a new learning rate, decay, ... runs the same one."""
    settings = {"weight_decay": 0.5, **settings}

    def run(lib):
        optimizer, params = made(lib, name, settings)
        group = optimizer.param_groups[0]

        def change(step):
            if step == 4:
                counts.reset()
                group["lr"] = 1 if step % 2 else group["lr"] * 0.5
                group["weight_decay"] = group["weight_decay"] * 2
                if "betas" in group:
                    group["betas"] = (0.6, 0.8)
                    group["eps"] = 0.1
                elif group["momentum"]:
                    group["momentum"] = 0.3

        return train(lib, optimizer, params, 10, change)

    theirs, ours = run(torch), run(torchlike)
    assert_close(ours, theirs, TOLERANCE["float32"])
    assert counts.hits == counts.programs == 6
    assert counts.compilations == counts.operations == 0


def test_learning_rate_as_a_tensor(torch):
    def run(lib):
        lr = lib.tensor(0.01)
        optimizer, params = made(lib, "Adam", {"lr": lr})

        def change(step):
            if step == 4:
                counts.reset()
                with lib.no_grad():
                    lr.fill_(0.2)

        values = train(lib, optimizer, params, 8, change)
        assert optimizer.param_groups[0]["lr"] is lr
        return values

    theirs, ours = run(torch), run(torchlike)
    assert_close(ours, theirs, TOLERANCE["float32"])


def test_betas_as_tensors(torch):
    def run(lib):
        return train(lib, *made(lib, "Adam", {"betas": (lib.tensor(0.8), lib.tensor(0.9)), "lr": 0.1}), 10)

    assert_close(run(torchlike), run(torch), TOLERANCE["float32"])


def test_infinities_without_decay_stay():
    """A decay of zero is none at all: 0 · inf must not reach the parameter."""
    for name in ("SGD", "Adam", "AdamW"):
        w = torchlike.tensor([1.0, -np.inf], requires_grad=True)
        w.grad = torchlike.tensor([0.0, 0.0])
        getattr(torchlike.optim, name)([w], weight_decay=0).step()
        assert w.tolist() == [1.0, -np.inf]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_complex_parameters(torch, name):
    def run(lib):
        w = lib.tensor(np.array([1 + 2j, -0.5j], np.complex64), requires_grad=True)
        optimizer = getattr(lib.optim, name)([w], lr=0.1, weight_decay=0.1)
        for _ in range(5):
            w.grad = lib.tensor(np.array([0.5 - 1j, 2 + 0.1j], np.complex64))
            optimizer.step()
        return [w.detach().numpy()]

    assert_close(run(torchlike), run(torch), TOLERANCE["float32"])


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_two_names_of_one_memory(torch, name):
    """Tied by `.data`: both gradients must reach the shared memory."""

    def run(lib):
        a, b = leaves(lib, shapes=((3,), (3,)))
        b.data = a.data
        optimizer = getattr(lib.optim, name)([a, b], lr=0.1)
        return train(lib, optimizer, [a, b], 5)

    assert_close(run(torchlike), run(torch), TOLERANCE["float32"])


def test_mixed_dtypes_in_one_group(torch):
    def run(lib):
        params = [*leaves(lib, "float32"), *leaves(lib, "float64")]
        return train(lib, lib.optim.Adam(params, lr=0.1), params, 10)

    assert_close(run(torchlike), run(torch), TOLERANCE["float32"])


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_with_settings_of_their_own(torch):
    def run(lib):
        a, b, c = leaves(lib)
        optimizer = lib.optim.SGD([{"params": [a], "lr": 0.2}, {"params": b, "momentum": 0.5}], lr=0.01)

        def grow(step):
            if step == 3:
                optimizer.add_param_group({"params": [c], "weight_decay": 0.1})

        return train(lib, optimizer, [a, b, c], 6, grow), repr(optimizer)

    theirs, ours = run(torch), run(torchlike)
    assert_close(ours[0], theirs[0], TOLERANCE["float32"])
    assert ours[1] == theirs[1]


@each_optimizer
def test_settings_and_repr(torch, name, settings):
    theirs, ours = made(torch, name, settings)[0], made(torchlike, name, settings)[0]
    assert repr(ours) == repr(theirs)
    assert ours.defaults == theirs.defaults
    assert list(ours.param_groups[0]) == list(theirs.param_groups[0])


def test_one_step_counter_for_parameters_of_one_age():
    optimizer, params = made(torchlike, "Adam", {})
    train(torchlike, optimizer, params, 3)
    steps = [optimizer.state[p]["step"] for p in params]
    assert len({id(s._cell.value) for s in steps}) == 1
    assert len({id(s) for s in steps}) == 3
    assert [s.item() for s in steps] == [3.0, 3.0, 3.0]


def test_old_buffers_are_given_to_the_new_ones():
    optimizer, params = made(torchlike, "Adam", {})
    train(torchlike, optimizer, params, 5)
    p = params[0]
    old = [p._cell.value.array, *(optimizer.state[p][k]._cell.value.array for k in ("exp_avg", "exp_avg_sq"))]
    train(torchlike, optimizer, params, 1)
    assert all(array.is_deleted() for array in old)


# --- checkpoints -----------------------------------------------------------------------------------------------------


@each_optimizer
def test_state_dict(torch, name, settings):
    def run(lib):
        optimizer, params = made(lib, name, settings)
        train(lib, optimizer, params, 3, skip=lambda step: {1})
        return optimizer.state_dict()

    theirs, ours = run(torch), run(torchlike)
    assert list(ours) == list(theirs)
    assert ours["param_groups"] == theirs["param_groups"]
    assert [list(g) for g in ours["param_groups"]] == [list(g) for g in theirs["param_groups"]]
    assert list(ours["state"]) == list(theirs["state"])
    for key, state in theirs["state"].items():
        assert list(ours["state"][key]) == list(state)
        for part, tensor in state.items():
            assert str(ours["state"][key][part].dtype) == str(tensor.dtype)
            assert_close([ours["state"][key][part].numpy()], [tensor.numpy()], TOLERANCE["float32"])


@pytest.mark.parametrize("direction", ["from torch", "to torch"])
@each_optimizer
def test_checkpoint_round_trip(torch, name, settings, direction):
    """Five steps in one library, five more from its checkpoint in the other: as ten in one."""
    first, second = (torch, torchlike) if direction == "from torch" else (torchlike, torch)
    optimizer, params = made(first, name, settings)
    weights = train(first, optimizer, params, 5)
    state = converted(optimizer.state_dict(), second)
    expected = train(first, optimizer, params, 5)
    resumed = [second.tensor(w, requires_grad=True) for w in weights]
    other = getattr(second.optim, name)(resumed, lr=123.0)
    other.load_state_dict(state)
    assert_close(train(second, other, resumed, 5), expected, TOLERANCE["float32"])
    if second is torchlike and "momentum" not in settings and name != "SGD":
        assert len({id(s["step"]._cell.value) for s in other.state.values()}) == 1


def test_state_takes_the_dtype_of_its_parameter():
    optimizer, params = made(torchlike, "Adam", {})
    train(torchlike, optimizer, params, 2)
    other, _ = made(torchlike, "Adam", {}, "float64")
    other.load_state_dict(optimizer.state_dict())
    state = other.state_dict()["state"][0]
    assert state["exp_avg"].dtype is torchlike.float64
    assert state["step"].dtype is torchlike.float32


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@each_optimizer
def test_copies(name, settings, copied):
    optimizer, params = made(torchlike, name, settings)
    train(torchlike, optimizer, params, 3)
    other = copied(optimizer)
    theirs = other.param_groups[0]["params"]
    assert all(a is not b for a, b in zip(theirs, params, strict=True))
    expected = train(torchlike, optimizer, params, 3)
    assert_close(train(torchlike, other, theirs, 3), expected, TOLERANCE["float32"])


def test_checkpoint_hooks():
    optimizer, _ = made(torchlike, "SGD", {})
    seen = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("before"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append(state.pop("more")))
    handle = optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    handle.remove()
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["before", 1, "loaded", "before", 1]


# --- the step --------------------------------------------------------------------------------------------------------


def test_closure_and_hooks():
    w = torchlike.tensor([1.0], requires_grad=True)
    optimizer = torchlike.optim.SGD([w], lr=0.25)
    seen = []

    def closure():
        optimizer.zero_grad()
        loss = w * w
        loss.backward()
        return loss

    def before(o, args, kwargs):
        seen.append((o is optimizer, args[0] is optimizer, kwargs))

    handles = [optimizer.register_step_pre_hook(before), optimizer.register_step_post_hook(before)]
    with torchlike.no_grad():
        assert optimizer.step(closure=closure).item() == 1.0
    assert seen == [(True, True, {"closure": closure})] * 2
    for handle in handles:
        handle.remove()
    assert optimizer.step(closure).item() == 0.25
    assert len(seen) == 2
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, None), {}))
    assert optimizer.step(closure) is None
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3"):
        optimizer.step()


def test_zero_grad():
    optimizer, params = made(torchlike, "SGD", {})
    backward(torchlike, params)
    held = params[0].grad
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad is held
    assert not held.numpy().any()
    optimizer.zero_grad()
    assert params[0].grad is None


def test_an_optimizer_of_ones_own(torch):
    """Written with tensor operations; an overriding step that calls its parent runs the hooks once."""

    def run(lib):
        class Plain(lib.optim.Optimizer):
            def __init__(self, params, lr=0.1):
                super().__init__(params, {"lr": lr})

            @lib.no_grad()
            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        state = self.state[p]
                        state["seen"] = state.get("seen", 0) + 1
                        p.add_(p.grad * -group["lr"])

        class Twice(Plain):
            def step(self, closure=None):
                super().step()
                super().step()

        params = leaves(lib)
        optimizer = Twice(params)
        calls = []
        optimizer.register_step_post_hook(lambda *a: calls.append(1))
        values = train(lib, optimizer, params, 3)
        assert len(calls) == 3
        assert optimizer.state_dict()["state"][0] == {"seen": 6}
        return values

    assert_close(run(torchlike), run(torch), TOLERANCE["float32"])


# --- errors ----------------------------------------------------------------------------------------------------------

ERRORS = {
    "a tensor": lambda lib, p: lib.optim.SGD(p),
    "nothing": lambda lib, p: lib.optim.SGD([]),
    "no iterable": lambda lib, p: lib.optim.SGD(1),
    "a number among the parameters": lambda lib, p: lib.optim.SGD([1]),
    "a tensor among the groups": lambda lib, p: lib.optim.SGD([{"params": p}, p]),
    "a group among the tensors": lambda lib, p: lib.optim.SGD([p, {"params": p}]),
    "no leaf": lambda lib, p: lib.optim.SGD([p * 2]),
    "a set": lambda lib, p: lib.optim.SGD([{"params": {p}}]),
    "names missing": lambda lib, p: lib.optim.SGD([("p", p), lib.ones(1, requires_grad=True)]),
    "names missing in one group": lambda lib, p: lib.optim.SGD([("p", p)]).add_param_group(
        {"params": lib.ones(1, requires_grad=True)}
    ),
    "twice": lambda lib, p: lib.optim.SGD([{"params": [p]}, {"params": [p]}]),
    "group without params": lambda lib, p: lib.optim.SGD([{"lr": 1}]),
    "group that is none": lambda lib, p: lib.optim.SGD([p]).add_param_group([p]),
    "no step": lambda lib, p: lib.optim.Optimizer([p], {}).step(),
    "fewer groups": lambda lib, p: lib.optim.SGD([p]).load_state_dict({"state": {}, "param_groups": []}),
    "another size": lambda lib, p: lib.optim.SGD([p]).load_state_dict(
        lib.optim.SGD([p, lib.ones(1, requires_grad=True)]).state_dict()
    ),
    **{
        f"{name}({settings})": lambda lib, p, name=name, settings=settings: getattr(lib.optim, name)([p], **settings)
        for name, settings in [
            ("SGD", {"lr": -1}),
            ("SGD", {"momentum": -1}),
            ("SGD", {"weight_decay": -0.5}),
            ("SGD", {"nesterov": True}),
            ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
            ("SGD", {"fused": True, "foreach": True}),
            ("SGD", {"fused": True, "differentiable": True}),
            ("Adam", {"lr": -1}),
            ("Adam", {"eps": -1}),
            ("Adam", {"betas": (-1, 0.9)}),
            ("Adam", {"betas": (0.9, 1.0)}),
            ("Adam", {"betas": (0.9,)}),
            ("Adam", {"weight_decay": -1}),
            ("Adam", {"fused": True, "foreach": True}),
            ("AdamW", {"lr": -1.0}),
        ]
    },
    "two learning rates": lambda lib, p: lib.optim.SGD([p], lr=lib.ones(2)),
    "tensor lr with foreach": lambda lib, p: lib.optim.Adam([p], lr=lib.tensor(0.1), foreach=True),
    "one tensor beta": lambda lib, p: lib.optim.Adam([p], betas=(lib.tensor(0.9), 0.9)),
    "tensor betas with foreach": lambda lib, p: lib.optim.Adam(
        [p], betas=(lib.tensor(0.9), lib.tensor(0.9)), foreach=True
    ),
}


def error_of(call, lib):
    try:
        call(lib, lib.ones(2, requires_grad=True))
    except Exception as e:
        return type(e).__name__, str(e).replace("torchlike.tensor.", "torch.")
    return None


@pytest.mark.parametrize("case", ERRORS)
def test_errors(torch, case):
    theirs = error_of(ERRORS[case], torch)
    assert theirs is not None
    assert error_of(ERRORS[case], torchlike) == theirs


def test_duplicates_in_a_group_warn():
    p = torchlike.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        torchlike.optim.SGD([p, p])


def test_differentiable_is_refused():
    for name in ("SGD", "Adam", "AdamW"):
        with pytest.raises(NotImplementedError, match=rf"{name}\(differentiable=True\).*optax under jax.grad"):
            getattr(torchlike.optim, name)([torchlike.ones(1, requires_grad=True)], differentiable=True)


# --- schedulers ------------------------------------------------------------------------------------------------------

SCHEDULERS = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.3),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.9**e),
    "LambdaLR per group": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (e + 1)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.95),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.2, 0.9, 7),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.83),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 9, 2.5),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 6, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.7, 21),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, [0.7, 0.3], epochs=7, steps_per_epoch=3, anneal_strategy="linear", three_phase=True, pct_start=0.25
    ),
    "OneCycleLR without momentum": lambda s, o: s.OneCycleLR(o, 0.7, 30, cycle_momentum=False),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 3, 5),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(o, [0.1, 0.2], 0.5, 4, mode="triangular2"),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.9),
    "CyclicLR scale_fn": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda x: 0.5**x),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.CosineAnnealingLR(o, 9), s.StepLR(o, 2)], [4, 11]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.LinearLR(o, 0.1), s.ExponentialLR(o, 0.9)]),
}
each_scheduler = pytest.mark.parametrize("scheduler", SCHEDULERS)


def scheduled(lib, optimizer="SGD"):
    a, b = lib.ones(1, requires_grad=True), lib.ones(1, requires_grad=True)
    settings = {"momentum": 0.9} if optimizer == "SGD" else {}
    return getattr(lib.optim, optimizer)([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=0.4, **settings)


def trace(optimizer, scheduler, steps=20):
    rates = []
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        rates.append([scheduler.get_last_lr(), *[{k: v for k, v in g.items() if k != "params"}
                                                 for g in optimizer.param_groups]])  # fmt: skip
    return rates


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@each_scheduler
def test_rates(torch, scheduler, optimizer):
    """Equal to the last bit, momenta and all other settings of the groups included."""

    def run(lib):
        o = scheduled(lib, optimizer)
        s = SCHEDULERS[scheduler](lib.optim.lr_scheduler, o)
        return [s.get_last_lr(), trace(o, s), s.state_dict()]

    assert run(torchlike) == run(torch)


@each_scheduler
def test_rates_resume(torch, scheduler):
    """From PyTorch's checkpoints of optimizer and scheduler."""
    o = scheduled(torch)
    s = SCHEDULERS[scheduler](torch.optim.lr_scheduler, o)
    trace(o, s, 7)
    ours = scheduled(torchlike)
    resumed = SCHEDULERS[scheduler](torchlike.optim.lr_scheduler, ours)
    ours.load_state_dict(copy.deepcopy(o.state_dict()))
    resumed.load_state_dict(copy.deepcopy(s.state_dict()))
    assert trace(ours, resumed, 10) == trace(o, s, 10)


@pytest.mark.parametrize("scheduler", [s for s in SCHEDULERS if "Chained" not in s and "Sequential" not in s])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_rates_of_a_given_epoch(torch, scheduler):
    def run(lib):
        o = scheduled(lib)
        s = SCHEDULERS[scheduler](lib.optim.lr_scheduler, o)
        rates = []
        for epoch in (4, 9, 2, 2, 13):
            o.step()
            s.step(epoch)
            rates.append(s.get_last_lr())
        return rates

    assert run(torchlike) == run(torch)


@pytest.mark.parametrize(
    "settings", [{}, {"mode": "max", "threshold_mode": "abs"}, {"cooldown": 2, "min_lr": [0.01, 0.02]}], ids=str
)
def test_plateau(torch, settings):
    def run(lib):
        o = scheduled(lib)
        s = lib.optim.lr_scheduler.ReduceLROnPlateau(o, patience=1, factor=0.5, **settings)
        rates = []
        for metric in (3.0, 2.0, 2.0, lib.tensor(2.5), 2.0, 2.0, 1.0, 1.0, 1.0, 1.5, 2.0, 3.0, 3.0, 3.0):
            s.step(metric)
            rates.append((s.get_last_lr(), [g["lr"] for g in o.param_groups], s.state_dict()))
        return rates

    assert run(torchlike) == run(torch)


def test_rate_in_a_tensor_is_written_in_place():
    lr = torchlike.tensor(0.5)
    optimizer = torchlike.optim.SGD([torchlike.ones(1, requires_grad=True)], lr=lr)
    scheduler = torchlike.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == 0.25
    assert scheduler.base_lrs[0].item() == 0.5


def messages(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(w.category.__name__, str(w.message)) for w in caught if "torch" not in w.category.__module__]


def test_scheduler_warnings(torch):
    def too_early(lib):
        o = scheduled(lib)
        s = lib.optim.lr_scheduler.StepLR(o, 1)
        s.step()
        s.step(4)
        s.get_lr()

    def in_order(lib):
        o = scheduled(lib)
        s = lib.optim.lr_scheduler.StepLR(o, 1)
        o.step()
        s.step()

    def stepped_before(lib):
        o = scheduled(lib)
        o.step()
        lib.optim.lr_scheduler.StepLR(o, 1).step()

    def replaced(lib):
        o = scheduled(lib)
        s = lib.optim.lr_scheduler.StepLR(o, 1)
        o.step = lambda: None
        s.step()

    for case in (too_early, in_order, stepped_before, replaced):
        assert messages(lambda: case(torchlike)) == messages(lambda: case(torch)), case.__name__  # noqa: B023


SCHEDULER_ERRORS = {
    "no optimizer": lambda s, o: s.StepLR(3, 1),
    "no initial_lr": lambda s, o: s.StepLR(o, 1, last_epoch=3),
    "too many functions": lambda s, o: s.LambdaLR(o, [len] * 3),
    "no function": lambda s, o: s.MultiplicativeLR(o, [1, 2]),
    "factor": lambda s, o: s.ConstantLR(o, 2.0),
    "start": lambda s, o: s.LinearLR(o, 0.0),
    "end": lambda s, o: s.LinearLR(o, 0.1, 2.0),
    "no steps": lambda s, o: s.OneCycleLR(o, 0.1),
    "steps": lambda s, o: s.OneCycleLR(o, 0.1, 0),
    "epochs": lambda s, o: s.OneCycleLR(o, 0.1, epochs=-1, steps_per_epoch=1),
    "part": lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=2.0),
    "whole part": lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=1),
    "strategy": lambda s, o: s.OneCycleLR(o, 0.1, 5, anneal_strategy="x"),
    "too many rates": lambda s, o: s.OneCycleLR(o, [0.1] * 3, 5),
    "too far": lambda s, o: [x.step() for x in [s.OneCycleLR(o, 0.1, 2)] * 4],
    "cycle": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="x"),
    "restart": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 0.5),
    "bottom": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 1, "a"),
    "negative": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3).step(-1),
    "plateau factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, mode="x"),
    "plateau threshold": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
    "plateau rates": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.0] * 3),
    "none": lambda s, o: s.SequentialLR(o, [], []),
    "none chained": lambda s, o: s.ChainedScheduler([]),
    "milestones": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
    "plateau inside": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1), s.ReduceLROnPlateau(o)], [1]),
}


@pytest.mark.parametrize("case", SCHEDULER_ERRORS)
@pytest.mark.filterwarnings("ignore:Detected call")
def test_scheduler_errors(torch, case):
    def error(lib):
        try:
            SCHEDULER_ERRORS[case](lib.optim.lr_scheduler, scheduled(lib))
        except Exception as e:
            return type(e).__name__, str(e)
        return None

    theirs = error(torch)
    assert theirs is not None
    assert error(torchlike) == theirs


# --- optax -----------------------------------------------------------------------------------------------------------

TRANSFORMATIONS = {
    "lion": lambda: optax.lion(0.01),
    "adam with a schedule": lambda: optax.adam(optax.cosine_decay_schedule(0.1, 50)),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, 0.9)),
    "noisy": lambda: optax.chain(optax.add_noise(0.1, 0.5, 0), optax.sgd(0.1)),
    "adafactor": lambda: optax.adafactor(0.1),
    "without state": lambda: optax.sgd(0.1),
    "with settings in the state": lambda: optax.inject_hyperparams(optax.adamw)(learning_rate=0.1),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_from_optax(name):
    """As the transformation by itself; 64-bit mode makes optax's bias correction a little more exact."""
    import jax

    params = leaves(torchlike)
    values = [jax.numpy.asarray(p.detach().numpy()) for p in params]
    tx = TRANSFORMATIONS[name]()
    optimizer = torchlike.optim.from_optax(tx, params)
    state = tx.init(values)

    @jax.jit
    def step(values, grads, state):
        updates, state = tx.update(grads, state, values)
        return optax.apply_updates(values, updates), state

    counts.reset()
    for _ in range(20):
        optimizer.zero_grad()
        backward(torchlike, params)
        values, state = step(values, [jax.numpy.asarray(p.grad.numpy()) for p in params], state)
        optimizer.step()
    assert counts.compilations <= 2
    assert_close([p.detach().numpy() for p in params], [np.asarray(v) for v in values], 2e-5)
    assert len(optimizer.state_dict()["state"]["optax"]) == len(jax.tree.leaves(state))


def test_from_optax_checkpoint_and_copy():
    tx = optax.adam(0.1)
    params = leaves(torchlike)
    optimizer = torchlike.optim.from_optax(tx, params)
    weights = train(torchlike, optimizer, params, 3)
    resumed = [torchlike.tensor(w, requires_grad=True) for w in weights]
    other = torchlike.optim.from_optax(tx, resumed)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    third = copy.deepcopy(optimizer)
    expected = train(torchlike, optimizer, params, 3)
    assert_close(train(torchlike, other, resumed, 3), expected, TOLERANCE["float32"])
    assert_close(train(torchlike, third, third.param_groups[0]["params"], 3), expected, TOLERANCE["float32"])
    with pytest.raises(ValueError, match="another optax transformation"):
        other.load_state_dict(torchlike.optim.from_optax(optax.sgd(0.1), resumed).state_dict())


def test_from_optax_by_name_with_a_scheduler():
    """Masks go by name; an injected learning rate follows a scheduler and compiles nothing anew."""
    a, b = leaves(torchlike, shapes=((2,), (2,)))
    before = b.detach().numpy()

    def make(learning_rate):
        frozen = optax.multi_transform(
            {"train": optax.sgd(learning_rate), "freeze": optax.set_to_zero()}, {"a": "train", "b": "freeze"}
        )
        return frozen

    optimizer = torchlike.optim.from_optax(optax.inject_hyperparams(make)(learning_rate=0.5), [("a", a), ("b", b)])
    scheduler = torchlike.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    moved = []
    for step in range(6):
        if step == 4:
            counts.reset()
        a.grad = b.grad = torchlike.ones(2)
        old = a.detach().numpy()
        optimizer.step()
        scheduler.step()
        moved.append(float((old - a.detach().numpy())[0]))
    np.testing.assert_allclose(moved, [0.5**i for i in range(1, 7)], rtol=1e-5)
    assert counts.compilations == 0
    assert (b.detach().numpy() == before).all()


def test_from_optax_takes_one_group():
    a, b = leaves(torchlike, shapes=((2,), (2,)))
    with pytest.raises(NotImplementedError, match="multi_transform"):
        torchlike.optim.from_optax(optax.sgd(0.1), [{"params": [a]}, {"params": [b]}])
