"""The table of training steps as bars."""

from __future__ import annotations

from tests.benchmarks.contenders import CONTENDERS, EAGER, HAND


def draw(results: dict[str, dict[str, float]], path: str) -> None:
    """Bars of the time of a step by PyTorch eager's, or by the hand-written step's where PyTorch is missing."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    base = EAGER if any(EAGER in medians for medians in results.values()) else HAND
    shown = [c for c in CONTENDERS if c != base and any(c in medians for medians in results.values())]
    width = 0.8 / max(1, len(shown))
    figure, axes = plt.subplots(figsize=(max(6, 1.2 + 1.2 * len(results)), 4), layout="constrained")
    for i, which in enumerate(shown):
        places = [(at + width * (i - (len(shown) - 1) / 2), medians[which] / medians[base])
                  for at, medians in enumerate(results.values()) if which in medians and base in medians]  # fmt: skip
        if places:
            at, ratios = zip(*places, strict=True)
            axes.bar(at, [r - 1 for r in ratios], width=width, bottom=1, label=which)  # up: slower, down: faster
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(range(len(results)), list(results))
    axes.set_ylabel(f"time / {base}")
    figure.legend(loc="outside upper center", fontsize="small", ncols=4)
    figure.savefig(path, dpi=120)
    plt.close(figure)
