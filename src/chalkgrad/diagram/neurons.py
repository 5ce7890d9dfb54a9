"""A network drawn as the textbook draws it: neurons in columns, weights on the lines between them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..base.address import Address
from ..base.checks import whole
from ..base.errors import OptionError
from ..explain.trace import Trace
from ..formula import Shape
from ..model.model import Model
from .column import Column, Shown, Unit, describe
from .columns import Reader, has_neurons, read_columns
from .gaps import Gap, roomy_gaps
from .node_places import ROW, SIZE, SMALL, bias_rows, letter_sizes, measure, room_above, row_width, target_row
from .picture import Picture
from .skips import draw_skips
from .svg import (
    BLUE,
    INK,
    ORANGE,
    PALE_BLUE,
    PALE_GREY,
    PAPER,
    SOFT,
    Box,
    Canvas,
    Span,
    shortened,
)

MOST_UNITS = 8
MOST_WEIGHTS = 64


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
    refuse_unsuitable(network)
    if trace is not None:
        _check_trace(network, trace, sample)
    else:
        sample = 0
    reader = Reader(_labels(network, trace, labels), network.layout, trace, sample, precision)
    columns = read_columns(network, reader)
    return _draw(columns, network, reader)


def refuse_unsuitable(network: Model) -> None:
    """Refuses a network that is too large to be drawn neuron by neuron, or has other layers.

    Raises:
        OptionError: which layer it is, and what to draw instead.
    """
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
        shape = shapes[name]
        came = trace[name].shape if name in trace else None
        if came is None or len(came) != len(shape) or any(w not in (c, "N") for w, c in zip(shape, came, strict=True)):
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
    shapes = {name: tuple(many if s == "N" else int(s) for s in shape) for name, shape in program.shapes.items()}
    shapes.update({other: shapes[name] for other, name in program.aliases.items() if name in shapes})
    labels: dict[str, str] = {}
    for address, label in given.items():
        if not isinstance(label, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"diagram: the label of {address} must be text, not {label!r}")
        read = Address.read(address, shapes)
        labels[str(Address(program.aliases.get(read.name, read.name), read.place))] = label
    return labels


# -- drawing -------------------------------------------------------------------------------------------------


def _draw(columns: list[Column], network: Model, reader: Reader) -> Picture:
    canvas = Canvas()
    measure(columns)
    gaps = roomy_gaps(columns)
    top = min(u.y - u.height / 2 - room_above(u) for c in columns for u in c.units)
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


def _draw_gap(canvas: Canvas, gap: Gap) -> None:
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
    sizes = letter_sizes(rows)
    if halo:  # the lines underneath end at the text: one that runs through it could be read as a minus sign
        for row, line in enumerate(rows):
            across, middle = row_width(line, sizes[row]) / 2, first + step * row - 0.36 * sizes[row]
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
        rows = bias_rows(unit)
        for row, line in enumerate(rows):
            base = box.top - 16 - ROW * (len(rows) - 1 - row)
            canvas.text(unit.x, base, line, size=SMALL, halo=PAPER, hint=f"bias {unit.bias.address}")
        canvas.line([(unit.x, box.top - 12), (unit.x, box.top - 1)], arrow=True)
    if unit.target:
        canvas.text(
            unit.x, box.bottom + 16, target_row(unit.target), size=SMALL, fill=SOFT, halo=PAPER,
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
        text = f"Sample {reader.sample} of {count}, counted from 0"
        lines.append(f"{text}; the gradients of weights and biases are of all samples.")
    return lines
