"""Resizing and sampling in torch.nn.functional: what is decided before an operation is recorded."""

from __future__ import annotations

import operator
import warnings
from typing import Any

from torchlike.facade import call as _call
from torchlike.ops import adaptive_pooling as _adaptive
from torchlike.ops import grid as _grid
from torchlike.ops import interpolation as _interpolation
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["affine_grid", "grid_sample", "interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_interpolate = _call(_interpolation.interpolate.op)
_areas = tuple(
    _call(f.op) for f in (_adaptive.adaptive_avg_pool1d, _adaptive.adaptive_avg_pool2d, _adaptive.adaptive_avg_pool3d)
)
_PLAIN = ("nearest", "area", "nearest-exact")
_DIMS = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "lanczos": (4,), "trilinear": (5,),
         "nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5)}  # fmt: skip


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """`input` (N, C, L), (N, C, H, W) or (N, C, D, H, W) resized to `size` or by `scale_factor`.

    Args:
        mode: nearest (as older image libraries round), nearest-exact, linear (3-D input), bilinear, bicubic (4-D),
            trilinear (5-D), area (means), lanczos (4-D, with antialias).
        align_corners: the outermost elements, not their outer borders, lie at the same place.
        recompute_scale_factor: the distance of the inputs follows from the sizes, not from `scale_factor`.
        antialias: when shrinking, every output is a mean over all inputs under it (bilinear, bicubic, lanczos).

    Bytes are resized in PyTorch's fixed-point arithmetic.
    """
    if mode in _PLAIN:
        check(
            align_corners is None,
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
            "trilinear",
            ValueError,
        )
    n = input.dim() - 2
    spatial = tuple(input.shape[2:])
    target, factors = _sizes(spatial, n, size, scale_factor)
    check(
        not (recompute_scale_factor and size is not None),
        "recompute_scale_factor is not meaningful with an explicit size.",
        ValueError,
    )
    if target is None:
        assert factors is not None
        target = _interpolation.output_size(spatial, factors)
        if recompute_scale_factor or mode == "area":
            factors = None
    check(
        not antialias or mode in ("bilinear", "bicubic", "lanczos") and input.dim() == 4,
        "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input",
        ValueError,
    )
    _check_dims(input.dim(), mode)
    if mode == "area":
        return _areas[n - 1](input, target)
    if mode == "lanczos":
        check(not align_corners, "Lanczos mode does not support align_corners=True", ValueError)
        check(antialias, "Lanczos mode requires antialias=True", ValueError)
    return _interpolate(input, target, mode, bool(align_corners), factors, antialias)


def _sizes(spatial: tuple, n: int, size, scale_factor) -> tuple[tuple | None, tuple | None]:
    """(output sizes or None, ratios or None), one of them given."""
    check(
        size is None or scale_factor is None, "only one of size or scale_factor should be defined", ValueError
    )
    if size is not None:
        if not isinstance(size, list | tuple):
            return (operator.index(size),) * n, None
        check(
            len(size) == n,
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
            f"of {list(spatial)} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
            "format and output size in (o1, o2, ...,oK) format.",
            ValueError,
        )
        check(
            all(hasattr(s, "__index__") for s in size),
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size "
            f"with types {[type(s) for s in size]}",
            TypeError,
        )
        return tuple(operator.index(s) for s in size), None
    check(scale_factor is not None, "either size or scale_factor should be defined", ValueError)
    if not isinstance(scale_factor, list | tuple):
        return None, (float(scale_factor),) * n
    check(
        len(scale_factor) == n,
        "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions "
        f"of {list(spatial)} and scale_factor of shape {scale_factor}. Please provide input tensor in "
        "(N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format.",
        ValueError,
    )
    return None, tuple(float(s) for s in scale_factor)


def _check_dims(ndim: int, mode: str) -> None:
    wanted = _DIMS.get(mode, ())
    if ndim in wanted:
        return
    if mode in ("linear", "bilinear", "trilinear") and 3 <= ndim <= 5:
        raise NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {wanted[0]}D input")
    raise NotImplementedError(
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: nearest | linear | "
        f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
    )


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """The old name of `interpolate`."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode nearest."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode bilinear and align_corners."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3
    )


# --- grids ------------------------------------------------------------------------------------------------------------

_sampler = _call(_grid.grid_sampler.op)
_affine = _call(_grid.affine_grid_generator.op)
_MODES, _PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def _corners(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
            "details.",
            stacklevel=3,
        )
    return bool(align_corners)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """`input` (N, C, H, W) at the points of `grid` (N, H', W', 2), each (x, y) from -1 to 1; gives (N, C, H', W').

    For (N, C, D, H, W) the grid is (N, D', H', W', 3). `mode` is bilinear, nearest or bicubic (4-D only);
    `padding_mode` says what lies outside: zeros, border or reflection. With `align_corners` -1 and 1 are the centres of
    the outermost elements, else their outer borders.
    """
    check(
        mode in _MODES,
        f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'",
        ValueError,
    )
    check(
        padding_mode in _PADDINGS,
        "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
        f"'{padding_mode}'",
        ValueError,
    )
    return _sampler(input, grid, _MODES.index(mode), _PADDINGS.index(padding_mode), _corners(align_corners))


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid for `grid_sample` that the affine maps `theta` (N, 2, 3) or (N, 3, 4) make, for outputs of `size`."""
    align_corners = _corners(align_corners)
    size = tuple(size)
    check(
        theta.is_floating_point(), f"Expected theta to have floating point type, but got {theta.dtype}", ValueError
    )
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {size}."
        )
    check(
        theta.dim() == 3 and tuple(theta.shape[-2:]) == (n, n + 1),
        f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {theta.shape}.",
        ValueError,
    )
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
            "is not an intended use case of affine_grid. See the documentation of affine_grid for details.",
            stacklevel=2,
        )
    else:
        check(min(size) > 0, f"Expected non-zero, positive output size. Got {size}", ValueError)
    return _affine(theta, size, align_corners)
