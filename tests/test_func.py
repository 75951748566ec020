"""torch.func and torch.vmap against PyTorch: one expression a line."""

from __future__ import annotations

import pytest

import torchlike
from tests.test_surface import outcome, real, same
from tests.transform_kit import check, split

# ruff: noqa: E501  expressions of one line

START = """
o = torch.arange(6.0).view(2, 3) + 1
F, v = torch.func, torch.vmap
m = torch.nn.Linear(2, 2)
with torch.no_grad():
    m.weight.copy_(torch.arange(4.0).view(2, 2))
    m.bias.copy_(torch.ones(2))
"""
CASES = r"""
v(lambda x:x)()
v(lambda x:x, in_dims=(0,0))(o)
v(lambda x:x, in_dims=None)(o)
v(lambda x:x, in_dims=5)(o)
v(lambda x,y:x)(o,torch.ones(3))
v(lambda x,y:x)(o,1)
v(lambda x:1)(o)
v(lambda x:x.sum().item())(o)
v(lambda x:x+torch.rand(3))(o)
v(lambda x:x,out_dims=7)(o)
v(lambda x:x,out_dims=(0,0))(o)
v(lambda x:x,out_dims=None)(o)
v(lambda x:torch.zeros(3).add_(x))(o)
F.grad(lambda x:x)(o)
F.grad(lambda x:1)(o)
F.grad(lambda x:x.sum(),argnums=3)(o)
F.grad(lambda x:x.sum())(1.)
F.grad(lambda x:x.sum())(torch.ones(2,dtype=torch.int64))
F.grad(lambda x:x.sum(),has_aux=True)(o)
F.vjp(lambda x:x,o)[1](torch.ones(2))
F.vjp(lambda x:3,o)
F.jvp(lambda x:x,(o,),(torch.ones(2),))
F.jvp(lambda x:x,o,o)
F.functional_call(m,{'nope':o},(torch.ones(1,2),)).shape
F.functional_call(m,{'weight':torch.zeros(2,2)},(torch.ones(1,2),))
F.functional_call(m,{'weight':torch.zeros(2,2)},(torch.ones(1,2),),strict=True)
F.functional_call(m,{'nope':o},(torch.ones(1,2),),strict=True)
F.functional_call(m,{'weight':1},(torch.ones(1,2),))
F.functional_call(m,[{'weight':o},{'weight':o}],(torch.ones(1,2),))
F.functional_call(m,3,(torch.ones(1,2),))
F.stack_module_state([])
F.stack_module_state([m,torch.nn.Linear(3,3)])
F.stack_module_state([m,torch.nn.ReLU()])
F.stack_module_state([m,m])
F.vjp(lambda x:(x,x.sum()),o)[1]((o,torch.tensor(1.)))
F.vjp(lambda x,y:x*y,o,o)[1](o)
F.jacrev(lambda x:(x.sum(0),{'a':x.sum()}))(o)
F.jacrev(lambda x,y:x.sum(0)*y.sum(),argnums=(0,1))(o,o)
F.jacfwd(lambda x:((x**2).sum(0),x.sum()))(o)
F.hessian(lambda d:(d['a']**2*d['b']).sum())({'a':torch.ones(1),'b':torch.ones(1)})
F.jacrev(lambda x:1)(o)
v(lambda x:x.nonzero())(o)
v(lambda x:x if x.sum()>0 else -x)(o)
F.grad(lambda x:(x**2).sum())(o.requires_grad_()).requires_grad
F.grad(lambda x:(x**2).sum())(o).requires_grad
F.grad(lambda x:(x**2).sum())(o)
v(lambda x:x*2)(o)
v(lambda x: x @ m.weight)(torch.ones(3,2))
v(lambda x,y: x @ y, in_dims=(0,1), out_dims=1)(o, torch.ones(3,2))
v(v(lambda x,y: x*y, in_dims=(None,0)),in_dims=(0,None))(torch.arange(3.),torch.arange(4.))
v(F.grad(lambda w,x: (w*x).sin().sum()), in_dims=(None,0))(torch.ones(3),o)
v(F.grad(lambda w,x: (w*x).sin().sum()), in_dims=(0,None))(o,torch.ones(3))
F.grad(lambda x: v(lambda r: (r**3).sum())(x).sum())(o)
F.grad(F.grad(lambda x: x**3))(torch.tensor(2.))
F.grad(lambda x: x*F.grad(lambda y: x*y*y)(x))(torch.tensor(2.))
F.hessian(lambda x: (x.sin()*x.sum()).sum())(torch.arange(3.))
F.jacfwd(F.jacfwd(lambda x: (x.sin()*x.sum()).sum()))(torch.arange(3.))
F.jacrev(F.jacfwd(lambda x: (x.sin()*x.sum())))(torch.arange(3.))
F.jvp(lambda x: (x.sin(), x*2), (o,), (o,))
F.jvp(lambda x,y: x*y, (o,o), (o,torch.ones(2,3)))
v(lambda x: torch.where(x>2, x, -x).cumsum(0)[1:])(o)
v(lambda x: x[torch.tensor([0,2])])(o)
v(lambda x,i: x[i], in_dims=(0,0))(o, torch.tensor([0,2]))
v(lambda x,i: torch.gather(x,0,i))(o, torch.tensor([[0],[2]]))
v(lambda x: torch.linalg.inv(x))(torch.eye(2).expand(3,2,2)*2)
v(lambda x: torch.nn.functional.conv2d(x, torch.ones(1,2,2,2)))(torch.arange(36.).view(2,1,2,3,3))
v(lambda x: torch.nn.functional.layer_norm(x,(3,)))(o)
v(lambda x: torch.nn.functional.softmax(x,-1).max(0).values)(o)
v(lambda x: x.split(1))(o)
v(lambda x: torch.cat([x,x*2]).view(2,3).t())(o)
v(lambda x: {'a':x,'b':(x.sum(),)})(o)
v(lambda x,k: x+k, in_dims=(0,None))(o, 3)
v(lambda x: x.sum(), chunk_size=2)(torch.arange(10.).view(5,2))
v(lambda x: torch.rand(2)+x.sum()*0, randomness='same')(o).shape
v(lambda x: torch.rand(2)+x.sum()*0, randomness='different')(o).shape
v(torch.nn.functional.cross_entropy)(o, torch.tensor([0,2]))
v(lambda x: x.clone().mul_(2))(o)
v(lambda x: x.new_zeros(3).add_(x))(o)
v(lambda x: torch.ones(2))(o)
v(lambda x: x.detach()*2)(o)
F.vjp(lambda x: v(torch.sin)(x), o)[1](o)
torch.autograd.grad(v(lambda x: (x*m.weight.sum()).sum())(o).sum(), m.weight)
torch.autograd.grad(v(F.grad(lambda x: (x**2*m.weight.sum()).sum()))(o).sum(), m.weight)
torch.autograd.grad(F.grad(lambda x: (x**2*m.weight.sum()).sum())(o).sum(), m.weight)
F.grad(lambda p: F.functional_call(m, p, torch.ones(1,2)).sum())(dict(m.named_parameters()))
v(F.grad(lambda p,x: F.functional_call(m, p, x).pow(2).sum()), in_dims=(None,0))(dict(m.named_parameters()), torch.arange(6.).view(3,1,2))
v(lambda p,b,x: F.functional_call(m, (p,b), x), in_dims=(0,0,None))(*F.stack_module_state([m,m,m]), torch.ones(1,2))
F.grad_and_value(lambda x: (x.sum(), x*2), has_aux=True)(o)
F.linearize(torch.sin, o)[1](o)
F.jacrev(lambda x: x.sin(), chunk_size=2)(torch.arange(3.))
v(lambda x: x.mean() + x.std() + x.norm())(o)
v(lambda x: torch.einsum('i,j->ij', x, x))(o)
v(lambda x: x.unsqueeze(0).expand(2,3))(o)
v(torch.nn.functional.scaled_dot_product_attention)(torch.ones(2,1,2,4),torch.ones(2,1,2,4),torch.ones(2,1,2,4))
v(lambda x: x.masked_fill(x>2, 0.))(o)
F.grad(lambda x: x.clone().mul_(x).sum())(o)
F.jacrev(lambda x: x[0]*x[1])(torch.arange(3.))
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_like_pytorch(case: str):
    program = f"{START}out = {case}"
    ours = outcome(torchlike, program)
    if real is None:
        pytest.skip("PyTorch is the reference")
    theirs = outcome(real, program)
    assert same(ours, theirs), f"{ours}\nPyTorch: {theirs}"


PROGRAMS = split(r"""
v=torch.vmap
v(lambda x:x)()
---
torch.vmap(lambda x:x, in_dims=(0,0))(o)
---
torch.vmap(lambda x:x, in_dims=None)(o)
---
torch.vmap(lambda x:x, in_dims=5)(o)
---
torch.vmap(lambda x:x, in_dims='a')(o)
---
torch.vmap(lambda x,y:x)(o,torch.ones(3))
---
torch.vmap(lambda x,y:x)(o,1)
---
torch.vmap(lambda x:1)(o)
---
torch.vmap(lambda x:x,out_dims=7)(o)
---
torch.vmap(lambda x:x,out_dims=(0,0))(o)
---
torch.vmap(lambda x:x,out_dims='a')(o)
---
torch.vmap(lambda x:x,out_dims=None)(o)
---
torch.vmap(lambda x:x+torch.rand(3))(o)
---
torch.vmap(lambda x:torch.nn.functional.dropout(x))(o)
---
torch.vmap(lambda x:x,randomness='no')(o)
---
torch.vmap(lambda x:x,chunk_size=0)(o)
---
out=[torch.vmap(lambda x:x*2,in_dims=-1,out_dims=-1)(o), torch.vmap(lambda d:d['a']+d['b'][0],in_dims=({'a':0,'b':[None]},))({'a':o,'b':[d]}), torch.vmap(lambda x:(x,{'s':x.sum()}),out_dims=(1,{'s':0}))(o)]
---
out=[torch.vmap(lambda x:x.sum(),chunk_size=c)(torch.arange(12.).view(6,2)) for c in (1,4,6,7)]
---
torch.manual_seed(0)
a=torch.vmap(lambda x:x+torch.rand(3),randomness='same')(torch.zeros(4,3))
torch.manual_seed(0)
out=[a[0]==a[1],a[0]==torch.rand(3)]
---
a=torch.vmap(lambda x:x+torch.rand(3),randomness='different')(torch.zeros(4,3))
out=[(a[0]==a[1]).any()]
---
a=torch.vmap(lambda x:torch.nn.functional.dropout(x,0.5),randomness='different')(torch.ones(4,64))
b=torch.vmap(lambda x:torch.nn.functional.dropout(x,0.5),randomness='same')(torch.ones(4,64))
out=[bool((a[0]==a[1]).all()),bool((b[0]==b[1]).all())]
---
a=torch.vmap(lambda x:torch.randperm(8)+x.long().sum()*0,randomness='different')(torch.ones(4,8))
out=[a.sort(1).values]
---
a=torch.vmap(lambda x:torch.bernoulli(x),randomness='different')(torch.ones(4,8))
out=[a]
---
a=torch.vmap(lambda x:torch.normal(x,0.),randomness='different')(torch.ones(4,8))
out=[a]
---
out=F.functionalize(lambda x: x.clone().add_(1).view(-1))(o)
---
out=F.functionalize(lambda x: x.add_(1),remove='mutations_and_views')(o)
out=[out,o]
---
out=torch.vmap(F.functionalize(lambda x: x.clone().add_(1)))(o)
---
F.grad(lambda x:x.sum(),argnums='a')(o)
---
F.grad(lambda x:x.sum(),argnums=())(o)
---
F.grad(lambda x:x.sum(),argnums=(0,0))(o)
---
F.grad(lambda x:x.sum(),argnums=1)(o)
---
F.grad(lambda x:x)(o)
---
F.grad(lambda x:3)(o)
---
F.grad(lambda x:(x,x))(o)
---
F.grad(lambda x:x.sum(),has_aux=True)(o)
---
F.grad(lambda x:x.sum())(torch.arange(3))
---
F.grad(lambda x:x.sum())(3.)
---
F.grad(lambda x:x.sum()*1j)(o)
---
F.vjp(lambda x:3,o)
---
F.vjp(lambda x:(x,3),o)
---
F.vjp(lambda x:x,o)[1](d)
---
F.vjp(lambda x:(x,x),o)[1](o)
---
F.vjp(lambda x:x,o,has_aux=True)
---
F.jvp(lambda x:x,(o,),(d,))
---
F.jvp(lambda x:x,o,o)
---
F.jvp(lambda x:x,(o,),o)
---
F.jvp(lambda x:x,(o,),(o,o))
---
F.jvp(lambda x:3,(o,),(o,))
---
F.jvp(lambda x:(x,3),(o,),(o,))
---
F.jvp(lambda x:x,(3,),(o,))
---
F.jvp(lambda x:x,(),())
---
F.jvp(lambda x:x,(o,),(o,),has_aux=True)
---
F.jacrev(lambda x:3)(o)
---
F.jacrev(lambda x:x,argnums=2)(o)
---
F.jacfwd(lambda x:3)(o)
---
F.jacfwd(lambda x:x,argnums=2)(o)
---
F.jacfwd(lambda x:x,randomness='bad')(o)
---
F.jacrev(lambda x:x,chunk_size=-1)(o)
---
F.linearize(lambda x:x,o)[1](d)
---
F.linearize(lambda x:x,o)[1](o.double())
---
F.linearize(lambda x:x,o)[1](o,o)
---
out=[F.jacrev(lambda x,y:(x*y,{'a':x.sum()}),argnums=(0,1))(d,d),F.jacfwd(lambda x,y:(x*y,{'a':x.sum()}),argnums=(0,1))(d,d), F.jacrev(lambda x:(x,x),has_aux=True)(d),F.jacfwd(lambda x:(x,x),has_aux=True)(d)]
---
out=[F.hessian(lambda x,y:(x*x*y).sum(),argnums=(0,1))(d,d), F.jacrev(lambda x:{'k':x['a']*2})({'a':d}), F.jacfwd(lambda x:{'k':x['a']*2})({'a':d})]
---
m=torch.nn.BatchNorm1d(3)
F.replace_all_batch_norm_modules_(m); out=[m.running_mean,m.track_running_stats]
---
m=[torch.nn.Linear(3,2) for _ in range(3)]
for i,n in enumerate(m):
    for p in n.parameters(): p.data.fill_(i+1)
