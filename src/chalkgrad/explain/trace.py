"""A trace: every named value of one pass, kept and read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..program import Program
from ..tables import table

Array = np.ndarray[Any, Any]


class Trace(Mapping[str, Array]):
    """Every named value of forward, loss, backward (and update), in the order of the program.

    `trace["z1"]`, `trace["dW1"]`, `trace["L"]`; other names of a value ("a2" for y_hat) work too. Printed, it
    is a table.

    Attributes:
        program: the steps that made the values.
    """

    def __init__(self, program: Program, values: Mapping[str, Any]) -> None:
        self.program = program
        self._values: dict[str, Array] = {}
        for name in program.shapes:
            if values.get(name) is None:
                continue
            array = np.array(values[name])
            array.flags.writeable = False
            self._values[name] = array

    def __getitem__(self, name: str) -> Array:
        """The value's array (a number is an array without axes).

        Raises:
            UnknownNameError: where there is no such value; it suggests the nearest.
        """
        return self._values[self.program.resolve(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.program.aliases.get(name, name) in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<trace of {len(self)} values: {', '.join(self)}>"

    def __str__(self) -> str:
        parts = {s.output: s.part for s in self.program}
        rows = [
            (parts.get(name, "given"), name, " x ".join(map(str, array.shape)) or "number", _brief(array))
            for name, array in self._values.items()
        ]
        return table(("part", "value", "shape", "numbers"), rows)


def _brief(array: Array, most: int = 6) -> str:
    flat = array.ravel()
    shown = " ".join(f"{v:.6g}" for v in flat[:most])
    return f"{shown} ..." if flat.size > most else shown
