"""Specs made of a trace for all sizes against specs traced at their own."""

import numpy as np
import pytest

import torchlike as torch
from torchlike.core import program, symbolic

F = torch.nn.functional
SIZES = (9, 12, 17, 23, 31, 64, 8, 10, 7, 1)  # 64 and 10 are equal to sizes that stay, 7 and 1 too small for a model

PROGRAMS = {
    "pointwise": lambda x, w: torch.tanh(x * w[:, None] + 0.5).exp() / (1 + x**2) - F.gelu(x),
    "activations": lambda x, w: F.silu(x) + F.elu(x) + F.leaky_relu(x) + F.softplus(x) + F.hardtanh(x) + torch.erf(x),
    "sums": lambda x, w: x.sum(1) + x.mean(1) * x.var(1) + x.std(1) + x.norm(dim=1) + torch.logsumexp(x, 1),
    "mean of all": lambda x, w: x.mean() + w.mean() + x.sum(),
    "extremes": lambda x, w: x.amax(1) - x.min(1).values + x.max(1)[0] * x.median(1).values + x.abs().amin(1),
    "softmax": lambda x, w: F.softmax(x, 1) + F.log_softmax(x, -1) + F.softmin(x, 1),
    "attention": lambda x, w: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "products": lambda x, w: (x @ x.transpose(1, 2)) @ x + torch.einsum("bnd,bmd->bnm", x, x) @ x,
    "linear": lambda x, w: F.linear(x, torch.ones(64, 6)).relu().flatten(0, 1),
    "matrix and vector": lambda x, w: x.transpose(1, 2) @ w + torch.mv(x[0].T, w) + torch.dot(w, w),
    "outer": lambda x, w: torch.outer(w, w).triu().tril(2) + torch.eye(len(w)) + torch.diag(w),
    "slices": lambda x, w: x[:, :-1] * x[:, 1:] + x[:, -1:] + x[:, ::2].sum() + x[1, 3].sum(),
    "narrow": lambda x, w: x.narrow(1, 2, x.shape[1] - 3) + x.select(1, 0)[:, None],
    "joins": lambda x, w: torch.cat([x, x[:, :2], w[None, :, None].expand(4, -1, 6)], 1) * 2,
    "stacks": lambda x, w: torch.stack([x, x * 2], 1).flatten(1, 2) + x.repeat(1, 2, 1),
    "chunks": lambda x, w: sum(part.sum() for part in x.split(4, 1)) + x.chunk(3, 1)[0].sum(),
    "shapes": lambda x, w: x.reshape(-1, 3).view(4, -1).unflatten(1, (-1, 6)).permute(1, 0, 2).contiguous(),
    "moves": lambda x, w: x.roll(2, 1) + x.flip(1) + x.movedim(1, 0).movedim(0, 1) + x.squeeze().unsqueeze(0)[0],
    "padding": lambda x, w: F.pad(x, (0, 0, 2, 3)).sum(1) + F.pad(x.transpose(1, 2), (3, 3), mode="reflect").sum(-1),
    "scans": lambda x, w: x.cumsum(1) + x.tanh().cumprod(1) + torch.diff(x, dim=1).sum() + x.logcumsumexp(1),
    "orders": lambda x, w: x.sort(1).values + x.topk(3, 1).values.sum(1, keepdim=True) + x.argsort(1),
    "choices": lambda x, w: torch.where(x > 0, x, w[:, None]) + x.masked_fill(x < -1, 2.0) + x.clamp(-1, 1),
    "indices": lambda x, w: x.gather(1, x.argmax(1, keepdim=True)) + x.index_select(1, torch.tensor([3, 1, 1])).sum(),
    "index tensors": lambda x, w: x[:, torch.arange(x.shape[1] - 1, -1, -1)] + x[0, torch.tensor([1, 0])].sum(),
    "embedding": lambda x, w: F.embedding((x * 3).long().abs() % 9, torch.ones(9, 5)) * w[:, None, None],
    "normalisation": lambda x, w: F.layer_norm(x, (6,)) + F.normalize(x, dim=1) + F.rms_norm(x, (6,)),
    "batch norm": lambda x, w: F.batch_norm(x.transpose(1, 2), None, None, training=True) + F.instance_norm(x.mT),
    "classes": lambda x, w: F.cross_entropy(x.flatten(0, 1), (x.argmax(-1).flatten() + 1) % 6, ignore_index=0),
    "losses": lambda x, w: F.mse_loss(x, x.flip(1)) + F.l1_loss(x, x * 2, reduction="sum") + F.huber_loss(w, w * w),
    "binary losses": lambda x, w: F.binary_cross_entropy_with_logits(x, (x > 0) * 1.0) + F.poisson_nll_loss(w, w),
    "convolution": lambda x, w: F.conv1d(x.transpose(1, 2), torch.ones(5, 6, 3), padding=1).relu(),
    "pooling": lambda x, w: F.max_pool1d(x.mT, 2).sum() + F.avg_pool1d(x.mT, 3).sum() + F.adaptive_max_pool1d(x.mT, 2),
    "unfold": lambda x, w: x.unfold(1, 4, 2).sum(-1) + x.diagonal(dim1=1, dim2=2).sum(),
    "distances": lambda x, w: torch.cdist(x, x) @ x + F.cosine_similarity(x, x.flip(1), dim=-1)[..., None],
    "counts": lambda x, w: F.one_hot(x.argmax(-1), 6) * x + torch.bincount(x.argmax(-1).flatten(), minlength=6),
    "in place": lambda x, w: (x * 1).mul_(2).add_(w[:, None]).clamp_(min=-3)[:, 1:].neg_(),
    "written slices": lambda x, w: _written(x * 1),
    "made": lambda x, w: x.mT + torch.arange(len(w)) + torch.linspace(0, 1, len(w)) + torch.ones_like(w),
    "two sizes": lambda x, w: torch.zeros(x.shape[1] + 5, 3) @ torch.ones(3, x.shape[1]) @ x,
    "interpolation": lambda x, w: F.interpolate(x.mT, scale_factor=2) + F.interpolate(x.mT, 20, mode="linear").mean(),
}  # fmt: skip


