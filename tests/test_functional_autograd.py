"""torch.autograd.functional against PyTorch: nesting of the results, create_graph, strict, and the errors."""

from __future__ import annotations

import pytest

from tests.transform_kit import check, outcome, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
f=lambda x,y:(x*y.sum(),x.sum())
out=[AF.jacobian(f,(o,d)),AF.jacobian(lambda x:x**2,d),AF.jacobian(f,(o,d),vectorize=True),AF.jacobian(f,(o,d),vectorize=True,strategy='forward-mode'),AF.jacobian(lambda x:(x**2,),d),AF.jacobian(lambda x:(x**2),(d,))]
---
out=AF.jacobian(lambda x:x**2,d,strategy='nope')
---
out=AF.jacobian(lambda x:x**2,d,strategy='forward-mode')
---
out=AF.jacobian(lambda x:x**2,d,strategy='forward-mode',create_graph=True)
---
out=AF.jacobian(lambda x:x**2,d,strategy='forward-mode',strict=True,vectorize=True)
---
out=AF.jacobian(lambda x:x**2,d,strict=True,vectorize=True)
---
out=AF.jacobian(lambda x:torch.ones(2),d)
---
out=AF.jacobian(lambda x:torch.ones(2),d,strict=True)
---
out=AF.jacobian(lambda x,y:x*2,(d,o),strict=True)
---
out=AF.jacobian(lambda x:x*2,d,strict=True,create_graph=True)
---
out=AF.jacobian(lambda x,y:x*2,(d,o),vectorize=True)
---
out=AF.jacobian(lambda x:x.sin(),d.requires_grad_(),create_graph=True)
---
j=AF.jacobian(lambda x:x.sin(),d.requires_grad_(),create_graph=True); j.sum().backward(); out=d.grad
---
j=AF.jacobian(lambda x:x.sin(),d.requires_grad_(),create_graph=True,vectorize=True); j.sum().backward(); out=[j,d.grad]
---
w=torch.ones(3,requires_grad=True)
out=[AF.jacobian(lambda x:x*w,d),AF.jacobian(lambda x:x*w,d,create_graph=True)]
---
out=AF.jacobian(lambda x:3,d)
---
out=AF.jacobian(lambda x:(x,3),d)
---
out=AF.jacobian(lambda x:x,3)
---
out=AF.jacobian(lambda x:x,(d,3))
---
out=AF.jacobian(lambda x:x,[d])
---
f=lambda x,y:(x**3*y.sum()).sum()
out=[AF.hessian(lambda x:(x**3).sum(),d),AF.hessian(f,(o,d)),AF.hessian(f,(o,d),vectorize=True),AF.hessian(f,(o,d),vectorize=True,outer_jacobian_strategy='forward-mode')]
---
out=AF.hessian(lambda x:x**3,d)
---
out=AF.hessian(lambda x:(x.sum(),),d)
---
out=AF.hessian(lambda x:x.sum(),d,strict=True)
---
out=AF.hessian(lambda x:(x**2).sum(),d,strict=True)
---
out=AF.hessian(lambda x:(x**3).sum(),d.requires_grad_(),create_graph=True)
---
out=AF.hessian(lambda x:x.sum(),d)
---
out=AF.hessian(lambda x:x.sum(),d,outer_jacobian_strategy='no')
---
out=[AF.vjp(lambda x:x.exp(),d,d),AF.vjp(lambda x:x.exp().sum(),d),AF.vjp(lambda x,y:(x*2,y*x),(d,d),(d,d)),AF.vjp(lambda x:torch.ones(3),d,d)]
---
out=AF.vjp(lambda x:x.exp(),d)
---
out=AF.vjp(lambda x:x.exp(),d,o)
---
out=AF.vjp(lambda x:(x.exp(),x),d,(d,o))
---
out=AF.vjp(lambda x:(x.exp(),x),d,d)
---
out=AF.vjp(lambda x:x.exp(),d,(d,d))
---
out=AF.vjp(lambda x:x.exp(),d,3)
---
out=AF.vjp(lambda x,y:x.exp(),(d,d),d,strict=True)
---
out=AF.vjp(lambda x:torch.ones(3),d,d,strict=True)
---
out=AF.vjp(lambda x:x*2,d,d,strict=True,create_graph=True)
---
out=AF.vjp(lambda x:x**2,d.requires_grad_(),d,create_graph=True)
---
with torch.no_grad(): out=[AF.vjp(lambda x:x**2,d.requires_grad_(),d), AF.jvp(lambda x:x**2,d,d), AF.jacobian(lambda x:x**2,d), AF.hessian(lambda x:(x**3).sum(),d)]
---
out=[AF.jvp(lambda x:x.exp(),d,d),AF.jvp(lambda x:x.exp(),d[0]),AF.jvp(lambda x,y:(x*2,y*x),(d,d),(d,d)),AF.jvp(lambda x:torch.ones(3),d,d),AF.jvp(lambda x:(x,torch.ones(3)),d,d)]
---
out=AF.jvp(lambda x:x.exp(),d)
---
out=AF.jvp(lambda x,y:x.exp(),(d,d),d)
---
out=AF.jvp(lambda x,y:x.exp(),(d,d),(d,d),strict=True)
---
out=AF.jvp(lambda x:x*2,d,d,strict=True,create_graph=True)
---
out=AF.jvp(lambda x:(x,x.detach()),d,d,strict=True)
---
out=AF.jvp(lambda x:x**2,d.requires_grad_(),d,create_graph=True)
---
f=lambda x:(x**3).sum()
g=lambda x,y:(x**2*y).sum()
out=[AF.vhp(f,d,d),AF.hvp(f,d,d),AF.vhp(g,(d,d),(d,d)),AF.hvp(g,(d,d),(d,d)),AF.hvp(lambda x:x.sum(),d,d),AF.vhp(lambda x:x.sum(),d,d),AF.vhp(f,d[0])]
---
out=AF.vhp(lambda x:x**2,d,d)
---
out=AF.hvp(lambda x:x**2,d,d)
---
out=AF.hvp(lambda x:(x.sum(),),d,d)
---
out=AF.hvp(lambda x:x.sum(),d,d,strict=True)
---
out=AF.vhp(lambda x:x.sum(),d,d,strict=True)
---
out=AF.vhp(lambda x,y:(x**2).sum(),(d,d),(d,d),strict=True)
---
out=AF.hvp(lambda x:(x**3).sum(),d.requires_grad_(),d,create_graph=True)
---
out=AF.hvp(lambda x:(x**3).sum(),d)
---
z=torch.tensor([1+2j,3.-1j])
out=[AF.jacobian(lambda z:z*z.conj(),z),AF.vjp(lambda z:z**2,z,z),AF.jvp(lambda z:z**2,z,z)]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


def test_strict_knows_what_a_gradient_really_reads():
    """The second derivative of x ** 2 is constant: an error of `strict`, which PyTorch does not see."""
    import torchlike

    kind, words = outcome(torchlike, "AF.vhp(lambda x: (x ** 2).sum(), d, d, strict=True, create_graph=True)")
    assert kind == "RuntimeError"
    assert "independent of input 0" in words
