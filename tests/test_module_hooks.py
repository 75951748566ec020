"""Calls of modules, and the hooks around forward and backward."""

from __future__ import annotations

import collections
import copy
import timeit

import pytest

from tests.module_kit import Programs, both, caught, kit, torchlike

program = Programs()


# --- calling and forward hooks ----------------------------------------------------------------------------------------


@program
def call_runs_forward(lib, k):
    return [k.Net()(k.x), k.Net().forward(k.x), k.Two()(k.x, k.x, gain=3.0)]


@program
def call_without_forward(lib, k):
    class Empty(lib.nn.Module):
        pass

    return [caught(Empty(), 1), caught(lib.nn.ModuleList(), 1), caught(lib.nn.ModuleDict(), 1), caught(k.Act()),
            caught(lib.nn.Module()), caught(k.Act(), k.x, 2)]  # fmt: skip


@program
def instance_forward_wins(lib, k):
    net = k.Act()
    net.forward = lambda x: x + 1
    return net(k.x)


@program
def forward_hook_order_and_replacement(lib, k):
    log = []

    def post(tag, answer=None):
        def hook(module, args, output):
            log.append((tag, type(module).__name__, len(args)))
            return answer if answer is None else output + answer

        return hook

    def pre(tag, answer=None):
        def hook(module, args):
            log.append((tag, type(module).__name__, len(args)))
            return answer if answer is None else answer(args)

        return hook

    m = k.Act()
    m.register_forward_hook(post("post1", 1.0))
    m.register_forward_hook(post("post2"))
    m.register_forward_hook(post("post0"), prepend=True)
    m.register_forward_pre_hook(pre("pre1", lambda a: (a[0] * 2,)))
    m.register_forward_pre_hook(pre("pre2", lambda a: a[0] + 1))
    m.register_forward_pre_hook(pre("pre0"), prepend=True)
    return [m(k.x), log]


@program
def hooks_with_kwargs(lib, k):
    log, m = [], k.Two()

    def pre(module, args, kwargs):
        log.append(("pre", len(args), sorted(kwargs)))
        return args, {**kwargs, "gain": kwargs.get("gain", 1.0) + 1.0}

    def post(module, args, kwargs, output):
        log.append(("post", len(args), kwargs))
        return output[0]

    m.register_forward_pre_hook(pre, with_kwargs=True)
    m.register_forward_hook(post, with_kwargs=True)
    m.register_forward_hook(lambda module, args, output: log.append(("plain", len(args))))
    return [m(k.x, k.x), m(k.x, y=k.x, gain=2.0), log]


@program
def pre_hook_with_kwargs_wrong_answer(lib, k):
    def run(answer):
        m = k.Two()
        m.register_forward_pre_hook(lambda module, args, kwargs: answer, with_kwargs=True)
        return caught(m, k.x, k.x)

    return [run(a) for a in (3, (1, 2, 3), [1, 2], ((k.x, k.x), {}))]


@program
def hooks_called_always(lib, k):
    log = []

    class Fails(lib.nn.Module):
        def forward(self, x):
            raise ValueError("inside forward")

    m = Fails()
    m.register_forward_hook(lambda mod, args, out: log.append("never"))
    m.register_forward_hook(lambda mod, args, out: log.append(("always", out)), always_call=True)
    m.register_forward_hook(lambda mod, args, kw, out: log.append(("kw", kw, out)), always_call=True, with_kwargs=True)
    late = k.Act()
    late.register_forward_hook(lambda mod, args, out: log.append("first"), always_call=True)
    late.register_forward_hook(lambda mod, args, out: 1 / 0)
    late.register_forward_hook(lambda mod, args, out: log.append("last"), always_call=True)
    return [caught(m, 1), caught(late, k.x), log]


@program
def always_called_hook_that_fails_too(lib, k):
    class Fails(lib.nn.Module):
        def forward(self, x):
            raise ValueError("inside forward")

    m = Fails()
    m.register_forward_hook(lambda mod, args, out: 1 / 0, always_call=True)
    return caught(m, 1)


@program
def handles(lib, k):
    log, m = [], k.Act()
    one = m.register_forward_hook(lambda *a: log.append("one"))
    with m.register_forward_hook(lambda *a: log.append("two")) as two:
        m(k.x)
    m(k.x)
    one.remove()
    one.remove()
    m(k.x)
    return [log, len(m._forward_hooks), type(two).__name__]


