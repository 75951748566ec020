"""Programs that once gave something else than PyTorch: found by `python -m tests.random_programs`, made short."""

import pytest

pytest.importorskip("torch", reason="PyTorch is the reference that the programs are compared with")

from tests.random_programs import aliasing, operators  # noqa: E402

ALIASES = {
    "a view that has a history since its base was written": """
        w = torch.tensor([1.0, 2.0]).requires_grad_()
        t0 = torch.tensor([3.0, 4.0])
        t1 = t0[...]
        t0 *= w
        torch.mul(torch.tensor([5.0, 6.0]), 0, out=t1)
    """,
    "a view outlives t_() of its base": """
        t0 = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        t1 = t0[0]
        t0.t_()
        t1.add_(10)
        t0[2] = 7
    """,
    "a view outlives two changes of its base": """
        t0 = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        t1 = t0[1, 1:]
        t0.t_()
        t2 = t0[0]
        t0.unsqueeze_(0)
        t2.mul_(2)
        t1.zero_()
    """,
    "a view outlives .data = of its base": """
        t0 = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        t1 = t0[0]
        t2 = torch.tensor([5.0, 6.0])
        t0.data = t2
        t1.add_(10)
        t0.neg_()
    """,
    "a view outlives resize_() of its base": """
        t0 = torch.tensor([1.0, 2.0, 3.0, 4.0])
        t1 = t0[2:]
        t0.resize_((2,))
        t1.fill_(9)
        t0.resize_((2, 2))
    """,
    "a tensor takes the memory that its view shows": """
        t0 = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        t1 = t0[1]
        t0.data = t1
        t1.add_(1)
        t0.mul_(2)
    """,
    "set_() to another tensor's view": """
        t0 = torch.tensor([1.0, 2.0, 3.0, 4.0])
        t1 = torch.tensor([0.0])
        t1.set_(t0[1:3])
        t1.add_(5)
        t0[2] = -1
    """,
    "t_() is no view of itself": """
        t0 = torch.tensor([[1.0, 2.0, 3.0]])
        t0.t_()
        t1 = t0.detach()
        t0.resize_((2,))
        r1 = t0._is_view(), t0._base is None
    """,
    "out= under no_grad keeps the history": """
        w = torch.tensor([1.0, 2.0]).requires_grad_()
        t0 = w * 2
        with torch.no_grad(): torch.add(torch.tensor([1.0, 1.0]), 1, out=t0)
        t1 = t0 * 3
    """,
    "out= resizes within its memory": """
        t0 = torch.tensor([1.0, 2.0, 3.0, 4.0])
        t1 = t0[1:]
        torch.neg(torch.tensor([5.0, 6.0]), out=t0)
    """,
    "a write through a view of a leaf under no_grad": """
        w = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
        with torch.no_grad(): w[0].mul_(2)
        t0 = w.t()
        t1 = w * w
    """,
    "a write into a view of a leaf is refused": """
        w = torch.tensor([1.0, 2.0]).requires_grad_()
        t0 = w[0]
        t0.add_(1)
    """,
    "as_strided over memory of another type": """
        t0 = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex64)
        t1 = t0.real.as_strided((2,), (1,))
        t1.zero_()
        t2 = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(torch.int32).as_strided((2,), (2,), 1)
        t2.fill_(0)
    """,
    "as_strided over a turned base": """
        t0 = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).t()
        t1 = t0.as_strided((2, 2), (1, 2), 1)
        t1 *= 10
    """,
    "a uniform write into expanded memory": """
        t0 = torch.tensor([1.0, 2.0, 3.0])
        t1 = t0[1:].expand(3, 2)
        t1.zero_()
        t1.add_(torch.ones(3, 2))
    """,
    "a write into windows that overlap": """
        w = torch.tensor([1.0, 2.0, 3.0, 4.0]).requires_grad_()
        t0 = w * 1
        t1 = t0.unfold(0, 2, 1)[::2]
        t1.mul_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    """,
    "gradients through a write by way of .data": """
        w = torch.tensor([1.0, 2.0]).requires_grad_()
        t0 = w * 3
        t1 = t0.data
        t1.add_(1)
        t2 = t0[0]
    """,
}

