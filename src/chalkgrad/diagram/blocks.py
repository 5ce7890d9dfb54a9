"""How a value looks in the picture of the layers: an image as stacked planes, a vector as a bar, the loss a circle."""

from __future__ import annotations

import math

from .svg import BLUE, INK, PALE_BLUE, PALE_GREY, SOFT, Box, Canvas, Point

SIZE = 12.5
SMALL = 11
TALLEST = 96.0
"""How long a vector's bar becomes."""
CELLS = 12
"""Up to how many numbers a vector is drawn as cells."""
PLANES = 6
SHIFT = 5.0
"""How far one plane lies from the next."""


def length(size: int, least: float, most: float) -> float:
    """A side's length in the picture: large ones grow ever more slowly, so that small ones can still be seen."""
    return min(most, least + 9 * math.log2(size))


def planes_size(shape: tuple[int, ...]) -> tuple[float, float, int]:
    """Width and height of the drawing of an image, and how many planes it has."""
    count = min(shape[0], PLANES) if len(shape) == 3 else 1
    height, width = (length(s, 14, 62) for s in shape[-2:])
    return width + SHIFT * (count - 1), height + SHIFT * (count - 1), count


def _looks(given: bool) -> tuple[str, str]:
    return (PALE_GREY, SOFT) if given else (PALE_BLUE, BLUE)


def draw_planes(canvas: Canvas, corner: Point, size: tuple[float, float], count: int, *, given: bool) -> None:
    """Stacked planes, the first channel in front; `corner` is the upper left one of the whole."""
    (left, top), (across, down) = corner, size
    fill, stroke = _looks(given)
    wide, high = across - SHIFT * (count - 1), down - SHIFT * (count - 1)
    for plane in range(count):
        x, y = left + SHIFT * (count - 1 - plane), top + SHIFT * plane
        canvas.rectangle(Box(x, y, x + wide, y + high), radius=1.5, fill=fill, stroke=stroke)


def draw_vector(canvas: Canvas, corner: Point, size: tuple[float, float], numbers: int, *, given: bool) -> None:
    """A bar, with cells where these can be counted; along its longer side."""
    (left, top), (across, down) = corner, size
    fill, stroke = _looks(given)
    canvas.rectangle(Box(left, top, left + across, top + down), radius=2, fill=fill, stroke=stroke)
    if numbers > CELLS:
        return
    for place in range(1, numbers):
        if down >= across:
            y = top + down * place / numbers
            canvas.line([(left, y), (left + across, y)], stroke=stroke, width=0.8)
        else:
            x = left + across * place / numbers
            canvas.line([(x, top), (x, top + down)], stroke=stroke, width=0.8)


def draw_loss(canvas: Canvas, x: float, y: float, name: str) -> None:
    """A circle with the loss's name."""
    canvas.rectangle(Box(x - 18, y - 18, x + 18, y + 18), radius=18, stroke=INK, width=1.5)
    canvas.text(x, y + 4.5, name, size=SIZE, bold=True)
