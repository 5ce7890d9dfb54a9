"""A network drawn as the textbook draws it: neurons in columns, weights on the lines between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..base.address import Address
from ..base.checks import whole
from ..base.errors import OptionError
from ..explain.trace import Trace
from ..formula import Shape
from ..model.model import Model
from .columns import Column, Reader, Shown, Unit, describe, has_neurons, read_columns
from .picture import Picture
from .placing import Tied, spread
from .skips import draw_skips
from .svg import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    PALE_BLUE,
    PALE_GREY,
    PAPER,
    SOFT,
    Box,
    Canvas,
    Point,
    Span,
    shortened,
    text_width,
)
from .tracks import rows_of

MOST_UNITS = 8
MOST_WEIGHTS = 64
SMALL = 11
SIZE = 12.5
ROW = 15.0
"""From one baseline to the next."""
MOST_ROOM = 3.0
"""How far a picture is stretched at most, so that no label stands on another."""
TONES = ("#4a5a66", "#0b6e99", "#7b3fa0", "#2e7031", "#a3123f", "#6b4f3a", "#3f51b5", "#00736a")


def neurons(
    network: Model,
    trace: Trace | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    precision: int = 4,
    sample: int = 0,
) -> Picture:
    """A small network of dense layers as nodes and lines; with a trace, all its numbers and their gradients.

    Args:
        network: the network: Dense, Sum, Flatten and activations.
        trace: one pass of this network, whose numbers are shown.
        labels: other names of elements by address, {"W1[0, 0]": "w1"}; the trace's own if not given.
        precision: significant digits of the numbers.
        sample: which of the trace's samples is shown.

    Raises:
        OptionError: where the network is too large or has other layers, or the trace is another network's.
        UnknownNameError, ShapeError: where a label names an element that there is not.
    """
    precision = whole("diagram", "precision", precision)
    if precision > 17:
        raise OptionError(f"diagram: precision is at most 17 significant digits; it is {precision}")
    _refuse_unsuitable(network)
    if trace is not None:
        _check_trace(network, trace, sample)
    else:
        sample = 0
    reader = Reader(_labels(network, trace, labels), network.layout, trace, sample, precision)
    columns = read_columns(network, reader)
    return _draw(columns, network, reader)


def _refuse_unsuitable(network: Model) -> None:
    instead = "draw its layers instead, kind 'layers'"
    for line in network.layout.lines:
        if not has_neurons(line.layer):
            raise OptionError(f"{line.label} has no neurons that could be drawn one by one; {instead}")
    layout = network.layout
    inputs = {"the input" if len(layout.inputs) == 1 else f"the input {n}": s for n, s in layout.inputs.items()}
    for label, shape in (*inputs.items(), *((line.label, line.shape) for line in layout.lines)):
        size = math.prod(shape)
        if size > MOST_UNITS:
            raise OptionError(f"{label} has {size:,} values, more than the {MOST_UNITS} that can be drawn; {instead}")
    used = [layout.parameters[n].shape for line in layout.lines for n in line.names.values() if n in layout.parameters]
    lines = sum(math.prod(shape) for shape in used if len(shape) == 2)
    if lines > MOST_WEIGHTS:
        raise OptionError(f"the network has {lines} weights, more than the {MOST_WEIGHTS} that can be drawn; {instead}")


def _check_trace(network: Model, trace: Trace, sample: int) -> None:
    if not isinstance(trace, Trace):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"diagram: trace must be a trace, network.trace(x, y), not {type(trace).__name__}")
    shapes: Mapping[str, Shape] = network.program.shapes
    computed = [s.output for s in network.program.part("forward", "loss")]
    for name in (*network.layout.inputs, "y", *network.parameters, *computed):
        wanted = shapes[name]
        came = trace[name].shape if name in trace else None
        if (
            came is None
            or len(came) != len(wanted)
            or any(w not in (c, "N") for w, c in zip(wanted, came, strict=True))
        ):
            raise OptionError(f"diagram: the trace is of another network: its {name} does not fit")
    count = len(trace["y"])
    if whole("diagram", "sample", sample, 0) >= count:
        raise OptionError(f"diagram: sample must be below {count}, the number of samples in the trace; it is {sample}")


def _labels(network: Model, trace: Trace | None, given: Mapping[str, str] | None) -> Mapping[str, str]:
    if given is None:
        return trace.labels if trace is not None else {}
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"diagram: labels must be a table, {{'W1[0, 0]': 'w1'}}, not {type(given).__name__}")
    many = len(trace["y"]) if trace is not None else 2**31
    program = network.program if trace is None else trace.program
    known = {name: tuple(many if s == "N" else int(s) for s in shape) for name, shape in program.shapes.items()}
    known.update({other: known[name] for other, name in program.aliases.items() if name in known})
    found: dict[str, str] = {}
    for address, label in given.items():
        if not isinstance(label, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"diagram: the label of {address} must be text, not {label!r}")
        read = Address.read(address, known)
        found[str(Address(program.aliases.get(read.name, read.name), read.place))] = label
    return found


# -- drawing -------------------------------------------------------------------------------------------------


def _draw(columns: list[Column], network: Model, reader: Reader) -> Picture:
    canvas = Canvas()
    _measure(columns)
    room, gaps = 1.0, _gaps(columns, 1.0)
    while not all(g.roomy for g in gaps) and room < MOST_ROOM:
        room *= 1.12
        gaps = _gaps(columns, room)
    top = min(u.y - u.height / 2 - _above(u) for c in columns for u in c.units)
    for gap in gaps:
        _draw_gap(canvas, gap)
    for column in columns:
        for unit in column.units:
            _draw_unit(canvas, column.kind, unit)
        above = top if column.top is None else column.top
        for row, line in enumerate(reversed(column.heading)):
            canvas.text(column.units[0].x, above - 20 - ROW * row, shortened(line), size=SIZE, bold=True, fill=BLUE)
    draw_skips(canvas, columns)
    bottom = max(b.bottom for b in canvas.extents)
    left = min(b.left for b in canvas.extents)
    for row, line in enumerate(_legend(network, reader)):
        canvas.text(left, bottom + 28 + ROW * row, line, size=SMALL, anchor="start", fill=SOFT)
    sizes = "-".join(str(len(c.units)) for c in columns[:-1])
    title = f"Neurons of a {sizes} network" + (" with the numbers of one pass" if reader.trace else "")
    return canvas.picture(title, describe(columns))


def _measure(columns: list[Column]) -> None:
    for column in columns:
        for unit in column.units:
            rows = [stage.rows() for stage in unit.stages]
            unit.width = max(48.0, max(map(_widest, rows)) + 22)
            unit.height = ROW * sum(map(len, rows)) + 14 + 7 * (len(unit.stages) - 1)
            if unit.height > unit.width and column.kind == "input":
                unit.width = unit.height
        widest = max(u.width for u in column.units)
        for unit in column.units:
            unit.width = widest


def _width(row: Sequence[Span], size: float) -> float:
    return sum(text_width(s.text, size, bold=bool(s.bold)) for s in row)


def _above(unit: Unit) -> float:
    return (ROW * len(_bias_rows(unit)) + 14) if unit.bias else 0.0


def _below(unit: Unit) -> float:
    return 22.0 if unit.target else 0.0


def _bias_rows(unit: Unit) -> list[list[Span]]:
    return unit.bias.rows() if unit.bias else []


def _sizes(rows: Sequence[object]) -> list[float]:
    """The letters' height in every row of a label: the gradient is smaller."""
    return [SIZE if row == 0 else SMALL for row in range(len(rows))]


