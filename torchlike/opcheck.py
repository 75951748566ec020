"""opcheck: whether what was registered for an operation is what it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike.core.variable import Variable
from torchlike.utils import _pytree as tree

_ALL = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


class OpCheckError(Exception):
    """What `opcheck` raises."""


def _tensors(x: Any) -> list:
    return [t for t in tree.tree_leaves(x) if isinstance(t, Variable)]


def _schema(op: Any, args: tuple, kwargs: dict, **tolerance: Any) -> None:
    """The arguments that it writes into are those it names, and nothing it returns is one of them."""
    import torchlike as torch

    with torch.no_grad():
        args, kwargs = tree.tree_map_only(Variable, lambda t: t.detach().clone(), (args, kwargs))
        named = op._named(args, kwargs)
        before = {name: [t._version for t in _tensors(value)] for name, value in named.items()}
        op(*args, **kwargs)
    changed = {name for name, value in named.items() if [t._version for t in _tensors(value)] != before[name]}
    wrong = changed - set(op._mutates) if op._mutates != "unknown" else set()
    if wrong:
        raise OpCheckError(
            f"opcheck(op, ...): test_schema failed: {op} writes into {sorted(wrong)}, which mutates_args does not name"
        )


def _autograd(op: Any, args: tuple, kwargs: dict, **tolerance: Any) -> None:
    """Where an argument requires grad, there is a gradient."""
    if any(t.requires_grad for t in _tensors((args, kwargs))) and op._backward is None and not op._has_autograd():
        raise OpCheckError(
            f"opcheck(op, ...): test_autograd_registration failed: {op} has no autograd formula. Please use "
            "register_autograd to add one."
        )


def _fake(op: Any, args: tuple, kwargs: dict, **tolerance: Any) -> None:
    """What register_fake returns has the shapes and dtypes of the real results."""
    if op._fake is None:
        raise OpCheckError(f"opcheck(op, ...): test_faketensor failed: {op} has no fake kernel: use register_fake")
    import torchlike as torch

    with torch.no_grad():
        args, kwargs = tree.tree_map_only(Variable, lambda t: t.detach().clone(), (args, kwargs))
        real, fake = _tensors(op(*args, **kwargs)), _tensors(op._fake(*args, **kwargs))
    facts = [[(tuple(t.shape), t.dtype, t.device.type) for t in ts] for ts in (real, fake)]
    if facts[0] != facts[1]:
        raise OpCheckError(
            f"opcheck(op, ...): test_faketensor failed: {op} returns {facts[0]}, its fake kernel {facts[1]}"
        )


def _compiled(op: Any, args: tuple, kwargs: dict, **tolerance: Any) -> None:
    """Under torch.compile it gives the same."""
    import torchlike as torch

    def run(*args: Any) -> Any:
        return op(*args, **kwargs)

    given = [tree.tree_map_only(Variable, lambda t: t.detach().clone(), args) for _ in range(2)]
    plain, compiled = _tensors(run(*given[0])), _tensors(torch.compile(run)(*given[1]))
    for a, b in zip(plain, compiled, strict=True):
        try:
            torch.testing.assert_close(a, b, **tolerance)
        except AssertionError as error:
            raise OpCheckError(f"opcheck(op, ...): test_aot_dispatch_dynamic failed: {error}") from error


_TESTS = dict(zip(_ALL, (_schema, _autograd, _fake, _compiled), strict=True))


def opcheck(
    op: Any, args: tuple, kwargs: dict[str, Any] | None = None, *, test_utils: str | Sequence[str] = _ALL,
    raise_exception: bool = True, atol: float | None = None, rtol: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Test on sample arguments that a custom operation was registered as what it does.

    Args:
        op: what `custom_op` returned, or `torch.ops.<namespace>.<name>`.
        test_utils: which of "test_schema" (it writes into `mutates_args` only), "test_autograd_registration" (there is
            a gradient), "test_faketensor" (`register_fake` tells the shapes) and "test_aot_dispatch_dynamic" (it is the
            same under torch.compile).
        raise_exception: whether the first failure raises OpCheckError; else it stands in the result.

    Returns:
        each test's name to "SUCCESS" or to the error.
    """
    chosen = (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    unknown = set(chosen) - set(_TESTS)
    if unknown:
        raise ValueError(f"opcheck(op, ..., test_utils={test_utils}), expected test_utils to be subset of {_ALL}")
    tolerance = {} if atol is None else {"atol": atol, "rtol": rtol}
    results: dict[str, Any] = {}
    for name in chosen:
        try:
            _TESTS[name](op, args, kwargs or {}, **tolerance)
            results[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise error if isinstance(error, OpCheckError) else OpCheckError(str(error)) from error
            results[name] = error
    return results
