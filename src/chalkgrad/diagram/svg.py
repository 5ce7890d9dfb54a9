"""A small writer of SVG text: shapes and texts are put on a `Canvas`, which becomes a `Picture`.

Everything is said by attributes of the elements: a style sheet would reach into the page that the picture stands
in, and a marker's id could be another picture's.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..base.text import visible_lines
from .picture import Picture

Point = tuple[float, float]

INK = "#1f2a30"
SOFT = "#51606a"
LINE = "#7b8a94"
PAPER = "#ffffff"
BLUE = "#0b6e99"
PALE_BLUE = "#eaf3f8"
ORANGE = "#a34700"
PALE_GREY = "#f3f5f6"
FRAME = "#d5dce1"
DOT = 2.5
"""Half of a dot's width."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!`", 0.36),
    **dict.fromkeys('frt()[]{}I-/\\" ', 0.44),
    **dict.fromkeys("mwMW@%\u2026\u2014", 1.03),
    **dict.fromkeys("+=<>~^", 0.84),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, from its left upper to its right lower corner."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The area that both cover."""
        if self.right <= other.left or other.right <= self.left or self.bottom <= other.top or other.bottom <= self.top:
            return 0.0  # most are far apart
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across * down if across > 0 and down > 0 else 0.0

    def crossed(self, start: Point, end: Point) -> float:
        """How much of the straight line from `start` to `end` lies inside, as a length (Liang and Barsky, 1984)."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        first, last = 0.0, 1.0
        sides = (
            (-dx, start[0] - self.left), (dx, self.right - start[0]),
            (-dy, start[1] - self.top), (dy, self.bottom - start[1]),
        )  # fmt: skip
        for slope, room in sides:
            if slope == 0:
                if room < 0:
                    return 0.0
            elif slope < 0:
                first = max(first, room / slope)
            else:
                last = min(last, room / slope)
        return (last - first) * math.hypot(dx, dy) if last > first else 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line of text in a look of its own; None is that of the line."""

    text: str
    fill: str | None = None
    bold: bool | None = None


