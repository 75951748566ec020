"""Modules moved to devices, cast to dtypes, copied and pickled."""

from __future__ import annotations

import copy
import io
import pickle

import pytest

from tests.module_kit import Programs, both, caught, kit, torchlike

program = Programs()


# --- moving and casting -----------------------------------------------------------------------------------------------


def kinds_after(lib, k, change):
    net = k.Net()
    held = net.scale
    answer = change(net)
    return [
        answer is net,
        net.scale is held,
        {n: v.dtype for n, v in net.state_dict().items()},
        type(net.scale).__name__,
    ]


@program
def casting(lib, k):
    changes = [
        lambda n: n.double(), lambda n: n.half(), lambda n: n.bfloat16(), lambda n: n.double().float(),
        lambda n: n.cpu(),
        lambda n: n.to(lib.float64), lambda n: n.to(dtype=lib.float16), lambda n: n.to("cpu"),
        lambda n: n.to("cpu", lib.float64),
        lambda n: n.to(lib.device("cpu"), lib.float64, True), lambda n: n.to(lib.zeros(1, dtype=lib.float64)),
        lambda n: n.to(device="cpu", dtype=lib.float64, non_blocking=True), lambda n: n.to(lib.float64, True),
        lambda n: n.type(lib.float64), lambda n: n.to(tensor=lib.zeros(1, dtype=lib.float64)),
        lambda n: n.to(None, lib.float64),
        lambda n: n.to(device=None), lambda n: n.to("cpu", dtype=lib.float64), lambda n: n.share_memory(),
    ]  # fmt: skip
    return [kinds_after(lib, k, c) for c in changes]


@program
def casting_rejects_integers(lib, k):
    return [caught(k.Net().to, dtype) for dtype in (lib.int64, lib.bool, lib.uint8)]


@program
def casting_rejects_other_arguments(lib, k):
    calls = [
        ((lib.float64, "cpu"), {}), (("cpu", lib.float64, False, True), {}), (("cpu", "cpu"), {}), ((), {"dtype": 3}),
        ((), {"bad": 1}),
        ((lib.float64, False, True), {}), ((lib.ones(1),), {"device": "cpu"}), ((), {"copy": True}),
        ((lib.float64,), {"dtype": lib.float64}), ((lib.device("cpu"), 3), {}),
    ]  # fmt: skip
    return [caught(k.Net().to, *args, **kwargs) for args, kwargs in calls]


@program
def casting_keeps_gradients(lib, k):
    net = k.Net()
    net(k.x).sum().backward()
    held = net.scale.grad
    net.double()
    return [net.scale.grad, net.first.weight.grad, net.scale.is_leaf, net.scale.grad is held]


@program
def casting_keeps_frozen_parameters_frozen(lib, k):
    net = k.Net()
    net.first.weight.requires_grad_(False)
    return [p.requires_grad for p in net.double().parameters()]


@program
def complex_warns(lib, k):
    return k.Affine(1, 1).to(lib.complex64).weight.dtype


@program
def to_empty_keeps_shapes(lib, k):
    net = k.Net().to_empty(device="cpu")
    return [(n, tuple(v.shape), v.dtype) for n, v in net.state_dict().items()] + [
        caught(lambda: k.Net().to_empty("cpu"))
    ]


@program
def private_apply(lib, k):
    net = k.Net()
    net._apply(lambda t: t + 1)
    net._apply(lambda t: t + 1, recurse=False)
    return net.state_dict()


# --- copies -----------------------------------------------------------------------------------------------------------


@program
def deepcopy_is_apart(lib, k):
    net = k.Net()
    net.first.weight.requires_grad_(False)
    twin = copy.deepcopy(net)
    net.scale.data.fill_(9.0)
    return [twin.state_dict(), [p.requires_grad for p in twin.parameters()],
            [type(p).__name__ for p in twin.parameters()],
            twin.first is net.first, twin(k.x)]  # fmt: skip


@program
def deepcopy_of_a_module_that_keeps_a_handle(lib, k):
    log, m = [], k.Act()
    m.handle = m.register_forward_hook(lambda *a: log.append("called"), with_kwargs=True)
    twin = copy.deepcopy(m)
    twin.handle.remove()
    twin(k.x)
    m(k.x)
    return [log, len(m._forward_hooks), len(twin._forward_hooks)]


@program
def deepcopy_keeps_ties(lib, k):
    twin = copy.deepcopy(k.Tied())
    return [twin.a is twin.b, twin.w is twin.a.weight, twin.p is twin.q]


@program
def shallow_copy_shares(lib, k):
    net = k.Net()
    twin = copy.copy(net)
    return [twin.scale is net.scale, twin._parameters is net._parameters, twin(k.x)]


@program
def pickle_round_trip(lib, k):
    net = lib.nn.Sequential(lib.nn.ParameterList([lib.ones(2)]), lib.nn.ModuleList())
    net.register_buffer("steps", lib.tensor(4))
    net.eval()
    back = pickle.load(io.BytesIO(pickle.dumps(net)))
    return [back.state_dict(), back.training, back[0][0], repr(back) == repr(net), list(back._buffers)]


@program
def pickle_of_a_parameter(lib, k):
    p = lib.nn.Parameter(lib.ones(2), requires_grad=False)
    return [pickle.loads(pickle.dumps(p)), pickle.loads(pickle.dumps(lib.nn.Parameter(lib.ones(2))))]


@program
def old_pickles_get_the_new_fields(lib, k):
    net = k.Act()
    kept = ("training", "_parameters", "_buffers", "_modules", "_forward_hooks", "_backward_hooks")
    state = {n: v for n, v in net.__getstate__().items() if n in kept}
    fresh = k.Act.__new__(k.Act)
    fresh.__setstate__(state)
    fresh.register_state_dict_pre_hook(lambda *a: None)
    return [fresh(k.x), fresh.state_dict(), repr(fresh.load_state_dict({}))]


@pytest.mark.parametrize("name", program)
def test_same_outcome_as_pytorch(name):
    ours, theirs = both(program[name])
    assert ours == theirs


@pytest.mark.parametrize("name", ["ipu", "xpu", "mtia"])
def test_backends_that_are_not_there_say_so(name):
    with pytest.raises(NotImplementedError, match=f"Module.{name}: no such backend here; use Module.to"):
        getattr(kit(torchlike).Act(), name)()
