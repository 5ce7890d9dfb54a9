"""chalkgrad sweep, as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalkgrad.cli.main import main
from chalkgrad.cli.sweeping import options_of_train
from chalkgrad.sweep.plan import read_plan

PLAN = """
data = "spiral"
seeds = 2
[settings]
epochs = 3
engine = "numpy"
[grid]
learning-rate = [0.01, 0.02]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(PLAN)
    return tmp_path


def weights(run: Path) -> dict[str, bytes]:
    """The bytes of the files with the weights of a run."""
    return {file.name: file.read_bytes() for file in run.glob("weights-*/*.npy")}


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["sweep", *words]) == code
    told = capsys.readouterr()
    return told.out + told.err


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, out: str) -> dict[str, bytes]:
    """The weights of one run of the plan, trained by `chalkgrad train` alone."""
    (run,) = (r for r in read_plan(folder / "sweep.toml", options_of_train()).runs() if r.name == name)
    monkeypatch.setenv("CHALKGRAD_THREADS", str(run.threads))
    assert main(["train", *run.words, "--out", out, "--quiet", "--no-pictures"]) == 0
    return weights(folder / out)


def test_the_same_bits_as_alone_and_kept_when_started_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(capsys, "sweep.toml", "--workers", "2")
    assert "4 runs, 2 settings with 2 seeds: 4 to train, 2 at a time, 1 thread each" in told
    assert "[4/4]" in told
    assert max(map(len, told.split("\n\n")[1].splitlines())) <= 80
    out = folder / "runs" / "sweep"
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "results.csv").read_text().splitlines()) == 5
    name = "learning-rate=0.02,seed=1"
    made = weights(out / name)
    assert made == alone(folder, monkeypatch, name, "alone") != {}
    assert main(["test", str(out / name), "--no-pictures"]) == 0
    capsys.readouterr()
    when = {file: file.stat().st_mtime_ns for file in out.rglob("*.npy")}
    (folder / "sweep.toml").write_text(PLAN.replace("[0.01, 0.02]", "[0.01, 0.02, 0.04]"))
    told = said(capsys, "sweep.toml", "--workers", "1", "--no-pictures")
    assert "the plan has changed: 2 runs are new" in told
    assert "4 are done, 2 to train, 1 at a time" in told
    assert {file: file.stat().st_mtime_ns for file in when} == when
    table = json.loads(said(capsys, "sweep.toml", "--json", "--no-pictures"))
    assert [s["n"] for s in table["settings"]] == [2, 2, 2]


def test_other_settings_for_a_run_that_is_there_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sweep.toml").write_text(PLAN.replace("seeds = 2", "seeds = 1"))
    said(capsys, "sweep.toml", "--no-pictures")
    (folder / "sweep.toml").write_text(PLAN.replace("epochs = 3", "epochs = 4"))
    told = said(capsys, "sweep.toml", code=2)
    assert "was begun with other settings (--epochs=3 --epochs=4)" in told
    assert main(["train", "spiral", "--epochs", "1", "--quiet", "--no-pictures", "--out", "other/seed=0"]) == 0
    (folder / "sweep.toml").write_text("data = 'spiral'")
    assert "is no run of this sweep" in said(capsys, "sweep.toml", "--out", "other", code=2)


def test_settings_are_checked_before_the_first_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for change, message in (
        ("momentum = 0.9", "2 of 2 settings cannot be trained with: learning-rate=0.01: Adam has no momentum"),
        ("batch-size = 0", "batch_size must be"),
        ("validation = 3", "validation"),
        ("network = 'lenet'", "lenet takes images"),
        ("loss = 'Hing'", "did you mean 'Hinge'"),
        ("epochs = 'many'", "invalid int value: 'many'"),
    ):
        (folder / "sweep.toml").write_text(PLAN.replace("epochs = 3", change))
        told = said(capsys, "sweep.toml", code=2)
        assert message in told
        assert told.count("\n") == 1
        assert not (folder / "runs").exists()
    (folder / "sweep.toml").write_text(PLAN.replace('"numpy"', '"nump"'))
    assert "did you mean 'numpy'" in said(capsys, "sweep.toml", code=2)
    assert "no such file" in said(capsys, "none.toml", code=2).lower()
    (folder / "sweep.toml").write_text(PLAN)
    assert "workers must be" in said(capsys, "sweep.toml", "--workers", "0", code=2)
    assert "give one" in said(capsys, "sweep.toml", "--workers", "2", "--ray", "auto", code=2)


