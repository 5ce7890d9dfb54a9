"""What stands in a run directory is of one training: the older one or the newer, and never of both."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import CheckpointError
from chalkgrad.cli.main import main
from chalkgrad.model import saved
from chalkgrad.runs import directory as run_directory
from chalkgrad.train.checkpoints import checkpoint_files

QUICK = ["--quiet", "--no-pictures", "--engine", "numpy"]


def trained(source: str, out: Path, epochs: int, *more: str) -> int:
    return main(["train", source, "--epochs", str(epochs), *QUICK, "--out", str(out), *more])


def told(out: Path) -> tuple[str, int]:
    """Which data the run is of, by all that it says, and how many epochs."""
    network, source, weights = run_directory.open_run(out)
    run = tomllib.loads(run_directory.location(out, "run.toml").read_text())
    history = run_directory.location(out, "history.jsonl").read_text().splitlines()
    assert run["weights"] == weights
    assert run["data"] == source
    assert run["result"]["epochs"] == len(history)
    assert run["result"]["steps"] == network.steps_taken
    if (test := run_directory.location(out, "test.json")).exists():
        assert json.loads(test.read_text())["weights"] == weights
    return source["source"], len(history)


def test_a_training_that_was_interrupted_leaves_nothing_of_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert main(["train", "spiral", "--epochs", "2", "--quiet", "--out", str(out)]) == 0
    (out / "notes.md").write_text("mine")
    for picture in ("misread.png", "first_layer.png"):  # as a training on images leaves them
        (out / picture).write_bytes((out / "confusion_matrix.png").read_bytes())
    capsys.readouterr()
    end_epoch = cg.train.loop.Loop._end_epoch

    def interrupted(self: Any, *more: Any) -> bool:
        end_epoch(self, *more)
        raise KeyboardInterrupt

    monkeypatch.setattr(cg.train.loop.Loop, "_end_epoch", interrupted)
    assert trained("spiral", out, 9, "--learning-rate", "0.0001") == 128 + signal.SIGINT
    said = capsys.readouterr().out
    assert f"saved in {out}: network.toml and the weights as .npy, run.toml, history.jsonl\n" in said
    names = {p.name for p in out.iterdir() if p.is_file()}
    assert names == {"network.toml", "run.toml", "history.jsonl", "notes.md"}
    assert told(out) == ("spiral", 1)


@pytest.mark.parametrize("keep", ["2", pytest.param("0", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["replace", "write_table", "network", "settled", "history"])
def test_killed_at_a_bad_moment(
    tmp_path: Path, name: str, keep: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a killed training leaves can be tested, and gone on with, as what it is."""
    out = tmp_path / "run"
    assert trained("spiral", out, 2) == 0
    old = cg.load(out)

    class Killed(BaseException):
        """Nothing handles it, as nothing handles a kill."""

    def kill(*arguments: Any, **named: Any) -> Any:
        raise Killed

    move, count = saved._move, 0

    def moved(names: Any, source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == 2:
            kill()
        move(names, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *a, **k: None)  # a killed process tidies nothing
        if name == "replace":
            patch.setattr(saved, "replace_file", kill)
        elif name == "write_table":
            patch.setattr(run_directory, "write_table", kill)
        elif name == "history":
            patch.setattr(run_directory, "write", kill)
        elif name == "network":
            patch.setattr(saved, "_move", moved)  # before anything is moved back, or on
        else:
            patch.setattr(saved, "clear_weights", kill)
        with pytest.raises(Killed):
            trained("vertical", out, 3, "--keep", keep)
    which, _ = told(out)
    assert which == ("spiral" if np.array_equal(cg.load(out).flat, old.flat) else "vertical")
    capsys.readouterr()
    assert main(["test", str(out), "--no-pictures"]) == 0
    assert f"{which}: loss" in capsys.readouterr().out
    if checkpoint_files(out / "checkpoints"):
        assert main(["train", "--resume", str(out), "--epochs", "4", "--quiet", "--no-pictures"]) == 0
        assert told(out) == ("vertical", 4)
    else:
        assert main(["train", "--resume", str(out), "--epochs", "4"]) == 2
    assert trained("vertical", out, 1) == 0
    assert told(out) == ("vertical", 1)
    assert len(list(out.glob("weights-*"))) == 1


def test_another_network_saved_over_a_run_is_not_tested_as_if_it_were_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained("spiral", tmp_path, 1) == 0
    net = cg.load(tmp_path)
    net.flat[...] += 1
    net.save(tmp_path)
    with pytest.raises(CheckpointError, match="was saved by something else"):
        run_directory.read_run(tmp_path)
    assert main(["test", str(tmp_path)]) == 2
    assert 'delete the line "weights = ..."' in capsys.readouterr().err
    lines = (tmp_path / "run.toml").read_text().splitlines(keepends=True)
    (tmp_path / "run.toml").write_text("".join(n for n in lines if not n.startswith("weights")))  # the cure
    assert main(["test", str(tmp_path), "--no-pictures"]) == 0


def test_a_run_of_before_is_still_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its run.toml says neither which weights it is about nor what the data held."""
    assert trained("digits", tmp_path, 1) == 0
    run = tomllib.loads((tmp_path / "run.toml").read_text())
    del run["weights"], run["data"]["content"]
    run_directory.write_table(tmp_path, "run.toml", run)
    capsys.readouterr()
    assert main(["test", str(tmp_path), "--no-pictures"]) == 0
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "does not say what was in" in said.err


def test_a_damaged_checkpoint_is_not_passed_over_for_one_of_another_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert trained("spiral", out, 2) == 0
    assert trained("vertical", out, 1, "--keep", "1") == 0
    ((_, _, newest),) = checkpoint_files(out / "checkpoints")
    newest.write_bytes(newest.read_bytes()[:-1])
    assert main(["train", "--resume", str(out)]) == 2
    assert "none of the checkpoints" in capsys.readouterr().err


def test_a_training_over_a_description_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "network.toml"
    file.write_text('loss = "CrossEntropy"\nlayers = [{type = "Dense", units = 3}, "Softmax"]  # mine\n')
    assert trained("spiral", tmp_path, 1, "--network", str(file)) == 2
    assert "is not written over" in capsys.readouterr().err
    assert "# mine" in file.read_text()
    assert trained("spiral", tmp_path / "run", 1, "--network", str(file)) == 0


def test_a_network_with_nothing_to_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.toml"
    file.write_text('loss = "SquaredError"\nlayers = ["Tanh"]\n')
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i}.5,{i}.25\n" for i in range(9)))
    assert trained(str(tmp_path / "t.csv"), tmp_path / "run", 1, "--network", str(file)) == 2
    assert "nothing to train" in capsys.readouterr().err


def test_a_network_that_was_saved_while_it_was_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained("spiral", tmp_path, 1) == 0
    before = (tmp_path / "test.json").read_text()
    evaluate = cg.Network.evaluate

    def slowly(self: cg.Network, *arguments: Any, **named: Any) -> Any:
        cg.Network([cg.Dense(3), cg.Softmax()], input_shape=2, loss="CrossEntropy").save(tmp_path)
        return evaluate(self, *arguments, **named)

    monkeypatch.setattr(cg.Network, "evaluate", slowly)
    assert main(["test", str(tmp_path), "--no-pictures"]) == 2
    assert "another network was saved" in capsys.readouterr().err
    assert (tmp_path / "test.json").read_text() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no such kills here")
def test_killed_where_run_toml_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trained("spiral", tmp_path, 2) == 0
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            run_directory.write_table = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
            main(["train", "vertical", "--epochs", "3", *QUICK, "--out", str(tmp_path)])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    capsys.readouterr()
    assert main(["test", str(tmp_path), "--no-pictures"]) == 0
    assert "spiral: loss" in capsys.readouterr().out
