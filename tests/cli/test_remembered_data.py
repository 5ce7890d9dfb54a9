"""What a run was trained on is remembered: other data under the same name are refused, with what changed."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from chalkgrad.cli.main import main
from chalkgrad.data import digits, spiral
from chalkgrad.data.record import difference, record
from chalkgrad.describe.losses import BinaryCrossEntropy, CrossEntropy, Hinge, SquaredError
from chalkgrad.runs.findings import certainties

RNG = np.random.default_rng(0)
ROWS = [[f"{v:.4f}" for v in row] + ["ab"[k % 2]] for k, row in enumerate(RNG.normal(size=(40, 3)))]
HEAD = ["p", "q", "r", "kind"]
QUICK = ["--quiet", "--no-pictures"]


def write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    path.write_text("\n".join(map(",".join, [head, *rows])) + "\n")


CHANGES = {
    "a row more": (HEAD, [*ROWS, ROWS[0]], "33 samples to train on and 8 to test on, and there were 32 and 8"),
    "a row less": (HEAD, ROWS[:-2], "samples to train on"),
    "rows in another order": (HEAD, ROWS[::-1], "are others than they were, or stand in another order"),
    "one number": (HEAD, [["9", *ROWS[0][1:]], *ROWS[1:]], "are others than they were"),
    "columns in another order": (HEAD, [[r[1], r[0], *r[2:]] for r in ROWS], "are others than they were"),
    "another column": (HEAD, [[*r[:3], "1", r[3]] for r in ROWS], ""),
    "other classes": (HEAD, [[*r[:3], r[3].replace("a", "c")] for r in ROWS], "the classes are others: c is new, a is gone"),
    "numbers as targets": (HEAD, [[*r[:3], r[0]] for r in ROWS], "classes"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_other_content_under_the_same_name(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file, run = tmp_path / "my data.csv", tmp_path / "run"
    write(file, HEAD, ROWS)
    assert main(["train", str(file), "--epochs", "2", *QUICK, "--out", str(run)]) == 0
    kept = (run / "test.json").read_text()
    assert main(["test", str(run), "--no-pictures"]) == 0
    head, rows, message = CHANGES[name]
    write(file, head + ["x"] * (len(rows[0]) - len(head)), rows)
    for command in (["test", str(run)], ["train", "--resume", str(run), "--epochs", "3"]):
        capsys.readouterr()
        assert main(command) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert (run / "test.json").read_text() == kept
    if "train again with" in said:
        again = shlex.split(said.partition("train again with: chalkgrad ")[2])
        assert main([*again, "--epochs", "1", *QUICK, "--out", str(tmp_path / "again")]) == 0  # the cure
    write(file, HEAD, ROWS)
    assert main(["test", str(run), "--no-pictures"]) == 0
    assert main(["train", "--resume", str(run), "--epochs", "3", *QUICK]) == 0


def test_the_cure_reads_the_data_as_the_run_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, run, again = tmp_path / "t.csv", tmp_path / "run", tmp_path / "again"
    rows = [[str(k % 3), *row[:3]] for k, row in enumerate(ROWS)]
    write(file, ["rating", "p", "q", "r"], rows)
    said = ["--target", "rating", "--task", "regression", "--header", "yes", "--seed", "5"]
    assert main(["train", str(file), *said, "--epochs", "2", *QUICK, "--out", str(run)]) == 0
    write(file, ["rating", "p", "q", "r"], rows[1:])
    capsys.readouterr()
    assert main(["test", str(run)]) == 2
    cure = shlex.split(capsys.readouterr().err.partition("train again with: chalkgrad ")[2])
    assert main([*cure, "--epochs", "2", *QUICK, "--out", str(again)]) == 0
    before, now = (tomllib.loads((d / "run.toml").read_text())["data"] for d in (run, again))
    assert {k: v for k, v in before.items() if k != "content"} == {k: v for k, v in now.items() if k != "content"}


def test_every_difference_is_named() -> None:
    data = dataclasses.replace(digits(), columns=("a", "b", "c"), target="t")
    known = record(data)
    assert difference(known, data) == ""
    y = data.y_test.copy()
    y[0] += 1
    for changes, message in (
        ({"columns": ("b", "a", "c")}, "the columns are in another order (number 1 is b, and was a)"),
        ({"columns": ("a", "b", "d")}, "the columns are others: d is new, c is gone"),
        ({"columns": ("a", "b")}, "the columns are others: c is gone"),
        ({"target": "u"}, "the target column is u, and was t"),
        ({"x_train": data.x_train.astype(np.float64)}, "a sample is 1x8x8 float64, and was 1x8x8 float32"),
        ({"y_train": data.y_train[:, None].astype("f4")}, "a target is 1 float32, and was 1 int64"),
        ({"y_test": y}, "some of the samples to test on are others"),
    ):
        assert message in difference(known, dataclasses.replace(data, **changes))
    many = dataclasses.replace(data, columns=tuple(f"a column's name, {i}" for i in range(9000)))
    assert len(str(record(many))) < 2000
    assert difference(record(many), dataclasses.replace(many, columns=many.columns[::-1]))
    for nonsense in (
        {},
        {"columns": 3},
        {"classes": [[]]},
        {**known, "sample": []},
        {**known, "test_samples": "x"},
        {**known, "test_samples": 16**9000},
        {**known, "classes": [16**9000]},
    ):
        assert difference(nonsense, data)


def test_drawn_points_have_no_digest() -> None:
    """Another machine's sine may end in another digit."""
    known = record(spiral(), digests=False)
    assert not [k for k in known if "sha256" in k]
    assert difference(known, spiral()) == ""


