"""The search for the mistakes that make the wrong numbers and leave the right ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

from .claims.evidence import FEWEST_DIGITS, NEAR, SURE, enough
from .claims.slack import EVIDENCE, Slack
from .constants import constant_factors, multiples_added
from .ground import Ground
from .slips.slip import Carried, Slip

Array = np.ndarray[Any, Any]
DEEPEST = 4
"""How many mistakes at most are put together."""
BRANCHES = 6
"""How many candidates are followed up at each of them."""
NEARLY_AS_LIGHT = 0.3
"""A made mistake that is more far-fetched than another by more than this is no rival of it."""
DEAR = 50
"""Mistakes of which so many use up what may be computed are tried after the others."""
ONE_MORE = 0.7
"""What every further mistake of an explanation counts beside its own weight."""


class Kinds(Enum):
    """Which mistakes are tried."""

    EVERY = "all of them, and pairs of the usual ones"
    USUAL = "the usual ones, one at a time"
    FAINT = "one at a time, the made ones where there is a setting, such as eps: others change more than rounding"


class Search:
    """The search for the mistakes behind wrong numbers.

    Args:
        ground: the claimed numbers, and the program.

    Attributes:
        too_few: the values that a mistake would explain, but whose numbers are too few to say so.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.claims, self.comparing = ground.claims, ground.comparing
        self.rerun, self.budget = ground.rerun, ground.budget
        self.too_few: set[str] = set()

    def nearly(self, wrong: Sequence[str], by_hand: Collection[str]) -> tuple[tuple[Slip, ...], list[str]] | None:
        """Slips that make all wrong numbers but for rounding on the way; where there are some, `slack` says how."""
        for slack in (Slack.SINGLE, Slack.BY_HAND):
            self.comparing.slack = slack
            still = [n for n in wrong if not self.comparing.matches(self.claims[n], self.ground.right[n])]
            chosen, remaining = self.explain(still, by_hand, kinds=Kinds.USUAL)
            if chosen and not remaining and (slack is Slack.SINGLE or self._evident(chosen, still)):
                return chosen, remaining
        self.comparing.slack = Slack.NONE
        return None

    def _evident(self, chosen: Sequence[Slip], wrong: Sequence[str]) -> bool:
        """Whether each of the slips makes enough numbers that are wrong without it."""
        for slip in chosen:
            without = self.ground.values([s for s in chosen if s is not slip])
            if slip.read is None and self.ground.wrong_numbers(wrong, without) < EVIDENCE:
                return False
        return True

    def explain(
        self, wrong: Sequence[str], by_hand: Collection[str], *, kinds: Kinds
    ) -> tuple[tuple[Slip, ...], list[str]]:
        """The lightest set of slips that makes the wrong numbers and leaves the right ones, and what it leaves.

        Args:
            wrong: the wrong values.
            by_hand: those that are right but for rounding by hand.
            kinds: which mistakes are tried.
        """
        settled = [n for n in self.claims if n not in wrong and n not in by_hand]
        best: tuple[tuple[int, float], tuple[Slip, ...], list[str]] = ((len(wrong), 0.0), (), list(wrong))
        seen: set[frozenset[int]] = set()

        def descend(chosen: tuple[Slip, ...], weight: float) -> None:
            nonlocal best
            values = self.ground.values(chosen)
            if any(not self.comparing.matches(self.claims[n], values[n]) for n in settled):
                return
            if any(not self.comparing.near(self.claims[n], values[n]) for n in by_hand):
                return
            left = [n for n in wrong if not self.comparing.matches(self.claims[n], values[n])]
            score = (len(left), weight)
            if score < best[0]:
                best = (score, chosen, left)
            if not left or len(chosen) == DEEPEST or (best[0][0] == 0 and weight + 1 + ONE_MORE >= best[0][1]):
                return
            done = [n for n in wrong if n not in left]
            for further in self._candidates(chosen, left, [*settled, *done], kinds)[:BRANCHES]:
                key = frozenset(map(id, (*chosen, *further)))
                if key not in seen:
                    seen.add(key)
                    descend((*chosen, *further), weight + sum(s.weight + ONE_MORE for s in further))

        descend((), 0.0)
        return best[1], best[2]

    def _candidates(
        self, chosen: tuple[Slip, ...], remaining: Sequence[str], settled: Sequence[str], kinds: Kinds
    ) -> list[tuple[Slip, ...]]:
        """Slips (or pairs of them) that make the first wrong value come out, those that explain most first."""
        for target in remaining:
            candidates: list[tuple[tuple[int, float], tuple[Slip, ...]]] = []
            for among, share, last in self._groups(chosen, target, settled, kinds):
                if candidates and (last or candidates[0][0][0] <= -len(remaining)):
                    break
                candidates += self._fitting(chosen, [(s,) for s in among()], target, remaining, settled, share=share)
                candidates.sort(key=lambda c: c[0])
            if not candidates and kinds is Kinds.EVERY:
                suspects, _ = self._suspected(self._on_the_way(self.ground.slips, chosen, target), settled)
                single = [s for s in suspects if s.carried is not Carried.RIGHT and not s.members]
                active = [s for s in single if self.ground.acts(s)]
                pairs = [p for p in itertools.combinations(active, 2) if p[0].output != p[1].output]
                pairs.sort(key=lambda p: p[0].weight + p[1].weight)
                candidates = self._fitting(chosen, pairs, target, remaining, settled)
            if candidates:
                return [further for _, further in candidates]
        return []

    def _groups(
        self, chosen: tuple[Slip, ...], target: str, settled: Sequence[str], kinds: Kinds
    ) -> Iterator[tuple[Callable[[], list[Slip]], float, bool]]:
        """The slips that may make a value come out, in the order in which they are tried.

        With how large a share of what may be computed they may take, and whether they are tried only where nothing
        else fits.
        """
        suspects, others = self._suspected(self._on_the_way(self.ground.slips, chosen, target), settled)
        made = cache(lambda: self._suspected(self._made_for(chosen, target, kinds), settled))
        yield lambda: suspects, 0.5, False
        if kinds is not Kinds.USUAL:
            yield lambda: made()[0], 0.7, False
        yield lambda: others, 0.3, False
        if kinds is not Kinds.USUAL:
            yield lambda: made()[1], 0.1, True

    def _on_the_way(self, slips: Sequence[Slip], chosen: tuple[Slip, ...], target: str) -> list[Slip]:
        """The slips at other values than those of the chosen ones, of which the target is computed."""
        upstream = set(self.rerun.upstream(target))
        for name in self.ground.trace.program.parameters:  # updated too early, its gradient matters too
            upstream.update(self.rerun.upstream(self.ground.trace.program.updated.get(name, "")))
        outputs = {output for s in chosen for output in s.outputs}
        return [s for s in slips if outputs.isdisjoint(s.outputs) and not upstream.isdisjoint(s.outputs)]

    def _made_for(self, chosen: tuple[Slip, ...], target: str, kinds: Kinds) -> list[Slip]:
        """The made slips for a value, those with a number that its claimed ones give among them."""
        now = self.ground.values(chosen, [target])[target]
        claim = self.claims[target]
        solved = constant_factors(claim, now, self.rerun, target, len(self.ground.trace["x"]))
        solved += multiples_added(claim, now, self.rerun, target)
        every = sorted([*self.ground.made, *solved], key=lambda s: s.weight)
        if kinds is Kinds.FAINT:
            every = [s for s in every if s.step.options]
        return self._on_the_way(every, chosen, target)

    def _suspected(self, of: Sequence[Slip], settled: Sequence[str]) -> tuple[list[Slip], list[Slip]]:
        """Of slips those at values from which no right number is computed, and the others."""
        shielded = 0
        for name in settled:
            shielded |= self.shields(name)
        free = {n for n in self.rerun.steps if not shielded & self.rerun.bit[n]}
        suspects = [s for s in of if not free.isdisjoint(s.outputs)]
        chosen = set(map(id, suspects))
        return suspects, [s for s in of if id(s) not in chosen]

    def shields(self, name: str) -> int:
        """The values, as bits, that are likely right where one is that is computed from them.

        What is 0 in mathematics says nothing. A new parameter that comes out the same of twice the gradient, as in
        Adam's first step, says something of the update only.
        """
        above = self.rerun.above.get(name, 0)
        if self.comparing.is_nothing(name, self.ground.right[name]):
            return 0
        program = self.ground.trace.program
        of = program.values[name].of if name in program.values and name in program.updated.values() else None
        gradient = program.derivative_of.get(of or "")
        if gradient is None or gradient not in self.rerun.steps:
            return above
        doubled = self.rerun.run((), [name], {gradient: 2 * self.ground.trace[gradient]})[name]
        if not self.comparing.matches(self.claims[name], doubled):
            return above
        return sum(self.rerun.bit[s.output] for s in program.part("update") if above & self.rerun.bit.get(s.output, 0))

    def _fitting(
        self,
        chosen: tuple[Slip, ...],
        candidates: Sequence[tuple[Slip, ...]],
        target: str,
        remaining: Sequence[str],
        settled: Sequence[str],
        *,
        share: float = 0.5,
    ) -> list[tuple[tuple[int, float], tuple[Slip, ...]]]:
        """Those of the candidates that make the target come out, with their scores, the best first.

        Args:
            chosen: the mistakes that are made already.
            candidates: the further ones.
            target: the value that must come out.
            remaining: the values that are wrong still.
            settled: those that are right.
            share: so much of what may be computed yet is, at most.
        """
        keep = self.budget.left * (1 - share)
        fitting: list[tuple[tuple[Slip, ...], dict[str, Array]]] = []
        now = self.ground.values(chosen)
        claim = self.claims[target]
        own = self.comparing.apart(claim, now[target])
        few = self.ground.independent([target], now) < SURE
        near: set[float] = set()
        enough_weight = math.inf
        dear = self.budget.left * share / DEAR
        for further in sorted(candidates, key=lambda c: self.budget.cost_of(c[-1:], [target]) > dear):
            if len(further) == 1 and further[0].made and further[0].weight > enough_weight:
                continue
            if not self.budget.take(further[-1:], [target]) or self.budget.left < keep:
                break
            values = self.ground.values((*chosen, *further), [target])
            if not self.comparing.matches(claim, values[target]):
                if few and (apart := self.comparing.apart(claim, values[target], NEAR)) <= NEAR and apart != own:
                    near.add(float(f"{apart:.6g}"))
                continue
            self.budget.take((*chosen, *further), self.claims)
            whole = self.ground.values((*chosen, *further))
            fitting.append((further, whole))
            if all(self.comparing.matches(self.claims[n], whole[n]) for n in (*remaining, *settled)):
                enough_weight = min(enough_weight, further[0].weight + NEARLY_AS_LIGHT)
        scored: list[tuple[tuple[int, float], tuple[Slip, ...]]] = []
        for further, values in fitting:
            explained = [n for n in remaining if self.comparing.matches(self.claims[n], values[n])]
            broken = sum(not self.comparing.matches(self.claims[n], values[n]) for n in settled)
            numbers = self.ground.independent(explained, now)
            if any(s.solved for s in further):  # the ratio is from the numbers; that it is one is what they say
                numbers = self.ground.wrong_numbers(explained, now) - 1
            digits = max((self.claims[n].digits for n in explained), default=0)
            if digits < FEWEST_DIGITS or not enough(numbers, len(near)):
                if not broken:
                    self.too_few.add(target)
                continue
            scored.append(((broken * 100 - len(explained), sum(s.weight for s in further)), further))
        scored.sort(key=lambda item: item[0])
        return scored
