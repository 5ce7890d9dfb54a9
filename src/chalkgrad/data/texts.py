"""Text files of the user's own, as windows of characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.checks import whole
from ..base.errors import DataError
from ..base.text import visible
from ..files.writing import read_bounded
from .dataset import Array, Dataset
from .vocabulary import MOST, Vocabulary, code_points

WINDOW = 64
MOST_BYTES = 2**28
UNKNOWN = "\ufffd"
"""It stands for the rarest characters, where there are too many."""
TEST_SHARE = 10
"""One character of so many is kept for testing, at the end of the text."""


def read_text(path: str | Path, *, window: int = WINDOW) -> Dataset:
    """A text as a `Dataset`: x (N, T), int64 ids of T characters one after another, and y (N, T), the next of each.

    Windows do not overlap. The last tenth of the text is the test set. The line ends of Windows become plain ones.

    Args:
        path: the file, UTF-8, with or without a byte order mark.
        window: T, the characters of a window.

    Raises:
        DataError: where the file cannot be read, is no text, or is too short.
        OptionError: where the window is invalid.
    """
    path, where = Path(path), visible(str(path))
    whole("data", "window", window)
    text, notes = _known(where, _content(path, where))
    vocabulary = Vocabulary("".join(sorted(set(text))))
    if vocabulary.size < 2:
        raise DataError(f"{where} holds nothing but the character {visible(text[0])!r}; there is nothing to learn")
    if len(text) // TEST_SHARE <= window:
        fits = len(text) // TEST_SHARE - 1
        cure = f"; --window {fits} fits" if fits >= 1 else ""
        raise DataError(
            f"{where} holds {len(text):,} characters; windows of {window} need at least {TEST_SHARE * (window + 1):,}"
            f"{cure}"
        )
    ids = vocabulary.encode(text)
    end = len(ids) - len(ids) // TEST_SHARE
    parts = (*_windows(ids[:end], window), *_windows(ids[end:], window))
    notes.insert(0, f"{len(ids):,} characters, {vocabulary.size} different ones, in windows of {window}")
    return Dataset(
        path.stem, *parts, vocabulary.labels, str(path), notes=tuple(notes), ids=vocabulary.size, vocabulary=vocabulary
    )


def _content(path: Path, where: str) -> str:
    """The file's text, without the signs of the system that it was written on."""
    raw = read_bounded(path, MOST_BYTES, DataError)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{where} is no text in UTF-8 but in UTF-16; save it in UTF-8")
    if b"\0" in raw:
        raise DataError(f"{where} is no text: it holds zero bytes, which no text has")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{where}, line {line} is no text in UTF-8 (it may be Windows-1252 or Latin-1); save it in UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{where} is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _known(where: str, text: str) -> tuple[str, list[str]]:
    """The text with at most so many different characters as a vocabulary may have, and a note on the others."""
    points = code_points(text)
    distinct, places, counts = np.unique(points, return_inverse=True, return_counts=True)
    if len(distinct) <= MOST:
        return text, []
    rarest = np.argsort(counts, kind="stable")[: len(distinct) - MOST + 1]
    distinct[rarest] = ord(UNKNOWN)
    note = f"the {len(rarest):,} rarest of its {len(distinct):,} different characters are read as one, {UNKNOWN}"
    return "".join(map(chr, distinct[places])), [note]


def _windows(ids: Array, window: int) -> tuple[Array, Array]:
    """x and y (N, window) of a run of ids, one window after another; what is left at the end is left out."""
    count = (len(ids) - 1) // window
    return tuple(ids[start : start + count * window].reshape(count, window) for start in (0, 1))  # type: ignore[return-value]