def _written(x):
    x[:, 2:] = x[:, 2:] * 3
    x[:, :3] += 1
    return x


def _run(make, size, grads=True):
    rng = np.random.default_rng(size)
    x = torch.tensor(rng.standard_normal((4, size, 6)).astype(np.float32), requires_grad=True)
    w = torch.tensor(rng.standard_normal(size).astype(np.float32), requires_grad=True)
    try:
        y = make(x, w)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return type(error), str(error)
    y.square().sum().backward()
    return [a.numpy() for a in (y.detach(), x.grad, w.grad) if a is not None]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_trace_for_all_sizes_computes_the_same(name, monkeypatch):
    program.forget()
    found = [_run(PROGRAMS[name], size) for size in SIZES]
    monkeypatch.setattr(symbolic, "match", lambda *use: None)
    program.forget()
    for size, got in zip(SIZES, found, strict=True):
        want = _run(PROGRAMS[name], size)
        if isinstance(want, tuple):
            assert got == want
            continue
        for a, b in zip(got, want, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_another_length_is_not_traced():
    def step(n):
        x = torch.arange(4 * n, dtype=torch.float32, requires_grad=True).view(4, n)
        F.softmax(x * 2, 1).cumsum(1)[:, 1:].mean().backward()

    program.forget()
    for n in range(20, 24):
        step(n)
    traces = []
    trace = torch.core.spec.Spec._trace
    torch.core.spec.Spec._trace = lambda self: traces.append(self) or trace(self)
    try:
        for n in range(30, 60):
            step(n)
    finally:
        torch.core.spec.Spec._trace = trace
    assert not traces


def test_a_use_that_was_an_error_is_nobody_elses():
    """What a later use of other sizes is compared with was traced; one that was refused is forgotten."""
    for n in (48, 10**15, 56, 64, 72):
        if n == 10**15:
            with pytest.raises(RuntimeError, match="can't allocate memory"):
                torch.arange(n)
        else:
            assert torch.arange(n).sum().item() == n * (n - 1) // 2
    for n, m in ((40, 40), (48, 40), (56, 56), (64, 64), (72, 72)):
        x, y = torch.ones(n, 9), torch.ones(m, 9)
        if n != m:
            with pytest.raises(RuntimeError, match="must match"):
                torch.addcmul(x, x, y)
        else:
            assert torch.addcmul(x, x, y).sum().item() == 18 * n
