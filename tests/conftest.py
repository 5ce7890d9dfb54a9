from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalkgrad.model import model
from chalkgrad.model.build import write_program
from chalkgrad.program import Program

settings.register_profile("chalkgrad", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("chalkgrad")


def pytest_collection_finish() -> None:
    """What collecting made, and what caches keep, stays to the end: to walk through it again and again took an eighth of
    the time of all tests."""
    _first_drawing()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@given(st.none())
def _first_drawing(_: None) -> None:
    """Hypothesis takes NumPy's generator into its care when it draws first, and asks the garbage collector who has it: that
    must not be frozen yet, or Hypothesis 6.100 does not repeat what it drew."""


def pytest_runtest_teardown() -> None:
    """A script of PyTorch's may leave float64 as the type of new tensors; the next test has it as it was."""
    if torch := sys.modules.get("torch"):
        torch.set_default_dtype(torch.float32)


def pytest_sessionfinish() -> None:
    """pytest collects garbage five times at the end; once finds what is there."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def mnist_directory() -> Path:
    """Where the four MNIST files lie: the environment variable CHALKGRAD_MNIST."""
    place = os.environ.get("CHALKGRAD_MNIST")
    if not place:
        pytest.skip("CHALKGRAD_MNIST does not name a directory with the four MNIST files")
    return Path(place)


@pytest.fixture(scope="session", autouse=True)
def _shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for the whole run, for all of its workers and never the user's: what one test compiled serves the others.

    With CHALKGRAD_TEST_CACHE=DIR it lies there, and serves later runs too. Tests of the cache itself set their own.
    """
    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # a worker's folder lies in the run's
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", os.environ.get("CHALKGRAD_TEST_CACHE") or str(place / "cache"))
        if "MPLCONFIGDIR" not in os.environ:  # its list of fonts takes seconds to make
            patch.setenv("MPLCONFIGDIR", str(place / "matplotlib"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _verified_programs() -> Iterator[None]:
    """Every program that a test has written is verified."""

    def verified(*arguments: Any, **settings: Any) -> Program:
        program = write_program(*arguments, **settings)
        program.verify()
        return program

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "write_program", verified)
        yield


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def one_thread_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long training takes one processor where others test beside it: threads that wait for each other would take both."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        monkeypatch.setenv("CHALKGRAD_THREADS", "1")


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C is what Python makes of it, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
