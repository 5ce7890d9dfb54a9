"""A trace: every named value of one pass, kept and read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.address import Address
from ..base.columns import table
from ..base.digits import rounded
from ..base.errors import UnknownNameError, nearest
from ..program import Program

if TYPE_CHECKING:
    from .derivation import Derivation

Array = np.ndarray[Any, Any]


class Trace(Mapping[str, Array]):
    """Every named value of forward, loss, backward (and update), in the order of the program.

    `trace["z1"]`, `trace["dW1"]`, `trace["L"]`; other names of a value ("a2" for y_hat) work too. Printed, it
    is a table.

    Attributes:
        program: the steps that made the values.
        labels: other names of elements by address, as explanations and diagrams show them: {"W1[0, 0]": "w1"}.
        moment: when in a training it was made, one sentence; may be empty.
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
        return Trace, (self.program, self._values, dict(self.labels), self.moment)

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
            bare = text.removesuffix("_new")
            if bare in by_label:
                name, bracket, place = by_label[bare].partition("[")
                text = f"{name}{text[len(bare) :]}{bracket}{place}"
            elif text.removeprefix("d") in by_label and f"d{by_label[text[1:]]}".partition("[")[0] in self:
                text = f"d{by_label[text[1:]]}"
        shapes = {name: array.shape for name, array in self._values.items()}
        for alias, name in self.program.aliases.items():
            if name in shapes:
                shapes.setdefault(alias, shapes[name])
        try:
            address = Address.read(text, shapes)
        except UnknownNameError:
            name = str(text).partition("[")[0].strip()
            if name.endswith("_new") and name.removesuffix("_new") in shapes and "lr" not in shapes:
                raise UnknownNameError(
                    f"{name} was not computed: trace(x, y, optimizer=...) computes the update too"
                ) from None
            if "[" not in str(text) and by_label:
                raise UnknownNameError(
                    f"there is no value or label {name!r}; {nearest(name, [*shapes, *by_label])}"
                ) from None
            raise
        return Address(self.program.aliases.get(address.name, address.name), address.place)

    def explain(
        self,
        address: str,
        *,
        form: str = "delta",
        terms: int = 6,
        steps: int = 40,
        precision: int = 6,
        style: str = "long",
        hand_rounding: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Derivation:
        """Opens one element: what made it, with symbols, numbers and result, and what made that, in turn.

        A derivative is followed back to the loss, any other value to the input. The numbers are computed from the
        rules' index formulas; each stands beside the one that the program computed (`Derivation.check`).

        Args:
            address: the element, "dW1[0, 0]"; "L"; a label.
            form: "delta": every derivative opened into those that it follows from; "paths": every path to the loss as a
                product of local derivatives, summed.
            terms: how many terms of a sum (or paths) are shown; of more the largest, and what the others come to.
            steps: how many values are opened at most.
            precision: significant digits.
            style: "long", "short" or "symbolic".
            hand_rounding: every step rounded to so many significant digits, as with pencil and calculator.
            labels: other names of elements, by address; those of the trace if not given.

        Raises:
            UnknownNameError, ShapeError: where there is no such element; it suggests the nearest.
            OptionError: where a setting cannot be.
        """
        from .derivation import Settings
        from .explainer import Explainer

        settings = Settings(
            form=form,
            terms=terms,
            steps=steps,
            precision=max(precision, hand_rounding or 0),
            style=style,
            hand_rounding=hand_rounding,
            derivatives=self.derivatives,
            moment=self.moment,
            labels=dict(self.labels)
            if labels is None
            else {str(self.address(a)): label for a, label in labels.items()},
        )
        found = self.address(address)
        trace = self if hand_rounding is None else self.rounded(hand_rounding)
        return Explainer(trace, settings).explain(found)

    @property
    def derivatives(self) -> Mapping[str, str]:
        """For each derivative of the loss, by its name (dz1), the value that it belongs to (z1)."""
        return self.program.derivatives

    def rounded(self, digits: int, *, decimals: bool = False) -> Trace:
        """The same pass computed again with every step's numbers rounded to so many significant digits.

        What was given is taken as it is.

        Args:
            digits: how many.
            decimals: whether they are counted behind the point.
        """
        made_here = {s.output for s in self.program}
        values: dict[str, Any] = {n: _decimal(self[n]) for n in self if n not in made_here}
        shorten: Any = np.vectorize(partial(rounded, digits=digits), otypes=[float])
        if decimals:
            shorten = partial(np.round, decimals=digits)
        for step in self.program:
            if step.output not in self:
                continue
            made = np.asarray(step.computed(values.__getitem__))
            values[step.output] = shorten(made) if made.dtype.kind == "f" and made.size else made
        return Trace(self.program, values, self.labels, self.moment)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def __repr__(self) -> str:
        return f"<trace of {len(self)} values: {', '.join(self)}>"

    def __str__(self) -> str:
        parts = {s.output: s.part for s in self.program}
        rows = [
            (parts.get(name, "given"), name, " x ".join(map(str, array.shape)) or "number", _brief(array))
            for name, array in self._values.items()
        ]
        return table(("part", "value", "shape", "numbers"), rows)


def _decimal(array: Array) -> Array:
    """An array in float64, float32's numbers as the shortest decimals that they stand for."""
    if array.dtype != np.float32 or not array.size:
        return array
    return np.vectorize(lambda number: float(str(number)), otypes=[float])(array)  # pyright: ignore


def _brief(array: Array, most: int = 6) -> str:
    flat = array.ravel()
    shown = " ".join(f"{v:.6g}" for v in flat[:most])
    return f"{shown} ..." if flat.size > most else shown
