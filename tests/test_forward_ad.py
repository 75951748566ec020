"""Forward mode against PyTorch: dual tensors, and the transforms that push tangents."""

from __future__ import annotations

import pytest

from tests.transform_kit import check, outcome, same, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
with fw.dual_level():
    d=fw.make_dual(torch.arange(3.), torch.ones(3))
    out=fw.unpack_dual(d.sin()*d)
---
with fw.dual_level():
    out=fw.make_dual(torch.arange(3.), torch.ones(2))
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(3), torch.ones(3))
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(3.), torch.ones(3))
    e=fw.make_dual(d, torch.ones(3))
    out=fw.unpack_dual(e)
---
fw.make_dual(torch.arange(3.), torch.ones(3))
---
out=fw.unpack_dual(torch.arange(3.))
---
fw.exit_dual_level()
---
with fw.dual_level():
    with fw.dual_level():
        pass
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(3.), torch.ones(3))
    z=torch.zeros(3); z[1:].copy_(d[:2]); z.mul_(d); v=z[2]; v.mul_(3)
    out=[fw.unpack_dual(z), fw.unpack_dual(v), fw.unpack_dual(d.detach()), fw.unpack_dual(d.data), fw.unpack_dual(d.clone())]
---
x=torch.arange(3.).requires_grad_()
with fw.dual_level():
    d=fw.make_dual(x, torch.ones(3))
    y=(d.sin()*d).sum()
    g,=torch.autograd.grad(y,d if False else x,create_graph=True)
    out=[y.requires_grad, fw.unpack_dual(g)]
---
x=torch.arange(3.).requires_grad_()
with fw.dual_level():
    d=fw.make_dual(x, torch.ones(3))
    t=fw.unpack_dual((d.sin()*d).sum()).tangent
    out=torch.autograd.grad(t,x)
---
x=torch.arange(3.)
with fw.dual_level():
    d=fw.make_dual(x, torch.ones(3))
    y=d*2
    out=[y.requires_grad, y.is_leaf, d.item() if d.numel()==1 else 0, y.tolist(), fw.unpack_dual(y.argmax()), fw.unpack_dual(y>2), fw.unpack_dual(y.max(0).values), fw.unpack_dual(y.long().float())]
---
m=torch.nn.Sequential(torch.nn.Linear(3,4),torch.nn.Tanh(),torch.nn.Linear(4,2))
for p in m.parameters(): p.data.fill_(0.3)
with fw.dual_level():
    for q in (m[0],m[2]):
        for n in ('weight','bias'):
            p=getattr(q,n); delattr(q,n); setattr(q,n,fw.make_dual(p,torch.ones_like(p)))
    out=fw.unpack_dual(m(torch.ones(1,3)))
---
with fw.dual_level():
    d=fw.make_dual(torch.tensor([1+2j,3.]), torch.tensor([1j,1.]))
    out=[fw.unpack_dual(d.abs()), fw.unpack_dual(d.conj()*d), fw.unpack_dual(d.real), fw.unpack_dual(torch.fft.fft(d))]
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(4.).view(2,2)+torch.eye(2), torch.ones(2,2))
    out=[fw.unpack_dual(torch.linalg.inv(d)), fw.unpack_dual(torch.linalg.det(d)), fw.unpack_dual(d@d), fw.unpack_dual(torch.softmax(d,0)), fw.unpack_dual(torch.linalg.svdvals(d))]
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(4.).view(2,2), torch.ones(2,2))
    with torch.no_grad():
        y=d*d
    out=fw.unpack_dual(y)
