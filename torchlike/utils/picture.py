"""torch.utils.draw: the graph behind a tensor as a picture, drawn without help of other programs.

Nodes are laid out in layers: a node stands one layer above the highest of those its gradient flows to. Within a layer
they are sorted by the mean place of their neighbours (the barycentre method of Sugiyama, Tagawa and Toda, "Methods for
Visual Understanding of Hierarchical System Structures", 1981).
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from torchlike.core.graph import AccumulateGrad, Node
from torchlike.tensor import Tensor

LIMIT = 2000
"""So many nodes are drawn at most; nobody reads a larger picture."""

_HEIGHT, _GAP, _LAYER, _LETTER, _MARGIN = 26, 18, 62, 7.2, 14
_FILL = {"root": "#cfe8cf", "leaf": "#cfe0f5", "node": "#eeeeee"}
_SWEEPS = 4


class _Box(NamedTuple):
    text: str
    kind: str


class Drawing:
    """A picture of a graph. `svg` is its text; a notebook shows it, `save(path)` writes it.

    `boxes` are its (text, kind) and `arrows` the pairs of indices into them, from result to operand.
    """

    def __init__(self, boxes: list[_Box], arrows: list[tuple[int, int]]):
        self.boxes, self.arrows = boxes, arrows
        self.svg = _svg(boxes, arrows)

    def save(self, path: Any) -> None:
        """Write the picture as an SVG file."""
        Path(path).write_text(self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.boxes)} nodes, {len(self.arrows)} edges>"


def draw(root: Any, params: Mapping[str, Tensor] | None = None) -> Drawing:
    """The graph of `grad_fn` behind a tensor (or several, or a dict of them).

    Args:
        root: what `backward()` would be called on.
        params: names for leaves, such as `dict(model.named_parameters())`; others show their size only.

    Green is what was given, blue are leaves whose `grad` is filled, grey the operations in between. For the program
    that is computed, see `torch.utils.program`.

    Raises:
        RuntimeError: nothing of it requires grad.
        ValueError: the graph has more than 2,000 nodes.

    >>> import torchlike as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> torch.utils.draw((w * 3).sum(), params={"w": w})
    <Drawing of 4 nodes, 3 edges>
    """
    roots = root if isinstance(root, Mapping) else dict(enumerate(root if isinstance(root, tuple | list) else [root]))
    names = {id(p): name for name, p in (params or {}).items()}
    boxes: list[_Box] = []
    arrows: dict[tuple[int, int], None] = {}  # in order; the same operand twice is one arrow
    places: dict[Node, int] = {}
    stack: list[Node] = []

    def place(node: Node) -> int:
        if node not in places:
            if len(boxes) == LIMIT:
                raise ValueError(f"draw(): the graph has more than {LIMIT} nodes; draw a smaller model or fewer steps")
            places[node] = len(boxes)
            boxes.append(_box(node, names))
            stack.append(node)
        return places[node]

    for name, t in roots.items():
        edge = t._edge()
        if edge is None:
            raise RuntimeError("draw(): the tensor does not require grad and does not have a grad_fn")
        title = f"{name} " if isinstance(name, str) else ""
        boxes.append(_Box(f"{title}{_size(t)}", "root"))
        arrows[len(boxes) - 1, place(edge[0])] = None
    while stack:
        node = stack.pop()
        for target, _ in (e for e in node.next_functions if e[0] is not None):
            arrows[places[node], place(target)] = None
    return Drawing(boxes, list(arrows))


def _size(t: Tensor) -> str:
    return f"({', '.join(map(str, t.shape))})"


def _box(node: Node, names: dict[int, str]) -> _Box:
    if isinstance(node, AccumulateGrad):
        leaf = node.variable
        if leaf is None:
            return _Box("(a leaf that is gone)", "leaf")
        return _Box(f"{names.get(id(leaf), '')} {_size(leaf)}".strip(), "leaf")
    return _Box(node.name(), "node")


def _layers(count: int, arrows: list[tuple[int, int]]) -> list[list[int]]:
    """The nodes by layer, what was given on top: each above all it points to."""
    below: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    above: list[list[int]] = [[] for _ in range(count)]
    for a, b in arrows:
        below[a].append(b)
        above[b].append(a)
        waits[a] += 1
    height = [0] * count
    ready = [i for i in range(count) if not waits[i]]
    while ready:
        i = ready.pop()
        for a in above[i]:
            height[a] = max(height[a], height[i] + 1)
            waits[a] -= 1
            if not waits[a]:
                ready.append(a)
    # a leaf would sink to the ground: it belongs right below the lowest node that uses it
    for i in range(count):
        if not below[i] and above[i]:
            height[i] = min(height[a] for a in above[i]) - 1
    top = max(height, default=0)
    layers: list[list[int]] = [[] for _ in range(top + 1)]
    for i, h in enumerate(height):
        layers[top - h].append(i)
    neighbours = [a + b for a, b in zip(above, below, strict=True)]
    for sweep in range(_SWEEPS):
        place = {i: (k + 0.5) / len(layer) for layer in layers for k, i in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            layer.sort(key=lambda i: _mean([place[j] for j in neighbours[i]], place[i]))
            place.update({i: (k + 0.5) / len(layer) for k, i in enumerate(layer)})
    return layers


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _svg(boxes: list[_Box], arrows: list[tuple[int, int]]) -> str:
    widths = [len(b.text) * _LETTER + 16 for b in boxes]
    layers = _layers(len(boxes), arrows)
    lengths = [sum(widths[i] for i in layer) + _GAP * (len(layer) - 1) for layer in layers]
    width = max(lengths) + 2 * _MARGIN
    height = _LAYER * (len(layers) - 1) + _HEIGHT + 2 * _MARGIN
    where: dict[int, tuple[float, float]] = {}  # the middle of the upper edge
    for k, (layer, length) in enumerate(zip(layers, lengths, strict=True)):
        x = (width - length) / 2
        for i in layer:
            where[i] = x + widths[i] / 2, _MARGIN + k * _LAYER
            x += widths[i] + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="12">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    for a, b in arrows:
        (x, y), (to_x, to_y) = where[a], where[b]
        y += _HEIGHT
        bend = (to_y - y) / 2
        parts.append(
            f'<path d="M{x:.1f} {y:.1f} C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}" '
            'fill="none" stroke="#555" marker-end="url(#head)"/>'
        )
    for i, box in enumerate(boxes):
        x, y = where[i]
        parts.append(
            f'<rect x="{x - widths[i] / 2:.1f}" y="{y:.1f}" width="{widths[i]:.1f}" height="{_HEIGHT}" rx="4" '
            f'fill="{_FILL[box.kind]}" stroke="#888"/>'
            f'<text x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle">{escape(box.text)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])
