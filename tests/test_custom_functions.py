"""autograd.Function against PyTorch: both styles, in-place, forward mode, vmap, double backward, and the errors."""

from __future__ import annotations

import pytest

from tests.transform_kit import check, split

# ruff: noqa: E501  programs of few lines

PROGRAMS = split(r"""
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(3); return x*2
    @staticmethod
    def backward(ctx,g): return g
out=G.apply(d.requires_grad_())
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return 3
    @staticmethod
    def backward(ctx,g): return g
out=G.apply(d.requires_grad_())
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2, 3, None
    @staticmethod
    def backward(ctx,g,*h): return g
out=G.apply(d.requires_grad_())
d.grad=None; out[0].sum().backward(); out=[out,d.grad]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return [x*2, x*3]
    @staticmethod
    def backward(ctx,g,h): return g+h
out=G.apply(d.requires_grad_())
---
class G(Function):
    @staticmethod
    def forward(ctx,x,k=2): return x*k
    @staticmethod
    def backward(ctx,g,h): return g+h
out=G.apply(d.requires_grad_(),k=3)
---
class G(Function):
    @staticmethod
    def forward(x,k=2): return x*k
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.k=inputs[1]
    @staticmethod
    def backward(ctx,g): return g*ctx.k,None
x=d.requires_grad_()
y=G.apply(x); y.sum().backward(); out=[y,x.grad]
---
class G(Function):
    @staticmethod
    def forward(x,k=2): return x*k
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.k=inputs[1]
    @staticmethod
    def backward(ctx,g): return g*ctx.k,None
x=d.requires_grad_()
y=G.apply(x,k=4); y.sum().backward(); out=[y,x.grad]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x
    @staticmethod
    def backward(ctx,g): return g*2
x=d.requires_grad_(); y=x*1; z=G.apply(y); z.sum().backward(); out=[z is y, z, x.grad, y.grad_fn.name(), y._version]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x
    @staticmethod
    def backward(ctx,g): return g*2
out=G.apply(d.requires_grad_())
---
class G(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x*1
    @staticmethod
    def backward(ctx,g): return g*2
out=G.apply(d.requires_grad_()*1)
---
class G(Function):
    @staticmethod
    def forward(ctx,x): y=x*2; ctx.mark_dirty(y); return y
    @staticmethod
    def backward(ctx,g): return g*2
out=G.apply(d.requires_grad_()*1)
---
class G(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x
    @staticmethod
    def backward(ctx,g): return g*2
x=d.requires_grad_(); b=x*1; v=b[1:]; z=G.apply(v); b.sum().backward(); out=[z is v, b, x.grad]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x
    @staticmethod
    def backward(ctx,g): return g*2
x=d.requires_grad_(); z=G.apply(x); z.sum().backward(); out=[z is x, z, x.grad, z.data_ptr()==x.data_ptr()]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x
    @staticmethod
    def backward(ctx,g): return g*2
with torch.no_grad(): z=G.apply(d.requires_grad_())
out=[z is d, z.requires_grad, G.apply(o) is o]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): s,i=x.sort(); ctx.mark_non_differentiable(i); ctx.save_for_backward(x,i); return s,i
    @staticmethod
    def backward(ctx,g,h): x,i=ctx.saved_tensors; global seen; seen=h; return torch.zeros_like(x).index_add_(0,i,g)
x=d.requires_grad_(); a,b=G.apply(x); a.sum().backward(); out=[a,b,x.grad,seen]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.set_materialize_grads(False); return x*2,x*3
    @staticmethod
    def backward(ctx,g,h): global seen; seen=(g is None,h is None); return g
x=d.requires_grad_(); a,b=G.apply(x); a.sum().backward(); out=[a,b,x.grad,seen]
---
once=torch.autograd.function.once_differentiable
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(x); return x**2
    @staticmethod
    @once
    def backward(ctx,g): return g*2*ctx.saved_tensors[0]
x=d.requires_grad_(); g,=torch.autograd.grad(G.apply(x).sum(),x,create_graph=True)
out=[g, g.requires_grad, g.grad_fn]
---
once=torch.autograd.function.once_differentiable
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(x); return x**2
    @staticmethod
    @once
    def backward(ctx,g): return g*2*ctx.saved_tensors[0]
x=d.requires_grad_(); g,=torch.autograd.grad((G.apply(x)*x).sum(),x,create_graph=True)
out=[g, g.requires_grad, type(g.grad_fn).__name__]
g.sum().backward()
---
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(x); return x*2
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
x=d.requires_grad_(); y=x*1; z=G.apply(y); y.add_(1); z.sum().backward()
---
class G(Function):
    @staticmethod
    def forward(ctx,x): y=x*2; ctx.save_for_backward(y); return y
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
x=d.requires_grad_(); z=G.apply(x); z.add_(1); z.sum().backward()
---
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(x); return x*2
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); z.backward()
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g.expand(2,3)
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return 3
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x,k): return x*k
    @staticmethod
    def backward(ctx,g): return g, g
x=d.requires_grad_(); z=G.apply(x,2).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x,k): return x*k
    @staticmethod
    def backward(ctx,g): return g,None,None,None
x=d.requires_grad_(); z=G.apply(x,2).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x,k): return x*k
    @staticmethod
    def backward(ctx,g): return g,None,g
x=d.requires_grad_(); z=G.apply(x,2).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); out=x.grad
---
class G(Function):
    pass
G.apply(d)
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g
    @staticmethod
    def vjp(ctx,g): return g
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); out=x.grad
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def vjp(ctx,g): return g*5
x=d.requires_grad_(); z=G.apply(x).sum(); z.backward(); out=x.grad
---
G().apply(d)
---
class G(Function):
    @staticmethod
    def forward(ctx,x,y): ctx.save_for_backward(x,y); ctx.save_for_forward(x,y); return x*y
    @staticmethod
    def backward(ctx,g): x,y=ctx.saved_tensors; return g*y,g*x
    @staticmethod
    def jvp(ctx,s,t): x,y=ctx.saved_tensors; return s*y+x*t
with fw.dual_level():
    x=fw.make_dual(d,torch.ones(3))
    out=[fw.unpack_dual(G.apply(x,d)), fw.unpack_dual(G.apply(x,x)), fw.unpack_dual(G.apply(d,x))]
---
class G(Function):
    @staticmethod
    def forward(ctx,x,y): ctx.set_materialize_grads(False); ctx.save_for_forward(x,y); return x*y
    @staticmethod
    def jvp(ctx,s,t): x,y=ctx.saved_tensors; return 100.*torch.ones(3)*(t is None)+10*(s is None)
with fw.dual_level():
    x=fw.make_dual(d,torch.ones(3))
    out=[fw.unpack_dual(G.apply(x,d)), fw.unpack_dual(G.apply(x,x)), fw.unpack_dual(G.apply(d,x)), fw.unpack_dual(G.apply(d,d))]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g
with fw.dual_level():
    G.apply(fw.make_dual(d,torch.ones(3)))
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2,x*3
    @staticmethod
    def jvp(ctx,g): return g
with fw.dual_level():
    G.apply(fw.make_dual(d,torch.ones(3)))
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def jvp(ctx,g): return torch.ones(2)
with fw.dual_level():
    G.apply(fw.make_dual(d,torch.ones(3)))
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def jvp(ctx,g): return 3
with fw.dual_level():
    G.apply(fw.make_dual(d,torch.ones(3)))
---
class G(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x
    @staticmethod
    def backward(ctx,g): return g*2
    @staticmethod
    def jvp(ctx,g): return g.mul_(2)
with fw.dual_level():
    a=fw.make_dual(d,torch.ones(3))
    out=[fw.unpack_dual(G.apply(a)), fw.unpack_dual(a)]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): return x.view(-1)
    @staticmethod
    def backward(ctx,g): return g.view(3)
x=d.requires_grad_(); z=G.apply(x); out=[z,z._is_view()]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): ctx.n=x.shape[0]; out=x*2; ctx.edges=out; return out
    @staticmethod
    def backward(ctx,g): return g*ctx.n
x=d.requires_grad_(); z=G.apply(x); z.sum().backward(); out=[x.grad,z.grad_fn.n, z.grad_fn.needs_input_grad, z.grad_fn.next_functions[0][0].name(), z.grad_fn.name(), len(z.grad_fn.saved_tensors)]
---
class G(Function):
    @staticmethod
    def forward(ctx,x,l): return x*l[0]
    @staticmethod
    def backward(ctx,g): global seen; seen=ctx.needs_input_grad; return g,None
x=d.requires_grad_(); z=G.apply(x,[x]); z.sum().backward(); out=[x.grad,seen]
---
class G(Function):
    @staticmethod
    def forward(ctx,x): global seen; seen=torch.is_grad_enabled(), x.requires_grad; return x*2
    @staticmethod
    def backward(ctx,g): global sb; sb=torch.is_grad_enabled(),g.requires_grad; return g
x=d.requires_grad_(); z=G.apply(x); z.sum().backward(); out=[seen,sb]
torch.autograd.grad(G.apply(x).sum(),x,create_graph=True); out+=[seen,sb]
---
class G(Function):
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
x=d.requires_grad_()
g,=torch.autograd.grad(G.apply(x).sum(),x,create_graph=True)
h,=torch.autograd.grad(g.sum(),x,create_graph=True)
out=[g,h,torch.autograd.grad(h.sum(),x)]
---
class E(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(output); ctx.save_for_forward(output)
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
    @staticmethod
    def jvp(ctx,t): return t*ctx.saved_tensors[0]
x=d/3
S=lambda x:E.apply(x).sum()
out=[F.grad(S)(x), F.vjp(E.apply,x)[1](x), F.jvp(E.apply,(x,),(x,)), F.jacrev(E.apply)(x), F.jacfwd(E.apply)(x), F.hessian(S)(x), torch.vmap(E.apply)(o/3), torch.vmap(F.grad(S))(o/3), F.grad(lambda x: torch.vmap(E.apply)(x).sum())(o/3), torch.vmap(torch.vmap(E.apply))(o/3), F.grad(F.grad(lambda x:E.apply(x)))(x[0]), torch.vmap(F.hessian(S))(o/3), F.jacrev(F.jacrev(E.apply))(x), F.jvp(lambda x: torch.vmap(E.apply)(x),(o/3,),(o,)), F.jacfwd(F.jacrev(E.apply))(x), F.jacrev(F.jacfwd(E.apply))(x)]
---
class M(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x,y): return x*y, x+y
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(*inputs); ctx.save_for_forward(*inputs)
    @staticmethod
    def backward(ctx,g,h): x,y=ctx.saved_tensors; return g*y+h, g*x+h
    @staticmethod
    def jvp(ctx,s,t): x,y=ctx.saved_tensors; return s*y+x*t,s+t
x=d/3
out=[torch.vmap(M.apply,in_dims=(0,None))(o,d), torch.vmap(M.apply,in_dims=(None,0))(d,o), F.grad(lambda d: torch.vmap(M.apply,in_dims=(0,None))(o,d)[0].sum())(d), F.grad(lambda o,d: torch.vmap(M.apply,in_dims=(0,None))(o,d)[0].sum(),argnums=(0,1))(o,d),F.jvp(lambda d: torch.vmap(M.apply,in_dims=(0,None))(o,d),(d,),(d,)), torch.vmap(F.jacrev(lambda a,b:M.apply(a,b)[0],argnums=1),in_dims=(0,None))(o,d), torch.vmap(F.jacfwd(lambda a,b:M.apply(a,b)[0],argnums=1),in_dims=(0,None))(o,d),torch.vmap(M.apply,in_dims=(1,None),out_dims=(1,0))(o,torch.tensor(2.))]
---
class N(Function):
    @staticmethod
    def forward(x): return torch.tensor(x.numpy()*2)
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def backward(ctx,g): return g*2
    @staticmethod
    def vmap(info,in_dims,x):
        assert info.batch_size==2 and in_dims==(0,) and info.randomness=='error'
        return N.apply(x), 0
out=[torch.vmap(N.apply)(o), torch.vmap(F.grad(lambda x:N.apply(x).sum()))(o), F.grad(lambda x:torch.vmap(N.apply)(x).sum())(o)]
---
class N(Function):
    @staticmethod
    def forward(x): return x*2
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def backward(ctx,g): return g*2
torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*2
torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*2
F.grad(lambda x:N.apply(x).sum())(o)
---
class N(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g*2
F.jvp(lambda x:N.apply(x).sum(),(o,),(o,))
---
class N(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x): return x*2
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def vmap(info,in_dims,x): return x*3,0
torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(x): return x*2
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def vmap(info,in_dims,x): return x*3,0,0
torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(x): return x*2
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def vmap(info,in_dims,x): return x*3,(0,0)
torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(x): return x*2
    @staticmethod
    def setup_context(ctx,inputs,output): pass
    @staticmethod
    def vmap(info,in_dims,x,): return x.sum(0),None
out=torch.vmap(N.apply)(o)
---
class N(Function):
    @staticmethod
    def forward(x,k): return x*k
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.k=inputs[1]
    @staticmethod
    def backward(ctx,g): return g*ctx.k,None
    @staticmethod
    def vmap(info,in_dims,x,k): assert in_dims==(1,None) or in_dims==(0,None); return N.apply(x,k),in_dims[0]
out=torch.vmap(N.apply,in_dims=(1,None))(o,3)
---
class N(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x): x.mul_(2); return x
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.mark_dirty(inputs[0])
    @staticmethod
    def backward(ctx,g): return g*2
def f(x):
    y=x*1; N.apply(y); return y
out=[torch.vmap(f)(o), F.grad(lambda x:torch.vmap(f)(x).sum())(o), torch.vmap(F.grad(lambda x:f(x).sum()))(o)]
---
class S(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x): return tuple(x.sort())
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.mark_non_differentiable(output[1]); ctx.save_for_backward(inputs[0],output[1])
    @staticmethod
    def backward(ctx,g,h): x,i=ctx.saved_tensors; return torch.zeros_like(x).scatter(0,i,g)
out=[torch.vmap(lambda x:S.apply(x)[0])(-o), F.grad(lambda x:(S.apply(x)[0]*d).sum())(-d), torch.vmap(F.grad(lambda x:(S.apply(x)[0]*d).sum()))(-o), F.grad(lambda x:(torch.vmap(S.apply)(x)[0]*d).sum())(-o)]
---
class E(Function):
    generate_vmap_rule=True
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx,g): return g*ctx.saved_tensors[0]
w=torch.ones(3,requires_grad=True)
y=torch.vmap(lambda x: E.apply(x*w).sum())(o/3).sum()
g,=torch.autograd.grad(y,w,create_graph=True)
out=[g,torch.autograd.grad(g.sum(),w)]
---
class E(Function):
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx,g): return Mul.apply(g,ctx.saved_tensors[0])
class Mul(Function):
    @staticmethod
    def forward(x,y): return x*y
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx,g): x,y=ctx.saved_tensors; return Mul.apply(g,y),Mul.apply(g,x)
x=d/3
out=[F.grad(F.grad(lambda x:F.grad(lambda x:E.apply(x))(x)))(x[0])]
y,pull=F.vjp(E.apply,x.requires_grad_())
out+=[torch.autograd.grad(pull(x)[0].sum(),x)]
---
class E(Function):
    @staticmethod
    def forward(x): return x.sin()
    @staticmethod
    def setup_context(ctx,inputs,output): ctx.save_for_forward(inputs[0])
    @staticmethod
    def jvp(ctx,t): return t*ctx.saved_tensors[0].cos()
x=d/3
out=[F.jvp(E.apply,(x,),(d,)), F.grad(lambda x:F.jvp(E.apply,(x,),(d,))[1].sum())(x)]
""")


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_pytorch(program: str):
    check(program)


