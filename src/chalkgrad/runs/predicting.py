"""Predictions of a run for samples without targets, as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.columns import table
from ..base.errors import OptionError
from ..base.text import visible
from ..data.unlabelled import Unlabelled, sample_names
from ..model.metrics import probabilities
from ..model.model import Array
from ..network import Network


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions as a table.

    Attributes:
        head: the columns' names: "sample", of classes "class", "probability" and a column for each class; of numbers
            one for each output.
        rows: a row for each sample.
        classes: whether they are classes.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    classes: bool

    def to_csv(self) -> str:
        """As CSV, all digits of every number."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows(self.rows)
        return text.getvalue()

    def to_json(self) -> str:
        """As lines of JSON, one for each sample."""
        lines = (json.dumps(dict(zip(self.head, row, strict=True)), ensure_ascii=True) for row in self.rows)
        return "".join(f"{line}\n" for line in lines)

    def to_text(self, width: int | None = None, most: int = 20) -> str:
        """The first rows as a table, of classes without the columns of each class."""
        columns = 3 if self.classes and self.head[2] == "probability" else 2 if self.classes else len(self.head)
        rows = [[_cell(v) for v in row[:columns]] for row in self.rows[:most]]
        head = [visible(name) for name in self.head[:columns]]
        text = table(head, rows, right=[k for k in range(columns) if k > 1 or not self.classes], width=width)
        more = len(self.rows) - most
        return f"{text}\n... {more:,} more" if more > 0 else text


def _cell(value: Any) -> str:
    return visible(value) if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else str(value)


def predictions(network: Network, samples: Unlabelled, classes: Sequence[str], engine: str = "auto") -> Predictions:
    """What a network predicts.

    Args:
        network: the network.
        samples: the samples.
        classes: the names of the classes; empty where its outputs are numbers.
        engine: as for `Network.predict`.

    Raises:
        OptionError: where it gives no single answer for each sample.
    """
    if len(network.output_shape) != 1:
        raise OptionError(f"the network gives {network.output_shape} for each sample, and not one answer")
    y_hat = network.predict(samples.x, engine=engine)
    names = sample_names(samples)
    if not classes:
        head = ("y_hat",) if y_hat.shape[1] == 1 else tuple(f"y_hat{k + 1}" for k in range(y_hat.shape[1]))
        rows = tuple((name, *map(float, row)) for name, row in zip(names, y_hat, strict=True))
        return Predictions(("sample", *head), rows, False)
    chosen = network.classes(y_hat)
    shares = probabilities(y_hat, network.loss_function)
    if shares is None:
        columns, scores = _scores(y_hat, classes)
        rows = tuple((n, classes[c], *map(float, row)) for n, c, row in zip(names, chosen, scores, strict=True))
        return Predictions(("sample", "class", *columns), rows, True)
    rows = tuple(
        (name, classes[c], float(share[c]), *map(float, share))
        for name, c, share in zip(names, chosen.tolist(), shares, strict=True)
    )
    return Predictions(("sample", "class", "probability", *(f"p({name})" for name in classes)), rows, True)


def _scores(y_hat: Array, classes: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """The scores from which no probability follows; of two classes by one output its own."""
    rows = np.asarray(y_hat).reshape(len(y_hat), -1)
    return (("score",) if rows.shape[1] == 1 else tuple(f"score({name})" for name in classes)), rows
