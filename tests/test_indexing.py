"""Indexing, reading and writing, and the operations on places and masks: PyTorch's values, gradients and errors."""

import pytest
from compare import check, normal, tensor

X, CUBE = normal(2, 3), normal(3, 4, 5)
WIDE = normal(2, 3, 4, 5)
PLACES = tensor([[0, 2, 1], [1, 1, 0]], "int64")


def evaluate(code):
    """A function of (lib, *inputs) from an expression on torch, x, y, z; `x[i]` counts whether it is a view too."""

    def fn(lib, *inputs):
        made = eval(code, {"torch": lib, **dict(zip("xyz", inputs, strict=False))})
        return (made, made._is_view()) if code.startswith("x[") and code.endswith("]") else made

    return fn


def execute(code):
    """Statements on `x`, a tensor with a history; the results are what it is then and the tensor given."""

    def fn(lib, *inputs):
        held = {"torch": lib, "x": inputs[0] * 1, **dict(zip("yz", inputs[1:], strict=False))}
        exec(code, held)
        return held["x"]

    return fn


READS = """
x[0]
x[-1]
x[0, 1]
x[0][1]
x[:, 1]
x[1:]
x[:, 1:]
x[:, ::2]
x[0:100, -2:]
x[5:]
x[1:0]
x[-2:-1, :-1]
x[...]
x[:]
x[()]
x[..., 0]
x[0, ...]
x[None]
x[:, None]
x[..., None]
x[None, ..., None, 1]
x[...,...]
x[torch.tensor(1)]
x[torch.tensor(-1), 1:]
x[torch.tensor(1, dtype=torch.int16)]
x[torch.tensor(1):]
x[[0, 1]]
x[[1, 1, 0]]
x[[-1]]
x[[0, 1], [2, 0]]
x[[[0, 1], [2, 0]]]
x[([0, 1], [2, 0])]
x[range(2)]
x[[]]
x[torch.tensor([], dtype=torch.long)]
x[torch.tensor([1, 0])]
x[torch.tensor([[1, 0], [0, 0]])]
x[torch.tensor([1, 0], dtype=torch.int32)]
x[torch.tensor([0, -1]), 1]
x[:, torch.tensor([0, -1])]
x[torch.tensor([[0], [1]]), torch.tensor([0, 2])]
x[[0, 1], 1:]
x[None, [0, 1]]
x[torch.tensor([True, False])]
x[[True, False]]
x[:, [True, False, True]]
x[x > 0]
x[x > 100]
x[torch.tensor([True, False]), 1:]
x[torch.tensor([True, True]), torch.tensor([0, 2])]
x[True]
x[False]
x[True, 0]
x[:, True]
x[torch.tensor(True)]
x[torch.tensor([True, False]).tolist()]
x[0, 5]
x[5]
x[-3]
x[0, 0, 0]
x[None, 0, 0, 0]
x[::0]
x[::-1]
x[[5]]
x[torch.tensor([5])]
x[torch.tensor([0, 5]), 0]
x[:, torch.tensor([0, -4])]
x[torch.tensor([True, False, True])]
x[torch.ones(2, 2, dtype=torch.bool)]
x[1.0]
x['a']
x[1.5:2]
x[{}]
x[1j]
x[torch.tensor(1.0)]
x[torch.tensor([1, 0], dtype=torch.int16)]
x[torch.tensor([0, 1]), torch.tensor([0, 1, 2])]
torch.tensor(1.)[0]
torch.tensor(1.)[...]
torch.tensor(1.)[None]
torch.tensor(1.)[True]
list(x)
""".strip().splitlines()


@pytest.mark.filterwarnings("ignore:.*non-tuple sequence")
@pytest.mark.parametrize("code", READS)
def test_read(code):
    check(evaluate(code), X)


