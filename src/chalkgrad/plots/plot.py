"""A plot: a PNG that shows itself in a notebook and can be saved."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..files.writing import write_named


@dataclass(frozen=True, slots=True, repr=False)
class Plot:
    """A picture that matplotlib has drawn.

    Attributes:
        png: the bytes of the PNG file.
        title: what it shows, one line.
    """

    png: bytes
    title: str

    def save(self, path: str | Path) -> None:
        """Writes the PNG to the file `path`, as a whole or not at all.

        Raises:
            OSError: where that is not possible.
        """
        write_named(Path(path), self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode("ascii")
        return f'<img alt="{escape(self.title)}" src="data:image/png;base64,{data}">'

    def __repr__(self) -> str:
        return f"<plot: {self.title}>"
