"""Recurrent networks as functions: layers and directions put together from `ops/recurrent.py`."""

from __future__ import annotations

from torchlike.core.op import composite
from torchlike.facade import call as _call
from torchlike.nn import layers as _layers
from torchlike.ops import joining as _joining
from torchlike.ops import recurrent as _recurrent
from torchlike.tensor import Tensor

_layer = _call(_recurrent.recurrent_layer.op)
_lstm_cell = _call(_recurrent.lstm_cell.op)
_cat, _stack = _call(_joining.cat.op), _call(_joining.stack.op)


def network(
    mode: str, input: Tensor, states: tuple, params, has_biases: bool, num_layers: int, dropout: float, train: bool,
    bidirectional: bool, batch_first: bool, lengths: Tensor | None = None,
) -> tuple:  # fmt: skip
    """(outputs of the last layer, last states) of all layers.

    `states` are (h,) or (h, c), each (layers · directions, N, size). `lengths` (N) are those of padded sequences.
    """
    x = input.transpose(0, 1) if batch_first else input
    directions = 2 if bidirectional else 1
    count = len(params) // (num_layers * directions)
    last: list[list] = [[] for _ in states]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            at = layer * directions + direction
            w_ih, w_hh, *rest = params[at * count : (at + 1) * count]
            b_ih, b_hh = (rest.pop(0), rest.pop(0)) if has_biases else (None, None)
            projection = rest.pop(0) if rest else None
            h, *c = (s[at] for s in states)
            out, *ends = _layer(
                x, h, c[0] if c else None, w_ih, w_hh, b_ih, b_hh, projection, mode, direction == 1, lengths
            )
            outputs.append(out)
            for kept, end in zip(last, ends, strict=True):
                kept.append(end)
        x = outputs[0] if directions == 1 else _cat(outputs, 2)
        if dropout and train and layer < num_layers - 1:
            x = _layers.dropout(x, dropout)
    return (x.transpose(0, 1) if batch_first else x, *[_stack(ends) for ends in last])


@composite("torch.lstm")
def lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False):
    """(outputs, last h, last c) of LSTM layers on `input` (T, N, in), from the states `hx` (h, c).

    `params` are, for every layer and direction, w_ih, w_hh, with `has_biases` b_ih and b_hh, and the projection if any.
    """
    return network(
        "LSTM", input, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


def _plain(name: str, mode: str) -> None:
    def fn(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False):
        return network(
            mode, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional, batch_first
        )

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = f"(outputs, last states) of {mode} layers on `input` (T, N, in) from the states `hx`; see `lstm`."
    composite(f"torch.{name}")(fn)


_plain("gru", "GRU")
_plain("rnn_tanh", "RNN_TANH")
_plain("rnn_relu", "RNN_RELU")


@composite("torch.lstm_cell")
def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of an LSTM from the states `hx` (h, c): the new (h, c)."""
    return _lstm_cell(input, *hx, w_ih, w_hh, b_ih, b_hh)