PLACEMENT = """
x[0, :, [0, 1]]
x[:, [0, 1], :, [0, 1]]
x[:, [0, 1], [0, 1]]
x[:, [0, 1], 0, [0, 1]]
x[:, [0, 1], None, [0, 1]]
x[0, [0, 1], None]
x[..., [0, 1], 1:3]
x[[0, 1], ..., [0, 1]]
x[:, [[0], [1]], [0, 1, 2]]
x[1, ..., 0, [0, 4]]
x[:, 1:, [0, 1], ::2]
x[:, torch.ones(3, 4, dtype=torch.bool)]
x[:, torch.tensor([[True, False, False, True]] * 3), 1]
""".strip().splitlines()


@pytest.mark.parametrize("code", PLACEMENT)
def test_where_the_indexed_dimensions_go(code):
    check(evaluate(code), WIDE)


WRITES = """
x[0] = 1
x[0] = y
x[0, 1] = 2.5
x[:, 1:] = 3
x[:, ::2] = y[:2]
x[...] = 0
x[None] = 1
x[0] = torch.ones(1, 1, 3)
x[0] = torch.ones(())
x[0, 0] = torch.ones(1, 1)
x[0] = torch.ones(3).double()
x[0] = y * y
x[0][1] = 7.
x[:, 1][0] = 7.
x[1] = x[0]
x[:, :2] = x[:, 1:].clone()
x[[0, 1]] = 1
x[[0, 1]] = y
x[[1], 1:] = y[1:]
x[[0, 1], [0, 2]] = y[:2]
x[:, [0, 1]] = torch.ones(1, 1, 2, 2)
x[[0, 0]] = torch.ones(2, 1)
x[1, [0, 2]] = y[:2]
x[torch.tensor([1])] = y
x[x > 0] = 0
x[x > 0] = -1.5
x[x > 0] = torch.tensor(1.).double()
x[x > 0] = torch.ones(1)
x[x > 0] = y[0]
x[x > 0] = torch.arange(1., 6.)[:int((x > 0).sum())]
x[torch.tensor([True, False])] = y
x[torch.tensor([True, False])] = 5
x[:, torch.tensor([True, False, True])] = 5
x[:, torch.tensor([True, False, True])] = y[:2]
x[torch.tensor([True, False]), 1:] = 4
x[True] = 1
x[False] = 1
x[[0, 1]] += 1
x[0] += y
x[x > 0] *= 2
x[0] = torch.ones(4)
x[:, 1:] = torch.ones(3, 2)
x[[0, 1]] = torch.ones(4)
x[x > 0] = torch.ones(50)
x[0, 0, 0] = 1
x[0] = 'a'
x[0] = [1, 2, 3]
x[0] = None
x[0] = 1j
x[[5]] = 1
x[[0]] = torch.ones(3).double()
x[0, 0] = torch.ones(2)
x.index_put_((torch.tensor([0, 1]), torch.tensor([2, 2])), y[:2])
x.index_put_((torch.tensor([0, 0]), torch.tensor([2, 2])), y[:2], accumulate=True)
x.index_put_([torch.tensor([1])], torch.tensor(3.))
x = x.index_put((torch.tensor([1]),), y)
x.index_put_((torch.tensor([5]),), torch.tensor(1.))
x.scatter_(1, torch.tensor([[0], [2]]), 1.5)
x.scatter_add_(0, torch.tensor([[0, 1, 1]]), y[None])
x.index_add_(1, torch.tensor([0, 0]), torch.ones(2, 2), alpha=2)
x.index_copy_(0, torch.tensor([1]), y[None])
x.index_fill_(1, torch.tensor([0, -1]), 9.)
x.masked_fill_(x > 0, -1.)
x.masked_scatter_(x > 0, torch.arange(6.))
x.put_(torch.tensor([0, -1]), torch.tensor([5., 6.]))
x.put_(torch.tensor([0, 0]), torch.tensor([5., 6.]), accumulate=True)
x.masked_fill_(torch.ones(2, 2, 3) > 0, 1)
x.t()[0] = y[:2]
x.view(-1)[1:3] = 8
x.diagonal().fill_(2)
x.unfold(1, 2, 1)[0, 0] = 4
""".strip().splitlines()


@pytest.mark.parametrize("code", WRITES)
def test_write(code):
    check(execute(code), X, normal(3, seed=1))


