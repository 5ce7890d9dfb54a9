"""Mistakes that give the same numbers: which else there are, and an input that tells them apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from .claims.claim import Claim
from .claims.comparing import RELATIVE
from .ground import Ground
from .probe import asked
from .rerun import MISFITS, NEXT, Rerun
from .result import Cause
from .samples import other_samples
from .search import NEARLY_AS_LIGHT
from .slips.slip import Slip

Array = np.ndarray[Any, Any]
MOST_MADE_RIVALS = 4


class Rivals:
    """Those of the mistakes that were found.

    Args:
        ground: the claimed numbers, and the program.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.claims, self.comparing = ground.claims, ground.comparing
        self.rerun, self.budget, self.probe = ground.rerun, ground.budget, ground.probe

    def causes(self, chosen: tuple[Slip, ...], wrong: Sequence[str], remaining: Sequence[str]) -> list[Cause]:
        """The mistakes that were found, each with what it explains and with its rivals.

        Args:
            chosen: the mistakes.
            wrong: the wrong values.
            remaining: those that the mistakes do not explain.
        """
        explained = [n for n in wrong if n not in remaining]
        causes: list[Cause] = []
        for slip in chosen:
            others = tuple(s for s in chosen if s is not slip)
            without = self.ground.values(others)
            values = [n for n in explained if not self.comparing.matches(self.claims[n], without[n])] or explained
            instead = tuple(self._equals(slip, others))
            count = int(sum(self.claims[n].mask.sum() for n in values))
            digits = max((self.claims[n].digits for n in values), default=9)
            apart = self._telling_apart(slip, instead) if instead else None
            first = slip if apart is None or self.probe is None else self._probed((slip, *instead), others, *apart)
            rivals = tuple(s for s in (slip, *instead) if s is not first)
            if first is not slip or (apart is not None and self.probe is not None):
                rivals, apart = (), None  # the function itself has told them apart
            causes.append(Cause((first,), tuple(values), count, digits, rivals, apart, self.comparing.slack))
        return causes

    def _equals(self, slip: Slip, others: tuple[Slip, ...]) -> list[Slip]:
        """Other slips that give the same claimed numbers in this one's place, the least far-fetched first."""
        ours = self.ground.values((*others, slip))
        without = self.ground.values(others)
        above = self.rerun.above
        changed = [above.get(n, 0) for n in self.claims if not _alike(without[n], ours[n], self.claims[n])]
        equals: list[Slip] = []
        outputs = {output for s in others for output in s.outputs}
        for rival in (*self.ground.slips, *(self.ground.made if slip.made else ())):
            if rival is slip or not outputs.isdisjoint(rival.outputs):
                continue
            bits = self._bits(rival)
            if not all(bits & reach for reach in changed):
                continue
            if rival.made and (rival.weight > slip.weight + NEARLY_AS_LIGHT or not self._takes(others, rival)):
                continue
            # value by value: the first one tells most apart
            if all(_alike(self.ground.values((*others, rival), [n])[n], ours[n], self.claims[n]) for n in self.claims):
                equals.append(rival)
        known = {(s.output, s.mistake) for s in slip.every}
        distinct: list[Slip] = []
        for rival in sorted(equals, key=lambda s: s.weight):
            same = {(s.output, s.mistake) for s in rival.every}
            if known.isdisjoint(same) and not (rival.made and len(distinct) >= MOST_MADE_RIVALS):
                known |= same
                distinct.append(rival)
        return distinct

    def _bits(self, slip: Slip) -> int:
        """The steps of a slip, as bits; of one that is misread what follows may be anything."""
        return -1 if slip.read is not None else sum(self.rerun.bit[o] for o in {*slip.outputs})

    def _takes(self, others: tuple[Slip, ...], rival: Slip) -> bool:
        return self.budget.take((*others, rival), self.claims)

    def _probed(self, rivals: Sequence[Slip], others: tuple[Slip, ...], x: Array, y: Array) -> Slip:
        """The one of several slips that the claiming function makes on another input too."""
        assert self.probe is not None  # it was asked before
        answer = asked(self.probe, self.ground.network, x, y)
        fresh = self._elsewhere(x)
        for slip in rivals:
            values = self._outcome(fresh, (slip, *others), list(answer))
            if values is not None and all(np.allclose(values[n], answer[n], rtol=1e-5, atol=1e-9) for n in answer):
                return slip
        return rivals[0]

    def _elsewhere(self, x: Array) -> Rerun:
        """The program on other samples."""
        program = self.ground.trace.program
        names = [*program.given, *program.parameters, *program.states]
        values: dict[str, Any] = {n: self.ground.trace[n] for n in names if n in self.ground.trace}
        values["x"] = x
        return self.rerun.on(self.ground.runner.run(values))

    def _telling_apart(self, slip: Slip, instead: Sequence[Slip]) -> tuple[Array, Array] | None:
        """An input on which the claimed values of the rivals differ from one another."""
        rng = np.random.default_rng(0)
        for _ in range(20):
            x = self._other_samples(rng)
            y = self.ground.trace["y"]
            fresh = self._elsewhere(x)
            names = [n for n in self.claims if n != NEXT]
            outcomes = [self._outcome(fresh, (s,), names) for s in (slip, *instead)]
            pairs = itertools.combinations(outcomes, 2)
            if all(a is None or b is None or any(not np.allclose(a[n], b[n]) for n in names) for a, b in pairs):
                return x, y
        return None

    def _other_samples(self, rng: np.random.Generator) -> Array:
        """As many samples of other numbers, and of other ids."""
        x = self.ground.trace["x"]
        values = cast("Array", rng.integers(-20, 21, x.shape) / 10)
        return other_samples(self.ground.network.layout, x, values, rng)

    @staticmethod
    def _outcome(rerun: Rerun, chosen: Sequence[Slip], names: Sequence[str]) -> dict[str, Array] | None:
        try:
            return rerun.run(chosen, names)
        except MISFITS:
            return None


def _alike(first: Array, second: Array, claim: Claim) -> bool:
    """Whether two computed values are the same to the digits that are claimed."""
    if np.shape(first) != np.shape(second) or np.shape(first) != claim.values.shape:
        return False
    if claim.sample is not None:
        places, alone = claim.sample
        if not _alike(np.ravel(first)[places], np.ravel(second)[places], alone):
            return False
    allowed = 2 * claim.units + RELATIVE * np.abs(second) + 1e-15
    with np.errstate(invalid="ignore"):
        return bool((np.abs(np.asarray(first) - second) <= allowed)[claim.mask].all())
