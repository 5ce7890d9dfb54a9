"""What a training did, epoch by epoch, and why it stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from ..tables import table


class StopReason(StrEnum):
    """Why a training stopped: one of these and nothing else."""

    EPOCHS = "all epochs done"
    STEPS = "all steps done"
    PLATEAU = "the loss reached a plateau"
    LOSS = "the loss fell below the given value"
    NOT_FINITE = "the loss was no longer a finite number"
    CALLBACK = "a callback asked for it"
    INTERRUPTED = "it was interrupted"
    ERROR = "an error broke it off"


@dataclass(frozen=True, slots=True)
class Record:
    """One epoch.

    Attributes:
        epoch: its number, counted from 1.
        step: updates since the beginning of the training.
        loss: the training loss, averaged over the epoch's batches as they came (summed, for a summed loss).
        learning_rate: that of the epoch's last step.
        seconds: since the beginning of the training.
        val_loss, val_accuracy: on the validation samples, where there are any.
    """

    epoch: int
    step: int
    loss: float
    learning_rate: float
    seconds: float
    val_loss: float | None = None
    val_accuracy: float | None = None

    def to_json(self) -> str:
        """The record as one line of JSON, without what is not there; what is not finite is null."""
        known = {k: v for k, v in asdict(self).items() if v is not None}
        return json.dumps({k: v if math.isfinite(v) else None for k, v in known.items()}, allow_nan=False)


@dataclass(slots=True)
class History:
    """All epochs of a training.

    Attributes:
        records: one for every epoch in which a loss was computed.
        steps: updates made.
        stop_reason: why it stopped.
        stop_detail: more about it in words ("" where there is nothing to say).
        best_epoch: the epoch with the best validation loss; None without validation.
        loss: the last training loss that was computed.
        first_batch_loss: the loss of the very first batch, before any update.
    """

    records: list[Record] = field(default_factory=list[Record])
    steps: int = 0
    stop_reason: StopReason = StopReason.EPOCHS
    stop_detail: str = ""
    best_epoch: int | None = None
    loss: float = float("nan")
    first_batch_loss: float = float("nan")

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def seconds(self) -> float:
        """How long the training took."""
        return self.records[-1].seconds if self.records else 0.0

    def column(self, name: str) -> list[float]:
        """One column of the records: "loss", "val_loss", ...; what is missing is left out."""
        return [v for v in (getattr(r, name) for r in self.records) if v is not None]

    def to_jsonl(self) -> str:
        """The records as lines of JSON."""
        return "".join(r.to_json() + "\n" for r in self.records)

    def __str__(self) -> str:
        shown = self.records if len(self.records) <= 20 else [*self.records[:10], *self.records[-10:]]
        rows = [
            (
                r.epoch,
                r.step,
                f"{r.loss:.6g}",
                "" if r.val_loss is None else f"{r.val_loss:.6g}",
                "" if r.val_accuracy is None else f"{r.val_accuracy:.2%}",
                f"{r.learning_rate:.3g}",
            )
            for r in shown
        ]
        head = ("epoch", "step", "loss", "val loss", "val accuracy", "rate")
        detail = f": {self.stop_detail}" if self.stop_detail else ""
        return f"{table(head, rows, right=range(6))}\nstopped because {self.stop_reason}{detail}"

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs, {self.steps} steps, stopped because {self.stop_reason}>"
