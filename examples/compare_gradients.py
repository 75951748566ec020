"""Are the gradients right? Three models, each against up to three independent references.

    python examples/compare_gradients.py

The course's worked example, an MLP and a convolutional network; their gradients are compared with (a) PyTorch, where it
is installed, (b) `jax.grad` of the same function written by hand, (c) central differences in float64. Prints a table;
the exit status is 1 if a tolerance is broken.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

import torchlike as torch

try:
    import torch as pytorch
except ImportError:
    pytorch = None

# float32 rounding grows with the length of the sums behind a gradient; float64 differences with a step of 1e-5 are good
# to about 1e-9 relative, and the piecewise linear units of the networks may switch within the step.
TOLERANCE = {"PyTorch": 1e-5, "jax.grad": 1e-5, "differences": 1e-6}


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s) * (0.5 if len(s) > 1 else 1.0) for s in shapes]


# Each model: its arrays, how many of them are parameters, the loss for a torch-like library, the loss in plain JAX.


def worked_example():
    """l1 = input·w1, l2 = l1 + w2, l3 = l1·w3, l4 = l2·l3, loss = mean(l4); only `input` has no gradient."""

    def loss(lib, w1, w2, w3, x):
        l1 = x * w1
        l2 = l1 + w2
        l3 = l1 * w3
        l4 = l2 * l3
        return l4.mean()

    def by_hand(w1, w2, w3, x):
        l1 = x * w1
        return jnp.mean((l1 + w2) * (l1 * w3))

    return "worked example", arrays((3, 4), (3, 4), (3, 4), (3, 4)), 3, loss, by_hand


def mlp():
    """64 - 32 - 10 with tanh and cross entropy on 16 rows."""
    target = np.arange(16) % 10

    def loss(lib, w1, b1, w2, b2, x):
        F = lib.nn.functional
        hidden = lib.tanh(F.linear(x, w1, b1))
        return F.cross_entropy(F.linear(hidden, w2, b2), lib.tensor(target))

    def by_hand(w1, b1, w2, b2, x):
        logits = jnp.tanh(x @ w1.T + b1) @ w2.T + b2
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(16), target])

    return "MLP", arrays((32, 64), (32,), (10, 32), (10,), (16, 64)), 4, loss, by_hand


def cnn():
    """Convolution 5x5, ReLU, max-pool 2, linear, cross entropy on 4 images of 3x12x12."""
    target = np.arange(4)

    def loss(lib, kernel, bias, w, b, x):
        F = lib.nn.functional
        hidden = F.max_pool2d(F.relu(F.conv2d(x, kernel, bias)), 2)
        return F.cross_entropy(F.linear(lib.flatten(hidden, 1), w, b), lib.tensor(target))

    def by_hand(kernel, bias, w, b, x):
        hidden = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
        hidden = jax.nn.relu(hidden + bias[:, None, None])
        hidden = hidden.reshape(4, 6, 4, 2, 4, 2).max((3, 5))
        logits = hidden.reshape(4, -1) @ w.T + b
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(4), target])

    return "CNN", arrays((6, 3, 5, 5), (6,), (10, 96), (10,), (4, 3, 12, 12)), 4, loss, by_hand


def gradients(lib, loss, given, n, dtype):
    """Gradients of the first n arrays by `backward()`."""
    tensors = [lib.tensor(a, dtype=getattr(lib, dtype), requires_grad=i < n) for i, a in enumerate(given)]
    loss(lib, *tensors).backward()
    return [t.grad.numpy() for t in tensors[:n]]


def differences(loss, given, n, step=1e-5, samples=12):
    """Central differences at a few elements of every parameter: [(parameter, element, slope)]."""
    rng, found = np.random.default_rng(1), []
    for p in range(n):
        for e in rng.choice(given[p].size, min(samples, given[p].size), replace=False):
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in given]
                moved[p].flat[e] += sign * step
                values.append(loss(torch, *[torch.tensor(a, dtype=torch.float64) for a in moved]).item())
            found.append((p, e, (values[0] - values[1]) / (2 * step)))
    return found


def error(ours, reference):
    """The largest difference relative to the largest reference value of each array."""
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)) for a, b in zip(ours, reference, strict=True))


def main():
    failed = False
    print(f"{'model':16} {'reference':12} {'dtype':8} {'largest relative error':>23} {'tolerance':>10}")
    for model in (worked_example, mlp, cnn):
        name, given, n, loss, by_hand = model()
        single = gradients(torch, loss, given, n, "float32")
        double = gradients(torch, loss, given, n, "float64")
        rows = []
        if pytorch is not None:
            rows.append(("PyTorch", "float32", error(single, gradients(pytorch, loss, given, n, "float32"))))
        hand = jax.grad(by_hand, argnums=tuple(range(n)))(*[jnp.asarray(a, jnp.float32) for a in given])
        rows.append(("jax.grad", "float32", error(single, [np.asarray(g) for g in hand])))
        slopes = differences(loss, given, n)
        ours = [np.array([double[p].flat[e] for p, e, _ in slopes])]
        rows.append(("differences", "float64", error(ours, [np.array([s for *_, s in slopes])])))
        for reference, dtype, e in rows:
            verdict = "" if e <= TOLERANCE[reference] else "  BROKEN"
            failed |= bool(verdict)
            print(f"{name:16} {reference:12} {dtype:8} {e:23.2e} {TOLERANCE[reference]:10.0e}{verdict}")
    if pytorch is None:
        print("PyTorch is not installed: its column is left out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
