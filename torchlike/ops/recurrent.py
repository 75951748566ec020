"""Recurrent layers: one direction of one layer is one scan over time."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
"""Rows of the weights for one element of the state."""


def _step(mode: str, share, y, h, c):
    """One step without its products, from what the input and the state add to each gate: (h, c) and the gates."""
    if mode == "GRU":
        (r, z, n), (hr, hz, hn) = share, y
        r, z = jax.nn.sigmoid(r + hr), jax.nn.sigmoid(z + hz)
        n = jnp.tanh(n + r * hn)
        return n + z * (h - n), None, (r, z, n, hn)
    gates = [a + b for a, b in zip(share, y, strict=True)]
    if mode == "RNN_TANH":
        h = jnp.tanh(gates[0])
        return h, None, (h,)
    if mode == "RNN_RELU":
        h = jnp.where(gates[0] <= 0, 0, gates[0])
        return h, None, (h,)
    i, f, o = (jax.nn.sigmoid(gates[k]) for k in (0, 1, 3))
    g = jnp.tanh(gates[2])
    c = f * c + i * g
    return o * jnp.tanh(c), c, (i, f, g, o)


def _slopes(mode: str, gates, h, c_before, c) -> tuple:
    """The partial derivatives of a step that `_linear_step` takes; `h` is the state before it."""
    if mode == "GRU":
        r, z, n, hn = gates
        dn = (1 - z) * (1 - n * n)
        return dn * hn * r * (1 - r), (h - n) * z * (1 - z), dn, dn * r, z
    if mode == "RNN_TANH":
        return (1 - gates[0] * gates[0],)
    if mode == "RNN_RELU":
        return (jnp.where(gates[0] <= 0, 0, jnp.ones_like(gates[0])),)
    i, f, g, o = gates
    u = jnp.tanh(c)
    return g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g), u * o * (1 - o), f, o * (1 - u * u)


def _linear_step(mode: str, slopes, share, y, h, c):
    """The tangent of `_step`, from the tangents of its arguments."""
    if mode == "GRU":
        r, z, n, hn, keep = slopes
        return r * (share[0] + y[0]) + z * (share[1] + y[1]) + n * share[2] + hn * y[2] + keep * h, None
    if mode != "LSTM":
        return slopes[0] * (share[0] + y[0]), None
    i, f, g, o, keep, out = slopes
    gates = [a + b for a, b in zip(share, y, strict=True)]
    c = keep * c + i * gates[0] + f * gates[1] + g * gates[2]
    return out * c + o * gates[3], c


def _within(inside, made, state):
    """The states that a step made, where it is inside of the sequence; the states before it elsewhere."""
    return made if inside is None else jax.tree.map(lambda new, old: jnp.where(inside, new, old), made, state)


def _recur(mode: str, reverse: bool, shares, bias, h, c, weight, projection, inside):
    """All states and the last ones, as `recurrence` gives them, and what its derivative is made of."""
    n, kernel = GATES[mode], weight.T
    biases = [0] * n if bias is None else jnp.split(bias, n)

    def step(state, at):
        share, inside = at
        y = [y + b for y, b in zip(jnp.split(state[0] @ kernel, n, -1), biases, strict=True)]
        h, c, gates = _step(mode, share, y, *state)
        made = h if projection is None else h @ projection.T, c
        made = _within(inside, made, state)
        return made, (*made, gates)

    # the gates go in apart: slices of one array in the loop would keep XLA from vectorising the step
    last, (hs, cs, gates) = lax.scan(step, (h, c), (jnp.split(shares, n, -1), inside), reverse=reverse)
    return (hs, *last), (cs, gates)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def recurrence(mode: str, reverse: bool, shares, bias, h, c, weight, projection, inside):
    """The states after all steps (T, N, out), the last h and the last c, from the inputs' shares of the gates.

    `inside` (T, N, 1): where it is False a step leaves the state alone.
    """
    return _recur(mode, reverse, shares, bias, h, c, weight, projection, inside)[0]


@recurrence.defjvp
def _(mode, reverse, primals, tangents):
    shares, bias, h, c, weight, projection, inside = primals
    d_shares, d_bias, *d_start, d_weight, d_projection, _ = tangents
    outs, (cs, gates) = _recur(mode, reverse, *primals)

    def before(first, states):
        return jnp.concatenate([states[1:], first[None]] if reverse else [first[None], states[:-1]])

    h_before = before(h, outs[0])
    slopes = _slopes(mode, gates, h_before, None if c is None else before(c, cs), cs)
    n = GATES[mode]
    d_y = h_before @ d_weight.T  # of all steps at once
    d_y = d_y if d_bias is None else d_y + d_bias
    if mode != "GRU":
        d_shares, d_y = d_shares + d_y, None
    d_h = None if projection is None else (gates[3] * jnp.tanh(cs)) @ d_projection.T

    def step(state, at):
        slopes, share, d_y, d_h, inside = at
        # no transposed copy of the weight, so that the gradient's loop takes the weight as it lies
        y = lax.dot_general(state[0], weight, (((1,), (1,)), ((), ())))
        y = y if d_y is None else y + d_y
        h, c = _linear_step(mode, slopes, jnp.split(share, n, -1), jnp.split(y, n, -1), *state)
        made = h if d_h is None else h @ projection.T + d_h, c
        made = _within(inside, made, state)
        return made, made[0]

    last, d_hs = lax.scan(step, tuple(d_start), (slopes, d_shares, d_y, d_h, inside), reverse=reverse)
    return outs, (d_hs, *last)


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
    inside = None if lengths is None else (jnp.arange(len(shares))[:, None] < lengths)[..., None]
    bias = b_hh if mode == "GRU" else None
    outputs, h, c = recurrence(mode, reverse, shares, bias, h, c, w_hh, w_hr, inside)
    outputs = outputs if inside is None else jnp.where(inside, outputs, 0)
    return (outputs, h) if c is None else (outputs, h, c)


def _cell(mode: str, input, h, c, w_ih, w_hh, b_ih, b_hh):
    wide, size = input.shape[-1], w_ih.shape[1]
    check(wide == size, f"input has inconsistent input_size: got {wide} expected {size}")
    for i, state in enumerate(x for x in (h, c) if x is not None):
        rows, (batch, wide), size = input.shape[0], state.shape, w_hh.shape[1]
        check(rows == batch, f"Input batch size {rows} doesn't match hidden{i} batch size {batch}")
        check(wide == size, f"hidden{i} has inconsistent hidden_size: got {wide}, expected {size}")
    share, y = _from_input(mode, input, w_ih, b_ih, b_hh), h @ w_hh.T
    y = y if b_hh is None or mode != "GRU" else y + b_hh
    n = GATES[mode]
    return _step(mode, jnp.split(share, n, -1), jnp.split(y, n, -1), h, c)[:2]


@op(grad="AddBackward0")
def lstm_cell(
    input: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
):
    """One step of an LSTM: the new (h, c)."""
    return _cell("LSTM", input, h, c, w_ih, w_hh, b_ih, b_hh)


@op("torch.gru_cell", grad="AddBackward0")
def gru_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None):
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
