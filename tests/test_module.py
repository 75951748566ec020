"""nn.Module: registration, walking, printing; and Parameter and Buffer."""

from __future__ import annotations

import collections
import copy
import re
import warnings

import pytest

from tests.module_kit import Programs, both, caught, kit, outcome, torch, torchlike

program = Programs()


def bare(lib):
    """A module whose __init__ never reached Module.__init__."""
    return kit(lib).Bare()


# --- registration -----------------------------------------------------------------------------------------------------


@program
def registration_lists(lib, k):
    net = k.Net()
    return [
        list(net._parameters), list(net._modules), list(net.stats._buffers),
        sorted(net.stats._non_persistent_buffers_set),
        net.training, sorted(n for n in vars(net) if not n.startswith("_")),
    ]  # fmt: skip


@program
def setattr_moves_a_name_between_kinds(lib, k):
    m, seen = lib.nn.Module(), []
    values = (
        1, lib.nn.Parameter(lib.ones(1)), k.Act(), "plain", lib.nn.Buffer(lib.zeros(1), persistent=False),
        lib.nn.Parameter(lib.ones(2)), lib.nn.Buffer(lib.zeros(3)), k.Act(),
    )  # fmt: skip
    for value in values:
        answer = caught(setattr, m, "x", value)
        kinds = ("x" in vars(m), "x" in m._parameters, "x" in m._buffers, "x" in m._modules)
        seen.append([str(answer), kinds, sorted(m._non_persistent_buffers_set)])
        if answer is not None:
            del m.x
    return seen


@program
def setattr_none_keeps_the_name(lib, k):
    net = k.Net()
    net.scale = net.act = net.stats.mean = None
    return [net.scale, net.act, net.stats.mean, list(net._parameters), list(net._modules), list(net.stats._buffers)]


@program
def setattr_tensor_on_buffer_replaces_it(lib, k):
    stats = k.Stats()
    stats.mean = lib.ones(3)
    stats.scratch = lib.ones(4)
    return [stats.mean, list(stats._buffers), list(stats.state_dict())]


@program
def plain_tensor_is_an_ordinary_attribute(lib, k):
    m = lib.nn.Module()
    m.x = lib.ones(2)
    return ["x" in vars(m), list(m.state_dict())]


@program
def setattr_wrong_kind(lib, k):
    net = k.Net()
    wrong = (3, "s", [1], lib.ones(1), lib.ones(1, dtype=lib.int64), k.Act, lib.nn.Sequential(), None.__class__, len)
    return [[caught(setattr, owner, name, w) for w in wrong if not (name == "mean" and hasattr(w, "dtype"))]
            for owner, name in ((net, "scale"), (net, "act"), (net.stats, "mean"))]  # fmt: skip


@program
def module_or_parameter_over_another_kind(lib, k):
    net = k.Net()
    net.act = lib.nn.Parameter(lib.ones(1))
    net.stats.mean = k.Act()
    net.stats.scratch = lib.nn.Parameter(lib.ones(1))
    refused = caught(setattr, net, "scale", k.Act())
    return [
        refused,
        sorted(net.stats._non_persistent_buffers_set),
        list(net.stats._parameters),
        list(net._parameters),
        list(net._modules),
        list(net.stats._buffers),
        list(net.stats._modules),
    ]


@program
def before_init(lib, k):
    p = lib.nn.Parameter(lib.ones(1))
    return [
        caught(setattr, bare(lib), "m", k.Act()), caught(setattr, bare(lib), "p", p),
        caught(setattr, bare(lib), "b", lib.nn.Buffer(lib.ones(1))), caught(setattr, bare(lib), "n", 1),
        caught(bare(lib).register_parameter, "p", p), caught(bare(lib).register_buffer, "b", lib.ones(1)),
        caught(bare(lib).add_module, "m", k.Act()), caught(bare(lib), 1), caught(getattr, bare(lib), "thing"),
        caught(bare(lib).state_dict), caught(lambda: list(bare(lib).parameters())), caught(bare(lib).train),
    ]  # fmt: skip


