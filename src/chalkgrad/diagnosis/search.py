"""Compares claimed numbers with the program's, and finds the mistakes that make the wrong ones."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any, cast

import numpy as np

from ..base.address import Address
from ..base.caching import cached_property
from ..base.checks import as_table
from ..base.errors import DataError
from ..describe.optimizers import SGD, Optimizer, OptimizerState, as_optimizer
from ..engines.numpy.runner import Runner
from ..explain.trace import Trace
from ..model.gradients import Gradients
from ..model.model import Model
from ..program import names as spelled
from .budget import Budget
from .claims import Claim, numbers_of, read_claims
from .comparing import LARGEST_ROUNDING, RELATIVE, Comparing, float32_coarseness, float32_noise
from .constants import constant_factors, multiples_added
from .diagnosis import Diagnosis
from .evidence import FEWEST_DIGITS, NEAR, SURE, enough, independent
from .factoring import where_it_sits
from .lying import where_it_lies
from .misread import misread
from .points import at_other_points
from .rerun import MISFITS, NEXT, Again, Rerun
from .result import Cause, Finding, Unseen
from .samples import other_samples
from .slack import EVIDENCE, FEW, UNITS, Slack
from .slip import Carried, Slip
from .tried import tried
from .typed import slips_of_the_pen
from .unseen import Ground, unseen_by

Array = np.ndarray[Any, Any]


class Kinds(Enum):
    """Which mistakes are tried."""

    EVERY = "all of them, and pairs of the usual ones"
    USUAL = "the usual ones, one at a time"
    FAINT = "one at a time, the made ones where there is a setting, such as eps: others change more than rounding"


Claimed = Mapping[str, Any] | Callable[[dict[str, Array], Array, Array], Mapping[str, Any]]
MISSING = object()
"""Stands for the loss after the update where it is not claimed."""
DEEPEST = 4
"""How many mistakes at most are put together."""
BRANCHES = 6
"""How many candidates are followed up at each of them."""
ROUNDINGS = 4
"""How often claimed numbers are rounded otherwise, to see how far off what follows from them may be."""
NEARLY_AS_LIGHT = 0.3
"""A made mistake that is more far-fetched than another by more than this is no rival of it."""
MOST_MADE_RIVALS = 4
MOST_OF_THE_PEN = 8
"""With more wrong numbers than this, none was mistyped."""
DEAR = 50
"""Mistakes of which so many use up what may be computed are tried after the others."""
MOST_RUNS = 4
"""Of so many runs with mistakes the values are kept, for further mistakes that come to them."""
ONE_MORE = 0.7
"""What every further mistake of an explanation counts beside its own weight."""
MOSTLY = 0.5
"""Mistakes that explain no larger share of the wrong numbers than this are not the mistake."""


def diagnose(
    network: Model,
    x: Any,
    y: Any,
    claimed: Claimed,
    *,
    learning_rate: float | None = None,
    optimizer: Optimizer | str | None = None,
    before: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    training: bool = True,
    optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
    sample_weight: Any = None,
) -> Diagnosis:
    """Says which claimed numbers are right, which are wrong, and which mistake made them so.

    Args:
        network: the network with the parameters before the update.
        x: samples (N, *input_shape).
        y: targets (N, *output_shape) or class numbers (N,).
        claimed: numbers by name ("dW1", "W1_new", any named value), address or label; "L_next" is the loss after
            the update. What `network.gradients` gives, or a function (parameters, x, y) that gives gradients by the
            parameters' names. In other claims the name of a parameter stands for its gradient, or for its value after
            the update, where the numbers say so.
        learning_rate: of plain gradient descent, where a claim depends on one.
        optimizer: instead of `learning_rate`, another optimizer's step, the first unless its state is given.
        before: the parameters of an earlier pass on the same samples, where its values may have been used again.
        labels: other names of elements, by address.
        training: with dropout's masks and batch statistics.
        optimizer_state: what the optimizer carries from the steps before, as for `Network.trace`.
        sample_weight: the samples' weights, as for `fit`.

    Raises:
        UnknownNameError, ShapeError, DataError: where the claims do not fit; the messages say how to cure it.
    """
    twin = network.copy(dtype="float64")
    x, y = twin.pair(x, y)
    if labels is not None and as_table(dict(labels) if isinstance(labels, Mapping) else labels) is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError("labels are words by address, {'W1[0, 0]': 'w1'}")
    if optimizer is None and learning_rate is not None:
        optimizer = SGD(learning_rate)
    method = None if optimizer is None else as_optimizer(optimizer, twin.dtype)
    weights = twin.sample_weights(sample_weight, y)
    trace = twin.trace(
        x, y, optimizer=method, training=training, labels=labels, optimizer_state=optimizer_state, sample_weight=weights
    )
    probe = claimed if callable(claimed) else None
    if probe is not None:
        claimed = _by_gradient(probe(_copies(twin.parameters), x.copy(), y.copy()), twin)
    if isinstance(claimed, Gradients):
        claimed = _by_gradient(claimed, twin)
    if callable(claimed) or not isinstance(claimed, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError('claims are numbers by name, {"dW1": [[...]], ...}')
    prediction = twin.program_for(training=False, weighted=weights is not None)
    following = prediction.part("forward", "loss") if method is not None else ()
    previous = None
    if before is not None:
        earlier = network.copy(dtype="float64")
        earlier.set_parameters(before)
        old = earlier.trace(x, y, optimizer=method, training=training, sample_weight=weights)
        previous = {n: old[n] for n in old if n not in (*spelled.GIVEN, "clock", "lr", "t")}
    found = Search(twin, trace, dict(claimed), following, previous, training, method, probe, optimizer_state).run()
    if probe is None or not found.correct or method is not None or weights is not None:
        return found

    def judge(network: Model, x: Array, y: Array) -> Diagnosis:
        numbers = _by_gradient(probe(_copies(network.parameters), x.copy(), y.copy()), network)
        trace = network.trace(x, y, training=training)
        return Search(network, trace, numbers, (), None, training, None, probe, None).run()

    return at_other_points(found, twin, x, y, judge)


Probe = Callable[[dict[str, Array], Array, Array], Mapping[str, Any]]


def _copies(parameters: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in parameters.items()}


def _by_gradient(answer: Any, network: Model) -> dict[str, Any]:
    """Claims in which the parameters' names stand for their gradients."""
    if not isinstance(answer, Mapping):
        raise DataError("the function must give gradients by the parameters' names, {'W1': ...}")
    numbers = cast("Mapping[str, Any]", answer)
    return {network.program.derivative_of.get(n, n) if n in network.parameters else n: v for n, v in numbers.items()}


