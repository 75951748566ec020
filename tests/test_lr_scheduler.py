"""Schedulers set PyTorch's rates, to the last bit, and read its checkpoints. Every row of ``SCHEDULERS`` goes through
every property."""

import copy
import warnings

import pytest

import torchlike


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch, which is not installed here")


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
