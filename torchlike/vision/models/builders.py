"""The functions that build models, and the list of them."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Iterable
from typing import Any

from torchlike import nn

BUILDERS: dict[str, Callable[..., nn.Module]] = {}

_NO_WEIGHTS = (
    "{name}(weights={weights!r}): torchlike carries no trained weights. Fetch torchvision's file yourself and load it: "
    'model = {name}(); model.load_state_dict(torch.load("{name}.pth"))'
)


def builder(fn: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """File a function that builds a model under its name, and give it torchvision's arguments."""
    name = fn.__name__

    @functools.wraps(fn)
    def build(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> nn.Module:
        # progress belongs to the download of weights, so without weights it says nothing, as in torchvision
        if weights is None and kwargs.pop("pretrained", False):
            weights = "DEFAULT"
        if weights is not None:
            raise NotImplementedError(_NO_WEIGHTS.format(name=name, weights=weights))
        return fn(**kwargs)

    BUILDERS[name] = build
    return build


def list_models(
    module: Any = None, include: Iterable[str] | str | None = None, exclude: Iterable[str] | str | None = None
) -> list[str]:
    """The names of all models that can be built, in order.

    Args:
        module: only those of this module.
        include, exclude: patterns (`*`, `?`), one or several, that a name must, or must not, match.

    >>> from torchlike.vision import models
    >>> models.list_models(include="vgg1?")
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """

    def any_of(patterns: Iterable[str] | str, name: str) -> bool:
        return any(fnmatch.fnmatch(name, p) for p in ([patterns] if isinstance(patterns, str) else patterns))

    return sorted(
        name
        for name, build in BUILDERS.items()
        if (module is None or build.__module__ == module.__name__)
        and (not include or any_of(include, name))
        and not (exclude and any_of(exclude, name))
    )


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that builds the model of this name; ValueError if there is none."""
    try:
        return BUILDERS[name.lower()]
    except KeyError:
        raise ValueError(f"Unknown model {name.lower()}") from None


def get_model(name: str, **config: Any) -> nn.Module:
    """The model of this name, built with `config`.

    >>> from torchlike.vision import models
    >>> models.get_model("squeezenet1_1", num_classes=10).num_classes
    10
    """
    return get_model_builder(name)(**config)


def make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of `divisor` nearest to `v`, at least `min_value`, and no more than a tenth below `v`."""
    least = divisor if min_value is None else min_value
    rounded = max(least, int(v + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * v else rounded


def init_convolutional(model: nn.Module, mode: str = "fan_out", linear_std: float | None = None) -> None:
    """First weights as the residual nets have them: kaiming normal for convolutions, ones and zeros for normalisation.

    Linear layers are normal with `linear_std` where it is given, and their biases zero.
    """
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode=mode)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.ones_(m.weight)  # type: ignore[arg-type]
            nn.init.zeros_(m.bias)
        elif isinstance(m, nn.Linear) and linear_std is not None:
            nn.init.normal_(m.weight, 0, linear_std)
            nn.init.zeros_(m.bias)
