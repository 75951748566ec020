"""Names in `torch` that belong to PyTorch's compiled part: each either works or says what to do instead."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike import placement, sparse
from torchlike.core.dtype import dtype

__all__ = ["legacy_contiguous_format"]

legacy_contiguous_format = placement.contiguous_format


def _file(way: str, **names: str) -> None:
    _absent.fill(globals(), way, **names)
    for part in names.values():
        for name in part.split():
            made = globals()[name]
            made.__module__ = "torch"
            __all__.append(name)


_file(
    sparse.WAY,
    functions="sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor "
    "sparse_compressed_tensor",
)  # fmt: skip
_file("files are read by torch.load and written by torch.save",
      kinds="PyTorchFileReader PyTorchFileWriter")  # fmt: skip
_file("TorchScript does not exist here: a Module runs as Python and is compiled by XLA",
      kinds="ScriptModule ScriptFunction ScriptObject")  # fmt: skip
_file(
    "quantized tensors do not exist here: keep the integers and their scale as two tensors",
    functions="_make_per_tensor_quantized_tensor _make_per_channel_quantized_tensor quantize_per_tensor "
    "quantize_per_channel quantize_per_tensor_dynamic",
)  # fmt: skip
_file("multiply after .to(torch.bfloat16) and scale the result", functions="_scaled_mm")


class _Unsigned:
    """A dtype below a byte. Like PyTorch's it can be named and compared; no tensor has it."""

    is_floating_point = is_complex = is_signed = False
    itemsize = 1

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def np(self) -> Any:
        raise NotImplementedError(f"tensors of torch.{self.name} do not exist here: use torch.uint8")


_Unsigned.__module__ = dtype.__module__
for _bits in range(1, 8):
    globals()[f"uint{_bits}"] = _Unsigned(f"uint{_bits}")
    __all__.append(f"uint{_bits}")
