"""torch.utils.summary: the layers of a model in a table, with shapes, parameters and XLA's count of operations."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from torchlike.core.device import x64
from torchlike.core.grad_mode import no_grad
from torchlike.core.spec import Spec
from torchlike.nn import Module
from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_leaves
from torchlike.utils.programs import Program

_INDENT, _BRANCH = "│    ", "├─"


@functools.lru_cache(4096)
def flops(spec: Spec) -> float:
    """XLA's count for one operation."""
    with x64():
        found = jax.jit(spec.fn).lower(*[a.struct for a in spec.avals]).cost_analysis()
    return (found or {}).get("flops", 0.0)


class Call:
    """One call of a module: where it stands, what it gave, and which operations of the program it recorded."""

    def __init__(self, module: Module, name: str, depth: int, start: int):
        self.module, self.name, self.depth = module, name, depth
        self.start, self.end = start, start
        self.shape: Any = None
        self.children: list[Call] = []
        self.again = False  # whether the module was called before
        self.place = ""  # depth and number within that depth

    def walk(self) -> Iterator[Call]:
        yield self
        for child in self.children:
            yield from child.walk()

    def own_parameters(self, depth: int) -> int:
        """The parameters that no line below this one, down to `depth`, counts."""
        shown = {id(c.module): c for c in self.children} if self.depth < depth else {}
        held = {id(p) for c in shown.values() for p in c.module.parameters()}
        return sum(p.numel() for p in self.module.parameters() if id(p) not in held)