def _widest(rows: Sequence[Sequence[Span]]) -> float:
    return max((_width(r, size) for r, size in zip(rows, _sizes(rows), strict=True)), default=0.0)


def _weight_size(column: Column) -> tuple[float, float]:
    """The width and height of the largest label on the lines into a column; 0 where there are none."""
    labels = [w.rows() for row in column.weights for w in row if w is not None]
    if not labels:
        return 0.0, 0.0
    return max(map(_widest, labels)), 14.0 * max(map(len, labels))


def _gaps(columns: list[Column], room: float) -> list[_Gap]:
    """Gives every unit its place, with `room` times the usual room for labels; then every line and its label."""
    _place(columns, room)
    obstacles = [b for c in columns for u in c.units for b in _side_boxes(u)]
    return _all_gaps(columns, obstacles)


def _place(columns: list[Column], room: float) -> None:
    """Puts the columns from left to right, each in the middle of the height; branches below each other."""
    pitches: list[float] = []
    users = [[c for c in columns if place in c.sources] for place in range(len(columns))]
    for place, column in enumerate(columns):
        least = max(u.height + _above(u) + _below(u) for u in column.units) + 26
        around = [c for c in (column, *users[place]) if c.weights]
        down = max((_weight_size(c)[1] for c in around), default=0.0)
        pitches.append(max(least, 3.2 * (down + 5)) * math.sqrt(room) if down else least)
    for place, column in enumerate(columns):
        if column.paired:
            alike = [*column.sources, place]
            for other in alike:
                pitches[other] = max(pitches[k] for k in alike)
    ranks = rows_of([column.sources for column in columns])
    groups = [[k for k, r in enumerate(ranks) if r == rank] for rank in range(1 + max(ranks))]
    height = max(_stacked([columns[k] for k in group], [pitches[k] for k in group]) for group in groups)
    x = 0.0
    for rank, group in enumerate(groups):
        inside = [columns[k] for k in group]
        half = max(c.units[0].width for c in inside) / 2
        bias = max((_width(r, SMALL) for c in inside for u in c.units for r in _bias_rows(u)), default=0.0) / 2
        heading = max(text_width(shortened(line), SIZE, bold=True) for c in inside for line in c.heading) / 2
        reach = max(half, bias - 8, heading - 16)
        if rank:
            across = max(_weight_size(c)[0] for c in inside)
            bare = 96 if any(len(c.sources) > 1 for c in inside) else 48
            labelled = sum(w is not None for c in inside for row in c.weights for w in row)
            x += max(across * (1.35 + 0.034 * labelled) + 22, 104) * room + reach if across else bare + reach
        y = -_stacked(inside, [pitches[k] for k in group]) / 2
        for k in group:
            column = columns[k]
            alone = len(group) == 1
            pitch = min(height / len(column.units), 1.7 * pitches[k]) if alone else pitches[k]
            y += 0 if alone or k == group[0] else _headed(column)
            middle = 0.0 if alone else y + pitch * len(column.units) / 2
            for u, unit in enumerate(column.units):
                unit.x = x
                unit.y = middle + (u - (len(column.units) - 1) / 2) * pitch
            if not alone:
                column.top = column.units[0].y - column.units[0].height / 2 - _above(column.units[0])
            y += pitch * len(column.units)
        x += reach


