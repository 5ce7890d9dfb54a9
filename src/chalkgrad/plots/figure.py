"""Figures by matplotlib: made as it comes, and printed as PNG.

matplotlib is imported here and nowhere else, when a picture is drawn; what the user has set it to (a backend, styles,
fonts, LaTeX) changes nothing here, and stays.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ..base.text import visible

INK = "#1f2a30"
CHALK = ("#0b6e99", "#d9730d")


@contextmanager
def plain() -> Generator[None]:
    """matplotlib as it comes, and silent: a missing glyph or a cache that cannot be written is no reason to speak."""
    log = logging.getLogger("matplotlib")
    level, backend = log.level, None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mpl: Any = importlib.import_module("matplotlib")
            ours = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
            with mpl.rc_context(ours):
                yield
    finally:
        log.setLevel(level)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def new_figure(width: float, height: float) -> Any:
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def png(figure: Any) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "chalkgrad"})
    return buffer.getvalue()


def short(name: str, most: int = 16) -> str:
    """A name as it is shown, of so many characters at most."""
    name = visible(name)
    return name if len(name) <= most else name[: most - 1] + "\u2026"
