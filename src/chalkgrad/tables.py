"""Plain text tables, for summaries and reports."""

from __future__ import annotations

from collections.abc import Sequence

from .text import visible


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Columns as wide as their widest cell, two spaces apart, a rule under the head.

    Args:
        head: the columns' titles.
        rows: the cells, row by row.
        right: the numbers of the columns that are set flush right.
    """
    cells = [[visible(str(c)) for c in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [
        "  ".join(
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)
