"""The arithmetic of PyTorch's CPU samplers: fused multiply-adds and the Box-Muller transform, bit for bit.

PyTorch turns uniforms into normals 16 at a time: the first eight of a block give the radii, the last eight the angles
(Box and Muller, "A note on the generation of random normal deviates", 1958). Its float32 kernel takes the logarithm,
sine and cosine from the Cephes single-precision polynomials (S. Moshier, https://www.netlib.org/cephes, ``logf`` and
``sinf``), which are a unit or two in the last place away from the rounded truth. So the polynomials are evaluated here
in the same order, with the multiply-adds fused where the x86-64 build of PyTorch fuses them.
"""

import math

import numpy as np

BLOCK = 16  # values per Box-Muller block, and the size from which PyTorch takes the block path
_CHUNK = 2048  # blocks worked on together: the temporaries stay in the L2 cache, which halves the time of large draws
_SPLIT = 134217729.0  # 2**27 + 1, Dekker's constant to split a double in two halves


def _f32(*values):
    """Float64 copies of constants that the float32 kernel holds in single precision."""
    return tuple(float(np.float32(v)) for v in values)


_LOG_POLY = _f32(
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_LN2_LOW, _LN2_HIGH = _f32(-2.12194440e-4, 0.693359375)  # ln 2 in two parts, so that e * high is exact
_SQRT_HALF = np.float32(math.sqrt(0.5))
_SIN_POLY = _f32(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS_POLY = _f32(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_QUARTER_PI = _f32(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)  # -pi/4 in three parts
_FOUR_OVER_PI = np.float32(4 / math.pi)
_TWO_PI = np.float32(2 * math.pi)


def fma32(a, b, c):
    """``a * b + c`` of float32 values, rounded to float32 once.

    The product is exact in float64; only a sum that float64 rounds onto the middle of two float32 neighbours can
    come out one unit off (less than one in 10**8).
    """
    product = np.multiply(a, b, dtype=np.float64)
    product += c
    return product.astype(np.float32)


def _two_sum(a, b):
    """``a + b`` and its exact rounding error (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _halves(a):
    high = a * _SPLIT
    high = high - (high - a)
    return high, a - high


def fma64(a, b, c):
    """``a * b + c`` of a float64 array and two numbers, rounded once: the "round to odd" algorithm.

    Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Trans. Computers 57, 2008.
    Magnitudes within 2**54 of the ends of the float64 range are out of its scope and are rounded twice.
    """
    if b == 1 or c == 0:
        return a * b + c
    with np.errstate(all="ignore"):
        product = a * b
        (ah, al), (bh, bl) = _halves(a), _halves(b)
        product_error = ((ah * bh - product) + ah * bl + al * bh) + al * bl
        low, low_error = _two_sum(c, product_error)
        high, high_error = _two_sum(product, low)
        tail, rest = _two_sum(low_error, high_error)
        # Round the tail to odd: an inexact sum must not look like a tie to the last addition.
        bits = tail.view(np.int64)
        even = (rest != 0) & (bits & 1 == 0)
        bits[even] += np.where((rest[even] > 0) == (tail[even] > 0), 1, -1)
        total = high + tail
        return np.where(np.isfinite(total), total, product + c)


def _log32(x):
    """Natural logarithm of float32 ``x`` > 0 as Cephes ``logf`` computes it."""
    m, exponent = np.frexp(x)
    small = m < _SQRT_HALF
    m += m * small  # doubles the small ones
    m -= np.float32(1)
    e = (exponent - small).astype(np.float64)
    m64 = m.astype(np.float64)
    z = m * m
    y = _LOG_POLY[0]
    for coefficient in _LOG_POLY[1:]:
        y = fma32(y, m64, coefficient)
    y = fma32(y * m, z, (e * _LN2_LOW).astype(np.float32))
    y = y - np.float32(0.5) * z
    return fma32(e, _LN2_HIGH, m + y)


def _sincos32(x):
    """Sine and cosine of float32 ``x`` in [0, 2 pi] as Cephes ``sinf`` and ``cosf`` compute them."""
    octant = ((x * _FOUR_OVER_PI).astype(np.int32) + 1) & ~1
    y = octant.astype(np.float64)
    for part in _QUARTER_PI:
        x = fma32(y, part, x)
    z = x * x
    z64 = z.astype(np.float64)
    c = fma32(fma32(_COS_POLY[0], z64, _COS_POLY[1]), z64, _COS_POLY[2]) * z
    c = fma32(c, z64, np.float32(-0.5) * z) + np.float32(1)
    s = fma32(fma32(_SIN_POLY[0], z64, _SIN_POLY[1]), z64, _SIN_POLY[2]) * z
    s = fma32(s, x, x)
    # Chosen and negated by their bits: a branch per element costs as much as all the rest.
    sine, cosine = s.view(np.int32), c.view(np.int32)
    differ = (sine ^ cosine) & -(octant >> 1 & 1)
    sine ^= differ ^ (octant & 4) << 29
    cosine ^= differ ^ (~(octant - 2) & 4) << 29
    return s, c


def _box_muller32(u, mean, std, out):
    radius = np.sqrt(np.float32(-2) * _log32(np.float32(1) - u[:, 0]))
    sine, cosine = _sincos32(_TWO_PI * u[:, 1])
    for place, value in enumerate((cosine, sine)):
        value *= radius
        out[:, place] = value + mean if std == 1 else fma32(value, std, mean)


def _box_muller64(u, mean, std, out):
    # PyTorch calls the C library here, and so does `math`; NumPy's own vector loops differ in the last bit.
    shape = u[:, 0].shape
    radius = np.sqrt(-2 * each(math.log, 1 - u[:, 0])).reshape(shape)
    theta = 2 * math.pi * u[:, 1]
    out[:, 0] = fma64(radius * each(math.cos, theta).reshape(shape), std, mean)
    out[:, 1] = fma64(radius * each(math.sin, theta).reshape(shape), std, mean)


def each(function, values):
    """``function`` of the C library over float64 ``values`` (any shape), as a flat float64 array."""
    return np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size)


def box_muller(u, mean, std):
    """Normals from uniforms, by PyTorch's blocks of 16.

    Args:
        u: float32 or float64 uniforms in [0, 1), one dimension, a multiple of 16 long.
        mean: mean of the result.
        std: standard deviation of the result.

    Returns:
        An array like ``u``.
    """
    kernel = _box_muller32 if u.dtype == np.float32 else _box_muller64
    with np.errstate(over="ignore"):
        mean, std = u.dtype.type(mean), u.dtype.type(std)
    pairs = u.reshape(-1, 2, BLOCK // 2)  # (blocks, radius or angle, 8)
    out = np.empty_like(pairs)
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        with np.errstate(over="ignore", invalid="ignore"):
            kernel(pairs[part], mean, std, out[part])
    return out.reshape(-1)


def box_muller_pair(u1, u2):
    """Two standard normals, cosine and sine, from two float64 uniforms: PyTorch's path for fewer than 16 values."""
    radius = math.sqrt(-2 * math.log1p(-u2))
    theta = 2 * math.pi * u1
    return radius * math.cos(theta), radius * math.sin(theta)


def box_muller_pairs(u1, u2):
    """`box_muller_pair` of arrays: cosine and sine halves alternate in the result."""
    radius = np.sqrt(-2 * each(math.log1p, -u2))
    theta = 2 * math.pi * u1
    return np.stack([radius * each(math.cos, theta), radius * each(math.sin, theta)], -1).ravel()
