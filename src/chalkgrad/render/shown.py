"""Things that show themselves in a notebook, and findings that print themselves: what stands on their board."""

from __future__ import annotations

from collections.abc import Sequence

from .board import Board

MOST_ROWS = 60


def some_rows(rows: Sequence[Sequence[str]], most: int = MOST_ROWS) -> tuple[tuple[str, ...], ...]:
    """The rows of a table that is shown; of very many the first and the last, and how many are between."""
    if len(rows) <= most:
        return tuple(map(tuple, rows))
    half = most // 2
    between = (f"... {len(rows) - 2 * half:,} more", *("" for _ in rows[0][1:]))
    return (*map(tuple, rows[:half]), between, *map(tuple, rows[len(rows) - half :]))


class Displayed:
    """Base of what shows its board in a notebook, and something short where there is only text."""

    __slots__ = ()

    def board(self) -> Board:
        """What is written on the board."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.board()._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def _repr_markdown_(self) -> str:
        return self.board().to_markdown()


class Shown(Displayed):
    """Base of findings that print themselves, and show themselves in a notebook."""

    __slots__ = ()

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

    def __str__(self) -> str:
        return self.to_text()
