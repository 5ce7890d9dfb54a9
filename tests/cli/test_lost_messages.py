"""A training that is done is saved, whatever becomes of its messages and its pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.plots.classes import confusion_picture, misread_sheet

SAVED = ("network.toml", "run.toml", "history.jsonl", "test.json")


def shell(line: str, place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    line = line.replace("chalkgrad", f"{sys.executable} -m chalkgrad")
    env = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", line], cwd=place, env=env, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "to",
    [
        *(">&- 2>&- <&-", "2>&1 | head -1"),  # others are tried in tests/faults
        *(pytest.param(to, marks=pytest.mark.long) for to in (">/dev/full 2>&1", ">/dev/full")),
    ],
)
def test_streams_that_cannot_be_written(tmp_path: Path, to: str) -> None:
    done = shell(f"set -o pipefail; chalkgrad train spiral --epochs 3 --no-pictures --out run {to}", tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert all((tmp_path / "run" / name).exists() for name in SAVED)
    cg.load(tmp_path / "run")


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_is_the_product_and_is_lost_is_no_success(tmp_path: Path) -> None:
    done = shell("chalkgrad explain web >/dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert shell("chalkgrad explain nothing 2>/dev/full", tmp_path).returncode == 2


@pytest.mark.long
def test_output_that_goes_nowhere(tmp_path: Path) -> None:
    assert shell("set -o pipefail; chalkgrad explain web | true", tmp_path).returncode in (0, 1)
    assert shell("chalkgrad explain nothing 2>&-", tmp_path).returncode == 2


class Broken:
    """A stream that fails from its n-th call on."""

    def __init__(self, calls: int, error: Exception, terminal: bool) -> None:
        self.calls, self.error, self.terminal = calls, error, terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        return len(text)

    def flush(self) -> None:
        self.write("")


@pytest.mark.parametrize("terminal", [True, False], ids=["a terminal", "a file"])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("closed"), RuntimeError("odd"), None])
@pytest.mark.parametrize("calls", [0, 3])
def test_progress(monkeypatch: pytest.MonkeyPatch, terminal: bool, error: Exception | None, calls: int) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    net, quiet = (cg.Network([cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy") for _ in range(2))
    quiet.fit(x, y, epochs=3)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None if error is None else Broken(calls, error, terminal))
        net.fit(x, y, epochs=3, progress=True)
    assert np.array_equal(net.flat, quiet.flat)


MATPLOTLIB = {
    "a notebook's backend": {"MPLBACKEND": "module://of.another.environment"},
    "no such backend": {"MPLBACKEND": "nonsense"},
    "no home": {"HOME": "/nonexistent", "MPLCONFIGDIR": "/proc/nothing", "XDG_CACHE_HOME": "/proc/nothing"},
    "LaTeX": {"MATPLOTLIBRC": "own"},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose pictures are drawn as they are without any settings."""
    place = tmp_path_factory.mktemp("plain")
    assert main(["train", "digits", "--epochs", "1", "--quiet", "--out", str(place)]) == 0
    return place


@pytest.mark.parametrize("name", MATPLOTLIB)
@pytest.mark.long
def test_what_matplotlib_was_set_to_changes_no_picture(tmp_path: Path, plain: Path, name: str) -> None:
    (tmp_path / "own").write_text("text.usetex: True\nbackend: qtagg\nfigure.figsize: banana\nnonsense: 3\n")
    done = shell("chalkgrad train digits --epochs 1 --quiet --out run", tmp_path, **MATPLOTLIB[name])
    assert (done.returncode, done.stderr) == (0, "")
    for picture in ("confusion_matrix.png", "misread.png", "first_layer.png"):
        assert (tmp_path / "run" / picture).read_bytes() == (plain / picture).read_bytes()


@pytest.mark.parametrize(
    "fault",
    [
        "raise ImportError('broken,\\nbadly')",
        *(pytest.param(fault, marks=pytest.mark.long) for fault in ("raise MemoryError", "rcParamsDefault = 3")),
    ],
)
def test_pictures_that_cannot_be_drawn_are_one_line(tmp_path: Path, fault: str) -> None:
    (tmp_path / "matplotlib.py").write_text(fault + "\n")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for line in ("train digits --epochs 1 --quiet --out run", "test run"):
        done = shell(f"chalkgrad {line}", tmp_path, PYTHONPATH=paths)
        assert done.returncode == 0
        assert done.stderr.count("\n") == 1
        assert "not drawn: confusion_matrix.png, misread.png" in done.stderr
        assert ".png" not in done.stdout
        assert all((tmp_path / "run" / name).exists() for name in SAVED)
        assert json.loads((tmp_path / "run" / "test.json").read_text())["samples"] == 359


def test_a_picture_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "spiral", "--epochs", "1", "--quiet", "--no-pictures", "--out", str(tmp_path)]) == 0
    (tmp_path / "confusion_matrix.png").mkdir()
    capsys.readouterr()
    assert main(["test", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "not drawn: confusion_matrix.png (CheckpointError" in said.err
    assert said.out.rstrip().endswith("test.json, decision_boundary.png")


@pytest.mark.parametrize("names", [("$a_", "b\\frac{"), ("a\nb", "\x1b[31mred"), ("$\\nothing$", "x^{")])
def test_names_of_classes_are_text_in_pictures(names: tuple[str, str]) -> None:
    images, truth, found = np.zeros((2, 1, 4, 4)), np.array([0, 1]), np.array([1, 0])
    for picture in (
        confusion_picture(np.array([[1, 2], [3, 4]]), names),
        misread_sheet(images, truth, found, np.array([0.9, 0.8]), names),
        misread_sheet(images, truth, found, None, names),
    ):
        assert picture.startswith(b"\x89PNG")


def test_names_of_classes_are_one_line_in_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {"x": rng.normal(size=(40, 2)), "y": np.arange(40) % 2}
    np.savez(tmp_path / "d.npz", **arrays, classes=np.array(["\x1b[31mred\n", "b"]))
    assert main(["train", str(tmp_path / "d.npz"), "--epochs", "1", "--quiet", "--no-pictures", "--out", str(tmp_path / "r")]) == 0  # fmt: skip
    assert main(["test", str(tmp_path / "r"), "--no-pictures"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31mred\\n" in out
