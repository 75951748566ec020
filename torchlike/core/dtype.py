"""Data types: PyTorch's names for NumPy's and ml_dtypes' types, and PyTorch's promotion between kinds."""

from __future__ import annotations

import builtins

import ml_dtypes
import numpy as np


class dtype:
    """A data type, one object for each kind of element; prints as PyTorch prints it.

    >>> import torchlike as torch
    >>> torch.float32, torch.float32.itemsize, torch.int8.is_signed
    (torch.float32, 4, True)
    """

    __slots__ = ("name", "np", "itemsize", "is_floating_point", "is_complex", "is_signed", "_scalar_name")

    def __init__(self, name: str, np_dtype, scalar_name: str):
        self.name = name
        self.np = np.dtype(np_dtype)
        self.itemsize = self.np.itemsize
        self.is_complex = self.np.kind == "c"
        self.is_floating_point = "float" in name
        self.is_signed = self.is_floating_point and name != "float8_e8m0fnu" or self.is_complex or self.np.kind == "i"
        self._scalar_name = scalar_name  # the word in PyTorch's error texts: Float, Long, ...

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name  # pickled by reference to the module-level name below

    def to_real(self) -> dtype:
        """The real type of this type's parts: float32 for complex64.

        >>> import torchlike as torch
        >>> torch.complex64.to_real()
        torch.float32
        """
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type whose parts have this type: complex128 for float64."""
        if self.is_complex:
            return self
        if not self.is_floating_point or self.itemsize < 2:
            raise RuntimeError(f"Unknown Complex ScalarType for {self._scalar_name}")
        return complex128 if self is float64 else complex64  # complex32 does not exist in JAX


float16 = half = dtype("float16", np.float16, "Half")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, "BFloat16")
float32 = float = dtype("float32", np.float32, "Float")
float64 = double = dtype("float64", np.float64, "Double")
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, "Float8_e4m3fn")
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, "Float8_e4m3fnuz")
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, "Float8_e5m2")
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, "Float8_e5m2fnuz")
float8_e8m0fnu = dtype("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, "Float8_e8m0fnu")
uint8 = dtype("uint8", np.uint8, "Byte")
uint16 = dtype("uint16", np.uint16, "UInt16")
uint32 = dtype("uint32", np.uint32, "UInt32")
uint64 = dtype("uint64", np.uint64, "UInt64")
int8 = dtype("int8", np.int8, "Char")
int16 = short = dtype("int16", np.int16, "Short")
int32 = int = dtype("int32", np.int32, "Int")
int64 = long = dtype("int64", np.int64, "Long")
bool = dtype("bool", np.bool_, "Bool")
complex64 = cfloat = dtype("complex64", np.complex64, "ComplexFloat")
complex128 = cdouble = dtype("complex128", np.complex128, "ComplexDouble")

ALL = (
    float16, bfloat16, float32, float64, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu,
    uint8, uint16, uint32, uint64, int8, int16, int32, int64, bool, complex64, complex128,
)  # fmt: skip
FROM_NP = {d.np: d for d in ALL}
__all__ = [
    "dtype", "float16", "half", "bfloat16", "float32", "float", "float64", "double",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "short", "int32", "int", "int64", "long", "bool",
    "complex64", "cfloat", "complex128", "cdouble", "get_default_dtype", "set_default_dtype",
]  # fmt: skip


PYTHON = {builtins.float: float64, builtins.int: int64, builtins.bool: bool, builtins.complex: complex128}
"""Python's number types, which PyTorch takes for dtypes wherever it takes one."""


def given(d, call: str):
    """An optional argument `dtype=` of a function; TypeError in PyTorch's words for what is none."""
    if d is None or isinstance(d, dtype):
        return d
    if isinstance(d, type) and d in PYTHON:
        return PYTHON[d]
    raise TypeError(f"{call}(): argument 'dtype' must be torch.dtype, not {type(d).__name__}")


def from_np(np_dtype) -> dtype:
    """The torch name of a NumPy dtype; TypeError in PyTorch's words when there is none."""
    try:
        return FROM_NP[np.dtype(np_dtype)]
    except KeyError:
        kind = np.dtype(np_dtype).type
        raise TypeError(
            f"can't convert np.ndarray of type {kind.__module__}.{kind.__name__}. The only supported types are: "
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, "
            "uint8, and bool."
        ) from None


_default = [float32]
on_default_change: list = []  # the caches whose entries were traced under the old default


def get_default_dtype() -> dtype:
    """The floating type that new tensors get from Python floats.

    >>> import torchlike as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default[0]


def set_default_dtype(d: dtype) -> None:
    """Make `d` (float16, bfloat16, float32 or float64) the default floating type. All is traced anew after it."""
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    if d.itemsize == 1:
        raise TypeError(f"couldn't find storage object {d._scalar_name}Storage")
    if d is not _default[0]:
        _default[0] = d
        for forget in on_default_change:
            forget()


def default_complex() -> dtype:
    return complex128 if _default[0] is float64 else complex64


def of_scalar(value) -> dtype:
    """The type a tensor made of this Python number gets."""
    kind = type(value)
    if kind is builtins.bool:
        return bool
    if kind is builtins.int:
        return int64
    if kind is builtins.float:
        return _default[0]
    return default_complex() if isinstance(value, complex) else from_np(np.asarray(value).dtype)


def category(np_dtype: np.dtype) -> builtins.int:
    """0 bool, 1 integer, 2 floating, 3 complex: the levels of promotion."""
    kind = np_dtype.kind
    return 0 if kind == "b" else 1 if kind in "iu" else 3 if kind == "c" else 2


_C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char",
    "uint64": "long unsigned int", "uint32": "unsigned int", "uint16": "short unsigned int", "uint8": "unsigned char",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def c_name(np_dtype: np.dtype) -> str:
    """What C++ calls a type, as some of PyTorch's errors do."""
    name = np_dtype.name
    return name.replace("float8", "c10::Float8") if name.startswith("float8") else _C_NAMES.get(name, name)
