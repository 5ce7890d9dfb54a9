"""Claimed backward lines beside the derived ones, to be printed."""

from __future__ import annotations

from dataclasses import dataclass

from ..formula.formula import Formula
from ..render.board import Board
from ..render.shown import Shown
from .claim import Claim
from .claims_board import claims_board
from .derivation import Derivation


@dataclass(frozen=True)
class Comparison(Shown):
    """Claimed backward lines beside the derived ones; it prints itself, and shows itself in a notebook.

    Attributes:
        lines: the forward lines.
        claims: what is said of each claimed derivative.
        derivation: how the right lines come about.
    """

    lines: tuple[Formula, ...]
    claims: tuple[Claim, ...]
    derivation: Derivation

    @property
    def correct(self) -> bool:
        """Whether all claimed lines are right always."""
        return all(claim.correct for claim in self.claims)

    def board(self) -> Board:
        """The comparison as it is written on the board."""
        return claims_board(self.lines, self.claims)

    def __str__(self) -> str:
        return self.to_text()