def escaped(text: str) -> str:
    """Text as it may stand in XML, in an element or between quotes; what XML forbids is shown as its escape."""
    text = visible_lines(text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(character, entity)
    return text


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line of text is; rather too wide, as the reader's font is not known."""
    units = 0.0
    for character in text:
        if unicodedata.combining(character):
            continue
        wide = unicodedata.east_asian_width(character) in "WF"
        units += 1.03 if wide else _WIDTHS.get(character, 0.74 if character.isupper() else 0.63)
    return units * size * (1.1 if bold else 1.0)


def shortened(text: str, most: int = 24) -> str:
    """The text in one line of at most so many characters; an ellipsis stands for the rest."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "\u2026"


def _number(value: float) -> str:
    digits = f"{value:.1f}".removesuffix(".0")
    return "0" if digits == "-0" else digits


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


@dataclass(slots=True)
class Canvas:
    """Collects shapes and texts, anywhere in the plane; the picture's size follows from what was drawn."""

    items: list[str] = field(default_factory=list[str])
    extents: list[Box] = field(default_factory=list[Box])

    def _add(self, box: Box, item: str) -> None:
        self.extents.append(box)
        self.items.append(item)

    def rectangle(
        self,
        box: Box,
        *,
        radius: float = 0,
        fill: str = PAPER,
        stroke: str = "none",
        width: float = 1.2,
        dashes: str = "",
    ) -> None:
        """A rectangle with round corners."""
        across, down = box.right - box.left, box.bottom - box.top
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._add(
            box,
            f'<rect x="{_number(box.left)}" y="{_number(box.top)}" width="{_number(across)}" '
            f'height="{_number(down)}" rx="{_number(min(radius, across / 2, down / 2))}" fill="{fill}" '
            f'stroke="{stroke}" stroke-width="{_number(width)}"{dashed}/>',
        )

    def dot(self, x: float, y: float, fill: str = INK) -> None:
        """Where lines part or meet, or a point of a curve."""
        self.rectangle(Box(x - DOT, y - DOT, x + DOT, y + DOT), radius=DOT, fill=fill)

    def line(
        self,
        points: Sequence[Point],
        *,
        stroke: str = LINE,
        width: float = 1.3,
        arrow: bool = False,
        dashes: str = "",
    ) -> None:
        """A line through the points, with an arrowhead at its end where one is asked for."""
        path = list(points)
        head: list[Point] = []
        if arrow:
            (x0, y0), (x1, y1) = path[-2], path[-1]
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            ux, uy = (x1 - x0) / length, (y1 - y0) / length
            foot = (x1 - 8 * ux, y1 - 8 * uy)
            head = [(x1, y1), (foot[0] - 3.6 * uy, foot[1] + 3.6 * ux), (foot[0] + 3.6 * uy, foot[1] - 3.6 * ux)]
            path[-1] = (x1 - 7 * ux, y1 - 7 * uy)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        self._add(
            Box(min(xs), min(ys), max(xs), max(ys)),
            f'<polyline points="{_points(path)}" fill="none" stroke="{stroke}" '
            f'stroke-width="{_number(width)}" stroke-linejoin="round"{dashed}/>',
        )
        if arrow:
            self.items.append(f'<polygon points="{_points(head)}" fill="{stroke}"/>')

    def text(
        self,
        x: float,
        y: float,
        line: str | Sequence[Span],
        *,
        size: float = 12,
        anchor: str = "middle",
        bold: bool = False,
        fill: str = INK,
        halo: str = "",
        hint: str = "",
    ) -> Box:
        """A line of text; returns about where it stands.

        Args:
            x: where the text begins, has its middle or ends, as `anchor` says.
            y: where its letters stand.
            line: the text, or pieces of it.
            size: the height of the letters.
            anchor: what x is: "start", "middle" or "end".
            bold: whether its letters are heavy.
            fill: their colour.
            halo: a colour to put around the letters, so that they can be read on a line.
            hint: what appears where the pointer rests on it.
        """
        spans = [Span(line)] if isinstance(line, str) else list(line)
        across = sum(text_width(s.text, size, bold=bold if s.bold is None else s.bold) for s in spans)
        left = x - {"start": 0.0, "middle": across / 2, "end": across}[anchor]
        box = Box(left, y - 0.95 * size, left + across, y + 0.27 * size)
        looks = [f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" fill="{fill}"']
        if anchor != "start":
            looks.append(f'text-anchor="{anchor}"')
        if bold:
            looks.append('font-weight="600"')
        if halo:
            looks.append(f'stroke="{halo}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"')
        inner = f"<title>{escaped(hint)}</title>" if hint else ""
        self._add(box, f"<text {' '.join(looks)}>{inner}{''.join(map(_span, spans))}</text>")
        return box

    def picture(self, title: str, description: str, margin: float = 16) -> Picture:
        """All that was drawn, on a light panel of its own, so that it can be read on a dark page too."""
        left = math.floor(min(b.left for b in self.extents) - margin)
        top = math.floor(min(b.top for b in self.extents) - margin)
        width = math.ceil(max(b.right for b in self.extents) + margin) - left
        height = math.ceil(max(b.bottom for b in self.extents) + margin) - top
        title = " ".join(title.split())
        body = "\n".join(self.items)
        digest = hashlib.sha256(f"{title}\n{description}\n{body}".encode("utf-8", "replace")).hexdigest()[:12]
        named = f"chalkgrad-{digest}"  # several pictures may stand in one page
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {width} {height}" '
            f'width="{width}" height="{height}" style="max-width:100%;height:auto" role="img" '
            f'aria-labelledby="{named}-title {named}-desc" font-family="{FONT}" font-weight="400" '
            f'font-style="normal" letter-spacing="0" text-anchor="start">\n'
            f'<title id="{named}-title">{escaped(title)}</title>\n'
            f'<desc id="{named}-desc">{escaped(description)}</desc>\n'
            f'<rect x="{left + 0.5}" y="{top + 0.5}" width="{width - 1}" height="{height - 1}" rx="8" '
            f'fill="{PAPER}" stroke="{FRAME}"/>\n'
            f"{body}\n</svg>"
        )
        return Picture(svg, title, width, height)


def _span(span: Span) -> str:
    looks = ""
    if span.fill is not None:
        looks += f' fill="{span.fill}"'
    if span.bold is not None:
        looks += f' font-weight="{600 if span.bold else 400}"'
    return f"<tspan{looks}>{escaped(span.text)}</tspan>" if looks else escaped(span.text)
