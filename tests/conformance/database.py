"""Which operators of the database are in scope, and why the others are not."""

from __future__ import annotations

import contextlib
import functools
import warnings

import torch

OUT_OF_SCOPE = {
    "jiterator_": "compiles CUDA source",
    "sparse.": "sparse tensors: only dense ones exist here",
    "to_sparse": "sparse tensors: only dense ones exist here",
    "torch._scaled_mm": "private; float8 products of one vendor's GPU",
    "torch.ops.aten.": "private kernels behind scaled_dot_product_attention and softmax",
    "_": "private name",
    "max_pool2d_with_indices_backward": "private kernel; the gradient of max_pool2d is tested with max_pool2d",
    "native_dropout_backward": "private kernel; the gradient of dropout is tested with dropout",
    "slice$": "no name of torch: an entry of torch.ops; slices are tested as indexing and in random programs",
    "chalf": "complex32 does not exist in JAX: use complex64",
}
"""Beginnings of names ("$": the whole name), and the reason why what they name is left out."""

PUBLIC = ("__",)  # operators of Python, public in spite of their underscore

DTYPES = (
    torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64, torch.bfloat16, torch.float16, torch.int32,
    torch.uint8,
)  # fmt: skip


def name_of(op) -> str:
    """The name of an entry, with its variant."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def why_not(op) -> str | None:
    """The reason why an entry is out of scope; None if it is in scope."""
    if op.name.startswith(PUBLIC):
        return None
    return next((why for start, why in OUT_OF_SCOPE.items() if f"{op.name}$".startswith(start)), None)


@functools.cache
def everything() -> dict:
    """All entries of the database by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal import common_utils
        from torch.testing._internal.common_methods_invocations import op_db
        from torch.testing._internal.opinfo import core
    # Each look at samples would search the stack, sources and all, for a test class of PyTorch's: 90 ms of nothing.
    common_utils.extract_test_fn = core.extract_test_fn = lambda: None
    return {name_of(op): op for op in op_db}


@functools.cache
def in_scope() -> dict:
    """The entries that torchlike is measured by."""
    return {name: op for name, op in everything().items() if why_not(op) is None}


def dtypes(op) -> list:
    """The dtypes of this suite that PyTorch supports on the CPU, the main one first."""
    return [d for d in DTYPES if d in op.supported_dtypes("cpu")]


def samples(op, dtype, requires_grad: bool = False) -> list:
    """All samples of an entry, the same ones at every call."""
    with warnings.catch_warnings(), _quick_seed():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return list(op.sample_inputs("cpu", dtype, requires_grad=requires_grad))


@contextlib.contextmanager
def _quick_seed():
    """The database seeds the generators for every sample; only the CPU's is used, and it alone is quick to seed."""
    was = torch.manual_seed
    torch.manual_seed = torch.default_generator.manual_seed
    try:
        yield
    finally:
        torch.manual_seed = was