p,b=F.stack_module_state(m)
out=[p,b,torch.vmap(lambda p,b,x:F.functional_call(m[0],(p,b),(x,)),in_dims=(0,0,None))(p,b,d)]
---
m=torch.nn.BatchNorm1d(3)
p,b=F.stack_module_state([m,m])
out=[torch.vmap(lambda p,b,x:F.functional_call(m,(p,b),(x,)),in_dims=(0,0,0))(p,b,torch.arange(24.).view(2,4,3)),b]
---
x=torch.arange(6.).view(2,3)
out=[torch.vmap(lambda r:r.add_(1))(x),x]
---
x=torch.arange(6.).view(2,3)
def f(r):
    r[0]=5; return r*2
out=[torch.vmap(f)(x),x]
---
out=F.grad(lambda x: F.grad(lambda y:(x*y).sum())(x).sum())(d)
---
out=F.vjp(lambda x: F.vjp(torch.sin,x)[1](x)[0],d)[1](d)
---
out=torch.vmap(lambda x: F.vjp(torch.sin,x)[1](x)[0])(o)
---
out=torch.vmap(lambda x: F.jacrev(lambda y:y*x)(x))(o)
---
out=[F.jacrev(lambda x:torch.vmap(F.grad(lambda y:(y**3).sum()))(x))(o), F.jacfwd(lambda x:torch.vmap(F.grad(lambda y:(y**3).sum()))(x))(o)]
---
x=d.requires_grad_()
out=F.grad(lambda y:(y*x).sum())(d.detach()); out.sum().backward(); out=[out,x.grad]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_results_and_words(program: str):
    """Values, what has a history, and the words of errors."""
    check(program)


def test_programs_come_from_the_cache():
    """A mapped function is recorded like any other: the third call compiles nothing."""
    import torchlike as torch

    def step():
        return torch.vmap(torch.func.grad(lambda x: (x * x).sin().sum()))(torch.ones(4, 3)).sum().item()

    for _ in range(3):
        step()
    before = torch.explain.counts()
    step()
    assert torch.explain.counts()["compilations"] == before["compilations"]


def test_a_function_works_on_what_it_closes_over():
    import torchlike as torch

    w = torch.ones(3, requires_grad=True)
    torch.vmap(lambda x: (x * w).sum())(torch.arange(6.0).view(2, 3)).sum().backward()
    assert w.grad.tolist() == [3.0, 5.0, 7.0]


def test_a_write_into_an_argument_is_a_write_into_the_batch():
    import torchlike as torch

    x = torch.zeros(2, 3)
    torch.vmap(lambda row: row.add_(1))(x)
    assert x.sum().item() == 6


def test_debug_unwrap():
    import torchlike as torch

    seen = []
    torch.vmap(lambda row: seen.append(torch.func.debug_unwrap(row)) or row)(torch.ones(2, 3))
    assert seen[0].shape == (2, 3)
