"""A trace: every named value of one pass; any element of it is explained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..base.errors import ShapeError
from ..render.board import Board
from .derivation import Derivation
from .elements import elements_board
from .explainer import Explainer
from .settings import DerivationSettings
from .values import Values


class Trace(Values):
    """Every named value of forward, loss, backward (and update), in the order of the program.

    `trace["z1"]`, `trace["dW1"]`, `trace["L"]`; other names of a value ("a2" for y_hat) work too. Printed, it
    is a table. `trace.explain("dW1[0, 0]")` is the derivation of an element.

    Its attributes are those of `Values`.
    """

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
        """The derivation of one element: its expression in symbols, in numbers, and the same of its inputs in turn.

        A derivative is followed back to the loss, any other value to the input. The numbers are computed from the
        rules' index formulas; each stands beside the one that the program computed (`Derivation.check`).

        Args:
            address: the element, "dW1[0, 0]"; "L"; a label.
            form: "delta": every derivative opened into those that it follows from; "paths": every path to the loss as a
                product of local derivatives, summed.
            terms: the most terms of a sum (or paths) that are shown; of more the largest, and the sum of the others.
            steps: the most values that are opened.
            precision: the number of significant digits.
            style: "long", "short" or "symbolic".
            hand_rounding: every step rounded to so many significant digits, as with pencil and calculator.
            labels: other names of elements, by address; those of the trace if not given.

        Raises:
            UnknownNameError, ShapeError: where there is no such element; it suggests the nearest. `elements` opens
                a whole value.
            OptionError: where a setting is invalid.
        """
        settings = DerivationSettings(
            form=form,
            terms=terms,
            steps=steps,
            precision=max(precision, hand_rounding or 0),
            style=style,
            hand_rounding=hand_rounding,
            derivatives=self.program.partials,
            through=self.through,
            moment=self.moment,
            labels=dict(self.labels)
            if labels is None
            else {str(self.address(a)): label for a, label in labels.items()},
        )
        try:
            element = self.address(address)
        except ShapeError as error:
            if address not in self:
                raise
            raise ShapeError(f"{error}; trace.elements({address!r}) shows them all") from None
        values = self if hand_rounding is None else self.rounded(hand_rounding)
        return Explainer(values, settings).explain(element)

    def elements(self, name: str, *, steps: int = 40, **settings: Any) -> Board:
        """A whole value on the board: each of its elements with what made it.

        Args:
            name: the value, "dW1".
            steps: how many elements are shown at most.
            settings: the others of `explain`.

        Raises:
            UnknownNameError: where there is no such value; it suggests the nearest.
            OptionError: where it has no elements, or a setting is invalid.
        """
        explain = partial(self.explain, steps=steps, **settings)
        return elements_board(
            self, name, steps, explain, more="steps=N", opened=lambda address: f'trace.explain("{address}")'
        )