---
out=torch.func.jvp(lambda x: torch.func.jvp(torch.sin,(x,),(torch.ones(()),))[1],(torch.tensor(1.),),(torch.tensor(1.),))
---
out=torch.func.jvp(lambda x: torch.func.jvp(lambda y:x*y*y,(x,),(torch.ones(()),))[1],(torch.tensor(3.),),(torch.tensor(1.),))
---
out=torch.func.jvp(torch.func.grad(lambda x:(x.sin()*x).sum()),(torch.arange(3.),),(torch.ones(3),))
---
out=torch.func.grad(lambda x: torch.func.jvp(lambda y:(y.sin()*y).sum(),(x,),(torch.ones(3),))[1])(torch.arange(3.))
---
out=torch.vmap(lambda x,t: torch.func.jvp(lambda y:(y.sin()*y*x).sum(),(x,),(t,))[1])(torch.arange(6.).view(2,3),torch.ones(2,3))
---
out=torch.func.jvp(lambda x: torch.vmap(lambda y:(y*x.sum()).sin())(x),(torch.arange(3.),),(torch.ones(3),))
---
out=torch.func.jvp(lambda x: torch.vmap(lambda y,: torch.func.jvp(lambda z:(z*x.sum()*y).sin(),(y,),(x[0],))[1])(x),(torch.arange(3.)+1,),(torch.ones(3),))
---
out=torch.vmap(torch.func.jacfwd(torch.func.jacrev(lambda x:(x.sin()*x.sum()).sum())))(torch.arange(6.).view(2,3))
---
out=torch.func.jvp(lambda x:torch.ones(2),(torch.ones(2),),(torch.ones(2),))
---
out=torch.func.jvp(lambda x:torch.ones(2),(torch.ones(2),),(torch.ones(2),),strict=True)
---
out=torch.func.jvp(lambda x:(x,x.detach(),x.argmax()),(torch.ones(2),),(torch.ones(2),))
---
x=torch.arange(3.).requires_grad_()
v,t=torch.func.jvp(lambda x:x**3,(x,),(torch.ones(3),))
out=[v,t,torch.autograd.grad(t.sum(),x)]
---
f,lin=torch.func.linearize(lambda x,y:(x*y).sin(),torch.arange(3.),torch.ones(3))
out=[f,lin(torch.ones(3),torch.zeros(3)),lin(torch.zeros(3),torch.ones(3)), torch.vmap(lin)(torch.eye(3),torch.zeros(3,3))]
---
w=torch.ones(3,requires_grad=True)
J=torch.func.jacfwd(lambda x:(x*w).sin())(torch.arange(3.))
out=[J,torch.autograd.grad(J.sum(),w)]
---
with torch.no_grad():
    out=torch.func.jvp(torch.func.grad(lambda x:(x.sin()*x).sum()),(torch.arange(3.),),(torch.ones(3),))
---
with torch.no_grad():
    out=torch.func.hessian(lambda x:(x.sin()*x).sum())(torch.arange(3.))
---
with fw.dual_level():
    d=fw.make_dual(torch.arange(3.), torch.ones(3))
    t=fw.unpack_dual(torch.vmap(lambda x:x*x)(d)).tangent
    g=torch.func.grad(lambda x:(x**3).sum())(d)
    out=[t,fw.unpack_dual(g)]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


def test_the_comparison_can_fail():
    import torchlike

    right = outcome(torchlike, PROGRAMS[0])
    assert not same(right, outcome(torchlike, PROGRAMS[0].replace("sin", "cos")))


def test_without_a_level_nothing_is_added():
    """An operation costs the same again after a level was open: nobody is asked for tangents."""
    import torchlike as torch
    from torchlike.core import variable

    with torch.autograd.forward_ad.dual_level():
        assert variable.pushed is not None
    assert variable.pushed is None


def test_tangents_run_with_the_program():
    """A loop over dual tensors compiles nothing after its third step."""
    import torchlike as torch
    from torchlike.autograd import forward_ad as fw

    def step():
        with fw.dual_level():
            x = fw.make_dual(torch.arange(3.0), torch.ones(3))
            return fw.unpack_dual((x.sin() * x).sum()).tangent.item()

    for _ in range(3):
        step()
    before = torch.explain.counts()
    step()
    assert torch.explain.counts()["compilations"] == before["compilations"]


def test_levels_inside_levels():
    """PyTorch has one level; here `torch.func.jvp` may stand inside a dual level."""
    import torchlike as torch
    from torchlike.autograd import forward_ad as fw

    with fw.dual_level():
        x = fw.make_dual(torch.tensor(2.0), torch.tensor(1.0))
        slope = torch.func.jvp(lambda y: y**3, (x,), (torch.tensor(1.0),))[1]
        assert fw.unpack_dual(slope).primal.item() == 12
        assert fw.unpack_dual(slope).tangent.item() == 12
