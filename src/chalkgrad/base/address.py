"""Addresses: one element of one named value, written `dW1[0, 2]` everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import ShapeError, UnknownNameError, unknown

_TEXT = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(?:\[\s*([-\d,\s]*?)\s*,?\s*\])?\s*\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """One element of a named value.

    Attributes:
        name: the value's name.
        place: the element's indices from 0, none for a value that is one number.
    """

    name: str
    place: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(str, self.place))}]" if self.place else self.name

    @staticmethod
    def parse(text: str) -> Address:
        """The address that `text` writes, as `str` writes it; other text is a name."""
        match = _TEXT.match(text)
        if match is None:
            return Address(text)
        return Address(match[1], tuple(int(p) for p in (match[2] or "").split(",") if p.strip(" -").isdigit()))

    @staticmethod
    def read(text: object, shapes: Mapping[str, tuple[int, ...]], *, whole: bool = False) -> Address:
        """The address that `text` writes; an index may be negative and then counts from the end.

        Args:
            text: such as "dW1[0, 2]", or "L" for a value that is one number.
            shapes: the known values and their shapes.
            whole: whether a value's bare name stands for all of its elements.

        Raises:
            UnknownNameError: where there is no such value; it suggests the nearest.
            ShapeError: where the value has no such element; it gives the first and the last that there are.
        """
        match = _TEXT.match(text) if isinstance(text, str) else None
        if match is None:
            raise _unreadable(text, shapes)
        name, inner = match.groups()
        if name not in shapes:
            raise unknown("value", name, shapes)
        shape = shapes[name]
        try:
            place = tuple(int(part) for part in (inner or "").split(",") if part.strip())
        except ValueError:
            raise _unreadable(text, shapes) from None
        if whole and inner is None:
            return Address(name)
        if len(place) != len(shape):
            raise ShapeError(f"{text} must have {_count(len(shape))}, as {name} has shape {shape}{_range(name, shape)}")
        indices = tuple(p + s if p < 0 else p for p, s in zip(place, shape, strict=True))
        if any(not 0 <= p < s for p, s in zip(indices, shape, strict=True)):
            raise ShapeError(f"{text} is outside {name}, which has shape {shape}{_range(name, shape)}")
        return Address(name, indices)


def _unreadable(text: object, shapes: Mapping[str, tuple[int, ...]]) -> UnknownNameError:
    """The error for what is no address, where its name is one with how its elements are written."""
    name, bracket, _ = str(text).partition("[")
    name = name.strip()
    if not bracket or name not in shapes:
        return unknown("address", text, list(shapes))
    return UnknownNameError(
        f"{text!r} is no element of {name}; they are written with whole numbers in brackets{_range(name, shapes[name])}"
    )


def _count(indices: int) -> str:
    return "no index" if indices == 0 else "one index" if indices == 1 else f"{indices} indices"


def _range(name: str, shape: tuple[int, ...]) -> str:
    if not shape or 0 in shape:
        return f"; write {name}" if not shape else ""
    first, last = Address(name, (0,) * len(shape)), Address(name, tuple(s - 1 for s in shape))
    return f": {first} to {last}" if first != last else f": only {first}"