def test_writes_to_leaves_are_refused():
    for code in ("x[0] = 1", "x[[0]] = 1", "x[:] = 1", "x.split(1)[0].add_(1)"):

        def fn(lib, x, code=code):
            exec(code, {"x": x, "torch": lib})

        check(fn, X)


def test_writes_to_several_views_are_refused():
    check(lambda lib, x: (x * 1).split(1)[0].add_(1), X)
    check(lambda lib, x: (x * 1).unbind()[1].add_(1), X)
    check(lambda lib, x: x.detach().split(1)[0].add_(1), X)


PLACED = """
x.gather(1, y)
x.gather(1, y[:, :1])
x.gather(0, y.clamp(max=1))
torch.gather(x, -1, y.int())
x.gather(1, torch.tensor([[0, 5]]))
x.gather(1, torch.tensor([[-1]]))
x.gather(1, torch.tensor([0]))
x.gather(1, torch.tensor([[0.]]))
x.gather(1, torch.zeros(3, 1, dtype=torch.long))
torch.tensor(1.).gather(0, torch.tensor(0))
torch.tensor(1.).gather(0, torch.tensor([0, 0]))
x.scatter(1, y, 3.5)
x.scatter(1, y, x * 2)
x.scatter(1, y[:, :2], x.detach())
torch.scatter(x, 1, torch.tensor([[0, 1, 2]]), x[:1])
x.scatter(1, torch.tensor([[1]]), value=2)
x.scatter(1, torch.tensor([[5]]), 1.)
x.scatter(1, torch.tensor([[1]]), x.double())
x.scatter(1, torch.tensor([[1, 1], [1, 1]]), torch.ones(1, 1))
x.scatter_add(1, y, x)
x.scatter_add(0, torch.tensor([[1, 0, 1], [0, 0, 1]]), x)
x.scatter_add(1, torch.tensor([[5]]), x)
x.index_select(0, torch.tensor([1, 1, 0]))
x.index_select(1, torch.tensor(2))
torch.index_select(x, -1, torch.tensor([0, 2], dtype=torch.int32))
x.index_select(0, torch.tensor([5]))
x.index_select(0, torch.tensor([-1]))
x.index_select(0, torch.tensor([0.]))
x.index_select(0, torch.tensor([[0]]))
x.index_add(0, torch.tensor([1, 1]), x)
x.index_add(1, torch.tensor([0, 0, 2]), x, alpha=0.5)
x.index_add(0, torch.tensor([0, 5]), x)
x.index_add(0, torch.tensor([5]), x)
x.index_add(0, torch.tensor([0, 1]), x.double())
x.index_copy(0, torch.tensor([1, 0]), 2 * x)
x.index_copy(0, torch.tensor([5]), x[:1])
x.index_copy(0, torch.tensor([0, 1]), x[:1])
x.index_copy(0, torch.tensor([0, 1]), x.double())
x.index_fill(0, torch.tensor([-1]), 1.)
x.index_fill(1, torch.tensor([0, 2]), x[0, 0])
x.index_fill(0, torch.tensor([5]), 1.)
x.index_fill(0, torch.tensor([0, 1]), torch.ones(2))
x.take(torch.tensor([[-6, 5], [0, 0]]))
x.take(torch.tensor([6]))
x.take(torch.tensor([0.]))
x.put(torch.tensor([0, 4]), x[0, :2])
x.put(torch.tensor([0, 1]), torch.tensor([1.]))
x.put_(torch.tensor([6]), torch.tensor([1.]))
torch.take_along_dim(x, torch.tensor([[2], [0]]), 1)
torch.take_along_dim(x, torch.tensor([[2, 0]]), 1)
torch.take_along_dim(x, torch.tensor([5, 1]))
x.masked_fill(x > 0, 0)
x.masked_fill(torch.tensor([True, False, True]), x[0, 0])
x.masked_fill(x > 0, torch.tensor(1.).double())
torch.arange(3).masked_fill(torch.tensor([True, False, True]), 1.5)
x.masked_fill(torch.tensor([1, 0, 1]), 0)
x.masked_fill(torch.ones(4) > 0, 0)
x.masked_fill(torch.ones(3) > 0, torch.ones(2))
x.masked_select(x > 0)
x.masked_select(torch.tensor([True, False, True]))
x.masked_select(torch.tensor(True))
torch.tensor(5.).masked_select(torch.tensor(True))
x.masked_select(torch.ones(4) > 0)
x.masked_select(torch.ones(3))
x.masked_scatter(x > 0, 2 * x)
x.masked_scatter(torch.ones(2, 3) > 0, torch.ones(2))
x.masked_scatter(x > 0, x.double())
x.nonzero()
x.nonzero(as_tuple=True)
torch.nonzero(x > 0)
torch.nonzero(torch.tensor(5.)).shape
torch.tensor(5.).nonzero(as_tuple=True)
torch.argwhere(x > 0)
torch.argwhere(torch.tensor(5.)).shape
torch.where(x > 0)
torch.where(x > 0, x, 0)
torch.where(x > 0, 1., x)
torch.where(x > 0, x, x.double())
torch.where(x > 0, 1, 0)
torch.where(x > 0, 1, 0.)
x.where(x > 0, -x)
torch.where(x, x, 0)
torch.where(torch.ones(4) > 0, x, x)
torch.tril_indices(3, 4, 1)
torch.triu_indices(3, 4, -1)
torch.tril_indices(2, 2, dtype=torch.int32)
torch.searchsorted(torch.tensor([1., 2., 2., 3.]), 2.)
torch.searchsorted(torch.tensor([1., 2., 2., 3.]), torch.tensor([0., 2., 9.]), right=True)
torch.searchsorted(torch.tensor([1., 2., 2., 3.]), torch.tensor([[2.]]), side="right", out_int32=True)
torch.searchsorted(torch.tensor([[1., 3.], [2., 4.]]), torch.tensor([[2., 3.], [2., 3.]]))
torch.searchsorted(torch.tensor([3., 1., 2.]), torch.tensor([1.5]), sorter=torch.tensor([1, 2, 0]))
torch.searchsorted(torch.zeros(2, 3), torch.zeros(3, 1))
torch.bucketize(x, torch.tensor([-1., 0., 1.]))
torch.bucketize(2., torch.tensor([1., 2., 3.]), right=True)
torch.bucketize(torch.tensor([1, 4]), torch.tensor([1., 2., 3.]))
torch.bucketize(x, torch.tensor([[0.]]))
""".strip().splitlines()


