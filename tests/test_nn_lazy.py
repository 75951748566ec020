"""Lazy layers and the parameters without a shape that they have, against PyTorch: values, texts, errors."""

from __future__ import annotations

import copy
import io
import pickle
import re

import pytest

from tests.module_kit import Programs, both, caught, torchlike

programs = Programs()


def program(fn):
    return programs(fn)


def seeded(lib, module, *shape):
    """The module's first call, from a fixed seed."""
    lib.manual_seed(0)
    return module(lib.arange(float(lib.Size(shape).numel())).reshape(shape) / 8)


@program
def before_and_after(lib, kit):
    net = lib.nn.Sequential(lib.nn.LazyLinear(3), lib.nn.ReLU(), lib.nn.LazyLinear(2, bias=False))
    texts = [repr(net), repr(list(net.parameters())), repr(net.state_dict()), net[0].has_uninitialized_params()]
    out = seeded(lib, net, 2, 5)
    kinds = [type(m).__name__ for m in net] + [type(p).__name__ for p in net.parameters()]
    return texts, out, kinds, repr(net), net.state_dict(), net[0].in_features, sorted(vars(net[0]))


LAYERS = {
    "LazyLinear(4)": (2, 3), "LazyConv1d(4, 3, 2)": (2, 3, 9), "LazyConv2d(4, 3, groups=2)": (2, 4, 5, 5),
    "LazyConv3d(2, 2, bias=False)": (3, 3, 3, 3), "LazyConvTranspose1d(4, 2)": (2, 3, 4),
    "LazyConvTranspose2d(4, 2, 2, groups=2)": (2, 2, 3, 3),
    "LazyConvTranspose3d(2, 2, output_padding=0)": (1, 2, 2, 2, 2), "LazyBatchNorm1d()": (4, 3),
    "LazyBatchNorm2d(affine=False)": (2, 3, 2, 2), "LazyBatchNorm3d(momentum=None)": (2, 3, 2, 2, 2),
    "LazyInstanceNorm1d()": (2, 3, 4), "LazyInstanceNorm2d(track_running_stats=False)": (2, 3, 2, 2),
    "LazyInstanceNorm3d(bias=False)": (2, 3, 2, 2, 2),
}  # fmt: skip
for _text, _shape in LAYERS.items():

    def _layer(lib, kit, text=_text, shape=_shape):
        m = eval(f"nn.{text}", {"nn": lib.nn})
        first = repr(m), m.training, [n for n, _ in m.named_parameters()], [n for n, _ in m.named_buffers()]
        kept = type(m).__name__, m.cls_to_become.__name__, isinstance(m, m.cls_to_become)
        out = seeded(lib, m, *shape)
        return first, kept, out, repr(m), type(m).__name__, m.state_dict(), m(out.detach().reshape(shape)) \
            if out.numel() == lib.Size(shape).numel() else None  # fmt: skip

    _layer.__name__ = _text
    programs(_layer)


@program
def casts(lib, kit):
    seen = []
    for dtype in (lib.float64, lib.float16, lib.bfloat16):
        m = lib.nn.Sequential(lib.nn.LazyLinear(2), lib.nn.LazyBatchNorm1d()).to(dtype)
        seen += [repr(m), m[0].weight.dtype, m[1].running_mean.dtype, type(m[1].running_mean).__name__]
    m = lib.nn.LazyLinear(2).double()
    return seen, m(lib.ones(1, 3, dtype=lib.float64)).dtype, m.weight.dtype


@program
def made_with_a_dtype(lib, kit):
    m = lib.nn.LazyConv2d(2, 1, dtype=lib.float64, device="cpu")
    return m.weight.dtype, m.weight.device, m.weight.requires_grad, m.weight.is_leaf, m.weight.grad


@program
def forbidden(lib, kit):
    p, b = lib.nn.UninitializedParameter(), lib.nn.UninitializedBuffer()
    tries = (
        lambda t: t + 1, lambda t: t.sum(), lambda t: t.shape, lambda t: t.share_memory_(), lambda t: t.tolist(),
        lambda t: t.detach(), lambda t: t.numel(), lambda t: t[0], lambda t: lib.nn.init.ones_(t), lambda t: t.dim(),
    )  # fmt: skip
    kinds = [[type(caught(f, t)).__name__ for f in tries] for t in (p, b)]
    return kinds, caught(lambda: p.shape), caught(p.share_memory_)


@program
def allowed(lib, kit):
    p = lib.nn.UninitializedParameter()
    b = lib.nn.UninitializedBuffer()
    return (
        repr(p), repr(b), p.dtype, p.device, p.requires_grad, b.requires_grad, p.is_floating_point(), p.is_complex(),
        p.data.shape, lib.nn.parameter.is_lazy(p), lib.nn.parameter.is_lazy(lib.ones(1)),
        isinstance(p, lib.nn.Parameter),
        isinstance(b, lib.nn.Buffer), p.size(), type(copy.deepcopy(p)).__name__, len({p, p}), b.persistent,
    )  # fmt: skip


