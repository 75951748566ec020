"""Bad input: PyTorch's answer, or its error; never a crash, never an index or a value silently changed.

Each row is evaluated under both libraries. Class and words of an error must agree; of a row that begins with `~` only
the class, where PyTorch's words list all its overloads or name its build.
"""

import warnings

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that answers are compared with")
torchlike = pytest.importorskip("torchlike")

from test_text_of_tensors import shown  # noqa: E402

SIZES = """
~ torch.empty(10**15)
~ torch.zeros(10**13)
~ torch.ones(10**14)
~ torch.full((10**14,), 1.)
~ torch.rand(10**14)
~ torch.arange(10**15)
~ torch.eye(10**8)
~ torch.ones(1).repeat(10**15)
~ torch.ones(1).tile(10**15)
~ torch.ones(2).new_empty(10**15)
torch.empty(10**12, 10**12)
~ torch.empty(10**19)
~ torch.zeros(2**63)
torch.ones(2).expand(10**15, 2).shape
torch.zeros(-1)
torch.empty(2, -3)
torch.rand(2, -1)
torch.full((2, -1), 1)
torch.eye(-1)
torch.eye(2, -1)
torch.linspace(0, 1, -1)
torch.logspace(0, 1, -1)
torch.ones(6).view(-1, -1)
torch.ones(6).view(4, -1)
torch.ones(6).reshape(-2)
torch.ones(0).view(-1, 0)
torch.ones(2, 3).expand(-1, 4)
torch.ones(3).expand(2)
torch.ones(2, 3).repeat(2)
torch.ones(2).repeat(-1)
torch.zeros(2.5)
torch.zeros('a')
torch.zeros(None)
torch.zeros()
torch.zeros(True)
torch.zeros(torch.tensor([2, 3]))
torch.zeros(2, size=(2,))
torch.full(2, 1)
torch.empty_strided((2, 3), (1,))
torch.Tensor(2.5)
torch.Tensor('a')
"""

DATA = """
torch.tensor([[1, 2], [3]])
torch.tensor([1, [2]])
torch.tensor([[1], 2])
torch.tensor(['a'])
torch.tensor('a')
torch.tensor(None)
torch.tensor([None])
torch.tensor({})
torch.tensor(2**63)
torch.tensor(300, dtype=torch.uint8)
torch.tensor(1e20, dtype=torch.int32)
torch.tensor(nan, dtype=torch.int64)
torch.tensor(1j, dtype=torch.float32)
torch.tensor([1], dtype='float32')
torch.tensor([1], dtype=float)
torch.tensor([1], requires_grad=True)
torch.tensor([torch.tensor([1., 2.]), torch.tensor([3., 4.])])
torch.tensor([torch.tensor(1), 2.5])
torch.tensor([np.float16(1), 2])
torch.tensor([np.array([1., 2.]), np.array([3.])])
torch.tensor(np.array(['a']))
torch.tensor(np.array([1, 2])[::-1])
torch.from_numpy([1])
torch.from_numpy(np.float32(3))
torch.full((2,), 'a')
torch.full((2,), 300, dtype=torch.uint8)
torch.full((2,), 1e50)
torch.full((2,), nan, dtype=torch.int32)
torch.ones(2, dtype=torch.uint8).fill_(300)
torch.ones(2, dtype=torch.int32).fill_(1j)
torch.ones(2) + 2**64
torch.ones(2).fill_(torch.tensor([1, 2]))
torch.zeros_like(3)
torch.arange(0, 1, 0)
torch.arange(0, nan)
torch.arange(5, 0)
~ torch.arange('a')
torch.rand(2, dtype=torch.int64)
torch.randint(5, 3, (2,))
torch.normal(0., -1., (2,))
torch.bernoulli(torch.tensor([2.]))
torch.bernoulli(torch.tensor([nan]))
torch.multinomial(torch.tensor([1., 2.]), 3)
torch.multinomial(torch.tensor([-1., 2.]), 1)
torch.multinomial(torch.tensor([0., 0.]), 1)
"""

