"""The values of one pass, read-only, and the names of their elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from ..base.address import Address
from ..base.columns import table
from ..base.digits import rounded, significant
from ..base.errors import UnknownNameError, nearest
from ..engines.numpy.loops import step_by_step
from ..program import Program, Step
from ..program import names as value_names
from ..render.blocks import Paragraph, Table
from ..render.board import Board
from ..render.shown import Displayed, some_rows

Array = np.ndarray[Any, Any]
HEAD = ("part", "value", "shape", "numbers")
MOST_NAMES = 12
"""The most values that a trace names where it is told in a line."""


class Values(Mapping[str, Array], Displayed):
    """Every named value of one pass, in the order of the program, by its name or another name of it.

    Attributes:
        program: the steps that computed the values.
        labels: other names of elements by address, as explanations and diagrams show them: {"W1[0, 0]": "w1"}.
        moment: the moment in a training, one sentence; may be empty.
    """

    def __init__(
        self, program: Program, values: Mapping[str, Any], labels: Mapping[str, str] | None = None, moment: str = ""
    ) -> None:
        self.program = program
        self.moment = moment
        self.labels: Mapping[str, str] = MappingProxyType(dict(labels or {}))
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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.program, self._values, dict(self.labels), self.moment)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def address(self, text: object) -> Address:
        """The element that `text` names: an address, "dW1[0, 0]", or a label, "w1" (and "dw1" for its derivative).

        Raises:
            UnknownNameError: where there is no such value, or it was not computed; it suggests the nearest.
            ShapeError: where the value has no such element.
        """
        by_label = {label: address for address, label in self.labels.items()}
        if isinstance(text, str) and text not in self:
            text = self.labelled.get(text, text)
        shapes = {name: array.shape for name, array in self._values.items()}
        for alias, name in self.program.aliases.items():
            if name in shapes:
                shapes.setdefault(alias, shapes[name])
        try:
            address = Address.read(text, shapes)
        except UnknownNameError:
            name = str(text).partition("[")[0].strip()
            if "lr" not in shapes and name in map(value_names.updated, shapes):
                raise UnknownNameError(
                    f"{name} was not computed: trace(x, y, optimizer=...) computes the update too"
                ) from None
            if "[" not in str(text) and by_label:
                raise UnknownNameError(
                    f"there is no value or label {name!r}; {nearest(name, [*shapes, *by_label])}"
                ) from None
            raise
        return Address(self.program.aliases.get(address.name, address.name), address.place)

    @property
    def labelled(self) -> dict[str, str]:
        """The addresses that labels stand for: "w1", "dw1" for its derivative and "w1_new" for its new value."""
        addresses: dict[str, str] = {}
        for text, label in self.labels.items():
            address = Address.parse(text)
            derivative, updated = value_names.derivative(address.name), value_names.updated(address.name)
            addresses[label] = text
            addresses[value_names.updated(label)] = str(Address(updated, address.place))
            if derivative in self:
                addresses.setdefault(value_names.derivative(label), str(Address(derivative, address.place)))
        return addresses

    @property
    def through(self) -> Mapping[str, str]:
        """For each share of a derivative by its name (da1_from_z2) the value through which it comes back (z2)."""
        return self.program.through

    @property
    def derivatives(self) -> Mapping[str, str]:
        """For each derivative of the loss, by its name (dz1), the value that it belongs to (z1)."""
        return self.program.derivatives

    def rounded(self, digits: int, *, decimals: bool = False) -> Self:
        """This pass computed again with every step's numbers rounded to so many significant digits.

        Values from outside are not rounded.

        Args:
            digits: the number of digits.
            decimals: whether they are counted after the point.
        """
        outputs = {s.output for s in self.program}
        values: dict[str, Any] = {n: _decimal(self[n]) for n in self if n not in outputs}
        rounding: Any = np.vectorize(partial(rounded, digits=digits), otypes=[float])
        if decimals:
            rounding = partial(np.round, decimals=digits)

        def make(step: Step, arrays: list[Any]) -> Any:
            array = np.asarray(step.rule.function(*arrays, **step.options))
            return rounding(array) if array.dtype.kind == "f" and array.size else array

        step_by_step([step for step in self.program if step.output in self], values, make)
        return type(self)(self.program, values, self.labels, self.moment)

    def board(self) -> Board:
        """The values on a board, the first and the last of very many."""
        blocks = [Paragraph(self.moment)] if self.moment else []
        title = f"Trace of {len(self)} values, L = {significant(float(self['L']))}" if "L" in self else "Trace"
        return Board(title, (*blocks, Table(HEAD, some_rows(self._rows()))))

    def _ipython_key_completions_(self) -> list[str]:
        return [*self, *(alias for alias, name in self.program.aliases.items() if name in self._values)]

    def _rows(self) -> list[tuple[str, ...]]:
        parts = {s.output: s.part for s in self.program}
        return [
            (parts.get(name, "given"), name, " x ".join(map(str, array.shape)) or "number", _brief(array))
            for name, array in self._values.items()
        ]

    def __repr__(self) -> str:
        names = list(self)
        if len(names) > MOST_NAMES:
            names[MOST_NAMES:] = [f"and {len(names) - MOST_NAMES} more"]
        return f"<trace of {len(self)} values: {', '.join(names)}>"

    def __str__(self) -> str:
        return table(HEAD, self._rows())


def _decimal(array: Array) -> Array:
    """The array in float64, float32's numbers as the shortest decimals that they stand for."""
    if array.dtype != np.float32 or not array.size:
        return array
    return np.vectorize(lambda number: float(str(number)), otypes=[float])(array)  # pyright: ignore


def _brief(array: Array, most: int = 6) -> str:
    flat = array.ravel()
    text = " ".join(f"{v:.6g}" for v in flat[:most])
    return f"{text} ..." if flat.size > most else text
