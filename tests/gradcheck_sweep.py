"""gradcheck of torchlike's own operations over samples of PyTorch's operator database.

    python -m tests.gradcheck_sweep [first letters of the operators ...]

prints the operators where a gradient, in reverse or forward mode, is not what differences of the function show.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

import torchlike
from tests.conformance import database, translate

NOT_SMOOTH = {
    **dict.fromkeys(("float", "half", "bfloat16", "cfloat"), "the result is too coarse"),
    **dict.fromkeys(("normal", "svd_lowrank", "pca_lowrank"), "draws random numbers"),
    **dict.fromkeys(("native_layer_norm", "native_group_norm", "native_batch_norm"), "statistics without a gradient"),
    "frexp": "a mantissa with jumps", "fmod": "jumps", "remainder": "jumps",
    "linalg.ldl_factor": "no gradient there", "linalg.lstsq": "only the solution has a gradient",
    "corrcoef": "differences of a quotient of 0",
}  # fmt: skip
"""Operators that differences say nothing about, and why."""


def subjects(op: Any, dtype: Any, limit: int = 1) -> list:
    """(function, inputs) for the smallest samples of an operator that have something to check."""
    wrapped, plain_f = translate.function(op.gradcheck_wrapper), translate.operator(op)

    def f(*args: Any, **kwargs: Any) -> Any:
        return wrapped(plain_f, *args, **kwargs)  # makes an input symmetric or triangular again, for one

    found = []
    samples = sorted(database.samples(op, dtype, requires_grad=True), key=_size)
    for s in samples:
        if not 0 < _size(s) <= 40:
            continue
        given, args, kwargs = translate.together(s.input, s.args, s.kwargs)
        finish = translate.function(s.output_process_fn_grad)
        flat, spec = torchlike.utils._pytree.tree_flatten((given, args, kwargs))
        places = [i for i, x in enumerate(flat) if isinstance(x, torchlike.Tensor) and x.requires_grad]
        if not places or not all(flat[i].dtype.is_floating_point or flat[i].dtype.is_complex for i in places):
            continue

        def call(*moving: Any, flat=flat, spec=spec, places=places, finish=finish) -> Any:
            full = list(flat)
            for i, x in zip(places, moving, strict=True):
                full[i] = x
            given, args, kwargs = torchlike.utils._pytree.tree_unflatten(full, spec)
            out = finish(f(given, *args, **kwargs))
            outs = out if isinstance(out, tuple | list) else (out,)
            return tuple([o for o in outs if isinstance(o, torchlike.Tensor) and o.dtype.np.kind in "fc"])

        found.append((call, tuple([flat[i].detach().clone().requires_grad_() for i in places])))
        if len(found) == limit:
            break
    return found


def _size(s: Any) -> int:
    import torch

    leaves = torch.utils._pytree.tree_leaves((s.input, s.args, s.kwargs))
    return sum(x.numel() for x in leaves if isinstance(x, torch.Tensor))


def examine(name: str, op: Any, second: bool = False) -> list[str]:
    """What is wrong with the gradients of an operator: nothing if they are right."""
    import torch

    wrong = []
    for dtype in (torch.float64, torch.complex128):
        if dtype not in op.supported_backward_dtypes("cpu"):
            continue
        for call, inputs in subjects(op, dtype):
            if not all(bool(o.isfinite().all()) for o in call(*inputs)):
                continue
            for mode, check in checks(second).items():
                try:
                    check(call, inputs)
                except Exception as error:
                    wrong.append(f"{name} {dtype} {mode}: {type(error).__name__}: {str(error)[:300]}")
    return wrong


def checks(second: bool) -> dict:
    """The checks by name."""
    first, twice = torchlike.autograd.gradcheck, torchlike.autograd.gradgradcheck
    made = {
        "reverse": lambda f, xs: first(f, xs, fast_mode=True, check_batched_grad=True, nondet_tol=1e-12),
        "forward": lambda f, xs: first(f, xs, fast_mode=True, check_backward_ad=False, check_forward_ad=True),
    }
    if second:
        made["forward over reverse"] = lambda f, xs: twice(
            f, xs, fast_mode=True, check_rev_over_rev=False, check_fwd_over_rev=True, check_undefined_grad=False
        )
    return made


def main() -> None:
    """Walk the database."""
    warnings.simplefilter("ignore")
    begin, n, bad = time.time(), 0, 0
    for name, op in database.in_scope().items():
        if op.name in NOT_SMOOTH or not op.supports_autograd or not name.startswith(tuple(sys.argv[1:]) or ""):
            continue
        if name.startswith("masked."):  # what their check leaves out is said by a function that PyTorch keeps to itself
            continue
        n += 1
        wrong = examine(name, op)
        bad += bool(wrong)
        for line in wrong:
            print(line, flush=True)
    print(f"{n} operators, {bad} with something wrong, {time.time() - begin:.0f} s")


if __name__ == "__main__":
    main()
