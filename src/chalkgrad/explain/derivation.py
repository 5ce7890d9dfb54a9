"""Derivations: where a number comes from, printed in every form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..base.errors import OptionError
from ..render.board import Board
from ..render.shown import Displayed
from ..render.text import TextMath
from .board import derivation_board
from .json import derivation_from_json, derivation_to_json
from .origin import Origin
from .settings import DerivationSettings


@dataclass(frozen=True, eq=False)
class Derivation(Origin, Displayed):
    """A number and its derivation, printed as text, Markdown, LaTeX, HTML or JSON; it shows itself in a notebook.

    Its attributes are those of `Origin`.
    """

    @property
    def symbols(self) -> str:
        """The expression that the number comes from, as text, in symbols; of a value from outside its address."""
        return self._inline(numbers=False)

    @property
    def numbers(self) -> str:
        """The expression that the number comes from, as text, in numbers."""
        return self._inline(numbers=True)

    def _inline(self, *, numbers: bool) -> str:
        return TextMath(self.settings).inline(self.expression or self.head, numbers=numbers)

    def printed(self, **changes: Any) -> Derivation:
        """This derivation with other settings of printing: precision, style, labels, steps.

        Raises:
            OptionError: where a setting is unknown or invalid.
        """
        names = ("precision", "style", "labels", "steps")
        for name in changes:
            if name not in names:
                raise OptionError(f"there is no setting of printing {name!r}; known: {', '.join(names)}")
        settings = replace(self.settings, **changes)
        return replace(self, settings=settings, opener=_Reopener(self.opener, settings))

    def board(self) -> Board:
        """The board of the derivation, from which all printed forms are made."""
        return derivation_board(self)

    def to_text(self, *, width: int | None = None, **changes: Any) -> str:
        """The derivation as plain text, with other settings of printing (precision, style, labels, steps)."""
        return self.printed(**changes).board().to_text(width=width)

    def to_markdown(self, **changes: Any) -> str:
        """The derivation as Markdown with LaTeX formulas."""
        return self.printed(**changes).board().to_markdown()

    def to_latex(self, **changes: Any) -> str:
        """The derivation as a LaTeX document that pdflatex compiles."""
        return self.printed(**changes).board().to_latex()

    def to_html(self, **changes: Any) -> str:
        """The derivation as one HTML file with MathML, which needs nothing from outside."""
        return self.printed(**changes).board().to_html()

    def to_json(self) -> str:
        """The derivation as JSON, with all of its steps; `Derivation.from_json` reads it."""
        return derivation_to_json(self)

    @staticmethod
    def from_json(text: str) -> Derivation:
        """The derivation that `to_json` wrote.

        Raises:
            DataError: where the text is no such JSON.
        """
        return derivation_from_json(text, Derivation)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<derivation of {self.address}: {self.symbols} = {self.value!r}>"


@dataclass(frozen=True, slots=True)
class _Reopener:
    """An opener of derivations with other settings of printing."""

    opener: Callable[[str], Derivation]
    settings: DerivationSettings

    def __call__(self, address: str) -> Derivation:
        return replace(self.opener(address), settings=self.settings, opener=self)
