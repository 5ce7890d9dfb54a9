"""Claimed backward lines beside the derived ones, to be printed."""

from __future__ import annotations

from dataclasses import dataclass

from ..formula.formula import Formula
from ..render.board import Board
from .claim import Claim
from .claims_board import claims_board
from .derivation import Derivation


@dataclass(frozen=True)
class Comparison:
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

    @property
    def board(self) -> Board:
        """The comparison as a board, to be printed in any form."""
        return claims_board(self.lines, self.claims)

    def to_text(self, *, width: int | None = None) -> str:
        """As text; `width` is that of the terminal, where it is to fit one."""
        return self.board.to_text(width=width)

    def to_markdown(self) -> str:
        """As Markdown with LaTeX formulas."""
        return self.board.to_markdown()

    def to_latex(self) -> str:
        """As a LaTeX document."""
        return self.board.to_latex()

    def to_html(self) -> str:
        """As one HTML file."""
        return self.board.to_html()

    def to_json(self) -> str:
        """As JSON."""
        return self.board.to_json()

    def _repr_html_(self) -> str:
        return self.board._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def __str__(self) -> str:
        return self.to_text()