class Summary:
    """The table of a model; `print` it. `calls` has the modules in the order of their calls, `program` the whole."""

    def __init__(self, root: Call, seen: Program, depth: int, memory: dict[str, int] | None):
        self.root, self.program, self.depth, self.memory = root, seen, depth, memory
        self.calls = list(root.walk())
        parameters = list(root.module.parameters())
        self.total_params = sum(p.numel() for p in parameters)
        self.trainable_params = sum(p.numel() for p in parameters if p.requires_grad)
        self.param_bytes = sum(p.numel() * p.element_size() for p in parameters)
        self.total_flops = self.flops(root)

    def flops(self, call: Call) -> float:
        """XLA's count for the forward pass of one call of a module, what it calls included."""
        return sum(flops(spec) for spec, _, _ in self.program.entries[call.start : call.end])

    def __str__(self) -> str:
        rows = []
        for call in self.calls:
            if call.depth > self.depth:
                continue
            label = type(call.module).__name__
            if call.depth:
                label = f"{_INDENT * (call.depth - 1)}{_BRANCH}{label} ({call.name}): {call.place}"
            own = call.own_parameters(self.depth)
            count = "(recursive)" if call.again and own else f"{own:,}" if own else "--"
            lowest = call.depth == self.depth or not call.children
            rows.append((label, str(call.shape or "--"), count, f"{self.flops(call):,.0f}" if lowest else "--"))
        head = ("Layer (name): depth-idx", "Output Shape", "Param #", "FLOPs")
        widths = [max(len(row[i]) for row in [head, *rows]) + 3 for i in range(4)]
        line = "=" * sum(widths)
        table = ["".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
        fixed = self.total_params - self.trainable_params
        totals = [
            f"Total params: {self.total_params:,}", f"Trainable params: {self.trainable_params:,}",
            f"Non-trainable params: {fixed:,}", f"Total FLOPs, forward (XLA): {self.total_flops:,.0f}",
        ]  # fmt: skip
        sizes = [f"Params size (MB): {self.param_bytes / 1e6:.2f}"]
        if self.memory is not None:
            sizes += [f"Forward, {what} (MB): {n / 1e6:.2f}" for what, n in self.memory.items()]
        return "\n".join([line, table[0], line, *table[1:], line, *totals, line, *sizes, line])

    __repr__ = __str__


def _shape(output: Any) -> list | None:
    """The size of the first tensor in what a module returned, as torchinfo shows it."""
    tensors = [x for x in tree_leaves(output) if isinstance(x, Tensor)]
    return list(tensors[0].shape) if tensors else None


@contextlib.contextmanager
def _mode(model: Module, mode: str) -> Iterator[None]:
    if mode not in ("eval", "train", "same"):
        raise ValueError(f"summary(): mode is one of 'eval', 'train', 'same', not {mode!r}")
    before = {m: m.training for m in model.modules()}
    try:
        if mode != "same":
            model.train(mode == "train")
        yield
    finally:
        for m, training in before.items():
            m.training = training


def calls_of(model: Module, args: tuple, kwargs: dict) -> tuple[Call, Program]:
    """One forward pass without a graph: the calls of its modules as a tree, and the program it recorded."""
    seen = Program()
    stack: list[Call] = []
    roots: list[Call] = []
    numbers: dict[int, int] = {}
    met: set[int] = set()
    names = {id(child): name for m in model.modules() for name, child in m.named_children()}

    def enter(module: Module, _: Any) -> None:
        call = Call(module, names.get(id(module), ""), len(stack), len(seen.entries))
        call.again = id(module) in met
        met.add(id(module))
        numbers[call.depth] = numbers.get(call.depth, 0) + 1
        call.place = f"{call.depth}-{numbers[call.depth]}"
        (stack[-1].children if stack else roots).append(call)
        stack.append(call)

    def leave(module: Module, _: Any, output: Any) -> None:
        call = stack.pop()
        call.end, call.shape = len(seen.entries), _shape(output)

    handles: list = []
    for m in model.modules():
        handles += [m.register_forward_pre_hook(enter, prepend=True), m.register_forward_hook(leave)]
    try:
        with no_grad():
            seen.record(model, *args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return roots[0], seen


def _inputs(input: Any) -> tuple:
    """The arguments of the model: tensors as they are, sizes as zeros."""
    import torchlike

    def one(x: Any) -> Any:
        sizes = isinstance(x, tuple | list) and len(x) > 0 and all(isinstance(n, int) for n in x)
        return torchlike.zeros(*x) if sizes else x

    if isinstance(input, tuple | list) and not (input and all(isinstance(n, int) for n in input)):
        return tuple([one(x) for x in input])
    return (one(input),)


def summary(
    model: Module, input: Any = None, *, input_size: Sequence[int] | None = None, depth: int = 3, mode: str = "eval",
    memory: bool = True, verbose: int = 1, **kwargs: Any,
) -> Summary:  # fmt: skip
    """Print and return a table of a model's layers: shapes of what they give, parameters, operations.

    Args:
        model: any Module.
        input: a tensor, a size such as (1, 3, 32, 32), or a tuple of these for several arguments.
        input_size: the same for a size, under torchinfo's name.
        depth: how many levels of modules are shown.
        mode: "eval" (as in torchinfo), "train" or "same"; modules are in their own mode again afterwards.
        memory: compile the forward pass to ask XLA for the memory it takes.
        verbose: 0 does not print.
        kwargs: further arguments of the model's call.

    The layout is torchinfo's (https://github.com/TylerYep/torchinfo); FLOPs are XLA's own count (HloCostAnalysis: a
    multiplication and an addition are two, element-wise operations count too) instead of multiply-adds.

    Raises:
        ValueError: neither `input` nor `input_size` is given.

    >>> import torchlike as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU())
    >>> torch.utils.summary(net, (2, 4), memory=False, verbose=0).total_params
    40
    """
    if input is None and input_size is None:
        raise ValueError("summary(): give the model's input, a tensor or a size")
    args = _inputs(input if input is not None else tuple(input_size))  # type: ignore[arg-type]
    with _mode(model, mode):
        root, seen = calls_of(model, args, kwargs)
    made = Summary(root, seen, depth, seen.memory() if memory else None)
    if verbose:
        print(made)
    return made
