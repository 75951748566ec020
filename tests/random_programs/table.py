"""Templates of operations for random programs.

`{a}`, `{b}`, `{c}` stand for values at hand, `{m}` for a condition, `{i}` for indices, `{d}`, `{e}` for dimensions
of `a`, `{n}` for a small number, `{f}` for a number with a fraction.

A template that PyTorch refuses for what was drawn is simply drawn again, so nothing here says what may be combined.
"""

from __future__ import annotations

_UNARY = [
    "abs", "neg", "sign", "sgn", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square",
    "reciprocal", "sigmoid", "erf", "erfc", "floor", "ceil", "round", "trunc", "frac", "logical_not", "isnan",
    "isfinite", "isinf", "signbit", "lgamma", "digamma", "erfinv", "sinc", "logit", "nan_to_num", "positive",
    "deg2rad", "rad2deg", "angle", "bitwise_not", "relu", "selu", "celu",
]  # fmt: skip

_BINARY = [
    "add", "sub", "mul", "div", "floor_divide", "remainder", "fmod", "pow", "maximum", "minimum", "fmax", "fmin",
    "atan2", "hypot", "logaddexp", "logaddexp2", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or",
    "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "copysign", "xlogy", "heaviside", "gcd", "lcm",
    "isclose", "float_power",
]  # fmt: skip

_FUNCTIONAL = [
    "relu6", "elu", "leaky_relu", "gelu", "silu", "mish", "softplus", "hardtanh", "hardsigmoid", "hardswish",
    "hardshrink", "softshrink", "tanhshrink", "softsign", "logsigmoid",
]  # fmt: skip

POINTWISE = [
    *(f"torch.{name}({{a}})" for name in _UNARY), *(f"torch.{name}({{a}}, {{b}})" for name in _BINARY),
    *(f"F.{name}({{a}})" for name in _FUNCTIONAL),
    "{a} + {n}", "{a} * {f}", "{a} - {b}", "{n} - {a}", "{a} / {f}", "{n} / {a}", "{a} ** 2", "{a} ** {f}",
    "{n} ** {a}",
    "{a} // {n}", "{a} % {n}", "{a} > {n}", "{a} == {n}", "-{a}", "~{a}", "{a} & {b}", "{a} | {b}", "{a} ^ {b}",
    "torch.clamp({a}, -1, {n})", "torch.clamp({a}, min={f})", "torch.where({m}, {a}, {b})",
    "torch.where({m}, {a}, {n})",
    "torch.lerp({a}, {b}, {f})", "torch.addcmul({a}, {b}, {c}, value={f})", "torch.add({a}, {b}, alpha=2)",
    "torch.addcdiv({a}, {b}, {c})", "{a}.masked_fill({m}, {n})", "torch.div({a}, {b}, rounding_mode='floor')",
    "torch.div({a}, {b}, rounding_mode='trunc')", "torch.round({a}, decimals=1)", "torch.threshold({a}, 0.1, 2.0)",
]  # fmt: skip

REDUCING = [
    *(f"{{a}}.{name}()" for name in (
        "sum", "mean", "prod", "amax", "amin", "max", "min", "any", "all", "var", "std", "argmax", "argmin",
        "norm", "median",
    )),
    *(f"{{a}}.{name}({{d}})" for name in (
        "sum", "mean", "prod", "amax", "amin", "any", "all", "argmax", "argmin", "logsumexp", "cumsum",
        "cumprod", "count_nonzero", "nansum", "nanmean", "softmax", "log_softmax", "logcumsumexp", "var",
        "std",
    )),
    *(f"{{a}}.{name}({{d}})[0]" for name in ["max", "min", "median", "cummax", "cummin", "sort", "mode"]),
    "{a}.max({d})[1]", "{a}.min({d})[1]", "{a}.sum({d}, keepdim=True)", "{a}.mean({d}, keepdim=True)",
    "{a}.var({d}, correction=0)", "{a}.topk(1, {d})[0]", "{a}.kthvalue(1, {d})[0]", "{a}.sort({d}, descending=True)[0]",
    "{a}.argsort({d}, stable=True)", "torch.var_mean({a}, {d})[0]", "{a}.aminmax(dim={d})[1]", "{a}.diff(dim={d})",
    "{a}.norm(1, {d})", "{a}.norm(dim={d}, keepdim=True)", "{a}.sum(({d}, {e}))", "{a}.amax(({d}, {e}))",
    "{a}.trace()", "torch.dist({a}, {b})", "{a}.sum(dtype=torch.float64)",
]  # fmt: skip

