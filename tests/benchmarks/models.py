"""The rows of the tables: `ROWS` train a model, `PIECES` are programs that train nothing, `SMALL` are shrunk rows.

`model(lib, row)` is a row's model with its first values, `initial(row)` the same values as NumPy arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks import pieces
from tests.benchmarks.gpt import GPT
from tests.benchmarks.lenet import LeNet
from tests.benchmarks.lstm import LSTM
from tests.benchmarks.resnet import FIFTY, ResNet
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting
from tests.benchmarks.small import CNN, MLP

FIFTY_WITH = {"stages": FIFTY, "stem": (64, 7, 2), "wider": 4, "classes": 1000, "large": True}

ROWS: dict[str, Row] = {
    "mlp": MLP(), "cnn": CNN(), "lenet4": LeNet(4), "lenet128": LeNet(128), "lstm": LSTM(), "gpt": GPT(),
    "resnet": ResNet(16, 16), "resnet32": ResNet(32, 32), "wide": MLP(32, (1024, 4096, 4096, 10)),
    "resnet50": ResNet(256, 224, **FIFTY_WITH),
    "gpt2": GPT(16, 1024, 50257, 768, 12, 12, tied=True, large=True),
}  # fmt: skip

SMALL: dict[str, Row] = {
    "lenet128": LeNet(8), "lstm": LSTM(4, 8), "gpt": GPT(2, 16, 32, 32, 2, 2), "resnet": ResNet(2, 8),
    "resnet32": ResNet(4, 8), "wide": MLP(4, (64, 128, 10)),
    "resnet50": ResNet(8, 32, ((8, 1, 1), (16, 2, 2)), (8, 7, 2), wider=4, classes=10, large=True),
    "gpt2": GPT(1, 16, 64, 32, 2, 2, tied=True, large=True),
}  # fmt: skip

PIECES: dict[str, Any] = {
    "chain": pieces.chain, "tiny": pieces.tiny, "reads": pieces.reads, "persample": pieces.persample,
}  # fmt: skip

EVERYDAY = [name for name, row in ROWS.items() if not row.large and name != "wide"] + [*PIECES]
"""The rows of the main table where none are named: a CPU takes minutes for a step of the large ones, and `wide` is
there for its memory."""


def row(name: str, setting: Setting) -> Row:
    return SMALL[name] if setting.small and name in SMALL else ROWS[name]


def model(lib: Any, row: Row) -> Any:
    """The model with its first values, the same in torchlike and PyTorch."""
    lib.manual_seed(0)
    return row.model(lib)


def initial(row: Row) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The first values of the parameters and of the buffers, by name."""
    import torchlike

    net = model(torchlike, row)
    return (
        {name: np.array(p.detach().numpy()) for name, p in net.named_parameters()},
        {name: np.array(b.numpy()) for name, b in net.named_buffers()},
    )