@program
def getattr_and_delattr(lib, k):
    net = k.Net()
    del net.scale, net.act, net.stats.mean, net.stats.scratch, net.first.n_in
    gone = [caught(getattr, net, "scale"), caught(getattr, net.stats, "mean"), caught(delattr, net, "act")]
    return [*gone, caught(getattr, net, "absent"), caught(delattr, net, "absent"), list(net._parameters),
            list(net._modules), list(net.stats._buffers), sorted(net.stats._non_persistent_buffers_set)]  # fmt: skip


@program
def property_that_raises_attribute_error(lib, k):
    class Broken(lib.nn.Module):
        @property
        def p(self):
            return self.missing_inside

    return Broken().p


@program
def init_arguments(lib, k):
    class Loud:
        def __init__(self, *args, **kwargs):
            self.got = (args, kwargs)

    class Joined(lib.nn.Module, Loud):
        call_super_init = True

        def __init__(self):
            super().__init__(1, two=2)

    class Takes(lib.nn.Module):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    return [Joined().got[0], Joined().got[1], caught(Takes, 1), caught(Takes, 1, 2), caught(Takes, z=1, y=2)]


@program
def register_parameter_errors(lib, k):
    net = k.Net()
    grown = (lib.ones(1, requires_grad=True) * 2).detach().requires_grad_() * 1
    calls = [
        (5, None), ("a.b", None), ("", None), ("act", None), ("training", None), ("w", lib.ones(1)), ("w", 3),
        ("w", grown), ("scale", None), ("forward", None), ("w", None),
    ]  # fmt: skip
    errors = [caught(net.register_parameter, *c) for c in calls]
    errors[7] = re.sub(r"grad_fn\S*", "", str(errors[7]))
    return errors + [list(net._parameters)]


@program
def register_buffer_errors(lib, k):
    net = k.Stats()
    calls = [
        (5, None), ("a.b", None), ("", None), ("mean", lib.ones(1)), ("training", lib.ones(1)), ("w", 3),
        ("w", k.Act()),
        ("forward", None), ("w", lib.ones(1)), ("n", None, False),
    ]  # fmt: skip
    return [caught(net.register_buffer, *c) for c in calls] + [
        list(net._buffers),
        sorted(net._non_persistent_buffers_set),
    ]


@program
def add_module_errors(lib, k):
    net = k.Net()
    calls = [(5, None), ("a.b", None), ("", None), ("scale", k.Act()), ("act", k.Act()), ("w", 3), ("w", lib.ones(1)),
             ("training", None), ("w", k.Act), ("none", None), ("w", k.Act())]  # fmt: skip
    errors = [caught(net.add_module, *c) for c in calls] + [caught(net.register_module, *c) for c in calls[:6]]
    return errors + [list(net._modules)]


@program
def get_by_path(lib, k):
    net = lib.nn.Sequential(k.Net(), k.Counted())
    calls = [
        (net.get_submodule, ""), (net.get_submodule, "0.first"), (net.get_submodule, "0.nope"),
        (net.get_submodule, "5.x"),
        (net.get_submodule, "0.scale"), (net.get_submodule, "0.first.n_in"), (net.get_submodule, "0..first"),
        (net.get_parameter, "0.scale"), (net.get_parameter, "0.first.weight"), (net.get_parameter, "0.nope"),
        (net.get_parameter, "0.stats.mean"), (net.get_parameter, "0.first.n_in"), (net.get_parameter, "x.y"),
        (net.get_parameter, "0.second.bias"), (net.get_buffer, "0.stats.mean"), (net.get_buffer, "0.stats.nope"),
        (net.get_buffer, "0.scale"), (net.get_buffer, "0.stats.training"), (net.get_buffer, "0.stats.nothing"),
    ]  # fmt: skip
    return [caught(f, path) for f, path in calls]


@program
def set_by_path(lib, k):
    net = lib.nn.Sequential(k.Net(), k.Counted())
    calls = [
        ("0.first", k.Act()), ("0.fresh", k.Act()), ("top", k.Act()), ("", k.Act()), ("0.nope.x", k.Act()),
        ("0.scale", k.Act()), ("0.scale.x", k.Act()), ("0.second", 3), ("0.n.", k.Act()), ("1", None),
    ]  # fmt: skip
    strict = [("0.second", k.Act()), ("0.newer", k.Act()), ("newest", k.Act()), ("0.nope.x", k.Act())]
    return [[caught(net.set_submodule, *c) for c in calls],
            [caught(net.set_submodule, *c, strict=True) for c in strict],
            caught(net.set_submodule, "0.another", k.Act(), True), repr(net)]  # fmt: skip


