"""Compares claimed numbers with the program's, and finds the mistakes that make the wrong ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..base.address import Address
from ..base.checks import as_table
from ..base.errors import DataError
from ..describe.optimizers import SGD, Optimizer, OptimizerState, as_optimizer
from ..engines.numpy.runner import Runner
from ..explain.trace import Trace
from ..model.gradients import Gradients
from ..model.model import Model
from ..program import names as spelled
from .alike import made_alike
from .both_ways import made_both_ways
from .claims import Claim, numbers_of, read_claims
from .diagnosis import Diagnosis
from .factoring import where_it_sits
from .misread import misread
from .rerun import MISFITS, NEXT, Rerun
from .result import Cause, Finding
from .slack import EVIDENCE, FEW, UNITS, Slack, room_by_hand, single
from .slip import Carried, Slip
from .slips import slips

Array = np.ndarray[Any, Any]
Claimed = Mapping[str, Any] | Callable[[dict[str, Array], Array, Array], Mapping[str, Any]]
MISSING = object()
"""Stands for the loss after the update where it is not claimed."""
DEEPEST = 4
"""How many mistakes at most are put together."""
BRANCHES = 6
"""How many candidates are followed up at each of them."""
WORK = 150_000
"""How many steps are computed at most in the search for pairs of mistakes that must come together; every time of a loop
counts as one.
"""
LARGEST_ROUNDING = 0.02
"""More than this share of a number is no rounding."""
RELATIVE = 1e-9
"""How near a number with all digits must be to count as the same."""


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
    return _Search(twin, trace, dict(claimed), following, previous, training, method, probe, optimizer_state).run()


Probe = Callable[[dict[str, Array], Array, Array], Mapping[str, Any]]


def _copies(parameters: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in parameters.items()}


def _by_gradient(answer: Any, network: Model) -> dict[str, Any]:
    """Claims in which the parameters' names stand for their gradients."""
    if not isinstance(answer, Mapping):
        raise DataError("the function must give gradients by the parameters' names, {'W1': ...}")
    numbers = cast("Mapping[str, Any]", answer)
    return {network.program.derivative_of.get(n, n) if n in network.parameters else n: v for n, v in numbers.items()}


