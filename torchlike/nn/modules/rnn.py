"""Recurrent layers and their cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

from torchlike import creation
from torchlike.core import dtype as _dtype
from torchlike.core.op import TABLE
from torchlike.facade import call as _call
from torchlike.nn import init
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.nn.recurrent import network
from torchlike.ops.checks import check
from torchlike.ops.recurrent import GATES
from torchlike.tensor import Tensor

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]


def _draw(module: Any) -> None:
    bound = 1 / math.sqrt(module.hidden_size)
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


class RNNBase(Module):
    """What the recurrent layers share: weights named as in PyTorch, and the checks of inputs and states.

    For layer k the weights are weight_ih_lk, weight_hh_lk, bias_ih_lk, bias_hh_lk and, with a projection, weight_hr_lk;
    those of the other direction end in _reverse. All start uniform in ±1 / sqrt(hidden_size). The body of one direction
    of a layer is one `lax.scan`: Flax's cells hold their gates in other layouts and know no projections, and the share
    of the inputs is one product for all steps here.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device=None,
        dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_options(dropout)
        width = proj_size or hidden_size
        directions = 2 if bidirectional else 1
        gates = GATES[mode] * hidden_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in range(directions):
                shapes: dict[str, tuple] = {
                    "weight_ih": (gates, input_size if layer == 0 else width * directions),
                    "weight_hh": (gates, width),
                }
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for stem, shape in shapes.items():
                    names.append(f"{stem}_l{layer}{'_reverse' if direction else ''}")
                    setattr(self, names[-1], Parameter(creation.empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(names)
        self.reset_parameters()

    def _check_options(self, dropout) -> None:
        check(
            isinstance(dropout, int | float) and not isinstance(dropout, bool) and 0 <= dropout <= 1,
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed",
            ValueError,
        )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
            value = getattr(self, name)
            check(
                isinstance(value, kind),
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}",
                TypeError,
            )
        for name in ("input_size", "hidden_size", "num_layers"):
            check(getattr(self, name) > 0, f"{name} must be greater than zero", ValueError)
        check(
            self.proj_size >= 0,
            "proj_size should be a positive integer or zero to disable projections",
            ValueError,
        )
        check(self.proj_size < self.hidden_size, "proj_size has to be smaller than hidden_size", ValueError)
        check(self.mode in GATES, "Unrecognized RNN mode: " + self.mode, ValueError)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        _draw(self)

    def flatten_parameters(self) -> None:
        """Nothing to do: PyTorch's way to please one vendor's library."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights of every layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def check_input(self, input: Tensor, batch_sizes: Tensor | None = None) -> None:
        """PyTorch's errors for an input of another dtype, width or number of dimensions."""
        weight = getattr(self, self._all_weights[0][0])
        check(
            input.dtype is weight.dtype,
            f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
            f"input.to({weight.dtype}), or convert model: model.to({input.dtype})",
            ValueError,
        )
        n = 3 if batch_sizes is None else 2
        check(input.dim() == n, f"input must have {n} dimensions, got {input.dim()}")
        check(
            input.size(-1) == self.input_size,
            f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}",
        )

    def _state_size(self, input: Tensor, batch_sizes: Tensor | None, width: int) -> tuple[int, int, int]:
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        return self.num_layers * (2 if self.bidirectional else 1), batch, width

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The size of the state for a batched input, or a packed one: (layers · directions, N, width)."""
        return self._state_size(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """RuntimeError if the state has another size."""
        check(hx.size() == expected_hidden_size, msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """PyTorch's errors for an input or a state that does not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state with its batch in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _run(self, input: Tensor, states: tuple | None, widths: tuple[int, ...]) -> tuple:
        """(outputs, *last states), the batch left out where the input has none."""
        name = type(self).__name__
        if not isinstance(input, Tensor):
            return self._run_packed(input, states, widths)
        check(input.dim() in (2, 3), f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead", ValueError)
        batched = input.dim() == 3
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
        sizes = [self._state_size(input, None, width) for width in widths]
        if states is None:
            states = tuple(input.new_zeros(size) for size in sizes)
        else:
            self._check_dims(name, states, batched)
            states = states if batched else tuple(s.unsqueeze(1) for s in states)
        self.check_input(input)
        self._check_states(states, sizes)
        params = [w for weights in self.all_weights for w in weights]
        out, *last = network(
            self.mode, input, states, params, self.bias, self.num_layers, self.dropout, self.training,
            self.bidirectional, self.batch_first,
        )  # fmt: skip
        if batched:
            return (out, *last)
        return (out.squeeze(0 if self.batch_first else 1), *[s.squeeze(1) for s in last])

    def _check_states(self, states: tuple, sizes: list) -> None:
        for i, (state, size) in enumerate(zip(states, sizes, strict=True)):
            which = f"hidden[{i}]" if len(sizes) > 1 else "hidden"
            self.check_hidden_size(state, size, f"Expected {which} size {{}}, got {{}}")

    def _run_packed(self, packed: Any, states: tuple | None, widths: tuple[int, ...]) -> tuple:
        """The same for a PackedSequence; the outputs are one too."""
        from torchlike.nn.utils.rnn import PackedSequence, pack_padded_sequence, padded

        x, lengths = padded(packed)
        order, back = packed.sorted_indices, packed.unsorted_indices
        sizes = [(self.num_layers * (2 if self.bidirectional else 1), len(lengths), width) for width in widths]
        if states is None:
            states = tuple(x.new_zeros(size) for size in sizes)
        elif order is not None:
            states = tuple(s.index_select(1, order) for s in states)
        self.check_input(x)
        self._check_states(states, sizes)
        params = [w for weights in self.all_weights for w in weights]
        out, *last = network(
            self.mode, x, states, params, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional,
            False, x.new_tensor(lengths, dtype=_dtype.int64),
        )  # fmt: skip
        data = pack_padded_sequence(out, lengths).data
        if back is not None:
            last = [s.index_select(1, back) for s in last]
        return (PackedSequence(data, packed.batch_sizes, order, back), *last)

    @staticmethod
    def _check_dims(name: str, states: tuple, batched: bool) -> None:
        n = 3 if batched else 2
        kind = "batched 3-D" if batched else "unbatched 2-D"
        dims = [s.dim() for s in states]
        if len(states) == 2:
            check(
                dims == [n, n],
                f"For {kind} input, hx and cx should also be {n}-D but got ({dims[0]}-D, {dims[1]}-D) tensors",
            )
        else:
            check(dims == [n], f"For {kind} input, hx should also be {n}-D but got {dims[0]}-D tensor")

    def extra_repr(self) -> str:
        """The sizes, and options that are not the usual ones."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        usual: tuple[tuple[str, Any], ...] = (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
            ("bidirectional", False),
        )  # fmt: skip
        parts += [f"{name}={getattr(self, name)}" for name, value in usual if getattr(self, name) != value]
        return ", ".join(parts)


def _no_projection(layer: RNNBase, other: dict[str, Any]) -> None:
    """PyTorch's errors for arguments that only an LSTM has, and for those that nobody has."""
    check("proj_size" not in other, "proj_size argument is only supported for LSTM, not RNN or GRU", ValueError)
    if other:
        raise TypeError(f"{type(layer).__name__}.__init__() got an unexpected keyword argument '{next(iter(other))}'")


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with ReLU for `nonlinearity="relu"`.

    Takes `input` (T, N, in), (N, T, in) with `batch_first`, or (T, in), and a state (layers · directions, N, hidden),
    zeros unless given. Returns (outputs of the last layer, last states). A PackedSequence gives outputs packed alike.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device=None, dtype=None,
        **other: Any,
    ) -> None:  # fmt: skip
        _no_projection(self, other)
        check(
            nonlinearity in ("tanh", "relu"),
            f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.",
            ValueError,
        )
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(outputs, last states)."""
        return self._run(input, None if hx is None else (hx,), (self.hidden_size,))


class GRU(RNNBase):
    """Gated recurrent units (https://arxiv.org/abs/1406.1078); inputs and states as for `RNN`."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device=None, dtype=None, **other: Any,
    ) -> None:  # fmt: skip
        _no_projection(self, other)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(outputs, last states)."""
        return self._run(input, None if hx is None else (hx,), (self.hidden_size,))


class LSTM(RNNBase):
    """Long short-term memory; with `proj_size`, h is projected (https://arxiv.org/abs/1402.1128).

    Inputs as for `RNN`; the state is (h, c). Returns (outputs, (last h, last c)).

    >>> import torchlike as torch
    >>> out, (h, c) = torch.nn.LSTM(10, 20, num_layers=2)(torch.ones(5, 3, 10))
    >>> out.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device,
            dtype,
        )  # fmt: skip

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The size of the cell state: as wide as `hidden_size`, whatever the projection."""
        return self._state_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """PyTorch's errors for an input or one of the two states that does not fit."""
        self.check_input(input, batch_sizes)
        sizes = [f(input, batch_sizes) for f in (self.get_expected_hidden_size, self.get_expected_cell_size)]
        self._check_states(hidden, sizes)

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states with their batch in another order."""
        return hx if permutation is None else tuple(s.index_select(1, permutation) for s in hx)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(outputs, (last h, last c))."""
        states = None if hx is None else tuple(hx)
        out, h, c = self._run(input, states, (self.proj_size or self.hidden_size, self.hidden_size))
        return out, (h, c)


