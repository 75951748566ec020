"""torch.ao.quantization: quantized networks. There are none here: names can be imported, calls raise."""

from __future__ import annotations

from torchlike import absent as _absent
from torchlike.nn.modules.module import Module as _Module

_WAY = "there are no quantized tensors here: use bfloat16, or a JAX library for quantization such as qwix"
_absent.fill(
    globals(), _WAY,
    functions="prepare prepare_qat convert quantize quantize_dynamic quantize_qat fuse_modules fuse_modules_qat "
    "get_default_qconfig get_default_qat_qconfig get_default_qconfig_mapping prepare_fx prepare_qat_fx convert_fx "
    "propagate_qconfig_ swap_module add_quant_dequant",
    kinds="QConfig QConfigMapping QuantWrapper FakeQuantize ObserverBase MinMaxObserver PerChannelMinMaxObserver",
)  # fmt: skip


class QuantStub(_Module):
    """Hands its input through: in PyTorch too, until `convert` puts a quantizing module in its place."""

    def forward(self, x):
        """`x`."""
        return x


class DeQuantStub(QuantStub):
    """Hands its input through, as `QuantStub`."""
