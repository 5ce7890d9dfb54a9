from __future__ import annotations

import os
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