class RNNCellBase(Module):
    """What the cells share: weight_ih, weight_hh, bias_ih, bias_hh, uniform in ±1 / sqrt(hidden_size).

    The body is the step that `RNN`, `GRU` and `LSTM` scan over, and none of Flax's cells.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        for name, shape, wanted in (
            ("weight_ih", (rows, input_size), True), ("weight_hh", (rows, hidden_size), True),
            ("bias_ih", (rows,), bias), ("bias_hh", (rows,), bias),
        ):  # fmt: skip
            made = Parameter(creation.empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        _draw(self)

    def _step(self, cell: str, input: Tensor, states: tuple | None, count: int) -> list[Tensor]:
        """The new states, without a batch where the input has none."""
        name = type(self).__name__
        check(input.dim() in (1, 2), f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead", ValueError)
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if states is None:
            states = (x.new_zeros((x.size(0), self.hidden_size)),) * count
        else:
            for i, state in enumerate(states):
                which = f"hx[{i}]" if count > 1 else "hidden"
                check(
                    state.dim() in (1, 2),
                    f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead",
                    ValueError,
                )
            states = states if batched else tuple(s.unsqueeze(0) for s in states)
        step = _call(TABLE[f"torch.{cell}"])
        made = step(
            x, states if count > 1 else states[0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        )
        made = made if isinstance(made, tuple) else (made,)
        return [s if batched else s.squeeze(0) for s in made]

    def extra_repr(self) -> str:
        """The sizes, and options that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        kind = getattr(self, "nonlinearity", "tanh")
        return text if kind == "tanh" else f"{text}, nonlinearity={kind}"


class RNNCell(RNNCellBase):
    """One step of an `RNN`: input (N, in) or (in), state (N, hidden) or (hidden)."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device=None, dtype=None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state."""
        check(self.nonlinearity in ("tanh", "relu"), f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"rnn_{self.nonlinearity}_cell", input, None if hx is None else (hx,), 1)[0]


class GRUCell(RNNCellBase):
    """One step of a `GRU`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state."""
        return self._step("gru_cell", input, None if hx is None else (hx,), 1)[0]


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The new (h, c)."""
        h, c = self._step("lstm_cell", input, None if hx is None else tuple(hx), 2)
        return h, c
