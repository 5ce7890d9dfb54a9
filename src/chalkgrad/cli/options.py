"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..base.seeds import A_SEED, SEEDS

WORKED_EXAMPLE = (
    "a worked example, or the name of one that comes with chalkgrad: attention, backprop-by-hand, cnn, gru, layer, "
    "lstm, neuron, perceptron, residual, rnn, shared, transformer-block, two_layers, web"
)
DESCRIBED = "a worked example, a network's description, or a run directory"
FORMATS = ("text", "markdown", "latex", "html", "json")
WORKED_OR_RUN = f"{WORKED_EXAMPLE}; or a run directory, with samples of its test set"
RUNS = Path("runs")
"""The folder of run directories."""

Add = Callable[..., argparse.Action]
"""A parser's or a group's `add_argument`."""


def seed(text: str) -> int:
    """The seed that an argument states.

    Raises:
        argparse.ArgumentTypeError: where it states none.
    """
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < SEEDS:
        raise argparse.ArgumentTypeError(f"a seed is {A_SEED}, not {text[:40]!r}")
    return value


def add_run(add: Add) -> None:
    """Adds --samples and --data, of a run."""
    add("--samples", type=int, metavar="N", help="of a run: how many samples, the first of its test set (default 4)")
    add("--data", metavar="DIR", help="of a run: the folder of MNIST's four files, if they were moved")


def add_engine(add: Add) -> None:
    """Adds --engine."""
    add(
        "--engine",
        default="auto",
        metavar="NAME",
        help="numpy; compiled, which is C written from the network's own steps; or auto (the default): compiled where "
        "there is a C compiler and enough to compute, else numpy",
    )


def add_precision(add: Add) -> None:
    """Adds --precision."""
    add("--precision", type=int, default=6, metavar="N", help="significant digits (default 6)")


def add_output(add: Add) -> None:
    """Adds --format and --out."""
    add(
        "--format",
        choices=FORMATS,
        metavar="FORMAT",
        help="text, markdown, latex, html or json (default: what the name of --out ends in, else text)",
    )
    add("--out", metavar="FILE", help="write to this file instead of the terminal")
