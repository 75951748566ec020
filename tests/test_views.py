"""Views and reshapings: values, strides, offsets, gradients, memory sharing and errors are PyTorch's."""

import pytest
from compare import check, normal, tensor

X, CUBE, COMPLEX = normal(2, 3), normal(2, 3, 4), normal(2, 3, dtype="complex64")


def evaluate(code):
    """A function of (lib, *inputs) from an expression on torch, x, y, z."""

    def fn(lib, *inputs):
        return eval(code, {"torch": lib, **dict(zip("xyz", inputs, strict=False))})

    return fn


def geometry(code):
    """As `evaluate`, but where the result lies in memory, and whether it shares x's memory, are results too."""

    def fn(lib, *inputs):
        made = evaluate(code)(lib, *inputs)
        parts = made if isinstance(made, tuple) else (made,)
        places = [(p.stride(), p.storage_offset(), p.is_contiguous()) for p in parts if p.numel()]
        shares = [p._is_view() or p is inputs[0] for p in parts]
        return made, places, shares

    return fn


VIEWS = """
x.view(6)
x.view(-1)
x.view(3, -1)
x.view((1, 2, 3, 1))
x.view(size=(3, 2))
x.view_as(x.t().contiguous())
x.reshape(6)
x.reshape(3, 2)
x.t().reshape(3, 2)
x[:, 1:].view(2, 1, 2)
x[:, :1].reshape(-1)
x.flatten()
x.flatten(0, 1)
x.flatten(1)
x.ravel()
x.unflatten(1, (3, 1))
x.unflatten(0, (-1, 2))
torch.reshape(x, (3, 2))
x.transpose(0, 1)
x.swapaxes(0, -1)
x.t()
x.T
x.mT
x.H
x.adjoint()
x.permute(1, 0)
torch.permute(x, (1, 0))
x.movedim(0, 1)
x.moveaxis((0, 1), (1, 0))
x.unsqueeze(0)
x.unsqueeze(1)
x.unsqueeze(-1)
x.unsqueeze(0).squeeze()
x.unsqueeze(0).squeeze(0)
x.unsqueeze(0).squeeze(1)
x.unsqueeze(0).unsqueeze(-1).squeeze((0, -1))
x.expand(2, 3)
x.expand(4, -1, 3)
x.unsqueeze(1).expand(2, 5, 3)
x.expand_as(torch.zeros(4, 2, 3))
x.broadcast_to((4, 2, 3))
torch.broadcast_to(x, (4, 2, 3))
x[0, 0].expand(1)
x[0, 0].expand(2, 1)
x.select(0, 1)
x.select(1, -1)
x.narrow(1, 1, 2)
x.narrow(1, -2, 1)
x.narrow(1, torch.tensor(1), 2)
x.diagonal()
x.diagonal(1)
x.diagonal(-1)
x.diagonal(5)
x.unfold(1, 2, 1)
x.unfold(0, 1, 2)
x.as_strided((2, 2), (1, 2))
x.as_strided((2, 2), (1, 1), 1)
x[1].as_strided((2,), (3,))
x.split(1)
x.split(2, 1)
x.split([1, 2], 1)
x.split([1, 2], dim=-1)
torch.split(x, 1)
x.split_with_sizes((1, 1))
x.chunk(2)
x.chunk(2, 1)
x.chunk(5, 1)
x.tensor_split(2, 1)
x.tensor_split((1,), 1)
x.tensor_split((0, 5, 2), 1)
x.unbind()
x.unbind(1)
x.hsplit(3)
x.hsplit([1])
x.vsplit(2)
x.T.vsplit((1, 2))
torch.atleast_3d(x)
torch.atleast_2d(x[0])
torch.atleast_1d(x[0, 0])
torch.broadcast_tensors(x, torch.zeros(2, 1, 3))[0]
torch.meshgrid(x[0], x[1], indexing="ij")
torch.meshgrid(x[0], x[1], indexing="xy")
x.real
x.T.contiguous().clone()
x.t().clone()
x.t().contiguous()
x.contiguous()
x.t().clone(memory_format=torch.contiguous_format)
""".strip().splitlines()


@pytest.mark.parametrize("code", VIEWS)
def test_view(code):
    check(geometry(code), X)


CUBES = """
x.view(6, 4)
x.view(2, 12)
x.transpose(1, 2).reshape(2, -1)
x.transpose(0, 1).view(3, 2, 2, 2)
x[:, 1].view(2, 2, 2)
x.permute(2, 0, 1)
x.permute(-1, 0, 1).stride()
x.T.stride()
x.mT
x.flatten(0, 1)
x.flatten(1, -1)
x.transpose(0, 2).flatten(1)
x.movedim(-1, 0)
x.movedim((0, 1), (-1, -2))
x.diagonal(0, 1, 2)
x.diagonal(1, dim1=0, dim2=2)
x.diagonal(-1, 2, 0)
x.unfold(2, 2, 2)
x.unfold(-1, 3, 1)
x.unfold(1, 2, 1).unfold(2, 2, 1)
x.dsplit(2)
x.chunk(3, 1)
x.as_strided((2, 2, 2), (12, 4, 1), 1)
x[1:].as_strided((2, 2), (4, 1))
x.transpose(0, 1).contiguous()
x.permute(2, 0, 1).clone()
x[:, ::2].clone()
x.adjoint()
""".strip().splitlines()


