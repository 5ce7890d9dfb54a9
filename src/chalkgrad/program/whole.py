"""Parts of a sample that hold whole numbers: ids and masks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Whole:
    """A part of a sample's row.

    Attributes:
        begin: the place of its first number.
        size: how many numbers it has.
        below: all of them lie below this number.
        mask: whether they are a mask, of which one number at least must be 1.
        first: whether that must be the first.
    """

    begin: int
    size: int
    below: int
    mask: bool = False
    first: bool = False
