"""torch.onnx: nothing is exported to ONNX here. Names can be imported; what would write a file raises."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from torchlike import absent as _absent
from torchlike.onnx import _internal as _internal
from torchlike.onnx import operators as operators
from torchlike.onnx import symbolic_helper as symbolic_helper

_WAY = "load the state_dict() into the same model in PyTorch and export it there, or go through jax2tf and tf2onnx"
_absent.fill(
    globals(), _WAY, kinds="ONNXProgram ExportOptions JitScalarType ONNXRuntimeOptions",
    functions="export dynamo_export export_to_pretty_string register_custom_op_symbolic unregister_custom_op_symbolic "
    "select_model_mode_for_export",
)  # fmt: skip


class OperatorExportTypes(IntEnum):
    """How operators would be exported."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


class TrainingMode(IntEnum):
    """The mode in which a model would be exported."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class TensorProtoDataType(IntEnum):
    """ONNX's numbers for dtypes (https://onnx.ai/onnx/repo-docs/IR.html)."""

    UNDEFINED = 0
    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    STRING = 8
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    BFLOAT16 = 16


class OnnxExporterError(RuntimeError):
    """What PyTorch's exporter raises; nothing here does."""


def is_in_onnx_export() -> bool:
    """False: nothing is exported."""
    return False


def is_onnxrt_backend_supported() -> bool:
    """False."""
    return False


producer_name: Any = "torchlike"
