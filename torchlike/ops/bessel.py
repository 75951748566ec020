"""Bessel functions and the Airy function, element by element, for real numbers of float32 and float64.

The rational and Chebyshev approximations are those of the Cephes Mathematical Library 2.8 (S. Moshier, 2000,
https://www.netlib.org/cephes/), good to some 1e-15. As in PyTorch none but i0, i0e, i1, i1e has a gradient.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from torchlike.core.op import Array, op
from torchlike.ops.promotion import real_float, widely

# --- sums -------------------------------------------------------------------------------------------------------------


def polynomial(x, *coefficients: float):
    """Σ cᵢ xⁿ⁻ⁱ, the highest power first."""
    total = jnp.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def chebyshev(x, *coefficients: float):
    """Σ' cᵢ Tᵢ(x / 2) by Clenshaw's recurrence, the highest order first, the last one halved."""
    b0, b1, b2 = jnp.full_like(x, coefficients[0]), jnp.zeros_like(x), jnp.zeros_like(x)
    for c in coefficients[1:]:
        b0, b1, b2 = x * b0 - b1 + c, b0, b1
    return (b0 - b2) / 2


# --- order 0 and 1, of the first and the second kind ------------------------------------------------------------------

_J0 = (
    (-4.79443220978201773821e9, 1.95617491946556577543e12, -2.49248344360967716204e14, 9.70862251047306323952e15),
    (1.0, 4.99563147152651017219e2, 1.73785401676374683123e5, 4.84409658339962045305e7, 1.11855537045356834862e10,
     2.11277520115489217587e12, 3.10518229857422583814e14, 3.18121955943204943306e16, 1.71086294081043136091e18),
)  # fmt: skip
_J0_ZEROS = (5.78318596294678452118, 3.04712623436620863991e1)
_Y0 = (
    (1.55924367855235737965e4, -1.46639295903971606143e7, 5.43526477051876500413e9, -9.82136065717911466409e11,
     8.75906394395366999549e13, -3.46628303384729719441e15, 4.42733268572569800351e16, -1.84950800436986690637e16),
    (1.0, 1.04128353664259848412e3, 6.26107330137134956842e5, 2.68919633393814121987e8, 8.64002487103935000337e10,
     2.02979612750105546709e13, 3.17157752842975028269e15, 2.50596256172653059228e17),
)  # fmt: skip
_P0 = (
    (7.96936729297347051624e-4, 8.28352392107440799803e-2, 1.23953371646414299388, 5.44725003058768775090,
     8.74716500199817011941, 5.30324038235394892183, 9.99999999999999997821e-1),
    (9.24408810558863637013e-4, 8.56288474354474431428e-2, 1.25352743901058953537, 5.47097740330417105182,
     8.76190883237069594232, 5.30605288235394617618, 1.00000000000000000218),
)  # fmt: skip
_Q0 = (
    (-1.13663838898469149931e-2, -1.28252718670509318512, -1.95539544257735972385e1, -9.32060152123768231369e1,
     -1.77681167980488050595e2, -1.47077505154951170175e2, -5.14105326766599330220e1, -6.05014350600728481186),
    (1.0, 6.43178256118178023184e1, 8.56430025976980587198e2, 3.88240183605401609683e3, 7.24046774195652478189e3,
     5.93072701187316984827e3, 2.06209331660327847417e3, 2.42005740240291393179e2),
)  # fmt: skip
_J1 = (
    (-8.99971225705559398224e8, 4.52228297998194034323e11, -7.27494245221818276015e13, 3.68295732863852883286e15),
    (1.0, 6.20836478118054335476e2, 2.56987256757748830383e5, 8.35146791431949253037e7, 2.21511595479792499675e10,
     4.74914122079991414898e12, 7.84369607876235854894e14, 8.95222336184627338078e16, 5.32278620332680085395e18),
)  # fmt: skip
_J1_ZEROS = (1.46819706421238932572e1, 4.92184563216946036703e1)
_Y1 = (
    (1.26320474790178026440e9, -6.47355876379160291031e11, 1.14509511541823727583e14, -8.12770255501325109621e15,
     2.02439475713594898196e17, -7.78877196265950026825e17),
    (1.0, 5.94301592346128195359e2, 2.35564092943068577943e5, 7.34811944459721705660e7, 1.87601316108706159478e10,
     3.88231277496238566008e12, 6.20557727146953693363e14, 6.87141087355300489866e16, 3.97270608116560655612e18),
)  # fmt: skip
_P1 = (
    (7.62125616208173112003e-4, 7.31397056940917570436e-2, 1.12719608129684925192, 5.11207951146807644818,
     8.42404590141772420927, 5.21451598682361504063, 1.00000000000000000254),
    (5.71323128072548699714e-4, 6.88455908754495404082e-2, 1.10514232634061696926, 5.07386386128601488557,
     8.39985554327604159757, 5.20982848682361821619, 9.99999999999999997461e-1),
)  # fmt: skip
_Q1 = (
    (5.10862594750176621635e-2, 4.98213872951233449420, 7.58238284132545283818e1, 3.66779609360150777800e2,
     7.10856304998926107277e2, 5.97489612400613639965e2, 2.11688757100572135698e2, 2.52070205858023719784e1),
    (1.0, 7.42373277035675149943e1, 1.05644886038262816351e3, 4.98641058337653607651e3, 9.56231892404756170795e3,
     7.99704160447350683650e3, 2.82619278517639096600e3, 3.36093607810698293419e2),
)  # fmt: skip


def _ratio(x, parts):
    return polynomial(x, *parts[0]) / polynomial(x, *parts[1])


def _far(x, p, q, phase: float):
    """(first kind, second kind) for x > 5 from Hankel's asymptotic expansion."""
    x = jnp.maximum(x, 5)
    w = 5 / x
    p, q = _ratio(w * w, p), w * _ratio(w * w, q)
    s, c = jnp.sin(x - phase), jnp.cos(x - phase)
    scale = math.sqrt(2 / math.pi) / jnp.sqrt(x)
    return scale * (p * c - q * s), scale * (p * s + q * c)


