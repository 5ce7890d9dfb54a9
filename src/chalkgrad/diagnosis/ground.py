"""What a diagnosis stands on: claimed numbers, the right ones, and the program to run again with mistakes."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..base.caching import cached_property
from ..base.errors import DataError
from ..describe.optimizers import Optimizer, OptimizerState
from ..engines.numpy.runner import Runner
from ..explain.trace import Trace
from ..model.model import Model
from ..program import names as spelled
from .budget import Budget
from .claims.claim import Claim, numbers_of, read_claims
from .claims.comparing import Comparing, float32_coarseness, float32_noise
from .claims.evidence import independent
from .misread import misread
from .probe import Probe
from .rerun import MISFITS, NEXT, Again, Rerun
from .slips.slip import Slip
from .slips.tried import tried

Array = np.ndarray[Any, Any]
MISSING = object()
"""Stands for the loss after the update where it is not claimed."""
MOST_RUNS = 4
"""Of so many runs with mistakes the values are kept, for further mistakes that come to them."""


class Ground:
    """What a diagnosis stands on: claimed numbers, the right ones, and the program to run again with mistakes.

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

    Attributes:
        rerun: the program, to be run with mistakes.
        runner: the program, to be run on other samples.
        budget: what may still be computed.
        claims: the claimed numbers by value.
        comparing: when they are the computed ones.
        right: the right values of what is claimed.
        slips: the usual mistakes, and numbers that were misread.

    Raises:
        DataError: where the claims cannot be meant.
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
        self.probe = probe
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
        self._reach = {n for name in self.claims for n in self.rerun.upstream(name)}
        self._tried = tried(trace.program, trace, before)
        right = {n: self.comparing.same(c, self.right[n]) for n, c in self.claims.items()}
        reading = misread(self.claims, right, trace.program)
        self.slips = [*self._that_matter(self._tried.usual), *reading]
        self._acting: dict[int, bool] = {}  # by the slip's id
        self._runs: OrderedDict[tuple[int, ...], Again] = OrderedDict()

    @cached_property
    def made(self) -> list[Slip]:
        """The slips that are made from the formulas, the least far-fetched first."""
        return self._that_matter(self._tried.made)

    def _that_matter(self, slips: Sequence[Slip]) -> list[Slip]:
        """Those in one place, and those in several places of which more than one matters to the claims."""
        return [s for s in slips if not s.members or len(self._reach.intersection(s.outputs)) > 1]

    # -- comparing -----------------------------------------------------------------------------------------------------

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

    def wrong_numbers(self, names: Collection[str], now: Mapping[str, Array] | None = None) -> int:
        """How many claimed numbers are not the computed ones: the right ones, if no others are given."""
        computed = now or self.right
        return sum(int((self.claims[n].mask & ~self.comparing.same(self.claims[n], computed[n])).sum()) for n in names)

    def independent(self, names: Sequence[str], now: Mapping[str, Array]) -> int:
        """How many independent wrong numbers values have, where `now` is what is computed."""
        return sum(
            independent(c, now[n], c.mask & ~self.comparing.same(c, now[n]))
            for n in names
            if (c := self.claims[n]) and np.shape(now[n]) == c.values.shape
        )

    # -- with mistakes -------------------------------------------------------------------------------------------------

    def values(self, chosen: Sequence[Slip], values: Sequence[str] | None = None) -> dict[str, Array]:
        """The claimed values under slips; NaN where the slips do not fit the shapes."""
        names = list(self.claims) if values is None else list(values)
        try:
            return self.rerun.run(chosen[-1:], names, below=self._last_run(chosen[:-1]))
        except MISFITS:
            return {n: np.full(self.claims[n].values.shape, np.nan) for n in names}

    def _last_run(self, chosen: Sequence[Slip]) -> Again | None:
        """The run with slips to which others come: the last ones are kept, with what they have computed."""
        if not chosen:
            return None
        key = tuple(map(id, chosen))
        run = self._runs.pop(key, None)
        if run is None:
            run = self.rerun.again(chosen[-1:], below=self._last_run(chosen[:-1]))
            self.budget.take(chosen[-1:], self.claims)
        self._runs[key] = run
        while len(self._runs) > MOST_RUNS:
            self._runs.popitem(last=False)
        return run

    def acts(self, slip: Slip) -> bool:
        """Whether a slip changes its value at all on this input."""
        if id(slip) not in self._acting:
            self._acting[id(slip)] = self._changes_its_value(slip)
        return self._acting[id(slip)]

    def _changes_its_value(self, slip: Slip) -> bool:
        try:
            value = self.rerun.run((slip,), [slip.output])[slip.output]
        except MISFITS:
            return False
        right = self.trace[slip.output]
        return np.shape(value) != right.shape or not np.allclose(value, right, rtol=1e-10, atol=0, equal_nan=True)


def _single(name: str, value: Any) -> Claim:
    """A claim of one number that is no value of the trace."""
    numbers, units = numbers_of(name, value)
    if numbers.shape or math.isnan(float(numbers)):
        raise DataError(f"{name} is one number, not {value!r}")
    return Claim(name, numbers, np.nan_to_num(units))
