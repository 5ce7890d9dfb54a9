"""A diagnosis as a report, in every format."""

from __future__ import annotations

from dataclasses import dataclass

from ..render.board import Board
from ..render.shown import Shown
from .board import diagnosis_board, diagnosis_json
from .result import Result


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis(Shown, Result):
    """The report on claimed numbers. Its attributes are those of `Result`."""

    def board(self) -> Board:
        """The report as it is written on the board."""
        return diagnosis_board(self)

    def to_json(self) -> str:
        """As JSON: findings and causes."""
        return diagnosis_json(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        if self.correct:
            return "<diagnosis: correct>"
        slips = [f.where for f in self.findings if f.verdict == "wrong" and f.where and f.name not in self.unexplained]
        said = "; ".join([*map(str, self.causes), *([] if self.causes else dict.fromkeys(slips))])
        return f"<diagnosis: {said or self.place or 'not explained'}>"
