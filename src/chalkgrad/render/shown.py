"""Findings that print themselves: what stands on their board, in every form."""

from __future__ import annotations

from .board import Board


class Shown:
    """Base of findings that print themselves, and show themselves in a notebook."""

    __slots__ = ()

    def board(self) -> Board:
        """What is written on the board."""
        raise NotImplementedError

    def to_text(self, *, width: int | None = None) -> str:
        """As plain text; `width` is that of the terminal, where it is to fit one."""
        return self.board().to_text(width=width)

    def to_markdown(self) -> str:
        """As Markdown with LaTeX formulas."""
        return self.board().to_markdown()

    def to_latex(self) -> str:
        """As a LaTeX document."""
        return self.board().to_latex()

    def to_html(self) -> str:
        """As one HTML file."""
        return self.board().to_html()

    def to_json(self) -> str:
        """As JSON."""
        return self.board().to_json()

    def _repr_html_(self) -> str:
        return self.board()._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def __str__(self) -> str:
        return self.to_text()