@program
def handle_clears_its_flags(lib, k):
    m = k.Act()
    first = m.register_forward_hook(print, with_kwargs=True, always_call=True)
    second = m.register_forward_pre_hook(print, with_kwargs=True)
    sizes = [
        len(m._forward_hooks_with_kwargs),
        len(m._forward_hooks_always_called),
        len(m._forward_pre_hooks_with_kwargs),
    ]
    first.remove(), second.remove()
    return sizes + [len(m._forward_hooks_with_kwargs), len(m._forward_hooks_always_called),
                    len(m._forward_pre_hooks_with_kwargs)]  # fmt: skip


@program
def hooks_run_for_inner_modules(lib, k):
    shapes, net = {}, k.Net()
    for name, module in net.named_modules():
        if not list(module.children()) and name != "stats":
            module.register_forward_hook(lambda mod, args, out, name=name: shapes.__setitem__(name, tuple(out.shape)))
    net(k.x)
    return shapes


@program
def global_hooks(lib, k):
    log, hub = [], lib.nn.modules.module
    handles = [
        hub.register_module_forward_pre_hook(lambda m, a: log.append(("pre", type(m).__name__))),
        hub.register_module_forward_hook(lambda m, a, out: out + 1),
        hub.register_module_forward_hook(lambda m, a, kw, out: log.append(("kw", kw)), with_kwargs=True),
    ]
    m = k.Act()
    m.register_forward_pre_hook(lambda m, a: log.append("own"))
    try:
        hooked = m(k.x)
    finally:
        [h.remove() for h in handles]
    return [hooked, m(k.x), log]


@program
def global_registration_hooks(lib, k):
    log, hub = [], lib.nn.modules.module
    handles = [
        hub.register_module_parameter_registration_hook(lambda m, n, p: log.append(("parameter", n))),
        hub.register_module_buffer_registration_hook(
            lambda m, n, b: log.append(("buffer", n)) or (None if b is None else b + 1)
        ),
        hub.register_module_module_registration_hook(lambda m, n, c: log.append(("module", n))),
    ]
    try:
        net = k.Net()
    finally:
        [h.remove() for h in handles]
    k.Net()
    return [log, net.stats.mean]


# --- backward hooks ---------------------------------------------------------------------------------------------------


@program
def full_backward_hook_sees_gradients(lib, k):
    seen, m = [], k.Affine(3, 2)
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([type(mod).__name__, gi, go]))
    x = k.x.clone().requires_grad_()
    m(x).sum().backward()
    return [seen, x.grad, m.weight.grad]


@program
def full_backward_hook_replaces_gradient(lib, k):
    m = k.Affine(3, 2)
    m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    m.register_full_backward_hook(lambda mod, gi, go: (gi[0] + 1,))
    x = k.x.clone().requires_grad_()
    m(x).sum().backward()
    return [x.grad, m.weight.grad]


@program
def full_backward_hook_order(lib, k):
    log, m = [], k.Act()
    m.register_full_backward_hook(lambda mod, gi, go: log.append("b"))
    m.register_full_backward_hook(lambda mod, gi, go: log.append("a"), prepend=True)
    m.register_full_backward_pre_hook(lambda mod, go: log.append("pre b"))
    m.register_full_backward_pre_hook(lambda mod, go: log.append("pre a"), prepend=True)
    m(k.x.clone().requires_grad_()).sum().backward()
    return log


@program
def full_backward_pre_hook_replaces_gradient(lib, k):
    m, seen = k.Affine(3, 2), []
    m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 3,))
    m.register_full_backward_pre_hook(lambda mod, go: [go[0] + 1])
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(go))
    x = k.x.clone().requires_grad_()
    m(x).sum().backward()
    return [x.grad, m.weight.grad, seen]


@program
def full_backward_hook_without_input_gradient(lib, k):
    seen, m = [], k.Affine(3, 2)
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([gi, go]))
    m(k.x).sum().backward()
    return [seen, m.weight.grad]


@program
def full_backward_hook_on_several_inputs(lib, k):
    seen, m = [], k.Two()
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([gi, go]))
    x, y = k.x.clone().requires_grad_(), k.x.clone()
    product, total = m(x, y, gain=2.0)
    product.sum().backward()
    return [seen, x.grad, y.grad]


