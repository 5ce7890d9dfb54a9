"""Figures that a document prints, what correct back-propagation gives, and what explains the difference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.columns import table
from ..base.digits import significant
from ..base.errors import DataError, ShapeError

Array = np.ndarray[Any, Any]
Value = float | Array

ALL_DIGITS = 15
"""From so many significant digits on, a number is taken to be printed with all that float64 has."""
SUMMATION = 4e-15
"""The relative difference that another order of summation may make in float64."""
FORMULA = 1e-12
"""How far, relative to its largest element, a formula may be from the value it is a formula for."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One figure of a document: a number, a row or a matrix; or one of its formulas; or an addition of ours.

    Attributes:
        name: what the document calls it.
        printed: the numbers as they are printed, row by row; None where the document prints none.
        correct: what correct back-propagation gives; None where nobody can know.
        mistaken: where that is not what is printed, what the document's own calculation gives.
        mistake: what is wrong with it, one sentence without a full stop.
        note: anything else worth knowing, as one sentence without a full stop.
        formula: where the document has a formula or code and no number, what that gives, taken at its word.
        mended: what the formula gives without the mistake.
        lost: why the printed numbers cannot be calculated again, where that is so.
        tolerance: the relative difference allowed to numbers printed with all digits.
        shape: the shape of what is printed; () for a number.
    """

    name: str
    printed: tuple[str, ...] | None
    correct: Value | None
    mistaken: Value | None = None
    mistake: str = ""
    note: str = ""
    formula: Value | None = None
    mended: Value | None = None
    lost: str = ""
    tolerance: float = SUMMATION
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        values = [v for v in (self.correct, self.mistaken, self.formula, self.mended) if v is not None]
        if values:
            object.__setattr__(self, "shape", np.shape(values[0]))
        if any(np.shape(v) != self.shape for v in values):
            raise ShapeError(f"{self.name}: values of different shapes, {[np.shape(v) for v in values]}")
        if self.printed is not None and len(self.printed) != math.prod(self.shape):
            raise ShapeError(f"{self.name}: {len(self.printed)} numbers are printed, but the shape is {self.shape}")

    @property
    def agrees(self) -> bool:
        """Whether the correct value is what the document has.

        Printed numbers: whether each equals the correct one at the digits printed. Those of one row or matrix
        share the number of decimals, as NumPy prints them. Numbers printed with all digits of float64 (15 or
        more) may differ by `tolerance`, since another order of summation changes the last digits. Formulas:
        whether they give the correct value but for rounding.
        """
        return self._prints(self.correct) if self.formula is None else self._gives(self.formula)

    @property
    def explained(self) -> bool:
        """Whether the correct value is another, and the named mistake makes the difference.

        Printed numbers: the calculation with the mistake gives them. Formulas: without it they are correct.
        """
        if self.agrees or not self.mistake:
            return False
        return self._prints(self.mistaken) if self.formula is None else self._gives(self.mended)

    @property
    def reproduced(self) -> bool:
        """Whether what the document has comes out, correctly or by the named mistake."""
        return self.agrees or self.explained

    @property
    def ours(self) -> bool:
        """Whether it is an addition, of which the document has neither number nor formula."""
        return self.printed is None and self.formula is None

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
        if self.ours:
            return "not in the document"
        if self.agrees:
            return "same"
        if self.explained:
            return f"not the same: {self.mistake}"
        if self.lost:
            return f"not reproducible: {self.lost}"
        return "not the same, and not explained"

    def _gives(self, value: Value | None) -> bool:
        if value is None or self.correct is None:
            return False
        correct = np.asarray(self.correct)
        return bool(np.max(np.abs(np.asarray(value) - correct)) <= FORMULA * np.max(np.abs(correct)))

    def _prints(self, value: Value | None) -> bool:
        if value is None or self.printed is None:
            return False
        numbers = np.asarray(value, dtype=float).ravel()
        decimals = max((_decimals(t) for t in self.printed), default=0)
        return all(_same(float(v), t, decimals, self.tolerance) for v, t in zip(numbers, self.printed, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Figures that belong together, under a title."""

    title: str
    figures: tuple[Figure, ...]

    def __str__(self) -> str:
        rows = [(f.name, _row(f.printed or ()), _shown(f.correct), f.verdict) for f in self.figures]
        return f"{self.title}\n\n{table(('figure', 'printed', 'correct', 'verdict'), rows)}"


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A document calculated again.

    Attributes:
        document: its name, such as "000".
        title: one line.
        text: what it is and what came of it, a paragraph.
        sections: its figures.
    """

    document: str
    title: str
    text: str
    sections: tuple[Section, ...]

    def __iter__(self) -> Iterator[Figure]:
        """All figures, section by section."""
        return (figure for section in self.sections for figure in section.figures)

    @property
    def figures(self) -> int:
        """How many figures there are, our additions included."""
        return sum(1 for _ in self)

    @property
    def same(self) -> int:
        """How many of the document's figures are correct."""
        return sum(f.agrees for f in self)

    @property
    def explained(self) -> int:
        """How many are not, but come out by a named mistake."""
        return sum(f.explained for f in self)

    @property
    def lost(self) -> int:
        """How many cannot be calculated again, for a named reason."""
        return sum(bool(f.lost) and not f.reproduced for f in self)

    @property
    def ours(self) -> int:
        """How many are additions."""
        return sum(f.ours for f in self)

    @property
    def unexplained(self) -> int:
        """How many are left: neither correct nor explained nor known to be out of reach."""
        return self.figures - self.same - self.explained - self.lost - self.ours

    @property
    def counts(self) -> str:
        """The numbers of figures in one sentence without a full stop."""
        counts = {
            "the same": self.same,
            "explained by a mistake": self.explained,
            "not reproducible": self.lost,
            "not explained": self.unexplained,
            "not in the document": self.ours,
        }
        return f"{self.figures} figures: " + ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)

    def __str__(self) -> str:
        return "\n\n".join([f"{self.document}: {self.title}", self.text, *map(str, self.sections), self.counts])