def _near(x):
    """x where the approximations near 0 hold, so that those elsewhere do not overflow."""
    return jnp.minimum(jnp.abs(x), 5)


def _j0(x):
    z = _near(x) ** 2
    near = (z - _J0_ZEROS[0]) * (z - _J0_ZEROS[1]) * _ratio(z, _J0)
    return jnp.where(jnp.abs(x) <= 5, near, _far(jnp.abs(x), _P0, _Q0, math.pi / 4)[0])


def _j1(x):
    a = _near(x)
    z = a * a
    near = a * (z - _J1_ZEROS[0]) * (z - _J1_ZEROS[1]) * _ratio(z, _J1)
    return jnp.sign(x) * jnp.where(jnp.abs(x) <= 5, near, _far(jnp.abs(x), _P1, _Q1, math.pi * 3 / 4)[0])


def _positive(x, values, at_zero: float):
    """`values`, with their limit at 0 and not a number below."""
    return jnp.where(x > 0, values, jnp.where(x == 0, at_zero, jnp.nan).astype(x.dtype))


def _y0(x):
    a = _near(x)
    near = _ratio(a * a, _Y0) + 2 / math.pi * jnp.log(a) * _j0(a)
    return _positive(x, jnp.where(x <= 5, near, _far(x, _P0, _Q0, math.pi / 4)[1]), -jnp.inf)


def _y1(x):
    a = _near(x)
    near = a * _ratio(a * a, _Y1) + 2 / math.pi * (_j1(a) * jnp.log(a) - 1 / a)
    return _positive(x, jnp.where(x <= 5, near, _far(x, _P1, _Q1, math.pi * 3 / 4)[1]), -jnp.inf)


# --- modified ---------------------------------------------------------------------------------------------------------

_K0_NEAR = (
    1.37446543561352307156e-16, 4.25981614279661018399e-14, 1.03496952576338420167e-11, 1.90451637722020886025e-9,
    2.53479107902614945675e-7, 2.28621210311945178607e-5, 1.26461541144692592338e-3, 3.59799365153615016266e-2,
    3.44289899924628486886e-1, -5.35327393233902768720e-1,
)  # fmt: skip
_K0_FAR = (
    5.30043377268626276149e-18, -1.64758043015242134646e-17, 5.21039150503902756861e-17, -1.67823109680541210385e-16,
    5.51205597852431940784e-16, -1.84859337734377901440e-15, 6.34007647740507060557e-15, -2.22751332699166985548e-14,
    8.03289077536357521100e-14, -2.98009692317273043925e-13, 1.14034058820847496303e-12, -4.51459788337394416547e-12,
    1.85594911495471785253e-11, -7.95748924447710747776e-11, 3.57739728140030116597e-10, -1.69753450938905987466e-9,
    8.57403401741422608519e-9, -4.66048989768794782956e-8, 2.76681363944501510342e-7, -1.83175552271911948767e-6,
    1.39498137188764993662e-5, -1.28495495816278026384e-4, 1.56988388573005337491e-3, -3.14481013119645005427e-2,
    2.44030308206595545468,
)  # fmt: skip
_K1_NEAR = (
    -7.02386347938628759343e-18, -2.42744985051936593393e-15, -6.66690169419932900609e-13, -1.41148839263352776110e-10,
    -2.21338763073472585583e-8, -2.43340614156596823496e-6, -1.73028895751305206302e-4, -6.97572385963986435018e-3,
    -1.22611180822657148235e-1, -3.53155960776544875667e-1, 1.52530022733894777053,
)  # fmt: skip
_K1_FAR = (
    -5.75674448366501715755e-18, 1.79405087314755922667e-17, -5.68946255844285935196e-17, 1.83809354436663880070e-16,
    -6.05704724837331885336e-16, 2.03870316562433424052e-15, -7.01983709041831346144e-15, 2.47715442448130437068e-14,
    -8.97670518232499435011e-14, 3.34841966607842919884e-13, -1.28917396095102890680e-12, 5.13963967348173025100e-12,
    -2.12996783842756842877e-11, 9.21831518760500529508e-11, -4.19035475934189648750e-10, 2.01504975519703286596e-9,
    -1.03457624656780970260e-8, 5.74108412545004946722e-8, -3.50196060308781257119e-7, 2.40648494783721712015e-6,
    -1.93619797416608296024e-5, 1.95215518471351631108e-4, -2.85781685962277938680e-3, 1.03923736576817238437e-1,
    2.72062619048444266945,
)  # fmt: skip


