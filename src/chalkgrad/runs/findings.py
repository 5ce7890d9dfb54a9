"""The results of a test set: numbers, text, and functions that draw the pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.text import visible
from ..data import Dataset
from ..data.dataset import IGNORED
from ..diagram.back_in_time import BackInTime
from ..model.metrics import certainties, class_rows, class_table, confusion_matrix, most_confused
from ..model.model import Array, Score
from ..network import Network
from ..plots.classes import confusion_picture, misread_sheet
from ..plots.of_model import boundary
from . import directory as run_directory
from .sequences import sizes_back_in_time, weights_of_a_sample


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of a test.

    Attributes:
        score: loss and accuracy.
        truth, predicted: class numbers of all samples, or of the steps that count, (N,); None for regression.
        confusion: the confusion matrix; None for regression and for a model of characters.
        back: how large the derivative is at each step back in time; None for networks without recurrent layers.
        y_hat: the predictions (N, ...); None for the classes of sequences.
    """

    score: Score
    truth: Any
    predicted: Any
    confusion: Any
    back: BackInTime | None = None
    y_hat: Any = None


def outputs_fit(network: Network, data: Dataset) -> bool:
    """Whether the network has an output for each of the data's classes (or one, for two classes)."""
    steps = data.y_train.shape[1:]
    shapes = [(*steps, len(data.classes))] + [(*steps, 1)] * (len(data.classes) == 2)
    return not data.classes or network.output_shape in shapes


def examine(network: Network, data: Dataset, engine: str = "auto", metrics: Sequence[str] = ()) -> Findings:
    """Runs the test set.

    Args:
        network: the network.
        data: the data set, of which the test samples count.
        engine: as for `Network.predict`.
        metrics: numbers beside loss and accuracy, by name.

    Raises:
        UnknownNameError, OptionError: where there is no such metric, or it does not suit the network.
    """
    back = sizes_back_in_time(network, data)
    if not data.classes or data.y_test.ndim == 1:
        evaluation = network.evaluate(data.x_test, data.y_test, engine=engine, metrics=metrics)
        if not data.classes:
            return Findings(evaluation, None, None, None, back, evaluation.y_hat)
        predicted = network.classes(evaluation.y_hat).reshape(data.y_test.shape)
        confusion = confusion_matrix(data.y_test, predicted, len(data.classes))
        return Findings(evaluation, data.y_test, predicted, confusion, back, evaluation.y_hat)
    parts: list[Array] = []
    samples = network.samples_and_targets(data.x_test, data.y_test)
    network.sample_weights(None, samples[1])
    score = network.measure(
        *samples, by_number=True, engine=engine, look=lambda p: parts.append(network.classes(p)),
        metrics=network.named_metrics("test", metrics, by_number=True),
    )  # fmt: skip
    counts = data.y_test != IGNORED
    predicted, truth = np.concatenate(parts).reshape(data.y_test.shape)[counts], data.y_test[counts]
    confusion = None if data.vocabulary else confusion_matrix(truth, predicted, len(data.classes))
    return Findings(score, truth, predicted, confusion, back)


def describe(findings: Findings, data: Dataset, width: int | None = None) -> str:
    """All findings, as text.

    Args:
        findings: the findings.
        data: what the network was tested on.
        width: how wide tables may be.
    """
    text = _described(findings, data, width)
    if findings.back is None:
        return text
    title = "the derivative of a sample's loss by what a layer hands on, so many steps back (norm, mean over samples):"
    return f"{text}\n\n{title}\n{findings.back.text(width)}"


