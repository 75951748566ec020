"""A step length that satisfies the strong Wolfe conditions.

J. Nocedal and S. Wright, Numerical Optimization, algorithms 3.5 and 3.6: steps grow until they bracket a good one, then
the bracket shrinks by cubic interpolation. Constants and stopping rules are PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the line: the step, the loss there, the gradient, and its slope along the line."""

    step: float
    loss: float
    gradient: Any
    slope: float


def cubic_minimum(a: Point, b: Point, low: float | None = None, high: float | None = None) -> float:
    """Where the cubic through both places with their slopes is least, kept within the bounds."""
    if low is None or high is None:
        low, high = min(a.step, b.step), max(a.step, b.step)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2
    if a.step > b.step:
        a, b = b, a
    d2 = math.sqrt(square)
    below = b.slope - a.slope + 2 * d2
    if not below:
        return (low + high) / 2
    best = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / below)
    return min(max(best, low), high)


def strong_wolfe(
    at: Callable[[float], Point], start: Point, step: float, widest: float, tolerance: float = 1e-9, most: int = 25,
    c1: float = 1e-4, c2: float = 0.9,
) -> tuple[Point, int]:  # fmt: skip
    """(the place found, how often the loss was computed). `widest` is the largest element of the direction."""

    def too_high(p: Point) -> bool:
        return p.loss > start.loss + c1 * p.step * start.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -c2 * start.slope

    before, now = start, at(step)
    calls, rounds = 1, 0
    bracket: list[Point] = []
    while rounds < most:
        if too_high(now) or rounds > 1 and now.loss >= before.loss:
            bracket = [before, now]
            break
        if flat(now):
            return now, calls
        if now.slope >= 0:
            bracket = [before, now]
            break
        step = cubic_minimum(before, now, now.step + 0.01 * (now.step - before.step), now.step * 10)
        before, now = now, at(step)
        calls += 1
        rounds += 1
    if not bracket:
        return min((start, now), key=lambda p: p.loss), calls
    stuck = False
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    while rounds < most:
        left, right = min(p.step for p in bracket), max(p.step for p in bracket)
        if (right - left) * widest < tolerance:
            break
        step = cubic_minimum(bracket[0], bracket[1])
        margin = 0.1 * (right - left)
        if min(right - step, step - left) < margin:
            if stuck or step >= right or step <= left:
                step = right - margin if abs(step - right) < abs(step - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = at(step)
        calls += 1
        rounds += 1
        if too_high(now) or now.loss >= bracket[low].loss:
            bracket[high] = now
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        done = flat(now)
        if not done and now.slope * (bracket[high].step - bracket[low].step) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = now
        if done:
            break
    return bracket[low], calls
