"""Plain text tables, for summaries and reports."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from .text import visible

GAP = 2
LONGEST_WORD = 24
"""Words of at most so many characters are not broken, so that numbers stay whole."""


def table(
    head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = (), width: int | None = None
) -> str:
    """A table as text: columns as wide as their widest cell, two spaces apart, a rule under the head.

    Args:
        head: the columns' titles.
        rows: the cells, row by row.
        right: the numbers of the columns that are set flush right.
        width: the most characters a line may have; cells of the widest columns are then broken over several lines.
    """
    cells = [[visible(str(c)) for c in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    if width is not None:
        widths = _fitting(cells, widths, width)
        cells = [list(line) for row in cells for line in _broken(row, widths)]
        begin = max(len(_wrap(c, w)) for c, w in zip(map(visible, head), widths, strict=True))
    else:
        begin = 1
    lines = [
        (" " * GAP)
        .join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in cells
    ]
    lines.insert(begin, (" " * GAP).join("-" * w for w in widths))
    return "\n".join(lines)


def _fitting(cells: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[int]:
    """The columns' widths, the widest made narrower until all fit, but none so that a word would be broken."""
    least = [
        min(LONGEST_WORD, max((len(word) for row in cells for word in row[i].split()), default=0))
        for i in range(len(widths))
    ]
    fitting = list(widths)
    while sum(fitting) + GAP * (len(fitting) - 1) > width:
        wide = [i for i, w in enumerate(fitting) if w > least[i]]
        if not wide:
            break
        fitting[max(wide, key=lambda i: fitting[i])] -= 1
    return fitting


def _broken(row: Sequence[str], widths: Sequence[int]) -> list[tuple[str, ...]]:
    return list(zip_longest(*map(_wrap, row, widths), fillvalue=""))


def _wrap(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, max(width, 1), break_on_hyphens=False) or [""]
