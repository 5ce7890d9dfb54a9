"""Options of train and test: metrics, weights of classes, lines of JSON, event files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


QUICK = ["--network", "softmax", "--epochs", "2", "--no-pictures", "--quiet"]


def test_metrics_of_training_and_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *QUICK, "--metrics", "accuracy, f1", "--class-weight", "balanced", "--out", "r"]) == 0
    out = capsys.readouterr().out
    assert "classes balanced" in out
    table = tomllib.loads(Path("r/run.toml").read_text())["training"]
    assert (table["metrics"], table["class_weight"]) == (["accuracy", "f1"], "balanced")
    lines = [json.loads(line) for line in Path("r/history.jsonl").read_text().splitlines()]
    assert {"accuracy", "f1", "val_accuracy", "val_f1"} <= set(lines[0])
    found = json.loads(Path("r/test.json").read_text())
    assert f"f1 {found['metrics']['f1']:.6g}" in out
    data = cg.data.digits()
    assert found["metrics"] == dict(cg.load("r").evaluate(data.x_test, data.y_test, metrics=["accuracy", "f1"]).metrics)
    assert main(["test", "r", "--no-pictures", "--json", "--metrics", "top_5"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["metrics"]) == {"top_5"}
    assert printed["confusion"] == found["confusion"]
    assert main(["train", "--resume", "r", "--epochs", "3", "--quiet", "--no-pictures", "--metrics", "auc"]) == 0
    last = json.loads(Path("r/history.jsonl").read_text().splitlines()[-1])
    assert "auc" in last
    assert "f1" not in last


def test_lines_of_json_and_nothing_else_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *QUICK, "--json", "--out", "r"]) == 0
    out, err = capsys.readouterr()
    assert out == Path("r/history.jsonl").read_text()
    assert "samples to train" in err
    assert "saved in r" in err


def test_event_files(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboardX")
    assert main(["train", *QUICK, "--log", "logs", "--out", "r"]) == 0
    assert len(list(Path("logs").glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", *QUICK, "--metrics", "acc"], "there is no metric 'acc'"),
        (["train", *QUICK, "--metrics", "r2"], "r2 does not suit this network"),
        (["train", *QUICK, "--class-weight", "even"], "--class-weight is 'balanced'"),
    ],
)
def test_bad_options_are_one_line(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_damaged_list_of_metrics_in_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *QUICK, "--metrics", "f1", "--out", "r"]) == 0
    text = Path("r/run.toml").read_text()
    Path("r/run.toml").write_text(text.replace('"f1"', '"nothing"'))
    assert main(["test", "r", "--no-pictures"]) == 2
    assert "there is no metric 'nothing'" in capsys.readouterr().err
