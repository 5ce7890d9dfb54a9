"""The layer structure with its shapes: images as stacked planes, vectors as bars, layers on the arrows."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.model import Model
from .blocks import SIZE, SMALL, TALLEST, draw_loss, draw_planes, draw_vector, length, planes_size
from .branches import branches
from .picture import Picture
from .shapes import batch_text, shape_text
from .stages import Stage, describe_stages, is_chain, read_stages
from .svg import INK, LINE, PAPER, SOFT, Canvas, shortened, text_width

ROOM = 700.0
"""How wide a row of layers may become."""


def layers(network: Model, *, batch: int | str = "N") -> Picture:
    """A network's layers in order, with the shape of every value and the number of parameters.

    Args:
        network: the network, of any layers.
        batch: how the number of samples is written.

    Raises:
        OptionError: where `batch` is no number of samples.
    """
    many = batch_text(batch)
    stages = read_stages(network)
    return _draw(network, stages, many) if is_chain(stages) else branches(network, stages, many)


@dataclass(slots=True)
class _Cell:
    """A stage with its measures: an arrow, then the value's shape."""

    stage: Stage
    above: list[str]
    below: list[str]
    arrow: float
    block: float
    planes: tuple[float, float, int]

    @property
    def width(self) -> float:
        return self.arrow + self.block


def _draw(network: Model, stages: list[Stage], many: str) -> Picture:
    cells = [_cell(stage, many) for stage in stages]
    cells.append(_loss_cell(network))
    rows = _rows(cells, ROOM)
    room = ROOM
    while len(_rows(cells, room - 10)) == len(rows) and room > max(c.width for c in cells):
        room -= 10  # rows of about equal length look better than a short last one
    rows = _rows(cells, room)
    canvas = Canvas()
    y, widest = 0.0, max(sum(c.width for c in row) for row in rows)
    for number, row in enumerate(rows):
        up = max(max(c.planes[1] / 2, 15.0 * len(c.above) + 10) for c in row)
        down = max(max(c.planes[1] / 2 + (40 if c.stage.shape else 6), 14.0 * len(c.below) + 14) for c in row)
        middle = y + up
        x = 0.0
        for place, cell in enumerate(row):
            before = row[place - 1] if place else None
            _draw_arrow(canvas, cell, x, middle, (before.block - before.planes[0]) / 2 - 4 if before else -2)
            x += cell.arrow
            _draw_value(canvas, cell, x, middle, many)
            x += cell.block
        y = middle + down + 26
        if number < len(rows) - 1:  # the way down to the next row
            last = row[-1]
            edge = x - (last.block - last.planes[0]) / 2 + 4
            right, between = widest + 8, y - 14
            next_up = max(max(c.planes[1] / 2, 15.0 * len(c.above) + 10) for c in rows[number + 1])
            next_middle = y + next_up
            way = [
                (edge, middle),
                (right, middle),
                (right, between),
                (-14, between),
                (-14, next_middle),
                (2, next_middle),
            ]
            canvas.line(way, stroke=LINE, dashes="4 3")
    total = f"{network.flat.size:,} parameters in all"
    canvas.text(min(b.left for b in canvas.extents), y + 8, total, size=SMALL, anchor="start", fill=SOFT)
    title = "Layers: " + " - ".join(layer.kind for layer in network.layers)
    return canvas.picture(title, describe_stages(network, stages, many))


def _rows(cells: list[_Cell], room: float) -> list[list[_Cell]]:
    """The cells in rows that are no longer than `room`, unless a cell alone is."""
    rows: list[list[_Cell]] = [[]]
    for cell in cells:
        if rows[-1] and sum(c.width for c in rows[-1]) + cell.width > room:
            rows.append([])
        rows[-1].append(cell)
    return rows


def _cell(stage: Stage, many: str) -> _Cell:
    # padding has a line of its own, as an arrow is as long as its longest line
    above = [shortened(line, 34) for s in stage.said for line in s.replace(", padding", ",\npadding").split("\n")]
    below = [shortened(line, 34) for line in stage.parameters]
    if stage.count:
        below.append(f"{stage.count:,} parameters")
    texts = [(s, SIZE) for s in above] + [(s, SMALL) for s in below]
    arrow = max((text_width(s, size) for s, size in texts), default=-18.0) + 18
    planes = _planes(stage.shape)
    name = text_width(shortened(stage.value), SIZE, bold=True)
    shape = text_width(shape_text(("N", *stage.shape), many), SMALL)
    return _Cell(stage, above, below, arrow, max(planes[0], name, shape) + 14, planes)


def _loss_cell(network: Model) -> _Cell:
    said = network.loss_function.kind
    stage = Stage([said], "L", ())
    return _Cell(stage, [said], [], text_width(said, SIZE) + 18, 62, (36, 36, 0))


def _planes(shape: tuple[int, ...]) -> tuple[float, float, int]:
    """Width and height of the drawing of a value, and how many planes it has (0: a bar)."""
    return (18.0, length(shape[0], 22, TALLEST), 0) if len(shape) == 1 else planes_size(shape)


def _draw_arrow(canvas: Canvas, cell: _Cell, x: float, middle: float, back: float) -> None:
    """The arrow that ends at a value and begins `back` before the cell, where the value before stands."""
    if not cell.arrow:
        return
    gap = (cell.block - cell.planes[0]) / 2
    canvas.line([(x - back, middle), (x + cell.arrow + gap - 5, middle)], stroke=INK, arrow=True)
    centre = x + cell.arrow / 2
    for place, line in enumerate(reversed(cell.above)):
        canvas.text(centre, middle - 9 - 15 * place, line, size=SIZE, halo=PAPER)
    for place, line in enumerate(cell.below):
        canvas.text(centre, middle + 18 + 14 * place, line, size=SMALL, fill=SOFT, halo=PAPER)


def _draw_value(canvas: Canvas, cell: _Cell, x: float, middle: float, many: str) -> None:
    across, down, count = cell.planes
    centre = x + cell.block / 2
    left, top = centre - across / 2, middle - down / 2
    stage = cell.stage
    if not stage.shape:
        draw_loss(canvas, centre, middle, stage.value)
        return
    given = not stage.said
    if count:
        draw_planes(canvas, (left, top), (across, down), count, given=given)
    else:
        draw_vector(canvas, (left, top), (across, down), stage.shape[0], given=given)
    canvas.text(centre, middle + down / 2 + 16, shortened(stage.value), size=SIZE, bold=True)
    canvas.text(centre, middle + down / 2 + 31, shape_text(("N", *stage.shape), many), size=SMALL)
