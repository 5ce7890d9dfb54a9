"""A column of neurons: its nodes, with their labels, numbers and gradients, and what comes into them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .svg import ORANGE, SOFT, Box, Span, shortened


@dataclass(frozen=True, slots=True)
class Shown:
    """One element as the picture shows it: its label, with a trace its number and its gradient, and of what it is."""

    address: str
    label: str
    value: str | None = None
    gradient: str | None = None
    terms: str = ""

    def __str__(self) -> str:
        number = f" = {self.value}" if self.value is not None else ""
        number = f" = {self.terms}{number}" if self.terms else number
        return f"{self.label}{number}" + (f" (gradient {self.gradient})" if self.gradient is not None else "")

    def rows(self, tone: str | None = None) -> list[list[Span]]:
        """Lines of text: the label and the number, and under them the gradient."""
        rows = [[Span(shortened(self.label), tone, bold=True)]]
        if self.value is not None:
            rows[0].append(Span(f" {self.value}"))
        if self.gradient is not None:
            rows.append([Span(f"\u2202 {self.gradient}", fill=ORANGE)])
        if self.terms:
            rows.append([Span(f"= {self.terms}", fill=SOFT)])
        return rows


@dataclass(slots=True)
class Unit:
    """One node: what it computes in order (z, then a), its bias and its target; placed later."""

    stages: list[Shown]
    bias: Shown | None = None
    target: Shown | None = None
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def box(self) -> Box:
        across, down = self.width / 2, self.height / 2
        return Box(self.x - across, self.y - down, self.x + across, self.y + down)


@dataclass(slots=True)
class Column:
    """Units below each other, and what comes into them.

    Attributes:
        kind: "input", "neurons" or "loss".
        heading: what stands above it.
        units: its nodes.
        weights: those from the column before: weights[i][o], None for a bare line.
        paired: whether every unit takes one value of each source.
        joins: whether its units may be drawn in those of its source.
        sources: the places of the columns that it takes values from.
        begins: for each source, the unit that takes its first value.
        value: the name of what it gives.
        top: where its heading begins; None above the whole picture.
    """

    kind: str
    heading: list[str]
    units: list[Unit]
    weights: list[list[Shown | None]] = field(default_factory=list[list["Shown | None"]])
    paired: bool = False
    joins: bool = False
    sources: tuple[int, ...] = ()
    begins: tuple[int, ...] = (0,)
    value: str = ""
    top: float | None = None

    def lines(self, source: int, many: int) -> list[tuple[int, int]]:
        """Which unit of a source, of `many`, goes into which of this column."""
        ends = range(len(self.units))
        if not self.paired:
            return [(i, o) for i in range(many) for o in ends]
        begins = [b for b, s in zip(self.begins, self.sources, strict=True) if s == source]
        return [(i, i + b) for b in dict.fromkeys(begins) for i in range(many)]


def describe(columns: list[Column]) -> str:
    """The same in words."""
    parts: list[str] = []
    for column in columns:
        stages = [", then ".join(map(str, u.stages)) for u in column.units]
        parts.append(f"{' '.join(column.heading)}: {'; '.join(stages)}.")
        biases = [str(u.bias) for u in column.units if u.bias]
        if biases:
            parts.append(f"Biases: {'; '.join(biases)}.")
        targets = [str(u.target) for u in column.units if u.target]
        if targets:
            parts.append(f"Targets: {'; '.join(targets)}.")
        weights = [
            f"{w} from {columns[column.sources[0]].units[i].stages[-1].label} to {column.units[o].stages[0].label}"
            for i, row in enumerate(column.weights)
            for o, w in enumerate(row)
            if w is not None
        ]
        if weights:
            parts.append(f"Weights: {'; '.join(weights)}.")
    return " ".join(parts)
