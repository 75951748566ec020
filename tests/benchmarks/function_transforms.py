"""Function transforms at work, over both libraries: the same programs, the same numbers, the time of each.

    python -m tests.benchmarks.function_transforms

prints the median time of a call in milliseconds; the libraries take turns, after calls that compile.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

ROUNDS, CALLS, WARM = 7, 4, 4


def _numbers(lib: ModuleType, seed: int, *shape: int) -> Any:
    return lib.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def _filled(lib: ModuleType, module: Any, scale: float = 0.3) -> dict:
    """The module's parameters, with numbers that are the same in both libraries."""
    return {name: _numbers(lib, i, *p.shape) * scale for i, (name, p) in enumerate(module.named_parameters())}


def per_sample_gradients(lib: ModuleType) -> Callable:
    """The gradient of each sample's loss of a CNN: `vmap(grad(loss))`."""
    nn, func = lib.nn, lib.func
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * 16, 10),
    )  # fmt: skip
    parameters = _filled(lib, model)
    images, labels = _numbers(lib, 90, 32, 1, 14, 14), lib.arange(32) % 10

    def loss(p, image, label):
        scores = func.functional_call(model, p, (image.unsqueeze(0),))
        return nn.functional.cross_entropy(scores, label.unsqueeze(0))

    each = lib.vmap(func.grad(loss), in_dims=(None, 0, 0))
    return lambda: list(each(parameters, images, labels).values())


def hessian_vector_product(lib: ModuleType) -> Callable:
    """The product of the Hessian of an MLP's loss with a vector, forward over reverse."""
    nn, func = lib.nn, lib.func
    model = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    parameters = _filled(lib, model, 0.2)
    inputs, wanted = _numbers(lib, 91, 64, 32), _numbers(lib, 92, 64, 1)
    vector = {name: _numbers(lib, 50 + i, *p.shape) for i, (name, p) in enumerate(parameters.items())}

    def loss(p):
        return (func.functional_call(model, p, (inputs,)) - wanted).square().mean()

    return lambda: list(func.jvp(func.grad(loss), (parameters,), (vector,))[1].values())


def meta_learning(lib: ModuleType) -> Callable:
    """MAML: the gradient through two inner steps, second order, for a batch of tasks."""
    nn, func = lib.nn, lib.func
    model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
    parameters = _filled(lib, model)
    tasks = [_numbers(lib, 93 + i, 8, 10, 1) for i in range(4)]

    def loss(p, x, y):
        return nn.functional.mse_loss(func.functional_call(model, p, (x,)), y)

    def of_one(p, x, y, new_x, new_y):
        for _ in range(2):
            gradient = func.grad(loss)(p, x, y)
            p = {name: value - 0.05 * gradient[name] for name, value in p.items()}
        return loss(p, new_x, new_y)

    def of_all(p):
        return lib.vmap(of_one, in_dims=(None, 0, 0, 0, 0))(p, *tasks).mean()

    return lambda: list(func.grad(of_all)(parameters).values())


def tangent_kernel(lib: ModuleType) -> Callable:
    """The neural tangent kernel of a small network between two sets of inputs."""
    nn, func = lib.nn, lib.func
    model = nn.Sequential(nn.Linear(16, 48), nn.GELU(), nn.Linear(48, 4))
    parameters = _filled(lib, model)
    first, second = _numbers(lib, 97, 12, 16), _numbers(lib, 98, 10, 16)

    def of_one(p, x):
        return func.functional_call(model, p, (x.unsqueeze(0),)).squeeze(0)

    def jacobian(x):
        return lib.vmap(func.jacrev(of_one), in_dims=(None, 0))(parameters, x)

    def kernel():
        a, b = jacobian(first), jacobian(second)
        parts = [lib.einsum("naf,mbf->nmab", a[name].flatten(2), b[name].flatten(2)) for name in a]
        return [sum(parts)]

    return kernel


PROGRAMS = {
    "per-sample gradients, CNN": per_sample_gradients, "Hessian-vector product, MLP": hessian_vector_product,
    "MAML, second order": meta_learning, "neural tangent kernel": tangent_kernel,
}  # fmt: skip


def numbers(lib: ModuleType, program: Callable) -> list[np.ndarray]:
    """What one call gives."""
    return [t.detach().numpy() for t in program(lib)()]


def _milliseconds(call: Callable) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()[0].detach().numpy()
    return (time.perf_counter() - start) / CALLS * 1e3


def main() -> None:
    """Print the table."""
    import torch

    import torchlike

    print(f"{'ms per call, medians':32}{'torchlike':>12}{'PyTorch':>12}{'ratio':>8}")
    for name, program in PROGRAMS.items():
        calls = [program(lib) for lib in (torchlike, torch)]
        for call in calls:
            for _ in range(WARM):
                call()[0].detach().numpy()
        rounds = [[_milliseconds(call) for call in calls] for _ in range(ROUNDS)]
        ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name:32}{ours:12.2f}{theirs:12.2f}{ours / theirs:8.2f}", flush=True)


if __name__ == "__main__":
    main()