@program
def extra_state_is_absent_by_default(lib, k):
    return [caught(k.Act().get_extra_state), caught(k.Act().set_extra_state, {})]


@program
def dir_of_a_module(lib, k):
    names = dir(k.Net())
    listed = dir(lib.nn.Sequential(k.Act(), k.Act()))
    return [[n in names for n in ("scale", "first", "forward", "training", "_parameters", "state_dict", "gone")],
            "0" in listed, names == sorted(names),
            "0" in dir(lib.nn.ModuleList([k.Act()]))]  # fmt: skip


# --- walking the tree -------------------------------------------------------------------------------------------------


@program
def named_everything(lib, k):
    net = k.Net()
    return [
        [n for n, _ in net.named_parameters()], [n for n, _ in net.named_parameters(prefix="top", recurse=False)],
        [n for n, _ in net.named_buffers()], [n for n, _ in net.named_buffers("pre")],
        [n for n, _ in net.named_modules()],
        [n for n, _ in net.named_modules(prefix="top")], [n for n, _ in net.named_children()],
        len(list(net.parameters())), len(list(net.parameters(recurse=False))), len(list(net.buffers())),
        len(list(net.buffers(recurse=False))), len(list(net.children())), len(list(net.modules())),
    ]  # fmt: skip


@program
def names_of_tied_things(lib, k):
    net = k.Tied()
    return [
        [n for n, _ in net.named_parameters(remove_duplicate=flag)] + [n for n, _ in net.named_modules(None, "", flag)]
        + [n for n, _ in net.named_buffers(remove_duplicate=flag)]
        for flag in (True, False)
    ] + [[n for n, _ in net.named_children()], list(net.state_dict()),
         len(list(net.modules(remove_duplicate=False)))]  # fmt: skip


@program
def apply_goes_children_first(lib, k):
    seen = []
    net = k.Net()
    return [net.apply(lambda m: seen.append(type(m).__name__)) is net, seen]


@program
def train_and_eval(lib, k):
    net = k.Net()
    modes = [[m.training for m in net.modules()]]
    for change in (net.eval, net.first.train, net.train, lambda: net.train(False)):
        modes.append([change() is not None, [m.training for m in net.modules()]])
    return [*modes, caught(net.train, 1), caught(net.train, "yes"), net.train() is net]


@program
def requires_grad_of_all(lib, k):
    net = k.Net()
    return [net.requires_grad_(False) is net, [p.requires_grad for p in net.parameters()],
            [p.requires_grad for p in net.requires_grad_().parameters()], net.stats.mean.requires_grad]  # fmt: skip


@program
def zero_grad_two_ways(lib, k):
    net = k.Net()
    net(k.x).sum().backward()
    before = net.scale.grad.clone()
    kept = net.scale.grad
    net.zero_grad(set_to_none=False)
    zeroed = [net.scale.grad.clone(), net.scale.grad is kept, kept]
    net.zero_grad()
    return [before, zeroed, [p.grad for p in net.parameters()]]


# --- printing ---------------------------------------------------------------------------------------------------------


@program
def prints(lib, k):
    class Talks(lib.nn.Module):
        def extra_repr(self):
            return "line one\nline two"

    both = Talks()
    both.inner = k.Act()
    three = [k.Affine(2, 2) for _ in range(3)]
    return [repr(m) for m in (
        k.Net(), k.Act(), Talks(), both, lib.nn.Sequential(), lib.nn.Sequential(k.Net(), lib.nn.Sequential(k.Act())),
        lib.nn.ModuleList(), lib.nn.ModuleList(three), lib.nn.ModuleList([*three, k.Act(), *three, k.Affine(2, 3)]),
        lib.nn.ModuleList([lib.nn.ModuleList(three), lib.nn.ModuleList(three)]),
        lib.nn.ModuleList([lib.nn.Sequential(k.Act()), lib.nn.Sequential(k.Act())]),
        lib.nn.ModuleDict(), lib.nn.ModuleDict({"a": k.Act(), "b": k.Net()}), lib.nn.Module(),
        lib.nn.Sequential(collections.OrderedDict(one=k.Act(), two=k.Affine(1, 1))),
    )]  # fmt: skip