def _described(findings: Findings, data: Dataset, width: int | None) -> str:
    names = [visible(name) for name in data.classes]
    lines = [f"{visible(data.name)}: {findings.score}"]
    if data.vocabulary is not None:
        lines.append(f"{findings.score.loss:.4g} nats a character, {bits(findings):.4g} bits; {counted(findings)}")
        return "\n".join(lines)
    if findings.confusion is None:
        error = findings.y_hat - data.y_test.reshape(findings.y_hat.shape)
        spread = float(np.sum((data.y_test - data.y_test.mean(axis=0)) ** 2))
        lines.append(f"mean absolute error {np.abs(error).mean():.6g}")
        if spread > 0:
            lines.append(f"R2 {1 - float(np.sum(error**2)) / spread:.4f}")
        return "\n".join(lines)
    lines += ["", class_table(findings.confusion, names, width)]
    pairs = most_confused(findings.confusion)
    if pairs:
        lines += ["", "most confused:"]
        lines += [f"  {names[i]} read as {names[j]}: {count}" for i, j, count in pairs]
    return "\n".join(lines)


def bits(findings: Findings) -> float:
    """The loss in bits: log2 in place of the natural logarithm."""
    return findings.score.loss / math.log(2)


def counted(findings: Findings) -> str:
    """How many steps were found, of how many that count."""
    right = int((findings.truth == findings.predicted).sum())
    return f"{right:,} of {len(findings.truth):,} characters were found"


def results(findings: Findings, data: Dataset) -> dict[str, Any]:
    """The findings as a table for a file."""
    table: dict[str, Any] = {
        "loss": findings.score.loss,
        "accuracy": findings.score.accuracy,
        "samples": findings.score.samples,
    }
    if findings.score.metrics:
        table["metrics"] = {n: v if math.isfinite(v) else None for n, v in findings.score.metrics.items()}
    if data.vocabulary is not None:
        table |= {"bits_per_character": bits(findings), "characters": len(findings.truth)}
    if findings.back is not None:
        sizes = {
            name: [float(s) if np.isfinite(s) else None for s in each] for name, each in findings.back.sizes.items()
        }
        table["gradient_back_in_time"] = sizes
    if findings.confusion is not None:
        names = ("samples", "precision", "recall", "f1")
        rows = class_rows(findings.confusion)
        table["classes"] = {
            name: {n: (None if v != v else v) for n, v in zip(names, row, strict=True)}
            for name, row in zip(data.classes, rows, strict=True)
        }
        table["confusion"] = findings.confusion.tolist()
    return table


def for_json(table: dict[str, Any]) -> dict[str, Any]:
    """The table, what is not finite in it as null."""
    for name in ("loss", "bits_per_character"):
        if not np.isfinite(table.get(name, 0)):
            table[name] = None
    return table


def save_results(path: Path, weights: str, findings: Findings, data: Dataset) -> None:
    """Writes test.json.

    Args:
        path: the directory.
        weights: the name of the weights that were tested.
        findings: the findings.
        data: what the network was tested on.
    """
    table = {run_directory.WEIGHTS: weights, **for_json(results(findings, data))}
    run_directory.write(path, run_directory.TEST, json.dumps(table, indent=1, allow_nan=False) + "\n")


def pictures(findings: Findings, data: Dataset, network: Network) -> Mapping[str, Callable[[], bytes | str | None]]:
    """Functions that draw the pictures of the test, by the files' names; None is nothing to draw."""
    of_sequences: dict[str, Callable[[], bytes | str | None]] = {
        run_directory.ATTENTION: lambda: weights_of_a_sample(network, data),
        run_directory.GRADIENTS: lambda: None if findings.back is None else findings.back.picture().svg,
    }
    if findings.confusion is None:
        return of_sequences

    def confusion() -> bytes:
        return confusion_picture(findings.confusion, data.classes)

    def misread() -> bytes:
        certainty = certainties(findings.y_hat, network.loss_function)
        return misread_sheet(data.x_test, findings.truth, findings.predicted, certainty, data.classes)

    def regions() -> bytes:
        x = np.asarray(data.x_test)
        return boundary(network, x, findings.truth, data.classes, data.columns)

    shown: dict[str, Callable[[], bytes | str | None]] = {run_directory.CONFUSION: confusion}
    if data.input_shape == (2,) and data.y_test.ndim == 1:
        shown[run_directory.BOUNDARY] = regions
    return shown | ({run_directory.MISREAD: misread} if data.is_image else {}) | of_sequences
