"""The layer structure with its shapes: images as stacked planes, vectors as bars, layers on the arrows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..describe.layers import AvgPool2D, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, Pair, Sum
from ..model.model import Model
from .picture import Picture
from .shapes import batch_text, shape_text
from .svg import BLUE, INK, LINE, PALE_BLUE, PALE_GREY, PAPER, SOFT, Box, Canvas, shortened, text_width

SIZE = 12.5
SMALL = 11
ROOM = 700.0
"""How wide a row of layers may become."""
TALLEST = 96.0
CELLS = 12
"""Up to how many numbers a vector is drawn as cells."""
PLANES = 6


@dataclass(slots=True)
class _Stage:
    """What layers make of what comes in: the arrow's text and the value behind it."""

    said: list[str]
    value: str
    shape: tuple[int, ...]
    parameters: list[str] = field(default_factory=list[str])
    count: int = 0


def layers(network: Model, *, batch: int | str = "N") -> Picture:
    """A network's layers in order, with the shape of every value and the number of parameters.

    Args:
        network: the network, of any layers.
        batch: how the number of samples is written.

    Raises:
        OptionError: where `batch` is no number of samples.
    """
    many = batch_text(batch)
    stages = _stages(network)
    return _draw(network, stages, many)


def _stages(network: Model) -> list[_Stage]:
    """The input, then one stage for every layer that changes the shape, with those that do not behind it."""
    stages = [_Stage([], "x", network.layout.sample_shape)]
    forward = network.program.part("forward")
    for line in network.layout.lines:
        layer = line.layer
        keeps = line.shapes == (line.shape,) and not isinstance(layer, (Dense, Conv2D, Flatten, Sum))
        own = [s.output for s in forward if s.owner.line == line.place]
        value = own[-1] if own else stages[-1].value
        if keeps and len(stages) > 1:
            stages[-1].said.append(f"+ {layer_text(layer)}")
            stages[-1].value = value
        else:
            stages.append(_Stage([layer_text(layer)], value, line.shape))
        for name, parameter in line.parameters.items():
            stages[-1].parameters.append(f"{name} {shape_text(parameter.shape, '')}")
            stages[-1].count += math.prod(parameter.shape)
    return stages


def layer_text(layer: Layer) -> str:
    """A layer with the settings that a figure tells: "Conv2D 2x2, stride 1"."""
    said = layer.kind
    if isinstance(layer, Conv2D):
        said += f" {_by(layer.kernel)}, stride {_once(layer.stride)}"
    elif isinstance(layer, (MaxPool2D, AvgPool2D)):
        said += f" {_by(layer.window)}"
        if _by(layer.step) != _by(layer.window):
            said += f", stride {_once(layer.step)}"
    if isinstance(layer, (Conv2D, MaxPool2D, AvgPool2D)) and layer.padding not in ("valid", 0, (0, 0)):
        said += f", padding {layer.padding if isinstance(layer.padding, str) else _once(layer.padding)}"
    if isinstance(layer, Dropout):
        said += f" {layer.rate:g}"
    return f"{said} {layer.name!r}" if layer.name else said


def _by(size: Pair) -> str:
    down, across = size if isinstance(size, tuple) else (size, size)
    return f"{down}x{across}"


def _once(size: Pair) -> str:
    down, across = size if isinstance(size, tuple) else (size, size)
    return str(down) if down == across else f"{down}x{across}"


# -- drawing -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Cell:
    """A stage with its measures: an arrow, then the value's shape."""

    stage: _Stage
    above: list[str]
    below: list[str]
    arrow: float
    block: float
    planes: tuple[float, float, int]

    @property
    def width(self) -> float:
        return self.arrow + self.block


def _draw(network: Model, stages: list[_Stage], many: str) -> Picture:
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
    return canvas.picture(title, _describe(network, stages, many))


def _rows(cells: list[_Cell], room: float) -> list[list[_Cell]]:
    """The cells in rows that are no longer than `room`, unless a cell alone is."""
    rows: list[list[_Cell]] = [[]]
    for cell in cells:
        if rows[-1] and sum(c.width for c in rows[-1]) + cell.width > room:
            rows.append([])
        rows[-1].append(cell)
    return rows


def _cell(stage: _Stage, many: str) -> _Cell:
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
    stage = _Stage([said], "L", ())
    return _Cell(stage, [said], [], text_width(said, SIZE) + 18, 62, (36, 36, 0))


def _planes(shape: tuple[int, ...]) -> tuple[float, float, int]:
    """Width and height of the drawing of a value, and how many planes it has (0: a bar)."""
    if len(shape) == 1:
        return 18.0, _length(shape[0], 22, TALLEST), 0
    count = min(shape[0], PLANES) if len(shape) == 3 else 1
    height, width = (_length(s, 14, 62) for s in shape[-2:])
    return width + 5.0 * (count - 1), height + 5.0 * (count - 1), count


def _length(size: int, least: float, most: float) -> float:
    """A side's length in the picture: large ones grow ever more slowly, so that small ones can still be seen."""
    return min(most, least + 9 * math.log2(size))


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
    fill, stroke = (PALE_GREY, SOFT) if stage.value == "x" else (PALE_BLUE, BLUE)
    if not stage.shape:  # the loss
        canvas.rectangle(Box(left, top, left + across, top + down), radius=18, stroke=INK, width=1.5)
        canvas.text(centre, middle + 4.5, stage.value, size=SIZE, bold=True)
        return
    if count:
        shift = 5.0
        wide, high = across - shift * (count - 1), down - shift * (count - 1)
        for plane in range(count):
            # the first channel lies in front
            x0, y0 = left + shift * (count - 1 - plane), top + shift * plane
            canvas.rectangle(Box(x0, y0, x0 + wide, y0 + high), radius=1.5, fill=fill, stroke=stroke)
    else:
        canvas.rectangle(Box(left, top, left + across, top + down), radius=2, fill=fill, stroke=stroke)
        size = stage.shape[0]
        if size <= CELLS:
            for place in range(1, size):
                y = top + down * place / size
                canvas.line([(left, y), (left + across, y)], stroke=stroke, width=0.8)
    canvas.text(centre, middle + down / 2 + 16, shortened(stage.value), size=SIZE, bold=True)
    canvas.text(centre, middle + down / 2 + 31, shape_text(("N", *stage.shape), many), size=SMALL)


def _describe(network: Model, stages: list[_Stage], many: str) -> str:
    parts = [f"The input x has shape {shape_text(('N', *stages[0].shape), many)}."]
    for stage in stages[1:]:
        held = f", parameters {', '.join(stage.parameters)} ({stage.count:,})" if stage.count else ""
        shape = shape_text(("N", *stage.shape), many)
        parts.append(f"{' '.join(stage.said)} gives {stage.value} of shape {shape}{held}.")
    parts.append(f"The loss L is {network.loss_function.kind}; {network.flat.size:,} parameters in all.")
    return " ".join(parts)
