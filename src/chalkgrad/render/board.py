"""The board: a list of blocks, printed in every form."""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import Contents
from .html import to_fragment, to_html
from .json import to_json
from .latex import to_latex
from .markdown import to_markdown
from .text import to_text


@dataclass(frozen=True, slots=True, repr=False)
class Board(Contents):
    """A titled list of blocks, printed as text, Markdown, LaTeX, HTML or JSON; it shows itself in a notebook."""

    def to_text(self, *, width: int | None = None) -> str:
        """The board as plain text; `width` is that of the terminal, where it is to fit one."""
        return to_text(self, width)

    def to_markdown(self) -> str:
        """The board as Markdown with LaTeX formulas."""
        return to_markdown(self)

    def to_latex(self) -> str:
        """The board as a LaTeX document that pdflatex compiles."""
        return to_latex(self)

    def to_html(self) -> str:
        """The board as one HTML file with MathML, which needs nothing from outside."""
        return to_html(self)

    def to_json(self) -> str:
        """The board as JSON: every block with its text, an equation also as LaTeX."""
        return to_json(self)

    def _repr_html_(self) -> str:
        return to_fragment(self)

    def _repr_markdown_(self) -> str:
        return to_markdown(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<board {self.title!r}: {len(self.blocks)} blocks>"
