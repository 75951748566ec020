"""Full backward hooks: identity operations around a module, whose backward runs the hooks."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from torchlike.core.autograd import is_grad_enabled
from torchlike.tensor import Tensor


class Taps:
    """Identity operations on a module's inputs and outputs whose backward runs the module's backward hooks."""

    def __init__(self, module, hooks: list[Callable], pre_hooks: list[Callable]):
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.inputs: tuple = ()
        self.input_positions: list[int] = []
        self.grad_output: Any = None

    def on_inputs(self, args: tuple) -> tuple:
        self.inputs = args
        args, self.input_positions = _tap(args, self._inputs_reached, materialize=True)
        return args

    def on_outputs(self, result: Any):
        if isinstance(result, Tensor):
            tapped, _ = _tap((result,), functools.partial(self._outputs_reached, 1), materialize=False)
            return tapped[0]
        if not isinstance(result, tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(result)}",
                stacklevel=5,
            )
            return result
        tapped, _ = _tap(result, functools.partial(self._outputs_reached, len(result)), materialize=False)
        return type(result)(*tapped) if hasattr(result, "_fields") else tapped

    def _outputs_reached(self, count: int, positions: list[int], grads: tuple) -> list:
        self.grad_output = _spread(count, positions, grads)
        for hook in self.pre_hooks:
            answer = hook(self.module, self.grad_output)
            if answer is not None:
                if len(answer) != count:
                    raise RuntimeError(
                        f"Backward pre hook returned an invalid number of grad_output, got {len(answer)}, but expected "
                        f"{count}"
                    )
                self.grad_output = answer
        passed_on = [self.grad_output[i] for i in positions]
        if not self.input_positions:
            self._no_input_to_reach()
        return passed_on

    def _no_input_to_reach(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            "require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=5,
        )
        for hook in self.hooks:
            answer = hook(self.module, (None,) * len(self.inputs), self.grad_output)
            if answer is not None and not (isinstance(answer, tuple) and all(entry is None for entry in answer)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )
        self.grad_output = None

    def _inputs_reached(self, positions: list[int], grads: tuple) -> list:
        if self.grad_output is None:  # the gradient came round the outputs, say through what a dict held
            return list(grads)
        grad_input: Any = _spread(len(self.inputs), positions, grads)
        # like PyTorch: once one input takes part, every tensor among the inputs has a gradient, if only of zeros
        grad_input = tuple(
            g if i in positions or not isinstance(x, Tensor) else _zeros_like(x)
            for i, (g, x) in enumerate(zip(grad_input, self.inputs, strict=True))
        )
        for hook in self.hooks:
            answer = hook(self.module, grad_input, self.grad_output)
            if answer is not None:
                if len(answer) != len(grad_input):
                    raise RuntimeError(
                        f"Backward hook returned an invalid number of grad_input, got {len(answer)}, but expected "
                        f"{len(grad_input)}"
                    )
                grad_input = answer
        self.grad_output = None
        return [grad_input[i] for i in positions]


def _spread(count: int, positions: list[int], values: Iterable) -> tuple:
    """`values` at `positions` of a tuple of `count` entries, None elsewhere."""
    spread: list = [None] * count
    for i, value in zip(positions, values, strict=True):
        spread[i] = value
    return tuple(spread)


def _zeros_like(x: Tensor) -> Tensor:
    return x.detach().clone().zero_()


def _tap(values: tuple, reached: Callable[[list[int], tuple], list], materialize: bool) -> tuple[tuple, list[int]]:
    """`values` with an identity operation on those that require a gradient, and their positions.

    When their gradients come back, `reached(positions, gradients)` says what to pass on.
    """
    if not is_grad_enabled():
        return values, []
    positions = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not positions:
        return values, []
    tapped = _identity().apply(functools.partial(reached, positions), materialize, *(values[i] for i in positions))
    replaced = dict(zip(positions, tapped, strict=True))
    return tuple(replaced.get(i, value) for i, value in enumerate(values)), positions


@functools.cache
def _identity():
    from torchlike.autograd import Function  # here, not above: torchlike.autograd is built after torchlike.nn's base

    class BackwardHookFunction(Function):
        """An identity; the name is PyTorch's, and a `grad_fn` shows it."""

        @staticmethod
        def forward(ctx, reached, materialize, *tensors):
            ctx.reached = reached
            ctx.set_materialize_grads(materialize)
            return tensors

        @staticmethod
        def backward(ctx, *grads):
            return (None, None, *ctx.reached(grads))

    return BackwardHookFunction