@program
def materialize(lib, kit):
    p = lib.nn.UninitializedParameter(requires_grad=False)
    p.materialize((2, 3), dtype=lib.float64)
    b = lib.nn.UninitializedBuffer()
    b.materialize(4)
    return type(p).__name__, p.shape, p.dtype, p.requires_grad, type(b).__name__, b.shape, isinstance(b, lib.nn.Buffer)


@program
def loading(lib, kit):
    full = lib.nn.LazyLinear(2)
    seeded(lib, full, 1, 3)
    lazy = lib.nn.LazyLinear(2)
    found = repr(lazy.load_state_dict(full.state_dict()))
    still = type(lazy).__name__, repr(lazy), lazy.has_uninitialized_params()
    out = seeded(lib, lazy, 1, 3)
    norm, other = lib.nn.LazyBatchNorm1d(), lib.nn.BatchNorm1d(3)
    norm.load_state_dict(other.state_dict())
    return found, still, out, type(lazy).__name__, lazy.state_dict(), norm.state_dict()


@program
def loading_what_is_lazy(lib, kit):
    lazy, full = lib.nn.LazyLinear(2), lib.nn.Linear(3, 2)
    error = caught(full.load_state_dict, lazy.state_dict())
    return type(error).__name__, repr(lib.nn.LazyLinear(2).load_state_dict(lazy.state_dict()))


@program
def missing_keys(lib, kit):
    return caught(lib.nn.LazyLinear(2).load_state_dict, {})


@program
def copies(lib, kit):
    m = lib.nn.LazyLinear(2)
    a, b = copy.deepcopy(m), pickle.loads(pickle.dumps(m))
    file = io.BytesIO()
    lib.save(m.state_dict(), file)
    file.seek(0)
    c = lib.load(file)
    seeded(lib, a, 1, 3), seeded(lib, b, 1, 4)
    return repr(m), repr(a), repr(b), repr(c), type(m).__name__, a.state_dict(), b.state_dict()


@program
def errors(lib, kit):
    nn = lib.nn

    class Half(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.UninitializedParameter()

        def forward(self, x):
            return x

    class Idle(Half):
        def initialize_parameters(self, x):
            pass

    x = lib.ones(2, 3)
    return [
        caught(f) for f in (
            lambda: Half()(x), lambda: Idle()(x), lambda: nn.LazyConv2d(2, 1)(x),
            lambda: nn.LazyConv1d(2, 1, groups=2)(x),
            lambda: nn.LazyLinear(2).share_memory(), lambda: nn.LazyBatchNorm1d()(lib.ones(1, 2, 3, 4)),
            lambda: nn.LazyLinear(2)._replicate_for_data_parallel(),
        )
    ]  # fmt: skip


@program
def own_layer(lib, kit):
    class Scale(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module):
        cls_to_become = None

        def __init__(self):
            super().__init__()
            self.w = lib.nn.UninitializedParameter()

        def initialize_parameters(self, x, *, gain=1.0):
            if self.has_uninitialized_params():
                with lib.no_grad():
                    self.w.materialize((x.shape[-1],))
                    self.w.fill_(gain)

        def forward(self, x, *, gain=1.0):
            return x * self.w

    m = Scale()
    return m(lib.ones(2, 3), gain=2.0), type(m).__name__, m.state_dict(), m(lib.ones(1, 3))


@program
def trained(lib, kit):
    lib.manual_seed(0)
    net = lib.nn.Sequential(lib.nn.LazyLinear(4), lib.nn.Tanh(), lib.nn.LazyLinear(1))
    x = lib.linspace(-1, 1, 12).reshape(4, 3)
    net(x)
    o = lib.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        o.zero_grad()
        net(x).square().sum().backward()
        o.step()
    return [round(v, 4) for p in net.parameters() for v in p.flatten().tolist()]


@pytest.mark.parametrize("name", programs)
def test_as_in_pytorch(name: str):
    ours, theirs = both(programs[name])
    assert rounded(ours[:2]) == rounded(theirs[:2])


def rounded(x):
    """Sums in another order differ in the last digits."""
    if isinstance(x, float):
        return round(x, 4) + 0.0
    if isinstance(x, list | tuple):
        return [rounded(v) for v in x]
    return {k: rounded(v) for k, v in x.items()} if isinstance(x, dict) else x


def test_words_of_a_use():
    with pytest.raises(ValueError, match=re.escape("Attempted to use an uninitialized parameter")):
        torchlike.nn.UninitializedParameter() * 2
