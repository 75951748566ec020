"""Row `gpt`: 4 layers of width 128 with 4 heads, 64 tokens of 256, norms first; the next token is asked for."""

from __future__ import annotations

import numpy as np

BATCH, TOKENS, WORDS, WIDTH, HEADS, LAYERS = 8, 64, 256, 128, 4, 4


def batches() -> list:
    rng = np.random.default_rng(0)
    made = [rng.integers(0, WORDS, (BATCH, TOKENS + 1)).astype(np.int64) for _ in range(4)]
    return [(tokens[:, :-1].copy(), tokens[:, 1:].copy()) for tokens in made]


def model(lib):
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            b, t, _ = x.shape
            q, k, v = (
                part.view(b, t, HEADS, -1).transpose(1, 2) for part in self.qkv(self.ln1(x)).split(WIDTH, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.proj(y.transpose(1, 2).reshape(b, t, WIDTH))
            return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(TOKENS, WIDTH)
            self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
            self.ln, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS, bias=False)

        def forward(self, tokens):
            x = self.words(tokens) + self.places(lib.arange(tokens.shape[1]))
            return self.head(self.ln(self.blocks(x)))

    return GPT()


def forward(p, state, tokens):
    import jax
    import jax.numpy as jnp

    def linear(x, name):
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def norm(x, name):
        d = x - x.mean(-1, keepdims=True)
        return d * jax.lax.rsqrt((d * d).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    x = p["words.weight"][tokens] + p["places.weight"][: tokens.shape[1]]
    mask = jnp.tril(jnp.ones((tokens.shape[1], tokens.shape[1]), bool))
    for i in range(LAYERS):
        b = f"blocks.{i}"
        parts = jnp.split(linear(norm(x, f"{b}.ln1"), f"{b}.qkv"), 3, -1)
        q, k, v = (part.reshape(*part.shape[:2], HEADS, -1) for part in parts)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (WIDTH // HEADS) ** 0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), -1)
        x = x + linear(jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape), f"{b}.proj")
        x = x + linear(jax.nn.gelu(linear(norm(x, f"{b}.ln2"), f"{b}.up"), approximate=True), f"{b}.down")
    return norm(x, "ln") @ p["head.weight"].T, state
