"""What a user sees: `repr`, `str` and formats of tensors, parameters, sizes, types, devices and limits.

test_printing.py compares the text of arrays; here whole expressions are evaluated under both libraries, and random
tensors (views, leaves, results of operations) are printed under random options. TORCHLIKE_TEXTS sets how many are
tried, TORCHLIKE_SEED the first seed.
"""

import os
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that texts are compared with")
torchlike = pytest.importorskip("torchlike")

COUNT = int(os.environ.get("TORCHLIKE_TEXTS", "200"))
FIRST = int(os.environ.get("TORCHLIKE_SEED", "0"))
CHUNK = 50


def shown(lib, code: str) -> str:
    """What the last of the statements shows under a library, or the error it ends with."""
    space = {"torch": lib, "np": np, "nan": np.nan, "inf": np.inf}
    *statements, last = code.split(";; ")
    try:
        for statement in statements:
            exec(statement, space)
        value = eval(last, space)
        text = value if isinstance(value, str) else repr(value)
    except Exception as error:
        text = f"{type(error).__name__}: {error}".split("\n")[0]
    finally:
        lib.set_default_dtype(lib.float32)
        lib.set_printoptions(profile="default")
    return text.replace("torchlike", "torch")


EXPRESSIONS = """
str(torch.tensor(1.5))
f"{torch.tensor(1.5)}"
f"{torch.tensor(1.5):.2f} {torch.tensor(3):d} {torch.tensor(3):5} {torch.tensor(True):d}"
f"{torch.tensor(1+2j):.2f}"
f"{torch.tensor([1.5])}"
f"{torch.tensor([1.5]):.2f}"
f"{torch.tensor([1,2]):>10}"
f"{torch.nn.Parameter(torch.tensor(2.))}"
"{:>30}".format(torch.tensor(1.5))
"%s %d %.2f" % (torch.tensor([1,2]), torch.tensor(3), torch.tensor([3.5]))
torch.tensor([1.,2.], requires_grad=True)
torch.tensor([1.,2.], requires_grad=True) * 2
2 / torch.tensor([1.,2.], requires_grad=True)
1 - torch.tensor([1.,2.], requires_grad=True)
torch.tensor([1.,2.], requires_grad=True).sum()
(torch.tensor([1.,2.], requires_grad=True) + 1)[0]
torch.tensor([1.,2.], requires_grad=True).detach()
torch.nn.Parameter(torch.ones(2,2))
torch.nn.Parameter(torch.ones(2,2), requires_grad=False)
torch.nn.Parameter(torch.ones(2,2)).view(-1)
torch.nn.Parameter(torch.ones(2,2)).max(0)
torch.nn.Parameter(torch.ones(2,2)).split(1)
[torch.ones(2)], {'a': torch.ones(2)}
torch.arange(24).view(2,3,4)[:, ::2, 1]
torch.arange(6).view(2,3).T
torch.arange(3).expand(2,3)
torch.empty(0), torch.empty(0,3), torch.empty(2,0,dtype=torch.int64), torch.tensor([[]])
torch.empty(0, requires_grad=True)
torch.tensor([1.5,2.25]).to(torch.float8_e4m3fn)
torch.tensor([1.5,2.25,1e9]).to(torch.float8_e5m2)
torch.tensor([1.5,2.25,300.,nan]).to(torch.float8_e4m3fnuz)
torch.tensor([1.5,2.25]).to(torch.float8_e5m2fnuz)
torch.tensor([1.5,2.25,0.7]).to(torch.float8_e8m0fnu)
torch.tensor([1000.,-inf,nan]).to(torch.float8_e4m3fn).float()
torch.tensor([1+2j,3.5-1j]).conj()
torch.tensor([1+2j,nan])
torch.set_default_dtype(torch.float64);; torch.tensor([1.5]), torch.ones(2, dtype=torch.float32)
torch.set_default_dtype(torch.float64);; torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.complex128)
torch.set_default_dtype(torch.bfloat16);; torch.ones(2), torch.ones(2,dtype=torch.float32)
torch.set_printoptions(precision=2);; torch.tensor([1.23456])
torch.set_printoptions(sci_mode=True);; torch.tensor([1.23456])
torch.set_printoptions(profile='short');; torch.full((3,3),0.123456)
torch.set_printoptions(profile='full');; torch.arange(1002)
torch.set_printoptions(threshold=3, edgeitems=1);; torch.arange(30).view(5,6)
torch.set_printoptions(linewidth=30);; torch.arange(30.)
torch.zeros(11,11,11)
torch.zeros(2,3,1,2,1,2)
torch.ones(1).__repr__(tensor_contents='xx')
class M(torch.Tensor): pass;; M(torch.ones(2)), torch.ones(2).as_subclass(M), M([1.,2.])
class M(torch.nn.Parameter): pass;; M(torch.ones(2))
torch.ones(2,3).max(1)
torch.ones(2,3,requires_grad=True).max(1)
torch.ones(2,3).aminmax()
torch.ones(2,3).max(1).n_fields
type(torch.ones(2,3).max(1))
torch.Tensor, torch.nn.Parameter, torch.Size, torch.dtype, torch.device, torch.finfo, torch.layout
type(torch.ones(1)), torch.ones(1).type()
torch.Size(), torch.Size([1,2]), str(torch.Size((3,))), f"{torch.Size([1,2])}"
torch.Size([1,2,3])[1:], torch.Size([1,2,3])[0], torch.Size([1,2,3])[::-1]
torch.Size([1,2]) + torch.Size([3]), torch.Size([1,2]) + (3,), (3,) + torch.Size([1,2])
torch.Size([1,2]) + [3]
[3] + tuple(torch.Size([1,2]))
torch.Size([1,2]) * 2, 2 * torch.Size([1,2])
torch.Size([2,3]).numel(), torch.Size([]).numel(), torch.Size([0,3]).numel()
torch.Size([2,3]) == (2,3), hash(torch.Size([2,3])) == hash((2,3)), torch.Size([2,3]) == [2,3]
torch.Size([2.5])
torch.Size(['a'])
torch.Size(3)
torch.Size([torch.tensor(2), np.int64(3), True])
torch.float32, torch.half, torch.long, torch.cdouble, str(torch.bool)
torch.float32.itemsize, torch.int8.is_signed, torch.bool.is_signed, torch.complex64.is_complex
torch.float32.to_complex(), torch.complex128.to_real(), torch.bfloat16.to_complex()
torch.int32.to_complex()
torch.device('cpu'), str(torch.device('cuda', 1)), torch.device('cuda:1').index, torch.device('mps')
torch.device('cpu') == torch.device('cpu:0'), torch.device('cpu') == 'cpu'
torch.device('')
torch.device('cuda:x')
torch.device('cuda', -1)
torch.ones(1, device='cpu:0').device
with torch.device('cpu'): x = torch.ones(2);; x
torch.finfo(), torch.finfo(torch.float16), torch.finfo(torch.bfloat16), torch.finfo(torch.complex128)
[torch.finfo(t) for t in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz)]
torch.finfo(torch.float8_e8m0fnu)
torch.finfo(torch.float32) == torch.finfo(), torch.finfo() == torch.finfo(torch.float64)
torch.finfo(torch.int32)
torch.finfo('a')
torch.iinfo(torch.int8), torch.iinfo(torch.uint64), torch.iinfo(torch.int64).min
torch.iinfo(torch.bool)
torch.iinfo(torch.float32)
torch.strided, torch.sparse_coo, torch.channels_last, torch.ones(1).layout
isinstance(torch.channels_last, torch.layout), isinstance(torch.channels_last, torch.memory_format)
torch.Generator().device, torch.Generator().initial_seed()
int(torch.tensor(1.9)), float(torch.tensor(2)), complex(torch.tensor(2)), bool(torch.tensor(0.1))
int(torch.tensor([1,2]))
float(torch.tensor(1j))
float(torch.tensor(1+0j))
x = torch.tensor([1,2]);; del x[0]
3 in torch.tensor([1,2,3]), 4 in torch.tensor([1,2,3])
'a' in torch.tensor([1])
len(torch.tensor(1))
list(torch.tensor(1))
list(torch.empty(2,0))
torch.tensor([1.5]).tolist(), torch.tensor([1.5], dtype=torch.bfloat16).item(), torch.tensor(True).tolist()
torch.tensor([]).item()
np.float32(2.) * torch.tensor([1.,2.], requires_grad=True)
np.float64(1.5) + torch.tensor([1,2])
torch.tensor([1.,2.]) * np.array([1.,2.])
np.array([1.,2.]) * torch.tensor([1.,2.])
torch.tensor([1.,2.]) == np.array([1.,3.])
np.exp(torch.tensor([1.,2.]))
[1,2] + torch.tensor([1,2])
2 @ torch.tensor([1,2])
""".strip().splitlines()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", EXPRESSIONS)
def test_expression(code):
    assert shown(torchlike, code) == shown(torch, code)


