"""SIGKILL at any point of training and saving: no run is lost, and nothing stale is left after a restart."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import many

import chalkgrad as cg
from chalkgrad.files import writing as files
from chalkgrad.model.saved import clear_weights
from chalkgrad.runs import directory as run_directory
from chalkgrad.train.checkpoints import checkpoint_files, newest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((60, 8)).astype(np.float32), RNG.integers(0, 3, 60)
CALLS = ("open", "write", "fsync", "replace", "unlink", "close", "mkdir", "rmdir")


def network() -> cg.Network:
    return cg.Network([cg.Dense(16), cg.ReLU(), cg.Dense(3), cg.Softmax()], input_shape=(8,), loss="CrossEntropy")


def train(place: Path, epochs: int) -> cg.Network:
    """One life of the training: from the newest checkpoint, if there is one, to the end; then it is saved."""
    net, checkpoints = network(), place / "checkpoints"
    resume = checkpoints if checkpoint_files(checkpoints) else None
    files.make_directory(place)
    with files.locked(place, "another training"):
        run_directory.prepare(place)
        files.clear_stale(place)
        clear_weights(place)
        kept = cg.Checkpoints(checkpoints, share=1e9)
        net.fit(X, Y, optimizer="Adam", epochs=epochs, validation=0.2, checkpoints=kept, resume=resume)
        net.save(place)
    return net


def killed(place: Path, epochs: int, *, after: float | None = None, call: int | None = None) -> bool:
    """Trains in a process of its own, which is killed after some seconds, or at a system call; whether it was."""
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            if call is not None:
                _kill_at(call)
            train(place, epochs)
            os._exit(0)
        os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the training failed"
    return os.WIFSIGNALED(status)


def _kill_at(call: int) -> None:
    """Kills this process before its next system call but `call`; every second time a write is half done."""
    left = call

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if not left:
                if function is write and call % 2:
                    write(arguments[0], memoryview(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return function(*arguments, **named)

        return called

    write = os.write
    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def check(place: Path, before: int) -> int:
    """What must hold after a kill: the training is where it was or further, and a saved network is whole."""
    checkpoints = place / "checkpoints"
    steps = newest(checkpoints).table["history"]["steps"] if checkpoint_files(checkpoints) else 0
    assert steps >= before, "steps were lost"
    if (place / "network.toml").exists():
        cg.load(place)
    return steps


def stale(place: Path) -> list[Path]:
    whole = {"checkpoints", "network.toml"}
    extra = [p for p in place.iterdir() if p.name not in whole and not p.name.startswith("weights-")]
    extra += list(place.glob("weights-*"))[1:] + list(place.rglob("*.part"))
    return extra + [p for p in (place / "checkpoints").iterdir() if not p.name.endswith(".checkpoint")]


@pytest.mark.long
def test_killed_at_every_system_call(tmp_path: Path, record: Callable[..., None]) -> None:
    expected = train(tmp_path / "whole", 3)
    step, points = many(13, 1), 0
    for call in range(0, 10_000, step):
        place = tmp_path / "run"
        if not killed(place, 3, call=call):
            break
        points += 1
        before = check(place, 0) if place.exists() else 0
        if points % 2 and place.exists():  # and killed once more, on the way from there
            killed(place, 3, call=call // 2)
            points += 1
            check(place, before)
        again = train(place, 3)
        assert np.array_equal(again.flat, expected.flat)
        assert np.array_equal(cg.load(place).flat, expected.flat)
        assert not stale(place)
        for file in [*place.rglob("*")][::-1]:
            file.unlink() if file.is_file() else file.rmdir()
        place.rmdir()
    assert points > 10
    record("SIGKILL", "before every call that opens, writes, flushes, renames or deletes, and again on the way on", points,
           "0 runs lost, 0 stale files after the restart, the final weights bit for bit the same")  # fmt: skip


def test_killed_at_any_time(tmp_path: Path, record: Callable[..., None]) -> None:
    epochs, trials, lives = 40, many(12, 1000), 0
    begun = time.perf_counter()
    expected = train(tmp_path / "whole", epochs)
    whole = time.perf_counter() - begun
    chance = random.Random(3)
    kills = 0
    while kills < trials:
        lives += 1
        place, before = tmp_path / f"life {lives}", 0
        for _ in range(8):
            if not killed(place, epochs, after=chance.uniform(0.002, whole / 2)):
                break
            kills += 1
            before = check(place, before) if place.exists() else 0
        again = train(place, epochs)
        assert np.array_equal(again.flat, expected.flat)
        assert not stale(place)
    outcome = (
        f"in {lives} trainings 0 runs lost, 0 stale files after the restart, the final weights bit for bit the same"
    )
    record("SIGKILL", "at random moments, up to 8 in one training", kills, outcome)
