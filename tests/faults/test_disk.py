"""A full or failing disk: every write, fsync and rename fails once; what was there before stays whole."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import many

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.train.checkpoints import checkpoint_files, newest

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((20, 4)).astype(np.float32), RNG.integers(0, 2, 20)
CALLS = ("open", "write", "fsync", "replace")
ERRORS = {errno.ENOSPC: "No space left", errno.EIO: "Input/output error", errno.EDQUOT: "quota"}
NUMBERS = [pytest.param(n, marks=[] if n == errno.ENOSPC else pytest.mark.long) for n in ERRORS]


class Failing:
    """Makes one call of a function of `os` fail; counts the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, at: int, number: int, lasting: bool) -> None:
        self.calls = 0
        function = getattr(os, name)

        def called(*arguments: Any, **named: Any) -> Any:
            place = str(arguments[0])
            if name == "open" and not (place.endswith(".part") or os.path.isdir(place)):
                return function(*arguments, **named)  # other files than those that are written
            self.calls += 1
            if self.calls == at or (lasting and self.calls > at):
                raise OSError(number, os.strerror(number))
            if name == "write" and len(arguments[1]) > 100:
                return function(arguments[0], arguments[1][:100])  # the system need not take all at once
            return function(*arguments, **named)

        monkeypatch.setattr(os, name, called)


def network(seed: int = 0) -> cg.Network:
    layers = [cg.Dense(3), cg.BatchNorm(), cg.ReLU(), cg.Dense(2), cg.Softmax()]
    return cg.Network(layers, input_shape=(4,), loss="CrossEntropy", seed=seed)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", CALLS)
def test_saving(tmp_path: Path, name: str, number: int, record: Callable[..., None]) -> None:
    first, second = network(0), network(1)
    trials = 0
    for at in range(1, 1000):
        place = tmp_path / str(at)
        first.save(place)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, name, at, number, lasting=False)
            said = ""
            try:
                second.save(place)
            except cg.CheckpointError as error:
                said = str(error)
        done = not said
        assert done or "cannot be saved in" in said
        found = cg.load(place).flat
        if failing.calls < at:
            assert done
            break
        trials += 1
        assert np.array_equal(found, first.flat) or np.array_equal(found, second.flat)
        assert done <= bool(np.array_equal(found, second.flat)), "said to be saved, and is not"
        assert not list(place.rglob("*.part"))
    assert trials >= 6
    record("Disk", f"{os.strerror(number)} at every {name} of saving over a saved network", trials,
           "an error, and the old network or the new one is there, whole")  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", [pytest.param(c, marks=pytest.mark.long if c == "write" else []) for c in CALLS])
def test_checkpoints(tmp_path: Path, name: str, number: int, record: Callable[..., None]) -> None:
    expected, trials = network(), 0
    expected.fit(X, Y, epochs=4, batch_size=10)
    for at in range(1, 10_000, many(3, 1)):
        place = tmp_path / str(at)
        net = network()
        with warnings.catch_warnings(record=True) as said, pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("always")
            failing = Failing(patch, name, at, number, lasting=False)
            try:
                net.fit(X, Y, epochs=4, batch_size=10, checkpoints=cg.Checkpoints(place, share=1e9))
            except cg.CheckpointError:
                assert name in ("open", "fsync")  # the directory itself cannot be made or opened, before the first step
                trials += 1
                continue
        assert np.array_equal(net.flat, expected.flat), "the training must go on"
        if failing.calls < at:
            assert not said
            break
        trials += 1
        assert [w for w in said if w.category is cg.CheckpointWarning]
        again = network()
        assert newest(place).table["history"]["steps"] in (0, 2, 4, 6, 8)
        again.fit(X, Y, epochs=4, batch_size=10, resume=place)
        assert np.array_equal(again.flat, expected.flat)
        assert not list(place.rglob("*.part"))
        assert len(checkpoint_files(place)) <= 3
    assert trials
    record("Disk", f"{os.strerror(number)} at every {name} of a training's checkpoints", trials,
           "a warning, the training goes on, an earlier checkpoint is there to resume from")  # fmt: skip


@pytest.mark.long
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], record: Callable[..., None]) -> None:
    """The disk is full from some moment on, and stays so."""
    command = ["train", "spiral", "--epochs", "2", "--quiet", "--no-pictures", "--out"]
    trials = 0
    for at in range(1, 1000, many(9, 1)):
        out = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, "write", at, errno.ENOSPC, lasting=True)
            code = main([*command, str(out)])
        said = capsys.readouterr().err
        if failing.calls < at:
            assert code == 0
            break
        trials += 1
        assert code == 2
        assert "No space left on device" in said
        assert "Traceback" not in said
        assert not list(out.rglob("*.part"))
        assert main([*command, str(out)]) == 0  # with space again
        capsys.readouterr()
    assert trials
    record("Disk", "full from a write of `chalkgrad train` on", trials,
           "one line and exit code 2; with space again it trains as ever")  # fmt: skip
