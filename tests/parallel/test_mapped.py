"""One function over many items: order, failures, and processes that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from chalkgrad.base.errors import OptionError
from chalkgrad.parallel.failure import DiedError, Failure
from chalkgrad.parallel.mapped import mapped


class OddError(ValueError):
    """Raised for odd numbers."""


def halved(number: int) -> int:
    if number % 2:
        raise OddError(f"{number} is odd")
    time.sleep(0.02 if number == 0 else 0.0)  # the first comes last
    return number // 2


def killed_once(folder: Path, number: int) -> int:
    mark = folder / str(number)
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * number


def always_killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def where(_: int) -> int:
    return os.getpid()


def returns_a_function(_: int) -> object:
    return lambda: 0


@pytest.mark.parametrize("workers", [0, 1, 2, 9])
def test_results_come_in_order_and_failures_in_their_places(workers: int) -> None:
    heard: list[tuple[int, object]] = []
    results = list(mapped(halved, [0, 2, 3, 4], workers=workers, done=lambda i, r: heard.append((i, r))))
    assert results[:2] == [0, 1]
    assert results[3] == 2
    failure = results[2]
    assert isinstance(failure, Failure)
    assert (failure.item, str(failure), type(failure.error)) == (3, "3 is odd", OddError)
    assert sorted(i for i, _ in heard) == [0, 2, 3, 4]


def test_nothing_to_do() -> None:
    assert list(mapped(halved, [], workers=2)) == []


def test_a_process_that_was_killed_is_replaced_and_its_item_done_again(tmp_path: Path) -> None:
    assert list(mapped(partial(killed_once, tmp_path), range(6), workers=2, retries=1)) == [0, 10, 20, 30, 40, 50]


def test_an_item_that_kills_every_process_fails_alone() -> None:
    results = list(mapped(always_killed, range(4), workers=2, retries=1))
    assert [r for r in results if not isinstance(r, Failure)] == [0, 2, 3]
    failure = results[1]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, DiedError)
    assert "SIGKILL" in str(failure)


def test_two_workers_are_two_processes_and_none_is_this_one() -> None:
    assert os.getpid() not in set(mapped(where, range(4), workers=2))
    assert set(mapped(where, range(4), workers=0)) == {os.getpid()}


def test_what_cannot_be_sent_back_is_a_failure() -> None:
    (failure,) = mapped(returns_a_function, [0], workers=1)
    assert isinstance(failure, Failure)


def test_workers_is_a_number() -> None:
    with pytest.raises(OptionError, match="workers must be a whole number"):
        mapped(halved, [0], workers=-1)


SCRIPT = """
import os, time
from chalkgrad.parallel.mapped import mapped

def work(n):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)

list(mapped(work, range(2), workers=2))
"""


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_workers_end_with_the_process_that_began_them(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(number)
    _, complaints = process.communicate(timeout=60)  # it ends when the last process has closed the pipe
    workers = [int(line) for line in lines if line.strip().isdecimal()]
    assert len(workers) == 2, (lines, complaints)
    until = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, workers))
