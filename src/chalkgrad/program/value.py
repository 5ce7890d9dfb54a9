"""A value: one named array of a program, what it is for, and what it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..formula import Shape


class Role(StrEnum):
    """What a value is for."""

    GIVEN = "given"
    """From outside: the input, the target, the clocks, the learning rate."""
    PARAMETER = "parameter"
    STATE = "state"
    """A running average of a layer."""
    OPTIMIZER = "optimizer"
    """What an optimizer keeps from step to step."""
    FORWARD = "forward"
    LOSS = "loss"
    """The samples' losses, and what is made of them up to L."""
    DERIVATIVE = "derivative"
    """Of the loss, by the value that it belongs to."""
    SHARE = "share"
    """Of a derivative: one of the terms that add up to it."""
    HELP = "help"
    """A value on the way to others, of the backward pass or of an update."""
    UPDATED = "updated"
    """A parameter, a state or an optimizer's array after the step."""


@dataclass(frozen=True, slots=True)
class Value:
    """One named array.

    Attributes:
        name: its name, which no other value has.
        shape: its shape, "N" standing for the number of samples.
        role: what it is for.
        of: the name of the value that it belongs to: of a derivative or a share the one that the loss is derived by, of
            an updated value or an optimizer's array the parameter, state or array. None for the others.
        dtype: "float", which is the network's own, or "int".
        user: of a share the value through which it comes back; None for the others.
    """

    name: str
    shape: Shape
    role: Role
    of: str | None = None
    dtype: str = "float"
    user: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {' x '.join(map(str, self.shape)) or 'number'}"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose step it is: of a layer, of the loss, of a penalty, of the optimizer.

    Attributes:
        kind: "layer", "loss", "penalty" or "optimizer".
        title: its name, "Dense".
        text: as it is shown, "layer 1, Dense".
        line: the layer's place in the network, from 0; None for the others.
    """

    kind: str
    title: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        return self.text