class _Search:
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
        self.probe = probe
        self.slack = Slack.NONE
        after = claimed.pop(NEXT, MISSING)
        self.rerun = Rerun(trace.program, trace, following)
        self.runner = Runner(trace.program.steps)
        self.work = WORK
        self.acting: dict[int, bool] = {}  # by the slip's id
        self.claims = read_claims(claimed, trace) if claimed else {}
        if after is not MISSING:
            if optimizer is None:
                raise DataError("L_next is the loss after an update: give learning_rate")
            self.claims[NEXT] = _single(NEXT, after)
        if not self.claims:
            raise DataError('claims are numbers by name, {"dW1": [[...]], ...}; none came')
        self.noise = self._noise()
        self._take_parameters_as_meant()
        self.right = self.rerun.run((), self.claims)
        found = slips(trace.program, before, len(trace["x"]))
        right = {n: self.same(c, self.right[n]) for n, c in self.claims.items()}
        reading = misread(self.claims, right, trace.program)
        self.slips = [*found, *made_alike(found, trace.program), *made_both_ways(found), *reading]

    # -- comparing -------------------------------------------------------------------------------------------

    def _noise(self) -> dict[str, float]:
        """How much rounding to float32 changes each claimed value."""
        coarse = self.network.copy(dtype="float32")
        values = dict(
            coarse.trace(
                self.trace["x"], self.trace["y"], optimizer=self.optimizer, training=self.training,
                optimizer_state=self.optimizer_state, sample_weight=self.trace.get(spelled.SAMPLE_WEIGHT),
            )
        )  # fmt: skip
        noise: dict[str, float] = {}
        for name in (*self.claims, *(r[n] for r in self._readings() for n in self.claims if n in r)):
            if name in values and name in self.trace:
                apart = np.abs(values[name].astype(np.float64) - self.trace[name])
                finite = apart[np.isfinite(apart)]
                noise[name] = float(finite.max()) if finite.size else 0.0
            else:
                noise[name] = 1e-6
        return noise

    def _take_parameters_as_meant(self) -> None:
        """Claims of parameters that are not the network's own numbers: their gradients, or their new values.

        Raises:
            DataError: where they are neither.
        """
        parameters = {n: c for n, c in self.claims.items() if n in self.network.parameters}
        if all(self.matches(claim, self.trace[name]) for name, claim in parameters.items()):
            return
        for reading in self._readings():
            meant = {n: replace(c, name=reading[n]) for n, c in parameters.items() if n in reading}
            if any(c.name in self.trace and self.matches(c, self.trace[c.name]) for c in meant.values()):
                if twice := [c.name for c in meant.values() if c.name in self.claims]:
                    raise DataError(f"{twice[0]} is claimed twice")
                self.claims = {meant[n].name if n in meant else n: meant.get(n, c) for n, c in self.claims.items()}
                return
        name = next(n for n, c in parameters.items() if not self.matches(c, self.trace[n]))
        new = spelled.updated(name) + ("" if self.optimizer is not None else " (with learning_rate=)")
        raise DataError(
            f"{name} is a parameter of the network, which has other numbers there: claim "
            f"{spelled.derivative(name)} for its gradient, or {new} for its value after the update"
        )

    def _readings(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The two readings of a parameter's name: its gradient, or its new value."""
        return self.trace.program.derivative_of, self.trace.program.updated

    def same(self, claim: Claim, computed: Array) -> Array:
        """Which claimed numbers are the computed ones, to the digits that they are given to."""
        computed = np.asarray(computed, dtype=np.float64)
        if computed.shape != claim.values.shape:
            return np.zeros(claim.values.shape, dtype=bool)
        noise = self.noise[claim.name]
        if single(claim, self.slack):
            allowed = 1e-5 * np.abs(computed) + 20 * noise
        else:
            allowed = claim.units * (1 + 1e-6) + RELATIVE * np.abs(computed) + 100 * noise * 2.0**-29
            if self.slack is Slack.BY_HAND:
                allowed = np.maximum(allowed, room_by_hand(claim, computed))
        with np.errstate(invalid="ignore"):
            # a 0 stands for what is nothing beside the others
            nothing = np.where(claim.values == 0, RELATIVE * np.abs(computed).max(initial=0.0), 0.0)
            return np.abs(claim.values - computed) <= allowed + nothing

    def matches(self, claim: Claim, computed: Array) -> bool:
        """Whether all claimed numbers of a value are the computed ones."""
        return bool(self.same(claim, computed)[claim.mask].all())

    def _near(self, claim: Claim, computed: Array) -> bool:
        """Whether the claimed numbers of a value are the computed ones but for rounding by hand."""
        room = np.maximum(room_by_hand(claim, computed), LARGEST_ROUNDING * np.abs(computed) + claim.units)
        return bool((np.abs(claim.values - computed) <= room)[claim.mask].all())

    # -- the search ------------------------------------------------------------------------------------------

    def run(self) -> Diagnosis:
        wrong = [n for n, c in self.claims.items() if not self.matches(c, self.right[n])]
        by_hand = self._rounded_by_hand(wrong)
        wrong = [n for n in wrong if n not in by_hand]
        causes: list[Cause] = []
        unexplained: list[str] = []
        follows: set[str] = set()
        if wrong:
            chosen, remaining = self._explain(wrong, by_hand)
            if remaining:
                chosen, remaining = self._nearly(wrong, by_hand) or (chosen, remaining)
            causes = self._causes(chosen, wrong, remaining)
            self.slack = Slack.NONE
            follows, unexplained = self._following(wrong, remaining)
        findings = tuple(self._finding(n, wrong, by_hand, follows) for n in self.claims)
        return Diagnosis(findings, tuple(causes), tuple(unexplained), self.trace)

    def _rounded_by_hand(self, wrong: Sequence[str]) -> set[str]:
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

    def _nearly(self, wrong: Sequence[str], by_hand: set[str]) -> tuple[tuple[Slip, ...], list[str]] | None:
        """Slips that make all wrong numbers but for rounding on the way; where there are some, `slack` says how."""
        for slack in (Slack.SINGLE, Slack.BY_HAND):
            self.slack = slack
            still = [n for n in wrong if not self.matches(self.claims[n], self.right[n])]
            chosen, remaining = self._explain(still, by_hand)
            if chosen and not remaining and (slack is Slack.SINGLE or self._evident(chosen, still)):
                return chosen, remaining
        self.slack = Slack.NONE
        return None

    def _evident(self, chosen: Sequence[Slip], wrong: Sequence[str]) -> bool:
        """Whether each of the slips makes enough numbers that are wrong without it."""
        for slip in chosen:
            without = self._values([s for s in chosen if s is not slip])
            numbers = sum(int((self.claims[n].mask & ~self.same(self.claims[n], without[n])).sum()) for n in wrong)
            if slip.read is None and numbers < EVIDENCE:
                return False
        return True

    def _explain(self, wrong: Sequence[str], by_hand: set[str]) -> tuple[tuple[Slip, ...], list[str]]:
        """The lightest set of slips that makes the wrong numbers and leaves the right ones, and what it leaves."""
        settled = [n for n in self.claims if n not in wrong and n not in by_hand]
        best: tuple[tuple[int, float, int], tuple[Slip, ...], list[str]] = ((len(wrong), 0.0, 0), (), list(wrong))
        seen: set[frozenset[int]] = set()

        def descend(chosen: tuple[Slip, ...], weight: float) -> None:
            nonlocal best
            values = self._values(chosen)
            if any(not self.matches(self.claims[n], values[n]) for n in settled):
                return
            if any(not self._near(self.claims[n], values[n]) for n in by_hand):
                return
            left = [n for n in wrong if not self.matches(self.claims[n], values[n])]
            score = (len(left), weight, len(chosen))
            if score < best[0]:
                best = (score, chosen, left)
            if not left or len(chosen) == DEEPEST or (best[0][0] == 0 and weight + 1 >= best[0][1]):
                return
            done = [n for n in wrong if n not in left]
            for further in self._candidates(chosen, left, [*settled, *done])[:BRANCHES]:
                key = frozenset(map(id, (*chosen, *further)))
                if key not in seen:
                    seen.add(key)
                    descend((*chosen, *further), weight + sum(s.weight for s in further))

        descend((), 0.0)
        return best[1], best[2]

    def _candidates(
        self, chosen: tuple[Slip, ...], remaining: Sequence[str], settled: Sequence[str]
    ) -> list[tuple[Slip, ...]]:
        """Slips (or pairs of them) that make the first wrong value come out, those that explain most first."""
        for target in remaining:
            upstream = set(self.rerun.upstream(target))
            for name in self.trace.program.parameters:  # updated too early, its gradient matters too
                upstream.update(self.rerun.upstream(self.trace.program.updated.get(name, "")))
            outputs = {output for s in chosen for output in s.outputs}
            rivals = [s for s in self.slips if outputs.isdisjoint(s.outputs) and upstream & {*s.outputs}]
            candidates = self._fitting(chosen, [(s,) for s in rivals], target, remaining, settled)
            if not candidates and self.slack is Slack.NONE and self.work > 0:
                active = [s for s in rivals if s.carried is not Carried.RIGHT and not s.members and self._acts(s)]
                pairs = [p for p in itertools.combinations(active, 2) if p[0].output != p[1].output]
                pairs.sort(key=lambda p: p[0].weight + p[1].weight)
                candidates = self._fitting(chosen, pairs, target, remaining, settled)
            if candidates:
                return candidates
        return []

    def _fitting(
        self,
        chosen: tuple[Slip, ...],
        candidates: Sequence[tuple[Slip, ...]],
        target: str,
        remaining: Sequence[str],
        settled: Sequence[str],
    ) -> list[tuple[Slip, ...]]:
        scored: list[tuple[tuple[int, float], tuple[Slip, ...]]] = []
        work = sum(self.rerun.work(name) for name in self.rerun.upstream(target))
        for further in candidates:
            if len(further) > 1:
                self.work -= work
                if self.work < 0:
                    break
            values = self._values((*chosen, *further), [target])
            if not self.matches(self.claims[target], values[target]):
                continue
            values = self._values((*chosen, *further))
            explained = sum(self.matches(self.claims[n], values[n]) for n in remaining)
            broken = sum(not self.matches(self.claims[n], values[n]) for n in settled)
            scored.append(((broken * 100 - explained, sum(s.weight for s in further)), further))
        scored.sort(key=lambda item: item[0])
        return [further for _, further in scored]

    def _values(self, chosen: Sequence[Slip], values: Sequence[str] | None = None) -> dict[str, Array]:
        """The claimed values under slips; NaN where the slips do not fit the shapes."""
        names = list(self.claims) if values is None else list(values)
        try:
            return self.rerun.run(chosen, names)
        except MISFITS:
            return {n: np.full(self.claims[n].values.shape, np.nan) for n in names}

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
            causes.append(Cause((first,), tuple(values), count, digits, rivals, apart, self.slack))
        return causes

    def _equals(self, slip: Slip, others: tuple[Slip, ...]) -> list[Slip]:
        """Other slips that give the same claimed numbers in this one's place, the least far-fetched first."""
        ours = self._values((*others, slip))
        equals: list[Slip] = []
        outputs = {output for s in others for output in s.outputs}
        for rival in self.slips:
            if rival is slip or not outputs.isdisjoint(rival.outputs):
                continue
            values = self._values((*others, rival))
            if all(_alike(values[n], ours[n], self.claims[n]) for n in self.claims):
                equals.append(rival)
        known = {(s.output, s.mistake) for s in slip.every}
        distinct: list[Slip] = []
        for rival in sorted(equals, key=lambda s: s.weight):
            same = {(s.output, s.mistake) for s in rival.every}
            if known.isdisjoint(same):
                known |= same
                distinct.append(rival)
        return distinct

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
        ids, shape = self.network.layout.ids, self.trace["x"].shape
        if ids:
            return cast("Array", rng.integers(0, min(ids.values()), shape))
        return cast("Array", rng.integers(-20, 21, shape) / 10)

    @staticmethod
    def _outcome(rerun: Rerun, chosen: Sequence[Slip], names: Sequence[str]) -> dict[str, Array] | None:
        try:
            return rerun.run(chosen, names)
        except MISFITS:
            return None

    def _following(self, wrong: Sequence[str], remaining: Sequence[str]) -> tuple[set[str], list[str]]:
        """Of the wrong values those that are right from the claimed ones before them, and those nothing explains."""
        follows: set[str] = set()
        taken = {n: self.claims[n].values for n in wrong if self.claims[n].whole and n in self.rerun.steps}
        unexplained: list[str] = []
        for name, claim in self.claims.items():
            if name in wrong and self._from_claims(name, taken):
                value = self.rerun.run((), [name], taken)[name]
                room = UNITS * claim.units if claim.digits <= FEW else claim.units
                units = Claim(name, claim.values, np.maximum(room, 1e-6 * np.abs(claim.values)), claim.single)
                if self.matches(units, value):
                    follows.add(name)
            if name in remaining and name not in follows:
                unexplained.append(name)
        return follows, unexplained

    def _from_claims(self, name: str, taken: Collection[str]) -> bool:
        """Whether a value is computed from claimed ones; in a loop from its own at other times too."""
        return any(n in taken and (n != name or n in self.rerun.loops) for n in self.rerun.upstream(name))

    def _finding(self, name: str, wrong: Sequence[str], by_hand: set[str], follows: set[str]) -> Finding:
        claim = self.claims[name]
        right = np.asarray(self.right[name], dtype=np.float64)
        same = self.same(claim, right) & claim.mask
        claimed, count = int(claim.mask.sum()), int(same.sum())
        digits = claim.digits
        if name in by_hand:
            return Finding(name, "rounded by hand", claimed, claimed, digits)
        if name not in wrong:
            return Finding(name, "right", count, claimed, digits)
        place = np.argwhere(claim.mask & ~same)
        first = str(Address(name, tuple(int(p) for p in place[0]))) if place.size else name
        verdict = "follows" if name in follows else "wrong"
        step = self.rerun.steps.get(name)
        where = where_it_sits(claim, right, step) if step is not None and verdict == "wrong" else ""
        return Finding(name, verdict, count, claimed, digits, first, where)


def _alike(first: Array, second: Array, claim: Claim) -> bool:
    """Whether two computed values are the same to the digits that are claimed."""
    if np.shape(first) != np.shape(second) or np.shape(first) != claim.values.shape:
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
