"""The same map on a Ray cluster: order, failures, and workers that die."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalkgrad.base.errors import OptionError
from chalkgrad.parallel.crew import crew
from chalkgrad.parallel.failure import DiedError, Failure
from chalkgrad.parallel.mapped import mapped
from ray_here import local_cluster

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with local_cluster(path=str(Path(__file__).parent)):
        yield


def halved(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def killed(folder: Path, always: bool, number: int) -> int:
    mark = folder / str(number)
    if number == 2 and (always or not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * number


def test_results_come_in_order_and_failures_in_their_places() -> None:
    heard: list[tuple[int, object]] = []
    results = list(mapped(halved, [0, 2, 3, 4], ray="auto", done=lambda i, r: heard.append((i, r))))
    failure = results.pop(2)
    assert results == [0, 1, 2]
    assert isinstance(failure, Failure)
    assert (failure.item, type(failure.error), str(failure)) == (3, ValueError, "3 is odd")
    assert sorted(i for i, _ in heard) == [0, 2, 3, 4]


@pytest.mark.parametrize("always", [False, True])
def test_a_worker_that_was_killed(tmp_path: Path, always: bool) -> None:
    results = list(mapped(partial(killed, tmp_path, always), range(4), ray="auto", retries=1))
    if not always:
        assert results == [0, 10, 20, 30]
    else:
        failure = results.pop(2)
        assert results == [0, 10, 30]
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, DiedError)


def test_a_cluster_that_is_too_small() -> None:
    with pytest.raises(OptionError, match=r"has 2 processors, and 3 are asked for"):
        list(mapped(halved, [0], ray="auto", processors=3))
    with pytest.raises(OptionError, match=r"has 2 processors, and 3 are asked for"):
        crew(lambda: halved, 3, "auto")


def test_where_there_is_no_cluster() -> None:
    import ray

    ray.shutdown()
    for address in ("auto", "127.0.0.1:9", "127.0.0.1:99999", "nonsense", "no such host.invalid:1"):
        with pytest.raises(OptionError, match=f"no Ray cluster at {address!r}"):
            list(mapped(halved, [0], ray=address))


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.import_module

    def none(name: str, *more: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return found(name, *more)

    monkeypatch.setattr("importlib.import_module", none)
    with pytest.raises(OptionError, match=r"pip install 'chalkgrad\[ray\]'"):
        list(mapped(halved, [0], ray="auto"))
