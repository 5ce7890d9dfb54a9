"""An exercise: a worked example with its own or fresh numbers, and the numbers that are to be filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.address import Address
from ..base.caching import cached_property
from ..base.text import as_toml
from ..examples.example import Example, example
from ..explain.trace import Trace
from .comparing import Comparison
from .names import word
from .noise import without_noise


@dataclass(frozen=True, slots=True)
class Blank:
    """A number that is to be filled in.

    Attributes:
        address: the element.
        points: what it is worth.
    """

    address: Address
    points: float = 1.0


@dataclass(frozen=True, eq=False)
class Exercise:
    """A pass with its numbers, some of them left blank.

    Attributes:
        title: one line.
        table: the worked example with the sheet's numbers, as a TOML file has it.
        blanks: what is to be filled in, in the order of the program.
        digits: to how many significant digits.
        seed: where the numbers were drawn from; None where they are the example's own.
    """

    title: str
    table: Mapping[str, Any]
    blanks: tuple[Blank, ...]
    digits: int = 4
    seed: int | None = None

    @cached_property
    def example(self) -> Example:
        """The worked example that the sheet is about."""
        return example(self.table, "the worksheet")

    @cached_property
    def trace(self) -> Trace:
        """Every number of its pass; what is 0 but for rounding is 0."""
        return without_noise(self.example.trace())

    @cached_property
    def comparison(self) -> Comparison:
        """How the numbers of its blanks are compared; all that are graded share it."""
        return Comparison(self.trace, [b.address for b in self.blanks], self.digits)

    @property
    def points(self) -> float:
        """The points of all blanks."""
        return sum(b.points for b in self.blanks)

    @cached_property
    def words(self) -> dict[Address, str]:
        """The name of every blank in an answer sheet."""
        return {b.address: word(b.address, self.trace) for b in self.blanks}

    def to_toml(self) -> str:
        """The worksheet as TOML, for `read_worksheet` and `grade`."""
        table: dict[str, Any] = {"title": self.title, "digits": self.digits}
        if self.seed is not None:
            table["seed"] = self.seed
        table["blanks"] = [{"address": str(b.address), "points": b.points} for b in self.blanks]
        table["example"] = dict(self.table)
        return "# A worksheet made by chalkgrad: what grading it needs.\n" + as_toml(table)
