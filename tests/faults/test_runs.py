"""Runs in one directory: savers and a reader at once, and a training killed over an older one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_killed import _kill_at
from trials import many

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.runs import directory as run_directory
from chalkgrad.train.checkpoints import checkpoint_files

SAVER = """
import sys, time
import chalkgrad as cg
net = cg.Network([cg.Dense(20), cg.Softmax()], input_shape=10, loss="CrossEntropy", seed=int(sys.argv[1]))
print(flush=True)
for k in range(int(sys.argv[3])):
    net.flat[...] = k
    net.save(sys.argv[2])
"""
TRAIN = ["--quiet", "--no-pictures", "--engine", "numpy", "--out"]


def test_savers_and_a_reader(tmp_path: Path, record: Callable[..., None]) -> None:
    place, saves, reads, begun = tmp_path / "pair", many(15, 500), 0, False
    cg.Network([cg.Dense(20), cg.Softmax()], input_shape=10, loss="CrossEntropy").save(place)
    command = [sys.executable, "-c", SAVER]
    savers = [
        subprocess.Popen([*command, str(seed), str(place), str(saves)], stdout=subprocess.PIPE) for seed in range(3)
    ]
    for saver in savers:
        assert saver.stdout is not None
        saver.stdout.readline()
    while any(saver.poll() is None for saver in savers):
        net = cg.load(place)  # a read that is refused raises
        begun = begun or len(set(net.flat.tolist())) == 1
        assert not begun or len(set(net.flat.tolist())) == 1, "it is of two saves"
        reads += 1
    for saver in savers:
        saver.communicate()
    assert [saver.returncode for saver in savers] == [0, 0, 0]
    assert (cg.load(place).flat == saves - 1).all()
    assert len(list(place.iterdir())) == 2
    record("At once", "three processes that save into one directory, and one that reads", 3 * saves,
           f"0 saves lost, 0 of {reads:,} reads refused, 0 directories left behind")  # fmt: skip


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("keep", ["0", "2"])
def test_a_training_killed_over_an_older_one(tmp_path: Path, keep: str, record: Callable[..., None]) -> None:
    older, place, kills = tmp_path / "older", tmp_path / "run", 0
    assert main(["train", "spiral", "--epochs", "2", *TRAIN, str(older)]) == 0
    old = cg.load(older).flat
    outcomes = {"spiral": 0, "vertical": 0}
    for call in range(0, 10_000, many(11, 1)):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(older, place)
        command = ["train", "vertical", "--epochs", "3", "--keep", keep, *TRAIN, str(place)]
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                _kill_at(call)
                main(command)
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        kills += 1
        which = whole(place)
        assert which == ("spiral" if np.array_equal(cg.load(place).flat, old) else "vertical")
        outcomes[which] += 1
        assert main(["test", str(place), "--no-pictures"]) == 0
        assert whole(place) == which
        if checkpoint_files(place / "checkpoints"):
            assert main(["train", "--resume", str(place), "--epochs", "4", "--quiet", "--no-pictures"]) == 0
            assert whole(place) in (which, "vertical")
    assert kills > 10
    record("SIGKILL", f"`chalkgrad train --keep {keep}` over an older run, before every call, then tested and resumed",
           kills, f"{outcomes['spiral']} times the older run, {outcomes['vertical']} times the newer, whole; 0 mixtures")  # fmt: skip


def whole(place: Path) -> str:
    """Which data a run is of, by all that stands in its directory."""
    network, source, weights = run_directory.open_run(place)
    for folder in (place, place / weights):
        if (folder / "run.toml").exists():
            run = tomllib.loads((folder / "run.toml").read_text())
            assert run["weights"] == weights
            assert run["result"]["steps"] == network.steps_taken
        if (folder / "test.json").exists():
            assert json.loads((folder / "test.json").read_text())["weights"] == weights
        if (folder / "history.jsonl").exists():
            last = (folder / "history.jsonl").read_text().splitlines()[-1]
            assert json.loads(last)["step"] == network.steps_taken
    return source["source"]


@pytest.mark.long
def test_trainings_whose_log_is_lost(tmp_path: Path, record: Callable[..., None]) -> None:
    streams = ("2>/dev/full", "2>&-", ">/dev/full", ">&-", ">&- 2>&-", "| true", "2>&1 | true")
    streams = [s for s in streams if "full" not in s or Path("/dev/full").exists()][:: many(3, 1)]
    for number, to in enumerate(streams):
        line = (
            f"set -o pipefail; {sys.executable} -m chalkgrad train spiral --epochs 2 --no-pictures --out {number} {to}"
        )
        begun = time.monotonic()
        assert subprocess.run(["bash", "-c", line], cwd=tmp_path, check=False).returncode == 0
        assert time.monotonic() - begun < 300
        assert whole(tmp_path / str(number)) == "spiral"
        assert (tmp_path / str(number) / "test.json").exists()
    record("Log", "`chalkgrad train` whose standard output or error is full, closed, or a pipe that nobody reads",
           len(streams), "trained, tested, saved, exit code 0")  # fmt: skip
