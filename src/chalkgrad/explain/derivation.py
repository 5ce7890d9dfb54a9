"""A derivation: one number, what made it, and what made that, back to what was given."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..base.checks import as_table, choice, whole
from ..base.errors import OptionError
from ..formula.expression import Partial, Quantity
from ..formula.nodes import Node

if TYPE_CHECKING:
    from ..render.board import Board

FORMS = ("delta", "paths")
STYLES = ("long", "short", "symbolic")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a derivation is opened and printed.

    Attributes:
        form: "delta": every derivative opened into those that it follows from; "paths": the products of local
            derivatives along every path to the loss.
        terms: how many terms of a sum are shown at most.
        steps: how many values are opened at most.
        precision: significant digits.
        style: "long" (symbols, numbers, result on lines of their own), "short" (on one line) or "symbolic".
        hand_rounding: the significant digits that every step was rounded to, or None.
        labels: other names of elements by address.
        derivatives: for each derivative of the loss by its name (dz1) the value that it belongs to (z1).
        moment: when in a training it is, one sentence; may be empty.
    """

    form: str = "delta"
    terms: int = 6
    steps: int = 40
    precision: int = 6
    style: str = "long"
    hand_rounding: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    derivatives: Mapping[str, str] = field(default_factory=dict[str, str])
    moment: str = ""

    def __post_init__(self) -> None:
        choice("explain", "form", self.form, FORMS)
        choice("explain", "style", self.style, STYLES)
        for name in ("terms", "steps", "precision"):
            whole("explain", name, getattr(self, name))
        if self.precision > 17:
            raise OptionError(f"explain: precision is in significant digits, 1 to 17; it is {self.precision}")
        if self.hand_rounding is not None and whole("explain", "hand_rounding", self.hand_rounding) > 15:
            raise OptionError(f"explain: hand_rounding is in significant digits, 1 to 15; it is {self.hand_rounding}")
        for name in ("labels", "derivatives"):
            words = as_table(getattr(self, name))
            if words is None or not all(isinstance(w, str) for w in words.values()):
                raise OptionError(f"explain: {name} must be words by address")


@dataclass(frozen=True, slots=True)
class Check:
    """A derivation's number beside the one that the program computed.

    Attributes:
        program: the program's number.
        difference: between the two.
        agrees: whether they differ by rounding only.
    """

    program: float
    difference: float
    agrees: bool


@dataclass(frozen=True, eq=False)
class Derivation:
    """One number and what made it: a small immutable tree, whose inputs are opened when they are looked at.

    Attributes:
        address: the element, "dW1[0, 0]"; for a local derivative "∂z2[0, 0]/∂W2[0, 1]".
        head: the element or local derivative with its number.
        rule: the name of the rule that made it; empty for what was given.
        formula: the rule's index formula, with the rule's own names.
        source: where the formula comes from.
        reason: one sentence about it, may be empty.
        part, layer: where in the program it stands.
        expression: what made it, with every index settled; None for what was given or drawn at random.
        value: what the expression comes to, computed from the index formula in float64.
        program: the number that the program computed by the rule's function.
        tolerance: how far the two may be apart, relative to the largest number in sight.
        input_addresses: the values in the expression that are opened in turn.
        settings: how it is opened and printed.
        opener: opens the derivation of an address.
    """

    address: str
    head: Node
    rule: str
    formula: str
    source: str
    reason: str
    part: str
    layer: str
    expression: Node | None
    value: float
    program: float
    tolerance: float
    input_addresses: tuple[str, ...]
    settings: Settings
    opener: Callable[[str], Derivation]

    @cached_property
    def inputs(self) -> tuple[Derivation, ...]:
        """The derivations of the values that are opened in turn."""
        return tuple(self.opener(a) for a in self.input_addresses)

    @property
    def check(self) -> Check:
        """This number beside the one that the program computed."""
        difference = abs(self.value - self.program)
        both = self.value == self.program or (math.isnan(self.value) and math.isnan(self.program))
        return Check(self.program, 0.0 if both else difference, both or difference <= self.tolerance)

    @cached_property
    def steps(self) -> tuple[Derivation, ...]:
        """This derivation and those of its inputs, each once, level by level, as many as the settings allow."""
        return self._ordered[0]

    @property
    def unopened(self) -> tuple[str, ...]:
        """The addresses that the settings left unopened."""
        return self._ordered[1]

    @cached_property
    def _ordered(self) -> tuple[tuple[Derivation, ...], tuple[str, ...]]:
        steps: list[Derivation] = [self]
        seen = {self.address}
        waiting = deque(self.input_addresses)
        left: list[str] = []
        while waiting:
            address = waiting.popleft()
            if address in seen:
                continue
            seen.add(address)
            if len(steps) >= self.settings.steps:
                left.append(address)
                continue
            step = self.opener(address)
            steps.append(step)
            waiting.extend(step.input_addresses)
        return tuple(steps), tuple(left)

    @property
    def symbols(self) -> str:
        """What made it, as text, in symbols; its address for what was given."""
        return self._inline(numbers=False)

    @property
    def numbers(self) -> str:
        """What made it, as text, in numbers."""
        return self._inline(numbers=True)

    def _inline(self, *, numbers: bool) -> str:
        from ..render.text import TextMath

        return TextMath(self.settings).inline(self.expression or self.head, numbers=numbers)

    def printed(self, **changes: Any) -> Derivation:
        """The same derivation with other settings of printing: precision, style, labels, steps.

        Raises:
            OptionError: where a setting cannot be.
        """
        known = ("precision", "style", "labels", "steps")
        for name in changes:
            if name not in known:
                raise OptionError(f"there is no setting of printing {name!r}; known: {', '.join(known)}")
        settings = replace(self.settings, **changes)

        def reopened(address: str) -> Derivation:
            return replace(self.opener(address), settings=settings, opener=reopened)

        return replace(self, settings=settings, opener=reopened)

    def board(self) -> Board:
        """The derivation as it is written on the board; all printed forms are made from this."""
        from .board import derivation_board

        return derivation_board(self)

    def to_text(self, *, width: int | None = None, **changes: Any) -> str:
        """As plain text; settings of printing (precision, style, labels, steps) may be given."""
        return self.printed(**changes).board().to_text(width=width)

    def to_markdown(self, **changes: Any) -> str:
        """As Markdown with LaTeX formulas."""
        return self.printed(**changes).board().to_markdown()

    def to_latex(self, **changes: Any) -> str:
        """As a LaTeX document that pdflatex compiles."""
        return self.printed(**changes).board().to_latex()

    def to_html(self, **changes: Any) -> str:
        """As one HTML file with MathML, which needs nothing from outside."""
        return self.printed(**changes).board().to_html()

    def to_json(self) -> str:
        """As JSON, with all of its steps; `Derivation.from_json` reads it back."""
        from .json import derivation_to_json

        return derivation_to_json(self)

    @staticmethod
    def from_json(text: str) -> Derivation:
        """The derivation that `to_json` wrote.

        Raises:
            DataError: where the text is no such JSON.
        """
        from .json import derivation_from_json

        return derivation_from_json(text)

    def _repr_html_(self) -> str:
        return self.board()._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<derivation of {self.address}: {self.symbols} = {self.value!r}>"


def tolerance_of(eps: float, *numbers: float) -> float:
    """How far two ways to compute a number may be apart, for a dtype's eps and the largest numbers involved."""
    return 1e4 * eps * max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)


def head_address(head: Node) -> str:
    """The address that a head stands for."""
    if isinstance(head, Partial):
        return f"∂{head.of}/∂{head.by}"
    assert isinstance(head, Quantity)
    return str(head.address)