PLACES = """
torch.ones(3)[5]
torch.ones(3)[-4]
torch.ones(3, 3)[None, 3]
torch.ones(3, 3)[[3, -5]]
torch.ones(3, 3)[:, [1, 7, -5]]
torch.ones(3, 3)[[1, 7], [0, 9]]
torch.ones(0, 3)[[0]]
torch.ones(0, 3)[[], [7]]
torch.ones(0, 3)[:, [7]]
torch.ones(3, 3)[torch.tensor([])]
torch.ones(3, 3)[torch.tensor([1], dtype=torch.int16)]
torch.ones(3, 3)[torch.ones(2, 3) > 0]
torch.ones(3, 3)[torch.ones(3, 3, 3) > 0]
torch.ones(3)[::-1]
torch.ones(3)[::0]
torch.ones(3)['a']
torch.ones(3)[0.5]
torch.ones(3)[2**70]
torch.tensor(1.)[0]
torch.tensor(1.)[:]
x = torch.ones(3);; x[0] = np.float32(2.)
x = torch.ones(3);; x[:] = np.array([1., 2., 3.])
x = torch.ones(3).byte();; x[0] = 300
x = torch.ones(3).byte();; x[0] = -1;; x
x = torch.ones(3).int();; x[[0]] = nan
x = torch.ones(3);; x[0] = 1e300
x = torch.ones(3);; x[[5]] = 1.
x = torch.ones(3);; x[0] = torch.ones(2)
x = torch.ones(3);; x[[0]] = torch.ones(2)
x = torch.ones(3);; x[[0]] = torch.ones(1).double()
x = torch.ones(3);; x.index_put_((torch.tensor([0, 0]),), 5.)
x = torch.ones(3);; x.index_put_((0,), torch.tensor(5.))
x = torch.ones(3);; x.index_put_([torch.tensor([3])], torch.tensor(5.))
torch.ones(3).gather(0, torch.tensor([3]))
torch.ones(3).gather(0, torch.tensor([0.]))
torch.ones(3).index_select(0, torch.tensor([-1]))
torch.ones(3).take(torch.tensor([3]))
torch.zeros(3).scatter(0, torch.tensor([3]), 1.)
torch.zeros(3).index_add(0, torch.tensor([3]), torch.ones(1))
torch.zeros(3).index_fill(0, torch.tensor([3]), 1.)
torch.nn.functional.embedding(torch.tensor([5]), torch.ones(2, 2))
torch.nn.functional.embedding(torch.tensor([0.5]), torch.ones(2, 2))
torch.nn.functional.cross_entropy(torch.ones(1, 3), torch.tensor([3]))
torch.nn.functional.nll_loss(torch.ones(1, 3), torch.tensor([-1]))
torch.nn.functional.one_hot(torch.tensor([3]), 2)
torch.nn.functional.one_hot(torch.tensor([-1]))
torch.ones(3).sum(1)
torch.ones(3).transpose(0, 1)
torch.ones(2, 3).permute(0, 0)
torch.ones(2, 3).permute(0)
torch.ones(3).squeeze(2)
torch.ones(3).unsqueeze(3)
torch.ones(3).narrow(0, 2, 2)
torch.ones(3).select(0, 3)
torch.ones(3).split(0)
torch.ones(3).split([1, 1])
torch.ones(3).chunk(0)
torch.ones(3).unfold(0, 4, 1)
torch.ones(3).unfold(0, 1, 0)
torch.ones(3).topk(4)
torch.ones(3).kthvalue(4)
torch.ones(3).kthvalue(0)
torch.ones(3).roll(1, 2)
torch.ones(3).flip(1)
torch.ones(2, 2).diagonal(0, 0, 0)
torch.ones(2).as_strided((3,), (-1,))
"""

EMPTY = """
torch.empty(0).max()
torch.empty(0).argmax()
torch.empty(0, 3).max(0)
torch.empty(0, 3).max(1)
torch.empty(0).sum(), torch.empty(0).prod(), torch.empty(0).mean()
torch.empty(0).median()
torch.empty(0).sort()
torch.empty(0).item()
bool(torch.empty(0))
torch.empty(0).topk(1)
torch.stack([])
torch.cat([])
torch.empty(2, 0) @ torch.empty(0, 3)
torch.empty(0).std()
torch.empty(0, 2).softmax(0)
torch.empty(0).cumsum(0)
torch.tensor(1.).sum(0), torch.tensor(1.).max(0), torch.tensor(1.).sort(), torch.tensor(1.).cumsum(-1)
torch.tensor(1.).sum(1)
torch.tensor(1.) @ torch.tensor(1.)
torch.tensor(1.).t(), torch.tensor(1.).flatten(), torch.tensor(1.).unsqueeze(0)
torch.tensor(1.).squeeze(1)
torch.tensor(1.).split(1)
len(torch.tensor(1.))
torch.tensor([nan, 1.]).max(), torch.tensor([nan, 1.]).sort(), torch.tensor([nan, 1.]).argmin()
torch.tensor([inf, -inf]).sum(), torch.tensor([inf]).softmax(0), torch.tensor([nan]).int() * 0
torch.tensor([1., nan]).median(), torch.tensor([1., nan]).nanmedian(), torch.tensor([nan]).nansum()
torch.tensor([5]) // 0
torch.tensor([5]) % 0
torch.tensor([5.]) // 0, torch.tensor([-5.]) % 0, torch.tensor([0.]) / 0
torch.tensor([2]) ** -1
"""

