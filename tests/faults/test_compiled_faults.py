"""The compiled engine where its files are damaged and its threads fail: the same numbers come, or an exception."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from trials import many

import chalkgrad as cg
from chalkgrad.engines.c import cache, compiler, workers

pytestmark = pytest.mark.skipif(not compiler.available(), reason="there is no C compiler")
RNG = np.random.default_rng(0)
X, Y = RNG.random((2000, 32)).astype(np.float32), RNG.integers(0, 4, 2000)


def computed() -> bytes:
    """The weights after a training by three threads, and a prediction with them."""
    layers = [cg.Dense(40), cg.ReLU(), cg.Dense(4), cg.Softmax()]
    net = cg.Network(layers, input_shape=32, loss="CrossEntropy", seed=0)
    net.fit(X, Y, optimizer="Adam", epochs=2, batch_size=500, engine="compiled")
    return net.flat.tobytes() + net.predict(X, engine="compiled").tobytes()


def test_damaged_compiled_files(own_cache: Path, record: Callable[[str, str, int, str], None]) -> None:
    """A flipped bit, a part set to zero, the end cut off or something added: nothing of it is loaded."""
    expected, chance = computed(), random.Random(0)
    place = own_cache / "chalkgrad" / "compiled"
    contents = {path: path.read_bytes() for path in place.iterdir()}
    trials = many(20, 2000)
    for trial in range(trials):
        for path, content in contents.items():
            at, end = sorted(chance.sample(range(len(content)), 2))
            flipped = bytes([content[at] ^ 1 << chance.randrange(8)])
            mode = path.stat().st_mode
            path.unlink()  # the file that this process has loaded stays whole
            path.write_bytes(
                (
                    content[:at] + flipped + content[at + 1 :],
                    content[:at] + bytes(end - at) + b"\1" + content[end + 1 :],
                    content[:at],
                    content + content[at:end],
                )[trial % 4]
            )
            path.chmod(mode)
            assert cache.taken_from(place, path.name) is None
    again = computed()
    assert again == expected
    assert all(cache.taken_from(place, path.name) is not None for path in contents)
    record("Damage", f"bits flipped, parts zeroed, ends cut off and added of {len(contents)} compiled files",
           trials * len(contents), "0 loaded; compiled again, the same bits")  # fmt: skip


def test_threads_that_fail(monkeypatch: pytest.MonkeyPatch, record: Callable[[str, str, int, str], None]) -> None:
    """At random, of the threads that are begun: one cannot start, or raises as it begins."""
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    monkeypatch.setattr(workers, "SOON", 0.05)
    monkeypatch.setattr(workers, "_team", workers.Team())
    expected, chance = computed(), random.Random(0)
    start, move = workers.start_new_thread, workers.move_apart
    begun = came = failed = 0

    def start_some(*arguments: object) -> int:
        nonlocal begun, failed
        if chance.random() < 0.3:
            failed += 1
            raise RuntimeError("can't start new thread")
        begun += 1
        return start(*arguments)

    def move_some(own: int, count: int) -> None:
        nonlocal came, failed
        came += 1
        if chance.random() < 0.2:
            failed += 1
            raise MemoryError
        move(own, count)

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # what the threads raise
    monkeypatch.setattr(workers, "start_new_thread", start_some)
    monkeypatch.setattr(workers, "move_apart", move_some)
    trials = many(10, 500)
    for _ in range(trials):
        workers._new_team()
        assert computed() == expected
    assert failed
    end = time.monotonic() + 10
    while came < begun and time.monotonic() < end:  # a late one would raise in another test
        time.sleep(0.05)
    time.sleep(0.1)
    record("Threads", "of three, some at random that cannot start or raise, in a training and a prediction", trials,
           f"{failed} threads failed, every weight and prediction the same bits")  # fmt: skip
