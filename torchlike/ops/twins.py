"""Methods that PyTorch also offers as functions of torch."""

from __future__ import annotations

from torchlike.core.op import composite


def _twin(name: str, doc: str) -> None:
    def fn(input, *args, **kwargs):
        return getattr(input, name)(*args, **kwargs)

    fn.__name__ = name
    fn.__doc__ = f"`input.{name}(...)`: {doc}"
    composite(f"torch.{name}")(fn)


_twin("detach", "the same memory, out of the graph.")
_twin("detach_", "take the tensor itself out of its graph.")
_twin("fill_", "one value everywhere.")
_twin("index_put_", "write values at the places that index tensors name.")
_twin("put", "a copy with values at places of the flattened tensor.")
_twin("zero_", "zeros everywhere.")