def _i0(x):
    return jax.scipy.special.i0(x)


def _i1(x):
    return jax.scipy.special.i1(x)


def _k0(x, scaled: bool):
    a, b = jnp.minimum(x, 2), jnp.maximum(x, 2)
    near = chebyshev(a * a - 2, *_K0_NEAR) - jnp.log(a / 2) * _i0(a)
    far = chebyshev(8 / b - 2, *_K0_FAR) / jnp.sqrt(b)
    return _positive(x, jnp.where(x <= 2, near * jnp.exp(a) if scaled else near,
                                  far if scaled else far * jnp.exp(-b)), jnp.inf)  # fmt: skip


def _k1(x, scaled: bool):
    a, b = jnp.minimum(x, 2), jnp.maximum(x, 2)
    near = chebyshev(a * a - 2, *_K1_NEAR) / a + jnp.log(a / 2) * _i1(a)
    far = chebyshev(8 / b - 2, *_K1_FAR) / jnp.sqrt(b)
    return _positive(x, jnp.where(x <= 2, near * jnp.exp(a) if scaled else near,
                                  far if scaled else far * jnp.exp(-b)), jnp.inf)  # fmt: skip


# --- Airy -------------------------------------------------------------------------------------------------------------

_AI_0, _AI_SLOPE = 0.35502805388781723926, 0.258819403792806798405
_AI_FAR = (
    (3.46538101525629032477e-1, 1.20075952739645805542e1, 7.62796053615234516538e1, 1.68089224934630576269e2,
     1.59756391350164413639e2, 7.05360906840444183113e1, 1.40264691163389668864e1, 9.99999999999999995305e-1),
    (5.67594532638770212846e-1, 1.47562562584847203173e1, 8.45138970141474626562e1, 1.77318088145400459522e2,
     1.64234692871529701831e2, 7.14778400825575695274e1, 1.40959135607834029598e1, 1.00000000000000000470),
)  # fmt: skip
_AI_SINE = (
    (-1.31696323418331795333e-1, -6.26456544431912369773e-1, -6.93158036036933542233e-1, -2.79779981545119124951e-1,
     -4.91900132609500318020e-2, -4.06265923594885404393e-3, -1.59276496239262096340e-4, -2.77649108155232920844e-6,
     -1.67787698489114633780e-8),
    (1.0, 1.33560420706553243746e1, 3.26825032795224613948e1, 2.67367040941499554804e1, 9.18707402907259625840,
     1.47529146771666414581, 1.15687173795188044134e-1, 4.40291641615211203805e-3, 7.54720348287414296618e-5,
     4.51850092970580378464e-7),
)  # fmt: skip
_AI_COSINE = (
    (1.97339932091685679179e-2, 3.91103029615688277255e-1, 1.06579897599595591108, 9.39169229816650230044e-1,
     3.51465656105547619242e-1, 6.33888919628925490927e-2, 5.85804113048388458567e-3, 2.82851600836737019778e-4,
     6.98793669997260967291e-6, 8.11789239554389293311e-8, 3.41551784765923618484e-10),
    (1.0, 9.30892908077441974853, 1.98352928718312140417e1, 1.55646628932864612953e1, 5.47686069422975497931,
     9.54293611618961883998e-1, 8.64580826352392193095e-2, 4.12656523824222607191e-3, 1.01259085116509135510e-4,
     1.17166733214413521882e-6, 4.91834570062930015649e-9),
)  # fmt: skip
_AI_BORDER = 2.09


