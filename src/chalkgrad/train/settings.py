"""The settings of a training, checked where they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.checks import flag, number, whole
from ..base.checks import seed as check_seed
from ..base.errors import OptionError
from ..describe.optimizers import Optimizer, as_optimizer
from ..describe.schedules import SCHEDULES, Constant, Schedule
from ..describe.settings import from_table
from ..model.model import Model
from ..model.named import metric_names
from .shards import Shards, read_shards


@dataclass(frozen=True, slots=True)
class FitSettings:
    """The settings of a training, as `Network.fit` explains them; where nothing would stop it, `epochs` is 1.

    Attributes:
        batch_size: None for all samples at once.
        shards: None where a batch is computed as one.
        engine: "numpy" where `check_finite` asks for it; whether another one is known is checked when it is chosen.
    """

    optimizer: Optimizer
    schedule: Schedule
    epochs: int | None
    max_steps: int | None
    patience: int | None
    stop_below: float | None
    min_improvement: float
    restore_best: bool
    batch_size: int | None
    shuffle: bool
    seed: int
    engine: str
    check_finite: bool
    fresh_optimizer: bool
    shards: Shards | None
    metrics: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        model: Model,
        *,
        optimizer: Optimizer | str = "SGD",
        schedule: Schedule | str | None = None,
        epochs: int | None = None,
        max_steps: int | None = None,
        patience: int | None = None,
        stop_below: float | None = None,
        min_improvement: float = 0.0,
        restore_best: bool = True,
        batch_size: int | None = 32,
        shuffle: bool = True,
        seed: int | None = None,
        engine: str = "auto",
        check_finite: bool = False,
        fresh_optimizer: bool = False,
        shards: Shards | int = 1,
        metrics: Sequence[str] | str = (),
    ) -> FitSettings:
        """The settings of a training of this model.

        Raises:
            UnknownNameError: where there is no optimizer or schedule of a name.
            OptionError: where a setting is invalid.
        """
        optimizer = as_optimizer(optimizer, model.dtype)
        schedule = _schedule(schedule)
        epochs = None if epochs is None else whole("fit", "epochs", epochs)
        max_steps = None if max_steps is None else whole("fit", "max_steps", max_steps)
        patience = None if patience is None else whole("fit", "patience", patience)
        stop_below = None if stop_below is None else number("fit", "stop_below", stop_below, -math.inf)
        if epochs is max_steps is patience is stop_below is None:
            epochs = 1
        min_improvement = number("fit", "min_improvement", min_improvement, 0.0)
        seed = model.seed if seed is None else check_seed("fit", seed)
        batch_size = None if batch_size is None else whole("fit", "batch_size", batch_size)
        if check_finite and engine == "compiled":
            raise OptionError(
                "check_finite looks at every value, which the compiled engine does not keep; use engine='numpy'"
            )
        return cls(
            optimizer,
            schedule,
            epochs,
            max_steps,
            patience,
            stop_below,
            min_improvement,
            restore_best,
            batch_size,
            shuffle,
            seed,
            "numpy" if check_finite else engine,
            check_finite,
            flag("fit", "fresh_optimizer", fresh_optimizer),
            read_shards(shards),
            metric_names("fit", metrics),
        )


def _schedule(setting: Schedule | str | None) -> Schedule:
    schedule = from_table("schedule", setting, SCHEDULES) if isinstance(setting, str) else setting
    if schedule is None:
        return Constant()
    if not isinstance(schedule, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"schedule is {schedule!r}; known: {', '.join(SCHEDULES)}")
    return schedule