def test_runs_that_fail_are_named_and_the_rest_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PLAN.replace("[0.01, 0.02]", "[0.01, 1e300]").replace("epochs = 3", "optimizer = 'SGD'\nepochs = 3")
    (folder / "sweep.toml").write_text(text)
    out = folder / "runs" / "sweep"
    out.mkdir(parents=True)
    told = said(capsys, "sweep.toml", "--workers", "2", code=1)
    assert "learning-rate=1e+300,seed=0 diverged" in told
    assert "0 of 2" in told
    assert "best" not in told.split("\n\n")[1].split("1e+300")[1]
    told = said(capsys, "sweep.toml", code=1)  # they would end the same again
    assert "4 are done, 0 to train" in told
    assert "learning-rate=1e+300,seed=0 diverged" in told


def test_a_folder_that_cannot_be_written_fails_its_run_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "learning-rate=0.01,seed=1"
    said(capsys, "sweep.toml", "--no-pictures")
    run = folder / "runs" / "sweep" / name
    (run / "finished.json").unlink()
    for file in run.rglob("*.checkpoint"):
        file.unlink()
    (run / "network.toml").write_text("# mine\n")
    told = said(capsys, "sweep.toml", "--no-pictures", code=1)
    assert f"{name} failed: " in told
    assert "network.toml" in told
    assert (run / "network.toml").read_text() == "# mine\n"
    assert "3 are done, 1 to train" in told


def test_a_run_that_has_changed_since_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "sweep.toml", "--no-pictures")
    run = folder / "runs" / "sweep" / "learning-rate=0.01,seed=0"
    assert main(["train", "spiral", "--epochs", "1", "--quiet", "--no-pictures", "--out", str(run)]) == 0
    assert "has changed since the sweep made it" in said(capsys, "sweep.toml", code=2)


def test_data_that_have_changed_since_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = "a,b,c\n" + "".join(f"{i},{i % 3},{'yes' if i % 2 else 'no'}\n" for i in range(60))
    (folder / "own.csv").write_text(table)
    (folder / "sweep.toml").write_text('data = "own.csv"\n[settings]\nepochs = 1\nengine = "numpy"')
    said(capsys, "sweep.toml", "--no-pictures")
    assert "0 to train" in said(capsys, "sweep.toml", "--no-pictures")
    (folder / "own.csv").write_text(table.replace("59,", "58,"))
    assert "the data have changed" in said(capsys, "sweep.toml", "--no-pictures", code=2)


LONG = """
data = "spiral"
seeds = 2
[settings]
max-steps = 6000
epochs = 1000000
checkpoint-every = 0.05
engine = "numpy"
"""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (folder / "sweep.toml").write_text(LONG)
    out = folder / "runs" / "sweep"
    process = subprocess.Popen(
        [sys.executable, "-m", "chalkgrad", "sweep", "sweep.toml", "--workers", "2"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while any(len(list((out / f"seed={s}" / "checkpoints").glob("*.checkpoint"))) < 2 for s in (0, 1)):
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(number)
    told, complaints = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert not list(out.rglob("finished.json"))
    if number == signal.SIGKILL:
        time.sleep(3)  # the workers notice, and save
    else:
        assert "go on with: chalkgrad sweep sweep.toml --workers 2" in complaints
        assert "0 of 2" in told
    told = said(capsys, "sweep.toml", "--workers", "2", "--no-pictures")
    assert "resumed after" in (out / "seed=0" / "log.txt").read_text()
    for seed in (0, 1):
        assert weights(out / f"seed={seed}") == alone(folder, monkeypatch, f"seed={seed}", f"alone{seed}") != {}


@pytest.mark.long
def test_a_worker_that_is_killed_in_the_middle_costs_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sweep.toml").write_text(LONG)
    out = folder / "runs" / "sweep"
    process = subprocess.Popen(
        [sys.executable, "-m", "chalkgrad", "sweep", "sweep.toml", "--workers", "2"], stdout=subprocess.PIPE, text=True
    )
    while not list((out / "seed=1" / "checkpoints").glob("*.checkpoint")):
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    told = process.communicate(timeout=120)[0]
    assert process.returncode == 0, told
    assert "[2/2]" in told
    for seed in (0, 1):
        assert weights(out / f"seed={seed}") == alone(folder, monkeypatch, f"seed={seed}", f"alone{seed}") != {}
