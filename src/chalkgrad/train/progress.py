"""Showing how a training goes: a live bar on a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, TextIO

from ..base.colour import shows_colour
from ..base.messages import Lossy
from .callbacks import Callback, Training
from .history import History, Record, metric_text
from .notebook_bar import NotebookBar, in_notebook

WIDE = 60
"""A terminal of so many columns has room for a bar."""
BAR, CLOCK = 11, 13
"""The columns of the bar, and those of the time up to ten hours and what separates it."""
SHORT_EPOCH = 50
"""Epochs of fewer steps than this are counted by the bar as wholes."""


def epoch_line(record: Record) -> str:
    """One epoch in one line."""
    return f"epoch {record.epoch}, {', '.join(_losses(record))}"


def _losses(record: Record, *, metrics_too: bool = True) -> list[str]:
    parts = [f"loss {record.loss:.4g}"]
    metrics = {name: metric_text(name, value) for name, value in record.metrics.items() if metrics_too}
    parts += [f"{name} {text}" for name, text in metrics.items() if not name.startswith("val_")]
    if record.val_loss is not None:
        parts.append(f"validation {record.val_loss:.4g}")
    if record.val_accuracy is not None:
        parts.append(f"{record.val_accuracy:.2%} right")
    more = [(name[4:], text) for name, text in metrics.items() if name.startswith("val_") and name != "val_accuracy"]
    parts += [f"{name} {text}" for name, text in more]
    return parts


class Progress(Callback):
    """A bar on a terminal and in a notebook; elsewhere a line for the first epoch, the last, and now and then between.

    What cannot be written is lost, and the training goes on.

    Args:
        stream: where to show it; standard error, or the notebook, if not given.
        every: seconds between two plain lines.
    """

    interval = 0.1

    def __init__(self, stream: TextIO | None = None, every: float = 2.0) -> None:
        self._notebook = stream is None and in_notebook()
        self.stream = Lossy(stream if stream is not None else sys.stderr)
        self.every = every
        self._bar: Any = None
        self._by_step = False
        self._epoch = 1
        self._last: Record | None = None
        self._shown: tuple[float, int] = (0.0, 0)

    def on_begin(self, training: Training) -> None:
        self._shown, self._epoch, self._last = (0.0, 0), 1, None
        if not (self._notebook or self.stream.isatty()):
            return
        self._by_step = training.epoch_steps >= SHORT_EPOCH
        total = training.epoch_steps if self._by_step else training.epochs
        self._bar = NotebookBar(total, self._title(training)) if self._notebook else self._terminal(training, total)

    def _terminal(self, training: Training, total: int | None) -> Any:
        from tqdm import tqdm  # pyright: ignore[reportMissingModuleSource]

        size = shutil.get_terminal_size()
        bar = total is not None and (size.columns or 80) >= WIDE
        return tqdm(
            total=total,
            desc=self._title(training),
            file=self.stream,
            ncols=size.columns or 80,
            nrows=size.lines or 24,
            bar_format="{desc} {bar:10} [{elapsed}]{postfix}" if bar else "{desc} [{elapsed}]{postfix}",
            colour="green" if shows_colour(self.stream) else None,
        )

    def _fitting(self, record: Record, title: str) -> str:
        """An epoch's numbers, as many as fit beside the bar: none is cut, or it would look like another number."""
        if self._notebook:
            return ", ".join(_losses(record))
        columns = shutil.get_terminal_size().columns or 80
        room = columns - len(title) - (BAR if columns >= WIDE else 0) - CLOCK
        parts = _losses(record)
        if len(", ".join(parts)) > room:
            parts = _losses(record, metrics_too=False)
        while parts and len(", ".join(parts)) > room:
            parts.pop()
        return ", ".join(parts)

    def _title(self, training: Training) -> str:
        of = f"/{training.epochs}" if training.epochs else ""
        return f"epoch {self._epoch}{of}"

    def on_step(self, training: Training) -> None:
        if not self._by_step:
            return
        epoch = max(-(-training.step // training.epoch_steps), 1)  # several may have passed since the last call
        if epoch != self._epoch:
            self._epoch = epoch
            self._bar.set_description_str(self._title(training), refresh=False)
            self._bar.n = self._bar.last_print_n = 0
        if self._last is None:
            self._bar.set_postfix_str(f"loss {training.loss:.4g}", refresh=False)
        self._bar.update(training.step - (epoch - 1) * training.epoch_steps - self._bar.n)

    def on_epoch(self, training: Training, record: Record) -> None:
        if self._bar is not None:
            self._epoch, self._last = record.epoch, record
            title = self._title(training)
            self._bar.set_description_str(title, refresh=False)
            self._bar.set_postfix_str(self._fitting(record, title), refresh=False)
            self._bar.update(0 if self._by_step else record.epoch - self._bar.n)
            return
        now = time.monotonic()
        if record.epoch == 1 or now - self._shown[0] >= self.every:
            self._shown = (now, record.epoch)
            print(epoch_line(record), file=self.stream, flush=True)

    def on_end(self, training: Training, history: History) -> None:
        if self._bar is not None:
            self.on_step(training)
            self._bar.close()
            self._bar = None
            self._by_step = False
        elif history.records and history.records[-1].epoch != self._shown[1]:
            print(epoch_line(history.records[-1]), file=self.stream, flush=True)
