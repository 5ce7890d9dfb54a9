"""When a claimed number counts as the computed one: to its digits, to what rounding makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...explain.trace import Trace
from ...program import Role
from .claim import Claim, own_unit
from .slack import Slack, room_by_hand, single

Array = np.ndarray[Any, Any]
LARGEST_ROUNDING = 0.02
"""More than this share of a number is no rounding."""
RELATIVE = 1e-9
"""How near a number with all digits must be to count as the same."""
NOTHING = 1e-11
"""A gradient smaller than this share of what is summed up in it is 0 in mathematics."""
LEFTOVER = 1e-6
"""What is left of such a sum, in float32 too, is at most this share."""
LARGEST_COARSENESS = 1e-4
FEWEST_DIGITS = 2
"""A number given to fewer digits than the others is right to those, where they are so many."""
MOST_SHORT = 64
"""With more wrong numbers than this, they are not looked at one by one."""


class Comparing:
    """Compares computed values with claimed ones.

    Args:
        trace: the right values.
        noise: how much rounding to float32 changes each value.
        claims: the claimed numbers.
        coarseness: how much float32 may leave of a sum that is 0 in mathematics, as a share of its terms.

    Attributes:
        slack: how far claimed numbers may be from the computed ones.
    """

    def __init__(
        self, trace: Trace, noise: Mapping[str, float], claims: Mapping[str, Claim], coarseness: float = 0.0
    ) -> None:
        self.trace, self.noise, self.claims, self.coarseness = trace, noise, claims, coarseness
        self.scale = scales(trace)
        self.slack = Slack.NONE

    def same(self, claim: Claim, computed: Any) -> Array:
        """Which claimed numbers are the computed ones, to the digits that they are given to."""
        computed = np.asarray(computed, dtype=np.float64)
        if computed.shape != claim.values.shape:
            return np.zeros(claim.values.shape, dtype=bool)
        with np.errstate(invalid="ignore"):
            return (np.abs(claim.values - computed) <= self._room(claim, computed)) & np.isfinite(computed)

    def apart(self, claim: Claim, computed: Any, most: float = np.inf) -> float:
        """How far computed numbers are from the claimed ones, 1 being as far as they may be; those of some of the
        numbers where it is more than `most` already.
        """
        computed = np.asarray(computed, dtype=np.float64)
        if computed.shape != claim.values.shape:
            return np.inf
        if claim.sample is not None:
            places, alone = claim.sample
            if (some := self.apart(alone, computed.ravel()[places])) > most:
                return some
        if not np.isfinite(computed).all():
            return np.inf
        with np.errstate(all="ignore"):
            return float((np.abs(claim.values - computed) / (self._room(claim, computed) + 1e-300))[claim.mask].max())

    def _room(self, claim: Claim, computed: Array) -> Array:
        """How far each claimed number may be from the computed one."""
        noise = self.noise[claim.name]
        sizes = np.abs(computed)
        if single(claim, self.slack):
            allowed = 1e-5 * sizes + 20 * noise
        else:
            allowed = claim.rounding + RELATIVE * sizes + 100 * noise * 2.0**-29
            if self.slack is Slack.BY_HAND:
                allowed = np.maximum(allowed, room_by_hand(claim, computed))
        scale = self.scale.get(claim.name, 0.0)
        # a 0 stands for what is nothing beside the others
        with np.errstate(invalid="ignore"):
            nothing: Any = 0.0
            if claim.zeros is not None:
                nothing = np.where(claim.zeros, RELATIVE * sizes.max(initial=0.0), 0.0)
            if scale and (small := sizes <= NOTHING * scale).any():
                left = max(LEFTOVER, self.coarseness) if single(claim, self.slack) else LEFTOVER
                nothing = np.where(small, left * scale, nothing)
        return allowed + nothing

    def matches(self, claim: Claim, computed: Any) -> bool:
        """Whether all claimed numbers of a value are the computed ones."""
        if claim.sample is not None and np.shape(computed) == claim.values.shape:
            places, alone = claim.sample
            if not self.same(alone, np.ravel(computed)[places]).all():
                return False
        return bool(self.same(claim, computed)[claim.mask].all())

    def near(self, claim: Claim, computed: Any) -> bool:
        """Whether the claimed numbers of a value are the computed ones but for rounding by hand."""
        if np.shape(computed) != claim.values.shape:
            return False
        room = np.maximum(room_by_hand(claim, computed), LARGEST_ROUNDING * np.abs(computed) + claim.units)
        return bool((np.abs(claim.values - computed) <= room)[claim.mask].all())

    def is_nothing(self, name: str, right: Any) -> bool:
        """Whether a value is 0 in mathematics: right numbers say nothing then."""
        largest = float(np.abs(right).max(initial=0.0))
        return largest <= NOTHING * self.scale.get(name, 0.0) or not largest

    def by_single(self, claim: Claim, right: Any) -> bool:
        """Whether claimed numbers with all digits are right to those of float32: some step was computed in it, sums
        were taken in another order, or differences in place of derivatives.
        """
        right = np.asarray(right, dtype=np.float64)
        if claim.values.shape != right.shape or (claim.units[claim.mask] > 0).any():
            return False
        largest = float(np.abs(right).max(initial=0.0))
        allowed = 1e-6 * np.abs(right) + 20 * self.noise[claim.name] + 1e-7 * largest
        return bool((np.abs(claim.values - right) <= allowed)[claim.mask].all())

    def to_fewer_digits(self, claim: Claim, right: Any) -> bool:
        """Whether the wrong ones among the claimed numbers are right to the fewer digits that they are given to."""
        right = np.asarray(right, dtype=np.float64)
        if claim.values.shape != right.shape:
            return False
        wrong = claim.mask & ~self.same(claim, right)
        if claim.single or not wrong.any() or wrong.sum() > MOST_SHORT or wrong.sum() == claim.mask.sum() > 1:
            return False
        for place in map(tuple, np.argwhere(wrong)):
            unit = own_unit(float(claim.values[place]))
            digits = np.log10(max(abs(claim.values[place]), 1e-300) / (2 * unit)) if unit else 0.0
            if digits < FEWEST_DIGITS - 1 or abs(claim.values[place] - right[place]) > unit * (1 + 1e-6):
                return False
        return True

    def rounded_by_hand(self, wrong: Sequence[str]) -> set[str]:
        """The values that rounding every step to the claimed digits explains.

        People round to significant digits or to decimals, so the pass is computed again in both ways; what is, in
        proportion, no further from the right numbers than twice these are is taken for rounding.
        """
        names: set[str] = set()
        for name in wrong:
            claim = self.claims[name]
            if name not in self.trace or not claim.units[claim.mask].all():
                continue
            right = self.trace[name]
            decimals = int(np.clip(-np.floor(np.log10(2 * claim.units[claim.mask].min())), 1, 12))
            apart = 0.0
            sizes = np.maximum(np.abs(right), 1e-9 * np.abs(right).max(initial=0.0) + 1e-300)
            for rounded in (self.trace.rounded(claim.digits), self.trace.rounded(decimals, decimals=True)):
                apart = max(apart, float((np.abs(rounded[name] - right) / sizes).max(initial=0.0)))
            if apart == 0:
                continue  # nothing was rounded on the way
            allowed = min(2 * apart, LARGEST_ROUNDING) * np.abs(right) + claim.units
            if (np.abs(claim.values - right) <= allowed)[claim.mask].all():
                names.add(name)
        return names


def scales(trace: Trace) -> dict[str, float]:
    """How large the terms are that each derivative sums up: beside them its own rounding is nothing."""
    found: dict[str, float] = {}
    program = trace.program
    for step in program.part("backward"):
        if step.output not in trace or step.value.role not in (Role.DERIVATIVE, Role.SHARE, Role.HELP):
            continue
        inputs = [i for i in step.inputs if i is not None]
        sizes = [_size(name, trace, found) for name in inputs if name in found or _is_derivative(name, trace)]
        found[step.output] = max(sizes, default=0.0)
    return found


def _is_derivative(name: str, trace: Trace) -> bool:
    return name in trace and trace.program.values[name].role in (Role.DERIVATIVE, Role.SHARE)


def _size(name: str, trace: Trace, found: Mapping[str, float]) -> float:
    """The largest number of a derivative; of one that is nothing in mathematics that of its terms."""
    array = trace[name]
    finite = np.abs(array[np.isfinite(array)])
    own = float(finite.max(initial=0.0))
    terms = found.get(name, 0.0)
    return terms if own <= NOTHING * terms else own


def float32_coarseness(trace: Trace, coarse: Mapping[str, Array]) -> float:
    """How much rounding to float32 may change a derivative, as a share of its largest number: 20 times what it does.

    Args:
        trace: the right values.
        coarse: the same values computed in float32.
    """
    shares = [0.0]
    for name, terms in scales(trace).items():
        right = trace[name]
        size = float(np.abs(right).max(initial=0.0))
        if name in coarse and size > NOTHING * terms and np.isfinite(right).all():
            apart = np.abs(coarse[name].astype(np.float64) - right)
            shares.append(float(apart.max(initial=0.0)) / size)
    largest = max(shares)
    return min(20 * largest, LARGEST_COARSENESS) if np.isfinite(largest) else LARGEST_COARSENESS


def float32_noise(trace: Trace, coarse: Mapping[str, Array], names: Iterable[str]) -> dict[str, float]:
    """How much rounding to float32 changes each value.

    Args:
        trace: the right values.
        coarse: the same values computed in float32.
        names: the values.
    """
    noise: dict[str, float] = {}
    for name in names:
        if name in coarse and name in trace:
            apart = np.abs(coarse[name].astype(np.float64) - trace[name])
            finite = apart[np.isfinite(apart)]
            noise[name] = float(finite.max()) if finite.size else 0.0
        else:
            noise[name] = 1e-6
    return noise
