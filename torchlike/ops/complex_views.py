"""Views that change the type: the parts of complex numbers, and the same bits as another type."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import SLOT, Array, composite
from torchlike.core.view import view
from torchlike.ops.checks import check


def _part_geometry(shift):
    def geometry(g):
        return g[0], tuple(2 * s for s in g[1]), 2 * g[2] + shift

    return geometry


@view("_.real", geometry=_part_geometry(0), write=lambda base, new: lax.complex(new, base.imag))
def real_(input: Array):
    return input.real


@view("_.imag", geometry=_part_geometry(1), write=lambda base, new: lax.complex(base.real, new))
def imag_(input: Array):
    return input.imag


@composite("torch.real", "Tensor.@real")
def real(input):
    """The real parts, a view; the tensor itself if it is not complex."""
    return real_.view((SLOT,), [input]) if input.is_complex() else input


@composite("torch.imag", "Tensor.@imag")
def imag(input):
    """The imaginary parts of a complex tensor, a view."""
    check(input.is_complex(), "imag is not implemented for tensors with non-complex dtypes.")
    return imag_.view((SLOT,), [input])


def _as_real_geometry(g):
    return (*g[0], 2), (*(2 * s for s in g[1]), 1), 2 * g[2]


@view("torch.view_as_real", geometry=_as_real_geometry, write=lambda base, new: lax.complex(new[..., 0], new[..., 1]))
def view_as_real(input: Array):
    """A complex tensor as a real one whose last dimension holds real and imaginary parts; a view."""
    check(jnp.iscomplexobj(input), "view_as_real is only supported for complex tensors")
    return jnp.stack([input.real, input.imag], -1)


def _as_complex_geometry(g):
    size, stride, offset = g
    check(stride[-1] == 1, "Tensor must have a last dimension with stride 1")
    apart = [s for n, s in zip(size[:-1], stride[:-1], strict=True) if n != 1]
    check(all(s % 2 == 0 for s in apart), "Tensor must have a stride divisible by 2 for all but last dimension")
    check(offset % 2 == 0, "Tensor must have a storage_offset divisible by 2")
    return size[:-1], tuple(s // 2 for s in stride[:-1]), offset // 2


def _as_complex_write(base, new):
    return jnp.stack([new.real, new.imag], -1)


@view("_.view_as_complex", geometry=_as_complex_geometry, write=_as_complex_write, check=True, retypes=True)
def view_as_complex(input: Array):
    return lax.complex(input[..., 0], input[..., 1])


@composite("torch.view_as_complex")
def view_as_complex_(input):
    """A real tensor whose last dimension holds real and imaginary parts as a complex one; a view."""
    kind = input.dtype
    check(
        kind.is_floating_point and kind.to_complex().to_real() is kind,
        f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
        f"{kind._scalar_name}",
    )
    check(input.ndim > 0, "Input tensor must have one or more dimensions")
    check(input.shape[-1] == 2, "Tensor must have a last dimension of size 2")
    return view_as_complex.view((SLOT,), [input])


def _bits_geometry(g, old, new, words=""):
    size, stride, offset = g
    if old == new:
        return g
    words = f"to view {words} (different element sizes)"
    check(bool(size), f"self.dim() cannot be 0 {words}")
    check(stride[-1] == 1, f"self.stride(-1) must be 1 {words}, but got {stride[-1]}")
    if old > new:
        k = old // new
        return (*size[:-1], size[-1] * k), (*(s * k for s in stride[:-1]), 1), offset * k
    k = new // old
    parts = {"size(-1)": size[-1], "storage_offset()": offset}
    for name, n in (parts | {f"stride({i})": s for i, s in enumerate(stride[:-1])}).items():
        check(n % k == 0, f"self.{name} must be divisible by {k} {words}, but got {n}")
    return (*size[:-1], size[-1] // k), (*(s // k for s in stride[:-1]), 1), offset // k


def _recast(x, kind):
    old, new = x.dtype.itemsize, kind.itemsize
    if x.dtype == kind:
        return x
    if old < new:
        x = x.reshape(*x.shape[:-1], x.shape[-1] * old // new, new // old)
    out = lax.bitcast_convert_type(x, kind)
    return out.reshape(*out.shape[:-2], out.shape[-2] * out.shape[-1]) if old > new else out


def _bits_write(base, new, kind):
    return _recast(new, base.dtype).reshape(base.shape)


@view("_.bits", geometry=lambda g, kind: g, write=_bits_write, grad="ViewBackward1", retypes=True)
def bits_(input: Array, kind):
    return _recast(input, kind)


bits_.view.read.differentiable = False


def bits(input, dtype):
    """The same bits read as another type, for `Tensor.view(dtype)`: out of the graph, as `detach()`."""
    kinds = input.dtype, dtype
    if kinds[0] is dtype:
        return input._alias()
    if any(k.is_complex or k.name == "bool" for k in kinds):
        raise NotImplementedError(
            f"view({dtype!r}) of a {kinds[0]!r} tensor: bits of bool and complex numbers cannot be reread here; use "
            "view_as_real, view_as_complex or to(dtype)"
        )
    words = f"{kinds[0]._scalar_name} as {dtype._scalar_name}"
    strided = _bits_geometry(input._geometry(), kinds[0].itemsize, dtype.itemsize, words)
    made = bits_.view((SLOT, dtype.np), [input._alias()])
    made._strided = strided
    return made
