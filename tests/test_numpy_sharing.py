"""One memory under a tensor and its NumPy array, as in PyTorch."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch", reason="PyTorch is the reference these programs are compared with")


def numpy_writes_are_seen(lib):
    a = np.zeros((3, 4), np.float32)
    t = lib.from_numpy(a)
    row, whole = t[1], t.view(12)
    a[1, 2] = 7
    y = t * 2
    a[0, 0] = 1
    return t.tolist(), row.tolist(), whole.tolist(), y.tolist()


def tensor_writes_are_seen(lib):
    a = np.arange(12.0).reshape(3, 4)
    t = lib.from_numpy(a)
    t[0] = 5.0
    t[:, 1].mul_(10)
    t.t()[3].add_(100)
    t.view(-1)[4:6].zero_()
    return a.tolist(), t.tolist()


def numpy_of_a_tensor(lib):
    t = lib.arange(6.0).reshape(2, 3)
    a = t.numpy()
    t.add_(1)
    a[0, 0] = -1
    b = t[1].numpy()
    b[2] = 99
    return t.tolist(), a.tolist(), a.dtype.name


def numpy_of_a_view(lib):
    t = lib.arange(12.0).reshape(3, 4)
    a = t[1:, ::2].numpy()
    a += 100
    t[2, 2] = 0
    return t.tolist(), a.tolist(), a.strides


def parameters_keep_training_after_numpy(lib):
    w = lib.ones(2, requires_grad=True)
    seen = w.detach().numpy()
    (w * w).sum().backward()
    with lib.no_grad():
        w -= 0.5 * w.grad
    return w.tolist(), seen.tolist()


def other_layouts(lib):
    a = np.arange(6.0).reshape(2, 3)
    t = lib.from_numpy(a.T)
    return t.stride(), t.is_contiguous(), t.tolist(), (t + 0).tolist(), t[1].stride(), t[1:].tolist()


def negative_strides(lib):
    lib.from_numpy(np.arange(3.0)[::-1])


def unsupported_type(lib):
    lib.from_numpy(np.array(["a"]))


def not_an_array(lib):
    lib.from_numpy([1, 2])


@pytest.mark.parametrize(
    "program",
    [
        numpy_writes_are_seen, tensor_writes_are_seen, numpy_of_a_tensor, numpy_of_a_view,
        parameters_keep_training_after_numpy, other_layouts, negative_strides, unsupported_type, not_an_array,
    ],
)  # fmt: skip
def test_same_outcome(program):
    outcomes = []
    for lib in (torchlike, torch):
        try:
            outcomes.append(program(lib))
        except Exception as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


def test_memory_becomes_ordinary_when_the_array_is_given_up():
    t = torchlike.from_numpy(np.ones(3))
    assert t.tolist() == [1.0] * 3
    assert type(t._cell).__name__ == "Cell"
    a = t.numpy()
    view = a[1:]
    del a
    t.tolist()
    assert type(t._cell).__name__ == "HostCell"  # a view of the array still shares the memory
    del view
    gc.collect()
    t.tolist()
    assert type(t._cell).__name__ == "Cell"


def test_only_the_part_that_is_read_is_copied():
    a = np.zeros((1000, 1000), np.float32)
    t = torchlike.from_numpy(a)
    assert t[5:7]._cell.host.base is not None
    assert t[5:7]._cell.host.shape == (2, 1000)
