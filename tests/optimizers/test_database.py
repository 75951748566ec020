"""Every configuration of PyTorch's `optim_db` does here what it does there. No row is left out."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed here")
from tests.optimizers.rows import TOLERANCE, Problem, converted, difference, infos, rows, tolerance  # noqa: E402

ROWS = [row for row in rows() if not row.info.only_supports_sparse_grads]
each_optimizer = pytest.mark.parametrize("info", infos(), ids=lambda info: info.name)
DENSE = [info for info in infos() if not info.only_supports_sparse_grads]
each_dense = pytest.mark.parametrize("info", DENSE, ids=lambda info: info.name)


def plain(row):
    """The row without what PyTorch refuses on the CPU."""
    return row._replace(kwargs={k: v for k, v in row.kwargs.items() if k != "capturable"})


def first_row(info):
    return next(row for row in ROWS if row.name == info.name)


def assert_same_state(ours: dict, theirs: dict, near: float) -> None:
    """Keys in their order, types, dtypes, shapes and values of two state dicts.

    Not the values of L-BFGS: near the minimum they are differences of rounding errors.
    """
    by_value = not any("old_dirs" in pieces for pieces in theirs["state"].values())
    assert list(ours["state"]) == list(theirs["state"])
    for number, pieces in theirs["state"].items():
        mine = ours["state"][number]
        assert list(mine) == list(pieces)
        for name, piece in pieces.items():
            for a, b in zip(_leaves(mine[name]), _leaves(piece), strict=True):
                assert hasattr(a, "dtype") == hasattr(b, "dtype"), name
                if hasattr(b, "dtype"):
                    assert str(a.dtype).split(".")[-1] == str(b.dtype).split(".")[-1], name
                    assert tuple(a.shape) == tuple(b.shape), name
                    if not by_value:
                        continue
                    largest = np.max(np.abs(b.detach().numpy()), initial=1e-30)
                    assert np.max(np.abs(a.detach().numpy() - b.detach().numpy()), initial=0) <= near * largest
                else:
                    assert a == b or isinstance(b, float), name
    strip = lambda g: {k: v for k, v in g.items() if not hasattr(v, "dtype") and k not in ("betas", "capturable")}  # noqa: E731
    assert [list(g) for g in ours["param_groups"]] == [list(g) for g in theirs["param_groups"]]
    assert [strip(g) for g in ours["param_groups"]] == [strip(g) for g in theirs["param_groups"]]


def _leaves(piece):
    return piece if isinstance(piece, list) else [piece]


def cases():
    """All rows in both dtypes; every day the CPU's rows in float32, and each optimizer's first in float64."""
    made = []
    for row in ROWS:
        for dtype in TOLERANCE:
            everyday = "capturable" not in row.kwargs and (dtype == "float32" or row is first_row(row.info))
            marks = [] if everyday else [pytest.mark.slow]
            made.append(pytest.param(row, dtype, id=f"{row.name} {row.desc} {dtype}", marks=marks))
    return pytest.mark.parametrize(("row", "dtype"), made)


@cases()
def test_thirty_steps_with_an_exchange(row, dtype):
    """Ten steps; then each library goes on from the other's checkpoint for ten; then ten more after a pickle."""
    near = tolerance(row.name, dtype)
    ours, theirs = Problem(torchlike, row.name, dtype), Problem(torch, row.name, dtype)
    mine, other = ours.make(row), theirs.make(plain(row))
    assert repr(mine) == repr(theirs.make(row))
    ours.train(mine, range(10))
    theirs.train(other, range(10))
    assert difference(ours.values(), theirs.values()) <= near
    assert_same_state(mine.state_dict(), other.state_dict(), 20 * near)

    values = ours.values(), theirs.values()
    ours, theirs = Problem(torchlike, row.name, dtype, values[1]), Problem(torch, row.name, dtype, values[0])
    fresh, fresh_other = ours.make(row), theirs.make(plain(row))
    fresh.load_state_dict(converted(other.state_dict(), torchlike))
    fresh_other.load_state_dict(converted(mine.state_dict(), torch))
    for group in fresh_other.param_groups:
        group.pop("capturable", None)
        group.update({"capturable": False} if "capturable" in fresh_other.defaults else {})
    ours.train(fresh, range(10, 20))
    theirs.train(fresh_other, range(10, 20))
    assert difference(ours.values(), theirs.values()) <= near

    fresh = pickle.loads(pickle.dumps(fresh)) if dtype == "float32" else copy.deepcopy(fresh)
    ours.params = [p for group in fresh.param_groups for p in group["params"]]
    ours.train(fresh, range(20, 30))
    theirs.train(fresh_other, range(20, 30))
    assert difference(ours.values(), theirs.values()) <= near