DTYPES = """
torch.ones(2).long().mean()
torch.ones(2).long().softmax(0)
torch.ones(2) & 1
~torch.ones(2)
-torch.tensor([True])
torch.tensor([True]) - torch.tensor([True])
torch.ones(2) << 1.5
torch.ones(2, 2) @ torch.ones(2, 2).double()
torch.ones(2, 2) @ torch.ones(2, 2).long()
torch.mm(torch.ones(2), torch.ones(2, 2))
torch.mm(torch.ones(2, 2), torch.ones(3, 2))
torch.ones(2, 3) @ torch.ones(2, 3)
torch.bmm(torch.ones(2, 2), torch.ones(2, 2, 2))
torch.dot(torch.ones(2), torch.ones(3))
torch.ones(2) + torch.ones(3)
torch.ones(2).add_(torch.ones(2, 2))
torch.ones(2).long().add_(1.5)
torch.ones(2).long().div_(2)
torch.ones(2).add_(1j)
torch.ones(2).long().sqrt_()
torch.ones(2).where(torch.ones(2), torch.ones(2))
torch.ones(2, dtype=torch.cfloat) < 1
torch.ones(2, dtype=torch.cfloat).max()
torch.ones(2, dtype=torch.cfloat).floor()
torch.ones(2, dtype=torch.cfloat).clamp(0)
torch.complex(torch.ones(2), torch.ones(2).double())
torch.ones(2).long().requires_grad_()
torch.ones(2).masked_fill(torch.ones(2), 1)
torch.ones(2).masked_select(torch.ones(2))
torch.ones(2).view(torch.float64), torch.ones(3).view(torch.uint8)
torch.ones(3).view(torch.float64)
torch.nn.functional.linear(torch.ones(2), torch.ones(3, 4))
torch.nn.functional.conv2d(torch.ones(1, 3, 4, 4), torch.ones(1, 2, 3, 3))
torch.nn.functional.dropout(torch.ones(2), 1.5)
torch.ones(2).to('foo:1:2')
~ torch.ones(2).cuda() if not torch.cuda.is_available() else 1 / 0
~ torch.empty(2, device='mps')
~ torch.empty(2, device=3.5)
"""

MEMORY = """
x = torch.arange(6.);; x[1:].add_(x[:-1])
x = torch.arange(6.);; x.add_(x);; x
x = torch.arange(6.);; x[:3].add_(x[3:]);; x
x = torch.arange(4.).view(2, 2);; x.mul_(x.t())
x = torch.arange(4.).view(2, 2);; x.copy_(x.t())
x = torch.arange(6.);; x[1:].copy_(x[:-1])
x = torch.arange(6.);; x[1:4] = x[0:3]
x = torch.arange(6.);; x[:] = x.flip(0);; x
x = torch.arange(6.);; x[[0]] = x[1:2]
x = torch.arange(6.);; torch.add(x[:-1], 1, out=x[1:])
x = torch.arange(6.);; torch.add(x, 1, out=x);; x
x = torch.arange(6.);; torch.add(x[:3], x[3:], out=x[:3]);; x
x = torch.arange(4.).view(2, 2);; torch.exp(x.t(), out=x)
x = torch.arange(4.);; torch.cumsum(x, 0, out=x);; x
x = torch.arange(4.);; torch.cat([x[:2], x[2:]], out=x)
x = torch.arange(4.);; torch.gather(x, 0, torch.tensor([1, 0, 0, 0]), out=x)
x = torch.arange(4.);; torch.index_select(x, 0, torch.tensor([1, 0, 0, 0]), out=x)
x = torch.arange(4.);; x.scatter_(0, torch.tensor([1, 0]), x[:2])
x = torch.arange(4.);; x.index_add_(0, torch.tensor([1, 0, 0, 1]), x)
x = torch.arange(4);; x.index_fill_(0, x, 1)
x = torch.arange(4.);; torch.clamp(x, 1, 2, out=x);; x
x = torch.zeros(1).expand(3);; x.add_(1)
x = torch.zeros(1).expand(3);; x.copy_(torch.ones(3))
x = torch.zeros(1).expand(3);; x.zero_();; x
x = torch.zeros(1).expand(3);; torch.add(torch.ones(3), 1, out=x)
x = torch.ones(3).expand(2, 3);; x[:, 0] = 2
x = torch.ones(3).expand(2, 3);; x[0, 0] = 2;; x
torch.add(torch.ones(2), 1, out=torch.ones(2).long())
torch.add(torch.ones(2), 1j, out=torch.ones(2))
torch.add(torch.ones(2), 1, out=torch.ones(2).double())
torch.add(torch.ones(2), 1, out=torch.ones(3))
torch.add(torch.ones(2), 1, out=torch.empty(0))
torch.add(torch.ones(2), 1, out=torch.ones(2, requires_grad=True))
torch.add(torch.ones(2, requires_grad=True), 1, out=torch.ones(2))
torch.add(torch.ones(2), 1, out='a')
torch.mm(torch.ones(2, 2), torch.ones(2, 2), out=torch.ones(2, 2).double())
torch.max(torch.ones(2, 3), 1, out=(torch.ones(2), torch.ones(2)))
torch.max(torch.ones(2, 3), 1, out=(torch.ones(2),))
~ torch.max(torch.ones(2, 3), 1, out=torch.ones(2))
torch.sort(torch.ones(2), out=(torch.ones(2), torch.ones(2)))
torch.eq(torch.ones(2), 1, out=torch.ones(2))
torch.sqrt(torch.ones(2).long(), out=torch.ones(2).long())
x = torch.ones(4);; torch.exp(torch.zeros(2), out=x[::2]);; x
x = torch.ones(2, requires_grad=True);; x.add_(1)
x = torch.ones(2, requires_grad=True);; x[0] = 1
x = torch.ones(2, requires_grad=True);; x.numpy()
torch.ones(2).backward()
torch.ones(2, requires_grad=True).backward()
(torch.ones(2, requires_grad=True) * 2).sum().backward(torch.ones(2))
x = torch.ones(2, requires_grad=True).sum();; x.backward();; x.backward()
"""

