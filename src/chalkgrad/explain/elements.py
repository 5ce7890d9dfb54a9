"""A whole value on the board: each of its elements with what made it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ..base.address import Address
from ..base.checks import whole
from ..base.digits import significant
from ..base.errors import OptionError
from ..render.blocks import Paragraph, Style, Table
from ..render.board import Board
from ..render.text import TextMath
from .board import printed
from .derivation import Derivation
from .values import Values


def elements_board(
    values: Values,
    name: str,
    steps: int,
    explain: Callable[[str], Derivation],
    *,
    more: str,
    opened: Callable[[str], str],
) -> Board:
    """A value's first elements, and how one of them is opened.

    Args:
        values: the values of the pass.
        name: the value's name.
        steps: how many elements are shown at most.
        explain: opens the element at an address.
        more: how more are shown, such as "steps=N".
        opened: what a user writes to open the element at an address.

    Raises:
        UnknownNameError: where there is no such value; it suggests the nearest.
        OptionError: where it has no elements, or a setting is invalid.
    """
    array = values[name]
    if not array.size:
        raise OptionError(f"{name} has no elements: its shape is {array.shape}")
    places = itertools.islice(np.ndindex(array.shape), whole("explain", "steps", steps))
    derivations = [explain(str(Address(name, place))) for place in places]
    first = derivations[0]
    printer = TextMath(first.settings)
    rows = [
        (d.address, printer.inline(d.head), significant(printed(d), d.settings.precision),
         d.symbols if d.expression is not None else "given")
        for d in derivations
    ]  # fmt: skip
    renamed = any(row[0] != row[1] for row in rows)
    head = ("element", "called", "number", "what made it")
    columns = [i for i in range(4) if i != 1 or renamed]
    cells = tuple(tuple(row[i] for i in columns) for row in rows)
    blocks = [Paragraph(values.moment)] if values.moment else []
    if first.formula:
        blocks.append(Paragraph(f"{first.rule}: {first.formula}, {first.layer}"))
    table = Table(tuple(head[i] for i in columns), cells, (columns.index(2),))
    left = array.size - len(rows)
    after = [Paragraph(f"{left:,} more are not shown: {more} shows N of them.")] if left else []
    after.append(Paragraph(f"Open one of them with: {opened(first.address)}"))
    title = f"{name}, {' x '.join(map(str, array.shape))}" if array.shape else name
    return Board(title, (*blocks, table, *after), Style(first.settings.precision))
