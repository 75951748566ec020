"""torch.nn.quantized: layers over quantized tensors, which do not exist here."""

from torchlike import absent as _absent

_absent.fill(
    globals(), "quantized layers do not exist here: use those of torch.nn in bfloat16",
    kinds="Linear Conv1d Conv2d Conv3d Embedding EmbeddingBag BatchNorm2d BatchNorm3d FloatFunctional LayerNorm "
    "QFunctional Quantize DeQuantize ReLU6 Hardswish Sigmoid",
)  # fmt: skip
