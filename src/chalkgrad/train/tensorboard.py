"""TensorBoard's event files of a training, by the package tensorboardX, which needs no TensorFlow."""

from __future__ import annotations

import importlib
import math
import time
from pathlib import Path
from typing import Any

from ..base.checks import said
from ..base.errors import OptionError
from .callbacks import Callback, Training
from .history import History, Record


class TensorBoard(Callback):
    """Writes each epoch's numbers for TensorBoard: `loss/training`, `loss/validation`, `accuracy/validation`, the
    metrics that `fit(metrics=)` asked for in the same way, and `learning_rate`; the step is the epoch.

    `tensorboard --logdir DIR` shows them. It needs tensorboardX: `pip install 'chalkgrad[tensorboard]'`.

    Args:
        directory: where the event files go; it is made, and earlier files there stay. A training that is resumed into
            the same directory goes on there.

    Raises:
        OptionError: where tensorboardX is not installed, or the directory cannot be written into.
    """

    def __init__(self, directory: str | Path) -> None:
        if not isinstance(directory, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"TensorBoard: directory is a path, not {said(directory)}")
        self.directory = Path(directory)
        try:
            self._package: Any = importlib.import_module("tensorboardX")
        except ImportError:
            raise OptionError(
                "event files for TensorBoard need the package tensorboardX: pip install 'chalkgrad[tensorboard]'"
            ) from None
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise OptionError(f"{self.directory} cannot be made: {getattr(error, 'strerror', error)}") from None
        self._writer: Any = None

    def on_begin(self, training: Training) -> None:
        again = training.epoch if training.step else None  # what a killed training wrote of later epochs is left out
        own = f".{time.time_ns()}"  # a file's name has but the second, and two of one name would be one
        try:
            self._writer = self._package.SummaryWriter(str(self.directory), purge_step=again, filename_suffix=own)
        except OSError as error:
            raise OptionError(f"{self.directory} cannot be written into: {error.strerror or error}") from None

    def on_epoch(self, training: Training, record: Record) -> None:
        for name, value in scalars(record).items():
            self._writer.add_scalar(name, value, record.epoch)

    def on_end(self, training: Training, history: History) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def scalars(record: Record) -> dict[str, float]:
    """An epoch's numbers by TensorBoard's names; what is not finite is left out."""
    found: dict[str, float | None] = {
        "loss/training": record.loss,
        "loss/validation": record.val_loss,
        "accuracy/validation": record.val_accuracy,
        "learning_rate": record.learning_rate,
    }
    for name, value in record.metrics.items():
        part = "validation" if name.startswith("val_") else "training"
        found[f"{name.removeprefix('val_')}/{part}"] = value
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}
