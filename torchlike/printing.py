"""How a tensor looks as text: PyTorch's `repr`, character for character, from a NumPy array.

The way from values to text has three steps, each one function:
`_corner` keeps the elements that will be seen, `_cells` gives every one of them its text in a common
width, `_layout` sets brackets, commas and line breaks. `tensor_str` then adds what stands after the values
(device, size, dtype, gradient).

Reference for what is shown and for the options: https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()

_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed, for the whole process.

    Args:
        precision: digits after the point of floating-point values (4).
        threshold: number of elements above which only the edges are shown (1000).
        edgeitems: how many items are shown at either end of a dimension that is cut (3).
        linewidth: characters per line (80).
        profile: `"default"`, `"short"` or `"full"`: a set of values for the four above, which an argument
            given beside it overrides.
        sci_mode: scientific notation always (True), never (False), or chosen from the values (None). As in PyTorch,
            a call that does not name it sets it back to None.

    Raises:
        ValueError: for an unknown profile. (PyTorch ignores one.)

    Example:
        >>> import numpy as np
        >>> from torchlike import printing
        >>> printing.set_printoptions(precision=2)
        >>> printing.tensor_str(np.array([3.14159], np.float32))
        'tensor([3.14])'
        >>> printing.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"unknown print profile {profile!r}, expected one of {sorted(_PROFILES)}")
        chosen = dataclasses.asdict(_PROFILES[profile])
    else:
        chosen = get_printoptions()
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen |= {name: value for name, value in given.items() if value is not None}
    chosen["sci_mode"] = sci_mode
    for name, value in chosen.items():
        setattr(_options, name, value)


def get_printoptions() -> dict[str, Any]:
    """The present options, as keyword arguments for `set_printoptions`.

    Example:
        >>> from torchlike import printing
        >>> printing.get_printoptions()["linewidth"]
        80
    """
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Options of `set_printoptions` that hold inside a `with` block.

    Example:
        >>> import numpy as np
        >>> from torchlike import printing
        >>> with printing.printoptions(sci_mode=True, precision=1):
        ...     printing.tensor_str(np.array([1.0, 20.0], np.float32))
        'tensor([1.0e+00, 2.0e+01])'
    """
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def _corner(array: Any) -> tuple[np.ndarray, tuple[bool, ...]]:
    """The elements that will be shown, and for each dimension whether its middle is left out.

    Only these are read, so a large array costs no more than its corners; as in PyTorch, what is not shown has no
    say in widths and notation either.
    """
    shape = tuple(array.shape)
    if math.prod(shape) <= _options.threshold:
        return np.asarray(array), (False,) * len(shape)
    edge = _options.edgeitems
    cut = tuple(size > 2 * edge for size in shape)
    kept = [
        np.r_[:edge, size - edge : size] if is_cut else np.arange(size) for size, is_cut in zip(shape, cut, strict=True)
    ]
    return np.asarray(array[np.ix_(*kept)] if shape else array), cut


def _float_texts(values: np.ndarray, nan_is_finite: bool = False) -> tuple[list[str], int]:
    """Texts of floating-point values in one notation, and the width of the column they make.

    The notation is chosen from the finite values other than zero:
    scientific where they span more than three decades or leave [1e-4, 1e8], else a bare point where all are whole
    numbers, else a fixed number of digits. Only those values count for the width; nan and inf may stick out.

    float64 holds every narrower value exactly, so comparing here decides as PyTorch does in the tensor's own dtype
    (float32's 1e-4 lies below 1e-4 and is therefore scientific).
    """
    values = values.astype(np.float64)
    counted = (values != 0) & (np.isfinite(values) | (nan_is_finite & np.isnan(values)))
    deciding = np.abs(values[counted])
    digits, scientific, whole = _options.precision, False, True
    if deciding.size:
        least, most = deciding.min(), deciding.max()
        if _options.sci_mode is not None:
            scientific = _options.sci_mode
        else:
            # A comparison with nan is false, so an e8m0 nan that counts keeps the plain notation.
            with np.errstate(over="ignore"):
                scientific = bool(most / least > 1000 or most > 1e8 or least < 1e-4)
        whole = bool((deciding == np.ceil(deciding)).all())
    if scientific:
        texts = [f"{value:.{digits}e}" for value in values.tolist()]
    elif whole:
        texts = [f"{value:.0f}." if math.isfinite(value) else f"{value}" for value in values.tolist()]
    else:
        texts = [f"{value:.{digits}f}" for value in values.tolist()]
    width = max((len(text) for text, counts in zip(texts, counted.tolist(), strict=True) if counts), default=1)
    return texts, width