def test_the_comparison_can_fail():
    row = next(r for r in ROWS if r.name == "Adam")
    ours, theirs = Problem(torchlike, "Adam"), Problem(torch, "Adam")
    ours.train(ours.make(row, eps=1e-4), range(10))
    theirs.train(theirs.make(row), range(10))
    assert difference(ours.values(), theirs.values()) > TOLERANCE["float32"]


@each_dense
def test_flags_that_choose_an_implementation_change_nothing(info):
    row = first_row(info)
    expected = Problem(torchlike, info.name)
    expected = expected.train(expected.make(row), range(5))
    flags = [f for f in info.supported_impls if f != "differentiable"]
    flags += ["fused"] * bool(info.supports_fused_on) + ["capturable"] * info.has_capturable_arg
    for flag in dict.fromkeys(flags):
        problem = Problem(torchlike, info.name)
        got = problem.train(problem.make(row, **{flag: True}), range(5))
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True)), flag


@pytest.mark.parametrize("info", [i for i in DENSE if i.supports_param_groups], ids=lambda info: info.name)
def test_groups_and_gradients_that_come_and_go(info):
    made = []
    for lib in (torchlike, torch):
        problem = Problem(lib, info.name, gaps=True)
        optimizer = problem.make(first_row(info))
        made.append((problem.train(optimizer, range(9)), optimizer.state_dict()))
    assert difference(made[0][0], made[1][0]) <= TOLERANCE["float32"]
    assert_same_state(made[0][1], made[1][1], 20 * TOLERANCE["float32"])


@each_dense
def test_going_up(info):
    row = first_row(info)
    if "maximize" not in Problem(torch, info.name).make(row).defaults:
        pytest.skip("has no maximize")
    made = []
    for lib in (torchlike, torch):
        problem = Problem(lib, info.name, "float64")
        made.append(problem.train(problem.make(row, maximize=True), range(8)))
    assert difference(*made) <= tolerance(info.name, "float64")


@pytest.mark.parametrize("info", [i for i in DENSE if i.supports_complex], ids=lambda info: info.name)
def test_complex_parameters(info):
    row = first_row(info)
    made = []
    for lib in (torchlike, torch):
        problem = Problem(lib, info.name, "complex64")
        if info.name == "LBFGS":
            problem.loss = lambda p=problem, lib=lib: sum(
                ((x - lib.tensor(c)).abs() ** 2).sum() for x, c in zip(p.params, p.centers, strict=True)
            )
        made.append(problem.train(problem.make(row), range(8)))
    assert difference(*made) <= TOLERANCE["float32"]


@pytest.mark.parametrize("info", [i for i in DENSE if not i.supports_complex], ids=lambda info: info.name)
def test_complex_parameters_are_refused(info):
    said = []
    for lib in (torchlike, torch):
        p = lib.ones(2, 2, dtype=lib.complex64, requires_grad=True)
        p.grad = lib.ones(2, 2, dtype=lib.complex64)
        with pytest.raises(RuntimeError) as caught:
            getattr(lib.optim, info.name)([p]).step()
        said.append(str(caught.value))
    assert said[0] == said[1]


RECORDED = [info for info in DENSE if "differentiable" in info.supported_impls]


