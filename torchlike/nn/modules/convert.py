"""Moving a module's tensors to other devices and other dtypes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from torchlike.core.autograd import no_grad
from torchlike.core.device import device as Device
from torchlike.core.dtype import dtype as Dtype
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor


class ConvertMethods:
    """The part of Module that casts and moves. Parameters stay the same objects, so optimizers keep their hold."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True):
        """Replace every tensor by `fn` of it: parameters and their gradients in place, buffers anew."""
        if recurse:
            for child in self._modules.values():
                if child is not None:
                    child._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            gradient = parameter.grad
            with no_grad():
                changed = fn(parameter)
                changed_gradient = None if gradient is None else fn(gradient)
            # the gradient is taken off meanwhile: its dtype or device would not fit the new data
            parameter.grad = None
            if changed is not parameter:
                parameter.data = changed.detach()
            if gradient is not None:
                if changed_gradient is not None and changed_gradient is not gradient:
                    gradient.data = changed_gradient
                parameter.grad = gradient
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Move to a device, cast to a dtype, or both, in place; returns the module.

        Called as `to(device=None, dtype=None, non_blocking=False)`, `to(dtype, non_blocking=False)`,
        `to(tensor, non_blocking=False)`, the tensor lending its device and dtype, or with `memory_format=` alone.
        Only floating and complex tensors are cast; all are moved. TypeError if the dtype is of another kind.

        >>> import torchlike as torch
        >>> torch.nn.Linear(2, 1).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
                )
            if dtype.is_complex:
                warnings.warn(
                    "Complex modules are a new feature under active development whose design may change, and some "
                    "modules might not work as expected when using complex tensors as parameters or buffers. Please "
                    "file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if "
                    "a complex module does not work as expected.",
                    stacklevel=2,
                )

        def convert(t: Tensor) -> Tensor:
            cast = dtype if t.is_floating_point() or t.is_complex() else None
            options = {"memory_format": memory_format} if memory_format is not None and t.dim() in (4, 5) else {}
            return t.to(device, cast, non_blocking, **options)

        return self._apply(convert)

    def type(self, dst_type: Dtype | str):
        """Cast every parameter and buffer, integer ones too, to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def _cast(self, dtype_name: str):
        return self._apply(lambda t: getattr(t, dtype_name)() if t.is_floating_point() else t)

    def float(self):
        """Cast the floating parameters and buffers to float32."""
        return self._cast("float")

    def double(self):
        """Cast the floating parameters and buffers to float64."""
        return self._cast("double")

    def half(self):
        """Cast the floating parameters and buffers to float16."""
        return self._cast("half")

    def bfloat16(self):
        """Cast the floating parameters and buffers to bfloat16."""
        return self._cast("bfloat16")

    def cpu(self):
        """Move all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: int | Device | None = None):
        """Move all parameters and buffers to the GPU; PyTorch's error where there is none."""
        return self._apply(lambda t: t.cuda(device))

    def ipu(self, device: int | Device | None = None):
        """Not supported: raises NotImplementedError. XLA has no IPU backend here."""
        raise _no_backend("ipu")

    def xpu(self, device: int | Device | None = None):
        """Not supported: raises NotImplementedError. XLA has no XPU backend here."""
        raise _no_backend("xpu")

    def mtia(self, device: int | Device | None = None):
        """Not supported: raises NotImplementedError. XLA has no MTIA backend here."""
        raise _no_backend("mtia")

    def to_empty(self, *, device: str | Device | int | None, recurse: bool = True):
        """Move to `device` without copying: shapes and dtypes stay, values are undefined."""
        from torchlike import empty_like  # here, not above: the torch namespace is put together after torchlike.nn

        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self):
        """`share_memory_()` on all parameters and buffers."""
        return self._apply(lambda t: t.share_memory_())


def _no_backend(name: str) -> NotImplementedError:
    return NotImplementedError(f"Module.{name}: no such backend here; use Module.to('cpu'), .to('cuda') or .to('tpu')")


_FORMS = {
    Dtype: ("dtype", "non_blocking", "copy"),
    Tensor: ("tensor", "non_blocking", "copy"),
    object: ("device", "dtype", "non_blocking", "copy"),
}


def _parse_to(*args, **kwargs) -> tuple[Device | None, Dtype | None, bool, Any]:
    """Device, dtype, non_blocking and memory_format of a call of `to`, whichever of its three forms was used."""
    names = next(names for kind, names in _FORMS.items() if isinstance(args[0] if args else None, kind))
    given = dict(zip(names, args, strict=False))
    if len(args) > len(names) or given.keys() & kwargs.keys():
        raise _bad_arguments(args, kwargs)
    given.update(kwargs)
    memory_format = given.pop("memory_format", None)
    non_blocking = given.pop("non_blocking", False)
    if not isinstance(non_blocking, bool):
        raise _bad_arguments(args, kwargs)
    if "copy" in given:
        raise RuntimeError(".to() does not accept copy argument")
    if isinstance(given.get("tensor"), Tensor) and len(given) == 1:
        return given["tensor"].device, given["tensor"].dtype, non_blocking, memory_format
    device, dtype = given.pop("device", None), given.pop("dtype", None)
    if given or not isinstance(dtype, Dtype | None) or not isinstance(device, str | int | Device | None):
        raise _bad_arguments(args, kwargs)
    return None if device is None else Device(device), dtype, non_blocking, memory_format


def _bad_arguments(args: tuple, kwargs: dict) -> TypeError:
    words = {Dtype: "torch.dtype", Device: "torch.device"}

    def word(value: Any) -> str:
        return words.get(type(value), type(value).__name__)

    got = ", ".join([*(word(a) for a in args), *(f"{name}={word(value)}" for name, value in kwargs.items())])
    rest = "bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n"
    return TypeError(
        f"to() received an invalid combination of arguments - got ({got}{'' if args else ', '}), but expected one of:\n"
        f" * (torch.device device = None, torch.dtype dtype = None, {rest}"
        f" * (torch.dtype dtype, {rest} * (Tensor tensor, {rest}"
    )