CALLS = """
~ torch.add()
~ torch.add(torch.ones(1))
~ torch.add(torch.ones(1), 1, 2, 3)
~ torch.add(torch.ones(1), 1, foo=2)
~ torch.add(torch.ones(1), 'a')
~ torch.add('a', 1)
~ torch.exp(3)
~ torch.exp(torch.ones(1), foo=1)
~ torch.exp()
~ torch.exp(None)
~ torch.sum([1, 2])
~ torch.sum(torch.ones(1), dim='a')
~ torch.cat(torch.ones(2))
~ torch.cat([torch.ones(2), 3])
~ torch.stack(3)
~ torch.nn.functional.relu('a')
~ torch.nn.functional.linear(torch.ones(2))
~ torch.ones(2).view('a')
~ torch.ones(2).view()
~ torch.ones(2).reshape(None)
~ torch.ones(2).foo
~ torch.foo
~ torch.nn.functional.foo
~ torch.ones(2)(1)
~ torch.ones(2).mul(None)
~ torch.ones(2).to([1])
~ torch.ones(2) + None
~ torch.ones(2) + 'a'
~ torch.ones(2) @ 2
~ 'a' + torch.ones(2)
~ torch.ones(2) < None
torch.ones(2) == 'a', torch.ones(2) != None
~ torch.ones(2).clamp('a')
~ torch.ones(2).clamp()
~ torch.ones(2).norm('x')
~ torch.where(torch.ones(2) > 0)
~ torch.einsum('ij,jk', torch.ones(2, 2))
~ torch.einsum('i', torch.ones(2, 2))
~ torch.manual_seed('a')
~ torch.set_default_dtype(torch.int64)
~ torch.set_default_dtype('float64')
~ torch.nn.Linear(2)
~ torch.nn.Linear(2, 2)(torch.ones(3))
~ torch.nn.Linear(2, 2)('a')
~ torch.optim.SGD([], lr=0.1)
~ torch.optim.SGD([torch.ones(1)], lr=-1)
~ torch.optim.SGD(torch.ones(1), lr=1)
"""

TABLES = {"sizes": SIZES, "data": DATA, "places": PLACES, "empty": EMPTY, "dtypes": DTYPES, "memory": MEMORY,
          "calls": CALLS}  # fmt: skip
ROWS = [(name, row) for name, table in TABLES.items() for row in table.strip().splitlines()]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}: {row}" for name, row in ROWS])
def test_bad_input(name, row):
    code = row.removeprefix("~ ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want, got = shown(torch, code), shown(torchlike, code)
    if row.startswith("~ "):
        want, got = want.split(":")[0], got.split(":")[0]
    assert got == want


def test_a_resized_output_is_warned_of():
    for lib in (torch, torchlike):
        with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
            lib.add(lib.ones(2), 1, out=lib.ones(3))


def test_an_error_at_a_barrier_does_not_poison_what_follows():
    with pytest.raises(RuntimeError, match="memory"):
        torchlike.ones(2).expand(10**15, 2).clone()
    assert torchlike.ones(2).sum().item() == 2
