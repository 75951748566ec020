"""Seconds for a loop in which every batch has a length of its own, each contender in a process of its own.

    python -m tests.benchmarks.lengths [--lengths 200] [--rounds 3] [--json FILE]

A tagger of tokens (embedding, two layers of width 64 around an attention, a class for each token) takes one step on
each of so many different lengths, 16 sequences at a time, and reads its loss. `buckets` pads each batch to a multiple
of 64 with `nn.utils.rnn.pad_to_bucket` and leaves the padding out of the loss, so it computes the same. `hand-written
JAX` is one jit, compiled for each length. The contenders take turns; printed are medians without the imports, and
ratios to PyTorch where it is installed.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import time

import numpy as np

from tests.benchmarks import report

CONTENDERS = {"torchlike": "torchlike", "torchlike buckets": "torchlike", "hand-written JAX": "jax", "PyTorch": "torch"}
BATCH, WORDS, WIDTH, CLASSES, IGNORED = 16, 500, 64, 10, -100


def batches(count: int):
    rng = np.random.default_rng(0)
    for n in rng.permutation(np.arange(20, 20 + count)):
        yield rng.integers(0, WORDS, (BATCH, n)), rng.integers(0, CLASSES, (BATCH, n))


def tagger(lib):
    nn, F = lib.nn, lib.nn.functional

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(WORDS, WIDTH)
            self.inner = nn.Linear(WIDTH, WIDTH)
            self.outer = nn.Linear(WIDTH, CLASSES)

        def forward(self, x, lengths):
            h = F.relu(self.inner(self.embedding(x)))
            outside = lib.arange(x.shape[1]) >= lengths
            scores = (h @ h.transpose(1, 2) / WIDTH**0.5).masked_fill(outside, float("-inf"))
            return self.outer(h + lib.softmax(scores, -1) @ h)

    lib.manual_seed(0)
    return Tagger()


def loop(lib, count: int, buckets: bool) -> float:
    net = tagger(lib)
    optimizer = lib.optim.SGD(net.parameters(), lr=0.1)
    for tokens, classes in batches(count):
        x, y = lib.from_numpy(tokens), lib.from_numpy(classes)
        length = lib.tensor(x.shape[1])
        if buckets:
            pad = lib.nn.utils.rnn.pad_to_bucket
            x, y = pad(x, 64), pad(y, 64, value=IGNORED)
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(net(x, length).flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        loss.backward()
        optimizer.step()
        last = loss.item()
    return last


def by_hand(count: int) -> float:
    import jax
    import jax.numpy as jnp
    import optax

    import torchlike

    p = {k: jnp.array(v.detach().numpy()) for k, v in tagger(torchlike).named_parameters()}

    @jax.jit
    def step(p, x, y):
        def loss(p):
            h = jax.nn.relu(p["embedding.weight"][x] @ p["inner.weight"].T + p["inner.bias"])
            scores = jax.nn.softmax(h @ h.swapaxes(1, 2) / WIDTH**0.5, -1)
            logits = (h + scores @ h) @ p["outer.weight"].T + p["outer.bias"]
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        value, grads = jax.value_and_grad(loss)(p)
        return jax.tree.map(lambda a, g: a - 0.1 * g, p, grads), value

    for x, y in batches(count):
        p, value = step(p, x, y)
        last = float(value)
    return last


def work(which: str, count: int) -> None:
    lib = importlib.import_module(CONTENDERS[which])
    if which == "hand-written JAX":
        import torchlike  # noqa: F401  not part of the time
    start = time.perf_counter()
    last = by_hand(count) if which == "hand-written JAX" else loop(lib, count, "buckets" in which)
    print(json.dumps({"seconds": time.perf_counter() - start, "last": last}))


def measure(count: int, rounds: int) -> dict[str, float]:
    """{contender: median seconds of the loop}, taking turns; raises where they compute different things."""
    environment = {**os.environ, "TORCHLIKE_CACHE": "off"}  # a length is new in every run
    losses = {}

    def seconds(which: str) -> float:
        result = report.run("lengths", "--work", which, "--lengths", str(count), environment=environment)
        losses[which] = result["last"]
        return result["seconds"]

    compared = [which for which, library in CONTENDERS.items() if report.installed(library)]
    medians = report.medians(rounds, {which: functools.partial(seconds, which) for which in compared})
    first, *others = losses.values()
    if any(abs(x - first) > 1e-3 * abs(first) for x in others):
        raise SystemExit(f"they compute different things: {losses}")
    return medians


def table(count: int, rounds: int) -> dict[str, float]:
    """Measure and print."""
    medians = measure(count, rounds)
    report.table(
        f"{count} lengths",
        ("seconds", "/ PyTorch"),
        [(which, (taken, report.ratio(taken, medians.get("PyTorch")))) for which, taken in medians.items()],
    )
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    report.options(parser, rounds=3)
    parser.add_argument("--lengths", type=int, default=200)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.lengths)
        return
    report.announce()
    report.write(args.json, table(args.lengths, args.rounds))


if __name__ == "__main__":
    main()