def test_a_function_in_a_steady_loop_compiles_nothing():
    import torchlike as torch

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    w = torch.ones(3, requires_grad=True)

    def step():
        w.grad = None
        loss = Double.apply(w).sum()
        loss.backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.1)
        return loss.item()

    for _ in range(3):
        step()
    before = torch.explain.counts()
    assert step() < 3
    assert torch.explain.counts()["compilations"] == before["compilations"]


def test_an_output_that_is_saved_holds_no_cycle():
    """Memory is freed when the result goes, without the garbage collector."""
    import gc
    import weakref

    import torchlike as torch

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    gc.collect()
    gc.disable()
    try:
        y = Exp.apply(torch.ones(2, requires_grad=True))
        seen = weakref.ref(y)
        del y
        assert seen() is None
    finally:
        gc.enable()


def test_forward_mode_of_forward_mode_through_a_generated_rule():
    """PyTorch gives zeros here: in its generated rule the tangent of the saved output is lost."""
    import torchlike as torch

    class Exp(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x.exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(output)

        @staticmethod
        def jvp(ctx, t):
            return t * ctx.saved_tensors[0]

    twice = torch.func.jacfwd(torch.func.jacfwd(Exp.apply))(torch.tensor(1.0))
    assert abs(twice.item() - 2.7182817) < 1e-5
