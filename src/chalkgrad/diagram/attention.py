"""Attention as squares: which query sees which key, and in a pass how much of it, head by head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ..base.checks import whole
from ..base.digits import significant
from ..base.errors import OptionError
from ..describe.layers import Attention
from ..explain.values import Array, Values
from ..model.lines import Line
from ..model.model import Model
from .picture import Picture
from .stages import settings_text
from .svg import FRAME, INK, LINE, PALE_BLUE, PAPER, SOFT, Box, Canvas, text_width
from .tokens import SIZE, check_tokens, fitting, names_of_steps, spaced

MOST_STEPS = 32
"""So many queries and keys are drawn, the first."""
WITH_NUMBERS = 8
"""Up to so many steps the weights stand in their squares."""
LARGE = 16
"""Up to so many steps the squares are large, and have lines between them."""
ROOM = 860.0
MASKED = "#cfd6db"
DARKEST = (0, 66, 120)
LEVELS = 24
"""How many shades there are."""
WHITE_ABOVE = 0.45
"""Weights above this one are written in white."""
SCALE = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def attention(
    network: Model,
    values: Values | None = None,
    *,
    sample: int = 0,
    tokens: Sequence[str] | None = None,
    steps: int | None = None,
) -> Picture:
    """The attention of every layer that has one: rows are queries, columns are keys.

    Without a pass, which query sees which key. With one, the weights A of one sample in every head: the darker, the
    larger. Masked squares are grey and hatched.

    Args:
        network: a network with `Attention` among its layers.
        values: the values of a pass.
        sample: the sample that is shown, from 0.
        tokens: the text of each id, for the axes; without them steps are numbered.
        steps: how many steps are drawn at most, the first; never more than `MOST_STEPS`.

    Raises:
        OptionError: where the network has no attention, there is no such sample, or the tokens do not fit.
    """
    lines = [line for line in network.layout.lines if isinstance(line.layer, Attention)]
    if not lines:
        raise OptionError("the network has no Attention, so there is no pattern to draw; see its layers, kind 'layers'")
    check_tokens(network, tokens)
    whole("diagram", "sample", sample, 0)
    first = next(iter(network.layout.inputs))
    if values is not None and sample >= len(values[first]):
        raise OptionError(
            f"diagram: there are {len(values[first])} samples, so sample is 0 to {len(values[first]) - 1}"
        )
    return _Drawing(network, values, sample, tokens, min(steps or MOST_STEPS, MOST_STEPS)).draw(lines)


def visible_keys(line: Line, values: Values | None = None, sample: int = 0) -> Array:
    """Which query sees which key, (T, J) booleans; a mask counts where there are values."""
    layer = line.layer
    assert isinstance(layer, Attention)
    queries, keys = line.shapes[0][0], line.shapes[1 if layer.cross else 0][0]
    visible = np.ones((queries, keys), dtype=bool)
    if layer.causal:
        visible &= np.arange(keys) <= np.arange(queries)[:, None]
    if layer.mask is not None and values is not None:
        visible &= values[layer.mask][sample] > 0
    return visible


class _Drawing:
    """Draws the layers one below the other, the heads of each side by side."""

    def __init__(
        self, network: Model, values: Values | None, sample: int, tokens: Sequence[str] | None, most: int
    ) -> None:
        self.network, self.values, self.sample, self.tokens, self.most = network, values, sample, tokens, most
        self.canvas = Canvas()
        self.said: list[str] = []

    def draw(self, lines: Sequence[Line]) -> Picture:
        y = 0.0
        for line in lines:
            y = self._layer(line, y) + 20
        self._legend(y, masked=any(not visible_keys(each, self.values, self.sample).all() for each in lines))
        subject = "the weights of a sample" if self.values is not None else "which query sees which key"
        return self.canvas.picture(f"Attention: {subject}", " ".join(self.said))

    def _name(self, line: Line) -> str:
        """The network's name of the weights A."""
        steps = self.network.program.part("forward")
        return next(s.bound["A"] for s in steps if s.owner.line == line.place) or ""

    def _layer(self, line: Line, y: float) -> float:
        layer = line.layer
        assert isinstance(layer, Attention)
        visible, name = visible_keys(line, self.values, self.sample), self._name(line)
        weights = None if self.values is None else self.values[name][self.sample]
        queries, keys = visible.shape
        visible = visible[: self.most, : self.most]
        cell = 34.0 if max(visible.shape) <= WITH_NUMBERS else 22.0 if max(visible.shape) <= LARGE else 12.0
        rows = self._names(line.sources[0], queries)
        columns = self._names(line.sources[1] if layer.cross else line.sources[0], keys)
        title = f"{line.label}: {name}, {settings_text(layer).strip()}"
        cut = [f"the first {n} of {whole} {of}" for n, whole, of in
               ((visible.shape[0], queries, "queries"), (visible.shape[1], keys, "keys")) if n < whole]  # fmt: skip
        if cut:
            title += f"; {' and '.join(cut)}"
        self.canvas.text(0, y + 12, title, size=12.5, anchor="start", bold=True)
        self._describe(title, visible, weights)
        left = max((text_width(n, SIZE) for n in rows or [str(queries)]), default=0.0) + 6
        panel = (left + cell * visible.shape[1] + 22, cell * visible.shape[0] + 46)
        heads: Sequence[Array | None] = [None] if weights is None else list(weights)
        across = max(1, int(ROOM // panel[0]))
        for head, each in enumerate(heads):
            corner = ((head % across) * panel[0] + left, y + 62 + (head // across) * panel[1])
            above = f"head {head}" if weights is not None else "every head" if layer.heads > 1 else ""
            self._panel(corner, cell, visible, each, (rows, columns), above)
        return y + 62 + math.ceil(len(heads) / across) * panel[1] - 46

    def _names(self, source: int | str, count: int) -> list[str] | None:
        return names_of_steps(self.network, source, count, self.values, self.sample, self.tokens)

    def _panel(
        self,
        corner: tuple[float, float],
        cell: float,
        seen: Array,
        weights: Array | None,
        names: tuple[list[str] | None, list[str] | None],
        title: str,
    ) -> None:
        left, top = corner
        down, across = seen.shape
        self.canvas.text(left, top - 24, title, size=SIZE, anchor="start", fill=SOFT)
        rows = (names[0] or spaced(down, max(cell, SIZE + 2)))[:down]
        columns = fitting(names[1], cell - 1) if names[1] is not None else spaced(across, cell)
        for place, name in enumerate(rows):
            self.canvas.text(left - 6, top + cell * (place + 0.5) + 4, name, size=SIZE, anchor="end")
        for place, name in enumerate(columns[:across]):
            self.canvas.text(left + cell * (place + 0.5), top - 6, name, size=SIZE)
        whole = Box(left, top, left + cell * across, top + cell * down)
        self.canvas.rectangle(whole, fill=MASKED)
        for row in range(down):
            shades = [_shade(weights, (row, j)) if seen[row, j] else None for j in range(across)]
            y, x = top + cell * row, left
            for shade, same in groupby(shades):
                end = x + cell * len(list(same))
                if shade is not None:
                    self.canvas.rectangle(Box(x, y, end, y + cell), fill=shade)
                x = end
        self._hatch(whole, cell, seen)
        if max(seen.shape) <= LARGE:
            self._grid(whole, cell, seen)
        if weights is not None and max(seen.shape) <= WITH_NUMBERS:
            for row, j in np.argwhere(seen):
                weight = float(weights[row, j])
                fill = PAPER if weight > WHITE_ABOVE else INK
                at = (left + cell * (j + 0.5), top + cell * (row + 0.5) + 4)
                self.canvas.text(*at, _percent(weight), size=SIZE, fill=fill)
        self.canvas.rectangle(whole, fill="none", stroke=LINE)

    def _hatch(self, box: Box, cell: float, seen: Array) -> None:
        """A line through every masked square, those of neighbours being one."""
        rows, across = seen.shape
        for total in range(rows + across - 1):
            places = range(max(0, total - rows + 1), min(across, total + 1))
            for masked, same in groupby(places, key=lambda j: not seen[total - j, j]):
                run = list(same)
                if masked:
                    start = (box.left + cell * run[0], box.top + cell * (total - run[0] + 1))
                    end = (box.left + cell * (run[-1] + 1), box.top + cell * (total - run[-1]))
                    self.canvas.line([start, end], stroke=LINE, width=0.8)

    def _grid(self, box: Box, cell: float, seen: Array) -> None:
        for k in range(1, seen.shape[0]):
            self.canvas.line([(box.left, box.top + cell * k), (box.right, box.top + cell * k)], stroke=FRAME, width=0.8)
        for k in range(1, seen.shape[1]):
            self.canvas.line(
                [(box.left + cell * k, box.top), (box.left + cell * k, box.bottom)], stroke=FRAME, width=0.8
            )

    def _legend(self, y: float, *, masked: bool) -> None:
        said = "Rows: the step that asks, by its query. Columns: the step that is asked, by its key."
        self.canvas.text(0, y + 12, said, size=SIZE, anchor="start", fill=SOFT)
        x, y = 0.0, y + 22
        if self.values is None:
            x = self._swatch(x, y, PALE_BLUE, "seen")
        else:
            for weight in SCALE:
                x = self._swatch(x, y, _colour(weight), significant(weight))
        if masked:
            self._swatch(x, y, MASKED, "masked")
            self.canvas.line([(x, y + 14), (x + 14, y)], stroke=LINE, width=0.8)

    def _swatch(self, x: float, y: float, fill: str, said: str) -> float:
        self.canvas.rectangle(Box(x, y, x + 14, y + 14), fill=fill, stroke=LINE, width=0.8)
        self.canvas.text(x + 19, y + 11, said, size=SIZE, anchor="start", fill=SOFT)
        return x + _span(said)

    def _describe(self, title: str, seen: Array, weights: Array | None) -> None:
        self.said.append(f"{title}.")
        if weights is None:
            for row, keys in enumerate(seen):
                said = ", ".join(map(str, np.flatnonzero(keys))) or "none"
                self.said.append(f"Query {row} sees the keys {said}.")
            return
        for head, each in enumerate(weights):
            best = [(row, int(each[row].argmax())) for row in range(len(seen))]
            said = ", ".join(f"{row}: {j} ({significant(float(each[row, j]), 2)})" for row, j in best)
            self.said.append(f"Head {head}, the key with the largest weight for each query: {said}.")


def _span(said: str) -> float:
    """The width of a swatch with its text and the room after it."""
    return 19 + text_width(said, SIZE) + 12


def _shade(weights: Array | None, place: tuple[int, int]) -> str:
    return PALE_BLUE if weights is None else _colour(float(weights[place]))


def _colour(weight: float) -> str:
    """White for 0, dark for 1; by the root of the weight, so that small ones can be told from none."""
    share = round(math.sqrt(min(max(weight, 0.0), 1.0)) * LEVELS) / LEVELS
    return "#" + "".join(f"{round(255 - (255 - c) * share):02x}" for c in DARKEST)


def _percent(weight: float) -> str:
    """A weight in two decimals; less than half a hundredth is 0."""
    return f"{weight:.2f}" if weight >= 0.005 else "0"
