"""python -m tests.loss_curves: see the package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tests.loss_curves.scripts import SCRIPTS

RECORDED = Path(__file__).parents[1] / "data" / "loss_curves.json"
PICTURE = Path(__file__).parents[2] / "docs" / "loss_curves.png"


def draw(curves: dict[str, tuple[list[float], list[float]]]) -> None:
    """The curves of both libraries on each other, one panel for each script."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(curves), figsize=(2.6 * len(curves), 2.4), squeeze=False)
    for panel, (name, (ours, theirs)) in zip(panels[0], curves.items(), strict=True):
        panel.plot(theirs, color="tab:orange", linewidth=3.5, alpha=0.6, label="PyTorch")
        panel.plot(ours, color="black", linewidth=0.8, label="torchlike")
        panel.set_title(name.upper(), fontsize=9)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=7)
    panels[0][0].set_ylabel("loss", fontsize=8)
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def main(arguments: Any = None) -> int:
    """The command."""
    import torch

    import torchlike

    parser = argparse.ArgumentParser(prog="python -m tests.loss_curves", description=__doc__)
    parser.add_argument("scripts", nargs="*", help=f"of {', '.join(SCRIPTS)}; all by default")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--picture", action="store_true", help=f"write {PICTURE.name} in docs")
    parser.add_argument("--record", action="store_true", help=f"write PyTorch's losses to {RECORDED.name}")
    chosen = parser.parse_args(arguments)
    print(f"{'script':8}{'steps':>6}{'torchlike':>13}{'PyTorch':>13}{'apart':>10}{'at most':>10}  generators after")
    curves, worst = {}, 0.0
    for name in chosen.scripts or SCRIPTS:
        ours, theirs = ([*SCRIPTS[name](lib, chosen.steps)] for lib in (torchlike, torch))
        apart = [abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True)]
        same = bytes(torchlike.get_rng_state().numpy()) == bytes(torch.get_rng_state().numpy())
        print(f"{name:8}{chosen.steps:6}{ours[-1]:13.7f}{theirs[-1]:13.7f}{apart[-1]:10.1e}{max(apart):10.1e}  "
              f"{'equal' if same else 'DIFFER'}", flush=True)  # fmt: skip
        curves[name] = (ours, theirs)
        worst = max(worst, apart[-1] if same else float("inf"))
    if chosen.picture:
        draw(curves)
    if chosen.record:
        RECORDED.write_text(json.dumps({name: theirs for name, (_, theirs) in curves.items()}, indent=0) + "\n")
    return 0 if worst <= 1e-4 else 1


if __name__ == "__main__":
    raise SystemExit(main())
