"""The training steps that are compared: the same models, data and optimizer for every contender.

`ROWS` has the models; each gives `batches()`, `model(lib)` for torchlike or PyTorch, and `forward(params, state, x)`,
the same in JAX with parameters and buffers in dicts by their names. `steps(lib, name)` gives a PyTorch-style step;
`by_hand(name)` the step in JAX and optax, one donated jit. Every step takes the next of a few prepared batches and
reads its loss, as training loops do. `PIECES` are programs that train nothing.
"""

from __future__ import annotations

import importlib
import itertools
from typing import Any

from tests.benchmarks import gpt, lenet, lstm, pieces, resnet, small

ROWS: dict[str, Any] = {
    "mlp": small.mlp, "cnn": small.cnn, "lenet4": lenet.LeNet(4), "lenet128": lenet.LeNet(128), "lstm": lstm,
    "gpt": gpt, "resnet": resnet.Row(16, 16), "resnet32": resnet.Row(32, 32),
}  # fmt: skip

PIECES: dict[str, Any] = {"chain": pieces.chain, "tiny": pieces.tiny, "reads": pieces.reads}


def model(lib, name: str):
    """The model with its first values, the same in both libraries."""
    lib.manual_seed(0)
    return ROWS[name].model(lib)


def steps(lib, name: str, compiled: str = ""):
    """An ordinary PyTorch loop's step, plain, `torch.compile`d model, or the whole step with fullgraph=True."""
    net = model(lib, name)
    criterion = lib.nn.CrossEntropyLoss()
    optimizer = lib.optim.Adam(net.parameters(), lr=1e-3)
    if compiled == "model":
        net = lib.compile(net)

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x).flatten(0, -2), y.flatten())
        loss.backward()
        optimizer.step()
        return loss

    if compiled == "step":
        step = lib.compile(step, fullgraph=True)
    data = itertools.cycle([(lib.from_numpy(x), lib.from_numpy(y)) for x, y in ROWS[name].batches()])
    return lambda: step(*next(data)).item()


def by_hand(name: str):
    """The step as a JAX user writes it: parameters in a dict, optax.adam, one jit that gives its buffers away."""
    import jax
    import jax.numpy as jnp
    import optax

    import torchlike

    net, row = model(torchlike, name), ROWS[name]
    params = {k: jnp.array(v.detach().numpy()) for k, v in net.named_parameters()}
    state = {k: jnp.array(v.numpy()) for k, v in net.named_buffers()}
    tx = optax.adam(1e-3)

    def step(p, state, memory, x, y):
        def loss(p):
            logits, new = row.forward(p, state, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), new

        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(p)
        updates, memory = tx.update(grads, memory, p)
        return optax.apply_updates(p, updates), state, memory, value

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    held = [params, state, tx.init(params)]
    data = itertools.cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in row.batches()])

    def run():
        *held[:], value = compiled(*held, *next(data))
        return float(value)

    return run


def contender(which: str, name: str):
    """The step function of one column: each call gives the next loss, or a program's number."""
    if which == "hand-written JAX":
        if name in PIECES:
            program = PIECES[name].by_hand()
            return lambda: float(program())
        return by_hand(name)
    lib = importlib.import_module("torch" if which.startswith("PyTorch") else "torchlike")
    if name not in PIECES:
        return steps(lib, name, {"compile": "model", "fullgraph": "step"}.get(which.split()[-1], ""))
    program = PIECES[name].run(lib)
    if which.endswith(("compile", "fullgraph")):
        program = lib.compile(program, fullgraph=which.endswith("fullgraph"))
    return lambda: float(program())


CONTENDERS = (
    "hand-written JAX", "torchlike", "torchlike compile", "torchlike fullgraph", "PyTorch", "PyTorch compile",
)  # fmt: skip
