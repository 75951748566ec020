"""torch.library: custom operations, their gradients and rules for batches, schemas and opcheck, against PyTorch."""

from __future__ import annotations

import pytest

import torchlike as torch
from tests.transform_kit import check, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
L=torch.library
@L.custom_op("m1::f",mutates_args=())
def f(x: torch.Tensor, k: float = 2.0) -> torch.Tensor:
    return x*k
out=[f(d), f(d,3.), f(d,k=4.), torch.ops.m1.f(d), f._qualname if hasattr(f,'_qualname') else None]
---
L=torch.library
@L.custom_op("m2::f",mutates_args=())
def f(x):
    return x
---
L=torch.library
@L.custom_op("m4::f",mutates_args=())
def f(x: torch.Tensor) -> torch.Tensor:
    return x*2
f(d.requires_grad_()).sum().backward()
---
L=torch.library
@L.custom_op("m5::f",mutates_args=())
def f(x: torch.Tensor, k: int) -> torch.Tensor:
    return torch.from_numpy(x.detach().numpy()*k)
def back(ctx,g): return g*ctx.k,None
def setup(ctx,inputs,output): ctx.k=inputs[1]
f.register_autograd(back,setup_context=setup)
x=d.requires_grad_()
y=f(x,3); y.sum().backward()
out=[y,x.grad,y.grad_fn is not None]
---
L=torch.library
@L.custom_op("m6::f",mutates_args=())
def f(x: torch.Tensor, *, k: int) -> torch.Tensor:
    return x.clone()*k
def back(ctx,g): return g*ctx.k
def setup(ctx,inputs,keyword_only_inputs,output): ctx.k=keyword_only_inputs['k']
f.register_autograd(back,setup_context=setup)
x=d.requires_grad_()
y=f(x,k=3); y.sum().backward()
out=[y,x.grad]
---
L=torch.library
@L.custom_op("m7::f",mutates_args={"x"})
def f(x: torch.Tensor) -> None:
    x.mul_(2)
a=d.clone(); r=f(a); out=[r,a]
---
L=torch.library
@L.custom_op("m10::f",mutates_args=())
def f(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.detach().numpy()*2)
out=torch.vmap(f)(o)
---
L=torch.library
@L.custom_op("m11::f",mutates_args=())
def f(x: torch.Tensor) -> torch.Tensor:
    return x*2
with fw.dual_level():
    f(fw.make_dual(d,d))
---
I=torch.library.infer_schema
from typing import Optional,List,Sequence,Union
def f(x: torch.Tensor, y: Optional[torch.Tensor], k: int, a: float = 1.0, b: bool = False, s: str = "q", l: Optional[Sequence[int]] = None, dt: Optional[torch.dtype] = None, *, dev: Optional[torch.device] = None, n: Optional[int] = 3) -> torch.Tensor: ...
def g(xs: List[torch.Tensor], o: Sequence[Optional[torch.Tensor]], n: Union[int,float,bool]) -> tuple[torch.Tensor, torch.Tensor]: ...
def h(x: torch.Tensor) -> None: ...
def i(x: torch.Tensor) -> List[torch.Tensor]: ...
out=[I(f,mutates_args=()),I(g,mutates_args=()),I(h,mutates_args=("x",)),I(i,mutates_args="unknown"),I(h,mutates_args=(),op_name="hh")]
---
def f(x: torch.Tensor, y): ...
torch.library.infer_schema(f,mutates_args=())
---
def f(x: torch.Tensor, *a) -> torch.Tensor: ...
torch.library.infer_schema(f,mutates_args=())
---
def f(x: torch.Tensor, k: int) -> torch.Tensor: ...
torch.library.infer_schema(f,mutates_args=("k",))
---
def f(x: torch.Tensor) -> torch.Tensor: ...
torch.library.infer_schema(f,mutates_args=("z",))
---
L=torch.library
@L.custom_op("m12::f",mutates_args=())
def f(x: torch.Tensor) -> torch.Tensor:
    return x*2
@f.register_fake
def _(x): return torch.empty_like(x)
f.register_autograd(lambda ctx,g:g*2)
r=L.opcheck(f,(d.requires_grad_(),),test_utils=('test_schema','test_autograd_registration','test_faketensor'))
out=r
---
L=torch.library
@L.custom_op("m13::f",mutates_args=())
def f(x: torch.Tensor) -> torch.Tensor:
    x.add_(1)
    return x*2
try: L.opcheck(f,(d,),test_utils=('test_schema',))
except Exception as e: out=type(e).__name__
---
L=torch.library
lib=L.Library("m14","DEF")
lib.define("f(Tensor x) -> Tensor")
lib.impl("f",lambda x:x*2,"CompositeExplicitAutograd")
out=torch.ops.m14.f(d)
---
torch.library.register_fake("nope::f",lambda x:x)
---
torch.ops.m99.f(d)
---
L=torch.library
@L.custom_op("m15::f",mutates_args=())
def f(x: torch.Tensor) -> tuple[torch.Tensor,torch.Tensor]:
    return x*2,x*3
f.register_autograd(lambda ctx,g,h:g*2+h*3)
x=d.requires_grad_(); a,b=f(x); (a+b).sum().backward(); out=[a,b,x.grad]
---
L=torch.library
@L.custom_op("m16::f",mutates_args=())
def f(xs: list[torch.Tensor]) -> torch.Tensor:
    return sum(xs)*1
f.register_autograd(lambda ctx,g:[g*2,g*3], setup_context=lambda ctx,inputs,output:None)
x=d.requires_grad_(); a=f([x,x]); a.sum().backward(); out=[a,x.grad]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


def test_gradient_and_rule_under_transforms():
    """PyTorch refuses a custom operation with a gradient in torch.func; here it goes through all of it."""
    @torch.library.custom_op("here::double", mutates_args=())
    def double(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)

    double.register_autograd(lambda ctx, g: g * 2)
    o = torch.arange(6.0).view(2, 3)
    assert torch.vmap(double)(o).tolist() == (o * 2).tolist()  # an element in turn

    seen = []

    @double.register_vmap
    def rule(info, in_dims, x):
        seen.append((info.batch_size, in_dims))
        return double(x), in_dims[0]

    assert torch.vmap(double, in_dims=1)(o).tolist() == (o * 2).T.tolist()
    assert seen == [(3, (0,))]
    twos = torch.full((2, 3), 2.0).tolist()
    assert torch.vmap(torch.func.grad(lambda x: double(x).sum()))(o).tolist() == twos
    assert torch.func.grad(lambda x: torch.vmap(double)(x).sum())(o).tolist() == twos


def test_a_result_may_not_be_an_argument():
    @torch.library.custom_op("here::same", mutates_args=())
    def same(x: torch.Tensor) -> torch.Tensor:
        return x

    with pytest.raises(RuntimeError, match="must not also be an input to this custom operator"):
        same(torch.ones(2))


def test_opcheck_finds_a_wrong_shape():
    @torch.library.custom_op("here::half", mutates_args=())
    def half(x: torch.Tensor) -> torch.Tensor:
        return x[::2].clone()

    half.register_fake(lambda x: torch.empty_like(x))
    found = torch.library.opcheck(half, (torch.ones(4),), raise_exception=False)
    assert found["test_schema"] == found["test_aot_dispatch_dynamic"] == "SUCCESS"
    assert "test_faketensor failed" in str(found["test_faketensor"])