def _cells(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The text of every element, in an object array of the same shape, and the width a row reckons per element."""
    flat, name = values.reshape(-1), values.dtype.name
    if values.dtype.kind == "c":
        real, real_width = _float_texts(flat.real)
        imag, imag_width = _float_texts(flat.imag)
        # The imaginary part is never padded, and brings its own sign only when that is a minus.
        pairs = zip(real, imag, strict=True)
        texts = [f"{re:>{real_width}}{'' if im[0] == '-' else '+'}{im}j" for re, im in pairs]
        width = real_width + imag_width + 1  # PyTorch counts the j here, but not the sign
    else:
        if name.startswith(("float", "bfloat")):
            # PyTorch has no nan test for this exponent-only format: its nan is taken for a finite number.
            texts, width = _float_texts(flat, nan_is_finite=name == "float8_e8m0fnu")
        else:
            texts = [str(value) for value in flat.tolist()]
            width = max(map(len, texts), default=1)
        texts = [text.rjust(width) for text in texts]
    return np.array(texts, dtype=object).reshape(values.shape), width


def _layout(cells: np.ndarray, cut: Sequence[bool], indent: int, width: int) -> str:
    """Nested brackets around the cells, with lines broken inside rows and `...` where a dimension is cut."""
    if cells.ndim == 1:
        items = list(cells)
        if cut[0]:
            items.insert(_options.edgeitems, " ...")
        per_line = max(1, int((_options.linewidth - indent) // (width + len(", "))))
        parts = [", ".join(items[start : start + per_line]) for start in range(0, len(items), per_line)]
    else:
        parts = [_layout(row, cut[1:], indent + 1, width) for row in cells]
        if cut[0]:
            parts.insert(_options.edgeitems, "...")
    # Rows follow on the next line, matrices after one empty line, and so on outwards.
    separator = "," + "\n" * max(1, cells.ndim - 1) + " " * (indent + 1)
    return "[" + separator.join(parts) + "]"


def _values_str(array: Any, indent: int) -> str:
    """The values of an array as nested brackets, for a first bracket that stands in column `indent`."""
    shape = tuple(array.shape)
    if 0 in shape:
        return "[]"
    if shape and not _options.edgeitems and math.prod(shape) > _options.threshold:
        return "[...]"
    values, cut = _corner(array)
    cells, width = _cells(values)
    return _layout(cells, cut, indent, width) if shape else cells.item()


def _with_suffixes(text: str, suffixes: Sequence[str], indent: int) -> str:
    """Close the text with its suffixes, each one on a new line where the line would grow too long."""
    # PyTorch starts from two more than the characters on the last line; where a suffix just fits depends on it.
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + len(", ") > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + len(", ")
    return text + ")"


def tensor_str(
    array: Any,
    *,
    dtype_name: str | None = None,
    default_dtype_name: str = "float32",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    device: str = "cpu",
    class_prefix: str = "tensor(",
    contents: str | None = None,
) -> str:
    """The text of a tensor, as PyTorch's `repr` has it.

    Args:
        array: the values, of any shape; bfloat16 and float8 come as `ml_dtypes` arrays. Of an array above the threshold
            only the elements to show are read, by one `array[indices]`; on the meta device, only `shape` and `dtype`.
        dtype_name: PyTorch's name of the dtype; the array's own when left out.
        default_dtype_name: the default dtype, which (with its complex partner, int64 and bool) is not mentioned.
        requires_grad: whether the tensor is a leaf that requires a gradient.
        grad_fn_name: name of the node that made the tensor; shown instead of `requires_grad`.
        device: PyTorch's name of the device; `"cpu"` is not mentioned.
        class_prefix: what stands before the values; its length is the indent of the lines that follow.
        contents: a text to show in place of the values (the `tensor_contents` of `Tensor.__repr__`).

    Example:
        >>> import numpy as np
        >>> from torchlike import printing
        >>> printing.tensor_str(np.array([1.0, 2.0], np.float32), grad_fn_name="AddBackward0")
        'tensor([1., 2.], grad_fn=<AddBackward0>)'
        >>> printing.tensor_str(np.zeros((0, 3), np.float32))
        'tensor([], size=(0, 3))'
    """
    dtype_name = dtype_name or array.dtype.name
    shape = tuple(array.shape)
    is_meta, is_empty = device.startswith("meta"), 0 in shape
    # Without values there is nothing from which a reader could tell int64, bool or complex: only one dtype is implied.
    implied = {default_dtype_name}
    if not (is_meta or is_empty):
        implied |= {"complex128" if default_dtype_name == "float64" else "complex64", "int64", "bool"}
    suffixes = []
    if device != "cpu":
        suffixes.append(f"device='{device}'")
    if is_meta or (is_empty and len(shape) != 1) or (not is_empty and not _options.edgeitems):
        suffixes.append(f"size={shape}")
    if dtype_name not in implied:
        suffixes.append(f"dtype=torch.{dtype_name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    indent = len(class_prefix)
    if contents is None:
        contents = "..." if is_meta else _values_str(array, indent)
    return _with_suffixes(class_prefix + contents, suffixes, indent)


def parameter_str(tensor_text: str) -> str:
    """The text of an `nn.Parameter`, given the text of the tensor that it is.

    Example:
        >>> from torchlike import printing
        >>> print(printing.parameter_str("tensor([1.], requires_grad=True)"))
        Parameter containing:
        tensor([1.], requires_grad=True)
    """
    return "Parameter containing:\n" + tensor_text


def size_str(shape: Sequence[int]) -> str:
    """The text of a `torch.Size`.

    Example:
        >>> from torchlike import printing
        >>> printing.size_str((2, 3))
        'torch.Size([2, 3])'
    """
    return f"torch.Size([{', '.join(str(int(size)) for size in shape)}])"


def finfo_str(
    *, resolution: float, min: float, max: float, eps: float, smallest_normal: float, tiny: float, dtype: str
) -> str:
    """The text of a `torch.finfo`, given its fields: six significant digits of each.

    `dtype` is the field's value, so the real dtype's name for a complex one.

    Example:
        >>> from torchlike import printing
        >>> fields = dict(resolution=1e-3, min=-65504, max=65504, eps=2**-10, smallest_normal=2**-14, tiny=2**-14)
        >>> printing.finfo_str(**fields, dtype="float16").split(", ")[:4]
        ['finfo(resolution=0.001', 'min=-65504', 'max=65504', 'eps=0.000976562']
    """
    return (
        f"finfo(resolution={resolution:g}, min={min:g}, max={max:g}, eps={eps:g}, "
        f"smallest_normal={smallest_normal:g}, tiny={tiny:g}, dtype={dtype})"
    )


def iinfo_str(*, min: int, max: int, dtype: str) -> str:
    """The text of a `torch.iinfo`, given its fields: like PyTorch's, it rounds to six significant digits.

    Example:
        >>> from torchlike import printing
        >>> printing.iinfo_str(min=-(2**31), max=2**31 - 1, dtype="int32")
        'iinfo(min=-2.14748e+09, max=2.14748e+09, dtype=int32)'
    """
    return f"iinfo(min={min:g}, max={max:g}, dtype={dtype})"
