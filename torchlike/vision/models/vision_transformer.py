"""Vision transformers (https://arxiv.org/abs/2010.11929)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder
from torchlike.vision.ops.misc import MLP, Conv2dNormActivation

__all__ = ["VisionTransformer", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32"]

_Layer = Callable[..., nn.Module]
_NORM = partial(nn.LayerNorm, eps=1e-6)


class ConvStemConfig(NamedTuple):
    """One convolution of a stem made of several (https://arxiv.org/abs/2106.14881)."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: _Layer = nn.BatchNorm2d
    activation_layer: _Layer = nn.ReLU


class MLPBlock(MLP):
    """The two linear layers of a transformer block."""

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.normal_(m.bias, std=1e-6)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, local_metadata: dict, *rest: Any) -> None:
        if local_metadata.get("version") in (None, 1):  # older files call the layers linear_1 and linear_2
            for i, layer in enumerate((0, 3), 1):
                for kind in ("weight", "bias"):
                    if (old := f"{prefix}linear_{i}.{kind}") in state_dict:
                        state_dict[f"{prefix}{layer}.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class EncoderBlock(nn.Module):
    """Self attention and two linear layers, each behind a normalisation and beside the identity."""

    def __init__(
        self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float,
        norm_layer: _Layer = _NORM,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(
            hidden_dim, num_heads, dropout=attention_dropout, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        """(N, sequence, hidden) gives the same shape."""
        torch._assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """A learned number added at every place, the blocks, a normalisation."""

    def __init__(
        self, seq_length: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float,
        attention_dropout: float, norm_layer: _Layer = _NORM,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            OrderedDict(
                (
                    f"encoder_layer_{i}",
                    EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer),
                )
                for i in range(num_layers)
            )
        )
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        """(N, sequence, hidden) gives the same shape."""
        torch._assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """(N, 3, image_size, image_size) gives (N, num_classes).

    Args:
        image_size, patch_size: in pixels; the first is a multiple of the second.
        representation_size: of a layer with tanh before the last; none by default.
        conv_stem_configs: several convolutions instead of one of the patch's size.
    """

    def __init__(
        self, image_size: int, patch_size: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int,
        dropout: float = 0.0, attention_dropout: float = 0.0, num_classes: int = 1000,
        representation_size: int | None = None, norm_layer: _Layer = _NORM,
        conv_stem_configs: list[ConvStemConfig] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        torch._assert(image_size % patch_size == 0, "Input shape indivisible by patch size!")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.conv_proj: nn.Module
        if conv_stem_configs is not None:
            self.conv_proj = nn.Sequential()
            channels = 3
            for i, stem in enumerate(conv_stem_configs):
                self.conv_proj.add_module(
                    f"conv_bn_relu_{i}",
                    Conv2dNormActivation(
                        channels, stem.out_channels, stem.kernel_size, stem.stride, norm_layer=stem.norm_layer,
                        activation_layer=stem.activation_layer,
                    ),
                )  # fmt: skip
                channels = stem.out_channels
            last = nn.Conv2d(channels, hidden_dim, kernel_size=1)
            self.conv_proj.add_module("conv_last", last)
        else:
            last = self.conv_proj = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.class_token = nn.Parameter(torch.zeros(1, 1, hidden_dim))
        self.encoder = Encoder(
            self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer
        )
        heads: OrderedDict[str, nn.Module] = OrderedDict()
        if representation_size is not None:
            heads["pre_logits"] = nn.Linear(hidden_dim, representation_size)
            heads["act"] = nn.Tanh()
        heads["head"] = nn.Linear(representation_size or hidden_dim, num_classes)
        self.heads = nn.Sequential(heads)
        if conv_stem_configs is None:
            fan_in = last.in_channels * last.kernel_size[0] * last.kernel_size[1]
            nn.init.trunc_normal_(last.weight, std=math.sqrt(1 / fan_in))
        else:
            nn.init.normal_(last.weight, mean=0.0, std=math.sqrt(2.0 / last.out_channels))
        if last.bias is not None:
            nn.init.zeros_(last.bias)
        if representation_size is not None:
            before: Any = heads["pre_logits"]
            nn.init.trunc_normal_(before.weight, std=math.sqrt(1 / before.in_features))
            nn.init.zeros_(before.bias)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)

    def _process_input(self, x: Tensor) -> Tensor:
        """The patches as a sequence: (N, 3, H, W) gives (N, patches, hidden)."""
        torch._assert(
            tuple(x.shape[2:]) == (self.image_size,) * 2,
            f"Wrong image height or width! Expected {self.image_size} by {self.image_size} but got "
            f"{x.shape[2]} by {x.shape[3]}!",
        )
        return self.conv_proj(x).flatten(2).permute(0, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        x = self._process_input(x)
        x = self.encoder(torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1))
        return self.heads(x[:, 0])


def _vit(patch: int, layers: int, heads: int, hidden: int, mlp: int, kwargs: dict) -> VisionTransformer:
    return VisionTransformer(kwargs.pop("image_size", 224), patch, layers, heads, hidden, mlp, **kwargs)


@builder
def vit_b_16(**kwargs: Any) -> VisionTransformer:
    """ViT base, patches of 16."""
    return _vit(16, 12, 12, 768, 3072, kwargs)


@builder
def vit_b_32(**kwargs: Any) -> VisionTransformer:
    """ViT base, patches of 32."""
    return _vit(32, 12, 12, 768, 3072, kwargs)


@builder
def vit_l_16(**kwargs: Any) -> VisionTransformer:
    """ViT large, patches of 16."""
    return _vit(16, 24, 16, 1024, 4096, kwargs)


@builder
def vit_l_32(**kwargs: Any) -> VisionTransformer:
    """ViT large, patches of 32."""
    return _vit(32, 24, 16, 1024, 4096, kwargs)


@builder
def vit_h_14(**kwargs: Any) -> VisionTransformer:
    """ViT huge, patches of 14."""
    return _vit(14, 32, 16, 1280, 5120, kwargs)
