"""torch.autograd.forward_ad: dual tensors, which carry a tangent through every operation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from torchlike.core import batching, forward

if TYPE_CHECKING:
    from torchlike.tensor import Tensor

__all__ = ["UnpackedDualTensor", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual", "dual_level"]

_level: forward.Level | None = None


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns: the tensor without its tangent, and the tangent, None where there is none."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level, in which tensors may have tangents; returns its number, 0. RuntimeError inside another one."""
    global _level
    if _level is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _level = forward.enter()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; its tangents are gone."""
    global _level
    if level is not None and level != (0 if _level is not None else -1):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    if _level is None:
        raise RuntimeError("Dual level must be a positive number.")
    forward.leave(_level)
    _level = None


class dual_level(contextlib.ContextDecorator):
    """A block, or a decorator, with a level for dual tensors.

    >>> import torchlike as torch
    >>> import torchlike.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor(3.), torch.tensor(1.))
    ...     fwAD.unpack_dual(x ** 2)
    UnpackedDualTensor(primal=tensor(9.), tangent=tensor(6.))
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: Any) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Tensor:
    """A tensor over the memory of `tensor`, that has this tangent, of the same shape.

    Everything computed from it in the level has a tangent too, module or function, in place or not, and so have the
    gradients that a backward pass makes of it. RuntimeError outside a level, ValueError for integers. Unlike in
    PyTorch the tangent takes on the tensor's dtype, and after a write into the result `tensor` has the tangent too.
    """
    if _level is None or (level is not None and level < 0):
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, x in (("primal", tensor), ("tangent", tangent)):
        if not x._aval().inexact:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    if _level.tangent(tensor) is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
            "supported."
        )
    a, b = tensor._aval(), tangent._aval()
    if a.shape != b.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(a.shape)} while the given forward gradient is of size "
            f"{list(b.shape)}."
        )
    if a.dtype.kind != b.dtype.kind:
        raise NotImplementedError(
            f"make_dual(): a tangent of dtype {tangent.dtype} for a tensor of dtype {tensor.dtype}; make both real or "
            "both complex"
        )
    return _level.dual(batching.lift(tensor), tangent.to(tensor.dtype))


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """(the tensor without its tangent, the tangent or None); outside a level the tensor itself and None."""
    if _level is None or (level is not None and level < 0):
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(_level.primal(tensor), _level.tangent(tensor))


@contextlib.contextmanager
def _set_fwd_grad_enabled(mode: bool) -> Any:
    """A block in which tangents are followed or not."""
    with contextlib.nullcontext() if mode else forward.only([]):
        yield


def _is_fwd_grad_enabled() -> bool:
    """Whether tangents are followed, if a level is open."""
    return True
