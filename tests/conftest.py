from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("chalkgrad", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("chalkgrad")


@pytest.fixture(scope="session")
def mnist_directory() -> Path:
    """Where the four MNIST files lie: the environment variable CHALKGRAD_MNIST."""
    place = os.environ.get("CHALKGRAD_MNIST")
    if not place:
        pytest.skip("CHALKGRAD_MNIST does not name a directory with the four MNIST files")
    return Path(place)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C is what Python makes of it, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
