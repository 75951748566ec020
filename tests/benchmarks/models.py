"""The training steps that are compared: the same models, data and optimizer for every contender.

`steps(lib, name)` gives a PyTorch-style step for torchlike or PyTorch; `by_hand(name)` the same step in JAX and optax,
one donated jit. Every step takes the next of a few prepared batches and reads its loss, as training loops do.
"""

from __future__ import annotations

import itertools

import numpy as np

BATCH = 32


def batches(name: str):
    """Eight batches of random images or rows with random labels."""
    rng = np.random.default_rng(0)
    shape = {"mlp": (BATCH, 64), "cnn": (BATCH, 1, 8, 8)}[name]
    return [
        (rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, BATCH).astype(np.int64)) for _ in range(8)
    ]


def model(lib, name: str):
    """MLP 64-128-128-10, or two convolutions with pooling and two linear layers."""
    nn = lib.nn
    lib.manual_seed(0)
    if name == "mlp":
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def steps(lib, name: str, compiled: str = ""):
    """An ordinary PyTorch loop's step, plain, `torch.compile`d model, or the whole step with fullgraph=True."""
    net = model(lib, name)
    criterion = lib.nn.CrossEntropyLoss()
    optimizer = lib.optim.Adam(net.parameters(), lr=1e-3)
    if compiled == "model":
        net = lib.compile(net)

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if compiled == "step":
        step = lib.compile(step, fullgraph=True)
    data = itertools.cycle([(lib.from_numpy(x), lib.from_numpy(y)) for x, y in batches(name)])
    return lambda: step(*next(data)).item()


def by_hand(name: str):
    """The step as a JAX user writes it: parameters in a dict, optax.adam, one jit that gives its buffers away."""
    import jax
    import jax.numpy as jnp
    import optax

    import torchlike

    params = {k: jnp.array(v.detach().numpy()) for k, v in model(torchlike, name).state_dict().items()}

    def conv(x, p, i):
        y = jax.lax.conv_general_dilated(
            x, p[f"{i}.weight"], (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")
        )
        return jax.nn.relu(y + p[f"{i}.bias"][:, None, None])

    def pool(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def linear(x, p, i):
        return x @ p[f"{i}.weight"].T + p[f"{i}.bias"]

    def forward(p, x):
        if name == "mlp":
            x = jax.nn.relu(linear(x, p, 0))
            return linear(jax.nn.relu(linear(x, p, 2)), p, 4)
        x = pool(conv(pool(conv(x, p, 0)), p, 3))
        return linear(jax.nn.relu(linear(x.reshape(x.shape[0], -1), p, 7)), p, 9)

    tx = optax.adam(1e-3)

    def step(p, state, x, y):
        def loss(p):
            return optax.softmax_cross_entropy_with_integer_labels(forward(p, x), y).mean()

        value, grads = jax.value_and_grad(loss)(p)
        updates, state = tx.update(grads, state, p)
        return optax.apply_updates(p, updates), state, value

    compiled = jax.jit(step, donate_argnums=(0, 1))
    held = [params, tx.init(params)]
    data = itertools.cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in batches(name)])

    def run():
        held[0], held[1], value = compiled(*held, *next(data))
        return float(value)

    return run


def contender(which: str, name: str):
    """The step function of one column."""
    if which == "hand-written JAX":
        return by_hand(name)
    if which.startswith("PyTorch"):
        import torch

        return steps(torch, name, "model" if which.endswith("compile") else "")
    import torchlike

    return steps(torchlike, name, {"torchlike": "", "torchlike compile": "model", "torchlike fullgraph": "step"}[which])


CONTENDERS = (
    "hand-written JAX", "torchlike", "torchlike compile", "torchlike fullgraph", "PyTorch", "PyTorch compile",
)  # fmt: skip
