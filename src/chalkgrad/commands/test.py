"""chalkgrad test: loads a saved network, runs the test set, shows where it errs."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import run_directory
from ..data import Dataset
from ..errors import CheckpointError
from ..network import Evaluation, Network
from ..report.metrics import class_rows, class_table, confusion_matrix, most_confused
from ..saved import load
from .sources import open_recorded

RUNS = Path("runs")


@dataclass(frozen=True, slots=True)
class Findings:
    """What a test found.

    Attributes:
        evaluation: loss, accuracy and predictions.
        truth, found: class numbers (N,); None for regression.
        confusion: the confusion matrix; None for regression.
    """

    evaluation: Evaluation
    truth: Any
    found: Any
    confusion: Any


def outputs_fit(network: Network, data: Dataset) -> bool:
    """Whether the network has an output for each of the data's classes (or one, for two classes)."""
    wanted = [(len(data.classes),)] + [(1,)] * (len(data.classes) == 2)
    return not data.classes or network.output_shape in wanted


def examine(network: Network, data: Dataset, engine: str = "auto") -> Findings:
    """Runs the test set."""
    evaluation = network.evaluate(data.x_test, data.y_test, engine=engine)
    if not data.classes:
        return Findings(evaluation, None, None, None)
    truth = data.y_test
    found = network.classes(evaluation.y_hat)
    return Findings(evaluation, truth, found, confusion_matrix(truth, found, len(data.classes)))


def describe(findings: Findings, data: Dataset) -> str:
    """Everything that was found, as text."""
    lines = [f"{data.name}: {findings.evaluation}"]
    if findings.confusion is None:
        error = findings.evaluation.y_hat - data.y_test.reshape(findings.evaluation.y_hat.shape)
        spread = float(np.sum((data.y_test - data.y_test.mean(axis=0)) ** 2))
        lines.append(f"mean absolute error {np.abs(error).mean():.6g}")
        if spread > 0:
            lines.append(f"R2 {1 - float(np.sum(error**2)) / spread:.4f}")
        return "\n".join(lines)
    lines += ["", class_table(findings.confusion, data.classes)]
    pairs = most_confused(findings.confusion)
    if pairs:
        lines += ["", "most confused:"]
        lines += [f"  {data.classes[i]} read as {data.classes[j]}: {count}" for i, j, count in pairs]
    return "\n".join(lines)


def results(findings: Findings, data: Dataset) -> dict[str, Any]:
    """What was found, for a file."""
    table: dict[str, Any] = {
        "loss": findings.evaluation.loss,
        "accuracy": findings.evaluation.accuracy,
        "samples": findings.evaluation.samples,
    }
    if findings.confusion is not None:
        names = ("samples", "precision", "recall", "f1")
        rows = class_rows(findings.confusion)
        table["classes"] = {
            name: {n: (None if v != v else v) for n, v in zip(names, row, strict=True)}
            for name, row in zip(data.classes, rows, strict=True)
        }
        table["confusion"] = findings.confusion.tolist()
    return table


def save_findings(path: Path, findings: Findings, data: Dataset, *, pictures: bool) -> list[str]:
    """Writes test.json and the pictures of the test; returns the pictures' names."""
    table = results(findings, data)
    if not np.isfinite(table["loss"]):
        table["loss"] = None
    run_directory.write(path, "test.json", json.dumps(table, indent=1, allow_nan=False) + "\n")
    if findings.confusion is None or not pictures:
        return []
    from ..report import pictures as draw

    drawn = ["confusion_matrix.png"]
    run_directory.write(path, drawn[0], draw.confusion_picture(findings.confusion, data.classes))
    if data.is_image:
        certainty = certainties(findings.evaluation.y_hat)
        sheet = draw.misread_sheet(data.x_test, findings.truth, findings.found, certainty, data.classes)
        run_directory.write(path, "misread.png", sheet)
        drawn.append("misread.png")
    return drawn


def certainties(y_hat: Any) -> Any:
    """How sure each prediction (N, K) is: its largest probability, after a softmax where rows are scores."""
    if (y_hat >= 0).all() and np.allclose(y_hat.sum(axis=1), 1, atol=1e-3):
        return y_hat.max(axis=1)
    exponentials = np.exp(y_hat - y_hat.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).max(axis=1)


def run(arguments: Namespace) -> int:
    """The command."""
    path = Path(arguments.run) if arguments.run else run_directory.newest(RUNS)
    source = run_directory.read_run(path)
    if arguments.data:
        source["directory"] = arguments.data
    network = load(path)
    data = open_recorded(source, network, path)
    if not outputs_fit(network, data):
        raise CheckpointError(f"{path} gives {network.output_shape}, but {data.name} has {len(data.classes)} classes")
    findings = examine(network, data, arguments.engine)
    out = Path(arguments.out) if arguments.out else path
    run_directory.prepare(out)
    print(f"{path}: {network!r}")
    print(describe(findings, data))
    drawn = save_findings(out, findings, data, pictures=not arguments.no_pictures)
    print(f"\nsaved in {out}: {', '.join(['test.json', *drawn])}")
    return 0