DTYPES = ["float32"] * 4 + ["float64", "float16", "bfloat16", "complex64", "complex128", "bool", "int64", "int32"]
DTYPES += ["uint8", "int16", "float8_e4m3fn", "float8_e5m2"]


def program(seed: int) -> str:
    """Statements that set options and end in a tensor."""
    rng = np.random.default_rng(seed)

    def of(*choices):
        return choices[int(rng.integers(len(choices)))]

    shape = tuple(int(n) for n in rng.integers(0 if rng.random() < 0.1 else 1, 7, rng.integers(0, 7)))
    if rng.random() < 0.15:
        shape = of((1001,), (40, 40), (3, 500), (12, 10, 11))
    count, dtype = int(np.prod(shape)), DTYPES[int(rng.integers(len(DTYPES)))]
    low, high = of((0, 1), (-1, 1), (-6, 2), (3, 9), (-12, 12), (-3, 3))
    digits = of("(h % 997) / 100.0", "h % 50", f"10.0 ** (h % 997 / 997 * {high - low} + {low})")
    lines = [f"h = torch.arange({count}, dtype=torch.float64) * {int(rng.integers(1, 10**6))} % 104729"]
    lines.append(f"x = ({digits}).reshape({shape})")
    if rng.random() < 0.15 and count:
        lines.append(f"x.view(-1)[{int(rng.integers(count))}] = {of('nan', 'inf', '-inf')}")
    if dtype.startswith("complex"):
        lines.append("x = torch.complex(x, x.flip(0) if x.ndim else -x)")
    elif dtype in ("int64", "int32", "int16", "uint8", "bool"):
        lines.append(f"x = torch.nan_to_num(x, 0., 7., 9.).clamp({0 if 'u' in dtype else -99}, 99)")
    lines.append(f"x = x.to(torch.{dtype})")
    if dtype[0] in "fc" and "8" not in dtype and rng.random() < 0.4:
        lines.append("x = x.requires_grad_()")
        lines.append(of("x = x", "x = x * 1", "x = x + 1", "x = x.clone()", "x = torch.nn.Parameter(x)", "x = x[None]"))
    if len(shape) > 1 and rng.random() < 0.3:
        lines.append(of("x = x.transpose(0, -1)", "x = x[..., ::2]", "x = x[0]", "x = x.unsqueeze(1)", "x = x[:, :1]"))
    if rng.random() < 0.5:
        options = {
            "precision": int(rng.integers(0, 8)), "threshold": int(rng.integers(0, 60)),
            "edgeitems": int(rng.integers(1, 4)), "linewidth": int(rng.integers(20, 130)),
            "sci_mode": of(None, None, True, False), "profile": of("default", "short", "full"),
        }  # fmt: skip
        kept = [name for name in options if rng.random() < 0.5]
        lines.append(f"torch.set_printoptions(**{ {name: options[name] for name in kept} })")
    if rng.random() < 0.1:
        lines.append(f"torch.set_default_dtype(torch.{of('float64', 'float16', 'bfloat16')})")
    return ";; ".join([*lines, of("x", "x", "str(x)", "[x]", "f'{x}'")])


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_random_tensors(first):
    found = []
    for seed in range(first, first + CHUNK):
        code = program(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = shown(torch, code), shown(torchlike, code)
        if want != got:
            found.append(f"seed {seed}\n" + code.replace(";; ", "\n") + f"\n{got}\nPyTorch:\n{want}")
    assert not found, "\n\n".join(found)


def test_the_comparison_can_fail():
    assert shown(torchlike, "torch.ones(1)") != shown(torch, "torch.ones(1) * 2")