@pytest.mark.parametrize("code", CUBES)
def test_view_of_a_cube(code):
    check(geometry(code) if "stride()" not in code else evaluate(code), CUBE)


@pytest.mark.parametrize("code", ["x.real", "x.imag", "torch.view_as_real(x)", "x.T.real", "x.imag[1]",
                                  "torch.view_as_complex(torch.view_as_real(x))", "x.T.imag.as_strided((3,), (4,), 1)",
                                  "torch.real(x)", "torch.imag(x)"])  # fmt: skip
def test_parts_of_complex(code):
    check(geometry(code), COMPLEX)


def test_conjugate_transpose():
    check(lambda lib, x: (x.H, x.mH, x.adjoint()), COMPLEX)


@pytest.mark.parametrize("dtype", ["int32", "int16", "float64", "uint8"])
def test_bits_as_another_type(dtype):
    check(lambda lib, x: x.view(getattr(lib, dtype)), tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=False))


COPIES = """
x.repeat(2, 1)
x.repeat(2, 1, 3)
x.tile(2)
x.tile((2, 1, 2))
torch.tile(x, (2, 2))
x.repeat_interleave(2)
x.repeat_interleave(2, 1)
x.repeat_interleave(torch.tensor([1, 2]), 0)
x.repeat_interleave(torch.tensor([0, 2, 1]), dim=1)
torch.repeat_interleave(torch.tensor([1, 0, 2]))
x.flip(0)
x.flip(0, 1)
torch.flip(x, (1,))
x.fliplr()
x.flipud()
x.roll(1)
x.roll(-1, 1)
x.roll((1, 2), (0, 1))
x.rot90()
x.rot90(2)
x.rot90(-1, (1, 0))
torch.cat([x, x])
torch.cat((x, x), 1)
torch.cat([x, torch.zeros(0)], -1)
torch.cat([x, torch.zeros(2, 1, dtype=torch.float64)], dim=1)
torch.cat([x.int(), torch.zeros(2, 1, dtype=torch.uint8)], dim=1)
torch.concat([x, x])
torch.concatenate([x, x], axis=1)
torch.stack([x, 2 * x])
torch.stack([x, x], 1)
torch.stack((x, x), dim=-1)
torch.hstack((x, x))
torch.hstack((x[0], x[1]))
torch.vstack((x[0], x))
torch.dstack((x, x))
torch.dstack((x[0], x[1]))
torch.column_stack((x[:, 0], x))
torch.row_stack((x, x))
torch.block_diag(x, x[0], x[0, 0])
torch.cartesian_prod(x[0], x[1])
torch.cartesian_prod(x[0])
torch.combinations(x[0])
torch.combinations(x[0], 3)
torch.combinations(x[0], with_replacement=True)
""".strip().splitlines()


@pytest.mark.parametrize("code", COPIES)
def test_new_memory(code):
    check(evaluate(code), X)


ERRORS = """
x.view(2, 5)
x.view(-1, -1)
x.view(-2, 3)
x.view(-1, 4)
torch.zeros(0).view(-1, 0)
x.t().view(6)
x.t().view(-1)
x.reshape(2, 5)
x.flatten(1, 0)
x.unflatten(1, (2, 2))
x.narrow(0, 1, 2)
x.narrow(0, 5, 1)
x.narrow(0, 0, -1)
x.narrow(0, -5, 1)
x.select(0, 5)
x.select(2, 0)
torch.tensor(1.).select(0, 0)
x.expand(4)
x.expand(3, 3)
x.expand(-1, 2, 3)
x.unsqueeze(5)
x.squeeze(4)
x.transpose(0, 2)
x.permute(0, 0)
x.permute(0)
x.permute(0, 5)
torch.zeros(2, 3, 4).t()
torch.zeros(2).mT
x.movedim((0, 0), (0, 1))
x.diagonal(0, 0, 0)
x.unfold(0, 3, 1)
x.unfold(0, 1, 0)
x.unfold(0, -1, 1)
x.as_strided((3, 3), (1, 1), 4)
x.as_strided((3,), (1, 1))
x.split(0)
x.split([1, 1], 1)
x.split(-1)
x.chunk(0)
torch.tensor(1.).unbind()
x.tensor_split(0)
x.hsplit(2)
torch.zeros(2).vsplit(1)
x.dsplit(1)
torch.view_as_complex(x)
torch.view_as_real(x)
x.imag
torch.cat([x, x.t()])
torch.cat([])
torch.cat([x, torch.zeros(2)])
torch.cat([x, x], 2)
torch.stack([x, x.t()])
torch.stack([])
torch.hstack([x, torch.ones(3, 3)])
x.repeat(2)
x.repeat_interleave(torch.tensor([1, 2, 3]))
x.flip(0, 0)
x.flip(5)
x.roll(1, 5)
x.roll((1, 2), 0)
x.rot90(1, (0, 0))
torch.fliplr(torch.ones(2))
torch.block_diag(x, torch.ones(1, 1, 1))
torch.cartesian_prod(x)
torch.combinations(x)
torch.broadcast_tensors(x, torch.ones(4))
""".strip().splitlines()


