"""The step as a JAX user writes it: parameters in a dict, optax, one jit that gives its buffers away."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from tests.benchmarks.models import initial
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting


def cast(tree: Any, setting: Setting) -> Any:
    """Mixed precision: what is float32 in the dtype of the products."""
    return jax.tree.map(lambda a: a.astype(setting.dtype) if a.dtype == jnp.float32 else a, tree)


def loss(logits: jax.Array, y: jax.Array) -> jax.Array:
    """Cross entropy, in float32."""
    return optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), y).mean()


def batches(row: Row) -> itertools.cycle:
    return itertools.cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in row.batches()])


def step(row: Row, setting: Setting, values: tuple[dict, dict] | None = None) -> Callable[[], float]:
    """`values` are the first parameters and buffers, `initial(row)` where nobody gives them."""
    params, state = ({k: jnp.array(v) for k, v in part.items()} for part in values or initial(row))
    tx = row.recipe.optax()

    def train(p, state, memory, x, y):
        def objective(p):
            logits, new = row.forward(cast(p, setting), state, cast(x, setting))
            return loss(logits, y), new

        (value, state), grads = jax.value_and_grad(objective, has_aux=True)(p)
        updates, memory = tx.update(grads, memory, p)
        return optax.apply_updates(p, updates), state, memory, value

    compiled = jax.jit(train, donate_argnums=(0, 1, 2))
    held = [params, state, tx.init(params)]
    del params, state  # given away in the first call
    data = batches(row)

    def run() -> float:
        *held[:], value = compiled(*held, *next(data))
        return float(value)

    return run
