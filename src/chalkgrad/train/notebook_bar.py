"""The progress bar of a notebook: a piece of HTML that is replaced as the training goes on, and stays as it ended.

It needs no widgets, so that it is there in a notebook that was saved, or made into a page.
"""

from __future__ import annotations

import importlib
import sys
import time
from html import escape
from typing import Any

INTERVAL = 0.1
"""At least so many seconds are between two pictures of the bar."""


def in_notebook() -> bool:
    """Whether this Python is the kernel of a notebook, which shows HTML."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A bar with the few methods of tqdm's that a training uses.

    Args:
        total: how many steps or epochs there are; None where that is open.
        title: what stands before it.
    """

    def __init__(self, total: int | None, title: str) -> None:
        self.total = total
        self.n = self.last_print_n = 0
        self._title, self._postfix = title, ""
        self._began = time.monotonic()
        self._shown = 0.0
        display: Any = importlib.import_module("IPython.display")
        self._handle: Any = display.display(self._bundle(), raw=True, display_id=True)

    def set_description_str(self, text: str, refresh: bool = True) -> None:
        """What stands before the bar."""
        self._title = text

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """What stands after it."""
        self._postfix = text

    def update(self, steps: int) -> None:
        """Moves it on."""
        self.n += steps
        if time.monotonic() - self._shown >= INTERVAL:
            self._show()

    def close(self) -> None:
        """Shows how it stands at the end."""
        self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        seconds = int(time.monotonic() - self._began)
        text = f"{self._title} [{seconds // 60:02d}:{seconds % 60:02d}]" + (self._postfix and f", {self._postfix}")
        bar = ""
        if self.total:
            bar = (
                f'<progress value="{self.n}" max="{self.total}" style="width: 16em; accent-color: #3f8f7b"></progress> '
            )
        html = f'<div style="font-variant-numeric: tabular-nums">{bar}{escape(text)}</div>'
        return {"text/html": html, "text/plain": text}
