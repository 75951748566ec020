"""torch.utils.checkpoint against PyTorch, and that it lowers what is kept for the backward pass."""

from __future__ import annotations

import gc

import pytest

from tests.transform_kit import check, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
out=[]
for r in (True,False):
    x.grad=None
    y=C(lambda t:t.sin()*t,x,use_reentrant=r); y.sum().backward(); out+=[y,x.grad]
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t:t.sin(),x,use_reentrant=True)
torch.autograd.grad(y.sum(),x)
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t:t.sin(),x,use_reentrant=True)
y.sum().backward(inputs=[x])
---
import warnings
C=torch.utils.checkpoint.checkpoint
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter('always')
    y=C(lambda t:t.sin(),d,use_reentrant=True)
out=[str(i.message) for i in w]+[y.requires_grad]
---
import warnings
C=torch.utils.checkpoint.checkpoint
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter('always')
    y=C(lambda t:t.sin(),d.requires_grad_())
out=[str(i.message)[:70] for i in w]+[y.grad_fn.name()]
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t,k=1:t.sin()*k,x,k=3,use_reentrant=True)
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t,k=1:t.sin()*k,x,k=3,use_reentrant=False); y.sum().backward(); out=x.grad
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t,k=1:t.sin()*k,x,debug=True,use_reentrant=True)
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t:(t.detach()*2),x,use_reentrant=True); y.sum().backward()
---
C=torch.utils.checkpoint.checkpoint
w=torch.ones(3,requires_grad=True)
x=d.requires_grad_()
y=C(lambda t:(t*w).sin(),x,use_reentrant=False)
g=torch.autograd.grad(y.sum(),(x,w),create_graph=True)
out=[g,torch.autograd.grad(g[0].sum(),w)]
---
C=torch.utils.checkpoint.checkpoint
w=torch.ones(3,requires_grad=True)
y=C(lambda t:((t*w).sin(),t),d,use_reentrant=False)
y[0].sum().backward(); out=[y,w.grad]
---
C=torch.utils.checkpoint.checkpoint
torch.manual_seed(0)
x=torch.ones(8,requires_grad=True)
out=[]
for r in (True,False):
    x.grad=None
    y=C(lambda t:torch.nn.functional.dropout(t*t),x,use_reentrant=r); torch.rand(3); y.sum().backward(); out+=[y,x.grad]
out+=[torch.rand(2)]
---
C=torch.utils.checkpoint.checkpoint
seen=[]
import contextlib
@contextlib.contextmanager
def block(n):
    seen.append(n)
    try: yield
    finally: seen.append(-n)
x=d.requires_grad_()
y=C(lambda t:t.sin(),x,use_reentrant=False,context_fn=lambda:(block(1),block(2))); y.sum().backward(); out=seen
---
C=torch.utils.checkpoint.checkpoint
n=[0]
def f(t):
    n[0]+=1
    return (t.sin().exp()) if n[0]==1 else t.sum().exp()
x=d.requires_grad_()
y=C(f,x,use_reentrant=False)
try: y.sum().backward()
except RuntimeError as e: out=type(e).__name__
---
S=torch.utils.checkpoint.checkpoint_sequential
torch.manual_seed(0)
m=torch.nn.Sequential(*[torch.nn.Linear(3,3) for _ in range(5)])
x=d.requires_grad_()
out=[]
for r in (True,False):
    x.grad=None
    for p in m.parameters(): p.grad=None
    y=S(m,2,x,use_reentrant=r); y.sum().backward(); out+=[y,x.grad,[p.grad for p in m.parameters()]]
---
S=torch.utils.checkpoint.checkpoint_sequential
S([torch.sin,torch.cos],2,d,use_reentrant=False,foo=3)
---
c=torch.utils.checkpoint
out=[c.detach_variable((d.requires_grad_(),3)),c.get_device_states(d)]
c.detach_variable([d])
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
with torch.no_grad(): out=[C(torch.sin,x,use_reentrant=r) for r in (True,False)]
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
y=C(lambda t:C(torch.sin,t*t,use_reentrant=False).exp(),x,use_reentrant=False); y.sum().backward(); out=x.grad
---
C=torch.utils.checkpoint.checkpoint
x=d.requires_grad_()
f=lambda t:{'a':t*2,'b':[t.sin()]}
y=C(f,x,use_reentrant=False); (y['a']*y['b'][0]).sum().backward(); out=x.grad
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


def kept(checkpointed: bool | None, reentrant: bool) -> tuple[int, list]:
    """(bytes of all values alive between forward and backward, the gradients)."""
    import torchlike as torch
    from torchlike.core.value import Value

    torch.manual_seed(0)
    blocks = [torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh())
              for _ in range(6)]  # fmt: skip
    start = torch.randn(512, 32, requires_grad=True)
    gc.collect()
    before = {id(v) for v in gc.get_objects() if type(v) is Value}
    x = start
    for block in blocks:
        x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=reentrant) if checkpointed else block(x)
    loss = x.square().mean()
    loss.item()
    gc.collect()
    values = [v for v in gc.get_objects() if type(v) is Value and id(v) not in before and v.array is not None]
    total = sum(v.array.nbytes for v in values)
    del values
    loss.backward()
    return total, [start.grad, *[p.grad for block in blocks for p in block.parameters()]]


@pytest.mark.parametrize("reentrant", [True, False])
def test_less_is_kept(reentrant: bool):
    """Between blocks one tensor each is kept, instead of all four."""
    import torchlike as torch

    plain, wanted = kept(False, reentrant)
    least, got = kept(True, reentrant)
    assert least < 0.6 * plain
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_a_write_into_an_argument_changes_no_gradient():
    """The recomputation starts from the values of the time, where PyTorch raises an error."""
    import torchlike as torch

    x = torch.ones(3, requires_grad=True)
    given = x * 1
    y = torch.utils.checkpoint.checkpoint(lambda t: t * t, given, use_reentrant=False)
    with torch.no_grad():
        given.fill_(100)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
