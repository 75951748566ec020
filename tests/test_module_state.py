"""state_dict, load_state_dict and their hooks."""

from __future__ import annotations

import collections
import copy

import pytest

from tests.module_kit import Programs, both, caught, kit, torchlike

program = Programs()


def loads(net, state, **kwargs):
    """load_state_dict's answer and what the module holds after it."""
    return [repr(caught(net.load_state_dict, state, **kwargs)), net.state_dict()]


# --- state ------------------------------------------------------------------------------------------------------------


@program
def state_dict_contents(lib, k):
    state = k.Net().state_dict()
    return [type(state), state, state._metadata, [v.requires_grad for v in state.values()]]


@program
def state_dict_options(lib, k):
    net, into = k.Net(), collections.OrderedDict()
    answer = net.state_dict(destination=into, prefix="net.")
    return [answer is into, list(into), [type(v).__name__ for v in net.state_dict(keep_vars=True).values()],
            net.state_dict(keep_vars=True)["scale"] is net.scale, list(net.first.state_dict(prefix="p."))]  # fmt: skip


@program
def state_dict_positional(lib, k):
    return list(k.Act().state_dict(collections.OrderedDict(), "a.", False)), list(k.Net().state_dict({}, "b."))


@program
def state_dict_shares_memory(lib, k):
    net = k.Net()
    net.state_dict()["scale"].fill_(9.0)
    return net.scale


@program
def load_all(lib, k):
    source, net = k.Net(), k.Net()
    state = {name: value + 1 for name, value in source.state_dict().items()}
    held = net.scale
    return [*loads(net, state), net.scale is held, type(net.load_state_dict(state)).__name__]


@program
def load_keeps_its_argument(lib, k):
    net, state = k.Net(), k.Net().state_dict()
    del state["scale"]
    before = list(state)
    net.load_state_dict(state, strict=False)
    return list(state) == before, hasattr(state, "_metadata")


@program
def load_missing_and_unexpected(lib, k):
    state = k.Net().state_dict()
    state["extra"] = lib.ones(1)
    state["first.more"] = lib.ones(1)
    state["unknown.deep.name"] = lib.ones(1)
    del state["scale"], state["first.bias"]
    loose = k.Net().load_state_dict(state, strict=False)
    return [*loads(k.Net(), state), loose.missing_keys, loose.unexpected_keys, repr(loose)]


@program
def load_missing_only(lib, k):
    return (
        loads(k.Net(), {}),
        loads(lib.nn.Sequential(k.Net(), k.Stats()), {}),
        loads(k.Stats(), {"scratch": lib.ones(1)}),
    )


@program
def load_size_mismatch(lib, k):
    state = k.Net().state_dict()
    state["first.weight"], state["stats.mean"], state["gone"] = lib.ones(5, 5), lib.ones(7), lib.ones(1)
    return [loads(k.Net(), state), repr(caught(k.Net().load_state_dict, state, strict=False))]


@program
def load_wrong_things(lib, k):
    net = k.Net()
    return [caught(net.load_state_dict, [1]), caught(net.load_state_dict, None),
            caught(net.load_state_dict, {**net.state_dict(), "scale": 3.0}),
            caught(net.load_state_dict, {**net.state_dict(), "scale": [1, 2]}),
            caught(k.Act().load_state_dict, {"x": 1}, False)]  # fmt: skip


@program
def load_one_element_into_a_scalar(lib, k):
    net = k.Net()
    return loads(net, {**net.state_dict(), "scale": lib.tensor([7.0])})


@program
def load_casts_to_the_module_dtype(lib, k):
    net = k.Net()
    return loads(net, {name: value.double() for name, value in net.state_dict().items()})


@program
def load_with_assign(lib, k):
    net = k.Net()
    net.second.weight.requires_grad_(False)
    state = {name: (value + 1).double() for name, value in net.state_dict().items()}
    picture = loads(net, state, assign=True)
    kinds = [type(p).__name__ for p in net.parameters()]
    state["scale"].fill_(5.0)
    return [picture, kinds, [p.requires_grad for p in net.parameters()], net.scale, net.stats.mean.dtype]


