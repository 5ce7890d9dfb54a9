"""Showing how a training goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from .callbacks import Callback, Training
from .history import History, Record

SHORT_EPOCH = 50
"""Epochs of fewer steps than this are counted by the bar as wholes."""


def epoch_line(record: Record) -> str:
    """One epoch in one line."""
    parts = [f"epoch {record.epoch}", f"loss {record.loss:.4g}"]
    if record.val_loss is not None:
        parts.append(f"validation loss {record.val_loss:.4g}")
    if record.val_accuracy is not None:
        parts.append(f"accuracy {record.val_accuracy:.2%}")
    return ", ".join(parts)


class Progress(Callback):
    """A bar on a terminal; elsewhere a line for the first epoch, the last, and every so often between.

    Args:
        stream: where to show it; standard error if not given.
        every: seconds between two plain lines.
    """

    def __init__(self, stream: TextIO | None = None, every: float = 2.0) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.every = every
        self._bar: Any = None
        self._by_step = False
        self._shown: tuple[float, int] = (0.0, 0)

    def on_begin(self, training: Training) -> None:
        self._shown = (0.0, 0)
        if not self.stream.isatty():
            return
        from tqdm import tqdm  # pyright: ignore[reportMissingModuleSource]

        self._by_step = training.epoch_steps >= SHORT_EPOCH
        layout = "{desc} {bar:24} {n_fmt}/{total_fmt} steps [{elapsed}]{postfix}"
        if not self._by_step:
            layout = "epoch {n_fmt}/{total_fmt} {bar:24} [{elapsed}]{postfix}"
        self._bar = tqdm(
            total=training.epoch_steps if self._by_step else training.epochs,
            file=self.stream,
            dynamic_ncols=True,
            bar_format=layout,
            leave=True,
        )
        self._describe(training)

    def _describe(self, training: Training) -> None:
        if self._by_step:
            of = f"/{training.epochs}" if training.epochs else ""
            self._bar.set_description_str(f"epoch {training.epoch}{of}", refresh=False)

    def on_step(self, training: Training) -> None:
        if self._by_step:
            self._bar.update(1)

    def on_epoch(self, training: Training, record: Record) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(epoch_line(record).partition(", ")[2], refresh=False)
            if not self._by_step:
                self._bar.update(1)
            elif training.epochs is None or record.epoch < training.epochs:
                self._bar.n = 0
                self._bar.last_print_n = 0
                training.epoch = record.epoch + 1
                self._describe(training)
                self._bar.refresh()
            return
        now = time.monotonic()
        if record.epoch == 1 or now - self._shown[0] >= self.every:
            self._shown = (now, record.epoch)
            print(epoch_line(record), file=self.stream, flush=True)

    def on_end(self, training: Training, history: History) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self._by_step = False
        elif history.records and history.records[-1].epoch != self._shown[1]:
            print(epoch_line(history.records[-1]), file=self.stream, flush=True)
