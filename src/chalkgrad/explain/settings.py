"""The settings of derivations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.checks import as_table, choice, whole
from ..base.errors import OptionError

FORMS = ("delta", "paths")
STYLES = ("long", "short", "symbolic")


@dataclass(frozen=True, slots=True)
class DerivationSettings:
    """The settings by which a derivation is opened and printed.

    Attributes:
        form: "delta": every derivative opened into those that it follows from; "paths": the products of local
            derivatives along every path to the loss.
        terms: the most terms of a sum that are shown.
        steps: the most values that are opened.
        precision: the number of significant digits.
        style: "long" (symbols, numbers, result on lines of their own), "short" (on one line) or "symbolic".
        hand_rounding: the significant digits that every step was rounded to, or None.
        labels: other names of elements by address.
        derivatives: for each derivative of the loss, and each share of one, by its name (dz1) the value that it
            belongs to (z1).
        through: for each share by its name (da1_from_z2) the value through which it comes back (z2).
        moment: the moment in a training, one sentence; may be empty.
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
    through: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        choice("explain", "form", self.form, FORMS)
        choice("explain", "style", self.style, STYLES)
        for name in ("terms", "steps", "precision"):
            whole("explain", name, getattr(self, name))
        if self.precision > 17:
            raise OptionError(f"explain: precision is in significant digits, 1 to 17; it is {self.precision}")
        if self.hand_rounding is not None and whole("explain", "hand_rounding", self.hand_rounding) > 15:
            raise OptionError(f"explain: hand_rounding is in significant digits, 1 to 15; it is {self.hand_rounding}")
        for name in ("labels", "derivatives", "through"):
            words = as_table(getattr(self, name))
            if words is None or not all(isinstance(w, str) for w in words.values()):
                raise OptionError(f"explain: {name} must be words by address")
