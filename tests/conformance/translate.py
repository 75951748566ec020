"""PyTorch's samples in torchlike's terms: tensors with their strides, dtypes, and the functions of the database.

The database holds lambdas that name `torch` themselves. They are copied with `torch` exchanged for torchlike, so that
the very same program runs under both.
"""

from __future__ import annotations

import dataclasses
import functools
import types

import numpy as np
import torch

import torchlike
from torchlike.core.value import put
from torchlike.core.variable import wrap

_VIA = {torch.bfloat16: torch.int16, torch.float8_e4m3fn: torch.uint8, torch.float8_e5m2: torch.uint8}


def dtype(d: torch.dtype):
    """The dtype of the same name."""
    return getattr(torchlike, str(d).removeprefix("torch."))


def array(t: torch.Tensor) -> np.ndarray:
    """The numbers of a PyTorch tensor, also of the dtypes that NumPy does not know."""
    t = t.detach().resolve_conj().resolve_neg()
    via = _VIA.get(t.dtype)
    return t.numpy() if via is None else t.contiguous().view(via).numpy().view(dtype(t.dtype).np)


def tensor(t: torch.Tensor):
    """The same tensor here: numbers, dtype, strides, the memory around it, and whether it asks for a gradient."""
    if t.layout is not torch.strided or t.device.type != "cpu":
        raise NotImplementedError(f"a sample of layout {t.layout} on {t.device}")
    if id(t) in _made:
        return _made[id(t)][1]
    plain = t.detach().resolve_conj().resolve_neg()
    if plain.ndim > 64:  # more than NumPy knows
        return _wrap(array(plain.reshape(-1))).reshape(tuple(plain.shape))
    # a marked conjugate has been computed just now: its memory is its own, and will be somebody else's after this call
    shared = _places.get(_place(plain), 0) if _place(plain) == _place(t) else 0
    n = plain.untyped_storage().nbytes() // plain.itemsize
    if plain.is_contiguous() and n == plain.numel() and shared < 2:
        made = _wrap(array(plain))
    else:
        key = _place(plain), plain.dtype
        memory = _memory.get(key) if shared else None
        if memory is None:
            memory = _wrap(array(torch.as_strided(plain, (n,), (1,), 0)))
        if shared:
            _memory[key] = memory
        made = memory.as_strided(plain.shape, plain.stride(), plain.storage_offset())
    made = made.requires_grad_() if t.requires_grad else made
    if _places:
        _made[id(t)] = t, made
    return made


_places: dict = {}  # while a sample is translated: how many of its tensors lie in each piece of memory,
_memory: dict = {}  # those pieces here,
_made: dict = {}  # and what each tensor became


def _place(t: torch.Tensor) -> int:
    return t.untyped_storage().data_ptr()


def together(*parts) -> list:
    """Several values of one sample: tensors that share memory share it here too, one that stands twice is one here."""
    seen: dict = {}
    _collect(parts, seen)
    for t in seen.values():
        _places[_place(t)] = _places.get(_place(t), 0) + 1
    try:
        return [value(p) for p in parts]
    finally:
        _places.clear()
        _memory.clear()
        _made.clear()


def _collect(x, seen: dict) -> None:
    if isinstance(x, torch.Tensor) and x.layout is torch.strided and x.numel():
        seen[id(x)] = x
    elif isinstance(x, list | tuple):
        for v in x:
            _collect(v, seen)
    elif isinstance(x, dict):
        _collect(list(x.values()), seen)


def _wrap(numbers: np.ndarray):
    return wrap(put(numbers, torchlike.device("cpu")))


