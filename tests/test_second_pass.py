"""A second pass through a graph: an error where PyTorch's node kept a tensor and freed it, none where it had none."""

import pytest
from compare import check, tensor

FUNCTIONS = {
    "element": lambda lib, x: x[0],
    "slice": lambda lib, x: x[1:].sum(),
    "select": lambda lib, x: x.select(0, 1),
    "narrow": lambda lib, x: x.narrow(0, 0, 2).sum(),
    "split": lambda lib, x: x.split(1)[0].sum(),
    "diagonal": lambda lib, x: x.expand(3, 3).diagonal().sum(),
    "add": lambda lib, x: lib.add(x, x, alpha=2).sum(),
    "add a number": lambda lib, x: (x + 2).sum(),
    "lerp": lambda lib, x: lib.lerp(x, x + 1, 0.3).sum(),
    "times a number": lambda lib, x: (x * 2).sum(),
    "divided by a number": lambda lib, x: (x / 2).sum(),
    "power": lambda lib, x: (x**2).sum(),
    "clamp": lambda lib, x: x.clamp(0, 1).sum(),
    "slope": lambda lib, x: lib.nn.functional.leaky_relu(x, 0.1).sum(),
    "gather": lambda lib, x: x[[0, 1]].sum(),
    "where": lambda lib, x: lib.where(x > 0, x, 0.0).sum(),
    "mean": lambda lib, x: x.mean(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_second_pass(name):
    def twice(lib, x):
        x = x.detach().requires_grad_()
        y = FUNCTIONS[name](lib, x)
        y.backward()
        y.backward()
        return x.grad

    check(twice, tensor([1.0, -2.0, 3.0]), gradients=False)
