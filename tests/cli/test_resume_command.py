"""chalkgrad train --resume, as a user meets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.files.writing import locked

TRAIN = ["train", "spiral", "--quiet", "--no-pictures"]


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_signal_and_on(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "my run"
    command = [*TRAIN, "--max-steps", "3000", "--epochs", "1000000", "--checkpoint-every", "0.05"]
    process = subprocess.Popen(
        [sys.executable, "-m", "chalkgrad", *command, "--out", str(out)], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while len(list((out / "checkpoints").glob("*.checkpoint"))) < 2:
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + number
    assert "it was interrupted" in said
    assert f"resume with: chalkgrad train --resume '{out}'" in said
    assert 0 < cg.load(out).steps_taken < 3000
    assert main(["train", "--resume", str(out), "--quiet", "--no-pictures"]) == 0
    assert main([*command, "--out", str(tmp_path / "whole")]) == 0
    assert np.array_equal(cg.load(out).flat, cg.load(tmp_path / "whole").flat)
    assert not list(out.rglob("*.part"))


def test_prolonged_and_its_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    assert main([*TRAIN, "--epochs", "2", "--out", out]) == 0
    assert main(["train", "--resume", out, "--epochs", "3", "--quiet", "--no-pictures"]) == 0
    assert "resumed after" in capsys.readouterr().out
    for further, message in (
        (["--batch-size", "7"], "leave --batch-size out"),
        (["mnist"], "leave DATA out"),
        (["--epochs", "0"], "epochs must be"),
        (["--keep", "-1"], "keep must be"),
    ):
        assert main(["train", "--resume", out, *further]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert main(["train", "--resume", str(tmp_path / "none")]) == 2
    assert "no such directory" in capsys.readouterr().err


def test_a_training_without_checkpoints(tmp_path: Path) -> None:
    assert main([*TRAIN, "--epochs", "2", "--keep", "0", "--out", str(tmp_path)]) == 0
    assert not (tmp_path / "checkpoints").exists()


def test_one_training_in_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path, "another training"):
        assert main([*TRAIN, "--epochs", "1", "--out", str(tmp_path)]) == 2
    assert "another training is writing into" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_what_a_killed_training_left_is_cleared(tmp_path: Path) -> None:
    assert main([*TRAIN, "--epochs", "1", "--out", str(tmp_path)]) == 0
    stale = [
        tmp_path / ".network.toml.0123456789abcdef.part",
        tmp_path / "checkpoints" / ".x.0123456789abcdef.part",
        tmp_path / "weights-0123456789ab" / "W1.npy",
        next(tmp_path.glob("weights-*")) / ".W1.npy.0123456789abcdef.part",
        tmp_path / ".try.0123456789abcdef.part",
    ]
    stale[2].parent.mkdir()
    for file in stale:
        file.write_bytes(b"half")
    mine = tmp_path / "notes.part"
    mine.write_text("mine")
    assert main([*TRAIN, "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert not any(f.exists() for f in stale)
    assert mine.exists()


def test_from_the_folder_or_the_file_of_a_run(tmp_path: Path) -> None:
    """The run directory is the same, whichever way it is named."""
    out = tmp_path / "run"
    assert main([*TRAIN, "--epochs", "1", "--patience", "50", "--out", str(out)]) == 0
    for epochs in (2, 3):
        place = out / "checkpoints" if epochs == 2 else sorted((out / "checkpoints").iterdir())[-1]
        assert main(["train", "--resume", str(place), "--epochs", str(epochs), "--quiet", "--no-pictures"]) == 0
        assert sorted(p.name for p in (out / "checkpoints").iterdir() if not p.name.endswith(".checkpoint")) == []
    assert len((out / "history.jsonl").read_text().splitlines()) == 3


def test_a_training_that_keeps_none_leaves_none_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--epochs", "2", "--out", str(tmp_path)]) == 0
    assert main(["train", "--resume", str(tmp_path), "--keep", "0"]) == 2
    assert "--keep is 1 or more" in capsys.readouterr().err
    assert main([*TRAIN, "--epochs", "1", "--keep", "0", "--out", str(tmp_path)]) == 0
    assert main(["train", "--resume", str(tmp_path)]) == 2


def test_a_name_that_no_file_can_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.csv")
    Path(file).write_text("a,b\n" + "1,2\n3,4\n" * 9)
    assert main(["train", file, "--epochs", "1", "--out", str(tmp_path / "out")]) == 2
    assert "is not UTF-8" in capsys.readouterr().err
