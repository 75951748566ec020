"""Which tensors PyTorch's nodes keep for the backward pass: the facts behind its error about values written since.

Seen in PyTorch 2.13 by looking at the `_saved_*` attributes of its nodes. Only inputs and results stand here.
"""

from __future__ import annotations

from torchlike.core import saved

_KEPT = {
    "self": "Abs Acos Acosh AdaptiveAvgPool2D AdaptiveAvgPool3D Angle Asin Asinh Atan Atanh AvgPool2D AvgPool3D Celu "
            "Clamp1 ClampMin Cos Cosh Digamma Elu Erf Erfc Erfinv Gelu Glu Hardshrink Hardsigmoid Hardswish Hardtanh "
            "I0 LeakyRelu Lgamma LinalgMatrixExp Log Log10 Log1P Log2 Logit Mish Mvlgamma NanToNum Nansum Polygamma "
            "Pow ReflectionPad1D ReflectionPad2D ReflectionPad3D Renorm ReplicationPad1D ReplicationPad2D "
            "ReplicationPad3D Silu Sin Sinc Sinh Softplus Softshrink SpecialEntr Threshold Var VarMean Cummax Cummin "
            "AdaptiveMaxPool2D AdaptiveMaxPool3D FractionalMaxPool2D FractionalMaxPool3D MaxPool2DWithIndices "
            "MaxPool3DWithIndices LogSigmoid",
    "self result": "Amax Amin CholeskyInverse Copysign Copysign1 Cumprod LinalgPinv LinalgSolveTriangular "
                   "LinalgVectorNorm Logcumsumexp Logsumexp Max1 Median Min1 Nanmedian Norm1 Pdist Prod Prod1 Sgn "
                   "SpecialErfcx SpecialI0E SpecialI1 SpecialI1E SpecialLogNdtr Std",
    "self other": "Atan2 Div Div2 Fmax Fmin Fmod1 LinalgCross Logaddexp Logaddexp2 Maximum Minimum Mul Nextafter "
                  "Remainder1 SpecialXlog1Py Vdot Xlogy",
    "result": "Cholesky Exp Exp2 Expm1 LogSoftmax Polar Reciprocal Relu Rsqrt SafeSoftmax Sigmoid Softmax SpecialNdtri "
              "Sqrt Tan Tanh",
    "self target": "HuberLoss MseLoss SmoothL1Loss SoftMarginLoss",
    "self target weight": "BinaryCrossEntropy BinaryCrossEntropyWithLogits MultiMarginLoss",
    "self other result": "Dist Hypot",
    "self exponent result": "Pow1",
    "self mat2": "Bmm Mm",
    "self vec": "Mv",
    "self tensor": "Dot",
    "self weight": "PreluKernel",
    "self index": "Gather Take",
    "self mask": "MaskedSelect",
    "self end weight": "Lerp1",
    "self min max": "Clamp",
    "mat1 mat2": "Addmm",
    "mat vec": "Addmv",
    "vec1 vec2": "Addr",
    "batch1 batch2": "Addbmm Baddbmm",
    "tensor1 tensor2": "Addcdiv Addcmul",
    "input weight": "Convolution NativeBatchNorm NativeBatchNormLegit BatchNormWithUpdate NativeGroupNorm "
                    "NativeLayerNorm",
    "input grid": "GridSampler2D GridSampler3D",
    "index": "IndexFill IndexFill1 IndexSelect ScatterAdd Scatter Scatter1",
    "index source": "IndexAdd IndexCopy Put",
    "mask": "MaskedFill MaskedFill1 MaskedScatter",
    "condition": "Where",
    "real imag": "Complex",
    "x1 x2 result": "Cdist",
    "input tau result": "LinalgHouseholderProduct",
    "i1 i2 i3": "Trilinear",
}  # fmt: skip

_SECOND = {"Clamp1", "Copysign1", "Max1", "Min1", "Norm1", "Prod1", "Fmod1", "Remainder1", "Pow1", "Lerp1",
           "IndexFill1", "Scatter1", "MaskedFill1"}  # fmt: skip
"""Nodes of an operation's second form: their names end in Backward1."""


def _full(name: str) -> str:
    if name == "Div2":
        return "DivBackward2"
    return f"{name[:-1]}Backward1" if name in _SECOND else f"{name}Backward0"


_NAMES = {_full(node): tuple(names.split()) for names, nodes in _KEPT.items() for node in nodes.split()}


_FUSED = {
    "linear": "input weight", "matmul": "input other", "tensordot": "input other", "inner": "input other",
    "einsum": "operands", "bilinear": "input1 input2 weight", "scaled_dot_product_attention": "query key value",
    "instance_norm": "input weight", "nll_loss": "target weight", "index": "indices", "index_put": "indices",
    "embedding": "indices", "linalg_solve_ex": "A", "linalg_det": "A", "linalg_inv_ex": "result",
    "float_power": "result",  # of the operands it keeps copies in float64
    "rnn_tanh_cell": "input hx w_ih w_hh result", "rnn_relu_cell": "input hx w_ih w_hh result",
    "gru_cell": "input hx w_ih w_hh", "lstm_cell": "input h c w_ih w_hh", "recurrent_layer": "input h c w_ih w_hh",
}  # fmt: skip
"""What the nodes together keep of which PyTorch makes one of our operations, where a node's name does not tell."""


def kept(node: str, op: str) -> tuple[str, ...]:
    """The names of what the node of an operation keeps: parameters, and "result"."""
    return tuple(_FUSED[op].split()) if op in _FUSED else _NAMES.get(node, ())


saved.kept_by_pytorch = kept