def _stacked(columns: Sequence[Column], pitches: Sequence[float]) -> float:
    """The height of columns below each other."""
    return sum(p * len(c.units) for p, c in zip(pitches, columns, strict=True)) + sum(map(_headed, columns[1:]))


def _headed(column: Column) -> float:
    """The room for a heading between two columns that stand below each other."""
    return ROW * len(column.heading) + 26


def _side_boxes(unit: Unit) -> list[Box]:
    """The places of what stands above and below a node."""
    boxes: list[Box] = []
    if unit.bias:
        across = max(_width(r, SMALL) for r in _bias_rows(unit)) / 2 + 3
        top = unit.y - unit.height / 2
        boxes.append(Box(unit.x - across, top - _above(unit), unit.x + across, top))
    if unit.target:
        across = _width(_target_row(unit.target), SMALL) / 2 + 3
        bottom = unit.y + unit.height / 2
        boxes.append(Box(unit.x - across, bottom, unit.x + across, bottom + 20))
    return boxes


def _target_row(target: Shown) -> list[Span]:
    return [Span("target "), *target.rows()[0]]


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is drawn between two columns: lines, each with a tone, a weight or none, and the weight's place.

    Attributes:
        roomy: whether every label has a place of its own.
    """

    lines: list[list[Point]]
    tones: list[str]
    weights: list[Shown | None]
    places: list[Point]
    roomy: bool


def _all_gaps(columns: list[Column], obstacles: Sequence[Box]) -> list[_Gap]:
    """The lines between the columns of each rank and those of the next."""
    ranks = rows_of([column.sources for column in columns])
    return [_gap(rank, columns, ranks, obstacles) for rank in range(1, 1 + max(ranks))]


def _gap(rank: int, columns: Sequence[Column], ranks: Sequence[int], obstacles: Sequence[Box]) -> _Gap:
    """The lines into the columns of a rank from those of the rank before.

    They are slanted only between the widest nodes of the two, so that they pass under no other node.
    """
    lines: list[list[Point]] = []
    tied: list[Tied] = []
    tones: list[str] = []
    weights: list[Shown | None] = []
    into = [c for c, r in zip(columns, ranks, strict=True) if r == rank]
    left = max(u.box.right for c, r in zip(columns, ranks, strict=True) if r == rank - 1 for u in c.units)
    right = min(u.box.left for c in into for u in c.units) - 2
    for column in into:
        for before in dict.fromkeys(s for s in column.sources if ranks[s] == rank - 1):
            for i, o in column.lines(before, len(columns[before].units)):
                source, target = columns[before].units[i], column.units[o]
                weight = column.weights[i][o] if column.weights else None
                rows = weight.rows() if weight is not None else []
                start, end = (left, source.y), (right, target.y)
                lines.append([(source.box.right, source.y), start, end, (target.box.left - 2, target.y)])
                tied.append(Tied(start, end, _widest(rows), 14.0 * len(rows)))
                # every unit's lines have a tone of their own, so that they can be followed through the crossings
                tones.append(LINE if weight is None else TONES[i % len(TONES)])
                weights.append(weight)
    places, roomy = spread(tied, obstacles)
    return _Gap(lines, tones, weights, places, roomy)


def _draw_gap(canvas: Canvas, gap: _Gap) -> None:
    for line, tone in zip(gap.lines, gap.tones, strict=True):
        canvas.line(list(dict.fromkeys(line)), stroke=tone, arrow=True)
    for (x, y), tone, weight in zip(gap.places, gap.tones, gap.weights, strict=True):
        if weight is not None:
            _rows(canvas, x, y, weight.rows(tone), weight, 14.0, halo=PAPER)


def _rows(
    canvas: Canvas, x: float, y: float, rows: list[list[Span]], shown: Shown, step: float, halo: str = ""
) -> None:
    """Lines of text around the middle (x, y)."""
    hint = shown.address if shown.label == shown.address else f"{shown.label}: {shown.address}"
    first = y - step * (len(rows) - 1) / 2 + 0.36 * SIZE
    sizes = _sizes(rows)
    if halo:  # the lines underneath end at the text: one that runs through it could be read as a minus sign
        for row, line in enumerate(rows):
            across, middle = _width(line, sizes[row]) / 2, first + step * row - 0.36 * sizes[row]
            canvas.rectangle(Box(x - across, middle - step / 2, x + across, middle + step / 2), radius=3, fill=halo)
    for row, (line, size) in enumerate(zip(rows, sizes, strict=True)):
        canvas.text(x, first + step * row, line, size=size, halo=halo, hint=hint)


def _draw_unit(canvas: Canvas, kind: str, unit: Unit) -> None:
    box = unit.box
    looks = {"input": (PALE_GREY, SOFT), "neurons": (PALE_BLUE, BLUE), "loss": (PAPER, INK)}
    fill, stroke = looks[kind]
    canvas.rectangle(box, radius=24, fill=fill, stroke=stroke, width=1.5)
    y = box.top + 7
    for place, stage in enumerate(unit.stages):
        rows = stage.rows()
        if place:
            canvas.line([(box.left, y + 3.5), (box.right, y + 3.5)], stroke=stroke, width=1)
            y += 7
        _rows(canvas, unit.x, y + ROW * len(rows) / 2, rows, stage, ROW)
        y += ROW * len(rows)
    if unit.bias:
        rows = _bias_rows(unit)
        for row, line in enumerate(rows):
            base = box.top - 16 - ROW * (len(rows) - 1 - row)
            canvas.text(unit.x, base, line, size=SMALL, halo=PAPER, hint=f"bias {unit.bias.address}")
        canvas.line([(unit.x, box.top - 12), (unit.x, box.top - 1)], arrow=True)
    if unit.target:
        canvas.text(
            unit.x, box.bottom + 16, _target_row(unit.target), size=SMALL, fill=SOFT, halo=PAPER,
            hint=unit.target.address,
        )  # fmt: skip


def _legend(network: Model, reader: Reader) -> list[str | list[Span]]:
    if reader.trace is None:
        return []
    loss = shortened(reader.labels.get("L", "L"))
    lines: list[str | list[Span]] = [
        [
            Span("\u2202", fill=ORANGE, bold=True),
            Span(f" is the gradient: the derivative of {loss} by what it stands under."),
        ]
    ]
    count = reader.samples
    if count > 1:
        shown = f"Sample {reader.sample} of {count}, counted from 0"
        lines.append(f"{shown}; the gradients of weights and biases are of all samples.")
    return lines