def _airy_ai(x):
    # the power series between the borders: each step two terms of f = 1 + x³/3! + …, g = x + 2x⁴/4! + …
    near = jnp.clip(x, -_AI_BORDER, _AI_BORDER)
    cube = near**3
    f, g = jnp.ones_like(x), near
    one, other = f, g
    for k in range(1, 46, 3):
        one, other = one * cube / ((k + 1) * (k + 2)), other * cube / ((k + 2) * (k + 3))
        f, g = f + one, g + other
    middle = _AI_0 * f - _AI_SLOPE * g
    a = jnp.maximum(jnp.abs(x), _AI_BORDER)
    root = jnp.sqrt(a)
    zeta = 2 / 3 * a * root
    scale = 1 / (math.sqrt(math.pi) * jnp.sqrt(root))
    z = 1 / zeta
    right = scale * jnp.exp(-zeta) / 2 * _ratio(z, _AI_FAR)
    angle = zeta + math.pi / 4
    left = scale * (jnp.sin(angle) * (1 + z * z * _ratio(z * z, _AI_SINE))
                    - jnp.cos(angle) * z * _ratio(z * z, _AI_COSINE))  # fmt: skip
    value = jnp.where(x > _AI_BORDER, right, jnp.where(x < -_AI_BORDER, left, middle))
    return jnp.where(jnp.isinf(x) | jnp.isnan(x), jnp.nan, value)


def _spherical_j0(x):
    small = jnp.abs(x) < 0.5
    z = jnp.where(small, x * x, 0)
    series = jnp.ones_like(x)
    for k in range(14, 0, -2):
        series = 1 - z / (k * (k + 1)) * series
    safe = jnp.where(small, 1, x)
    value = jnp.where(small, series, jnp.sin(safe) / safe)
    return jnp.where(jnp.isinf(x), 0, value)


# --- names ------------------------------------------------------------------------------------------------------------

_FUNCTIONS = {
    "airy_ai": (_airy_ai, "The Airy function Ai, the solution of y'' = x·y that falls to 0."),
    "bessel_j0": (_j0, "The Bessel function of the first kind of order 0."),
    "bessel_j1": (_j1, "The Bessel function of the first kind of order 1."),
    "bessel_y0": (_y0, "The Bessel function of the second kind of order 0, for x > 0."),
    "bessel_y1": (_y1, "The Bessel function of the second kind of order 1, for x > 0."),
    "modified_bessel_i0": (_i0, "The modified Bessel function of the first kind of order 0."),
    "modified_bessel_i1": (_i1, "The modified Bessel function of the first kind of order 1."),
    "modified_bessel_k0": (lambda x: _k0(x, False), "The modified Bessel function of the second kind of order 0."),
    "modified_bessel_k1": (lambda x: _k1(x, False), "The modified Bessel function of the second kind of order 1."),
    "scaled_modified_bessel_k0": (lambda x: _k0(x, True), "exp(x) · `modified_bessel_k0(x)`."),
    "scaled_modified_bessel_k1": (lambda x: _k1(x, True), "exp(x) · `modified_bessel_k1(x)`."),
    "spherical_bessel_j0": (_spherical_j0, "sin(x) / x, and 1 at 0."),
}


def _file(name: str, f, text: str) -> None:
    def body(input: Array):
        return f(real_float(input, f"{name}_cpu", half=False))

    body.__name__, body.__doc__ = name, f"{text} No gradient, as in PyTorch."
    op(f"special.{name}", differentiable=False)(body)


for _name, _entry in _FUNCTIONS.items():
    _file(_name, *_entry)


@op("*.i0", "*.i0_", "special.i0")
def i0(input: Array):
    """The modified Bessel function of the first kind of order 0."""
    return _i0_rule(real_float(input, "i0_vml_cpu"))


@op("special.i0e", grad="SpecialI0EBackward0")
def i0e(input: Array):
    """exp(-|x|) · `i0(x)`."""
    return widely(jax.scipy.special.i0e)(real_float(input, "i0e_cpu"))


@op("special.i1", grad="SpecialI1Backward0")
def i1(input: Array):
    """The modified Bessel function of the first kind of order 1."""
    return _i1_rule(real_float(input, "i1_cpu"))


@op("special.i1e", grad="SpecialI1EBackward0")
def i1e(input: Array):
    """exp(-|x|) · `i1(x)`."""
    return widely(jax.scipy.special.i1e)(real_float(input, "i1e_cpu"))


@jax.custom_jvp
def _i0_rule(x):
    return widely(_i0)(x)


@jax.custom_jvp
def _i1_rule(x):
    return widely(_i1)(x)


_i0_rule.defjvp(lambda primals, tangents: (_i0_rule(*primals), tangents[0] * _i1_rule(*primals)))


@_i1_rule.defjvp
def _i1_jvp(primals, tangents):
    (x,) = primals
    value, zero = _i1_rule(x), x == 0
    return value, tangents[0] * jnp.where(zero, 0.5, _i0_rule(x) - value / jnp.where(zero, 1, x))