OPERATIONS = {
    "a diagonal of one element written into itself": """
        x0 = torch.tensor([[2.0]])
        y0 = x0.diagonal()
        y0[..., -1] = y0
    """,
    "0-dim tensors are their own mT": """
        x0 = torch.tensor(1.5)
        y0 = x0.mT
        y1 = torch.tensor(1 + 2j).mH
    """,
    "lgamma is 0 at 1 and 2": """
        x0 = torch.tensor([1.0, 2.0, 1.5])
        y0 = torch.lgamma(x0)
        k1 = int(y0.bool().sum())
    """,
    "the gradient of lgamma at 1 and 2": """
        x0 = torch.tensor([1.0, 2.0, 1.5], dtype=torch.float64).requires_grad_()
        y0 = torch.lgamma(x0)
        y0.sum().backward()
    """,
    "softsign of integers is float32": """
        x0 = torch.tensor([-2, 0, 3])
        y0 = F.softsign(x0)
    """,
    "cosine_similarity counts a 0-dim tensor's dtype": """
        x0 = torch.tensor([[1.0, 2.0, 3.0]])
        y0 = F.cosine_similarity(x0, torch.tensor(0.5, dtype=torch.float64), dim=-1)
        y1 = F.mse_loss(F.hardshrink(y0), y0)
    """,
    "a write into a value made midway": """
        x0 = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
        y0 = x0 * 2
        y1 = y0.t()
        y0[0] = 3
        y1.mul_(2)
        (y0.sum() + y1.sum()).backward()
    """,
    "the sign of a quotient rounded to 0": """
        x0 = torch.tensor([-0.3, 0.3, 0.0, -0.0, 2.0])
        y0 = torch.rsqrt(x0 // -1)
        y1 = torch.rsqrt(x0 // 1.0)
    """,
    "0 to complex powers": """
        x0 = torch.tensor([1 + 0j, 0.5 - 2j, -1 + 1j, 2j])
        y0 = 0 ** x0
    """,
    "the gradient of logit": """
        x0 = torch.tensor([-0.3, 0.0, 0.4, 1.0, 1.3], dtype=torch.float64).requires_grad_()
        y0 = torch.logit(x0)
        y1 = torch.logit(x0, eps=0.1)
        (y0 + y1).sum().backward()
    """,
    "losses count a 0-dim tensor's dtype": """
        x0 = torch.tensor([1.0, 2.0])
        x1 = torch.tensor(0.5, dtype=torch.float64)
        y0 = F.mse_loss(x0, x1)
        y1 = F.l1_loss(x1, x0)
        y2 = F.smooth_l1_loss(x0, x1)
        y3 = F.huber_loss(x0, x1)
    """,
    "this loss has the target's dtype": """
        x0 = torch.tensor([1.0, 2.0])
        x1 = torch.tensor([0.5, 1.0], dtype=torch.float16)
        y0 = F.binary_cross_entropy_with_logits(x0, x1)
    """,
    "no kernel is asked about nothing": """
        x0 = torch.zeros(0, 2, dtype=torch.int64)
        y0 = F.softmax(x0, -2)
        y1 = torch.tensor(True).kthvalue(1, 0)[0]
        y2 = torch.tensor(1j).cummax(0)[0]
    """,
    "topk of what is no number, of either sign": """
        x0 = torch.tensor([1.0, 0.0, 1.0, -2.0])
        y0 = torch.xlogy(x0, -1.0)
        y1 = y0.topk(1)[0]
        y2 = (-y0).topk(3)[0]
        y3 = y0.topk(2, largest=False)[0]
    """,
    "kl_div counts a 0-dim tensor's dtype less": """
        x0 = torch.tensor([0.5, 0.25])
        y0 = F.kl_div(torch.tensor(0.5, dtype=torch.float64), x0)
    """,
    "bfloat16 that is not a number comes last": """
        x0 = torch.tensor([-1.677, -0.503, 1.324, 0.5], dtype=torch.bfloat16)
        y0 = torch.log(x0)
        y1 = y0.unique()
    """,
    "both sides of maximum have the gradient of what is not a number": """
        x0 = torch.tensor([-0.133, 2.0], dtype=torch.float64).requires_grad_()
        x1 = torch.tensor([4, 4], dtype=torch.uint8)
        y0 = torch.maximum(torch.asin(x1), x0)
        y0.double().sum().backward()
    """,
    "one more than the greatest byte": """
        x0 = torch.tensor(255, dtype=torch.uint8)
        y0 = F.softsign(x0)
    """,
    "the product along a dimension that is not the first": """
        x0 = torch.tensor([[[0.5, 2.0], [0.25, 3.0]], [[0.125, 5.0], [4.0, 7.0]]], dtype=torch.float64).requires_grad_()
        y0 = x0.prod(-2)
        y0.double().sum().backward()
    """,
    "integer powers beyond six bits": """
        x0 = torch.tensor([63, 64, 90, 127])
        y0 = 2 ** x0
        y1 = -3 ** x0
    """,
    "an index out of range of what has no elements": """
        x0 = torch.tensor([[]])
        y0 = x0 + 0
        y0.index_fill_(0, torch.tensor([1]), 0)
    """,
    "the mode of a single complex number": """
        x0 = torch.tensor(0.5 - 0.75j)
        y0 = x0.mode(0)[0]
    """,
    "the gradient of a loss that is infinite": """
        x0 = torch.tensor([-1.227, -0.126, 3.0], dtype=torch.float64).requires_grad_()
        x1 = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
        y0 = F.smooth_l1_loss(x0, x1.log2())
        y1 = F.huber_loss(x0, x1.log2())
        (y0 + y1).backward()
    """,
    "float_power keeps copies": """
        x0 = torch.tensor(-1.308, dtype=torch.float64).requires_grad_()
        x1 = torch.tensor(3, dtype=torch.uint8)
        y0 = torch.float_power(x0, x1)
        x1 *= -1
        y0.backward()
    """,
    "places lie in memory a row per dimension": """
        x0 = torch.tensor([[4, 0, 3], [1, 4, 2], [2, 0, 1]], dtype=torch.int32)
        y1 = x0.nonzero()
        y3 = y1.flatten()
        y1 *= 2
    """,
    "the cosine of half and float": """
        x1 = torch.tensor([[0, 4, -3], [-4, -3, 3], [1, -3, -4]], dtype=torch.int64)
        y0 = torch.tan(x1)
        y1 = y0.unsqueeze(1)
        y4 = y0.half()
        y5 = F.cosine_similarity(y4, y1, dim=0)
    """,
    "a gradient that is no number stops at what is 0": """
        x0 = torch.tensor(0.436, dtype=torch.float64).requires_grad_()
        y1 = F.softshrink(x0)
        y3 = torch.xlogy(torch.angle(y1), y1)
        (y1 + y3).backward()
    """,
    "a divisor of one number is not rounded to half": """
        x2 = torch.tensor(0.607, dtype=torch.float32)
        y1 = x2.expand(2).to(torch.bfloat16)
        y2 = torch.floor_divide(y1, x2)
        y3 = y1 * x2
    """,
    "nothing is scattered": """
        x0 = torch.tensor(-0.401, dtype=torch.float64)
        y3 = x0.nonzero()
        y5 = y3.amax(0)
        y6 = y5.scatter_add(-1, y5.argsort(-1), y3)
    """,
    "the softmax of no truth values": """
        x0 = torch.tensor(False, dtype=torch.bool)
        y2 = x0.masked_select(x0)
        y3 = F.softmax(y2, 0)
    """,
    "a complex zero to the power of zero": """
        x0 = torch.tensor([0j, 1j, 0j], dtype=torch.complex64)
        x1 = torch.tensor([0, 0, 1], dtype=torch.int64)
        y0 = torch.pow(x0, x1)
        y1 = torch.pow(x0, 0)
    """,
    "the greatest along dimensions in any order": """
        x0 = torch.tensor([[[0.126, -1.439, 0.602], [-0.713, -0.023, -0.433]]], dtype=torch.float64).requires_grad_()
        y0 = x0.amax((2, 1)) + x0.amin((-1, 0)).sum()
        y0.sum().backward()
    """,
    "the sigmoid of what is infinite": """
        x0 = torch.tensor([1.5 - 1.5j], dtype=torch.complex64)
        y0 = torch.addcdiv(x0, x0, torch.tensor([False]))
        y1 = y0.sigmoid()
    """,
    "sigmoids of half floats are rounded once": """
        x0 = torch.tensor([0.499, 1.775, 1.497, -0.284], dtype=torch.bfloat16)
        y0 = x0.sigmoid()
        y1 = torch.round(y0, decimals=1)
    """,
    "unique() cannot be captured": """
        x0 = torch.tensor([3.0, 1.0, 3.0])
        y0 = x0.unique()
    """,
    "from zero away from the infinite": """
        x0 = torch.tensor([-float("inf"), 1.0, 2.0])
        y0 = torch.lerp(torch.zeros_like(x0), x0, -0.5)
        y1 = torch.lerp(torch.zeros_like(x0), x0, torch.tensor([-0.7, -0.4, -0.9]))
    """,
    "nan copied into integers": """
        x0 = torch.tensor([1, -1, 1])
        y0 = torch.digamma(x0)
        y1 = F.one_hot(torch.tensor([1]), 3)
        y1.copy_(y0)
        y2 = y1.half()
    """,
}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("text", ALIASES.values(), ids=ALIASES.keys())
def test_aliases(text):
    aliasing.check(lines(text))


@pytest.mark.parametrize("text", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_operations(text):
    operators.check(lines(text))