@pytest.mark.parametrize("code", ERRORS)
def test_error(code):
    check(evaluate(code), X)


CONVERSIONS = """
x.to(torch.float64)
x.to(torch.int64)
x.to("cpu")
x.to("cpu", torch.float16)
x.to(torch.device("cpu"), dtype=torch.bool)
x.to(torch.zeros(1, dtype=torch.float64))
x.to(dtype=torch.bfloat16)
x.to(torch.float32) is x
x.to("cpu") is x
x.to(torch.float32, copy=True) is x
x.float() is x
x.double()
x.half()
x.bfloat16()
x.int()
x.long()
x.short()
x.char()
x.byte()
x.bool()
x.cfloat()
x.cdouble()
x.type()
x.type(torch.float64)
x.type("torch.IntTensor")
x.double().type()
x.bool().type()
x.bfloat16().type()
x.type_as(torch.zeros(1, dtype=torch.int32))
x.double().t().stride()
x.t().double().stride()
x.clone() is x
x.contiguous() is x
torch.clone(x)
torch.numel(x)
torch.is_tensor(x), torch.is_tensor(1)
torch.is_floating_point(x), torch.is_complex(x)
torch.is_nonzero(x[0, 0])
torch.result_type(x, 1), torch.result_type(x.int(), 1.5), torch.result_type(x[0, 0], x.double())
torch.result_type(1, 2.5), torch.result_type(x.int(), x[0, 0])
torch.promote_types(torch.uint8, torch.int8), torch.promote_types(torch.float16, torch.bfloat16)
torch.promote_types(torch.int64, torch.float16), torch.promote_types(torch.complex64, torch.float64)
torch.can_cast(torch.float32, torch.int32), torch.can_cast(torch.int32, torch.bool)
torch.tensor([300., -1., -1.9, 2.7]).byte()
torch.tensor([300., -1., -1.9, 2.7]).to(torch.int8)
torch.tensor([300, -1]).to(torch.uint8)
torch.tensor([1 + 2j]).real
x.view(torch.float32) is x
x.clone().copy_(torch.ones(3, dtype=torch.float64))
x.clone().copy_(torch.ones(4))
x.clone().copy_(torch.ones(2, 2, 3))
x.type("torch.NoTensor")
[torch.finfo(d) for d in (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64)]
[getattr(torch.finfo(torch.float16), n) for n in ("bits", "eps", "max", "min", "tiny", "resolution", "dtype")]
[torch.iinfo(d) for d in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)]
torch.finfo()
torch.finfo(torch.int8)
torch.iinfo(torch.float32)
""".strip().splitlines()


@pytest.mark.parametrize("code", CONVERSIONS)
def test_conversion(code):
    check(evaluate(code), X)


def test_copy_carries_the_gradient_in_the_source_dtype():
    def fn(lib, x, y):
        z = x * 2
        z.copy_(y)
        return z, y.float() * 3

    check(fn, X, normal(2, 3, dtype="float64", seed=1))


def test_channels_last_strides():
    def fn(lib, x):
        y = x.to(memory_format=lib.channels_last)
        return y, y.stride(), y.clone().stride(), y.contiguous().stride(), y[:, 1].stride(), y.is_contiguous()

    check(fn, normal(2, 3, 4, 5))


def test_same_memory():
    def fn(lib, x):
        y = x.detach().clone()
        v = y.t()[1:]
        v.add_(1)
        return y, v, v.data_ptr() - y.data_ptr(), y.view(-1).data_ptr() == y.data_ptr()

    check(fn, X)


def test_a_loop_over_slices_compiles_once():
    import torchlike

    x = torchlike.arange(64.0)
    before = None
    for i in range(8):
        x[i : i + 4].mul_(2.0).sum().item()
        if i == 3:
            before = torchlike.explain.counts.operations, len(torchlike.core.program._programs)
    assert before == (torchlike.explain.counts.operations, len(torchlike.core.program._programs))


def test_in_place_changes_of_shape():
    def fn(lib, x):
        a, b, c, d = (x.detach().clone() for _ in range(4))
        return a.unsqueeze_(0), a.squeeze_(), b.t_(), c.transpose_(0, 1).add_(1), c.stride(), d.unsqueeze_(-1).mul_(2)

    check(fn, X)
