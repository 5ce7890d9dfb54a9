"""Where labels stand along the lines that they belong to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .svg import Box, Point

STEPS = 41
"""How many places along a line are tried."""
CLEAR = 5.0
"""The room kept between two labels."""
TRIES = 12
"""In how many orders the labels are placed, where the first does not keep them apart."""
BLOCKED = 1e5
"""What it costs to stand on something that is no line."""
COVERED = 100.0
"""What every square pixel costs that two labels share."""


@dataclass(frozen=True, slots=True)
class Tied:
    """A line from `start` to `end` and the size of the label that belongs on it; a size of 0 is no label."""

    start: Point
    end: Point
    width: float
    height: float


def spread(lines: Sequence[Tied], obstacles: Sequence[Box] = ()) -> tuple[list[Point], bool]:
    """The middle of every line's label, such that labels cover each other, and other lines, as little as can be.

    Also says whether there is room: no label stands on another, or on an obstacle, or beyond its line.

    Where all labels can stand side by side at the same share of their lines they do, as that looks best;
    otherwise each goes where it is least in the way of the others.
    """
    shares = [0.06 + 0.88 * i / (STEPS - 1) for i in range(STEPS)]
    labelled = [i for i, line in enumerate(lines) if line.width]
    boxes = {i: [_box(lines[i], share) for share in shares] for i in labelled}
    # what does not depend on the other labels is worked out once
    alone = {i: [_alone(i, lines, box, obstacles) for box in boxes[i]] for i in labelled}

    def together(chosen: dict[int, int]) -> float:
        pairs = itertools.combinations(labelled, 2)
        return sum(boxes[i][chosen[i]].overlap(boxes[j][chosen[j]]) for i, j in pairs)

    def cost(chosen: dict[int, int]) -> float:
        return sum(alone[i][k] for i, k in chosen.items()) + COVERED * together(chosen)

    rows = [dict.fromkeys(labelled, k) for k in range(STEPS)]
    if labelled:
        best = min(rows, key=cost)
        if cost(best) < 12 * len(labelled):
            return _middles(lines, shares, best), True
    tries: list[dict[int, int]] = [] if labelled else [{}]
    for start in range(min(len(labelled), TRIES)):
        order = sorted(labelled, key=lambda i: ((i * (2 * start + 1) + start) % len(lines), i))
        tries.append(_settle(order, boxes, alone))
        if not together(tries[-1]):
            break
    best = min(tries, key=cost)
    return _middles(lines, shares, best), not together(best) and all(alone[i][k] < BLOCKED for i, k in best.items())


def _settle(order: Sequence[int], boxes: Mapping[int, list[Box]], alone: Mapping[int, list[float]]) -> dict[int, int]:
    """Puts one label after the other where it costs least, again and again until none moves."""
    places: dict[int, int] = {}
    reach = {i: _around(boxes[i]) for i in order}
    for _ in range(8):
        before = dict(places)
        for i in order:
            others = [o for j, k in places.items() if j != i and reach[i].overlap(o := boxes[j][k])]
            costs = [
                price + COVERED * sum(box.overlap(other) for other in others)
                for box, price in zip(boxes[i], alone[i], strict=True)
            ]
            places[i] = costs.index(min(costs))
        if places == before:
            break
    return places


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of some."""
    left, top = min(b.left for b in boxes), min(b.top for b in boxes)
    return Box(left, top, max(b.right for b in boxes), max(b.bottom for b in boxes))


def _alone(i: int, lines: Sequence[Tied], box: Box, obstacles: Sequence[Box]) -> float:
    """What a place costs by itself: other lines under the label, things in the way, distance from the middle."""
    line = lines[i]
    crossed = sum(box.crossed(o.start, o.end) for j, o in enumerate(lines) if j != i)
    in_the_way = BLOCKED * any(box.overlap(o) for o in obstacles)
    middle = (line.start[0] + line.end[0]) / 2
    outside = BLOCKED * (box.left < line.start[0] + 4 or box.right > line.end[0] - 10)
    return crossed + in_the_way + outside + 0.05 * abs((box.left + box.right) / 2 - middle)


def _box(line: Tied, share: float) -> Box:
    x, y = _at(line, share)
    across, down = line.width / 2 + CLEAR / 2, line.height / 2 + CLEAR / 2
    return Box(x - across, y - down, x + across, y + down)


def _at(line: Tied, share: float) -> Point:
    (x0, y0), (x1, y1) = line.start, line.end
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _middles(lines: Sequence[Tied], shares: Sequence[float], chosen: dict[int, int]) -> list[Point]:
    return [_at(line, shares[chosen[i]] if i in chosen else 0.5) for i, line in enumerate(lines)]
