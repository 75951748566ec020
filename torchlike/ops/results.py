"""Named results: the tuples with names that reductions and orderings return, printed as PyTorch prints them."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter


class Named(tuple):
    """A tuple whose parts have names, made from any iterable of them."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    @property
    def n_fields(self) -> int:
        """How many parts there are."""
        return len(self._fields)

    n_sequence_fields = n_fields

    def __repr__(self) -> str:
        parts = ",\n".join(f"{name}={part!r}" for name, part in zip(self._fields, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{parts})"

    def __reduce__(self):
        return type(self), (tuple(self),)


def named(name: str, *fields: str) -> type[Named]:
    """The class of the named results of torch.`name`; `torch.return_types` shows it."""
    places = {field: property(itemgetter(i), doc=f"Part {i} of the result.") for i, field in enumerate(fields)}
    body = {"__slots__": (), "_fields": fields, "__module__": "torchlike.return_types", **places}
    body["__doc__"] = f"What `torch.{name}` returns: {', '.join(fields)}."
    TYPES[name] = type(name, (Named,), body)
    return TYPES[name]


def constant(made: Callable, *places: int) -> Callable:
    """As `made`, for results of which the parts at these places have no gradient, floating as they are."""

    def result(tensors: list):
        for i in places:
            tensors[i]._node = None
        return made(tensors)

    return result


TYPES: dict[str, type[Named]] = {}


def valued(name: str) -> type[Named]:
    """The named result (values, indices)."""
    return named(name, "values", "indices")
