"""The threads that run a compiled program, and how a call finds its way to them and back.

No exception, interruption or fork, wherever it strikes, may leave a call half begun, or a lock held. So Python only
hands calls on, by queues that nobody holds, and the C side decides in one step who computes (`together` in prelude.c):
all threads of a call begin, or none; where one is missing, a single thread computes the parts of all.
"""

from __future__ import annotations

import ctypes
import os
import sys
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from ....base.errors import ChalkgradError

SOON = 1.0
"""Seconds after which the caller computes a call alone, if nobody has begun."""


def move_apart(number: int, count: int) -> None:
    """Moves this thread, of as many as there are processors, to one of its own, where it is not held.

    Threads that wake on one processor and wait for each other by turns, microseconds each, may stay together for tens
    of milliseconds: Linux moves no thread that ran just now.
    """
    if count == 1 or not hasattr(os, "sched_setaffinity"):
        return
    with suppress(OSError):
        processors = os.sched_getaffinity(0)  # 0: of this thread
        if count == len(processors):
            try:
                os.sched_setaffinity(0, {sorted(processors)[number]})
            finally:
                os.sched_setaffinity(0, processors)


class Meeting(ctypes.Structure):
    """The C side's notes on one call.

    Attributes:
        taken: whether somebody computes it.
        here: how many of its threads came; negative where they shall not begin.
        left: how many are done.
        ended: whether all is computed.
    """

    _fields_ = (("taken", ctypes.c_int), ("here", ctypes.c_int), ("left", ctypes.c_int), ("ended", ctypes.c_int))
    taken: int
    here: int
    left: int
    ended: int


class Call:
    """One call of a compiled program, until it has ended.

    Args:
        function: the library's `together`.
        state: the program's state.
        count: the number of threads that shall compute.
        owner: the owner of the buffers; it lives as long as somebody may compute in them.
    """

    def __init__(self, function: Callable[..., int], state: ctypes.Structure, count: int, owner: object) -> None:
        self.count = count
        self._function, self._state, self._owner = function, state, owner
        self._meeting = Meeting()
        self._done = allocate_lock()
        self._done.acquire()
        self._team = team()

    @property
    def ended(self) -> bool:
        """Whether all is computed."""
        return bool(self._meeting.ended)

    def compute(self, number: int, count: int) -> bool:
        """Computes, as one of so many threads; returns False where not all of them came."""
        return bool(self._function(ctypes.byref(self._meeting), ctypes.byref(self._state), number, count))

    def attend(self, number: int, count: int) -> bool:
        """Computes, as a thread for which others wait."""
        try:
            move_apart(number, count)
            return self.compute(number, count)
        except BaseException:
            self.call_off()
            raise

    def call_off(self) -> None:
        """Says that a thread will not come, which has not come so far: the others need not wait for it."""
        self._meeting.here = -self.count - 1

    def close(self) -> None:
        """Wakes whoever waits for the end."""
        with suppress(RuntimeError):  # it was closed before
            self._done.release()

    def run(self) -> BaseException | None:
        """Has it computed, and waits for its end, whatever comes; may be called again after an exception.

        Returns:
            What came on the way: a KeyboardInterrupt, or what another signal's handler raised. The program was then
            asked to end as soon as it can.
        """
        exception: BaseException | None = None
        asked = False
        while not self.ended:
            if self._team is not team():
                raise ChalkgradError("the process was forked by a signal's handler while the engine computed")
            try:
                if exception is not None:
                    self._state.stop = 1
                asked = asked or self._team.ask(self)
                if asked:
                    self._done.acquire(timeout=SOON)
                if not self.ended:
                    self.compute(0, 1)  # does nothing where others compute it
            except BaseException as error:
                exception = exception or error
        return exception


class Team:
    """Threads that compute: one that leads, since an interruption may strike the one that asks, and others."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._seat = [None]  # of the one that leads: there is one, and it is free again however that one ends
        self._others: list[SimpleQueue[tuple[Call, int, int] | None]] = []

    def ask(self, call: Call) -> bool:
        """Leaves a call to the team; asking twice does no harm.

        Returns:
            Whether there is somebody to take it.
        """
        if sys.is_finalizing():  # the threads are stopped, or will be when they next run Python
            return False
        if self._seat:
            try:
                start_new_thread(self._lead, ())
            except Exception:  # too many threads, or the interpreter is ending
                return False
        self._calls.put(call)
        return True

    def _lead(self) -> None:
        """Serves calls, one after another."""
        try:
            seat = self._seat.pop()
        except IndexError:  # another one was quicker
            return
        try:
            while True:
                call = self._calls.get()
                try:
                    self._compute(call)
                finally:
                    call.close()
                    del call
        finally:
            self._seat.append(seat)

    def _compute(self, call: Call) -> None:
        """Computes a call with as many threads as it wants, or as there can be."""
        if not call.ended and call.count > 1:
            try:
                count = self._pass_on(call)
            except BaseException:
                call.call_off()
                raise
            if count > 1 and not call.attend(0, count):
                self._dismiss()
        if not call.ended:
            call.compute(0, 1)

    def _pass_on(self, call: Call) -> int:
        """Passes a call on to the others; returns how many they are with this one."""
        with suppress(Exception):
            while len(self._others) < call.count - 1:
                inbox: SimpleQueue[tuple[Call, int, int] | None] = SimpleQueue()
                start_new_thread(_serve, (inbox,))
                self._others.append(inbox)
        inboxes = self._others[: call.count - 1]
        for number, inbox in enumerate(inboxes, 1):
            inbox.put((call, number, len(inboxes) + 1))
        return len(inboxes) + 1

    def _dismiss(self) -> None:
        """Lets the others go, since one of them did not come; the next call gets new ones."""
        inboxes, self._others = self._others, []
        for inbox in inboxes:
            inbox.put(None)


def _serve(inbox: SimpleQueue[tuple[Call, int, int] | None]) -> None:
    while (item := inbox.get()) is not None:
        call, number, count = item
        call.attend(number, count)
        del item, call  # nothing of it is kept


_team = Team()


def team() -> Team:
    """The threads of this process."""
    return _team


def _new_team() -> None:
    global _team
    _team = Team()


if hasattr(os, "register_at_fork"):  # a child process has none of its parent's threads
    os.register_at_fork(after_in_child=_new_team)