@pytest.mark.parametrize("code", PLACED)
def test_places_and_masks(code):
    check(evaluate(code), X, PLACES)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_reduce(reduce, include_self):
    places = tensor([[0, 0, 2], [1, 1, 1]], "int64")
    source = tensor([[1.0, 1.0, 0.0], [-2.0, 3.0, 3.0]])
    base = tensor([[1.0, 4.0, 2.0], [5.0, 3.0, 0.0]])
    check(lambda lib, x, i, s: x.scatter_reduce(1, i, s, reduce, include_self=include_self), base, places, source)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
@pytest.mark.filterwarnings("ignore:index_reduce")
def test_index_reduce(reduce, include_self):
    at = tensor([2, 0, 2], "int64")
    check(
        lambda lib, x, i, s: x.index_reduce(0, i, s, reduce, include_self=include_self),
        normal(3, 4), at, normal(3, 4, seed=1), gradients=False,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_byte_masks():
    check(lambda lib, x: x[lib.tensor([1, 0], dtype=lib.uint8)], X)


def test_writing_a_number_at_a_mask_reads_nothing():
    import torchlike

    x = torchlike.zeros(3) + 1
    x[x > 0] = 5.0
    assert x._read().array is None, "a barrier ran"


def test_a_loop_over_rows_compiles_once():
    import torchlike

    x = torchlike.arange(24.0).view(8, 3)
    before = None
    for i in range(8):
        (x[i, 1:] * 2.0).sum().item()
        x[i] = 0.5
        if i == 3:
            x.sum().item()
            before = torchlike.explain.counts.operations
    assert x.sum().item() == 12.0
    assert before == torchlike.explain.counts.operations
