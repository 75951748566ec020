"""Row `lstm`: 64 steps, 64 inputs, hidden size 128, and a linear layer on the last hidden state."""

from __future__ import annotations

from tests.benchmarks.row import Row, classified

INPUTS, HIDDEN = 64, 128


class LSTM(Row):
    def __init__(self, batch: int = 16, steps: int = 64):
        self.batch, self.steps = batch, steps

    def batches(self) -> list:
        return classified(4, (self.batch, self.steps, INPUTS))

    def model(self, lib):
        class Net(lib.nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm = lib.nn.LSTM(INPUTS, HIDDEN, batch_first=True)
                self.out = lib.nn.Linear(HIDDEN, 10)

            def forward(self, x):
                return self.out(self.lstm(x)[0][:, -1])

        return Net()

    def forward(self, p, state, x):
        import jax
        import jax.numpy as jnp

        bias = p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]
        inputs = x.swapaxes(0, 1) @ p["lstm.weight_ih_l0"].T + bias
        recurrent = p["lstm.weight_hh_l0"].T

        def cell(carry, x):
            h, c = carry
            i, f, g, o = jnp.split(x + h @ recurrent, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
        (h, _), _ = jax.lax.scan(cell, (zero, zero), inputs)
        return h @ p["out.weight"].T + p["out.bias"], state
