"""The course of an introduction to PyTorch, line by line, and a beginner's mistakes: same outcome as PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.module_kit import Programs, both

program = Programs()

# --- 1 · tensors ------------------------------------------------------------------------------------------------------


@program
def orders(lib, kit):
    made = [lib.tensor(7), lib.tensor([7, 7]), lib.tensor([[7, 7], [1, 2]]), lib.zeros(2, 3, 4)]
    return [(t.ndim, t.shape, t.dim(), t.nelement()) for t in made]


@program
def from_data(lib, kit):
    return [
        lib.tensor([[1.0, -1.0], [1.0, -1.0]]), lib.Tensor([1, 2]), lib.Tensor(2, 3).shape,
        lib.from_numpy(np.arange(3)), lib.tensor([True, False]), lib.tensor([1, 2.5]), lib.tensor(3 + 4j).real,
        lib.tensor(np.float32(1.5)), lib.tensor([[1], [2]], dtype=lib.float64), lib.as_tensor([1, 2]),
    ]  # fmt: skip


@program
def of_a_size(lib, kit):
    lib.manual_seed(3)
    return [
        lib.randn(2, 3), lib.rand(4), lib.zeros(2, 2), lib.ones((2, 1)), lib.full((2,), 3.5), lib.full((2,), 3),
        lib.arange(5), lib.arange(1, 2.5, 0.5), lib.linspace(0, 1, 5), lib.logspace(0, 2, 3), lib.eye(3), lib.eye(2, 3),
        lib.randint(0, 10, (5,)), lib.randperm(6), lib.empty(2, 3).shape, lib.normal(0.0, 1.0, (3,)),
    ]  # fmt: skip


@program
def sized_like_another(lib, kit):
    lib.manual_seed(4)
    x = lib.ones(2, 3, dtype=lib.float64)
    return [
        lib.rand_like(x), lib.randn_like(x), lib.zeros_like(x), lib.ones_like(x, dtype=lib.int32),
        lib.full_like(x, 7), lib.randint_like(x, 5), lib.empty_like(x).dtype,
    ]  # fmt: skip


@program
def same_kind_other_size(lib, kit):
    x = lib.ones(2, 3, dtype=lib.float64)
    return [x.new_tensor([1, 2]), x.new_zeros(2), x.new_ones((1, 2)), x.new_full((2,), 3), x.new_empty(3).shape]


@program
def attributes(lib, kit):
    x = lib.ones(2, 3)
    return [
        str(x.dtype), x.shape, x.ndim, x.is_cuda, x.grad, str(x.device), x.requires_grad, repr(x.shape), x.size(0),
        x.type(), type(x).__name__, x.is_floating_point(), x.element_size(), x.nbytes, x.is_leaf, x.layout.__repr__(),
    ]  # fmt: skip


@program
def to_python_and_numpy(lib, kit):
    x = lib.tensor([[1.5]])
    a = lib.arange(6).reshape(2, 3).numpy()
    return x.item(), x.cpu().tolist(), a.tolist(), str(a.dtype), float(x), int(lib.tensor(3)), bool(lib.tensor(0))


@program
def item_of_many(lib, kit):
    return lib.ones(2).item()


@program
def truth_of_many(lib, kit):
    return bool(lib.ones(2))


@program
def kinds_and_aliases(lib, kit):
    x = lib.tensor([1.7, -2.2])
    casts = [x.double(), x.half(), x.long(), x.int(), x.short(), x.char(), x.bool(), x.to(lib.complex64).real]
    names = "float double half long int short cfloat cdouble float16 bfloat16 uint8 int8".split()  # noqa: SIM905
    return casts, [str(getattr(lib, n)) for n in names], x.to(lib.int64).type(), x.type(lib.int32)


@program
def beside_numpy(lib, kit):
    x = lib.tensor([[1.2, 2.7], [-3.5, 4.1]])
    return [
        x.clone(), lib.cat([x, x]), lib.cat([x, x], dim=1), lib.mm(x, x), x.reshape(4), x.view(-1), x.view(1, 4),
        lib.nn.Flatten(0)(x), lib.floor(x), x.floor(), x.lt(2), x.le(1.2), x.gt(2), x.ge(2.7), x.eq(x), x.ne(1.2),
        x[0], x[:, 1], x[..., 0], x[-1, -1], x + lib.tensor([1.0, 2.0]), x * x[:, :1], lib.stack([x, x]).shape,
        x.split(1), x.chunk(2, 1), x.t(), x.T, x.sum(), x.mean(0), x.max(), x.max(1), x.argmax(), x.std(), x.abs(),
    ]  # fmt: skip


@program
def products(lib, kit):
    lib.manual_seed(0)
    a, b = lib.randn(3, 2, 4), lib.randn(4, 2)
    return [
        lib.mm(a[0], b), lib.bmm(a, lib.randn(3, 4, 2)).shape, lib.matmul(a, b).shape, (a @ b).shape,
        lib.matmul(lib.zeros(10, 5, 9, 11), lib.zeros(5, 11, 9)).shape, lib.mul(a, 2).shape, a[0, 0] @ b,
        b.t() @ a[0, 0],
        a[0, 0] @ a[0, 1], a[0, 0] * a[0, 1],
    ]  # fmt: skip


@program
def products_into_out(lib, kit):
    x, out = lib.arange(4.0).reshape(2, 2), lib.empty(2, 2)
    same = lib.mm(x, x, out=out)
    lib.add(x, x, out=x)
    return out, same is out, x


@program
def printed(lib, kit):
    x = lib.arange(3.0, requires_grad=True)
    return [repr(t) for t in (lib.ones(2, 2), x, x * 2 + 1, (x * 2).sum(), lib.tensor([1, 2]), lib.tensor(True))]


@program
def in_place(lib, kit):
    x = lib.ones(3)
    y = x
    x += 1
    x.mul_(3).sub_(1)
    x[0] = 9
    x[1:].zero_()
    return y, x is y


@program
def integer_division(lib, kit):
    x = lib.tensor([7, -7])
    wide = lib.tensor(2.0, dtype=lib.float64)
    return x / 2, x // 2, x % 3, -x, x**2, lib.tensor(5) / lib.tensor(2), (lib.ones(2) * wide).dtype


# --- 3 · networks -----------------------------------------------------------------------------------------------------


@program
def fresh_network(lib, kit):
    lib.manual_seed(0)
    nn = lib.nn
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 12 * 12, 10))
    return repr(net), [(n, p.shape, round(p.sum().item(), 3)) for n, p in net.named_parameters()]


@program
def the_loop_by_hand(lib, kit):
    lib.manual_seed(0)
    x, y = lib.linspace(-1, 1, 20), lib.linspace(-1, 1, 20) * 3 + 1
    w, b = lib.zeros(1, requires_grad=True), lib.zeros(1, requires_grad=True)
    for _ in range(50):
        loss = ((x * w + b - y) ** 2).mean()
        loss.backward()
        with lib.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad
                p.grad.zero_()
    return round(w.item(), 3), round(b.item(), 3)


@program
def a_module_of_ones_own(lib, kit):
    net = kit.Net()
    net.eval()
    names = [n for n, _ in net.named_parameters()]
    return names, net.training, list(net.state_dict()), net(kit.x).shape, [type(m).__name__ for m in net.modules()]


# --- mistakes ---------------------------------------------------------------------------------------------------------


@program
def mm_of_a_vector(lib, kit):
    lib.mm(lib.ones(2, 3), lib.ones(3))


@program
def mm_of_wrong_shapes(lib, kit):
    lib.mm(lib.ones(2, 3), lib.ones(2, 3))


@program
def bmm_of_unequal_batches(lib, kit):
    lib.bmm(lib.ones(2, 3, 4), lib.ones(3, 4, 5))


@program
def bmm_of_matrices(lib, kit):
    lib.bmm(lib.ones(3, 4), lib.ones(4, 5))


@program
def linear_of_the_wrong_width(lib, kit):
    lib.nn.Linear(3, 2)(lib.ones(4, 5))


@program
def linear_of_the_wrong_dtype(lib, kit):
    lib.nn.Linear(3, 2)(lib.ones(4, 3, dtype=lib.float64))


@program
def shapes_that_do_not_broadcast(lib, kit):
    lib.ones(2, 3) + lib.ones(4)


@program
def targets_of_the_wrong_dtype(lib, kit):
    lib.nn.functional.cross_entropy(lib.ones(2, 3), lib.tensor([1, 2], dtype=lib.int32))


@program
def targets_of_the_wrong_number(lib, kit):
    lib.nn.functional.cross_entropy(lib.ones(2, 3), lib.tensor([1, 2, 0]))


@program
def targets_out_of_range(lib, kit):
    lib.nn.functional.cross_entropy(lib.ones(2, 3), lib.tensor([1, 3]))


@program
def a_vector_backward(lib, kit):
    (lib.ones(3, requires_grad=True) * 2).backward()


@program
def backward_a_second_time(lib, kit):
    x = lib.ones(3, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()


@program
def state_dict_with_missing_and_unexpected_keys(lib, kit):
    net = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.ReLU(), lib.nn.Linear(3, 1))
    state = net.state_dict()
    state["extra"] = state.pop("2.bias")
    net.load_state_dict(state)


@program
def state_dict_of_another_size(lib, kit):
    lib.nn.Linear(2, 3).load_state_dict(lib.nn.Linear(3, 3).state_dict())


@program
def an_unknown_argument_of_a_layer(lib, kit):
    lib.nn.Conv2d(1, 2, 3, paddding=1)


@program
def conv_of_the_wrong_channels(lib, kit):
    lib.nn.Conv2d(3, 6, 5)(lib.ones(4, 1, 8, 8))


@program
def view_of_the_wrong_size(lib, kit):
    lib.ones(6).view(4)


@program
def index_out_of_range(lib, kit):
    lib.ones(3)[5]


@program
def cat_of_unequal_sizes(lib, kit):
    lib.cat([lib.ones(2, 3), lib.ones(2, 4)])


@program
def mean_of_integers(lib, kit):
    lib.tensor([1, 2]).mean()


@program
def a_ragged_list(lib, kit):
    lib.tensor([[1, 2], [3]])


@program
def a_negative_learning_rate(lib, kit):
    lib.optim.Adam([lib.ones(1, requires_grad=True)], lr=-1)


@program
def an_optimizer_without_parameters(lib, kit):
    lib.optim.SGD([], lr=0.1)


@program
def integer_in_place_float(lib, kit):
    x = lib.tensor([1, 2])
    x += 1.5


@pytest.mark.parametrize("name", program)
def test_same_outcome(name):
    ours, reference = both(program[name])
    assert close(ours, reference), f"\nours      {ours}\nreference {reference}"


def close(a, b) -> bool:
    """Equal, floats within 1e-5 relative."""
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-5, abs=1e-6, nan_ok=True)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b
