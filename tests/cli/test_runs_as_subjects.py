"""explain, check and derive take runs, and say on which samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

QUICK = ["--epochs", "2", "--quiet", "--no-pictures", "--network", "softmax"]


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> cg.Network:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", *QUICK, "--out", "r", "--optimizer", "Adam"]) == 0
    capsys.readouterr()
    return cg.load("r")


def test_a_number_of_a_run_is_opened(run: cg.Network, capsys: Any) -> None:
    data = cg.data.digits()
    assert main(["explain", "r", "dW1[10, 0]", "--samples", "3"]) == 0
    out = capsys.readouterr().out
    assert "Run r on the first 3 of the 359 test samples of digits." in out
    expected = run.gradients(np.asarray(data.x_test[:3]), data.y_test[:3])["dW1"][10, 0]
    assert f"dW1[10, 0] = {expected:.6g}" in out
    assert main(["explain", "r"]) == 0
    out = capsys.readouterr().out
    assert "Run r on the first 4 of the 359 test samples of digits." in out
    assert "W1_new" in out
    assert "m_W1" in out, "the update is Adam's, as in the training"


def test_a_run_is_checked(run: cg.Network, capsys: Any) -> None:
    assert main(["check", "r", "--numbers", "20"]) == 0
    out = capsys.readouterr().out
    assert (
        "Run r on the first 4 of the 359 test samples of digits. At most 20 numbers of each gradient are compared."
        in out
    )
    assert out.count("same") == 3
    data = cg.data.digits()
    x, y = np.asarray(data.x_test[:5]), data.y_test[:5]
    claimed = {"dW1": (run.gradients(x, y)["dW1"] * 2).tolist()}
    Path("claimed.json").write_text(json.dumps(claimed))
    assert main(["check", "r", "--samples", "5", "--claimed", "claimed.json"]) == 1
    out = capsys.readouterr().out
    assert "Run r on the first 5" in out
    assert "twice" in out


def test_a_run_is_derived_with_its_numbers(capsys: Any) -> None:
    assert main(["derive", "r", "--numbers", "--samples", "2"]) == 0
    out = capsys.readouterr().out
    assert "Run r on the first 2 of the 359 test samples of digits." in out
    assert main(["derive", "r"]) == 0
    assert "Run r" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["explain", "r", "--samples", "0"], "--samples is a number of samples, 1 or more"),
        (["explain", "web", "--samples", "2"], "--samples is about a run directory, but web is none"),
        (["check", "web", "--data", "x"], "--data is about a run directory"),
        (["explain", "nothing"], "there is no file or worked example 'nothing'"),
        (["explain", "r", "dW9[0]"], "dW9"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], message: str, capsys: Any) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