SHAPING = [
    "{a}.reshape(-1)", "{a}.transpose({d}, {e})", "{a}.flip({d})", "{a}.roll({n}, {d})", "{a}.unsqueeze({d})",
    "{a}.squeeze()", "{a}.expand(2, *{a}.shape)", "{a}.repeat(2, *[1] * {a}.ndim)", "torch.cat([{a}, {b}], {d})",
    "torch.stack([{a}, {b}], {d})", "torch.cat([{a}, {a}], {d})", "torch.stack([{a}, {a}])", "{a}.chunk(2, {d})[0]",
    "{a}.split(1, {d})[-1]", "{a}.unbind({d})[0]", "{a}.narrow({d}, 0, 1)", "{a}.select({d}, -1)", "{a}[..., :2]",
    "{a}[None]", "{a}[0]", "{a}[-1:]", "{a}[..., ::2]", "{a}.diagonal()", "{a}.tril()", "{a}.triu(1)", "{a}.mT",
    "{a}.t()",
    "torch.diag_embed({a})", "{a}.movedim({d}, {e})", "{a}.unfold({d}, 2, 1)", "torch.rot90({a})", "{a}.flatten()",
    "{a}.repeat_interleave(2, {d})", "F.pad({a}, (1, 0))", "F.pad({a}, (0, 1), value={f})", "torch.tile({a}, (2,))",
    "torch.hstack([{a}, {b}])", "torch.vstack([{a}, {b}])", "{a}.contiguous()", "{a}.clone()", "{a}.detach()",
    "torch.meshgrid({a}, {b}, indexing='ij')[0]", "torch.broadcast_tensors({a}, {b})[0]", "torch.diag({a})",
]  # fmt: skip

INDEXING = [
    "{a}.index_select({d}, {i})", "{a}[{i}]", "{a}[..., {i}]", "{a}.take({i})", "{a}.gather({d}, {a}.argsort({d}))",
    "torch.take_along_dim({a}, {a}.argsort({d}), {d})", "{a}.index_add({d}, {i}, {b})", "{a}.index_fill({d}, {i}, {n})",
    "{a}.index_copy({d}, {i}, {b})", "{a}.scatter({d}, {a}.argsort({d}), {b})",
    "{a}.scatter({d}, {a}.argsort({d}), {n})",
    "{a}.scatter_add({d}, {a}.argsort({d}), {b})", "F.one_hot({i}, 3)", "F.embedding({i}, {a})",
    "torch.bucketize({a}, torch.tensor([-1.0, 0.0, 1.0]))", "torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), {a})",
    "{a}.index_put(({i},), {b})", "{a}.index_put(({i},), {b}, accumulate=True)", "torch.isin({a}, {b})",
]  # fmt: skip

MULTIPLYING = [
    "{a} @ {b}", "{a} @ {b}.mT", "{a}.mT @ {b}", "{a} @ {a}.mT", "torch.mm({a}, {b}.t())", "torch.mv({a}, {b})",
    "torch.outer({a}, {b})", "torch.dot({a}, {b})", "torch.inner({a}, {b})", "torch.einsum('...i,...i->...', {a}, {b})",
    "torch.einsum('ij,kj->ik', {a}, {b})", "F.linear({a}, {b})", "torch.addmm({c}, {a}, {b}.t())",
    "torch.kron({a}, {b})",
    "torch.tensordot({a}, {b}, dims=1)", "torch.baddbmm({c}, {a}, {b})", "F.mse_loss({a}, {b})", "F.l1_loss({a}, {b})",
    "F.smooth_l1_loss({a}, {b})", "F.layer_norm({a}, {a}.shape[-1:])", "F.normalize({a}, dim={d})",
    "F.cosine_similarity({a}, {b}, dim={d})", "F.cross_entropy({a}, {i})", "F.softmax({a}, {d})", "F.glu({a}, {d})",
    "F.binary_cross_entropy_with_logits({a}, {b})", "F.rms_norm({a}, {a}.shape[-1:])", "F.kl_div({a}, {b})",
]  # fmt: skip

CONVERTING = [
    "{a}.float()", "{a}.double()", "{a}.long()", "{a}.int()", "{a}.bool()", "{a}.to(torch.bfloat16)", "{a}.half()",
    "{a}.to(torch.uint8)", "torch.zeros_like({a})", "torch.ones_like({a})", "torch.full_like({a}, {n})",
    "torch.arange({n}, device={a}.device)", "torch.rand(2, 3)", "F.dropout({a}.contiguous(), 0.5)", "torch.randn(3)",
]  # fmt: skip

WRITING = [
    "{a}.add_({b})", "{a}.mul_({f})", "{a}.zero_()", "{a}[0] = {n}", "{a}[..., -1] = {b}", "{a} += {b}", "{a} *= {n}",
    "{a}.copy_({b})", "{a}.clamp_(-1, 1)", "{a}.masked_fill_({m}, {n})", "{a}[{m}] = {n}", "{a}.t().mul_({n})",
    "{a}.view(-1)[::2].add_({n})", "{a}.index_add_(0, {i}, {b})", "{a}.index_fill_(0, {i}, {n})", "{a}.sigmoid_()",
    "torch.add({b}, {c}, out={a})", "torch.exp({b}, out={a})", "{a}[{i}] = {n}",
]  # fmt: skip

READING = [
    "{a}.sum().item()", "float({a}.mean())", "{a}.numel() + int({a}.bool().sum())", "bool(({a} > 0).any())",
    "len({a}.nonzero())", "{a}.tolist() and 2",
]  # fmt: skip
"""Values that Python sees: barriers, and numbers for what follows."""

VALUES = [
    (POINTWISE, 0.38), (REDUCING, 0.15), (SHAPING, 0.17), (INDEXING, 0.10), (MULTIPLYING, 0.10), (CONVERTING, 0.08),
    (["{a}[{m}]", "{a}.masked_select({m})", "{a}.nonzero()", "{a}.unique()"], 0.02),
]  # fmt: skip
"""What makes a new value, with how often it is drawn."""
