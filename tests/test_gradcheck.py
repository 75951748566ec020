"""gradcheck and gradgradcheck: PyTorch's outcome on small programs, and the gradients of torchlike's own operators."""

from __future__ import annotations

import pytest

from tests.transform_kit import check, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
x=torch.ones(3,dtype=torch.float64,requires_grad=True)
G=torch.autograd.gradcheck
out=[G(f,(x+0.3*torch.arange(3)).detach().requires_grad_(),fast_mode=m,check_forward_ad=True) for f in (torch.sin,lambda x:x**3,lambda x:(x.sum(),x*2),lambda x:x.argmax()) for m in (False,True)]
---
z=torch.tensor([1+2j,3.-1j],dtype=torch.complex128,requires_grad=True)
G=torch.autograd.gradcheck
out=[G(f,z,fast_mode=m,check_forward_ad=True,check_batched_grad=True) for f in (torch.sin,lambda x:x**3,lambda x:(x.sum(),x*2),torch.abs,torch.view_as_real) for m in (False,True)]
---
z=torch.tensor([1+2j,3.-1j],dtype=torch.complex128,requires_grad=True)
x=torch.ones(3,dtype=torch.float64,requires_grad=True)
G=torch.autograd.gradgradcheck
out=[G(f,t,fast_mode=m,check_fwd_over_rev=True,check_batched_grad=True) for f in (torch.sin,lambda x:x**3,lambda x:(x.sum(),x*2)) for m in (False,True) for t in (x,z)]
---
torch.autograd.gradcheck(torch.sin,d)
---
torch.autograd.gradcheck(torch.sin,torch.ones(1,dtype=torch.float64).expand(3).requires_grad_())
---
torch.autograd.gradcheck(torch.sin,d,check_backward_ad=False)
---
torch.autograd.gradcheck(torch.sin,d,check_backward_ad=False,check_forward_ad=True,check_batched_grad=True)
---
torch.autograd.gradcheck(torch.sin,d,check_batched_forward_grad=True)
---
torch.autograd.gradgradcheck(torch.sin,d,check_rev_over_rev=False)
---
torch.autograd.gradgradcheck(torch.sin,d,check_rev_over_rev=False,check_fwd_over_rev=True)
---
class B(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_forward(x); return x*2
    @staticmethod
    def backward(ctx,g): return g*3
    @staticmethod
    def jvp(ctx,t): return t*2
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
out=[torch.autograd.gradcheck(B.apply,x,raise_exception=False),torch.autograd.gradcheck(B.apply,x,raise_exception=False,fast_mode=True),torch.autograd.gradcheck(B.apply,x,check_backward_ad=False,check_forward_ad=True)]
torch.autograd.gradcheck(B.apply,x)
---
class B(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*2
    @staticmethod
    def jvp(ctx,t): return t*3
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
torch.autograd.gradcheck(B.apply,x,check_forward_ad=True)
---
class B(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*3j
x=torch.ones(2,dtype=torch.complex128,requires_grad=True)
torch.autograd.gradcheck(B.apply,x)
---
k=[0]
class B(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): k[0]+=1; return g*(2+1e-7*k[0])
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
out=[torch.autograd.gradcheck(B.apply,x,nondet_tol=1e-4)]
try: torch.autograd.gradcheck(B.apply,x)
except RuntimeError as e: out+=[type(e).__name__,str(e).split('\n')[0]]
---
class B(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*0+2
x=torch.ones((),dtype=torch.float64,requires_grad=True)
torch.autograd.gradcheck(B.apply,x)
---
class B(Function):
    @staticmethod
    def forward(ctx,x): ctx.set_materialize_grads(False); return x*2
    @staticmethod
    def backward(ctx,g): return g.mul(2)
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
out=torch.autograd.gradcheck(B.apply,x,check_undefined_grad=False)
---
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
torch.autograd.gradcheck(lambda x: x.detach()*2,x)
---
x=torch.ones(2,dtype=torch.float64,requires_grad=True)
out=torch.autograd.gradcheck(lambda x: x.clone().mul_(x),x)
---
x=torch.ones(2,2,dtype=torch.float64,requires_grad=True)
out=[torch.autograd.gradcheck(torch.matmul,(x,x.detach().clone()),check_batched_grad=True,check_forward_ad=True,check_batched_forward_grad=True), torch.autograd.gradcheck(lambda x,k:x*k,(x,3))]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


OPERATORS = [
    "mul", "exp", "prod", "cumsum", "softmax", "sort", "gather", "matmul", "linalg.inv", "linalg.eigh", "fft.fft",
    "nn.functional.gelu",
]  # fmt: skip
"""A few of every kind; `python -m tests.gradcheck_sweep` walks all of them."""


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str):
    pytest.importorskip("torch", reason="its database has the samples")
    from tests.conformance import database
    from tests.gradcheck_sweep import examine

    assert not examine(name, database.everything()[name], second=name in ("mul", "softmax"))


def test_the_sweep_can_fail():
    """A wrong gradient in any mode is found."""
    pytest.importorskip("torch", reason="the sweep's database is part of PyTorch")
    import torchlike as torch
    from tests.gradcheck_sweep import checks

    class Wrong(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2.01

        @staticmethod
        def jvp(ctx, t):
            return t * 2.01

    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    for run in checks(second=False).values():
        with pytest.raises(torch.autograd.gradcheck.__globals__["GradcheckError"]):
            run(Wrong.apply, (x,))
