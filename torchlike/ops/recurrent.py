"""Recurrent layers: one direction of one layer is one scan over time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
"""Rows of the weights for one element of the state."""


def _step(mode: str, from_input, h, c, weight, bias, projection):
    """One step: the input's share of the gates is there already. Returns (h, c)."""
    from_state = h @ weight.T
    if mode == "GRU":
        from_state = from_state if bias is None else from_state + bias
        (r, z, n), (hr, hz, hn) = jnp.split(from_input, 3, -1), jnp.split(from_state, 3, -1)
        r, z = jax.nn.sigmoid(r + hr), jax.nn.sigmoid(z + hz)
        n = jnp.tanh(n + r * hn)
        return n + z * (h - n), None
    gates = from_input + from_state
    if mode == "RNN_TANH":
        return jnp.tanh(gates), None
    if mode == "RNN_RELU":
        return jnp.where(gates <= 0, 0, gates), None
    i, f, g, o = jnp.split(gates, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h if projection is None else h @ projection.T), c


def _from_input(mode: str, x, weight, bias, state_bias):
    """What the inputs add to the gates. Only a GRU has to keep the state's bias apart."""
    y = x @ weight.T
    y = y if bias is None else y + bias
    return y if state_bias is None or mode == "GRU" else y + state_bias


@op(grad="StackBackward0")
def recurrent_layer(
    input: Array, h: Array, c: Array | None, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
    w_hr: Array | None, mode: str, reverse: bool, lengths: Array | None = None,
):  # fmt: skip
    """One direction of one layer over `input` (T, N, in) from the state `h` (N, out).

    Gives (outputs (T, N, out), last h), for an LSTM (with `c`) also the last c. Steps behind a sequence's length leave
    its state alone, and their outputs are 0.
    """
    check(
        input.dtype == w_ih.dtype,
        f"expected input and weights to have the same dtype, but got {input.dtype} and {w_ih.dtype}",
    )
    shares = _from_input(mode, input, w_ih, b_ih, b_hh)

    def step(state, share):
        h, c = _step(mode, share, *state, w_hh, b_hh, w_hr)
        return (h, c), h

    def step_within(state, at):
        share, t = at
        inside = (t < lengths)[:, None]
        made = _step(mode, share, *state, w_hh, b_hh, w_hr)
        new = jax.tree.map(lambda a, b: jnp.where(inside, a, b), made, state)
        return new, jnp.where(inside, made[0], 0)

    start: Any = (h, c)
    if lengths is None:
        (h, c), outputs = lax.scan(step, start, shares, reverse=reverse)
    else:
        (h, c), outputs = lax.scan(step_within, start, (shares, jnp.arange(shares.shape[0])), reverse=reverse)
    return (outputs, h) if c is None else (outputs, h, c)


def _cell(mode: str, input, h, c, w_ih, w_hh, b_ih, b_hh):
    wide, size = input.shape[-1], w_ih.shape[1]
    check(wide == size, f"input has inconsistent input_size: got {wide} expected {size}")
    for i, state in enumerate(x for x in (h, c) if x is not None):
        rows, (batch, wide), size = input.shape[0], state.shape, w_hh.shape[1]
        check(rows == batch, f"Input batch size {rows} doesn't match hidden{i} batch size {batch}")
        check(wide == size, f"hidden{i} has inconsistent hidden_size: got {wide}, expected {size}")
    return _step(mode, _from_input(mode, input, w_ih, b_ih, b_hh), h, c, w_hh, b_hh, None)


@op(grad="AddBackward0")
def lstm_cell(
    input: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an LSTM: the new (h, c)."""
    return _cell("LSTM", input, h, c, w_ih, w_hh, b_ih, b_hh)


@op("torch.gru_cell", grad="AddBackward0")
def gru_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of a GRU: the new state."""
    return _cell("GRU", input, hx, None, w_ih, w_hh, b_ih, b_hh)[0]


@op("torch.rnn_tanh_cell", grad="TanhBackward0")
def rnn_tanh_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an RNN with tanh: the new state."""
    return _cell("RNN_TANH", input, hx, None, w_ih, w_hh, b_ih, b_hh)[0]


@op("torch.rnn_relu_cell", grad="ReluBackward0")
def rnn_relu_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an RNN with ReLU: the new state."""
    return _cell("RNN_RELU", input, hx, None, w_ih, w_hh, b_ih, b_hh)[0]
