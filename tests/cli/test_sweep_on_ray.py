"""chalkgrad sweep on a local Ray cluster of two workers, of which one is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.cli.sweeping import options_of_train
from chalkgrad.sweep.plan import read_plan
from ray_here import local_cluster, workers_at

PLAN = """
data = "spiral"
seeds = 3
[settings]
max-steps = 4000
epochs = 1000000
checkpoint-every = 0.05
engine = "numpy"
[grid]
learning-rate = [0.01, 0.02]
"""


def weights(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in run.glob("weights-*/*.npy")}


@pytest.mark.long
def test_a_worker_that_is_killed_in_the_middle_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(PLAN)
    runs = list(read_plan(tmp_path / "sweep.toml", options_of_train()).runs())
    out = tmp_path / "runs" / "sweep"
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            begun = any(len(list((out / r.name / "checkpoints").glob("*.checkpoint"))) > 1 for r in runs)
            if begun and (found := workers_at("train_run", os.getpid())):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
            time.sleep(0.02)

    thread = threading.Thread(target=kill_one, daemon=True)
    with local_cluster(workers=2):
        thread.start()
        assert main(["sweep", "sweep.toml", "--ray", "auto", "--no-pictures"]) == 0
    told = capsys.readouterr().out
    assert killed
    assert "on Ray at auto" in told
    assert any("resumed after" in (out / r.name / "log.txt").read_text() for r in runs)
    monkeypatch.setenv("CHALKGRAD_THREADS", "1")
    for run in runs:
        assert main(["train", *run.words, "--out", f"alone/{run.name}", "--quiet", "--no-pictures"]) == 0
        assert weights(out / run.name) == weights(tmp_path / "alone" / run.name) != {}
        assert cg.load(out / run.name).steps_taken == 4000
