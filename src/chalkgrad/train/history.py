"""The history of a training, epoch by epoch, and why it stopped."""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, cast, overload

import numpy as np

from ..base.columns import table
from ..base.errors import OptionError
from ..plots.curves import learning_curves
from ..plots.plot import Plot
from ..render.blocks import Paragraph, Table
from ..render.board import Board
from ..render.shown import Displayed

Numbers = np.ndarray[Any, Any]
HEAD = ("epoch", "step", "loss", "val loss", "val accuracy", "rate")
MOST = 20
"""The most epochs that are shown."""
METRIC = "metrics/"
"""What stands before a metric's name where it is a column among a record's fields."""


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
        loss: the training loss L, that of every batch before its update, averaged over the epoch's samples: a smaller
            last batch weighs less. For a summed loss the samples' sum. Penalties count as they stand in L, averaged
            like it, with both.
        learning_rate: that of the epoch's last step.
        seconds: since the beginning of the training.
        val_loss, val_accuracy: on the validation samples, where there are any.
        metrics: what `fit(metrics=)` asked for, by name: of the samples that were trained on, after the epoch and as in
            prediction, like the validation; of the validation samples with "val_" before the name.
    """

    epoch: int
    step: int
    loss: float
    learning_rate: float
    seconds: float
    val_loss: float | None = None
    val_accuracy: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def accuracy(self) -> float | None:
        """The accuracy on the samples that were trained on, where `metrics` has it."""
        return self.metrics.get("accuracy")

    def to_json(self) -> str:
        """The record as one line of JSON, without what is not there; what is not finite is null."""
        fields = {k: v for k, v in asdict(self).items() if v is not None}
        fields |= fields.pop("metrics")
        return json.dumps({k: v if math.isfinite(v) else None for k, v in fields.items()}, allow_nan=False)


def metric_text(name: str, value: float) -> str:
    """A metric's value: an accuracy in per cent, others as a number."""
    return f"{value:.2%}" if name.removeprefix("val_") == "accuracy" else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class _Run:
    """Epochs that were computed at once: the first one's number, and a number for each of them."""

    first: int
    steps: Numbers
    losses: Numbers
    rates: Numbers
    seconds: Numbers

    def __len__(self) -> int:
        return len(self.losses)

    def record(self, k: int) -> Record:
        numbers = self.losses[k], self.rates[k], self.seconds[k]
        loss, rate, seconds = map(float, numbers)
        return Record(self.first + k, int(self.steps[k]), loss, rate, seconds)


def _column(run: _Run | Record, name: str, kind: Any) -> Numbers:
    """One field of an epoch, or of many."""
    if isinstance(run, Record):
        value = run.metrics.get(name[len(METRIC) :]) if name.startswith(METRIC) else getattr(run, name)
        return np.array([math.nan if value is None else value], kind)
    columns = {"step": run.steps, "loss": run.losses, "learning_rate": run.rates, "seconds": run.seconds}
    return np.asarray(columns[name] if name in columns else np.full(len(run), math.nan), kind)


class Records(Sequence[Record]):
    """The epochs' records, in order. Many short epochs are kept as columns and become records when asked for."""

    def __init__(self) -> None:
        self._runs: list[_Run | Record] = []
        self._starts: list[int] = []
        self._count = 0

    def append(self, record: Record) -> None:
        """Adds one epoch."""
        self._add(record, 1)

    def extend_columns(self, steps: Numbers, losses: Numbers, rates: Numbers, seconds: float | Numbers) -> None:
        """Adds epochs that were computed at once, without validation.

        Args:
            steps: updates since the beginning of the training, after each.
            losses: the training loss of each.
            rates: the learning rate of each one's last step.
            seconds: when they were done, in seconds since the beginning of the training.
        """
        self._add(_Run(self._count + 1, steps, losses, rates, np.broadcast_to(seconds, len(losses))), len(losses))

    def columns(self, kinds: Mapping[str, Any]) -> dict[str, Numbers]:
        """Some of the records' fields as arrays, of the given types by name; what is missing is NaN."""
        parts: dict[str, list[Numbers]] = {name: [] for name in kinds}
        for run in self._runs:
            for name, kind in kinds.items():
                parts[name].append(_column(run, name, kind))
        return {n: np.concatenate(p) if p else np.empty(0, kinds[n]) for n, p in parts.items()}

    def metrics(self) -> list[str]:
        """The names of the metrics that some record has."""
        named = [run.metrics for run in self._runs if isinstance(run, Record)]
        return list(dict.fromkeys(name for metrics in named for name in metrics))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Numbers]) -> Records:
        """The records that have these columns."""
        records = cls()
        metrics = [name for name in columns if name.startswith(METRIC)]
        if np.isnan(columns["val_loss"]).all() and not metrics:
            records.extend_columns(columns["step"], columns["loss"], columns["learning_rate"], columns["seconds"])
            return records
        names = list(columns)
        for row in zip(*(columns[n].tolist() for n in names), strict=True):
            fields: dict[str, Any] = dict(zip(names, row, strict=True))
            for name in ("val_loss", "val_accuracy"):
                fields[name] = None if math.isnan(fields[name]) else fields[name]
            numbers = {name[len(METRIC) :]: fields.pop(name) for name in metrics}
            fields["metrics"] = {name: value for name, value in numbers.items() if not math.isnan(value)}
            records.append(Record(len(records) + 1, **fields))
        return records

    def _add(self, run: _Run | Record, count: int) -> None:
        if not count:
            return
        self._starts.append(self._count)
        self._runs.append(run)
        self._count += count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(self._count))]
        place = at + self._count if at < 0 else at
        if not 0 <= place < self._count:
            raise IndexError(f"there are {self._count} epochs")
        which = bisect.bisect_right(self._starts, place) - 1
        run = self._runs[which]
        return run if isinstance(run, Record) else run.record(place - self._starts[which])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(cast("Sequence[object]", other))

    def __repr__(self) -> str:
        return f"<{self._count} epochs>"


