"""The examples run, and print what the documents print where that is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
FIGURES = {
    "two_layers.py": ["0.29102777369359933", "3.510187782978859e-05", "0.14978072 0.19956143", "0.35891648 0.40866619"],
    "neuron_and_layer.py": ["36.0", "466.56", "0.411915234", "[-0.00698895 -0.04024714 -0.06451539]", "accuracy 9"],
    "cnn_by_hand.py": ["262941 steps", "[0.00708185 0.99293974]"],
}


def test_every_example_is_tested() -> None:
    assert {p.name for p in EXAMPLES.glob("*.py")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_an_example_prints_its_figures(name: str) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for figure in FIGURES[name]:
        assert figure in shown