def value(x):
    """A sample's argument in torchlike's terms."""
    if isinstance(x, torch.Tensor):
        return tensor(x)
    if isinstance(x, torch.dtype):
        return dtype(x)
    if isinstance(x, torch.Size):
        return torchlike.Size(x)
    if isinstance(x, torch.device):
        return torchlike.device(str(x))
    if isinstance(x, torch.memory_format | torch.layout):
        return getattr(torchlike, str(x).removeprefix("torch."))
    if isinstance(x, torch.Generator):
        return torchlike.Generator()
    if isinstance(x, torch.nn.PairwiseDistance):
        return torchlike.nn.PairwiseDistance(x.norm, x.eps, x.keepdim)
    if isinstance(x, torch.nn.LinearCrossEntropyOptions):
        fields = {f.name: value(getattr(x, f.name)) for f in dataclasses.fields(x)}
        return torchlike.nn.LinearCrossEntropyOptions(**fields)
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return torchlike.nn.utils.rnn.PackedSequence(*map(value, x))
    if isinstance(x, torch.nn.TransformerEncoderLayer | torch.nn.TransformerDecoderLayer):
        return _layer(x)
    if isinstance(x, tuple | list):
        return type(x)(value(v) for v in x) if not hasattr(x, "_fields") else type(x)(*map(value, x))
    if isinstance(x, dict):
        return {k: value(v) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(value(x.start), value(x.stop), value(x.step))
    if callable(x) and not isinstance(x, type):
        return function(x)
    return x


def _layer(x):
    """A layer of a transformer, made anew with the same sizes and options, and with the same parameters."""
    a = x.self_attn
    made = getattr(torchlike.nn, type(x).__name__)(
        a.embed_dim, a.num_heads, x.linear1.out_features, x.dropout.p, function(x.activation), x.norm1.eps,
        a.batch_first, x.norm_first, x.linear1.bias is not None, dtype=dtype(x.linear1.weight.dtype),
    )  # fmt: skip
    made.load_state_dict({k: tensor(v.detach()) for k, v in x.state_dict().items()})
    return made.train(x.training)


# --- functions --------------------------------------------------------------------------------------------------------


def path(root, dotted: str):
    """What stands under a dotted name, or None."""
    for part in dotted.split("."):
        root = getattr(root, part, None)
        if root is None:
            return None
    return root


_SPACES = ("", "Tensor", "nn.functional", "linalg", "fft", "special", "signal.windows", "masked", "_C._nn")


@functools.cache
def _names() -> dict:
    """The public dotted name of each of PyTorch's own functions."""
    found: dict = {}
    for space in _SPACES:
        owner = path(torch, space) if space else torch
        for name in dir(owner):
            try:
                found.setdefault(id(getattr(owner, name)), f"{space}.{name}".lstrip("."))
            except Exception:  # noqa: BLE001, S112  some attributes of torch raise when looked at
                continue
    return found


class Missing(Exception):
    """torchlike has no such name."""


def lookup(dotted: str):
    """torchlike's function of this name; a method serves where there is no function."""
    found = path(torchlike, dotted)
    if found is None or not callable(found):
        found = path(torchlike.Tensor, dotted.removeprefix("Tensor."))
    if found is None:
        raise Missing(f"torchlike has no {dotted}")
    return found


def _seeded(op, *args, **kwargs):
    """The database's way to run a random operator: from a fixed seed."""
    torchlike.manual_seed(42)
    return op(*args, **kwargs)


def function(f):
    """A function of the database, with every mention of PyTorch exchanged for torchlike."""
    if getattr(f, "__name__", "") == "wrapper_set_seed":
        return _seeded
    if f is torch:
        return torchlike
    if isinstance(f, types.ModuleType) and f.__name__.startswith("torch."):
        found = path(torchlike, f.__name__.removeprefix("torch."))
        return f if found is None else found
    if f is None or isinstance(f, bool | int | float | str):
        return f  # True and False are attributes of torch too
    if isinstance(f, functools.partial):
        return functools.partial(function(f.func), *map(value, f.args), **value(f.keywords))
    if id(f) in _names() and not isinstance(f, types.ModuleType):
        return lookup(_names()[id(f)])
    if isinstance(f, types.FunctionType) and "testing" in (f.__module__ or ""):
        return _copied(f)
    if isinstance(f, torch.dtype | torch.Tensor):
        return value(f)
    if isinstance(f, type) and issubclass(f, torch.Tensor):
        return torchlike.Tensor
    return f


def _mentioned(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names |= _mentioned(const)
    return names


@functools.cache
def _copied(f: types.FunctionType):
    names = {n: function(f.__globals__[n]) for n in _mentioned(f.__code__) if n in f.__globals__}
    cells = tuple(types.CellType(function(c.cell_contents)) for c in f.__closure__ or ())
    copy = types.FunctionType(f.__code__, {"__builtins__": __builtins__, **names}, f.__name__, None, cells)
    copy.__defaults__ = value(f.__defaults__)
    copy.__kwdefaults__ = value(f.__kwdefaults__)
    return copy


def operator(op):
    """torchlike's form of an entry of the database."""
    f = op.op
    if isinstance(f, types.FunctionType) and "testing" in (f.__module__ or ""):
        return function(f)
    found = path(torchlike, op.name)
    return lookup(f"Tensor.{op.name}") if found is None or not callable(found) else found
