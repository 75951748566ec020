"""Rows `gpt` and `gpt2`: decoders with norms first that are asked for the next token; clipped AdamW.

`gpt` has 4 layers of width 128 with 4 heads, 64 tokens of 256, batch 12; `gpt2` is GPT-2 124M
(https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf) at batch 16 x
1024, its output layer sharing the words' embedding, without dropout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.benchmarks.recipe import CLIPPED_ADAMW
from tests.benchmarks.row import Row


@dataclass(frozen=True)
class GPT(Row):
    batch: int = 12
    tokens: int = 64
    words: int = 256
    width: int = 128
    heads: int = 4
    layers: int = 4
    tied: bool = False
    large: bool = False
    recipe = CLIPPED_ADAMW

    def batches(self) -> list:
        rng = np.random.default_rng(0)
        made = [rng.integers(0, self.words, (self.batch, self.tokens + 1)).astype(np.int64) for _ in range(4)]
        return [(tokens[:, :-1].copy(), tokens[:, 1:].copy()) for tokens in made]

    def flops(self) -> float:
        """3 x (2 a weight a token, and the two products of attention): PaLM, https://arxiv.org/abs/2204.02311, B."""
        weights = 12 * self.layers * self.width**2 + self.words * self.width
        attention = 2 * self.layers * self.tokens * self.width
        return 6.0 * self.batch * self.tokens * (weights + attention)

    def model(self, lib):
        nn, F = lib.nn, lib.nn.functional
        row, width = self, self.width

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
                self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

            def forward(self, x):
                b, t, _ = x.shape
                q, k, v = (
                    part.view(b, t, row.heads, -1).transpose(1, 2) for part in self.qkv(self.ln1(x)).split(width, dim=2)
                )
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
                x = x + self.proj(y.transpose(1, 2).reshape(b, t, width))
                return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))

        class Decoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.words, self.places = nn.Embedding(row.words, width), nn.Embedding(row.tokens, width)
                self.blocks = nn.Sequential(*[Block() for _ in range(row.layers)])
                self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, row.words, bias=False)
                if row.tied:
                    nn.init.normal_(self.words.weight, std=0.02)
                    self.head.weight = self.words.weight

            def forward(self, tokens):
                x = self.words(tokens) + self.places(lib.arange(tokens.shape[1], device=tokens.device))
                return self.head(self.ln(self.blocks(x)))

        return Decoder()

    def forward(self, p, state, tokens):
        import jax
        import jax.numpy as jnp

        def linear(x, name):
            return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

        def norm(x, name):
            d = x - x.mean(-1, keepdims=True, dtype=jnp.float32)
            d = d * jax.lax.rsqrt((d * d).mean(-1, keepdims=True) + 1e-5)
            return d.astype(x.dtype) * p[f"{name}.weight"] + p[f"{name}.bias"]

        x = p["words.weight"][tokens] + p["places.weight"][: tokens.shape[1]]
        for i in range(self.layers):
            b = f"blocks.{i}"
            parts = jnp.split(linear(norm(x, f"{b}.ln1"), f"{b}.qkv"), 3, -1)
            y = attention(*(part.reshape(*part.shape[:2], self.heads, -1) for part in parts))
            x = x + linear(y.reshape(x.shape), f"{b}.proj")
            x = x + linear(jax.nn.gelu(linear(norm(x, f"{b}.ln2"), f"{b}.up"), approximate=True), f"{b}.down")
        return norm(x, "ln") @ p["words.weight" if self.tied else "head.weight"].T, state


def attention(q, k, v):
    """Causal attention (B, T, N, H): cuDNN's flash attention on an NVIDIA GPU in 16 bits, which is all it takes."""
    import jax

    flash = jax.default_backend() == "gpu" and q.dtype.itemsize == 2
    return jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation="cudnn" if flash else "xla")
