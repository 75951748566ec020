"""The scripts: each a function of the library and the number of steps that yields the loss of every step.

Weights, data, shuffles, dropout and noise all come from `torch.manual_seed`; nothing is copied between the libraries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

SCRIPTS: dict[str, Callable] = {}


def _script(fn: Callable) -> Callable:
    SCRIPTS[fn.__name__] = fn
    return fn


def _batches(loader: Any) -> Iterator[Any]:
    return itertools.chain.from_iterable(itertools.repeat(loader))  # epoch after epoch


@_script
def mlp(torch: Any, steps: int) -> Iterator[float]:
    """A perceptron with two hidden layers fits the product of two inputs; SGD with momentum."""
    torch.manual_seed(0)
    nn = torch.nn
    x = torch.rand(512, 2) * 2 - 1
    y = x[:, :1] * x[:, 1:]
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        chosen = torch.randint(0, 512, (64,))
        loss = nn.functional.mse_loss(model(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


@_script
def cnn(torch: Any, steps: int) -> Iterator[float]:
    """A convolutional network tells stripes from chequers in noise; shuffled batches, dropout, Adam."""
    torch.manual_seed(1)
    nn, data = torch.nn, torch.utils.data
    labels = torch.randint(0, 2, (256,))
    rows, columns = torch.arange(12).reshape(12, 1), torch.arange(12)
    stripes, chequers = (rows % 2).expand(12, 12), (rows + columns) % 2
    images = torch.where(labels.reshape(-1, 1, 1) == 0, stripes, chequers).float().unsqueeze(1)
    images = images + torch.randn(256, 1, 12, 12)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(200, 32), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(32, 2),
    )  # fmt: skip
    loader = data.DataLoader(data.TensorDataset(images, labels), batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for image, label in itertools.islice(_batches(loader), steps):
        loss = nn.functional.cross_entropy(model(image), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


@_script
def lstm(torch: Any, steps: int) -> Iterator[float]:
    """An LSTM of two layers with dropout between them goes on with noisy sines; RMSprop, clipped gradients."""
    torch.manual_seed(2)
    nn = torch.nn
    model = nn.LSTM(1, 16, num_layers=2, dropout=0.2, batch_first=True)
    head = nn.Linear(16, 1)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.RMSprop(parameters, lr=1e-3)
    for _ in range(steps):
        phase = torch.rand(16, 1) * 2 * math.pi
        wave = torch.sin(phase + torch.arange(13) * 0.5) + 0.1 * torch.randn(16, 13)
        hidden, _ = model(wave[:, :-1].unsqueeze(-1))
        loss = nn.functional.mse_loss(head(hidden).squeeze(-1), wave[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        yield loss.item()


@_script
def gpt(torch: Any, steps: int) -> Iterator[float]:
    """A small transformer continues sequences that count in steps; dropout, AdamW, a warmed-up learning rate."""
    torch.manual_seed(3)
    nn = torch.nn
    functional = nn.functional
    vocabulary, length, width = 17, 16, 32

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1)
            )

        def forward(self, x):
            batch, t, _ = x.shape
            q, k, v = (part.view(batch, t, 4, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(width, 2))
            dropout = 0.1 if self.training else 0.0
            seen = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
            x = x + self.out(seen.transpose(1, 2).reshape(batch, t, width))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.dropout = nn.Dropout(0.1)
            self.blocks = nn.Sequential(Block(), Block())
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens):
            x = self.dropout(self.token(tokens) + self.place(torch.arange(tokens.shape[1])))
            return self.head(self.norm(self.blocks(x)))

    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 20))
    for _ in range(steps):
        start, pace = torch.randint(0, vocabulary, (16, 1)), torch.randint(1, 4, (16, 1))
        text = (start + pace * torch.arange(length + 1)) % vocabulary
        logits = model(text[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, vocabulary), text[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        yield loss.item()


@_script
def gan(torch: Any, steps: int) -> Iterator[float]:
    """A generator learns a ring of points against a discriminator; two Adams. The loss is that of both together."""
    torch.manual_seed(4)
    nn = torch.nn
    maker = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
    judge = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(32, 1))
    for part in (maker, judge):
        for layer in part:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
    first = torch.optim.Adam(judge.parameters(), lr=5e-4, betas=(0.5, 0.999))
    second = torch.optim.Adam(maker.parameters(), lr=5e-4, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    for _ in range(steps):
        angle = torch.rand(64) * 2 * math.pi
        real = torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(64, 2)
        fake = maker(torch.randn(64, 4))
        loss = criterion(judge(real), torch.ones(64, 1)) + criterion(judge(fake.detach()), torch.zeros(64, 1))
        first.zero_grad()
        loss.backward()
        first.step()
        fooled = criterion(judge(fake), torch.ones(64, 1))
        second.zero_grad()
        fooled.backward()
        second.step()
        yield loss.item() + fooled.item()