@dataclass(slots=True, repr=False)
class History(Displayed):
    """All epochs of a training.

    Attributes:
        records: one for every epoch in which a loss was computed.
        steps: updates made.
        steps_before: updates that the optimizer remembers from earlier trainings of the network; 0 where it began anew.
        stop_reason: why it stopped.
        stop_detail: more about it in words ("" where there is nothing to say).
        best_epoch: the epoch with the best validation loss; None without validation.
        loss: the last training loss that was computed.
        first_batch_loss: the loss of the very first batch, before any update.
        engine: which engine computed, in words.
    """

    records: Records = field(default_factory=Records)
    steps: int = 0
    stop_reason: StopReason = StopReason.EPOCHS
    stop_detail: str = ""
    best_epoch: int | None = None
    loss: float = float("nan")
    first_batch_loss: float = float("nan")
    engine: str = "numpy"
    steps_before: int = 0

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        """The record of an epoch, counted from 0 (or from the end, -1 the last), or of several."""
        if isinstance(at, str):  # pyright: ignore[reportUnnecessaryIsInstance] (as Keras has it)
            raise TypeError(f"epochs are counted; the values of all of them are history.column({at!r})")
        return self.records[at]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def seconds(self) -> float:
        """How long the training took."""
        return self.records[-1].seconds if self.records else 0.0

    def column(self, name: str) -> list[float]:
        """One column of the records: "loss", "val_loss", "val_f1", ...; what is missing is left out."""
        if name in self.records.metrics():
            return [r.metrics[name] for r in self.records if name in r.metrics]
        return [v for v in (getattr(r, name) for r in self.records) if v is not None]

    def plot(self) -> Plot:
        """Loss and accuracy over the epochs, as a picture that shows itself in a notebook.

        Raises:
            OptionError: where there is no epoch yet.
        """
        if not self.records:
            raise OptionError("plot: there is no epoch in this history")
        return Plot(learning_curves(self), "loss over the epochs")

    def to_jsonl(self) -> str:
        """The records as lines of JSON."""
        return "".join(r.to_json() + "\n" for r in self.records)

    def board(self) -> Board:
        """The epochs on a board, the first and the last ten of many, and why it stopped."""
        title = f"Training of {len(self):,} epoch{'s' * (len(self) != 1)}, {self.steps:,} steps"
        whole = self._head()
        empty = [i for i in range(len(whole)) if not any(row[i] for row in self._rows())]
        head, *rows = [[c for i, c in enumerate(row) if i not in empty] for row in (whole, *self._rows())]
        if len(self) > MOST:
            rows.insert(MOST // 2, [f"... {len(self) - MOST:,} more", *[""] * (len(head) - 1)])
        shown = Table(tuple(head), tuple(map(tuple, rows)), right=tuple(range(len(head))))
        best = f" The best epoch is {self.best_epoch}." if self.best_epoch is not None else ""
        return Board(title, (*([shown] if rows else []), Paragraph(f"Stopped because {self._why()}.{best}")))

    def _why(self) -> str:
        return f"{self.stop_reason}: {self.stop_detail}" if self.stop_detail else f"{self.stop_reason}"

    def _shown(self) -> list[str]:
        return [name for name in self.records.metrics() if name != "val_accuracy"]

    def _head(self) -> tuple[str, ...]:
        return (*HEAD[:-1], *(name.replace("val_", "val ") for name in self._shown()), HEAD[-1])

    def _rows(self) -> list[tuple[str, ...]]:
        metrics, half = self._shown(), MOST // 2
        records = self.records if len(self.records) <= MOST else [*self.records[:half], *self.records[-half:]]
        return [
            (
                str(r.epoch),
                str(r.step),
                f"{r.loss:.6g}",
                "" if r.val_loss is None else f"{r.val_loss:.6g}",
                "" if r.val_accuracy is None else f"{r.val_accuracy:.2%}",
                *(metric_text(name, r.metrics[name]) if name in r.metrics else "" for name in metrics),
                f"{r.learning_rate:.3g}",
            )
            for r in records
        ]

    def __str__(self) -> str:
        head = self._head()
        return f"{table(head, self._rows(), right=range(len(head)))}\nstopped because {self._why()}"

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs, {self.steps} steps, stopped because {self.stop_reason}>"