def test_a_file_in_another_place_is_another_file(tmp_path: Path) -> None:
    file, run = tmp_path / "d.csv", tmp_path / "run"
    write(file, HEAD, ROWS)
    assert main(["train", str(file), "--epochs", "1", *QUICK, "--out", str(run)]) == 0
    shutil.move(run, tmp_path / "moved")  # the run itself may be anywhere
    assert main(["test", str(tmp_path / "moved"), "--no-pictures"]) == 0


OPTIMIZERS = [
    ("mlp", [], {"type": "Adam", "learning_rate": 0.01}, "Adam with learning rate 0.01 (the recipe's),"),
    ("mlp", ["--optimizer", "Adam"], {"type": "Adam", "learning_rate": 0.01},
     "Adam with learning rate 0.01 (the recipe's; Adam's default is 0.001),"),
    ("mlp", ["--optimizer", "Adam", "--learning-rate", "0.001"], {"type": "Adam"},
     "Adam with learning rate 0.001 (as given),"),
    ("mlp", ["--optimizer", "SGD"], {"type": "SGD"},
     "SGD with learning rate 0.01 (SGD's default; the recipe's was Adam with learning rate 0.01),"),
    ("softmax", ["--optimizer", "SGD"], {"type": "SGD", "learning_rate": 0.05},
     "SGD with learning rate 0.05 (the recipe's; SGD's default is 0.01),"),
    ("softmax", ["--optimizer", "Adam"], {"type": "Adam"},
     "Adam with learning rate 0.001 (Adam's default; the recipe's was SGD with learning rate 0.05),"),
    ("softmax", ["--optimizer", "SGD", "--learning-rate", "0.5"], {"type": "SGD", "learning_rate": 0.5},
     "SGD with learning rate 0.5 (as given),"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "options", "optimizer", "message"), OPTIMIZERS)
def test_the_recipes_learning_rate(
    tmp_path: Path, network: str, options: list[str], optimizer: dict[str, object], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    command = ["train", "spiral", "--network", network, *options, "--epochs", "1", *QUICK, "--out", str(tmp_path)]
    assert main(command) == 0
    assert message in capsys.readouterr().out.splitlines()[2]
    assert tomllib.loads((tmp_path / "run.toml").read_text())["training"]["optimizer"] == optimizer


def test_how_sure_a_prediction_is() -> None:
    one, logits = np.array([[0.51], [0.3], [0.97]], "f4"), np.array([[0.0], [2.0], [-800.0]], "f4")
    assert np.allclose(certainties(one), [0.51, 0.7, 0.97])
    assert np.allclose(certainties(one, BinaryCrossEntropy()), [0.51, 0.7, 0.97])
    assert np.allclose(certainties(logits, BinaryCrossEntropy(from_logits=True)), [0.5, 1 / (1 + np.exp(-2)), 1])
    assert np.allclose(certainties(one, BinaryCrossEntropy(from_logits=True))[0], 1 / (1 + np.exp(-0.51)))
    assert certainties(one, Hinge()) is None
    assert certainties(logits, SquaredError()) is None
    rows = np.array([[0.2, 0.8], [0.6, 0.4]])
    assert np.allclose(certainties(rows, CrossEntropy()), [0.8, 0.6])
    assert np.allclose(certainties(rows, CrossEntropy(from_logits=True)), np.exp([0.8, 0.6]) / np.exp(rows).sum(1))
    assert np.allclose(certainties(np.array([[0.9, 0.8]]), BinaryCrossEntropy()), [0.9])
    assert certainties(rows * 3, Hinge()) is None
