"""What all recurrent layers have: they give every step's h or one, and time runs one way or the other."""

from __future__ import annotations

from dataclasses import dataclass

from .arrays import namespace, zeros
from .derived import backwards
from .rule import Array, Operation, Rule, mistake, rule

SOURCE = "Werbos, 1990, Backpropagation Through Time: What It Does and How to Do It, Proceedings of the IEEE 78"


@rule("last[n,u] = h[n,T-1,u]", exact=True, helper=True)
def last(h: Array, *, T: int) -> Array:
    """The last step's h (N, H) of h (N, T, H)."""
    return h[:, T - 1]


@rule("dh[n,t,u] = dlast[n,u] * [t = T-1]", shape_of="h", source=SOURCE, exact=True, helper=True)
def last_dh(dlast: Array, h: Array, *, T: int) -> Array:
    """dh (N, T, H) of dlast (N, H): only the last step's h is used there."""
    return namespace(h).concat((zeros((h.shape[0], T - 1, h.shape[2]), h), dlast[:, None]), axis=1)


@mistake(last_dh, "dh[n,t,u] = dlast[n,u]", "what comes back is given to every step, not to the last")
def last_dh_everywhere(dlast: Array, h: Array, *, T: int) -> Array:
    return dlast[:, None] + zeros(h.shape, h)


@rule("first[n,u] = h[n,0,u]", exact=True, helper=True)
def first(h: Array) -> Array:
    """The first step's h (N, H) of h (N, T, H)."""
    return h[:, 0]


@rule("dh[n,t,u] = dfirst[n,u] * [t = 0]", shape_of="h", source=SOURCE, exact=True, helper=True)
def first_dh(dfirst: Array, h: Array) -> Array:
    """dh (N, T, H) of dfirst (N, H): what comes back meets the first step only."""
    return namespace(h).concat((dfirst[:, None], zeros((h.shape[0], h.shape[1] - 1, h.shape[2]), h)), axis=1)


@mistake(first_dh, "dh[n,t,u] = dfirst[n,u]", "what comes back is given to every step, not to the first")
def first_dh_everywhere(dfirst: Array, h: Array) -> Array:
    return dfirst[:, None] + zeros(h.shape, h)


@dataclass(frozen=True)
class Recurrence:
    """The four operations of a recurrent layer.

    Attributes:
        every: it gives every step's h.
        last: it gives the last step's h only.
        every_back: as `every`, with time running from the last step to the first.
        first_back: as `last`, with time running so: it gives the first step's h.
    """

    every: Operation
    last: Operation
    every_back: Operation
    first_back: Operation

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All four."""
        return self.every, self.last, self.every_back, self.first_back

    def operation(self, *, sequences: bool, reverse: bool) -> Operation:
        """The one that gives every step's h or one step's, with time running one way or the other."""
        return self.operations[2 * reverse + (not sequences)]


def recurrence(name: str, forward: tuple[Rule, ...], backward: tuple[Rule, ...]) -> Recurrence:
    """The operations of a layer.

    Args:
        name: the layer's name, as in a sentence.
        forward: the rules that compute h (N, T, H) of x (N, T, I).
        backward: those that begin with dh.
    """
    turned = f"{name}, from the last step to the first"
    forward_back, backward_back = tuple(map(backwards, forward)), tuple(map(backwards, backward))
    return Recurrence(
        Operation(name, forward, backward, "x", "h"),
        Operation(f"{name}, its last step", (*forward, last), (last_dh, *backward), "x", "last"),
        Operation(turned, forward_back, backward_back, "x", "h"),
        Operation(f"{turned}, its first step", (*forward_back, first), (first_dh, *backward_back), "x", "first"),
    )
