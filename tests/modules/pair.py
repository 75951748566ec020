"""One layer in both libraries, with the same parameters, and a call of each."""

from __future__ import annotations

import copy
from typing import Any

import torch

import torchlike
from tests.conformance import translate
from tests.conformance.aspects import tensors, weights
from tests.conformance.verdict import plain

from .database import Sample


class Pair:
    """PyTorch's layer and torchlike's, the second loaded with the first one's state."""

    def __init__(self, sample: Sample, training: bool, like: torch.dtype | None = None):
        self.sample = sample
        torch.default_generator.manual_seed(1)
        torchlike.manual_seed(1)
        self.theirs, self.ours = sample.theirs(), sample.ours()
        self.theirs.train(training)
        self.ours.train(training)
        if any(torch.nn.parameter.is_lazy(p) for p in self.theirs.parameters()):
            with torch.no_grad():
                self.theirs(*detached(sample.args), **detached(sample.kwargs))
            args, kwargs = translate.together(detached(sample.args), detached(sample.kwargs))
            with torchlike.no_grad():
                self.ours(*args, **kwargs)
        if like is not None:
            self.theirs.to(like)
            self.ours.to(translate.dtype(like))
        self.ours.load_state_dict({k: translate.value(v.detach().clone()) for k, v in self.theirs.state_dict().items()})

    def calls(self, like: torch.dtype | None = None) -> tuple[tuple, tuple]:
        """The arguments of a call for each library, PyTorch's first."""
        change = copied if like is None else lambda x: cast(x, like)
        args, kwargs = change(self.sample.args), change(self.sample.kwargs)
        return (args, kwargs), tuple(translate.together(args, kwargs))


def mapped(x: Any, fn) -> Any:
    """An argument with `fn` of every tensor in it."""
    if isinstance(x, torch.Tensor):
        return fn(x)
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return x._replace(data=fn(x.data))
    if isinstance(x, tuple | list):
        return type(x)(mapped(v, fn) for v in x)
    return {k: mapped(v, fn) for k, v in x.items()} if isinstance(x, dict) else x


def detached(x: Any) -> Any:
    return mapped(x, lambda t: t.detach().clone())


def copied(x: Any) -> Any:
    """The same with new leaves, so that no gradient or write is seen by the next call."""
    return mapped(x, lambda t: t.detach().clone().requires_grad_(t.requires_grad))


def cast(x: Any, dtype: torch.dtype) -> Any:
    """The same in another floating dtype."""
    return mapped(x, lambda t: t.detach().to(dtype) if t.is_floating_point() else t.detach().clone())


def seed(lib) -> None:
    (torch.default_generator if lib is torch else lib).manual_seed(3)


def outcome(lib, module, args, kwargs) -> Any:
    """What a call gives, and the state of the layer after it."""
    seed(lib)
    result = module(*args, **kwargs)
    return [result, dict(module.state_dict())]


def gradients(lib, module, args, kwargs, second: bool = False) -> Any:
    """A call's results and the gradients towards its inputs and parameters, from an uneven weighting.

    No gradient is a gradient of zeros: which of the two is said depends on how a formula is split into nodes.
    """
    seed(lib)
    kind = lib.Tensor
    results = list(tensors(module(*args, **kwargs), kind))
    roots = [t for t in results if t.requires_grad]
    leaves = [t for t in tensors([args, kwargs, list(module.parameters())], kind) if t.requires_grad and t.is_leaf]
    if not roots or not leaves:
        return [t.detach() for t in results]
    first = lib.autograd.grad(roots, leaves, [weights(t, lib) for t in roots], allow_unused=True, create_graph=second)
    if second:
        found = [t for t in first if t is not None and t.requires_grad]
        none = [None] * len(leaves)
        first = lib.autograd.grad(found, leaves, [weights(t, lib) for t in found], allow_unused=True) if found else none
    zeros = [lib.zeros_like(x).detach() if g is None else g.detach() for g, x in zip(first, leaves, strict=True)]
    return zeros if second else [[t.detach() for t in results], zeros]


def state(module) -> dict:
    """The state of a layer in plain NumPy."""
    return {k: plain(v) for k, v in module.state_dict().items()}


def facts(module) -> dict:
    """Everything plain that a layer and those below say about themselves."""
    found = {}
    for name, m in module.named_modules():
        for key, x in vars(m).items():
            if not key.startswith("_") and _is_plain(x):
                found[f"{name}.{key}" if name else key] = x
    return found


def _is_plain(x: Any) -> bool:
    if isinstance(x, tuple | list):
        return all(map(_is_plain, x))
    return x is None or isinstance(x, bool | int | float | str)


def twin(module):
    """A deep copy and a pickled one."""
    import pickle

    return copy.deepcopy(module), pickle.loads(pickle.dumps(module))
