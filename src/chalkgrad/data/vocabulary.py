"""The characters that ids stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.errors import CheckpointError, DataError
from ..base.text import visible

Array = np.ndarray[Any, Any]

END = 0
"""The id of a text's begin and end, in a vocabulary that has one."""
MOST = 1000
"""So many ids a vocabulary may have."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Characters and their ids: each has its place among all, counted from 0; where texts have ends, from 1.

    Attributes:
        characters: the characters, each once, in the order of their code points.
        ends: whether the id 0 stands for the begin and the end of a text.
    """

    characters: str
    ends: bool = False

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.characters) + self.ends

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for every id: its character, or "end"."""
        return ("end",) * self.ends + tuple(self.characters)

    def encode(self, text: str) -> Array:
        """The ids of a text's characters, (length,).

        Raises:
            DataError: where one of them is not in the vocabulary.
        """
        known, points = code_points(self.characters), code_points(text)
        places = np.minimum(np.searchsorted(known, points), len(known) - 1)
        wrong = np.flatnonzero(known[places] != points)
        if len(wrong):
            place = int(wrong[0])
            raise DataError(
                f"character {place + 1} of the text, {_quoted(text[place])}, is none of the {len(self.characters)} "
                f"that the network knows: {shown(self.characters)}"
            )
        return places + int(self.ends)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; begins and ends show nothing."""
        skipped = int(self.ends)
        return "".join(self.characters[i - skipped] for i in ids if i >= skipped)

    def to_table(self) -> dict[str, Any]:
        """The vocabulary as a table for a file."""
        return {"characters": self.characters, "ends": self.ends}

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> Vocabulary:
        """The vocabulary that `to_table` gave.

        Raises:
            CheckpointError: where it is none.
        """
        characters, ends = table.get("characters"), table.get("ends", False)
        if (
            not isinstance(characters, str)
            or not isinstance(ends, bool)
            or not 0 < len(characters) <= MOST
            or list(characters) != sorted(set(characters))
        ):
            raise CheckpointError(f"{where}: the vocabulary is no list of characters in their order, each once")
        return cls(characters, ends)


def code_points(text: str) -> Array:
    """The code points of a text's characters, (length,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)


def shown(characters: str, most: int = 100) -> str:
    """The characters in quotation marks, or the first of many."""
    more = " ..." if len(characters) > most else ""
    return f'"{visible(characters[:most])}"{more}'


def _quoted(character: str) -> str:
    return repr(character) if character.isprintable() else visible(character)