@program
def full_backward_hook_in_no_grad(lib, k):
    seen, m = [], k.Affine(3, 2)
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(1))
    with lib.no_grad():
        y = m(k.x)
    return [y, seen]


@program
def full_backward_hook_wrong_length(lib, k):
    m, p = k.Act(), k.Act()
    m.register_full_backward_hook(lambda mod, gi, go: (gi[0], gi[0]))
    p.register_full_backward_pre_hook(lambda mod, go: (go[0], go[0]))
    x = k.x.clone().requires_grad_()
    return [caught(m(x).sum().backward), caught(p(x).sum().backward)]


@program
def full_backward_hook_answers(lib, k):
    def run(module, answer, pre=None, needs=True):
        x = k.x.clone().requires_grad_(needs)
        module.register_full_backward_hook(lambda mod, gi, go: answer(gi))
        if pre:
            module.register_full_backward_pre_hook(lambda mod, go: pre(go))
        y = module(x)
        error = caught((y if isinstance(y, lib.Tensor) else y[0]).sum().backward)
        return [error, x.grad]

    return [
        run(k.Act(), lambda gi: [gi[0] * 5]), run(k.Act(), lambda gi: 5), run(k.Act(), lambda gi: (None,)),
        run(k.Act(), lambda gi: gi[0] * 5), run(k.Act(), lambda gi: None, lambda go: 5),
        run(k.Affine(3, 2), lambda gi: (lib.ones(2, 3),), needs=False),
        run(k.Affine(3, 2), lambda gi: (None,), needs=False),
        run(k.Affine(3, 2), lambda gi: None, lambda go: (go[0] * 2,), needs=False),
    ]  # fmt: skip


@program
def full_backward_hook_on_inputs_of_other_kinds(lib, k):
    seen, named = [], collections.namedtuple("Named", "double number same")

    class Mixed(lib.nn.Module):
        def forward(self, x, count, word):
            return named(x * 2, 5, count)

    m = Mixed()
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([gi, go]))
    answer = m(k.x.clone().requires_grad_(), lib.tensor([1, 2]), "word")
    answer.double.sum().backward()
    return [seen, type(answer).__name__, answer.same]


@program
def full_backward_hook_runs_each_time(lib, k):
    seen, m = [], k.Act()
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(gi))
    y = m(k.x.clone().requires_grad_()).sum()
    y.backward(retain_graph=True)
    y.backward()
    return seen


@program
def full_backward_hook_of_a_dict_output(lib, k):
    class Dict(lib.nn.Module):
        def forward(self, x):
            return {"y": x * 2}

    m, seen = Dict(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(1))
    x = k.x.clone().requires_grad_()
    m(x)["y"].sum().backward()
    return [x.grad, seen]


@program
def backward_hooks_of_a_whole_net(lib, k):
    log, net = [], k.Net()
    for name, module in net.named_modules():
        if name != "stats":
            module.register_full_backward_hook(lambda mod, gi, go, name=name: log.append([name, gi, go]))
    net(k.x.clone().requires_grad_()).sum().backward()
    return log


@pytest.mark.parametrize("name", program)
def test_same_outcome_as_pytorch(name):
    ours, theirs = both(program[name])
    assert ours == theirs


def test_call_adds_little():
    """A call without hooks costs its own frame and a look at the hook tables: under a microsecond over forward."""
    m = kit(torchlike).Two()
    m.forward = lambda x: x
    fastest = [min(timeit.repeat(lambda f=f: f(1), number=5000, repeat=9)) / 5000 for f in (m, m.forward)]
    assert fastest[0] - fastest[1] < 1e-6


def test_non_full_backward_hook_points_to_the_full_one():
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        kit(torchlike).Act().register_backward_hook(print)


def test_compile_replaces_the_call(monkeypatch):
    m, asked = kit(torchlike).Act(), []
    monkeypatch.setattr(
        torchlike,
        "compile",
        lambda fn, **options: asked.append(options) or (lambda *a: ("compiled", fn(*a))),
        raising=False,
    )
    m.compile(fullgraph=True)
    word, value = m(3)
    assert (word, value, asked) == ("compiled", 9, [{"fullgraph": True}])
    assert copy.deepcopy(m)(3) == 9
    assert m.__getstate__().get("_compiled_call_impl") is None
