"""Places of the flattened tensor: `take` and `put`."""

from __future__ import annotations

from torchlike.core.op import Array, Op, op
from torchlike.core.variable import Variable
from torchlike.ops.checks import check, word
from torchlike.ops.indexing import added, check_range, placed


class Flat(Op):
    """An op with an `index` into its flattened `input`, checked when it is called."""

    def bind(self, args, kwargs):
        template, inputs = super().bind(args, kwargs)
        input, index = inputs[:2]
        if isinstance(index, Variable) and isinstance(input, Variable) and index.dtype.np.kind == "i":
            n = input.numel()
            check_range(index, n, f"out of range: tried to access index {{}} on a tensor of {n} elements.")
        return template, inputs


@op("*.take", kind=Flat)
def take(input: Array, index: Array):
    """The elements of the flattened `input` at these places, in the shape of `index`."""
    check(word(index) == "Long", f"take(): Expected a long tensor for index, but got {word(index)}")
    return input.reshape(-1)[index]


@op("Tensor.put", "Tensor.put_", kind=Flat)
def put(input: Array, index: Array, source: Array, accumulate: bool = False):
    """The elements of `source` written (or added) at these places of the flattened `input`."""
    check(
        index.size == source.size,
        "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
        f"{source.size}, index.numel() = {index.size}",
        IndexError,
    )
    check(
        input.dtype == source.dtype,
        f"put_(): self and source expected to have the same dtype, but got self.dtype = {word(input)} and "
        f"source.dtype = {word(source)}",
    )
    flat, at, source = input.reshape(-1), index.reshape(-1), source.reshape(-1)
    return (added(flat, at, source) if accumulate else placed((0,), flat, (at,), source)).reshape(input.shape)


for _body in (take, put):
    _body.op.exact = True
