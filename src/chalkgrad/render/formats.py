"""Formats of findings, by name."""

from __future__ import annotations

from typing import Protocol


class Printable(Protocol):
    """Findings that print themselves in every format: a board, a derivation."""

    def to_text(self, *, width: int | None = None) -> str: ...
    def to_markdown(self) -> str: ...
    def to_latex(self) -> str: ...
    def to_html(self) -> str: ...
    def to_json(self) -> str: ...


def in_format(findings: Printable, form: str, width: int | None = None) -> str:
    """The findings as "markdown", "latex", "html" or "json"; as text for any other name, of a terminal's width."""
    match form:
        case "markdown":
            return findings.to_markdown()
        case "latex":
            return findings.to_latex()
        case "html":
            return findings.to_html()
        case "json":
            return findings.to_json() + "\n"
        case _:
            return findings.to_text(width=width)