class Search:
    """The search for the mistakes behind claimed numbers.

    Args:
        network: the network, in float64.
        trace: the right values.
        claimed: the claimed numbers.
        following: the steps that compute the loss after the update.
        before: the values of an earlier pass.
        training: with dropout's masks and batch statistics.
        optimizer: whose step is claimed.
        probe: the claiming function.
        optimizer_state: what the optimizer carries from the steps before.
    """

    def __init__(
        self,
        network: Model,
        trace: Trace,
        claimed: dict[str, Any],
        following: Sequence[Any],
        before: Mapping[str, Array] | None,
        training: bool,
        optimizer: Optimizer | None,
        probe: Probe | None,
        optimizer_state: Mapping[str, Any] | OptimizerState | None,
    ) -> None:
        self.optimizer_state = optimizer_state
        self.network, self.trace, self.optimizer, self.training = network, trace, optimizer, training
        self.probe, self.before = probe, before or {}
        after = claimed.pop(NEXT, MISSING)
        self.rerun = Rerun(trace.program, trace, following)
        self.runner = Runner(trace.program.steps)
        self.budget = Budget(self.rerun, len(trace["x"]))
        self.claims = read_claims(claimed, trace) if claimed else {}
        if after is not MISSING:
            if optimizer is None:
                raise DataError("L_next is the loss after an update: give learning_rate")
            self.claims[NEXT] = _single(NEXT, after)
        if not self.claims:
            raise DataError('claims are numbers by name, {"dW1": [[...]], ...}; none came')
        self.comparing = self._compared()
        self._take_parameters_as_meant()
        self.comparing.claims = self.claims
        self.right = self.rerun.run((), self.claims)
        self.reach = {n for name in self.claims for n in self.rerun.upstream(name)}
        self.tried = tried(trace.program, trace, before)
        right = {n: self.comparing.same(c, self.right[n]) for n, c in self.claims.items()}
        reading = misread(self.claims, right, trace.program)
        self.slips = [*self._that_matter(self.tried.usual), *reading]
        self.acting: dict[int, bool] = {}  # by the slip's id
        self._runs: OrderedDict[tuple[int, ...], Again] = OrderedDict()
        self.too_few: set[str] = set()

    @cached_property
    def made(self) -> list[Slip]:
        """The slips that are made from the formulas, the least far-fetched first."""
        return self._that_matter(self.tried.made)

    def _that_matter(self, slips: Sequence[Slip]) -> list[Slip]:
        """Those in one place, and those in several places of which more than one matters to the claims."""
        return [s for s in slips if not s.members or len(self.reach.intersection(s.outputs)) > 1]

    # -- comparing -------------------------------------------------------------------------------------------

    def _compared(self) -> Comparing:
        """Compares the claims, and knows how much rounding to float32 changes each claimed value."""
        coarse = self.network.copy(dtype="float32").trace(
            self.trace["x"], self.trace["y"], optimizer=self.optimizer, training=self.training,
            optimizer_state=self.optimizer_state, sample_weight=self.trace.get(spelled.SAMPLE_WEIGHT),
        )  # fmt: skip
        names = (*self.claims, *(r[n] for r in self._readings() for n in self.claims if n in r))
        noise = float32_noise(self.trace, coarse, names)
        return Comparing(self.trace, noise, self.claims, float32_coarseness(self.trace, coarse))

    def _take_parameters_as_meant(self) -> None:
        """Claims of parameters that are not the network's own numbers: their gradients, or their new values.

        Raises:
            DataError: where they are neither.
        """
        parameters = {n: c for n, c in self.claims.items() if n in self.network.parameters}
        if all(self.comparing.matches(claim, self.trace[name]) for name, claim in parameters.items()):
            return
        for reading in self._readings():
            meant = {n: replace(c, name=reading[n]) for n, c in parameters.items() if n in reading}
            if any(c.name in self.trace and self.comparing.matches(c, self.trace[c.name]) for c in meant.values()):
                if twice := [c.name for c in meant.values() if c.name in self.claims]:
                    raise DataError(f"{twice[0]} is claimed twice")
                self.claims = {meant[n].name if n in meant else n: meant.get(n, c) for n, c in self.claims.items()}
                return
        name = next(n for n, c in parameters.items() if not self.comparing.matches(c, self.trace[n]))
        new = spelled.updated(name) + ("" if self.optimizer is not None else " (with learning_rate=)")
        raise DataError(
            f"{name} is a parameter of the network, which has other numbers there: claim "
            f"{spelled.derivative(name)} for its gradient, or {new} for its value after the update"
        )

    def _readings(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The two readings of a parameter's name: its gradient, or its new value."""
        return self.trace.program.derivative_of, self.trace.program.updated

    # -- the search ------------------------------------------------------------------------------------------

    def matches(self, claim: Claim, computed: Any) -> bool:
        """Whether all claimed numbers of a value are the computed ones."""
        return self.comparing.matches(claim, computed)

    def run(self) -> Diagnosis:
        """Looks for the mistakes."""
        wrong = [n for n, c in self.claims.items() if not self.matches(c, self.right[n])]
        by_hand = self.comparing.rounded_by_hand(wrong)
        fewer = {n for n in wrong if self.comparing.to_fewer_digits(self.claims[n], self.right[n])}
        wrong = [n for n in wrong if n not in by_hand | fewer]
        causes: list[Cause] = []
        unexplained: list[str] = []
        follows: set[str] = set()
        pen: dict[str, str] = {}
        if wrong:
            pen = self._pen(wrong)
            left = [n for n in wrong if n not in pen]
            faint = all(self.comparing.by_single(self.claims[n], self.right[n]) for n in wrong)
            chosen, remaining = self._explain(left, by_hand | fewer, kinds=Kinds.FAINT if faint else Kinds.EVERY)
            if remaining and not faint:
                chosen, remaining = self._nearly(left, by_hand | fewer) or (chosen, remaining)
            if remaining and faint:  # right to float32's digits
                fewer |= set(wrong)
                wrong, remaining, chosen = [], [], ()
            causes = self._causes(chosen, [n for n in wrong if n not in pen], remaining)
            self.comparing.slack = Slack.NONE
            follows, unexplained = self._following(wrong, remaining)
        partly: tuple[Cause, ...] = ()
        if causes and not self._mostly(causes, unexplained):
            partly, causes = tuple(causes), []
            unexplained = [n for n in wrong if n not in follows and n not in pen]
        findings = tuple(self._finding(n, wrong, by_hand, follows, pen) for n in self.claims)
        others = [n for n in unexplained if n not in follows]
        rights = [f.name for f in findings if f.verdict in ("right", "rounded by hand")]
        place, suspects = where_it_lies(self.rerun, others, rights, {n: self.shields(n) for n in rights})
        unseen = cache(self._unseen) if not wrong and self.optimizer_state is None else tuple
        few = tuple(n for n in unexplained if n in self.too_few)
        return Diagnosis(
            findings, tuple(causes), tuple(unexplained), self.trace, partly, few, place, suspects, unseen
        )  # fmt: skip

    def _unseen(self) -> tuple[Unseen, ...]:
        """The mistakes that the right numbers could not have shown."""
        tried = [*self.slips, *self.made]
        return unseen_by(
            Ground(self.network, self.trace, self.optimizer, self.training, self.claims, self.comparing, self.rerun,
                   self.budget, tried)
        )  # fmt: skip

    def _pen(self, wrong: Sequence[str]) -> dict[str, str]:
        """The values in which single numbers are mistyped or swapped."""
        marks = {n: self.claims[n].mask & ~self.comparing.same(self.claims[n], self.right[n]) for n in wrong}
        if sum(int(m.sum()) for m in marks.values()) > MOST_OF_THE_PEN:
            return {}
        found = slips_of_the_pen(self.claims, self.right, marks)
        return found if len(found) == len(wrong) else {}

    def _mostly(self, causes: Sequence[Cause], unexplained: Sequence[str]) -> bool:
        """Whether the causes explain more of the wrong numbers than they leave."""
        explained = {n for c in causes for n in c.explains}
        left = self._wrong_numbers(unexplained)
        made = self._wrong_numbers(explained)
        return made > MOSTLY * (made + left)

    def _wrong_numbers(self, names: Collection[str], now: Mapping[str, Array] | None = None) -> int:
        """How many claimed numbers are not the computed ones: the right ones, if no others are given."""
        computed = now or self.right
        return sum(int((self.claims[n].mask & ~self.comparing.same(self.claims[n], computed[n])).sum()) for n in names)

    def _nearly(self, wrong: Sequence[str], by_hand: Collection[str]) -> tuple[tuple[Slip, ...], list[str]] | None:
        """Slips that make all wrong numbers but for rounding on the way; where there are some, `slack` says how."""
        for slack in (Slack.SINGLE, Slack.BY_HAND):
            self.comparing.slack = slack
            still = [n for n in wrong if not self.matches(self.claims[n], self.right[n])]
            chosen, remaining = self._explain(still, by_hand, kinds=Kinds.USUAL)
            if chosen and not remaining and (slack is Slack.SINGLE or self._evident(chosen, still)):
                return chosen, remaining
        self.comparing.slack = Slack.NONE
        return None

    def _evident(self, chosen: Sequence[Slip], wrong: Sequence[str]) -> bool:
        """Whether each of the slips makes enough numbers that are wrong without it."""
        for slip in chosen:
            without = self._values([s for s in chosen if s is not slip])
            if slip.read is None and self._wrong_numbers(wrong, without) < EVIDENCE:
                return False
        return True

    def _explain(
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
            values = self._values(chosen)
            if any(not self.matches(self.claims[n], values[n]) for n in settled):
                return
            if any(not self.comparing.near(self.claims[n], values[n]) for n in by_hand):
                return
            left = [n for n in wrong if not self.matches(self.claims[n], values[n])]
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
                suspects, _ = self._suspected(self._on_the_way(self.slips, chosen, target), settled)
                active = [s for s in suspects if s.carried is not Carried.RIGHT and not s.members and self._acts(s)]
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
        suspects, others = self._suspected(self._on_the_way(self.slips, chosen, target), settled)
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
        for name in self.trace.program.parameters:  # updated too early, its gradient matters too
            upstream.update(self.rerun.upstream(self.trace.program.updated.get(name, "")))
        outputs = {output for s in chosen for output in s.outputs}
        return [s for s in slips if outputs.isdisjoint(s.outputs) and not upstream.isdisjoint(s.outputs)]

    def _made_for(self, chosen: tuple[Slip, ...], target: str, kinds: Kinds) -> list[Slip]:
        """The made slips for a value, those with a number that its claimed ones give among them."""
        now = self._values(chosen, [target])[target]
        claim = self.claims[target]
        solved = constant_factors(claim, now, self.rerun, target, len(self.trace["x"]))
        solved += multiples_added(claim, now, self.rerun, target)
        every = sorted([*self.made, *solved], key=lambda s: s.weight)
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
        if self.comparing.is_nothing(name, self.right[name]):
            return 0
        program = self.trace.program
        of = program.values[name].of if name in program.values and name in program.updated.values() else None
        gradient = program.derivative_of.get(of or "")
        if gradient is None or gradient not in self.rerun.steps:
            return above
        doubled = self.rerun.run((), [name], {gradient: 2 * self.trace[gradient]})[name]
        if not self.matches(self.claims[name], doubled):
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
        now = self._values(chosen)
        claim = self.claims[target]
        own = self.comparing.apart(claim, now[target])
        few = self._independent([target], now) < SURE
        near: set[float] = set()
        enough_weight = math.inf
        dear = self.budget.left * share / DEAR
        for further in sorted(candidates, key=lambda c: self.budget.cost_of(c[-1:], [target]) > dear):
            if len(further) == 1 and further[0].made and further[0].weight > enough_weight:
                continue
            if not self.budget.take(further[-1:], [target]) or self.budget.left < keep:
                break
            values = self._values((*chosen, *further), [target])
            if not self.matches(claim, values[target]):
                if few and (apart := self.comparing.apart(claim, values[target], NEAR)) <= NEAR and apart != own:
                    near.add(float(f"{apart:.6g}"))
                continue
            self.budget.take((*chosen, *further), self.claims)
            whole = self._values((*chosen, *further))
            fitting.append((further, whole))
            if all(self.matches(self.claims[n], whole[n]) for n in (*remaining, *settled)):
                enough_weight = min(enough_weight, further[0].weight + NEARLY_AS_LIGHT)
        scored: list[tuple[tuple[int, float], tuple[Slip, ...]]] = []
        for further, values in fitting:
            explained = [n for n in remaining if self.matches(self.claims[n], values[n])]
            broken = sum(not self.matches(self.claims[n], values[n]) for n in settled)
            numbers = self._independent(explained, now)
            if any(s.solved for s in further):  # the ratio is from the numbers; that it is one is what they say
                numbers = self._wrong_numbers(explained, now) - 1
            digits = max((self.claims[n].digits for n in explained), default=0)
            if digits < FEWEST_DIGITS or not enough(numbers, len(near)):
                if not broken:
                    self.too_few.add(target)
                continue
            scored.append(((broken * 100 - len(explained), sum(s.weight for s in further)), further))
        scored.sort(key=lambda item: item[0])
        return scored

    def _independent(self, names: Sequence[str], now: Mapping[str, Array]) -> int:
        """How many independent wrong numbers values have, where `now` is what is computed."""
        return sum(
            independent(c, now[n], c.mask & ~self.comparing.same(c, now[n]))
            for n in names
            if (c := self.claims[n]) and np.shape(now[n]) == c.values.shape
        )

    def _values(self, chosen: Sequence[Slip], values: Sequence[str] | None = None) -> dict[str, Array]:
        """The claimed values under slips; NaN where the slips do not fit the shapes."""
        names = list(self.claims) if values is None else list(values)
        try:
            return self.rerun.run(chosen[-1:], names, below=self._run(chosen[:-1]))
        except MISFITS:
            return {n: np.full(self.claims[n].values.shape, np.nan) for n in names}

    def _run(self, chosen: Sequence[Slip]) -> Again | None:
        """The run with slips to which others come: the last ones are kept, with what they have computed."""
        if not chosen:
            return None
        key = tuple(map(id, chosen))
        run = self._runs.pop(key, None)
        if run is None:
            run = self.rerun.again(chosen[-1:], below=self._run(chosen[:-1]))
            self.budget.take(chosen[-1:], self.claims)
        self._runs[key] = run
        while len(self._runs) > MOST_RUNS:
            self._runs.popitem(last=False)
        return run

    def _acts(self, slip: Slip) -> bool:
        """Whether a slip changes its value at all on this input."""
        if id(slip) not in self.acting:
            self.acting[id(slip)] = self._changes_its_value(slip)
        return self.acting[id(slip)]

    def _changes_its_value(self, slip: Slip) -> bool:
        try:
            value = self.rerun.run((slip,), [slip.output])[slip.output]
        except MISFITS:
            return False
        right = self.trace[slip.output]
        return np.shape(value) != right.shape or not np.allclose(value, right, rtol=1e-10, atol=0, equal_nan=True)

    # -- what is said ----------------------------------------------------------------------------------------

    def _causes(self, chosen: tuple[Slip, ...], wrong: Sequence[str], remaining: Sequence[str]) -> list[Cause]:
        explained = [n for n in wrong if n not in remaining]
        causes: list[Cause] = []
        for slip in chosen:
            others = tuple(s for s in chosen if s is not slip)
            without = self._values(others)
            values = [n for n in explained if not self.matches(self.claims[n], without[n])] or explained
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
        ours = self._values((*others, slip))
        without = self._values(others)
        above = self.rerun.above
        changed = [above.get(n, 0) for n in self.claims if not _alike(without[n], ours[n], self.claims[n])]
        equals: list[Slip] = []
        outputs = {output for s in others for output in s.outputs}
        for rival in (*self.slips, *(self.made if slip.made else ())):
            if rival is slip or not outputs.isdisjoint(rival.outputs):
                continue
            bits = self._bits(rival)
            if not all(bits & reach for reach in changed):
                continue
            if rival.made and (rival.weight > slip.weight + NEARLY_AS_LIGHT or not self._takes(others, rival)):
                continue
            # value by value: the first one tells most apart
            if all(_alike(self._values((*others, rival), [n])[n], ours[n], self.claims[n]) for n in self.claims):
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
        answer = _by_gradient(self.probe(_copies(self.network.parameters), x.copy(), y.copy()), self.network)
        fresh = self._elsewhere(x)
        for slip in rivals:
            values = self._outcome(fresh, (slip, *others), list(answer))
            if values is not None and all(np.allclose(values[n], answer[n], rtol=1e-5, atol=1e-9) for n in answer):
                return slip
        return rivals[0]

    def _elsewhere(self, x: Array) -> Rerun:
        """The program on other samples."""
        program = self.trace.program
        names = [*program.given, *program.parameters, *program.states]
        values: dict[str, Any] = {n: self.trace[n] for n in names if n in self.trace}
        values["x"] = x
        return self.rerun.on(self.runner.run(values))

    def _telling_apart(self, slip: Slip, instead: Sequence[Slip]) -> tuple[Array, Array] | None:
        """An input on which the claimed values of the rivals differ from one another."""
        rng = np.random.default_rng(0)
        for _ in range(20):
            x = self._other_samples(rng)
            y = self.trace["y"]
            fresh = self._elsewhere(x)
            names = [n for n in self.claims if n != NEXT]
            outcomes = [self._outcome(fresh, (s,), names) for s in (slip, *instead)]
            pairs = itertools.combinations(outcomes, 2)
            if all(a is None or b is None or any(not np.allclose(a[n], b[n]) for n in names) for a, b in pairs):
                return x, y
        return None

    def _other_samples(self, rng: np.random.Generator) -> Array:
        """As many samples of other numbers, and of other ids."""
        x = self.trace["x"]
        values = cast("Array", rng.integers(-20, 21, x.shape) / 10)
        return other_samples(self.network.layout, x, values, rng)

    @staticmethod
    def _outcome(rerun: Rerun, chosen: Sequence[Slip], names: Sequence[str]) -> dict[str, Array] | None:
        try:
            return rerun.run(chosen, names)
        except MISFITS:
            return None

    def _following(self, wrong: Sequence[str], remaining: Sequence[str]) -> tuple[set[str], list[str]]:
        """Of the wrong values those that are right from the claimed ones before them, and those nothing explains."""
        follows: set[str] = set()
        taken = {n: self.claims[n].values for n in self.claims if self.claims[n].whole and n in self.rerun.steps}
        marked = set(wrong)
        unexplained: list[str] = []
        for name, claim in self.claims.items():
            if name in marked and self._from_claims(name, {n for n in taken if n in marked}):
                value = self.rerun.run((), [name], taken)[name]
                spread = self._spread(name, taken, value)
                room = UNITS * claim.units if claim.digits <= FEW else claim.units
                units = np.maximum(room, 1e-6 * np.abs(claim.values)) + spread
                if self.matches(Claim(name, claim.values, units, claim.single), value):
                    follows.add(name)
            if name in remaining and name not in follows:
                unexplained.append(name)
        return follows, unexplained

    def _spread(self, name: str, taken: Mapping[str, Array], value: Array) -> Array:
        """How far a value may be off that was computed from claimed numbers as they were rounded."""
        rounded = {n: self.claims[n].units for n in taken if (self.claims[n].units > 0).any() and n != name}
        if not rounded:
            return np.zeros(np.shape(value))
        rng = np.random.default_rng(0)
        apart = np.zeros(np.shape(value))
        for _ in range(ROUNDINGS):
            other: dict[str, Array] = {
                n: v + rounded[n] * rng.uniform(-1, 1, v.shape) if n in rounded else v for n, v in taken.items()
            }
            apart = np.maximum(apart, np.abs(self.rerun.run((), [name], other)[name] - value))
        return np.minimum(2 * apart, LARGEST_ROUNDING * np.abs(value))

    def _from_claims(self, name: str, taken: Collection[str]) -> bool:
        """Whether a value is computed from claimed ones; in a loop from its own at other times too."""
        return any(n in taken and (n != name or n in self.rerun.loops) for n in self.rerun.upstream(name))

    def _finding(
        self, name: str, wrong: Sequence[str], by_hand: set[str], follows: set[str], pen: Mapping[str, str]
    ) -> Finding:
        claim = self.claims[name]
        right = np.asarray(self.right[name], dtype=np.float64)
        same = self.comparing.same(claim, right) & claim.mask
        claimed, count = int(claim.mask.sum()), int(same.sum())
        digits = claim.digits
        if name in by_hand:
            return Finding(name, "rounded by hand", claimed, claimed, digits)
        if name not in wrong:
            return Finding(name, "right", claimed, claimed, digits)
        place = np.argwhere(claim.mask & ~same)
        first = str(Address(name, tuple(int(p) for p in place[0]))) if place.size else name
        verdict = "follows" if name in follows else "wrong"
        step = self.rerun.steps.get(name)
        where = pen.get(name, "")
        if not where and step is not None and verdict == "wrong":
            where = where_it_sits(claim, right, step)
        return Finding(name, verdict, count, claimed, digits, first, where, _farthest(name, claim, right))


def _farthest(name: str, claim: Claim, right: Array) -> tuple[str, float, float]:
    """The number that is farthest from the right one: its address, the number, the right one."""
    with np.errstate(invalid="ignore"):
        apart = np.where(claim.mask, np.abs(claim.values - right), -1.0)
    place = tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))
    return str(Address(name, place)) if place else name, float(claim.values[place]), float(right[place])


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


def _single(name: str, value: Any) -> Claim:
    """A claim of one number that is no value of the trace."""
    numbers, units = numbers_of(name, value)
    if numbers.shape or math.isnan(float(numbers)):
        raise DataError(f"{name} is one number, not {value!r}")
    return Claim(name, numbers, np.nan_to_num(units))