@program
def load_assign_takes_a_parameter_itself(lib, k):
    net = k.Net()
    fresh = lib.nn.Parameter(lib.tensor(4.0), requires_grad=False)
    net.load_state_dict({"scale": fresh}, strict=False, assign=True)
    return net.scale is fresh, fresh


@program
def extra_state(lib, k):
    net = lib.nn.Sequential(k.Counted(3), k.Affine(1, 1))
    other = lib.nn.Sequential(k.Counted(), k.Affine(1, 1))
    state = net.state_dict()
    answer = repr(other.load_state_dict(state))
    gone = {n: v for n, v in state.items() if "extra" not in n}
    odd = {**k.Act().state_dict(), "_extra_state": 1}
    return [list(state), state["0._extra_state"], answer, other[0].count, loads(other, gone)[0], loads(k.Act(), odd)[0],
            repr(k.Act().load_state_dict(odd, strict=False)),
            lib.nn.modules.module._EXTRA_STATE_KEY_SUFFIX]  # fmt: skip


@program
def state_dict_hooks(lib, k):
    log, net = [], k.Net()
    net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", prefix, keep)))
    net.first.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("inner", prefix)))
    net.register_state_dict_post_hook(
        lambda m, state, prefix, meta: state.__setitem__(prefix + "added", meta["version"])
    )
    handle = net._register_state_dict_hook(lambda m, state, prefix, meta: {"replaced": len(state)})
    first = net.state_dict()
    handle.remove()
    bad = k.Act()
    bad.register_state_dict_post_hook(lambda *a: {})
    return [first, list(net.state_dict()), log, caught(bad.state_dict)]


@program
def load_state_dict_hooks(lib, k):
    log, net = [], k.Net()

    def public(module, state, prefix, meta, strict, missing, unexpected, errors):
        log.append((type(module).__name__, prefix, strict))
        state[prefix + "weight"] = state.pop(prefix + "old")

    def post(module, incompatible):
        log.append((type(module).__name__, list(incompatible.missing_keys), list(incompatible.unexpected_keys)))
        incompatible.missing_keys.clear()

    net.first.register_load_state_dict_pre_hook(public)
    net._register_load_state_dict_pre_hook(lambda state, prefix, *rest: log.append(("private", prefix, len(rest))))
    net._register_load_state_dict_pre_hook(lambda m, *rest: log.append(type(m).__name__), with_module=True)
    net.register_load_state_dict_post_hook(post)
    state = net.state_dict()
    state["first.old"] = state.pop("first.weight") + 1
    del state["scale"]
    answer = repr(net.load_state_dict(state))
    bad = k.Act()
    bad.register_load_state_dict_post_hook(lambda *a: 1)
    return [answer, log, net.first.weight, caught(bad.load_state_dict, {})]


@program
def versions_reach_the_loader(lib, k):
    class Aged(lib.nn.Module):
        _version = 4

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            self.saw = local_metadata.get("version")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = lib.nn.Sequential(Aged())
    net.load_state_dict(net.state_dict())
    seen = [net[0].saw]
    net.load_state_dict(dict(net.state_dict()))
    return [*seen, net[0].saw, net.state_dict()._metadata]


@pytest.mark.parametrize("name", program)
def test_same_outcome_as_pytorch(name):
    ours, theirs = both(program[name])
    assert ours == theirs


def test_assign_holds_for_one_load_only():
    """PyTorch notes `assign` in the caller's dictionary, so that a later load of it assigns unasked."""
    net = kit(torchlike).Net()
    state = kit(torchlike).Net().state_dict()
    net.load_state_dict(state, assign=True)
    other = kit(torchlike).Net()
    held = other.scale
    other.load_state_dict(state)
    assert other.scale is held


def test_a_load_hook_belongs_to_the_copied_module():
    net = kit(torchlike).Net()
    net.register_load_state_dict_pre_hook(lambda module, *rest: setattr(module, "seen", True))
    twin = copy.deepcopy(net)
    twin.load_state_dict(twin.state_dict())
    assert twin.seen
    assert not hasattr(net, "seen")
