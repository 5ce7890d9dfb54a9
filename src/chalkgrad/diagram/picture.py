"""What a drawing gives: SVG text that shows itself in a notebook and can be saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..files.writing import write_named
from ..render.html import drawing


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing as SVG text, complete in itself: it can be a file, or stand in a page of HTML.

    Attributes:
        svg: the text.
        title: what it shows, one line.
        width, height: its natural size in CSS pixels; it becomes smaller where there is less room.
    """

    svg: str
    title: str
    width: int
    height: int

    def save(self, path: str | Path) -> None:
        """Writes the SVG text to the file `path`, as a whole or not at all.

        Raises:
            OSError: where that is not possible.
        """
        write_named(Path(path), self.svg + "\n")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return drawing(self.svg, self.title)

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<picture {self.width} x {self.height}: {self.title}>"
