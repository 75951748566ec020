"""What the tests of torchlike.vision and the script that records torchvision's answers share: weights and pictures by
formula, small models. NumPy only; the library under test is passed in."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np


def numbers(shape: tuple, salt: int) -> np.ndarray:
    """Even numbers in -0.5 ... 0.5 without a generator: exact in float32 and the same everywhere."""
    index = np.arange(math.prod(shape), dtype=np.uint64)
    mixed = (index + np.uint64(salt * 7919 + 1)) * np.uint64(2654435761) % np.uint64(2**32)
    mixed = (mixed ^ (mixed >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    return ((mixed >> np.uint64(16)).astype(np.float64) / 65536 - 0.5).astype(np.float32).reshape(shape)


def weights(shapes: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Values for a state_dict of these names and shapes that keep a net's activations near 1."""
    made = {}
    for i, (name, shape) in enumerate(shapes.items()):
        if name.endswith("num_batches_tracked"):
            made[name] = np.zeros(shape, np.int64)
            continue
        x = numbers(shape, i)
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            x = 1 + 0.2 * x
        elif len(shape) > 1:
            x = x * math.sqrt(12 * 1.5 / max(math.prod(shape[1:]), 1))
        else:
            x = 0.2 * x
        made[name] = np.ascontiguousarray(x, np.float32)
    return made


def shapes_of(model: Any) -> dict[str, tuple]:
    return {name: tuple(t.shape) for name, t in model.state_dict().items()}


def fill(torch: Any, model: Any) -> Any:
    """The model with weights by formula, in evaluation mode."""
    model.load_state_dict({k: torch.from_numpy(v) for k, v in weights(shapes_of(model)).items()})
    return model.eval()


def checksums(model: Any) -> list[int]:
    """One number for each parameter's bytes."""
    return [zlib.crc32(p.detach().numpy().tobytes()) for p in model.parameters()]


def picture(height: int, width: int, channels: int = 3, salt: int = 0) -> np.ndarray:
    """A uint8 picture (H, W, C) of slopes, a disc and noise, (H, W) for one channel."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        slope = (x * (3 + c) + y * (5 - c)) * 255 // (8 * max(height, width))
        disc = ((x - width // 2) ** 2 + (y - height // 3) ** 2 < (min(height, width) // 4) ** 2) * (60 + 40 * c)
        noise = (numbers((height, width), salt + c) * 50).astype(np.int64)
        planes.append((slope + disc + noise) % 256)
    made = np.stack(planes, -1).astype(np.uint8)
    return made[..., 0] if channels == 1 else made


def _tiny_efficientnet(m: Any) -> Any:
    e = m.efficientnet
    stages = [
        e.FusedMBConvConfig(1, 3, 1, 8, 8, 1), e.FusedMBConvConfig(4, 3, 2, 8, 16, 2),
        e.MBConvConfig(4, 3, 2, 16, 24, 2, width_mult=1.4, depth_mult=1.2),
    ]  # fmt: skip
    stages[2].input_channels = 16
    return m.EfficientNet(stages, 0.2, num_classes=5)


def _tiny_mobilenet_v3(m: Any) -> Any:
    row = m.mobilenetv3.InvertedResidualConfig
    rows = [row(16, 3, 16, 16, True, "RE", 2, 1, 1.0), row(16, 5, 48, 24, False, "HS", 1, 2, 1.0)]
    return m.MobileNetV3(rows, 32, num_classes=5)


def _narrow_vgg(m: Any) -> Any:
    layers = m.vgg.make_layers([8, "M", 16, 16, "M", 512, "M"], batch_norm=True)
    model = m.VGG(layers, num_classes=5, init_weights=False)
    head = model.classifier  # of 120 million parameters in the nets of the paper
    linear = type(head[0])
    head[0], head[3], head[6] = linear(512 * 7 * 7, 12), linear(12, 9), linear(9, 5)
    return model


TINY: dict[str, Any] = {
    "resnet basic": lambda m: m.ResNet(m.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5, zero_init_residual=True),
    "resnet bottleneck": lambda m: m.ResNet(
        m.resnet.Bottleneck, [1, 1, 2, 1], num_classes=5, groups=4, width_per_group=8,
        replace_stride_with_dilation=[False, True, True],
    ),
    "narrow mobilenet_v2": lambda m: m.MobileNetV2(
        num_classes=5, width_mult=0.35, inverted_residual_setting=[[1, 16, 1, 1], [6, 24, 2, 2]]
    ),
    "mobilenet_v3": _tiny_mobilenet_v3,
    "densenet": lambda m: m.DenseNet(8, (2, 3), 16, bn_size=2, num_classes=5),
    "efficientnet": _tiny_efficientnet,
    "vit": lambda m: m.VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=5, representation_size=12),
    "vit with a stem": lambda m: m.VisionTransformer(
        32, 8, 1, 2, 16, 24, num_classes=5,
        conv_stem_configs=[
            m.vision_transformer.ConvStemConfig(8, 3, 2), m.vision_transformer.ConvStemConfig(8, 3, 2),
            m.vision_transformer.ConvStemConfig(8, 3, 2),
        ],
    ),
    "convnext": lambda m: m.ConvNeXt(
        [m.convnext.CNBlockConfig(8, 16, 1), m.convnext.CNBlockConfig(16, None, 2)], 0.1, num_classes=5
    ),
    "vgg": _narrow_vgg,
    "shufflenet": lambda m: m.ShuffleNetV2([2, 1, 1], [8, 16, 24, 32, 40], num_classes=5),
}  # fmt: skip
"""Small models of each kind, with options that the named ones do not use."""

SMALL = ("squeezenet1_0", "squeezenet1_1", "resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5")
"""Named models that are built and run every day."""
SIDE = {"googlenet": 64, "alexnet": 64}
"""How large the pictures are where 32 is too small."""


def build(models: Any, name: str) -> Any:
    """A tiny model or a named one."""
    if name in TINY:
        return TINY[name](models)
    options = {"init_weights": True} if name == "googlenet" else {}
    if name.startswith("vit"):
        options["image_size"] = 2 * int(name[-2:])
    return getattr(models, name)(num_classes=5, **options)


def batch(name: str) -> np.ndarray:
    """The input of `build(name)`: two pictures by formula."""
    side = 32 if name in TINY else 2 * int(name[-2:]) if name.startswith("vit") else SIDE.get(name, 48)
    return 2 * numbers((2, 3, side, side), 1)
