"""Schedules: how the learning rate changes during training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..base.checks import number, plain, whole
from .foreign import refuse_settings

Rates = np.ndarray[Any, np.dtype[np.float64]]


class Rate(Protocol):
    """The learning rates of one training, as a schedule gives them."""

    @property
    def watches(self) -> bool:
        """Whether it depends on the epochs' losses."""
        ...

    def many(self, first: int, count: int) -> Rates:
        """The learning rates of `count` steps from the one with the number `first` on."""
        ...

    def at(self, step: int) -> float:
        """The learning rate of the step with this number, counted from 0."""
        ...

    def epoch_done(self, loss: float) -> None:
        """Takes the loss (the validation loss, where there is one) after every epoch."""
        ...

    def state(self) -> dict[str, float]:
        """Its state, by name."""
        ...

    def restore(self, state: Mapping[str, float]) -> None:
        """Goes back to an earlier state."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """Base of all schedules, and the constant one.

    Attributes:
        warmup: over this many first steps the rate rises linearly from 0.
    """

    warmup: int = field(default=0, kw_only=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *_: Any, **settings: Any) -> Any:
            refuse_settings(cls, settings)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        plain(self)
        whole(self.kind, "warmup", self.warmup, 0)
        self.check()

    def check(self) -> None:
        """Raises OptionError where a setting is invalid."""

    @property
    def kind(self) -> str:
        """The schedule's class name."""
        return type(self).__name__

    @property
    def needs_end(self) -> bool:
        """Whether it must know the number of steps in the training."""
        return False

    def rising(self, step: int) -> float:
        """The warm-up's factor in this step."""
        return min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        """The factor of the learning rate in this step."""
        return 1.0

    def start(self, base: float, epoch_steps: int, total_steps: int | None) -> Rate:
        """The learning rates of one training.

        Args:
            base: the optimizer's learning rate.
            epoch_steps: the number of steps in an epoch.
            total_steps: the number of steps in the whole training, if it is known.
        """
        return _RateBySteps(self, base, epoch_steps, total_steps or 1)


@dataclass(slots=True)
class _RateBySteps:
    schedule: Schedule
    base: float
    epoch_steps: int
    total_steps: int

    def at(self, step: int) -> float:
        try:
            factor = self.schedule.factor(step, self.epoch_steps, self.total_steps)
        except OverflowError:  # a decay above 1, many times over
            factor = math.inf
        return self.base * self.schedule.rising(step) * factor

    @property
    def watches(self) -> bool:
        return False

    def many(self, first: int, count: int) -> Rates:
        if type(self.schedule) is Constant and first >= self.schedule.warmup:
            return np.full(count, self.base)
        return np.array([self.at(step) for step in range(first, first + count)])

    def epoch_done(self, loss: float) -> None:
        pass

    def state(self) -> dict[str, float]:
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    """The same rate throughout."""


@dataclass(frozen=True, slots=True)
class StepDecay(Schedule):
    """The rate is multiplied by `decay` after every `every` epochs."""

    every: int = 10
    decay: float = 0.1

    def check(self) -> None:
        whole(self.kind, "every", self.every)
        number(self.kind, "decay", self.decay, 0.0)

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        return self.decay ** (step // epoch_steps // self.every)


@dataclass(frozen=True, slots=True)
class Exponential(Schedule):
    """The rate is multiplied by `decay` after every epoch."""

    decay: float = 0.95

    def check(self) -> None:
        number(self.kind, "decay", self.decay, 0.0)

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        return self.decay ** (step // epoch_steps)


@dataclass(frozen=True, slots=True)
class InverseTime(Schedule):
    """The rate divided by 1 + decay * step."""

    decay: float = 0.001

    def check(self) -> None:
        number(self.kind, "decay", self.decay, 0.0)

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        return 1 / (1 + self.decay * step)


@dataclass(frozen=True, slots=True)
class Linear(Schedule):
    """In a straight line from the full rate to `final` times it, over the whole training."""

    final: float = 0.0

    def check(self) -> None:
        number(self.kind, "final", self.final, 0.0)

    @property
    def needs_end(self) -> bool:
        return True

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        progress = min(step / max(total_steps - 1, 1), 1.0)
        return 1 + (self.final - 1) * progress


@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    """Along half a cosine from the full rate to `final` times it (Loshchilov and Hutter, arXiv:1608.03983)."""

    final: float = 0.0

    def check(self) -> None:
        number(self.kind, "final", self.final, 0.0)

    @property
    def needs_end(self) -> bool:
        return True

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        progress = min(step / max(total_steps - 1, 1), 1.0)
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True, slots=True)
class OneCycle(Schedule):
    """Up from 1/`start` of the rate over the first `rise` of the training, then down to `final` times it.

    Both ways along half a cosine (Smith, arXiv:1803.09820).
    """

    rise: float = 0.3
    start_divisor: float = 25.0
    final: float = 1e-4

    def check(self) -> None:
        number(self.kind, "rise", self.rise, 0.0, 1.0)
        number(self.kind, "start_divisor", self.start_divisor, 1.0)
        number(self.kind, "final", self.final, 0.0)

    @property
    def needs_end(self) -> bool:
        return True

    def factor(self, step: int, epoch_steps: int, total_steps: int) -> float:
        progress = min(step / max(total_steps - 1, 1), 1.0)
        if progress < self.rise:
            low, share = 1 / self.start_divisor, 1 - progress / self.rise
        else:
            low, share = self.final, (progress - self.rise) / (1 - self.rise)
        return low + (1 - low) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, slots=True)
class ReduceOnPlateau(Schedule):
    """The rate is multiplied by `decay` whenever the loss has not improved for `patience` epochs.

    The loss is the validation loss where there is one, else the training loss. Any lower one is an improvement; after
    `patience` epochs in a row without one the rate is reduced (as in Keras; PyTorch waits for one more), and the count
    begins again.
    """

    decay: float = 0.5
    patience: int = 3
    least: float = 0.0

    def check(self) -> None:
        number(self.kind, "decay", self.decay, 0.0, 1.0)
        whole(self.kind, "patience", self.patience)
        number(self.kind, "least", self.least, 0.0)

    def start(self, base: float, epoch_steps: int, total_steps: int | None) -> Rate:
        return _RateByLosses(self, base)


@dataclass(slots=True)
class _RateByLosses:
    schedule: ReduceOnPlateau
    rate: float
    best: float = math.inf
    wait: int = 0

    def at(self, step: int) -> float:
        return self.rate * self.schedule.rising(step)

    @property
    def watches(self) -> bool:
        return True

    def many(self, first: int, count: int) -> Rates:
        return np.array([self.at(step) for step in range(first, first + count)])

    def epoch_done(self, loss: float) -> None:
        if loss < self.best:
            self.best, self.wait = loss, 0
            return
        self.wait += 1
        if self.wait >= self.schedule.patience:
            self.rate, self.wait = max(self.rate * self.schedule.decay, min(self.schedule.least, self.rate)), 0

    def state(self) -> dict[str, float]:
        return {"rate": self.rate, "best": self.best, "wait": self.wait}

    def restore(self, state: Mapping[str, float]) -> None:
        self.rate, self.best, self.wait = state["rate"], state["best"], int(state["wait"])


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind
    for kind in (Constant, StepDecay, Exponential, InverseTime, Linear, Cosine, OneCycle, ReduceOnPlateau)
}