def figures(
    printed: str,
    correct: Mapping[str, Value],
    mistaken: Mapping[str, Value] | None = None,
    mistakes: Mapping[str, str] | None = None,
    *,
    notes: Mapping[str, str] | None = None,
    tolerance: float = SUMMATION,
) -> tuple[Figure, ...]:
    """The figures of a listing that has one on a line, its name before its numbers.

    Args:
        printed: the listing; a line that begins with spaces goes on with the numbers of the one above.
        correct: the correct values by name.
        mistaken: what the document's own calculation gives, by name.
        mistakes: what is wrong with it, by name.
        notes: what else to say, by name.
        tolerance: the relative difference allowed to numbers printed with all digits.
    """
    found: list[Figure] = []
    for line in re.sub(r"\n +", " ", printed.strip()).splitlines():
        name, *numbers = line.split()
        wrong = (mistakes or {}).get(name, "")
        found.append(
            Figure(
                name,
                tuple(numbers),
                correct[name],
                (mistaken or {}).get(name) if wrong else None,
                wrong,
                (notes or {}).get(name, ""),
                tolerance=tolerance,
            )
        )
    return tuple(found)


def cut(value: float, decimals: int) -> float:
    """`value` with the digits after so many decimals cut off instead of rounded."""
    return math.trunc(value * 10**decimals) / 10**decimals


_NUMBER = re.compile(r"[-+]?(\d*)\.?(\d*)(e[-+]?\d+)?")


def _parts(text: str) -> tuple[str, str, str]:
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise DataError(f"{text!r} is not a printed number")
    return match[1], match[2], match[3] or ""


def printed_digits(texts: Sequence[str]) -> int:
    """The most significant digits that one of the printed numbers has."""
    return max(map(_digits, texts), default=0)


def _digits(text: str) -> int:
    integer, fraction, _ = _parts(text)
    return len((integer + fraction).lstrip("0"))


def _decimals(text: str) -> int:
    _, fraction, exponent = _parts(text)
    return 0 if exponent or _digits(text) >= ALL_DIGITS else len(fraction)


def _same(value: float, text: str, decimals: int, tolerance: float) -> bool:
    number, digits = float(text), _digits(text)
    if digits >= ALL_DIGITS:
        return abs(value - number) <= tolerance * abs(number)
    if _parts(text)[2]:
        return float(f"{value:.{max(digits, 1) - 1}e}") == number
    return float(f"{value:.{decimals}f}") == number


def _row(texts: tuple[str, ...], most: int = 4) -> str:
    return " ".join(texts[:most]) + (" ..." if len(texts) > most else "")


def _shown(value: Value | None) -> str:
    return "" if value is None else _row(tuple(significant(float(v), 9) for v in np.ravel(value)[:5]))
