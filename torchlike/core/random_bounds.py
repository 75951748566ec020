"""What the samplers' dtypes hold: their names in PyTorch's messages, their ranges, and the checks made on them."""

import warnings

import numpy as np

# dtype name: PyTorch's name, C++ name; both stand in error messages
NAMES = {
    "bool": ("Bool", "bool"), "uint8": ("Byte", "unsigned char"), "int8": ("Char", "signed char"),
    "int16": ("Short", "short int"), "int32": ("Int", "int"), "int64": ("Long", "long int"),
    "uint16": ("UInt16", "short unsigned int"), "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "long unsigned int"), "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"), "float32": ("Float", "float"), "float64": ("Double", "double"),
    "complex64": ("ComplexFloat", "c10::complex<float>"), "complex128": ("ComplexDouble", "c10::complex<double>"),
}  # fmt: skip
# floating dtype name: bits of the significand, largest finite value
FLOATS = {
    "float16": (11, 65504.0), "bfloat16": (8, (2 - 2.0**-7) * 2.0**127),
    "float32": (24, (2 - 2.0**-23) * 2.0**127), "float64": (53, (2 - 2.0**-52) * 2.0**1023),
}  # fmt: skip
SMALLEST = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}  # normal ones
BITS = {"bool": 1, "uint8": 8, "int8": 7, "int16": 15, "int32": 31, "int64": 63}  # value bits of what random_ knows
SAMPLED = BITS.keys() | FLOATS.keys()  # dtypes of PyTorch's older kernels; the wider unsigned ones came later


def check(condition, message):
    """RuntimeError with ``message`` unless ``condition``."""
    if not condition:
        raise RuntimeError(message)


def check_known(dtype, known, kernel):
    """NotImplementedError, as PyTorch's dispatcher words it, unless ``known`` holds the dtype's name."""
    if dtype.name not in known:
        name = NAMES.get(dtype.name, (dtype.name,))[0]
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{name}'")


def cast(values, dtype):
    """C++'s conversion to ``dtype``, silent where a value overflows; the 16-bit floats are reached through float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype.name in ("float16", "bfloat16"):
            values = values.astype(np.float32, copy=False)
        return values.astype(dtype, copy=False)


def integer_bounds(low, high, dtype):
    """The [low, high) that ``Tensor.random_`` really uses for ``dtype``.

    ``high`` None means up to the largest value, of a floating dtype up to 2**digits. Bounds of a floating dtype move
    inwards where rounding would carry a value out of the range.

    Raises:
        RuntimeError: the range is empty, or out of the dtype's; worded as PyTorch does.
    """
    expects = "random_ expects 'from' to be less than 'to', but got"
    expects_cast = "random_ expects 'from' casted to dtype to be less than"
    if dtype.name in FLOATS:
        digits, largest = FLOATS[dtype.name]
        least, top = -largest, 2**digits
    else:
        integral = dtype.name in BITS or dtype.kind == "u"
        check(integral, "check_random_bounds handles only integral, floating-point and boolean types")
        digits = None
        least, largest = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
        # PyTorch holds both bounds in int64: uint64's own largest value becomes -1 there, which is out of range.
        top, largest = (-1, 2**63 - 1) if dtype.name == "uint64" else (largest, largest)
    if high is None:
        high = top + 1
        if digits:
            low = _within(low, 1, dtype)
            check(low < top, f"{expects_cast} or equal to 'to_inc' casted to dtype, but got from={low} > to_inc={top}")
    else:
        check(low < high, f"{expects} from={low} >= to={high}")
        if digits:
            low, high = _within(low, 1, dtype), _within(high, -1, dtype)
            check(low < high, f"{expects_cast} 'to' casted to dtype, but got from={low} >= to={high}")
    for name, bound in (("from", low), ("to - 1", high - 1)):
        check(least <= bound <= largest, f"{name} is out of bounds for {NAMES[dtype.name][1]}")
        if digits and abs(bound) > top:
            warnings.warn(
                f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
                f"{NAMES[dtype.name][1]} can support discrete uniform distribution only within this range. This "
                "warning will become an error in version 1.7 release, please fix the code in advance",
                stacklevel=3,
            )
    return low, high


def _within(bound, step, dtype):
    """``bound``, moved by PyTorch's rule if the neighbour ``bound + step`` rounds out of the range in ``dtype``."""
    rounded = float(cast(np.array([bound + step], np.int64), dtype)[0])
    # What int64 cannot hold becomes its smallest value in x86-64's conversion.
    rounded = int(rounded) if abs(rounded) < 2**63 else -(2**63)
    if rounded >= bound if step > 0 else rounded < bound:
        return bound
    return rounded + step * 2 ** (abs(bound + step).bit_length() - FLOATS[dtype.name][0])