@program
def print_with_a_none_child(lib, k):
    net = k.Net()
    net.act = None
    return [repr(net), net._get_name()]


# --- parameters and buffers -------------------------------------------------------------------------------------------


@program
def parameters_and_buffers(lib, k):
    base = lib.ones(2)
    p = lib.nn.Parameter(base)
    base.fill_(3.0)
    b = lib.nn.Buffer(lib.ones(1), persistent=False)
    return [
        p, repr(p), p.is_leaf, isinstance(p, lib.Tensor), lib.nn.Parameter(),
        lib.nn.Parameter(base, requires_grad=False),
        lib.nn.Parameter(p), lib.nn.Parameter(requires_grad=False), b.persistent, isinstance(b, lib.nn.Buffer),
        isinstance(base, lib.nn.Buffer), isinstance(base, lib.nn.Parameter), isinstance(b, lib.nn.Parameter), b,
        lib.nn.Buffer(), copy.deepcopy(p), copy.deepcopy(p) is p, p.detach(), p * 2, p.data, (p * 2).requires_grad,
        lib.nn.Parameter(data=base), isinstance(p, lib.nn.parameter.Parameter), type(b).__name__,
    ]  # fmt: skip


@program
def parameter_errors(lib, k):
    return [caught(lib.nn.Parameter, lib.tensor([1, 2])),
            caught(lib.nn.Parameter, lib.tensor([1, 2]), requires_grad=False),
            caught(lib.nn.Parameter, lib.tensor([True])), caught(lib.nn.Parameter, [1.0]), caught(lib.nn.Parameter, 3),
            caught(lib.nn.Buffer, [1.0])]  # fmt: skip


@program
def parameter_attributes_survive_casts(lib, k):
    m = k.Affine(1, 1)
    m.weight.mark = "kept"
    return [m.double().weight.mark, m.weight]


@pytest.mark.parametrize("name", program)
def test_same_outcome_as_pytorch(name):
    ours, theirs = both(program[name])
    assert ours == theirs


def test_the_comparison_can_fail():
    """`outcome` tells values, dtypes, classes, warnings and messages apart; otherwise the table proves nothing."""
    pairs = [
        (lambda lib, k: lib.ones(2), lambda lib, k: lib.ones(2) + 1e-6),
        (lambda lib, k: lib.ones(2), lambda lib, k: lib.ones(2).double()),
        (lambda lib, k: lib.ones(2), lambda lib, k: lib.nn.Parameter(lib.ones(2), requires_grad=False)),
        (lambda lib, k: k.Act(), lambda lib, k: k.Two()),
        (lambda lib, k: 1, lambda lib, k: warnings.warn("x", UserWarning, stacklevel=1) or 1),
        (lambda lib, k: 1 / 0, lambda lib, k: [][0]),
        (lambda lib, k: [][0], lambda lib, k: ()[0]),
    ]
    for one, other in pairs:
        assert outcome(one, torch) != outcome(other, torch)


def test_every_name_of_pytorchs_module_is_there():
    for name in ("Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        theirs = [n for n in dir(getattr(torch.nn, name)) if not n.startswith("_")]
        assert [n for n in theirs if not hasattr(getattr(torchlike.nn, name), n)] == [], name


def test_public_names_are_documented():
    for cls in (torchlike.nn.Module, torchlike.nn.Sequential, torchlike.nn.ModuleList, torchlike.nn.ModuleDict,
                torchlike.nn.ParameterList, torchlike.nn.ParameterDict):  # fmt: skip
        undocumented = [
            n for n in dir(cls) if not n.startswith("_") and callable(getattr(cls, n)) and not getattr(cls, n).__doc__
        ]
        assert cls.__doc__, cls.__name__
        assert undocumented == [], cls.__name__
