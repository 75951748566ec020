"""The tables of AutoAugment (https://arxiv.org/abs/1805.09501, appendix): pairs of (operation, probability, magnitude).

A magnitude is an index among ten; None for operations without one.
"""

from __future__ import annotations

_SHORT = {
    "sx": "ShearX", "sy": "ShearY", "tx": "TranslateX", "ty": "TranslateY", "ro": "Rotate", "br": "Brightness",
    "co": "Color", "ct": "Contrast", "sh": "Sharpness", "po": "Posterize", "so": "Solarize", "ac": "AutoContrast",
    "eq": "Equalize", "in": "Invert",
}  # fmt: skip

_IMAGENET = """
po.4.8 ro.6.9 | so.6.5 ac.6 | eq.8 eq.6 | po.6.7 po.6.6 | eq.4 so.2.4 | eq.4 ro.8.8 | so.6.3 eq.6 | po.8.5 eq1.0 |
ro.2.3 so.6.8 | eq.6 po.4.6 | ro.8.8 co.4.0 | ro.4.9 eq.6 | eq.0 eq.8 | in.6 eq1.0 | co.6.4 ct1.0.8 | ro.8.8 co1.0.2 |
co.8.8 so.8.7 | sh.4.7 in.6 | sx.6.5 eq1.0 | co.4.0 eq.6 | eq.4 so.2.4 | so.6.5 ac.6 | in.6 eq1.0 | co.6.4 ct1.0.8 |
eq.8 eq.6
"""
_CIFAR10 = """
in.1 ct.2.6 | ro.7.2 tx.3.9 | sh.8.1 sh.9.3 | sy.5.8 ty.7.9 | ac.5 eq.9 | sy.2.7 po.3.7 | co.4.3 br.6.7 |
sh.3.9 br.7.9 | eq.6 eq.5 | ct.6.7 sh.6.5 | co.7.7 tx.5.8 | eq.3 ac.4 | ty.4.3 sh.2.6 | br.9.6 co.2.8 | so.5.2 in.0 |
eq.2 ac.6 | eq.2 eq.6 | co.9.9 eq.6 | ac.8 so.2.8 | br.1.3 co.7.0 | so.4.5 ac.9 | ty.9.9 ty.7.9 | ac.9 so.8.3 |
eq.8 in.1 | ty.7.9 ac.9
"""
_SVHN = """
sx.9.4 in.2 | sy.9.8 in.7 | eq.6 so.6.6 | in.9 eq.6 | eq.6 ro.9.3 | sx.9.4 ac.8 | sy.9.8 in.4 | sy.9.5 so.2.6 |
in.9 ac.8 | eq.6 ro.9.3 | sx.9.4 so.3.3 | sy.8.8 in.7 | eq.9 ty.6.6 | in.9 eq.6 | ct.3.3 ro.8.4 | in.8 ty.0.2 |
sy.7.6 so.4.8 | in.6 ro.8.4 | sy.3.7 tx.9.3 | sx.1.6 in.6 | so.7.2 ty.6.7 | sy.8.4 in.8 | sx.7.9 ty.8.3 |
sy.8.5 ac.7 | sx.7.2 in.1
"""


def _operation(text: str) -> tuple[str, float, int | None]:
    whole = text[2:].startswith("1")
    probability, *magnitude = text[2:].removeprefix("1").removeprefix(".").split(".")
    return (
        _SHORT[text[:2]],
        1.0 if whole else int(probability) / 10,
        int(magnitude[0]) if magnitude else None,
    )


def table(text: str) -> list[tuple]:
    """The pairs that such a text means."""
    return [tuple(_operation(part) for part in pair.split()) for pair in text.split("|")]


POLICIES = {"imagenet": table(_IMAGENET), "cifar10": table(_CIFAR10), "svhn": table(_SVHN)}
