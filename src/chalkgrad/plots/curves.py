"""Learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .figure import CHALK, INK, new_figure, plain, png


class Epoch(Protocol):
    """An epoch's record, of which the number counts here."""

    @property
    def epoch(self) -> int: ...


class Curves(Protocol):
    """A history: its records, and their columns by name."""

    @property
    def records(self) -> Sequence[Epoch]: ...
    @property
    def best_epoch(self) -> int | None: ...
    def column(self, name: str) -> list[float]: ...


@plain()
def learning_curves(history: Curves) -> bytes:
    """Loss (and accuracy, where there is one) over the epochs, as PNG."""
    epochs = [r.epoch for r in history.records]
    accuracy, trained = history.column("val_accuracy"), history.column("accuracy")
    panels = 2 if accuracy or trained else 1
    figure = new_figure(9 if panels == 2 else 5, 3.6)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    marker = "o" if len(epochs) < 40 else None
    axes[0].plot(epochs, history.column("loss"), color=CHALK[0], marker=marker, ms=3, label="training")
    if validation := history.column("val_loss"):
        axes[0].plot(epochs, validation, color=CHALK[1], marker=marker, ms=3, label="validation")
    axes[0].set_title("loss")
    if min(history.column("loss"), default=0) > 0:
        from matplotlib.ticker import LogLocator, StrMethodFormatter

        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[0].yaxis.set_minor_formatter("")
    if len(trained) == len(epochs):
        axes[1].plot(epochs, [100 * a for a in trained], color=CHALK[0], marker=marker, ms=3, label="training")
    if accuracy:
        axes[1].plot(epochs, [100 * a for a in accuracy], color=CHALK[1], marker=marker, ms=3, label="validation")
    if panels == 2:
        axes[1].set_title("accuracy, %")
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if history.best_epoch is not None:
            axis.axvline(history.best_epoch, color=INK, lw=0.8, ls=":", label=f"best, epoch {history.best_epoch}")
        axis.legend(frameon=False, fontsize=8)
    return png(figure)