@pytest.mark.parametrize("info", RECORDED, ids=lambda info: info.name)
def test_differentiable(info):
    """Gradients through three steps, towards the parameter and towards the gradients given to the step.

    In float64; PyTorch corrects the bias in float32 when it records, so the comparison is no closer than that. Through
    a second step of Adamax and Rprop PyTorch cannot go back, as it writes over what it has saved.
    """
    steps = 1 if info.name in ("Adamax", "Rprop") else 3
    found = []
    for lib in (torchlike, torch):
        start = lib.tensor([1.0, -2.0, 0.5], dtype=lib.float64, requires_grad=True)
        grad = lib.tensor([0.3, -0.5, 0.7], dtype=lib.float64, requires_grad=True)
        p = start.clone()
        optimizer = getattr(lib.optim, info.name)([p], differentiable=True)
        for i in range(steps):
            p.grad = grad * (1 + i)
            optimizer.step()
        (p * p).sum().backward()
        found.append([x.detach().numpy() for x in (p, start.grad, grad.grad)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, 2e-5, 1e-9)


def test_differentiable_in_place_on_a_leaf():
    said = []
    for lib in (torchlike, torch):
        p = lib.ones(2, requires_grad=True)
        p.grad = lib.ones(2)
        with pytest.raises(RuntimeError) as caught:
            lib.optim.SGD([p], differentiable=True).step()
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_gradient_towards_the_learning_rate():
    """A learning rate that is learnt: the loss after two steps, differentiated, is what differences say."""

    def after(lr):
        w = torchlike.tensor([1.0, -2.0], dtype=torchlike.float64, requires_grad=True)
        p = w.clone()
        optimizer = torchlike.optim.Adam([p], lr=lr, differentiable=True)
        for _ in range(2):
            (p.grad,) = torchlike.autograd.grad((p**4).sum(), p, create_graph=True)
            optimizer.step()
        return (p * p).sum()

    lr = torchlike.tensor(0.1, dtype=torchlike.float64, requires_grad=True)
    after(lr).backward()
    numeric = (after(0.1 + 1e-6).item() - after(0.1 - 1e-6).item()) / 2e-6
    assert abs(lr.grad.item() - numeric) < 1e-5 * abs(numeric)


@each_optimizer
def test_errors(info):
    """PyTorch's error inputs: the same class of error (or warning) with the same words."""
    for given in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        said = []
        for lib in (torchlike, torch):
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                try:
                    _construct(lib, info.name, given.optimizer_error_input).step()
                except Exception as e:
                    said.append((type(e).__name__, str(e).replace("torchlike.", "torch.")))
        assert len(said) == 2, given.optimizer_error_input.desc
        assert said[0] == said[1], given.optimizer_error_input.desc


def _construct(lib, name: str, given):
    tensors: dict = {}

    def ours(x):
        if isinstance(x, torch.Tensor):
            if id(x) not in tensors:
                t = lib.nn.Parameter(lib.tensor(x.detach().numpy()))
                t.grad = None if x.grad is None else lib.tensor(x.grad.numpy())
                tensors[id(x)] = t
            return tensors[id(x)]
        if isinstance(x, dict):
            return {k: ours(v) for k, v in x.items()}
        return type(x)(ours(v) for v in x) if isinstance(x, list | tuple) else x

    params = given.params
    if params is None:
        params = [torch.nn.Parameter(torch.zeros(1, 1))]
    return getattr(lib.optim, name)(ours(params), **converted(given.kwargs, lib))


@each_dense
def test_with_schedulers(info):
    """The scheduler chains of the table, over twelve steps."""
    row = first_row(info)
    for chain in info.scheduler_inputs:
        made = []
        for lib in (torchlike, torch):
            problem = Problem(lib, info.name)
            optimizer = problem.make(row)
            schedulers = [_scheduler(lib, make)(optimizer) for make in chain]
            rates = []
            for step in range(12):
                problem.train(optimizer, [step])
                for s in schedulers:
                    s.step(1.0) if type(s).__name__ == "ReduceLROnPlateau" else s.step()
                rates.append([float(g["lr"]) for g in optimizer.param_groups])
            made.append((problem.values(), rates))
        np.testing.assert_allclose(made[0][1], made[1][1], 1e-12)
        assert difference(made[0][0], made[1][0]) <= TOLERANCE["float32"]


def _scheduler(lib, make):
    """One of the table's functions, with the schedulers of `lib` in the place of PyTorch's."""
    import types

    names = {**make.__globals__, **{n: getattr(lib.optim.lr_scheduler, n) for n in lib.optim.lr_scheduler.__all__}}
    return types.FunctionType(make.__code__, names, closure=make.__closure__)


@each_dense
def test_step_hooks_closure_and_groups(info):
    """Hooks see the step, the closure's loss comes back, a parameter added later takes part."""
    found = []
    for lib in (torchlike, torch):
        problem = Problem(lib, info.name)
        optimizer = getattr(lib.optim, info.name)(problem.params)
        seen = []
        optimizer.register_step_pre_hook(lambda o, args, kwargs, seen=seen: seen.append("before"))
        optimizer.register_step_post_hook(lambda o, args, kwargs, seen=seen: seen.append("after"))

        def closure(problem=problem, optimizer=optimizer):
            optimizer.zero_grad()
            loss = problem.loss()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item()]
        if info.supports_param_groups:
            late = lib.ones(2, 2, requires_grad=True)
            optimizer.add_param_group({"params": [late], "lr": 0.5})
            late.grad = lib.ones(2, 2)
            problem.params = [*problem.params, late]
            optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        assert all(not p.grad.numpy().any() for p in problem.params)
        found.append((problem.values(), losses, seen))
    assert difference(found[0][0], found[1][0]) <= TOLERANCE["float32"]
    np.testing.assert_allclose(found[0][1], found[1][1], 1e-6)
    assert found[0][2] == found[1][2]


def test_dense_gradients_and_sparse_adam():
    said = []
    for lib in (torchlike, torch):
        p = lib.ones(2, requires_grad=True)
        optimizer = lib.optim.SparseAdam([p], maximize=True)
        assert optimizer.step(lambda: 3) == 3
        p.grad = lib.ones(2)
        with pytest.raises(RuntimeError) as caught:
            optimizer.step()
        said.append((str(caught.value), repr(optimizer)))
    assert said[0] == said[1]


def test_all_of_the_table_is_here():
    assert {info.name for info in infos()} <= set(dir(torchlike.optim))
    assert len(ROWS) > 100
