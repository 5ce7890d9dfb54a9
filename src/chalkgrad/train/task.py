"""The task of a training: its settings, its samples, and how many steps they make."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..base.errors import DataError, OptionError
from ..describe.losses import Loss
from .samples import Samples
from .settings import FitSettings


@dataclass(frozen=True, slots=True)
class Task:
    """The task of a training.

    Attributes:
        settings: what was asked for.
        samples: what it is trained and validated on.
        count: samples in an epoch.
        batch_size: samples in a step, as asked for; it may be more than there are.
        epoch_steps: steps in an epoch.
        total_steps: steps in all, at most; None if that is open.
    """

    settings: FitSettings
    samples: Samples
    count: int
    batch_size: int
    epoch_steps: int
    total_steps: int | None

    @classmethod
    def of(cls, settings: FitSettings, samples: Samples) -> Task:
        """The task with these settings and samples.

        Raises:
            OptionError: where the schedule must know the end, and there is none.
        """
        count = samples.count
        batch_size = settings.batch_size or count
        epoch_steps = math.ceil(count / batch_size)
        ends = [settings.max_steps] if settings.max_steps else []
        ends += [settings.epochs * epoch_steps] if settings.epochs else []
        if settings.schedule.needs_end and not ends:
            raise OptionError(f"the schedule {settings.schedule.kind} must know the end: give epochs or max_steps")
        return cls(settings, samples, count, batch_size, epoch_steps, min(ends, default=None))

    def check_batches(self, loss: Loss) -> None:
        """Raises DataError where a batch could hold nothing that counts, so that its loss had no mean."""
        smallest = self.count % self.batch_size or self.largest_batch
        idle = self.samples.idle(loss)
        if idle >= smallest and loss.reduction == "mean":
            raise DataError(
                f"nothing counts in {idle} of the {self.count} samples (weight 0, or every target ignored), and a "
                f"batch of {smallest} could hold no others: leave them out, or take another batch_size"
            )

    @property
    def largest_batch(self) -> int:
        """Samples in a full step."""
        return min(self.batch_size, self.count)
