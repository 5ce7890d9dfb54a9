"""Processes of this machine that work on items; one that dies costs its item a try, and is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from .failure import DiedError, Failure

LOOK = 1.0
"""Seconds between two looks of a worker at whether the process that began it is still there."""


class Worker:
    """A process that waits for items, one after the other.

    Args:
        function: what it does with them.

    Attributes:
        place: the number of the item that it works on; None while it waits.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.place: int | None = None
        arguments = self.connection, theirs, function, os.getpid()
        self._process = multiprocessing.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # so that the connection ends when the process does

    def give(self, place: int, item: Any) -> None:
        """Gives it an item to work on. If it has died meanwhile, `answer` says so."""
        self.place = place
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send((item,))

    def answer(self) -> tuple[bool, Any]:
        """What came of the item: whether the function returned, and what it returned or raised.

        Raises:
            DiedError: where the process has died.
        """
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise DiedError(_how(self._process.exitcode)) from None
        self.place = None
        return answer

    def ask_to_end(self) -> None:
        """Asks the process to end: by a message where it waits for one, else by SIGTERM."""
        with contextlib.suppress(OSError):
            self.connection.send(())
        if self.place is not None:
            self._process.terminate()

    def end(self, seconds: float) -> None:
        """Waits for its end for so long, then kills it."""
        self.connection.close()
        self._process.join(max(seconds, 0.0))
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


class Pool:
    """Workers that share the items out among themselves.

    Args:
        function: what is done.
        count: the number of workers.
        retries: how often an item is tried again whose worker died.
        patience: how many seconds the workers get to finish when the work is broken off.
    """

    def __init__(self, function: Callable[[Any], Any], count: int, retries: int, patience: float) -> None:
        self._function, self._count, self._retries, self._patience = function, count, retries, patience
        self._workers: list[Worker] = []

    def map(self, items: Sequence[Any], tell: Callable[[Any, Any], None]) -> Iterator[Any]:
        """What came of each item, in their order; `tell` hears it in the order in which it comes.

        The workers stay for the next items. Where the work is broken off they are ended.
        """
        results: dict[int, Any] = {}
        waiting, tries = deque(range(len(items))), [0] * len(items)
        following = 0
        try:
            while len(self._workers) < self._count:
                self._workers.append(Worker(self._function))
            while following < len(items):
                for worker in self._workers:
                    if worker.place is None and waiting:
                        worker.give(place := waiting.popleft(), items[place])
                for worker in self._answering():
                    place = worker.place
                    assert place is not None
                    try:
                        returned, result = worker.answer()
                    except DiedError as error:
                        self._replace(worker)
                        tries[place] += 1
                        if tries[place] <= self._retries:
                            waiting.appendleft(place)
                            continue
                        returned, result = False, error
                    results[place] = result if returned else Failure(items[place], result)
                    tell(items[place], results[place])
                while following in results:
                    yield results.pop(following)
                    following += 1
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the workers; those that have something to do get their patience."""
        until = time.monotonic() + self._patience
        for worker in self._workers:
            worker.ask_to_end()
        for worker in self._workers:
            worker.end(until - time.monotonic() if worker.place is not None else LOOK)
        self._workers = []

    def _answering(self) -> list[Worker]:
        ready = wait([w.connection for w in self._workers if w.place is not None])
        return [w for w in self._workers if w.connection in ready]

    def _replace(self, worker: Worker) -> None:
        worker.end(0.0)
        self._workers[self._workers.index(worker)] = Worker(self._function)


def _serve(others: Connection, connection: Connection, function: Callable[[Any], Any], parent: int) -> None:
    """The work of a worker: items come in, and what came of them goes out, until nobody sends any.

    Args:
        others: the parent's end of the connection, of which a forked process has a copy: it would never see its end.
        connection: its own end.
        function: what it does with items.
        parent: the process that began it.
    """
    others.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return
        if not message:
            return
        try:
            answer: tuple[bool, Any] = True, function(*message)
        except Exception as error:
            answer = False, error
        try:
            connection.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # what cannot be sent
            connection.send((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with(parent: int) -> None:
    """Asks this process to end when the one that began it has, however it did."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


def _how(code: int | None) -> str:
    """How a process died, by its exit code."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = "; the system does that where memory runs out" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"
    return f"the process ended with exit code {code}"
